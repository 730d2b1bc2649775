#include "intake.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/pack.h>

#include "batch/tags.h"
#include "runtime/lane.h"
#include "runtime/split.h"

enum { PARTITIONS_MAX = 256, RECORDS_LEAST = 1024, ITEMS_A_RUN = 16, HELD_BYTES = 1 << 20, TRY_AGAIN_MS = 250 };

struct pl_intake {
    struct pl_runnable runnable;
    struct pl_intake_options options;
    struct pl_feeds feeds;
    unsigned turn;
    struct pl_lane *lanes;
    struct pl_replay *replay; /* NULL: live */
    struct pl_log_record *records;
    unsigned record_count, record_room;
    void **positions; /* that the records speak of; owned until they are appended */
    unsigned position_count, position_room;
    struct pl_pack *barrier_body;
    uint64_t epoch; /* of the last barrier */
    bool changed;   /* something was recorded since */
    bool full;      /* the log has no room: what was refused stands in the records */
    bool resting;   /* until it is tried again */
    uv_timer_t idle_timer, barrier_timer, room_timer;
    pl_time idle_due;  /* when the idle timer fires, engine clock */
    int64_t full_from; /* monotonic */
    bool barrier_due;
    _Atomic uint64_t asked;    /* how often somebody has asked for a barrier */
    _Atomic uint64_t answered; /* and how many of them `answer` is for */
    _Atomic uint64_t answer;
    _Atomic uint8_t *seen; /* [tag id], up to the registry's limit: it has had samples */
    bool failed;
    bool told_end;
    bool reported;
    struct pl_intake_stats stats;
    _Atomic bool draining; /* the end of a source is the end of the data, from now on */
};

