/* explain.c: `potline explain`: what made a row of silver or gold. */
#include "explain.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "cli.h"
#include "data.h"
#include "recall.h"
#include "store/audit.h"

enum { ROWS_SHOWN = 20, SOCKETS_MAX = 60000, NAMES_SPARE = 1000000 };

/* How much in front of a row and behind it is read, until it is made again: nothing, then more and more, then all. */
static const pl_time margins[] = {0, PL_MINUTE, 10 * PL_MINUTE, PL_HOUR, 12 * PL_HOUR, PL_TIME_MAX};

struct work {
    const struct pl_cli *cli;
    struct pl__explain_wanted wanted;
    uint64_t rows;
    struct pl__export_what folder;
    struct pl_graph *graph; /* that was in force when the row was made */
    struct pl_graph *named; /* whose settings the names of the folder go by; may be the same */
    struct pl_cli_past past;
    struct pl__explain_found found[PL__EXPLAIN_CANDIDATES];
    unsigned count;
    struct pl__explain_section section;
    struct pl__explain_changes changes;
    struct pl__raws raws;
    struct pl__again again;
    uint32_t asset;                       /* whose rows make it again; 0: it takes those of others, too */
    uint8_t *needed;                      /* NULL: it is not made again */
    bool whole;                           /* it takes all of those that are needed */
    struct pl__again_result shown, least; /* of more rows than are needed, and of those */
    json_t *said;
    struct pl__explanation explanation;
};

/* ---- What is asked for ---- */

static const char *const verbs[] = {"window", "sample", "event", "alarm", NULL};

static bool read_time(const struct pl_cli *cli, const char *text, pl_time *time) {
    size_t length = strlen(text);
    if (pl_text_int(text, length, time) || pl_text_time(text, length, time)) return true;
    pl_cli_usage(cli, "\"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970", text);
    return false;
}

static bool read_wanted(struct work *work) {
    const struct pl_cli *cli = work->cli;
    const char *rows = pl_cli_get(cli, "rows");
    int64_t shown = ROWS_SHOWN;
    int verb = pl_cli_verb(cli, verbs, sizeof *verbs);
    if (verb < 0) return false;
    bool timed = verb == PL__EXPLAIN_WINDOW || verb == PL__EXPLAIN_SAMPLE;
    if (pl_cli_count(cli) != (timed ? 3 : 2)) {
        pl_cli_usage(cli, "write: potline explain %s %s", verbs[verb],
                     timed                       ? "TAG TIME"
                     : verb == PL__EXPLAIN_EVENT ? "ID"
                                                 : "NAME|ID");
        return false;
    }
    work->wanted = (struct pl__explain_wanted){.what = (enum pl__explain_what)verb,
                                               .name = pl_cli_operand(cli, 1),
                                               .time = PL_TIME_MAX,
                                               .node = pl_cli_get(cli, "node")};
    if (rows && (!pl_text_int(rows, strlen(rows), &shown) || shown < 0)) {
        pl_cli_usage(cli, "--rows: \"%s\" is no number of rows", rows);
        return false;
    }
    work->rows = (uint64_t)shown;
    if (timed) return read_time(cli, pl_cli_operand(cli, 2), &work->wanted.time);
    return pl_cli_time(cli, "at", &work->wanted.time);
}

/* ---- The graph: as it is given, else the one that was in force ---- */

static enum pl_code note_file(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    char **path = arg;
    (void)error;
    const char *at = strcmp(record->action, "engine start") == 0 ? strstr(record->detail, "; file ") : NULL;
    if (!at) return PL_OK;
    at += strlen("; file ");
    pl_free(*path);
    *path = pl_alloc(strcspn(at, ";") + 1);
    if (*path) memcpy(*path, at, strcspn(at, ";"));
    return PL_OK;
}

/* Of a folder that has no history: the file that the last run had. */
static struct pl_graph *load_file(struct work *work, const struct pl_graph_options *options, int *exit_code) {
    const char *given = pl_cli_get(work->cli, "graph");
    char *path = given ? pl_strdup(given) : NULL;
    if (!given) pl_audit_each(work->folder.store, 1, note_file, &path, NULL);
    if (!path) {
        pl_cli_usage(work->cli, "the folder does not say which graph was run; --graph FILE does");
        *exit_code = PL_EXIT_USAGE;
        return NULL;
    }
    struct pl_graph *graph = pl_cli_graph(path, options, exit_code);
    if (!graph && !given)
        fprintf(stderr, "potline explain: the last run had the graph %s; --graph FILE says where it is\n", path);
    pl_free(path);
    return graph;
}

