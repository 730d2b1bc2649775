/* report_savings.c: what the optimiser has foreseen, from the records of its runs in the gold zone: energy, cost and
 * emissions of a tonne as pots were run, and as it was advised to run them.
 *
 * A run of a line is of its current and of all of its pots' set points together, so a line's saving has its pots' in it
 * and is told as a total of parts: each pot's by its share of the metal, and what the current brings besides. Parts are
 * of the same hours: beside each answer of the line stand its pots' own of that hour, at the current that was.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "report.h"

enum { SHOWN = 200, FIGURES = 3, TEXT = 32, COLUMNS = 13 };
static const pl_time SAME = PL_HOUR; /* answers of a line and of its pots are of one hour */

static const char *const figures[FIGURES] = {"energy", "cost", "co2e"};

/* Of an asset: sums over its answers. */
struct saving {
    const char *asset;
    uint32_t id;
    bool line; /* runs of a line, not of a pot */
    char solver[PL__BODY_TEXT];
    uint64_t runs, answers;                       /* answers: those that better was found in */
    double before[FIGURES], after[FIGURES], made; /* t/h at the baseline */
    double square;                                /* of kWh/t saved */
    double share;                                 /* of its line's saving, kWh/t; NaN: its line has no answers */
    pl_time last;                                 /* the run that was counted last: two sinks may keep one */
};

/* Of some pots: means by tonne, and half of the 95 % confidence interval of the energy saved. */
struct part {
    double before[FIGURES], after[FIGURES], made, half;
};

struct answer {
    uint32_t asset;
    pl_time time;
    struct part part;
};

struct gathering {
    struct pl__span *report;
    struct pl_tags *names;
    struct saving *savings; /* [asset] */
    uint32_t room;
    struct answer *answers; /* by asset and time, once all have been read */
    size_t count, answer_room;
    bool failed;
};

/* ---- A record ---- */

static bool figures_of(const void *body, size_t size, const char *when, double value[FIGURES]) {
    for (unsigned i = 0; i < FIGURES; i++) {
        struct pl_unpack in;
        pl_unpack_init(&in, body, size);
        if (!pl_unpack_find(&in, when) || !pl_unpack_find(&in, figures[i]) || !pl_unpack_f64(&in, &value[i]) ||
            !isfinite(value[i]))
            return false;
    }
    return true;
}

/* t/h at the baseline. A pot's run tells its power, kW, and kWh/t. */
static double made_of(const void *body, size_t size, bool line) {
    struct pl_unpack in;
    double made = NAN, power = NAN, energy[FIGURES];
    pl_unpack_init(&in, body, size);
    const char *name = line ? "made" : "power";
    if (!pl_unpack_find(&in, "before") || !pl_unpack_find(&in, name) || !pl_unpack_f64(&in, line ? &made : &power))
        return NAN;
    return line ? made : figures_of(body, size, "before", energy) ? power / energy[0] : NAN;
}

static bool is_answer(const void *body, size_t size) {
    char outcome[PL__BODY_TEXT];
    return pl__body_text(body, size, "outcome", outcome) &&
           (strcmp(outcome, "optimal") == 0 || strcmp(outcome, "relaxed") == 0);
}

/* ---- Adding up ---- */

static struct saving *saving_of(struct gathering *g, uint32_t asset) {
    if (asset >= g->room) {
        uint32_t room = asset + 64;
        struct saving *more = pl_realloc(g->savings, room * sizeof *more);
        if (!more) {
            g->failed = true;
            return NULL;
        }
        memset(more + g->room, 0, (room - g->room) * sizeof *more);
        g->savings = more;
        g->room = room;
    }
    return &g->savings[asset];
}

static void keep(struct gathering *g, uint32_t asset, pl_time time, const struct part *part) {
    if (g->count == g->answer_room) {
        size_t room = 2 * g->answer_room + 256;
        struct answer *more = pl_realloc(g->answers, room * sizeof *more);
        g->failed = !more;
        if (!more) return;
        g->answers = more;
        g->answer_room = room;
    }
    g->answers[g->count++] = (struct answer){asset, time, *part};
}

