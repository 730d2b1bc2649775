#include "store/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "base/fault.h"

enum { FLUSHED = 64 << 20 /* what stands in memory is written out first */, DEPTH = 2 };

static const char snapshot_folder[] = "snapshot";

/* A folder in `parent` with all that is in it. */
static int remove_all(int parent, const char *name, int depth) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : -1;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (unlinkat(fd, entry->d_name, 0) && depth) (void)remove_all(fd, entry->d_name, depth - 1);
    }
    closedir(folder);
    return unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT ? -1 : 0;
}

enum pl_code pl_store_snapshot_remove(const char *data, struct pl_error **error) {
    int parent = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) return PL_OK;
    bool removed = remove_all(parent, snapshot_folder, DEPTH) == 0;
    int why = errno;
    close(parent);
    return removed ? PL_OK : pl_error_set(error, PL_IO, "%s/%s: not removed: %s", data, snapshot_folder, strerror(why));
}

static char *path_of(const char *data) {
    size_t length = strlen(data);
    char *path = pl_alloc(length + 1 + sizeof snapshot_folder);
    if (path) sprintf(path, "%s/%s", data, snapshot_folder);
    return path;
}

static enum pl_code make(struct pl_store *store, const char *path, struct pl_error **error) {
    char database[PATH_MAX], *message = NULL;
    if (snprintf(database, sizeof database, "%s/store", path) >= (int)sizeof database)
        return pl_error_set(error, PL_USAGE, "%s: the path is too long", path);
    if (mkdir(path, 0700)) return pl_error_set(error, PL_IO, "%s: cannot be made: %s", path, strerror(errno));
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(store->db, &message);
    if (!message) rocksdb_checkpoint_create(checkpoint, database, 0, &message);
    if (checkpoint) rocksdb_checkpoint_object_destroy(checkpoint);
    PL_FAULT("snapshot.made");
    return message ? pl_store_error(store, "a snapshot", message, error) : PL_OK;
}

enum pl_code pl_store_snapshot(struct pl_store *store, char **path, struct pl_error **error) {
    *path = path_of(store->path);
    if (!*path) return pl_error_set(error, PL_NO_MEMORY, "%s: out of memory", store->path);
    enum pl_code code = pl_store_room(store, FLUSHED, error);
    if (!code) code = pl_store_snapshot_remove(store->path, error);
    if (!code) code = make(store, *path, error);
    if (!code) return PL_OK;
    pl_store_snapshot_remove(store->path, NULL);
    pl_free(*path);
    *path = NULL;
    return code;
}
