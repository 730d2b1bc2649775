/* note.c: potline/note.h. */
#include <potline/note.h>

#include "runtime/journal.h"
#include "runtime/node.h"

void pl_note(struct pl_node *node, const struct pl_note *note) {
    if (node->config.journal) pl_journal_note(node->config.journal, node->config.name, note);
}