static void fail(struct pl_intake *intake, const char *what, struct pl_error *error) {
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
static struct pl_log_record *new_record(struct pl_intake *intake, enum pl_log_type type, unsigned partition) {
    if (intake->record_count == intake->record_room) {
        unsigned room = intake->record_room ? 2 * intake->record_room : RECORDS_LEAST;
        struct pl_log_record *grown = pl_realloc(intake->records, room * sizeof *grown);
        if (!grown) {
            fail(intake, "no memory for what is to be recorded", NULL);
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

static void record_everywhere(struct pl_intake *intake, unsigned feed, enum pl_log_type type, uint16_t flags) {
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        struct pl_log_record *record = new_record(intake, type, p);
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

static void wait_for_room(struct pl_intake *intake, struct pl_error *error) {
    if (!intake->full) {
        intake->full_from = pl_clock_monotonic();
        pl_diag(PL_ERROR, "the log takes nothing: %s; all sources wait until there is room",
                error ? error->text : "no room");
        pl_stat_add(&intake->stats.fulls, 1);
        atomic_store(&intake->stats.full, true);
    }
    pl_error_free(&error);
    intake->full = intake->resting = true;
    uv_timer_start(&intake->room_timer, try_again, TRY_AGAIN_MS, 0);
}

/* Nobody was silent meanwhile: nobody was listened to. */
static void found_room(struct pl_intake *intake) {
    pl_time now = pl_clock_now(intake->options.clock);
    pl_diag(PL_WARN, "the log has room again, after %.1f s: sources go on",
            (double)(pl_clock_monotonic() - intake->full_from) / (double)PL_SECOND);
    for (unsigned i = 0; i < intake->feeds.count; i++)
        intake->feeds.feed[i].heard = now;
    intake->full = false;
    atomic_store(&intake->stats.full, false);
}

/* False: the records wait. */
static bool put_into_log(struct pl_intake *intake) {
    struct pl_log *log = intake->options.log;
    struct pl_error *error = NULL;
    if (intake->resting) return false;
    enum pl_code code = log->ops->append(log, intake->records, intake->record_count, &error);
    if (code == PL_UNAVAILABLE) {
        wait_for_room(intake, error);
        return false;
    }
    if (code) fail(intake, "the log takes nothing", error);
    if (intake->full) found_room(intake);
    return true;
}

/* Appends what has been gathered and passes it on. */
static void append(struct pl_intake *intake) {
    struct pl_error *error = NULL;
    if (intake->record_count == 0) return;
    if (!intake->options.log)
        number_records(intake);
    else if (!intake->failed && !put_into_log(intake))
        return;
    pl_syncer_touch(intake->options.syncer);
    pl_stat_add(&intake->stats.records, intake->record_count);
    for (unsigned i = 0; i < intake->record_count; i++) {
        struct pl_log_record *record = &intake->records[i];
        if (!intake->failed && pl_lane_put(&intake->lanes[record->partition], record, &error))
            fail(intake, "the intake cannot go on", error);
        if (record->batch) pl_batch_unref(record->batch);
    }
    intake->record_count = 0;
    while (intake->position_count)
        pl_free(intake->positions[--intake->position_count]);
}

/* ---- Barriers ---- */

/* It says what is known of the sources, so that nothing in front of it has to be read again. */
static void put_barrier(struct pl_intake *intake) {
    append(intake);
    pl_pack_reset(intake->barrier_body);
    pl_feeds_pack(&intake->feeds, intake->options.tags, intake->barrier_body);
    if (pl_pack_failed(intake->barrier_body)) fail(intake, "no memory for a barrier", NULL);
    intake->epoch++;
    for (unsigned p = 0; p < intake->options.partitions && !intake->failed; p++) {
        struct pl_log_record *record = new_record(intake, PL_LOG_BARRIER, p);
        if (!record) return;
        record->epoch = intake->epoch;
        if (p) continue;
        record->body = pl_pack_data(intake->barrier_body);
        record->body_size = pl_pack_size(intake->barrier_body);
    }
    intake->changed = false;
    append(intake);
}

static bool has_barriers(const struct pl_intake *intake) {
    return intake->options.checkpoint || intake->options.log;
}

/* When it is time, and all in front of the last one has been worked off: more would fill the edges of a graph that is
 * slower than their interval. Where nothing has happened since, none is needed. */
static void take_barrier(struct pl_intake *intake) {
    uint64_t asked = atomic_load(&intake->asked);
    if (asked != atomic_load(&intake->answered)) intake->barrier_due = true;
    if (!intake->barrier_due || intake->full ||
        atomic_load(pl_checkpoints_done(intake->options.checkpoints)) < intake->epoch)
        return;
    intake->barrier_due = false;
    if (intake->changed) put_barrier(intake);
    if (asked == atomic_load(&intake->answered)) return; /* who waits for one must not wait for all behind it */
    atomic_store(&intake->answer, intake->epoch);
    atomic_store(&intake->answered, asked);
}

/* ---- Taking in ---- */

static pl_time highest_of(const pl_time *times, uint32_t rows) {
    pl_time highest = PL_TIME_MIN;
    for (uint32_t i = 0; i < rows; i++)
        highest = times[i] > highest ? times[i] : highest;
    return highest;
}

static uint32_t count_late(const pl_time *times, uint32_t rows, pl_time watermark) {
    uint32_t late = 0;
    for (uint32_t i = 0; i < rows; i++)
        late += times[i] < watermark;
    return late;
}

static void note_seen(struct pl_intake *intake, const struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++)
        atomic_store_explicit(&intake->seen[batch->samples.tag[i]], 1, memory_order_relaxed);
}

/* The position that a batch brings; from here on it is the intake's until the records have been appended. */
static const void *take_position(struct pl_intake *intake, struct pl_inlet *inlet, struct pl_batch *batch,
                                 size_t *size) {
    *size = batch->position_size;
    if (!batch->position) return NULL;
    if (intake->position_count == intake->position_room) {
        unsigned room = intake->position_room ? 2 * intake->position_room : ITEMS_A_RUN;
        void **grown = pl_realloc(intake->positions, room * sizeof *grown);
        if (!grown) {
            fail(intake, "no memory for a source's position", NULL);
            return NULL;
        }
        intake->positions = grown;
        intake->position_room = room;
    }
    void *position = intake->positions[intake->position_count++] = batch->position;
    batch->position = NULL;
    inlet->groups++;
    pl_buffer_reset(&inlet->position);
    pl_buffer_put(&inlet->position, position, *size);
    if (pl_buffer_failed(&inlet->position))
        fail(intake, "a source's position is too long, or there is no memory", NULL);
    return position;
}

static void on_batch(struct pl_intake *intake, struct pl_inlet *inlet, struct pl_batch *batch) {
    unsigned index = inlet->first + (batch->port < inlet->count ? batch->port : 0);
    struct pl_feed *feed = &intake->feeds.feed[index];
    const pl_time *times = pl_batch_times(batch);
    struct pl_batch *split[PARTITIONS_MAX];
    size_t position_size;
    const void *position = take_position(intake, inlet, batch, &position_size);
    feed->heard = pl_clock_now(intake->options.clock);
    feed->idle = false;
    pl_stat_add(&intake->stats.rows, batch->rows);
    if (batch->kind == PL_SAMPLES) note_seen(intake, batch);
    pl_time highest = highest_of(times, batch->rows);
    if (highest > feed->highest) feed->highest = highest;
    if (feed->watermark > PL_TIME_MIN)
        pl_stat_add(&intake->stats.late_rows, count_late(times, batch->rows, feed->watermark));
    bool raised = pl_feed_raise(feed);
    batch->header->generation = (uint32_t)feed->options.generation;
    if (!pl_split(batch, intake->options.tags, intake->options.partitions, split)) {
        fail(intake, "no memory to share rows out to partitions", NULL);
        return;
    }
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        if (!split[p] && !raised) continue;
        struct pl_log_record *record = new_record(intake, split[p] ? PL_LOG_ROWS : PL_LOG_WATERMARK, p);
        if (!record) {
            pl_batch_unref(split[p]);
            continue;
        }
        record->source = feed->name;
        record->watermark = feed->watermark;
        record->batch = split[p];
        if (!split[p] || !position) continue;
        record->epoch = inlet->groups;
        record->position = position;
        record->position_size = position_size;
        position = NULL; /* once is enough: all of them are appended, or none */
    }
}

/* Rows that were made at once are recorded at once, with the position behind all of them. */
static void on_rows(struct pl_intake *intake, struct pl_inlet *inlet, struct pl_batch *batch) {
    if (batch->more || inlet->group_count) {
        bool more = batch->more;
        if (!pl_inlet_gather(inlet, batch)) fail(intake, "no memory for rows", NULL);
        if (more) return;
        for (unsigned i = 0; i < inlet->group_count; i++)
            on_batch(intake, inlet, inlet->group[i]);
        inlet->group_count = 0;
        return;
    }
    on_batch(intake, inlet, batch);
}

static void on_progress(struct pl_intake *intake, const struct pl_inlet *inlet, pl_time time) {
    for (unsigned i = inlet->first; i < inlet->first + inlet->count; i++) {
        struct pl_feed *feed = &intake->feeds.feed[i];
        feed->heard = pl_clock_now(intake->options.clock);
        feed->progress = time > feed->progress ? time : feed->progress;
        if (!pl_feed_raise(feed)) continue;
        feed->idle = false;
        record_everywhere(intake, i, PL_LOG_WATERMARK, 0);
    }
}

static bool all_ended(const struct pl_intake *intake) {
    for (unsigned i = 0; i < intake->feeds.inlet_count; i++)
        if (!intake->feeds.inlet[i].ended) return false;
    return true;
}

static void record_end(struct pl_intake *intake, struct pl_inlet *inlet, bool final) {
    for (unsigned i = inlet->first; i < inlet->first + inlet->count; i++) {
        struct pl_feed *feed = &intake->feeds.feed[i];
        feed->ended = true;
        if (final) feed->watermark = PL_TIME_MAX;
        feed->idle = !final;
        record_everywhere(intake, i, final ? PL_LOG_END : PL_LOG_WATERMARK, final ? 0 : PL_LOG_IDLE);
    }
}

/* The end of the data of all sources closes what is still open. In front of it stands a barrier, to which another run
 * goes back: it goes on as if there had been no end, and where no more data is, comes to the same one. */
static void end_of_all(struct pl_intake *intake) {
    if (intake->changed && has_barriers(intake)) put_barrier(intake);
    for (unsigned i = 0; i < intake->feeds.inlet_count; i++) {
        struct pl_inlet *inlet = &intake->feeds.inlet[i];
        if (inlet->closing) record_end(intake, inlet, true);
        inlet->closing = false;
    }
}

static void on_end(struct pl_intake *intake, struct pl_inlet *inlet, bool stopped) {
    bool draining = atomic_load(&intake->draining);
    bool final = !stopped && (intake->options.until_eof || draining);
    inlet->ended = true;
    inlet->closing = final;
    for (unsigned i = inlet->first; i < inlet->first + inlet->count; i++) {
        intake->feeds.feed[i].ended = stopped;
        intake->feeds.feed[i].stopped = !final;
    }
    if (all_ended(intake)) {
        end_of_all(intake);
    } else if (final && !draining) { /* the others go on without it */
        record_end(intake, inlet, true);
        inlet->closing = false;
    }
    if (!final && !stopped) record_end(intake, inlet, false);
}

/* A source that can wait is held back while the graph has not taken what there is. */
static bool held(const struct pl_intake *intake, const struct pl_inlet *inlet) {
    if (intake->failed) return false; /* what comes is dropped, so that sources can end */
    if (intake->full) return true;
    if (intake->options.log && !inlet->replayable) return false;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        const struct pl_lane *lane = &intake->lanes[p];
        if (lane->behind || lane->bytes >= (intake->options.log ? HELD_BYTES : 1)) return true;
    }
    return false;
}

static bool take_one(struct pl_intake *intake, struct pl_inlet *inlet) {
    struct pl_item item;
    if (inlet->ended || held(intake, inlet) || !pl_edge_receive(inlet->edge, &item)) return false;
    switch (item.type) {
    case PL_ITEM_BATCH: on_rows(intake, inlet, item.batch); break;
    case PL_ITEM_WATERMARK: on_progress(intake, inlet, item.time); break;
    case PL_ITEM_END: on_end(intake, inlet, item.idle); break;
    case PL_ITEM_BARRIER: break; /* sources send none */
    }
    return true;
}

/* Takes items from the sources in turn; true when some may be left. */
static bool take_in(struct pl_intake *intake) {
    unsigned budget = ITEMS_A_RUN;
    bool some = true;
    while (some && budget) {
        some = false;
        for (unsigned n = 0; n < intake->feeds.inlet_count && budget; n++) {
            unsigned i = (intake->turn + n) % intake->feeds.inlet_count;
            if (!take_one(intake, &intake->feeds.inlet[i])) continue;
            some = true;
            budget--;
        }
        intake->turn++;
    }
    return some;
}

/* ---- Ending ---- */

static bool all_caught_up(const struct pl_intake *intake) {
    for (unsigned p = 0; p < intake->options.partitions; p++)
        if (!pl_lane_caught_up(&intake->lanes[p])) return false;
    return true;
}

/* The end of a feed that was stopped is told when everything else has been passed on; it is no part of the log. */
static void tell_stops(struct pl_intake *intake) {
    struct pl_item end = {.type = PL_ITEM_END, .idle = true};
    for (unsigned i = 0; i < intake->feeds.count; i++) {
        if (!intake->feeds.feed[i].stopped && !intake->failed) continue; /* after a failure no end has got through */
        for (unsigned p = 0; p < intake->options.partitions; p++)
            pl_outputs_signal_port(&intake->lanes[p].outputs, i, &end);
    }
}

/* Asked before the intake sleeps: what waits in an edge is sent on, and an edge without room will poke. A lane whose
 * room has come since it was run will not be poked for it: *more. */
static bool all_have_room(struct pl_intake *intake, bool *more) {
    bool all = true;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        bool room = pl_outputs_room(&intake->lanes[p].outputs);
        const struct pl_lane *lane = &intake->lanes[p];
        if (room && !intake->failed && !pl_lane_caught_up(lane) && !pl_lane_waits(lane, NULL)) *more = true;
        all &= room;
    }
    return all;
}

static bool data_has_ended(const struct pl_intake *intake) {
    for (unsigned i = 0; i < intake->feeds.count; i++)
        if (intake->feeds.feed[i].stopped) return false;
    return true;
}

static void try_end(struct pl_intake *intake, bool *more) {
    if (intake->full && !intake->failed) return;
    if (intake->reported || !all_ended(intake) || !(all_caught_up(intake) || intake->failed)) return;
    if (intake->changed && intake->options.log && !intake->told_end && !data_has_ended(intake) && !intake->failed) {
        put_barrier(intake); /* the next run goes on right here */
        *more = true;
        return;
    }
    if (!intake->told_end) tell_stops(intake);
    intake->told_end = true;
    if (!all_have_room(intake, more)) return;
    intake->reported = true;
    intake->options.ended(intake->options.engine);
}

/* ---- Idleness: a feed silent for its `idle` no longer holds anybody back ---- */

static void look_again(uv_timer_t *timer) {
    pl_ready(timer->data);
}

static void check_idle(struct pl_intake *intake) {
    if (intake->full) return;
    pl_time now = pl_clock_now(intake->options.clock), next = PL_TIME_MAX;
    for (unsigned i = 0; i < intake->feeds.count; i++) {
        struct pl_feed *feed = &intake->feeds.feed[i];
        if (feed->options.idle == 0 || feed->idle || feed->ended) continue;
        pl_time due = feed->heard + feed->options.idle;
        if (due > now) {
            next = due < next ? due : next;
            continue;
        }
        feed->idle = true;
        record_everywhere(intake, i, PL_LOG_WATERMARK, PL_LOG_IDLE);
        append(intake);
    }
    if (next == PL_TIME_MAX) return;
    if (uv_is_active((uv_handle_t *)&intake->idle_timer) && intake->idle_due <= next) return;
    intake->idle_due = next;
    uv_timer_start(&intake->idle_timer, look_again, (uint64_t)((next - now) / PL_MILLISECOND) + 1, 0);
}

/* A replay at a pace is called when its next record is due. */
static void keep_pace(struct pl_intake *intake) {
    pl_time next = PL_TIME_MAX;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        pl_time wait = PL_TIME_MAX;
        if (pl_lane_waits(&intake->lanes[p], &wait) && wait < next) next = wait;
    }
    if (next == PL_TIME_MAX) return;
    uv_timer_start(&intake->idle_timer, look_again, (uint64_t)(next / PL_MILLISECOND) + 1, 0);
}

