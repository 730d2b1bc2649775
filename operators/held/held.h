/* held.h: the rows of a sink that are still to be written, numbered since the node's first one.
 *
 *     written | sealed: of an epoch that is safe | taken in since
 *     --------+-----------------------------------+---------------
 *           first                              sealed           taken
 *
 * A row that belongs to no epoch yet may come differently after a death: behind a backlog, or because somebody has set
 * an option meanwhile. What is sealed stays as it is, under its number: it is part of the state until it is known to be
 * written. Thread: the node's.
 */
#ifndef POTLINE_HELD_H
#define POTLINE_HELD_H

#include <potline/batch.h>
#include <potline/codec.h>
#include <potline/error.h>
#include <potline/pack.h>

enum { PL_HELD_MARKS_MAX = 8 };

struct pl_held {
    struct pl_batch **batches; /* a ring; its room is a power of two */
    unsigned from, count, room;
    uint64_t base; /* the number of the first batch's first row */
    uint64_t first, sealed, taken;
    int64_t bytes;
    unsigned near; /* the batch that was asked for last, and its first row */
    uint64_t near_base;
    struct {
        uint64_t epoch, taken;
    } marks[PL_HELD_MARKS_MAX]; /* ends of epochs that are not safe yet, the oldest first */
    unsigned mark_count;
};

void pl_held_fini(struct pl_held *queue); /* of a zeroed one too; it is empty then */

bool pl_held_put(struct pl_held *queue, struct pl_batch *batch); /* takes it; false without memory */
void pl_held_drop(struct pl_held *queue, uint64_t until);        /* rows in front of this number are written */

struct pl_batch *pl_held_pop(struct pl_held *queue); /* the oldest batch, whole; the caller owns it. NULL: empty */

/* Begins a queue that holds nothing yet: the rows in front of this number are written. */
void pl_held_begin_at(struct pl_held *queue, uint64_t number);

/* The batch that holds row `number`, which is one of those that wait, and the row in it. */
const struct pl_batch *pl_held_at(struct pl_held *queue, uint64_t number, uint32_t *row);

void pl_held_mark(struct pl_held *queue, uint64_t epoch); /* it ends here */
void pl_held_seal(struct pl_held *queue, uint64_t epoch); /* it is safe, and all before it */
void pl_held_seal_all(struct pl_held *queue);
void pl_held_unseal(struct pl_held *queue, uint64_t number); /* rows from this one on are of epochs that are to come */

/* As values of an array: [..., base, first, [batch, ...]], and back into an empty one, where all is sealed. */
enum { PL_HELD_ITEMS = 3 };
enum pl_code pl_held_save(const struct pl_held *queue, struct pl_codec *codec, struct pl_pack *pack,
                          struct pl_error **error);
enum pl_code pl_held_load(struct pl_held *queue, struct pl_codec *codec, enum pl_kind kind, struct pl_unpack *unpack,
                          struct pl_error **error);

#endif
