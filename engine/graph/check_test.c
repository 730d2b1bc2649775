/* Graphs that are wrong, and what is said about them. */
#include <librdkafka/rdkafka.h>

#include <potline/scram.h>

#include "testing_graph.h"

static void heads(void **state) {
    (void)state;
    bad("name: x\nnodes: { in: { op: t.source } }\n", "g.yaml:1:1: the first line of a graph file is \"potline: 1\"\n"
                                                      "g.yaml:2:10: warning: in: no node takes from this source\n");
    bad("potline: 2\nname: x\nnodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n",
        "g.yaml:1:10: potline: version \"2\" of graph files is not known; this engine reads 1\n");
    bad("potline: 1\nnodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n",
        "g.yaml:1:1: name is missing: What this graph is called: lower-case letters, digits and '-'.\n");
    bad("potline: 1\nname: My Graph\nnodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n",
        "g.yaml:2:7: name: \"My Graph\" is no name for a graph; up to 63 lower-case letters, digits and '-'\n");
    bad("potline: 1\nname: x\n", "g.yaml:1:1: a graph needs nodes, like in: { op: source.csv, ... }\n");
    bad(HEAD "nodes: []\n", "g.yaml:3:8: nodes is a map of names and nodes, like in: { op: source.csv, ... }\n");
    bad("- 1\n", "g.yaml:1:1: a graph file is a map: potline: 1, name: ..., nodes: ...\n");
    bad(HEAD "log: false\nqueue: false\npartition: 4\nnodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n",
        "g.yaml:3:6: log: a graph without a log says log: { kind: none }\n"
        "g.yaml:4:8: queue: an edge always has a queue\n"
        "g.yaml:5:1: there is no option \"partition\"; did you mean partitions?\n");
    bad(HEAD "log: { kind: none, sync: often }\nnodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n",
        "g.yaml:3:14: warning: log.kind: without a log there is no replay and no recovery: what is under way at a "
        "crash "
        "is lost\n"
        "g.yaml:3:26: log.sync: \"often\" is not a duration like 10ms, nor each or none\n");
}

/* A librdkafka whose SCRAM brokers refuse is told of the log as of a node. */
static void scram_of_the_log(void **state) {
    (void)state;
    static const char text[] =
        HEAD "log: { kind: kafka, brokers: 'a:1', settings: [ { name: sasl.mechanism, value: %s } ] }\n"
             "nodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n";
    char graph[300], said[400] = "";
    if (pl_scram_is_refused(rd_kafka_version(), "sasl.mechanism", "SCRAM-SHA-256"))
        snprintf(said, sizeof said, "g.yaml:3:49: warning: log.settings[0]: " PL_SCRAM_REFUSED "\n",
                 rd_kafka_version_str());
    snprintf(graph, sizeof graph, text, "SCRAM-SHA-256");
    pl_graph_free(good_with(graph, NULL, said));
    snprintf(graph, sizeof graph, text, "PLAIN");
    pl_graph_free(good(graph));
}

static void tags(void **state) {
    (void)state;
    bad(HEAD "tags:\n"
             "  - { unit: V }\n"
             "  - { match: '', range: [1] }\n"
             "  - { match: a, range: [5, 1] }\n"
             "  - { match: a, range: [x, .nan] }\n"
             "  - { match: a, low: 5, high: 1 }\n"
             "  - { match: a, range: [1, 2], low: 0 }\n"
             "  - nothing\n"
             "  - { mtach: a }\n"
             "nodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n",
        "g.yaml:4:5: tags[0]: match is missing: Pattern of the tags that this is about: * any run, ? one character, "
        "{a,b} either.\n"
        "g.yaml:5:14: tags[1].match: an empty pattern fits no tag\n"
        "g.yaml:5:25: tags[1].range: a range is two numbers: [low, high]\n"
        "g.yaml:6:24: tags[2].range: the lower end 5 is above the upper end 1\n"
        "g.yaml:7:25: tags[3].range[0]: \"x\" is not a number\n"
        "g.yaml:7:28: tags[3].range[1]: \".nan\" is not a number\n"
        "g.yaml:8:31: tags[4].high: the lower end 5 is above the upper end 1\n"
        "g.yaml:9:37: tags[5].low: range has this end already\n"
        "g.yaml:10:5: tags[6]: a tag rule is a map, like { match: \"*.voltage\", unit: V }\n"
        "g.yaml:11:5: tags[7]: match is missing: Pattern of the tags that this is about: * any run, ? one character, "
        "{a,b} either.\n"
        "g.yaml:11:7: tags[7]: there is no option \"mtach\"; did you mean match?\n");
}

