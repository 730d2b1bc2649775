/* commands_graph.c: commands about the graph that runs: another one, the one before, and which there have been. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/text.h>

#include "control/control_impl.h"
#include "runtime/mover.h"

#define MOVE_PATIENCE_NS (UINT64_C(180) * 1000000000)

struct apply_args {
    const char *file;
    struct pl_strings reset, restart;
    pl_time probation;
    bool dry_run, yes;
};

struct shadow_args {
    const char *file;
    struct pl_strings reset;
    pl_time span;
    int64_t rows;
    bool end;
};

struct rollback_args {
    int64_t number;
    pl_time probation;
};

static enum pl_code ask(struct pl_request *request, struct pl_mover_wish *wish, struct pl_error **error) {
    struct pl_mover *mover = request->control->options.mover;
    if (!mover) return pl_error_set(error, PL_UNAVAILABLE, "this engine runs one graph to its end");
    wish->call = pl__request_own_call(request, error);
    if (!wish->call) return PL_NO_MEMORY;
    enum pl_code code = pl_mover_ask(mover, wish, error);
    if (code) {
        pl__request_drop_call(request, wish->call);
        return code;
    }
    request->deadline = uv_hrtime() + MOVE_PATIENCE_NS;
    pl_request_later(request);
    return PL_BUSY;
}

static enum pl_code run_apply(struct pl_request *request, struct pl_error **error) {
    const struct apply_args *args = request->args;
    return ask(request,
               &(struct pl_mover_wish){.what = args->dry_run ? PL_MOVER_PLAN : PL_MOVER_APPLY,
                                       .path = args->file,
                                       .how = "graph apply",
                                       .reset = args->reset,
                                       .restart = args->restart,
                                       .probation = args->probation,
                                       .anywhere = request->peer.local,
                                       .sure = args->yes},
               error);
}

static enum pl_code run_plan(struct pl_request *request, struct pl_error **error) {
    const struct apply_args *args = request->args;
    return ask(request,
               &(struct pl_mover_wish){.what = PL_MOVER_PLAN,
                                       .path = args->file,
                                       .how = "graph plan",
                                       .reset = args->reset,
                                       .restart = args->restart,
                                       .anywhere = request->peer.local},
               error);
}

static enum pl_code run_rollback(struct pl_request *request, struct pl_error **error) {
    const struct rollback_args *args = request->args;
    return ask(request,
               &(struct pl_mover_wish){.what = PL_MOVER_ROLLBACK,
                                       .number = (uint64_t)args->number,
                                       .how = "graph rollback",
                                       .probation = args->probation},
               error);
}

/* ---- shadow ---- */

static struct pl_pack *shadow_row(void *arg, uint32_t pairs) {
    return pl_request_row(arg, pairs);
}

static enum pl_code run_shadow(struct pl_request *request, struct pl_error **error) {
    const struct shadow_args *args = request->args;
    struct pl_mover *mover = request->control->options.mover;
    bool begins = args->file[0];
    if (begins && args->end) return pl_error_set(error, PL_USAGE, "either a file, to begin, or --end");
    if (!begins && !args->end && mover) {
        request->command = NULL; /* who only looks is not in the audit */
        return pl_mover_shadow(mover, shadow_row, request, error);
    }
    return ask(request,
               &(struct pl_mover_wish){.what = begins ? PL_MOVER_SHADOW : PL_MOVER_SHADOW_END,
                                       .path = args->file,
                                       .how = "graph shadow",
                                       .reset = args->reset,
                                       .span = args->span,
                                       .examples = (unsigned)args->rows,
                                       .anywhere = request->peer.local},
               error);
}

/* ---- history, show ---- */

struct listing {
    struct pl_request *request;
    uint64_t now;
};

static void put_time(struct pl_pack *pack, const char *name, pl_time time) {
    char text[PL_TEXT_TIME_MAX + 1] = "";
    if (time) *pl_text_put_time(text, time) = 0;
    pl_pack_pair_str(pack, name, text);
}

static void put_entry(const struct listing *listing, const struct pl_history_entry *entry, const char *folder) {
    char hash[17];
    struct pl_pack *pack = pl_request_row(listing->request, folder ? 9 : 8);
    snprintf(hash, sizeof hash, "%016" PRIx64, entry->hash);
    pl_pack_pair_int(pack, "number", (int64_t)entry->number);
    put_time(pack, "time", entry->time);
    pl_pack_pair_str(pack, "by", entry->user[0] ? entry->user : "engine");
    pl_pack_pair_str(pack, "how", entry->how);
    pl_pack_pair_str(pack, "what", entry->what);
    pl_pack_pair_str(pack, "file", entry->path);
    pl_pack_pair_str(pack, "hash", hash);
    pl_pack_str(pack, "runs");
    pl_pack_bool(pack, entry->number == listing->now);
    if (folder) pl_pack_pair_str(pack, "folder", folder);
}

static enum pl_code list_entry(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    (void)error;
    put_entry(arg, entry, NULL);
    return PL_OK;
}

