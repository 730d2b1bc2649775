/* detect.residual: a twin that is right is let be, and each way of being wrong is told for what it is. */
#include "../testing.h"

#define S PL_SECOND

static double normal(void) {
    double sum = 0;
    for (unsigned i = 0; i < 12; i++)
        sum += test_random(100000) / 100000.0;
    return sum - 6;
}

static void push(struct test *t, unsigned row, double value) {
    test_gather(t, (struct sample){row * S, "l.p.twin.innovation", value, isnan(value) ? PL_Q_BAD | PL_Q_MISSING : 0});
}

static unsigned alarms_in(const struct test *t, unsigned from, unsigned to) {
    unsigned count = 0;
    for (unsigned row = from; row < to; row++) {
        const struct sample *alarm = &t->out[0].sample[2 * row + 1];
        assert_string_equal(alarm->tag, "l.p.twin.innovation.alarm");
        assert_int_equal(alarm->time, row * S);
        count += alarm->value != 0;
    }
    return count;
}

enum { RIGHT = 3000, WRONG = 300, AGAIN = 200 };

/* A twin that is right for a time, then is not, and then is again. */
static struct test *play(const char *options, unsigned seed, double bias, double spread, double memory) {
    srand(seed);
    struct test *t = test_open("detect.residual", options, PL_SAMPLES);
    test_push(t, &(struct sample){0, "l.p.voltage", 4.2, 0}, 1); /* which is none of its business */
    double before = 0;
    for (unsigned row = 0; row < RIGHT + WRONG + AGAIN; row++) {
        const bool wrong = row >= RIGHT && row < RIGHT + WRONG;
        const double fresh = normal();
        before = wrong ? memory * before + sqrt(1 - memory * memory) * fresh : fresh;
        push(t, row, wrong ? bias + spread * before : before);
    }
    test_gathered(t);
    return t;
}

static void told_as(struct test *t, const char *explanation, const char *kind) {
    assert_true(alarms_in(t, 0, RIGHT) <= 12); /* of 3,000 rows; windows overlap, so one chance is several rows */
    assert_true(alarms_in(t, RIGHT, RIGHT + WRONG) >= 5);
    const struct event_row *found = NULL;
    for (unsigned i = 0; i < t->out[1].events; i++)
        if (t->out[1].event[i].time >= RIGHT * S && strstr(t->out[1].event[i].body, explanation))
            found = &t->out[1].event[i];
    if (!found) fail_msg("nothing says: %s", explanation);
    assert_non_null(strstr(found ? found->body : "", kind));
    test_close(t);
}

static void each_way_of_being_wrong(void **state) {
    (void)state;
    told_as(play("{}", 1, 1.2, 1, 0), "stays above what the twin expects", "\"what\":\"bias\",\"side\":\"higher\"");
    told_as(play("{}", 2, -1.2, 1, 0), "stays below what the twin expects", "\"what\":\"bias\",\"side\":\"lower\"");
    told_as(play("{}", 3, 0, 2, 0), "off by more than it says", "\"what\":\"spread\",\"side\":\"higher\"");
    told_as(play("{}", 4, 0, 1, 0.9), "lags behind", "\"what\":\"memory\",\"side\":\"higher\"");
    told_as(play("{calibrate: false}", 5, 0, 0.3, 0), "much less than it says",
            "\"what\":\"spread\",\"side\":\"lower\"");
    told_as(play("{calibrate: false}", 6, 1.2, 1, 0), "stays above what the twin expects",
            "\"what\":\"bias\",\"side\":\"higher\"");
}

/* One that was never right is no news for going on so, but by the law. */
static void a_twin_that_never_was_right(void **state) {
    (void)state;
    for (unsigned law = 0; law < 2; law++) {
        srand(7);
        struct test *t = test_open("detect.residual", law ? "{calibrate: false}" : "{}", PL_SAMPLES);
        for (unsigned row = 0; row < 2000; row++)
            push(t, row, 1.5 + 2 * normal());
        test_gathered(t);
        test_end(t);
        const struct event_row *last = t->out[1].events ? &t->out[1].event[t->out[1].events - 1] : NULL;
        assert_true(!law || (last && strstr(last->body, "\"how\":\"open\""))); /* it goes on */
        if (law)
            assert_true(alarms_in(t, 60, 2000) > 1900);
        else
            assert_true(alarms_in(t, 0, 2000) <= 15);
        test_close(t);
    }
}

static void rows_that_say_nothing(void **state) {
    (void)state;
    srand(8);
    struct test *t = test_open("detect.residual", "{window: 8}", PL_SAMPLES);
    for (unsigned row = 0; row < 300; row++)
        push(t, row, row % 3 ? normal() : (double)NAN);
    test_gathered(t);
    assert_int_equal(test_counter(t, "skipped"), 100);
    assert_int_equal(test_counter(t, "judged"), 200);
    push(t, 300, 1e308); /* a twin that is lost */
    test_gathered(t);
    assert_int_equal(alarms_in(t, 300, 301), 1);
    for (unsigned i = 0; i < t->out[0].samples; i++)
        assert_true(t->out[0].sample[i].value >= 0 && t->out[0].sample[i].value <= 1);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_of_being_wrong),
        cmocka_unit_test(a_twin_that_never_was_right),
        cmocka_unit_test(rows_that_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
