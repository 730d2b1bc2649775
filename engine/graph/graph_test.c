#include "draw.h"
#include "testing_graph.h"

/* ---- What a graph becomes ---- */

static void a_graph_is_read(void **state) {
    (void)state;
    struct pl_graph *g = good(HEAD "log: { kind: embedded, sync: each }\n"
                                   "partitions: 4\n"
                                   "queue: { batches: 10 }\n"
                                   "broadcast: plant.*\n"
                                   "tags:\n"
                                   "  - { match: '*.voltage', unit: V, range: [2.0, 8.0] }\n"
                                   "  - { match: '*', high: 7, states: [off, on] }\n"
                                   "nodes:\n"
                                   "  out: { op: t.file, from: win, path: x.csv, queue: { bytes: 64KiB } }\n"
                                   "  in: { op: t.source, disorder: 5s, rate: 100/s }\n"
                                   "  win: { op: t.window, from: in, size: 10s }\n");
    assert_string_equal(g->path, "g.yaml");
    assert_string_equal(g->settings.name, "test");
    assert_int_equal(g->settings.log_sync_every, 0);
    assert_int_equal(g->settings.partitions, 4);
    assert_int_equal(g->settings.max_lag, 64 << 20);
    assert_int_equal(g->settings.broadcast.count, 1);
    assert_int_equal(g->tag_rule_count, 2);
    assert_true(g->tag_rules[0].low == 2 && g->tag_rules[0].high == 8 && g->tag_rules[1].high == 7);
    assert_int_equal(g->tag_rules[1].states.count, 2);

    assert_int_equal(g->node_count, 3); /* each behind those it takes from */
    assert_string_equal(g->nodes[0].name, "in");
    assert_string_equal(g->nodes[1].name, "win");
    assert_string_equal(g->nodes[2].name, "out");
    const struct pl_graph_node *out = &g->nodes[2];
    assert_int_equal(out->input_count, 1);
    assert_int_equal(out->inputs[0].from, 1);
    assert_int_equal(out->kind_in, PL_WINDOWS);
    assert_int_equal(out->settings.queue_bytes, 65536);
    assert_int_equal(out->settings.queue_batches, 10);
    assert_string_equal(out->settings.from.items[0], "win");
    assert_string_equal(((const struct self *)out->prototype)->path, "x.csv");
    assert_int_equal(out->place.line, 11);
    assert_int_equal(((const struct self *)g->nodes[1].prototype)->size, 10 * PL_SECOND);
    assert_int_equal(g->nodes[0].settings.disorder, 5 * PL_SECOND);
    assert_true(g->nodes[0].settings.rate == 100);
    assert_int_equal(g->nodes[0].kinds_out[1], PL_EVENTS);
    pl_graph_free(g);
}

/* What the keyed section gives is seen at the next checkpoint. */
static void checkpoints_of_a_group(void **state) {
    (void)state;
    static const char nodes[] = "nodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n";
    static const struct {
        const char *text;
        pl_time checkpoint;
    } cases[] = {{"log: { kind: kafka, brokers: 'a:1', group: g }\n", 100 * PL_MILLISECOND},
                 {"log: { kind: kafka, brokers: 'a:1', group: g }\ncheckpoint: 3s\n", 3 * PL_SECOND},
                 {"log: { kind: kafka, brokers: 'a:1' }\n", 10 * PL_SECOND},
                 {"", 10 * PL_SECOND}};
    for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
        char text[300];
        snprintf(text, sizeof text, HEAD "%s%s", cases[i].text, nodes);
        struct pl_graph *g = good(text);
        assert_int_equal(g->settings.checkpoint, cases[i].checkpoint);
        pl_graph_free(g);
    }
}

static void what_a_full_edge_does_depends_on_the_sink(void **state) {
    (void)state;
    struct pl_graph *g = good(HEAD "nodes:\n  in: { op: t.source }\n"
                                   "  a: { op: t.file, from: in }\n"
                                   "  b: { op: t.database, from: in }\n"
                                   "  c: { op: t.pub, from: in }\n"
                                   "  d: { op: t.pub, from: in, on_full: block }\n"
                                   "  e: { op: t.filter, from: in }\n");
    assert_int_equal(node_of(g, "a")->settings.on_full, PL_BLOCK);
    assert_int_equal(node_of(g, "b")->settings.on_full, PL_SPILL);
    assert_int_equal(node_of(g, "c")->settings.on_full, PL_DROP);
    assert_int_equal(node_of(g, "d")->settings.on_full, PL_BLOCK);
    assert_int_equal(node_of(g, "e")->settings.on_full, PL_BLOCK);
    pl_graph_free(g);
}

