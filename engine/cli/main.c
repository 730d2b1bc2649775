/* main.c: the `potline` binary: picks the subcommand, parses its arguments, answers --help. */
#include "args.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/text.h>

#include "base/fault.h"
#include "graph/registry.h"
#include "guest.h"
#include "store/store.h"

/* In the order that --help shows. */
static const struct pl_subcommand *const subcommands[] = {
    &pl_subcommand_run,        &pl_subcommand_check,    &pl_subcommand_test,         &pl_subcommand_graph,
    &pl_subcommand_export,     &pl_subcommand_explain,  &pl_subcommand_shell,        &pl_subcommand_alarms,
    &pl_subcommand_user,       &pl_subcommand_audit,    &pl_subcommand_ledger,       &pl_subcommand_dead,
    &pl_subcommand_replay,     &pl_subcommand_versions, &pl_subcommand_backup,       &pl_subcommand_restore,
    &pl_subcommand_savepoint,  &pl_subcommand_standby,  &pl_subcommand_keys,         &pl_subcommand_doctor,
    &pl_subcommand_model,      &pl_subcommand_inspect,  &pl_subcommand_new_operator, &pl_subcommand_manual,
    &pl_subcommand_completion, &pl_subcommand_version,  &pl_subcommand_what_if,      &pl_subcommand_train,
    &pl_subcommand_optimize,   &pl_subcommand_report,
};

static const char overview[] = "Potline runs dataflow graphs on the sensor data of process plants.\n";

static void print_overview(FILE *out) {
    fprintf(out, "usage: potline COMMAND [ARGUMENT]...\n\n%s\ncommands:\n", overview);
    for (size_t i = 0; i < PL_COUNT_OF(subcommands); i++)
        fprintf(out, "  %-12s %s\n", subcommands[i]->name, subcommands[i]->summary);
    fprintf(out,
            "\n'potline COMMAND --help' shows what a command takes. Exit codes: 0 good, 1 failed at run time, 2 bad\n"
            "input or usage. Operators come from the plugins in POTLINE_PLUGIN_PATH and the engine's own folder.\n");
}

static const struct pl_subcommand *find(const char *name) {
    for (size_t i = 0; i < PL_COUNT_OF(subcommands); i++)
        if (strcmp(subcommands[i]->name, name) == 0) return subcommands[i];
    return NULL;
}

static int unknown(const char *name) {
    const char *names[PL_COUNT_OF(subcommands)];
    for (size_t i = 0; i < PL_COUNT_OF(subcommands); i++)
        names[i] = subcommands[i]->name;
    const char *nearest = pl_text_nearest(name, names, PL_COUNT_OF(subcommands));
    fprintf(stderr, "potline: there is no command \"%s\"%s%s%s; see potline --help\n", name,
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    return PL_EXIT_USAGE;
}

static bool asks_help(const char *argument) {
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0 || strcmp(argument, "help") == 0;
}

/* Whoever read what we wrote has seen enough, as in `potline ... | head`. */
static bool reader_left(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* Output that did not arrive (a full disk) is a failure, not silence. When its reader has left, it ends as a program
 * that a SIGPIPE ends. */
static int finish(int code) {
    if (fflush(stdout) || ferror(stdout)) {
        if (reader_left()) _exit(128 + SIGPIPE);
        perror("potline: standard output");
        code = code ? code : PL_EXIT_FAILED;
    }
    if (pl_store_left_open()) _exit(code);
    return code;
}

static int run(const struct pl_subcommand *command, int argc, char **argv) {
    struct pl_cli cli;
    int code = PL_EXIT_OK;
    if (pl__cli_parse(&cli, command, argc, argv, &code)) {
        cli.all = subcommands;
        cli.all_count = PL_COUNT_OF(subcommands);
        pl__cli_share();
        if (!command->asks) pl_registry_load();
        code = command->run(&cli);
    }
    pl__cli_fini(&cli);
    return code;
}

int main(int argc, char **argv) {
    if (argc == PL_GUEST_ARGUMENTS && strcmp(argv[1], PL_GUEST_SUBCOMMAND) == 0) return pl__cli_guest(argv);
    signal(SIGPIPE, SIG_IGN); /* a peer that goes away is an error of its write, not the end of the engine */
    if (!pl_fault_setup()) {
        fputs("potline: POTLINE_FAULT is not NAME:N or NAME:N:eio\n", stderr);
        return PL_EXIT_USAGE;
    }
    if (argc < 2) {
        print_overview(stderr);
        return PL_EXIT_USAGE;
    }
    if (asks_help(argv[1])) {
        const struct pl_subcommand *about = argc > 2 ? find(argv[2]) : NULL;
        if (argc > 2 && !about && argv[2][0] != '-') return unknown(argv[2]);
        if (about)
            pl__cli_help(about, stdout);
        else
            print_overview(stdout);
        return finish(PL_EXIT_OK);
    }
    const struct pl_subcommand *command = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    return command ? finish(run(command, argc - 2, argv + 2)) : unknown(argv[1]);
}
