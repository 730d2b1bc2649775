/* run.c: `potline run`: a graph at work until it ends, the time is up, or somebody stops it. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>

#include "cli.h"
#include "control/control.h"
#include "data.h"
#include "key.h"
#include "runtime/engine.h"
#include "summary.h"

static const pl_time drain_timeout = 10 * PL_SECOND;
enum { STATUS_MS = 500 };

struct run {
    struct pl_engine *engine;
    struct pl_control *control;
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    uv_timer_t limit, drain, status;
    uv_async_t changed;
    _Atomic bool asked;         /* to stop, by a command */
    _Atomic bool windows_close; /* and as if the data had ended */
    bool stopping;
    bool forced;
    bool ended;
    enum pl_code code;
    struct pl_error *error;
    uint64_t begun;
    uint64_t rows_shown;
    bool shown;
};

static void end_loop(struct run *run) {
    uv_handle_t *handles[] = {(uv_handle_t *)&run->interrupt, (uv_handle_t *)&run->terminate,
                              (uv_handle_t *)&run->limit,     (uv_handle_t *)&run->drain,
                              (uv_handle_t *)&run->status,    (uv_handle_t *)&run->changed};
    for (size_t i = 0; i < PL_COUNT_OF(handles); i++)
        if (!uv_is_closing(handles[i])) uv_close(handles[i], NULL);
}

static void drain_over(uv_timer_t *timer) {
    struct run *run = timer->data;
    fprintf(stderr, "potline: not everything under way was worked off within %.0f s\n",
            (double)drain_timeout / (double)PL_SECOND);
    run->forced = true;
    end_loop(run);
}

static void stop(struct run *run) {
    if (run->stopping) return;
    run->stopping = true;
    if (atomic_load(&run->windows_close))
        pl_engine_drain(run->engine);
    else
        pl_engine_stop(run->engine);
    uv_timer_start(&run->drain, drain_over, (uint64_t)(drain_timeout / PL_MILLISECOND), 0);
}

/* The first time: an orderly end. The second: now. */
static void on_signal(uv_signal_t *signal, int number) {
    struct run *run = signal->data;
    (void)number;
    if (run->stopping) {
        run->forced = true;
        end_loop(run);
        return;
    }
    stop(run);
}

static void time_is_up(uv_timer_t *timer) {
    stop(timer->data);
}

static void on_changed(uv_async_t *async) {
    struct run *run = async->data;
    struct pl_error *error = NULL;
    if (run->ended) return;
    if (atomic_load(&run->asked)) stop(run);
    enum pl_code code = pl_engine_wait(run->engine, 1, &error);
    if (code == PL_BUSY) {
        if (pl_engine_check(run->engine, NULL)) stop(run); /* a sink without its peer must not keep us for ever */
        return;
    }
    run->ended = true;
    run->code = code;
    run->error = error;
    end_loop(run);
}

/* A command of the control plane, on its thread. */
static void asked_to_stop(void *arg, bool drain) {
    struct run *run = arg;
    if (drain) atomic_store(&run->windows_close, true);
    atomic_store(&run->asked, true);
    uv_async_send(&run->changed);
}

static void notify(void *arg) {
    struct run *run = arg;
    uv_async_send(&run->changed);
}

static void show_status(uv_timer_t *timer) {
    struct run *run = timer->data;
    uint64_t rows = pl_stat_get(&pl_intake_stats(pl_engine_intake(run->engine))->rows);
    double seconds = (double)(uv_hrtime() - run->begun) * 1e-9;
    fprintf(stderr, "\r%9.1f s  %15" PRIu64 " rows  %12.0f rows/s ", seconds, rows,
            (double)(rows - run->rows_shown) * 1000 / STATUS_MS);
    fflush(stderr);
    run->rows_shown = rows;
    run->shown = true;
}

static void prepare(struct run *run) {
    uv_loop_init(&run->loop);
    uv_signal_init(&run->loop, &run->interrupt);
    uv_signal_init(&run->loop, &run->terminate);
    uv_timer_init(&run->loop, &run->limit);
    uv_timer_init(&run->loop, &run->drain);
    uv_timer_init(&run->loop, &run->status);
    uv_async_init(&run->loop, &run->changed, on_changed);
    run->interrupt.data = run->terminate.data = run->limit.data = run->drain.data = run->status.data =
        run->changed.data = run;
}

