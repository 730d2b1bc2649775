/* repair.c: finds values that cannot be true, by how the signal moves before and after them, and puts likely ones in
 * their place. It needs to look ahead: rows wait for `delay` of event time, and the watermark with them.
 */
#include <math.h>
#include <potline/potline.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "limits.h"
#include "span.h"

enum { TABLE_TRAILS, TABLE_PARTS, TABLE_PROGRESS };
enum { COUNT_DROPPED, COUNT_SHIFTED, COUNT_FILLED, COUNT_REPLACED, COUNT_PASSED, COUNT_FORCED, COUNT_REFUSED, COUNTS };
enum { OUT_ROWS = 4096, NO_PART = 255 };
enum group { GROUP_TAG, GROUP_ASSET };
enum mode { MODE_REPLACE, MODE_FLAG };

struct part_record {
    uint32_t dimension;
};

/* Of the whole node, under the empty name: no row waiting is older. */
struct repair_progress {
    pl_time oldest;
    uint64_t begun;
};

struct out_row {
    pl_time time;
    double value;
    uint32_t tag;
    uint16_t quality;
};

struct repair {
    struct pl_strings include;
    struct pl_strings exclude;
    uint32_t group;
    uint32_t on_bad;
    double noise;
    double speed;
    pl_time memory;
    double k;
    pl_time delay;
    pl_time longest;
    int64_t rows;
    int64_t guesses;

    struct guess_rule rule;
    struct limits limits;
    struct pl_table *trails;
    void *scratch;
    bool found;
    uint8_t *part;    /* [tag]: 1 + its dimension, 0 not known yet, NO_PART: none left */
    uint32_t *tag_of; /* [key * GUESS_DIMS + dimension] */
    uint32_t room;
    struct out_row *out; /* what leaves with this call */
    uint32_t out_count;
    uint32_t out_room;
    uint64_t counts[COUNTS];
};

static const char *const group_names[] = {"tag", "asset", NULL};
static const char *const mode_names[] = {"replace", "flag", NULL};

