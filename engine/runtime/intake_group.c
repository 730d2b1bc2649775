/* intake_group.c: where the intake of one engine of a group begins. */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include <potline/alloc.h>

#include "runtime/intake_impl.h"

/* What its barrier says of the sources that follow a partition; from[q] goes back to where they have to be looked for.
 */
static enum pl_code recall(struct pl_intake *intake, unsigned partition, uint64_t sequence, uint64_t *from,
                           struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    struct pl_log_cursor *cursor;
    struct pl_log_record barrier;
    struct pl_unpack unpack;
    enum pl_code code = log->ops->cursor(log, partition, sequence, true, &cursor, error);
    if (code) return code;
    code = log->ops->read(cursor, &barrier, error);
    bool good = !code && barrier.type == PL_LOG_BARRIER && barrier.sequence == sequence &&
                pl_feeds_unpack(&intake->feeds, intake->options.tags, barrier.body, barrier.body_size);
    if (good) {
        pl_unpack_init(&unpack, barrier.body, barrier.body_size);
        good = pl_unpack_skip(&unpack);
    }
    for (unsigned p = 0; good && p < intake->options.partitions; p++) {
        uint64_t end;
        good = pl_unpack_uint(&unpack, &end);
        if (good && end < from[p]) from[p] = end;
    }
    log->ops->cursor_free(cursor);
    if (code || good) return code;
    return pl_error_set(error, PL_CORRUPT, "log, partition %u, sequence %" PRIu64 ": not the barrier of a group",
                        partition, sequence);
}

static enum pl_code load_told(struct pl_intake *intake, unsigned partition, struct pl_error **error) {
    void *value = NULL;
    size_t size;
    struct pl_unpack unpack;
    enum pl_code code =
        pl_epochs_find(intake->options.store, PL_LEDGER_NODE, (uint16_t)partition, PL_STATE_SELF, &value, &size, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    pl_unpack_init(&unpack, value, size);
    if (!pl_lane_load_told(&intake->lanes[partition], &unpack))
        code = pl_error_set(error, PL_CORRUPT, "how far the sources of partition %u were is damaged", partition);
    pl_free(value);
    return code;
}

static enum pl_code begin_lane(struct pl_intake *intake, const struct pl_epoch *last, unsigned partition,
                               struct pl_error **error) {
    struct pl_lane *lane = &intake->lanes[partition];
    struct pl_log *log = intake->options.log;
    uint64_t stands = last->number ? last->sequence[partition] : UINT64_MAX;
    lane->shared = true;
    lane->run = intake->run;
    pl_lane_begin_at(lane, stands == UINT64_MAX ? log->ops->first(log, partition) : stands + 1);
    enum pl_code code = lane->counting ? load_told(intake, partition, error) : PL_OK;
    if (!code && lane->counting) code = pl_counting_load(lane->counting, last->number, error);
    return code;
}

/* Of sources that others run it need not be known how far they are. */
static bool runs_any(const struct pl_intake *intake) {
    bool any = false;
    for (unsigned i = 0; i < intake->feeds.count; i++)
        any |= intake->options.owned[intake->feeds.feed[i].options.slot];
    return any;
}

static enum pl_code begin_all(struct pl_intake *intake, const struct pl_epoch *last, uint64_t *from,
                              struct pl_error **error) {
    struct pl_log *log = intake->options.log;
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < intake->options.partitions; p++)
        from[p] = log->ops->next(log, p);
    for (unsigned p = 0; p < intake->options.lanes && !code; p++) {
        intake->lanes[p].absent = !intake->options.owned[p];
        intake->lanes[p].shared = true;
        if (!intake->options.owned[p]) continue;
        code = begin_lane(intake, last, p, error);
        uint64_t stands = last->number ? last->sequence[p] : UINT64_MAX;
        if (code) break;
        if (p >= intake->options.partitions) continue; /* no source follows it */
        if (stands != UINT64_MAX)
            code = recall(intake, p, stands, from, error);
        else
            for (unsigned q = 0; q < intake->options.partitions; q++)
                from[q] = log->ops->first(log, q); /* nobody has said where its sources stand */
    }
    return code || !runs_any(intake) ? code : pl__intake_follow(intake, from, error);
}

enum pl_code pl_intake_take_over(struct pl_intake *intake, const struct pl_epoch *last, struct pl_error **error) {
    if (getrandom(&intake->run, sizeof intake->run, 0) != (ssize_t)sizeof intake->run)
        return pl_error_set(error, PL_IO, "the system gives no random numbers");
    uint64_t *from = pl_alloc((intake->options.partitions + 1) * sizeof *from);
    if (!from) return pl_error_set(error, PL_NO_MEMORY, "no memory for the intake");
    intake->epoch = last->number;
    enum pl_code code = begin_all(intake, last, from, error);
    pl_free(from);
    if (code) return code;
    pl_feeds_settle(&intake->feeds);
    intake->changed = true;
    return PL_OK;
}
