/* explain_rows.c: rows of bronze in memory, as they had come, and the watermarks between them.
 *
 * Where a source's watermark stood when a row came decides whether it is late, and depends on how the source had cut
 * its rows. So both are taken from the log.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "log/log.h"

#define PATIENCE (10 * PL_MINUTE) /* rows that are so late are not looked for */

struct reading {
    struct pl__raws *raws;
    const struct pl__explain_section *section;
    const struct pl_tags *tags;
    pl_time from, to;
    uint32_t asset;
    struct reached {
        pl_time watermark;
        bool silent;
    } * reached; /* [feed], in the partition at hand */
};

/* ---- Room ---- */

static bool grow(void **items, size_t size, size_t count, size_t *room) {
    if (count < *room) return true;
    size_t wanted = *room ? 2 * *room : 256;
    void *grown = pl_realloc(*items, wanted * size);
    if (!grown) return false;
    *items = grown;
    *room = wanted;
    return true;
}

static bool add_batch(struct pl__raws *raws, struct pl_batch *batch) {
    size_t room = raws->batch_room;
    void *items = raws->batches;
    bool good = grow(&items, sizeof *raws->batches, raws->batch_count, &room);
    raws->batches = items;
    raws->batch_room = (uint32_t)room;
    if (good) raws->batches[raws->batch_count++] = pl_batch_ref(batch);
    return good;
}

static bool add_row(struct pl__raws *raws, struct pl__raw row) {
    void *items = raws->rows;
    bool good = grow(&items, sizeof *raws->rows, raws->count, &raws->room);
    raws->rows = items;
    if (good) raws->rows[raws->count++] = row;
    return good;
}

static bool add_mark(struct pl__raws *raws, struct pl__raw_mark mark) {
    void *items = raws->marks;
    bool good = grow(&items, sizeof *raws->marks, raws->mark_count, &raws->mark_room);
    raws->marks = items;
    if (good) raws->marks[raws->mark_count++] = mark;
    return good;
}

/* ---- A partition of the log ---- */

static int feed_named(const struct pl_trial_graph *graph, const char *name) {
    for (unsigned i = 0; i < graph->feed_count; i++)
        if (strcmp(graph->feeds[i].name, name) == 0) return (int)i;
    return -1;
}

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the rows of bronze");
}

static bool is_above(const struct pl_tags *tags, uint32_t asset, uint32_t id) {
    while (id && id != asset)
        id = pl_tags_get(tags, id)->asset;
    return id != 0;
}

/* Below the asset, or a signal of one that it is a part of: a line's current is for each of its pots. */
static bool is_near(const struct reading *r, uint32_t key) {
    const uint32_t of = pl_tags_get(r->tags, key)->asset;
    return !r->asset || is_above(r->tags, r->asset, key) || !of || is_above(r->tags, of, r->asset);
}

static enum pl_code add_rows(struct reading *r, const struct pl_log_record *record, uint32_t feed,
                             struct pl_error **error) {
    const struct pl_batch *batch = record->batch;
    struct pl__raws *raws = r->raws;
    bool good = true, some = false;
    for (uint32_t i = 0; i < batch->rows && good; i++) {
        pl_time time = pl_batch_times(batch)[i];
        if (time < r->from || time >= r->to || !is_near(r, pl_batch_keys(batch)[i])) continue;
        if (raws->count == PL__RAWS_MAX)
            return pl_error_set(error, PL_LIMIT, "more than %d rows of bronze would be needed", PL__RAWS_MAX);
        if (!some) good = add_batch(raws, record->batch);
        some = true;
        good = good && add_row(raws, (struct pl__raw){.time = time,
                                                      .key = pl_batch_keys(batch)[i],
                                                      .feed = feed,
                                                      .batch = raws->batch_count - 1,
                                                      .row = i,
                                                      .sequence = record->sequence + i,
                                                      .partition = record->partition});
    }
    return good ? PL_OK : no_memory(error);
}

/* A source that has ended holds nobody back, and another run may go on. */
static enum pl_code add_record(struct reading *r, const struct pl_log_record *record, pl_time *received,
                               struct pl_error **error) {
    bool rows = record->type == PL_LOG_ROWS, end = record->type == PL_LOG_END;
    if (record->type == PL_LOG_BARRIER) {
        struct pl__raw_mark barrier = {
            .received = *received, .sequence = record->sequence, .partition = record->partition, .barrier = true};
        return add_mark(r->raws, barrier) ? PL_OK : no_memory(error);
    }
    if (!rows && !end && record->type != PL_LOG_WATERMARK) return PL_OK;
    int feed = feed_named(&r->section->graph, pl_tags_get(r->tags, record->source)->name);
    if (feed < 0 || (rows && record->batch->kind != r->section->graph.feeds[feed].kind)) return PL_OK;
    if (rows) *received = record->batch->header->receive_time;
    enum pl_code code = rows ? add_rows(r, record, (uint32_t)feed, error) : PL_OK;
    struct pl__raw_mark mark = {.time = end ? PL_TIME_MIN : record->watermark,
                                .received = *received,
                                .sequence = record->sequence + (rows && record->rows ? record->rows - 1 : 0),
                                .feed = (uint32_t)feed,
                                .partition = record->partition,
                                .idle = end || record->flags & PL_LOG_IDLE};
    struct reached *reached = &r->reached[feed];
    reached->silent = mark.idle;
    if (mark.time > reached->watermark) reached->watermark = mark.time;
    return code ? code : add_mark(r->raws, mark) ? PL_OK : no_memory(error);
}

