/* process_drift.c: do the signals of an asset, and how they go together, still lie as in the frames that taught?
 *
 * Signals are counted from the first of those frames on, so that a float holds them; of how they go together counts the
 * distance in all components, that of the learned frames as the others judge it (scatter.h).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "process.h"

struct about {
    const struct process *p;
    uint32_t signals;
};

static uint32_t tag_of(const void *self, uint32_t asset, uint32_t number) {
    const struct about *a = self;
    if (number < a->signals) return a->p->members[asset][number];
    struct pl_tags *tags = pl_node_tags(a->p->verdicts.node);
    char name[PL_NAME_MAX + 16];
    const char *of = pl_tags_get(tags, asset)->name;
    return pl_tags_intern(tags, name, (size_t)snprintf(name, sizeof name, "%s%sscore", of, *of ? "." : ""));
}

static struct drift_of drift_of(const struct process *p, const struct frame_view *view, const struct about *about) {
    return (struct drift_of){
        .usual = view->lay,
        .count = about->signals + 1,
        .window = p->rule.drift_window,
        .limit = p->drift_limit,
        .tag = tag_of,
        .self = about,
        .of_signal = "what is judged does not lie as it did in the frames that taught",
        .of_score = "the signals go together otherwise than in the frames that taught, whether or not it is an alarm",
    };
}

bool process_drift_learn(const struct process *p, struct frame *frame, struct frame_view *view) {
    const uint32_t signals = p->rule.signals, count = frame->learned;
    frame->drift = (struct drift_watch){0};
    if (!p->rule.drift_window) return true;
    memset(view->seen, 0, ((size_t)signals + 1) * DRIFT_BINS * sizeof *view->seen);
    float *numbers = pl_alloc((size_t)2 * count * sizeof *numbers);
    for (uint32_t s = 0; numbers && s < frame->modelled; s++) {
        for (uint32_t i = 0; i < count; i++)
            numbers[i] = (float)(view->train[(size_t)i * signals + s] - view->train[s]);
        drift_learn_course(&view->lay[s], numbers, count, p->rule.drift_window);
    }
    pl_free(numbers);
    return numbers != NULL;
}

bool process_drift_forget(struct process *p, uint32_t subject, struct frame *frame, pl_time time) {
    if (!p->rule.drift_window) return true;
    p->drift_news = true;
    return drift_forget(&frame->drift, &p->verdicts, subject, time,
                        "another run has begun, and what is usual is learned anew");
}

void process_drift_see(const struct process *p, const struct frame *frame, const struct frame_view *view) {
    if (!p->rule.drift_window || frame->state != FRAME_JUDGING || frame->teaching) return;
    const struct about about = {p, frame->modelled};
    const struct drift_of of = drift_of(p, view, &about);
    for (uint32_t s = 0; s < frame->modelled; s++)
        drift_see(&of, view->seen, s, view->value[s] - view->train[s]);
}

bool process_drift_close(struct process *p, uint32_t subject, struct frame *frame, const struct frame_view *view) {
    if (!p->rule.drift_window) return true;
    const struct about about = {p, frame->modelled};
    const struct drift_of of = drift_of(p, view, &about);
    if (frame->scatter_signals) drift_see(&of, view->seen, frame->modelled, frame->distance);
    bool closed;
    const bool good = drift_close_frame(&of, &frame->drift, view->seen, &p->verdicts, subject, frame->time, &closed);
    pl_count(p->verdicts.node, PROCESS_COUNT_DRIFTED, closed && frame->drift.drifted);
    p->drift_news |= closed;
    return good;
}

void process_drift_show(struct process *p) {
    if (!p->drift_news) return;
    p->drift_news = false;
    const struct pl_table *frames = pl_node_table(p->verdicts.node, PROCESS_FRAMES);
    double most = 0;
    for (struct pl_record *at = pl_table_next(frames, NULL); at; at = pl_table_next(frames, at)) {
        const struct frame *frame = pl_record_data(at);
        if (frame->state == FRAME_JUDGING) most = fmax(most, frame->drift.over);
    }
    pl_gauge_set(p->verdicts.node, PROCESS_GAUGE_DRIFT, most);
}

/* ---- The list ---- */

struct node_args {
    const char *node;
};

static const struct pl_option node_options[] = {
    PL_OPT_STRING(struct node_args, node, "node", "", PL_FIXED, "Of this node only."),
    PL_OPT_END,
};

static void pack_time(struct pl_pack *row, const char *key, bool known, pl_time time) {
    char text[PL_TEXT_TIME_MAX + 1] = "";
    if (known) *pl_text_put_time(text, time) = 0;
    pl_pack_pair_str(row, key, text);
}

static void tell_asset(const struct process *p, const struct pl_node *node, uint32_t asset, const struct frame *frame,
                       struct pl_call *call) {
    const struct pl_tags *tags = pl_node_tags(node);
    const bool learned = frame->state == FRAME_JUDGING, over = learned && frame->drift.over > 0;
    char index[32] = "";
    const char *of = "";
    if (over) snprintf(index, sizeof index, "%.2f", frame->drift.over);
    if (over && frame->drift.worst < frame->modelled && asset < p->room && p->members[asset])
        of = pl_tags_get(tags, p->members[asset][frame->drift.worst])->name;
    else if (over)
        of = "score";
    struct pl_pack *row = pl_reply_row(call, 10);
    pl_pack_pair_str(row, "node", pl_node_name(node));
    pl_pack_pair_int(row, "partition", pl_node_partition(node));
    pl_pack_pair_str(row, "asset", pl_tags_get(tags, asset)->name);
    pl_pack_pair_str(row, "role", learned ? "active" : "learning");
    pack_time(row, "first", frame->learned > 0, frame->first);
    pack_time(row, "last", frame->learned > 0, frame->last);
    pl_pack_pair_int(row, "frames", frame->learned);
    pl_pack_pair_int(row, "signals", frame->known);
    pl_pack_pair_str(row, "drift", index);
    pl_pack_pair_str(row, "drift_of", of);
}

static enum pl_code list(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                         struct pl_error **error) {
    const struct node_args *a = args;
    struct process *p = self;
    if (*a->node && strcmp(a->node, pl_node_name(node)) != 0) return PL_NOT_FOUND;
    if (!process_prepare(p, node)) return pl_error_set(error, PL_NO_MEMORY, "no memory for names");
    const struct pl_table *frames = pl_node_table(node, PROCESS_FRAMES);
    for (struct pl_record *at = pl_table_next(frames, NULL); at; at = pl_table_next(frames, at))
        tell_asset(p, node, at->id, pl_record_data(at), call);
    return PL_OK;
}

const struct pl_command process_commands[] = {
    {.name = "detector learned",
     .doc = "Lists what detect.process nodes have learned by themselves: of each asset, from when to when, and whether "
            "its signals still lie like that (drift above 1: they do not).",
     .roles = PL_MAY_SEE,
     .args = node_options,
     .args_size = sizeof(struct node_args),
     .run = list},
    {.name = NULL},
};
