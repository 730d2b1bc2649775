/* version.c: `potline version`: what this binary is. */
#include "cli.h"

#include <potline/abi.h>

#include "graph/registry.h"

static int version(const struct pl_cli *cli) {
    unsigned operators = pl_registry_count();
    if (pl_cli_has(cli, "json"))
        printf("{\"version\": \"%s\", \"abi\": \"%d.%d\", \"operators\": %u}\n", POTLINE_VERSION, PL_ABI_MAJOR,
               PL_ABI_MINOR, operators);
    else
        printf("potline %s (plugin ABI %d.%d, %u operators)\n", POTLINE_VERSION, PL_ABI_MAJOR, PL_ABI_MINOR, operators);
    return PL_EXIT_OK;
}

const struct pl_subcommand pl_subcommand_version = {
    .name = "version",
    .operands = "",
    .summary = "Print the version of the engine and of its plugin interface.",
    .options = PL_CLI_OPTIONS({"json", NULL, "Print one JSON object.", 0}),
    .run = version,
};
