#include "../testing.h"

#define S PL_SECOND
enum { LEFT, RIGHT, MISSING = PL_Q_BAD | PL_Q_MISSING };

static void push(struct test *t, unsigned input, const struct sample *rows, unsigned count) {
    assert_int_equal(pl_harness_push(t->h, input, test_batch(t, rows, count)), PL_FLOW_OK);
    test_pull(t);
}

#define PUSH(t, input, ...)                                                                                            \
    push(t, input, (const struct sample[]){__VA_ARGS__},                                                               \
         sizeof((const struct sample[]){__VA_ARGS__}) / sizeof(struct sample))

/* The next row that came out. */
static void gives(struct test *t, unsigned *at, struct sample row) {
    if (*at >= t->out[0].samples) fail_msg("no row %u, %s", *at, row.tag);
    const struct sample *found = &t->out[0].sample[(*at)++];
    assert_int_equal(found->time, row.time);
    assert_string_equal(found->tag, row.tag);
    assert_near(found->value, row.value, 0);
    assert_int_equal(found->quality, row.quality);
}

static void ends(struct test *t, unsigned at) {
    assert_int_equal(t->out[0].samples, at);
    test_close(t);
}

/* ---- By hand ---- */

static void an_analysis_holds_until_the_next(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open("join", "{take: [alf3, temp], each: '*.voltage', tolerance: 60s}", PL_SAMPLES);
    PUSH(t, RIGHT, {20 * S, "l1.p1.alf3", 11, 0}, {50 * S, "l1.p1.alf3", 12, PL_Q_MANUAL});
    PUSH(t, LEFT, {10 * S, "l1.p1.voltage", 4, 0}, {20 * S, "l1.p1.voltage", 4, 0}, {49 * S, "l1.p1.voltage", 4, 0});
    PUSH(t, LEFT, {50 * S, "l1.p1.voltage", 4, MISSING}, {110 * S, "l1.p1.voltage", 4, 0},
         {111 * S, "l1.p1.voltage", 4, 0});
    PUSH(t, LEFT, {50 * S, "l1.p1.current", 4, 0});
    assert_int_equal(test_watermark(t, 50 * S), 50 * S);
    gives(t, &at, (struct sample){10 * S, "l1.p1.alf3", NAN, MISSING});
    gives(t, &at, (struct sample){10 * S, "l1.p1.temp", NAN, MISSING});
    gives(t, &at, (struct sample){20 * S, "l1.p1.alf3", 11, 0}); /* of the same time counts */
    gives(t, &at, (struct sample){20 * S, "l1.p1.temp", NAN, MISSING});
    gives(t, &at, (struct sample){49 * S, "l1.p1.alf3", 11, 0});
    gives(t, &at, (struct sample){49 * S, "l1.p1.temp", NAN, MISSING});
    assert_int_equal(t->out[0].samples, at); /* of a time that the watermark has not passed nothing is said */
    test_restore(t);
    test_end(t);
    gives(t, &at,
          (struct sample){50 * S, "l1.p1.alf3", 12, PL_Q_MANUAL}); /* the left lends its time, not its quality */
    gives(t, &at, (struct sample){50 * S, "l1.p1.temp", NAN, MISSING});
    gives(t, &at, (struct sample){110 * S, "l1.p1.alf3", 12, PL_Q_MANUAL}); /* just within the tolerance */
    gives(t, &at, (struct sample){110 * S, "l1.p1.temp", NAN, MISSING});
    gives(t, &at, (struct sample){111 * S, "l1.p1.alf3", NAN, MISSING | PL_Q_STALE | PL_Q_MANUAL});
    gives(t, &at, (struct sample){111 * S, "l1.p1.temp", NAN, MISSING});
    assert_int_equal(test_counter(t, "joined"), 6); /* counters are the restored node's own */
    assert_int_equal(test_counter(t, "missing"), 4);
    ends(t, at);
}

