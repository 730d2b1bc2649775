/* seal_folder.c: under which key the database of a folder is, asked before RocksDB touches anything. The headers tell;
 * nothing beside the files has to be believed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/seal.h"

bool pl__seal_is_kept(const char *name) {
    return name[0] != '.' && strcmp(name, "LOCK") != 0 && strncmp(name, "LOG", 3) != 0;
}

struct look {
    const char *path, *name; /* the data folder, and a file of its database */
    const struct pl_store_key *key;
    bool first; /* no other file has been seen to be right */
    struct pl_error **error;
};

static enum pl_code damaged(const struct look *look, const char *why) {
    return pl_error_set(look->error, PL_CORRUPT, "%s: damaged: store/%s %s", look->path, look->name, why);
}

static enum pl_code clear(const struct look *look) {
    if (!look->key) return PL_OK;
    if (!look->first) return damaged(look, "is written in the clear, unlike the others");
    return pl_error_set(look->error, PL_USAGE,
                        "%s: written in the clear, and the key %s is given; \"potline keys encrypt\" encrypts it",
                        look->path, pl_store_key_id(look->key));
}

static enum pl_code other(const struct look *look, const char *key_id) {
    if (!look->first) return damaged(look, "is encrypted with another key than the others");
    if (look->key)
        return pl_error_set(look->error, PL_USAGE, "%s: encrypted with the key %s; the key that is given is %s",
                            look->path, key_id, pl_store_key_id(look->key));
    return pl_error_set(look->error, PL_USAGE, "%s: encrypted with the key %s; no key is given", look->path, key_id);
}

/* A write-ahead log whose header the loss of power has cut short holds nothing. */
static bool is_torn_log(const char *name, ssize_t size) {
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, ".log") == 0 && size < PL__SEAL;
}

/* A file that is gone meanwhile, or has nothing in it yet, is as it should be: somebody writes. */
static enum pl_code check_file(int folder, struct look *look, bool *any) {
    char header[PL__SEAL];
    struct pl__seal seal;
    int fd = openat(folder, look->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) return PL_OK;
    ssize_t size = fd < 0 ? -1 : pread(fd, header, sizeof header, 0);
    int failed = errno;
    if (fd >= 0) close(fd);
    if (size < 0) return pl_error_set(look->error, PL_IO, "%s: store/%s: %s", look->path, look->name, strerror(failed));
    if (size == 0) return PL_OK;
    *any = true;
    enum pl_code code = PL_OK;
    switch (pl__seal_look(look->key, header, (size_t)size, &seal)) {
    case PL__SEAL_OURS: break;
    case PL__SEAL_NONE: code = clear(look); break;
    case PL__SEAL_OTHER: code = other(look, seal.key_id); break;
    case PL__SEAL_DAMAGED:
        if (!is_torn_log(look->name, size)) code = damaged(look, "has no whole header");
        break;
    }
    look->first = false;
    return code;
}

static enum pl_code check_files(DIR *files, struct look *look, bool *any) {
    look->name = "CURRENT"; /* without it there is no database */
    enum pl_code code = check_file(dirfd(files), look, any);
    for (struct dirent *entry; !code && (entry = readdir(files));) {
        look->name = entry->d_name;
        bool ordinary = entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
        if (ordinary && pl__seal_is_kept(entry->d_name)) code = check_file(dirfd(files), look, any);
    }
    return code;
}

enum pl_code pl__seal_check_folder(const char *path, const char *folder, const struct pl_store_key *key, bool *any,
                                   struct pl_error **error) {
    bool found = false;
    struct look look = {.path = path, .key = key, .first = true, .error = error};
    if (any) *any = false;
    DIR *files = opendir(folder);
    if (!files && (errno == ENOENT || errno == ENOTDIR)) return PL_OK;
    if (!files) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    enum pl_code code = check_files(files, &look, &found);
    closedir(files);
    if (any) *any = found;
    return code;
}
