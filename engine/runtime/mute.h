/* mute.h: an operator that takes part without doing anything: what it is given is dropped, and it opens nothing.
 *
 * So whatever writes to the field stands in a graph that is played again, and the field hears nothing of it.
 */
#ifndef POTLINE_MUTE_H
#define POTLINE_MUTE_H

#include <potline/operator.h>

/* The caller's, to be freed by pl_free; NULL without memory. */
struct pl_operator *pl_mute(const struct pl_operator *op);

#endif