/* ---- Running ---- */

static void pass_on(struct pl_intake *intake, bool *more) {
    int64_t waiting = 0;
    uint64_t read_back = 0;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        struct pl_error *error = NULL;
        if (pl_lane_run(&intake->lanes[p], more, &error)) fail(intake, "the log cannot be read", error);
        waiting += intake->lanes[p].bytes;
        read_back += intake->lanes[p].read_back_rows;
    }
    atomic_store_explicit(&intake->stats.waiting_bytes, waiting, memory_order_relaxed);
    atomic_store_explicit(&intake->stats.read_back_rows, read_back, memory_order_relaxed);
    if (intake->replay) atomic_store_explicit(&intake->stats.rows, read_back, memory_order_relaxed);
}

static void run_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    bool more = false;
    if (!intake->failed) pass_on(intake, &more);
    more |= take_in(intake);
    if (!intake->reported) take_barrier(intake);
    append(intake);
    if (intake->replay)
        keep_pace(intake);
    else
        check_idle(intake);
    all_have_room(intake, &more);
    try_end(intake, &more);
    if (more && !intake->reported) pl_ready(runnable);
}

static void barrier_tick(uv_timer_t *timer) {
    struct pl_intake *intake = timer->data;
    intake->barrier_due = true;
    pl_ready(&intake->runnable);
}

