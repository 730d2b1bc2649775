/* numbers.h: the numbers that a sender gives to its rows: partition p's next batch begins where the last one has ended.
 *
 * A gap is what was lost on the way. Numbers that begin again at 0 or 1 are those of a sender that has begun anew;
 * others from before are rows that came again, which the ledger tells by their times. The first batch that is ever seen
 * says where to begin.
 */
#ifndef ZMQ_NUMBERS_H
#define ZMQ_NUMBERS_H

#include <potline/pack.h>

enum { PL__NUMBERS_PARTITIONS = 256 };

struct pl__numbers {
    uint64_t next[PL__NUMBERS_PARTITIONS]; /* 1 + the number of the next row; 0: not known */
    uint64_t
        refused; /* samples of messages that were refused since the last gap: they are in it, and counted already */
};

/* A batch with `rows` rows from number `first` on; returns how many are missing in front of it. */
uint64_t pl__numbers_take(struct pl__numbers *numbers, unsigned partition, uint64_t first, uint32_t rows);
void pl__numbers_refused(struct pl__numbers *numbers, uint32_t samples);

void pl__numbers_pack(const struct pl__numbers *numbers, struct pl_pack *pack);
bool pl__numbers_unpack(struct pl__numbers *numbers, struct pl_unpack *unpack);

#endif
