/* ahead.h: what a stream has written in front of a safe epoch, so that a run whose state does not know of it does not
 * write it once more.
 *
 * Rows that Kafka has taken cannot be taken back. Before a transaction with rows of no safe epoch is committed, their
 * digests are kept in the data folder (potline/kept.h), which no epoch rolls back, under their numbers; the position in
 * Kafka says whether that transaction came to be. A run that begins in front of them owes nothing for rows with such
 * digests: they are in the topic. What of them does not come again stays as it is.
 *
 *     kept: [a .. b) [b .. c)            position in Kafka: c            state: knows rows in front of a
 *     -> rows that come and have a digest of [a .. c) are there already
 *
 * Thread: the node's.
 */
#ifndef KAFKA_AHEAD_H
#define KAFKA_AHEAD_H

#include <potline/operator.h>

#include "digest.h"

enum { PL__AHEAD_ROWS = 8000, PL__AHEAD_SPANS_MAX = 4096 };

struct pl__ahead {
    struct pl__ahead_span {
        uint64_t from;
        uint64_t *digest; /* owned; of the spans that an earlier run has left, until pl__ahead_owe; else NULL */
        uint32_t count;
    } * span; /* owned; by number */
    unsigned count, room;
};

enum pl_code pl__ahead_load(struct pl__ahead *ahead, struct pl_node *node, struct pl_error **error); /* in `open` */
void pl__ahead_fini(struct pl__ahead *ahead);

/* Before they are committed: rows from number `from` on. PL_LIMIT: too much is ahead. */
enum pl_code pl__ahead_keep(struct pl__ahead *ahead, struct pl_node *node, uint64_t from, const uint64_t *digest,
                            uint32_t count, struct pl_error **error);

/* Rows in front of `number` belong to safe epochs. */
void pl__ahead_forget(struct pl__ahead *ahead, struct pl_node *node, uint64_t number);

/* Adds the digests of rows [from, until) to `owed`. PL_NOT_FOUND: some of them were not kept. */
enum pl_code pl__ahead_owe(struct pl__ahead *ahead, uint64_t from, uint64_t until, struct pl__digests *owed);

#endif
