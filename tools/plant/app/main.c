#include "run.h"

static int print(const struct plant_cli *cli) {
    if (cli->print_map) plant_map_print(stdout, cli->plant.lines, cli->plant.pots, cli->print_map);
    if (cli->print_tags) plant_map_print_tags(stdout, cli->print_tags);
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct plant_cli cli;
    char why[512];
    int status = 2;
    if (!plant_cli_parse(&cli, argc, argv, why, sizeof why))
        fprintf(stderr, "potline-plant: %s\n", why);
    else if (cli.done)
        status = 0;
    else if (cli.print_map || cli.print_tags)
        status = print(&cli);
    else
        status = plant_run(&cli);
    plant_cli_fini(&cli);
    return status;
}
