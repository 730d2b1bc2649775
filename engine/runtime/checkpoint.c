#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/fault.h"
#include "runtime/exchange.h"
#include "store/ledger.h"

static const pl_time again_after = 250 * PL_MILLISECOND;

/* What a task has brought. */
struct part {
    struct part *next;
    unsigned task;
    uint64_t epoch;
    struct pl_changes changes;
};

struct pl_checkpoints {
    struct pl_checkpoints_options options;
    pthread_t thread;
    bool has_thread;
    _Atomic uint64_t done, told;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    uint64_t *passed; /* [task]: the last barrier */
    bool *gone;       /* [task]: waits for no barrier */
    struct part *parts, **parts_end;
    uint64_t *reached;    /* [partition]: the last barrier that was passed on */
    uint64_t *sequence;   /* [partition]: where that stands */
    int64_t begun;        /* when that was; 0: none is */
    bool overdue;         /* and that it takes too long has been said */
    _Atomic bool stopped; /* changed with the lock */
    bool closing;
    struct pl_checkpoint_stats stats;
};

/* ---- What is brought ---- */

/* The barrier that everything is behind; 0: none is new. With the lock held. */
static uint64_t complete(const struct pl_checkpoints *cp) {
    uint64_t least = UINT64_MAX;
    for (unsigned p = 0; p < cp->options.now->partitions; p++)
        if (cp->options.owned[p] && cp->reached[p] < least) least = cp->reached[p];
    for (unsigned i = 0; i < cp->options.tasks + cp->options.counting; i++)
        if (!cp->gone[i] && cp->passed[i] < least) least = cp->passed[i];
    if (least == UINT64_MAX) return 0; /* a group's engine that has no partition */
    return least <= atomic_load(&cp->done) || cp->stopped ? 0 : least;
}

/* With the lock held. */
static void note_done(struct pl_checkpoints *cp, uint64_t epoch, uint64_t bytes) {
    cp->stats.epoch = epoch;
    cp->stats.written++;
    cp->stats.at = pl_clock_now(cp->options.clock);
    cp->stats.seconds = cp->begun ? (double)(pl_clock_monotonic() - cp->begun) * 1e-9 : 0;
    cp->stats.bytes = bytes;
    cp->begun = 0;
    if (cp->overdue) pl_diag(PL_WARN, "checkpoint %" PRIu64 " is done, after %.1f s", epoch, cp->stats.seconds);
    cp->overdue = false;
    atomic_store(&cp->done, epoch);
}

/* Gives the lock back. */
static void settle(struct pl_checkpoints *cp, bool good) {
    uint64_t epoch = 0;
    bool failed = !good && !cp->stopped;
    if (failed) cp->stopped = true;
    if (cp->has_thread) {
        pthread_cond_signal(&cp->changed);
    } else if ((epoch = complete(cp))) {
        note_done(cp, epoch, 0);
    }
    pthread_mutex_unlock(&cp->lock);
    if (failed) cp->options.failed(cp->options.engine, "no memory for a checkpoint");
    if (epoch) cp->options.done(cp->options.engine, epoch);
}

/* Once they are stopped barriers pass without waiting for the epoch before, which may be being written with its own
 * places at that moment. */
void pl_checkpoint_stands(struct pl_checkpoints *cp, uint64_t epoch, unsigned partition, uint64_t sequence) {
    pthread_mutex_lock(&cp->lock);
    if (!cp->stopped) {
        cp->reached[partition] = epoch;
        cp->sequence[partition] = sequence;
        if (!cp->begun) cp->begun = pl_clock_monotonic();
    }
    settle(cp, true);
}

static void free_changes(struct pl_changes *changes) {
    pl_buffer_fini(&changes->entries);
    pl_exchanged_free(changes->exchanged);
    while (changes->file_count)
        close(changes->files[--changes->file_count]);
}

