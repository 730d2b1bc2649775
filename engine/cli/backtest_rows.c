#include "backtest_rows.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

/* A node and partition of a zone. */
struct stream {
    enum pl_zone_id zone;
    char *node;
    struct pl_zone_range range;
    struct pl_zone_scan *scan;
    struct pl_zone_record next;
    bool ended;
};

struct held {
    struct pl_batch *batch; /* NULL: all its rows have been given */
    uint32_t left;
};

struct pl__rows {
    const struct pl__plan *plan;
    struct pl_store *store;
    struct pl_tags *tags;
    pl_time from, to;
    struct stream *streams;
    uint32_t stream_count, stream_room;
    struct held *batches; /* of numbers from first_batch on */
    uint32_t first_batch, batch_count, batch_room;
    struct pl__row *rows;
    size_t count, room, given; /* `given` of them are the slice that was given last */
    pl_time oldest;            /* of the rows that have not been given */
    enum pl_zone_id listing;
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

static bool grow(void **items, size_t *room, size_t least, size_t size) {
    if (least <= *room) return true;
    size_t more = least + least / 2 + 64;
    void *grown = pl_realloc(*items, more * size);
    if (!grown) return false;
    *items = grown;
    *room = more;
    return true;
}

static bool grow32(void **items, uint32_t *room, uint32_t least, size_t size) {
    size_t wide = *room;
    bool good = grow(items, &wide, least, size);
    *room = (uint32_t)wide;
    return good;
}

/* ---- Streams ---- */

static bool is_wanted(const struct pl__rows *r, enum pl_zone_id zone, const char *node) {
    for (unsigned f = 0; f < r->plan->feed_count; f++) {
        const struct pl__feed *feed = &r->plan->feeds[f];
        if (feed->zone == zone && (!feed->node || strcmp(feed->node, node) == 0)) return true;
    }
    return false;
}

static enum pl_code add_stream(void *user, const struct pl_zone_part *part, struct pl_error **error) {
    struct pl__rows *r = user;
    if (!is_wanted(r, r->listing, part->node)) return PL_OK;
    char *name = pl_strdup(part->node);
    if (!name || !grow32((void **)&r->streams, &r->stream_room, r->stream_count + 1, sizeof *r->streams)) {
        pl_free(name);
        return no_memory(error);
    }
    r->streams[r->stream_count++] = (struct stream){
        .zone = r->listing,
        .node = name,
        .range = {.node = name, .one = true, .partition = part->partition, .from = r->from, .to = r->to},
    };
    return PL_OK;
}

static enum pl_code advance(struct stream *stream, struct pl_error **error) {
    enum pl_code code = pl_zone_scan_next(stream->scan, &stream->next, error);
    stream->ended = code != PL_OK;
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static enum pl_code open_streams(struct pl__rows *r, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (r->listing = PL_SILVER; !code && r->listing <= PL_GOLD; r->listing++)
        code = pl_zone_parts(r->store, r->listing, add_stream, r, error);
    for (uint32_t i = 0; i < r->stream_count; i++)
        r->streams[i].ended = true;
    for (uint32_t i = 0; !code && i < r->stream_count; i++) {
        struct stream *s = &r->streams[i]; /* which no longer move */
        code = pl_zone_scan_new(r->store, r->tags, s->zone, &s->range, &s->scan, error);
        if (!code) code = advance(s, error);
    }
    return code;
}

/* The one whose next record begins earliest; NULL: all have ended. */
static struct stream *earliest(const struct pl__rows *r) {
    struct stream *least = NULL;
    for (uint32_t i = 0; i < r->stream_count; i++) {
        struct stream *s = &r->streams[i];
        if (!s->ended && (!least || s->next.first < least->next.first)) least = s;
    }
    return least;
}

/* ---- Rows at hand ---- */

static bool fits(const struct pl__rows *r, const struct pl__feed *feed, const struct stream *stream) {
    const struct pl_batch *batch = stream->next.batch;
    return feed->zone == stream->zone && batch->kind == feed->kind &&
           (!feed->node || strcmp(feed->node, stream->node) == 0) &&
           (!feed->source || strcmp(feed->source, pl_tags_get(r->tags, batch->source)->name) == 0);
}

static bool keep_rows(struct pl__rows *r, unsigned feed, struct held *held) {
    const pl_time *time = pl_batch_times(held->batch);
    if (!grow((void **)&r->rows, &r->room, r->count + held->batch->rows, sizeof *r->rows)) return false;
    for (uint32_t row = 0; row < held->batch->rows; row++) {
        if (time[row] < r->from || (time[row] >= r->to && r->to != PL_TIME_MAX)) continue;
        uint32_t number = r->first_batch + r->batch_count - 1;
        r->rows[r->count++] = (struct pl__row){.time = time[row], .feed = feed, .batch = number, .row = row};
        held->left++;
        if (time[row] < r->oldest) r->oldest = time[row];
    }
    return true;
}

static void let_go(struct held *held) {
    if (held->batch) pl_batch_unref(held->batch);
    held->batch = NULL;
}

/* Takes the stream's record, and goes on to its next. */
static enum pl_code take_record(struct pl__rows *r, struct stream *stream, struct pl_error **error) {
    if (r->count > PL__HELD_ROWS_MAX)
        return pl_error_set(error, PL_LIMIT, "more than %d rows of the lake lie beside one another in time",
                            PL__HELD_ROWS_MAX);
    if (!grow32((void **)&r->batches, &r->batch_room, r->batch_count + 1, sizeof *r->batches)) return no_memory(error);
    struct held *held = &r->batches[r->batch_count++];
    *held = (struct held){.batch = stream->next.batch};
    stream->ended = true; /* its record is ours now */
    for (unsigned f = 0; f < r->plan->feed_count; f++)
        if (fits(r, &r->plan->feeds[f], stream) && !keep_rows(r, f, held)) return no_memory(error);
    if (!held->left) let_go(held);
    return advance(stream, error);
}

static void drop_given(struct pl__rows *r) {
    for (size_t i = 0; i < r->given; i++) {
        struct held *held = &r->batches[r->rows[i].batch - r->first_batch];
        if (--held->left == 0) let_go(held);
    }
    r->count -= r->given;
    if (r->count) memmove(r->rows, r->rows + r->given, r->count * sizeof *r->rows);
    r->given = 0;
    r->oldest = r->count ? r->rows[0].time : PL_TIME_MAX;
    uint32_t gone = 0;
    while (gone < r->batch_count && !r->batches[gone].batch)
        gone++;
    r->batch_count -= gone;
    r->first_batch += gone;
    if (gone && r->batch_count) memmove(r->batches, r->batches + gone, r->batch_count * sizeof *r->batches);
}

static int by_time(const void *a, const void *b) {
    const struct pl__row *l = a, *r = b;
    if (l->time != r->time) return l->time < r->time ? -1 : 1;
    if (l->feed != r->feed) return l->feed < r->feed ? -1 : 1;
    if (l->batch != r->batch) return l->batch < r->batch ? -1 : 1;
    return l->row < r->row ? -1 : l->row > r->row;
}

enum pl_code pl__rows_next(struct pl__rows *r, const struct pl__row **slice, size_t *count, struct pl_error **error) {
    struct stream *next;
    drop_given(r);
    while ((next = earliest(r)) && (r->count < PL__SLICE_ROWS || r->oldest >= next->next.first)) {
        enum pl_code code = take_record(r, next, error);
        if (code) return code;
    }
    if (r->count == 0) return PL_NOT_FOUND;
    qsort(r->rows, r->count, sizeof *r->rows, by_time);
    r->given = r->count;
    while (next && r->rows[r->given - 1].time >= next->next.first)
        r->given--;
    *slice = r->rows;
    *count = r->given;
    return PL_OK;
}

const struct pl_batch *pl__rows_batch(const struct pl__rows *r, const struct pl__row *row) {
    return r->batches[row->batch - r->first_batch].batch;
}

/* ---- Life cycle ---- */

enum pl_code pl__rows_open(struct pl__rows **rows, const struct pl__plan *plan, struct pl_store *store,
                           struct pl_tags *tags, pl_time from, pl_time to, struct pl_error **error) {
    struct pl__rows *r = *rows = PL_NEW(struct pl__rows);
    if (!r) return no_memory(error);
    r->plan = plan;
    r->store = store;
    r->tags = tags;
    r->from = from;
    r->to = to;
    r->oldest = PL_TIME_MAX;
    return open_streams(r, error);
}

void pl__rows_close(struct pl__rows *r) {
    if (!r) return;
    for (uint32_t i = 0; i < r->stream_count; i++) {
        struct stream *s = &r->streams[i];
        if (!s->ended) pl_batch_unref(s->next.batch);
        pl_zone_scan_free(s->scan);
        pl_free(s->node);
    }
    for (uint32_t i = 0; i < r->batch_count; i++)
        let_go(&r->batches[i]);
    pl_free(r->streams);
    pl_free(r->batches);
    pl_free(r->rows);
    pl_free(r);
}