static void start_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    uv_loop_t *loop = pl_worker_loop(runnable->worker);
    uv_timer_init(loop, &intake->idle_timer);
    uv_timer_init(loop, &intake->barrier_timer);
    uv_timer_init(loop, &intake->room_timer);
    intake->idle_timer.data = intake->barrier_timer.data = intake->room_timer.data = intake;
    pl_time now = pl_clock_now(intake->options.clock);
    for (unsigned i = 0; i < intake->feeds.count; i++)
        intake->feeds.feed[i].heard = now;
    uint64_t interval = (uint64_t)(intake->options.checkpoint / PL_MILLISECOND);
    if (intake->options.log && intake->epoch == 0) put_barrier(intake); /* what there was before the first row */
    if (interval) uv_timer_start(&intake->barrier_timer, barrier_tick, interval, interval);
}

static void finish_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    uv_close((uv_handle_t *)&intake->idle_timer, NULL);
    uv_close((uv_handle_t *)&intake->barrier_timer, NULL);
    uv_close((uv_handle_t *)&intake->room_timer, NULL);
}

/* ---- Making ---- */

enum pl_code pl_intake_new(const struct pl_intake_options *options, struct pl_intake **intake,
                           struct pl_error **error) {
    struct pl_intake *in = *intake = PL_NEW(struct pl_intake);
    if (!in) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    in->options = *options;
    in->runnable = (struct pl_runnable){.run = run_intake, .start = start_intake, .finish = finish_intake};
    in->lanes = pl_alloc(options->partitions * sizeof *in->lanes);
    in->barrier_body = pl_pack_new();
    in->seen = pl_alloc((size_t)pl_tags_limit(options->tags) + 1); /* memory is taken where names are */
    bool made = pl_feeds_init(&in->feeds, options->feeds_max) && in->lanes && in->barrier_body && in->seen;
    for (unsigned p = 0; made && p < options->partitions; p++)
        made = !pl_lane_init(&in->lanes[p], options->log, options->checkpoints, p, &in->feeds, options->max_lag);
    if (made) return PL_OK;
    pl_intake_free(in);
    *intake = NULL;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
}

