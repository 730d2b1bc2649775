/* run.c: `potline run`: a graph at work until it ends, the time is up, or somebody stops it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>

#include "cli.h"
#include "control/carried.h"
#include "control/control.h"
#include "data.h"
#include "drive.h"
#include "field.h"
#include "group.h"
#include "key.h"
#include "oversight.h"
#include "recall.h"
#include "runtime/mover.h"
#include "standby.h"
#include "summary.h"

static const pl_time PROBATION = 30 * PL_SECOND; /* of a graph file that is read again */

enum { LOOKS = 6 /* three seconds, at two a second */ };

struct run {
    struct pl_drive drive;
    struct pl_control *control;
    struct pl_mover *mover;
    const struct pl_graph *graph; /* that runs; held */
    bool relapsed;
    struct pl_carried carried;
    struct pl_cli_standby *standby;
    struct pl_oversight *oversight;
    struct pl_field *field;
    /* The last looks, for a rate that does not jump with each batch of a source that gives one a second. */
    struct look {
        uint64_t rows;
        double at;
    } looks[LOOKS];
    unsigned looked;
    struct pl_summary_past past;
};

static void on_left(void *arg, const struct pl_task *task) {
    struct run *run = arg;
    pl_summary_add_task(&run->past, task);
}

static void show(struct pl_drive *drive) {
    struct run *run = (struct run *)(void *)drive;
    uint64_t rows = run->past.rows_in + pl_stat_get(&pl_intake_stats(pl_engine_intake(drive->engine))->rows);
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

static void print_summary(const struct pl_cli *cli, struct run *run) {
    const struct pl_drive *drive = &run->drive;
    struct pl_summary summary;
    pl_summary_make(&summary, &run->past, drive->engine, pl_drive_seconds(drive));
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
    int exit_code;              /* why there is none */
    struct pl_cli_past applied; /* the graph of it that is run; number 0: the file's */
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
                                         .mover = run->mover,
                                         .login = pl_cli_has(cli, "require-login"),
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
    pl_mover_attach(run->mover, drive->engine);
    pl_oversight_attach(run->oversight, drive->engine, run->control);
    code = pl_drive_work(drive, limit, error);
    const struct pl_graph *next = pl_mover_detach(run->mover, &run->relapsed);
    pl_graph_unref(run->graph);
    run->graph = next;
    bool began = !code || pl_stat_get(&pl_intake_stats(pl_engine_intake(drive->engine))->rows) > 0;
    if (!drive->forced && !drive->fallen && began) print_summary(cli, run);
    if (drive->fallen) pl_summary_add_engine(&run->past, drive->engine);
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

/* What the file says now. */
static void hangup(struct pl_drive *drive) {
    struct run *run = (struct run *)(void *)drive;
    struct pl_error *error = NULL;
    struct pl_mover_wish wish = {
        .what = PL_MOVER_APPLY, .how = "SIGHUP", .probation = PROBATION, .anywhere = true, .sure = true};
    pl_diag(PL_INFO, "SIGHUP: the graph file is read again");
    if (pl_mover_ask(run->mover, &wish, &error)) pl_diag(PL_ERROR, "SIGHUP: %s", error ? error->text : "no memory");
    pl_error_free(&error);
}

/* Who may change the graph while it runs. */
static enum pl_code make_mover(const struct pl_cli *cli, const struct pl_graph *graph, const char *applied,
                               struct run *run, struct pl_error **error) {
    struct pl_mover_options options = {
        .graph = graph, .path = pl_cli_operand(cli, 0), .applied = applied, .set = pl_cli_all(cli, "set")};
    enum pl_code code = pl_mover_new(&options, &run->mover, error);
    run->graph = pl_graph_ref(graph);
    pl_oversight_graph(run->oversight, run->mover);
    if (!code) pl_drive_on_hangup(&run->drive, hangup);
    return code;
}

/* An engine of a group waits for brokers that do not answer: whatever it is to work off is theirs. */
static bool try_again(struct run *run, enum pl_code *code, struct pl_error **error) {
    if (!pl_drive_try_again(&run->drive)) return false;
    pl_diag(PL_WARN, "the engine cannot begin yet, and tries again: %s", *error ? (*error)->text : pl_code_text(*code));
    pl_error_free(error);
    *code = PL_OK;
    return true;
}

/* What the group was told to run cannot be run here: all go back to what they had. An engine that has ended by itself
 * has ended the loop, too, and says no more than that. */
static bool take_back(struct run *run, enum pl_code *code, struct pl_error **error) {
    const char *why = *error ? (*error)->text : pl_code_text(*code);
    if (run->drive.stopping || !pl_mover_take_back(run->mover, &run->graph, why) || run->drive.ended) return false;
    pl_error_free(error);
    *code = PL_OK;
    return pl_drive_try_again(&run->drive);
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
        .another = pl_cli_has(cli, "another-graph"),
        .temporary = data->temporary,
        .audit_below_minimum = pl_cli_has(cli, "audit-retention-below-minimum"),
        .deaths = pl_deaths_new(),
        .notify = pl_drive_notify,
        .notify_arg = &run.drive,
        .left = on_left,
        .left_arg = &run,
    };
    struct pl_error *error = NULL;
    pl_drive_init(&run.drive);
    run.drive.show = show;
    run.standby = &data->standby;
    run.oversight = &data->oversight;
    run.drive.beat = beat;
    pl_oversight_begin(run.oversight, &run.drive);
    bool again = false;
    enum pl_code code = pl_field_begin(cli, data->folder, &run.field, &error);
    if (!code) code = make_mover(cli, graph, data->applied.path, &run, &error);
    if (!code) code = pl_cli_group_join(&group, graph, &run.drive, &again, &error);
    again &= !code;
    options.member = group.member;
    options.cluster = group.cluster;
    options.replicas = group.replicas;
    if (run.mover) pl_mover_join(run.mover, group.cluster, pl_drive_renew, &run.drive);
    while (again) { /* once, but for a process of a node that dies: then from the last epoch, as after the death of the
                     * engine; and for a group that hands its partitions out anew */
        code = pl_mover_settle(run.mover, &run.graph, &options.lenient, &options.agreed, &error);
        bool settled = !code;
        if (settled) code = live(cli, run.graph, &options, &run, limit, &error);
        again = !code && run.drive.fallen;
        if (code == PL_UNAVAILABLE && options.member && !run.drive.engine) again = try_again(&run, &code, &error);
        if (code && !again) again = take_back(&run, &code, &error);
        die(&run, !code && !again);
        if (settled) options.savepoint = NULL;
        if (settled) options.reset = NULL;
        options.lenient = run.relapsed;
        if (again) again = pl_drive_go_on(&run.drive);
    }
    pl_cli_group_leave(&group);
    pl_field_end(run.field, !code);
    if (error) pl_error_print(stderr, error);
    pl_error_free(&error);
    pl_oversight_end(run.oversight, !code);
    pl_drive_fini(&run.drive);
    pl_deaths_free(options.deaths);
    pl_oversight_graph(run.oversight, NULL);
    pl_mover_free(run.mover);
    pl_graph_unref(run.graph);
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

/* ---- --applied: what ran last, where the file has not been changed since ---- */

/* Another file's; or nothing, where the given one is to be run. */
static enum pl_code find_applied(const struct pl_graph *graph, struct pl_store *store, struct pl_cli_past *applied,
                                 struct pl_error **error) {
    struct pl_cli_past of_file = {0};
    char *path = realpath(graph->path, NULL);
    enum pl_code code = path ? pl_cli_recall_of(store, path, &of_file, error) : PL_NOT_FOUND;
    bool same = !code && of_file.hash == graph->hash;
    if (same) code = pl_cli_recall(store, 0, applied, error);
    if (!code && !same)
        pl_diag(PL_WARN, "--applied: %s has been changed since it was run here last, so it is run", path);
    if (applied->number == of_file.number) pl_cli_past_fini(applied);
    pl_cli_past_fini(&of_file);
    free(path);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static struct pl_graph *load_applied(const struct pl_cli *cli, struct pl_store *store, struct data *data) {
    struct pl_graph_options options = {.set = pl_cli_all(cli, "set")};
    struct pl_graph *graph = pl_cli_recall_graph(store, &data->applied, &options, &data->exit_code);
    if (graph)
        pl_diag(PL_WARN, "--applied: %s is run, number %" PRIu64 " of the history (%s), as it stood then, not %s",
                data->applied.path, data->applied.number, data->applied.how, pl_cli_operand(cli, 0));
    return graph;
}

/* False: there should be another graph, and it cannot be had. */
static bool choose_graph(const struct pl_cli *cli, struct pl_graph **graph, struct data *data) {
    struct pl_store_options options = {.read_only = true, .key = data->key};
    struct pl_store *store = NULL;
    struct pl_error *error = NULL;
    if (!pl_cli_has(cli, "applied")) return true;
    enum pl_code code = pl_store_open(data->folder, &options, &store, &error);
    if (code == PL_NOT_FOUND) pl_error_free(&error), code = PL_OK; /* it is the first run */
    if (!code && store) code = find_applied(*graph, store, &data->applied, &error);
    struct pl_graph *other = !code && data->applied.number ? load_applied(cli, store, data) : NULL;
    pl_store_close(store);
    if (other) {
        pl_graph_free(*graph);
        *graph = other;
    }
    if (code) {
        fputs("potline run: --applied: ", stderr);
        pl_error_print(stderr, error);
        data->exit_code = PL_EXIT_FAILED;
    }
    pl_error_free(&error);
    return !code && (other || !data->applied.number);
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
    bool ready = !needs_data || ((data.folder = choose_data(cli, graph, &data)) && open_data(cli, &data));
    ready = ready && pl_oversight_serve(&data.oversight, data.folder, data.key, data.temporary, &data.exit_code) &&
            (!needs_data || (follow(&data) && choose_graph(cli, &graph, &data)));
    exit_code = ready ? run_graph(cli, graph, &data, limit) : data.exit_code;
    if (data.temporary && data.folder) pl_cli_data_remove(data.folder);
    pl_cli_standby_fini(&data.standby);
    pl_oversight_fini(&data.oversight);
    pl_cli_past_fini(&data.applied);
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
    .doc =
        "Runs until it is stopped (Ctrl-C or SIGTERM: sources end and what is under way is worked off; a second\n"
        "time ends at once), until the time of --for is up, or until every source has ended, as files do. Windows\n"
        "that are open then are gone on with by the next run; with --until-eof the end of the sources is the end of\n"
        "the data, and every window is closed. SIGHUP reads the graph file again and has the running engine go over\n"
        "to it. What was applied in the shell is not what the next run begins with, unless it has --applied.",
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder (default: $XDG_STATE_HOME/potline/NAME; temporary with --until-eof).", 0},
        PL_CLI_KEY_FILE, {"fresh", NULL, "Empty the data folder first.", 0},
        {"applied", NULL, "Go on with the graph that ran last here, unless GRAPH was changed since it was run.", 0},
        {"from-savepoint", "FILE", "Begin the data folder, which must be empty, with this savepoint.", 0},
        {"reset", "NODE", "This node forgets what it knew and starts afresh; may be repeated.", 0},
        {"another-graph", NULL,
         "Go on in the data folder of a graph of another name; what nodes knew that this one has not, goes.", 0},
        {"set", "NODE.OPTION=VALUE", "Another value for an option of the graph; may be repeated.", 0},
        {"control", "ENDPOINT", "Take commands there too, as tcp://0.0.0.0:5570 (CURVE; see --control-key).", 0},
        {"control-key", "FILE", "The secret key of --control (potline keys curve makes one).", 0},
        {"require-login", NULL, "Who uses the data folder's own socket signs in, too.", 0}, PL_CLI_STANDBY,
        PL_CLI_FIELD, PL_CLI_METRICS, PL_CLI_HTTP,
        {"until-eof", NULL, "The end of every source is the end of the data: close every window.", 0},
        {"audit-retention-below-minimum", NULL, "Let the graph keep the audit for less than 730d; this is recorded.",
         0},
        {"for", "DURATION", "End after this time, as 30s or 2h.", 0},
        {"json", NULL, "Print the summary as one JSON object on standard output.", 0},
        {"nodes", NULL, "Print a line for each node at the end.", 0}, {"quiet", NULL, "Print no summary.", 'q'},
        {"log-format", "FORMAT", "Messages as text (default) or json.", 0}),
    .run = run_command,
};
