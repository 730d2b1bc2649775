/* report_trial.c: what treatment has done to those pots that had it, beside those that were left alone, from measured
 * data.
 *
 * The unit is the pot: periods of one pot are not independent of each other. Each pot that is treated from `since` on
 * is paired with one that is not, the one whose energy by tonne was nearest before. What counts of a pair is the
 * difference of the two changes, (after - before) treated less (after - before) control, so that neither what was
 * different all along nor what came over all of them is taken for an effect. The interval is Student's, over pairs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/tag.h>

#include "report.h"

enum { POTS = 4096, ROWS = 1 << 24 };
enum figure { SPECIFIC, CO2E, EFFECTS, THROUGHPUT, EFFICIENCY, SHOWN, PRODUCTION = SHOWN, COVERED, FIGURES };
enum phase { BEFORE, AFTER, PHASES };

static const struct {
    const char *name, *title;
    int decimals;
    enum figure weight; /* by metal, or by the time that is covered */
} figures[FIGURES] = {
    [SPECIFIC] = {"kwh_per_t", "Energy, kWh/t", 1, PRODUCTION},
    [CO2E] = {"co2e", "CO2e, kg/t", 1, PRODUCTION},
    [EFFECTS] = {"anode_effects", "Anode effects by pot-day", 3, COVERED},
    [THROUGHPUT] = {"throughput", "Throughput, t/d", 4, COVERED},
    [EFFICIENCY] = {"current_efficiency", "Current efficiency, %", 2, PRODUCTION},
    [PRODUCTION] = {"production", NULL, 0, PRODUCTION},
    [COVERED] = {"covered", NULL, 0, COVERED},
};

struct row { /* of a figure of a pot in a period, which ends at `time` */
    pl_time time;
    double value;
    uint16_t pot;
    uint8_t figure;
};

struct pot {
    char *name;
    bool treated, paired;
    double sum[PHASES][SHOWN], weight[PHASES][SHOWN], made; /* kg after */
};

struct trial {
    struct pl__span *report;
    const struct pl__span_trial *of;
    pl_time since;
    struct pl_tally moved; /* pots that a set point has passed to, where nobody says which were treated */
    struct pl_tags *names;
    struct pot *pot;
    struct row *row;
    size_t rows, room;
    unsigned pots;
    bool failed;
};

/* ---- Rows ---- */

static bool is_treated(const struct trial *t, const char *name) {
    if (t->of->treated) return pl_glob(t->of->treated, name);
    for (unsigned i = 0; i < t->moved.count; i++)
        if (strcmp(t->moved.entries[i].name, name) == 0) return true;
    return false;
}

static struct pot *pot_of(struct trial *t, const char *name, size_t length) {
    for (unsigned i = t->pots; i > 0; i--)
        if (strncmp(t->pot[i - 1].name, name, length) == 0 && !t->pot[i - 1].name[length]) return &t->pot[i - 1];
    if (t->pots == POTS) return NULL;
    char *own = pl_strndup(name, length);
    if (!own) {
        t->failed = true;
        return NULL;
    }
    t->pot[t->pots] = (struct pot){.name = own, .treated = is_treated(t, own)};
    return &t->pot[t->pots++];
}

static void keep(struct trial *t, const struct row *row) {
    if (t->rows == t->room) {
        size_t room = t->room ? 2 * t->room : 1024;
        struct row *more = t->room < ROWS ? pl_realloc(t->row, room * sizeof *more) : NULL;
        if (!more) {
            t->failed = true;
            return;
        }
        t->row = more;
        t->room = room;
    }
    t->row[t->rows++] = *row;
}

/* "line1.pot07.kpi.day.kwh_per_t": of pots, so a dot in front of ".kpi.". */
static void take_row(struct trial *t, uint32_t tag, pl_time time, double value) {
    const char *name = pl_tags_get(t->names, tag)->name, *at = strstr(name, ".kpi.");
    size_t period = strlen(t->of->period);
    if (!at || !memchr(name, '.', (size_t)(at - name)) || !isfinite(value)) return;
    const char *what = at + strlen(".kpi.");
    if (strncmp(what, t->of->period, period) != 0 || what[period] != '.') return;
    for (unsigned i = 0; i < FIGURES; i++) {
        if (strcmp(what + period + 1, figures[i].name) != 0) continue;
        const struct pot *pot = pot_of(t, name, (size_t)(at - name));
        if (pot) keep(t, &(struct row){time, value, (uint16_t)(pot - t->pot), (uint8_t)i});
    }
}

