#include "lane.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "batch/tags.h"
#include "runtime/intake_impl.h"

enum { READ_A_RUN = 32 };

enum pl_code pl_lane_init(struct pl_lane *lane, struct pl_log *log, struct pl_checkpoints *checkpoints,
                          unsigned partition, const struct pl_lane_names *feeds, int64_t limit) {
    lane->log = log;
    lane->checkpoints = checkpoints;
    lane->partition = partition;
    lane->feeds = *feeds;
    lane->limit = limit;
    lane->told = pl_alloc((lane->feeds.count + 1) * sizeof *lane->told);
    if (!lane->told) return PL_NO_MEMORY;
    for (unsigned i = 0; i < lane->feeds.count; i++)
        lane->told[i] = PL_TIME_MIN;
    return PL_OK;
}

void pl_lane_fini(struct pl_lane *lane) {
    for (uint32_t i = lane->from; i < lane->count; i++)
        if (lane->tail[i].batch) pl_batch_unref(lane->tail[i].batch);
    if (lane->cursor) lane->log->ops->cursor_free(lane->cursor);
    pl_counting_free(lane->counting);
    pl_free(lane->tail);
    pl_free(lane->told);
    pl_outputs_fini(&lane->outputs);
}

static int feed_of(const struct pl_lane *lane, uint32_t source) {
    if (source == 0) return -1;
    for (unsigned i = 0; i < lane->feeds.count; i++)
        if (lane->feeds.now[i] == source || lane->feeds.were[i] == source) return (int)i;
    return -1;
}

static void tell_watermark(struct pl_lane *lane, unsigned feed, const struct pl_log_record *record) {
    bool idle = record->flags & PL_LOG_IDLE;
    if (record->watermark <= lane->told[feed] && !idle) return;
    if (record->watermark > lane->told[feed]) lane->told[feed] = record->watermark;
    struct pl_item item = {.type = PL_ITEM_WATERMARK, .time = lane->told[feed], .idle = idle};
    pl_outputs_signal_port(&lane->outputs, feed, &item);
}

/* What it has told of each feed: of one that others own no barrier of ours says that. */
static void save_told(const struct pl_lane *lane, struct pl_buffer *out) {
    struct pl_pack *pack = pl_pack_new();
    if (!pack) {
        out->failed = true;
        return;
    }
    pl_pack_array(pack, lane->feeds.count);
    for (unsigned i = 0; i < lane->feeds.count; i++) {
        pl_pack_array(pack, 2);
        pl_pack_str(pack, pl_tags_get(lane->log->tags, lane->feeds.now[i])->name);
        pl_pack_int(pack, lane->told[i]);
    }
    pl_state_put_pack(out, PL_STATE_SELF, pack);
    pl_pack_free(pack);
}

bool pl_lane_load_told(struct pl_lane *lane, struct pl_unpack *unpack) {
    uint32_t feeds, items;
    bool good = pl_unpack_array(unpack, &feeds);
    for (uint32_t i = 0; good && i < feeds; i++) {
        const char *name;
        size_t length;
        int64_t told;
        good = pl_unpack_array(unpack, &items) && items == 2 && pl_unpack_str(unpack, &name, &length) &&
               pl_unpack_int(unpack, &told);
        int feed = good ? feed_of(lane, pl_tags_find(lane->log->tags, name, length)) : -1;
        if (feed >= 0) lane->told[feed] = told;
    }
    return good;
}

static void bring_counts(struct pl_lane *lane, uint64_t epoch) {
    struct pl_changes changes = {0};
    pl_buffer_init(&changes.entries, SIZE_MAX / 2);
    pl_counting_save(lane->counting, epoch, &changes.entries);
    if (lane->shared) save_told(lane, &changes.entries);
    pl_checkpoint_passed(lane->checkpoints, lane->participant, epoch, &changes);
}

/* Behind the first barrier of all everybody waits: until it is an epoch, a death would have the log read from its
 * begin, and a sink that appends to a file would not know where that began. */
static void pass_barrier(struct pl_lane *lane, const struct pl_log_record *record) {
    struct pl_item item = {.type = PL_ITEM_BARRIER, .epoch = record->epoch};
    if (lane->counting) bring_counts(lane, record->epoch);
    if (lane->log && record->epoch == 1) lane->awaited = 1;
    pl_checkpoint_stands(lane->checkpoints, record->epoch, lane->partition, record->sequence);
    pl_outputs_signal(&lane->outputs, &item);
    lane->over = lane->last == record->epoch;
    lane->holds = lane->hold_at && record->epoch >= lane->hold_at;
}

static bool is_foreign(const struct pl_lane *lane, const struct pl_log_record *record) {
    return lane->shared && record->watermark != lane->run;
}

