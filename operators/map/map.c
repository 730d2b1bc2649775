#include "map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const quality_names[] = {"good", "any", NULL};
enum { QUALITY_GOOD, QUALITY_ANY };

static const struct pl_option value_options[] = {
    PL_OPT_STRING(
        struct map_value, tag, "tag", NULL, PL_STATE,
        "The tag that is made: a glob of assets, then the signal, like *.power; with `each`, {signal} in it is "
        "the row's own."),
    PL_OPT_STRING(struct map_value, expr, "expr", NULL, PL_FIXED,
                  "How it is computed; names are signals of the asset, whole tags, {line}.signal in back quotes; with "
                  "`each`, columns."),
    PL_OPT_STRING(struct map_value, each, "each", "", PL_STATE,
                  "Glob of tags; each of their rows gives one, by itself: of samples from value, of windows from mean, "
                  "min, max, ...; time is in seconds."),
    PL_OPT_END,
};

static const struct pl_option map_options[] = {
    PL_OPT_LIST(struct map, values, "values", NULL, struct map_value, value_options, PL_STATE,
                "What is computed: a list, or a CSV file with a header."),
    PL_OPT_DURATION(struct map, max_age, "max_age", "1m", "1ns", "365d", PL_FIXED,
                    "A result that rests on a signal older than this is flagged stale and uncertain."),
    PL_OPT_CHOICE(struct map, quality, "quality", "good", quality_names, PL_FIXED,
                  "Whether a value of severity bad counts as missing, or as it is."),
    PL_OPT_INT(struct map, max_waiting, "max_waiting", "16384", "1", "1000000", PL_FIXED,
               "Rows of one tag that wait for the watermark; more are refused."),
    PL_OPT_END,
};

static void merge_progress(void *record, const void *other) {
    struct map_progress *progress = record;
    const struct map_progress *more = other;
    if (more->watermark < progress->watermark) progress->watermark = more->watermark;
}

static const struct pl_table_def map_tables[] = {
    [TABLE_WAITING] = {.name = "waiting",
                       .version = WAITING_VERSION,
                       .record_size = sizeof(struct waiting_chunk),
                       .doc = "Rows that the watermark has not passed, by tag in chunks."},
    [TABLE_HELD] = {.name = "held",
                    .version = 1,
                    .record_size = sizeof(struct held),
                    .doc = "The newest value of a tag."},
    [TABLE_PROGRESS] = {.name = "progress",
                        .version = 1,
                        .record_size = sizeof(struct map_progress),
                        .doc = "The watermark, which decides what is late.",
                        .merge = merge_progress},
    {.name = NULL},
};

static void map_check(void *self, struct pl_check *check) {
    const struct map *m = self;
    const struct map_value *values = m->values.items;
    if (!m->values.count) pl_check_error(check, "values", "there is nothing to compute");
    for (uint32_t i = 0; i < m->values.count; i++) {
        struct entry entry;
        char said[ENTRY_SAID], path[64];
        const char *option, *problem = entry_init(&entry, &values[i], said, &option);
        snprintf(path, sizeof path, "values[%u].%s", i, option);
        if (problem) pl_check_error(check, path, "%s", problem);
        entry_fini(&entry);
    }
}

static enum pl_code map_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct map *m = self;
    const struct map_value *values = m->values.items;
    m->node = node;
    m->closed = PL_TIME_MIN;
    m->waiting.table = pl_node_table(node, TABLE_WAITING);
    m->waiting.limit = (uint32_t)((m->max_waiting + WAITING_CHUNK - 1) / WAITING_CHUNK);
    m->entries = pl_alloc((m->values.count + 1) * sizeof *m->entries);
    if (!m->entries) return pl_error_set(error, PL_NO_MEMORY, "map: no memory for %u values", m->values.count);
    for (uint32_t i = 0; i < m->values.count; i++) {
        char said[ENTRY_SAID];
        const char *option, *problem = entry_init(&m->entries[i], &values[i], said, &option);
        if (!problem && !entry_fits_kind(&m->entries[i], pl_node_kind(node), said)) problem = said;
        if (problem) return pl_error_set(error, PL_USAGE, "map: %s", problem);
        if (!entry_room(&m->entries[i])) return pl_error_set(error, PL_NO_MEMORY, "map: no memory for its columns");
        *(*values[i].each ? &m->any_rows : &m->any_joined) = true;
    }
    return PL_OK;
}

static void map_close(void *self, struct pl_node *node) {
    (void)node;
    struct map *m = self;
    for (uint32_t i = 0; m->entries && i < m->values.count; i++)
        entry_fini(&m->entries[i]);
    pl_free(m->entries);
    m->entries = NULL;
    units_fini(m);
    waiting_fini(&m->waiting);
    pl_batch_unref(m->out);
    m->out = NULL;
}

