#include "store/rekey.h"
#include "store/store_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/rekey_impl.h"
#include "store/seal.h"

enum { MIB = 1 << 20, MARGIN = 64 * MIB /* stays free beside a running engine */ };

static const char marker[] = "REKEY", staged_folder[] = "store.next";

enum pl_code pl__rekey_failed(const struct pl__rekey_work *work, const char *what, struct pl_error **error) {
    int failed = errno;
    bool full = failed == ENOSPC || failed == EDQUOT;
    return pl_error_set(error, full ? PL_UNAVAILABLE : PL_IO, "%s: %s: %s", work->rekey->path, what, strerror(failed));
}

/* ---- Folders ---- */

/* All files of a folder that is in `parent`, the folders below it, and the folder. */
static int remove_folder(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : -1;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return -1;
    }
    unlinkat(fd, marker, 0); /* first, so that half a copy is never taken for one */
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlinkat(fd, entry->d_name, 0) &&
            errno == EISDIR)
            (void)remove_folder(fd, entry->d_name); /* RocksDB's archive */
    closedir(folder);
    return unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT ? -1 : 0;
}

enum pl_code pl__rekey_clear(const char *path, struct pl_error **error) {
    int parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) return PL_OK;
    bool removed = remove_folder(parent, staged_folder) == 0;
    int failed = errno;
    close(parent);
    return removed ? PL_OK
                   : pl_error_set(error, PL_IO, "%s/%s: not removed: %s", path, staged_folder, strerror(failed));
}

void pl__rekey_tidy(const char *path) {
    int parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) return;
    char at[64];
    snprintf(at, sizeof at, "%s/%s", staged_folder, marker);
    bool alone = flock(parent, LOCK_EX | LOCK_NB) == 0; /* nobody is about to write a marker */
    if (alone && faccessat(parent, at, F_OK, 0) && errno == ENOENT) (void)remove_folder(parent, staged_folder);
    close(parent);
}

/* Whose copy it is. */
static void describe(const struct pl_rekey *rekey, char text[64]) {
    snprintf(text, 64, "%s %s\n", rekey->from ? pl_store_key_id(rekey->from) : "-", pl_store_key_id(rekey->to));
}

