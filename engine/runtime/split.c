#include "split.h"

#include <string.h>

#include "batch/batch_impl.h"

enum { EVERYWHERE = 0xFFFF, PARTITIONS_MAX = 256 };

/* The partition of each row; counts[p] is raised for each. Returns true when all rows are of one partition. */
static bool find_partitions(const struct pl_batch *batch, const struct pl_tags *tags, unsigned partitions,
                            uint16_t *partition, uint32_t *counts) {
    const uint32_t *keys = pl_batch_keys(batch);
    uint32_t last = PL_NO_ID;
    uint16_t p = 0;
    bool one = true;
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (keys[i] != last) {
            const struct pl_tag *tag = pl_tags_get(tags, keys[i]);
            last = keys[i];
            p = tag->broadcast ? EVERYWHERE : (uint16_t)pl_partition_of(tag->group, partitions);
        }
        partition[i] = p;
        one &= p == partition[0] && p != EVERYWHERE;
        if (p != EVERYWHERE)
            counts[p]++;
        else
            for (unsigned k = 0; k < partitions; k++)
                counts[k]++;
    }
    return one;
}

static bool append(struct pl_batch *to, const struct pl_batch *from, uint32_t begin, uint32_t count) {
    return pl_batch_append(to, from, begin, count) == count;
}

/* Copies rows to where they belong, runs of neighbours at once, in one pass whatever the number of partitions. */
static bool deal(const struct pl_batch *from, const uint16_t *partition, unsigned partitions, struct pl_batch **out) {
    bool whole = true;
    for (uint32_t i = 0, begin; i < from->rows && whole;) {
        uint16_t p = partition[begin = i];
        while (i < from->rows && partition[i] == p)
            i++;
        if (p != EVERYWHERE) whole = append(out[p], from, begin, i - begin);
        for (unsigned k = 0; p == EVERYWHERE && k < partitions && whole; k++)
            whole = append(out[k], from, begin, i - begin);
    }
    return whole;
}

static uint32_t heap_of(const struct pl_batch *batch) {
    return batch->heap_used[0] > batch->heap_used[1] ? batch->heap_used[0] : batch->heap_used[1];
}

bool pl_split(struct pl_batch *batch, const struct pl_tags *tags, unsigned partitions, struct pl_batch **out) {
    uint16_t partition[PL_BATCH_ROWS_MAX];
    uint32_t counts[PARTITIONS_MAX] = {0};
    memset(out, 0, partitions * sizeof(struct pl_batch *));
    if (partitions == 1 || batch->rows == 0) {
        out[0] = batch;
        return true;
    }
    if (find_partitions(batch, tags, partitions, partition, counts)) {
        batch->header->partition = partition[0];
        out[partition[0]] = batch;
        return true;
    }
    bool whole = true;
    for (unsigned p = 0; p < partitions && whole; p++) {
        if (!counts[p]) continue;
        out[p] = pl_batch_like(batch, counts[p], heap_of(batch));
        whole = out[p] != NULL;
    }
    whole = whole && deal(batch, partition, partitions, out);
    for (unsigned p = 0; p < partitions; p++) {
        if (out[p] && whole) {
            out[p]->header->partition = (uint16_t)p;
        } else {
            pl_batch_unref(out[p]);
            out[p] = NULL;
        }
    }
    pl_batch_unref(batch);
    return whole;
}
