#include "store/savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <xxhash.h>

#include "base/buffer.h"
#include "base/fault.h"
#include "store/seal.h"

enum { PIECE = 256 << 10, ENTRY_MAX = 1 << 30, HEAD = 9 };

static const char first_line[] = "potline savepoint 1\n", any_version[] = "potline savepoint ";

struct pl_savefile {
    char *path;
    struct pl_store_key *key; /* NULL: in the clear */
    struct pl__seal seal;
    int fd;
    bool writing, finished;
    char *bytes; /* PIECE of them: what waits to be written, or was read ahead */
    size_t from, used;
    uint64_t offset;  /* in the file, behind those */
    uint64_t content; /* bytes of content so far */
    uint64_t size;    /* of a file that is read: no entry is larger */
    XXH3_state_t *state;
    struct pl_buffer entry; /* that was read */
};

static enum pl_code failed(const struct pl_savefile *file, struct pl_error **error) {
    int why = errno;
    if (why == ENOSPC || why == EDQUOT) return pl_error_set(error, PL_UNAVAILABLE, "%s: the disk is full", file->path);
    return pl_error_set(error, PL_IO, "%s: %s", file->path, strerror(why));
}

static enum pl_code damaged(const struct pl_savefile *file, const char *what, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "%s: %s", file->path, what);
}

static struct pl_savefile *new_file(const char *path, struct pl_store_key *key) {
    struct pl_savefile *file = PL_NEW(struct pl_savefile);
    if (!file) return NULL;
    file->fd = -1;
    file->key = pl_store_key_ref(key);
    file->path = pl_strdup(path);
    file->bytes = pl_alloc(PIECE);
    file->state = XXH3_createState();
    pl_buffer_init(&file->entry, ENTRY_MAX);
    if (file->path && file->bytes && file->state) {
        XXH3_64bits_reset(file->state);
        return file;
    }
    pl_savefile_close(file);
    return NULL;
}

static enum pl_code no_memory(const char *path, struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "%s: no memory for a savepoint", path);
}

static bool part_name(const struct pl_savefile *file, char name[PATH_MAX]) {
    return snprintf(name, PATH_MAX, "%s.part", file->path) < PATH_MAX;
}

void pl_savefile_close(struct pl_savefile *file) {
    char part[PATH_MAX];
    if (!file) return;
    if (file->fd >= 0) close(file->fd);
    if (file->writing && !file->finished && file->fd >= 0 && part_name(file, part)) unlink(part);
    pl_buffer_fini(&file->entry);
    XXH3_freeState(file->state);
    pl_store_key_unref(file->key);
    pl_free(file->bytes);
    pl_free(file->path);
    pl_free(file);
}

uint64_t pl_savefile_bytes(const struct pl_savefile *file) {
    return file->content;
}

/* ---- Writing ---- */

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

static enum pl_code flush(struct pl_savefile *file, struct pl_error **error) {
    if (file->key && !pl__seal_crypt(file->key, file->seal.nonce, file->offset, file->bytes, file->used))
        return pl_error_set(error, PL_IO, "%s: OpenSSL does not encrypt", file->path);
    PL_FAULT("savepoint.write");
    if (!write_all(file->fd, file->bytes, file->used)) return failed(file, error);
    file->offset += file->used;
    file->used = 0;
    return PL_OK;
}

static enum pl_code put(struct pl_savefile *file, const void *bytes, size_t size, struct pl_error **error) {
    const char *at = bytes;
    enum pl_code code = PL_OK;
    if (size) XXH3_64bits_update(file->state, bytes, size);
    file->content += size;
    while (size && !code) {
        size_t part = PIECE - file->used < size ? PIECE - file->used : size;
        memcpy(file->bytes + file->used, at, part);
        file->used += part;
        at += part;
        size -= part;
        if (file->used == PIECE) code = flush(file, error);
    }
    return code;
}

static enum pl_code put_header(struct pl_savefile *file, struct pl_error **error) {
    char header[PL__SEAL];
    if (!file->key) return PL_OK;
    if (!pl__seal_make(file->key, header) ||
        pl__seal_look(file->key, header, sizeof header, &file->seal) != PL__SEAL_OURS)
        return pl_error_set(error, PL_IO, "%s: OpenSSL gives no random bytes", file->path);
    if (!write_all(file->fd, header, sizeof header)) return failed(file, error);
    file->offset = sizeof header;
    return PL_OK;
}

