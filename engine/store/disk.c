/* disk.c: a disk that fills up is met before RocksDB meets it.
 *
 * Debian's build of RocksDB has its asserts on: after a write that found no room, the next touch of that file ends the
 * process, and RocksDB touches it by itself when it tries to recover. So room is looked for first, every few megabytes,
 * and what RocksDB may have to write at once stays free.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fault.h"
#include "store/store_impl.h"

enum { MIB = 1 << 20, LOOK_EVERY = 8 * MIB, ROOM_TO_OPEN = 16 * MIB };
enum {
    RESERVE = 192 * MIB,
    RESERVE_PART = 16,
    LOOK_PART = 4 /* so that what is written between two looks does not use it up */
};                /* all write buffers and a file of compaction; of a small disk a part */

static enum pl_code free_bytes(const struct pl_store *store, uint64_t *bytes, uint64_t *disk_size,
                               struct pl_error **error) {
    struct statvfs disk;
    if (statvfs(store->impl->folder, &disk)) return pl_error_set(error, PL_IO, "%s: %s", store->path, strerror(errno));
    *bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    *disk_size = (uint64_t)disk.f_blocks * disk.f_frsize;
    return PL_OK;
}

static enum pl_code full(const struct pl_store *store, uint64_t bytes, uint64_t needed, const char *what,
                         struct pl_error **error) {
    return pl_error_set(error, PL_UNAVAILABLE, "%s: the disk is full: %" PRIu64 " MiB are free, %s %" PRIu64,
                        store->path, bytes / MIB, what, needed / MIB + 1);
}

/* Opening writes out what stands in the write-ahead logs. */
enum pl_code pl__store_room_to_open(const struct pl_store *store, struct pl_error **error) {
    uint64_t bytes = 0, disk_size, needed = ROOM_TO_OPEN;
    enum pl_code code = free_bytes(store, &bytes, &disk_size, error);
    if (code) return code;
    DIR *folder = opendir(store->impl->folder);
    if (!folder) return pl_error_set(error, PL_IO, "%s: %s", store->path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat info;
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".log") == 0 && fstatat(dirfd(folder), entry->d_name, &info, 0) == 0)
            needed += (uint64_t)info.st_size;
    }
    closedir(folder);
    return bytes < needed ? full(store, bytes, needed, "opening needs", error) : PL_OK;
}

enum pl_code pl__store_room_to_write(struct pl_store *store, size_t size, struct pl_error **error) {
    struct pl_store_impl *impl = store->impl;
    int64_t left = atomic_fetch_sub_explicit(&impl->unchecked, (int64_t)size, memory_order_relaxed) - (int64_t)size;
    if (PL_LIKELY(left > 0)) return PL_OK;
    uint64_t bytes = 0, disk_size = 0, reserve = impl->reserve;
    enum pl_code code = free_bytes(store, &bytes, &disk_size, error);
    if (code) return code;
    if (!reserve) reserve = disk_size / RESERVE_PART < RESERVE ? disk_size / RESERVE_PART : RESERVE;
    if (bytes < reserve) return full(store, bytes, reserve, "writing leaves", error);
    int64_t look_every = reserve / LOOK_PART < LOOK_EVERY ? (int64_t)(reserve / LOOK_PART) : LOOK_EVERY;
    atomic_store_explicit(&impl->unchecked, (int64_t)pl_fault_buffer((size_t)look_every), memory_order_relaxed);
    return PL_OK;
}
