/* lake.c: rows of the zones, for `sensors/{tag}/samples`, `windows`, `profiles` and `events`: read on a worker, by
 * time, as far as a page needs.
 *
 * Names of what is read go into a registry of the query's own, so that questions take no room in the engine's. */
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "control/batch_row.h"
#include "http/rest_impl.h"
#include "store/lake.h"

enum { NAMES = 200000, RECORDS_MAX = 200000 };

struct query {
    struct pl__call *call;
    enum pl_kind kind;
    const char *tags, *node, *event;
    pl_time from, to;
    enum pl_zone_id zone;
    struct pl_tags *names;
    struct pl_pack *rows;
    uint32_t count;
    size_t passed; /* rows that fit, in front of the page too */
    bool more;
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

/* False: the page is full. */
static bool take(struct query *query, const struct pl_batch *batch) {
    const struct pl__call *call = query->call;
    for (uint32_t i = 0; batch->kind == query->kind && i < batch->rows; i++) {
        if (!fits(query, batch, i)) continue;
        if (query->count == call->limit) {
            query->more = true;
            return false;
        }
        if (query->passed++ >= call->offset) put_row(query, batch, i);
    }
    return true;
}

static enum pl_code read_zone(struct query *query) {
    struct pl_zone_range range = {.node = query->node, .from = query->from, .to = query->to};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    struct pl_rest *rest = query->call->rest;
    struct pl_store *store = pl__rest_store(rest);
    if (!store) return pl_error_set(&query->error, PL_UNAVAILABLE, "this run has no data folder, so it has no zones");
    enum pl_code code = pl_zone_scan_new(store, query->names, query->zone, &range, &scan, &query->error);
    bool goes_on = !code;
    for (unsigned i = 0; goes_on; i++) {
        code = pl_zone_scan_next(scan, &record, &query->error);
        if (code) break;
        goes_on = take(query, record.batch);
        pl_batch_unref(record.batch);
        if (goes_on && atomic_load(&rest->leaving))
            code = pl_error_set(&query->error, PL_UNAVAILABLE, "the engine is ending");
        else if (goes_on && i == RECORDS_MAX)
            code = pl_error_set(&query->error, PL_LIMIT, "too much is to be read for this: ask for less time");
        goes_on = goes_on && !code;
    }
    pl_zone_scan_free(scan);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static void answer(void *arg) { /* on the server's thread again */
    struct query *query = arg;
    struct pl__call *call = query->call;
    if (!query->code && pl_pack_failed(query->rows)) query->code = PL_NO_MEMORY;
    if (query->code)
        pl__problem_code(call, query->code, query->error ? query->error->text : NULL);
    else
        pl__answer_rows(call, pl_pack_data(query->rows), pl_pack_size(query->rows), query->count, query->more);
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
    query->names = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    query->rows = pl_pack_new();
    if (query->names && query->rows && pl_workers_do(call->rest->quick, work, query)) return;
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
