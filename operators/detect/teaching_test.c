/* What goes on teaching the scatter of detect.process: not what stands, nor what an alarm began with. */
#include "process_testing.h"

enum { STOPS = 2000, BACK = 8000, ROWS = 10000 };
enum stop { AWAY, FROZEN, FLICKERING, STOP_KINDS };

/* The pressure is away, frozen or nearly so for many times what is remembered; then it is as it was. */
static void push_stop(struct test *t, enum stop kind, unsigned from, unsigned to) {
    for (unsigned row = from; row < to; row++) {
        const double load = noise(), own = 0.1 * noise();
        double pressure = 5 + own;
        if (row >= STOPS && row < BACK) pressure = kind == AWAY ? (double)NAN : kind == FROZEN ? 5 : 5 + 1e-4 * own;
        const bool away = isnan(pressure);
        const struct sample rows[] = {{row * S, names[0], 100 + load + 0.1 * noise(), 0},
                                      {row * S, names[1], 50 + load + 0.1 * noise(), 0},
                                      {row * S, names[2], pressure, away ? PL_Q_BAD | PL_Q_MISSING : 0}};
        test_push(t, rows, 3);
    }
}

static unsigned alarms_in(const struct test *t, unsigned from, unsigned to) {
    unsigned alarms = 0;
    for (unsigned i = 1; i < t->out[0].samples; i += 2) {
        const struct sample *row = &t->out[0].sample[i];
        alarms += row->value != 0 && row->time >= from * S && row->time < to * S;
    }
    return alarms;
}

static void a_signal_that_stops_and_comes_back(void **state) {
    (void)state;
    static const char *const options[] = {
        "{signals: 3, level: false, scatter: {forget: 500}}",
        "{signals: 3, level: false, scatter: {forget: 500, components: 0.9}}",
        "{signals: 3, level: false, scatter: {forget: 500, lags: 2}}",
    };
    for (unsigned k = 0; k < PL_COUNT_OF(options); k++)
        for (enum stop kind = AWAY; kind <= FROZEN; kind++) {
            srand(31);
            struct test *t = test_open("detect.process", options[k], PL_SAMPLES);
            push_stop(t, kind, 0, ROWS);
            const unsigned while_away = alarms_in(t, STOPS, BACK), behind = alarms_in(t, BACK, ROWS);
            const uint64_t followed = test_counter(t, "followed");
            if (while_away > 60 || behind > 20 || followed < (ROWS - 300) * 9 / 10)
                fail_msg("%s, %u: %u alarms, %u behind, %zu", options[k], kind, while_away, behind, (size_t)followed);
            test_close(t);
        }
}

/* A tenth of its first spread is left to one that hardly moves: a thirtieth of what was usual is nothing, twice is. */
static void no_spread_falls_away(void **state) {
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        srand(32);
        struct test *t = test_open("detect.process",
                                   k ? "{signals: 3, level: false, scatter: {forget: 500, components: 0.9}}"
                                     : "{signals: 3, level: false, scatter: {forget: 500}}",
                                   PL_SAMPLES);
        push_stop(t, FLICKERING, 0, BACK);
        for (unsigned row = BACK; row < ROWS; row++) {
            const double load = noise(), off = row < BACK + 1000 ? 0.003 * (row % 2 ? 1 : -1) : 0.2;
            const struct sample rows[] = {{row * S, names[0], 100 + load + 0.1 * noise(), 0},
                                          {row * S, names[1], 50 + load + 0.1 * noise(), 0},
                                          {row * S, names[2], 5 + off, 0}};
            test_push(t, rows, 3);
        }
        const unsigned little = alarms_in(t, BACK, BACK + 1000), much = alarms_in(t, BACK + 1000, BACK + 1100);
        if (little > 10 || much < 95) fail_msg("%u: %u, %u", k, little, much);
        test_close(t);
    }
}