static void nodes(void **state) {
    (void)state;
    bad(HEAD "nodes:\n"
             "  1st: { op: t.source }\n"
             "  a b: { op: t.source }\n"
             "  'x{pot}': { op: t.source }\n"
             "  text: nothing\n"
             "  none: { from: text }\n"
             "  typo: { op: t.widnow, from: none }\n"
             "  list: { op: [t.window] }\n"
             "  win: { op: t.window, from: typo, size: 10 sec, hihg: 3 }\n"
             "  low: { op: t.window, from: win, size: 10s, low: 10 }\n"
             "  was: { op: t.file, from: low, was: win }\n"
             "  w2: { op: t.file, from: low, was: old }\n"
             "  w3: { op: t.file, from: low, was: old, idle: 5s }\n"
             "  w4: { op: t.filter, from: low, on_full: drop }\n",
        "g.yaml:4:3: \"1st\" is no name for a node; a letter, then up to 62 letters, digits, '-' and '_'\n"
        "g.yaml:5:3: \"a b\" is no name for a node; a letter, then up to 62 letters, digits, '-' and '_'\n"
        "g.yaml:6:3: \"x{pot}\" is no name for a node; the braces hold no variable of a foreach\n"
        "g.yaml:7:3: text: a node is a map, like { op: cleanse, from: in }\n"
        "g.yaml:8:3: none: op is missing: what the node does, like op: cleanse\n"
        "g.yaml:9:15: typo.op: there is no operator \"t.widnow\"; did you mean t.window?\n"
        "g.yaml:10:15: list.op: there is no operator of that form\n"
        "g.yaml:11:42: win.size: \"10 sec\" is not a duration; write 10s\n"
        "g.yaml:11:50: win: there is no option \"hihg\"; did you mean high?\n"
        "g.yaml:12:51: low.low: 10 is above high\n"
        "g.yaml:13:38: was.was: there is a node win in this graph\n"
        "g.yaml:15:37: w3.was: w2 was old too\n"
        "g.yaml:15:42: w3.idle: is an option of sources; this node has an input\n"
        "g.yaml:16:34: w4.on_full: is an option of sinks; this node has an output\n");
}

static void inputs(void **state) {
    (void)state;
    bad(HEAD "nodes:\n"
             "  in: { op: t.source, from: win }\n"
             "  clean: { op: t.clean }\n"
             "  win: { op: t.window, from: claen, size: 1s }\n"
             "  late: { op: t.clean, from: [win.lat, in.zzz] }\n"
             "  sink: { op: t.file, from: in }\n"
             "  past: { op: t.file, from: sink }\n"
             "  dup: { op: t.file, from: [in, in] }\n"
             "  none: { op: t.file, from: [] }\n"
             "  glob: { op: t.file, from: 'x-*' }\n"
             "  j1: { op: t.join, from: in }\n"
             "  j2: { op: t.join, from: [in, win, in] }\n"
             "  j3: { op: t.join, from: { left: in, rigth: win } }\n"
             "  odd: { op: t.file, from: [[in]] }\n",
        "g.yaml:4:29: in.from: t.source is a source and takes from no node\n"
        "g.yaml:5:3: clean: from is missing: which node it takes samples from\n"
        "g.yaml:6:30: win.from: there is no node \"claen\"; did you mean clean?\n"
        "g.yaml:7:31: late.from: win has no output \"lat\"; did you mean win.late?\n"
        "g.yaml:7:40: late.from: in has no output \"zzz\"; its outputs: out, events\n"
        "g.yaml:9:29: past.from: sink is a sink (t.file): it has no output\n"
        "g.yaml:10:33: dup.from: in is given twice\n"
        "g.yaml:11:29: none.from: names no node\n"
        "g.yaml:12:29: glob.from: no node fits \"x-*\"\n"
        "g.yaml:13:27: j1.from: input right gets nothing; the inputs of t.join: left, right\n"
        "g.yaml:14:27: j2.from: 3 nodes for the 2 inputs of t.join; name the inputs in a map\n"
        "g.yaml:15:39: j3.from: t.join has no input \"rigth\"; its inputs: left, right\n"
        "g.yaml:16:29: odd.from: expected the name of a node, or node.output\n");
}

