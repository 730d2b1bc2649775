/* alarms.c: `potline alarms backtest`: what rules would have told over recorded history. */
#include "cli.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "backtest_report.h"
#include "data.h"

enum { NAMES_MAX = 16000000 };

static bool is_script(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".lua") == 0;
}

static enum pl_code make_report(struct pl__report *r, const char *data, struct pl_store_key *key, const char *truth,
                                struct pl_error **error) {
    struct pl_store_options options = {.read_only = true, .key = key};
    enum pl_code code = pl_store_open(data, &options, &r->b.store, error);
    if (!code && truth) code = pl__truth_read(truth, &r->truth, error);
    if (!code) code = pl__backtest_run(&r->b, error);
    if (!code) code = pl__live_read(&r->b, &r->live, error);
    if (code) return code;
    pl__live_compare(&r->b.found, &r->live, r->tolerance);
    r->judged = truth != NULL;
    return PL_OK;
}

static bool read_arguments(const struct pl_cli *cli, struct pl__report *r) {
    const char *tolerance = pl_cli_get(cli, "tolerance");
    static const char *const verbs[] = {"backtest", NULL};
    if (pl_cli_verb(cli, verbs, sizeof *verbs) < 0) {
        return false;
    }
    if (!pl_cli_get(cli, "rules") || !pl_cli_get(cli, "data")) {
        pl_cli_usage(cli, "--rules FILE and --data DIR are needed");
        return false;
    }
    if (is_script(pl_cli_get(cli, "rules")) && pl_cli_has(cli, "set")) {
        pl_cli_usage(cli, "--set is for options of a graph; a script by itself has none");
        return false;
    }
    if (tolerance && (!pl_text_duration(tolerance, strlen(tolerance), &r->tolerance) || r->tolerance < 0)) {
        pl_cli_usage(cli, "--tolerance: \"%s\" is no duration; write 30s", tolerance);
        return false;
    }
    return pl_cli_time(cli, "from", &r->b.from) && pl_cli_time(cli, "to", &r->b.to);
}

/* Is it what was given that is wrong, and not the run? */
static bool is_input(enum pl_code code) {
    return code == PL_USAGE || code == PL_SYNTAX || code == PL_UNKNOWN || code == PL_RANGE;
}

/* Names as the graph has them while it runs; `globs` (caller frees with pl_free) lasts as long. */
static struct pl_tags *make_tags(const struct pl_graph *graph, const char ***globs) {
    struct pl_tags_options names = {.limit = NAMES_MAX};
    if (!graph) return pl_tags_new(&names);
    names.key_depth = (unsigned)graph->settings.key_depth;
    names.rules = graph->tag_rules;
    names.rule_count = graph->tag_rule_count;
    const struct pl_strings *broadcast = &graph->settings.broadcast;
    *globs = pl_alloc((broadcast->count + 1) * sizeof **globs);
    for (uint32_t i = 0; *globs && i < broadcast->count; i++)
        (*globs)[i] = broadcast->items[i];
    names.broadcast = *globs;
    return *globs ? pl_tags_new(&names) : NULL;
}

static int backtest(const struct pl_cli *cli) {
    struct pl__report r = {.b = {.from = PL_TIME_MIN, .to = PL_TIME_MAX}, .tolerance = 10 * PL_SECOND};
    struct pl_graph *graph = NULL;
    struct pl_error *error = NULL;
    struct pl_store_key *key = NULL;
    const char **globs = NULL;
    int exit_code = PL_EXIT_OK;
    if (!read_arguments(cli, &r)) return PL_EXIT_USAGE;
    r.b.rules = pl_cli_get(cli, "rules");
    struct pl_graph_options options = {.checking = true, .set = pl_cli_all(cli, "set")};
    if (is_script(r.b.rules))
        r.b.script = r.b.rules;
    else
        r.b.graph = graph = pl_cli_graph(r.b.rules, &options, &exit_code);
    if (exit_code || (!r.b.script && !graph)) return exit_code ? exit_code : PL_EXIT_USAGE;
    if (!pl_cli_data_key_of(cli, pl_cli_get(cli, "data"), &key)) {
        pl_graph_free(graph);
        return PL_EXIT_USAGE;
    }
    r.b.tags = make_tags(graph, &globs);
    enum pl_code code = r.b.tags ? make_report(&r, pl_cli_get(cli, "data"), key, pl_cli_get(cli, "truth"), &error)
                                 : pl_error_set(&error, PL_NO_MEMORY, "out of memory");
    if (code) {
        fprintf(stderr, "potline alarms backtest: ");
        pl_error_print(stderr, error);
        pl_error_free(&error);
        exit_code = is_input(code) ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    } else {
        exit_code = pl__report_show(&r, pl_cli_has(cli, "json"));
    }
    pl__truth_free(&r.truth);
    pl__trial_rules_fini(&r.b.asked);
    pl_free(r.b.found.list);
    pl_free(r.live.list);
    pl_store_close(r.b.store);
    pl_tags_free(r.b.tags);
    pl_free(globs);
    pl_store_key_unref(key);
    pl_graph_free(graph);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_alarms = {
    .name = "alarms",
    .operands = "backtest",
    .least = 1,
    .most = 1,
    .summary = "Try alarm rules on recorded history.",
    .doc =
        "backtest runs the rules of a graph file (nodes that make events of samples or windows, and the graph's\n"
        "`alarms` node) over silver and gold, without sources and sinks; or a Lua script (.lua) over all of silver.\n"
        "Rules for which no row came (of a script: those on windows, events and set points) are named.\n"
        "It shows alarms per 10 minutes, floods, chattering, and what is new or gone against what was recorded\n"
        "at the time (of a script, alarms of other rules are gone). Known events are a CSV file with the columns "
        "start,end,asset or tag[,rule]: an alarm matches\n"
        "one when it becomes active within [start - tolerance, end + tolerance] at that place, by that rule. Of each\n"
        "rule it then tells precision (alarms that match an event), recall (events that an alarm matches), and how\n"
        "long after the start and before the end the first alarm came: for a rule that warns, let events end where\n"
        "what it warns of begins. Events of a time that was not run over are not judged.\n"
        "Rows are read in order of time, about 260,000 at hand; on a terminal it tells how far it is.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"rules", "FILE", "A graph file, or a Lua script.", 0},
        {"data", "DIR", "The data folder; an engine may be running on it.", 0},
        PL_CLI_KEY_FILE,
        {"from", "T", "Only rows at this time or later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "Only rows before this time.", 0},
        {"truth", "FILE", "Known events, for precision, recall and delay.", 0},
        {"tolerance", "D", "How far an alarm may lie outside of its event, and from the one recorded (10s).", 0},
        {"set", "NODE.OPTION=VALUE", "Another value for an option of the graph; may be repeated.", 0},
        {"json", NULL, "Print the report as JSON.", 0}),
    /* clang-format on */
    .run = backtest,
};