/* False without memory. */
static bool bring(struct pl_checkpoints *cp, unsigned task, uint64_t epoch, struct pl_changes *changes) {
    bool good = !pl_buffer_failed(&changes->entries);
    bool some = cp->has_thread && (changes->entries.size || changes->exchanged);
    struct part *part = good && some ? PL_NEW(struct part) : NULL;
    if (!part) {
        good &= !some;
        free_changes(changes);
        return good;
    }
    *part = (struct part){.task = task, .epoch = epoch, .changes = *changes};
    *cp->parts_end = part;
    cp->parts_end = &part->next;
    return true;
}

void pl_checkpoint_passed(struct pl_checkpoints *cp, unsigned task, uint64_t epoch, struct pl_changes *changes) {
    pthread_mutex_lock(&cp->lock);
    cp->passed[task] = epoch;
    settle(cp, bring(cp, task, epoch, changes));
}

void pl_checkpoint_ended(struct pl_checkpoints *cp, unsigned task, uint64_t epoch, struct pl_changes *changes) {
    pthread_mutex_lock(&cp->lock);
    cp->gone[task] = true;
    settle(cp, bring(cp, task, epoch, changes));
}

void pl_checkpoints_leave_out(struct pl_checkpoints *cp, unsigned task) {
    pthread_mutex_lock(&cp->lock);
    cp->gone[task] = true;
    pthread_mutex_unlock(&cp->lock);
}

void pl_checkpoints_stop(struct pl_checkpoints *cp) {
    pthread_mutex_lock(&cp->lock);
    cp->stopped = true;
    pthread_mutex_unlock(&cp->lock);
}

bool pl_checkpoints_stopped(const struct pl_checkpoints *cp) {
    return atomic_load(&cp->stopped);
}

/* ---- Writing ---- */

/* The parts that belong to an epoch up to this one, in the order in which they were brought. With the lock held. */
static struct part *take_parts(struct pl_checkpoints *cp, uint64_t epoch) {
    struct part *taken = NULL, **end = &taken, **at = &cp->parts;
    while (*at) {
        struct part *part = *at;
        if (part->epoch > epoch) {
            at = &part->next;
            continue;
        }
        *at = part->next;
        part->next = NULL;
        *end = part;
        end = &part->next;
    }
    cp->parts_end = at;
    return taken;
}

static void free_parts(struct part *parts) {
    while (parts) {
        struct part *next = parts->next;
        free_changes(&parts->changes);
        pl_free(parts);
        parts = next;
    }
}

static const char *node_of(const struct pl_checkpoints *cp, unsigned task, uint16_t *partition) {
    if (task >= cp->options.tasks) {
        *partition = (uint16_t)(task - cp->options.tasks);
        return PL_LEDGER_NODE;
    }
    *partition = cp->options.task[task].partition;
    return cp->options.task[task].node;
}

static enum pl_code sync_files(const struct pl_changes *changes, const char *node, struct pl_error **error) {
    for (unsigned i = 0; i < changes->file_count; i++)
        if (fdatasync(changes->files[i]))
            return pl_error_set(error, PL_IO, "node %s: its file cannot be synced: %s", node, strerror(errno));
    return PL_OK;
}

static enum pl_code tell_group(struct pl_checkpoints *cp, const struct pl_epoch *epoch, const struct part *parts,
                               struct pl_error **error) {
    struct pl_changelog *changelog = cp->options.changelog;
    bool done = false;
    enum pl_code code = pl_epochs_prepare(cp->options.epochs, epoch, error);
    if (!code) code = pl_changelog_begin(changelog, &done, error);
    if (code || done) return code;
    PL_FAULT("group.begun");
    for (; parts && !code; parts = parts->next) {
        uint16_t partition;
        const char *node = node_of(cp, parts->task, &partition);
        code = pl_changelog_put(changelog, node, partition, &parts->changes.entries, error);
        if (!code && parts->changes.exchanged) code = pl_exchanged_put(parts->changes.exchanged, changelog->log, error);
    }
    if (!code)
        code = pl_changelog_end(changelog, epoch, error);
    else
        pl_changelog_drop(changelog);
    PL_FAULT("group.told");
    return code;
}

