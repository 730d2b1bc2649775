/* graph.c: `potline graph`: draws a graph. */
#include "cli.h"

#include "graph/draw.h"

static int draw(const struct pl_cli *cli) {
    const char *format = pl_cli_has(cli, "json") ? "json" : pl_cli_get(cli, "format");
    int drawing = format ? pl_cli_choice(cli, "format", format, pl_drawing_names) : PL_DRAW_MERMAID;
    if (drawing < 0) return PL_EXIT_USAGE;
    struct pl_graph_options options = {.checking = true, .set = pl_cli_all(cli, "set")};
    int code = PL_EXIT_OK;
    struct pl_graph *graph = pl_cli_graph(pl_cli_operand(cli, 0), &options, &code);
    if (!graph) return code;
    if (!pl_graph_draw(graph, (enum pl_drawing)drawing, stdout)) {
        if (!ferror(stdout)) fputs("potline graph: out of memory\n", stderr); /* else main says it */
        code = PL_EXIT_FAILED;
    }
    pl_graph_free(graph);
    return code;
}

const struct pl_subcommand pl_subcommand_graph = {
    .name = "graph",
    .operands = "GRAPH",
    .least = 1,
    .most = 1,
    .summary = "Draw a graph.",
    .doc = "Shows which node takes what kind of rows from which, and which nodes run once and which once a partition.\n"
           "Mermaid is what Markdown viewers draw; `potline graph GRAPH --format dot | dot -Tsvg` makes a picture.\n"
           "The graph of a running engine is changed in its shell: `potline shell -c \"graph apply FILE\"`; graph "
           "shadow,\n"
           "rollback, history and show are there too (potline-shell(1)).",
    .options = PL_CLI_OPTIONS({"format", "FORMAT", "mermaid (default), dot or json.", 0},
                              {"json", NULL, "The same as --format json.", 0},
                              {"set", "NODE.OPTION=VALUE", "Another value for an option; may be repeated.", 0}),
    .run = draw,
};
