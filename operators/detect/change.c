/* change.c: the generalised likelihood ratio of one signal. */
#include "change.h"

#include <math.h>
#include <stdio.h>

/* Deviations that one row counts at most, and how many rows must be known before that is said. */
static const double farthest = 6, known_least = 30;
/* What they count at most as they came: beyond that sums of squares have no digits left for the other rows. */
static const double farthest_told = 1e6;

/* What is no measurement at all must not make sums infinite, which would be blind from then on. */
static const double greatest = 1e140;
/* Before so many windows have been seen one in ten thousand cannot be told from one in a hundred. */
enum { WINDOWS_KNOWN = 12 };

enum { PLACES_MAX = 64 }; /* enough for the largest window */

/* Rows behind a step from which on it is called one. */
static const uint32_t named_least = 2;

size_t change_size(const struct change_test *test) {
    return sizeof(struct change) + (1 + CHANGE_KINDS) * (size_t)test->window * sizeof(double);
}

/* ---- Sums that two groups of rows are told by ---- */

struct group {
    double count, mean, squares;
};

static void group_add(struct group *g, double value) {
    g->count += 1;
    const double apart = value - g->mean;
    g->mean += apart / g->count;
    g->squares += apart * (value - g->mean);
}

/* Both together (Chan, Golub and LeVeque 1983). */
static struct group group_with(const struct group *a, const struct group *b) {
    const double count = a->count + b->count, apart = b->mean - a->mean;
    return (struct group){count, a->mean + apart * b->count / count,
                          a->squares + b->squares + apart * apart * a->count * b->count / count};
}

/* What is left of `all` without `part`: the other way round. */
static struct group group_without(const struct group *all, const struct group *part) {
    struct group rest = {.count = all->count - part->count};
    rest.mean = all->mean + (all->mean - part->mean) * part->count / rest.count;
    const double apart = part->mean - rest.mean;
    rest.squares = fmax(all->squares - part->squares - apart * apart * part->count * rest.count / all->count, 0);
    return rest;
}

/* A variance that rounding cannot make zero: two rows that are alike are so only as far as a double tells. */
static double variance_of(double squares, double freedom, double mean) {
    const double rounding = 1e-12 * fabs(mean);
    return squares / freedom + rounding * rounding + 1e-300;
}

static double mean_ratio(const struct group *before, const struct group *after) {
    const double freedom = before->count + after->count - 2;
    const double variance = variance_of(before->squares + after->squares, freedom, before->mean);
    const double apart = after->mean - before->mean;
    const double student = apart * apart / (variance * (1 / before->count + 1 / after->count));
    return (freedom + 2) * log1p(student / freedom);
}

static double spread_ratio(const struct group *before, const struct group *after) {
    const double f0 = before->count - 1, f1 = after->count - 1, f = f0 + f1;
    const double pooled = variance_of(before->squares + after->squares, f, before->mean);
    const double v0 = variance_of(before->squares, f0, before->mean), v1 = variance_of(after->squares, f1, after->mean);
    const double small = 1 + (1 / f0 + 1 / f1 - 1 / f) / 3;                  /* Bartlett's correction */
    return fmax((f0 * log(pooled / v0) + f1 * log(pooled / v1)) / small, 0); /* of variances that are alike: 0 */
}

/* ---- The rows of a signal ---- */

static uint32_t held(const struct change_test *test, const struct change *c) {
    return c->rows < test->window ? (uint32_t)c->rows : test->window;
}

/* The value `back` rows before the newest. */
static double row_back(const struct change_test *test, const struct change *c, uint32_t back) {
    return c->ring[(c->rows - 1 - back) % test->window];
}

/* Rows that leave the window go into what is known of the time before. */
static void retire(const struct change_test *test, struct change *c, double value) {
    struct group g = {c->count, c->mean, c->squares};
    group_add(&g, value);
    if (g.count > test->memory) {
        g.squares *= test->memory / g.count;
        g.count = test->memory;
    }
    c->count = g.count;
    c->mean = g.mean;
    c->squares = g.squares;
}

struct limits {
    double low, high;
};

static struct limits limits_of(const struct change *c, double deviations) {
    if (c->count < known_least || !(c->squares > 0)) return (struct limits){-INFINITY, INFINITY};
    const double most = deviations * sqrt(c->squares / (c->count - 1));
    return (struct limits){c->mean - most, c->mean + most};
}

static double limited(const struct limits *limits, double value) {
    return value < limits->low ? limits->low : value > limits->high ? limits->high : value;
}

