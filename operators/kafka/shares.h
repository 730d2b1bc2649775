/* shares.h: the partitions of a source's topics: how far each has been read, and which of them is the next to read.
 *
 * Messages are taken in order of event time across partitions as far as can be told: from the one whose newest row is
 * oldest. One that has nothing at hand, is not known to be at its end, and is behind the others is waited for (a while:
 * the caller's concern), so that reading a backlog does not make rows late. Pure but for the queue, which only its
 * owner looks into. One thread.
 */
#ifndef KAFKA_SHARES_H
#define KAFKA_SHARES_H

#include <librdkafka/rdkafka.h>

#include <potline/pack.h>
#include <potline/time.h>

enum { PL__SHARES_MAX = 384, PL__TAKEN_MAX = 64 };

struct pl__share {
    uint32_t topic; /* index */
    int32_t partition;
    int64_t next;   /* offset of the next message; -1: not known yet */
    int64_t end;    /* reading ends in front of this offset; -1: never */
    pl_time newest; /* time of a row */
    bool reading;   /* librdkafka fetches it */
    bool at_end;    /* there was nothing more */
    bool passed;    /* waited for in vain: others go on without it */
    bool silent;    /* its queue is empty until the bell rings */
    bool check;     /* its offset is to be looked at again */
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *taken[PL__TAKEN_MAX];
    unsigned from, count;
};

struct pl__shares {
    struct pl__share *share; /* owned; by topic and partition */
    unsigned count;
};

/* Finds, or adds (next: -1). NULL: without memory, or past PL__SHARES_MAX. */
struct pl__share *pl__shares_at(struct pl__shares *shares, uint32_t topic, int32_t partition);
struct pl__share *pl__shares_find(struct pl__shares *shares, uint32_t topic, int32_t partition);
void pl__shares_fini(struct pl__shares *shares); /* queues and messages are gone before */

static inline bool pl__share_is_done(const struct pl__share *share) {
    return share->end >= 0 && share->next >= share->end;
}

/* Everything up to its end has been read, of all of them; there is at least one. */
bool pl__shares_done(const struct pl__shares *shares);

/* The one to take a message from; NULL: none, or an earlier one may come from *behind (NULL: no).  */
struct pl__share *pl__shares_choose(struct pl__shares *shares, struct pl__share **behind);

/* ---- Position: a map of topic names and arrays of offsets by partition, -1 where nothing is known ---- */

void pl__shares_pack(const struct pl__shares *shares, const char *const *topics, uint32_t topic_count,
                     struct pl_pack *pack);
/* Topics that are not ours are left out. */
bool pl__shares_unpack(struct pl__shares *shares, const char *const *topics, uint32_t topic_count,
                       struct pl_unpack *unpack);

#endif