static void let_go(struct work *work) {
    if (work->graph != work->named) pl_graph_free(work->graph);
    work->graph = NULL;
}

/* Epoch 0: the one that ran last. */
static bool load_graph(struct work *work, uint64_t epoch, int *exit_code, struct pl_error **error) {
    struct pl_graph_options options = {.checking = true, .set = pl_cli_all(work->cli, "set")};
    struct pl_cli_past past = {0};
    enum pl_code code =
        pl_cli_get(work->cli, "graph") ? PL_NOT_FOUND : pl_cli_recall(work->folder.store, epoch, &past, error);
    bool there = work->graph && past.number == work->past.number;
    pl_cli_past_fini(&work->past);
    work->past = past;
    *exit_code = PL_EXIT_FAILED;
    if (there || (code && code != PL_NOT_FOUND)) return there;
    let_go(work);
    work->graph = code ? load_file(work, &options, exit_code)
                       : pl_cli_recall_graph(work->folder.store, &past, &options, exit_code);
    return work->graph != NULL;
}

/* ---- Making it again ---- */

static void span_of(const struct pl__explain_found *found, pl_time *from, pl_time *to) {
    *to = pl_batch_times(found->batch)[found->row];
    *from = found->batch->kind == PL_WINDOWS ? found->batch->windows.start[found->row] : *to;
}

static pl_time earlier(pl_time time, pl_time by) {
    return by == PL_TIME_MAX || time < PL_TIME_MIN + by ? PL_TIME_MIN : time - by;
}

static pl_time later(pl_time time, pl_time by) {
    return time > PL_TIME_MAX - by - 1 ? PL_TIME_MAX : time + by + 1;
}

/* Rows around its time. A node that works on each partition by itself needs those of one. */
static enum pl_code read_around(struct work *work, const struct pl__explain_found *found, pl_time margin,
                                struct pl_error **error) {
    pl_time from, to, behind = margin > PL_HOUR ? PL_HOUR : margin;
    span_of(found, &from, &to);
    pl__raws_fini(&work->raws);
    const struct pl__raws_wanted wanted = {.from = earlier(from, margin),
                                           .to = later(to, behind),
                                           .partition =
                                               work->graph->nodes[work->section.target].global ? -1 : found->partition,
                                           .asset = work->asset};
    return pl__raws_read(&work->raws, &work->folder, &wanted, &work->section, error);
}

/* What the row is about: itself, or what it is a signal of. */
static uint32_t asset_of(const struct work *work, const struct pl__explain_found *found) {
    const struct pl_batch *batch = found->batch;
    if (batch->kind == PL_EVENTS && batch->events.asset[found->row]) return batch->events.asset[found->row];
    return pl_tags_get(work->folder.tags, pl_batch_keys(batch)[found->row])->asset;
}

static enum pl_code make_of(struct work *work, const struct pl__explain_found *found, uint32_t asset, bool *equal,
                            struct pl_error **error) {
    enum pl_code code = PL_OK;
    work->asset = asset;
    for (unsigned i = 0; i < PL_COUNT_OF(margins) && !code && !*equal; i++) {
        code = read_around(work, found, margins[i], error);
        if (!code) code = pl__again_equal(&work->again, NULL, equal, error);
    }
    if (code == PL_LIMIT) pl_error_free(error); /* then it has not been made again */
    return code == PL_LIMIT ? PL_OK : code;
}

/* Of its asset's rows alone, where that does: a plant has hundreds of others. */
static enum pl_code make_again(struct work *work, const struct pl__explain_found *found, bool *equal,
                               struct pl_error **error) {
    const uint32_t asset = asset_of(work, found);
    enum pl_code code = PL_OK;
    *equal = false;
    work->again.section = &work->section;
    work->again.found = found;
    work->again.raws = &work->raws;
    work->again.changes = &work->changes;
    if (asset) code = make_of(work, found, asset, equal, error);
    return code || *equal ? code : make_of(work, found, 0, equal, error);
}

/* Where a row stands in the log. */
struct place {
    uint64_t sequence;
    uint16_t partition;
};

static int by_place(const void *a, const void *b) {
    const struct place *l = a, *r = b;
    if (l->partition != r->partition) return l->partition < r->partition ? -1 : 1;
    return l->sequence < r->sequence ? -1 : l->sequence > r->sequence;
}