static void kinds_that_do_not_fit(void **state) {
    (void)state;
    bad(HEAD "nodes:\n"
             "  in: { op: t.source }\n"
             "  win: { op: t.window, from: in.events, size: 1s }\n"
             "  f: { op: t.filter, from: in.events }\n"
             "  k: { op: t.kpi, from: f }\n"
             "  j: { op: t.join, from: [win, in] }\n"
             "  c: { op: t.file, from: [in, win] }\n"
             "  p: { op: t.pick, from: in, kind: profiles }\n"
             "  q: { op: t.window, from: p, size: 1s }\n",
        "g.yaml:5:30: win.from: t.window takes samples or windows, but in.events (t.source) gives events\n"
        "g.yaml:7:25: k.from: t.kpi takes windows, but f (t.filter) gives events\n"
        "g.yaml:8:27: j.from: t.join takes samples at left, but win (t.window) gives windows\n"
        "g.yaml:8:32: j.from: t.join takes windows at right, but in (t.source) gives samples\n"
        "g.yaml:9:31: c.from: one input takes one kind, but in gives samples and win gives windows; use a node for "
        "each\n"
        "g.yaml:11:28: q.from: t.window takes samples or windows, but p (t.pick) gives profiles\n");
}

static void set_points_pass_a_guard(void **state) {
    (void)state;
    pl_graph_free(good(HEAD "nodes:\n"
                            "  in: { op: t.source }\n"
                            "  p: { op: t.pick, from: in, kind: setpoints }\n"
                            "  safe: { op: t.guard, from: p }\n"
                            "  plc: { op: t.field, from: safe }\n"
                            "  out: { op: t.file, from: [safe.events, plc] }\n"));
    bad(HEAD "nodes:\n"
             "  in: { op: t.source }\n"
             "  p: { op: t.pick, from: in, kind: setpoints }\n"
             "  plc: { op: t.field, from: p }\n",
        "g.yaml:6:29: plc.from: set points go to the field (t.field) straight from a guard only, and p (t.pick) is "
        "none; put one between, like guard: { op: guard, from: { in: p } }\n");
    bad(HEAD "nodes:\n"
             "  in: { op: t.source }\n"
             "  p: { op: t.pick, from: in, kind: setpoints }\n"
             "  safe: { op: t.guard, from: p }\n"
             "  some: { op: t.filter, from: safe }\n"
             "  plc: { op: t.field, from: [safe, some] }\n",
        "g.yaml:8:36: plc.from: set points go to the field (t.field) straight from a guard only, and some (t.filter) "
        "is none; take them from safe\n");
    pl_graph_free(good_with(HEAD "nodes:\n"
                                 "  in: { op: t.source }\n"
                                 "  safe: { op: t.guard, from: in }\n"
                                 "  plc: { op: t.field, from: safe }\n"
                                 "  out: { op: t.file, from: [safe.events, plc] }\n",
                            NULL,
                            "g.yaml:5:30: warning: safe.from: no node gives it set points, so nothing but what people "
                            "set (guard set) can go to the field; samples are signals that set points are judged "
                            "by\n"));
    static const char outlives[] = "this process ends with its engine; guard and sinks that are to outlive it are a "
                                   "graph of their own: potline run GRAPH --field FILE\n";
    char said[512];
    snprintf(said, sizeof said, "g.yaml:6:42: warning: safe.isolate: %sg.yaml:7:44: warning: plc.isolate: %s", outlives,
             outlives);
    pl_graph_free(good_with(HEAD "nodes:\n"
                                 "  in: { op: t.source }\n"
                                 "  p: { op: t.pick, from: in, kind: setpoints, isolate: process }\n"
                                 "  safe: { op: t.guard, from: p, isolate: process }\n"
                                 "  plc: { op: t.field, from: safe, isolate: process }\n"
                                 "  out: { op: t.file, from: [safe.events, plc] }\n",
                            NULL, said));
}

