/* note.c: potline/note.h and potline/setpoint.h. */
#include <potline/note.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/setpoint.h>
#include <potline/text.h>

#include "runtime/journal.h"
#include "runtime/node.h"
#include "runtime/note.h"

void pl_note_owed(struct pl_node *node, const struct pl_note *note, const struct pl_owed *owed) {
    const struct pl_node_abroad *abroad = pl_node_abroad(node);
    if (abroad) abroad->note(node, note, owed);
    if (node->config.journal) pl_journal_note(node->config.journal, node->config.name, note, owed);
}

void pl_note(struct pl_node *node, const struct pl_note *note) {
    pl_note_owed(node, note, &(struct pl_owed){PL_OWED_NOTHING, 0});
}

enum { REASON_MAX = 1024 };

static const char *number(double value, char text[PL_TEXT_F64_MAX + 1]) {
    if (isnan(value)) return NULL;
    *pl_text_put_f64(text, value) = 0;
    return text;
}

void pl_note_setpoint(struct pl_node *node, const struct pl_setpoint_note *s) {
    char from[PL_TEXT_F64_MAX + 1], to[PL_TEXT_F64_MAX + 1], place[48] = "", reason[REASON_MAX];
    if (pl_node_epoch(node) != 0 && s->sequence != UINT64_MAX)
        snprintf(place, sizeof place, ", log %u:%" PRIu64, s->partition, s->sequence);
    snprintf(reason, sizeof reason, "%s%sset point %" PRIu64 " of %s, generation %" PRIu64 "%s%s%s", s->reason,
             *s->reason ? "; " : "", s->id, pl_tags_get(node->config.tags, s->origin)->name, s->token, place,
             s->model ? ", by " : "", s->model ? pl_tags_get(node->config.tags, s->model)->name : "");
    struct pl_note note = {.action = s->action,
                           .object = pl_tags_get(node->config.tags, s->tag)->name,
                           .from = number(s->old, from),
                           .to = number(s->value, to),
                           .reason = reason,
                           .outcome = s->outcome};
    bool opens = strcmp(s->action, PL_SETPOINT_WRITE) == 0;
    pl_note_owed(node, &note, &(struct pl_owed){opens ? PL_OWED_OPENS : PL_OWED_CLOSES, s->id});
}