static void missing_rows_may_be_left_out(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open("join", "{take: [x, '{line}.x'], missing: false, tolerance: 5s}", PL_SAMPLES);
    PUSH(t, LEFT, {1 * S, "l1.p.v", 0, 0}, {2 * S, "l1.p.v", 0, 0}, {6 * S, "l1.p.v", 0, 0}, {9 * S, "l1.p.v", 0, 0});
    PUSH(t, RIGHT, {2 * S, "l1.x", 1, 0}, {5 * S, "l1.p.x", 2, 0}, {7 * S, "l1.p.x", 3, PL_Q_BAD},
         {8 * S, "l1.x", 4, 0});
    test_end(t);
    gives(t, &at, (struct sample){2 * S, "l1.p.x", 1, 0}); /* of two that make one tag the first that has a value */
    gives(t, &at, (struct sample){6 * S, "l1.p.x", 2, 0});
    gives(t, &at, (struct sample){9 * S, "l1.p.x", 4, 0});
    ends(t, at);
}

static void bad_values_count_as_missing_unless_any_are_wanted(void **state) {
    (void)state;
    for (unsigned any = 0; any < 2; any++) {
        unsigned at = 0;
        struct test *t = test_open("join", any ? "{take: x, quality: any}" : "{take: x}", PL_SAMPLES);
        PUSH(t, LEFT, {1, "p.v", 0, 0}, {2, "p.v", 0, 0}, {3, "p.v", 0, 0});
        PUSH(t, RIGHT, {1, "p.x", 7, PL_Q_UNCERTAIN | PL_Q_RATE}, {2, "p.x", 8, PL_Q_BAD | PL_Q_SPIKE});
        PUSH(t, RIGHT, {3, "p.x", INFINITY, 0});
        test_end(t);
        gives(t, &at, (struct sample){1, "p.x", 7, PL_Q_UNCERTAIN | PL_Q_RATE});
        gives(t, &at, (struct sample){2, "p.x", any ? 8 : NAN, PL_Q_BAD | PL_Q_SPIKE | (any ? 0 : PL_Q_MISSING)});
        gives(t, &at, (struct sample){3, "p.x", NAN, MISSING});
        ends(t, at);
    }
}

static void late_rows_of_the_right_count_from_now_on(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open("join", "{take: x}", PL_SAMPLES);
    PUSH(t, RIGHT, {2 * S, "p.x", 1, 0});
    PUSH(t, LEFT, {3 * S, "p.v", 0, 0});
    test_watermark(t, 10 * S);
    gives(t, &at, (struct sample){3 * S, "p.x", 1, 0});
    test_restore(t);
    PUSH(t, RIGHT, {1 * S, "p.x", 8, 0}, {4 * S, "p.x", 2, 0}, {3 * S, "p.x", 9, 0});
    PUSH(t, LEFT, {9 * S, "p.v", 0, 0}, {10 * S, "p.v", 0, 0});
    test_end(t);
    gives(t, &at, (struct sample){10 * S, "p.x", 2, 0});
    assert_int_equal(test_counter(t, "late"), 4);
    PUSH(t, LEFT, {11 * S, "p.v", 0, 0});
    assert_int_equal(test_counter(t, "late"), 5);
    ends(t, at);
}

static void of_equal_times_the_last_counts_and_one_row_is_made(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open("join", "{take: x, each: '*.{v,w}'}", PL_SAMPLES);
    PUSH(t, LEFT, {5, "p.w", 0, 0}, {5, "p.v", 0, 0}, {5, "p.v", 1, 0});
    PUSH(t, RIGHT, {5, "p.x", 1, 0}, {5, "p.x", 2, 0});
    test_end(t);
    gives(t, &at, (struct sample){5, "p.x", 2, 0});
    ends(t, at);
}

static void the_line_and_whole_tags_and_patterns(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open(
        "join", "{take: ['{line}.*', lab.air, '{asset}.b?'], each: '*.v', tag: 'l1.*.{left}_{right}'}", PL_SAMPLES);
    PUSH(t, LEFT, {1, "l1.p1.v", 0, 0}, {1, "l2.p1.v", 0, 0}, {3, "l1.p1.v", 0, 0}, {3, "l1.p2.v", 0, 0});
    PUSH(t, RIGHT, {2, "l1.u", 10, 0}, {2, "l1.i", 20, 0}, {2, "l2.i", 30, 0}, {2, "l1.p2.i", 40, 0});
    PUSH(t, RIGHT, {3, "lab.air", 50, 0}, {2, "l1.p1.b1", 60, 0}, {2, "l1.p1.b", 70, 0}, {4, "l1.p2.b2", 80, 0});
    test_end(t);
    gives(t, &at, (struct sample){1, "l1.p1.v_air", NAN, MISSING}); /* a pattern stands for what there is by then */
    gives(t, &at, (struct sample){3, "l1.p1.v_i", 20, 0});
    gives(t, &at, (struct sample){3, "l1.p1.v_u", 10, 0});
    gives(t, &at, (struct sample){3, "l1.p1.v_air", 50, 0});
    gives(t, &at, (struct sample){3, "l1.p1.v_b1", 60, 0});
    gives(t, &at, (struct sample){3, "l1.p2.v_i", 20, 0});
    gives(t, &at, (struct sample){3, "l1.p2.v_u", 10, 0});
    gives(t, &at, (struct sample){3, "l1.p2.v_air", 50, 0});
    ends(t, at);
}

