/* lake.c: rows of the zones, for `sensors/{tag}/samples`, `windows`, `profiles` and `events`: read on a worker, by
 * time, as far as a page needs.
 *
 * A cursor is the place of a record and a row of it: the next page begins there, however deep it is. A page that would
 * take long has fewer rows than were asked for, and a cursor all the same.
 *
 * Names of what is read go into a registry of the query's own, so that questions take no room in the engine's. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "control/batch_row.h"
#include "http/rest_impl.h"
#include "store/lake.h"

static const char no_page[] = "There is no page with this cursor.";

enum { NAMES = 200000, RECORDS = 20000 /* of a page */, BYTES = 2 << 20 /* of its rows */ };

struct query {
    struct pl__call *call;
    enum pl_kind kind;
    const char *tags, *node, *event;
    pl_time from, to, span; /* span: of windows; 0: any */
    enum pl_zone_id zone;
    struct pl_tags *names;
    struct pl_pack *rows;
    uint32_t count;
    const char *place; /* of the record where it begins; NULL: at the beginning */
    size_t place_size;
    uint32_t row; /* of that record */
    enum pl_code code;
    struct pl_error *error;
    struct pl_http_posted posted;
};

static void free_query(struct query *query) {
    pl_tags_free(query->names);
    pl_pack_free(query->rows);
    pl_error_free(&query->error);
    pl_free(query);
}

/* ---- On a worker ---- */

static bool fits(const struct query *query, const struct pl_batch *batch, uint32_t row) {
    pl_time time = pl_batch_times(batch)[row];
    if (time < query->from || time >= query->to) return false;
    if (query->tags && !pl_glob(query->tags, pl_tags_get(query->names, pl_batch_keys(batch)[row])->name)) return false;
    if (query->span && batch->windows.end[row] - batch->windows.start[row] != query->span) return false;
    return !query->event || pl_glob(query->event, pl_tags_get(query->names, batch->events.kind[row])->name);
}

static void put_heap(struct pl_pack *pack, const char *name, const struct pl_batch *batch, unsigned heap,
                     uint32_t row) {
    uint32_t length;
    const double *values = pl_batch_heap_row(batch, heap, row, &length);
    pl_pack_str(pack, name);
    pl_pack_array(pack, length);
    for (uint32_t i = 0; i < length; i++)
        pl_pack_f64(pack, values[i]);
}

static void put_row(struct query *query, const struct pl_batch *batch, uint32_t row) {
    bool field = batch->kind == PL_PROFILES;
    pl_pack_map(query->rows, pl_batch_row_pairs(batch) + (field ? 2 : 0));
    pl_batch_row_put(query->rows, batch, query->names, row, true);
    if (field) put_heap(query->rows, "positions", batch, 0, row);
    if (field) put_heap(query->rows, "values", batch, 1, row);
    query->count++;
}

/* z ROW . PLACE */
static bool read_cursor(struct query *query) {
    const struct pl__call *call = query->call;
    const char *text = call->cursor + 1, *dot = call->cursor_size ? memchr(text, '.', call->cursor_size - 1) : NULL;
    int64_t row;
    if (!call->cursor_size) return true;
    if (!dot || !pl_text_int(text, (size_t)(dot - text), &row) || row < 0 || row > UINT32_MAX) return false;
    query->row = (uint32_t)row;
    query->place = dot + 1;
    query->place_size = call->cursor_size - (size_t)(query->place - call->cursor);
    return true;
}

static void put_cursor(struct pl__call *call, const struct pl_zone_scan *scan, uint32_t row) {
    uint8_t place[PL_ZONE_PLACE];
    size_t size = pl_zone_scan_place(scan, place), head;
    head = (size_t)snprintf(call->next, sizeof call->next, "%c%" PRIu32 ".", PL__CURSOR_PLACE, row);
    memcpy(call->next + head, place, size);
    call->next_size = head + size;
}
_Static_assert(1 + 10 + 1 + PL_ZONE_PLACE < PL__CURSOR, "a cursor of a zone fits");

/* The row of this record where the page begins: none in front of it when it is the one that the last page ended in. */
static uint32_t first_row(const struct query *query, const struct pl_zone_scan *scan) {
    uint8_t place[PL_ZONE_PLACE];
    size_t size = query->place ? pl_zone_scan_place(scan, place) : 0;
    return size && size == query->place_size && memcmp(place, query->place, size) == 0 ? query->row : 0;
}

/* False: the page is full. */
static bool take(struct query *query, const struct pl_zone_scan *scan, const struct pl_batch *batch) {
    struct pl__call *call = query->call;
    for (uint32_t i = first_row(query, scan); batch->kind == query->kind && i < batch->rows; i++) {
        if (!fits(query, batch, i)) continue;
        if (query->count == call->limit || pl_pack_size(query->rows) > BYTES) {
            put_cursor(call, scan, i);
            return false;
        }
        put_row(query, batch, i);
    }
    return true;
}