static void circles(void **state) {
    (void)state;
    bad(HEAD "nodes:\n"
             "  in: { op: t.source }\n"
             "  a: { op: t.filter, from: [in, c] }\n"
             "  b: { op: t.filter, from: a }\n"
             "  c: { op: t.filter, from: b }\n"
             "  self: { op: t.filter, from: self }\n",
        "g.yaml:6:28: b.from: nodes take from each other in a circle (a -> b -> c -> a); what is to come back is read "
        "by "
        "a source\n"
        "g.yaml:8:31: self.from: nodes take from each other in a circle (self -> self); what is to come back is read "
        "by "
        "a source\n");
}

static void keyed_behind_global(void **state) {
    (void)state;
    bad(HEAD "nodes:\n"
             "  in: { op: t.source }\n"
             "  w: { op: t.window, from: in, size: 1s }\n"
             "  k: { op: t.kpi, from: w }\n"
             "  f: { op: t.filter, from: k }\n"
             "  late: { op: t.window, from: f, size: 1h }\n",
        "g.yaml:8:31: late.from: t.window works on each partition by itself, but f (t.filter) runs once for the whole "
        "plant and what it gives belongs to no partition; put this node before it\n");
}

static void a_long_chain_is_no_trouble(void **state) {
    (void)state;
    char *text = malloc(1 << 20), *at = text;
    at += sprintf(at, HEAD "nodes:\n  n0: { op: t.source }\n");
    for (int i = 1; i < 9999; i++)
        at += sprintf(at, "  n%d: { op: t.filter, from: n%d }\n", i, i - 1);
    at += sprintf(at, "  end: { op: t.file, from: n9998 }\n");
    struct pl_graph *g = good(text);
    assert_int_equal(g->node_count, 10000);
    pl_graph_free(g);
    sprintf(at, "  more: { op: t.file, from: n1 }\n");
    bad(text, "g.yaml:3:1: more than 10,000 nodes\n");
    free(text);
}

/* Each node takes from all before it: too many edges. */
static void edges_are_bounded(void **state) {
    (void)state;
    char *text = malloc(1 << 20), *at = text;
    at += sprintf(at, HEAD "nodes:\n");
    for (int i = 0; i < 400; i++)
        at += sprintf(at, "  s%d: { op: t.source }\n", i);
    for (int i = 0; i < 400; i++)
        at += sprintf(at, "  f%d: { op: t.pub, from: 's*' }\n", i);
    char *said;
    struct pl_graph *g = parse(text, NULL, &said);
    assert_null(g);
    assert_non_null(strstr(said, "more than 100,000 edges in the graph"));
    free(said);
    free(text);
}

static void many_problems_are_cut_to_a_hundred(void **state) {
    (void)state;
    char *text = malloc(1 << 20), *at = text, *said;
    at += sprintf(at, HEAD "nodes:\n");
    for (int i = 0; i < 5000; i++)
        at += sprintf(at, "  n%d: { op: none }\n", i);
    assert_null(parse(text, NULL, &said));
    unsigned lines = 0;
    for (const char *line = said; (line = strchr(line, '\n')); line++)
        lines++;
    assert_int_equal(lines, 101);
    assert_non_null(strstr(said, "g.yaml:4:13: n0.op"));
    assert_non_null(strstr(said, "4900 more problems are not shown"));
    free(said);
    free(text);
}

static void a_mistake_in_a_template_is_told_once(void **state) {
    (void)state;
    bad(HEAD "nodes:\n"
             "  in-{p}: { foreach: { p: 01..20 }, op: t.source }\n"
             "  win-{p}: { foreach: { p: 01..20 }, op: t.window, from: 'in-{p}', size: 10 sec, hihg: 1 }\n"
             "  out: { op: t.file, from: 'win-*' }\n",
        "g.yaml:5:74: win-01.size: \"10 sec\" is not a duration; write 10s\n"
        "g.yaml:5:82: win-01: there is no option \"hihg\"; did you mean high?\n");
    bad(HEAD "nodes:\n"
             "  in-{p}: { foreach: { p: 01..20 }, op: t.source }\n"
             "  win-{p}: { foreach: { p: 01..21 }, op: t.window, from: 'in-{p}', size: 1s }\n"
             "  out: { op: t.file, from: 'win-*' }\n",
        "g.yaml:5:58: win-21.from: there is no node \"in-21\"; did you mean in-01?\n");
}

