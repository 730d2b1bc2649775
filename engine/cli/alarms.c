/* alarms.c: `potline alarms backtest`: what rules would have told over recorded history. */
#include "cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "backtest_judge.h"
#include "data.h"

enum { NAMES_MAX = 16000000, SHOWN = 20 };

struct report {
    struct pl__backtest b;
    struct pl__activations live;
    struct pl__truth truth;
    struct pl__verdict verdict;
    pl_time tolerance;
    bool judged;
};

static json_t *text_time(pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    return json_stringn(text, (size_t)(pl_text_put_time(text, time) - text));
}

/* Activations that the other side has not: alarm and time. */
static json_t *unmatched(const struct pl__activations *all, const struct pl_tags *tags) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < all->count; i++)
        if (!all->list[i].matched)
            json_array_append_new(list, json_pack("{s:s, s:o}", "alarm", pl_tags_get(tags, all->list[i].alarm)->name,
                                                  "time", text_time(all->list[i].time)));
    return list;
}

static json_t *by_rule(const struct report *r) {
    json_t *rules = json_object();
    for (uint32_t i = 0; i < r->b.found.count; i++) {
        const char *rule = pl_tags_get(r->b.tags, r->b.found.list[i].rule)->name;
        json_object_set_new(rules, rule, json_integer(json_integer_value(json_object_get(rules, rule)) + 1));
    }
    return rules;
}

/* The most activations in ten minutes by the clock. */
static uint32_t most_in_ten_minutes(const struct report *r, double *buckets) {
    const pl_time ten = 10 * PL_MINUTE;
    uint64_t count = (uint64_t)(r->b.to - r->b.from + ten - 1) / (uint64_t)ten;
    uint32_t most = 0, *bucket = count < (1u << 28) ? pl_alloc((count + 1) * sizeof *bucket) : NULL;
    for (uint32_t i = 0; bucket && i < r->b.found.count; i++) {
        pl_time from_start = r->b.found.list[i].time - r->b.from;
        uint64_t at = from_start < 0 ? 0 : (uint64_t)from_start / (uint64_t)ten;
        if (at < count && ++bucket[at] > most) most = bucket[at];
    }
    pl_free(bucket);
    double span = (double)(r->b.to - r->b.from) / (double)ten;
    *buckets = span > 1 ? span : 1;
    return most;
}

static json_t *verdict_json(const struct report *r) {
    const struct pl__verdict *v = &r->verdict;
    if (!r->judged) return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:f}", "known", (json_int_t)v->known, "caught",
                     (json_int_t)v->caught, "activations", (json_int_t)v->judged, "right", (json_int_t)v->right,
                     "precision", v->judged ? json_real((double)v->right / (double)v->judged) : json_null(), "recall",
                     v->known ? json_real((double)v->caught / (double)v->known) : json_null(), "delay_mean_s",
                     v->caught ? json_real(v->delay_mean) : json_null(), "delay_max_s",
                     v->caught ? json_real(v->delay_max) : json_null(), "tolerance_s", (double)r->tolerance * 1e-9);
}

static json_t *report_json(const struct report *r) {
    double buckets;
    uint32_t most = most_in_ten_minutes(r, &buckets);
    return json_pack("{s:o, s:o, s:I, s:I, s:f, s:I, s:I, s:I, s:o, s:o, s:{s:I, s:o, s:o}}", "from",
                     text_time(r->b.from), "to", text_time(r->b.to), "rows", (json_int_t)r->b.rows, "alarms",
                     (json_int_t)r->b.found.count, "per_10min_mean", r->b.found.count / buckets, "per_10min_max",
                     (json_int_t)most, "floods", (json_int_t)r->b.found.floods, "chattering",
                     (json_int_t)r->b.found.chattering, "rules", by_rule(r), "truth", verdict_json(r), "live", "alarms",
                     (json_int_t)r->live.count, "new", unmatched(&r->b.found, r->b.tags), "gone",
                     unmatched(&r->live, r->b.tags));
}

static void print_list(const char *what, const json_t *list) {
    size_t i;
    json_t *row;
    printf("%s: %zu\n", what, json_array_size(list));
    json_array_foreach((json_t *)list, i, row) {
        if (i == SHOWN) {
            printf("  ... %zu more (--json has them all)\n", json_array_size(list) - SHOWN);
            break;
        }
        printf("  %s  %s\n", json_string_value(json_object_get(row, "time")),
               json_string_value(json_object_get(row, "alarm")));
    }
}

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void print_truth(const json_t *truth) {
    if (json_is_null(truth)) return;
    printf("known events: %.0f, caught %.0f; tolerance %g s\n", number(truth, "known"), number(truth, "caught"),
           number(truth, "tolerance_s"));
    printf("precision %.3f, recall %.3f; detection after %.1f s (at most %.1f s)\n", number(truth, "precision"),
           number(truth, "recall"), number(truth, "delay_mean_s"), number(truth, "delay_max_s"));
}

