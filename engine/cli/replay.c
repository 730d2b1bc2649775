/* replay.c: `potline replay`: a graph over what came in at another time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/abi.h>
#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>

#include "base/clock.h"
#include "cli.h"
#include "data.h"
#include "differences.h"
#include "drive.h"
#include "graph/registry.h"
#include "recall.h"
#include "runtime/replay.h"
#include "store/epochs.h"
#include "store/late.h"
#include "summary.h"

enum { ROWS_SHOWN = 10 };

struct replay {
    struct pl_drive drive; /* first */
    const struct pl_cli *cli;
    struct pl_graph *graph;
    const char *data; /* what is played */
    const char *version;
    bool diff, json;
    uint64_t rows_shown;
    struct pl_replay_options options;
    struct pl_store_key *key;
    char *target; /* where the results go */
    bool temporary;
    bool kept;       /* a version has come of it */
    uint64_t marked; /* pieces of time whose late rows windows lack, which are played; 0: what is asked for is */
    struct pl_version made;
    struct pl__differences differences;
};

/* ---- What is asked for ---- */

/* PL_EXIT_OK, or PL_EXIT_USAGE after saying why. */
static int read_options(struct replay *r) {
    const struct pl_cli *cli = r->cli;
    const char *margin = pl_cli_get(cli, "margin"), *speed = pl_cli_get(cli, "speed"), *rows = pl_cli_get(cli, "rows");
    int64_t shown = ROWS_SHOWN;
    r->options.from = PL_TIME_MIN;
    r->options.to = PL_TIME_MAX;
    r->options.margin = PL_HOUR;
    if (!pl_cli_time(cli, "from", &r->options.from) || !pl_cli_time(cli, "to", &r->options.to)) return PL_EXIT_USAGE;
    if (r->options.from >= r->options.to) return pl_cli_usage(cli, "--to is not behind --from");
    if (margin && (!pl_text_duration(margin, strlen(margin), &r->options.margin) || r->options.margin < 0))
        return pl_cli_usage(cli, "--margin: \"%s\" is not a duration; write 10m or 2h", margin);
    if (speed && (!pl_text_f64(speed, strlen(speed), &r->options.speed) || !(r->options.speed > 0)))
        return pl_cli_usage(cli, "--speed: \"%s\" is no number above 0, as 1 or 60", speed);
    if (rows && (!pl_text_int(rows, strlen(rows), &shown) || shown < 0))
        return pl_cli_usage(cli, "--rows: \"%s\" is no number of rows", rows);
    r->rows_shown = (uint64_t)shown;
    r->options.complete = pl_cli_has(cli, "repair");
    r->options.plain = pl_cli_has(cli, "ignore-set");
    r->version = pl_cli_get(cli, "version");
    r->diff = pl_cli_has(cli, "diff");
    r->json = pl_cli_has(cli, "json");
    r->data = pl_cli_get(cli, "data");
    if (!r->data) return pl_cli_usage(cli, "--data DIR is missing: the folder whose bronze is played");
    if (r->version && pl_cli_get(cli, "into")) return pl_cli_usage(cli, "--version and --into exclude each other");
    if (r->version && !pl_version_name_fits(r->version))
        return pl_cli_usage(cli, "--version: \"%s\" is no name: a-z, 0-9, then also . _ -", r->version);
    if (r->options.complete && !r->version && !r->diff)
        return pl_cli_usage(cli, "--repair makes a version: name it with --version, or look first with --diff");
    if (!r->version && !r->diff && !pl_cli_get(cli, "into"))
        return pl_cli_usage(cli, "where to? --into DIR, --version NAME, or --diff to only see what would change");
    return PL_EXIT_OK;
}

/* ---- Which nodes take part ---- */

static bool is_named(const char *const *names, const char *name) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

/* What is outside has had it already, when it was live. */
static bool takes_part(void *arg, const struct pl_graph_node *node) {
    const struct replay *r = arg;
    bool field = (node->op->flags & PL_OP_FIELD) != 0;
    bool sink = field || (node->op->inputs && (!node->op->outputs || !node->op->outputs[0].name));
    return !sink || strcmp(node->op->name, "sink.lake") == 0 || is_named(pl_cli_all(r->cli, "sink"), node->name);
}

static int choose_nodes(struct replay *r) {
    for (const char *const *name = pl_cli_all(r->cli, "sink"); *name; name++) {
        bool found = false;
        for (unsigned i = 0; i < r->graph->node_count; i++)
            if (strcmp(r->graph->nodes[i].name, *name) == 0) {
                found = true;
                if (r->graph->nodes[i].op->flags & PL_OP_FIELD)
                    return pl_cli_usage(r->cli, "--sink %s: nothing is written to the field in a replay", *name);
            }
        if (!found) return pl_cli_usage(r->cli, "--sink %s: %s has no such node", *name, r->graph->path);
    }
    pl_graph_leave_out(r->graph, takes_part, r);
    return PL_EXIT_OK;
}

