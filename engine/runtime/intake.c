#include "intake.h"

#include <string.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "runtime/lane.h"
#include "runtime/split.h"

enum { PARTITIONS_MAX = 256, RECORDS_MAX = 4 * PARTITIONS_MAX, ITEMS_A_RUN = 16, HELD_BYTES = 1 << 20 };

struct feed {
    struct pl_edge *edge;
    struct pl_feed_options options;
    pl_time highest;   /* event time */
    pl_time progress;  /* what the source said itself */
    pl_time watermark; /* the last one recorded */
    pl_time heard;     /* engine clock */
    bool idle;
    bool ended;   /* nothing comes any more */
    bool stopped; /* ended by us, or ended in a run that goes on: its end is not in the log */
};

struct pl_intake {
    struct pl_runnable runnable;
    struct pl_intake_options options;
    struct feed *feeds;
    uint32_t *names; /* of the feeds; what lanes tell them apart by */
    unsigned feed_count;
    unsigned turn;
    struct pl_lane *lanes;
    struct pl_log_record *records;
    unsigned record_count;
    uint64_t epoch;
    uv_timer_t idle_timer, barrier_timer;
    pl_time idle_due; /* when the idle timer fires, engine clock */
    bool barrier_due;
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

static struct pl_log_record *new_record(struct pl_intake *intake, enum pl_log_type type, unsigned partition) {
    struct pl_log_record *record = &intake->records[intake->record_count++];
    *record = (struct pl_log_record){.type = type, .partition = (uint16_t)partition};
    return record;
}

static void record_everywhere(struct pl_intake *intake, unsigned feed, enum pl_log_type type, uint16_t flags) {
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        struct pl_log_record *record = new_record(intake, type, p);
        record->source = intake->names[feed];
        record->watermark = intake->feeds[feed].watermark;
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

/* Appends what has been gathered and passes it on. */
static void append(struct pl_intake *intake) {
    struct pl_log *log = intake->options.log;
    struct pl_error *error = NULL;
    if (intake->record_count == 0) return;
    if (!log)
        number_records(intake);
    else if (!intake->failed && log->ops->append(log, intake->records, intake->record_count, &error))
        fail(intake, "the log takes nothing", error);
    pl_syncer_touch(intake->options.syncer);
    pl_stat_add(&intake->stats.records, intake->record_count);
    for (unsigned i = 0; i < intake->record_count; i++) {
        struct pl_log_record *record = &intake->records[i];
        if (!intake->failed && pl_lane_put(&intake->lanes[record->partition], record, &error))
            fail(intake, "the intake cannot go on", error);
        if (record->batch) pl_batch_unref(record->batch);
    }
    intake->record_count = 0;
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

/* What the source said itself counts; else its newest row less its disorder. */
static bool raise_watermark(struct feed *feed) {
    pl_time watermark = feed->progress;
    if (watermark == PL_TIME_MIN && feed->highest > PL_TIME_MIN + feed->options.disorder)
        watermark = feed->highest - feed->options.disorder;
    if (watermark <= feed->watermark) return false;
    feed->watermark = watermark;
    return true;
}

static void note_seen(struct pl_intake *intake, const struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++)
        atomic_store_explicit(&intake->seen[batch->samples.tag[i]], 1, memory_order_relaxed);
}

static void on_batch(struct pl_intake *intake, unsigned index, struct pl_batch *batch) {
    struct feed *feed = &intake->feeds[index];
    const pl_time *times = pl_batch_times(batch);
    struct pl_batch *split[PARTITIONS_MAX];
    feed->heard = pl_clock_now(intake->options.clock);
    feed->idle = false;
    pl_stat_add(&intake->stats.rows, batch->rows);
    if (batch->kind == PL_SAMPLES) note_seen(intake, batch);
    pl_time highest = highest_of(times, batch->rows);
    if (highest > feed->highest) feed->highest = highest;
    if (feed->watermark > PL_TIME_MIN)
        pl_stat_add(&intake->stats.late_rows, count_late(times, batch->rows, feed->watermark));
    bool raised = raise_watermark(feed);
    batch->header->generation = (uint32_t)feed->options.generation;
    if (!pl_split(batch, intake->options.tags, intake->options.partitions, split)) {
        fail(intake, "no memory to share rows out to partitions", NULL);
        return;
    }
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        if (!split[p] && !raised) continue;
        struct pl_log_record *record = new_record(intake, split[p] ? PL_LOG_ROWS : PL_LOG_WATERMARK, p);
        record->source = intake->names[index];
        record->watermark = feed->watermark;
        record->batch = split[p];
    }
}

static void on_progress(struct pl_intake *intake, unsigned index, pl_time time) {
    struct feed *feed = &intake->feeds[index];
    feed->heard = pl_clock_now(intake->options.clock);
    feed->progress = time > feed->progress ? time : feed->progress;
    if (!raise_watermark(feed)) return;
    feed->idle = false;
    record_everywhere(intake, index, PL_LOG_WATERMARK, 0);
}

static void on_end(struct pl_intake *intake, unsigned index, bool stopped) {
    struct feed *feed = &intake->feeds[index];
    feed->ended = true;
    bool final = intake->options.until_eof || atomic_load(&intake->draining);
    feed->stopped = stopped || !final;
    if (stopped) return;
    if (final) {
        feed->watermark = PL_TIME_MAX;
        record_everywhere(intake, index, PL_LOG_END, 0);
    } else {
        record_everywhere(intake, index, PL_LOG_WATERMARK, PL_LOG_IDLE);
    }
}

/* A source that can wait is held back while the graph has not taken what there is. */
static bool held(const struct pl_intake *intake, const struct feed *feed) {
    if (intake->failed) return false; /* what comes is dropped, so that sources can end */
    if (intake->options.log && !feed->options.replayable) return false;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        const struct pl_lane *lane = &intake->lanes[p];
        if (lane->behind || lane->bytes >= (intake->options.log ? HELD_BYTES : 1)) return true;
    }
    return false;
}

