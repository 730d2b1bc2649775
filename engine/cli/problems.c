/* problems.c: a graph for a subcommand, and its problems for people. */
#include "cli.h"

static const char *exit_reason(enum pl_code code, int *exit_code) {
    *exit_code = code == PL_NO_MEMORY ? PL_EXIT_FAILED : PL_EXIT_USAGE;
    return pl_code_text(code);
}

void pl_cli_problems(FILE *out, const struct pl_problem *problems, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const struct pl_place *place = &problems[i].place;
        fputs(place->file ? place->file : "", out);
        if (place->line) fprintf(out, ":%d:%d", place->line, place->column);
        fprintf(out, "%s%s%s\n", place->file ? ": " : "", problems[i].warning ? "warning: " : "", problems[i].text);
    }
}

struct pl_graph *pl_cli_graph(const char *path, const struct pl_graph_options *options, int *exit_code) {
    struct pl_graph *graph = NULL;
    struct pl_problem *problems = NULL;
    unsigned count = 0;
    *exit_code = PL_EXIT_OK;
    enum pl_code code = pl_graph_load(path, options, &graph, &problems, &count);
    pl_cli_problems(stderr, problems, count);
    if (code) {
        const char *reason = exit_reason(code, exit_code);
        if (count == 0) fprintf(stderr, "%s: %s\n", path, reason);
    }
    pl_problems_free(problems, count);
    return graph;
}
