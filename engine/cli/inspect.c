/* inspect.c: `potline inspect`: which operators there are, and what one takes and gives. */
#include "cli.h"

#include "graph/catalog.h"
#include "graph/registry.h"

static int print(const struct pl_cli *cli, const struct pl_operator *op) {
    bool good = true;
    if (pl_cli_has(cli, "schema"))
        good = pl_catalog_schema(stdout);
    else if (pl_cli_has(cli, "test-schema"))
        good = pl_catalog_test_schema(stdout);
    else if (pl_cli_has(cli, "markdown"))
        good = pl_catalog_markdown(stdout);
    else if (op && pl_cli_has(cli, "man"))
        good = pl_catalog_manual(op, stdout);
    else if (pl_cli_has(cli, "json"))
        good = pl_catalog_json(op, stdout);
    else if (op)
        pl_catalog_describe(op, stdout);
    else
        pl_catalog_list(stdout);
    if (!good && !ferror(stdout)) fputs("potline inspect: out of memory\n", stderr); /* else main says it */
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static int inspect(const struct pl_cli *cli) {
    const char *name = pl_cli_operand(cli, 0);
    const struct pl_operator *op = name ? pl_registry_find(name) : NULL;
    if (!name && pl_cli_has(cli, "man")) return pl_cli_usage(cli, "--man is about one operator: name it");
    if (!name || op) return print(cli, op);
    const char *nearest = pl_registry_nearest(name);
    fprintf(stderr, "potline inspect: there is no operator \"%s\"%s%s%s\n", name, nearest ? "; did you mean " : "",
            nearest ? nearest : "; potline inspect lists them", nearest ? "?" : "");
    return PL_EXIT_USAGE;
}

const struct pl_subcommand pl_subcommand_inspect = {
    .name = "inspect",
    .operands = "[OPERATOR]",
    .least = 0,
    .most = 1,
    .summary = "List the operators, or show what one takes and gives.",
    .options =
        PL_CLI_OPTIONS({"json", NULL, "Print JSON: one operator, or all of them and the options of graphs.", 0},
                       {"schema", NULL, "Print the JSON Schema of graph files, for editors.", 0},
                       {"test-schema", NULL, "Print the JSON Schema of test files, for editors.", 0},
                       {"markdown", NULL, "Print the reference of all operators as Markdown.", 0},
                       {"man", NULL, "Print a page of the manual: `potline inspect cleanse --man | man -l -`.", 0}),
    .run = inspect,
};
