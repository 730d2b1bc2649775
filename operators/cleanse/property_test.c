/* Rows at random, cut at random, restored at random, against a plain reference that knows the whole of a tag's rows. */
#include "../testing.h"

#define S PL_SECOND

enum { ROWS = 1500, TAGS = 5, WINDOW = 7 };

static const char *const tags[TAGS] = {"l1.p1.v", "l1.p2.v", "l2.p1.v", "x.v", "y.v"};
static struct sample rows[ROWS];

static void make_rows(bool disorder) {
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned dice = test_random(50);
        rows[i] = (struct sample){.time = (pl_time)i * 100 * PL_MILLISECOND - 30 * S,
                                  .tag = tags[test_random(TAGS)],
                                  .value = floor(50 + 20 * sin(i / 90.0) + test_random(30)) / 10,
                                  .quality = PL_Q_GOOD};
        if (dice == 0) rows[i].value = NAN;
        if (dice == 1) rows[i].value = 50;
        if (dice == 2) rows[i].value = 9.9;
        if (dice == 3) rows[i].quality = PL_Q_BAD | PL_Q_STALE;
        if (disorder && dice < 10) rows[i].time -= 800 * PL_MILLISECOND;
        if (i > 700 && i < 760) rows[i].value = 5;
    }
}

/* ---- What each check means, by looking back over all rows of the tag ---- */

