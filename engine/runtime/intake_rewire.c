/* intake_rewire.c: the intake while the graph behind it is changed: lanes that hold, other feeds, other outputs. */
#include <string.h>

#include <potline/alloc.h>

#include "runtime/intake_impl.h"
#include "runtime/task.h"

/* ---- Holding ---- */

void pl_intake_hold(struct pl_intake *intake) {
    atomic_store(&intake->hold, PL__HOLD_ASKED);
    pl_poke(&intake->runnable);
}

uint64_t pl_intake_held(const struct pl_intake *intake) {
    return atomic_load(&intake->hold) == PL__HOLD_PUT ? atomic_load(&intake->hold_epoch) : 0;
}

void pl_intake_go_on(struct pl_intake *intake) {
    atomic_store(&intake->hold, PL__HOLD_NONE);
    pl_poke(&intake->runnable);
}

void pl__intake_look_at_hold(struct pl_intake *intake) {
    if (!intake->holding || atomic_load(&intake->hold) != PL__HOLD_NONE) return;
    for (unsigned p = 0; p < intake->options.partitions; p++)
        pl_lane_hold(&intake->lanes[p], 0);
    intake->holding = false;
}

/* ---- What leaves ---- */

void pl_intake_take_rest(struct pl_intake *intake, struct pl_edge *edge) {
    struct pl_item item;
    for (unsigned i = 0; i < intake->feeds.inlet_count; i++) {
        struct pl_inlet *inlet = &intake->feeds.inlet[i];
        while (inlet->edge == edge && !inlet->ended && pl_edge_room(edge) && pl_edge_receive(edge, &item))
            pl__intake_take_item(intake, inlet, &item);
    }
    pl__intake_append(intake);
}

void pl_intake_part(struct pl_intake *intake) {
    for (struct pl_call *call = pl_calls_take(&intake->changes), *next; call; call = next) {
        next = call->next;
        if (!atomic_load(&call->task->leaves) && pl_calls_put(&intake->changes, call)) continue;
        call->code = pl_error_set(&call->error, PL_UNAVAILABLE, "the node has been changed meanwhile; try again");
        call->done(call);
    }
}

/* ---- Other feeds ---- */

static void free_past(struct pl__intake_past *past, unsigned partitions) {
    for (unsigned p = 0; past->told && p < partitions; p++) {
        pl_free(past->told[p].names);
        pl_free(past->told[p].told);
    }
    for (unsigned p = 0; past->outputs && p < partitions; p++)
        pl_outputs_fini(&past->outputs[p]);
    pl_free(past->told);
    pl_free(past->outputs);
    pl_feeds_fini(&past->feeds);
    pl_free(past);
}

static bool note_told(struct pl_lane_past *told, const struct pl_lane *lane, unsigned feeds) {
    size_t names = (feeds + 1) * sizeof *told->names, times = (feeds + 1) * sizeof *told->told;
    told->names = pl_alloc(names);
    told->told = pl_alloc(times);
    if (!told->names || !told->told) return false;
    memcpy(told->names, lane->feeds.now, feeds * sizeof *told->names);
    memcpy(told->told, lane->told, feeds * sizeof *told->told);
    told->count = feeds;
    return true;
}

bool pl_intake_rewire(struct pl_intake *intake, unsigned feeds_max) {
    unsigned partitions = intake->options.partitions;
    struct pl__intake_past *past = PL_NEW(struct pl__intake_past);
    struct pl_feeds feeds = {0};
    if (!past) return false;
    past->told = pl_alloc((partitions + 1) * sizeof *past->told);
    past->outputs = pl_alloc((partitions + 1) * sizeof *past->outputs);
    bool made = past->told && past->outputs && pl_feeds_init(&feeds, feeds_max);
    for (unsigned p = 0; made && p < partitions; p++)
        made = note_told(&past->told[p], &intake->lanes[p], intake->feeds.count);
    if (!made) {
        pl_feeds_fini(&feeds);
        free_past(past, partitions);
        return false;
    }
    for (unsigned p = 0; p < partitions; p++) {
        past->outputs[p] = intake->lanes[p].outputs;
        intake->lanes[p].outputs = (struct pl_outputs){0};
    }
    past->feeds = intake->feeds;
    past->next = intake->past;
    intake->feeds = feeds;
    intake->past = past;
    return true;
}