static enum pl_code list(struct pl_request *request, pl_history_visitor *each, struct pl_error **error) {
    struct pl_store *store = pl_engine_store(request->control->options.engine);
    struct listing listing = {.request = request};
    pl_time probation;
    if (!store || !request->control->options.mover)
        return pl_error_set(error, PL_UNAVAILABLE, "there is no data folder, which would keep a history");
    listing.now = pl_mover_now(request->control->options.mover, &probation);
    return pl_history_each(store, each, &listing, error);
}

static enum pl_code run_history(struct pl_request *request, struct pl_error **error) {
    return list(request, list_entry, error);
}

static enum pl_code show_entry(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    const struct listing *listing = arg;
    (void)error;
    if (entry->number != listing->now) return PL_OK;
    put_entry(listing, entry, pl_mover_folder(listing->request->control->options.mover));
    return PL_OK;
}

static enum pl_code run_show(struct pl_request *request, struct pl_error **error) {
    enum pl_code code = list(request, show_entry, error);
    pl_time left = 0;
    if (code) return code;
    pl_mover_now(request->control->options.mover, &left);
    if (!left) return PL_OK;
    char text[64];
    snprintf(text, sizeof text, "on probation for another %" PRId64 " s", (left + PL_SECOND - 1) / PL_SECOND);
    struct pl_pack *pack = pl_request_row(request, 1);
    pl_pack_pair_str(pack, "what", text);
    return PL_OK;
}

/* What graph plan and graph apply both take. */
#define WHICH_GRAPH                                                                                                    \
    PL_OPT_STRING(struct apply_args, file, "file", NULL, PL_FIXED,                                                     \
                  "The graph file, as seen from the folder of the one that the engine was started with."),             \
        PL_OPT_STRINGS(struct apply_args, reset, "reset", "[]", PL_FIXED, "Nodes that forget what they know."),        \
        PL_OPT_STRINGS(struct apply_args, restart, "restart", "[]", PL_FIXED,                                          \
                       "Nodes that are made anew though nothing of them differs, as when a file that they read does.")

static const struct pl_option plan_args[] = {WHICH_GRAPH, PL_OPT_END};

static const struct pl_option apply_args[] = {
    WHICH_GRAPH,
    PL_OPT_DURATION(struct apply_args, probation, "probation", "30s", "0s", "1d", PL_FIXED,
                    "For so long the graph before it is gone back to when it is not well; 0: not."),
    PL_OPT_BOOL(struct apply_args, dry_run, "dry-run", "false", PL_FIXED,
                "Only show what would become of every node, as graph plan does."),
    PL_OPT_BOOL(struct apply_args, yes, "yes", "false", PL_FIXED, "Also when what nodes know is let go of."),
    PL_OPT_END,
};

static const struct pl_option shadow_args[] = {
    PL_OPT_STRING(struct shadow_args, file, "file", "", PL_FIXED,
                  "The graph file to be tried, as of graph apply; none: what the last shadow has come to."),
    PL_OPT_STRINGS(struct shadow_args, reset, "reset", "[]", PL_FIXED, "Nodes that begin without what they know."),
    PL_OPT_DURATION(struct shadow_args, span, "for", "10m", "1s", "7d", PL_FIXED, "It ends by itself then."),
    PL_OPT_INT(struct shadow_args, rows, "rows", "3", "0", "50", PL_FIXED, "Differing rows that are shown of a port."),
    PL_OPT_BOOL(struct shadow_args, end, "end", "false", PL_FIXED, "End it, and show what it has come to."),
    PL_OPT_END,
};

static const struct pl_option rollback_args[] = {
    PL_OPT_INT(struct rollback_args, number, "number", "0", "0", NULL, PL_FIXED,
               "Which graph of the history; 0: the one before, of those that were not gone back from."),
    PL_OPT_DURATION(struct rollback_args, probation, "probation", "0s", "0s", "1d", PL_FIXED, "As of graph apply."),
    PL_OPT_END,
};

const struct pl_control_command pl__commands_graph[] = {
    {.spec = {.name = "graph apply",
              .doc = "Moves the engine to another graph, while it runs.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = apply_args,
              .args_size = sizeof(struct apply_args)},
     .run = run_apply},
    {.spec = {.name = "graph plan",
              .doc = "Shows what another graph would make of every node, and changes nothing.",
              .roles = PL_MAY_ENGINEER,
              .args = plan_args,
              .args_size = sizeof(struct apply_args)},
     .run = run_plan},
    {.spec = {.name = "graph shadow",
              .doc = "Tries another graph beside the one that runs, and shows what it would make different.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = shadow_args,
              .args_size = sizeof(struct shadow_args)},
     .run = run_shadow},
    {.spec = {.name = "graph rollback",
              .doc = "Moves the engine back to a graph that it has run before.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = rollback_args,
              .args_size = sizeof(struct rollback_args)},
     .run = run_rollback},
    {.spec = {.name = "graph history", .doc = "The graphs that were run from this data folder.", .roles = PL_MAY_SEE},
     .run = run_history},
    {.spec = {.name = "graph show", .doc = "Which graph runs, since when, and by whom.", .roles = PL_MAY_SEE},
     .run = run_show},
    PL_CONTROL_COMMANDS_END,
};
