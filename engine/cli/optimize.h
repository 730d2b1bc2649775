/* optimize.h: parts of `potline optimize` (optimize.c): one operator on its own, a state in, an event out. */
#ifndef PL__CLI_OPTIMIZE_H
#define PL__CLI_OPTIMIZE_H

#include <jansson.h>
#include <potline/harness.h>

#include "cli.h"

enum { OPTIMIZE_OPTIONS_MAX = 8192 };

struct optimize {
    const struct pl_cli *cli;
    const char *asset, *every; /* every: of its option; NULL: each state */
    json_t *file;              /* --state */
    void *body;
    size_t size;
    pl_time time;
    char options[OPTIMIZE_OPTIONS_MAX];
    double milliseconds; /* of the run */
};

/* optimize.c */
bool pl__optimize_read(struct optimize *o, const json_t *state, const char *path); /* into `body` */
bool pl__optimize_options(struct optimize *o, const char *more, const char *limit);
struct pl_harness *pl__optimize_open(struct optimize *o); /* NULL after saying why */
void pl__optimize_push(struct pl_harness *h, const struct optimize *o, const char *kind);
/* The body of the first event of that kind that has come, or NULL after saying what was held, and why. */
json_t *pl__optimize_pull(struct pl_harness *h, const char *kind);
/* The body of the run that it tells, or NULL after saying why there is none. */
json_t *pl__optimize_run(struct optimize *o, const char *kind, const char *told);
double pl__optimize_number(const json_t *body, const char *where, const char *name);
const char *pl__optimize_text(const json_t *body, const char *name);

/* optimize_tell.c */
void pl__optimize_table(struct optimize *o, const json_t *body);
void pl__optimize_line_table(struct optimize *o, const json_t *body);
/* optimize_line.c: all pots of a line in a file. The body of its run with one more limit ("": none), or NULL after
 * saying why there is none. */
json_t *pl__optimize_line_run(struct optimize *o, const char *limit);
int pl__optimize_line(struct optimize *o);
/* optimize_pareto.c: the least energy against throughput, of a pot or a line. */
int pl__optimize_pareto(struct optimize *o);
/* optimize_export.c: the problem for another solver: points on standard input, what is there on standard output. */
int pl__optimize_export(struct optimize *o);

#endif