struct judged {
    bool in_order, history, usable;
    unsigned quality;
};

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double plain_median(double *values, unsigned n) {
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool same_tag(unsigned a, unsigned b) {
    return strcmp(rows[a].tag, rows[b].tag) == 0;
}

static bool newest_so_far(unsigned at) {
    for (unsigned i = 0; i < at; i++)
        if (same_tag(i, at) && rows[i].time >= rows[at].time) return false;
    return true;
}

static bool plain_spike(const struct judged *judged, unsigned at) {
    double window[WINDOW], distance[WINDOW], step = 0, before = NAN;
    unsigned n = 0;
    for (int i = (int)at; i >= 0 && n < WINDOW; i--)
        if (same_tag((unsigned)i, at) && ((unsigned)i == at || judged[i].history)) window[n++] = rows[i].value;
    for (unsigned i = 0; i < at; i++) {
        if (!same_tag(i, at) || !judged[i].history || judged[i].quality & PL_Q_SPIKE) continue;
        double change = fabs(rows[i].value - before);
        if (change > 0 && (step == 0 || change < step)) step = change;
        before = rows[i].value;
    }
    double median = plain_median(window, n);
    for (unsigned i = 0; i < n; i++)
        distance[i] = fabs(window[i] - median);
    double mad = plain_median(distance, n);
    return n > WINDOW / 2 && fabs(rows[at].value - median) > 3 * (mad > 0 ? 1.4826 * mad : step);
}

static bool plain_rate(const struct judged *judged, unsigned at) {
    for (int i = (int)at - 1; i >= 0; i--) {
        bool good = same_tag((unsigned)i, at) && judged[i].history && !(judged[i].quality & (PL_Q_RATE | PL_Q_SPIKE));
        if (good) return fabs(rows[at].value - rows[i].value) > 2.5 * ((double)(rows[at].time - rows[i].time) / S);
    }
    return false;
}

static bool plain_frozen(const struct judged *judged, unsigned at) {
    pl_time since = rows[at].time;
    for (int i = (int)at - 1; i >= 0; i--) {
        if (!same_tag((unsigned)i, at) || !judged[i].history) continue;
        if (rows[i].value != rows[at].value) break;
        since = rows[i].time;
    }
    return rows[at].time - since >= 3 * S;
}

static void judge_all(struct judged *judged) {
    for (unsigned i = 0; i < ROWS; i++) {
        struct judged *j = &judged[i];
        *j = (struct judged){.in_order = newest_so_far(i), .quality = rows[i].quality};
        if (isnan(rows[i].value))
            j->quality |= PL_Q_BAD | PL_Q_MISSING;
        else if (j->quality & PL_Q_BAD)
            continue;
        else if (rows[i].value < 0 || rows[i].value > 10)
            j->quality |= PL_Q_BAD | PL_Q_OUT_OF_RANGE;
        else if (j->in_order) {
            bool rate = plain_rate(judged, i), spike = plain_spike(judged, i), frozen = plain_frozen(judged, i);
            j->history = true;
            if (rate) j->quality |= PL_Q_BAD | PL_Q_RATE;
            if (spike) j->quality |= PL_Q_BAD | PL_Q_SPIKE;
            if (frozen) j->quality |= PL_Q_FROZEN | (rate || spike ? 0 : PL_Q_UNCERTAIN);
        }
        j->usable = j->in_order && !(j->quality & PL_Q_BAD);
    }
}

static const char options[] = "{range: true, rate: {max: 2.5}, spike: {window: 7, k: 3}, frozen: {for: 3s}, "
                              "gaps: {max: 2s, fill: linear, interval: 400ms}, missing: {fill: linear, max: 2s}}";

/* Rows made for the gap that row `at` closes, in the order in which they must come. */
static unsigned plain_fills(const struct judged *judged, unsigned at, struct sample *fills) {
    int from = -1;
    for (int i = (int)at - 1; i >= 0 && from < 0; i--)
        if (same_tag((unsigned)i, at) && judged[i].usable) from = i;
    if (!judged[at].usable || from < 0 || rows[at].time - rows[from].time > 2 * S) return 0;
    unsigned n = 0;
    pl_time reached = rows[from].time;
    for (unsigned i = (unsigned)from + 1; i <= at; i++) {
        bool missing = i < at && same_tag(i, at) && judged[i].in_order && isnan(rows[i].value);
        if (i != at && !missing) continue;
        for (; rows[i].time - reached > 600 * PL_MILLISECOND; n++)
            fills[n].time = reached += 400 * PL_MILLISECOND;
        if (missing) fills[n++].time = rows[i].time;
        reached = rows[i].time;
    }
    for (unsigned i = 0; i < n; i++) {
        double share = (double)(fills[i].time - rows[from].time) / (double)(rows[at].time - rows[from].time);
        fills[i].tag = rows[at].tag;
        fills[i].value = rows[from].value + share * (rows[at].value - rows[from].value);
        fills[i].quality = PL_Q_UNCERTAIN | PL_Q_REPLACED | PL_Q_BACKFILLED;
    }
    return n;
}

static void is_row(const struct test *t, unsigned at, const struct sample *expected) {
    assert_true(at < t->out[0].samples);
    const struct sample *found = &t->out[0].sample[at];
    if (found->time != expected->time || strcmp(found->tag, expected->tag))
        fail_msg("row %u is %s at %lld with %g %x, not %s at %lld with %g %x", at, found->tag, (long long)found->time,
                 found->value, found->quality, expected->tag, (long long)expected->time, expected->value,
                 expected->quality);
    assert_string_equal(found->tag, expected->tag);
    assert_near(found->value, expected->value, 1e-12);
    if (found->quality != expected->quality)
        fail_msg("row %u: quality %x, not %x", at, found->quality, expected->quality);
}

static void any_cut_and_restore_gives_what_the_reference_says(void **state) {
    (void)state;
    static struct judged judged[ROWS];
    unsigned filled = 0, flagged = 0;
    for (unsigned round = 0; round < 24; round++) {
        bool disorder = round % 2;
        make_rows(disorder);
        judge_all(judged);
        struct test *t = test_open_ranged("cleanse", options, PL_SAMPLES, "*.v", 0, 10);
        t->in_order = true;
        test_push_at_random(t, rows, ROWS, disorder ? 800 * PL_MILLISECOND : 0, round % 3 == 0);
        test_end(t);
        unsigned at = 0;
        for (unsigned i = 0; i < ROWS; i++) {
            struct sample fills[64], row = rows[i];
            unsigned n = plain_fills(judged, i, fills);
            for (unsigned k = 0; k < n; k++)
                is_row(t, at++, &fills[k]);
            row.quality = judged[i].quality;
            flagged += row.quality != rows[i].quality;
            is_row(t, at++, &row);
            filled += n;
        }
        assert_int_equal(t->out[0].samples, at);
        test_close(t);
    }
    assert_true(filled > 1000 && flagged > 1000);
}

/* With replacement and deadband there is no simple reference; still nothing may depend on cuts and restores. */
static void cuts_and_restores_change_nothing(void **state) {
    (void)state;
    static const char *const cases[] = {
        "{on_bad: replace, range: true, rate: {max: 3}, spike: {window: 5}, deadband: 0.2, deadband_max: 2s}",
        "{missing: {fill: seasonal}, gaps: {max: 3s, fill: seasonal}, season: {period: 10s, bins: 20}, spike: true}",
        "{on_bad: drop, range: true, spike: {window: 9}, frozen: {samples: 3}, gaps: {max: 3s, fill: hold}}",
    };
    for (unsigned c = 0; c < 3; c++) {
        make_rows(true);
        struct test *whole = test_open_ranged("cleanse", cases[c], PL_SAMPLES, "*.v", 0, 10);
        test_push(whole, rows, ROWS);
        test_end(whole);
        for (unsigned round = 0; round < 8; round++) {
            struct test *t = test_open_ranged("cleanse", cases[c], PL_SAMPLES, "*.v", 0, 10);
            test_push_at_random(t, rows, ROWS, 10 * S, true);
            test_end(t);
            assert_int_equal(t->out[0].samples, whole->out[0].samples);
            for (unsigned i = 0; i < whole->out[0].samples; i++)
                is_row(t, i, &whole->out[0].sample[i]);
            test_close(t);
        }
        test_close(whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_and_restore_gives_what_the_reference_says),
        cmocka_unit_test(cuts_and_restores_change_nothing),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
