/* reader.c: opening a folder for reading, with a view that is whole, also beside a writer.
 *
 * RocksDB's secondary instance reads the manifest, which says what files there are, and then the write-ahead logs. What
 * the writer moves in between, from a log into a file, is in neither: the view has a hole. But each such move is a line
 * in the manifest. So a view is whole when the manifest is the same before and after it was made, and is made anew
 * (which reads only what is new) until it is.
 *
 * Beside a writer a file that is listed and not there, or cannot be opened, may be one that the writer has done with,
 * and the secondary instance shows the view before it: damage would be hidden. So while there is no writer the database
 * is opened in the strict way.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/seal.h"
#include "store/store_impl.h"

enum { PATIENCE_S = 20, DAMAGE_TRIES = 8, DAMAGE_PAUSE_MS = 20 }; /* the pause doubles: 5 s in all */

/* The manifest at a moment: which, and how long. */
struct mark {
    char name[64];
    off_t size;
};

static bool same(const struct mark *a, const struct mark *b) {
    return strcmp(a->name, b->name) == 0 && a->size == b->size;
}

/* False when it is being replaced, or there is none. */
static bool take_mark(const struct pl_store *store, struct mark *mark) {
    const char *folder = store->impl->folder;
    char path[PATH_MAX];
    struct stat info;
    *mark = (struct mark){.size = -1};
    if (snprintf(path, sizeof path, "%s/CURRENT", folder) >= (int)sizeof path) return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    long length = pl__seal_read(store->impl->key, fd, mark->name, sizeof mark->name - 1);
    close(fd);
    mark->name[length > 0 ? length : 0] = 0;
    mark->name[strcspn(mark->name, "\n")] = 0;
    if (snprintf(path, sizeof path, "%s/%s", folder, mark->name) >= (int)sizeof path || stat(path, &info)) return false;
    mark->size = info.st_size;
    return true;
}

struct damage {
    unsigned times; /* in a row, with the manifest as it is in `at` */
    struct mark at;
};

static bool is_missing(const char *message) {
    return strstr(message, "No such file");
}

static bool is_damage(const char *message) {
    return strncmp(message, "Corruption", strlen("Corruption")) == 0 && !is_missing(message);
}

/* A file that the writer has replaced meanwhile is looked for again. So is what looks damaged, a few times, for longer
 * than a writer stands still on a busy machine: a file may have been read while its end was being written, and only
 * what is damaged for good stays so, whatever the writer does meanwhile. */
static bool comes_again(const char *message, const struct mark *before, struct damage *damage) {
    if (is_missing(message)) return true;
    if (!is_damage(message)) return false;
    if (!same(before, &damage->at)) *damage = (struct damage){.at = *before};
    if (++damage->times > DAMAGE_TRIES) return false;
    const long pause = (long)DAMAGE_PAUSE_MS << (damage->times - 1);
    nanosleep(&(struct timespec){.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000}, NULL);
    return true;
}

static char *open_first(struct pl_store *store, struct mark *before, enum pl_code *code, struct pl_error **error) {
    unsigned there;
    take_mark(store, before);
    char *message = NULL;
    *code = pl__store_families(store, &there, &message, error);
    if (*code || message) return message;
    if (there) return pl__store_open_families(store, PL__BESIDE_WRITER, there);
    *code = pl_error_set(error, PL_NOT_FOUND, "%s: not a data folder", store->path);
    return NULL;
}

static char *catch_up(struct pl_store *store, struct mark *before) {
    char *message = NULL;
    take_mark(store, before);
    rocksdb_try_catch_up_with_primary(store->db, &message);
    return message;
}

static bool has_writer(const struct pl_store *store) {
    return pl__hold_exists(store->impl->folder);
}

/* True: settled, well or not. False: a writer has come, or there is nothing to be opened. */
static bool open_alone(struct pl_store *store, enum pl_code *code, struct pl_error **error) {
    struct mark before, after;
    unsigned there;
    char *message;
    if (has_writer(store) || !take_mark(store, &before)) return false;
    *code = pl__store_families(store, &there, &message, error);
    if (*code) return true;
    if (!message && !there) return false;
    if (!message) message = pl__store_open_families(store, PL__READER, there);
    bool alone = take_mark(store, &after) && same(&before, &after) && !has_writer(store);
    if (alone && message) *code = pl_store_error(store, "opening", message, error);
    if (alone) return true;
    rocksdb_free(message);
    pl__store_close_families(store);
    return false;
}

/* What was opened while the writer made its families lacks those that came later, however often it catches up. */
static bool is_complete(struct pl_store *store, enum pl_code *code, struct pl_error **error) {
    char *message;
    unsigned there;
    *code = pl__store_families(store, &there, &message, error);
    bool complete = !*code && !message;
    rocksdb_free(message);
    for (int i = 0; complete && i < PL_STORE_FAMILIES; i++)
        complete = store->family[i] || !(there >> i & 1);
    return complete;
}

static enum pl_code too_late(const struct pl_store *store, char *message, struct pl_error **error) {
    if (message && !is_damage(message)) return pl_store_error(store, "opening", message, error);
    pl_error_set(error, PL_UNAVAILABLE, "%s: changes faster than it can be read; try again%s%s", store->path,
                 message ? "; what was read last looked damaged: " : "", message ? message : "");
    rocksdb_free(message);
    return PL_UNAVAILABLE;
}

enum pl_code pl__store_open_reader(struct pl_store *store, struct pl_error **error) {
    struct mark before, after;
    enum pl_code code = PL_OK;
    struct damage damage = {0};
    time_t end = time(NULL) + PATIENCE_S;
    if (open_alone(store, &code, error)) return code;
    for (;;) {
        char *message = store->db ? catch_up(store, &before) : open_first(store, &before, &code, error);
        bool late = time(NULL) > end;
        if (code) return code;
        if (!message && take_mark(store, &after) && same(&before, &after)) {
            if (is_complete(store, &code, error)) return PL_OK;
            if (code) return code;
            pl__store_close_families(store);
        }
        if (late) return too_late(store, message, error);
        if (message && !comes_again(message, &before, &damage)) return pl_store_error(store, "opening", message, error);
        if (message && is_damage(message)) pl__store_close_families(store);
        rocksdb_free(message);
    }
}
