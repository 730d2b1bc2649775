/* split.h: sharing the rows of a batch out to partitions. */
#ifndef POTLINE_SPLIT_H
#define POTLINE_SPLIT_H

#include <potline/batch.h>

/* The partition of a key group. */
static inline unsigned pl_partition_of(uint8_t group, unsigned partitions) {
    return (unsigned)group * partitions / 256;
}

/* Takes the batch and sets out[p] for every partition p that has rows of it, NULL for the others. Rows of a broadcast
 * tag go to every partition. False without memory (nothing is set then). */
bool pl_split(struct pl_batch *batch, const struct pl_tags *tags, unsigned partitions, struct pl_batch **out);

#endif
