/* intake_log.c: what the intake records: gathered, appended at once, tried again where the log has no room; barriers.
 */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/intake_impl.h"
#include "runtime/retell.h"
#include "runtime/task.h"

enum { RECORDS_LEAST = 1024, TRY_AGAIN_MS = 250 };

void pl__intake_fail(struct pl_intake *intake, const char *what, struct pl_error *error) {
    char *text = error ? pl_error_text(error) : NULL;
    char why[1200];
    snprintf(why, sizeof why, "%s%s%s", what, text ? ": " : "", text ? text : "");
    if (!intake->failed) intake->options.failed(intake->options.engine, why);
    intake->failed = true;
    pl_free(text);
    pl_error_free(&error);
}

/* ---- Records ---- */

/* NULL without memory, which the intake has failed for then. */
struct pl_log_record *pl__intake_record(struct pl_intake *intake, enum pl_log_type type, unsigned partition) {
    if (intake->record_count == intake->record_room) {
        unsigned room = intake->record_room ? 2 * intake->record_room : RECORDS_LEAST;
        struct pl_log_record *grown = pl_realloc(intake->records, room * sizeof *grown);
        if (!grown) {
            pl__intake_fail(intake, "no memory for what is to be recorded", NULL);
            return NULL;
        }
        intake->records = grown;
        intake->record_room = room;
    }
    struct pl_log_record *record = &intake->records[intake->record_count++];
    *record = (struct pl_log_record){.type = type, .partition = (uint16_t)partition};
    intake->changed |= type != PL_LOG_BARRIER;
    return record;
}

void pl__intake_record_everywhere(struct pl_intake *intake, unsigned feed, enum pl_log_type type, uint16_t flags) {
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        struct pl_log_record *record = pl__intake_record(intake, type, p);
        if (!record) return;
        record->source = intake->feeds.names[feed];
        record->watermark = intake->feeds.feed[feed].watermark;
        record->flags = flags;
    }
}

/* What a log would do: a sequence number a row, at least one a record. */
static void number_records(struct pl_intake *intake) {
    for (unsigned i = 0; i < intake->record_count; i++) {
        struct pl_log_record *record = &intake->records[i];
        uint64_t *next = &intake->lanes[record->partition].sequence;
        record->sequence = *next;
        if (record->batch) record->batch->header->first_sequence = *next;
        *next += record->batch ? record->batch->rows : 1;
    }
}

/* ---- A log without room ---- */

static void try_again(uv_timer_t *timer) {
    struct pl_intake *intake = timer->data;
    intake->resting = false;
    pl_ready(&intake->runnable);
}

static void wait_for_room(struct pl_intake *intake, pl_time begun, struct pl_error *error) {
    pl_time quiet = intake->options.shared ? PL_ROOM_QUIET : 0;
    bool first = !intake->room.full;
    if (pl_room_refused(&intake->room, begun, pl_clock_monotonic(), quiet)) {
        pl_diag(PL_ERROR, "the log takes nothing: %s; all sources wait until it does", error ? error->text : "no room");
        atomic_store(&intake->stats.full, true);
    } else if (first) {
        pl_diag(PL_DEBUG, "the log takes nothing just now: %s", error ? error->text : "no room");
    }
    atomic_store(&intake->stats.fulls, intake->room.times);
    pl_error_free(&error);
    intake->resting = true;
    uv_timer_start(&intake->room_timer, try_again, TRY_AGAIN_MS, 0);
}

/* Nobody was silent meanwhile: nobody was listened to. */
static void found_room(struct pl_intake *intake) {
    pl_time now = pl_clock_now(intake->options.clock);
    double waited = (double)(pl_clock_monotonic() - intake->room.since) / (double)PL_SECOND;
    pl_diag(pl_room_found(&intake->room) ? PL_WARN : PL_DEBUG, "the log takes rows again, after %.1f s: sources go on",
            waited);
    for (unsigned i = 0; i < intake->feeds.count; i++)
        intake->feeds.feed[i].heard = now;
    atomic_store(&intake->stats.full, false);
}

/* False: the records wait. What was offered is offered again just so, for a log may not know yet whether it has it. */
static bool put_into_log(struct pl_intake *intake, unsigned count) {
    struct pl_log *log = intake->options.log;
    struct pl_error *error = NULL;
    if (intake->resting) return false;
    pl_time begun = pl_clock_monotonic();
    enum pl_code code = log->ops->append(log, intake->records, count, &error);
    intake->offered = code == PL_UNAVAILABLE ? count : 0;
    if (code == PL_UNAVAILABLE) {
        wait_for_room(intake, begun, error);
        return false;
    }
    if (code == PL_CONFLICT && intake->options.shared) {
        pl_error_free(&error);
        intake->failed = true;
        intake->options.fenced(intake->options.engine);
    } else if (code) {
        pl__intake_fail(intake, "the log takes nothing", error);
    }
    if (intake->room.full) found_room(intake);
    return true;
}

/* Sources that wait for it hear what the log has of them. */
static void tell_durable(struct pl_intake *intake) {
    for (unsigned i = 0; i < intake->feeds.inlet_count; i++) {
        struct pl_inlet *inlet = &intake->feeds.inlet[i];
        if (!inlet->durable || inlet->told == inlet->groups) continue;
        inlet->told = inlet->groups;
        pl_durable_appended(inlet->durable, inlet->position.data, inlet->position.size, !intake->options.syncer);
    }
}

