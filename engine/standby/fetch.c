#include "standby/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "standby/serve_impl.h"

enum { PATH = PATH_MAX };

static enum pl_code failed(const struct pl__fetch *fetch, const char *what, struct pl_error **error) {
    enum pl_code code = errno == ENOSPC || errno == EDQUOT ? PL_UNAVAILABLE : PL_IO;
    return pl_error_set(error, code, "%s: the copy of the engine's folder: %s: %s", fetch->data, what, strerror(errno));
}

static bool path_of(const struct pl__fetch *fetch, const char *below, char path[PATH]) {
    return snprintf(path, PATH, "%s/%s", fetch->data, below) < PATH;
}

enum pl_code pl__fetch_begin(struct pl__fetch *fetch, const char *data, struct pl_error **error) {
    char path[PATH];
    *fetch = (struct pl__fetch){.data = data, .folder = -1, .open = -1};
    if (!path_of(fetch, PL_STORE_COPY, path)) return pl_error_set(error, PL_LIMIT, "%s: the path is too long", data);
    enum pl_code code = pl_store_copy_remove(data, error);
    if (code) return code;
    if (mkdir(path, 0700)) return failed(fetch, "its folder", error);
    if (!path_of(fetch, PL_STORE_COPY "/store", path)) return pl_error_set(error, PL_LIMIT, "%s: too long", data);
    if (mkdir(path, 0700)) return failed(fetch, "its folder", error);
    fetch->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fetch->folder >= 0 ? PL_OK : failed(fetch, "its folder", error);
}

static void close_all(struct pl__fetch *fetch) {
    if (fetch->open >= 0) close(fetch->open);
    if (fetch->folder >= 0) close(fetch->folder);
    fetch->open = fetch->folder = -1;
}

void pl__fetch_end(struct pl__fetch *fetch) {
    close_all(fetch);
    if (fetch->data) pl_store_copy_remove(fetch->data, NULL);
    *fetch = (struct pl__fetch){.folder = -1, .open = -1};
}

/* ---- Pieces ---- */

static bool write_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

/* The file that begins with this piece. */
static bool open_file(struct pl__fetch *fetch, const struct pl__wire *piece) {
    char name[PL__WIRE_NAME_MAX + 1];
    memcpy(name, piece->bytes[PL__PIECE_NAME].data, piece->bytes[PL__PIECE_NAME].size);
    name[piece->bytes[PL__PIECE_NAME].size] = 0;
    fetch->open = openat(fetch->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fetch->open >= 0;
}

static bool close_file(struct pl__fetch *fetch) {
    bool good = fsync(fetch->open) == 0;
    good &= close(fetch->open) == 0;
    fetch->open = -1;
    fetch->offset = 0;
    fetch->file++;
    return good;
}

enum pl_code pl__fetch_take(struct pl__fetch *fetch, const struct pl__wire *piece, struct pl_error **error) {
    const void *bytes = piece->bytes[PL__PIECE_BYTES].data, *name = piece->bytes[PL__PIECE_NAME].data;
    size_t size = piece->bytes[PL__PIECE_BYTES].size, name_size = piece->bytes[PL__PIECE_NAME].size;
    if (fetch->whole || piece->number[PL__PIECE_FILE] != fetch->file ||
        piece->number[PL__PIECE_OFFSET] != fetch->offset)
        return PL_OK;
    bool ends = fetch->offset + size == piece->number[PL__PIECE_SIZE];
    if (pl_store_checksum(name, name_size, bytes, size) != piece->number[PL__PIECE_CHECKSUM] || (!size && !ends))
        return pl_error_set(error, PL_CORRUPT, "a piece of the engine's copy came damaged");
    if (fetch->open < 0 && !open_file(fetch, piece)) return failed(fetch, "a file", error);
    if (!write_all(fetch->open, bytes, size)) return failed(fetch, "writing", error);
    fetch->offset += size;
    fetch->bytes += size;
    if (!ends) return PL_OK;
    fetch->whole = fetch->file + 1 == piece->number[PL__PIECE_FILES];
    return close_file(fetch) ? PL_OK : failed(fetch, "syncing", error);
}

/* ---- The end ---- */

/* What a number of a family means there must be what it means here. */
static enum pl_code mark(struct pl_store *store, const uint8_t run[PL_LINEAGE_ID], const char *families, size_t size,
                         struct pl_error **error) {
    char ours[PL__FAMILIES_TEXT];
    pl__families_text(store, ours, sizeof ours);
    if (strlen(ours) != size || memcmp(ours, families, size) != 0)
        return pl_error_set(error, PL_CONFLICT, "the engine keeps other things in its folder than this version knows");
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    pl_lineage_put_position(store, writes, run, pl_store_opened_at(store));
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code ? code : pl_store_sync(store, error);
}

static bool sync_folder(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return good;
}

enum pl_code pl__fetch_settle(struct pl__fetch *fetch, struct pl_store_key *key, const uint8_t run[PL_LINEAGE_ID],
                              const char *families, size_t families_size, struct pl_error **error) {
    char copy[PATH], from[PATH], to[PATH];
    struct pl_store *store;
    close_all(fetch);
    if (!path_of(fetch, PL_STORE_COPY, copy) || !path_of(fetch, PL_STORE_COPY "/store", from) ||
        !path_of(fetch, "store", to))
        return pl_error_set(error, PL_LIMIT, "%s: the path is too long", fetch->data);
    enum pl_code code = pl_store_open(copy, &(struct pl_store_options){.key = key, .follow = true}, &store, error);
    if (code) return code;
    code = mark(store, run, families, families_size, error);
    pl_store_close(store);
    if (!code) code = pl_store_remove(fetch->data, error);
    if (code) return code;
    if (!sync_folder(from) || rename(from, to) || !sync_folder(fetch->data)) return failed(fetch, "moving it", error);
    return PL_OK;
}