/* Names without an asset, and times at the ends of what there is. */
static void at_the_edges(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open("join", "{take: [x, '{line}.y'], each: v, tolerance: 3650d}", PL_SAMPLES);
    PUSH(t, LEFT, {PL_TIME_MAX, "v", 0, 0}, {PL_TIME_MIN, "v", 0, 0}, {PL_TIME_MIN + 1, "v", 0, 0});
    PUSH(t, RIGHT, {PL_TIME_MIN, "x", 1, 0}, {PL_TIME_MIN + 1, "y", 2, 0}, {PL_TIME_MAX, "y", 3, 0});
    test_watermark(t, PL_TIME_MIN + 2);
    test_restore(t);
    test_end(t);
    gives(t, &at, (struct sample){PL_TIME_MIN, "x", 1, 0});
    gives(t, &at, (struct sample){PL_TIME_MIN, "y", NAN, MISSING});
    gives(t, &at, (struct sample){PL_TIME_MIN + 1, "x", 1, 0});
    gives(t, &at, (struct sample){PL_TIME_MIN + 1, "y", 2, 0});
    gives(t, &at, (struct sample){PL_TIME_MAX, "x", NAN, MISSING | PL_Q_STALE});
    gives(t, &at, (struct sample){PL_TIME_MAX, "y", 3, 0});
    ends(t, at);
}

static void a_stream_joins_itself(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open("join", "{take: '{line}.v', each: '*.v', tag: '*.line_{right}'}", PL_SAMPLES);
    for (unsigned input = LEFT; input <= RIGHT; input++)
        PUSH(t, input, {1, "l1.p.v", 4, 0}, {1, "l1.v", 80, 0}, {2, "l1.p.v", 5, 0});
    test_end(t);
    gives(t, &at, (struct sample){1, "l1.p.line_v", 80, 0});
    gives(t, &at, (struct sample){1, "l1.line_v", 80, 0});
    gives(t, &at, (struct sample){2, "l1.p.line_v", 80, 0});
    ends(t, at);
}

static struct pl_batch *window(struct test *t, const char *tag, pl_time end, double mean, double max) {
    struct pl_batch *b = pl_batch_new(PL_WINDOWS, 1, 0);
    assert_non_null(b);
    for (unsigned c = 0; c < pl_kind_info[PL_WINDOWS].columns; c++)
        memset(b->column[c], 0, pl_type_size(pl_kind_info[PL_WINDOWS].column[c].type));
    b->windows.tag[0] = test_tag(t, tag);
    b->windows.start[0] = end - 10 * S;
    b->windows.end[0] = end;
    b->windows.mean[0] = mean;
    b->windows.max[0] = max;
    b->rows = 1;
    return b;
}

static void windows_count_by_their_end(void **state) {
    (void)state;
    unsigned at = 0;
    struct test *t = test_open("join", "{take: x, column: max}", PL_WINDOWS);
    assert_int_equal(pl_harness_push(t->h, LEFT, window(t, "p.v", 20 * S, 4, 5)), PL_FLOW_OK);
    assert_int_equal(pl_harness_push(t->h, LEFT, window(t, "p.v", 30 * S, 4, 5)), PL_FLOW_OK);
    assert_int_equal(pl_harness_push(t->h, RIGHT, window(t, "p.x", 21 * S, 1, 2)), PL_FLOW_OK);
    test_end(t);
    gives(t, &at, (struct sample){20 * S, "p.x", NAN, MISSING});
    gives(t, &at, (struct sample){30 * S, "p.x", 2, 0});
    ends(t, at);
}

