/* intake_take.c: what sources give becomes records: rows shared out to partitions, watermarks, ends. */
#include <potline/alloc.h>

#include "batch/tags.h"
#include "runtime/intake_impl.h"
#include "runtime/split.h"

enum { PARTITIONS_MAX = 256, ITEMS_A_RUN = 16, HELD_BYTES = 1 << 20 };

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
            pl__intake_fail(intake, "no memory for a source's position", NULL);
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
        pl__intake_fail(intake, "a source's position is too long, or there is no memory", NULL);
    return position;
}

static void put_rows(const struct pl_inlet *inlet, const struct pl_feed *feed, struct pl_log_record *record,
                     struct pl_batch *batch, const void *position, size_t position_size) {
    record->source = feed->name;
    record->watermark = feed->watermark;
    record->batch = batch;
    if (!batch || !position) return;
    record->epoch = inlet->groups;
    record->position = position;
    record->position_size = position_size;
}

/* What did not become rows: one lane is enough for it, and it has no time of its own. */
static void on_letters(struct pl_intake *intake, struct pl_inlet *inlet, const struct pl_feed *feed,
                       struct pl_batch *batch) {
    size_t position_size;
    const void *position = take_position(intake, inlet, batch, &position_size);
    struct pl_log_record *record = pl__intake_record(intake, PL_LOG_ROWS, 0);
    batch->header->partition = 0;
    if (!record) {
        pl_batch_unref(batch);
        return;
    }
    put_rows(inlet, feed, record, batch, position, position_size);
    record->timeless = true; /* the wall clock's, where rows may be of any day */
}

static void on_batch(struct pl_intake *intake, struct pl_inlet *inlet, struct pl_batch *batch) {
    unsigned index = inlet->first + (batch->port < inlet->count ? batch->port : 0);
    struct pl_feed *feed = &intake->feeds.feed[index];
    if (feed->options.letters) {
        on_letters(intake, inlet, feed, batch);
        return;
    }
    const pl_time *times = pl_batch_times(batch);
    struct pl_batch *split[PARTITIONS_MAX];
    size_t position_size;
    const void *position = take_position(intake, inlet, batch, &position_size);
    feed->heard = pl_clock_now(intake->options.clock);
    feed->idle = false;
    pl_stat_add(&intake->stats.rows, batch->rows);
    if (batch->kind == PL_SAMPLES && !intake->options.store) note_seen(intake, batch);
    pl_time highest = highest_of(times, batch->rows);
    if (highest > feed->highest) feed->highest = highest;
    if (feed->watermark > PL_TIME_MIN)
        pl_stat_add(&intake->stats.late_rows, count_late(times, batch->rows, feed->watermark));
    bool raised = pl_feed_raise(feed);
    batch->header->generation = (uint32_t)feed->options.generation;
    if (!pl_split(batch, intake->options.tags, intake->options.partitions, split)) {
        pl__intake_fail(intake, "no memory to share rows out to partitions", NULL);
        return;
    }
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        if (!split[p] && !raised) continue;
        struct pl_log_record *record = pl__intake_record(intake, split[p] ? PL_LOG_ROWS : PL_LOG_WATERMARK, p);
        if (!record) {
            pl_batch_unref(split[p]);
            continue;
        }
        put_rows(inlet, feed, record, split[p], position, position_size);
        if (split[p]) position = NULL; /* once is enough: all of them are appended, or none */
    }
}

/* Rows that were made at once are recorded at once, with the position behind all of them. */
static void on_rows(struct pl_intake *intake, struct pl_inlet *inlet, struct pl_batch *batch) {
    if (batch->more || inlet->group_count) {
        bool more = batch->more;
        if (!pl_inlet_gather(inlet, batch)) pl__intake_fail(intake, "no memory for rows", NULL);
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
        if (feed->options.letters) continue;
        feed->heard = pl_clock_now(intake->options.clock);
        feed->progress = time > feed->progress ? time : feed->progress;
        if (!pl_feed_raise(feed)) continue;
        feed->idle = false;
        pl__intake_record_everywhere(intake, i, PL_LOG_WATERMARK, 0);
    }
}

