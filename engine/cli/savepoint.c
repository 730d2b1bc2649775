/* savepoint.c: `potline savepoint`: a checkpoint as a file. */
#include "runtime/savepoint.h"

#include <inttypes.h>
#include <stdio.h>

#include <potline/alloc.h>

#include "copy.h"
#include "data.h"
#include "progress.h"

static int by_engine(const struct pl_cli *cli, const char *data, const char *to) {
    char *path = pl_cli_copy_path(to);
    if (!path) return PL_EXIT_FAILED;
    const char *const words[] = {"savepoint", "--to", path};
    int exit_code = pl_cli_copy_ask(cli, data, words, 3);
    pl_free(path);
    return exit_code;
}

static void say_what_was_made(const struct pl_savepoint_write *write, char outcome[160]) {
    snprintf(outcome, 160, "epoch %" PRIu64 ": %" PRIu64 " bytes", write->epoch, write->bytes);
    fprintf(stderr, "%s\n", outcome);
    if (write->behind)
        fprintf(stderr,
                "the log goes on behind it (%" PRIu64 " rows): that comes again from sources that can "
                "go back, and is not in the savepoint\n",
                write->behind);
}

static int by_itself(const struct pl_cli *cli, const char *data, const char *to, struct pl_backup_hold *hold) {
    struct pl_cli_progress progress = {.command = "savepoint"};
    struct pl_savepoint_write write = {.from = data, .to = to, .progress = pl_cli_progress_go_on, .arg = &progress};
    struct pl_error *error = NULL;
    char outcome[160];
    if (!pl_cli_data_key_of(cli, data, &write.key)) {
        pl_backup_release(hold);
        return PL_EXIT_USAGE;
    }
    enum pl_code code = pl_savepoint_write(&write, &error);
    pl_cli_progress_end(&progress);
    pl_backup_release(hold);
    if (!code) {
        say_what_was_made(&write, outcome);
        pl_cli_copy_note(
            cli, data, write.key,
            &(struct pl_audit_record){.action = "savepoint", .object = to, .outcome = "done", .detail = outcome});
    }
    pl_store_key_unref(write.key);
    return code ? pl_cli_copy_failed(cli, code, error) : PL_EXIT_OK;
}

static int run_savepoint(const struct pl_cli *cli) {
    const char *data = pl_cli_get(cli, "data"), *to = pl_cli_get(cli, "to");
    struct pl_backup_hold *hold;
    int exit_code = PL_EXIT_OK;
    if (!data || !to) return pl_cli_usage(cli, "--data DIR and --to FILE are needed");
    if (!pl_cli_copy_hold(cli, data, &hold, &exit_code)) return exit_code;
    return hold ? by_itself(cli, data, to, hold) : by_engine(cli, data, to);
}

const struct pl_subcommand pl_subcommand_savepoint = {
    .name = "savepoint",
    .operands = "",
    .summary = "Write the last checkpoint to a file.",
    .doc = "What every node knew and where the sources stood, as a file with which \"potline run --from-savepoint\" "
           "begins\n"
           "another data folder: on another machine, with another number of partitions, or with another version of a\n"
           "graph. An engine may be running on the folder: it saves its state now and writes the file, and FILE is a "
           "path\n"
           "on its machine. The zones and the log are not in it; see potline backup. It is encrypted as the folder is.",
    .options = PL_CLI_OPTIONS({"data", "DIR", "The data folder.", 0}, PL_CLI_KEY_FILE,
                              {"to", "FILE", "The file, which must not be there yet.", 0}),
    .run = run_savepoint,
};
