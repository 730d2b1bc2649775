/* setpoint.h: set points of the field in the audit: each way there notes one with the same words, "setpoint write" in
 * front of what leaves and "setpoint result" when it has come to an end, so that the audit tells the life of one
 * whatever protocol took it.
 */
#ifndef POTLINE_SETPOINT_H
#define POTLINE_SETPOINT_H

#include <stdint.h>

#include "abi.h"

struct pl_node;

#define PL_SETPOINT_WRITE "setpoint write"
#define PL_SETPOINT_RESULT "setpoint result"

struct pl_setpoint_note {
    const char *action;           /* one of these two */
    const char *outcome, *reason; /* reason: of who wants it */
    uint64_t id, token;
    uint64_t sequence; /* where it stands in the log; UINT64_MAX: nowhere */
    uint16_t partition;
    uint32_t tag, origin, model; /* names; model 0: none was said (batch.h) */
    double old, value;           /* in the tag's unit; NaN: not known */
};

/* As pl_note (note.h), about the tag. Each write is owed a result (of the same tag and id): where the process dies in
 * between, the engine's next start notes that it is not known. The node's own thread. */
PL_API void pl_note_setpoint(struct pl_node *node, const struct pl_setpoint_note *note);

#endif
