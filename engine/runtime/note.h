/* note.h: notes for the audit (potline/note.h) that have to do with one another: a set point that leaves is owed a
 * record of its end, by whoever can say it. The thread of the node.
 */
#ifndef POTLINE_RUNTIME_NOTE_H
#define POTLINE_RUNTIME_NOTE_H

#include "store/abroad.h"

void pl_note_owed(struct pl_node *node, const struct pl_note *note, const struct pl_owed *owed);

#endif