static void too_many_waiting_are_refused(void **state) {
    (void)state;
    enum { FIT = 32 }; /* max_waiting, to whole chunks of 16 */
    struct test *t = test_open("join", "{take: x, max_waiting: 20}", PL_SAMPLES);
    for (unsigned i = 0; i < FIT + 3; i++) {
        PUSH(t, LEFT, {i, "p.v", 0, 0});
        PUSH(t, RIGHT, {i, "p.x", i, 0});
    }
    assert_int_equal(test_counter(t, "refused"), 6);
    test_watermark(t, 1000);
    assert_int_equal(t->out[0].samples, FIT);
    PUSH(t, LEFT, {1000, "p.v", 0, 0}); /* there is room again */
    test_end(t);
    assert_int_equal(t->out[0].samples, FIT + 1);
    assert_near(t->out[0].sample[FIT].value, FIT - 1, 0);
    test_close(t);
}

static void a_name_too_long_is_refused(void **state) {
    (void)state;
    char name[PL_NAME_MAX + 1];
    memset(name, 'a', sizeof name - 1);
    memcpy(name + PL_NAME_MAX - 2, ".v", 3);
    struct test *t = test_open("join", "{take: long_signal}", PL_SAMPLES);
    PUSH(t, LEFT, {1, name, 0, 0}, {2, name, 0, 0}, {2, "p.v", 0, 0});
    test_end(t);
    assert_int_equal(t->out[0].samples, 1);
    assert_int_equal(test_counter(t, "refused"), 2);
    test_close(t);
}

static void refused(const char *options, const char *said) {
    char *text = test_refusal("join", options);
    if (!strstr(text, said)) fail_msg("%s: says %s", options, text);
    pl_free(text);
}

static void bad_options_are_told_by_check(void **state) {
    (void)state;
    refused("{each: '*.v'}", "take is missing");
    refused("{take: []}", "there is nothing to take");
    refused("{take: ['']}", "take[0]");
    refused("{take: [a, '{pot}.x']}", "take[1]");
    refused("{take: '*.x'}", "a pattern is one of signals");
    refused("{take: 'lab.'}", "after the last '.' comes the name of a signal");
    refused("{take: '{line}.a.b'}", "stands one signal, without '.'");
    refused("{take: x, tag: '*.{signal}'}", "{right} and {left} are the signals of the two");
    refused("{take: x, tag: '*.a*'}", "is the signal that is made");
    refused("{take: x, tag: 'line.'}", "after the last '.'");
    refused("{take: ['x*', y], tag: '*.z'}", "it needs {right}");
    char many[1024] = "{take: [";
    for (unsigned i = 0; i < 65; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%ss%u", i ? "," : "", i);
    strcat(many, "]}");
    refused(many, "65 signals, but at most 64");
}

/* ---- Against a plain look at all rows ---- */

enum { ROWS = 1200, TOLERANCE = 400 };

struct any_row {
    unsigned input;
    struct sample row;
};

static const char *const left_tags[] = {"l1.p1.v", "l1.p1.w", "l1.p2.v", "l2.p1.v", "l1.p1.other"};
static const char *const right_tags[] = {"l1.p1.a", "l1.p2.a", "l1.i", "l2.i", "lab.x", "lab.y", "l1.p1.i"};

static const struct any_row *as_of(const struct any_row *rows, const char *tag, pl_time time) {
    const struct any_row *best = NULL;
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].input == RIGHT && rows[i].row.time <= time && strcmp(rows[i].row.tag, tag) == 0 &&
            (!best || rows[i].row.time >= best->row.time))
            best = &rows[i];
    return best;
}

static bool has_left(const struct any_row *rows, const char *asset, pl_time time) {
    char v[32], w[32];
    snprintf(v, sizeof v, "%s.v", asset);
    snprintf(w, sizeof w, "%s.w", asset);
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].input == LEFT && rows[i].row.time == time &&
            (strcmp(rows[i].row.tag, v) == 0 || strcmp(rows[i].row.tag, w) == 0))
            return true;
    return false;
}