static const struct pl_option repair_options[] = {
    PL_OPT_STRINGS(struct repair, include, "include", "[]", PL_FIXED, "Globs of the tags to look at. None: all."),
    PL_OPT_STRINGS(struct repair, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to pass on as they are."),
    PL_OPT_CHOICE(struct repair, group, "group", "tag", group_names, PL_STATE,
                  "asset: up to four tags of an asset are coordinates of one thing and are judged together."),
    PL_OPT_NUMBER(struct repair, noise, "noise", NULL, "1e-300", NULL, PL_FIXED,
                  "Scatter of true values around the real one (one sigma), in the tag's unit."),
    PL_OPT_NUMBER(struct repair, speed, "speed", NULL, "1e-300", NULL, PL_FIXED,
                  "How fast the real value usually changes (one sigma), in units a second."),
    PL_OPT_DURATION(struct repair, memory, "memory", "1m", "1us", "365d", PL_FIXED,
                    "How long a rate of change lasts before it is another."),
    PL_OPT_NUMBER(struct repair, k, "k", "4", "0.1", "100", PL_FIXED,
                  "Sigmas from which a value is rather wrong than rare."),
    PL_OPT_DURATION(struct repair, delay, "delay", "20s", "0s", "30d", PL_FIXED,
                    "How far ahead is looked: rows leave so much later, and the watermark waits for them."),
    PL_OPT_DURATION(struct repair, longest, "longest", "0s", "0s", "30d", PL_FIXED,
                    "An error lasts no longer; a level that stays is taken for true. 0: as long as delay."),
    PL_OPT_INT(struct repair, rows, "rows", "64", "64", "256", PL_STATE,
               "Rows of one key that wait at most (rounded up to 64); with more the oldest is decided early."),
    PL_OPT_INT(struct repair, guesses, "guesses", "24", "4", "64", PL_STATE, "Histories that are followed at once."),
    PL_OPT_CHOICE(struct repair, on_bad, "on_bad", "replace", mode_names, PL_FIXED,
                  "Whether wrong values are replaced, or flagged as bad only."),
    PL_OPT_END,
};

static struct guess_rule rule_of(const struct repair *r) {
    return (struct guess_rule){
        .dims = r->group == GROUP_ASSET ? GUESS_DIMS : 1,
        .guesses = (uint32_t)r->guesses,
        .rows = ((uint32_t)r->rows + 63) / 64 * 64,
        .noise = r->noise,
        .speed = r->speed,
        .memory = (double)r->memory / PL_SECOND,
        .k = r->k,
        .longest = r->longest ? r->longest : r->delay,
    };
}

static size_t repair_trail_size(const void *self) {
    struct guess_rule rule = rule_of(self);
    return trail_size(&rule);
}

static void merge_progress(void *record, const void *other) {
    struct repair_progress *progress = record;
    const struct repair_progress *more = other;
    if (!more->begun) return;
    if (!progress->begun || more->oldest < progress->oldest) progress->oldest = more->oldest;
    progress->begun = 1;
}

static const struct pl_table_def repair_tables[] = {
    [TABLE_TRAILS] = {.name = "trails",
                      .version = 1,
                      .size_of = repair_trail_size,
                      .doc = "Of each tag or asset: the rows that wait, and the guesses about them."},
    [TABLE_PARTS] = {.name = "parts",
                     .version = 1,
                     .record_size = sizeof(struct part_record),
                     .doc = "Which coordinate of its asset a tag is."},
    [TABLE_PROGRESS] = {.name = "progress",
                        .version = 1,
                        .record_size = sizeof(struct repair_progress),
                        .doc = "How far the watermark is held back.",
                        .merge = merge_progress},
    {.name = NULL},
};

static enum pl_code repair_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct repair *r = self;
    r->rule = rule_of(r);
    r->trails = pl_node_table(node, TABLE_TRAILS);
    r->limits = (struct limits){.tags = pl_node_tags(node), .include = r->include, .exclude = r->exclude};
    r->scratch = pl_alloc(trail_size(&r->rule));
    if (!r->scratch) return pl_error_set(error, PL_NO_MEMORY, "repair: no memory for %u guesses", r->rule.guesses);
    return PL_OK;
}

static void repair_close(void *self, struct pl_node *node) {
    (void)node;
    struct repair *r = self;
    limits_fini(&r->limits);
    pl_free(r->scratch);
    pl_free(r->part);
    pl_free(r->tag_of);
    pl_free(r->out);
    r->scratch = r->part = NULL;
    r->tag_of = NULL;
    r->out = NULL;
}

/* ---- Which tag is which coordinate ---- */

static bool make_room(struct repair *r) {
    uint32_t count = pl_tags_count(r->limits.tags);
    if (count <= r->room) return true;
    uint32_t room = count + count / 2;
    uint8_t *part = pl_realloc(r->part, room);
    if (part) r->part = part;
    uint32_t *tag_of = part ? pl_realloc(r->tag_of, (size_t)room * GUESS_DIMS * sizeof *tag_of) : NULL;
    if (!tag_of) return false;
    r->tag_of = tag_of;
    memset(r->part + r->room, 0, room - r->room);
    r->room = room;
    return true;
}

static uint32_t key_of(const struct repair *r, uint32_t tag) {
    uint32_t asset = r->group == GROUP_ASSET ? pl_tags_get(r->limits.tags, tag)->asset : 0;
    return asset ? asset : tag;
}

static void set_part(struct repair *r, uint32_t tag, uint32_t dimension) {
    r->part[tag] = (uint8_t)(1 + dimension);
    r->tag_of[key_of(r, tag) * GUESS_DIMS + dimension] = tag;
}

/* The first call, maybe after a restore. */
static bool prepare(struct repair *r, struct pl_node *node) {
    if (!limits_prepare(&r->limits) || !make_room(r)) return false;
    if (r->found) return true;
    const struct pl_table *parts = pl_node_table(node, TABLE_PARTS);
    for (struct pl_record *p = pl_table_next(parts, NULL); p; p = pl_table_next(parts, p))
        set_part(r, p->id, ((const struct part_record *)pl_record_data(p))->dimension);
    r->found = true;
    return true;
}