/* The first call, maybe after a restore: what is not in the tables is found from them. */
static bool find_again(struct map *m) {
    const struct map_progress *progress = pl_table_find(pl_node_table(m->node, TABLE_PROGRESS), 0, 0);
    if (progress) m->closed = progress->watermark;
    if (!units_of_one_asset(m) || !waiting_restore(&m->waiting, m->closed)) return false;
    for (unsigned t = TABLE_WAITING; t <= TABLE_HELD; t++) {
        struct pl_table *table = pl_node_table(m->node, t);
        for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
            const struct tag_use *use = units_use(m, r->id);
            if (!use || (!use->asked && !units_ask(m, r->id))) return false;
        }
    }
    m->found = true;
    return true;
}

/* ---- With `each`: row by row ---- */

static bool map_row(struct map *m, struct entry *entry, const struct pl_batch *batch, uint32_t i) {
    const uint16_t quality = batch->kind == PL_SAMPLES ? batch->samples.quality[i] : batch->windows.quality[i];
    uint32_t at, tag = entry_derived(m, entry, pl_batch_keys(batch)[i]);
    if (tag == PL_NO_ID) return true;
    bool bad = m->quality == QUALITY_GOOD && pl_quality_bad(quality);
    if (!output_row(m, entry, pl_batch_times(batch)[i], tag, quality, bad, &at)) return false;
    for (uint64_t left = pl_expr_uses(entry->expr); left; left &= left - 1) {
        unsigned column = (unsigned)__builtin_ctzll(left);
        entry->block[column * MAP_BLOCK + at] = bad ? (double)NAN : entry_column(batch, i, column);
    }
    return true;
}

/* A row after the other, so that what leaves is in the same order however batches are cut. */
static bool map_rows(struct map *m, const struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++)
        for (uint32_t e = 0; e < m->values.count; e++)
            if (*m->entries[e].value->each && !map_row(m, &m->entries[e], batch, i)) return false;
    return true;
}

/* ---- Without: as of event time ---- */

static bool hold(struct map *m, const struct waiting_row *row) {
    struct held *held = pl_table_get(pl_node_table(m->node, TABLE_HELD), row->tag, 0);
    if (!held) {
        pl_count(m->node, COUNT_REFUSED, 1);
        return false;
    }
    *held = (struct held){.time = row->time, .value = row->value, .quality = row->quality};
    return true;
}

/* A row behind the watermark gives no result of its own; what is computed from now on may rest on it. */
static void take_late(struct map *m, const struct waiting_row *row) {
    const struct held *held = pl_table_find(pl_node_table(m->node, TABLE_HELD), row->tag, 0);
    pl_count(m->node, COUNT_LATE, 1);
    if (!held || row->time >= held->time) hold(m, row);
}

static bool take_rows(struct map *m, const struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        const struct waiting_row row = {.time = batch->samples.time[i],
                                        .value = batch->samples.value[i],
                                        .tag = batch->samples.tag[i],
                                        .quality = batch->samples.quality[i]};
        const struct tag_use *use = units_use(m, row.tag);
        if (!use || (!use->asked && !units_ask(m, row.tag))) return false;
        if (!m->uses[row.tag].count && !m->uses[row.tag].shared) continue;
        if (row.time < m->closed || m->closed == PL_TIME_MAX) {
            take_late(m, &row);
            continue;
        }
        enum waiting_result result = waiting_add(&m->waiting, &row);
        if (result == WAITING_NO_MEMORY) return false;
        if (result == WAITING_REFUSED) pl_count(m->node, COUNT_REFUSED, 1);
    }
    return true;
}

static bool is_stale(const struct map *m, pl_time now, pl_time then) {
    return (uint64_t)now - (uint64_t)then > (uint64_t)m->max_age;
}

static bool compute_unit(struct map *m, const struct unit *unit, pl_time time) {
    struct entry *entry = &m->entries[unit->entry];
    const struct pl_table *table = pl_node_table(m->node, TABLE_HELD);
    const unsigned names = entry->names;
    double value[PL_EXPR_VARIABLES_MAX];
    uint16_t quality = PL_Q_GOOD;
    bool any_bad = false;
    for (unsigned v = 0; v < names; v++) {
        const struct held *held = pl_table_find(table, unit->input[v], 0);
        if (!held) return true;
        bool bad = m->quality == QUALITY_GOOD && pl_quality_bad(held->quality);
        value[v] = bad ? (double)NAN : held->value;
        any_bad = any_bad || bad;
        quality = pl_quality_join(quality, held->quality);
        if (is_stale(m, time, held->time)) quality = pl_quality_join(quality, PL_Q_UNCERTAIN | PL_Q_STALE);
    }
    uint32_t at;
    if (!output_row(m, entry, time, unit->tag, quality, any_bad, &at)) return false;
    for (unsigned v = 0; v < names; v++)
        entry->block[(size_t)v * MAP_BLOCK + at] = value[v];
    return true;
}

