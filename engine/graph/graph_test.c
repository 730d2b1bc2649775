#include "graph.h"

#include "draw.h"
#include "runtime/registry.h"
#include "settings.h"
#include "testing.h"

/* ---- Operators to make graphs of ---- */

struct self {
    int64_t size;
    uint32_t kind;
    const char *path, *secret;
    bool upper_given;
    int64_t low, high;
};

static const char *const kinds[] = {"samples", "windows", "profiles", "setpoints", "events", NULL};

static const struct pl_option size_options[] = {
    PL_OPT_DURATION(struct self, size, "size", NULL, "1ms", "30d", PL_STATE, "Length of one window."),
    PL_OPT_INT(struct self, low, "low", "0", NULL, NULL, PL_LIVE, "The lower end."),
    PL_OPT_INT(struct self, high, "high", "9", NULL, NULL, PL_LIVE, "The upper end."),
    PL_OPT_END,
};
static const struct pl_option kind_options[] = {
    PL_OPT_CHOICE(struct self, kind, "kind", "events", kinds, PL_FIXED, "What it gives."),
    PL_OPT_END,
};
static const struct pl_option path_options[] = {
    PL_OPT_PATH(struct self, path, "path", "", PL_FIXED, "Where to."),
    PL_OPT_SECRET(struct self, secret, "secret", "", PL_FIXED, "The key."),
    PL_OPT_END,
};

static enum pl_flow produce(void *self, struct pl_node *node) {
    (void)self;
    (void)node;
    return PL_FLOW_END;
}

static enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)node;
    (void)input;
    (void)batch;
    return PL_FLOW_OK;
}

static void check_ends(void *self, struct pl_check *check) {
    const struct self *s = self;
    if (s->low > s->high) pl_check_error(check, "low", "%d is above high", (int)s->low);
}

#define SAMPLES PL_SET(PL_SAMPLES)
#define WINDOWS PL_SET(PL_WINDOWS)
#define EVENTS PL_SET(PL_EVENTS)
#define OPERATOR(n, ...)                                                                                               \
    { PL_OPERATOR(n, "For tests."), .instance_size = sizeof(struct self), .process = process, __VA_ARGS__ }