void pl_intake_free(struct pl_intake *intake) {
    if (!intake) return;
    for (unsigned p = 0; intake->lanes && p < intake->options.partitions; p++)
        pl_lane_fini(&intake->lanes[p]);
    pl_free(intake->lanes);
    pl_free(intake->records);
    pl_free(intake->positions);
    pl_replay_free(intake->replay);
    pl_feeds_fini(&intake->feeds);
    pl_pack_free(intake->barrier_body);
    pl_free((void *)intake->seen);
    pl_free(intake);
}

int pl_intake_add_feed(struct pl_intake *intake, struct pl_edge *edge, const struct pl_feed_options *options) {
    return pl_feeds_add(&intake->feeds, edge, options, intake->options.tags);
}

bool pl_intake_add_output(struct pl_intake *intake, unsigned feed, unsigned partition, struct pl_edge *edge) {
    return pl_outputs_add(&intake->lanes[partition].outputs, feed, edge);
}

void pl_intake_poke(void *intake) {
    pl_poke(&((struct pl_intake *)intake)->runnable);
}

struct pl_runnable *pl_intake_runnable(struct pl_intake *intake) {
    return &intake->runnable;
}

/* ---- Going on where the last run was ---- */

/* What was known at the last epoch; *begin: behind its barriers, from where everything happens again. */
static enum pl_code recall(struct pl_intake *intake, struct pl_log *log, const struct pl_epoch *last,
                           struct pl_error **error) {
    struct pl_log_cursor *cursor;
    struct pl_log_record barrier;
    enum pl_code code = log->ops->cursor(log, 0, last->sequence[0], true, &cursor, error);
    if (code) return code;
    code = log->ops->read(cursor, &barrier, error);
    if (!code && (barrier.type != PL_LOG_BARRIER || barrier.epoch != last->number ||
                  !pl_feeds_unpack(&intake->feeds, intake->options.tags, barrier.body, barrier.body_size)))
        code =
            pl_error_set(error, PL_CORRUPT, "log, partition 0, sequence %" PRIu64 ": not the barrier of epoch %" PRIu64,
                         last->sequence[0], last->number);
    log->ops->cursor_free(cursor);
    return code;
}

