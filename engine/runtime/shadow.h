/* shadow.h: what another graph would make of the rows that are worked off just now, beside the graph that runs, and
 * what is different then.
 *
 *     live    source --> log ---> clean -----------> win ----> sink
 *                             \-> clean' (shadow) --> win' (shadow)      sinks get nothing, but rows that would go
 *                                                                        there are compared
 *
 * Of the other graph those nodes run that a change to it would make anew, and all behind them, but for sinks. They
 * begin at an epoch, with what the live ones know there, and take the same rows from then on. What comes of their ports
 * is held against what comes of the same ports of the live graph, epoch by epoch (shadow_port.h). Nothing else comes of
 * them: neither letters nor notes nor state are kept, and nobody is told of an alarm.
 *
 * All of it is on one thread of its own, which is nicer than the others. The live graph stands still for a moment at
 * the epoch that the shadow begins with, as for a change, and between two rounds when it ends; else it never waits for
 * it: once something finds no room on the way there, the shadow is void, and ends. What is kept of it then is the
 * report.
 *
 * Threads: begin, end, free: one, that of the mover. The rest any.
 */
#ifndef POTLINE_SHADOW_H
#define POTLINE_SHADOW_H

#include "runtime/change.h"
#include "runtime/shadow_port.h"

enum { PL_SHADOW_WHY = 300 };

struct pl_shadow_options {
    const struct pl_graph *graph;      /* held */
    const struct pl_change_plan *plan; /* of going there; borrowed for the call */
    pl_time span;                      /* it ends by itself then */
    unsigned examples;                 /* of differing rows, of each port */
};

struct pl_shadow;

/* *pause: for so long the live graph has stood still. */
enum pl_code pl_shadow_begin(struct pl_engine *engine, const struct pl_shadow_options *options,
                             struct pl_shadow **shadow, pl_time *pause, struct pl_error **error);
/* Its time is up, or it is void. */
bool pl_shadow_is_over(struct pl_shadow *shadow);
/* Before the engine ends, or is changed. The report stays. Again: nothing. */
void pl_shadow_end(struct pl_shadow *shadow);
void pl_shadow_free(struct pl_shadow *shadow); /* ended; NULL is fine */

struct pl_shadow_status {
    bool runs;
    char why[PL_SHADOW_WHY]; /* not "": it is void, and why */
    uint64_t begun, settled; /* epochs that it began behind, and until which rows are compared */
    pl_time left;            /* until it ends by itself */
    unsigned nodes;          /* that run beside the live ones */
    unsigned ports;
};
void pl_shadow_status(struct pl_shadow *shadow, struct pl_shadow_status *status);

struct pl_shadow_line {
    const char *node, *port; /* borrowed from the graph, so until the shadow is freed */
    bool alone;              /* the live graph has no such port */
    struct pl_moment_counts rows;
    uint32_t waiting; /* rows of which it is not known yet */
    unsigned examples;
};
void pl_shadow_line(struct pl_shadow *shadow, unsigned port, struct pl_shadow_line *line);
void pl_shadow_example(struct pl_shadow *shadow, unsigned port, unsigned index, struct pl_shadow_example *example);

#endif
