/* run.c: `potline run`: a graph at work until it ends, the time is up, or somebody stops it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>

#include "cli.h"
#include "control/carried.h"
#include "control/control.h"
#include "data.h"
#include "drive.h"
#include "group.h"
#include "key.h"
#include "oversight.h"
#include "standby.h"
#include "summary.h"

enum { LOOKS = 6 /* three seconds, at two a second */ };

struct run {
    struct pl_drive drive;
    struct pl_control *control;
    struct pl_carried carried;
    struct pl_cli_standby *standby;
    struct pl_oversight *oversight;
    /* The last looks, for a rate that does not jump with each batch of a source that gives one a second. */
    struct look {
        uint64_t rows;
        double at;
    } looks[LOOKS];
    unsigned looked;
};

static void show(struct pl_drive *drive) {
    struct run *run = (struct run *)(void *)drive;
    uint64_t rows = pl_stat_get(&pl_intake_stats(pl_engine_intake(drive->engine))->rows);
    double now = pl_drive_seconds(drive);
    struct look *oldest = &run->looks[run->looked++ % LOOKS]; /* at first: the begin */
    fprintf(stderr, "%9.1f s  %15" PRIu64 " rows  %12.0f rows/s ", now, rows,
            (double)(rows - oldest->rows) / (now - oldest->at));
    *oldest = (struct look){rows, now};
}

static void beat(struct pl_drive *drive) {
    struct run *run = (struct run *)(void *)drive;
    pl_oversight_beat(run->oversight, drive);
}

static void print_summary(const struct pl_cli *cli, const struct pl_drive *drive) {
    struct pl_summary summary;
    pl_summary_make(&summary, drive->engine, pl_drive_seconds(drive));
    if (pl_cli_has(cli, "json"))
        pl_summary_print_json(&summary, stdout);
    else if (!pl_cli_has(cli, "quiet"))
        pl_summary_print(&summary, stderr);
    if (pl_cli_has(cli, "nodes")) pl_summary_print_nodes(drive->engine, stderr);
}

struct data {
    char *folder;
    bool temporary; /* to be removed at the end */
    struct pl_store_key *key;
    int exit_code; /* why there is none */
    struct pl_cli_standby standby;
    struct pl_oversight oversight;
};

/* Where people reach the running engine: in its data folder and, when it is told so, over the network. */
static enum pl_code open_control(const struct pl_cli *cli, struct run *run, struct pl_error **error) {
    char secret[PL_CLI_KEY] = "";
    const char *file = pl_cli_get(cli, "control-key");
    struct pl_control_options options = {.engine = run->drive.engine,
                                         .endpoint = pl_cli_get(cli, "control"),
                                         .stop = pl_drive_stop,
                                         .stop_arg = run,
                                         .carried = &run->carried};
    pl_cli_standby_show(run->standby, &options);
    enum pl_code code = file ? pl_cli_key(file, secret, error) : PL_OK;
    if (file) options.secret_key = secret;
    if (!code) code = pl_control_new(&options, &run->control, error);
    explicit_bzero(secret, sizeof secret);
    return code;
}

/* From the engine's making to its end, or until it has fallen. */
static enum pl_code live(const struct pl_cli *cli, const struct pl_graph *graph,
                         const struct pl_engine_options *options, struct run *run, pl_time limit,
                         struct pl_error **error) {
    struct pl_drive *drive = &run->drive;
    enum pl_code code = pl_engine_new(graph, options, &drive->engine, error);
    if (!code) code = pl_cli_standby_begin(run->standby, drive, options->key, error);
    if (!code) code = open_control(cli, run, error);
    if (!code) code = pl_control_start(run->control, error);
    if (code) return code;
    pl_carried_apply(&run->carried, drive->engine);
    code = pl_drive_work(drive, limit, error);
    bool began = !code || pl_stat_get(&pl_intake_stats(pl_engine_intake(drive->engine))->rows) > 0;
    if (!drive->forced && !drive->fallen && began) print_summary(cli, drive);
    return code;
}