static void expect_folder(const char *said) {
    struct pl_graph *graph = NULL;
    struct pl_problem *problems;
    unsigned count;
    pl_graph_load("g.yaml", NULL, &graph, &problems, &count);
    char *text = problems_text(problems, count);
    assert_string_equal(text, said);
    assert_null(graph);
    free(text);
    pl_problems_free(problems, count);
}

static void mistakes_in_includes(void **state) {
    (void)state;
    char folder[64], here[512];
    folder_make(folder);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    folder_put(".", "g.yaml", HEAD "include: [a.yaml, none.yaml, { x: 1 }, .]\nnodes: { in: { op: t.source } }\n");
    folder_put(
        ".", "a.yaml",
        "potline: 1\nname: other\nlgo: 1\ninclude: b.yaml\nnodes: { in: { op: t.source }, in: { op: t.source } }\n");
    folder_put(".", "b.yaml", "include: [b.yaml, g.yaml]\ntags: {}\nnodes: { out: { op: t.file, from: in }\n");
    expect_folder("g.yaml:3:19: include \"none.yaml\": no such file\n"
                  "g.yaml:3:30: include is the path of a file, or a list of them\n"
                  "g.yaml:3:40: include \".\": a folder\n"
                  "g.yaml:4:10: \"in\" is given twice, first at a.yaml:5:10\n"
                  "a.yaml:2:1: an included file has no \"name\"; settings stand in the graph file itself\n"
                  "a.yaml:3:1: an included file has no \"lgo\"; settings stand in the graph file itself\n"
                  "a.yaml:5:10: warning: in: no node takes from this source\n"
                  "a.yaml:5:32: \"in\" is given twice, first at 5:10\n"
                  "b.yaml:4:1: expected ',' or '}' before this (opened at 3:8)\n");
    folder_put(".", "b.yaml", "include: [b.yaml, g.yaml]\ntags: {}\n");
    folder_put(".", "a.yaml", "include: b.yaml\n");
    folder_put(".", "g.yaml", HEAD "include: a.yaml\nnodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n");
    expect_folder("b.yaml:1:11: files include each other in a circle: g.yaml -> a.yaml -> b.yaml -> b.yaml\n"
                  "b.yaml:1:19: files include each other in a circle: g.yaml -> a.yaml -> b.yaml -> g.yaml\n"
                  "b.yaml:2:7: tags is a list of rules, or the path of a CSV file\n");
    for (int i = 0; i < 10; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "d%d.yaml", i);
        snprintf(text, sizeof text, "include: d%d.yaml\n", i + 1);
        folder_put(".", name, text);
    }
    folder_put(".", "g.yaml", HEAD "include: d0.yaml\nnodes: { in: { op: t.source }, o: { op: t.file, from: in } }\n");
    expect_folder("d7.yaml:1:10: files include each other more than 8 deep\n");
    assert_int_equal(chdir(here), 0);
    folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(scram_of_the_log),
        cmocka_unit_test(tags),
        cmocka_unit_test(nodes),
        cmocka_unit_test(inputs),
        cmocka_unit_test(kinds_that_do_not_fit),
        cmocka_unit_test(set_points_pass_a_guard),
        cmocka_unit_test(circles),
        cmocka_unit_test(keyed_behind_global),
        cmocka_unit_test(a_long_chain_is_no_trouble),
        cmocka_unit_test(edges_are_bounded),
        cmocka_unit_test(many_problems_are_cut_to_a_hundred),
        cmocka_unit_test(a_mistake_in_a_template_is_told_once),
        cmocka_unit_test(mistakes_in_includes),
    };
    return cmocka_run_group_tests(tests, add_operators, NULL);
}