static enum pl_code work(struct run *run, pl_time limit, struct pl_error **error) {
    run->begun = uv_hrtime();
    enum pl_code code = pl_control_start(run->control, error);
    if (!code) code = pl_engine_start(run->engine, error);
    if (code) {
        end_loop(run);
        uv_run(&run->loop, UV_RUN_DEFAULT);
        return code;
    }
    uv_signal_start(&run->interrupt, on_signal, SIGINT);
    uv_signal_start(&run->terminate, on_signal, SIGTERM);
    if (limit) uv_timer_start(&run->limit, time_is_up, (uint64_t)(limit / PL_MILLISECOND), 0);
    if (isatty(STDERR_FILENO)) uv_timer_start(&run->status, show_status, STATUS_MS, STATUS_MS);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    if (run->shown) fprintf(stderr, "\r%60s\r", "");
    if (run->forced) pl_engine_check(run->engine, &run->error);
    if (run->error) *error = run->error;
    return run->forced ? PL_BUSY : run->code;
}

static void print_summary(const struct pl_cli *cli, const struct run *run) {
    struct pl_summary summary;
    pl_summary_make(&summary, run->engine, (double)(uv_hrtime() - run->begun) * 1e-9);
    if (pl_cli_has(cli, "json"))
        pl_summary_print_json(&summary, stdout);
    else if (!pl_cli_has(cli, "quiet"))
        pl_summary_print(&summary, stderr);
    if (pl_cli_has(cli, "nodes")) pl_summary_print_nodes(run->engine, stderr);
}

struct data {
    char *folder;
    bool temporary; /* to be removed at the end */
    struct pl_store_key *key;
    int exit_code; /* why there is none */
};

/* Where people reach the running engine: in its data folder and, when it is told so, over the network. */
static enum pl_code open_control(const struct pl_cli *cli, struct run *run, struct pl_error **error) {
    char secret[PL_CLI_KEY] = "";
    const char *file = pl_cli_get(cli, "control-key");
    struct pl_control_options options = {
        .engine = run->engine, .endpoint = pl_cli_get(cli, "control"), .stop = asked_to_stop, .stop_arg = run};
    enum pl_code code = file ? pl_cli_key(file, secret, error) : PL_OK;
    if (file) options.secret_key = secret;
    if (!code) code = pl_control_new(&options, &run->control, error);
    explicit_bzero(secret, sizeof secret);
    return code;
}

static int run_graph(const struct pl_cli *cli, const struct pl_graph *graph, const struct data *data, pl_time limit) {
    static struct run run; /* outlives everything that may call back */
    struct pl_engine_options options = {
        .data = data->folder,
        .key = data->key,
        .until_eof = pl_cli_has(cli, "until-eof"),
        .savepoint = pl_cli_get(cli, "from-savepoint"),
        .reset = pl_cli_all(cli, "reset"),
        .temporary = data->temporary,
        .audit_below_minimum = pl_cli_has(cli, "audit-retention-below-minimum"),
        .notify = notify,
        .notify_arg = &run,
    };
    struct pl_error *error = NULL;
    prepare(&run);
    enum pl_code code = pl_engine_new(graph, &options, &run.engine, &error);
    if (!code) code = open_control(cli, &run, &error);
    if (!code) {
        code = work(&run, limit, &error);
        bool began = !code || pl_stat_get(&pl_intake_stats(pl_engine_intake(run.engine))->rows) > 0;
        if (!run.forced && began) print_summary(cli, &run);
    } else {
        end_loop(&run);
        uv_run(&run.loop, UV_RUN_DEFAULT);
    }
    if (error) pl_error_print(stderr, error);
    pl_error_free(&error);
    pl_control_close(run.control);
    pl_engine_free(run.engine);
    pl_control_free(run.control);
    uv_loop_close(&run.loop);
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
    bool needs_data = graph->settings.log_kind != PL_LOG_NONE || pl_cli_get(cli, "data");
    bool ready = !needs_data || ((data.folder = choose_data(cli, graph, &data)) && open_data(cli, &data));
    exit_code = ready ? run_graph(cli, graph, &data, limit) : data.exit_code;
    if (data.temporary && data.folder) pl_cli_data_remove(data.folder);
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
        {"control-key", "FILE", "The secret key of --control, 40 characters of Z85.", 0},
        {"until-eof", NULL, "End when every source has ended.", 0},
        {"audit-retention-below-minimum", NULL, "Let the graph keep the audit for less than 730d; this is recorded.",
         0},
        {"for", "DURATION", "End after this time, as 30s or 2h.", 0},
        {"json", NULL, "Print the summary as one JSON object on standard output.", 0},
        {"nodes", NULL, "Print a line for each node at the end.", 0}, {"quiet", NULL, "Print no summary.", 'q'},
        {"log-format", "FORMAT", "Messages as text (default) or json.", 0}),
    .run = run_command,
};
