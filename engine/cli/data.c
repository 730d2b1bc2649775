#include "data.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

static bool make_folders(char *path) {
    for (char *slash = path + 1;; slash++) {
        if (*slash && *slash != '/') continue;
        char was = *slash;
        *slash = 0;
        if (mkdir(path, 0700) && errno != EEXIST) {
            fprintf(stderr, "potline: cannot make the folder %s: %s\n", path, strerror(errno));
            return false;
        }
        *slash = was;
        if (!was) return true;
    }
}

char *pl_cli_data_folder(const char *given, const char *name) {
    char path[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length;
    if (given) length = snprintf(path, sizeof path, "%s", given);
    else if (state && *state) length = snprintf(path, sizeof path, "%s/potline/%s", state, name);
    else length = snprintf(path, sizeof path, "%s/.local/state/potline/%s", home ? home : "", name);
    if (length < 1 || length >= (int)sizeof path) {
        fprintf(stderr, "potline: the name of the data folder is too long\n");
        return NULL;
    }
    return make_folders(path) ? pl_strdup(path) : NULL;
}

char *pl_cli_data_temporary(void) {
    char path[PATH_MAX];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/potline-XXXXXX", folder && *folder ? folder : "/tmp");
    if (mkdtemp(path)) return pl_strdup(path);
    fprintf(stderr, "potline: cannot make a temporary folder %s: %s\n", path, strerror(errno));
    return NULL;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

bool pl_cli_data_remove(const char *folder) {
    char store[PATH_MAX];
    struct stat st;
    if (snprintf(store, sizeof store, "%s/store", folder) >= (int)sizeof store) return false;
    if (stat(store, &st) == 0 && nftw(store, remove_entry, 16, FTW_DEPTH | FTW_PHYS)) {
        fprintf(stderr, "potline: cannot empty %s: %s\n", folder, strerror(errno));
        return false;
    }
    return rmdir(folder) == 0 || errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT;
}