/* The inlets go back to where they came from, and all is as it was. */
void pl_intake_rewire_undo(struct pl_intake *intake) {
    struct pl__intake_past *past = intake->past;
    pl_feeds_fini(&intake->feeds);
    intake->feeds = past->feeds;
    past->feeds = (struct pl_feeds){0};
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        struct pl_lane *lane = &intake->lanes[p];
        pl_outputs_fini(&lane->outputs);
        lane->outputs = past->outputs[p];
        past->outputs[p] = (struct pl_outputs){0};
        lane->feeds = (struct pl_lane_names){intake->feeds.names, intake->feeds.were, intake->feeds.limit};
    }
    intake->past = past->next;
    free_past(past, intake->options.partitions);
}

static void settle_from(struct pl_intake *intake, struct pl__intake_past *past) {
    for (struct pl__intake_past *next; past; past = next) {
        next = past->next;
        free_past(past, intake->options.partitions);
    }
}

void pl_intake_settle(struct pl_intake *intake) {
    settle_from(intake, intake->past);
    intake->past = NULL;
}

/* ---- What is known of them ---- */

/* A feed of that name, in the newest of the feeds that have been. */
static struct pl_feed *feed_before(struct pl__intake_past *past, uint32_t name, struct pl_inlet **inlet) {
    for (; past && name != PL_NO_ID; past = past->next)
        for (unsigned i = 0; i < past->feeds.count; i++)
            if (past->feeds.names[i] == name) {
                *inlet = &past->feeds.inlet[past->feeds.feed[i].inlet];
                return &past->feeds.feed[i];
            }
    return NULL;
}

static void take_feed(struct pl_feed *feed, const struct pl_feed *was, bool kept) {
    feed->highest = was->highest;
    feed->progress = was->progress;
    feed->watermark = was->watermark;
    feed->idle = was->idle;
    feed->ended = was->ended && (kept || !was->stopped); /* one that is opened anew goes on, unless its data is over */
    feed->stopped = was->stopped && kept;
    if (kept) atomic_store(&feed->heard, atomic_load(&was->heard));
}

/* What was gathered of rows that are not whole, and the position, are moved. */
static void take_inlet(struct pl_inlet *inlet, struct pl_inlet *was, bool kept) {
    inlet->groups = was->groups;
    inlet->told = was->told;
    inlet->group = was->group;
    inlet->group_count = was->group_count;
    inlet->group_room = was->group_room;
    pl_buffer_fini(&inlet->position);
    inlet->position = was->position;
    was->group = NULL;
    was->group_count = was->group_room = 0;
    pl_buffer_init(&was->position, PL_LOG_POSITION_MAX);
    inlet->closing = was->closing && kept;
    inlet->ended = was->ended && kept;
}

static void take_inlets(struct pl_intake *intake, bool (*kept)(void *arg, struct pl_edge *edge), void *arg) {
    struct pl_feeds *feeds = &intake->feeds;
    pl_time now = pl_clock_now(intake->options.clock);
    for (unsigned i = 0; i < feeds->inlet_count; i++) {
        struct pl_inlet *inlet = &feeds->inlet[i], *from = NULL, *first = NULL;
        bool same = kept(arg, inlet->edge), over = true;
        for (unsigned k = inlet->first; k < inlet->first + inlet->count; k++) {
            struct pl_feed *feed = &feeds->feed[k];
            struct pl_feed *was = feed_before(intake->past, feeds->names[k], &from);
            if (!was) was = feed_before(intake->past, feeds->were[k], &from);
            atomic_store(&feed->heard, now);
            if (was) take_feed(feed, was, same);
            if (was && !first) first = from;
            over &= feed->ended || feed->options.letters;
        }
        if (first) take_inlet(inlet, first, same);
        if (!same) inlet->ended = first && over;
    }
}

/* ---- The ledger ---- */

static bool same_feeds(const struct pl_feeds *a, const struct pl_feeds *b) {
    if (a->count != b->count || a->inlet_count != b->inlet_count) return false;
    return memcmp(a->names, b->names, a->count * sizeof *a->names) == 0;
}