static enum pl_code write_epoch(struct pl_checkpoints *cp, const struct pl_epoch *epoch, const struct part *parts,
                                uint64_t *bytes, struct pl_error **error) {
    const struct part *all = parts;
    enum pl_code code = PL_OK;
    *bytes = 0;
    for (; parts && !code; parts = parts->next) {
        uint16_t partition;
        const char *node = node_of(cp, parts->task, &partition);
        const struct pl_changes *changes = &parts->changes;
        *bytes += changes->entries.size;
        code = pl_epochs_put(cp->options.epochs, epoch->number, node, partition, &changes->entries, error);
        if (!code && cp->options.sync) code = sync_files(changes, node, error);
    }
    if (!code && cp->options.changelog) code = tell_group(cp, epoch, all, error);
    return code ? code : pl_epochs_commit(cp->options.epochs, epoch, cp->options.sync, error);
}

static void fail(struct pl_checkpoints *cp, enum pl_code code, struct pl_error *error) {
    if (code == PL_CONFLICT && cp->options.fenced) {
        pl_error_free(&error);
        cp->options.fenced(cp->options.engine);
        return;
    }
    char why[1200];
    char *text = error ? pl_error_text(error) : NULL;
    snprintf(why, sizeof why, "a checkpoint cannot be written%s%s", text ? ": " : "", text ? text : "");
    cp->options.failed(cp->options.engine, why);
    pl_free(text);
    pl_error_free(&error);
}

/* With the lock held. */
static void wait_for(struct pl_checkpoints *cp, pl_time time) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    pl_time sum = at.tv_nsec + time;
    at.tv_sec += sum / PL_SECOND;
    at.tv_nsec = sum % PL_SECOND;
    pthread_cond_timedwait(&cp->changed, &cp->lock, &at);
}

/* The disk is full: false when there is no more time to wait for room. */
static bool wait_for_room(struct pl_checkpoints *cp, bool first, struct pl_error **error) {
    if (first) pl_diag(PL_ERROR, "a checkpoint waits: %s", *error ? (*error)->text : "no room");
    pthread_mutex_lock(&cp->lock);
    if (!cp->closing && !cp->stopped) wait_for(cp, again_after);
    bool go_on = !cp->closing && !cp->stopped;
    pthread_mutex_unlock(&cp->lock);
    if (go_on) pl_error_free(error);
    return go_on;
}

/* Tried again until there is room for it. */
static enum pl_code write_with_room(struct pl_checkpoints *cp, const struct pl_epoch *epoch, const struct part *parts,
                                    uint64_t *bytes, struct pl_error **error) {
    enum pl_code code;
    bool first = true;
    while ((code = write_epoch(cp, epoch, parts, bytes, error)) == PL_UNAVAILABLE && wait_for_room(cp, first, error))
        first = false;
    return code;
}

/* Called and left with the lock held. */
static void write_one(struct pl_checkpoints *cp, uint64_t number) {
    struct pl_epoch epoch = *cp->options.now;
    struct part *parts = take_parts(cp, number);
    struct pl_error *error = NULL;
    uint64_t bytes = 0;
    epoch.number = number;
    epoch.time = pl_clock_now(cp->options.clock);
    epoch.sequence = cp->sequence; /* stays until this one is done */
    pthread_mutex_unlock(&cp->lock);
    enum pl_code code = write_with_room(cp, &epoch, parts, &bytes, &error);
    free_parts(parts);
    pthread_mutex_lock(&cp->lock);
    if (code)
        cp->stopped = true;
    else
        note_done(cp, number, bytes);
    pthread_mutex_unlock(&cp->lock);
    if (code)
        fail(cp, code, error);
    else
        cp->options.done(cp->options.engine, number);
    if (!code) atomic_store(&cp->told, number);
    pthread_mutex_lock(&cp->lock);
}

/* ---- One that takes too long ---- */

