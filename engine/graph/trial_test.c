/* Test files: what is read of good ones, and what is said of wrong ones. */
#include "trial.h"

#include "testing_graph.h"

static char folder[64];

static const char graph_text[] = HEAD "nodes:\n"
                                      "  in: { op: t.source, path: \"${NOTHING}\" }\n"
                                      "  clean: { op: t.clean, from: in }\n"
                                      "  win: { op: t.window, from: clean, size: 10s }\n"
                                      "  out: { op: t.file, from: win }\n"
                                      "  said: { op: t.file, from: in.events }\n";

static int make_files(void **state) {
    folder_make(folder);
    assert_int_equal(chdir(folder), 0);
    folder_put(".", "g.yaml", graph_text);
    folder_put(".", "rows.csv", "time,tag,value\n0s,a,1\n1s,b,2\n");
    folder_put(".", "bad.csv", "time,tag,valeu\n0s,a,1\n");
    return add_operators(state);
}

static int remove_files(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

/* What was said; the caller frees it. */
static char *load(const char *text, struct pl_trial_file **file) {
    struct pl_problem *problems;
    unsigned count;
    folder_put(".", "t.test.yaml", text);
    enum pl_code code = pl_trial_load("t.test.yaml", file, &problems, &count);
    assert_int_equal(code == PL_OK, *file != NULL);
    char *said = problems_text(problems, count);
    pl_problems_free(problems, count);
    return said;
}

static struct pl_trial_file *load_good(const char *text) {
    struct pl_trial_file *file;
    char *said = load(text, &file);
    assert_string_equal(said, "");
    free(said);
    return file;
}

#define FILE_HEAD "potline: 1\ngraph: g.yaml\ncases:\n"

static void a_case_is_read(void **state) {
    (void)state;
    struct pl_trial_file *file =
        load_good(FILE_HEAD "  - name: one\n"
                            "    until: 1m\n"
                            "    input:\n"
                            "      - { time: 1s, tag: a.b, value: 4.5 }\n"
                            "      - { time: 2s, every: 1s, until: 5s, tag: a.b, value: 2 * t }\n"
                            "      - { source: in.events, time: 3s, kind: k, body: { x: 1, y: z } }\n"
                            "    expect:\n"
                            "      win: { contains: [ { end: 10s, count: 2 } ], abs: 0.1 }\n"
                            "      clean: none\n"
                            "      out: { count: 3 }\n");
    assert_int_equal(file->case_count, 1);
    const struct pl_trial_case *one = &file->cases[0];
    pl_time start = one->start;
    assert_int_equal(one->graph->feed_count, 2);
    assert_int_equal(one->until, start + 60 * PL_SECOND);
    assert_int_equal(one->input_count, 3);
    assert_int_equal(one->inputs[0].row.column[0].integer, start + PL_SECOND);
    assert_true(one->inputs[0].row.column[2].number == 4.5);
    assert_int_equal(one->inputs[1].row.times, 3);
    assert_int_equal(one->inputs[1].row.column[2].type, PL_TRIAL_FORMULA);
    assert_int_equal(one->inputs[2].row.kind, PL_EVENTS);
    assert_int_equal(one->inputs[2].row.body_count, 2);
    assert_int_equal(one->expectation_count, 3);
    assert_true(one->expectations[0].contains_given && one->expectations[0].absolute == 0.1);
    assert_true(one->expectations[1].none);
    assert_true(one->expectations[2].sink && one->expectations[2].kind == PL_WINDOWS);
    pl_trial_free(file);
}

static void a_part_of_a_graph_is_fed_where_it_is_cut(void **state) {
    (void)state;
    struct pl_trial_file *file = load_good("potline: 1\ngraph: g.yaml\nnodes: win\ncases:\n"
                                           "  - name: one\n"
                                           "    input: rows.csv\n"
                                           "    expect: { win: none }\n");
    const struct pl_trial_graph *graph = file->cases[0].graph;
    assert_string_equal(graph->feeds[0].name, "clean");
    assert_int_equal(file->cases[0].input_count, 2);
    pl_trial_free(file);
}

static void what_a_case_sets_is_its_own(void **state) {
    (void)state;
    struct pl_trial_file *file = load_good("potline: 1\ngraph: g.yaml\nset: { win.low: 1 }\ncases:\n"
                                           "  - { name: a, expect: { win: none } }\n"
                                           "  - { name: b, set: { win.size: 1m }, expect: { win: none } }\n"
                                           "  - { name: c, set: { win.low: 2 }, expect: { win: none } }\n");
    static const struct {
        pl_time size;
        int64_t low;
    } wanted[] = {{10 * PL_SECOND, 1}, {60 * PL_SECOND, 1}, {10 * PL_SECOND, 2}};
    for (unsigned i = 0; i < PL_COUNT_OF(wanted); i++) {
        const struct self *self = node_of(file->cases[i].graph->graph, "win")->prototype;
        assert_int_equal(self->size, wanted[i].size);
        assert_int_equal(self->low, wanted[i].low);
    }
    pl_trial_free(file);
}

static void variables_are_as_before_when_it_is_read(void **state) {
    (void)state;
    setenv("SIZE", "7s", 1);
    unsetenv("LATER");
    folder_put(".", "env.yaml",
               HEAD "nodes:\n"
                    "  in: { op: t.source }\n"
                    "  win: { op: t.window, from: in, size: \"${SIZE}\", high: \"${LATER}\" }\n");
    struct pl_trial_file *file = load_good("potline: 1\ngraph: env.yaml\nenv: { SIZE: 3s, LATER: \"5\" }\ncases:\n"
                                           "  - { name: a, expect: { win: none } }\n");
    const struct self *self = node_of(file->cases[0].graph->graph, "win")->prototype;
    assert_int_equal(self->size, 3 * PL_SECOND);
    assert_string_equal(getenv("SIZE"), "7s");
    assert_null(getenv("LATER"));
    pl_trial_free(file);
    char *said = load("potline: 1\ngraph: env.yaml\ncases:\n  - { name: a, expect: { win: none } }\n", &file);
    assert_non_null(strstr(said, "node win (env.yaml:5) takes values from variables that are not set"));
    free(said);
}

#define CASE FILE_HEAD "  - name: one\n"

static const struct {
    const char *text, *said;
} wrong[] = {
    {"graph: g.yaml\n", "t.test.yaml:1:1: the first line of a test file is \"potline: 1\"\n"},
    {"potline: 1\n", "t.test.yaml:1:1: a test file names what it tests: graph: FILE, or rules: FILE\n"},
    {"potline: 1\ngrpah: g.yaml\n", "t.test.yaml:2:1: there is no option \"grpah\"; did you mean graph?\n"},
    {"potline: 1\ngraph: h.yaml\ncases: [ { name: a } ]\n", "h.yaml:0:0: no such file; did you mean g.yaml?\n"},
    {"potline: 1\ngraph: g.yaml\n",
     "t.test.yaml:1:1: cases is a list of up to 10,000 cases, each with name, input and expect\n"},
    {"potline: 1\ngraph: g.yaml\nnodes: [clena]\ncases: [ { name: a } ]\n",
     "t.test.yaml:3:9: there is no node \"clena\"; did you mean clean?\n"},
    {"potline: 1\ngraph: g.yaml\nnodes: [in]\ncases: [ { name: a } ]\n",
     "t.test.yaml:3:9: in is a source: it does not run in a test, rows are fed in its place\n"},
    {CASE, "t.test.yaml:4:5: expect is missing: what comes out, by nodes\n"},
    {CASE "    expect: { wim: none }\n", "t.test.yaml:5:15: there is no node \"wim\"; did you mean win?\n"},
    {CASE "    expect: { win.lat: none }\n", "t.test.yaml:5:15: win has no output \"lat\"; did you mean late?\n"},
    {CASE "    expect: { in: none }\n", "t.test.yaml:5:15: in does not run in this test: rows are fed in its place\n"},
    {CASE "    expect: { win: { abs: 1 } }\n",
     "t.test.yaml:5:20: win: nothing is expected; say rows, contains, none, count, at_least, at_most or each\n"},
    {CASE "    expect: { win: { each: men > 3 } }\n", "t.test.yaml:5:28: unknown name 'men'\n"},
    {CASE "    expect: { win: [ { ned: 1s } ] }\n",
     "t.test.yaml:5:24: a row of windows has no \"ned\"; did you mean end?\n"},
    {CASE "    expect: { clean: bad.csv }\n", "bad.csv:2:6: a row of samples has no \"valeu\"; did you mean value?\n"},
    {CASE "    expect: { clean: no.csv }\n", "t.test.yaml:5:22: \"no.csv\": no such file\n"},
    {CASE "    input: [ { time: 1s } ]\n    expect: { win: none }\n",
     "t.test.yaml:5:14: a row of samples that goes in has time and tag\n"},
    {CASE "    input: [ { time: soon, tag: a } ]\n    expect: { win: none }\n",
     "t.test.yaml:5:22: \"soon\" is no time like 90s (since the start of the case) or 2026-11-23T06:00:00Z\n"},
    {CASE "    input: [ { source: ni, time: 1s, tag: a } ]\n    expect: { win: none }\n",
     "t.test.yaml:5:24: rows come through in, in.events, not through \"ni\"; did you mean in?\n"},
    {CASE "    input: [ { time: 1s, every: 1s, tag: a } ]\n    expect: { win: none }\n",
     "t.test.yaml:5:33: rows that repeat have a time, and every and until, like { time: 0s, every: 1s, until: 10m }\n"},
    {CASE "    input: [ { time: 1s, tag: a, value: 3 + x } ]\n    expect: { win: none }\n",
     "t.test.yaml:5:45: unknown name 'x'\n"},
    {CASE "    input: [ { time: 1s, tag: a, quality: god } ]\n    expect: { win: none }\n",
     "t.test.yaml:5:43: \"god\" is no quality like good, bad|missing or uncertain|replaced\n"},
    {CASE "    input: [ { text: abc } ]\n    expect: { win: none }\n",
     "t.test.yaml:5:22: text is for a source.csv or source.ndjson; in is a t.source\n"},
    {CASE "    set: { win.sise: 3s }\n    expect: { win: none }\n",
     "t.test.yaml:5:12: win: there is no option \"sise\"; did you mean size?\n"},
    {CASE "    expect: { win: none }\n  - name: one\n    expect: { win: none }\n",
     "t.test.yaml:6:5: there is a case \"one\" in line 4 too\n"},
};

static void what_is_wrong_is_said(void **state) {
    (void)state;
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++) {
        struct pl_trial_file *file;
        int64_t live = pl_alloc_live();
        char *said = load(wrong[i].text, &file);
        if (strcmp(said, wrong[i].said) != 0)
            fail_msg("%s\nsaid:\n%sexpected:\n%s", wrong[i].text, said, wrong[i].said);
        assert_null(file);
        assert_int_equal(pl_alloc_live(), live);
        free(said);
    }
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    pl_trial_free(load_good(FILE_HEAD "  - name: one\n"
                                      "    set: { win.low: 2 }\n"
                                      "    env: { NOTHING: x }\n"
                                      "    input: [ { time: 2s, every: 1s, until: 5s, tag: a.b, value: 2 * t } ]\n"
                                      "    expect: { win: { rows: [ { end: 10s, count: 2 } ], where: count > 1 } }\n"));
    for (int64_t n = 0;; n++) {
        int64_t live = pl_alloc_live();
        struct pl_trial_file *file;
        struct pl_problem *problems;
        unsigned count;
        pl_alloc_fail_after(n);
        enum pl_code code = pl_trial_load("t.test.yaml", &file, &problems, &count);
        bool failed = !pl_alloc_fail_pending();
        pl_alloc_fail_after(-1);
        assert_int_equal(file != NULL, code == PL_OK);
        pl_trial_free(file);
        pl_problems_free(problems, count);
        assert_int_equal(pl_alloc_live(), live);
        assert_null(getenv("NOTHING"));
        if (!failed) break;
        assert_true(n < 5000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_is_read),
        cmocka_unit_test(a_part_of_a_graph_is_fed_where_it_is_cut),
        cmocka_unit_test(what_a_case_sets_is_its_own),
        cmocka_unit_test(variables_are_as_before_when_it_is_read),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
