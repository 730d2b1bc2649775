/* filter.c: keeps the rows that fit every condition given, of any kind of batch; the others leave through `rest`.
 *
 * Conditions work on whole columns and leave one byte a row. A batch whose rows all go one way is passed on as it is.
 */
#include <math.h>
#include <potline/potline.h>
#include <string.h>

#include "match.h"

enum { FILTER_OUT, FILTER_REST };
enum { COUNT_KEPT, COUNT_REST };
enum worst { WORST_GOOD, WORST_UNCERTAIN, WORST_ANY };

struct filter {
    struct pl_strings include;
    struct pl_strings exclude;
    struct pl_strings kinds;
    uint32_t quality;
    uint32_t flags;
    uint32_t without;
    uint32_t column;
    double above;
    double below;
    double at_least;
    double at_most;
    int64_t severity;

    struct match names;
    struct match events;
    int value_column;   /* of the batch; -1 none */
    int quality_column; /* -1: the kind has none */
    uint8_t keep[PL_BATCH_ROWS_MAX];
};

static const char *const quality_names[] = {"good", "uncertain", "any", NULL};
#define FLAG_NAME(name, bit, text) [bit] = (text),
static const char *const flag_names[] = {PL_QUALITY_MAP(FLAG_NAME) NULL};
static const char *const column_names[] = {"value", "mean", "min", "max", "stddev", "first", "last", NULL};

static const struct pl_option filter_options[] = {
    PL_OPT_STRINGS(struct filter, include, "include", "[]", PL_FIXED,
                   "Globs; a row's tag (or asset) fits one of them. None: every one."),
    PL_OPT_STRINGS(struct filter, exclude, "exclude", "[]", PL_FIXED,
                   "Globs; a row's tag (or asset) fits none of them."),
    PL_OPT_CHOICE(struct filter, quality, "quality", "any", quality_names, PL_LIVE, "The worst severity that is kept."),
    PL_OPT_SET(struct filter, flags, "flags", "[]", flag_names, PL_LIVE,
               "A row has at least one of these quality flags. None: no condition."),
    PL_OPT_SET(struct filter, without, "without", "[]", flag_names, PL_LIVE, "A row has none of these quality flags."),
    PL_OPT_CHOICE(
        struct filter, column, "column", "value", column_names, PL_FIXED,
        "What is compared: of samples and set points their value; of windows an aggregate (`value` is the mean)."),
    PL_OPT_NUMBER(struct filter, above, "above", ".nan", NULL, NULL, PL_LIVE, "The value is greater."),
    PL_OPT_NUMBER(struct filter, below, "below", ".nan", NULL, NULL, PL_LIVE, "The value is less."),
    PL_OPT_NUMBER(struct filter, at_least, "at_least", ".nan", NULL, NULL, PL_LIVE, "The value is this or greater."),
    PL_OPT_NUMBER(struct filter, at_most, "at_most", ".nan", NULL, NULL, PL_LIVE, "The value is this or less."),
    PL_OPT_STRINGS(struct filter, kinds, "kinds", "[]", PL_FIXED,
                   "Globs; of events, the kind fits one of them. None: every one."),
    PL_OPT_INT(struct filter, severity, "severity", "0", "0", "1000", PL_LIVE,
               "Of events, the least severity that is kept."),
    PL_OPT_END,
};

static bool compares(const struct filter *f) {
    return !isnan(f->above) || !isnan(f->below) || !isnan(f->at_least) || !isnan(f->at_most);
}

static void filter_check(void *self, struct pl_check *check) {
    const struct filter *f = self;
    if (f->above >= f->below || f->at_least > f->at_most || f->above >= f->at_most || f->at_least >= f->below)
        pl_check_warning(check, "above", "no value fits: the lower limit is not below the upper one");
}

static int column_named(const struct pl_kind_info *info, const char *name) {
    for (int i = 0; i < info->columns; i++) {
        if (strcmp(info->column[i].name, name) == 0) return i;
    }
    return -1;
}

static enum pl_code filter_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct filter *f = self;
    enum pl_kind kind = pl_node_kind(node);
    const struct pl_kind_info *info = &pl_kind_info[kind];
    const char *column = kind == PL_WINDOWS && f->column == 0 ? "mean" : column_names[f->column];
    match_init(&f->names, pl_node_tags(node), f->include, f->exclude);
    match_init(&f->events, pl_node_tags(node), f->kinds, (struct pl_strings){0});
    f->value_column = column_named(info, column);
    f->quality_column = column_named(info, "quality");
    if (f->value_column < 0 && compares(f))
        return pl_error_set(error, PL_USAGE, "filter: %s have no column %s to compare", info->name, column);
    if (f->quality_column < 0 && (f->quality != WORST_ANY || f->flags || f->without))
        return pl_error_set(error, PL_USAGE, "filter: %s have no quality", info->name);
    if (kind != PL_EVENTS && (f->kinds.count || f->severity))
        return pl_error_set(error, PL_USAGE, "filter: kinds and severity are for events, this node gets %s",
                            info->name);
    return PL_OK;
}

static void filter_close(void *self, struct pl_node *node) {
    (void)node;
    struct filter *f = self;
    match_fini(&f->names);
    match_fini(&f->events);
}

/* ---- Conditions ---- */

static void keep_matching(struct match *match, const uint32_t *id, uint32_t rows, uint8_t *keep) {
    for (uint32_t i = 0; i < rows; i++)
        keep[i] &= match_id(match, id[i]);
}

