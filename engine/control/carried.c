#include "control/carried.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "runtime/live_option.h"

struct pl_carried_item {
    struct pl_carried_item *next;
    char *name;  /* of an option; of a node */
    char *value; /* NULL: the node is paused */
    bool persist;
};

static void drop(struct pl_carried_item **at) {
    struct pl_carried_item *gone = *at;
    *at = gone->next;
    pl_free(gone->name);
    pl_free(gone->value);
    pl_free(gone);
}

void pl_carried_fini(struct pl_carried *carried) {
    while (carried->items)
        drop(&carried->items);
}

/* The end of the list, without the item of that name and kind. */
static struct pl_carried_item **without(struct pl_carried *carried, const char *name, bool is_set) {
    struct pl_carried_item **at = &carried->items;
    while (*at) {
        if (strcmp((*at)->name, name) == 0 && ((*at)->value != NULL) == is_set)
            drop(at);
        else
            at = &(*at)->next;
    }
    return at;
}

static void add(struct pl_carried_item **end, const char *name, const char *value, bool persist) {
    struct pl_carried_item *item = PL_NEW(struct pl_carried_item);
    if (!item) return;
    item->name = pl_strdup(name);
    item->value = value ? pl_strdup(value) : NULL;
    item->persist = persist;
    *end = item;
    if (!item->name || (value && !item->value)) drop(end);
}

void pl_carried_set(struct pl_carried *carried, const char *option, const char *value, bool persist) {
    if (carried) add(without(carried, option, true), option, value, persist);
}

void pl_carried_pause(struct pl_carried *carried, const char *node, bool paused) {
    if (!carried) return;
    struct pl_carried_item **end = without(carried, node, false);
    if (paused) add(end, node, NULL, false);
}

/* ---- Told again ---- */

struct set {
    struct pl_set_args args; /* of the item, which stays */
};

static void was_set(struct pl_call *call) {
    struct set *set = call->owner;
    if (call->code)
        pl_diag(PL_WARN, "%s is not %s again: %s", set->args.option, set->args.value,
                call->error ? call->error->text : pl_code_text(call->code));
    pl_call_free(call);
    pl_free(set);
}

static void set_again(struct pl_task *task, const struct pl_carried_item *item) {
    struct set *set = PL_NEW(struct set);
    struct pl_call *call = set ? pl_call_new() : NULL;
    if (!call) {
        pl_free(set);
        return;
    }
    set->args = (struct pl_set_args){item->name, item->value, item->persist};
    call->run = pl_live_option_call;
    call->where = PL_CALL_SET;
    call->done = was_set;
    call->owner = set;
    call->args = &set->args;
    if (!pl_task_call(task, call)) was_set(call);
}

static bool is_of(const char *name, const char *node) {
    size_t length = strlen(node);
    return strncmp(name, node, length) == 0 && (name[length] == '.' || name[length] == 0);
}

void pl_carried_apply(const struct pl_carried *carried, struct pl_engine *engine) {
    for (const struct pl_carried_item *item = carried->items; item; item = item->next) {
        for (unsigned i = 0; i < pl_engine_task_count(engine); i++) {
            struct pl_task *task = pl_engine_task(engine, i);
            if (!is_of(item->name, task->node.config.name)) continue;
            if (item->value)
                set_again(task, item);
            else
                pl_task_pause(task, true);
        }
    }
}
