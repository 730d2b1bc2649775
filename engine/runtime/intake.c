#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "batch/tags.h"
#include "runtime/intake_impl.h"

enum { READ_AGAIN_MS = 250 };

/* ---- Ending ---- */

static bool all_caught_up(const struct pl_intake *intake) {
    for (unsigned p = 0; p < intake->options.lanes; p++)
        if (!pl_lane_caught_up(&intake->lanes[p])) return false;
    return true;
}

/* The end of a feed that was stopped is told when everything else has been passed on; it is no part of the log. */
static void tell_stops(struct pl_intake *intake) {
    struct pl_item end = {.type = PL_ITEM_END, .idle = true};
    for (unsigned i = 0; i < intake->feeds.count; i++) {
        if (!intake->feeds.feed[i].stopped && !intake->failed && !intake->options.shared)
            continue; /* after a failure no end has got through */
        for (unsigned p = 0; p < intake->options.partitions; p++)
            pl_outputs_signal_port(&intake->lanes[p].outputs, i, &end);
    }
    for (unsigned p = intake->options.partitions; p < intake->options.lanes; p++)
        pl_outputs_signal(&intake->lanes[p].outputs, &end);
}

/* Asked before the intake sleeps: what waits in an edge is sent on, and an edge without room will poke. A lane whose
 * room has come since it was run will not be poked for it: *more. */
static bool all_have_room(struct pl_intake *intake, bool *more) {
    bool all = true;
    for (unsigned p = 0; p < intake->options.lanes; p++) {
        bool room = pl_outputs_room(&intake->lanes[p].outputs);
        const struct pl_lane *lane = &intake->lanes[p];
        bool some = lane->shared ? lane->behind : !pl_lane_caught_up(lane); /* who shares a log is told of more */
        if (room && !intake->failed && !intake->away && some && !pl_lane_waits(lane, NULL)) *more = true;
        all &= room;
    }
    return all;
}

static bool data_has_ended(const struct pl_intake *intake) {
    for (unsigned i = 0; i < intake->feeds.count; i++)
        if (intake->feeds.feed[i].stopped) return false;
    return true;
}

/* Others append for ever, so the end is a barrier, behind which lanes read no more. */
static void end_shared(struct pl_intake *intake) {
    if (!pl__intake_all_ended(intake) || intake->failed || intake->lanes_end || intake->room.full ||
        atomic_load(pl_checkpoints_done(intake->options.checkpoints)) < intake->epoch)
        return;
    intake->lanes_end = true;
    for (unsigned p = 0; p < intake->options.lanes; p++)
        intake->lanes[p].last = intake->epoch + 1;
    if (pl__intake_owns_any(intake)) pl__intake_put_barrier(intake);
}

static void try_end(struct pl_intake *intake, bool *more) {
    if ((intake->room.full || intake->holding) && !intake->failed) return;
    if (intake->options.shared) end_shared(intake);
    if (intake->options.shared && !intake->lanes_end && !intake->failed) return; /* tasks end behind the last barrier */
    if (intake->reported || !pl__intake_all_ended(intake) || !(all_caught_up(intake) || intake->failed)) return;
    if (intake->changed && intake->options.log && !intake->options.shared && !intake->told_end &&
        !data_has_ended(intake) && !intake->failed) {
        pl__intake_put_barrier(intake); /* the next run goes on right here */
        *more = true;
        return;
    }
    if (!intake->told_end) tell_stops(intake);
    intake->told_end = true;
    pl_calls_close(&intake->changes);
    if (!all_have_room(intake, more)) return;
    intake->reported = true;
    intake->options.ended(intake->options.engine);
}

/* ---- Idleness: a feed silent for its `idle` no longer holds anybody back ---- */

static void look_again(uv_timer_t *timer) {
    pl_ready(timer->data);
}

