/* A graph file is anything; what is loaded from it holds together, and everything else is reported in order. */
#include <potline/alloc.h>
#include <string.h>

#include "expect.h"
#include "graph/draw.h"
#include "graph/registry.h"

/* Operators with an option of each type, and ports of each way to give a kind. */
static const char *const kinds[] = {"samples", "windows", "profiles", "setpoints", "events", NULL};

struct self {
    bool flag, group;
    int64_t number, size, inner;
    double real, rate;
    const char *text, *path, *file, *secret;
    pl_time span, when;
    uint32_t kind, set;
    struct pl_strings names;
    struct pl_list rows;
};

struct row {
    const char *tag;
    int64_t address;
};

static const struct pl_option row_options[] = {
    PL_OPT_STRING(struct row, tag, "tag", NULL, PL_FIXED, "A tag."),
    PL_OPT_INT(struct row, address, "address", "0", "0", "9", PL_FIXED, "An address."),
    PL_OPT_END,
};
static const struct pl_option group_options[] = {
    PL_OPT_INT(struct self, inner, "inner", NULL, NULL, NULL, PL_FIXED, "A number in a group."),
    PL_OPT_END,
};
static const struct pl_option options[] = {
    PL_OPT_BOOL(struct self, flag, "flag", "true", PL_FIXED, "A flag."),
    PL_OPT_INT(struct self, number, "number", "1", "0", "10", PL_FIXED, "A number."),
    PL_OPT_NUMBER(struct self, real, "real", ".nan", "0", "1", PL_FIXED, "A real."),
    PL_OPT_STRING(struct self, text, "text", "", PL_FIXED, "A text."),
    PL_OPT_PATH(struct self, path, "path", "", PL_FIXED, "A path."),
    PL_OPT_FILE(struct self, file, "file", "", PL_FIXED, "A file."),
    PL_OPT_SECRET(struct self, secret, "secret", "", PL_FIXED, "A secret."),
    PL_OPT_DURATION(struct self, span, "span", "1s", "1ms", "1d", PL_FIXED, "A span."),
    PL_OPT_SIZE(struct self, size, "size", "1KiB", NULL, NULL, PL_FIXED, "A size."),
    PL_OPT_RATE(struct self, rate, "speed", "0", NULL, NULL, PL_FIXED, "A rate."),
    PL_OPT_TIME(struct self, when, "when", "2026-01-01T00:00:00Z", PL_FIXED, "A time."),
    PL_OPT_CHOICE(struct self, kind, "kind", "samples", kinds, PL_FIXED, "A choice."),
    PL_OPT_SET(struct self, set, "set", "[samples]", kinds, PL_FIXED, "A set."),
    PL_OPT_STRINGS(struct self, names, "names", "[a]", PL_FIXED, "Texts."),
    PL_OPT_GROUP(struct self, group, "group", "false", group_options, PL_FIXED, "A group."),
    PL_OPT_LIST(struct self, rows, "rows", "[]", struct row, row_options, PL_FIXED, "Records."),
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

static void check(void *self, struct pl_check *with) {
    const struct self *s = self;
    EXPECT(s->text && s->path && s->file && s->secret);
    if (s->number > 5 && !pl_check_given(with, "group.inner")) pl_check_error(with, "rows[1].tag", "no");
}

#define OPERATOR(n, ...)                                                                                               \
    {                                                                                                                  \
        PL_OPERATOR(n, "For fuzzing."), .options = options, .instance_size = sizeof(struct self), .check = check,      \
                                        .produce = produce, .process = process, __VA_ARGS__                            \
    }

static const struct pl_operator operators[] = {
    OPERATOR("source", .outputs = PL_PORTS({"out", PL_SET_ALL, PL_PORT_OPTION, NULL},
                                           {"events", PL_SET(PL_EVENTS), PL_PORT_FIXED, NULL})),
    OPERATOR("keyed", .scope = PL_KEYED, .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", PL_SET_ALL, PL_PORT_SAME, NULL})),
    OPERATOR("global", .scope = PL_GLOBAL,
             .inputs = PL_PORTS({"a", PL_SET_ALL, PL_PORT_FIXED, NULL}, {"b", PL_SET_ALL, PL_PORT_FIXED, NULL}),
             .outputs = PL_PORTS({"out", PL_SET_ALL, PL_PORT_SAME, NULL})),
    OPERATOR("sink", .inputs = PL_PORTS({"in", PL_SET_ALL, PL_PORT_FIXED, NULL})),
};

static void set_up(void) {
    static bool done;
    for (size_t i = 0; i < PL_COUNT_OF(operators) && !done; i++)
        EXPECT(pl_registry_add(&operators[i]));
    setenv("SET", "value", 1);
    done = true;
}

static void check_graph(const struct pl_graph *graph, FILE *out) {
    for (unsigned i = 0; i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        EXPECT(node->name && node->op && node->prototype);
        for (unsigned k = 0; k < node->input_count; k++) {
            const struct pl_graph_edge *edge = &node->inputs[k];
            EXPECT(edge->from < i && graph->nodes[edge->from].op->outputs[edge->from_port].name);
            EXPECT(node->op->inputs[edge->to_port].kinds & PL_SET(graph->nodes[edge->from].kinds_out[edge->from_port]));
        }
    }
    EXPECT(pl_graph_draw(graph, PL_DRAW_MERMAID, out) && pl_graph_draw(graph, PL_DRAW_DOT, out) &&
           pl_graph_draw(graph, PL_DRAW_JSON, out));
}

static void check_problems(const struct pl_problem *problems, unsigned count, bool error) {
    EXPECT(count <= 101);
    bool found = false;
    for (unsigned i = 0; i < count; i++) {
        EXPECT(problems[i].text[0] && problems[i].place.file);
        found = found || !problems[i].warning;
        bool same_file = i && strcmp(problems[i].place.file, problems[i - 1].place.file) == 0;
        bool last_line = i == 100;
        if (same_file && !last_line) EXPECT(problems[i].place.line >= problems[i - 1].place.line);
    }
    EXPECT(found == error);
}

static void load(const uint8_t *bytes, size_t size, bool checking, FILE *out) {
    struct pl_graph *graph;
    struct pl_problem *problems;
    unsigned count;
    int64_t live = pl_alloc_live();
    const struct pl_graph_options with = {.checking = checking};
    enum pl_code code =
        pl_graph_parse((const char *)bytes, size, "/nonexistent/graph.yaml", &with, &graph, &problems, &count);
    EXPECT((graph != NULL) == (code == PL_OK));
    check_problems(problems, count, code != PL_OK);
    /* Nodes whose operator is any are left out, and so are edges from them: only a run's graph is whole. */
    if (graph && !checking) check_graph(graph, out);
    pl_graph_free(graph);
    pl_problems_free(problems, count);
    EXPECT(pl_alloc_live() == live);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static FILE *out;
    set_up();
    if (!out) out = fopen("/dev/null", "w");
    EXPECT(out);
    load(bytes, size, false, out);
    load(bytes, size, true, out);
    return 0;
}