static void take_run(struct gathering *g, uint32_t asset, bool line, pl_time time, const void *body, size_t size) {
    struct saving *saving = saving_of(g, asset);
    struct part p = {.made = made_of(body, size, line)};
    if (!saving || (saving->runs && saving->last >= time)) return;
    saving->asset = pl_tags_get(g->names, asset)->name;
    saving->id = asset;
    saving->line = line;
    saving->share = NAN;
    saving->last = time;
    saving->runs++;
    if (!pl__body_text(body, size, "solver", saving->solver)) saving->solver[0] = 0;
    if (!is_answer(body, size) || !figures_of(body, size, "before", p.before) ||
        !figures_of(body, size, "after", p.after) || !(p.made > 0 && isfinite(p.made)))
        return;
    double saved = p.before[0] - p.after[0];
    saving->answers++;
    saving->made += p.made;
    saving->square += saved * saved;
    for (unsigned i = 0; i < FIGURES; i++) {
        saving->before[i] += p.before[i];
        saving->after[i] += p.after[i];
    }
    keep(g, asset, time, &p);
}

static bool take(void *arg, const struct pl_batch *batch) {
    struct gathering *g = arg;
    for (uint32_t i = 0; i < batch->rows && !g->failed; i++) {
        pl_time time = batch->events.time[i];
        uint32_t size;
        const char *kind = pl_tags_get(g->names, batch->events.kind[i])->name;
        bool line = strcmp(kind, "optimize.line") == 0;
        if (!line && strcmp(kind, "optimize.run") != 0) continue;
        if (time < g->report->from || time >= g->report->to) continue;
        const void *body = pl_batch_heap_row(batch, 0, i, &size);
        take_run(g, batch->events.asset[i], line, time, body, size);
    }
    return !g->failed;
}

/* ---- Totals ---- */

/* Of a pot its line, as much of its name as that has. */
static size_t line_length(const struct saving *s) {
    const char *dot = strrchr(s->asset, '.');
    return s->line ? strlen(s->asset) : dot ? (size_t)(dot - s->asset) : 0;
}

static bool same_line(const struct saving *a, const struct saving *b) {
    return line_length(a) == line_length(b) && strncmp(a->asset, b->asset, line_length(a)) == 0;
}

/* Those with answers first; of a line the line's own, then its pots. */
static int by_line(const void *a, const void *b) {
    const struct saving *one = a, *other = b;
    if (!one->answers || !other->answers) return (one->answers == 0) - (other->answers == 0);
    size_t x = line_length(one), y = line_length(other);
    int order = strncmp(one->asset, other->asset, x < y ? x : y);
    if (order == 0 && x != y) order = x < y ? -1 : 1;
    if (order == 0 && one->line != other->line) order = one->line ? -1 : 1;
    return order != 0 ? order : strcmp(one->asset, other->asset);
}

static int by_asset(const void *a, const void *b) {
    const struct answer *one = a, *other = b;
    if (one->asset != other->asset) return one->asset < other->asset ? -1 : 1;
    return (one->time > other->time) - (one->time < other->time);
}