static void check_idle(struct pl_intake *intake) {
    if (intake->room.full) return;
    pl_time now = pl_clock_now(intake->options.clock), next = PL_TIME_MAX;
    for (unsigned i = 0; i < intake->feeds.count; i++) {
        struct pl_feed *feed = &intake->feeds.feed[i];
        if (feed->options.idle == 0 || feed->idle || feed->ended) continue;
        pl_time due = feed->heard + feed->options.idle;
        if (due > now) {
            next = due < next ? due : next;
            continue;
        }
        feed->idle = true;
        pl__intake_record_everywhere(intake, i, PL_LOG_WATERMARK, PL_LOG_IDLE);
        pl__intake_append(intake);
    }
    if (next == PL_TIME_MAX) return;
    if (uv_is_active((uv_handle_t *)&intake->idle_timer) && intake->idle_due <= next) return;
    intake->idle_due = next;
    uv_timer_start(&intake->idle_timer, look_again, (uint64_t)((next - now) / PL_MILLISECOND) + 1, 0);
}

/* A replay at a pace is called when its next record is due. */
static void keep_pace(struct pl_intake *intake) {
    pl_time next = PL_TIME_MAX;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        pl_time wait = PL_TIME_MAX;
        if (pl_lane_waits(&intake->lanes[p], &wait) && wait < next) next = wait;
    }
    if (next == PL_TIME_MAX) return;
    uv_timer_start(&intake->idle_timer, look_again, (uint64_t)(next / PL_MILLISECOND) + 1, 0);
}

/* ---- Running ---- */

/* The brokers of a log are away: what they keep is there when they are. */
static void read_later(struct pl_intake *intake, bool *away, struct pl_error *error) {
    if (!intake->away && !*away)
        pl_diag(PL_ERROR, "the log cannot be read: %s; it is tried again", error ? error->text : "no answer");
    pl_error_free(&error);
    *away = true;
}

static void pass_on(struct pl_intake *intake, bool *more) {
    bool away = false;
    int64_t waiting = 0;
    uint64_t read_back = 0;
    for (unsigned p = 0; p < intake->options.lanes; p++) {
        struct pl_error *error = NULL;
        uint64_t passed = intake->lanes[p].passed;
        if (intake->options.shared) pl_lane_look(&intake->lanes[p]);
        enum pl_code code = pl_lane_run(&intake->lanes[p], more, &error);
        if (code == PL_UNAVAILABLE)
            read_later(intake, &away, error);
        else if (code)
            pl__intake_fail(intake, "the log cannot be read", error);
        if (intake->options.shared && intake->lanes[p].passed != passed) intake->changed = true;
        waiting += intake->lanes[p].bytes;
        read_back += intake->lanes[p].read_back_rows;
    }
    if (away && !intake->resting) uv_timer_start(&intake->room_timer, look_again, READ_AGAIN_MS, 0);
    if (intake->away && !away) pl_diag(PL_WARN, "the log can be read again");
    intake->away = away;
    atomic_store_explicit(&intake->stats.waiting_bytes, waiting, memory_order_relaxed);
    atomic_store_explicit(&intake->stats.read_back_rows, read_back, memory_order_relaxed);
    if (intake->replay) atomic_store_explicit(&intake->stats.rows, read_back, memory_order_relaxed);
}

static void run_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    bool more = false;
    pl__intake_look_at_hold(intake);
    if (!intake->failed) pass_on(intake, &more);
    if (intake->replay) more |= pl__intake_retell(intake);
    more |= pl__intake_take_in(intake);
    if (!intake->reported) pl__intake_take_barrier(intake);
    pl__intake_append(intake);
    if (intake->replay)
        keep_pace(intake);
    else
        check_idle(intake);
    all_have_room(intake, &more);
    try_end(intake, &more);
    if (more && !intake->reported) pl_ready(runnable);
}

static void barrier_tick(uv_timer_t *timer) {
    struct pl_intake *intake = timer->data;
    intake->barrier_due = true;
    pl_ready(&intake->runnable);
}

