/* line_run.h: one run of the optimiser for a whole line as bytes: all that its answer follows from, and what came of
 * it.
 *
 *     struct line_run *l = line_run_new(20);
 *     struct run *pot = line_run_add(l, "line1.pot01");           then run_read into it, its limits and the rest
 *     line_run_solve(l, &error);
 *     line_run_write(l, pack, 900 << 10);
 *
 * Bytes come from outside: what is no run of a line is refused with why.
 */
#ifndef OPTIMIZE_LINE_RUN_H
#define OPTIMIZE_LINE_RUN_H

#include "line.h"
#include "run.h"

struct line_run {
    struct line_setup setup;
    struct line_input input;
    struct line_result result;
    struct run *pot;
    unsigned room;
    int64_t version;   /* of the constraints */
    uint64_t left_out; /* pots that were not recorded: too much for an event */
};

struct line_run *line_run_new(unsigned room);                     /* NULL: no memory */
void line_run_free(struct line_run *run);                         /* NULL is fine */
struct run *line_run_add(struct line_run *run, const char *name); /* NULL: no room */
/* PL_CORRUPT, or PL_LIMIT where its pots were left out, with why. `*run` is made. */
enum pl_code line_run_read(struct line_run **run, const void *bytes, size_t size, struct pl_error **error);
enum pl_code line_run_solve(struct line_run *run, struct pl_error **error);
/* Into an empty pack; without its pots, and saying so, where it would be more than `most` bytes. */
void line_run_write(const struct line_run *run, struct pl_pack *pack, size_t most);

#endif
