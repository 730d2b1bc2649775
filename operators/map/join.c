#include "join.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_LEFT, INPUT_RIGHT };
enum { COUNT_JOINED, COUNT_MISSING, COUNT_LATE, COUNT_REFUSED };
enum { TABLE_LEFT, TABLE_RIGHT, TABLE_HELD, TABLE_PROGRESS };
enum { QUALITY_GOOD, QUALITY_ANY };
enum { OUT_ROWS = 4096 };

static const char *const quality_names[] = {"good", "any", NULL};
static const char *const columns[] = {"mean", "min", "max", "stddev", "first", "last", NULL};

struct held {
    pl_time time;
    double value;
    uint16_t quality;
    uint16_t reserved[3];
};

struct progress {
    pl_time watermark;
};

static void merge_progress(void *record, const void *other) {
    struct progress *progress = record;
    const struct progress *more = other;
    if (more->watermark < progress->watermark) progress->watermark = more->watermark;
}

static const struct pl_option join_options[] = {
    PL_OPT_STRINGS(struct join, take, "take", NULL, PL_FIXED,
                   "What is taken from the right: signals of the left row's asset, {line}.signal of its line, whole "
                   "tags; * and ? in a signal stand for all that fit."),
    PL_OPT_STRING(struct join, each, "each", "*", PL_FIXED, "Glob of the left tags at whose times it is taken."),
    PL_OPT_STRING(struct join, tag, "tag", "*.{right}", PL_FIXED,
                  "The tag that is made: a glob of the left assets, then the signal, in which {right} and {left} are "
                  "the signals of the two."),
    PL_OPT_DURATION(struct join, tolerance, "tolerance", "1d", "0s", "3650d", PL_FIXED,
                    "A right value that is older than this at the left row's time counts as missing."),
    PL_OPT_BOOL(struct join, missing, "missing", "true", PL_FIXED,
                "Whether a left row that finds no value gives a row all the same, flagged missing."),
    PL_OPT_CHOICE(struct join, column, "column", "mean", columns, PL_STATE,
                  "Of windows on the right, the column that is taken."),
    PL_OPT_CHOICE(struct join, quality, "quality", "good", quality_names, PL_FIXED,
                  "Whether a value of severity bad counts as missing, or as it is."),
    PL_OPT_INT(struct join, max_waiting, "max_waiting", "16384", "1", "1000000", PL_FIXED,
               "Rows of one tag and input that wait for the watermark; more are refused."),
    PL_OPT_END,
};

static const struct pl_table_def join_tables[] = {
    [TABLE_LEFT] = {.name = "left",
                    .version = WAITING_VERSION,
                    .record_size = sizeof(struct waiting_chunk),
                    .doc = "Rows of the left that the watermark has not passed, by tag in chunks."},
    [TABLE_RIGHT] = {.name = "right",
                     .version = WAITING_VERSION,
                     .record_size = sizeof(struct waiting_chunk),
                     .doc = "The same of the right."},
    [TABLE_HELD] = {.name = "held",
                    .version = 1,
                    .record_size = sizeof(struct held),
                    .doc = "The newest value of a tag of the right."},
    [TABLE_PROGRESS] = {.name = "progress",
                        .version = 1,
                        .record_size = sizeof(struct progress),
                        .doc = "The watermark, which decides what is late.",
                        .merge = merge_progress},
    {.name = NULL},
};

/* ---- Life ---- */

static void join_check(void *self, struct pl_check *check) {
    struct join *j = self;
    char said[JOIN_SAID], path[32];
    struct take take;
    if (!j->take.count) pl_check_error(check, "take", "there is nothing to take");
    if (j->take.count > JOIN_TAKE_MAX)
        pl_check_error(check, "take", "%u signals, but at most %d; a pattern takes many", j->take.count, JOIN_TAKE_MAX);
    for (uint32_t i = 0; i < j->take.count; i++) {
        const char *problem = join_read_take(j->take.items[i], &take);
        snprintf(path, sizeof path, "take[%u]", i);
        if (problem) pl_check_error(check, path, "'%.80s': %s", j->take.items[i], problem);
    }
    const char *problem = join_read_tag(j, said);
    if (problem) pl_check_error(check, "tag", "%s", problem);
}

