/* train.c: `potline train`: a node of a graph learns from recorded rows. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <potline/quality.h>
#include <potline/text.h>
#include <potline/train.h>

#include "batch/tags.h"
#include "cli.h"
#include "data.h"
#include "export_read.h"

enum { NAMES_MAX = 16000000 };

static volatile sig_atomic_t interrupted;

struct train {
    const struct pl_cli *cli;
    struct pl_graph *graph;
    const struct pl_graph_node *node;
    struct pl__export_what what;
    struct pl_training_job job;
    void *training;
    struct pl_training_result result;
    unsigned rounds; /* told */
    bool terminal;
};

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static int failed(struct pl_error *error, int code) {
    fputs("potline train: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return code;
}

/* ---- What is asked for ---- */

static int find_node(struct train *t) {
    const char *name = pl_cli_get(t->cli, "node");
    unsigned found = 0;
    for (unsigned i = 0; i < t->graph->node_count; i++) {
        const struct pl_graph_node *node = &t->graph->nodes[i];
        if (name ? strcmp(node->name, name) != 0 : !node->op->trainer) continue;
        if (!node->op->trainer) return pl_cli_usage(t->cli, "--node %s: %s does not learn", name, node->op->name);
        t->node = node;
        found++;
    }
    if (!found && name) return pl_cli_usage(t->cli, "--node %s: %s has no such node", name, t->graph->path);
    if (!found) return pl_cli_usage(t->cli, "%s has no node that learns (detect.recurrent)", t->graph->path);
    return found > 1 ? pl_cli_usage(t->cli, "several nodes learn: say which by --node") : PL_EXIT_OK;
}

static int read_options(struct train *t) {
    const char *zone = pl_cli_get(t->cli, "zone");
    const int chosen = zone ? pl_cli_choice(t->cli, "zone", zone, pl_zone_names) : PL_BRONZE;
    if (chosen < 0) return PL_EXIT_USAGE;
    t->job.from = PL_TIME_MIN;
    t->job.to = PL_TIME_MAX;
    if (!pl_cli_time(t->cli, "from", &t->job.from) || !pl_cli_time(t->cli, "to", &t->job.to)) return PL_EXIT_USAGE;
    if (t->job.from >= t->job.to) return pl_cli_usage(t->cli, "--to is not behind --from");
    t->what.data = pl_cli_get(t->cli, "data");
    if (!t->what.data) return pl_cli_usage(t->cli, "--data DIR is missing: the folder whose rows teach");
    t->what.zone = (enum pl_zone_id)chosen;
    t->what.range = (struct pl_zone_range){.node = pl_cli_get(t->cli, "source"), .from = t->job.from, .to = t->job.to};
    return PL_EXIT_OK;
}

/* ---- Rows ---- */

/* Those that do not count (another version of them is published) are made bad, which nothing learns from. */
static void mark_rest(const struct pl__export_reader *reader, const struct pl__export_part *part) {
    for (uint32_t i = 0; i < part->batch->rows; i++)
        if (!pl__export_counts(reader, part, i)) part->batch->samples.quality[i] |= PL_Q_BAD;
}

static enum pl_code take_rows(struct train *t, struct pl_error **error) {
    struct pl__export_reader *reader = NULL;
    struct pl__export_part part;
    enum pl_code code = pl__export_open(&t->what, &reader, error);
    while (!code && !interrupted && !(code = pl__export_next(reader, &part, error))) {
        struct pl_batch *batch = part.batch;
        if (batch->kind == PL_SAMPLES) {
            mark_rest(reader, &part);
            code = t->node->op->trainer->take(t->training, batch, error);
        }
        pl_batch_unref(batch);
    }
    pl__export_close(reader);
    return code == PL_NOT_FOUND && !*error ? PL_OK : code;
}

/* ---- Progress ---- */

static bool go_on(void *context, const struct pl_training_round *round) {
    struct train *t = context;
    if (!t->rounds++ && round->round > 1)
        fprintf(stderr, "goes on behind round %u of a training that was interrupted\n", round->round - 1);
    if (t->terminal) fputc('\r', stderr);
    fprintf(stderr, "round %u of %u, error %.4f", round->round, round->rounds, round->error);
    fputs(t->terminal && round->round < round->rounds ? "\033[K" : "\n", stderr);
    return !interrupted;
}

static const char *time_text(char text[PL_TEXT_TIME_MAX + 1], pl_time time) {
    *pl_text_put_time(text, time) = 0;
    return text;
}

static void tell(const struct train *t) {
    const struct pl_training_result *r = &t->result;
    char first[PL_TEXT_TIME_MAX + 1], cut[PL_TEXT_TIME_MAX + 1], last[PL_TEXT_TIME_MAX + 1];
    time_text(first, r->first), time_text(cut, r->cut), time_text(last, r->last);
    if (pl_cli_has(t->cli, "json")) {
        json_t *all = json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:s, s:s, s:s, s:f, s:f, s:i}", "node", t->node->name,
                                "model", r->path, "signals", (int)r->signals, "assets", (int)r->assets, "taught",
                                (json_int_t)r->taught, "judged", (json_int_t)r->judged, "first", first, "cut", cut,
                                "last", last, "error", r->error, "unchanged", r->unchanged, "resumed", (int)r->resumed);
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
        return;
    }
    printf("%s: %u signals of %u assets, %" PRIu64 " frames from %s taught, %" PRIu64 " from %s to %s judged\n",
           r->path, r->signals, r->assets, r->taught, first, r->judged, cut, last);
    printf("error of forecasts %.4f of the signals' variance (that nothing changes: %.4f)\n", r->error, r->unchanged);
}