static int by_asset_and_entry(const void *a, const void *b, void *arg) {
    const struct map *m = arg;
    const struct unit *left = &m->units[*(const uint32_t *)a], *right = &m->units[*(const uint32_t *)b];
    struct pl_tags *tags = pl_node_tags(m->node);
    int order = left->asset == right->asset
                    ? 0
                    : strcmp(pl_tags_get(tags, left->asset)->name, pl_tags_get(tags, right->asset)->name);
    if (order) return order;
    return left->entry < right->entry ? -1 : left->entry > right->entry;
}

static uint32_t mark(struct map *m, uint32_t tag, uint32_t count) {
    const struct tag_use *use = &m->uses[tag];
    for (uint32_t i = 0; i < use->count; i++) {
        struct unit *unit = &m->units[use->unit[i]];
        if (unit->marked || unit->elsewhere) continue;
        unit->marked = true;
        m->marked[count++] = use->unit[i];
    }
    return count;
}

/* All rows of the earliest time together, so that what is computed does not depend on their order. */
static bool compute_time(struct map *m, struct waiting_row *row, pl_time now, bool *more) {
    const pl_time time = row->time;
    uint32_t count = 0;
    bool good = true;
    do {
        if (hold(m, row)) count = mark(m, row->tag, count);
        waiting_forget(&m->waiting, row->tag, now);
        *more = waiting_pop(&m->waiting, now, row);
    } while (*more && row->time == time);
    qsort_r(m->marked, count, sizeof *m->marked, by_asset_and_entry, m);
    for (uint32_t i = 0; i < count; i++) {
        struct unit *unit = &m->units[m->marked[i]];
        unit->marked = false;
        good = good && compute_unit(m, unit, time);
    }
    return good;
}

static bool compute_until(struct map *m, pl_time now) {
    if (m->marked_room < m->unit_count) {
        uint32_t *grown = pl_realloc(m->marked, m->unit_room * sizeof *grown);
        if (!grown) return false;
        m->marked = grown;
        m->marked_room = m->unit_room;
    }
    struct waiting_row row;
    bool good = true, more = waiting_pop(&m->waiting, now, &row);
    while (good && more)
        good = compute_time(m, &row, now, &more);
    struct map_progress *progress = pl_table_get(pl_node_table(m->node, TABLE_PROGRESS), 0, 0);
    if (progress) progress->watermark = now;
    m->closed = now;
    return good && progress;
}

static enum pl_flow map_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct map *m = self;
    bool good = m->found || find_again(m);
    if (good && m->any_rows) good = map_rows(m, batch);
    if (good && m->any_joined) good = take_rows(m, batch);
    good = good && output_flush(m);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory to compute values");
}

static pl_time map_watermark(void *self, struct pl_node *node, pl_time now) {
    struct map *m = self;
    bool good = m->found || find_again(m);
    if (good && m->any_joined && now > m->closed) good = compute_until(m, now) && output_flush(m);
    if (!good) pl_fail(node, "no memory to compute values");
    return now;
}

const struct pl_operator pl__map = {
    PL_OPERATOR("map", "Computes values from signals, or from the columns of windows."),
    .doc =
        "An entry with `each` gives a row for each row of these tags, at once. An entry without takes the signals that "
        "its expression names as of event time: whenever one of them has a row, and all have had one, its asset "
        "gives a row, of that time. Rows of the same time count together, so it waits until the watermark has passed "
        "them. A result that is no finite number is missing. Units are declared under `tags` of the graph.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS), .doc = "Samples or windows."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "What was computed."}),
    .options = map_options,
    .counters =
        PL_COUNTERS([COUNT_COMPUTED] = {"computed", "rows", "Values computed."},
                    [COUNT_UNDEFINED] = {"undefined", "rows", "Of them, those that are missing."},
                    [COUNT_LATE] = {"late", "rows", "Rows behind the watermark: they give no value of their own."},
                    [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room."}),
    .tables = map_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct map),
    .check = map_check,
    .open = map_open,
    .process = map_process,
    .watermark = map_watermark,
    .close = map_close,
};