/* ---- The folders ---- */

static bool complain(struct pl_error *error) {
    fputs("potline replay: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return false;
}

static const char *time_text(pl_time time, char text[PL_TEXT_TIME_MAX + 1]) {
    if (time == PL_TIME_MIN) return "the begin";
    *pl_text_put_time(text, time) = 0;
    return text;
}

static void tell_marked(const struct replay *r) {
    char begin[PL_TEXT_TIME_MAX + 1], end[PL_TEXT_TIME_MAX + 1];
    fprintf(stderr, "late rows are marked in %" PRIu64 " pieces of time, in windows from %s to %s: these are played\n",
            r->marked, time_text(r->options.from, begin), time_text(r->options.to - 1, end));
}

/* A repair plays what is marked, unless another time is asked for. */
static enum pl_code choose_marked(struct replay *r, struct pl_error **error) {
    if (!r->options.complete || r->options.from != PL_TIME_MIN || r->options.to != PL_TIME_MAX) return PL_OK;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = UINT32_MAX});
    struct pl_late_marks *marks = NULL;
    enum pl_code code = tags ? pl_late_marks_load(r->options.store, tags, &marks, error)
                             : pl_error_set(error, PL_NO_MEMORY, "out of memory");
    if (!code) {
        struct pl_late_extent extent = pl_late_marks_extent(marks);
        if (extent.marks && extent.complete && extent.missed < PL_TIME_MAX) {
            r->options.from = extent.begin;
            r->options.to = extent.missed + 1; /* windows have the time of their end */
            r->marked = extent.marks;
        }
        pl_late_marks_free(marks);
    }
    pl_tags_free(tags);
    return code;
}

static bool open_store(struct replay *r) {
    struct pl_store_options options = {.read_only = true, .key = r->key};
    struct pl_error *error = NULL;
    return !pl_store_open(r->data, &options, &r->options.store, &error) || complain(error);
}

/* What was set at the start is part of the graph that ran, and so is what people have set since (pl_replay_options). */
static bool load_graph(struct replay *r, int *exit_code) {
    const char *const *now = pl_cli_all(r->cli, "set");
    char **set = NULL, *path = r->options.plain ? NULL : realpath(pl_cli_operand(r->cli, 0), NULL);
    struct pl_error *error = NULL;
    enum pl_code code = pl_cli_recall_set(r->options.store, path, now, &set, &error);
    struct pl_graph_options options = {.set = (const char *const *)set};
    free(path);
    if (code) return complain(error);
    r->graph = pl_cli_graph(pl_cli_operand(r->cli, 0), &options, exit_code);
    unsigned given = 0;
    while (now && now[given])
        given++;
    for (unsigned i = 0; r->graph && set[i + given]; i++)
        fprintf(stderr, "as at its start: --set %s (--ignore-set leaves it out)\n", set[i]);
    pl_cli_set_free(set);
    return r->graph != NULL;
}

/* Results do not depend on the number of partitions, so it is the log's. */
static bool look_at_source(struct replay *r) {
    struct pl_error *error = NULL;
    struct pl_epoch last;
    enum pl_code code = pl_epochs_last(r->options.store, &last, &error);
    if (code == PL_NOT_FOUND && !error) pl_error_set(&error, code, "%s: there is no log in it", r->data);
    if (code) return complain(error);
    r->graph->settings.partitions = last.partitions;
    pl_epoch_fini(&last);
    if (choose_marked(r, &error)) return complain(error);
    if (r->marked) tell_marked(r);
    return true;
}

