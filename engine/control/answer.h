/* answer.h: a reply as it comes over the wire (inside of engine/control; see client.h). */
#ifndef POTLINE_CONTROL_ANSWER_H
#define POTLINE_CONTROL_ANSWER_H

#include "control/client.h"

/* Reads one message; false when it is no reply (or without memory), and *answer needs no end then. Keys it does not
 * know are passed over. */
bool pl__answer_read(struct pl_answer *answer, const void *bytes, size_t size);

#endif