static bool is_due(const struct pl_lane *lane, const struct pl_log_record *record, pl_time *wait) {
    if (lane->replay)
        return !pl_replay_holds(lane->replay) &&
               (!record->source || pl_replay_is_due(lane->replay, record->watermark, wait));
    uint64_t done = atomic_load(pl_checkpoints_done(lane->checkpoints));
    if (PL_UNLIKELY(lane->holds)) return false;
    if (pl_checkpoints_stopped(lane->checkpoints)) return true; /* there will be no other one to wait for */
    if (record->type == PL_LOG_BARRIER && !is_foreign(lane, record) && record->epoch > done + 1) return false;
    return done >= lane->awaited;
}

/* The end of a source in a run that another one has followed is none. */
static bool is_superseded(const struct pl_lane *lane, unsigned feed, const struct pl_log_record *record) {
    if (record->type != PL_LOG_END) return false;
    if (lane->shared) return true; /* engines of a group run until they are stopped */
    return lane->replay ? !pl_replay_is_end(lane->replay, feed, record->sequence) : record->sequence < lane->own;
}

/* Something has failed before the first epoch was done: rows stay in the log, for another run. */
static bool is_left(const struct pl_lane *lane, const struct pl_log_record *record) {
    return record->type == PL_LOG_ROWS && atomic_load(pl_checkpoints_done(lane->checkpoints)) < lane->awaited;
}

/* Turns a record into items for those who take its source. Takes the record's batch. */
static void pass_on(struct pl_lane *lane, struct pl_log_record *record) {
    if (record->type == PL_LOG_BARRIER) {
        if (lane->replay)
            pl_replay_pass(lane->replay, record);
        else if (!is_foreign(lane, record))
            pass_barrier(lane, record);
        return;
    }
    int feed = feed_of(lane, record->source);
    lane->passed++;
    if (feed < 0 || is_superseded(lane, (unsigned)feed, record) ||
        is_left(lane, record)) { /* of a source this graph lacks, or a command */
        if (record->batch) pl_batch_unref(record->batch);
        return;
    }
    if (lane->replay) pl_replay_correct(lane->replay, (unsigned)feed, record);
    if (record->type == PL_LOG_ROWS && lane->counting)
        pl_counting_take(lane->counting, (unsigned)feed, record->batch, lane->told[feed]);
    if (record->type == PL_LOG_ROWS) pl_outputs_emit(&lane->outputs, (unsigned)feed, record->batch);
    if (record->type == PL_LOG_END) {
        struct pl_item item = {.type = PL_ITEM_END, .idle = record->watermark != PL_TIME_MAX};
        pl_outputs_signal_port(&lane->outputs, (unsigned)feed, &item);
    } else {
        tell_watermark(lane, (unsigned)feed, record);
    }
}

static int64_t size_of(const struct pl_log_record *record) {
    return (int64_t)sizeof *record + (record->batch ? (int64_t)record->batch->message_size : 0);
}

/* What was passed on makes room; a tail that is never empty would grow for ever. */
static void close_up(struct pl_lane *lane) {
    memmove(lane->tail, lane->tail + lane->from, (lane->count - lane->from) * sizeof *lane->tail);
    lane->count -= lane->from;
    lane->from = 0;
}

static bool keep(struct pl_lane *lane, const struct pl_log_record *record) {
    if (lane->from == lane->count) lane->from = lane->count = 0;
    if (lane->count == lane->capacity && lane->from > lane->capacity / 2) close_up(lane);
    if (lane->count == lane->capacity) {
        uint32_t capacity = lane->capacity ? lane->capacity * 2 : 64;
        struct pl_log_record *grown = pl_realloc(lane->tail, capacity * sizeof *grown);
        if (!grown) return false;
        lane->tail = grown;
        lane->capacity = capacity;
    }
    struct pl_log_record *kept = &lane->tail[lane->count++];
    *kept = *record;
    kept->position = kept->body = NULL; /* of the moment, and of no use to the graph */
    if (kept->batch) pl_batch_ref(kept->batch);
    lane->bytes += size_of(kept);
    return true;
}

enum pl_code pl_lane_put(struct pl_lane *lane, const struct pl_log_record *record, struct pl_error **error) {
    if (lane->shared) lane->behind = !lane->over;
    if (lane->shared || lane->behind) return PL_OK; /* it will read it */
    if (lane->from == lane->count && pl_outputs_room(&lane->outputs) && is_due(lane, record, NULL)) {
        struct pl_log_record passed = *record;
        if (record->batch) pl_batch_ref(record->batch);
        pass_on(lane, &passed);
        return PL_OK;
    }
    if (lane->log && lane->bytes >= lane->limit) {
        lane->behind = true;
        lane->next = record->sequence;
        return PL_OK;
    }
    return keep(lane, record) ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for what waits for the graph");
}

static void drain_tail(struct pl_lane *lane) {
    while (lane->from < lane->count && pl_outputs_room(&lane->outputs) && is_due(lane, &lane->tail[lane->from], NULL)) {
        struct pl_log_record *record = &lane->tail[lane->from++];
        lane->bytes -= size_of(record);
        pass_on(lane, record);
    }
}

