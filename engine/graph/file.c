/* file.c: reading files with a limit. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

static const char *reason_of(int error) {
    switch (error) {
    case ENOENT: return "no such file";
    case EACCES: return "not readable for this user";
    case ENAMETOOLONG: return "its name is too long";
    case ELOOP: return "its symbolic links run in a circle";
    default: return strerrordesc_np(error);
    }
}

/* One byte more than the limit is asked for, to tell a full file from one too large. */
static bool read_all(int fd, struct pl_file *file, const char **reason) {
    size_t room = 0;
    for (;;) {
        if (room - file->length < 2) {
            room = room ? room * 2 : 64 * 1024;
            char *text = pl_realloc(file->text, room);
            *reason = "out of memory";
            if (!text) return false;
            file->text = text;
        }
        ssize_t n = read(fd, file->text + file->length, room - file->length - 1);
        if (n < 0 && errno == EINTR) continue;
        *reason = n < 0 ? reason_of(errno) : NULL;
        if (n <= 0) return n == 0;
        file->length += (size_t)n;
        *reason = "larger than 16 MiB";
        if (file->length > PL_FILE_SIZE_MAX) return false;
    }
}

static bool read_open(int fd, bool pipe, struct pl_file *file, const char **reason) {
    struct stat about;
    *reason = "not readable";
    if (fstat(fd, &about) != 0) return false;
    *reason = S_ISDIR(about.st_mode) ? "a folder" : "not a regular file";
    if (S_ISDIR(about.st_mode) || (!S_ISREG(about.st_mode) && !pipe)) return false;
    file->device = about.st_dev;
    file->inode = about.st_ino;
    return read_all(fd, file, reason);
}

static int open_input(const char *path, bool pipe) {
    if (pipe && strcmp(path, "-") == 0) return dup(STDIN_FILENO);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (pipe ? 0 : O_NONBLOCK));
}

bool pl__file_read(const char *path, bool pipe, struct pl_file *file, const char **reason) {
    *file = (struct pl_file){0};
    int fd = open_input(path, pipe);
    if (fd < 0) {
        *reason = reason_of(errno);
        return false;
    }
    bool good = read_open(fd, pipe, file, reason);
    close(fd);
    if (good) {
        file->text[file->length] = 0;
    } else {
        pl_free(file->text);
        file->text = NULL;
    }
    return good;
}

const char *pl__file_beside(struct pl_arena *arena, const char *from, const char *path) {
    const char *slash = strrchr(from, '/');
    if (path[0] == '/' || !slash) return pl__arena_text(arena, path, strlen(path));
    return pl__arena_print(arena, "%.*s/%s", (int)(slash - from), from, path);
}

enum { NEIGHBOURS = 256 };

static unsigned neighbours(const char *folder, char **names) {
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && count < NEIGHBOURS && (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && (names[count] = pl_strdup(entry->d_name))) count++;
    if (dir) closedir(dir);
    return count;
}

bool pl__file_nearest(const char *path, char *nearest, size_t room) {
    char folder[PATH_MAX], *names[NEIGHBOURS];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int before = (int)(name - path);
    if (before >= PATH_MAX) return false;
    snprintf(folder, sizeof folder, "%.*s", slash ? before : 1, slash ? path : ".");
    unsigned count = neighbours(folder, names);
    const char *found = pl_text_nearest(name, (const char *const *)names, count);
    bool fits = found && snprintf(nearest, room, "%.*s%s", before, path, found) < (int)room;
    while (count)
        pl_free(names[--count]);
    return fits;
}