static void die(struct run *run, bool orderly) {
    pl_oversight_hide(run->oversight);
    pl_control_close(run->control);
    pl_cli_standby_ending(run->standby, orderly);
    pl_engine_free(run->drive.engine);
    run->drive.engine = NULL;
    pl_control_free(run->control);
    run->control = NULL;
    pl_cli_standby_end(run->standby);
}

static int run_graph(const struct pl_cli *cli, const struct pl_graph *graph, struct data *data, pl_time limit) {
    static struct run run; /* outlives everything that may call back */
    static struct pl_cli_group group;
    struct pl_engine_options options = {
        .data = data->folder,
        .key = data->key,
        .ship = data->standby.serves,
        .until_eof = pl_cli_has(cli, "until-eof"),
        .savepoint = pl_cli_get(cli, "from-savepoint"),
        .reset = pl_cli_all(cli, "reset"),
        .temporary = data->temporary,
        .audit_below_minimum = pl_cli_has(cli, "audit-retention-below-minimum"),
        .deaths = pl_deaths_new(),
        .notify = pl_drive_notify,
        .notify_arg = &run.drive,
    };
    struct pl_error *error = NULL;
    pl_drive_init(&run.drive);
    run.drive.show = show;
    run.standby = &data->standby;
    run.oversight = &data->oversight;
    run.drive.beat = beat;
    pl_oversight_begin(run.oversight, &run.drive);
    bool again;
    enum pl_code code = pl_cli_group_join(&group, graph, &run.drive, &again, &error);
    again &= !code;
    options.member = group.member;
    while (again) { /* once, but for a process of a node that dies: then from the last epoch, as after the death of the
                     * engine; and for a group that hands its partitions out anew */
        code = live(cli, graph, &options, &run, limit, &error);
        again = !code && run.drive.fallen;
        bool handed = run.drive.hand != PL_HAND_NONE;
        die(&run, !code && !again);
        options.savepoint = NULL;
        options.reset = NULL;
        if (again) again = handed ? pl_drive_await(&run.drive) : pl_drive_rest(&run.drive);
    }
    pl_cli_group_leave(&group);
    if (error) pl_error_print(stderr, error);
    pl_error_free(&error);
    pl_oversight_end(run.oversight, !code);
    pl_drive_fini(&run.drive);
    pl_deaths_free(options.deaths);
    pl_carried_fini(&run.carried);
    return code ? PL_EXIT_FAILED : PL_EXIT_OK;
}

/* Where the log and the lake are, and their key; NULL after saying why not, with the exit code. */
static char *choose_data(const struct pl_cli *cli, const struct pl_graph *graph, struct data *data) {
    const char *given = pl_cli_get(cli, "data");
    data->exit_code = PL_EXIT_USAGE;
    if (!pl_cli_data_key(cli, &data->key)) return NULL;
    data->exit_code = PL_EXIT_FAILED;
    data->temporary = !given && pl_cli_has(cli, "until-eof");
    if (data->temporary) return pl_cli_data_temporary();
    return pl_cli_data_folder(given, graph->settings.name);
}

/* The folder must be under the key, or be emptied; what is encrypted is only emptied by who has a key: else a run whose
 * key was forgotten would go on in the clear. */
static bool open_data(const struct pl_cli *cli, struct data *data) {
    bool fresh = pl_cli_has(cli, "fresh");
    if (!(fresh && data->key) && !pl_cli_data_fits(cli, data->folder, data->key)) {
        data->exit_code = PL_EXIT_USAGE;
        return false;
    }
    return !fresh || pl_cli_data_remove(data->folder);
}

static bool follow(struct data *data) {
    if (!data->standby.follows) return true;
    pl_oversight_follows(&data->oversight);
    bool goes_on = pl_cli_standby_follow(&data->standby, data->folder, data->key, &data->exit_code);
    pl_oversight_took_over(&data->oversight);
    return goes_on;
}