static void print_report(const json_t *report) {
    const char *rule;
    json_t *count;
    const json_t *live = json_object_get(report, "live");
    printf("%s to %s, %.0f rows\n", json_string_value(json_object_get(report, "from")),
           json_string_value(json_object_get(report, "to")), number(report, "rows"));
    printf("alarms: %.0f; per 10 min: mean %.2f (aim: < 1), most %.0f (a flood: > 10)\n", number(report, "alarms"),
           number(report, "per_10min_mean"), number(report, "per_10min_max"));
    printf("floods: %.0f, chattering: %.0f\n", number(report, "floods"), number(report, "chattering"));
    json_object_foreach(json_object_get(report, "rules"), rule, count) {
        printf("  %-24s %.0f\n", rule, json_number_value(count));
    }
    print_truth(json_object_get(report, "truth"));
    printf("recorded at the time: %.0f\n", number(live, "alarms"));
    print_list("new with these rules", json_object_get(live, "new"));
    print_list("gone with these rules", json_object_get(live, "gone"));
}

static bool is_script(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".lua") == 0;
}

static enum pl_code make_report(struct report *r, const char *data, struct pl_store_key *key, const char *truth,
                                struct pl_error **error) {
    struct pl_store_options options = {.read_only = true, .key = key};
    enum pl_code code = pl_store_open(data, &options, &r->b.store, error);
    if (!code && truth) code = pl__truth_read(truth, &r->truth, error);
    if (!code) code = pl__backtest_run(&r->b, error);
    if (!code) code = pl__live_read(&r->b, &r->live, error);
    if (code) return code;
    pl__live_compare(&r->b.found, &r->live, r->tolerance);
    r->judged = truth != NULL;
    if (truth) pl__truth_judge(&r->truth, &r->b.found, r->b.tags, r->tolerance, &r->verdict);
    return PL_OK;
}

static int show(const struct report *r, bool as_json) {
    json_t *report = report_json(r);
    if (report && as_json) {
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
        putchar('\n');
    } else if (report) {
        print_report(report);
    }
    bool good = report != NULL;
    json_decref(report);
    if (!good) fprintf(stderr, "potline alarms: out of memory\n");
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static bool read_time(const struct pl_cli *cli, const char *option, pl_time *time) {
    const char *text = pl_cli_get(cli, option);
    if (!text || pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time)) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970", option, text);
    return false;
}

static bool read_arguments(const struct pl_cli *cli, struct report *r) {
    const char *tolerance = pl_cli_get(cli, "tolerance");
    if (strcmp(pl_cli_operand(cli, 0), "backtest") != 0) {
        pl_cli_usage(cli, "there is no \"%s\" of alarms; there is backtest", pl_cli_operand(cli, 0));
        return false;
    }
    if (!pl_cli_get(cli, "rules") || !pl_cli_get(cli, "data")) {
        pl_cli_usage(cli, "--rules FILE and --data DIR are needed");
        return false;
    }
    if (tolerance && (!pl_text_duration(tolerance, strlen(tolerance), &r->tolerance) || r->tolerance < 0)) {
        pl_cli_usage(cli, "--tolerance: \"%s\" is no duration; write 30s", tolerance);
        return false;
    }
    return read_time(cli, "from", &r->b.from) && read_time(cli, "to", &r->b.to);
}

static int backtest(const struct pl_cli *cli) {
    struct report r = {.b = {.from = PL_TIME_MIN, .to = PL_TIME_MAX}, .tolerance = 10 * PL_SECOND};
    struct pl_graph *graph = NULL;
    struct pl_error *error = NULL;
    struct pl_store_key *key = NULL;
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
    struct pl_tags_options names = {.limit = NAMES_MAX};
    if (graph) {
        names.rules = graph->tag_rules;
        names.rule_count = graph->tag_rule_count;
    }
    r.b.tags = pl_tags_new(&names);
    enum pl_code code = r.b.tags ? make_report(&r, pl_cli_get(cli, "data"), key, pl_cli_get(cli, "truth"), &error)
                                 : pl_error_set(&error, PL_NO_MEMORY, "out of memory");
    if (code) {
        fprintf(stderr, "potline alarms backtest: ");
        pl_error_print(stderr, error);
        pl_error_free(&error);
        exit_code = code == PL_USAGE || code == PL_SYNTAX || code == PL_UNKNOWN ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    } else {
        exit_code = show(&r, pl_cli_has(cli, "json"));
    }
    pl__truth_free(&r.truth);
    pl_free(r.b.found.list);
    pl_free(r.live.list);
    pl_store_close(r.b.store);
    pl_tags_free(r.b.tags);
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
        "It shows alarms per 10 minutes, floods, chattering, and what is new or gone against what was recorded\n"
        "at the time. Known events are a CSV file with the columns start,end,asset or tag[,rule]: an alarm matches\n"
        "one when it becomes active within [start - tolerance, end + tolerance] at that place, by that rule.",
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