bool pl__intake_all_ended(const struct pl_intake *intake) {
    if (intake->options.shared && !atomic_load(&intake->stopping)) return false;
    for (unsigned i = 0; i < intake->feeds.inlet_count; i++)
        if (!intake->feeds.inlet[i].ended) return false;
    return true;
}

static void record_end(struct pl_intake *intake, struct pl_inlet *inlet, bool final) {
    for (unsigned i = inlet->first; i < inlet->first + inlet->count; i++) {
        struct pl_feed *feed = &intake->feeds.feed[i];
        feed->ended = true;
        if (feed->options.letters) continue;
        if (final) feed->watermark = PL_TIME_MAX;
        feed->idle = !final;
        pl__intake_record_everywhere(intake, i, final ? PL_LOG_END : PL_LOG_WATERMARK, final ? 0 : PL_LOG_IDLE);
    }
}

/* The end of the data of all sources closes what is still open. In front of it stands a barrier, to which another run
 * goes back: it goes on as if there had been no end, and where no more data is, comes to the same one. */
static void end_of_all(struct pl_intake *intake) {
    if (intake->changed && pl__intake_has_barriers(intake)) pl__intake_put_barrier(intake);
    for (unsigned i = 0; i < intake->feeds.inlet_count; i++) {
        struct pl_inlet *inlet = &intake->feeds.inlet[i];
        if (inlet->closing) record_end(intake, inlet, true);
        inlet->closing = false;
    }
}

/* Another engine of the group runs it, and says what is to be said of it. */
static bool runs_elsewhere(const struct pl_intake *intake, const struct pl_inlet *inlet) {
    return intake->options.shared && !intake->options.owned[intake->feeds.feed[inlet->first].options.slot];
}

static void on_end(struct pl_intake *intake, struct pl_inlet *inlet, bool stopped) {
    bool draining = atomic_load(&intake->draining);
    bool elsewhere = runs_elsewhere(intake, inlet);
    bool final = !stopped && !elsewhere && (intake->options.until_eof || draining);
    inlet->ended = true;
    inlet->closing = final;
    for (unsigned i = inlet->first; i < inlet->first + inlet->count; i++) {
        intake->feeds.feed[i].ended = stopped || elsewhere;
        intake->feeds.feed[i].stopped = !final;
    }
    if (pl__intake_all_ended(intake)) {
        end_of_all(intake);
    } else if (final && !draining) { /* the others go on without it */
        record_end(intake, inlet, true);
        inlet->closing = false;
    }
    if (!final && !stopped && !elsewhere) record_end(intake, inlet, false);
}

/* A source that can wait is held back while the graph has not taken what there is. */
static bool held(const struct pl_intake *intake, const struct pl_inlet *inlet) {
    if (intake->failed) return false; /* what comes is dropped, so that sources can end */
    if (intake->room.full) return true;
    if (intake->options.log && !inlet->replayable) return false;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        const struct pl_lane *lane = &intake->lanes[p];
        if (lane->behind || lane->bytes >= (intake->options.log ? HELD_BYTES : 1)) return true;
    }
    return false;
}

void pl__intake_take_item(struct pl_intake *intake, struct pl_inlet *inlet, struct pl_item *item) {
    switch (item->type) {
    case PL_ITEM_BATCH: on_rows(intake, inlet, item->batch); break;
    case PL_ITEM_WATERMARK: on_progress(intake, inlet, item->time); break;
    case PL_ITEM_END: on_end(intake, inlet, item->idle); break;
    case PL_ITEM_BARRIER: break; /* sources send none */
    }
}

static bool take_one(struct pl_intake *intake, struct pl_inlet *inlet) {
    struct pl_item item;
    if (inlet->ended || held(intake, inlet) || !pl_edge_receive(inlet->edge, &item)) return false;
    pl__intake_take_item(intake, inlet, &item);
    return true;
}

/* Takes items from the sources in turn; true when some may be left. */
bool pl__intake_take_in(struct pl_intake *intake) {
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