static enum pl_code join_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct join *j = self;
    char said[JOIN_SAID];
    j->node = node;
    j->closed = PL_TIME_MIN;
    const uint32_t chunks = (uint32_t)((j->max_waiting + WAITING_CHUNK - 1) / WAITING_CHUNK);
    j->left = (struct waiting){.table = pl_node_table(node, TABLE_LEFT), .limit = chunks};
    j->right = (struct waiting){.table = pl_node_table(node, TABLE_RIGHT), .limit = chunks};
    if (!j->take.count || j->take.count > JOIN_TAKE_MAX)
        return pl_error_set(error, PL_USAGE, "join: 1 to %d signals are taken", JOIN_TAKE_MAX);
    const char *problem = join_read_tag(j, said);
    if (problem) return pl_error_set(error, PL_USAGE, "join: tag: %s", problem);
    j->takes = pl_alloc(j->take.count * sizeof *j->takes);
    if (!j->takes) return pl_error_set(error, PL_NO_MEMORY, "join: no memory for %u signals", j->take.count);
    for (uint32_t i = 0; i < j->take.count; i++) {
        problem = join_read_take(j->take.items[i], &j->takes[i]);
        if (problem) return pl_error_set(error, PL_USAGE, "join: take: '%.80s': %s", j->take.items[i], problem);
    }
    return PL_OK;
}

static void join_close(void *self, struct pl_node *node) {
    (void)node;
    struct join *j = self;
    waiting_fini(&j->left);
    waiting_fini(&j->right);
    join_pairs_fini(j);
    pl_free(j->takes);
    j->takes = NULL;
    pl_free(j->marked);
    j->marked = NULL;
    pl_batch_unref(j->out);
    j->out = NULL;
}

/* The first call, maybe after a restore: what is not in the tables is found from them. */
static bool find_again(struct join *j) {
    const struct progress *progress = pl_table_find(pl_node_table(j->node, TABLE_PROGRESS), 0, 0);
    if (progress) j->closed = progress->watermark;
    if (!waiting_restore(&j->left, j->closed) || !waiting_restore(&j->right, j->closed)) return false;
    for (unsigned t = TABLE_RIGHT; t <= TABLE_HELD; t++) {
        struct pl_table *table = pl_node_table(j->node, t);
        for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r))
            if (!join_ask_right(j, r->id)) return false;
    }
    j->found = true;
    return true;
}

/* ---- What comes in ---- */

static void hold(struct join *j, const struct waiting_row *row) {
    struct held *held = pl_table_get(pl_node_table(j->node, TABLE_HELD), row->tag, 0);
    if (held)
        *held = (struct held){.time = row->time, .value = row->value, .quality = row->quality};
    else
        pl_count(j->node, COUNT_REFUSED, 1);
}

/* A row behind the watermark: of the left it gives nothing; of the right it counts from now on, if it is the newest. */
static void take_late(struct join *j, unsigned input, const struct waiting_row *row) {
    const struct held *held = pl_table_find(pl_node_table(j->node, TABLE_HELD), row->tag, 0);
    pl_count(j->node, COUNT_LATE, 1);
    if (input == INPUT_RIGHT && (!held || row->time >= held->time)) hold(j, row);
}

static bool take_row(struct join *j, unsigned input, const struct waiting_row *row) {
    const struct role *role = input == INPUT_LEFT ? join_ask_left(j, row->tag) : join_ask_right(j, row->tag);
    if (!role) return false;
    if (!(input == INPUT_LEFT ? role->left : role->right)) return true;
    if (row->time < j->closed || j->closed == PL_TIME_MAX) {
        take_late(j, input, row);
        return true;
    }
    enum waiting_result result = waiting_add(input == INPUT_LEFT ? &j->left : &j->right, row);
    if (result == WAITING_REFUSED) pl_count(j->node, COUNT_REFUSED, 1);
    return result != WAITING_NO_MEMORY;
}

