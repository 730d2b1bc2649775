#include "copies.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/fault.h"
#include "runtime/savepoint.h"
#include "store/backup.h"
#include "store/snapshot.h"

static const pl_time LOOK_EVERY = 20 * PL_MILLISECOND;
enum { MIB = 1 << 20 };

const char *const pl_copy_names[] = {"backup", "savepoint", NULL};
const char *const pl_copy_states[] = {"none", "running", "done", "failed", NULL};

struct pl_copies {
    struct pl_copies_options options;
    pthread_t thread;
    bool has_thread; /* to be joined */
    struct pl_copy copy;

    pthread_mutex_t lock; /* of what follows */
    struct pl_copy_status status;
    int64_t begun;
    bool closing;
};

/* ---- While it runs ---- */

static bool goes_on(struct pl_copies *copies) {
    pthread_mutex_lock(&copies->lock);
    bool on = !copies->closing;
    pthread_mutex_unlock(&copies->lock);
    return on;
}

static bool progress(void *arg, uint64_t done, uint64_t all) {
    struct pl_copies *copies = arg;
    pthread_mutex_lock(&copies->lock);
    copies->status.done = done;
    copies->status.bytes = all;
    bool on = !copies->closing;
    pthread_mutex_unlock(&copies->lock);
    return on;
}

static enum pl_code await_epoch(struct pl_copies *copies, struct pl_error **error) {
    const struct timespec pause = {.tv_nsec = LOOK_EVERY};
    while (!copies->options.checkpointed(copies->options.engine, copies->copy.asked)) {
        if (!goes_on(copies)) return pl_error_set(error, PL_BUSY, "interrupted");
        nanosleep(&pause, NULL);
    }
    return PL_OK;
}

static enum pl_code back_up(struct pl_copies *copies, const char *snapshot, pl_time time, char what[512],
                            struct pl_error **error) {
    struct pl_backup backup = {.from = snapshot,
                               .of = copies->options.store->path,
                               .to = copies->copy.to,
                               .key = pl_store_key(copies->options.store),
                               .time = time,
                               .keep = copies->copy.keep,
                               .verify = copies->copy.verify,
                               .progress = progress,
                               .arg = copies};
    enum pl_code code = pl_backup_make(&backup, error);
    if (code) return code;
    snprintf(what, 512, "backup %" PRIu64 ": %" PRIu64 " files, %" PRIu64 " of them (%" PRIu64 " MiB) copied",
             backup.made.id, backup.made.files, backup.copied_files, backup.copied_bytes / MIB);
    pthread_mutex_lock(&copies->lock);
    copies->status.id = backup.made.id;
    copies->status.epoch = backup.made.epoch;
    pthread_mutex_unlock(&copies->lock);
    return PL_OK;
}

static enum pl_code save(struct pl_copies *copies, const char *snapshot, char what[512], struct pl_error **error) {
    struct pl_savepoint_write write = {.from = snapshot,
                                       .to = copies->copy.to,
                                       .key = pl_store_key(copies->options.store),
                                       .progress = progress,
                                       .arg = copies};
    enum pl_code code = pl_savepoint_write(&write, error);
    if (code) return code;
    snprintf(what, 512, "epoch %" PRIu64 ": %" PRIu64 " bytes", write.epoch, write.bytes);
    pthread_mutex_lock(&copies->lock);
    copies->status.epoch = write.epoch;
    pthread_mutex_unlock(&copies->lock);
    return PL_OK;
}

static enum pl_code make(struct pl_copies *copies, char what[512], struct pl_error **error) {
    struct pl_store *store = copies->options.store;
    char *snapshot = NULL;
    enum pl_code code = copies->copy.kind == PL_COPY_SAVEPOINT ? await_epoch(copies, error) : PL_OK;
    pl_time time = pl_clock_now(copies->options.clock);
    if (!code) code = pl_store_snapshot(store, &snapshot, error);
    if (code) return code;
    code = copies->copy.kind == PL_COPY_BACKUP ? back_up(copies, snapshot, time, what, error)
                                               : save(copies, snapshot, what, error);
    pl_free(snapshot);
    enum pl_code removed = pl_store_snapshot_remove(store->path, code ? NULL : error);
    return code ? code : removed;
}

