/* shell_manual.h: the commands there are: what the engine answers to `commands`, and the shell's own.
 *
 * It serves help, completion and 'did you mean'. Without an engine (or without a login) it holds the shell's own
 * commands only, and says so: then an unknown command is the engine's to judge.
 */
#ifndef POTLINE_CLI_SHELL_MANUAL_H
#define POTLINE_CLI_SHELL_MANUAL_H

#include "shell_grid.h"

struct pl_manual_arg {
    char *name, *type, *fallback, *range, *doc; /* escaped; "" where there is nothing */
    bool required;
};

struct pl_manual_entry {
    char *name; /* its words: "alarms ack" */
    char *doc, *roles;
    bool changes;
    bool own; /* the shell carries it out itself */
    struct pl_manual_arg *args;
    unsigned arg_count;
};

struct pl_manual {
    struct pl_manual_entry *entries; /* by name */
    unsigned count;
    bool whole; /* the engine's commands are there too */
};

/* `answer` to `commands`, or NULL for the shell's own only. False without memory or for an answer that is none; end
 * with pl_manual_fini in any case. */
bool pl_manual_load(struct pl_manual *manual, const struct pl_answer *answer);
void pl_manual_fini(struct pl_manual *manual);

/* The entry with the longest name that the words begin with ("alarms" alone is "alarms list"), or NULL; *used: how many
 * of them. */
const struct pl_manual_entry *pl_manual_find(const struct pl_manual *manual, const char *const *words, unsigned count,
                                             unsigned *used);
const char *pl_manual_nearest(const struct pl_manual *manual, const char *const *words, unsigned count);

bool pl_manual_is_switch(const struct pl_manual_arg *arg); /* takes no value */
bool pl_manual_is_list(const struct pl_manual_arg *arg);   /* takes all words that are left */

/* Appends help: all commands, those that begin with the words, or one with its arguments. False: there are none. */
bool pl_manual_put_help(struct pl_buffer *out, const struct pl_manual *manual, const char *const *words, unsigned count,
                        const struct pl_grid_style *style);

#endif