/* The tag's coordinate, its next free one when it is new; NO_PART when its asset has four already. */
static uint32_t part_of(struct repair *r, struct pl_node *node, struct trail *trail, uint32_t tag) {
    if (r->part[tag] == NO_PART) return NO_PART;
    if (r->part[tag]) return r->part[tag] - 1u;
    bool room = trail->dims < r->rule.dims;
    struct part_record *record = room ? pl_table_get(pl_node_table(node, TABLE_PARTS), tag, 0) : NULL;
    if (!record) {
        r->part[tag] = NO_PART;
        return NO_PART;
    }
    record->dimension = trail->dims++;
    set_part(r, tag, record->dimension);
    return record->dimension;
}

/* ---- Rows that leave ---- */

static bool leave(struct repair *r, pl_time time, uint32_t tag, double value, uint16_t quality) {
    if (r->out_count == r->out_room) {
        uint32_t room = r->out_room * 2 + 1024;
        struct out_row *grown = pl_realloc(r->out, room * sizeof *grown);
        if (!grown) return false;
        r->out = grown;
        r->out_room = room;
    }
    r->out[r->out_count++] = (struct out_row){.time = time, .value = value, .tag = tag, .quality = quality};
    return true;
}

static bool emit_rows(struct repair *r, struct pl_node *node, const struct pl_batch *like) {
    for (uint32_t from = 0; from < r->out_count;) {
        uint32_t rows = r->out_count - from < OUT_ROWS ? r->out_count - from : OUT_ROWS;
        struct pl_batch *batch = like ? pl_batch_like(like, rows, 0) : pl_node_batch(node, PL_SAMPLES, rows, 0);
        if (!batch) return false;
        for (uint32_t i = 0; i < rows; i++) {
            const struct out_row *row = &r->out[from + i];
            batch->samples.time[i] = row->time;
            batch->samples.tag[i] = row->tag;
            batch->samples.value[i] = row->value;
            batch->samples.quality[i] = row->quality;
        }
        batch->rows = rows;
        from += rows;
        if (pl_emit(node, 0, &batch) == PL_FLOW_FAIL) return false;
    }
    r->out_count = 0;
    return true;
}

static uint16_t as_replaced(uint16_t quality, uint16_t flags) {
    return (uint16_t)((quality & ~PL_Q_SEVERITY) | PL_Q_UNCERTAIN | PL_Q_REPLACED | flags);
}

/* One coordinate of a decided row. `value` is what it should be, NaN where nothing is known. */
static bool leave_decided(struct repair *r, uint32_t tag, const struct guess_row *row, uint32_t d,
                          enum guess_verdict verdict, double value) {
    double own = row->value[d];
    uint16_t quality = row->quality[d];
    bool there = row->present >> d & 1;
    bool wrong = there && verdict != GUESS_KEPT && value != own;
    bool replace = r->on_bad == MODE_REPLACE && !isnan(value);
    if (wrong && !replace) return leave(r, row->time, tag, own, pl_quality_join(quality, PL_Q_BAD | PL_Q_RATE));
    if ((there && !wrong) || !replace) return leave(r, row->time, tag, own, quality);
    r->counts[COUNT_REPLACED]++;
    return leave(r, row->time, tag, value, as_replaced(quality, wrong ? PL_Q_RATE : 0));
}

static bool decide(struct repair *r, struct trail *trail, uint32_t key) {
    double value[GUESS_DIMS];
    const struct guess_row *row = trail_row(&r->rule, trail, trail->decided);
    enum guess_verdict verdict = trail_decide(&r->rule, trail, value);
    if (!row->present)
        r->counts[COUNT_FILLED]++;
    else if (verdict != GUESS_KEPT)
        r->counts[verdict == GUESS_SHIFTED ? COUNT_SHIFTED : COUNT_DROPPED]++;
    bool good = true;
    for (uint32_t d = 0; good && d < r->rule.dims; d++) {
        if (!(row->known >> d & 1)) continue;
        uint32_t tag = r->group == GROUP_ASSET ? r->tag_of[key * GUESS_DIMS + d] : key;
        good = leave_decided(r, tag, row, d, verdict, value[d]);
    }
    return good;
}

