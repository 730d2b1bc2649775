/* clock.c: whose time it is. With `clock: plant` leases, freshness and interlocks of a guard go by the time of a
 * simulated plant, which stands still while nobody answers. At a real plant that would let a guard believe for ever
 * what it saw last: so all that reads and writes there has to be one simulator, and on this machine. */
#include <string.h>

#include "draft.h"
#include "options.h"

static const void *value_of(const struct pl_draft_node *node, const char *name, enum pl_option_type type) {
    const struct pl_option *row = node->op->options ? pl__option_find(node->op->options, name) : NULL;
    if (!row || row->type != type || !node->prototype || node->vague) return NULL;
    return (const char *)node->prototype + row->offset;
}

static bool owns_time(const struct pl_draft_node *node) {
    const bool *given = value_of(node, "clock", PL_TYPE_GROUP);
    return node->op->flags & PL_OP_OWNS_TIME && given && *given;
}

static bool is_on_this_machine(const char *endpoint) {
    static const char *const here[] = {"127.0.0.1:", "localhost:", "[::1]:"};
    for (unsigned i = 0; i < PL_COUNT_OF(here); i++)
        if (strncmp(endpoint, here[i], strlen(here[i])) == 0) return true;
    return false;
}

static void check_node(const struct pl_draft *draft, const struct pl_draft_node *node) {
    if (node->settings.isolate || node->op->flags & PL_OP_PROGRAM)
        pl__draft_problem(draft, node, node->yaml, "",
                          "works in a process of its own, which a clock of the plant (clock: plant) cannot wait for");
}

/* The device that a field sink writes to is the simulator, and no other. */
static void check_field(const struct pl_draft *draft, const struct pl_draft_node *node, const char *plant) {
    const char *const *endpoint = value_of(node, "endpoint", PL_TYPE_STRING);
    if (node->vague) return;
    if (!endpoint || !*endpoint)
        pl__draft_problem(draft, node, node->yaml, "",
                          "%s writes to the field by another way than the simulated plant whose time is the graph's "
                          "clock (clock: plant); no guard of a real plant goes by such a clock",
                          node->op->name);
    else if (plant && strcmp(*endpoint, plant) != 0)
        pl__draft_problem(draft, node, node->yaml, ".endpoint",
                          "%s is not the simulated plant whose time is the graph's clock (%s); no guard of a real "
                          "plant goes by such a clock",
                          *endpoint, plant);
}

static const char *check_source(const struct pl_draft *draft, const struct pl_draft_node *node) {
    const char *const *endpoint = value_of(node, "endpoint", PL_TYPE_STRING);
    if (node->vague) return NULL;
    if (!owns_time(node)) {
        pl__draft_problem(draft, node, node->yaml, "",
                          "with clock: plant the only source is the simulated plant that owns time (source.modbus with "
                          "`clock`); its rows and all others come from there");
        return NULL;
    }
    if (!endpoint || !*endpoint) return NULL;
    if (!is_on_this_machine(*endpoint))
        pl__draft_problem(draft, node, node->yaml, ".endpoint",
                          "%s is not on this machine: with clock: plant only a simulated plant at 127.0.0.1 is taken",
                          *endpoint);
    return *endpoint;
}

static void check_settings(const struct pl_draft *draft, const struct pl_draft_node *node) {
    const struct pl_graph_settings *settings = &draft->graph->settings;
    if (settings->partitions > 1)
        pl__draft_problem(draft, node, node->yaml, "", "with clock: plant there is one partition, not %lld",
                          (long long)settings->partitions);
    if (settings->log_kind == PL_LOG_KAFKA)
        pl__draft_problem(draft, node, node->yaml, "", "with clock: plant the log is embedded, or none");
}

void pl__draft_clock(struct pl_draft *draft) {
    const char *plant = NULL;
    unsigned sources = 0;
    if (draft->graph->settings.clock != PL_GRAPH_CLOCK_PLANT) return;
    for (unsigned i = 0; i < draft->count; i++) {
        const struct pl_draft_node *node = &draft->nodes[i];
        if (!node->op) continue;
        check_node(draft, node);
        if (node->op->inputs) continue;
        const char *endpoint = check_source(draft, node);
        if (endpoint) plant = endpoint;
        if (!owns_time(node)) continue;
        if (sources++ == 0)
            check_settings(draft, node);
        else
            pl__draft_problem(draft, node, node->yaml, "", "with clock: plant there is one source, which owns time");
    }
    for (unsigned i = 0; i < draft->count; i++)
        if (draft->nodes[i].op && draft->nodes[i].op->flags & PL_OP_FIELD) check_field(draft, &draft->nodes[i], plant);
}