/* ---- Work ---- */

static int learn(struct train *t) {
    struct pl_error *error = NULL;
    const struct pl_trainer *trainer = t->node->op->trainer;
    t->job.tags = t->what.tags;
    t->job.graph = t->graph->hash;
    t->job.goes_on = go_on;
    t->job.context = t;
    enum pl_code code = trainer->open(&t->training, t->node->prototype, &t->job, &error);
    if (!code) code = take_rows(t, &error);
    if (!code) code = interrupted ? PL_BUSY : trainer->run(t->training, &t->result, &error);
    trainer->close(t->training);
    if (code == PL_BUSY && !error) {
        fputs("\ninterrupted: the same command goes on from the last round\n", stderr);
        return PL_EXIT_FAILED;
    }
    if (code) return failed(error, PL_EXIT_FAILED);
    tell(t);
    if (t->result.error >= t->result.unchanged)
        fprintf(stderr,
                "warning: %s forecasts worse than that nothing changes: no node begins with it by itself; try more "
                "rows, rounds or units, or another seed\n",
                t->result.path);
    return PL_EXIT_OK;
}

static int open_folder(struct train *t) {
    struct pl_error *error = NULL;
    struct pl_store_options options = {.read_only = true};
    if (!pl_cli_data_key_of(t->cli, t->what.data, &t->what.key)) return PL_EXIT_USAGE;
    options.key = t->what.key;
    enum pl_code code = pl_store_open(t->what.data, &options, &t->what.store, &error);
    if (code) return failed(error, code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED);
    t->what.tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES_MAX});
    if (t->what.tags) return PL_EXIT_OK;
    fputs("potline train: out of memory\n", stderr);
    return PL_EXIT_FAILED;
}

static int train(const struct pl_cli *cli) {
    struct train t = {.cli = cli, .terminal = isatty(STDERR_FILENO) == 1};
    struct pl_graph_options options = {0};
    int code = PL_EXIT_OK;
    t.graph = pl_cli_graph(pl_cli_operand(cli, 0), &options, &code);
    if (!t.graph) return code;
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    code = find_node(&t);
    if (!code) code = read_options(&t);
    if (!code) code = open_folder(&t);
    if (!code) code = learn(&t);
    pl_store_close(t.what.store);
    pl_store_key_unref(t.what.key);
    pl_tags_free(t.what.tags);
    pl_graph_free(t.graph);
    return code;
}

const struct pl_subcommand pl_subcommand_train = {
    .name = "train",
    .operands = "GRAPH",
    .least = 1,
    .most = 1,
    .summary = "Let a detector of a graph learn from recorded rows.",
    .doc = "A node of detect.recurrent learns from the samples of a data folder that fit its include and exclude,\n"
           "as its options under `training` say, and writes the next version of its model: weights in safetensors\n"
           "with PyTorch's names, the range of the data, the graph's hash, and how good it is on the last part of\n"
           "the time, which is kept back. No row outside of --from and --to is looked at.\n"
           "\n"
           "Bronze is what came in; where the node stands behind cleanse, silver has what it will see, if a\n"
           "sink.lake keeps it. It works while an engine runs on the folder. An engine goes on with the version\n"
           "that it works with until somebody says otherwise: detector shadow, promote, rollback.\n"
           "\n"
           "The same rows, options and seed give the same file. Interrupted (Ctrl-C, or killed), it goes on from\n"
           "the last complete round when it is started again.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder whose rows teach.", 0},
        PL_CLI_KEY_FILE,
        {"node", "NAME", "The node that learns, where there are several.", 0},
        {"zone", "ZONE", "bronze (the default), silver or gold.", 0},
        {"source", "NAME", "Only rows that this node wrote; of bronze, that this source gave.", 0},
        {"from", "T", "Only rows at this time or later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "Only rows before this time.", 0},
        {"json", NULL, "Print the result as JSON.", 0}),
    /* clang-format on */
    .run = train,
};