/* The first of an asset at a time or later. */
static const struct answer *answer_from(const struct gathering *g, uint32_t asset, pl_time time) {
    const struct answer key = {.asset = asset, .time = time};
    size_t low = 0, high = g->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_asset(&g->answers[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return g->answers + low;
}

/* Of an asset the nearest to a time, within an hour; NULL: there is none. */
static const struct answer *answer_near(const struct gathering *g, uint32_t asset, pl_time time) {
    const struct answer *end = g->answers + g->count, *best = NULL;
    pl_time off = SAME;
    for (const struct answer *a = answer_from(g, asset, time - SAME); a < end && a->asset == asset; a++) {
        pl_time apart = a->time > time ? a->time - time : time - a->time;
        if (apart > off) {
            if (a->time > time) break;
            continue;
        }
        off = apart;
        best = a;
    }
    return best;
}

static double half_of(double sum, double square, uint64_t count) {
    if (count < 2) return NAN;
    double n = (double)count, variance = fmax(square - sum * sum / n, 0) / (n - 1);
    return pl__span_student(count - 1) * sqrt(variance / n);
}

static struct part mean_of(const struct saving *s) {
    struct part p = {.made = s->made / (double)s->answers};
    p.half = half_of(s->before[0] - s->after[0], s->square, s->answers);
    for (unsigned i = 0; i < FIGURES; i++) {
        p.before[i] = s->before[i] / (double)s->answers;
        p.after[i] = s->after[i] / (double)s->answers;
    }
    return p;
}

/* `sum` has `made` 0 at first. */
static void add_part(struct part *sum, const struct part *more) {
    double made = sum->made + more->made;
    for (unsigned i = 0; i < FIGURES; i++) {
        sum->before[i] = (sum->before[i] * sum->made + more->before[i] * more->made) / made;
        sum->after[i] = (sum->after[i] * sum->made + more->after[i] * more->made) / made;
    }
    sum->half = hypot(sum->half * sum->made, more->half * more->made) / made; /* as if they were independent */
    sum->made = made;
}

/* A line: its own savings (none, or one) and its pots', one after the other. */
struct whole {
    const struct saving *line;
    struct saving *pot;
    uint32_t pots;
    struct part of_pots, total;
    uint64_t compared;                     /* answers of the line beside which some of its pots' stand */
    double current[FIGURES], current_half; /* what the current has brought by these, by tonne */
};

static double saved_by(const struct part *part, double made) {
    return (part->before[0] - part->after[0]) * part->made / made;
}

/* What the current brings: all that an answer of the line saves but what its pots save in that hour at the current that
 * is. */
static void compare(const struct gathering *g, struct whole *w) {
    const struct answer *end = g->answers + g->count;
    double square = 0;
    for (uint32_t i = 0; i < w->pots; i++)
        w->pot[i].share = 0;
    for (const struct answer *a = answer_from(g, w->line->id, PL_TIME_MIN); a < end && a->asset == w->line->id; a++) {
        struct part sum = {.made = 0};
        for (uint32_t i = 0; i < w->pots; i++) {
            const struct answer *of = answer_near(g, w->pot[i].id, a->time);
            if (of) add_part(&sum, &of->part);
        }
        if (sum.made == 0) continue;
        for (uint32_t i = 0; i < w->pots; i++) {
            const struct answer *of = answer_near(g, w->pot[i].id, a->time);
            if (of) w->pot[i].share += saved_by(&of->part, sum.made);
        }
        double brought = 0;
        for (unsigned k = FIGURES; k-- > 0; w->current[k] += brought)
            brought = a->part.before[k] - a->part.after[k] - (sum.before[k] - sum.after[k]);
        square += brought * brought; /* of energy, the last one */
        w->compared++;
    }
    double n = (double)w->compared;
    w->current_half = half_of(w->current[0], square, w->compared);
    for (unsigned k = 0; k < FIGURES; k++)
        w->current[k] /= n;
    for (uint32_t i = 0; i < w->pots; i++)
        w->pot[i].share /= n;
}

static struct whole whole_of(const struct gathering *g, struct saving *first, const struct saving *end) {
    struct whole w = {.line = first->line ? first : NULL, .pot = first->line ? first + 1 : first};
    for (struct saving *s = w.pot; s < end && s->answers && same_line(first, s); s++) {
        struct part p = mean_of(s);
        add_part(&w.of_pots, &p);
        w.pots++;
    }
    w.total = w.line ? mean_of(w.line) : w.of_pots;
    if (w.line) compare(g, &w);
    for (uint32_t i = 0; i < w.pots && !w.line; i++) {
        struct part p = mean_of(&w.pot[i]);
        w.pot[i].share = saved_by(&p, w.of_pots.made);
    }
    return w;
}

/* ---- Telling ---- */

struct row {
    const char *of, *part_of, *solver;
    uint64_t runs, answers; /* 0: a sum of others */
    struct part part;
    bool alone;   /* what it was run at, and advised to, is told; else only what it saves */
    double share; /* of what it is a part of, kWh/t; NaN: it is the whole */
};

static void tell_row(struct gathering *g, struct pl__span_table *table, const struct row *row) {
    const struct part *p = &row->part;
    double saved = p->before[0] - p->after[0];
    char text[10][PL__SPAN_NUMBER] = {"", "", "-", "-", "", "", "", "", "", "-"};
    if (row->runs) snprintf(text[0], TEXT, "%" PRIu64, row->runs);
    if (row->runs) snprintf(text[1], TEXT, "%" PRIu64, row->answers);
    if (row->alone) snprintf(text[2], TEXT, "%.0f", p->before[0]);
    if (row->alone) snprintf(text[3], TEXT, "%.0f", p->after[0]);
    snprintf(text[4], TEXT, "%.1f", saved);
    snprintf(text[5], TEXT, "%.2f", 100 * saved / p->before[0]);
    snprintf(text[6], TEXT, "%.2f", p->before[1] - p->after[1]);
    snprintf(text[7], TEXT, "%.1f", p->before[2] - p->after[2]);
    if (isfinite(row->share)) snprintf(text[8], TEXT, "%.2f", row->share);
    if (isfinite(p->half)) snprintf(text[9], TEXT, "%.1f to %.1f", saved - p->half, saved + p->half);
    pl__span_row(g->report, table,
                 (const char *const[COLUMNS]){row->of, row->part_of, text[0], text[1], text[2], text[3], text[4],
                                              text[9], text[5], text[6], text[7], text[8], row->solver});
}

static void tell_current(struct gathering *g, struct pl__span_table *table, const char *line, const struct whole *w) {
    char name[PL_NAME_MAX + 16];
    struct row row = {.of = name, .part_of = line, .solver = w->line->solver, .runs = w->line->runs};
    snprintf(name, sizeof name, "%s, its current", line);
    row.answers = w->compared;
    row.part = w->total;
    row.part.half = w->current_half;
    for (unsigned i = 0; i < FIGURES; i++)
        row.part.after[i] = row.part.before[i] - w->current[i];
    row.share = row.part.before[0] - row.part.after[0];
    tell_row(g, table, &row);
}

static void tell_pots(struct gathering *g, struct pl__span_table *table, const char *line, const struct whole *w,
                      uint32_t room) {
    struct part rest = {.made = 0};
    double share = 0;
    char name[TEXT];
    for (uint32_t i = 0; i < w->pots; i++) {
        const struct saving *s = &w->pot[i];
        struct part p = mean_of(s);
        struct row row = {s->asset, line, s->solver, s->runs, s->answers, p, true, s->share};
        if (i < room) {
            tell_row(g, table, &row);
            continue;
        }
        add_part(&rest, &p);
        share += s->share;
    }
    if (w->pots <= room) return;
    snprintf(name, sizeof name, "%" PRIu32 " more pot%s", w->pots - room, w->pots - room == 1 ? "" : "s");
    struct row row = {.of = name, .part_of = line, .solver = "", .part = rest, .alone = true};
    row.share = share;
    tell_row(g, table, &row);
}

static void tell_line(struct gathering *g, struct pl__span_table *table, const struct whole *w, double made,
                      uint32_t room) {
    const struct saving *first = w->line ? w->line : w->pot;
    char line[PL_NAME_MAX + 1];
    int length = (int)line_length(first);
    snprintf(line, sizeof line, "%.*s", length ? length : (int)strlen("no line"), length ? first->asset : "no line");
    struct row row = {.of = line, .part_of = "plant", .solver = "", .part = w->total, .alone = true};
    row.share = saved_by(&w->total, made);
    tell_row(g, table, &row);
    if (w->compared) tell_current(g, table, line, w);
    tell_pots(g, table, line, w, room);
}

static void tell(struct gathering *g) {
    static const char *const headings[] = {"Of",
                                           "Part of",
                                           "Runs",
                                           "Answers",
                                           "kWh/t as run",
                                           "kWh/t advised",
                                           "Saved, kWh/t",
                                           "95 % CI of that",
                                           "Saved, %",
                                           "Saved, cost/t",
                                           "Saved, kg CO2e/t",
                                           "Share of that, kWh/t",
                                           "Solver",
                                           NULL};
    struct part plant = {.made = 0};
    uint32_t answers = 0, room = SHOWN;
    if (g->room) qsort(g->savings, g->room, sizeof *g->savings, by_line);
    while (answers < g->room && g->savings[answers].answers)
        answers++;
    const struct saving *end = g->savings + answers;
    if (g->count) qsort(g->answers, g->count, sizeof *g->answers, by_asset);
    for (struct saving *s = g->savings; s < end;) {
        struct whole w = whole_of(g, s, end);
        add_part(&plant, &w.total);
        s = w.pot + w.pots;
    }
    struct pl__span_table *table =
        answers ? pl__span_table(g->report, "Savings that the optimiser foresees",
                                 "Means over its answers, by the twin's steady state and at the baseline's throughput; "
                                 "a total by metal. Shares add up to what they are part of: do not add a line's to its "
                                 "pots'. Of a line they are of the answers of its pots within an hour of its own, and "
                                 "its current has what these leave. The interval is Student's, over answers as if each "
                                 "were independent: it says how they differ, not how far the twin is off. What was "
                                 "really used is among the key figures.",
                                 headings)
                : NULL;
    if (!table) return;
    tell_row(g, table,
             &(struct row){.of = "plant", .part_of = "", .solver = "", .part = plant, .alone = true, .share = NAN});
    for (struct saving *s = g->savings; s < end;) {
        struct whole w = whole_of(g, s, end);
        tell_line(g, table, &w, plant.made, room);
        room -= room < w.pots ? room : w.pots;
        s = w.pot + w.pots;
    }
}

enum pl_code pl__span_savings(struct pl__span *report, struct pl_store *store, struct pl_error **error) {
    struct gathering g = {.report = report};
    const struct pl__span_walk walk = {PL_EVENTS, &g.names, take, &g};
    enum pl_code code = pl__span_walk(report, store, &walk, error);
    if (!code) tell(&g);
    report->failed = report->failed || g.failed;
    pl_free(g.savings);
    pl_free(g.answers);
    pl_tags_free(g.names);
    return code;
}