/* "in, clean/1, ... ": who has not passed the barrier; with the lock held. */
static void name_late(const struct pl_checkpoints *cp, uint64_t epoch, char *text, size_t size) {
    size_t used = 0;
    unsigned more = 0;
    text[0] = 0;
    for (unsigned i = 0; i < cp->options.tasks; i++) {
        uint16_t partition;
        if (cp->gone[i] || cp->passed[i] >= epoch) continue;
        const char *name = node_of(cp, i, &partition);
        if (used > size / 2)
            more++;
        else
            used += (size_t)snprintf(text + used, size - used, "%s%s/%u", used ? ", " : "", name, partition);
    }
    if (more) snprintf(text + used, size - used, " and %u more", more);
}

static void say_overdue(struct pl_checkpoints *cp) {
    uint64_t done = atomic_load(&cp->done), epoch = done + 1;
    char late[4 * (PL_NAME_MAX + 8)];
    name_late(cp, epoch, late, sizeof late);
    cp->overdue = true;
    cp->stats.overdue++;
    pl_diag(PL_ERROR,
            "checkpoint %" PRIu64 " has been under way for %.1f s: it waits for %s; a death now goes back to %" PRIu64,
            epoch, (double)cp->options.limit / (double)PL_SECOND, late[0] ? late : "the disk", done);
}

/* Until something changes; with the lock held. */
static void wait_for_change(struct pl_checkpoints *cp) {
    if (!cp->begun || cp->overdue || !cp->options.limit || cp->stopped) {
        pthread_cond_wait(&cp->changed, &cp->lock);
        return;
    }
    int64_t left = cp->begun + cp->options.limit - pl_clock_monotonic();
    if (left > 0)
        wait_for(cp, left);
    else
        say_overdue(cp);
}

static void *write_epochs(void *arg) {
    struct pl_checkpoints *cp = arg;
    pthread_setname_np(pthread_self(), "checkpoint");
    pthread_mutex_lock(&cp->lock);
    for (;;) {
        uint64_t epoch = complete(cp);
        if (epoch)
            write_one(cp, epoch);
        else if (cp->closing)
            break;
        else
            wait_for_change(cp);
    }
    pthread_mutex_unlock(&cp->lock);
    return NULL;
}

/* ---- Life ---- */