/* To the end of a partition, without its rows. */
static enum pl_code follow(struct pl_intake *intake, unsigned partition, uint64_t begin, struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    bool changed = false;
    enum pl_code code = log->ops->cursor(log, partition, begin, true, &cursor, error);
    if (code) return code;
    while (!(code = log->ops->read(cursor, &record, error))) {
        pl_feeds_follow(&intake->feeds, &record);
        if (record.type == PL_LOG_END) continue;
        changed = record.type != PL_LOG_BARRIER;
        if (!changed && record.epoch > intake->epoch) intake->epoch = record.epoch;
    }
    log->ops->cursor_free(cursor);
    intake->changed |= changed;
    return code == PL_NOT_FOUND ? PL_OK : code;
}

enum pl_code pl_intake_recover(struct pl_intake *intake, const struct pl_epoch *last, struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    enum pl_code code = last->number ? recall(intake, log, last, error) : PL_OK;
    intake->epoch = last->number;
    for (unsigned p = 0; p < intake->options.partitions && !code; p++) {
        uint64_t begin = last->number ? last->sequence[p] + 1 : log->ops->first(log, p);
        for (unsigned i = 0; i < intake->feeds.count; i++)
            pl_lane_has_told(&intake->lanes[p], i, intake->feeds.feed[i].watermark, intake->feeds.feed[i].ended);
        pl_lane_begin_at(&intake->lanes[p], begin);
    }
    for (unsigned p = 0; p < intake->options.partitions && !code; p++)
        code = follow(intake, p, last->number ? last->sequence[p] + 1 : log->ops->first(log, p), error);
    if (!code) pl_feeds_settle(&intake->feeds);
    return code;
}

