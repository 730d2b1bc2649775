/* detect: signals and the scores of other detectors become one verdict of their asset. */
#include "../testing.h"

#define S PL_SECOND

static double normal(void) {
    double sum = 0;
    for (unsigned i = 0; i < 12; i++)
        sum += test_random(100000) / 100000.0;
    return sum - 6;
}

static void push(struct test *t, unsigned row, const char *tag, double value) {
    test_push(t, &(struct sample){row * S, tag, value, isnan(value) ? PL_Q_BAD | PL_Q_MISSING : 0}, 1);
}

static unsigned alarms_in(const struct test *t, const char *tag, unsigned from, unsigned to) {
    unsigned count = 0, rows = 0;
    for (unsigned i = 0; i < t->out[0].samples; i++) {
        const struct sample *s = &t->out[0].sample[i];
        if (strcmp(s->tag, tag) != 0 || s->time < from * S || s->time >= to * S) continue;
        count += s->value != 0;
        rows++;
    }
    assert_int_equal(rows, to - from);
    return count;
}

static const struct event_row *event_of(const struct test *t, const char *kind, unsigned from) {
    for (unsigned i = 0; i < t->out[1].events; i++)
        if (strcmp(t->out[1].event[i].kind, kind) == 0 && t->out[1].event[i].time >= from * S)
            return &t->out[1].event[i];
    fail_msg("no %s behind %u s", kind, from);
    return NULL;
}

/* ---- Signals, without any other detector ---- */

enum { SIGNALS = 4, ROWS = 3000, UPSET = 2500 };

static const char *const signals[SIGNALS] = {"l.p.flow", "l.p.level", "l.p.pressure", "l.p.temp"};

static void a_signal_that_steps(void **state) {
    (void)state;
    srand(1);
    struct test *t = test_open("detect", "{}", PL_SAMPLES);
    for (unsigned row = 0; row < ROWS; row++) {
        struct sample rows[SIGNALS];
        for (unsigned s = 0; s < SIGNALS; s++)
            rows[s] = (struct sample){row * S, signals[s],
                                      20 + s + normal() + (s == 2 && row >= UPSET && row < UPSET + 100 ? 7 : 0), 0};
        test_push(t, rows, SIGNALS);
    }
    test_end(t);
    assert_int_equal(t->out[0].samples, 2 * ROWS);
    assert_true(alarms_in(t, "l.p.alarm", 0, UPSET) <= 40);
    assert_true(alarms_in(t, "l.p.alarm", UPSET, UPSET + 20) >= 1);
    const struct event_row *began = event_of(t, "detect.began", UPSET);
    assert_true(began->time < (UPSET + 10) * S);
    assert_non_null(strstr(began->body, "\"tags\":[{\"tag\":\"l.p.pressure\",\"share\":"));
    assert_non_null(strstr(began->body, "\"side\":\"higher\""));
    assert_non_null(strstr(began->body, "\"explanation\":\"l.p.pressure: "));
    assert_non_null(strstr(began->body, " (1 of 4 signals are surprised)"));
    assert_non_null(strstr(began->body, ", usually 22")); /* what it was, beside what it is */
    assert_non_null(strstr(event_of(t, "detect.ended", UPSET)->body, "\"end\":"));
    test_close(t);
}

enum { MANY = 16 };

/* How often, when all is well: what the threshold says, whatever the number of signals. */
static void one_threshold_for_any_asset(void **state) {
    (void)state;
    for (unsigned many = 1; many <= MANY; many *= 4) {
        srand(2);
        unsigned episodes = 0;
        struct test *t = test_open("detect", "{threshold: 3, window: 32}", PL_SAMPLES);
        for (unsigned row = 0; row < 4000; row++) {
            struct sample rows[MANY];
            char tags[MANY][16];
            for (unsigned k = 0; k < many; k++) {
                snprintf(tags[k], sizeof tags[k], "l.p.s%02u", k);
                rows[k] = (struct sample){row * S, tags[k], normal(), 0};
            }
            test_push(t, rows, many);
        }
        test_end(t);
        for (unsigned i = 0; i < t->out[1].events; i++)
            episodes += strcmp(t->out[1].event[i].kind, "detect.began") == 0;
        if (episodes > 12) fail_msg("%u signals: %u alarms in 4,000 frames", many, episodes);
        test_close(t);
    }
}

