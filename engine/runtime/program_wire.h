/* program_wire.h: frames (frame.h) as messages that a program in any language can read and write: one msgpack map each,
 * with a `type` and named values. docs/external.md is its description for those who write one.
 *
 *     {"type": "rows", "number": 7, "rows": <bytes of a batch>}  <-->  PL_FRAME_BATCH, EMIT
 *     {"type": "state", "key": "sum", "value": <bytes>}          <-->  PL_FRAME_STATE with one entry (store/state.h)
 *
 * A program keeps its state under keys of its own, which are opaque here (PL_STATE_PROGRAM). Reading trusts nothing: a
 * message has a type that a program may send, the values that it needs, each of its type and within its limit; keys
 * that are not known are skipped.
 *
 * Threads: one. What is written or read is borrowed until the next call.
 */
#ifndef POTLINE_PROGRAM_WIRE_H
#define POTLINE_PROGRAM_WIRE_H

#include <potline/pack.h>

#include "base/buffer.h"
#include "runtime/frame.h"

enum {
    PL_PROGRAM_PROTOCOL = 1,
    PL_PROGRAM_MESSAGE_MAX = 4 << 20,
    PL_PROGRAM_KEY_MAX = 512,
    PL_PROGRAM_VALUE_MAX = 1 << 20,
    PL_PROGRAM_PLACE_MAX = 64 << 10,
};

struct pl_program_wire {
    struct pl_pack *pack;
    struct pl_buffer entry;
    const char *type;  /* of the message read last; NULL: not known */
    char problem[128]; /* what was wrong with it */
};

bool pl_program_wire_init(struct pl_program_wire *wire); /* false: no memory */
void pl_program_wire_fini(struct pl_program_wire *wire);

/* A message of the engine; false without memory, or when it is too long. CONFIG has one as its body. */
bool pl_program_wire_write(struct pl_program_wire *wire, const struct pl_frame *frame, const void **bytes,
                           size_t *size);

/* A message of the program; false: it is none, and `problem` says why. The hello has its protocol as number. */
bool pl_program_wire_read(struct pl_program_wire *wire, const void *bytes, size_t size, struct pl_frame *frame);

#endif