static bool take_one(struct pl_intake *intake, unsigned index) {
    struct feed *feed = &intake->feeds[index];
    struct pl_item item;
    if (feed->ended || held(intake, feed) || !pl_edge_receive(feed->edge, &item)) return false;
    switch (item.type) {
    case PL_ITEM_BATCH: on_batch(intake, index, item.batch); break;
    case PL_ITEM_WATERMARK: on_progress(intake, index, item.time); break;
    case PL_ITEM_END: on_end(intake, index, item.idle); break;
    case PL_ITEM_BARRIER: break; /* sources send none */
    }
    return true;
}

/* Takes items from the feeds in turn; true when some may be left. */
static bool take_in(struct pl_intake *intake) {
    unsigned room = (RECORDS_MAX - PARTITIONS_MAX) / intake->options.partitions; /* one barrier fits too */
    unsigned budget = room < ITEMS_A_RUN ? room : ITEMS_A_RUN;
    bool some = true;
    while (some && budget) {
        some = false;
        for (unsigned n = 0; n < intake->feed_count && budget; n++) {
            unsigned i = (intake->turn + n) % intake->feed_count;
            if (!take_one(intake, i)) continue;
            some = true;
            budget--;
        }
        intake->turn++;
    }
    return some;
}

/* One barrier is under way at a time: more would fill the edges of a graph that is slower than their interval. */
static void take_barrier(struct pl_intake *intake) {
    if (!intake->barrier_due) return;
    if (intake->options.passed && atomic_load(intake->options.passed) < intake->epoch) return;
    intake->barrier_due = false;
    intake->epoch++;
    for (unsigned p = 0; p < intake->options.partitions; p++)
        new_record(intake, PL_LOG_BARRIER, p)->epoch = intake->epoch;
}

/* ---- Ending ---- */

static bool all_ended(const struct pl_intake *intake) {
    for (unsigned i = 0; i < intake->feed_count; i++)
        if (!intake->feeds[i].ended) return false;
    return true;
}

static bool all_caught_up(const struct pl_intake *intake) {
    for (unsigned p = 0; p < intake->options.partitions; p++)
        if (!pl_lane_caught_up(&intake->lanes[p])) return false;
    return true;
}

