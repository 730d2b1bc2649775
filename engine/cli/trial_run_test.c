/* Cases on operators of which some are wrong: rows that depend on where batches are cut are noticed, and so is a node
 * that fails; and which expected row is paired with which found one is held against trying all pairings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include <potline/alloc.h>

#include "graph/registry.h"
#include "trial_judge.h"
#include "trial_match.h"

static char folder[64] = "/tmp/potline-trial-XXXXXX";
static void *zmq;

/* ---- Operators ---- */

static enum pl_flow pass(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)input;
    return pl_emit(node, 0, &batch);
}

/* Its result is a matter of the cuts: the first row of each batch. */
static enum pl_flow first(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)input;
    struct pl_batch *out = pl_batch_like(batch, 1, 0);
    if (out) pl_batch_append(out, batch, 0, 1);
    pl_batch_unref(batch);
    return out ? pl_emit(node, 0, &out) : pl_fail(node, "no memory");
}

static enum pl_flow refuse(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)input;
    pl_time time = pl_batch_times(batch)[0];
    if (time == pl_now(node) && batch->samples.value[0] > 200) {
        pl_batch_unref(batch);
        return pl_fail(node, "a value above 200");
    }
    return pl_emit(node, 0, &batch);
}

static enum pl_flow produce(void *self, struct pl_node *node) {
    (void)self;
    (void)node;
    abort(); /* a source does not run */
}

static enum pl_code open_never(void *self, struct pl_node *node, struct pl_error **error) {
    (void)self;
    (void)node;
    (void)error;
    abort();
}

#define SAMPLES PL_SET(PL_SAMPLES)
#define OPERATOR(n, ...)                                                                                               \
    { PL_OPERATOR(n, "For tests."), .instance_size = 1, __VA_ARGS__ }
#define ONE_IN PL_PORTS({"in", SAMPLES, PL_PORT_FIXED, NULL})
#define ONE_OUT PL_PORTS({"out", SAMPLES, PL_PORT_FIXED, NULL})

static const struct pl_operator operators[] = {
    OPERATOR("t.source", .produce = produce, .open = open_never, .outputs = ONE_OUT),
    OPERATOR("t.pass", .process = pass, .inputs = ONE_IN, .outputs = ONE_OUT),
    OPERATOR("t.first", .process = first, .inputs = ONE_IN, .outputs = ONE_OUT),
    OPERATOR("t.fail", .process = refuse, .inputs = ONE_IN, .outputs = ONE_OUT),
    OPERATOR("t.sink", .process = pass, .open = open_never, .inputs = ONE_IN),
};