static void kinds_travel_through(void **state) {
    (void)state;
    struct pl_graph *g = good(HEAD "nodes:\n  in: { op: t.source }\n"
                                   "  f: { op: t.filter, from: in.events }\n"
                                   "  g: { op: t.filter, from: f }\n"
                                   "  p: { op: t.pick, from: in, kind: setpoints }\n"
                                   "  all: { op: t.pub, from: [g, p, in] }\n");
    assert_int_equal(node_of(g, "g")->kind_in, PL_EVENTS);
    assert_int_equal(node_of(g, "g")->kinds_out[0], PL_EVENTS);
    assert_int_equal(node_of(g, "p")->kinds_out[0], PL_SETPOINTS);
    assert_int_equal(node_of(g, "all")->kind_in, PL_EVENTS);
    pl_graph_free(g);
}

static void sections(void **state) {
    (void)state;
    struct pl_graph *g = good(HEAD "nodes:\n  in: { op: t.source }\n"
                                   "  a: { op: t.filter, from: in }\n"
                                   "  w: { op: t.window, from: a, size: 1s }\n"
                                   "  b: { op: t.filter, from: w }\n"
                                   "  k: { op: t.kpi, from: b }\n"
                                   "  c: { op: t.filter, from: k }\n"
                                   "  j: { op: t.join, from: [a, c] }\n");
    static const struct {
        const char *name;
        bool global;
    } expected[] = {{"in", true}, {"a", false}, {"w", false}, {"b", false}, {"k", true}, {"c", true}, {"j", true}};
    for (size_t i = 0; i < PL_COUNT_OF(expected); i++)
        assert_int_equal(node_of(g, expected[i].name)->global, expected[i].global);
    pl_graph_free(g);
}

static void forms_of_from(void **state) {
    (void)state;
    struct pl_graph *g = good(HEAD "nodes:\n  a-1: { op: t.source }\n  a-2: { op: t.source }\n"
                                   "  w: { op: t.window, from: 'a-*', size: 1s }\n"
                                   "  j: { op: t.join, from: { right: w, left: [a-1, w.late] } }\n"
                                   "  k: { op: t.join, from: [a-1, w] }\n"
                                   "  e: { op: t.pub, from: 'a-?.events' }\n");
    const struct pl_graph_node *w = node_of(g, "w"), *j = node_of(g, "j"), *k = node_of(g, "k"), *e = node_of(g, "e");
    assert_int_equal(w->input_count, 2);
    assert_int_equal(j->input_count, 3);
    assert_int_equal(j->inputs[0].to_port, 1);
    assert_int_equal(j->inputs[2].to_port, 0);
    assert_int_equal(j->inputs[2].from_port, 1);
    assert_string_equal(j->settings.from.items[2], "w.late");
    assert_int_equal(k->inputs[1].to_port, 1);
    assert_int_equal(e->input_count, 2);
    assert_int_equal(e->kind_in, PL_EVENTS);
    pl_graph_free(g);
}

/* ---- Environment, foreach, include, set ---- */

static void unset_variables_in_a_check(void **state) {
    (void)state;
    static const struct pl_graph_options checking = {.checking = true};
    static const char text[] = HEAD "nodes:\n"
                                    "  in: { op: t.source, path: '${NOTHING}' }\n"
                                    "  w: { op: t.window, from: in, size: '${NOTHING}', low: 20 }\n"
                                    "  x: { op: t.window, from: in, size: 1s, low: '${NOTHING}' }\n"
                                    "  f: { op: t.file, from: '${NOTHING}' }\n"
                                    "  g: { op: '${NOTHING}', from: w }\n"
                                    "  h: { op: t.file, from: g.other }\n";
    char *said;
    struct pl_graph *g = parse(text, &checking, &said);
    assert_int_equal(g->node_count, 5); /* g is left out */
    assert_int_equal(node_of(g, "h")->input_count, 0);
    pl_graph_free(g);
    assert_string_equal(said, "g.yaml:4:29: warning: environment variable NOTHING is not set; taken for any value\n"
                              "g.yaml:5:38: warning: environment variable NOTHING is not set; taken for any value\n"
                              "g.yaml:6:47: warning: environment variable NOTHING is not set; taken for any value\n"
                              "g.yaml:7:26: warning: environment variable NOTHING is not set; taken for any value\n"
                              "g.yaml:8:12: warning: environment variable NOTHING is not set; taken for any value\n");
    free(said);
}

