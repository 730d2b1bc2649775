/* rejects.h: what becomes of records that were not read: the first few are shown, and all of them go out of a port as
 * events with the text, where something is connected to it. Counting is the source's.
 */
#ifndef POTLINE_REJECTS_H
#define POTLINE_REJECTS_H

#include "reader.h"

enum { PL_REJECTS_SHOWN = 5, PL_REJECTS_TEXT_MAX = 4096 };

struct pl_rejects {
    uint32_t shown;
    struct pl_pack *body;
};

/* The event's kind. Its body: file, line, reason, text (binary when it is not UTF-8, cut to PL_REJECTS_TEXT_MAX). */
#define PL_REJECTS_KIND "source.rejected"

/* `time` is the event's: that of the row before, so that it keeps to the stream's event time. */
enum pl_flow pl_rejects_take(struct pl_rejects *rejects, struct pl_node *node, unsigned port, const char *file,
                             const struct pl_reject *reject, pl_time time);
void pl_rejects_fini(struct pl_rejects *rejects);

#endif
