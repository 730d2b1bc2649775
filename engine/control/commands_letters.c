/* commands_letters.c: commands about what did not become rows: dead letters and the loss ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "control/control_impl.h"
#include "store/ledger.h"
#include "store/letters.h"

enum { SHOWN_TEXT = 80 };

static enum pl_code read_time(const char *name, const char *text, pl_time *time, struct pl_error **error) {
    if (!*text || pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time)) return PL_OK;
    return pl_error_set(error, PL_USAGE, "%s: \"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970",
                        name, text);
}

static enum pl_code needs_store(const struct pl_request *request, struct pl_error **error) {
    if (pl_engine_recovers(request->control->options.engine)) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE, "this run has no log, so it keeps neither letters nor a ledger");
}

/* ---- dead list, dead reinject ---- */

struct letters_args {
    const char *source, *cause, *reason, *tag, *id, *from, *to;
    uint32_t state;
    int64_t limit;
};

static const char *const state_choices[] = {"any", "kept", "queued", "reinjected", "refused", NULL};

static enum pl_code query_of(const struct letters_args *args, struct pl_letters_query *query, struct pl_error **error) {
    *query = (struct pl_letters_query){.source = args->source,
                                       .cause = args->cause,
                                       .reason = args->reason,
                                       .tag = args->tag,
                                       .from = PL_TIME_MIN,
                                       .to = PL_TIME_MAX};
    char *end = NULL;
    if (*args->id) query->id = strtoull(args->id, &end, 16);
    if (end && *end) return pl_error_set(error, PL_USAGE, "id: \"%s\" is not the id of a letter", args->id);
    enum pl_code code = read_time("from", args->from, &query->from, error);
    return code ? code : read_time("to", args->to, &query->to, error);
}

struct walk {
    struct pl_request *request;
    struct pl_letters *letters;
    int64_t limit, count, left_out;
};

static void put_shown(struct pl_pack *pack, const struct pl_dead_letter *letter) {
    char text[SHOWN_TEXT + 4];
    const unsigned char *bytes = letter->bytes;
    size_t length = letter->size < SHOWN_TEXT ? letter->size : SHOWN_TEXT;
    for (size_t i = 0; i < length; i++)
        text[i] = bytes[i] < ' ' || bytes[i] > '~' ? '?' : (char)bytes[i];
    snprintf(text + length, sizeof text - length, "%s", length < letter->size ? "..." : "");
    pl_pack_pair_str(pack, "text", text);
}

static enum pl_code list_one(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct walk *walk = arg;
    char id[20], time[PL_TEXT_TIME_MAX];
    (void)error;
    if (walk->count++ == walk->limit) return PL_RANGE;
    snprintf(id, sizeof id, "%016" PRIx64, letter->id);
    *pl_text_put_time(time, letter->time) = 0;
    struct pl_pack *pack = pl_request_row(walk->request, 10);
    pl_pack_pair_str(pack, "id", id);
    pl_pack_pair_str(pack, "time", time);
    pl_pack_pair_str(pack, "source", letter->source);
    pl_pack_pair_str(pack, "place", letter->place);
    pl_pack_pair_str(pack, "cause", letter->cause);
    pl_pack_pair_str(pack, "reason", letter->reason);
    pl_pack_pair_str(pack, "tag", letter->tag);
    pl_pack_pair_int(pack, "bytes", (int64_t)letter->size);
    pl_pack_pair_str(pack, "state", pl_letter_states[letter->state]);
    put_shown(pack, letter);
    return PL_OK;
}

static enum pl_code walk_letters(struct pl_request *request, struct walk *walk, unsigned states,
                                 pl_letters_visitor *each, struct pl_error **error) {
    const struct letters_args *args = request->args;
    struct pl_engine *engine = request->control->options.engine;
    struct pl_letters_query query;
    enum pl_code code = needs_store(request, error);
    if (!code) code = query_of(args, &query, error);
    if (code) return code;
    query.states = states;
    walk->request = request;
    walk->limit = args->limit;
    code = pl_letters_open(pl_engine_store(engine), pl_engine_tags(engine), &walk->letters, error);
    if (!code) code = pl_letters_each(walk->letters, &query, each, walk, error);
    return code == PL_RANGE ? PL_OK : code;
}

