#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder that `path` is in. */
static bool sync_parent(const char *path) {
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash) slash[slash == parent] = 0;
    int fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0) close(fd);
    errno = why;
    return good;
}

static bool make_one(const char *path) {
    if (mkdir(path, 0700)) return errno == EEXIST;
    return sync_parent(path);
}

enum pl_code pl_folders_make(const char *path, struct pl_error **error) {
    char part[PATH_MAX];
    if (!*path) return pl_error_set(error, PL_USAGE, "\"\": not a folder's name");
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return pl_error_set(error, PL_USAGE, "%s: the path is too long", path);
    for (size_t length = strlen(part); length > 1 && part[length - 1] == '/';)
        part[--length] = 0;
    for (char *at = part + 1;; at++) {
        if ((*at != '/' || at[-1] == '/') && *at != 0) continue;
        char end = *at;
        *at = 0;
        if (!make_one(part)) return pl_error_set(error, PL_IO, "%s: cannot be made: %s", part, strerror(errno));
        *at = end;
        if (!end) return PL_OK;
    }
}