static bool is_ours(const struct pl__rekey_work *work) {
    char expected[64], found[64] = "";
    describe(work->rekey, expected);
    int fd = openat(work->staged, marker, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t length = read(fd, found, sizeof found - 1);
    close(fd);
    return length > 0 && strcmp(found, expected) == 0;
}

static bool write_marker(const struct pl__rekey_work *work) {
    char text[64];
    describe(work->rekey, text);
    int fd = openat(work->staged, marker, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ssize_t length = (ssize_t)strlen(text);
    bool good = write(fd, text, strlen(text)) == length && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

static int open_staged(const struct pl__rekey_work *work) {
    return openat(work->parent, staged_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The copy that is under way, or a new one in the place of what is left over. */
static enum pl_code begin_copy(struct pl__rekey_work *work, struct pl_error **error) {
    work->staged = open_staged(work);
    if (work->staged >= 0 && is_ours(work)) return PL_OK;
    if (work->staged >= 0) close(work->staged);
    work->staged = -1;
    if (remove_folder(work->parent, staged_folder) || mkdirat(work->parent, staged_folder, 0700) ||
        (work->staged = open_staged(work)) < 0 || !write_marker(work))
        return pl__rekey_failed(work, "the folder of the copy", error);
    return PL_OK;
}

/* ---- Before anything is copied ---- */

/* One call at a time, and no writer but for copies ahead. The lock is RocksDB's own. */
static enum pl_code lock(struct pl__rekey_work *work, struct pl_error **error) {
    const struct pl_rekey *rekey = work->rekey;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (flock(work->parent, LOCK_EX | LOCK_NB))
        return pl_error_set(error, PL_BUSY, "%s: its key is being changed by another process", rekey->path);
    if (rekey->ahead) return PL_OK;
    if (flock(work->source, LOCK_EX | LOCK_NB))
        return pl_error_set(error, PL_BUSY, "%s: in use by another process", rekey->path);
    work->lock = openat(work->source, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (work->lock < 0) return pl__rekey_failed(work, "its lock", error);
    if (fcntl(work->lock, F_SETLK, &whole) == 0) return PL_OK;
    if (errno != EACCES && errno != EAGAIN) return pl__rekey_failed(work, "its lock", error);
    if (fcntl(work->lock, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK && whole.l_pid > 0)
        return pl_error_set(error, PL_BUSY, "%s: in use by process %ld", rekey->path, (long)whole.l_pid);
    return pl_error_set(error, PL_BUSY, "%s: in use by another process", rekey->path);
}

/* Tried out on two empty folders before there is any work that would be for nothing. */
static enum pl_code try_exchange(const struct pl__rekey_work *work, struct pl_error **error) {
    static const char one[] = ".exchange.1", two[] = ".exchange.2";
    (void)unlinkat(work->parent, one, AT_REMOVEDIR);
    (void)unlinkat(work->parent, two, AT_REMOVEDIR);
    int failed = mkdirat(work->parent, one, 0700) || mkdirat(work->parent, two, 0700) ||
                         renameat2(work->parent, one, work->parent, two, RENAME_EXCHANGE)
                     ? errno
                     : 0;
    (void)unlinkat(work->parent, one, AT_REMOVEDIR);
    (void)unlinkat(work->parent, two, AT_REMOVEDIR);
    if (!failed) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE, "%s: its file system does not exchange two folders in one step: %s",
                        work->rekey->path, strerror(failed));
}

static enum pl_code check_room(const struct pl__rekey_work *work, struct pl_error **error) {
    struct statvfs disk;
    if (fstatvfs(work->staged, &disk)) return pl__rekey_failed(work, "its disk", error);
    uint64_t free = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t needed = work->all + work->count * (uint64_t)PL__SEAL + MARGIN;
    if (free >= needed) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE,
                        "%s: not enough room for a second copy: %" PRIu64 " MiB are free, it takes %" PRIu64 " MiB",
                        work->rekey->path, free / MIB, needed / MIB + 1);
}

/* ---- Taking its place ---- */

static bool is_there(const struct pl__rekey_work *work, const char *name) {
    struct stat info;
    return fstatat(work->source, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What compaction has removed since it was copied ahead. */
static enum pl_code drop_what_is_gone(const struct pl__rekey_work *work, struct pl_error **error) {
    int fd = open_staged(work);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) return pl__rekey_failed(work, "the folder of the copy", error);
    bool good = true;
    for (struct dirent *entry; (entry = readdir(folder));) {
        bool kept = strcmp(entry->d_name, marker) == 0 || strcmp(entry->d_name, ".") == 0 ||
                    strcmp(entry->d_name, "..") == 0 || is_there(work, entry->d_name);
        if (!kept) good &= unlinkat(work->staged, entry->d_name, 0) == 0;
    }
    closedir(folder);
    return good ? PL_OK : pl__rekey_failed(work, "the folder of the copy", error);
}

/* Until the exchange the marker says that this is a copy; behind it, the folder without one is the old database. */
static enum pl_code take_place(const struct pl__rekey_work *work, struct pl_error **error) {
    enum pl_code code = drop_what_is_gone(work, error);
    if (!code)
        code = pl__store_mark_open(work->rekey->path, error); /* what it was when it was closed are other bytes */
    if (code) return code;
    if (fsync(work->staged) || unlinkat(work->staged, marker, 0) || fsync(work->staged) ||
        renameat2(work->parent, staged_folder, work->parent, "store", RENAME_EXCHANGE) || fsync(work->parent))
        return pl__rekey_failed(work, "the exchange", error);
    if (remove_folder(work->parent, staged_folder) == 0) return PL_OK;
    return pl__rekey_failed(work, "under its new key, but the old files are not removed", error);
}

/* ---- The whole ---- */

static enum pl_code open_folders(struct pl__rekey_work *work, struct pl_error **error) {
    work->parent = open(work->rekey->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work->parent >= 0)
        work->source = openat(work->parent, "store", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (work->source >= 0) return PL_OK;
    if (errno != ENOENT && errno != ENOTDIR) return pl__rekey_failed(work, "cannot be read", error);
    return pl_error_set(error, PL_NOT_FOUND, "%s: not a data folder", work->rekey->path);
}

static void close_folders(struct pl__rekey_work *work) {
    int *const fds[] = {&work->lock, &work->source, &work->staged, &work->parent};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (*fds[i] >= 0) close(*fds[i]);
    for (size_t i = 0; i < work->count; i++)
        pl_free(work->files[i].name);
    pl_free(work->files);
}

/* Is the folder under the old key, or already under the new one? */
static enum pl_code check_keys(struct pl__rekey_work *work, struct pl_error **error) {
    struct pl_rekey *rekey = work->rekey;
    char folder[PATH_MAX];
    bool any;
    if (snprintf(folder, sizeof folder, "%s/store", rekey->path) >= (int)sizeof folder)
        return pl_error_set(error, PL_USAGE, "%s: the path is too long", rekey->path);
    if (pl__seal_check_folder(rekey->path, folder, rekey->to, &any, NULL) == PL_OK && any) {
        rekey->was_done = true;
        return PL_OK;
    }
    enum pl_code code = pl__seal_check_folder(rekey->path, folder, rekey->from, &any, error);
    if (code || any) return code;
    return pl_error_set(error, PL_NOT_FOUND, "%s: not a data folder", rekey->path);
}

static enum pl_code copy(struct pl__rekey_work *work, struct pl_error **error) {
    enum pl_code code = try_exchange(work, error);
    if (!code) code = begin_copy(work, error);
    if (!code) code = pl__rekey_list(work, error);
    if (!code) code = check_room(work, error);
    if (!code) code = pl__rekey_copy_all(work, error);
    return code || work->rekey->ahead ? code : take_place(work, error);
}

enum pl_code pl_store_rekey(struct pl_rekey *rekey, struct pl_error **error) {
    struct pl__rekey_work work = {.rekey = rekey, .parent = -1, .source = -1, .staged = -1, .lock = -1};
    rekey->was_done = false;
    rekey->files = rekey->reused = rekey->bytes = 0;
    enum pl_code code = open_folders(&work, error);
    if (!code) code = lock(&work, error);
    if (!code) code = check_keys(&work, error);
    if (!code) code = rekey->was_done ? pl__rekey_clear(rekey->path, error) : copy(&work, error);
    close_folders(&work);
    return code;
}