/* Decides every row whose look-ahead ends by `now`. Rows before `now` are complete. */
static bool decide_due(struct repair *r, struct trail *trail, uint32_t key, pl_time now) {
    bool good = true;
    trail_follow(&r->rule, trail, r->scratch);
    while (good && trail->decided < trail->pushed) {
        pl_time time = trail_row(&r->rule, trail, trail->decided)->time;
        if (now != PL_TIME_MAX && time_between(time, now) < r->delay) break;
        good = decide(r, trail, key);
    }
    return good;
}

/* ---- Rows that come ---- */

static void set_value(struct guess_row *row, uint32_t d, double value, uint16_t quality) {
    row->known |= 1u << d;
    row->quality[d] = quality;
    row->value[d] = value;
    if (isfinite(value) && !pl_quality_bad(quality)) row->present |= 1u << d;
}

static pl_time newest_of(const struct repair *r, const struct trail *trail) {
    return trail->pushed > trail->decided ? trail_row(&r->rule, trail, trail->pushed - 1)->time : trail->before;
}

static void note_oldest(struct pl_node *node, pl_time time) {
    struct repair_progress *progress = pl_table_get(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (!progress) return;
    if (!progress->begun || time < progress->oldest) progress->oldest = time;
    progress->begun = 1;
}

static bool pass(struct repair *r, const struct pl_samples *rows, uint32_t i, unsigned count) {
    r->counts[count]++;
    return leave(r, rows->time[i], rows->tag[i], rows->value[i], rows->quality[i]);
}

static bool take_row(struct repair *r, struct pl_node *node, const struct pl_samples *rows, uint32_t i) {
    uint32_t tag = rows->tag[i], key = key_of(r, tag);
    pl_time time = rows->time[i];
    if (!r->limits.chosen[tag]) return pass(r, rows, i, COUNT_PASSED);
    struct trail *trail = pl_table_get(r->trails, key, 0);
    uint32_t d = trail ? part_of(r, node, trail, tag) : NO_PART;
    if (d == NO_PART) return pass(r, rows, i, COUNT_REFUSED);
    if (trail->pushed && time <= newest_of(r, trail)) {
        struct guess_row *newest = trail_row(&r->rule, trail, trail->pushed - 1);
        bool joins = time == newest->time && trail->taken < trail->pushed && !(newest->known >> d & 1);
        if (!joins) return pass(r, rows, i, COUNT_PASSED);
        set_value(newest, d, rows->value[i], rows->quality[i]);
        return true;
    }
    if (!decide_due(r, trail, key, time)) return false;
    if (trail->pushed - trail->decided == r->rule.rows) {
        r->counts[COUNT_FORCED]++;
        if (!decide(r, trail, key)) return false;
    }
    set_value(trail_push(&r->rule, trail, time), d, rows->value[i], rows->quality[i]);
    note_oldest(node, time);
    return true;
}

static void add_counts(struct repair *r, struct pl_node *node) {
    for (unsigned i = 0; i < COUNTS; i++) {
        if (r->counts[i]) pl_count(node, i, r->counts[i]);
        r->counts[i] = 0;
    }
}

static enum pl_flow repair_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct repair *r = self;
    bool good = prepare(r, node);
    for (uint32_t i = 0; good && i < batch->rows; i++)
        good = take_row(r, node, &batch->samples, i);
    good = good && emit_rows(r, node, batch);
    pl_batch_unref(batch);
    add_counts(r, node);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory for rows that wait");
}

/* ---- The watermark ---- */