static bool take(void *arg, const struct pl_batch *batch) {
    struct trial *t = arg;
    for (uint32_t i = 0; i < batch->rows && !t->failed; i++)
        if (batch->samples.time[i] > t->report->from && batch->samples.time[i] <= t->report->to)
            take_row(t, batch->samples.tag[i], batch->samples.time[i], batch->samples.value[i]);
    return !t->failed;
}

/* Neither what takes back, nor a guard's sign of life, which has the guard's name. */
static bool is_move(const struct pl_setpoints *in, uint32_t row, const char *dot) {
    return isfinite(in->value[row]) && (in->id[row] != 0 || strcmp(dot, ".pulse") != 0);
}

/* What has passed a guard: "line1.pot07.acd_set" treats line1.pot07. */
static bool take_move(void *arg, const struct pl_batch *batch) {
    struct trial *t = arg;
    for (uint32_t i = 0; i < batch->rows && !t->moved.failed; i++) {
        pl_time time = batch->setpoints.time[i];
        const char *tag = pl_tags_get(t->names, batch->setpoints.tag[i])->name, *dot = strrchr(tag, '.');
        char pot[PL__BODY_TEXT];
        if (!dot || time < t->report->from || time >= t->report->to || !is_move(&batch->setpoints, i, dot)) continue;
        snprintf(pot, sizeof pot, "%.*s", (int)(dot - tag), tag);
        pl_tally_add(&t->moved, pot);
        if (time < t->since) t->since = time;
    }
    return !t->moved.failed;
}

/* Weights come first; two nodes may both have kept a row. */
static int by_period(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->pot != y->pot) return x->pot < y->pot ? -1 : 1;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return x->figure > y->figure ? -1 : x->figure < y->figure;
}

/* A period that treatment began in is neither. */
static void add_up(struct trial *t) {
    double weight[FIGURES] = {0};
    qsort(t->row, t->rows, sizeof *t->row, by_period);
    for (size_t i = 0; i < t->rows; i++) {
        const struct row *row = &t->row[i], *last = i ? row - 1 : NULL;
        bool same = last && last->pot == row->pot && last->time == row->time;
        if (!same) weight[PRODUCTION] = weight[COVERED] = 0;
        if (same && last->figure == row->figure) continue;
        bool before = row->time <= t->since, after = row->time - t->of->length >= t->since;
        struct pot *pot = &t->pot[row->pot];
        if (row->figure >= SHOWN) {
            weight[row->figure] = row->value;
            if (after && row->figure == PRODUCTION) pot->made += row->value;
        } else if (before || after) {
            double by = weight[figures[row->figure].weight];
            pot->sum[after][row->figure] += by * row->value;
            pot->weight[after][row->figure] += by;
        }
    }
}

/* ---- Pairs ---- */

static double mean_of(const struct pot *pot, enum phase phase, enum figure figure) {
    return pot->weight[phase][figure] > 0 ? pot->sum[phase][figure] / pot->weight[phase][figure] : NAN;
}

static bool is_whole(const struct pot *pot) {
    return isfinite(mean_of(pot, BEFORE, SPECIFIC)) && isfinite(mean_of(pot, AFTER, SPECIFIC));
}

static struct pot *nearest(struct trial *t, const struct pot *to) {
    struct pot *best = NULL;
    double least = INFINITY;
    for (unsigned i = 0; i < t->pots; i++) {
        struct pot *pot = &t->pot[i];
        double off = fabs(mean_of(pot, BEFORE, SPECIFIC) - mean_of(to, BEFORE, SPECIFIC));
        if (pot->treated || pot->paired || !is_whole(pot) || !(off < least)) continue;
        best = pot;
        least = off;
    }
    return best;
}