/* What one signal does of six that are well: it is told, and nothing before it, as if it were alone. */
enum { SIX = 6, FAULT = 3000, WATCHED = 600 };

enum fault { STEP_OF_TWO, STEP_OF_FOUR, RAMP, FROZEN, FAULTS };

static double faulty(enum fault fault, unsigned since, double value) {
    switch (fault) {
    case STEP_OF_TWO: return value + 2;
    case STEP_OF_FOUR: return value + 4;
    case RAMP: return value + 0.005 * since;
    default: return 0.1;
    }
}

static void one_of_six(void **state) {
    (void)state;
    static const char *const names[FAULTS] = {"a step of 2", "a step of 4", "a ramp", "a sensor that hangs"};
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        srand(11 + fault);
        struct test *t = test_open("detect", "{}", PL_SAMPLES);
        for (unsigned row = 0; row < FAULT + WATCHED; row++) {
            struct sample rows[SIX];
            static const char *const tags[SIX] = {"l.p.a", "l.p.b", "l.p.c", "l.p.d", "l.p.e", "l.p.f"};
            for (unsigned k = 0; k < SIX; k++) {
                const double value = normal();
                rows[k] = (struct sample){row * S, tags[k],
                                          !k && row >= FAULT ? faulty(fault, row - FAULT, value) : value, 0};
            }
            test_push(t, rows, SIX);
        }
        test_end(t);
        if (alarms_in(t, "l.p.alarm", 0, FAULT) > 3) fail_msg("%s: alarms before it", names[fault]);
        const unsigned within = fault == RAMP ? WATCHED : 40;
        if (!alarms_in(t, "l.p.alarm", FAULT, FAULT + within)) fail_msg("%s is not told", names[fault]);
        test_close(t);
    }
}

/* ---- What is said of a fault from its beginning to its end ---- */

struct spell {
    unsigned from, to, signal; /* rows */
    double by;
};

/* Six signals, with what is added to them; from another process behind each `restored` rows (0: never). */
static struct test *play_restored(const char *options, unsigned rows, const struct spell *spells, unsigned count,
                                  unsigned restored) {
    srand(21);
    struct test *t = test_open("detect", options, PL_SAMPLES);
    for (unsigned row = 0; row < rows; row++) {
        struct sample sample[SIX];
        static const char *const tags[SIX] = {"l.p.a", "l.p.b", "l.p.c", "l.p.d", "l.p.e", "l.p.f"};
        for (unsigned k = 0; k < SIX; k++) {
            double value = 20 + normal();
            for (unsigned i = 0; i < count; i++)
                if (spells[i].signal == k && row >= spells[i].from && row < spells[i].to) value += spells[i].by;
            sample[k] = (struct sample){row * S, tags[k], value, 0};
        }
        test_push(t, sample, SIX);
        if (!restored || row % restored != restored - 1) continue;
        const unsigned seed = (unsigned)rand();
        test_restore(t);
        srand(seed);
    }
    test_end(t);
    return t;
}

static struct test *play(const char *options, unsigned rows, const struct spell *spells, unsigned count) {
    return play_restored(options, rows, spells, count, 0);
}

