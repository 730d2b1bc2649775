/* queue.h: the rows that are still to be written, numbered since the node's first one.
 *
 *     written | sealed: of an epoch that is safe | taken in since
 *     --------+-----------------------------------+---------------
 *           first                              sealed           taken
 *
 * A row that belongs to no epoch yet may come differently after a death: behind a backlog, or because somebody has set
 * an option meanwhile. What is sealed stays as it is, under its number: it is part of the state until it is known to be
 * written. Thread: the node's.
 */
#ifndef POSTGRES_QUEUE_H
#define POSTGRES_QUEUE_H

#include <potline/batch.h>
#include <potline/codec.h>
#include <potline/error.h>
#include <potline/pack.h>

enum { PL__PG_MARKS_MAX = 8 };

struct pl__pg_queue {
    struct pl_batch **batches; /* a ring; its room is a power of two */
    unsigned from, count, room;
    uint64_t base; /* the number of the first batch's first row */
    uint64_t first, sealed, taken;
    int64_t bytes;
    unsigned near; /* the batch that was asked for last, and its first row */
    uint64_t near_base;
    struct {
        uint64_t epoch, taken;
    } marks[PL__PG_MARKS_MAX]; /* ends of epochs that are not safe yet, the oldest first */
    unsigned mark_count;
};

void pl__pg_queue_fini(struct pl__pg_queue *queue); /* of a zeroed one too; it is empty then */

bool pl__pg_queue_put(struct pl__pg_queue *queue, struct pl_batch *batch); /* takes it; false without memory */
void pl__pg_queue_drop(struct pl__pg_queue *queue, uint64_t until); /* rows in front of this number are written */

/* The batch that holds row `number`, which is one of those that wait, and the row in it. */
const struct pl_batch *pl__pg_queue_at(struct pl__pg_queue *queue, uint64_t number, uint32_t *row);

void pl__pg_queue_mark(struct pl__pg_queue *queue, uint64_t epoch); /* it ends here */
void pl__pg_queue_seal(struct pl__pg_queue *queue, uint64_t epoch); /* it is safe, and all before it */
void pl__pg_queue_seal_all(struct pl__pg_queue *queue);

/* As values of an array: [..., base, first, [batch, ...]], and back into an empty one, where all is sealed. */
enum { PL__PG_QUEUE_ITEMS = 3 };
enum pl_code pl__pg_queue_save(const struct pl__pg_queue *queue, struct pl_codec *codec, struct pl_pack *pack,
                               struct pl_error **error);
enum pl_code pl__pg_queue_load(struct pl__pg_queue *queue, struct pl_codec *codec, enum pl_kind kind,
                               struct pl_unpack *unpack, struct pl_error **error);

#endif
