#include "testing_graph.h"

#include <unistd.h>

#include "hash.h"

#define NODES                                                                                                          \
    "nodes:\n"                                                                                                         \
    "  in: { op: t.source, secret: \"a\" }\n"                                                                          \
    "  win: { op: t.window, from: in, size: 10s }\n"                                                                   \
    "  out: { op: t.file, from: win, path: x.csv }\n"

/* What differs of `name` between NODES and `text`; "": nothing. */
static void differs_by(const char *text, const char *name, const char *expected) {
    struct pl_graph *a = good(HEAD NODES), *b = good(text);
    char what[100] = "x", back[100] = "x";
    bool differs = pl_graph_node_differs(node_of(a, name), node_of(b, name), what, sizeof what);
    assert_int_equal(differs, pl_graph_node_differs(node_of(b, name), node_of(a, name), back, sizeof back));
    assert_int_equal(differs, *expected != 0);
    assert_string_equal(what, expected);
    assert_string_equal(back, expected);
    pl_graph_free(a);
    pl_graph_free(b);
}

static void what_a_node_is_decides(void **state) {
    (void)state;
    static const char other[] = HEAD "nodes:\n"
                                     "  # elsewhere, and later\n"
                                     "  out: { op: t.file, from: clean, path: y.csv, on_full: drop }\n"
                                     "  clean: { op: t.clean, from: in }\n"
                                     "  win: { op: t.window, from: clean, size: 20s, high: 10 }\n"
                                     "  in: { op: t.source, secret: \"b\", doc: said, rate: 5/s }\n";
    differs_by(HEAD NODES, "in", "");
    differs_by(HEAD NODES, "win", "");
    differs_by(other, "win", "size, high");
    differs_by(other, "in", "secret, rate");
    differs_by(other, "out", "path, kind, on_full");
    differs_by(HEAD "nodes:\n  in: { op: t.source, secret: a }\n  win: { op: t.clean, from: in }\n", "win", "op");
}

struct held {
    const char *path;
};
static const struct pl_option held_options[] = {PL_OPT_FILE(struct held, path, "script", "", PL_FIXED, "It."),
                                                PL_OPT_END};

/* However a graph was named that says "x.lua": it is one file. */
static void a_file_is_the_same_by_any_path(void **state) {
    (void)state;
    const struct pl_option *row = held_options;
    char folder[64], here[512], whole[128], other[128];
    folder_make(folder);
    folder_put(folder, "x.lua", "1");
    folder_put(folder, "y.lua", "1");
    snprintf(whole, sizeof whole, "%s/x.lua", folder);
    snprintf(other, sizeof other, "%s/y.lua", folder);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    uint64_t hash = pl__graph_option_hash(row, &(struct held){"x.lua"});
    assert_true(hash == pl__graph_option_hash(row, &(struct held){whole}));
    assert_true(hash == pl__graph_option_hash(row, &(struct held){"./x.lua"}));
    assert_true(hash != pl__graph_option_hash(row, &(struct held){other}));
    assert_true(hash != pl__graph_option_hash(row, &(struct held){"gone.lua"}));
    assert_int_equal(chdir(here), 0);
    folder_remove(folder);
}

static void some_settings_take_a_restart(void **state) {
    (void)state;
    static const struct {
        const char *head, *differs, *anew;
    } cases[] = {
        {HEAD, NULL, NULL},
        {HEAD "description: else\ncheckpoint: 3s\nqueue: { batches: 9 }\n", NULL, NULL},
        {HEAD "partitions: 2\n", "partitions", "partitions"},
        {HEAD "key_depth: 2\n", "key_depth", "key_depth"},
        {HEAD "log: { sync: each }\n", "log", "log"},
        {HEAD "retention: { gold: 1d }\n", "retention", NULL},
        {HEAD "max_tags: 1000\n", "max_tags", NULL},
        {HEAD "tags: [ { match: '*', unit: V } ]\n", "tags", NULL},
        {"potline: 1\nname: other\n", "name", "name"},
    };
    struct pl_graph *a = good(HEAD NODES);
    for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
        char text[600];
        snprintf(text, sizeof text, "%s%s", cases[i].head, NODES);
        struct pl_graph *b = good(text);
        for (int anew = 0; anew < 2; anew++) {
            const char *expected = anew ? cases[i].anew : cases[i].differs;
            const char *differs = pl_graph_settings_differ(a, b, anew);
            if (!expected) assert_null(differs);
            if (expected) assert_string_equal(differs, expected);
        }
        pl_graph_free(b);
    }
    pl_graph_free(a);
}

static void a_graph_lives_as_long_as_somebody_holds_it(void **state) {
    (void)state;
    struct pl_graph *graph = good(HEAD NODES);
    const struct pl_graph *held = pl_graph_ref(graph);
    pl_graph_free(graph);
    assert_string_equal(held->settings.name, "test");
    pl_graph_unref(held);
    pl_graph_unref(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_node_is_decides),
        cmocka_unit_test(a_file_is_the_same_by_any_path),
        cmocka_unit_test(some_settings_take_a_restart),
        cmocka_unit_test(a_graph_lives_as_long_as_somebody_holds_it),
    };
    return cmocka_run_group_tests(tests, add_operators, NULL);
}