static int run_command(const struct pl_cli *cli) {
    static const char *const formats[] = {"text", "json", NULL};
    const char *format = pl_cli_get(cli, "log-format"), *span = pl_cli_get(cli, "for");
    int chosen = format ? pl_cli_choice(cli, "log-format", format, formats) : 0;
    pl_time limit = 0;
    if (chosen < 0) return PL_EXIT_USAGE;
    if (span && (!pl_text_duration(span, strlen(span), &limit) || limit <= 0))
        return pl_cli_usage(cli, "--for: \"%s\" is not a duration; write 30s or 2h", span);
    pl_diag_setup(PL_INFO, chosen == 1);
    int exit_code = PL_EXIT_OK;
    struct pl_graph_options options = {.set = pl_cli_all(cli, "set")};
    struct pl_graph *graph = pl_cli_graph(pl_cli_operand(cli, 0), &options, &exit_code);
    if (!graph) return exit_code;
    if (graph->settings.audit_retention < PL_AUDIT_LEAST && !pl_cli_has(cli, "audit-retention-below-minimum")) {
        pl_graph_free(graph);
        return pl_cli_usage(cli, "audit.retention is below 730d, which needs --audit-retention-below-minimum");
    }
    struct data data = {0};
    if (!pl_cli_standby_read(cli, &data.standby)) {
        pl_graph_free(graph);
        return PL_EXIT_USAGE;
    }
    if (!pl_oversight_init(&data.oversight, cli, &data.exit_code)) {
        pl_oversight_fini(&data.oversight);
        pl_cli_standby_fini(&data.standby);
        pl_graph_free(graph);
        return data.exit_code;
    }
    bool needs_data = graph->settings.log_kind != PL_LOG_NONE || pl_cli_get(cli, "data");
    bool ready =
        !needs_data || ((data.folder = choose_data(cli, graph, &data)) && open_data(cli, &data) && follow(&data));
    exit_code = ready ? run_graph(cli, graph, &data, limit) : data.exit_code;
    if (data.temporary && data.folder) pl_cli_data_remove(data.folder);
    pl_cli_standby_fini(&data.standby);
    pl_oversight_fini(&data.oversight);
    pl_store_key_unref(data.key);
    pl_free(data.folder);
    pl_graph_free(graph);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_run = {
    .name = "run",
    .operands = "GRAPH",
    .least = 1,
    .most = 1,
    .summary = "Run a graph.",
    .doc = "Runs until it is stopped (Ctrl-C or SIGTERM: sources end and what is under way is worked off; a second\n"
           "time ends at once), until the time of --for is up or, with --until-eof, until every source has ended:\n"
           "then every window is closed and the exit code is 0.",
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder (default: $XDG_STATE_HOME/potline/NAME; temporary with --until-eof).", 0},
        PL_CLI_KEY_FILE, {"fresh", NULL, "Empty the data folder first.", 0},
        {"from-savepoint", "FILE", "Begin the data folder, which must be empty, with this savepoint.", 0},
        {"reset", "NODE", "This node forgets what it knew and starts afresh; may be repeated.", 0},
        {"set", "NODE.OPTION=VALUE", "Another value for an option of the graph; may be repeated.", 0},
        {"control", "ENDPOINT", "Take commands there too, as tcp://0.0.0.0:5570 (CURVE; see --control-key).", 0},
        {"control-key", "FILE", "The secret key of --control, 40 characters of Z85.", 0}, PL_CLI_STANDBY,
        PL_CLI_METRICS, {"until-eof", NULL, "End when every source has ended.", 0},
        {"audit-retention-below-minimum", NULL, "Let the graph keep the audit for less than 730d; this is recorded.",
         0},
        {"for", "DURATION", "End after this time, as 30s or 2h.", 0},
        {"json", NULL, "Print the summary as one JSON object on standard output.", 0},
        {"nodes", NULL, "Print a line for each node at the end.", 0}, {"quiet", NULL, "Print no summary.", 'q'},
        {"log-format", "FORMAT", "Messages as text (default) or json.", 0}),
    .run = run_command,
};