static void take_value(const struct change_test *test, struct change *c, double value) {
    const uint64_t at = c->rows % test->window;
    const struct limits limits = limits_of(c, farthest);
    if (c->rows >= test->window) retire(test, c, limited(&limits, c->ring[at]));
    c->ring[at] = value;
    c->rows++;
}

/* ---- Where, and how surely ---- */

struct place {
    double ratio;
    uint32_t ago;
};

/* The newest rows of the window, as sums about a value near all of them. */
struct sums {
    uint32_t rows;
    double sum, squares;
};

static struct group group_of(const struct sums *s, double about) {
    const double mean = s->sum / s->rows;
    return (struct group){s->rows, about + mean, fmax(s->squares - s->sum * mean, 0)};
}

/* How the rows are looked at. */
struct view {
    uint32_t least;    /* rows behind a change of the mean */
    bool as_they_came; /* and not limited, but for one that is far off alone, which is a spike */
};

/* `at` is its place in the ring, `back` how many came behind it. */
static double as_it_came(const struct change_test *test, const struct change *c, const struct limits *limits,
                         uint32_t at, uint32_t back) {
    const double value = c->ring[at], near = limited(limits, value);
    if (near == value) return value;
    const uint32_t newer = (at + 1) % test->window, older = (at ? at : test->window) - 1;
    const bool high = value > limits->high, has_older = back + 1 < held(test, c);
    const bool alone = (!back || (high ? c->ring[newer] <= limits->high : c->ring[newer] >= limits->low)) &&
                       (!has_older || (high ? c->ring[older] <= limits->high : c->ring[older] >= limits->low));
    const struct limits told = limits_of(c, farthest_told);
    return alone ? near : limited(&told, value);
}

/* Sums up to each place that is looked at, then those of the whole window; returns how many places there are. Their
 * steps grow with the distance: a change 50 rows ago shows as well at 52. */
static unsigned sum_up(const struct change_test *test, const struct change *c, const struct view *view, double about,
                       struct sums sums[PLACES_MAX + 1]) {
    const struct limits limits = limits_of(c, farthest);
    const uint32_t rows = held(test, c);
    struct sums s = {0};
    uint32_t next = view->least, at = (uint32_t)((c->rows - 1) % test->window);
    unsigned places = 0;
    while (s.rows < rows) {
        const double value =
            view->as_they_came ? as_it_came(test, c, &limits, at, s.rows) : limited(&limits, c->ring[at]);
        const double apart = value - about;
        s.sum += apart;
        s.squares += apart * apart;
        s.rows++;
        at = at ? at - 1 : test->window - 1;
        if (s.rows < next || places == PLACES_MAX) continue;
        sums[places++] = s;
        next += next / 8 + 1;
    }
    sums[places] = s;
    return places;
}

/* The best places, and the roots of their ratios: those have a tail like the normal law's, which an exponential one,
 * the lightest that a tail is taken for, bounds. */
static void seek(const struct change_test *test, const struct change *c, const struct view *view,
                 struct place best[CHANGE_KINDS]) {
    struct sums sums[PLACES_MAX + 1];
    const double about = c->count > 0 ? c->mean : c->ring[(c->rows - 1) % test->window];
    const unsigned places = sum_up(test, c, view, about, sums);
    const struct group old = {c->count, c->mean, c->squares}, newer = group_of(&sums[places], about);
    const struct group all = group_with(&old, &newer);
    for (unsigned i = 0; i < places; i++) {
        const struct group after = group_of(&sums[i], about), before = group_without(&all, &after);
        if (before.count < test->least) break;
        const double ratio[CHANGE_KINDS] = {mean_ratio(&before, &after),
                                            after.count < test->least ? 0 : spread_ratio(&before, &after)};
        for (unsigned k = 0; k < CHANGE_KINDS; k++)
            if (ratio[k] > best[k].ratio) best[k] = (struct place){ratio[k], sums[i].rows};
    }
    for (unsigned k = 0; k < CHANGE_KINDS; k++)
        best[k].ratio = sqrt(best[k].ratio);
}

static double *waiting_of(const struct change_test *test, struct change *c, unsigned kind) {
    return c->ring + (1 + kind) * (size_t)test->window;
}