/* The end of a feed that was stopped is told when everything else has been passed on; it is no part of the log. */
static void tell_stops(struct pl_intake *intake) {
    struct pl_item end = {.type = PL_ITEM_END, .idle = true};
    for (unsigned i = 0; i < intake->feed_count; i++) {
        if (!intake->feeds[i].stopped && !intake->failed) continue; /* after a failure no end has got through */
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
        if (room && !intake->failed && !pl_lane_caught_up(&intake->lanes[p])) *more = true;
        all &= room;
    }
    return all;
}

static void try_end(struct pl_intake *intake, bool *more) {
    if (intake->reported || !all_ended(intake) || !(all_caught_up(intake) || intake->failed)) return;
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
    pl_time now = pl_clock_now(intake->options.clock), next = PL_TIME_MAX;
    for (unsigned i = 0; i < intake->feed_count; i++) {
        struct feed *feed = &intake->feeds[i];
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
}

static void run_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    bool more = false;
    if (!intake->failed) pass_on(intake, &more);
    more |= take_in(intake);
    if (!intake->reported) take_barrier(intake);
    append(intake);
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
    intake->idle_timer.data = intake->barrier_timer.data = intake;
    pl_time now = pl_clock_now(intake->options.clock);
    for (unsigned i = 0; i < intake->feed_count; i++)
        intake->feeds[i].heard = now;
    uint64_t interval = (uint64_t)(intake->options.checkpoint / PL_MILLISECOND);
    if (interval) uv_timer_start(&intake->barrier_timer, barrier_tick, interval, interval);
}

static void finish_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    uv_close((uv_handle_t *)&intake->idle_timer, NULL);
    uv_close((uv_handle_t *)&intake->barrier_timer, NULL);
}

/* ---- Making ---- */

enum pl_code pl_intake_new(const struct pl_intake_options *options, struct pl_intake **intake,
                           struct pl_error **error) {
    struct pl_intake *in = *intake = PL_NEW(struct pl_intake);
    if (!in) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    in->options = *options;
    in->runnable = (struct pl_runnable){.run = run_intake, .start = start_intake, .finish = finish_intake};
    in->lanes = pl_alloc(options->partitions * sizeof *in->lanes);
    in->feeds = pl_alloc(options->feeds_max * sizeof *in->feeds);
    in->names = pl_alloc(options->feeds_max * sizeof *in->names);
    in->records = pl_alloc(RECORDS_MAX * sizeof *in->records);
    in->seen = pl_alloc((size_t)pl_tags_limit(options->tags) + 1); /* memory is taken where names are */
    bool made = in->lanes && in->feeds && in->names && in->records && in->seen;
    for (unsigned p = 0; made && p < options->partitions; p++)
        made = !pl_lane_init(&in->lanes[p], options->log, p, in->names, options->feeds_max, options->max_lag);
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
    pl_free(intake->feeds);
    pl_free(intake->names);
    pl_free((void *)intake->seen);
    pl_free(intake);
}

int pl_intake_add_feed(struct pl_intake *intake, struct pl_edge *edge, const struct pl_feed_options *options) {
    uint32_t name = pl_tags_intern(intake->options.tags, options->name, strlen(options->name));
    if (name == PL_NO_ID || intake->feed_count == intake->options.feeds_max) return -1;
    intake->names[intake->feed_count] = name;
    intake->feeds[intake->feed_count] = (struct feed){
        .edge = edge,
        .options = *options,
        .highest = PL_TIME_MIN,
        .progress = PL_TIME_MIN,
        .watermark = PL_TIME_MIN,
    };
    return (int)intake->feed_count++;
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

void pl_intake_drain(struct pl_intake *intake) {
    atomic_store(&intake->draining, true);
}

const struct pl_intake_stats *pl_intake_stats(const struct pl_intake *intake) {
    return &intake->stats;
}

bool pl_intake_seen(const struct pl_intake *intake, uint32_t tag) {
    return tag <= pl_tags_limit(intake->options.tags) && atomic_load_explicit(&intake->seen[tag], memory_order_relaxed);
}
