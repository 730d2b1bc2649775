/* trial_impl.h: a test file while it is being read.
 *
 *     trial.c           the file and its cases        trial_rows.c     rows, of input and expected
 *     trial_graph.c     graphs, and what of them runs trial_expect.c   expectations
 *     trial_input.c     what a case is fed            trial_scope.c    names in expressions
 */
#ifndef POTLINE_GRAPH_TRIAL_IMPL_H
#define POTLINE_GRAPH_TRIAL_IMPL_H

#include "options.h"
#include "trial.h"

struct pl_trial_reading {
    struct pl_yaml_context *yaml;
    struct pl_trial_file *file;
    /* Of the case at hand: */
    const struct pl_trial_graph *graph;
    pl_time start;
};

/* What a file, or a case of it, says of its graph. */
struct pl_trial_setup {
    struct pl_strings rules; /* instead of a graph: scripts for one that has nothing else */
    const char *graph;
    struct pl_strings nodes;
    const struct pl_yaml *set[2], *env[2]; /* of the file, of the case; NULL: none */
};

/* NULL after reporting. */
const struct pl_trial_graph *pl__trial_graph(struct pl_trial_reading *reading, const struct pl_trial_setup *setup,
                                             const struct pl_yaml *at);
void pl__trial_graph_free(struct pl_trial_graph *graph); /* NULL is fine */

/* "node" or "node.port" of the graph; false after reporting. Of a sink the port is that of its input. */
bool pl__trial_port(struct pl_trial_reading *reading, const struct pl_yaml *at, const char *text, unsigned *node,
                    unsigned *port);

/* Sets each variable of a map of names and texts, and keeps what it was; and back, also after a failure (no memory). */
struct pl_trial_environment {
    const char **names; /* borrowed */
    char **values;
    unsigned count;
};
bool pl__trial_environment_set(const struct pl_yaml *const maps[2], struct pl_trial_environment *before);
void pl__trial_environment_restore(struct pl_trial_environment *before);
bool pl__trial_environment_check(struct pl_trial_reading *reading, const struct pl_yaml *env);

void pl__trial_inputs(struct pl_trial_reading *reading, struct pl_yaml *input, struct pl_trial_case *made);
void pl__trial_expectations(struct pl_trial_reading *reading, struct pl_yaml *expect, struct pl_trial_case *made);

/* One row: its columns by their names, `every`, `until`; of input also its `source`. */
bool pl__trial_row(struct pl_trial_reading *reading, const struct pl_yaml *map, enum pl_kind kind, bool input,
                   struct pl_trial_row *row);
/* A list of rows, or the path of a CSV file whose header names their columns. */
void pl__trial_rows(struct pl_trial_reading *reading, struct pl_yaml *list, enum pl_kind kind,
                    struct pl_trial_rows *rows);

/* RFC 3339, nanoseconds since 1970, or a duration since the start of the case. */
bool pl__trial_time(struct pl_trial_reading *reading, const struct pl_yaml *at, pl_time *time);

/* Reports what is wrong with an expression. */
bool pl__trial_expression(struct pl_trial_reading *reading, const struct pl_yaml *at, const char *text,
                          struct pl_trial_scope *scope);

/* "...; did you mean NEAREST?" behind a message about an unknown name; `count` names. */
void pl__trial_unknown(struct pl_trial_reading *reading, struct pl_place place, const char *what, const char *name,
                       const char *const *names, size_t count);

extern const struct pl_option pl__trial_file_options[];
extern const struct pl_option pl__trial_case_options[];
extern const struct pl_option pl__trial_expect_options[];
extern const struct pl_option pl__trial_bronze_options[];
extern const struct pl_option pl__trial_command_options[];
extern const char *const pl__trial_file_keys[];
extern const char *const pl__trial_case_keys[];
extern const char *const pl__trial_expect_keys[];

/* It has an end outside, which no test opens: a sink, or what writes to the field and tells how that went. */
static inline bool pl__is_outlet(const struct pl_operator *op) {
    return !op->outputs || op->flags & PL_OP_FIELD;
}

#endif