/* The places of the rows that are needed; the caller's. */
static struct place *narrow(struct work *work, size_t *count, struct pl_error **error) {
    const struct pl__raws *raws = &work->raws;
    struct place *places = pl_alloc((raws->count + 1) * sizeof *places);
    uint8_t *keep = pl_alloc(raws->count + 1);
    if (!places || !keep) {
        pl_error_set(error, PL_NO_MEMORY, "out of memory");
    } else {
        memset(keep, 1, raws->count);
        if (pl__explain_narrow(&work->again, keep, &work->whole, error)) pl_free(places), places = NULL;
    }
    *count = 0;
    for (size_t i = 0; places && keep && i < raws->count; i++)
        if (keep[i]) places[(*count)++] = (struct place){raws->rows[i].sequence, raws->rows[i].partition};
    pl_free(keep);
    if (places && *count) qsort(places, *count, sizeof *places, by_place);
    return places;
}

static bool mark_needed(struct work *work, const struct place *places, size_t count) {
    work->needed = pl_alloc(work->raws.count + 1);
    for (size_t i = 0; work->needed && i < work->raws.count; i++) {
        struct place place = {work->raws.rows[i].sequence, work->raws.rows[i].partition};
        work->needed[i] = bsearch(&place, places, count, sizeof *places, by_place) != NULL;
    }
    return work->needed != NULL;
}

/* How far in front of the row the rows reach that are needed. */
static pl_time reach_of(const struct work *work, const struct pl__explain_found *found, const struct place *places,
                        size_t count) {
    pl_time from, to, reach = 0;
    span_of(found, &from, &to);
    for (size_t i = 0; i < work->raws.count; i++) {
        const struct pl__raw *raw = &work->raws.rows[i];
        struct place place = {raw->sequence, raw->partition};
        if (raw->time < from - reach && bsearch(&place, places, count, sizeof *places, by_place))
            reach = from - raw->time;
    }
    return reach;
}

/* What is shown of the nodes on the way is of a run with more rows than it takes: they knew more then, too. */
static enum pl_code run_to_show(struct work *work, const struct pl__explain_found *found, pl_time reach,
                                struct pl_error **error) {
    enum pl_code code = read_around(work, found, reach > PL_DAY ? reach : reach + 10 * PL_MINUTE, error);
    if (code == PL_LIMIT) {
        pl_error_free(error);
        code = read_around(work, found, reach, error);
    }
    return code ? code : pl__again_run(&work->again, NULL, &work->shown, error);
}

static enum pl_code make_and_narrow(struct work *work, const struct pl__explain_found *found, bool *equal,
                                    struct pl_error **error) {
    struct place *places = NULL;
    size_t count = 0;
    enum pl_code code = make_again(work, found, equal, error);
    if (!code && *equal && !(places = narrow(work, &count, error))) code = PL_NO_MEMORY;
    if (!code) code = run_to_show(work, found, places ? reach_of(work, found, places, count) : 0, error);
    if (!code && places && !mark_needed(work, places, count)) code = pl_error_set(error, PL_NO_MEMORY, "out of memory");
    if (!code && work->needed) code = pl__again_run(&work->again, work->needed, &work->least, error);
    pl_free(places);
    return code;
}

/* ---- Which of the rows that fit ---- */

static void forget(struct work *work) {
    pl__trial_result_fini(&work->shown.trial);
    pl__trial_result_fini(&work->least.trial);
    pl__raws_fini(&work->raws);
    pl__explain_section_fini(&work->section);
    pl__explain_changes_fini(&work->changes);
    pl_free(work->needed);
    work->needed = NULL;
}

/* Is it of the node that is asked for: the one that made it (where it is not made again: one like it), or that put it
 * there? */
static bool is_of(const struct work *work, const struct pl__explain_found *found) {
    const char *node = work->wanted.node;
    if (!node || strcmp(node, found->node) == 0) return true;
    if (work->shown.equal) return strcmp(node, work->graph->nodes[work->shown.maker].name) == 0;
    return pl__again_made_like(&work->again, &work->shown, node);
}

