#include "../testing.h"

static const struct sample rows[] = {
    {1, "l1.p1.v", 5, 0},
    {2, "l1.p1.w", NAN, PL_Q_BAD | PL_Q_MISSING},
    {3, "l1.p2.v", 50, PL_Q_BAD | PL_Q_OUT_OF_RANGE},
    {4, "l2.p1.v", 7, PL_Q_UNCERTAIN | PL_Q_REPLACED},
    {5, "l2.p1.w", 9, PL_Q_UNCERTAIN | PL_Q_REPLACED | PL_Q_SPIKE},
    {6, "x", -3, 0},
};
enum { ROWS = 6 };

/* Which rows are kept, as a text of their times; the others must be in `rest`, in order. */
static void keeps(const char *options, const char *expected) {
    for (unsigned shared = 0; shared < 2; shared++) {
        struct test *t = test_open("filter", options, PL_SAMPLES);
        struct pl_batch *batch = test_batch(t, rows, ROWS), *held = shared ? pl_batch_ref(batch) : NULL;
        test_push_batch(t, batch);
        char kept[16] = "", rest[16] = "", others[16] = "";
        for (unsigned i = 0; i < t->out[0].samples; i++)
            sprintf(kept + i, "%d", (int)t->out[0].sample[i].time);
        for (unsigned i = 0; i < t->out[1].samples; i++)
            sprintf(rest + i, "%d", (int)t->out[1].sample[i].time);
        for (unsigned i = 1, n = 0; i <= ROWS; i++)
            if (!strchr(expected, '0' + (int)i)) n += (unsigned)sprintf(others + n, "%u", i);
        if (strcmp(kept, expected) != 0) fail_msg("%s keeps %s, not %s", options, kept, expected);
        assert_string_equal(rest, others);
        assert_int_equal(test_counter(t, "kept"), strlen(expected));
        assert_int_equal(test_counter(t, "rest"), strlen(others));
        if (held) assert_int_equal(held->rows, ROWS);
        pl_batch_unref(held);
        test_close(t);
    }
}

static void each_condition(void **state) {
    (void)state;
    keeps("", "123456");
    keeps("{include: 'l1.*'}", "123");
    keeps("{include: ['*.v', x]}", "1346");
    keeps("{exclude: ['*.w']}", "1346");
    keeps("{include: 'l*', exclude: ['l1.*', '*.w']}", "4");
    keeps("{quality: good}", "16");
    keeps("{quality: uncertain}", "1456");
    keeps("{flags: [spike, missing]}", "25");
    keeps("{without: [replaced]}", "1236");
    keeps("{flags: [replaced], without: [spike]}", "4");
    keeps("{above: 5}", "345");
    keeps("{at_least: 5}", "1345");
    keeps("{below: 7}", "16");
    keeps("{at_most: 7}", "146");
    keeps("{above: -3, at_most: 9}", "145");
    keeps("{quality: uncertain, above: 0, exclude: x}", "145");
    keeps("{above: 1000}", "");
}

static void rows_that_go_one_way_keep_their_memory(void **state) {
    (void)state;
    static const char *const options[] = {"{include: '*'}", "{above: 1e9}"};
    for (unsigned port = 0; port < 2; port++) {
        struct test *t = test_open("filter", options[port], PL_SAMPLES);
        struct pl_batch *batch = pl_batch_ref(test_batch(t, rows, ROWS));
        pl_harness_push(t->h, 0, batch);
        struct pl_batch *out = pl_harness_pull(t->h, port);
        assert_ptr_equal(out, batch);
        pl_batch_unref(out);
        pl_batch_unref(batch);
        test_close(t);
    }
}

static void verdicts_on_tags_grow_with_the_registry(void **state) {
    (void)state;
    struct test *t = test_open("filter", "{include: '*7'}", PL_SAMPLES);
    unsigned kept = 0;
    for (unsigned i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%u", i);
        struct pl_batch *batch = test_batch(t, (struct sample[]){{(pl_time)i, name, 1, 0}}, 1);
        pl_harness_push(t->h, 0, batch);
        kept += i % 10 == 7;
        for (unsigned port = 0; port < 2; port++)
            pl_batch_unref(pl_harness_pull(t->h, port));
    }
    assert_int_equal(test_counter(t, "kept"), kept);
    test_close(t);
}

static void windows_are_compared_by_an_aggregate(void **state) {
    (void)state;
    static const struct {
        const char *options;
        unsigned kept;
    } cases[] = {{"{above: 5}", 1}, {"{column: max, above: 5}", 2}, {"{column: min, below: 0}", 1}};
    for (unsigned c = 0; c < 3; c++) {
        struct test *t = test_open("filter", cases[c].options, PL_WINDOWS);
        struct pl_batch *batch = pl_batch_new(PL_WINDOWS, 2, 0);
        memset(batch->windows.quality, 0, 2 * sizeof(uint16_t));
        for (unsigned i = 0; i < 2; i++) {
            batch->windows.tag[i] = test_tag(t, "a");
            batch->windows.mean[i] = i ? 7 : 3;
            batch->windows.max[i] = 9;
            batch->windows.min[i] = i ? 1 : -1;
        }
        batch->rows = 2;
        test_push_batch(t, batch);
        assert_int_equal(t->out[0].windows, cases[c].kept);
        assert_int_equal(t->out[1].windows, 2 - cases[c].kept);
        test_close(t);
    }
}

