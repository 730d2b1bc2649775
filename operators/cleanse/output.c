/* output.c: the batch at hand on its way out. As long as nothing is changed it is passed on as it came; a change makes
 * it writable; rows that are put in between make new batches. */
#include <string.h>

#include "cleanse.h"

enum { MERGED_ROWS = 4096 };

void output_begin(struct cleanse *c, struct pl_batch *batch) {
    c->batch = batch;
    c->dropped = 0;
    c->emitted = 0;
    memset(c->keep, 1, batch->rows);
}

void output_discard(struct cleanse *c) {
    pl_batch_unref(c->batch);
    pl_batch_unref(c->fills);
    c->batch = c->fills = NULL;
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

bool output_change(struct cleanse *c, uint32_t row, double value, uint16_t quality) {
    struct pl_samples *rows = &c->batch->samples;
    if (rows->quality[row] == quality && same_bits(rows->value[row], value)) return true;
    if (!pl_batch_writable(&c->batch)) return false;
    c->batch->samples.value[row] = value;
    c->batch->samples.quality[row] = quality;
    return true;
}

void output_drop(struct cleanse *c, uint32_t row) {
    c->keep[row] = 0;
    c->dropped++;
}

/* ---- Rows in between ---- */

/* Copies rows of `from` into *to, which is emitted whenever it is full. */
static bool pass(struct pl_node *node, struct pl_batch **to, const struct pl_batch *like, const struct pl_batch *from,
                 uint32_t row, uint32_t rows) {
    while (rows) {
        if (*to && (*to)->rows == (*to)->capacity && pl_emit(node, CLEANSE_OUT, to) == PL_FLOW_FAIL) return false;
        if (!*to) *to = pl_batch_like(like, MERGED_ROWS, 0);
        if (!*to) return false;
        uint32_t copied = pl_batch_append(*to, from, row, rows);
        row += copied;
        rows -= copied;
    }
    return true;
}

/* The kept rows from `row` on that stand together, up to `until`. */
static uint32_t run_length(const struct cleanse *c, uint32_t row, uint32_t until) {
    uint32_t end = row;
    while (end < until && c->keep[end])
        end++;
    return end - row;
}

/* Emits the rows of the batch up to `until`, each behind the rows that go in front of it. */
static bool merge(struct cleanse *c, struct pl_node *node, uint32_t until) {
    struct pl_batch *to = NULL;
    uint32_t fills = c->fills ? c->fills->rows : 0, fill = 0, row = c->emitted;
    bool good = true;
    while (good && (row < until || fill < fills)) {
        uint32_t next = fill < fills ? c->before[fill] : until;
        uint32_t rows = run_length(c, row, next);
        good = pass(node, &to, c->batch, c->batch, row, rows);
        row += rows;
        if (row < next) row++; /* one that is left out */
        for (; good && fill < fills && c->before[fill] == row && row == next; fill++)
            good = pass(node, &to, c->batch, c->fills, fill, 1);
    }
    c->emitted = until;
    if (c->fills) c->fills->rows = 0;
    if (good && to) good = pl_emit(node, CLEANSE_OUT, &to) != PL_FLOW_FAIL;
    pl_batch_unref(to);
    return good;
}

bool output_fill(struct cleanse *c, struct pl_node *node, uint32_t row, uint32_t tag, pl_time time, double value) {
    if (!c->fills) c->fills = pl_batch_new(PL_SAMPLES, FILL_ROWS, 0);
    if (!c->fills) return false;
    if (c->fills->rows == FILL_ROWS && !merge(c, node, row)) return false;
    uint32_t i = c->fills->rows++;
    c->fills->samples.time[i] = time;
    c->fills->samples.tag[i] = tag;
    c->fills->samples.value[i] = value;
    c->fills->samples.quality[i] = PL_Q_UNCERTAIN | PL_Q_REPLACED | PL_Q_BACKFILLED;
    c->before[i] = (uint16_t)row;
    c->counts[COUNT_FILLED]++;
    return true;
}

enum pl_flow output_end(struct cleanse *c, struct pl_node *node) {
    bool mixed = c->emitted || (c->fills && c->fills->rows);
    if (mixed) {
        bool good = merge(c, node, c->batch->rows);
        output_discard(c);
        return good ? PL_FLOW_OK : pl_fail(node, "no memory for rows filled in");
    }
    if (c->dropped == c->batch->rows) {
        output_discard(c);
        return PL_FLOW_OK;
    }
    if (c->dropped && !pl_batch_writable(&c->batch)) {
        output_discard(c);
        return pl_fail(node, "no memory to leave out rows");
    }
    if (c->dropped) pl_batch_keep(c->batch, c->keep);
    return pl_emit(node, CLEANSE_OUT, &c->batch);
}