static void start_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    uv_loop_t *loop = pl_worker_loop(runnable->worker);
    uv_timer_init(loop, &intake->idle_timer);
    uv_timer_init(loop, &intake->barrier_timer);
    uv_timer_init(loop, &intake->room_timer);
    intake->idle_timer.data = intake->barrier_timer.data = intake->room_timer.data = intake;
    pl_time now = pl_clock_now(intake->options.clock);
    for (unsigned i = 0; i < intake->feeds.count; i++)
        intake->feeds.feed[i].heard = now;
    uint64_t interval = (uint64_t)(intake->options.checkpoint / PL_MILLISECOND);
    if (intake->options.log && intake->epoch == 0 && !intake->options.shared)
        pl__intake_put_barrier(intake); /* what there was before the first row */
    if (interval) uv_timer_start(&intake->barrier_timer, barrier_tick, interval, interval);
}

static void finish_intake(struct pl_runnable *runnable) {
    struct pl_intake *intake = (struct pl_intake *)(void *)runnable;
    uv_close((uv_handle_t *)&intake->idle_timer, NULL);
    uv_close((uv_handle_t *)&intake->barrier_timer, NULL);
    uv_close((uv_handle_t *)&intake->room_timer, NULL);
}

/* ---- Making ---- */

static void note_counted(void *arg, uint32_t tag) {
    struct pl_intake *intake = arg;
    atomic_store_explicit(&intake->seen[tag], 1, memory_order_relaxed);
}

static bool make_counting(struct pl_intake *intake, unsigned partition) {
    struct pl_counting_options options = {
        .store = intake->options.store,
        .tags = intake->options.tags,
        .feeds = &intake->feeds,
        .partition = (uint16_t)partition,
        .seen = note_counted,
        .arg = intake,
    };
    struct pl_lane *lane = &intake->lanes[partition];
    if (!options.store || !intake->options.owned[partition]) return true;
    lane->participant = intake->options.participant + partition;
    lane->counting = pl_counting_new(&options);
    return lane->counting != NULL;
}

enum pl_code pl_intake_new(const struct pl_intake_options *options, struct pl_intake **intake,
                           struct pl_error **error) {
    struct pl_intake *in = *intake = PL_NEW(struct pl_intake);
    if (!in) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    in->options = *options;
    in->runnable = (struct pl_runnable){.run = run_intake, .start = start_intake, .finish = finish_intake};
    in->lanes = pl_alloc(options->lanes * sizeof *in->lanes);
    in->bodies = pl_alloc((options->partitions + 1) * sizeof *in->bodies);
    in->seen = pl_alloc((size_t)pl_tags_limit(options->tags) + 1); /* memory is taken where names are */
    bool made = pl_feeds_init(&in->feeds, options->feeds_max) && in->lanes && in->bodies && in->seen;
    struct pl_lane_names names = {in->feeds.names, in->feeds.were, in->feeds.limit};
    for (unsigned p = 0; made && p < options->partitions; p++)
        made = (in->bodies[p] = pl_pack_new()) &&
               !pl_lane_init(&in->lanes[p], options->log, options->checkpoints, p, &names, options->max_lag) &&
               make_counting(in, p);
    for (unsigned p = options->partitions; made && p < options->lanes; p++)
        made =
            !pl_lane_init(&in->lanes[p], options->log, options->checkpoints, p, &options->exchanged, options->max_lag);
    if (made) return PL_OK;
    pl_intake_free(in);
    *intake = NULL;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
}

void pl_intake_free(struct pl_intake *intake) {
    if (!intake) return;
    pl_intake_settle(intake);
    for (unsigned p = 0; intake->lanes && p < intake->options.lanes; p++)
        pl_lane_fini(&intake->lanes[p]);
    pl_free(intake->lanes);
    pl_free(intake->records);
    pl_free(intake->positions);
    pl_replay_free(intake->replay);
    pl_feeds_fini(&intake->feeds);
    for (unsigned p = 0; intake->bodies && p < intake->options.partitions; p++)
        pl_pack_free(intake->bodies[p]);
    pl_free(intake->bodies);
    pl_free((void *)intake->seen);
    pl_free(intake);
}