/* Who has ever had a watermark, says the last epoch of what is played. */
static enum pl_code ask_last_epoch(struct pl_intake *intake, struct pl_log *log, struct pl_error **error) {
    struct pl_epoch last;
    enum pl_code code = pl_epochs_last(intake->options.replay->store, &last, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    if (code) return code;
    code = recall(intake, log, &last, error);
    pl_epoch_fini(&last);
    return code;
}

enum pl_code pl_intake_replay(struct pl_intake *intake, struct pl_error **error) {
    struct pl_feeds *feeds = &intake->feeds;
    const struct pl_intake_options *options = &intake->options;
    struct pl_log *log;
    enum pl_code code = pl_replay_log_open(options->replay, options->tags, options->partitions, &log, error);
    if (code) return code;
    code = ask_last_epoch(intake, log, error);
    if (code) {
        log->ops->close(log);
        return code;
    }
    code = pl_replay_open(options->replay, log, feeds, &intake->replay, error);
    if (code) return code;
    for (unsigned p = 0; p < options->partitions; p++) {
        struct pl_lane *lane = &intake->lanes[p];
        lane->log = log;
        pl_lane_replay(lane, pl_replay_part(intake->replay, p));
        for (unsigned i = 0; i < feeds->count; i++)
            if (pl_replay_is_silent(lane->replay, i)) pl_lane_is_silent(lane, i);
    }
    for (unsigned i = 0; i < feeds->inlet_count; i++)
        feeds->inlet[i].ended = true;
    for (unsigned i = 0; i < feeds->count; i++)
        feeds->feed[i].stopped = !pl_replay_has_ended(intake->replay, i);
    return PL_OK;
}

const struct pl_replay *pl_intake_replayed(const struct pl_intake *intake) {
    return intake->replay;
}

const struct pl_inlet *pl_intake_inlet(const struct pl_intake *intake, unsigned feed) {
    const struct pl_inlet *inlet = intake->feeds.inlet;
    while (feed >= inlet->first + inlet->count)
        inlet++;
    return inlet;
}

/* ---- Any thread ---- */

uint64_t pl_intake_barrier(struct pl_intake *intake) {
    uint64_t asked = atomic_fetch_add(&intake->asked, 1) + 1;
    pl_poke(&intake->runnable);
    return asked;
}

uint64_t pl_intake_barrier_epoch(const struct pl_intake *intake, uint64_t asked) {
    return atomic_load(&intake->answered) >= asked ? atomic_load(&intake->answer) : 0;
}

void pl_intake_drain(struct pl_intake *intake) {
    atomic_store(&intake->draining, true);
}

const struct pl_intake_stats *pl_intake_stats(const struct pl_intake *intake) {
    return &intake->stats;
}

bool pl_intake_seen(const struct pl_intake *intake, uint32_t tag) {
    return tag <= pl_tags_limit(intake->options.tags) && atomic_load_explicit(&intake->seen[tag], memory_order_relaxed);
}
