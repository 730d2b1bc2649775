/* intake_begin.c: where the intake begins: behind the last epoch. */
#include <inttypes.h>

#include <potline/alloc.h>

#include "runtime/intake_impl.h"

enum pl_code pl__intake_recall(struct pl_intake *intake, struct pl_log *log, const struct pl_epoch *last,
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

static enum pl_code follow(struct pl_intake *intake, struct pl_log_cursor *cursor, struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    struct pl_log_record record;
    bool changed = false;
    enum pl_code code;
    while (!(code = log->ops->read(cursor, &record, error))) {
        pl_feeds_follow(&intake->feeds, &record);
        if (record.type == PL_LOG_END) continue;
        changed = record.type != PL_LOG_BARRIER;
        if (!changed && !intake->options.shared && record.epoch > intake->epoch) intake->epoch = record.epoch;
    }
    intake->changed |= changed;
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* All of them are asked for before the first one is read: a log that is elsewhere answers in the meantime. */
enum pl_code pl__intake_follow(struct pl_intake *intake, const uint64_t *begin, struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    unsigned partitions = intake->options.partitions;
    struct pl_log_cursor **cursors = pl_alloc((partitions + 1) * sizeof(struct pl_log_cursor *));
    if (!cursors) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < partitions && !code; p++)
        code = log->ops->cursor(log, p, begin[p], true, &cursors[p], error);
    for (unsigned p = 0; p < partitions && !code; p++)
        code = follow(intake, cursors[p], error);
    for (unsigned p = 0; p < partitions; p++)
        if (cursors[p]) log->ops->cursor_free(cursors[p]);
    pl_free(cursors);
    return code;
}

enum pl_code pl_intake_recover(struct pl_intake *intake, const struct pl_epoch *last, struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    uint64_t *from = pl_alloc((intake->options.partitions + 1) * sizeof *from);
    if (!from) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    enum pl_code code = last->number ? pl__intake_recall(intake, log, last, error) : PL_OK;
    intake->epoch = last->number;
    for (unsigned p = 0; p < intake->options.partitions && !code; p++) {
        uint64_t begin = from[p] = last->number ? last->sequence[p] + 1 : log->ops->first(log, p);
        for (unsigned i = 0; i < intake->feeds.count; i++)
            pl_lane_has_told(&intake->lanes[p], i, intake->feeds.feed[i].watermark, intake->feeds.feed[i].ended);
        pl_lane_begin_at(&intake->lanes[p], begin);
        if (intake->lanes[p].counting) code = pl_counting_load(intake->lanes[p].counting, last->number, error);
    }
    if (!code) code = pl__intake_follow(intake, from, error);
    pl_free(from);
    if (!code) pl_feeds_settle(&intake->feeds);
    return code;
}

const struct pl_inlet *pl_intake_inlet(const struct pl_intake *intake, unsigned feed) {
    const struct pl_inlet *inlet = intake->feeds.inlet;
    while (feed >= inlet->first + inlet->count)
        inlet++;
    return inlet;
}
