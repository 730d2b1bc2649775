/* place.c: where a stream goes on: what the topic has of it against what the state knows. */
#include <inttypes.h>
#include <string.h>

#include "stream.h"

static void conflict(struct pl__stream *s, const char *what) {
    pl__stream_over(s, pl_fail(s->node, "group %s: %s", s->id, what));
}

/* What this run's state does not know is owed by nobody: its digests are. */
static bool owe(struct pl__stream *s, uint64_t position) {
    enum pl_code code = pl__ahead_owe(&s->ahead, s->restored, position, &s->owed);
    char text[240];
    if (!code) return true;
    if (code == PL_NO_MEMORY) {
        pl__stream_no_memory(s);
        return false;
    }
    snprintf(text, sizeof text,
             "says that %" PRIu64 " rows of this stream are there, and the state here knows %" PRIu64
             ": the data folder is older than the topic",
             position, s->restored);
    conflict(s, text);
    return false;
}

bool pl__stream_filter(struct pl__stream *s, struct pl_batch **batch) {
    uint8_t keep[PL_BATCH_ROWS_MAX];
    uint32_t left = 0;
    if (!s->owed.count) return true;
    for (uint32_t i = 0; i < (*batch)->rows; i++)
        left += keep[i] = !pl__digests_take(&s->owed, pl__digest(pl_node_tags(s->node), *batch, i));
    pl_count(s->node, PL__STREAM_REPEATS, (*batch)->rows - left);
    if (left == (*batch)->rows) return true;
    bool ok = !left || pl_batch_writable(batch);
    if (left && ok) {
        pl_batch_keep(*batch, keep);
        return true;
    }
    pl_batch_unref(*batch);
    *batch = NULL;
    return ok;
}

/* The topic has rows [restored, position) that the state does not know: what came since goes behind them. */
static bool renumber(struct pl__stream *s, uint64_t position) {
    struct pl_held renumbered = {0};
    struct pl_batch *batch;
    uint64_t number = s->queue->base;
    bool ok = true;
    pl_held_begin_at(&renumbered, position);
    while (ok && (batch = pl_held_pop(s->queue))) {
        bool known = number < s->restored;
        number += batch->rows;
        if (known)
            pl_batch_unref(batch);
        else
            ok = pl__stream_filter(s, &batch) && (!batch || pl_held_put(&renumbered, batch));
    }
    pl_held_fini(s->queue);
    *s->queue = renumbered;
    s->queue->sealed = s->restored;
    if (!ok) pl__stream_no_memory(s);
    return ok;
}

/* The first time: what the state has numbered and the topic has is done. */
static bool take_place_first(struct pl__stream *s, uint64_t position) {
    pl_held_unseal(s->queue, s->restored);
    if (position > s->restored) return owe(s, position) && renumber(s, position);
    pl_count(s->node, PL__STREAM_REPEATS, position - s->queue->first);
    pl_held_drop(s->queue, position);
    return true;
}

/* The position is ours; false: the node has failed. */
static bool take_place(struct pl__stream *s, uint64_t position) {
    char text[200];
    if (position < s->queue->first) {
        snprintf(text, sizeof text,
                 "says that %" PRIu64 " rows of this stream are there, and the state here begins at %" PRIu64
                 ": somebody has set it back",
                 position, s->queue->first);
        conflict(s, text);
        return false;
    }
    if (s->placed && position > s->queue->taken) {
        conflict(s, "has moved while it was ours: another engine writes the same `job`");
        return false;
    }
    s->written = position;
    if (!s->placed && !s->fresh) return take_place_first(s, position);
    pl_count(s->node, PL__STREAM_REPEATS, position - s->queue->first);
    pl_held_drop(s->queue, position);
    return true;
}

/* Nobody remembers how far the stream had come: what waits may be there or not. */
static void without_place(struct pl__stream *s) {
    uint64_t rows = s->queue->taken - s->queue->first;
    s->written = s->queue->first;
    s->stale = true;
    if (s->fresh || s->placed) return;
    pl_held_unseal(s->queue, s->restored);
    pl_count(s->node, PL__STREAM_DOUBTFUL, rows);
    pl_node_diag(s->node, PL_WARN,
                 "group %s has no position any more (offsets.retention.minutes?): %" PRIu64
                 " rows of the last checkpoint are written that may be in the topic already",
                 s->id, rows);
}

bool pl__stream_find_place(struct pl__stream *s, const struct pl__task *task) {
    bool mine = task->found && strcmp(task->owner, s->name) == 0;
    if (!s->transactional) {
        s->written = s->queue->first;
        return true;
    }
    if (mine) return take_place(s, task->position);
    if (task->found && !(s->fresh && !s->proven)) {
        conflict(s, "another stream has taken this place: give each engine its own `job`; or start afresh: --reset");
        return false;
    }
    without_place(s);
    return true;
}