static void foreach_makes_nodes(void **state) {
    (void)state;
    struct pl_graph *g = good(HEAD "groups:\n"
                                   "  - foreach: { line: 1..3 }\n"
                                   "    tags: [ { match: 'line{line}.*', unit: 'u{line}' } ]\n"
                                   "    nodes:\n"
                                   "      in-{line}: { op: t.source, path: 'l{line}.csv' }\n"
                                   "      win-{line}-{s}: { foreach: { s: [1, 10] }, op: t.window, from: 'in-{line}', "
                                   "size: '{s}s' }\n"
                                   "nodes:\n"
                                   "  out: { op: t.file, from: 'win-*' }\n");
    assert_int_equal(g->node_count, 3 + 6 + 1);
    assert_int_equal(g->tag_rule_count, 3);
    assert_string_equal(g->tag_rules[2].unit, "u3");
    assert_int_equal(node_of(g, "out")->input_count, 6);
    assert_int_equal(((const struct self *)node_of(g, "win-2-10")->prototype)->size, 10 * PL_SECOND);
    pl_graph_free(g);
}

/* From what stood in its files, which are gone. */
static void read_again(const struct pl_graph *graph) {
    struct pl_graph_options options = {.files = graph->files, .file_count = graph->file_count};
    struct pl_graph *again = NULL;
    struct pl_problem *problems;
    unsigned count;
    assert_int_equal(graph->file_count, 5); /* tags.yaml has been read twice */
    assert_int_equal(pl_graph_load(graph->files[0].path, &options, &again, &problems, &count), PL_OK);
    assert_true(again->hash == graph->hash);
    assert_int_equal(again->tag_rule_count, graph->tag_rule_count);
    assert_int_equal(again->file_count, graph->file_count);
    pl_graph_free(again);
    options.file_count--;
    assert_int_equal(pl_graph_load(graph->files[0].path, &options, &again, &problems, &count), PL_SYNTAX);
    pl_problems_free(problems, count);
}

static void includes(void **state) {
    (void)state;
    char folder[64], path[128], sub[128];
    folder_make(folder);
    snprintf(sub, sizeof sub, "%s/sub", folder);
    char command[256];
    snprintf(command, sizeof command, "mkdir '%s'", sub);
    assert_int_equal(system(command), 0);
    folder_put(folder, "g.yaml",
               HEAD "include: [sub/in.yaml, sub/tags.yaml]\n"
                    "tags: [ { match: own, unit: A } ]\n"
                    "nodes: { out: { op: t.file, from: in } }\n");
    folder_put(sub, "in.yaml", "include: tags.yaml\nnodes: { in: { op: t.source } }\n");
    folder_put(sub, "tags.yaml", "tags: tags.csv\n");
    folder_put(sub, "tags.csv", "match,unit,low,high\n*.voltage,V,0,10\n");
    snprintf(path, sizeof path, "%s/g.yaml", folder);
    struct pl_graph *graph = NULL;
    struct pl_problem *problems;
    unsigned count;
    assert_int_equal(pl_graph_load(path, NULL, &graph, &problems, &count), PL_OK);
    assert_int_equal(count, 0);
    assert_int_equal(graph->node_count, 2);
    assert_int_equal(graph->tag_rule_count, 2); /* tags.yaml counts once, and behind the graph's own */
    assert_string_equal(graph->tag_rules[0].match, "own");
    assert_true(graph->tag_rules[1].high == 10);
    folder_remove(folder);
    read_again(graph);
    pl_graph_free(graph);
}