/* All sources that speak are well behind the range. Where none does, one may speak again. */
static bool is_behind(const struct reading *r) {
    bool some = false;
    for (unsigned i = 0; i < r->section->graph.feed_count; i++) {
        const struct reached *reached = &r->reached[i];
        bool behind = reached->watermark >= r->to && reached->watermark - r->to >= PATIENCE;
        if (!behind && !reached->silent) return false;
        some |= behind;
    }
    return some;
}

static enum pl_code read_partition(struct reading *r, struct pl_log *log, unsigned partition, struct pl_error **error) {
    struct pl_log_cursor *cursor = NULL;
    struct pl_log_record record;
    pl_time received = PL_TIME_MIN;
    for (unsigned i = 0; i < r->section->graph.feed_count; i++)
        r->reached[i] = (struct reached){.watermark = PL_TIME_MIN};
    enum pl_code code =
        log->ops->cursor(log, partition, log->ops->seek(log, partition, r->from), false, &cursor, error);
    while (!code && !is_behind(r) && !(code = log->ops->read(cursor, &record, error))) {
        code = add_record(r, &record, &received, error);
        pl_batch_unref(record.batch);
    }
    log->ops->cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* ---- In order ---- */

struct arrival {
    pl_time received;
    uint64_t sequence;
    uint16_t partition;
    bool mark;
};

static struct arrival arrival_of(const struct pl__raws *raws, const struct pl__raw *row) {
    return (struct arrival){raws->batches[row->batch]->header->receive_time, row->sequence, row->partition, false};
}

static struct arrival arrival_of_mark(const struct pl__raw_mark *mark) {
    return (struct arrival){mark->received, mark->sequence, mark->partition, true};
}

/* Within a partition as they stand in the log; partitions among each other as the engine has noted. */
static int compare(struct arrival l, struct arrival r) {
    if (l.partition == r.partition)
        return l.sequence != r.sequence ? (l.sequence < r.sequence ? -1 : 1) : (int)l.mark - (int)r.mark;
    if (l.received != r.received) return l.received < r.received ? -1 : 1;
    return l.partition < r.partition ? -1 : 1;
}

bool pl__raw_before(const struct pl__raws *raws, const struct pl__raw *row, const struct pl__raw_mark *mark) {
    return compare(arrival_of(raws, row), arrival_of_mark(mark)) < 0;
}

static int by_arrival(const void *a, const void *b, void *raws) {
    return compare(arrival_of(raws, a), arrival_of(raws, b));
}

static int marks_by_arrival(const void *a, const void *b) {
    return compare(arrival_of_mark(a), arrival_of_mark(b));
}

enum pl_code pl__raws_read(struct pl__raws *raws, const struct pl__export_what *bronze,
                           const struct pl__raws_wanted *wanted, const struct pl__explain_section *section,
                           struct pl_error **error) {
    struct reading r = {.raws = raws,
                        .section = section,
                        .tags = bronze->tags,
                        .from = wanted->from,
                        .to = wanted->to,
                        .asset = wanted->asset};
    const int partition = wanted->partition;
    struct pl_log *log = NULL;
    r.reached = pl_alloc((section->graph.feed_count + 1) * sizeof *r.reached);
    if (!r.reached) return no_memory(error);
    enum pl_code code = pl_log_open_embedded(bronze->store, bronze->tags, 0, &log, error);
    if (!code) raws->partitions = log->partitions;
    for (unsigned p = 0; !code && p < log->partitions; p++)
        if (partition < 0 || p == (unsigned)partition) code = read_partition(&r, log, p, error);
    if (log) log->ops->close(log);
    pl_free(r.reached);
    if (!code && raws->count) qsort_r(raws->rows, raws->count, sizeof *raws->rows, by_arrival, raws);
    if (!code && raws->mark_count) qsort(raws->marks, raws->mark_count, sizeof *raws->marks, marks_by_arrival);
    return code;
}

void pl__raws_fini(struct pl__raws *raws) {
    for (uint32_t i = 0; i < raws->batch_count; i++)
        pl_batch_unref(raws->batches[i]);
    pl_free(raws->batches);
    pl_free(raws->rows);
    pl_free(raws->marks);
    *raws = (struct pl__raws){0};
}