/* The lane has sent its tail and reads what it has missed. */
static enum pl_code catch_up(struct pl_lane *lane, bool *more, struct pl_error **error) {
    const struct pl_log_ops *ops = lane->log->ops;
    enum pl_code code = PL_OK;
    if (!lane->cursor) code = ops->cursor(lane->log, lane->partition, lane->next, false, &lane->cursor, error);
    for (int i = 0; code == PL_OK && !lane->over && pl_outputs_room(&lane->outputs); i++) {
        struct pl_log_record record = {0};
        if (i == READ_A_RUN) {
            *more = true;
            return PL_OK;
        }
        code = ops->read(lane->cursor, &record, error);
        if (!code && lane->replay && record.sequence >= pl_replay_end(lane->replay)) {
            if (record.batch) pl_batch_unref(record.batch);
            code = PL_NOT_FOUND;
        }
        if (code == PL_NOT_FOUND) {
            lane->behind = false;
            if (lane->shared) return PL_OK;
            ops->cursor_free(lane->cursor);
            lane->cursor = NULL;
            return PL_OK;
        }
        if (code) break;
        if (lane->replay && !pl_replay_plays(lane->replay, &record)) {
            if (record.batch) pl_batch_unref(record.batch);
            continue;
        }
        if (record.batch) lane->read_back_rows += record.batch->rows;
        if (is_due(lane, &record, NULL)) {
            pass_on(lane, &record);
            continue;
        }
        bool kept = keep(lane, &record);
        pl_batch_unref(record.batch);
        return kept ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for what waits for the graph");
    }
    return code;
}

enum pl_code pl_lane_run(struct pl_lane *lane, bool *more, struct pl_error **error) {
    drain_tail(lane);
    if (lane->from < lane->count || !lane->behind) return PL_OK;
    return catch_up(lane, more, error);
}

void pl_lane_look(struct pl_lane *lane) {
    lane->behind = lane->shared && !lane->absent && !lane->over;
}

void pl_lane_hold(struct pl_lane *lane, uint64_t epoch) {
    lane->hold_at = epoch;
    lane->holds = false;
}

static bool told_before(const struct pl__intake_past *past, unsigned partition, uint32_t name, pl_time *told) {
    for (; past && name != PL_NO_ID; past = past->next)
        for (unsigned i = 0; i < past->told[partition].count; i++)
            if (past->told[partition].names[i] == name) {
                *told = past->told[partition].told[i];
                return true;
            }
    return false;
}

pl_time *pl_lane_told(const struct pl_feeds *feeds, const struct pl__intake_past *past, unsigned partition) {
    pl_time *told = pl_alloc((feeds->limit + 1) * sizeof *told);
    for (unsigned i = 0; told && i < feeds->limit; i++) {
        told[i] = PL_TIME_MIN;
        if (i < feeds->count && !told_before(past, partition, feeds->names[i], &told[i]))
            told_before(past, partition, feeds->were[i], &told[i]);
    }
    return told;
}

void pl_lane_rewire(struct pl_lane *lane, const struct pl_feeds *feeds, pl_time *told) {
    pl_free(lane->told);
    lane->told = told;
    lane->feeds = (struct pl_lane_names){feeds->names, feeds->were, feeds->limit};
}

bool pl_lane_caught_up(const struct pl_lane *lane) {
    if (lane->shared && lane->last && !lane->absent) return lane->over;
    return lane->from == lane->count && !lane->behind;
}

bool pl_lane_waits(const struct pl_lane *lane, pl_time *wait) {
    return lane->from < lane->count && !is_due(lane, &lane->tail[lane->from], wait);
}

void pl_lane_begin_at(struct pl_lane *lane, uint64_t sequence) {
    lane->next = sequence;
    lane->own = lane->log->ops->next(lane->log, lane->partition);
    lane->behind = lane->shared || sequence < lane->own;
}

void pl_lane_replay(struct pl_lane *lane, struct pl_replay_part *part) {
    lane->replay = part;
    lane->next = pl_replay_begin(part);
    lane->behind = lane->next < pl_replay_end(part);
}

void pl_lane_bar(struct pl_lane *lane, uint64_t epoch) {
    struct pl_item item = {.type = PL_ITEM_BARRIER, .epoch = epoch};
    pl_checkpoint_stands(lane->checkpoints, epoch, lane->partition, 0);
    pl_outputs_signal(&lane->outputs, &item);
}

void pl_lane_is_silent(struct pl_lane *lane, unsigned feed) {
    struct pl_item idle = {.type = PL_ITEM_WATERMARK, .time = PL_TIME_MIN, .idle = true};
    pl_outputs_signal_port(&lane->outputs, feed, &idle);
}

void pl_lane_has_told(struct pl_lane *lane, unsigned feed, pl_time watermark, bool ended) {
    struct pl_item end = {.type = PL_ITEM_END};
    lane->told[feed] = watermark;
    if (ended) pl_outputs_signal_port(&lane->outputs, feed, &end); /* who has had it already takes no notice */
}
