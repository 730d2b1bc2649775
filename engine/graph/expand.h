/* expand.h: from what a file says to what it means: variables replaced, `foreach` written out.
 *
 *     clean-{line}: { foreach: { line: [1, 2] }, op: cleanse, from: "in-{line}", ... }
 *
 * becomes clean-1 and clean-2. In any text, ${NAME} and ${NAME:-default} come from the environment, $$ is a single $,
 * and {name} is a variable of a foreach around it; other braces stay as they are. `foreach` stands in a node or in an
 * entry of a list; several variables give every combination, the first one outermost. Its values are a list of texts
 * and ranges (01..20 keeps its width) or one of them.
 */
#ifndef POTLINE_GRAPH_EXPAND_H
#define POTLINE_GRAPH_EXPAND_H

#include "yaml.h"

enum {
    PL_FOREACH_MAX = 100000, /* copies of one template */
    PL_VARIABLE_MAX = 32,    /* characters of a variable's name */
};

struct pl_variable { /* of a foreach */
    const char *name;
    const char *value;
    bool *used;
    const struct pl_variable *outer;
};

struct pl_expansion {
    struct pl_yaml_context *yaml;
    bool checking; /* an environment variable that is not set warns, and its text stands for any value */
    bool *lost;    /* set when a template could not be written out: what it would have made is missing */
};

/* Expands a tree in place. */
void pl__expand(const struct pl_expansion *expansion, struct pl_yaml *tree);

/* Replaces variables in one scalar (substitute.c), and in the key of a value. */
void pl__substitute(const struct pl_expansion *expansion, struct pl_yaml *scalar, const struct pl_variable *scope);
void pl__substitute_key(const struct pl_expansion *expansion, struct pl_yaml *value, const struct pl_variable *scope);

#endif
