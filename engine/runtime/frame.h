/* frame.h: what the engine and the process of an isolated node say to each other: a head of 32 bytes, and a body.
 *
 *     engine --> process                                     process --> engine
 *     CONFIG    what node it is: msgpack (guest_config.h)    HELLO     here I am; number: my process id
 *     STATE     a piece of its state, in front of OPEN       READY     open, its state is restored
 *     OPEN      that was all of it
 *     BATCH     port | a batch            -- items --        EMIT      port | a batch; ZONE the same: port is a zone
 *     WATERMARK value; idle                                  STATE     a piece of what has changed, in front of a DONE
 *     BARRIER   value: epoch                                 DONE      number: the oldest item that was under way
 *     END       idle: stopped, not the end of the data
 *     COMMIT    value: epoch                                 BUSY, FAILED, KEEP, DROP, NOTE
 *     CREDIT    value: bytes of both taken so far
 *     CALL      number | what is asked                       CALLED    number | what came of it
 *     NOTED     number: the set point of that NOTE may leave   (NOTE number 0: nobody waits)
 *     PING      number                                       PONG      number
 *     QUIT      close in good order                          CLOSED
 *
 * Items are numbered from 1 without gaps, done in that order, and what comes of one stands between its predecessor's
 * DONE and its own. All else may come at any time. Batches are as the codec makes them (potline/codec.h), with names.
 *
 * A program that is none of ours says the same in messages of its own (program_wire.h). One that is a source has no
 * items: it sends EMIT with the place where it stands behind that, PROGRESS (value: no older row is to come) and OVER.
 *
 * pl_frame_read trusts nothing: a frame that it takes has a type and fields that its direction may have, and no body
 * where there is none. What a body holds is checked by who reads it.
 */
#ifndef POTLINE_FRAME_H
#define POTLINE_FRAME_H

#include <potline/codec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pl_frame_type {
    PL_FRAME_NONE,
    /* engine --> process */
    PL_FRAME_CONFIG,
    PL_FRAME_OPEN,
    PL_FRAME_BATCH,
    PL_FRAME_WATERMARK,
    PL_FRAME_BARRIER,
    PL_FRAME_END,
    PL_FRAME_COMMIT,
    PL_FRAME_CREDIT,
    PL_FRAME_CALL,
    PL_FRAME_NOTED,
    PL_FRAME_PING,
    PL_FRAME_QUIT,
    /* both */
    PL_FRAME_STATE,
    /* process --> engine */
    PL_FRAME_HELLO,
    PL_FRAME_READY,
    PL_FRAME_EMIT,
    PL_FRAME_ZONE,
    PL_FRAME_DONE,
    PL_FRAME_BUSY,
    PL_FRAME_FAILED,
    PL_FRAME_KEEP,
    PL_FRAME_DROP,
    PL_FRAME_NOTE,
    PL_FRAME_CALLED,
    PL_FRAME_PONG,
    PL_FRAME_CLOSED,
    PL_FRAME_PROGRESS,
    PL_FRAME_OVER,
    PL_FRAME_TYPES
};

enum pl_frame_flags {
    PL_FRAME_IDLE = 1,     /* WATERMARK, END: as of an item (edge.h) */
    PL_FRAME_IS_BUSY = 2,  /* DONE, BUSY, PONG: the operator takes nothing now */
    PL_FRAME_RETURNED = 4, /* DONE: the operator was busy; it has not seen the item, which is the engine's again */
};

enum {
    PL_FRAME_HEAD = 32,
    PL_FRAME_BODY_MAX = PL_MESSAGE_MAX,
    PL_FRAME_PIECE = 1 << 20, /* of state */
    PL_FRAME_TEXT_MAX = 2048,
    PL_FRAME_PORT_LETTERS = UINT16_MAX,
};

struct pl_frame {
    uint8_t type;
    uint8_t flags;
    uint16_t port;
    uint32_t code;   /* CALLED: an enum pl_code */
    uint64_t number; /* of an item, a call, a note, a ping */
    int64_t value;
    uint64_t nanoseconds; /* DONE: inside the operator */
    const void *body;     /* borrowed */
    size_t size;
    const void *place; /* EMIT of a source: one msgpack value, borrowed; NULL: none */
    size_t place_size;
};

void pl_frame_write_head(const struct pl_frame *frame, uint8_t head[PL_FRAME_HEAD]);

/* False: no frame that the other side may send. */
bool pl_frame_read(const void *bytes, size_t size, bool from_engine, struct pl_frame *frame);

#endif
