/* note.h: what a node does by itself that belongs into the audit: files read again, a mode that it changed.
 *
 * What people do by commands is recorded without any of this (command.h). A record is chained to the one before and
 * stays for years, so a node notes decisions, a few an hour, and never what follows from every row. Without a data
 * folder nothing is recorded. The node's own thread; it costs some ten microseconds, in a process of its own ten times
 * as much where a set point leaves, which waits for the engine.
 */
#ifndef POTLINE_NOTE_H
#define POTLINE_NOTE_H

#include "abi.h"

struct pl_node;

struct pl_note {        /* texts may be NULL */
    const char *action; /* as a command is named: "rules reload" */
    const char *object; /* NULL: the node's name */
    const char *from;   /* what it was about before */
    const char *to;     /* and after */
    const char *reason;
    const char *outcome; /* NULL: "done" */
};

PL_API void pl_note(struct pl_node *node, const struct pl_note *note);

#endif
