/* numbers.h: the numbers that a sender gives to its rows: in each stream, which is a topic and a partition, the next
 * batch begins where the last one has ended (sink.zmq does it so).
 *
 * A gap is what was lost on the way. Numbers that begin again at 0 or 1 are those of a sender that has begun anew;
 * others from before are rows that came again, which the ledger tells by their times. The first batch of a stream says
 * where to begin. Streams beyond PL__STREAMS_MAX are not followed.
 */
#ifndef ZMQ_NUMBERS_H
#define ZMQ_NUMBERS_H

#include <potline/pack.h>

enum { PL__STREAMS_MAX = 128 };

struct pl__numbers {
    struct pl__stream {
        uint64_t id;
        uint64_t next; /* the number of its next row */
    } stream[PL__STREAMS_MAX];
    uint32_t count;
    uint64_t
        refused; /* samples of messages that were refused since the last gap: they are in it, and counted already */
};

/* A stream's id. `topic` is the message's first frame; NULL where it has none. */
uint64_t pl__numbers_stream(const void *topic, size_t size);
uint64_t pl__numbers_of_partition(uint64_t topic, unsigned partition);

/* A batch with `rows` rows from number `first` on; returns how many are missing in front of it. */
uint64_t pl__numbers_take(struct pl__numbers *numbers, uint64_t stream, uint64_t first, uint32_t rows);
void pl__numbers_refused(struct pl__numbers *numbers, uint32_t samples);

void pl__numbers_pack(const struct pl__numbers *numbers, struct pl_pack *pack);
bool pl__numbers_unpack(struct pl__numbers *numbers, struct pl_unpack *unpack);

#endif
