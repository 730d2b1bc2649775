/* shell_complete.h: what may stand at the cursor: commands, names of arguments, values.
 *
 * The manual says what an argument is; names that only the engine knows come from a source:
 *
 *     pl_complete(&manual, "tap cle", 7, source, shell, &candidates)      ->  "clean", begin 4
 *
 * Pure logic: no terminal and no engine in it.
 */
#ifndef POTLINE_CLI_SHELL_COMPLETE_H
#define POTLINE_CLI_SHELL_COMPLETE_H

#include "shell_manual.h"

enum pl_list_of {
    PL_LIST_NODES,
    PL_LIST_TAGS,
    PL_LIST_RULES,
    PL_LIST_ALARMS,
    PL_LIST_OPTIONS,
    PL_LIST_USERS,
    PL_LIST_GRAPHS,  /* files of graphs, as the engine finds them */
    PL_LIST_HISTORY, /* numbers of graphs */
    PL_LIST_OUTPUTS, /* of nodes */
    PL_LIST_COLUMNS, /* of the output `of` */
    PL_LISTS
};

enum { PL_CANDIDATES_MAX = 2000 };

struct pl_candidates {
    size_t begin; /* byte of the line from which a candidate replaces it, up to the cursor */
    char quote;   /* that is open there */
    bool part;    /* of a word that may go on: no blank behind it */
    char *prefix; /* what stands there, without quotes */
    char **items; /* sorted, each once */
    unsigned count;
};

/* Adds `text` if it begins with the prefix and could be typed. */
void pl_candidates_add(struct pl_candidates *candidates, const char *text);
void pl_candidates_fini(struct pl_candidates *candidates);

/* `of`: what the list is about, where it is about something; else "". */
typedef void pl_complete_source(void *arg, enum pl_list_of list, const char *of, struct pl_candidates *candidates);

/* False without memory; end with pl_candidates_fini in any case. */
bool pl_complete(const struct pl_manual *manual, const char *line, size_t cursor, pl_complete_source *source, void *arg,
                 struct pl_candidates *candidates);

/* How many bytes of the first candidate all of them share, at the end of a character; 0 without candidates. */
size_t pl_candidates_common(const struct pl_candidates *candidates);

#endif
