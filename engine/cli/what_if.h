/* what_if.h: the state of a cell that a twin has told last (events twin.state in zone gold), for going on from it. */
#ifndef POTLINE_CLI_WHAT_IF_H
#define POTLINE_CLI_WHAT_IF_H

#include <potline/stepper.h>

#include "cli.h"

enum { PL_WHAT_IF_STATE_MAX = 4096 };

struct pl__twin_state {
    pl_time time;
    char model[64], parameters[32], fidelity[64];
    double values[PL_MODEL_PARAMETERS_MAX]; /* what it was opened with */
    unsigned value_count;
    double state[PL_WHAT_IF_STATE_MAX]; /* begins with the values that its parameters have now */
    unsigned count;
    int64_t rung;
    double t;        /* s of the model */
    double fluoride; /* kg/s, as it is fed in the mean */
};

/* The newest of the asset at `at` or before (PL_TIME_MAX: of all), of the node that has written it (NULL: of any). An
 * exit code, after saying what is wrong. */
int pl__twin_state_find(const struct pl_cli *cli, const char *asset, const char *node, pl_time at,
                        struct pl__twin_state *state);

/* The body of the newest event of a kind of the asset, likewise; *body is the caller's (pl_free). */
int pl__twin_event_find(const struct pl_cli *cli, const char *asset, const char *kind, const char *node, pl_time at,
                        void **body, size_t *size, pl_time *time);

#endif