static bool is_there(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

/* A version that was not finished is begun again. */
static bool make_version_folder(struct replay *r) {
    struct pl_version_entry *there;
    struct pl_error *error = NULL;
    unsigned count;
    r->target = pl_version_path(r->data, r->version);
    if (!r->target || pl_versions_list(r->data, r->key, &there, &count, &error)) return complain(error);
    bool taken = false, full = count == PL_VERSIONS_MAX;
    for (unsigned i = 0; i < count; i++)
        taken |= strcmp(there[i].version.name, r->version) == 0;
    pl_versions_free(there, count);
    bool good = !taken && !full && pl_cli_data_remove(r->target);
    if (taken)
        fprintf(stderr,
                "potline replay: there is a version '%s' already; potline versions drop %s --data %s removes it\n",
                r->version, r->version, r->data);
    else if (!good)
        fprintf(stderr, "potline replay: %s cannot be made%s\n", r->target,
                full ? ": there are too many versions" : "");
    return good;
}

static bool make_target(struct replay *r) {
    const char *into = pl_cli_get(r->cli, "into");
    if (r->version) return make_version_folder(r);
    r->temporary = !into;
    r->target = into ? pl_cli_data_folder(into, NULL) : pl_cli_data_temporary();
    if (!r->target || !into) return r->target != NULL;
    char store[4096];
    snprintf(store, sizeof store, "%s/store", r->target);
    if (!is_there(store)) return true;
    fprintf(stderr, "potline replay: %s is a data folder already; --into wants an empty one\n", into);
    return false;
}

/* ---- At work ---- */

static void show(struct pl_drive *drive) {
    const struct pl_intake *intake = pl_engine_intake(drive->engine);
    uint64_t all = pl_replay_rows(pl_intake_replayed(intake)), rows = pl_stat_get(&pl_intake_stats(intake)->rows);
    double seconds = pl_drive_seconds(drive), share = all ? (double)rows / (double)all : 1;
    char bar[21];
    for (unsigned i = 0; i < sizeof bar - 1; i++)
        bar[i] = i < (unsigned)(share * (sizeof bar - 1)) ? '#' : '.';
    bar[sizeof bar - 1] = 0;
    fprintf(stderr, "[%s] %5.1f %%  %" PRIu64 " of %" PRIu64 " rows, %.0f rows/s, %.0f s left ", bar, 100 * share, rows,
            all, (double)rows / seconds, share > 0 ? seconds / share - seconds : 0);
}

static enum pl_code play(struct replay *r, struct pl_error **error) {
    struct pl_engine_options options = {
        .data = r->target,
        .key = r->key,
        .replay = &r->options,
        .temporary = r->temporary,
        .audit_below_minimum = true, /* the audit of what was live is in the folder that is played */
        .notify = pl_drive_notify,
        .notify_arg = &r->drive,
    };
    pl_drive_init(&r->drive);
    r->drive.show = show;
    r->drive.patience = 0; /* half a replay is worth nothing */
    enum pl_code code = pl_engine_new(r->graph, &options, &r->drive.engine, error);
    return code ? code : pl_drive_work(&r->drive, 0, error);
}

/* ---- What came of it ---- */

static const struct pl_replay *played(const struct replay *r) {
    return pl_intake_replayed(pl_engine_intake(r->drive.engine));
}

/* What a margin in front of all that is missing, and behind the watermarks, leaves of what was asked for. */
static void settle(const struct replay *r, pl_time *from, pl_time *to) {
    pl_time begin = pl_replay_complete_from(played(r)), reach = pl_replay_reach(played(r)), margin = r->options.margin;
    pl_time least = begin == PL_TIME_MIN || begin > PL_TIME_MAX - margin ? begin : begin + margin;
    pl_time most = reach > PL_TIME_MIN + margin ? reach - margin : PL_TIME_MIN;
    *from = least > r->options.from ? least : r->options.from;
    *to = most < r->options.to ? most : r->options.to;
}

static enum pl_code describe(struct replay *r, struct pl_error **error) {
    struct pl_version *made = &r->made;
    made->made = pl_engine_now(r->drive.engine);
    made->engine = pl_strdup(POTLINE_VERSION);
    made->graph = pl_strdup(r->graph->settings.name);
    made->hash = r->graph->hash;
    made->epoch = pl_replay_epoch(played(r));
    made->rows = pl_stat_get(&pl_intake_stats(pl_engine_intake(r->drive.engine))->rows);
    made->repair = r->options.complete;
    made->nodes = pl_alloc((r->graph->node_count + 1) * sizeof *made->nodes);
    bool good = made->engine && made->graph && made->nodes;
    for (unsigned i = 0; good && i < r->graph->node_count; i++) {
        const struct pl_graph_node *node = &r->graph->nodes[i];
        const char *was = node->settings.was;
        made->nodes[made->node_count++] = (struct pl_version_node){.name = pl_strdup(node->name),
                                                                   .was = pl_strdup(was ? was : ""),
                                                                   .op = pl_strdup(node->op->name),
                                                                   .plugin = pl_strdup(pl_registry_version(node->op)),
                                                                   .options = pl_graph_state_hash(node),
                                                                   .counts = strcmp(node->op->name, "sink.lake") == 0};
        good = made->nodes[i].name && made->nodes[i].was && made->nodes[i].op && made->nodes[i].plugin;
    }
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

static enum pl_code find_differences(struct replay *r, pl_time from, struct pl_error **error) {
    r->differences = (struct pl__differences){.live = r->options.store,
                                              .fresh = pl_engine_store(r->drive.engine),
                                              .tags = pl_engine_tags(r->drive.engine),
                                              .from = from,
                                              .to = r->options.to,
                                              .epoch = pl_replay_epoch(played(r)),
                                              .rows = r->rows_shown,
                                              .json = r->json,
                                              .quiet = !r->diff};
    return pl__differences_find(&r->differences, &r->made, stdout, error);
}

/* Has the version rows of a zone in that time? */
static enum pl_code find_rows(const struct replay *r, enum pl_zone_id zone, pl_time from, pl_time to, bool *any,
                              struct pl_error **error) {
    struct pl_zone_range range = {.from = from, .to = to};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    enum pl_code code =
        pl_zone_scan_new(pl_engine_store(r->drive.engine), pl_engine_tags(r->drive.engine), zone, &range, &scan, error);
    if (code) return code;
    while (!*any && !(code = pl_zone_scan_next(scan, &record, error))) {
        const pl_time *times = pl_batch_times(record.batch);
        for (uint32_t i = 0; i < record.batch->rows; i++)
            *any |= times[i] >= from && times[i] < to;
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(scan);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* A replay counts for all of its time, a repair for what it changes. */
static enum pl_code finish_version(struct replay *r, pl_time from, pl_time to, struct pl_error **error) {
    struct pl_version *made = &r->made;
    if (made->repair) {
        made->spans = r->differences.spans;
        made->span_count = r->differences.span_count;
        r->differences.spans = NULL;
    } else if (from < to) {
        bool any = false;
        enum pl_code code = find_rows(r, PL_SILVER, from, to, &any, error);
        if (!code) code = find_rows(r, PL_GOLD, from, to, &any, error);
        if (code || !any) return code;
        made->spans = pl_alloc(2 * sizeof *made->spans);
        if (!made->spans) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
        made->spans[made->span_count++] = (struct pl_version_span){PL_SILVER, from, to};
        made->spans[made->span_count++] = (struct pl_version_span){PL_GOLD, from, to};
    }
    return made->span_count ? pl_version_write(pl_engine_store(r->drive.engine), made, error) : PL_OK;
}

/* True: it is one. */
static bool tell_version(const struct replay *r, pl_time from, pl_time to) {
    char begin[PL_TEXT_TIME_MAX + 1], end[PL_TEXT_TIME_MAX + 1];
    if (r->made.repair && !r->made.span_count) {
        fputs("no row that came late would have changed anything: no version is made\n", stderr);
    } else if (r->made.repair) {
        fprintf(stderr, "version '%s' changes the rows of %u times\n", r->version, r->made.span_count);
    } else if (!r->made.span_count) {
        fprintf(
            stderr,
            "potline replay: no version is made: bronze reaches from %s to %s, and a margin at both ends is not "
            "settled; --margin 10s makes it smaller than 1h, but it must be longer than windows and their lateness\n",
            time_text(pl_replay_complete_from(played(r)), begin), time_text(pl_replay_reach(played(r)), end));
    } else {
        fprintf(stderr, "version '%s' is made, from %s to %s\n", r->version, time_text(from, begin),
                time_text(to, end));
    }
    if (r->made.span_count)
        fprintf(stderr, "potline versions publish %s --data %s makes it count\n", r->version, r->data);
    return r->made.span_count > 0;
}

static enum pl_code conclude(struct replay *r, struct pl_error **error) {
    pl_time from, to;
    settle(r, &from, &to);
    enum pl_code code = describe(r, error);
    if (!code && (r->diff || r->made.repair)) code = find_differences(r, from, error);
    if (code || !r->version) return code;
    code = finish_version(r, from, to, error);
    if (!code) r->kept = tell_version(r, from, to);
    return !code && !r->kept && !r->made.repair ? PL_RANGE : code;
}

/* ---- The command ---- */

static void print_summary(const struct replay *r) {
    struct pl_summary s;
    static struct pl_summary_past past; /* 10 KB; there is one replay */
    pl_summary_make(&s, &past, r->drive.engine, pl_drive_seconds(&r->drive));
    if (r->json)
        printf("{\"rows\": %" PRIu64 ", \"rows_flagged\": %" PRIu64 ", \"windows\": %" PRIu64 ", \"alarms\": %" PRIu64
               ", \"seconds\": %.3f, \"rows_per_second\": %.1f, \"cpu_seconds\": %.3f, \"peak_rss_mib\": %.1f}\n",
               s.rows_in, s.rows_flagged, s.windows, s.alarms, s.seconds, s.rows_per_second, s.cpu_seconds,
               s.peak_rss_mib);
    else if (!pl_cli_has(r->cli, "quiet"))
        fprintf(stderr,
                "%" PRIu64 " rows played in %.2f s (%.0f rows/s): %" PRIu64 " flagged, %" PRIu64 " windows, %" PRIu64
                " alarms\n",
                s.rows_in, s.seconds, s.rows_per_second, s.rows_flagged, s.windows, s.alarms);
}

static void tell_set(const struct replay *r) {
    unsigned count = pl_replay_settings_done(played(r));
    if (count && !pl_cli_has(r->cli, "quiet"))
        fprintf(stderr, "what people set is part of it, %u time%s (--ignore-set leaves it out)\n", count,
                count == 1 ? "" : "s");
}

static int work(struct replay *r) {
    struct pl_error *error = NULL;
    enum pl_code code = play(r, &error);
    bool interrupted = r->drive.forced && !error;
    if (!code) print_summary(r);
    if (!code) tell_set(r);
    if (!code) code = conclude(r, &error);
    if (interrupted) fputs("potline replay: ended before everything was played; nothing is kept\n", stderr);
    if (error) complain(error);
    pl__differences_fini(&r->differences);
    pl_engine_free(r->drive.engine);
    pl_drive_fini(&r->drive);
    if (r->temporary || (r->version && !r->kept)) pl_cli_data_remove(r->target);
    return code ? PL_EXIT_FAILED : PL_EXIT_OK;
}

static int replay_command(const struct pl_cli *cli) {
    static struct replay replay; /* outlives everything that may call back */
    struct replay *r = &replay;
    int exit_code = PL_EXIT_USAGE;
    r->cli = cli;
    if (read_options(r) || !pl_cli_data_key_of(cli, r->data, &r->key)) return PL_EXIT_USAGE;
    pl_diag_setup(PL_INFO, false);
    if (open_store(r) && load_graph(r, &exit_code)) {
        exit_code = PL_EXIT_USAGE;
        if (!choose_nodes(r) && look_at_source(r) && make_target(r)) exit_code = work(r);
    }
    pl_version_fini(&r->made);
    pl_store_close(r->options.store);
    pl_store_key_unref(r->key);
    pl_free(r->target);
    pl_graph_free(r->graph);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_replay = {
    .name = "replay",
    .operands = "GRAPH",
    .least = 1,
    .most = 1,
    .summary = "Run a graph over what came in before.",
    .doc = "Plays the bronze of a data folder, beside a running engine or not, through any graph with the same\n"
           "sources. It changes nothing that is live: silver and gold go into another folder (--into), into a\n"
           "version of them beside the live ones (--version; see potline versions), or are only compared (--diff).\n"
           "Other sinks than sink.lake are left out, unless --sink names them.\n"
           "\n"
           "With the same graph the rows are those of the live run. What was set at its start (run --set) is set\n"
           "again where GRAPH is what ran; and what people set while it ran (set, rules set, enable and disable),\n"
           "is set from the same row on, unless --ignore-set is given; an option of which\n"
           "the graph file or --set says something else now is left at that. Of a part of the time (--from, --to)\n"
           "the rows are the same when what nodes know goes back no longer than --margin.\n"
           "\n"
           "--repair plays as if no row had been late, and counts for what that changes; without --from and --to it\n"
           "plays where windows are marked to lack late rows, if any are.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder that is played.", 0},
        PL_CLI_KEY_FILE,
        {"into", "DIR", "A new data folder for the results.", 0},
        {"version", "NAME", "A version of silver and gold, in the folder itself, not published yet.", 0},
        {"diff", NULL, "Show what differs from the live rows of silver and gold.", 0},
        {"repair", NULL, "Put late rows where they belong; of --version only what that changes counts.", 0},
        {"from", "T", "Only this time and later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "Only before this time.", 0},
        {"margin", "DURATION", "How much is played in front of --from and behind --to (default: 1h).", 0},
        {"speed", "FACTOR", "At this pace, 1 as it was live (default: as fast as it goes).", 0},
        {"sink", "NODE", "This sink takes part too; may be repeated.", 0},
        {"set", "NODE.OPTION=VALUE", "Another value for an option of the graph; may be repeated.", 0},
        {"ignore-set", NULL, "Leave out what was set at its start, and what people set while it was live.", 0},
        {"rows", "N", "How many differing rows of a node --diff shows (default: 10).", 0},
        {"json", NULL, "Differences and summary as JSON objects, one a line.", 0},
        {"quiet", NULL, "Print no summary.", 'q'}),
    /* clang-format on */
    .run = replay_command,
};