static void carry_counts(const struct pl_intake *intake, struct pl_counting *counting, const struct pl_counting *old) {
    const struct pl_feeds *feeds = &intake->feeds, *before = &intake->past->feeds;
    for (unsigned i = 0; i < feeds->inlet_count; i++)
        for (unsigned k = 0; k < before->inlet_count; k++)
            if (feeds->names[feeds->inlet[i].first] == before->names[before->inlet[k].first])
                pl_counting_carry(counting, i, old, k);
}

/* What a lane is to have, before any of them has it. */
struct lane_next {
    pl_time *told;
    struct pl_counting *counting; /* NULL: the same */
};

/* Counted anew from the epoch that the lane stands behind. */
static enum pl_code make_next(struct pl_intake *intake, unsigned partition, uint64_t epoch, bool same,
                              struct lane_next *next, struct pl_error **error) {
    const struct pl_lane *lane = &intake->lanes[partition];
    next->told = pl_lane_told(&intake->feeds, intake->past, partition);
    if (!next->told) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    if (same || !lane->counting) return PL_OK;
    next->counting = pl_counting_anew(lane->counting);
    if (!next->counting) return pl_error_set(error, PL_NO_MEMORY, "no memory for the ledger");
    enum pl_code code = pl_counting_load(next->counting, epoch, error);
    if (!code) carry_counts(intake, next->counting, lane->counting);
    return code;
}

static void take_next(struct pl_lane *lane, const struct pl_feeds *feeds, struct lane_next *next) {
    struct pl_counting *old = next->counting ? lane->counting : NULL;
    if (next->counting) lane->counting = next->counting;
    next->counting = old;
    pl_lane_rewire(lane, feeds, next->told);
    next->told = NULL;
}

enum pl_code pl_intake_rewired(struct pl_intake *intake, uint64_t epoch, bool (*kept)(void *arg, struct pl_edge *edge),
                               void *arg, struct pl_error **error) {
    unsigned partitions = intake->options.partitions;
    bool same = same_feeds(&intake->feeds, &intake->past->feeds);
    struct lane_next *next = pl_alloc((partitions + 1) * sizeof *next);
    enum pl_code code = PL_OK;
    if (!next) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    for (unsigned p = 0; p < partitions && !code; p++)
        code = make_next(intake, p, epoch, same, &next[p], error);
    for (unsigned p = 0; p < partitions && !code; p++)
        take_next(&intake->lanes[p], &intake->feeds, &next[p]);
    if (!code) take_inlets(intake, kept, arg);
    for (unsigned p = 0; p < partitions; p++) {
        pl_free(next[p].told);
        pl_counting_free(next[p].counting);
    }
    pl_free(next);
    return code;
}

void pl_intake_tell(struct pl_intake *intake, unsigned feed, unsigned partition, struct pl_edge *edge) {
    const struct pl_feed *of = &intake->feeds.feed[feed];
    struct pl_item told = {.type = PL_ITEM_WATERMARK, .time = intake->lanes[partition].told[feed], .idle = of->idle};
    struct pl_item end = {.type = PL_ITEM_END};
    if (told.time > PL_TIME_MIN || told.idle) pl_edge_send(edge, &told);
    if (of->ended && !of->stopped) pl_edge_send(edge, &end);
}

void pl_intake_participate(struct pl_intake *intake, unsigned participant) {
    intake->options.participant = participant;
    for (unsigned p = 0; p < intake->options.partitions; p++)
        intake->lanes[p].participant = participant + p;
}

static void beat(uv_timer_t *timer) {
    struct pl_intake *intake = timer->data;
    intake->barrier_due = true;
    pl_ready(&intake->runnable);
}

void pl_intake_set_checkpoint(struct pl_intake *intake, pl_time interval) {
    uint64_t every = (uint64_t)(interval / PL_MILLISECOND);
    if (interval == intake->options.checkpoint) return;
    intake->options.checkpoint = interval;
    if (every)
        uv_timer_start(&intake->barrier_timer, beat, every, every);
    else
        uv_timer_stop(&intake->barrier_timer);
}