/* Appends the first records and passes them on. False: they wait. */
static bool append_first(struct pl_intake *intake, unsigned count) {
    struct pl_error *error = NULL;
    if (!intake->options.log)
        number_records(intake);
    else if (!intake->failed && !put_into_log(intake, count))
        return false;
    pl_syncer_touch(intake->options.syncer);
    pl_stat_add(&intake->stats.records, count);
    for (unsigned i = 0; i < count; i++) {
        struct pl_log_record *record = &intake->records[i];
        if (!intake->failed && pl_lane_put(&intake->lanes[record->partition], record, &error))
            pl__intake_fail(intake, "the intake cannot go on", error);
        if (record->batch) pl_batch_unref(record->batch);
    }
    intake->record_count -= count;
    memmove(intake->records, intake->records + count, intake->record_count * sizeof *intake->records);
    return true;
}

/* Appends what has been gathered and passes it on. */
void pl__intake_append(struct pl_intake *intake) {
    if (intake->record_count == 0) return;
    while (intake->record_count)
        if (!append_first(intake, intake->offered ? intake->offered : intake->record_count)) return;
    if (intake->options.log && !intake->failed) tell_durable(intake);
    while (intake->position_count)
        pl_free(intake->positions[--intake->position_count]);
}

/* ---- Barriers ---- */

/* Of a group's partition: the sources that follow it, and in front of which numbers, in every partition, nothing stands
 * that this does not know of. */
static void pack_body(struct pl_intake *intake, unsigned partition) {
    struct pl_pack *pack = intake->bodies[partition];
    bool shared = intake->options.shared;
    pl_pack_reset(pack);
    pl_feeds_pack(&intake->feeds, intake->options.tags, shared ? (int)partition : PL_FEEDS_ALL, pack);
    for (unsigned p = 0; shared && p < intake->options.partitions; p++)
        pl_pack_uint(pack, intake->options.log->ops->next(intake->options.log, p));
    if (pl_pack_failed(pack)) pl__intake_fail(intake, "no memory for a barrier", NULL);
}

/* It says what is known of the sources, so that nothing in front of it has to be read again. */
void pl__intake_put_barrier(struct pl_intake *intake) {
    pl__intake_append(intake);
    intake->epoch++;
    for (unsigned p = 0; p < intake->options.lanes && !intake->failed; p++) {
        if (!intake->options.owned[p]) continue;
        struct pl_log_record *record = pl__intake_record(intake, PL_LOG_BARRIER, p);
        if (!record) return;
        record->epoch = intake->epoch;
        record->watermark = intake->run;
        if (intake->options.shared ? p >= intake->options.partitions : p > 0) continue;
        pack_body(intake, p);
        record->body = pl_pack_data(intake->bodies[p]);
        record->body_size = pl_pack_size(intake->bodies[p]);
    }
    intake->changed = false;
    pl__intake_append(intake);
}

bool pl__intake_owns_any(const struct pl_intake *intake) {
    for (unsigned p = 0; p < intake->options.lanes; p++)
        if (intake->options.owned[p]) return true;
    return false;
}

bool pl__intake_has_barriers(const struct pl_intake *intake) {
    if (intake->options.shared && !pl__intake_owns_any(intake)) return false;
    return intake->options.checkpoint || intake->options.log;
}

/* To those who carry them out at the barrier that comes next. */
static void give_changes(struct pl_intake *intake) {
    for (struct pl_call *call = pl_calls_take(&intake->changes), *next; call; call = next) {
        next = call->next;
        call->epoch = intake->epoch + 1;
        pl_retell_note(intake->options.settings, call);
        if (pl_task_change(call->task, call)) continue;
        call->code = pl_error_set(&call->error, PL_UNAVAILABLE, "the node has ended");
        call->done(call);
    }
}

/* When it is time, and all in front of the last one has been worked off: more would fill the edges of a graph that is
 * slower than their interval. Where nothing has happened since, none is needed. */
void pl__intake_take_barrier(struct pl_intake *intake) {
    uint64_t asked = atomic_load(&intake->asked);
    bool changes = pl_calls_wait(&intake->changes);
    bool hold = atomic_load(&intake->hold) == PL__HOLD_ASKED;
    if (hold || changes || asked != atomic_load(&intake->answered)) intake->barrier_due = true;
    if (intake->options.shared && !pl__intake_has_barriers(intake)) return;
    if (!intake->barrier_due || intake->room.full ||
        atomic_load(pl_checkpoints_done(intake->options.checkpoints)) < intake->epoch)
        return;
    intake->barrier_due = false;
    if (changes) give_changes(intake);
    for (unsigned p = 0; hold && p < intake->options.partitions; p++)
        pl_lane_hold(&intake->lanes[p], intake->epoch + 1);
    intake->holding |= hold;
    if (intake->changed || changes || hold) pl__intake_put_barrier(intake);
    if (hold) {
        atomic_store(&intake->hold_epoch, intake->epoch);
        atomic_store(&intake->hold, PL__HOLD_PUT);
    }
    if (asked == atomic_load(&intake->answered)) return; /* who waits for one must not wait for all behind it */
    atomic_store(&intake->answer, intake->epoch);
    atomic_store(&intake->answered, asked);
}