/* The same verdicts behind a restore, whenever it is: what it was at first, how long it stood, and alarms are kept. */
static void a_restore_forgets_nothing(void **state) {
    (void)state;
    static const char *const options = "{signals: 3, level: false, scatter: {forget: 500, lags: 1, accept: 300}}";
    for (enum stop kind = AWAY; kind < STOP_KINDS; kind++) {
        srand(33);
        struct test *whole = test_open("detect.process", options, PL_SAMPLES);
        push_stop(whole, kind, 0, ROWS);
        static const unsigned cuts[] = {STOPS + 7, BACK - 1, BACK + 5};
        for (unsigned c = 0; c < PL_COUNT_OF(cuts); c++) {
            struct test *first = test_open("detect.process", options, PL_SAMPLES),
                        *second = test_open("detect.process", options, PL_SAMPLES);
            srand(33);
            push_stop(first, kind, 0, cuts[c]);
            size_t size;
            void *bytes = pl_harness_snapshot(first->h, &size);
            assert_int_equal(pl_harness_restore(second->h, bytes, size, NULL), PL_OK);
            push_stop(second, kind, cuts[c], ROWS);
            for (unsigned i = 0; i < second->out[0].samples; i++)
                assert_true(second->out[0].sample[i].value == whole->out[0].sample[2 * cuts[c] + i].value);
            assert_int_equal(second->out[0].samples, 2 * (ROWS - cuts[c]));
            pl_free(bytes);
            test_close(first);
            test_close(second);
        }
        test_close(whole);
    }
}

/* `level` tells a fault by its persist + smooth frames only: so long none teaches. */
static void as_late_as_the_slowest_alarm(void **state) {
    (void)state;
    static const struct {
        const char *options;
        unsigned late;
    } cases[] = {
        {"{signals: 3, threshold: 9, level: false, scatter: {forget: 500}}", 10},
        {"{signals: 3, threshold: 9, level: {persist: 2, smooth: 3}, scatter: {forget: 500}}", 10},
        {"{signals: 3, threshold: 9, level: {persist: 40, smooth: 20}, scatter: {forget: 500}}", 60},
        {"{signals: 3, threshold: 9, level: {persist: 40, smooth: 20}, scatter: {forget: 500, lags: 3}}", 63},
    };
    for (unsigned i = 0; i < PL_COUNT_OF(cases); i++) {
        srand(34);
        struct test *t = test_open("detect.process", cases[i].options, PL_SAMPLES);
        push_stop(t, FROZEN, 0, 500);
        assert_int_equal(test_counter(t, "alarms"), 0);
        assert_int_equal(test_counter(t, "followed"), 200 - cases[i].late);
        test_close(t);
    }
}

/* Some frames are off, and those between are not: an alarm that flickers is accepted as one that stays, also where it
 * is away for as long as a frame waits to teach. */
static void an_alarm_that_flickers_is_accepted(void **state) {
    (void)state;
    for (unsigned every = 8; every <= 12; every += 4) {
        srand(35);
        struct test *t =
            test_open("detect.process", "{signals: 3, level: false, scatter: {forget: 500, accept: 500}}", PL_SAMPLES);
        for (unsigned row = 0; row < ROWS; row++) {
            const double load = noise(), off = row >= STOPS && row % every == 0 ? 2 : 0;
            const struct sample rows[] = {{row * S, names[0], 100 + load + 0.1 * noise(), 0},
                                          {row * S, names[1], 50 + load + 0.1 * noise() + off, 0},
                                          {row * S, names[2], 5 + 0.1 * noise(), 0}};
            test_push(t, rows, 3);
        }
        const unsigned first = alarms_in(t, STOPS, STOPS + 480), last = alarms_in(t, ROWS - 2000, ROWS);
        if (first < 480 / every - 5 || last > 20) fail_msg("%u: %u alarms, %u in the end", every, first, last);
        test_close(t);
    }
}

/* With a threshold of one frame in ten there are alarms all the time, by chance: it learns none the less. */
static void alarms_by_chance_do_not_stop_it(void **state) {
    (void)state;
    srand(36);
    struct test *t =
        test_open("detect.process", "{signals: 3, threshold: 1, level: false, scatter: {forget: 500}}", PL_SAMPLES);
    push_stop(t, FROZEN, 0, STOPS);
    const uint64_t followed = test_counter(t, "followed");
    if (followed < (STOPS - 300) * 3 / 4) fail_msg("%zu of %u", (size_t)followed, STOPS - 300);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_that_stops_and_comes_back), cmocka_unit_test(no_spread_falls_away),
        cmocka_unit_test(a_restore_forgets_nothing),          cmocka_unit_test(as_late_as_the_slowest_alarm),
        cmocka_unit_test(an_alarm_that_flickers_is_accepted), cmocka_unit_test(alarms_by_chance_do_not_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
