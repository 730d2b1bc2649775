/* retell.h: what people change of nodes at a barrier, noted with its epoch, and done again by a replay at the same
 * place.
 */
#ifndef POTLINE_RETELL_H
#define POTLINE_RETELL_H

#include "runtime/call.h"
#include "store/settings.h"

/* Of a call that its task is about to get (call->task, call->epoch); one note for all instances of a node. */
void pl_retell_note(struct pl_settings *settings, const struct pl_call *call);

/* A run has ended in good order, behind this epoch, and what was set for it with it. */
void pl_retell_note_end(struct pl_settings *settings, uint64_t epoch);

/* Has the tasks of the entry's node do it at the barrier that comes next. What does not fit them is let be: an option
 * of which the graph file says something else now, a rule that is gone. PL_NO_MEMORY. */
enum pl_code pl_retell(struct pl_task *const *tasks, unsigned count, const struct pl_settings_entry *entry,
                       struct pl_error **error);

#endif
