#include "runtime/retell.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "graph/graph.h"
#include "runtime/call_wire.h"
#include "runtime/live_option.h"
#include "runtime/task.h"

static const char *option_of(const struct pl_call *call) {
    const struct pl_set_args *args = call->args;
    return strchr(args->option, '.') + 1;
}

/* ---- Noting ---- */

static void add(struct pl_settings *settings, const struct pl_settings_entry *entry, const char *what) {
    struct pl_error *error = NULL;
    if (pl_settings_add(settings, entry, &error))
        pl_diag(PL_ERROR, "a replay will not know of %s: %s", what, error ? error->text : "no memory");
    pl_error_free(&error);
}

void pl_retell_note(struct pl_settings *settings, const struct pl_call *call) {
    const struct pl_node *node = &call->task->node;
    char graph[PL_LIVE_OPTION_TEXT] = "";
    if (!settings || node->config.partition != 0) return;
    if (call->where == PL_CALL_SET && !pl_live_option_given(node, option_of(call), graph)) return; /* refused, too */
    struct pl_pack *pack = pl_pack_new();
    if (pack && pl_call_pack(pack, call))
        add(settings,
            &(struct pl_settings_entry){.epoch = call->epoch,
                                        .node = node->config.name,
                                        .call = pl_pack_data(pack),
                                        .size = pl_pack_size(pack),
                                        .graph = graph},
            "what is set here");
    pl_pack_free(pack);
}

void pl_retell_note_end(struct pl_settings *settings, uint64_t epoch) {
    if (settings)
        add(settings, &(struct pl_settings_entry){.epoch = epoch, .node = "", .call = "", .graph = ""},
            "the end of what was set");
}

/* ---- Doing it again ---- */

struct retold {
    struct pl_option_memory memory;
    char graph[PL_LIVE_OPTION_TEXT];
};

static void forget(struct pl_call *call) {
    struct retold *retold = call->owner;
    if (retold) pl_option_memory_fini(&retold->memory);
    pl_free(retold);
    pl_call_free(call);
}

static enum pl_code set_again(struct pl_call *call, struct pl_node *node, struct pl_error **error) {
    const struct retold *retold = call->owner;
    char graph[PL_LIVE_OPTION_TEXT];
    bool same = pl_live_option_given(node, option_of(call), graph) && strcmp(graph, retold->graph) == 0;
    return same ? pl_live_option_call(call, node, error) : PL_OK;
}

static enum pl_code take_back(struct pl_call *call, struct pl_node *node, struct pl_error **error) {
    (void)call;
    return pl_overrides_take_back(node, error);
}

static struct pl_call *make_end(void) {
    struct pl_call *call = pl_call_new();
    if (call) call->run = take_back;
    return call;
}

/* NULL without memory, or of a command that the operator does not have any more. */
static struct pl_call *make_call(const struct pl_settings_entry *entry, const struct pl_operator *op) {
    struct retold *retold = PL_NEW(struct retold);
    size_t length = strnlen(entry->graph, sizeof retold->graph - 1);
    if (!retold) return NULL;
    struct pl_call *call = pl_call_unpack(entry->call, entry->size, op, &retold->memory);
    if (!call) {
        pl_option_memory_fini(&retold->memory);
        pl_free(retold);
        return NULL;
    }
    memcpy(retold->graph, entry->graph, length);
    call->owner = retold;
    call->run = call->where == PL_CALL_SET ? set_again : pl_call_run_command;
    return call;
}

static bool is_of(const struct pl_settings_entry *entry, const struct pl_task *task) {
    const char *was = task->graph_node->settings.was;
    if (!task->gate) return false; /* a source gives nothing */
    return !entry->node[0] || strcmp(task->node.config.name, entry->node) == 0 ||
           (was && strcmp(was, entry->node) == 0);
}

enum pl_code pl_retell(struct pl_task *const *tasks, unsigned count, const struct pl_settings_entry *entry,
                       struct pl_error **error) {
    for (unsigned i = 0; i < count; i++) {
        struct pl_task *task = tasks[i];
        if (!is_of(entry, task)) continue;
        struct pl_call *call = entry->node[0] ? make_call(entry, task->node.config.op) : make_end();
        if (!call && !entry->node[0]) return pl_error_set(error, PL_NO_MEMORY, "no memory for what was set");
        if (!call) continue;
        call->task = task;
        call->done = forget;
        if (!pl_task_change(task, call)) forget(call);
    }
    return PL_OK;
}
