/* intake_begin.c: where the intake begins: behind the last epoch, or with what is to be played again. */
#include <inttypes.h>

#include "runtime/intake_impl.h"

/* What was known at the last epoch; *begin: behind its barriers, from where everything happens again. */
static enum pl_code recall(struct pl_intake *intake, struct pl_log *log, const struct pl_epoch *last,
                           struct pl_error **error) {
    struct pl_log_cursor *cursor;
    struct pl_log_record barrier;
    enum pl_code code = log->ops->cursor(log, 0, last->sequence[0], true, &cursor, error);
    if (code) return code;
    code = log->ops->read(cursor, &barrier, error);
    if (!code && (barrier.type != PL_LOG_BARRIER || barrier.epoch != last->number ||
                  !pl_feeds_unpack(&intake->feeds, intake->options.tags, barrier.body, barrier.body_size)))
        code =
            pl_error_set(error, PL_CORRUPT, "log, partition 0, sequence %" PRIu64 ": not the barrier of epoch %" PRIu64,
                         last->sequence[0], last->number);
    log->ops->cursor_free(cursor);
    return code;
}

enum pl_code pl__intake_follow(struct pl_intake *intake, unsigned partition, uint64_t begin, struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    bool changed = false;
    enum pl_code code = log->ops->cursor(log, partition, begin, true, &cursor, error);
    if (code) return code;
    while (!(code = log->ops->read(cursor, &record, error))) {
        pl_feeds_follow(&intake->feeds, &record);
        if (record.type == PL_LOG_END) continue;
        changed = record.type != PL_LOG_BARRIER;
        if (!changed && !intake->options.shared && record.epoch > intake->epoch) intake->epoch = record.epoch;
    }
    log->ops->cursor_free(cursor);
    intake->changed |= changed;
    return code == PL_NOT_FOUND ? PL_OK : code;
}

enum pl_code pl_intake_recover(struct pl_intake *intake, const struct pl_epoch *last, struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    enum pl_code code = last->number ? recall(intake, log, last, error) : PL_OK;
    intake->epoch = last->number;
    for (unsigned p = 0; p < intake->options.partitions && !code; p++) {
        uint64_t begin = last->number ? last->sequence[p] + 1 : log->ops->first(log, p);
        for (unsigned i = 0; i < intake->feeds.count; i++)
            pl_lane_has_told(&intake->lanes[p], i, intake->feeds.feed[i].watermark, intake->feeds.feed[i].ended);
        pl_lane_begin_at(&intake->lanes[p], begin);
        if (intake->lanes[p].counting) code = pl_counting_load(intake->lanes[p].counting, last->number, error);
    }
    for (unsigned p = 0; p < intake->options.partitions && !code; p++)
        code = pl__intake_follow(intake, p, last->number ? last->sequence[p] + 1 : log->ops->first(log, p), error);
    if (!code) pl_feeds_settle(&intake->feeds);
    return code;
}

/* Who has ever had a watermark, says the last epoch of what is played. */
static enum pl_code ask_last_epoch(struct pl_intake *intake, struct pl_log *log, struct pl_error **error) {
    struct pl_epoch last;
    enum pl_code code = pl_epochs_last(intake->options.replay->store, &last, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    if (code) return code;
    code = recall(intake, log, &last, error);
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

const struct pl_inlet *pl_intake_inlet(const struct pl_intake *intake, unsigned feed) {
    const struct pl_inlet *inlet = intake->feeds.inlet;
    while (feed >= inlet->first + inlet->count)
        inlet++;
    return inlet;
}
