/* closed.c: what the files were when the folder was closed in good order.
 *
 * RocksDB takes a damaged end of its logs and of its manifest for the torn end that a crash leaves, and cuts it off:
 * right after a crash, a silent loss after anything else. So a folder that was closed is marked, and what does not
 * match its mark is not opened. Opening for writing breaks the mark before anything is changed; after a crash there is
 * none.
 *
 *     potline 1                          DIR/closed
 *     BYTES HASH NAME                    each log, the manifest and CURRENT
 *     BYTES HASH-OF-THE-END NAME         each table file: RocksDB checks its blocks when it reads them, but takes one
 *                                        whose properties are damaged for one without, and then does not find keys
 *     end HASH                           of all above
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <xxhash.h>

#include "base/buffer.h"
#include "store/store_impl.h"

enum { LINE = 320, MARK_MAX = 64 << 20, PART = 32 << 10, TABLE_END = 16 << 10 };

static const char first_line[] = "potline 1\n", last_word[] = "end ";

static bool path_of(char path[PATH_MAX], const char *folder, const char *name) {
    return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_whole_hashed(const char *name) {
    return ends_with(name, ".log") || strncmp(name, "MANIFEST-", strlen("MANIFEST-")) == 0 ||
           strcmp(name, "CURRENT") == 0;
}

static int is_marked(const struct dirent *entry) {
    return is_whole_hashed(entry->d_name) || ends_with(entry->d_name, ".sst");
}

/* ---- One file ---- */

static bool hash_file(const char *path, off_t from, uint64_t *hash) {
    unsigned char part[PART];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    XXH3_state_t *state = XXH3_createState();
    ssize_t got = fd < 0 || !state ? -1 : 0;
    if (state) XXH3_64bits_reset(state);
    for (off_t at = from; got >= 0 && (got = pread(fd, part, sizeof part, at)) > 0; at += got)
        XXH3_64bits_update(state, part, (size_t)got);
    if (state) *hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    if (fd >= 0) close(fd);
    return got == 0;
}

/* "BYTES HASH NAME\n" of a file as it is now; false: it cannot be read. */
static bool describe(const char *folder, const char *name, char line[LINE]) {
    char path[PATH_MAX];
    struct stat info;
    uint64_t hash = 0;
    if (!path_of(path, folder, name) || stat(path, &info)) return false;
    off_t from = is_whole_hashed(name) || info.st_size < TABLE_END ? 0 : info.st_size - TABLE_END;
    if (!hash_file(path, from, &hash)) return false;
    return snprintf(line, LINE, "%lld %016" PRIx64 " %s\n", (long long)info.st_size, hash, name) < LINE;
}

/* ---- Sealing ---- */

static bool describe_all(const char *folder, struct pl_buffer *out) {
    struct dirent **files;
    char line[LINE];
    int count = scandir(folder, &files, is_marked, alphasort);
    bool good = count >= 0;
    pl_buffer_put(out, first_line, strlen(first_line));
    for (int i = 0; i < count; i++) {
        good = good && describe(folder, files[i]->d_name, line);
        if (good) pl_buffer_put(out, line, strlen(line));
        free(files[i]);
    }
    if (count >= 0) free(files);
    snprintf(line, sizeof line, "%s%016" PRIx64 "\n", last_word, (uint64_t)XXH3_64bits(out->data, out->size));
    pl_buffer_put(out, line, strlen(line));
    return good && !pl_buffer_failed(out);
}

static bool write_mark(const char *path, const struct pl_buffer *bytes) {
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part) return false;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size;
    if (fd >= 0) good &= close(fd) == 0;
    good = good && rename(part, path) == 0;
    if (!good) unlink(part);
    return good;
}