struct pair {
    const struct pot *treated, *control;
};

static unsigned make_pairs(struct trial *t, struct pair *pairs) {
    unsigned count = 0;
    for (unsigned i = 0; i < t->pots; i++) {
        struct pot *treated = &t->pot[i];
        if (!treated->treated || !is_whole(treated)) continue;
        struct pot *control = nearest(t, treated);
        if (!control) break;
        treated->paired = control->paired = true;
        pairs[count++] = (struct pair){treated, control};
    }
    return count;
}

/* The 97.5 % quantile of Student's t: by table, and from 30 degrees of freedom by the expansion of Cornish and Fisher
 * (Abramowitz and Stegun 26.7.5), which is good to 1e-4 there. */
double pl__span_student(uint64_t freedom) {
    static const double table[30] = {0,      12.706, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622,
                                     2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930,
                                     2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452};
    const double z = 1.959964, n = (double)freedom;
    if (freedom < 1) return NAN;
    if (freedom < 30) return table[freedom];
    return z + (z * z * z + z) / (4 * n) + (5 * pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * n * n);
}

struct effect {
    double mean, half, level[2][PHASES]; /* treated, control */
    unsigned pairs;
};

static struct effect effect_of(const struct pair *pairs, unsigned count, enum figure figure) {
    struct effect e = {0};
    double sum = 0, square = 0;
    for (unsigned i = 0; i < count; i++) {
        double v[2][PHASES];
        for (int p = 0; p < PHASES; p++) {
            v[0][p] = mean_of(pairs[i].treated, (enum phase)p, figure);
            v[1][p] = mean_of(pairs[i].control, (enum phase)p, figure);
        }
        double change = v[0][AFTER] - v[0][BEFORE] - (v[1][AFTER] - v[1][BEFORE]);
        if (!isfinite(change)) continue;
        for (int p = 0; p < 2 * PHASES; p++)
            e.level[p / PHASES][p % PHASES] += v[p / PHASES][p % PHASES];
        sum += change;
        square += change * change;
        e.pairs++;
    }
    for (int p = 0; p < 2 * PHASES; p++)
        e.level[p / PHASES][p % PHASES] /= e.pairs;
    e.mean = sum / e.pairs;
    double variance = e.pairs > 1 ? fmax(square - sum * e.mean, 0) / (e.pairs - 1) : NAN;
    e.half = pl__span_student(e.pairs ? e.pairs - 1 : 0) * sqrt(variance / e.pairs);
    return e;
}

/* ---- Words ---- */

static void tell_effects(struct trial *t, const struct pair *pairs, unsigned count) {
    static const char *const headings[] = {
        "Figure", "Treated before", "Treated after", "Control before", "Control after",
        "Effect", "95 % from",      "95 % to",       "Pairs",          NULL};
    struct pl__span_table *table = pl__span_table(
        t->report, "Treated pots beside control",
        "Pairs of pots that were alike in energy by tonne before, treated as the command says, or from the first set "
        "point on that passed a guard to one of them. The effect is the change of the treated "
        "pot less that of its control; the interval is Student's, over pairs. One with 0 in it shows no "
        "effect.",
        headings);
    for (int f = 0; f < SHOWN; f++) {
        struct effect e = effect_of(pairs, count, (enum figure)f);
        const double value[] = {e.level[0][BEFORE], e.level[0][AFTER], e.level[1][BEFORE], e.level[1][AFTER], e.mean,
                                e.mean - e.half,    e.mean + e.half};
        char text[PL_COUNT_OF(value)][PL__SPAN_NUMBER], pairs_text[16];
        const char *cells[PL_COUNT_OF(value) + 2] = {figures[f].title};
        if (!e.pairs) continue;
        for (unsigned i = 0; i < PL_COUNT_OF(value); i++)
            cells[1 + i] = pl__span_number(text[i], value[i], figures[f].decimals);
        snprintf(pairs_text, sizeof pairs_text, "%u", e.pairs);
        cells[PL_COUNT_OF(value) + 1] = pairs_text;
        pl__span_row(t->report, table, cells);
    }
}

