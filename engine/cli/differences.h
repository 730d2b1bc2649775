/* differences.h: what a replay changes in silver and gold, node by node: told, and kept as the times it is about. */
#ifndef POTLINE_CLI_DIFFERENCES_H
#define POTLINE_CLI_DIFFERENCES_H

#include <stdio.h>

#include "compare.h"
#include "store/version.h"

struct pl__differences {
    struct pl_store *live, *fresh;
    struct pl_tags *tags;
    pl_time from, to; /* from <= time < to */
    uint64_t epoch;   /* live rows of later ones are left out */
    uint64_t rows;    /* differing ones that are shown of each node */
    bool json;        /* as a JSON object a line */
    bool quiet;       /* nothing is shown */

    struct pl__compare_node *nodes; /* what came of it; pl__differences_fini */
    unsigned node_count;
    struct pl_version_span *spans; /* the times at which something differs; by zone, then by time */
    unsigned span_count, span_room;
    uint64_t shown;
    bool no_memory;
};

/* Compares what the version's nodes that count have in both folders; shows it on `out`. */
enum pl_code pl__differences_find(struct pl__differences *differences, const struct pl_version *version, FILE *out,
                                  struct pl_error **error);
bool pl__differences_any(const struct pl__differences *differences);
void pl__differences_fini(struct pl__differences *differences);

#endif