static const double *values_of(const struct join *j, const struct pl_batch *batch) {
    const struct pl_windows *w = &batch->windows;
    const double *const column[] = {w->mean, w->min, w->max, w->stddev, w->first, w->last};
    return batch->kind == PL_SAMPLES ? batch->samples.value : column[j->column];
}

static enum pl_flow join_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct join *j = self;
    const uint16_t *quality = batch->kind == PL_SAMPLES ? batch->samples.quality : batch->windows.quality;
    const double *value = values_of(j, batch);
    bool good = j->found || find_again(j);
    for (uint32_t i = 0; good && i < batch->rows; i++) {
        const struct waiting_row row = {
            .time = pl_batch_times(batch)[i], .value = value[i], .tag = pl_batch_keys(batch)[i], .quality = quality[i]};
        good = take_row(j, input, &row);
    }
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory to join rows");
}

/* ---- What is made ---- */

static bool flush(struct join *j) {
    return !j->out || pl_emit(j->node, 0, &j->out) != PL_FLOW_FAIL;
}

/* The value that a right tag has at a time. False: none that counts; then it is NaN, and its quality says why. */
static bool value_at(const struct join *j, const struct held *held, pl_time time, double *value, uint16_t *quality) {
    *value = (double)NAN;
    *quality = PL_Q_BAD | PL_Q_MISSING;
    if (!held) return false;
    *quality = pl_quality_join(held->quality, *quality);
    if ((uint64_t)time - (uint64_t)held->time > (uint64_t)j->tolerance) {
        *quality |= PL_Q_STALE;
        return false;
    }
    if ((j->quality == QUALITY_GOOD && pl_quality_bad(held->quality)) || !isfinite(held->value)) return false;
    *value = held->value;
    *quality = held->quality;
    return true;
}

static bool is_here(const struct join *j, const struct pair *pair, uint32_t left, const struct held *held) {
    const struct pl_tags *tags = pl_node_tags(j->node);
    if (!pl_tags_get(tags, left)->broadcast) return held || !pair->pattern;
    if (!held) return false; /* every partition has the row of the left: the one that has the value makes it, */
    return !pl_tags_get(tags, pair->right)->broadcast || pl_node_partition(j->node) == 0; /* of several the first */
}

static bool make_row(struct join *j, const struct pair *pair, uint32_t left, pl_time time) {
    const struct held *held = pl_table_find(pl_node_table(j->node, TABLE_HELD), pair->right, 0);
    double value;
    uint16_t quality;
    if (!is_here(j, pair, left, held)) return true;
    if (pair->made == PL_NO_ID) {
        pl_count(j->node, COUNT_REFUSED, 1);
        return true;
    }
    if (j->roles[pair->made].round == j->round) return true; /* the first that gives it counts */
    bool counts = value_at(j, held, time, &value, &quality);
    if (!counts) pl_count(j->node, COUNT_MISSING, 1);
    if (!counts && !j->missing) return true;
    j->roles[pair->made].round = j->round;
    if (j->out && j->out->rows == j->out->capacity && !flush(j)) return false;
    if (!j->out) j->out = pl_node_batch(j->node, PL_SAMPLES, OUT_ROWS, 0);
    if (!j->out) return false;
    uint32_t i = j->out->rows++;
    j->out->samples.time[i] = time;
    j->out->samples.tag[i] = pair->made;
    j->out->samples.value[i] = value;
    j->out->samples.quality[i] = quality;
    pl_count(j->node, COUNT_JOINED, 1);
    return true;
}

static bool mark(struct join *j, uint32_t left) {
    struct role *role = join_role(j, left);
    if (!role || role->marked) return role != NULL;
    if (j->marked_count == j->marked_room) {
        uint32_t room = j->marked_room * 2 + 64;
        uint32_t *grown = pl_realloc(j->marked, room * sizeof *grown);
        if (!grown) return false;
        j->marked = grown;
        j->marked_room = room;
    }
    role->marked = true;
    j->marked[j->marked_count++] = left;
    return true;
}

