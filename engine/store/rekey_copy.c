/* rekey_copy.c: the files of a database from one key to another.
 *
 * A table never changes once it is written, so a copy with the time and the size of its source is good. While it is
 * still being written it has no such copy: the size or the time differs from what they were when the copy began.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/rekey_impl.h"
#include "store/seal.h"

enum { PIECE = 1 << 20, NAME_ROOM = 280 };

/* ---- Which files ---- */

static bool is_table(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, ".sst") == 0;
}

/* Headers come and go with encryption. */
static uint64_t content_size(const struct stat *info, bool encrypted) {
    uint64_t size = (uint64_t)info->st_size;
    return !encrypted ? size : size > PL__SEAL ? size - PL__SEAL : 0;
}

static bool has_good_copy(const struct pl__rekey_work *work, const char *name, const struct stat *source) {
    struct stat copy;
    return is_table(name) && fstatat(work->staged, name, &copy, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(copy.st_mode) &&
           source->st_mtim.tv_sec == copy.st_mtim.tv_sec && source->st_mtim.tv_nsec == copy.st_mtim.tv_nsec &&
           content_size(source, work->rekey->from != NULL) == content_size(&copy, true);
}

static bool add(struct pl__rekey_work *work, const char *name, uint64_t size) {
    if (work->count == work->room) {
        size_t room = work->room ? 2 * work->room : 64;
        struct pl__rekey_file *files = pl_realloc(work->files, room * sizeof *files);
        if (!files) return false;
        work->files = files;
        work->room = room;
    }
    char *copy = pl_strdup(name);
    if (!copy) return false;
    work->files[work->count++] = (struct pl__rekey_file){copy, size};
    work->all += size;
    return true;
}

static enum pl_code list_file(struct pl__rekey_work *work, const char *name, struct pl_error **error) {
    struct stat info;
    if (!pl__seal_is_kept(name) || (work->rekey->ahead && !is_table(name))) return PL_OK;
    if (fstatat(work->source, name, &info, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? PL_OK : pl__rekey_failed(work, name, error);
    if (!S_ISREG(info.st_mode)) return PL_OK;
    if (has_good_copy(work, name, &info)) {
        work->rekey->reused++;
        return PL_OK;
    }
    if (add(work, name, (uint64_t)info.st_size)) return PL_OK;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the names of the files");
}

enum pl_code pl__rekey_list(struct pl__rekey_work *work, struct pl_error **error) {
    int fd = openat(work->source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) return pl__rekey_failed(work, "cannot be read", error);
    enum pl_code code = PL_OK;
    for (struct dirent *entry; !code && (entry = readdir(folder));)
        code = list_file(work, entry->d_name, error);
    closedir(folder);
    return code;
}

/* ---- One file ---- */

struct transfer {
    struct pl__rekey_work *work;
    const char *name;
    int from, to;
    struct pl__seal from_seal, to_seal;
    uint64_t from_offset, to_offset;
    char *bytes; /* PIECE of them */
    uint64_t done;
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

static enum pl_code broken(const struct transfer *t, enum pl_code code, const char *why, struct pl_error **error) {
    return pl_error_set(error, code, "%s: store/%s %s", t->work->rekey->path, t->name, why);
}

/* Reads the header of the source, if it has one, and writes the new one. */
static enum pl_code begin(struct transfer *t, bool *empty, struct pl_error **error) {
    const struct pl_rekey *rekey = t->work->rekey;
    char header[PL__SEAL];
    ssize_t size = pread(t->from, header, sizeof header, 0);
    if (size < 0) return pl__rekey_failed(t->work, t->name, error);
    *empty = size == 0;
    if (*empty) return PL_OK;
    if (rekey->from) {
        if (pl__seal_look(rekey->from, header, (size_t)size, &t->from_seal) != PL__SEAL_OURS)
            return broken(t, PL_CORRUPT, "is damaged: it has no whole header", error);
        t->from_offset = PL__SEAL;
    }
    if (!pl__seal_make(rekey->to, header)) return broken(t, PL_UNAVAILABLE, "gets no random bytes", error);
    pl__seal_look(rekey->to, header, sizeof header, &t->to_seal);
    t->to_offset = PL__SEAL;
    return write_all(t->to, header, sizeof header) ? PL_OK : pl__rekey_failed(t->work, t->name, error);
}

/* PL_NOT_FOUND: that was all. */
static enum pl_code move_piece(struct transfer *t, struct pl_error **error) {
    const struct pl_rekey *rekey = t->work->rekey;
    ssize_t size = pread(t->from, t->bytes, PIECE, (off_t)t->from_offset);
    if (size < 0 && errno == EINTR) return PL_OK;
    if (size < 0) return pl__rekey_failed(t->work, t->name, error);
    if (size == 0) return PL_NOT_FOUND;
    bool good = !rekey->from || pl__seal_crypt(rekey->from, t->from_seal.nonce, t->from_offset, t->bytes, (size_t)size);
    good = good && pl__seal_crypt(rekey->to, t->to_seal.nonce, t->to_offset, t->bytes, (size_t)size);
    if (!good) return broken(t, PL_UNAVAILABLE, "is not encrypted by OpenSSL", error);
    if (!write_all(t->to, t->bytes, (size_t)size)) return pl__rekey_failed(t->work, t->name, error);
    t->from_offset += (uint64_t)size;
    t->to_offset += (uint64_t)size;
    if (rekey->progress) rekey->progress(rekey->arg, t->done + t->from_offset, t->work->all);
    return PL_OK;
}

static enum pl_code move_content(struct transfer *t, struct pl_error **error) {
    bool empty = false;
    struct stat before;
    if (fstat(t->from, &before)) return pl__rekey_failed(t->work, t->name, error);
    enum pl_code code = begin(t, &empty, error);
    while (!code && !empty)
        code = move_piece(t, error);
    if (code && code != PL_NOT_FOUND) return code;
    const struct timespec times[] = {before.st_atim, before.st_mtim};
    return futimens(t->to, times) || fsync(t->to) ? pl__rekey_failed(t->work, t->name, error) : PL_OK;
}

/* A file that is gone has been removed by the engine beside us. */
static enum pl_code copy_file(struct transfer *t, struct pl_error **error) {
    char part[NAME_ROOM];
    struct pl__rekey_work *work = t->work;
    snprintf(part, sizeof part, ".%s.part", t->name);
    t->from = openat(work->source, t->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (t->from < 0) return errno == ENOENT ? PL_OK : pl__rekey_failed(work, t->name, error);
    t->to = openat(work->staged, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum pl_code code = t->to < 0 ? pl__rekey_failed(work, t->name, error) : move_content(t, error);
    close(t->from);
    if (t->to >= 0 && close(t->to) && !code) code = pl__rekey_failed(work, t->name, error);
    if (!code && renameat(work->staged, part, work->staged, t->name)) code = pl__rekey_failed(work, t->name, error);
    if (code) return code;
    work->rekey->files++;
    work->rekey->bytes += t->to_offset;
    return PL_OK;
}

enum pl_code pl__rekey_copy_all(struct pl__rekey_work *work, struct pl_error **error) {
    enum pl_code code = PL_OK;
    uint64_t done = 0;
    char *bytes = pl_alloc(PIECE);
    if (!bytes) return pl_error_set(error, PL_NO_MEMORY, "no memory for a copy");
    for (size_t i = 0; i < work->count && !code; i++) {
        struct transfer t = {.work = work, .name = work->files[i].name, .bytes = bytes, .done = done};
        code = copy_file(&t, error);
        done += work->files[i].size;
    }
    pl_free(bytes);
    return code;
}