enum pl_code pl_checkpoints_new(const struct pl_checkpoints_options *options, struct pl_checkpoints **checkpoints,
                                struct pl_error **error) {
    struct pl_checkpoints *cp = *checkpoints = PL_NEW(struct pl_checkpoints);
    if (!cp) return pl_error_set(error, PL_NO_MEMORY, "no memory for checkpoints");
    cp->options = *options;
    cp->parts_end = &cp->parts;
    pthread_mutex_init(&cp->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cp->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    atomic_init(&cp->done, options->now->number);
    atomic_init(&cp->told, options->now->number);
    cp->stats.epoch = options->now->number;
    cp->stats.at = options->now->time;
    unsigned participants = options->tasks + options->counting;
    cp->passed = pl_alloc((participants + 1) * sizeof *cp->passed);
    cp->gone = pl_alloc((participants + 1) * sizeof *cp->gone);
    cp->reached = pl_alloc((options->now->partitions + 1) * sizeof *cp->reached);
    cp->sequence = pl_alloc((options->now->partitions + 1) * sizeof *cp->sequence);
    bool made = cp->passed && cp->gone && cp->reached && cp->sequence;
    for (unsigned p = 0; made && p < options->now->partitions; p++)
        if (!options->owned[p]) cp->sequence[p] = UINT64_MAX;
    if (made && options->store) made = cp->has_thread = pthread_create(&cp->thread, NULL, write_epochs, cp) == 0;
    if (made) return PL_OK;
    pl_checkpoints_free(cp);
    *checkpoints = NULL;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for checkpoints");
}

void pl_checkpoints_close(struct pl_checkpoints *cp) {
    if (!cp || !cp->has_thread || cp->closing) return;
    pthread_mutex_lock(&cp->lock);
    cp->closing = true;
    pthread_cond_signal(&cp->changed);
    pthread_mutex_unlock(&cp->lock);
    pthread_join(cp->thread, NULL);
}

void pl_checkpoints_free(struct pl_checkpoints *cp) {
    if (!cp) return;
    pl_checkpoints_close(cp);
    free_parts(cp->parts);
    pl_free(cp->passed);
    pl_free(cp->gone);
    pl_free(cp->reached);
    pl_free(cp->sequence);
    pthread_cond_destroy(&cp->changed);
    pthread_mutex_destroy(&cp->lock);
    pl_free(cp);
}

const _Atomic uint64_t *pl_checkpoints_done(const struct pl_checkpoints *cp) {
    return &cp->done;
}

uint64_t pl_checkpoints_told(const struct pl_checkpoints *cp) {
    return atomic_load(&cp->told);
}

/* What a task that is gone has brought is nobody's. With the lock held. */
static void renumber_parts(struct pl_checkpoints *cp, unsigned tasks, const int *map) {
    struct part *gone = NULL, **at = &cp->parts;
    while (*at) {
        struct part *part = *at;
        bool lane = part->task >= cp->options.tasks;
        if (!lane && map[part->task] == PL_CHECKPOINT_GONE) {
            *at = part->next;
            part->next = gone;
            gone = part;
            continue;
        }
        part->task = lane ? part->task - cp->options.tasks + tasks : (unsigned)map[part->task];
        at = &part->next;
    }
    cp->parts_end = at;
    free_parts(gone);
}

struct pl_checkpoints_room {
    uint64_t *passed;
    bool *gone;
};

struct pl_checkpoints_room *pl_checkpoints_room(const struct pl_checkpoints *cp, unsigned tasks) {
    struct pl_checkpoints_room *room = PL_NEW(struct pl_checkpoints_room);
    unsigned participants = tasks + cp->options.counting;
    if (!room) return NULL;
    room->passed = pl_alloc((participants + 1) * sizeof *room->passed);
    room->gone = pl_alloc((participants + 1) * sizeof *room->gone);
    if (room->passed && room->gone) return room;
    pl_checkpoints_room_free(room);
    return NULL;
}

void pl_checkpoints_room_free(struct pl_checkpoints_room *room) {
    if (!room) return;
    pl_free(room->passed);
    pl_free(room->gone);
    pl_free(room);
}

void pl_checkpoints_change(struct pl_checkpoints *cp, const struct pl_checkpoints_change *change) {
    struct pl_checkpoints_room *room = change->room;
    pthread_mutex_lock(&cp->lock);
    for (unsigned i = 0; i < change->tasks; i++)
        room->passed[i] = atomic_load(&cp->done);
    for (unsigned i = 0; i < cp->options.tasks + cp->options.counting; i++) {
        bool lane = i >= cp->options.tasks;
        if (!lane && change->map[i] == PL_CHECKPOINT_GONE) continue;
        unsigned to = lane ? change->tasks + i - cp->options.tasks : (unsigned)change->map[i];
        room->passed[to] = cp->passed[i];
        room->gone[to] = cp->gone[i];
    }
    renumber_parts(cp, change->tasks, change->map);
    struct pl_checkpoints_room before = {cp->passed, cp->gone};
    cp->passed = room->passed;
    cp->gone = room->gone;
    *room = before;
    cp->options.now = change->now;
    cp->options.tasks = change->tasks;
    cp->options.task = change->task;
    cp->options.limit = change->limit;
    pthread_mutex_unlock(&cp->lock);
    pl_checkpoints_room_free(room);
}

void pl_checkpoints_stats(struct pl_checkpoints *cp, struct pl_checkpoint_stats *stats) {
    pthread_mutex_lock(&cp->lock);
    *stats = cp->stats;
    stats->under_way = cp->begun ? (double)(pl_clock_monotonic() - cp->begun) * 1e-9 : 0;
    pthread_mutex_unlock(&cp->lock);
}
