/* testing_graph.h: what the tests of whole graphs share: operators to make them of, and loading with what is said. */
#ifndef POTLINE_GRAPH_TESTING_GRAPH_H
#define POTLINE_GRAPH_TESTING_GRAPH_H

#include "graph.h"
#include "graph/registry.h"
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

static inline enum pl_flow produce(void *self, struct pl_node *node) {
    (void)self;
    (void)node;
    return PL_FLOW_END;
}

static inline enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)self;
    (void)node;
    (void)input;
    (void)batch;
    return PL_FLOW_OK;
}

static inline void check_ends(void *self, struct pl_check *check) {
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
    OPERATOR("t.guard", .scope = PL_GLOBAL, .flags = PL_OP_GUARD | PL_OP_MIXED,
             .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES) | PL_SET(PL_SETPOINTS), PL_PORT_FIXED, NULL}),
             .outputs =
                 PL_PORTS({"out", PL_SET(PL_SETPOINTS), PL_PORT_FIXED, NULL}, {"events", EVENTS, PL_PORT_FIXED, NULL})),
    OPERATOR("t.field", .scope = PL_GLOBAL, .flags = PL_OP_FIELD,
             .inputs = PL_PORTS({"in", PL_SET(PL_SETPOINTS), PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", EVENTS, PL_PORT_FIXED, NULL})),
    OPERATOR("t.pub", .scope = PL_GLOBAL, .flags = PL_OP_LOSSY | PL_OP_MIXED,
             .inputs = PL_PORTS({"in", PL_SET_ALL, PL_PORT_FIXED, NULL})),
};

static inline int add_operators(void **state) {
    (void)state;
    for (size_t i = 0; i < PL_COUNT_OF(operators); i++)
        assert_true(pl_registry_add(&operators[i]));
    unsetenv("NOTHING");
    return 0;
}

/* ---- Loading ---- */

#define HEAD "potline: 1\nname: test\n"

static inline struct pl_graph *parse(const char *text, const struct pl_graph_options *options, char **said) {
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
static inline struct pl_graph *good_with(const char *text, const struct pl_graph_options *options, const char *said) {
    char *text_said;
    struct pl_graph *graph = parse(text, options, &text_said);
    assert_string_equal(text_said, said);
    assert_non_null(graph);
    free(text_said);
    return graph;
}

static inline struct pl_graph *good(const char *text) {
    return good_with(text, NULL, "");
}

static inline void bad_with(const char *text, const struct pl_graph_options *options, const char *said) {
    char *text_said;
    int64_t live = pl_alloc_live();
    struct pl_graph *graph = parse(text, options, &text_said);
    assert_string_equal(text_said, said);
    assert_null(graph);
    assert_int_equal(pl_alloc_live(), live);
    free(text_said);
}

static inline void bad(const char *text, const char *said) {
    bad_with(text, NULL, said);
}

static inline const struct pl_graph_node *node_of(const struct pl_graph *graph, const char *name) {
    for (unsigned i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, name) == 0) return &graph->nodes[i];
    return NULL;
}

#endif