/* The greatest of two is twice as often as large (Bonferroni). What led up to a change teaches nothing. */
static struct change_found weigh(const struct change_test *test, struct change *c,
                                 const struct place best[CHANGE_KINDS]) {
    const bool warm = c->judged >= WINDOWS_KNOWN * (uint64_t)test->window;
    struct change_found found = {0};
    for (unsigned k = 0; k < CHANGE_KINDS; k++) {
        const double rare = warm ? tail_surprise(&c->tail[k], best[k].ratio, test->window) - log10(CHANGE_KINDS) : 0;
        if (rare > found.surprise)
            found = (struct change_found){.surprise = rare, .kind = (enum change_kind)k, .ago = best[k].ago};
    }
    c->beyond = found.surprise >= test->threshold ? c->beyond + 1 : 0;
    found.changed = c->beyond > test->settle;
    for (unsigned k = 0; k < CHANGE_KINDS; k++) {
        double *waiting = waiting_of(test, c, k);
        if (!c->judged || c->beyond) tail_drop_waiting(waiting, test->window);
        if (!c->beyond) tail_add_late(&c->tail[k], waiting, test->window, c->judged, best[k].ratio, test->memory);
    }
    if (found.changed) c->beyond = 0;
    c->judged++;
    return found;
}

/* Twice the logarithm of the ratio, beyond what the signal has now and then by itself: the mean of one that wanders. */
static double beyond_usual(const struct tail *tail, double root) {
    const double usual = tail->kept ? tail->largest[tail->kept - 1] : 0;
    return root * root - usual * usual;
}

/* What has changed is what explains the rows best as they came: limited, those behind a large step are all alike, which
 * looks like a smaller spread, and the first of them beside older ones like a larger one. */
static void name_change(const struct change_test *test, const struct change *c, struct change_found *found) {
    struct place best[CHANGE_KINDS] = {{0}};
    double most = -INFINITY;
    seek(test, c, &(struct view){.least = named_least, .as_they_came = true}, best);
    for (unsigned k = 0; k < CHANGE_KINDS; k++) {
        const double beyond = beyond_usual(&c->tail[k], best[k].ratio);
        if (!best[k].ago || beyond <= most) continue;
        most = beyond;
        found->kind = (enum change_kind)k;
        found->ago = best[k].ago;
    }
}

/* What it was and what it is, from the rows as they came. */
static void measure(const struct change_test *test, const struct change *c, struct change_found *found) {
    struct group before = {c->count, c->mean, c->squares}, after = {0};
    for (uint32_t back = held(test, c); back-- > 0;)
        group_add(back < found->ago ? &after : &before, row_back(test, c, back));
    const bool mean = found->kind == CHANGE_MEAN;
    found->before = mean ? before.mean : sqrt(before.squares / fmax(before.count - 1, 1));
    found->after = mean ? after.mean : sqrt(after.squares / fmax(after.count - 1, 1));
}

static void turn_around(double *first, double *behind) {
    while (first < --behind) {
        const double value = *first;
        *first++ = *behind;
        *behind = value;
    }
}

/* Of what is known only the rows behind the change stay; the ring is turned so that the oldest of them is its first. */
static void begin_anew(const struct change_test *test, struct change *c, uint32_t rows) {
    double *first = c->ring + (c->rows - rows) % test->window, *behind = c->ring + test->window;
    turn_around(c->ring, first);
    turn_around(first, behind);
    turn_around(c->ring, behind);
    c->rows = rows;
    c->count = c->mean = c->squares = 0;
}

struct change_found change_step(const struct change_test *test, struct change *change, double value) {
    struct place best[CHANGE_KINDS] = {{0}};
    take_value(test, change, fmin(fmax(value, -greatest), greatest));
    if (change->rows < 2 * (uint64_t)test->least) return (struct change_found){0};
    seek(test, change, &(struct view){.least = test->least}, best);
    struct change_found found = weigh(test, change, best);
    if (found.surprise >= test->threshold) {
        name_change(test, change, &found);
        measure(test, change, &found);
    }
    if (found.changed) begin_anew(test, change, found.ago);
    return found;
}

void change_explain(const struct change_found *found, const char *unit, char *text, size_t size) {
    snprintf(text, size, "its %s has gone from %.6g to %.6g%s%s, some %u rows ago",
             found->kind == CHANGE_MEAN ? "mean" : "spread", found->before, found->after, *unit ? " " : "", unit,
             (unsigned)found->ago);
}

const char *change_cause(const struct change_found *found) {
    if (found->kind == CHANGE_MEAN)
        return "a step or a drift: a set point, another regime, a valve, or a sensor that was moved";
    return found->after > found->before ? "noise or an oscillation that has begun, or a loose contact"
                                        : "damping, less load, or a sensor that is about to hang";
}
