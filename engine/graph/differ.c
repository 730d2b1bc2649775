/* differ.c: what is different between two graphs, for an engine that is to go from one to the other. */
#include <stdio.h>
#include <string.h>

#include "graph.h"
#include "hash.h"
#include "settings.h"

struct list {
    char *text;
    size_t room, used;
    bool any;
};

static void add(struct list *list, const char *name) {
    list->any = true;
    if (list->used >= list->room) return;
    list->used +=
        (size_t)snprintf(list->text + list->used, list->room - list->used, "%s%s", list->used ? ", " : "", name);
}

static void compare(struct list *list, const char *name, bool same) {
    if (!same) add(list, name);
}

static bool same_outputs(const struct pl_graph_node *a, const struct pl_graph_node *b) {
    for (unsigned i = 0; a->op->outputs && a->op->outputs[i].name; i++)
        if (a->kinds_out[i] != b->kinds_out[i]) return false;
    return true;
}

bool pl_graph_node_differs(const struct pl_graph_node *a, const struct pl_graph_node *b, char *what, size_t room) {
    struct list list = {.text = what, .room = room};
    const struct pl_node_settings *x = &a->settings, *y = &b->settings;
    if (room) what[0] = 0;
    if (a->op != b->op) {
        add(&list, "op");
        return true;
    }
    for (const struct pl_option *row = a->op->options; row && row->name; row++)
        compare(&list, row->name, pl__graph_option_hash(row, a->prototype) == pl__graph_option_hash(row, b->prototype));
    compare(&list, "kind", a->kind_in == b->kind_in && same_outputs(a, b));
    compare(&list, "section", a->global == b->global);
    compare(&list, "on_full", x->on_full == y->on_full);
    compare(&list, "isolate", x->isolate == y->isolate);
    compare(&list, "hang", x->hang == y->hang);
    compare(&list, "disorder", x->disorder == y->disorder);
    compare(&list, "idle", x->idle == y->idle);
    compare(&list, "rate", !(x->rate < y->rate) && !(x->rate > y->rate));
    return list.any;
}

static bool is_among(const char *const *names, const char *setting) {
    for (; *names; names++)
        if (strcmp(*names, setting) == 0) return true;
    return false;
}

/* Queues are made anew, and the rest is for people. */
static const char *const may_change[] = {"description", "queue", "checkpoint", "checkpoint_timeout", NULL};
/* Whose the folder is, where its log is, what is in which partition of it, and by which time. */
static const char *const may_not_ever[] = {"potline",   "name",      "log",   "partitions",
                                           "key_depth", "broadcast", "clock", NULL};

const char *pl_graph_settings_differ(const struct pl_graph *a, const struct pl_graph *b, bool anew) {
    for (const struct pl_option *row = pl__graph_options; row->name; row++) {
        bool may = anew ? !is_among(may_not_ever, row->name) : is_among(may_change, row->name);
        if (!may && pl__graph_option_hash(row, &a->settings) != pl__graph_option_hash(row, &b->settings))
            return row->name;
    }
    return !anew && pl__graph_tags_hash(a) != pl__graph_tags_hash(b) ? "tags" : NULL;
}
