/* check.c: `potline check`: everything about graphs that can be told without opening anything. */
#include "cli.h"

#include <jansson.h>

/* NULL without memory. */
static json_t *json_problem(const struct pl_problem *problem) {
    return json_pack("{s:s, s:i, s:i, s:s, s:s}", "file", problem->place.file, "line", problem->place.line, "column",
                     problem->place.column, "level", problem->warning ? "warning" : "error", "message", problem->text);
}

static bool collect(json_t *all, const struct pl_problem *problems, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (json_array_append_new(all, json_problem(&problems[i]))) return false;
    return true;
}

/* One graph; its problems are printed, or added to `all` where that is not NULL. */
static int check_graph(const char *path, json_t *all) {
    static const struct pl_graph_options options = {.checking = true};
    struct pl_graph *graph = NULL;
    struct pl_problem *problems = NULL;
    unsigned count = 0;
    enum pl_code code = pl_graph_load(path, &options, &graph, &problems, &count);
    bool reported = true;
    if (all)
        reported = collect(all, problems, count);
    else
        pl_cli_problems(stdout, problems, count);
    pl_problems_free(problems, count);
    pl_graph_free(graph);
    if (code != PL_NO_MEMORY && reported) return code ? PL_EXIT_USAGE : PL_EXIT_OK;
    fprintf(stderr, "%s: out of memory\n", path);
    return PL_EXIT_FAILED;
}

static int check(const struct pl_cli *cli) {
    json_t *all = pl_cli_has(cli, "json") ? json_array() : NULL;
    int worst = PL_EXIT_OK;
    for (int i = 0; i < pl_cli_count(cli); i++) {
        int code = check_graph(pl_cli_operand(cli, i), all);
        if (code == PL_EXIT_FAILED || worst == PL_EXIT_OK) worst = code;
    }
    if (all) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
    return worst;
}

const struct pl_subcommand pl_subcommand_check = {
    .name = "check",
    .operands = "GRAPH...",
    .least = 1,
    .most = PL_CLI_ANY,
    .summary = "Validate graph files.",
    .doc =
        "Prints a line for each problem, file:line:column: message, in order of place, and nothing for a good graph.\n"
        "Nothing is opened or started. An environment variable that is not set stands for any value and is warned\n"
        "about. Exit code 2 when there is an error in any graph; warnings alone are fine.",
    .options = PL_CLI_OPTIONS({"json", NULL, "Print the problems as a JSON array.", 0}),
    .run = check,
};