static double number_in(const char *body, const char *key) {
    const char *at = strstr(body, key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

/* "began a higher; ended a higher back": all but what grew, with when in rows. */
static void expect_story(struct test *t, const char *expected, double *when, unsigned room) {
    char story[2048] = "";
    unsigned n = 0;
    for (unsigned i = 0; i < t->out[1].events; i++) {
        const struct event_row *e = &t->out[1].event[i];
        const bool ended = strcmp(e->kind, "detect.ended") == 0;
        if (strcmp(e->kind, "detect.grew") == 0) continue;
        const char *how = strstr(e->body, "\"how\":\""), *side = strstr(e->body, "\"side\":\"") + 8;
        const char *tag = strstr(e->body, "\"tags\":[{\"tag\":\"l.p.") + 20;
        snprintf(story + strlen(story), sizeof story - strlen(story), "%s%s %c %.*s", n ? "; " : "", e->kind + 7, *tag,
                 (int)strcspn(side, "\""), side);
        if (ended)
            snprintf(story + strlen(story), sizeof story - strlen(story), " %.*s", (int)strcspn(how + 7, "\""),
                     how + 7);
        if (n < room) when[n] = number_in(e->body, ended ? "\"end\":" : "\"start\":") / S;
        n++;
    }
    if (strcmp(story, expected) != 0) fail_msg("%s", story);
    assert_true(n <= room);
}

static void near(double when, double from, double to) {
    if (when < from || when > to) fail_msg("%g is not in %g to %g", when, from, to);
}

enum { STORY = 8 };

/* That it is over is no fault of its own, and takes nothing from what is said of the one that was. */
static void a_return_is_an_end(void **state) {
    (void)state;
    double when[STORY];
    static const double by[] = {7, -6, 12};
    for (unsigned i = 0; i < 3; i++) {
        const struct spell spell = {3000, 3200, 2, by[i]};
        struct test *t = play("{}", 3600, &spell, 1);
        expect_story(t, by[i] > 0 ? "began c higher; ended c higher back" : "began c lower; ended c lower back", when,
                     STORY);
        near(when[0], 3000, 3010);
        near(when[1], 3199, 3212);
        test_close(t);
    }
}

/* A detector that has got used to a fault says so; that it is over it says when it is. */
static void what_lasts_is_not_over(void **state) {
    (void)state;
    double when[STORY];
    const struct spell spell = {3000, 3800, 2, 8};
    struct test *t = play("{adapt: 300}", 4200, &spell, 1);
    expect_story(t, "began c higher; ended c higher lasts; ended c higher back", when, STORY);
    near(when[1], 3250, 3450);
    near(when[2], 3800, 3845);
    test_close(t);
    t = play("{adapt: 300}", 3700, &spell, 1);
    expect_story(t, "began c higher; ended c higher lasts", when, STORY);
    test_close(t);
}

/* At the end of the input a fault that goes on is told to. */
static void rows_that_end_in_a_fault(void **state) {
    (void)state;
    double when[STORY];
    const struct spell spell = {3000, 3100, 2, 8};
    struct test *t = play("{}", 3100, &spell, 1);
    expect_story(t, "began c higher; ended c higher open", when, STORY);
    near(when[1], 3090, 3100);
    test_close(t);
}

/* An alarm by chance shortly before does not swallow the beginning of a fault: of another signal, on the other side,
 * or far larger. */
static void a_fault_behind_a_chance_alarm(void **state) {
    (void)state;
    double when[STORY];
    static const struct spell other[] = {{2960, 2962, 0, 9}, {3000, 3200, 2, 12}};
    static const struct spell side[] = {{2960, 2962, 2, -9}, {3000, 3200, 2, 12}};
    static const struct spell larger[] = {{2960, 2961, 2, 11}, {3000, 3200, 2, 20}};
    struct test *t = play("{}", 3600, other, 2);
    expect_story(t, "began a higher; ended a higher back; began c higher; ended c higher back", when, STORY);
    near(when[0], 2960, 2962);
    near(when[1], 2960, 2985);
    near(when[2], 3000, 3005);
    test_close(t);
    t = play("{}", 3600, side, 2);
    expect_story(t, "began c lower; ended c lower back; began c higher; ended c higher back", when, STORY);
    near(when[2], 3000, 3040);
    test_close(t);
    t = play("{}", 3600, larger, 2);
    expect_story(t, "began c higher; ended c higher back; began c higher; ended c higher back", when, STORY);
    near(when[2], 3000, 3010);
    test_close(t);
}

/* Two faults, one behind the other, while the first one goes on: both are told from their beginning to their end. */
static void one_fault_in_another(void **state) {
    (void)state;
    double when[STORY];
    static const struct spell two[] = {{3000, 3900, 2, 8}, {3500, 3700, 4, -8}};
    struct test *t = play("{}", 4400, two, 2);
    expect_story(t, "began c higher; ended c higher replaced; began e lower; ended e lower back; ended c higher back",
                 when, STORY);
    near(when[1], 3490, 3510);
    near(when[2], 3500, 3512);
    near(when[3], 3699, 3740);
    near(when[4], 3899, 3945);
    test_close(t);
    t = play_restored("{}", 4400, two, 2, 50);
    expect_story(t, "began c higher; ended c higher replaced; began e lower; ended e lower back; ended c higher back",
                 when, STORY);
    test_close(t);
}

/* What is restless has both sides, and is one fault; so is what several signals have at once. */
static void one_fault_is_told_once(void **state) {
    (void)state;
    double when[STORY];
    static const struct spell several[] = {{3000, 3200, 0, 5}, {3002, 3200, 1, -5}, {3004, 3200, 2, 5}};
    struct spell restless[80];
    for (unsigned i = 0; i < 80; i++)
        restless[i] = (struct spell){3000 + 3 * i, 3003 + 3 * i, 3, i % 2 ? 6 : -6};
    struct test *t = play("{}", 3600, several, 3);
    assert_int_equal(t->out[1].events > 1, 1);
    unsigned began = 0;
    for (unsigned i = 0; i < t->out[1].events; i++)
        began += strcmp(t->out[1].event[i].kind, "detect.began") == 0;
    assert_int_equal(began, 1);
    test_close(t);
    t = play("{}", 3600, restless, 80);
    expect_story(t, "began d lower; ended d lower back", when, STORY);
    test_close(t);
}

/* ---- Scores of other detectors ---- */

/* Of a surprise, as a detector with the threshold 3 tells it. */
static double score_of(double surprise) {
    return 1 - exp2(-surprise / 3);
}

static double usual(void) {
    return -log10((test_random(1000000) + 1) / 1000000.0);
}

enum { DETECTORS = 8, TOLD = 3000 };

static struct test *play_scores(double one, double all, double always) {
    srand(3);
    struct test *t = test_open("detect", "{reach: 1}", PL_SAMPLES);
    for (unsigned row = 0; row < TOLD + 10; row++) {
        struct sample rows[DETECTORS + 1] = {{row * S, "l.p.flow", 1, 0}};
        char tags[DETECTORS][24];
        const bool upset = row >= TOLD;
        for (unsigned d = 0; d < DETECTORS; d++) {
            snprintf(tags[d], sizeof tags[d], "l.p.d%u.score", d);
            double surprise = upset && !d ? fmax(one, all) : upset ? all : usual();
            if (d == 1 && always > 0) surprise = always + 0.1 * usual();
            rows[d + 1] = (struct sample){row * S, tags[d], score_of(surprise), 0};
        }
        test_push(t, rows, DETECTORS + 1);
    }
    test_end(t);
    return t;
}

static unsigned alarms_of(struct test *t) {
    const unsigned alarms = alarms_in(t, "l.p.alarm", TOLD, TOLD + 10);
    assert_true(alarms_in(t, "l.p.alarm", 0, TOLD) <= 12);
    test_close(t);
    return alarms;
}

static void one_that_is_sure_or_many_that_are_not(void **state) {
    (void)state;
    assert_int_equal(alarms_of(play_scores(2, 0.3, 0)), 0); /* one in a hundred, of eight: every twelfth frame */
    assert_true(alarms_of(play_scores(10, 0.3, 0)) >= 1);
    assert_true(alarms_of(play_scores(0, 1.9, 0)) >= 1);
}

/* A detector that is always alarmed has nothing to say, and the others can still be heard. */
static void one_that_is_never_content(void **state) {
    (void)state;
    assert_int_equal(alarms_of(play_scores(0, 0.3, 6)), 0);
    assert_true(alarms_of(play_scores(10, 0.3, 6)) >= 1);
}

/* People know signals, not what a detector looks at in them. */
static void parts_of_a_detector_have_the_name_of_its_signal(void **state) {
    (void)state;
    srand(4);
    struct test *t = test_open("detect", "{reach: 1}", PL_SAMPLES);
    for (unsigned row = 0; row < TOLD + 10; row++) {
        const double noise = row < TOLD ? usual() : 10, roll = row < TOLD ? usual() : 9;
        const struct sample rows[] = {{row * S, "l.p.flow", 1, 0},
                                      {row * S, "l.p.flow.noise.score", score_of(noise), 0},
                                      {row * S, "l.p.flow.roll.score", score_of(roll), 0},
                                      {row * S, "l.p.twin.score", score_of(usual()), 0}};
        test_push(t, rows, 4);
    }
    test_end(t);
    const char *tags = strstr(event_of(t, "detect.began", TOLD)->body, "\"tags\":[{\"tag\":\"l.p.flow\",\"share\":");
    assert_non_null(tags);
    assert_true(!strstr(tags, "noise") && !strstr(tags, "roll"));
    assert_null(strstr(tags + 20, "\"l.p.flow\""));
    assert_non_null(strstr(event_of(t, "detect.began", TOLD)->body, "of 4 signals and detectors are surprised"));
    test_close(t);
}

static void whose_asset_it_is(void **state) {
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct test *t = test_open("detect", k ? "{depth: 1}" : "{}", PL_SAMPLES);
        for (unsigned row = 0; row < 5; row++) {
            push(t, row, "l.p.v", row);
            push(t, row, "l.p.v.score", 0.1);
            push(t, row, "l.p.v.alarm", 0);
            push(t, row, "l.p.score", 0.1);
            push(t, row, "l.p.twin.innovation.score", 0.1);
            push(t, row, "l.q.score", 0.1); /* without a signal an asset by itself */
            push(t, row, "alone", 0.1);
        }
        test_end(t);
        assert_int_equal(t->out[0].samples, 2 * 5 * (k ? 2 : 3));
        assert_int_equal(alarms_in(t, k ? "l.alarm" : "l.p.alarm", 0, 5), 0);
        assert_int_equal(alarms_in(t, "alone.alarm", 0, 5), 0);
        assert_int_equal(test_counter(t, "taken"), 5 * 6);
        test_close(t);
    }
}

/* ---- What is kept ---- */

static void a_snapshot_goes_on_alike(void **state) {
    (void)state;
    struct test *t[2];
    for (unsigned k = 0; k < 2; k++) {
        srand(5);
        t[k] = test_open("detect", "{window: 16, threshold: 3, hold: 5}", PL_SAMPLES);
        for (unsigned row = 0; row < 2400; row++) {
            for (unsigned s = 0; s < SIGNALS; s++)
                push(t[k], row, signals[s], normal() + (row >= 1500 && row < 1600 && s ? 12 : 0));
            push(t[k], row, "l.p.v.score", score_of(usual()));
            if (row % 97 && row != 1504) continue; /* then a change is beyond its threshold, and not settled */
            const unsigned seed = (unsigned)rand();
            if (k) test_restore(t[k]); /* in the middle of a frame, too */
            srand(seed);
        }
        test_end(t[k]);
    }
    assert_int_equal(t[0]->out[0].samples, t[1]->out[0].samples);
    for (unsigned i = 0; i < t[0]->out[0].samples; i++)
        assert_true(t[0]->out[0].sample[i].value == t[1]->out[0].sample[i].value);
    assert_true(t[0]->out[1].events >= 2);
    assert_int_equal(t[0]->out[1].events, t[1]->out[1].events);
    for (unsigned i = 0; i < t[0]->out[1].events; i++)
        assert_string_equal(t[0]->out[1].event[i].body, t[1]->out[1].event[i].body);
    test_close(t[0]);
    test_close(t[1]);
}

static void rows_that_say_nothing(void **state) {
    (void)state;
    struct test *t = test_open("detect", "{}", PL_SAMPLES);
    for (unsigned row = 0; row < 400; row++) {
        push(t, row, "l.p.v", 7.25);
        push(t, row, "l.p.w", (double)NAN);
        push(t, row, "l.p.x.score", row % 2 ? -3 : 1.5); /* which is no score */
    }
    push(t, 100, "l.p.v", 7.25);
    test_end(t);
    assert_int_equal(alarms_in(t, "l.p.alarm", 0, 400), 0);
    assert_int_equal(test_counter(t, "skipped"), 400);
    assert_int_equal(test_counter(t, "late"), 1);
    test_close(t);
}

static void refusals(void **state) {
    (void)state;
    char *text = test_refusal("detect", "{history: 100}");
    assert_non_null(strstr(text, "at least 384, or 0"));
    pl_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_that_steps),
        cmocka_unit_test(one_threshold_for_any_asset),
        cmocka_unit_test(one_of_six),
        cmocka_unit_test(a_return_is_an_end),
        cmocka_unit_test(what_lasts_is_not_over),
        cmocka_unit_test(rows_that_end_in_a_fault),
        cmocka_unit_test(a_fault_behind_a_chance_alarm),
        cmocka_unit_test(one_fault_in_another),
        cmocka_unit_test(one_fault_is_told_once),
        cmocka_unit_test(one_that_is_sure_or_many_that_are_not),
        cmocka_unit_test(one_that_is_never_content),
        cmocka_unit_test(parts_of_a_detector_have_the_name_of_its_signal),
        cmocka_unit_test(whose_asset_it_is),
        cmocka_unit_test(a_snapshot_goes_on_alike),
        cmocka_unit_test(rows_that_say_nothing),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
