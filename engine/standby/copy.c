#include "standby/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

struct file {
    char *name;
    uint64_t size;
};

struct pl__copy {
    char *data, *path; /* the data folder, and the copy's */
    struct file *files;
    unsigned count;
    int open; /* the file that was read last; -1: none */
    unsigned open_file;
};

/* ---- Its files ---- */

static int is_file(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static bool add_file(struct pl__copy *copy, const char *name) {
    char path[PATH_MAX];
    struct stat info;
    if (snprintf(path, sizeof path, "%s/%s", copy->path, name) >= (int)sizeof path || stat(path, &info)) return false;
    copy->files[copy->count] = (struct file){pl_strdup(name), (uint64_t)info.st_size};
    return copy->files[copy->count].name && ++copy->count;
}

static enum pl_code list_files(struct pl__copy *copy, struct pl_error **error) {
    struct dirent **found;
    int count = scandir(copy->path, &found, is_file, alphasort);
    if (count < 0) return pl_error_set(error, PL_IO, "%s: %s", copy->path, strerror(errno));
    copy->files = pl_alloc((size_t)(count + 1) * sizeof *copy->files);
    bool good = copy->files != NULL;
    for (int i = 0; i < count; i++) {
        good = good && add_file(copy, found[i]->d_name);
        free(found[i]);
    }
    free(found);
    return good ? PL_OK : pl_error_set(error, PL_IO, "%s: its files could not be listed", copy->path);
}

/* ---- Life ---- */

/* Everything in memory is written out first, so that there is little log in it to be gone through at the other end. */
static enum pl_code make(struct pl_store *store, const char *path, struct pl_error **error) {
    char *message = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(store->db, &message);
    if (checkpoint) rocksdb_checkpoint_create(checkpoint, path, 0, &message);
    if (checkpoint) rocksdb_checkpoint_object_destroy(checkpoint);
    return pl_store_error(store, "copying for a standby", message, error);
}

enum pl_code pl__copy_new(struct pl_store *store, struct pl__copy **copy, struct pl_error **error) {
    char path[PATH_MAX];
    struct pl__copy *c = *copy = PL_NEW(struct pl__copy);
    bool fits = snprintf(path, sizeof path, "%s/" PL_STORE_COPY, store->path) < (int)sizeof path;
    if (c) c->open = -1;
    if (!c || !fits || !(c->data = pl_strdup(store->path)) || !(c->path = pl_strdup(path))) {
        pl__copy_free(c);
        *copy = NULL;
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a copy");
    }
    enum pl_code code = pl_store_copy_remove(store->path, error); /* of a session before */
    if (!code) code = make(store, path, error);
    if (!code) code = list_files(c, error);
    if (!code) return PL_OK;
    pl__copy_free(c);
    *copy = NULL;
    return code;
}

void pl__copy_free(struct pl__copy *copy) {
    if (!copy) return;
    if (copy->open >= 0) close(copy->open);
    if (copy->path) pl_store_copy_remove(copy->data, NULL);
    for (unsigned i = 0; i < copy->count; i++)
        pl_free(copy->files[i].name);
    pl_free(copy->files);
    pl_free(copy->path);
    pl_free(copy->data);
    pl_free(copy);
}

/* ---- Reading ---- */

unsigned pl__copy_count(const struct pl__copy *copy) {
    return copy->count;
}

const char *pl__copy_name(const struct pl__copy *copy, unsigned file) {
    return copy->files[file].name;
}

uint64_t pl__copy_size(const struct pl__copy *copy, unsigned file) {
    return copy->files[file].size;
}

static bool open_file(struct pl__copy *copy, unsigned file) {
    char path[PATH_MAX];
    if (copy->open >= 0 && copy->open_file == file) return true;
    if (copy->open >= 0) close(copy->open);
    copy->open = -1;
    if (snprintf(path, sizeof path, "%s/%s", copy->path, copy->files[file].name) < (int)sizeof path)
        copy->open = open(path, O_RDONLY | O_CLOEXEC);
    copy->open_file = file;
    return copy->open >= 0;
}

enum pl_code pl__copy_read(struct pl__copy *copy, unsigned file, uint64_t offset, void *bytes, size_t room,
                           size_t *size, struct pl_error **error) {
    uint64_t left = offset < copy->files[file].size ? copy->files[file].size - offset : 0;
    size_t wanted = left < room ? (size_t)left : room;
    *size = 0;
    bool good = open_file(copy, file);
    while (good && *size < wanted) {
        ssize_t got = pread(copy->open, (char *)bytes + *size, wanted - *size, (off_t)(offset + *size));
        good = got > 0 || (got < 0 && errno == EINTR);
        if (got > 0) *size += (size_t)got;
    }
    if (good) return PL_OK;
    return pl_error_set(error, PL_IO, "%s/%s: %s", copy->path, copy->files[file].name, strerror(errno));
}
