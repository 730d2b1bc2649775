/* what_if.h: the state of a cell that a twin has told last (events twin.state in zone gold), for going on from it. */
#ifndef POTLINE_CLI_WHAT_IF_H
#define POTLINE_CLI_WHAT_IF_H

#include "cli.h"
#include "graph/what_if_limits.h"

/* The constraints that the asset's optimiser has kept in its newest run. */
struct pl__twin_limits {
    struct pl_what_if_limits of;
    pl_time at; /* of that run; PL_TIME_MIN: there is none */
    bool known; /* the run tells them: older versions did not */
};

/* The newest of the asset at `at` or before (PL_TIME_MAX: of all), of the node that has written it (NULL: of any). An
 * exit code, after saying what is wrong. And the constraints of the optimiser until then. */
int pl__twin_state_find(const struct pl_cli *cli, const char *asset, const char *node, pl_time at,
                        struct pl_what_if_state *state, struct pl__twin_limits *limits);

/* The body of the newest event of a kind of the asset, likewise; *body is the caller's (pl_free). */
int pl__twin_event_find(const struct pl_cli *cli, const char *asset, const char *kind, const char *node, pl_time at,
                        void **body, size_t *size, pl_time *time);

#endif