static void options_from_the_command_line(void **state) {
    (void)state;
    static const char text[] = HEAD "nodes:\n  in: { op: t.source }\n  w: { op: t.window, from: in, size: 1s }\n"
                                    "  o: { op: t.file, from: w }\n";
    const char *const set[] = {
        "w.size=5m", "partitions=3", "o.path=a=b.csv", "log.sync=none", "o.queue.batches=7", "broadcast=[a, b]", NULL};
    struct pl_graph *g = good_with(text, &(struct pl_graph_options){.set = set}, "");
    assert_int_equal(((const struct self *)node_of(g, "w")->prototype)->size, 5 * PL_MINUTE);
    assert_string_equal(((const struct self *)node_of(g, "o")->prototype)->path, "a=b.csv");
    assert_int_equal(g->settings.partitions, 3);
    assert_int_equal(g->settings.log_sync_every, -1);
    assert_int_equal(g->settings.broadcast.count, 2);
    assert_int_equal(node_of(g, "o")->settings.queue_batches, 7);
    pl_graph_free(g);
    const char *const wrong[] = {"w.size=5 min", "w.sizes=1s",         "ww.size=1s",      "nothing", "w=1",
                                 "nodes.x=1",    "o.secret=hush hush", "o.secret.x=hush", NULL};
    bad_with(text, &(struct pl_graph_options){.set = wrong},
             "--set ww.size:0:0: there is no node or option of the graph \"ww\"; did you mean w?\n"
             "--set nothing:0:0: expected NODE.OPTION=VALUE\n"
             "--set w:0:0: expected an option of w, as in w.OPTION=VALUE\n"
             "--set nodes.x:0:0: there is no node or option of the graph \"nodes\"\n"
             "--set w.sizes:0:0: w: there is no option \"sizes\"; did you mean size?\n"
             "--set w.size:0:0: w.size: \"5 min\" is not a duration; write 5m\n"
             "--set o.secret.x:0:0: o.secret: a map is given, but it is a secret text\n");
}

static const char *secret_of(struct pl_graph *graph, size_t *named) {
    const char *set = NULL;
    return pl_graph_set_secret(graph, &set, named) ? set : NULL;
}

static void secrets_from_the_command_line(void **state) {
    (void)state;
    static const char text[] = HEAD "nodes:\n  in: { op: t.source }\n  o: { op: t.file, from: in, path: p }\n";
    static const char *const none[] = {"o.path=secret", "partitions=3", "description=secret", NULL};
    static const char *const of_node[] = {"o.path=a=b", "o.secret=hush", NULL};
    static const char *const of_graph[] = {"log={ kind: kafka, brokers: 'a:1', settings: [ { name: a, value: b } ] }",
                                           NULL};
    size_t named = 0;
    struct pl_graph *g = good_with(text, &(struct pl_graph_options){.set = none}, "");
    assert_null(secret_of(g, &named));
    pl_graph_free(g);
    g = good_with(text, &(struct pl_graph_options){.set = of_node}, "");
    assert_string_equal(secret_of(g, &named), "o.secret=hush");
    assert_int_equal(named, strlen("o.secret"));
    pl_graph_free(g);
    g = good_with(text, &(struct pl_graph_options){.set = of_graph}, "");
    assert_non_null(secret_of(g, &named));
    assert_int_equal(named, strlen("log"));
    pl_graph_free(g);
}

/* ---- Hash, drawing ---- */

static uint64_t hash_of(const char *text) {
    struct pl_graph *g = good(text);
    uint64_t hash = g->hash;
    pl_graph_free(g);
    return hash;
}

static void the_hash_is_of_the_meaning(void **state) {
    (void)state;
    static const char base[] =
        HEAD "nodes:\n  in: { op: t.source, path: a }\n  w: { op: t.window, from: in, size: 60s }\n"
             "  o: { op: t.file, from: w }\n";
    uint64_t hash = hash_of(base);
    static const char *const same[] = {
        "# comment\nname: test\npotline: 1\ndescription: for people\nlog: true\npartitions: 1\nnodes:\n"
        "  o:\n    from: [w]\n    op: t.file\n    doc: for people\n"
        "  w: { from: in.out, op: t.window, size: 1m, low: 0 }\n  in: { op: 't.source', path: \"a\", secret: hush }\n",
        HEAD "groups: [ { foreach: { x: [in] }, nodes: { '{x}': { op: t.source, path: a } } } ]\n"
             "nodes: { w: { op: t.window, from: in, size: 0.5m30s }, o: { op: t.file, from: w } }\n",
    };
    assert_int_equal(hash_of(same[0]), hash);
    (void)same;
    static const char *const other[] = {
        HEAD "nodes:\n  in: { op: t.source, path: b }\n  w: { op: t.window, from: in, size: 60s }\n  o: { op: t.file, "
             "from: w }\n",
        HEAD "nodes:\n  in: { op: t.source, path: a }\n  w: { op: t.window, from: in, size: 61s }\n  o: { op: t.file, "
             "from: w }\n",
        HEAD "nodes:\n  in: { op: t.source, path: a }\n  v: { op: t.window, from: in, size: 60s }\n  o: { op: t.file, "
             "from: v }\n",
        HEAD "nodes:\n  in: { op: t.source, path: a }\n  w: { op: t.window, from: in, size: 60s }\n  o: { op: t.file, "
             "from: w.late }\n",
        HEAD "partitions: 2\nnodes:\n  in: { op: t.source, path: a }\n  w: { op: t.window, from: in, size: 60s }\n  o: "
             "{ op: t.file, from: w }\n",
        HEAD "tags: [ { match: a } ]\nnodes:\n  in: { op: t.source, path: a }\n  w: { op: t.window, from: in, size: "
             "60s }\n  o: { op: t.file, from: w }\n",
    };
    for (size_t i = 0; i < PL_COUNT_OF(other); i++)
        assert_int_not_equal(hash_of(other[i]), hash);
}