static const struct pl_operator operators[] = {
    OPERATOR("t.source", .produce = produce, .scope = PL_GLOBAL, .options = path_options,
             .outputs = PL_PORTS({"out", SAMPLES, PL_PORT_FIXED, NULL}, {"events", EVENTS, PL_PORT_FIXED, NULL})),
    OPERATOR("t.clean", .scope = PL_KEYED, .inputs = PL_PORTS({"in", SAMPLES, PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", SAMPLES, PL_PORT_SAME, NULL})),
    OPERATOR("t.filter", .scope = PL_EITHER, .inputs = PL_PORTS({"in", PL_SET_ALL, PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", PL_SET_ALL, PL_PORT_SAME, NULL})),
    OPERATOR("t.window", .scope = PL_KEYED, .options = size_options, .check = check_ends,
             .inputs = PL_PORTS({"in", SAMPLES | WINDOWS, PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", WINDOWS, PL_PORT_FIXED, NULL}, {"late", SAMPLES, PL_PORT_FIXED, NULL})),
    OPERATOR("t.kpi", .scope = PL_GLOBAL, .inputs = PL_PORTS({"in", WINDOWS, PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", WINDOWS, PL_PORT_FIXED, NULL})),
    OPERATOR("t.join", .scope = PL_EITHER,
             .inputs = PL_PORTS({"left", SAMPLES, PL_PORT_FIXED, NULL}, {"right", WINDOWS, PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", SAMPLES, PL_PORT_FIXED, NULL})),
    OPERATOR("t.pick", .scope = PL_EITHER, .options = kind_options,
             .inputs = PL_PORTS({"in", SAMPLES, PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", PL_SET_ALL, PL_PORT_OPTION, NULL})),
    OPERATOR("t.file", .scope = PL_GLOBAL, .options = path_options,
             .inputs = PL_PORTS({"in", PL_SET_ALL, PL_PORT_FIXED, NULL})),
    OPERATOR("t.database", .scope = PL_GLOBAL, .flags = PL_OP_OUTSIDE,
             .inputs = PL_PORTS({"in", PL_SET_ALL, PL_PORT_FIXED, NULL})),
    OPERATOR("t.pub", .scope = PL_GLOBAL, .flags = PL_OP_LOSSY | PL_OP_MIXED,
             .inputs = PL_PORTS({"in", PL_SET_ALL, PL_PORT_FIXED, NULL})),
};

static int add_operators(void **state) {
    (void)state;
    for (size_t i = 0; i < PL_COUNT_OF(operators); i++)
        assert_true(pl_registry_add(&operators[i]));
    unsetenv("NOTHING");
    return 0;
}

/* ---- Loading ---- */

#define HEAD "potline: 1\nname: test\n"

static struct pl_graph *parse(const char *text, const struct pl_graph_options *options, char **said) {
    struct pl_graph *graph = NULL;
    struct pl_problem *problems = NULL;
    unsigned count = 0;
    enum pl_code code = pl_graph_parse(text, strlen(text), "g.yaml", options, &graph, &problems, &count);
    assert_int_equal(code == PL_OK, graph != NULL);
    *said = problems_text(problems, count);
    pl_problems_free(problems, count);
    return graph;
}

/* A graph whose text has only warnings, or none. */
static struct pl_graph *good_with(const char *text, const struct pl_graph_options *options, const char *said) {
    char *text_said;
    struct pl_graph *graph = parse(text, options, &text_said);
    assert_string_equal(text_said, said);
    assert_non_null(graph);
    free(text_said);
    return graph;
}

static struct pl_graph *good(const char *text) {
    return good_with(text, NULL, "");
}

static void bad_with(const char *text, const struct pl_graph_options *options, const char *said) {
    char *text_said;
    int64_t live = pl_alloc_live();
    struct pl_graph *graph = parse(text, options, &text_said);
    assert_string_equal(text_said, said);
    assert_null(graph);
    assert_int_equal(pl_alloc_live(), live);
    free(text_said);
}

static void bad(const char *text, const char *said) {
    bad_with(text, NULL, said);
}

static const struct pl_graph_node *node_of(const struct pl_graph *graph, const char *name) {
    for (unsigned i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, name) == 0) return &graph->nodes[i];
    return NULL;
}

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
    assert_int_equal(g->settings.linger, PL_MILLISECOND);
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

/* ---- Mistakes ---- */

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
    pl_graph_free(graph);
    folder_remove(folder);
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

/* Every option table of the engine itself: defaults that fit, sentences that end. */
static void check_table(const struct pl_option *rows) {
    for (; rows->name; rows++) {
        assert_non_null(rows->doc);
        assert_int_equal(rows->doc[strlen(rows->doc) - 1], '.');
        if (rows->rows) check_table(rows->rows);
    }
}

static void own_tables_are_well_kept(void **state) {
    (void)state;
    check_table(pl__graph_options);
    check_table(pl__node_options);
    check_table(pl__source_options);
    check_table(pl__sink_options);
    check_table(pl__tag_options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_is_read),
        cmocka_unit_test(what_a_full_edge_does_depends_on_the_sink),
        cmocka_unit_test(kinds_travel_through),
        cmocka_unit_test(sections),
        cmocka_unit_test(forms_of_from),
        cmocka_unit_test(heads),
        cmocka_unit_test(tags),
        cmocka_unit_test(nodes),
        cmocka_unit_test(inputs),
        cmocka_unit_test(kinds_that_do_not_fit),
        cmocka_unit_test(circles),
        cmocka_unit_test(keyed_behind_global),
        cmocka_unit_test(a_long_chain_is_no_trouble),
        cmocka_unit_test(edges_are_bounded),
        cmocka_unit_test(many_problems_are_cut_to_a_hundred),
        cmocka_unit_test(unset_variables_in_a_check),
        cmocka_unit_test(foreach_makes_nodes),
        cmocka_unit_test(a_mistake_in_a_template_is_told_once),
        cmocka_unit_test(includes),
        cmocka_unit_test(mistakes_in_includes),
        cmocka_unit_test(options_from_the_command_line),
        cmocka_unit_test(the_hash_is_of_the_meaning),
        cmocka_unit_test(drawings),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(own_tables_are_well_kept),
    };
    return cmocka_run_group_tests(tests, add_operators, NULL);
}
