/* durable.h: how far the log has what a source gave, told to the source in its own words: the positions that its rows
 * travel with (task.h).
 *
 *     intake   pl_durable_appended    the log has taken all up to there
 *     syncer   pl_durable_begin       what is appended by now ...
 *              pl_durable_done        ... has been synced
 *     source   pl_durable_take        the newest that is safe, once
 *
 * Positions in between are not told: the newest covers them. Without memory for one the next one is told.
 */
#ifndef POTLINE_DURABLE_H
#define POTLINE_DURABLE_H

#include "base/buffer.h"

struct pl_durable;

/* `poke` is called from any of these threads when there is news. NULL without memory. */
struct pl_durable *pl_durable_new(void (*poke)(void *source), void *source);
void pl_durable_free(struct pl_durable *durable); /* with all others gone; NULL is fine */

/* `synced`: it is as safe as it gets already, for nobody syncs the log. */
void pl_durable_appended(struct pl_durable *durable, const void *position, size_t size, bool synced);
void pl_durable_begin(struct pl_durable *durable);
void pl_durable_done(struct pl_durable *durable);

/* Into `position`, which is reset. False: nothing new. */
bool pl_durable_take(struct pl_durable *durable, struct pl_buffer *position);

#endif