static void expect(struct test *t, unsigned *at, const struct any_row *rows, const char *asset, const char *tag,
                   pl_time time, bool pattern) {
    char made[48];
    const struct any_row *right = as_of(rows, tag, time);
    struct sample row = {time, made, NAN, MISSING};
    snprintf(made, sizeof made, "%s.%s", asset, strrchr(tag, '.') + 1);
    if (!right && pattern) return;
    if (right) {
        bool old = time - right->row.time > TOLERANCE, bad = right->row.quality & PL_Q_BAD;
        row.quality = right->row.quality;
        if (old || bad) row.quality = (row.quality & ~PL_Q_SEVERITY) | MISSING | (old ? PL_Q_STALE : 0);
        if (!old && !bad) row.value = right->row.value;
    }
    gives(t, at, row);
}

static void make_rows(struct any_row *rows) {
    static const unsigned qualities[] = {0, 0, 0, PL_Q_UNCERTAIN | PL_Q_SPIKE, PL_Q_BAD | PL_Q_FROZEN};
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned input = test_random(3) == 0 ? RIGHT : LEFT;
        const char *tag = input == LEFT ? left_tags[test_random(5)] : right_tags[test_random(7)];
        rows[i].input = input;
        rows[i].row = (struct sample){(pl_time)(i / 2 * 10 + 100) - test_random(6) * 10, tag, test_random(1000) / 8.0,
                                      qualities[test_random(5)]};
    }
}

/* Rows [from, to) of one input. */
static void push_part(struct test *t, unsigned input, const struct any_row *rows, unsigned from, unsigned to) {
    struct sample part[64];
    unsigned count = 0;
    for (unsigned i = from; i < to; i++)
        if (rows[i].input == input) part[count++] = rows[i].row;
    if (count) push(t, input, part, count);
}

static void push_all(struct test *t, const struct any_row *rows) {
    pl_time highest = PL_TIME_MIN;
    for (unsigned from = 0, to; from < ROWS; from = to) {
        to = from + 1 + test_random(ROWS - from < 50 ? ROWS - from : 50);
        unsigned first = test_random(2);
        push_part(t, first, rows, from, to);
        push_part(t, !first, rows, from, to);
        for (unsigned i = from; i < to; i++)
            if (rows[i].row.time > highest) highest = rows[i].row.time;
        if (test_random(3) == 0 && highest - 60 > t->watermark) test_watermark(t, highest - 60);
        if (test_random(4) == 0) test_restore(t);
    }
    test_end(t);
}

static void rows_at_random_give_what_a_plain_look_gives(void **state) {
    (void)state;
    static struct any_row rows[ROWS];
    for (unsigned round = 0; round < 20; round++) {
        struct test *t = test_open(
            "join", "{take: [a, '{line}.i', 'lab.*'], each: '*.{v,w}', tag: 'l1.*.{right}', tolerance: 400ns}",
            PL_SAMPLES);
        t->in_order = true;
        make_rows(rows);
        push_all(t, rows);
        unsigned at = 0;
        for (pl_time time = 0; time <= ROWS * 5 + 100; time += 10)
            for (unsigned p = 0; p < 2; p++) {
                const char *asset = p ? "l1.p2" : "l1.p1";
                if (!has_left(rows, asset, time)) continue;
                expect(t, &at, rows, asset, p ? "l1.p2.a" : "l1.p1.a", time, false);
                expect(t, &at, rows, asset, "l1.i", time, false);
                expect(t, &at, rows, asset, "lab.x", time, true);
                expect(t, &at, rows, asset, "lab.y", time, true);
            }
        assert_true(at > ROWS / 4);
        ends(t, at);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_analysis_holds_until_the_next),
        cmocka_unit_test(missing_rows_may_be_left_out),
        cmocka_unit_test(bad_values_count_as_missing_unless_any_are_wanted),
        cmocka_unit_test(late_rows_of_the_right_count_from_now_on),
        cmocka_unit_test(of_equal_times_the_last_counts_and_one_row_is_made),
        cmocka_unit_test(the_line_and_whole_tags_and_patterns),
        cmocka_unit_test(at_the_edges),
        cmocka_unit_test(a_stream_joins_itself),
        cmocka_unit_test(windows_count_by_their_end),
        cmocka_unit_test(too_many_waiting_are_refused),
        cmocka_unit_test(a_name_too_long_is_refused),
        cmocka_unit_test(bad_options_are_told_by_check),
        cmocka_unit_test(rows_at_random_give_what_a_plain_look_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
