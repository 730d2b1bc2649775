/* summary.h: what a run has done, in a few figures. */
#ifndef POTLINE_CLI_SUMMARY_H
#define POTLINE_CLI_SUMMARY_H

#include <stdio.h>

#include "runtime/engine.h"

struct pl_summary {
    uint64_t lines; /* first parts of asset paths that had samples */
    uint64_t assets;
    uint64_t tags;
    uint64_t rows_in; /* that sources gave */
    uint64_t rows_flagged;
    uint64_t rows_malformed; /* that sources could not read */
    uint64_t rows_refused;   /* that a node had no room for */
    uint64_t rows_late;      /* behind their source's watermark on arrival */
    uint64_t windows;
    uint64_t alarms;
    double lag_p50_ms, lag_p99_ms; /* from taking a row in to handing it to a sink */
    double seconds;
    double rows_per_second;
    double cpu_seconds;
    double peak_rss_mib;
};

/* What nodes had counted that left with a change of the graph, and engines that were made anew. What was worked off
 * once more behind the fall of an engine counts once more. */
struct pl_summary_past {
    uint64_t rows_in, rows_late, rows_flagged, rows_malformed, rows_refused, windows;
    uint64_t raised, lists, listed; /* by rules and thresholds; lists of alarms, and what became active in them */
    uint64_t lines, assets, tags;   /* of the engine with the most */
    struct pl_histogram lag;
};
void pl_summary_add_task(struct pl_summary_past *past, const struct pl_task *task);
void pl_summary_add_engine(struct pl_summary_past *past, const struct pl_engine *engine);

/* Once the engine has ended, which is added to `past`. */
void pl_summary_make(struct pl_summary *summary, struct pl_summary_past *past, const struct pl_engine *engine,
                     double seconds);
void pl_summary_print(const struct pl_summary *summary, FILE *out);
void pl_summary_print_json(const struct pl_summary *summary, FILE *out);

/* A line a node: rows in and out, time in the operator, lag; and below it what the operator counted. */
void pl_summary_print_nodes(const struct pl_engine *engine, FILE *out);

#endif
