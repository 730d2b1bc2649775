/* note.c: potline/note.h. */
#include <potline/note.h>

#include "runtime/journal.h"
#include "runtime/node.h"
#include "store/abroad.h"

void pl_note(struct pl_node *node, const struct pl_note *note) {
    const struct pl_node_abroad *abroad = pl_node_abroad(node);
    if (abroad) abroad->note(node, note);
    if (node->config.journal) pl_journal_note(node->config.journal, node->config.name, note);
}