static enum pl_code choose(struct work *work, const struct pl__explain_found **chosen, int *exit_code,
                           struct pl_error **error) {
    for (unsigned i = 0; i < work->count; i++) {
        bool equal;
        if (!load_graph(work, work->found[i].epoch, exit_code, error)) return PL_UNAVAILABLE;
        enum pl_code code = pl__explain_section(work->graph, work->found[i].node, &work->section, error);
        if (!code)
            code = pl__explain_changes(work->folder.store, work->found[i].epoch, &work->section, &work->changes, error);
        if (!code) code = make_and_narrow(work, &work->found[i], &equal, error);
        *chosen = &work->found[i];
        if (code || is_of(work, *chosen)) return code;
        forget(work);
    }
    return pl_error_set(error, PL_NOT_FOUND, "none of the %u rows that fit is of node %s", work->count,
                        work->wanted.node);
}

/* ---- What is said ---- */

static json_t *place_of(const struct work *work, const struct pl__explain_found *found) {
    return json_pack("{s:s, s:s, s:i, s:I, s:o}", "zone", pl_zone_names[found->zone], "node", found->node, "partition",
                     (int)found->partition, "epoch", (json_int_t)found->epoch, "row",
                     pl__explain_row(work->folder.tags, found->batch, found->row));
}

/* Names of members that are not the same: of a body, the names in it. */
static void put_different(const json_t *row, const json_t *other, json_t *names) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)row, key, value) {
        const json_t *now = json_object_get(other, key);
        if (json_is_object(value) && json_is_object(now))
            put_different(value, now, names);
        else if (!now || !json_equal(value, now))
            json_array_append_new(names, json_string(key));
    }
    json_object_foreach((json_t *)(uintptr_t)other, key, value) {
        if (!json_object_get(row, key)) json_array_append_new(names, json_string(key));
    }
}

static void say_near(const struct work *work, const json_t *row, json_t *again) {
    const struct pl__again_result *shown = &work->shown;
    json_t *near = pl__explain_row(work->folder.tags, shown->near, shown->near_row), *names = json_array();
    put_different(row, near, names);
    json_object_set_new(again, "instead", near);
    json_object_set_new(again, "different", names);
}

static void say_again(const struct work *work, json_t *into) {
    const struct pl__again_result *shown = &work->shown;
    json_t *again = json_pack("{s:b, s:I}", "equal", work->needed != NULL, "rows", (json_int_t)work->raws.count);
    if (shown->equal) {
        const struct pl_graph_node *maker = &work->graph->nodes[shown->maker];
        json_object_set_new(again, "node", json_string(maker->name));
        if (shown->port) json_object_set_new(again, "port", json_string(maker->op->outputs[shown->port].name));
    }
    if (work->needed) json_object_set_new(again, "narrowed", json_boolean(work->whole));
    if (!work->needed && shown->near) say_near(work, json_object_get(into, "row"), again);
    json_object_set_new(into, "again", again);
}

static enum pl_code say_all(struct work *work, const struct pl__explain_found *found, struct pl_error **error) {
    struct pl__explanation *e = &work->explanation;
    *e = (struct pl__explanation){.wanted = &work->wanted,
                                  .section = &work->section,
                                  .found = found,
                                  .again = &work->shown,
                                  .raws = &work->raws,
                                  .needed = work->needed,
                                  .least = work->needed ? &work->least : NULL,
                                  .folder = &work->folder,
                                  .past = &work->past,
                                  .tags = work->folder.tags,
                                  .rows = work->rows};
    span_of(found, &e->from, &e->to);
    for (size_t i = 0; work->needed && i < work->raws.count; i++)
        if (work->needed[i] && work->raws.rows[i].time < e->from) e->from = work->raws.rows[i].time;
    for (size_t i = 0; work->needed && i < work->raws.count; i++)
        if (work->needed[i] && work->raws.rows[i].time > e->to) e->to = work->raws.rows[i].time;
    work->said = place_of(work, found);
    json_t *others = json_array();
    for (unsigned i = 0; i < work->count; i++)
        if (&work->found[i] != found) json_array_append_new(others, place_of(work, &work->found[i]));
    json_object_set_new(work->said, "others", others);
    say_again(work, work->said);
    if (!pl__explain_samples(e, work->said)) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    pl__explain_models(e, work->said);
    return pl__explain_told(e, work->said, error);
}

/* ---- The command ---- */