static int by_name(const void *a, const void *b, void *tags) {
    return strcmp(pl_tags_get(tags, *(const uint32_t *)a)->name, pl_tags_get(tags, *(const uint32_t *)b)->name);
}

static bool make_time(struct join *j, pl_time time) {
    bool good = true;
    j->round++;
    qsort_r(j->marked, j->marked_count, sizeof *j->marked, by_name, pl_node_tags(j->node));
    for (uint32_t i = 0; i < j->marked_count; i++) {
        uint32_t left = j->marked[i];
        j->roles[left].marked = false;
        good = good && join_find_pairs(j, left);
        for (uint32_t p = 0; good && p < j->roles[left].pairs; p++)
            good = make_row(j, &j->roles[left].pair[p], left, time);
    }
    j->marked_count = 0;
    return good;
}

static bool next(struct waiting *waiting, pl_time now, struct waiting_row *row) {
    if (!waiting_pop(waiting, now, row)) return false;
    waiting_forget(waiting, row->tag, now);
    return true;
}

/* Rows of one time together: those of the right first, so that what is made does not depend on their order. */
static bool make_until(struct join *j, pl_time now) {
    struct waiting_row left = {0}, right;
    bool good = true, more_left = next(&j->left, now, &left), more_right = next(&j->right, now, &right);
    while (good && (more_left || more_right)) {
        for (; more_right && (!more_left || right.time <= left.time); more_right = next(&j->right, now, &right))
            hold(j, &right);
        const pl_time time = left.time;
        const bool any = more_left;
        for (; good && more_left && left.time == time; more_left = next(&j->left, now, &left))
            good = mark(j, left.tag);
        if (any) good = good && make_time(j, time);
    }
    struct progress *progress = pl_table_get(pl_node_table(j->node, TABLE_PROGRESS), 0, 0);
    if (progress) progress->watermark = now;
    j->closed = now;
    return good && progress && flush(j);
}

static pl_time join_watermark(void *self, struct pl_node *node, pl_time now) {
    struct join *j = self;
    bool good = j->found || find_again(j);
    if (good && now > j->closed) good = make_until(j, now);
    if (!good) pl_fail(node, "no memory to join rows");
    return now;
}

const struct pl_operator pl__join = {
    PL_OPERATOR("join", "Takes the newest values of other signals at the times of rows (an as-of join)."),
    .doc = "Each time of a left tag that `each` fits gives a row for every signal of `take`: its newest value from the "
           "right that is not newer than that time, stamped with that time. Rows wait until the watermark has passed "
           "them. A value that there is not yet, that is older than `tolerance` (flagged stale too), or that is bad, "
           "gives a "
           "missing one; a pattern in `take` stands for the signals that have had a row by then. The quality is the "
           "right's. What two rows of one time would make twice is made once. Left rows do not pass: merge them again "
           "behind, `from: [left, joined]`.",
    .inputs = PL_PORTS([INPUT_LEFT] = {.name = "left",
                                       .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS),
                                       .doc = "Rows whose times count; a window's is its end."},
                       [INPUT_RIGHT] = {.name = "right",
                                        .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS),
                                        .doc = "Rows whose values are taken."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "Values of the right, times of the left."}),
    .options = join_options,
    .counters = PL_COUNTERS([COUNT_JOINED] = {"joined", "rows", "Rows made."},
                            [COUNT_MISSING] = {"missing", "rows", "Times at which there was no value that counts."},
                            [COUNT_LATE] = {"late", "rows", "Rows behind the watermark: they give none of their own."},
                            [COUNT_REFUSED] = {"refused", "rows", "Rows for which there was no room."}),
    .tables = join_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct join),
    .check = join_check,
    .open = join_open,
    .process = join_process,
    .watermark = join_watermark,
    .close = join_close,
};