/* One that a death has left goes first: the file is new, and only its owner's, wherever a link of that name led. */
static int open_part(const char *part) {
    if (unlink(part) && errno != ENOENT) return -1;
    return open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

enum pl_code pl_savefile_create(const char *path, struct pl_store_key *key, struct pl_savefile **made,
                                struct pl_error **error) {
    char part[PATH_MAX];
    struct pl_savefile *file = *made = new_file(path, key);
    if (!file) return no_memory(path, error);
    file->writing = true;
    enum pl_code code = PL_OK;
    if (access(path, F_OK) == 0)
        code = pl_error_set(error, PL_CONFLICT, "%s: there is such a file already", path);
    else if (!part_name(file, part))
        code = pl_error_set(error, PL_USAGE, "%s: the path is too long", path);
    else if ((file->fd = open_part(part)) < 0)
        code = failed(file, error);
    if (!code) code = put_header(file, error);
    if (!code) code = put(file, first_line, strlen(first_line), error);
    if (!code) return PL_OK;
    pl_savefile_close(file);
    *made = NULL;
    return code;
}

static enum pl_code put_entry(struct pl_savefile *file, const struct pl_savefile_entry *entry,
                              struct pl_error **error) {
    char head[HEAD];
    head[0] = entry->type;
    memcpy(head + 1, &entry->key_size, sizeof entry->key_size);
    memcpy(head + 5, &entry->value_size, sizeof entry->value_size);
    enum pl_code code = put(file, head, sizeof head, error);
    if (!code) code = put(file, entry->key, entry->key_size, error);
    return code ? code : put(file, entry->value, entry->value_size, error);
}

enum pl_code pl_savefile_put(struct pl_savefile *file, const struct pl_savefile_entry *entry, struct pl_error **error) {
    if ((uint64_t)entry->key_size + entry->value_size > ENTRY_MAX)
        return pl_error_set(error, PL_LIMIT, "%s: an entry is too large", file->path);
    return put_entry(file, entry, error);
}

static bool sync_parent(const char *path) {
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder) return false;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return good;
}

enum pl_code pl_savefile_finish(struct pl_savefile *file, struct pl_error **error) {
    char part[PATH_MAX];
    uint64_t hash = XXH3_64bits_digest(file->state);
    enum pl_code code =
        put_entry(file, &(struct pl_savefile_entry){.type = 'E', .value = &hash, .value_size = sizeof hash}, error);
    if (!code) code = flush(file, error);
    if (code) return code;
    PL_FAULT("savepoint.written");
    part_name(file, part);
    if (fsync(file->fd) || renameat2(AT_FDCWD, part, AT_FDCWD, file->path, RENAME_NOREPLACE) ||
        !sync_parent(file->path))
        return failed(file, error);
    file->finished = true;
    return PL_OK;
}

/* ---- Reading ---- */

static enum pl_code fill(struct pl_savefile *file, struct pl_error **error) {
    ssize_t got = pread(file->fd, file->bytes, PIECE, (off_t)file->offset);
    if (got < 0) return failed(file, error);
    if (file->key && got && !pl__seal_crypt(file->key, file->seal.nonce, file->offset, file->bytes, (size_t)got))
        return pl_error_set(error, PL_IO, "%s: OpenSSL does not decrypt", file->path);
    file->offset += (uint64_t)got;
    file->from = 0;
    file->used = (size_t)got;
    return PL_OK;
}

static enum pl_code get(struct pl_savefile *file, char *to, size_t size, bool count, struct pl_error **error) {
    while (size) {
        if (file->from == file->used) {
            enum pl_code code = fill(file, error);
            if (code) return code;
            if (!file->used) return damaged(file, "damaged: it is cut short", error);
        }
        size_t part = file->used - file->from < size ? file->used - file->from : size;
        memcpy(to, file->bytes + file->from, part);
        if (count) XXH3_64bits_update(file->state, file->bytes + file->from, part);
        file->from += part;
        file->content += part;
        to += part;
        size -= part;
    }
    return PL_OK;
}