static char *drawn(const struct pl_graph *graph, enum pl_drawing drawing) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_true(pl_graph_draw(graph, drawing, out));
    fclose(out);
    return text;
}

static void drawings(void **state) {
    (void)state;
    struct pl_graph *g = good(HEAD "nodes:\n  in: { op: t.source }\n  w: { op: t.window, from: in, size: 1s }\n"
                                   "  end: { op: t.file, from: w.late }\n");
    char *text = drawn(g, PL_DRAW_MERMAID);
    assert_string_equal(text, "flowchart LR\n"
                              "    subgraph source[\"sources\"]\n"
                              "        n0([\"in<br/><small>t.source</small>\"])\n"
                              "    end\n"
                              "    subgraph keyed[\"once a partition\"]\n"
                              "        n1[\"w<br/><small>t.window</small>\"]\n"
                              "    end\n"
                              "    subgraph global[\"once\"]\n"
                              "        n2[/\"end<br/><small>t.file</small>\"/]\n"
                              "    end\n"
                              "    n0 -->|samples| n1\n"
                              "    n1 -->|late: samples| n2\n");
    free(text);
    text = drawn(g, PL_DRAW_DOT);
    assert_non_null(strstr(text, "    \"w\" -> \"end\" [label=\"late: samples\"];\n"));
    free(text);
    text = drawn(g, PL_DRAW_JSON);
    assert_non_null(strstr(text, "\"section\": \"keyed\""));
    assert_non_null(strstr(text, "\"output\": \"late\""));
    free(text);
    pl_graph_free(g);
}

/* ---- Limits ---- */

static void every_allocation_may_fail(void **state) {
    (void)state;
    static const char text[] = HEAD "groups:\n  - { foreach: { n: [1, 2] }, nodes: { 'in{n}': { op: t.source } } }\n"
                                    "tags: [ { match: '*', range: [1, 2] } ]\n"
                                    "nodes:\n  w: { op: t.window, from: 'in*', size: '${NOTHING:-1s}' }\n"
                                    "  o: { op: t.file, from: [w], path: x }\n";
    const char *const set[] = {"o.queue.batches=5", NULL};
    for (int64_t n = 0;; n++) {
        int64_t live = pl_alloc_live();
        struct pl_graph *graph;
        struct pl_problem *problems;
        unsigned count;
        pl_alloc_fail_after(n);
        enum pl_code code = pl_graph_parse(text, sizeof text - 1, "g.yaml", &(struct pl_graph_options){.set = set},
                                           &graph, &problems, &count);
        pl_alloc_fail_after(-1);
        assert_int_equal(graph != NULL, code == PL_OK);
        pl_graph_free(graph);
        pl_problems_free(problems, count);
        assert_int_equal(pl_alloc_live(), live);
        if (code == PL_OK) break;
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_is_read),
        cmocka_unit_test(checkpoints_of_a_group),
        cmocka_unit_test(what_a_full_edge_does_depends_on_the_sink),
        cmocka_unit_test(kinds_travel_through),
        cmocka_unit_test(sections),
        cmocka_unit_test(forms_of_from),
        cmocka_unit_test(unset_variables_in_a_check),
        cmocka_unit_test(foreach_makes_nodes),
        cmocka_unit_test(includes),
        cmocka_unit_test(options_from_the_command_line),
        cmocka_unit_test(secrets_from_the_command_line),
        cmocka_unit_test(the_hash_is_of_the_meaning),
        cmocka_unit_test(drawings),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, add_operators, NULL);
}