static enum pl_code run_dead_list(struct pl_request *request, struct pl_error **error) {
    struct walk walk = {.count = 0};
    const struct letters_args *args = request->args;
    enum pl_code code = walk_letters(request, &walk, args->state ? 1u << (args->state - 1) : 0, list_one, error);
    request->reply->cut |= walk.count > walk.limit;
    pl_letters_close(walk.letters);
    return code;
}

static bool takes_letters(const struct pl_graph *graph, const char *source) {
    for (unsigned i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].name, source) == 0) return graph->nodes[i].op->inject != NULL;
    return false;
}

static enum pl_code order_one(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct walk *walk = arg;
    const struct pl_graph *graph = pl_engine_graph(walk->request->control->options.engine);
    if (walk->count == walk->limit) return PL_RANGE;
    if (letter->cut || !takes_letters(graph, letter->source)) {
        walk->left_out++;
        return PL_OK;
    }
    walk->count++;
    return pl_letters_order(walk->letters, letter, letter->bytes, letter->size, error);
}

/* Those that have ended look when they run again. */
static void wake_sources(struct pl_engine *engine) {
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++)
        pl_task_look_for_letters(pl_engine_task(engine, i));
}

/* A pattern that no source of the graph fits is a mistake: of letters to nobody none is ever queued. */
static enum pl_code check_source(const struct pl_graph *graph, const char *pattern, struct pl_error **error) {
    const char **names = pl_alloc((graph->node_count + 1) * sizeof *names);
    size_t count = 0;
    bool fits = false;
    if (!names) return pl_error_set(error, PL_NO_MEMORY, "no memory for the names of sources");
    for (unsigned i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].op->inputs) continue;
        names[count++] = graph->nodes[i].name;
        fits |= pl_glob(pattern, graph->nodes[i].name);
    }
    const char *nearest = fits ? NULL : pl_text_nearest(pattern, names, count);
    pl_free(names);
    if (fits) return PL_OK;
    return pl_error_set(error, PL_UNKNOWN, "source: the graph has no source \"%s\"%s%s%s", pattern,
                        nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static enum pl_code run_dead_reinject(struct pl_request *request, struct pl_error **error) {
    struct walk walk = {.count = 0};
    char queued[32];
    unsigned open = 1u << PL_LETTER_KEPT | 1u << PL_LETTER_REFUSED;
    const struct letters_args *args = request->args;
    enum pl_code code = check_source(pl_engine_graph(request->control->options.engine), args->source, error);
    if (code) return code;
    code = walk_letters(request, &walk, open, order_one, error);
    if (!code) code = pl_letters_settle(walk.letters, error);
    pl_letters_close(walk.letters);
    wake_sources(request->control->options.engine);
    snprintf(queued, sizeof queued, "%" PRId64 " queued", walk.count);
    pl_request_changed(request, "dead letters", NULL, queued);
    if (code) return code;
    struct pl_pack *pack = pl_request_row(request, 2);
    pl_pack_pair_int(pack, "queued", walk.count);
    pl_pack_pair_int(pack, "left_out", walk.left_out);
    return PL_OK;
}

#define LETTERS_ARGS                                                                                                   \
    PL_OPT_STRING(struct letters_args, source, "source", "*", PL_FIXED, "A pattern of sources."),                      \
        PL_OPT_STRING(struct letters_args, cause, "cause", "*", PL_FIXED, "A pattern of causes: time, fields, ..."),   \
        PL_OPT_STRING(struct letters_args, reason, "reason", "*", PL_FIXED, "A pattern of reasons."),                  \
        PL_OPT_STRING(struct letters_args, tag, "tag", "*", PL_FIXED, "A pattern of tags; '' where it is not known."), \
        PL_OPT_STRING(struct letters_args, id, "id", "", PL_FIXED, "Only this one."),                                  \
        PL_OPT_STRING(struct letters_args, from, "from", "", PL_FIXED, "Refused at this time or later."),              \
        PL_OPT_STRING(struct letters_args, to, "to", "", PL_FIXED, "Refused before this time."),                       \
        PL_OPT_INT(struct letters_args, limit, "limit", "1000", "1", "10000", PL_FIXED, "How many at most.")

static const struct pl_option list_args[] = {
    LETTERS_ARGS,
    PL_OPT_CHOICE(struct letters_args, state, "state", "any", state_choices, PL_FIXED, "What has become of them."),
    PL_OPT_END,
};

static const struct pl_option reinject_args[] = {LETTERS_ARGS, PL_OPT_END};

/* ---- ledger ---- */

struct ledger_args {
    const char *source, *tag, *from, *to;
    int64_t limit;
    bool late;
};

static void put_sum(struct pl_request *request, const char *tag, const struct pl_ledger_sum *sum) {
    struct pl_pack *pack = pl_request_row(request, PL_LEDGER_COUNTS + 4);
    pl_pack_pair_str(pack, "source", sum->source);
    pl_pack_pair_str(pack, "tag", tag);
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        pl_pack_pair_int(pack, pl_ledger_names[i], sum->count[i]);
    pl_pack_pair_f64(pack, "loss", pl_ledger_loss(sum, ((const struct ledger_args *)request->args)->late));
    pl_pack_str(pack, "adds_up");
    pl_pack_bool(pack, pl_ledger_adds_up(sum));
}

static enum pl_code run_ledger(struct pl_request *request, struct pl_error **error) {
    const struct ledger_args *args = request->args;
    struct pl_ledger_query query = {.source = args->source, .tag = args->tag, .from = PL_TIME_MIN, .to = PL_TIME_MAX};
    struct pl_ledger_report report = {.total.source = ""};
    enum pl_code code = needs_store(request, error);
    if (!code) code = read_time("from", args->from, &query.from, error);
    if (!code) code = read_time("to", args->to, &query.to, error);
    if (!code) code = pl_ledger_ask(pl_engine_store(request->control->options.engine), &query, &report, error);
    for (uint32_t i = 0; !code && i < report.source_count; i++)
        put_sum(request, "*", &report.sources[i]);
    for (uint32_t i = 0; !code && i < report.tag_count && i < args->limit; i++)
        put_sum(request, report.tags[i].tag, &report.tags[i]);
    request->reply->cut |= report.tag_count > args->limit;
    if (!code) put_sum(request, "total", &report.total);
    pl_ledger_report_fini(&report);
    return code;
}

static const struct pl_option ledger_args[] = {
    PL_OPT_STRING(struct ledger_args, source, "source", "*", PL_FIXED, "A pattern of sources."),
    PL_OPT_STRING(struct ledger_args, tag, "tag", "*", PL_FIXED, "A pattern of tags."),
    PL_OPT_STRING(struct ledger_args, from, "from", "", PL_FIXED, "Only hours that begin at this time or later."),
    PL_OPT_STRING(struct ledger_args, to, "to", "", PL_FIXED, "Only hours that begin before this time."),
    PL_OPT_BOOL(struct ledger_args, late, "count-late", "false", PL_FIXED, "Late samples are lost, too."),
    PL_OPT_INT(struct ledger_args, limit, "limit", "1000", "1", "100000", PL_FIXED, "How many tags at most."),
    PL_OPT_END,
};

const struct pl_control_command pl__commands_letters[] = {
    {.spec = {.name = "dead list",
              .doc = "Dead letters: what sources could not read, and why.",
              .roles = PL_MAY_SEE,
              .args = list_args,
              .args_size = sizeof(struct letters_args)},
     .run = run_dead_list},
    {.spec = {.name = "dead reinject",
              .doc = "Gives dead letters to their sources again, each once.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = reinject_args,
              .args_size = sizeof(struct letters_args)},
     .run = run_dead_reinject},
    {.spec = {.name = "ledger",
              .doc = "What became of every sample that was expected, as of the last checkpoint.",
              .roles = PL_MAY_SEE,
              .args = ledger_args,
              .args_size = sizeof(struct ledger_args)},
     .run = run_ledger},
    PL_CONTROL_COMMANDS_END,
};
