/* digest.h: rows known by what they say, where their numbers may not be the same again.
 *
 * A digest of a row takes all columns and heaps, names by their text; not that it has waited in a backlog, which may be
 * otherwise the next time. pl__digests is a multiset of them. One thread.
 */
#ifndef KAFKA_DIGEST_H
#define KAFKA_DIGEST_H

#include <potline/batch.h>
#include <potline/pack.h>

uint64_t pl__digest(const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row);

struct pl__digests {
    struct pl__digest_slot {
        uint64_t digest; /* never 0 in a slot that is used */
        uint32_t count;  /* 0 of a digest that was taken out: the place stays */
    } * slot;            /* owned; a power of two */
    uint32_t room, used; /* slots */
    uint64_t count;      /* digests that are in */
};

bool pl__digests_add(struct pl__digests *digests, uint64_t digest);  /* false without memory */
bool pl__digests_take(struct pl__digests *digests, uint64_t digest); /* false: it is not in */
void pl__digests_fini(struct pl__digests *digests);

/* As one value, and back into an empty one. */
void pl__digests_pack(const struct pl__digests *digests, struct pl_pack *pack);
bool pl__digests_unpack(struct pl__digests *digests, struct pl_unpack *unpack);

#endif
