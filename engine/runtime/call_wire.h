/* call_wire.h: a call (call.h) into a node that works in a process of its own, and what came of it, as bytes.
 *
 * What can be sent there is known to both sides by `where`; what a call of another kind wants is in the engine.
 */
#ifndef POTLINE_CALL_WIRE_H
#define POTLINE_CALL_WIRE_H

#include "graph/option_pack.h"
#include "runtime/call.h"

/* The call, for a node of this operator. False: not one that can be sent. */
bool pl_call_pack(struct pl_pack *pack, const struct pl_call *call);
/* Into a new call without a `run`, whose arguments stand in `memory`. NULL: the bytes are none. */
struct pl_call *pl_call_unpack(const void *bytes, size_t size, const struct pl_operator *op,
                               struct pl_option_memory *memory);

/* What came of it: into a call that was waiting. False: the bytes are none; the call has failed then, too. */
void pl_call_pack_outcome(struct pl_pack *pack, const struct pl_call *call);
bool pl_call_unpack_outcome(const void *bytes, size_t size, uint32_t code, struct pl_call *call);

#endif
