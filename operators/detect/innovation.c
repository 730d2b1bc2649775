#include "innovation.h"

#include <math.h>

/* Beyond this an innovation says no more than that the twin is lost. */
static const double farthest = 1e6;

size_t innovation_size(const struct innovation_test *test) {
    return sizeof(struct innovation) + (1 + INNOVATIONS) * (size_t)test->window * sizeof(double);
}

/* What the tests look at, each so that 0 is as it should be and either side of it is not. */
struct moments {
    double mean, square, correlation;
};

static struct moments moments_of(const struct innovation_test *test, const struct innovation *i) {
    const uint32_t n = test->window;
    struct moments m = {0};
    double before = i->ring[i->rows % n], product = 0; /* the oldest */
    for (uint32_t k = 0; k < n; k++) {
        const double value = i->ring[(i->rows + k) % n];
        m.mean += value / n;
        m.square += value * value / n;
        if (k) product += value * before;
        before = value;
    }
    m.correlation = m.square > 0 ? product / (n * m.square) : 0;
    return m;
}

/* Both sides together. */
static double normal(double deviations) {
    return -log10(fmax(erfc(fabs(deviations) / sqrt(2)), 1e-300));
}

/* The cube root of chi-square is nearly normal (Wilson and Hilferty 1931). */
static double chi_square(double mean_square, double n) {
    const double variance = 2 / (9 * n);
    return normal((cbrt(mean_square) - (1 - variance)) / sqrt(variance));
}

/* How far off, on a scale on which a tail is meant: of squares the logarithm, since both sides count. */
static double number_of(enum innovation_kind kind, double seen) {
    return kind == INNOVATION_SPREAD ? fabs(log(fmax(seen, 1e-300))) : fabs(seen);
}

/* A number teaches a window late, and none of those that led up to an alarm. */
static void teach(const struct innovation_test *test, struct innovation *i, enum innovation_kind kind, double number,
                  bool alarm) {
    double *waiting = i->ring + (1 + kind) * (size_t)test->window;
    i->upset[kind] = alarm ? i->upset[kind] + 1 : 0;
    const bool upset = alarm && i->upset[kind] <= test->adapt;
    if (upset) tail_drop_waiting(waiting, test->window);
    if (!upset) tail_add_late(&i->tail[kind], waiting, test->window, i->rows, number, test->memory);
}

static void weigh(const struct innovation_test *test, struct innovation *i, struct innovation_found *most,
                  enum innovation_kind kind, double seen, double law) {
    const double number = number_of(kind, seen), length = kind == INNOVATION_SIZE ? 1 : test->window;
    double surprise = fmin(law, TAIL_SURPRISE_MAX);
    if (test->calibrate) surprise = fmin(surprise, tail_surprise(&i->tail[kind], number, length));
    surprise = fmax(surprise - log10(INNOVATIONS), 0); /* the greatest of four (Bonferroni) */
    teach(test, i, kind, number, surprise >= test->threshold);
    if (surprise > most->surprise)
        *most = (struct innovation_found){
            .surprise = surprise, .kind = kind, .above = seen > (kind == INNOVATION_SPREAD ? 1 : 0), .seen = seen};
}

struct innovation_found innovation_step(const struct innovation_test *test, struct innovation *i, double value) {
    const double n = test->window;
    struct innovation_found most = {0};
    value = fmin(fmax(value, -farthest), farthest);
    i->ring[i->rows % test->window] = value;
    i->rows++;
    if (i->rows == 1)
        for (unsigned k = 0; k < INNOVATIONS; k++)
            tail_drop_waiting(i->ring + (1 + k) * (size_t)test->window, test->window);
    weigh(test, i, &most, INNOVATION_SIZE, value, normal(value));
    if (i->rows >= test->window) {
        const struct moments m = moments_of(test, i);
        weigh(test, i, &most, INNOVATION_BIAS, m.mean, normal(m.mean * sqrt(n)));
        weigh(test, i, &most, INNOVATION_SPREAD, m.square, chi_square(m.square, n));
        weigh(test, i, &most, INNOVATION_MEMORY, m.correlation, normal(m.correlation * sqrt(n)));
    }
    return most;
}

/* ---- For people ---- */

static const struct {
    const char *above, *below, *cause_above, *cause_below;
} texts[INNOVATIONS] = {
    [INNOVATION_SIZE] = {"one value is far above what the twin expected", "one value is far below what it expected",
                         "an upset, or a spike of the sensor", "an upset, or a drop-out of the sensor"},
    [INNOVATION_BIAS] = {"what is measured stays above what the twin expects",
                         "what is measured stays below what the twin expects",
                         "a sensor that drifts, or a state that the twin does not know",
                         "a sensor that drifts, or a state that the twin does not know"},
    [INNOVATION_SPREAD] = {"the twin is off by more than it says it may be",
                           "the twin is off by much less than it says it may be", "noise, or another regime",
                           "a sensor that hangs, or a value that is not measured but held"},
    [INNOVATION_MEMORY] = {"what the twin is off by now it was off by before: it lags behind",
                           "what the twin is off by turns from value to value",
                           "a slow change that the twin has no state for", "an oscillation, or a loop that hunts"},
};

const char *innovation_name(enum innovation_kind kind) {
    static const char *const names[INNOVATIONS] = {"size", "bias", "spread", "memory"};
    return names[kind];
}

const char *innovation_explanation(const struct innovation_found *found) {
    return found->above ? texts[found->kind].above : texts[found->kind].below;
}

const char *innovation_cause(const struct innovation_found *found) {
    return found->above ? texts[found->kind].cause_above : texts[found->kind].cause_below;
}
