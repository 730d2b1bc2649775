/* batch_impl.h: a batch as the Cap'n Proto message that it is, for the edges that carry it and the codec.
 *
 * One block of memory, aligned to 64:
 *
 *     struct pl_batch | segment table | root pointer | root struct: pointers to header, columns, heaps
 *                     | Header: 4 words of data, 2 pointers | columns ... | heaps ...
 *                     ^ message
 *
 * Columns and heaps stand where the batch's capacity puts them, each on a multiple of 64 bytes with 64 bytes or more
 * behind it that may be read. Only the pointers know how many rows there are, so they are written last, by
 * pl_batch_seal. In memory the names are ids of this process: such a message never leaves it (codec.h makes the form
 * that does).
 */
#ifndef POTLINE_BATCH_IMPL_H
#define POTLINE_BATCH_IMPL_H

#include <potline/batch.h>

/* Makes `message` valid for the rows there are. The caller is the sole holder, or nothing has changed since. */
void pl_batch_seal(struct pl_batch *batch);

/* The batch whose message this is (from an inproc edge of this process). */
struct pl_batch *pl_batch_of_message(void *message);

/* Gives a reference back; the `ffn` of zmq_msg_init_data(&msg, batch->message, batch->message_size, .., batch). */
void pl_batch_message_free(void *data, void *batch);

#endif
