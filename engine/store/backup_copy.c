/* backup_copy.c: a file from one folder to another, compared with what can be read of it afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <xxhash.h>

#include "base/fault.h"
#include "store/backup_impl.h"

enum { PIECE = 1 << 20, HEAD = 4096, TABLE_END = 16 << 10 };

enum pl_code pl__backup_failed(const char *path, const char *name, struct pl_error **error) {
    int why = errno;
    if (why == ENOSPC || why == EDQUOT)
        return pl_error_set(error, PL_UNAVAILABLE, "%s: the disk is full (%s)", path, name);
    return pl_error_set(error, PL_IO, "%s/%s: %s", path, name, strerror(why));
}

bool pl__backup_sync_folder(int folder) {
    return fsync(folder) == 0;
}

/* ---- Prints ---- */

static bool add_range(XXH3_state_t *state, int fd, uint64_t from, uint64_t to) {
    unsigned char part[HEAD];
    while (from < to) {
        size_t wanted = to - from < sizeof part ? (size_t)(to - from) : sizeof part;
        ssize_t got = pread(fd, part, wanted, (off_t)from);
        if (got <= 0) return false;
        XXH3_64bits_update(state, part, (size_t)got);
        from += (uint64_t)got;
    }
    return true;
}

bool pl__backup_print(int fd, uint64_t size, bool table, uint64_t *print) {
    XXH3_state_t *state = XXH3_createState();
    if (!state) return false;
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, &size, sizeof size);
    bool whole = !table || size <= HEAD + TABLE_END;
    bool good = whole ? add_range(state, fd, 0, size)
                      : add_range(state, fd, 0, HEAD) && add_range(state, fd, size - TABLE_END, size);
    *print = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return good;
}

/* ---- Reading and writing ---- */

struct stream {
    struct pl__backup_copy *copy;
    int from, to; /* to: -1 to read only */
    char *bytes;
    XXH3_state_t *state;
    uint64_t hash, size;
};

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

static bool goes_on(struct pl__backup_copy *copy, size_t more) {
    copy->done += more;
    return !copy->progress || copy->progress(copy->arg, copy->done, copy->all);
}

/* From the begin to the end. PL_BUSY: it was told to end. */
static enum pl_code run(struct stream *stream, const char *name, bool told, struct pl_error **error) {
    XXH3_64bits_reset(stream->state);
    stream->size = 0;
    for (;;) {
        ssize_t got = read(stream->from, stream->bytes, PIECE);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return pl__backup_failed(stream->copy->where, name, error);
        if (got == 0) break;
        XXH3_64bits_update(stream->state, stream->bytes, (size_t)got);
        stream->size += (uint64_t)got;
        PL_FAULT("backup.copy");
        if (stream->to >= 0 && !write_all(stream->to, stream->bytes, (size_t)got))
            return pl__backup_failed(stream->copy->where, name, error);
        if (!goes_on(stream->copy, told ? (size_t)got : 0))
            return pl_error_set(error, PL_BUSY, "%s: interrupted", stream->copy->where);
    }
    stream->hash = XXH3_64bits_digest(stream->state);
    return PL_OK;
}

static enum pl_code begin(struct stream *stream, struct pl__backup_copy *copy, struct pl_error **error) {
    *stream = (struct stream){.copy = copy, .from = -1, .to = -1};
    stream->bytes = pl_alloc(PIECE);
    stream->state = XXH3_createState();
    if (!stream->bytes || !stream->state) return pl_error_set(error, PL_NO_MEMORY, "no memory to copy files");
    stream->from = openat(copy->from, copy->from_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return stream->from >= 0 ? PL_OK : pl__backup_failed(copy->where, copy->from_name, error);
}

static void end(struct stream *stream) {
    if (stream->from >= 0) close(stream->from);
    if (stream->to >= 0) close(stream->to);
    XXH3_freeState(stream->state);
    pl_free(stream->bytes);
}

enum pl_code pl__backup_hash(struct pl__backup_copy *copy, uint64_t *hash, uint64_t *size, struct pl_error **error) {
    struct stream stream;
    enum pl_code code = begin(&stream, copy, error);
    if (!code) code = run(&stream, copy->from_name, true, error);
    *hash = stream.hash;
    *size = stream.size;
    end(&stream);
    return code;
}

/* From the disk as far as that can be told to the system: what stands in its memory proves nothing. */
static enum pl_code read_back(struct stream *stream, const char *name, struct pl_error **error) {
    uint64_t hash = stream->hash, size = stream->size;
    if (fsync(stream->to)) return pl__backup_failed(stream->copy->where, name, error);
    (void)posix_fadvise(stream->to, 0, 0, POSIX_FADV_DONTNEED);
    close(stream->from);
    stream->from = stream->to;
    stream->to = -1;
    if (lseek(stream->from, 0, SEEK_SET)) return pl__backup_failed(stream->copy->where, name, error);
    enum pl_code code = run(stream, name, false, error);
    if (code || (stream->hash == hash && stream->size == size)) return code;
    return pl_error_set(error, PL_CORRUPT, "%s/%s: what was written does not come back", stream->copy->where, name);
}

enum pl_code pl__backup_copy(struct pl__backup_copy *copy, uint64_t *hash, uint64_t *size, struct pl_error **error) {
    static const char part[] = "file.part";
    struct stream stream;
    enum pl_code code = begin(&stream, copy, error);
    if (!code) {
        stream.to = openat(copy->to, part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (stream.to < 0) code = pl__backup_failed(copy->where, copy->to_name, error);
    }
    if (!code) code = run(&stream, copy->to_name, true, error);
    if (!code) code = read_back(&stream, copy->to_name, error);
    *hash = stream.hash;
    *size = stream.size;
    end(&stream);
    PL_FAULT("backup.copied");
    if (!code && renameat(copy->to, part, copy->to, copy->to_name))
        code = pl__backup_failed(copy->where, copy->to_name, error);
    if (code) unlinkat(copy->to, part, 0);
    return code;
}