static void keep_quality(const struct filter *f, const uint16_t *quality, uint32_t rows, uint8_t *keep) {
    static const uint16_t refused[] = {[WORST_GOOD] = PL_Q_SEVERITY, [WORST_UNCERTAIN] = PL_Q_BAD, [WORST_ANY] = 0};
    const uint16_t without = (uint16_t)(f->without | refused[f->quality]);
    const uint16_t flags = (uint16_t)f->flags;
    for (uint32_t i = 0; without && i < rows; i++)
        keep[i] &= (quality[i] & without) == 0;
    for (uint32_t i = 0; flags && i < rows; i++)
        keep[i] &= (quality[i] & flags) != 0;
}

/* A limit that is not given is beyond every number; NaN fits no comparison. */
static void keep_values(const struct filter *f, const double *value, uint32_t rows, uint8_t *keep) {
    const double above = f->above, below = f->below, least = f->at_least, most = f->at_most;
    for (uint32_t i = 0; !isnan(above) && i < rows; i++)
        keep[i] &= value[i] > above;
    for (uint32_t i = 0; !isnan(below) && i < rows; i++)
        keep[i] &= value[i] < below;
    for (uint32_t i = 0; !isnan(least) && i < rows; i++)
        keep[i] &= value[i] >= least;
    for (uint32_t i = 0; !isnan(most) && i < rows; i++)
        keep[i] &= value[i] <= most;
}

static void keep_events(struct filter *f, const struct pl_events *events, uint32_t rows, uint8_t *keep) {
    for (uint32_t i = 0; i < rows; i++)
        keep[i] &= events->severity[i] >= f->severity;
    if (f->kinds.count) keep_matching(&f->events, events->kind, rows, keep);
}

static uint32_t judge(struct filter *f, const struct pl_batch *batch) {
    uint8_t *keep = f->keep;
    memset(keep, 1, batch->rows);
    if (f->include.count || f->exclude.count) keep_matching(&f->names, pl_batch_keys(batch), batch->rows, keep);
    if (f->quality_column >= 0) keep_quality(f, batch->column[f->quality_column], batch->rows, keep);
    if (f->value_column >= 0) keep_values(f, batch->column[f->value_column], batch->rows, keep);
    if (batch->kind == PL_EVENTS) keep_events(f, &batch->events, batch->rows, keep);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->rows; i++)
        kept += keep[i];
    return kept;
}

/* ---- Parting ---- */

/* A new batch of the rows whose byte is `wanted`; NULL without memory. */
static struct pl_batch *pick(const struct pl_batch *batch, const uint8_t *keep, uint8_t wanted, uint32_t rows) {
    struct pl_batch *picked = pl_batch_like(batch, rows, batch->heap_used[0]);
    for (uint32_t from = 0, to; picked && from < batch->rows; from = to + 1) {
        while (from < batch->rows && keep[from] != wanted)
            from++;
        for (to = from; to < batch->rows && keep[to] == wanted;)
            to++;
        if (to > from) pl_batch_append(picked, batch, from, to - from);
    }
    return picked;
}

static enum pl_flow part(struct filter *f, struct pl_node *node, struct pl_batch *batch, uint32_t kept) {
    struct pl_batch *rest = NULL;
    bool good = true;
    if (pl_wanted(node, FILTER_REST)) good = (rest = pick(batch, f->keep, 0, batch->rows - kept)) != NULL;
    if (pl_batch_sole(batch)) {
        pl_batch_keep(batch, f->keep);
    } else {
        struct pl_batch *picked = pick(batch, f->keep, 1, kept);
        pl_batch_unref(batch);
        batch = picked;
        good = good && picked;
    }
    enum pl_flow flow = good ? pl_emit(node, FILTER_OUT, &batch) : pl_fail(node, "no memory to part a batch");
    if (rest && flow == PL_FLOW_OK) flow = pl_emit(node, FILTER_REST, &rest);
    pl_batch_unref(batch);
    pl_batch_unref(rest);
    return flow;
}

static enum pl_flow filter_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct filter *f = self;
    if (!match_prepare(&f->names) || !match_prepare(&f->events)) {
        pl_batch_unref(batch);
        return pl_fail(node, "no memory for the verdicts on tags");
    }
    uint32_t kept = judge(f, batch), rest = batch->rows - kept;
    pl_count(node, COUNT_KEPT, kept);
    pl_count(node, COUNT_REST, rest);
    if (rest == 0) return pl_emit(node, FILTER_OUT, &batch);
    if (kept == 0 && pl_wanted(node, FILTER_REST)) return pl_emit(node, FILTER_REST, &batch);
    if (kept) return part(f, node, batch, kept);
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

extern const struct pl_operator filter_filter, filter_threshold;
const struct pl_operator filter_filter = {
    PL_OPERATOR("filter", "Keeps the rows that fit every condition given."),
    .doc = "Takes batches of any kind. The rows that fit leave through `out`, the others through `rest`, which may be "
           "left "
           "unconnected. A value that is missing fits no comparison.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET_ALL, .doc = "Rows of any kind."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET_ALL, .gives = PL_PORT_SAME, .doc = "The rows that fit."},
                        {.name = "rest", .kinds = PL_SET_ALL, .gives = PL_PORT_SAME, .doc = "The others."}),
    .options = filter_options,
    .counters =
        PL_COUNTERS([COUNT_KEPT] = {"kept", "rows", "Rows that fitted."}, [COUNT_REST] = {"rest", "rows",
                                                                                          "Rows that did not."}),
    .scope = PL_EITHER,
    .instance_size = sizeof(struct filter),
    .check = filter_check,
    .open = filter_open,
    .process = filter_process,
    .close = filter_close,
};

PL_PLUGIN(filter, "1.0", &filter_filter, &filter_threshold)
