/* problems.h: what is wrong with a graph: collected while it is read, reported in order of place.
 *
 * Nodes made by `foreach` share their places. What is wrong with the first of them is mostly wrong with all, so of the
 * others only places are reported where nothing has been yet.
 */
#ifndef POTLINE_GRAPH_PROBLEMS_H
#define POTLINE_GRAPH_PROBLEMS_H

#include <stdarg.h>

#include "graph.h"

enum { PL_PROBLEMS_MAX = 100 };

struct pl_yaml;
struct pl_problems;

struct pl_problems *pl__problems_new(void); /* NULL without memory */
void pl__problems_free(struct pl_problems *problems);

/* At a value of a graph file. */
void pl__problem(struct pl_problems *problems, const struct pl_yaml *at, const char *format, ...) PL_PRINTF(3, 4);
void pl__problem_warn(struct pl_problems *problems, const struct pl_yaml *at, const char *format, ...) PL_PRINTF(3, 4);

/* At any place, with something in front of the text ("" for nothing). */
struct pl_problem_at {
    struct pl_place place;
    bool repeated; /* of a copy that foreach made, not of the first */
    bool warning;
};
void pl__problem_at(struct pl_problems *problems, struct pl_place place, const char *format, ...) PL_PRINTF(3, 4);
void pl__problem_put(struct pl_problems *problems, struct pl_problem_at at, const char *prefix, const char *format,
                     va_list arguments);

unsigned pl__problems_errors(const struct pl_problems *problems);

/* So many that no more are worth looking for. */
bool pl__problems_enough(const struct pl_problems *problems);

/* Whether an error there would be shown: else it is not worth the work of a suggestion. */
bool pl__problems_wanted(const struct pl_problems *problems, const struct pl_yaml *at);

/* Files in the order in which they were first named here come in this order in the report. */
void pl__problems_file(struct pl_problems *problems, const char *file);

/* The report: sorted, at most PL_PROBLEMS_MAX and a line that counts the rest; pl_problems_free ends it. False without
 * memory, now or earlier. */
bool pl__problems_take(struct pl_problems *problems, struct pl_problem **list, unsigned *count);

/* A user's text in quotes, short and printable, for messages. Returns `buffer`. */
enum { PL_QUOTE_MAX = 256 };
const char *pl__quote(char buffer[PL_QUOTE_MAX], const char *text);

#endif
