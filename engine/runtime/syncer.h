/* syncer.h: a thread that makes a log durable a while after something was appended, so that no append waits for the
 * disk and many share one sync. It sleeps while nothing comes.
 */
#ifndef POTLINE_SYNCER_H
#define POTLINE_SYNCER_H

#include "log/log.h"

struct pl_syncer;

/* Who wants to know: in front of a sync, and behind one that has worked. */
struct pl_syncer_events {
    void (*begin)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

/* `events` may be NULL. */
enum pl_code pl_syncer_new(struct pl_log *log, pl_time every, const struct pl_syncer_events *events,
                           struct pl_syncer **syncer, struct pl_error **error);

/* Something has been appended: sync within `every`. From the appending thread; NULL is fine. */
void pl_syncer_touch(struct pl_syncer *syncer);
void pl_syncer_now(struct pl_syncer *syncer);  /* any thread: syncs what was appended so far; NULL is fine */
void pl_syncer_free(struct pl_syncer *syncer); /* syncs once more, and tells nobody; NULL is fine */

#endif