/* Without one nothing is lost: the folder is opened as after a crash. */
void pl__store_mark_closed(const struct pl_store *store) {
    char path[PATH_MAX];
    struct pl_buffer bytes;
    pl_buffer_init(&bytes, MARK_MAX);
    if (path_of(path, store->path, PL__CLOSED) && describe_all(store->impl->folder, &bytes)) write_mark(path, &bytes);
    pl_buffer_fini(&bytes);
}

/* ---- Checking ---- */

struct mark {
    char *text;
    size_t size;
    struct stat info;
};

/* Of size 0: there is none, or one that a loss of power left empty. */
static enum pl_code read_mark(const char *path, struct mark *mark, struct pl_error **error) {
    *mark = (struct mark){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return PL_OK;
    enum pl_code code = PL_OK;
    if (fstat(fd, &mark->info) == 0 && mark->info.st_size > 0 && mark->info.st_size <= MARK_MAX) {
        mark->text = pl_alloc((size_t)mark->info.st_size + 1);
        ssize_t got = mark->text ? read(fd, mark->text, (size_t)mark->info.st_size) : 0;
        mark->size = got > 0 ? (size_t)got : 0;
        if (!mark->text) code = pl_error_set(error, PL_NO_MEMORY, "%s: out of memory", path);
    }
    close(fd);
    return code;
}

/* The mark as it was written, its lines ended with 0 in place of the newline. */
static bool is_whole(struct mark *mark) {
    const size_t last = strlen(last_word) + 16 + 1;
    char expected[32];
    if (mark->size < strlen(first_line) + last || strncmp(mark->text, first_line, strlen(first_line)) != 0)
        return false;
    size_t body = mark->size - last;
    snprintf(expected, sizeof expected, "%s%016" PRIx64 "\n", last_word, (uint64_t)XXH3_64bits(mark->text, body));
    if (memcmp(mark->text + body, expected, last) != 0) return false;
    mark->size = body;
    mark->text[body] = 0;
    return true;
}

/* The name of the first file that is not what it was, NULL: all are. It stands in the mark's text. */
static const char *find_changed(const char *folder, struct mark *mark) {
    char line[LINE];
    for (char *at = mark->text + strlen(first_line), *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        char *name = strrchr(at, ' ');
        if (!name || !describe(folder, name + 1, line)) return name ? name + 1 : at;
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, at) != 0) return name + 1;
    }
    return NULL;
}

/* Has a writer broken it meanwhile? */
static bool still_there(const char *path, const struct mark *mark) {
    struct stat now;
    return stat(path, &now) == 0 && now.st_ino == mark->info.st_ino &&
           now.st_mtim.tv_sec == mark->info.st_mtim.tv_sec && now.st_mtim.tv_nsec == mark->info.st_mtim.tv_nsec;
}

enum pl_code pl__store_check_closed(const struct pl_store *store, struct pl_error **error) {
    char path[PATH_MAX];
    struct mark mark;
    if (!path_of(path, store->path, PL__CLOSED)) return PL_OK;
    enum pl_code code = read_mark(path, &mark, error);
    bool whole = mark.size && is_whole(&mark);
    if (mark.size && !whole)
        pl_diag(PL_WARN, "%s: the file \"" PL__CLOSED "\" is damaged; the other files are not held against it",
                store->path);
    const char *changed = whole ? find_changed(store->impl->folder, &mark) : NULL;
    if (changed && still_there(path, &mark))
        code = pl_error_set(error, PL_CORRUPT, "%s: damaged: store/%s is not what it was when the folder was closed",
                            store->path, changed);
    pl_free(mark.text);
    return code;
}

enum pl_code pl__store_mark_open(const char *data, struct pl_error **error) {
    char path[PATH_MAX];
    if (!path_of(path, data, PL__CLOSED)) return PL_OK;
    if (unlink(path)) return errno == ENOENT ? PL_OK : pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    int fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0; /* else it could be there again after a loss of power */
    int why = errno;
    if (fd >= 0) close(fd);
    return synced ? PL_OK : pl_error_set(error, PL_IO, "%s: %s", data, strerror(why));
}
