/* sst.c: the parts of a table file whose damage RocksDB does not tell.
 *
 * It checks a block when it reads it; but when the one with a table's properties does not match its checksum, it goes
 * on without properties, takes the index to be of another form, and does not find keys that are there; and the footer
 * has no checksum at all. A reader beside a writer takes a file with a damaged index for one that is gone, and shows an
 * older view. So all of this is checked before RocksDB opens the files. At the end of a file stand
 *
 *     the metaindex   entries: shared (0), key size, value size, key, value: the handle of a block; then restarts
 *     the footer      checksum type (1), handles of the metaindex and the index, zeros (40), version (4), magic (8)
 *
 * a handle being offset and size as varints; behind each block come its compression (1) and its checksum (4).
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <xxhash.h>

#include "store/family.h"
#include "store/store_impl.h"

enum { FOOTER = 53, HANDLES = 40, VERSION_AT = 1 + HANDLES, MAGIC_AT = VERSION_AT + 4, TRAILER = 5 };
enum { BLOCK_MAX = 8 << 20 };

static const uint64_t magic = UINT64_C(0x88e241b785f4cff7);
static const uint32_t last_byte_factor = 0x6b9083d9u;

struct handle {
    uint64_t offset, size;
};

struct block {
    unsigned char *bytes;
    size_t size;
};

static bool get_varint(const unsigned char **at, const unsigned char *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

static bool get_handle(const unsigned char **at, const unsigned char *end, struct handle *handle) {
    return get_varint(at, end, &handle->offset) && get_varint(at, end, &handle->size);
}

/* The checksum is over the block and its compression, which counts in a way of its own. */
static bool matches(const unsigned char *bytes, size_t size) {
    uint32_t expected;
    memcpy(&expected, bytes + size + 1, sizeof expected);
    uint32_t found = (uint32_t)XXH3_64bits(bytes, size) ^ bytes[size] * last_byte_factor;
    return found == le32toh(expected);
}

/* PL_CORRUPT without a message: it is not what it was. */
static enum pl_code read_block(int fd, const struct handle *handle, uint64_t file_size, struct block *block) {
    if (handle->size > BLOCK_MAX || handle->offset > file_size || handle->size + TRAILER > file_size - handle->offset)
        return PL_CORRUPT;
    size_t size = (size_t)handle->size;
    block->bytes = pl_realloc(block->bytes, size + TRAILER);
    if (!block->bytes) return PL_NO_MEMORY;
    block->size = size;
    if (pread(fd, block->bytes, size + TRAILER, (off_t)handle->offset) != (ssize_t)(size + TRAILER)) return PL_IO;
    return matches(block->bytes, size) ? PL_OK : PL_CORRUPT;
}

/* Moves *at past an entry. */
static bool next_entry(const unsigned char **at, const unsigned char *end, struct handle *handle) {
    uint64_t shared, key_size, value_size;
    if (!get_varint(at, end, &shared) || !get_varint(at, end, &key_size) || !get_varint(at, end, &value_size) ||
        shared || key_size > (uint64_t)(end - *at) || value_size > (uint64_t)(end - *at) - key_size)
        return false;
    const unsigned char *value = *at + key_size;
    *at = value + value_size;
    return get_handle(&value, *at, handle);
}

static enum pl_code check_blocks(int fd, uint64_t file_size, const struct block *metaindex) {
    uint32_t restarts;
    struct block block = {0};
    enum pl_code code = PL_OK;
    if (metaindex->size < sizeof restarts) return PL_CORRUPT;
    memcpy(&restarts, metaindex->bytes + metaindex->size - sizeof restarts, sizeof restarts);
    size_t behind = ((size_t)le32toh(restarts) + 1) * sizeof restarts;
    if (behind > metaindex->size) return PL_CORRUPT;
    const unsigned char *at = metaindex->bytes, *end = at + metaindex->size - behind;
    while (!code && at < end) {
        struct handle handle;
        code = next_entry(&at, end, &handle) ? read_block(fd, &handle, file_size, &block) : PL_CORRUPT;
    }
    pl_free(block.bytes);
    return code;
}

/* A file without the magic at its end was never finished: RocksDB does not need it, or says so. */
static enum pl_code check_file(int fd) {
    struct stat info;
    unsigned char footer[FOOTER];
    uint64_t found;
    uint32_t version;
    if (fstat(fd, &info) || info.st_size < FOOTER) return PL_OK;
    if (pread(fd, footer, FOOTER, info.st_size - FOOTER) != FOOTER) return PL_IO;
    memcpy(&found, footer + MAGIC_AT, sizeof found);
    memcpy(&version, footer + VERSION_AT, sizeof version);
    if (le64toh(found) != magic) return PL_OK;
    if (footer[0] != PL__TABLE_CHECKSUM || le32toh(version) != PL__TABLE_VERSION) return PL_CORRUPT;
    const unsigned char *at = footer + 1;
    struct handle metaindex, index;
    struct block block = {0};
    if (!get_handle(&at, footer + VERSION_AT, &metaindex) || !get_handle(&at, footer + VERSION_AT, &index))
        return PL_CORRUPT;
    enum pl_code code = read_block(fd, &index, (uint64_t)info.st_size, &block);
    if (!code) code = read_block(fd, &metaindex, (uint64_t)info.st_size, &block);
    if (!code) code = check_blocks(fd, (uint64_t)info.st_size, &block);
    pl_free(block.bytes);
    return code;
}

static enum pl_code check_named(const struct pl_store *store, const char *name, struct pl_error **error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", store->impl->folder, name) >= (int)sizeof path) return PL_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return PL_OK; /* a writer has done with it */
    enum pl_code code = check_file(fd);
    int why = errno;
    close(fd);
    switch (code) {
    case PL_OK: return PL_OK;
    case PL_CORRUPT:
        return pl_error_set(error, code, "%s: damaged: the end of store/%s is not what it was", store->path, name);
    case PL_IO: return pl_error_set(error, code, "%s: store/%s: %s", store->path, name, strerror(why));
    default: return pl_error_set(error, code, "%s: out of memory", store->path);
    }
}

enum pl_code pl__store_check_tables(const struct pl_store *store, struct pl_error **error) {
    DIR *folder = opendir(store->impl->folder);
    enum pl_code code = PL_OK;
    if (!folder) return PL_OK; /* there is no database yet */
    for (struct dirent *entry; !code && (entry = readdir(folder));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".sst") == 0) code = check_named(store, entry->d_name, error);
    }
    closedir(folder);
    return code;
}
