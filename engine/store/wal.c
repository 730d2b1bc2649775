/* wal.c: the end of the write-ahead log, as a death leaves it.
 *
 * A process that dies while it writes, or a loss of power before a sync, leaves a last record that is not whole: cut
 * short, or with bytes that never came to the disk. RocksDB cuts off the first kind without a word, takes the second
 * for damage and does not open. So the logs are read before it sees them. What is not whole and has no record behind it
 * is the torn end: it is cut off, and that is said. Anything else is damage, and nothing is opened.
 *
 * A log is blocks of 32 KiB; a record lies in one (FULL) or in pieces in several (FIRST, MIDDLE..., LAST), each
 *
 *     crc32c of what follows the size, masked (4) | size (2) | type (1) | bytes
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "store/crc32c.h"
#include "store/store_impl.h"

enum { BLOCK = 32 << 10, HEAD = 7, TYPE = 6 };
enum piece { ZEROS, FULL, FIRST, MIDDLE, LAST };

struct scan {
    int fd;
    uint64_t at; /* of the block */
    size_t size; /* of the block: less only at the end */
    unsigned char block[BLOCK];
    bool inside;    /* of a record in several pieces */
    bool zeros;     /* room that was taken beforehand: nothing comes behind it */
    bool damaged;   /* behind `whole` */
    bool goes_on;   /* and behind that there are records */
    uint64_t whole; /* up to here */
    uint64_t end;
};

static uint32_t get(const unsigned char *at, int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

/* Bytes of the piece at `at`, 0: there is none that is whole. */
static size_t piece_size(const struct scan *scan, size_t at) {
    if (scan->size - at < HEAD) return 0;
    const unsigned char *head = scan->block + at;
    size_t size = get(head + 4, 2);
    if (size > scan->size - at - HEAD || head[TYPE] == ZEROS) return 0;
    return pl__crc32c_mask(pl__crc32c(head + TYPE, size + 1)) == get(head, 4) ? HEAD + size : 0;
}

static bool all_zeros(const struct scan *scan, size_t at) {
    for (; at < scan->size; at++)
        if (scan->block[at]) return false;
    return true;
}

/* False: this piece does not belong here. */
static bool take_piece(struct scan *scan, size_t at, size_t size) {
    enum piece type = scan->block[at + TYPE];
    bool begins = type == FULL || type == FIRST;
    if (begins == scan->inside && type <= LAST) return false;
    if (type <= LAST) scan->inside = type == FIRST || type == MIDDLE;
    if (!scan->inside) scan->whole = scan->at + at + size;
    return true;
}

/* Does a record begin in this block, at `at` or behind it? */
static bool has_begin(const struct scan *scan, size_t at) {
    for (; at + HEAD <= scan->size; at++) {
        enum piece type = scan->block[at + TYPE];
        if ((type == FULL || type == FIRST) && get(scan->block + at + 4, 2) && piece_size(scan, at)) return true;
    }
    return false;
}

static void read_block(struct scan *scan) {
    size_t at = 0;
    if (scan->zeros && !all_zeros(scan, 0)) scan->damaged = true;
    while (!scan->damaged && scan->size - at >= HEAD) {
        size_t size = piece_size(scan, at);
        if (!size && all_zeros(scan, at)) {
            scan->zeros = true;
            return;
        }
        if (!size || !take_piece(scan, at, size))
            scan->damaged = true;
        else
            at += size;
    }
    if (!scan->damaged && scan->size < BLOCK && !all_zeros(scan, at)) scan->damaged = true;
    if (scan->damaged && !scan->goes_on) scan->goes_on = has_begin(scan, at);
}

static enum pl_code read_log(const struct pl_store *store, const char *name, struct scan *scan,
                             struct pl_error **error) {
    ssize_t got;
    while ((got = pread(scan->fd, scan->block, BLOCK, (off_t)scan->at)) > 0) {
        scan->size = (size_t)got;
        read_block(scan);
        scan->at += scan->size;
    }
    scan->end = scan->at;
    if (got < 0) return pl_error_set(error, PL_IO, "%s: %s: %s", store->path, name, strerror(errno));
    scan->damaged |= scan->inside;
    return PL_OK;
}

static enum pl_code damaged(const struct pl_store *store, const char *name, const struct scan *scan,
                            struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT,
                        "%s: damaged: the write-ahead log store/%s is not whole at byte %" PRIu64
                        ", and there are records behind it",
                        store->path, name, scan->whole);
}

static enum pl_code cut_off(const struct pl_store *store, const char *name, const struct scan *scan,
                            struct pl_error **error) {
    pl_diag(PL_WARN,
            "%s: the write-ahead log store/%s ends in a record that is not whole, as after a crash or a loss of power: "
            "its last %" PRIu64 " bytes are cut off",
            store->path, name, scan->end - scan->whole);
    if (ftruncate(scan->fd, (off_t)scan->whole) || fsync(scan->fd))
        return pl_error_set(error, PL_IO, "%s: %s: %s", store->path, name, strerror(errno));
    return PL_OK;
}

/* ---- The folder ---- */

static int is_log(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".log") == 0;
}

/* By number: names grow longer. */
static int by_number(const struct dirent **a, const struct dirent **b) {
    unsigned long x = strtoul((*a)->d_name, NULL, 10), y = strtoul((*b)->d_name, NULL, 10);
    return (x > y) - (x < y);
}

/* *behind: there are records in a newer one. */
static enum pl_code mend_log(const struct pl_store *store, const char *name, struct scan *scan, bool *behind,
                             struct pl_error **error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", store->impl->folder, name) >= (int)sizeof path)
        return pl_error_set(error, PL_IO, "%s: the path is too long", store->path);
    *scan = (struct scan){.fd = open(path, O_RDWR | O_CLOEXEC)};
    if (scan->fd < 0) return pl_error_set(error, PL_IO, "%s: %s: %s", store->path, name, strerror(errno));
    enum pl_code code = read_log(store, name, scan, error);
    if (!code && scan->damaged)
        code = scan->goes_on || *behind ? damaged(store, name, scan, error) : cut_off(store, name, scan, error);
    *behind |= scan->whole > 0;
    close(scan->fd);
    return code;
}

/* Newest first. */
enum pl_code pl__store_mend_logs(const struct pl_store *store, struct pl_error **error) {
    struct dirent **logs;
    struct scan *scan = PL_NEW(struct scan);
    if (!scan) return pl_error_set(error, PL_NO_MEMORY, "%s: out of memory", store->path);
    int count = scandir(store->impl->folder, &logs, is_log, by_number);
    enum pl_code code = count < 0 ? pl_error_set(error, PL_IO, "%s: %s", store->path, strerror(errno)) : PL_OK;
    bool behind = false;
    for (int i = count - 1; i >= 0; i--) {
        if (!code) code = mend_log(store, logs[i]->d_name, scan, &behind, error);
        free(logs[i]);
    }
    if (count >= 0) free(logs);
    pl_free(scan);
    return code;
}