static void *run(void *arg) {
    struct pl_copies *copies = arg;
    const char *name = pl_copy_names[copies->copy.kind];
    struct pl_error *error = NULL;
    char what[512] = "";
    pthread_setname_np(pthread_self(), "copy");
    enum pl_code code = make(copies, what, &error);
    if (code) {
        char *text = error ? pl_error_text(error) : NULL;
        snprintf(what, sizeof what, "%s", text ? text : pl_code_text(code));
        pl_free(text);
    }
    pl_error_free(&error);
    pl_diag(code ? PL_ERROR : PL_INFO, "%s to %s %s%s", name, copies->copy.to, code ? "failed: " : "is done: ", what);
    pl_journal_copy(copies->options.journal, name, copies->copy.to, code ? what : NULL, code ? NULL : what);
    pthread_mutex_lock(&copies->lock);
    copies->status.state = code ? PL_COPY_FAILED : PL_COPY_DONE;
    copies->status.seconds = (double)(pl_clock_monotonic() - copies->begun) * 1e-9;
    snprintf(copies->status.what, sizeof copies->status.what, "%s", what);
    pthread_mutex_unlock(&copies->lock);
    return NULL;
}

/* ---- Starting ---- */

/* What can be seen at once need not be found out by the thread. */
static enum pl_code check_target(const struct pl_copy *copy, struct pl_error **error) {
    struct stat found;
    bool there = lstat(copy->to, &found) == 0;
    if (copy->to[0] != '/' || strlen(copy->to) >= sizeof((struct pl_copy_status *)NULL)->to)
        return pl_error_set(error, PL_USAGE, "\"%s\": an absolute path is wanted, as this engine sees it", copy->to);
    if (there && copy->kind == PL_COPY_SAVEPOINT)
        return pl_error_set(error, PL_CONFLICT, "%s: there is such a file already; a savepoint is a new one", copy->to);
    if (there && copy->kind == PL_COPY_BACKUP && S_ISREG(found.st_mode))
        return pl_error_set(error, PL_CONFLICT, "%s is a file; backups are kept in a folder", copy->to);
    return PL_OK;
}

enum pl_code pl_copies_start(struct pl_copies *copies, const struct pl_copy *copy, uint64_t *number,
                             struct pl_error **error) {
    struct pl_copy_status *status = &copies->status;
    enum pl_code code = check_target(copy, error);
    if (code) return code;
    pthread_mutex_lock(&copies->lock);
    bool busy = status->state == PL_COPY_RUNNING;
    if (!busy) {
        *status = (struct pl_copy_status){.state = PL_COPY_RUNNING, .kind = copy->kind, .number = status->number + 1};
        snprintf(status->to, sizeof status->to, "%s", copy->to);
        copies->begun = pl_clock_monotonic();
        *number = status->number;
    }
    pthread_mutex_unlock(&copies->lock);
    if (busy)
        return pl_error_set(error, PL_BUSY, "a %s to %s is under way; see: copies", pl_copy_names[status->kind],
                            status->to);
    if (copies->has_thread) pthread_join(copies->thread, NULL);
    copies->copy = *copy;
    copies->copy.to = status->to;
    copies->has_thread = pthread_create(&copies->thread, NULL, run, copies) == 0;
    if (copies->has_thread) return PL_OK;
    pthread_mutex_lock(&copies->lock);
    status->state = PL_COPY_FAILED;
    pthread_mutex_unlock(&copies->lock);
    return pl_error_set(error, PL_NO_MEMORY, "no thread for it");
}

void pl_copies_status(struct pl_copies *copies, struct pl_copy_status *status) {
    pthread_mutex_lock(&copies->lock);
    *status = copies->status;
    if (status->state == PL_COPY_RUNNING) status->seconds = (double)(pl_clock_monotonic() - copies->begun) * 1e-9;
    pthread_mutex_unlock(&copies->lock);
}

enum pl_code pl_copies_new(const struct pl_copies_options *options, struct pl_copies **copies,
                           struct pl_error **error) {
    *copies = PL_NEW(struct pl_copies);
    if (!*copies) return pl_error_set(error, PL_NO_MEMORY, "no memory for copies of the data folder");
    (*copies)->options = *options;
    pthread_mutex_init(&(*copies)->lock, NULL);
    return PL_OK;
}

void pl_copies_free(struct pl_copies *copies) {
    if (!copies) return;
    pthread_mutex_lock(&copies->lock);
    copies->closing = true;
    pthread_mutex_unlock(&copies->lock);
    if (copies->has_thread) pthread_join(copies->thread, NULL);
    pthread_mutex_destroy(&copies->lock);
    pl_free(copies);
}
