/* intake_replay.c: an intake that plays what came in at another time. */
#include <potline/alloc.h>

#include "runtime/intake_impl.h"

/* Who has ever had a watermark, says the last epoch of what is played. */
static enum pl_code ask_last_epoch(struct pl_intake *intake, struct pl_log *log, struct pl_error **error) {
    struct pl_epoch last;
    enum pl_code code = pl_epochs_last(intake->options.replay->store, &last, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    if (code) return code;
    code = pl__intake_recall(intake, log, &last, error);
    pl_epoch_fini(&last);
    return code;
}

enum pl_code pl_intake_replay(struct pl_intake *intake, struct pl_error **error) {
    struct pl_feeds *feeds = &intake->feeds;
    const struct pl_intake_options *options = &intake->options;
    struct pl_log *log;
    enum pl_code code = pl_replay_log_open(options->replay, options->tags, options->partitions, &log, error);
    if (code) return code;
    code = ask_last_epoch(intake, log, error);
    if (code) {
        log->ops->close(log);
        return code;
    }
    code = pl_replay_open(options->replay, log, feeds, options->partitions, &intake->replay, error);
    if (code) return code;
    for (unsigned p = 0; p < options->partitions; p++) {
        struct pl_lane *lane = &intake->lanes[p];
        lane->log = log;
        pl_lane_replay(lane, pl_replay_part(intake->replay, p));
        for (unsigned i = 0; i < feeds->count; i++)
            if (pl_replay_is_silent(lane->replay, i)) pl_lane_is_silent(lane, i);
    }
    for (unsigned i = 0; i < feeds->inlet_count; i++)
        feeds->inlet[i].ended = true;
    for (unsigned i = 0; i < feeds->count; i++)
        feeds->feed[i].stopped = !pl_replay_has_ended(intake->replay, i);
    return PL_OK;
}

const struct pl_replay *pl_intake_replayed(const struct pl_intake *intake) {
    return intake->replay;
}

/* ---- What people had set ---- */

/* Some lane stands where the next of it was set, and none is still in front of that. */
static bool all_hold(const struct pl_intake *intake) {
    bool any = false;
    for (unsigned p = 0; p < intake->options.partitions; p++) {
        bool over = pl_lane_caught_up(&intake->lanes[p]), holds = pl_replay_holds(pl_replay_part(intake->replay, p));
        if (!over && !holds) return false;
        any |= !over;
    }
    return any;
}

/* All that was set at one barrier, at one of this run. */
static void set_again(struct pl_intake *intake, uint64_t epoch) {
    const struct pl_settings_entry *entry;
    struct pl_error *error = NULL;
    while ((entry = pl_replay_setting(intake->replay)) && entry->epoch == epoch && !intake->failed) {
        if (intake->options.retell(intake->options.engine, entry, &error))
            pl__intake_fail(intake, "what was set cannot be set again", error);
        pl_replay_next_setting(intake->replay);
    }
    intake->epoch++;
    for (unsigned p = 0; p < intake->options.partitions; p++)
        pl_lane_bar(&intake->lanes[p], intake->epoch);
}

bool pl__intake_retell(struct pl_intake *intake) {
    const struct pl_settings_entry *next = pl_replay_setting(intake->replay);
    bool done = atomic_load(pl_checkpoints_done(intake->options.checkpoints)) >= intake->epoch;
    if (!next || intake->failed || !done || !all_hold(intake)) return false;
    set_again(intake, next->epoch);
    return true;
}