static int by_time_and_name(const void *a, const void *b, void *tags) {
    const struct out_row *left = a, *right = b;
    if (left->time != right->time) return left->time < right->time ? -1 : 1;
    return strcmp(pl_tags_get(tags, left->tag)->name, pl_tags_get(tags, right->tag)->name);
}

/* Decides what is due everywhere; returns the oldest row that still waits. */
static bool decide_all(struct repair *r, pl_time now, pl_time *oldest) {
    bool good = true;
    *oldest = PL_TIME_MAX;
    for (struct pl_record *p = pl_table_next(r->trails, NULL); good && p; p = pl_table_next(r->trails, p)) {
        struct trail *trail = pl_record_data(p);
        if (trail->decided == trail->pushed) continue;
        pl_time first = trail_row(&r->rule, trail, trail->decided)->time;
        if (now == PL_TIME_MAX || time_between(first, now) >= r->delay) {
            trail = pl_table_get(r->trails, p->id, p->sub);
            good = decide_due(r, trail, p->id, now);
        }
        if (trail->decided == trail->pushed) continue;
        first = trail_row(&r->rule, trail, trail->decided)->time;
        if (first < *oldest) *oldest = first;
    }
    if (good) qsort_r(r->out, r->out_count, sizeof *r->out, by_time_and_name, r->limits.tags);
    return good;
}

static pl_time repair_watermark(void *self, struct pl_node *node, pl_time now) {
    struct repair *r = self;
    struct repair_progress *progress = pl_table_get(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    bool good = progress && prepare(r, node);
    if (good && progress->begun && (now == PL_TIME_MAX || time_between(progress->oldest, now) >= r->delay)) {
        pl_time oldest;
        good = decide_all(r, now, &oldest) && emit_rows(r, node, NULL);
        progress->oldest = oldest;
        progress->begun = oldest != PL_TIME_MAX;
    }
    add_counts(r, node);
    if (!good) pl_fail(node, "no memory for rows that wait");
    return progress && progress->begun && progress->oldest < now ? progress->oldest : now;
}

extern const struct pl_operator cleanse_repair;
const struct pl_operator cleanse_repair = {
    PL_OPERATOR("repair", "Replaces values that cannot be true, judged by the rows before and after."),
    .doc =
        "The real value is thought to move with a rate that wanders (`speed`, lasting about `memory`) and to be "
        "measured "
        "with a scatter of `noise`. Several histories of the last rows are followed at once: each row true, wrong by "
        "itself, or shifted by a constant for a while; after `delay` the most likely history decides. A jump that "
        "comes "
        "back within `longest` is an error, one that stays is a new level. A value that is wrong by itself is put on "
        "the line between the true ones around it (or, where the next is not known yet, where the value was heading); "
        "in a shifted stretch the shift is taken away. Missing and bad values are filled the same way. Replaced values "
        "are flagged rate and replaced, uncertain.\n\n"
        "Rows leave in order of time for each tag, `delay` later, and the watermark waits with them; nothing beyond "
        "`delay` is looked at. Rows out of order and further rows of the same time pass at once as they are.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Samples."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "The same rows, repaired."}),
    .options = repair_options,
    .counters =
        PL_COUNTERS([COUNT_DROPPED] = {"wrong", "rows", "Rows found wrong by themselves."},
                    [COUNT_SHIFTED] = {"shifted", "rows", "Rows found wrong by a constant."},
                    [COUNT_FILLED] = {"missing", "rows", "Rows without a usable value."},
                    [COUNT_REPLACED] = {"replaced", "rows", "Values replaced."},
                    [COUNT_PASSED] = {"passed", "rows",
                                      "Rows passed on as they were: other tags, out of order, or of the same time."},
                    [COUNT_FORCED] = {"forced", "rows", "Rows decided early because too many waited."},
                    [COUNT_REFUSED] = {"refused", "rows",
                                       "Rows passed on for want of room: too many keys, or tags of one asset."}),
    .tables = repair_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct repair),
    .open = repair_open,
    .process = repair_process,
    .watermark = repair_watermark,
    .close = repair_close,
};