static enum pl_code read_records(struct query *query, struct pl_zone_scan *scan) {
    struct pl_rest *rest = query->call->rest;
    struct pl_zone_record record;
    for (unsigned i = 0;; i++) {
        enum pl_code code = pl_zone_scan_next(scan, &record, &query->error);
        if (code) return code == PL_NOT_FOUND ? PL_OK : code;
        if (i == RECORDS) put_cursor(query->call, scan, first_row(query, scan));
        bool goes_on = i < RECORDS && take(query, scan, record.batch);
        pl_batch_unref(record.batch);
        if (!goes_on) return PL_OK;
        if (atomic_load(&rest->leaving)) return pl_error_set(&query->error, PL_UNAVAILABLE, "the engine is ending");
    }
}

static enum pl_code read_zone(struct query *query) {
    struct pl_zone_range range = {.node = query->node, .from = query->from, .to = query->to};
    struct pl_zone_scan *scan;
    struct pl_store *store = pl__rest_store(query->call->rest);
    if (!store) return pl_error_set(&query->error, PL_UNAVAILABLE, "this run has no data folder, so it has no zones");
    enum pl_code code = pl_zone_scan_new(store, query->names, query->zone, &range, &scan, &query->error);
    if (!code && query->place && !pl_zone_scan_from(scan, query->place, query->place_size))
        code = pl_error_set(&query->error, PL_NOT_FOUND, no_page);
    if (!code) code = read_records(query, scan);
    pl_zone_scan_free(scan);
    return code;
}

static void answer(void *arg) { /* on the server's thread again */
    struct query *query = arg;
    struct pl__call *call = query->call;
    if (!query->code && pl_pack_failed(query->rows)) query->code = PL_NO_MEMORY;
    if (query->code)
        pl__problem_code(call, query->code, query->error ? query->error->text : NULL);
    else
        pl__answer_rows(call, pl_pack_data(query->rows), pl_pack_size(query->rows), query->count);
    free_query(query);
}

static void work(void *arg) {
    struct query *query = arg;
    struct pl_rest *rest = query->call->rest;
    query->code = PL_UNAVAILABLE;
    if (pl__rest_enter(rest)) {
        query->code = read_zone(query);
        pl__rest_leave(rest);
    }
    pl_http_post(rest->options.server, &query->posted, answer, query);
}

/* ---- Asking ---- */

static pl_time time_of(const struct pl__call *call, const char *name, pl_time fallback) {
    const char *text = pl__call_text(call, name);
    if (text) pl_text_time(text, strlen(text), &fallback);
    return fallback;
}

static enum pl_zone_id zone_of(const struct pl__call *call, enum pl_zone_id fallback) {
    const char *text = pl__call_text(call, "zone");
    for (unsigned i = 0; text && i < PL_ZONES; i++)
        if (strcmp(pl_zone_names[i], text) == 0) return (enum pl_zone_id)i;
    return fallback;
}

static void ask(struct pl__call *call, enum pl_kind kind, enum pl_zone_id zone, const char *tags) {
    struct query *query = PL_NEW(struct query);
    if (!query) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    *query = (struct query){.call = call, .kind = kind, .tags = tags, .zone = zone_of(call, zone)};
    query->node = pl__call_text(call, "node");
    query->event = pl__call_text(call, "kind");
    query->from = time_of(call, "from", PL_TIME_MIN);
    query->to = time_of(call, "to", PL_TIME_MAX);
    const char *span = pl__call_text(call, "size");
    if (span) pl_text_duration(span, strlen(span), &query->span);
    if (!read_cursor(query)) {
        free_query(query);
        pl__problem_code(call, PL_NOT_FOUND, no_page);
        return;
    }
    query->names = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    query->rows = pl_pack_new();
    if (query->names && query->rows && pl_workers_do(call->rest->quick, call->who.name, work, query)) return;
    free_query(query);
    pl__problem_wait(call, PL__NOT_NOW, 1, "Too many questions at once.");
}

void pl__lake_samples(struct pl__call *call) {
    ask(call, PL_SAMPLES, PL_SILVER, pl__call_text(call, "tag"));
}

void pl__lake_windows(struct pl__call *call) {
    ask(call, PL_WINDOWS, PL_GOLD, pl__call_text(call, "tag"));
}

void pl__lake_profiles(struct pl__call *call) {
    ask(call, PL_PROFILES, PL_GOLD, pl__call_text(call, "asset"));
}

void pl__lake_events(struct pl__call *call) {
    ask(call, PL_EVENTS, PL_GOLD, pl__call_text(call, "tag"));
}