/* Rows of varying length keep their own bodies. */
static void events_are_parted_with_their_bodies(void **state) {
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct test *t = test_open("filter", "{kinds: 'threshold.*', severity: 300}", PL_EVENTS);
        struct pl_batch *batch = pl_batch_new(PL_EVENTS, 6, 64);
        static const char *const kinds[] = {"threshold.high", "source.stale", "threshold.low"};
        for (unsigned i = 0; i < 6; i++) {
            uint8_t body[2] = {0xa1, (uint8_t)('0' + i)}; /* a text of one character */
            pl_batch_heap(batch, 0, body, 2);
            batch->events.time[i] = i;
            batch->events.id[i] = i;
            batch->events.kind[i] = test_tag(t, kinds[i % 3]);
            batch->events.severity[i] = (uint16_t)(i * 100 + 100);
            batch->events.tag[i] = batch->events.asset[i] = 0;
            batch->events.end[i] = batch->heap_used[0];
        }
        batch->rows = 6;
        struct pl_batch *held = shared ? pl_batch_ref(batch) : NULL;
        test_push_batch(t, batch);
        assert_int_equal(t->out[0].events, 3);
        assert_string_equal(t->out[0].event[0].body, "\"2\"");
        assert_string_equal(t->out[0].event[1].body, "\"3\"");
        assert_string_equal(t->out[0].event[2].body, "\"5\"");
        assert_int_equal(t->out[1].events, 3);
        assert_string_equal(t->out[1].event[2].body, "\"4\"");
        pl_batch_unref(held);
        test_close(t);
    }
}

static void conditions_that_a_kind_does_not_have(void **state) {
    (void)state;
    static const struct {
        const char *options;
        enum pl_kind kind;
    } cases[] = {{"{above: 5}", PL_EVENTS},     {"{quality: good}", PL_EVENTS},
                 {"{severity: 5}", PL_SAMPLES}, {"{column: max, above: 1}", PL_SAMPLES},
                 {"{above: 5}", PL_PROFILES},   {"{flags: [late]}", PL_SETPOINTS}};
    for (unsigned c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct pl_error *error = NULL;
        struct pl_harness *h = pl_harness_new("filter", cases[c].options, cases[c].kind, &error);
        assert_non_null(h);
        struct pl_batch *batch = pl_batch_new(cases[c].kind, 1, 1);
        assert_int_equal(pl_harness_push(h, 0, batch), PL_FLOW_FAIL);
        assert_non_null(pl_harness_failure(h));
        pl_harness_free(h);
    }
}

/* Against one row at a time. */
static void random_conditions(void **state) {
    (void)state;
    enum { MANY = 3000 };
    static struct sample many[MANY];
    static const char *const tags[] = {"a.v", "a.w", "b.v", "b.w"};
    struct test *t = test_open(
        "filter", "{include: '*.v', above: 20, at_most: 80, quality: uncertain, without: [spike]}", PL_SAMPLES);
    unsigned kept = 0, rest = 0;
    for (unsigned i = 0; i < MANY; i++) {
        static const unsigned severities[] = {0, 0, PL_Q_UNCERTAIN, PL_Q_BAD};
        many[i] = (struct sample){(pl_time)i, tags[test_random(4)], test_random(101), severities[test_random(4)]};
        if (test_random(20) == 0) many[i].value = NAN;
        if (test_random(5) == 0) many[i].quality |= PL_Q_SPIKE;
    }
    test_push_at_random(t, many, MANY, 0, true);
    for (unsigned i = 0; i < MANY; i++) {
        bool fits = strchr(many[i].tag, 'v') && many[i].value > 20 && many[i].value <= 80 &&
                    !(many[i].quality & (PL_Q_BAD | PL_Q_SPIKE));
        const struct sample *found = fits ? &t->out[0].sample[kept++] : &t->out[1].sample[rest++];
        assert_int_equal(found->time, many[i].time);
        assert_string_equal(found->tag, many[i].tag);
    }
    assert_int_equal(t->out[0].samples, kept);
    assert_int_equal(t->out[1].samples, rest);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_condition),
        cmocka_unit_test(rows_that_go_one_way_keep_their_memory),
        cmocka_unit_test(verdicts_on_tags_grow_with_the_registry),
        cmocka_unit_test(windows_are_compared_by_an_aggregate),
        cmocka_unit_test(events_are_parted_with_their_bodies),
        cmocka_unit_test(conditions_that_a_kind_does_not_have),
        cmocka_unit_test(random_conditions),
    };
    srand(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