/* PL_NOT_FOUND without a message: the end, which is as it should be. */
static enum pl_code read_entry(struct pl_savefile *file, struct pl_savefile_entry *entry, struct pl_error **error) {
    char head[HEAD], more;
    uint64_t hash = XXH3_64bits_digest(file->state), found = 0;
    enum pl_code code = get(file, head, sizeof head, true, error);
    if (code) return code;
    *entry = (struct pl_savefile_entry){.type = head[0]};
    memcpy(&entry->key_size, head + 1, sizeof entry->key_size);
    memcpy(&entry->value_size, head + 5, sizeof entry->value_size);
    if (entry->type == 'E') {
        bool good = entry->key_size == 0 && entry->value_size == sizeof found &&
                    !get(file, (char *)&found, sizeof found, false, NULL) && found == hash &&
                    get(file, &more, 1, false, NULL) == PL_CORRUPT;
        return good ? PL_NOT_FOUND : damaged(file, "damaged", error);
    }
    uint64_t size = (uint64_t)entry->key_size + entry->value_size;
    if (size > ENTRY_MAX || size > file->size) return damaged(file, "damaged", error);
    pl_buffer_reset(&file->entry);
    char *to = pl_buffer_reserve(&file->entry, (size_t)size + 1);
    if (!to) return no_memory(file->path, error);
    entry->key = to;
    entry->value = to + entry->key_size;
    return get(file, to, (size_t)size, true, error);
}

static enum pl_code rewind_file(struct pl_savefile *file, struct pl_error **error) {
    char line[sizeof first_line] = "";
    file->offset = file->key ? PL__SEAL : 0;
    file->from = file->used = 0;
    file->content = 0;
    XXH3_64bits_reset(file->state);
    enum pl_code code = get(file, line, strlen(first_line), true, error);
    if (code == PL_CORRUPT || (!code && strncmp(line, any_version, strlen(any_version)) != 0)) {
        if (code && error) pl_error_free(error);
        return pl_error_set(error, PL_USAGE, "%s: not a savepoint", file->path);
    }
    if (!code && strcmp(line, first_line) != 0)
        code = pl_error_set(error, PL_CONFLICT, "%s: a savepoint of a newer version; this one reads version 1",
                            file->path);
    return code;
}

static enum pl_code check_key(struct pl_savefile *file, struct pl_error **error) {
    char header[PL__SEAL];
    struct stat info;
    ssize_t size = pread(file->fd, header, sizeof header, 0);
    if (size < 0 || fstat(file->fd, &info)) return failed(file, error);
    file->size = (uint64_t)info.st_size;
    switch (pl__seal_look(file->key, header, (size_t)size, &file->seal)) {
    case PL__SEAL_OURS: return PL_OK;
    case PL__SEAL_NONE:
        pl_store_key_unref(file->key); /* a savepoint in the clear may begin a folder that is encrypted */
        file->key = NULL;
        return PL_OK;
    case PL__SEAL_OTHER:
        return pl_error_set(error, PL_USAGE, "%s: encrypted with the key %s; %s%s", file->path, file->seal.key_id,
                            file->key ? "the key that is given is " : "no key is given",
                            file->key ? pl_store_key_id(file->key) : "");
    default: return damaged(file, "damaged: it has no whole header", error);
    }
}

/* All of it is read once before the first entry is given. */
static enum pl_code check_all(struct pl_savefile *file, struct pl_error **error) {
    struct pl_savefile_entry entry;
    enum pl_code code = rewind_file(file, error);
    while (!code)
        code = read_entry(file, &entry, error);
    return code == PL_NOT_FOUND ? rewind_file(file, error) : code;
}

enum pl_code pl_savefile_open(const char *path, struct pl_store_key *key, struct pl_savefile **made,
                              struct pl_error **error) {
    struct pl_savefile *file = *made = new_file(path, key);
    if (!file) return no_memory(path, error);
    enum pl_code code = PL_OK;
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0) code = pl_error_set(error, PL_NOT_FOUND, "%s: %s", path, strerror(errno));
    if (!code) code = check_key(file, error);
    if (!code) code = check_all(file, error);
    if (!code) return PL_OK;
    pl_savefile_close(file);
    *made = NULL;
    return code;
}

enum pl_code pl_savefile_next(struct pl_savefile *file, struct pl_savefile_entry *entry, struct pl_error **error) {
    return read_entry(file, entry, error);
}
