/* anchors.h: the last place of the audit, told to whoever listens: who keeps what was told finds a tail that was cut.
 *
 *     frames: "audit/anchor/NAME", "SEQUENCE:HASH" (what potline audit verify --anchor takes)
 *
 * One thread at a time.
 */
#ifndef POTLINE_ANCHORS_H
#define POTLINE_ANCHORS_H

#include <potline/error.h>

struct pl_anchors;

/* Binds a PUB socket to a ZeroMQ endpoint; `name` is the graph's. */
enum pl_code pl_anchors_open(const char *endpoint, const char *name, struct pl_anchors **anchors,
                             struct pl_error **error);
void pl_anchors_tell(struct pl_anchors *anchors, const char *place); /* NULL: nobody listens */
void pl_anchors_close(struct pl_anchors *anchors);                   /* what was told leaves first; NULL is fine */

#endif
