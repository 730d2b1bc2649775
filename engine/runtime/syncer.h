/* syncer.h: a thread that makes a log durable a while after something was appended, so that no append waits for the
 * disk and many share one sync. It sleeps while nothing comes.
 */
#ifndef POTLINE_SYNCER_H
#define POTLINE_SYNCER_H

#include "log/log.h"

struct pl_syncer;

enum pl_code pl_syncer_new(struct pl_log *log, pl_time every, struct pl_syncer **syncer, struct pl_error **error);

/* Something has been appended: sync within `every`. From the appending thread; NULL is fine. */
void pl_syncer_touch(struct pl_syncer *syncer);
void pl_syncer_free(struct pl_syncer *syncer); /* syncs once more; NULL is fine */

#endif