int pl_intake_add_feed(struct pl_intake *intake, struct pl_edge *edge, const struct pl_feed_options *options) {
    return pl_feeds_add(&intake->feeds, edge, options, intake->options.tags);
}

bool pl_intake_add_output(struct pl_intake *intake, unsigned feed, unsigned partition, struct pl_edge *edge) {
    return pl_outputs_add(&intake->lanes[partition].outputs, feed, edge);
}

void pl_intake_remove_output(struct pl_intake *intake, unsigned partition, const struct pl_edge *edge) {
    pl_outputs_remove(&intake->lanes[partition].outputs, edge);
}

void pl_intake_poke(void *intake) {
    pl_poke(&((struct pl_intake *)intake)->runnable);
}

struct pl_runnable *pl_intake_runnable(struct pl_intake *intake) {
    return &intake->runnable;
}

/* ---- Any thread ---- */

uint64_t pl_intake_barrier(struct pl_intake *intake) {
    uint64_t asked = atomic_fetch_add(&intake->asked, 1) + 1;
    pl_poke(&intake->runnable);
    return asked;
}

uint64_t pl_intake_barrier_epoch(const struct pl_intake *intake, uint64_t asked) {
    return atomic_load(&intake->answered) >= asked ? atomic_load(&intake->answer) : 0;
}

bool pl_intake_change(struct pl_intake *intake, struct pl_call *call) {
    if (!pl__intake_has_barriers(intake) || intake->replay || !pl_calls_put(&intake->changes, call)) return false;
    pl_poke(&intake->runnable);
    return true;
}

void pl_intake_stop(struct pl_intake *intake) {
    atomic_store(&intake->stopping, true);
    pl_poke(&intake->runnable);
}

void pl_intake_drain(struct pl_intake *intake) {
    atomic_store(&intake->draining, true);
}

const struct pl_intake_stats *pl_intake_stats(const struct pl_intake *intake) {
    return &intake->stats;
}

/* Its place among the inlets; their count when there is none. */
static unsigned inlet_named(const struct pl_intake *intake, const char *source) {
    unsigned i = 0;
    while (i < intake->feeds.inlet_count &&
           strcmp(pl_tags_get(intake->options.tags, intake->feeds.names[intake->feeds.inlet[i].first])->name, source) !=
               0)
        i++;
    return i;
}

pl_time pl_intake_heard(const struct pl_intake *intake, const char *source) {
    unsigned i = inlet_named(intake, source);
    pl_time last = PL_TIME_MIN;
    if (i == intake->feeds.inlet_count) return last;
    const struct pl_inlet *inlet = &intake->feeds.inlet[i];
    for (unsigned f = inlet->first; f < inlet->first + inlet->count; f++) {
        pl_time heard = atomic_load_explicit(&intake->feeds.feed[f].heard, memory_order_relaxed);
        last = heard > last ? heard : last;
    }
    return last;
}

bool pl_intake_losses(const struct pl_intake *intake, const char *source, int64_t totals[PL_LEDGER_COUNTS]) {
    unsigned i = inlet_named(intake, source);
    memset(totals, 0, PL_LEDGER_COUNTS * sizeof *totals);
    if (i == intake->feeds.inlet_count || !intake->options.store) return false;
    for (unsigned p = 0; p < intake->options.partitions; p++)
        pl_counting_totals(intake->lanes[p].counting, i, totals);
    return true;
}

bool pl_intake_seen(const struct pl_intake *intake, uint32_t tag) {
    return tag <= pl_tags_limit(intake->options.tags) && atomic_load_explicit(&intake->seen[tag], memory_order_relaxed);
}