static void put(const char *name, const char *text) {
    FILE *out = fopen(name, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static int begin(void **state) {
    (void)state;
    for (size_t i = 0; i < PL_COUNT_OF(operators); i++)
        assert_true(pl_registry_add(&operators[i]));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    put("g.yaml", "potline: 1\nname: g\nnodes:\n"
                  "  a: { op: t.source }\n"
                  "  b: { op: t.source }\n"
                  "  both: { op: t.pass, from: [a, b] }\n"
                  "  first: { op: t.first, from: a }\n"
                  "  fail: { op: t.fail, from: a }\n"
                  "  out: { op: t.sink, from: [both, fail] }\n");
    zmq = zmq_ctx_new();
    return 0;
}

static int end(void **state) {
    (void)state;
    char command[128];
    zmq_ctx_term(zmq);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct pl_trial_file *load(const char *text) {
    struct pl_trial_file *file;
    struct pl_problem *problems;
    unsigned count;
    put("t.test.yaml", text);
    pl_trial_load("t.test.yaml", &file, &problems, &count);
    for (unsigned i = 0; i < count; i++)
        print_error("%d:%d: %s\n", problems[i].place.line, problems[i].place.column, problems[i].text);
    pl_problems_free(problems, count);
    assert_non_null(file);
    return file;
}

static enum pl_code run(const struct pl_trial_case *of, uint64_t seed, struct pl__trial_result *result,
                        struct pl_error **error) {
    return pl__trial_run(of, &(struct pl__trial_options){.zmq = zmq, .seed = seed}, result, error);
}

#define CASE "potline: 1\ngraph: g.yaml\ncases:\n  - name: one\n"

/* ---- Running ---- */

static void rows_of_several_sources_are_merged_by_time(void **state) {
    (void)state;
    struct pl_trial_file *file = load(CASE "    input:\n"
                                           "      - { source: a, time: 0s, every: 2s, until: 10s, tag: x, value: t }\n"
                                           "      - { source: b, time: 1s, every: 2s, until: 10s, tag: x, value: t }\n"
                                           "    expect:\n"
                                           "      both: [ { time: 0s, every: 1s, until: 10s, tag: x, value: t } ]\n"
                                           "      out: { count: 15 }\n");
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct pl__trial_result result;
        struct pl__trial_failures failures = {0};
        assert_int_equal(run(&file->cases[0], seed, &result, NULL), PL_OK);
        struct pl__trial_view view = {.tags = result.tags, .start = file->cases[0].start, .offsets = true};
        pl__trial_judge(&file->cases[0], &view, &result, &failures);
        if (failures.count) fail_msg("%s", failures.list[0].summary);
        pl__trial_failures_fini(&failures);
        pl__trial_result_fini(&result);
    }
    pl_trial_free(file);
}

static void what_depends_on_cuts_is_noticed(void **state) {
    (void)state;
    struct pl_trial_file *file =
        load(CASE "    input: [ { source: a, time: 0s, every: 1s, until: 100s, tag: x, value: t } ]\n"
                  "    expect: { first: { count: 100 } }\n");
    const struct pl_trial_case *of = &file->cases[0];
    struct pl__trial_result one, other;
    struct pl__trial_failures failures = {0};
    assert_int_equal(run(of, 0, &one, NULL), PL_OK);
    assert_int_equal(run(of, 3, &other, NULL), PL_OK);
    struct pl__trial_view view = {.tags = one.tags, .start = of->start}, other_view = view;
    other_view.tags = other.tags;
    pl__trial_judge(of, &view, &one, &failures);
    pl__trial_compare(of, &view, &one, &view, &one, 0, &failures);
    assert_int_equal(failures.count, 0);
    pl__trial_compare(of, &view, &one, &other_view, &other, 3, &failures);
    assert_int_equal(failures.count, 1);
    assert_string_equal(failures.list[0].summary, "first gives other rows where batches are cut differently (cut 3)");
    assert_true(failures.list[0].count > 0);
    pl__trial_failures_fini(&failures);
    pl__trial_result_fini(&one);
    pl__trial_result_fini(&other);
    pl_trial_free(file);
}

static void a_node_that_fails_is_named(void **state) {
    (void)state;
    struct pl_trial_file *file =
        load(CASE "    input: [ { source: a, time: 0s, every: 1s, until: 9s, tag: x, value: 100 * t } ]\n"
                  "    expect: { fail: { count: 9 } }\n");
    struct pl__trial_result result;
    struct pl_error *error = NULL;
    assert_int_equal(run(&file->cases[0], 0, &result, &error), PL_UNAVAILABLE);
    assert_string_equal(error->text, "node fail failed: a value above 200");
    pl_error_free(&error);
    pl__trial_result_fini(&result);
    pl_trial_free(file);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    struct pl_trial_file *file =
        load(CASE "    input:\n"
                  "      - { source: a, time: 0s, every: 1s, until: 3s, tag: x, value: t / 9 }\n"
                  "      - { source: b, time: 1s, tag: y, value: 1 }\n"
                  "    expect: { both: [ { time: 0s, value: 1 }, { time: 9s } ] }\n");
    for (int64_t n = 0;; n++) {
        int64_t live = pl_alloc_live();
        struct pl__trial_result result;
        struct pl__trial_failures failures = {0};
        pl_alloc_fail_after(n);
        enum pl_code code = run(&file->cases[0], 0, &result, NULL);
        struct pl__trial_view view = {.tags = result.tags, .start = file->cases[0].start};
        if (!code) pl__trial_judge(&file->cases[0], &view, &result, &failures);
        bool failed = !pl_alloc_fail_pending();
        pl_alloc_fail_after(-1);
        if (failed) assert_true(code || failures.no_memory);
        if (!failed) assert_true(!code && failures.count == 1);
        pl__trial_failures_fini(&failures);
        pl__trial_result_fini(&result);
        assert_int_equal(pl_alloc_live(), live);
        if (!failed) break;
        assert_true(n < 5000);
    }
    pl_trial_free(file);
}

/* ---- Matching ---- */

enum { ROWS_MOST = 6 };

static uint64_t seed = 1;

static uint64_t next_random(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

/* An expected row says 0 to 2 of a time of few, a value of few; so several found ones may fit. */
struct sample {
    struct pl_trial_row rows[ROWS_MOST];
    struct pl__trial_formulas *formulas[ROWS_MOST];
    struct pl__expected expected[ROWS_MOST];
    struct pl__found found[ROWS_MOST];
    uint32_t expected_count, found_count;
    struct pl_batch *batch;
};

static void draw(struct sample *s) {
    *s = (struct sample){.expected_count = (uint32_t)next_random(ROWS_MOST + 1),
                         .found_count = (uint32_t)next_random(ROWS_MOST + 1),
                         .batch = pl_batch_new(PL_SAMPLES, ROWS_MOST, 0)};
    for (uint32_t i = 0; i < s->expected_count; i++) {
        struct pl_trial_row *row = &s->rows[i];
        *row = (struct pl_trial_row){.kind = PL_SAMPLES, .times = 1};
        if (next_random(2))
            row->column[0] = (struct pl_trial_value){.type = PL_TRIAL_INTEGER, .integer = (int64_t)next_random(2)};
        if (next_random(2))
            row->column[2] = (struct pl_trial_value){.type = PL_TRIAL_NUMBER, .number = (double)next_random(3)};
        s->formulas[i] = pl__trial_formulas_new(row);
        s->expected[i] = (struct pl__expected){.row = row, .formulas = s->formulas[i]};
    }
    for (uint32_t i = 0; i < s->found_count; i++) {
        s->batch->samples.time[i] = (pl_time)next_random(2);
        s->batch->samples.tag[i] = 0;
        s->batch->samples.value[i] = (double)next_random(3);
        s->batch->samples.quality[i] = 0;
        s->batch->rows++;
        s->found[i] = (struct pl__found){s->batch, i};
    }
}

static void let_go(struct sample *s) {
    for (uint32_t i = 0; i < s->expected_count; i++)
        pl__trial_formulas_free(s->formulas[i]);
    pl_batch_unref(s->batch);
}

/* The most pairs there can be of what is behind e, by trying all; `from`: in order, from this found row on. */
static uint32_t most_pairs(const struct pl__matching *m, uint32_t e, uint32_t from, uint32_t taken, bool in_order) {
    if (e == m->expected_count) return 0;
    uint32_t best = most_pairs(m, e + 1, from, taken, in_order);
    for (uint32_t f = in_order ? from : 0; f < m->found_count; f++) {
        if (taken & (1u << f) || !pl__row_matches(m->view, m->how, &m->expected[e], &m->found[f])) continue;
        uint32_t pairs = 1 + most_pairs(m, e + 1, f + 1, taken | (1u << f), in_order);
        if (pairs > best) best = pairs;
    }
    return best;
}

static void check_pairs(const struct pl__matching *m, bool in_order) {
    uint32_t pairs = 0, last = 0;
    for (uint32_t e = 0; e < m->expected_count; e++) {
        uint32_t f = m->of_expected[e];
        if (f == PL__NO_ROW) continue;
        assert_int_equal(m->of_found[f], e);
        assert_true(pl__row_matches(m->view, m->how, &m->expected[e], &m->found[f]));
        assert_true(!in_order || pairs == 0 || f > last);
        last = f;
        pairs++;
    }
    assert_int_equal(pairs, m->matched);
}

static void as_many_pairs_as_there_can_be(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){0});
    struct pl__trial_view view = {.tags = tags};
    for (unsigned round = 0; round < 20000; round++) {
        bool in_order = round % 2;
        struct pl_trial_expectation how = {.any_order = !in_order};
        struct sample s;
        draw(&s);
        struct pl__matching m = {.view = &view,
                                 .how = &how,
                                 .expected = s.expected,
                                 .found = s.found,
                                 .expected_count = s.expected_count,
                                 .found_count = s.found_count};
        assert_true(in_order ? pl__match_in_order(&m) : pl__match_in_any_order(&m));
        check_pairs(&m, in_order);
        assert_int_equal(m.matched, most_pairs(&m, 0, 0, 0, in_order));
        pl__match_left_over(&m);
        pl__matching_fini(&m);
        let_go(&s);
    }
    pl_tags_free(tags);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_several_sources_are_merged_by_time),
        cmocka_unit_test(what_depends_on_cuts_is_noticed),
        cmocka_unit_test(a_node_that_fails_is_named),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(as_many_pairs_as_there_can_be),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