static void tell_saved(struct trial *t, struct pl__span_table *table, const char *of, double tonnes,
                       const struct effect *e) {
    const double value[] = {tonnes, -e->mean * tonnes / 1000, (-e->mean - e->half) * tonnes / 1000,
                            (-e->mean + e->half) * tonnes / 1000};
    char text[PL_COUNT_OF(value)][PL__SPAN_NUMBER];
    const char *cells[PL_COUNT_OF(value) + 1] = {of};
    for (unsigned i = 0; i < PL_COUNT_OF(value); i++)
        cells[1 + i] = pl__span_number(text[i], value[i], 2);
    pl__span_row(t->report, table, cells);
}

static void tell_savings(struct trial *t, const struct pair *pairs, unsigned count) {
    static const char *const headings[] = {"Of", "Metal since then, t", "Saved", "95 % from", "95 % to", NULL};
    struct effect energy = effect_of(pairs, count, SPECIFIC), gas = effect_of(pairs, count, CO2E);
    struct pl__span_table *table =
        pl__span_table(t->report, "Savings",
                       "Of the treated pots, from what was measured: the effect by tonne times the metal.", headings);
    double tonnes = 0;
    for (unsigned i = 0; i < t->pots; i++)
        if (t->pot[i].treated && is_whole(&t->pot[i])) tonnes += t->pot[i].made / 1000;
    tell_saved(t, table, "Energy, MWh", tonnes, &energy);
    if (gas.pairs) tell_saved(t, table, "CO2e, t", tonnes, &gas);
}

static enum pl_code tell(struct trial *t, struct pl_error **error) {
    struct pair *pairs = pl_alloc((t->pots + 1) * sizeof *pairs);
    if (!pairs) return pl_error_set(error, PL_NO_MEMORY, "no memory for pairs of pots");
    add_up(t);
    unsigned count = make_pairs(t, pairs);
    if (count) {
        tell_effects(t, pairs, count);
        tell_savings(t, pairs, count);
    }
    pl_free(pairs);
    if (count) return PL_OK;
    return pl_error_set(error, PL_NOT_FOUND,
                        "no pair of a treated pot (--treated %s) and another one has key figures (%s) both before and "
                        "after --since; %u pots have some",
                        t->of->treated ? t->of->treated : "", t->of->period, t->pots);
}

/* Who was treated, and from when on, where nobody says it. */
static enum pl_code find_treated(struct trial *t, struct pl_store *store, struct pl_error **error) {
    const struct pl__span_walk walk = {PL_SETPOINTS, &t->names, take_move, t};
    enum pl_code code = pl__span_walk(t->report, store, &walk, error);
    pl_tags_free(t->names);
    t->names = NULL;
    t->failed = t->failed || t->moved.failed;
    return code;
}

static enum pl_code compare(struct trial *t, struct pl_store *store, struct pl_error **error) {
    const struct pl__span_walk walk = {PL_SAMPLES, &t->names, take, t};
    enum pl_code code = pl__span_walk(t->report, store, &walk, error);
    return code || t->failed ? code : tell(t, error);
}

enum pl_code pl__span_trial(struct pl__span *report, struct pl_store *store, const struct pl__span_trial *of,
                            struct pl_error **error) {
    struct trial t = {.report = report, .of = of, .since = of->treated ? of->since : PL_TIME_MAX};
    pl_tally_init(&t.moved, POTS);
    t.pot = pl_alloc(POTS * sizeof *t.pot);
    enum pl_code code = t.pot ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for pots");
    if (t.pot && !of->treated) code = find_treated(&t, store, error);
    if (t.pot && !code && !t.failed && (of->treated || t.moved.count)) code = compare(&t, store, error);
    if (code == PL_NOT_FOUND && !of->treated) { /* nobody has asked */
        pl_error_free(error);
        code = PL_OK;
    }
    report->failed = report->failed || t.failed;
    for (unsigned i = 0; t.pot && i < t.pots; i++)
        pl_free(t.pot[i].name);
    pl_free(t.pot);
    pl_free(t.row);
    pl_tally_fini(&t.moved);
    pl_tags_free(t.names);
    return code;
}