static bool open_folder(struct work *work, struct pl_error **error) {
    struct pl_store_options options = {.read_only = true, .key = work->folder.key};
    if (pl_store_open(work->folder.data, &options, &work->folder.store, error)) return false;
    work->again.zmq = zmq_ctx_new();
    if (!work->again.zmq) return pl_error_set(error, PL_NO_MEMORY, "out of memory"), false;
    zmq_ctx_set(work->again.zmq, ZMQ_IO_THREADS, 0);
    zmq_ctx_set(work->again.zmq, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
    return true;
}

static bool make_tags(struct work *work, struct pl_error **error) {
    const struct pl_graph *graph = work->graph;
    work->folder.tags = pl_tags_new(&(struct pl_tags_options){.limit = (uint32_t)graph->settings.max_tags + NAMES_SPARE,
                                                              .key_depth = (unsigned)graph->settings.key_depth,
                                                              .rules = graph->tag_rules,
                                                              .rule_count = graph->tag_rule_count});
    work->again.tags = work->folder.tags;
    return work->folder.tags || (pl_error_set(error, PL_NO_MEMORY, "out of memory"), false);
}

static int explain_it(struct work *work, struct pl_error **error) {
    const struct pl__explain_found *found = NULL;
    int exit_code = PL_EXIT_FAILED;
    if (!open_folder(work, error) || !load_graph(work, 0, &exit_code, error)) return exit_code;
    work->named = work->graph;
    if (!make_tags(work, error)) return PL_EXIT_FAILED;
    enum pl_code code = pl__explain_find(&work->folder, &work->wanted, work->found, &work->count, error);
    exit_code = PL_EXIT_FAILED;
    if (!code) code = choose(work, &found, &exit_code, error);
    if (code || !found || say_all(work, found, error)) return exit_code;
    if (pl_cli_has(work->cli, "json")) {
        json_dumpf(work->said, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else {
        pl__explain_print(work->said, stdout);
    }
    const bool plotted = pl_cli_has(work->cli, "plot") || pl_cli_get(work->cli, "image");
    if (plotted && !pl__explain_plot(work->cli, &work->explanation, work->said)) return PL_EXIT_FAILED;
    return PL_EXIT_OK;
}

static void end(struct work *work) {
    forget(work);
    for (unsigned i = 0; i < work->count; i++)
        pl_batch_unref(work->found[i].batch);
    json_decref(work->said);
    if (work->again.zmq) zmq_ctx_term(work->again.zmq);
    pl_tags_free(work->folder.tags);
    let_go(work);
    pl_graph_free(work->named);
    pl_cli_past_fini(&work->past);
    pl_store_close(work->folder.store);
    pl_store_key_unref(work->folder.key);
}

static int explain(const struct pl_cli *cli) {
    struct work work = {.cli = cli, .folder.data = pl_cli_get(cli, "data")};
    struct pl_error *error = NULL;
    if (!read_wanted(&work)) return PL_EXIT_USAGE;
    if (!work.folder.data) return pl_cli_usage(cli, "--data DIR is missing: the folder that has the row");
    if (!pl_cli_data_key_of(cli, work.folder.data, &work.folder.key)) return PL_EXIT_USAGE;
    int exit_code = explain_it(&work, &error);
    if (error) fputs("potline explain: ", stderr), pl_error_print(stderr, error);
    pl_error_free(&error);
    end(&work);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_explain = {
    .name = "explain",
    .operands = "window TAG TIME|sample TAG TIME|event ID|alarm NAME",
    .least = 2,
    .most = 3,
    .summary = "Tell what made a row of silver or gold, down to the raw samples.",
    .doc =
        "The row is made again by the nodes that lead to it, of what bronze has; then rows are left out as long as it\n"
        "still is. What is left is what it takes. Shown with it: what each node made of each sample, the graph that\n"
        "was in force and what people had changed, the rule, and what came late, twice or not at all.\n\n"
        "A window is named by a time in it; an alarm by its name or the id of one of its events (the last time it was\n"
        "raised, or --at). The folder is only read, also beside an engine; the shell has the same command.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder.", 0},
        PL_CLI_KEY_FILE,
        {"graph", "FILE", "The graph (default: the one that was in force, as it stood then).", 0},
        {"set", "NODE.OPTION=VALUE", "Another value for an option of the graph; may be repeated.", 0},
        {"node", "NODE", "The row that this node made, or put there, where several fit.", 0},
        {"at", "T", "Of an alarm: as it was then.", 0},
        {"rows", "N", "How many samples are listed (default: 20).", 0},
        {"plot", NULL, "Plot the signals that it speaks of on the terminal, with what was usual before.", 0},
        {"image", "FILE", "Plot them into a PNG or SVG file, by gnuplot.", 0},
        {"json", NULL, "Print one JSON object.", 0}),
    /* clang-format on */
    .run = explain,
};
