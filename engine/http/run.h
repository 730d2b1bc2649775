/* run.h: one run of a stored model: how it is carried out, and what it leaves (inside of engine/http: runs.c,
 * run_work.c).
 *
 * It begins as its model does, or where a twin stands (`fork`): then both are kept, doing nothing (`baseline`) and with
 * the changes. Constraints of an optimiser that the changes leave are told, and forbid nothing.
 */
#ifndef POTLINE_HTTP_RUN_H
#define POTLINE_HTTP_RUN_H

#include <stdatomic.h>

#include <potline/stepper.h>

#include "graph/what_if_limits.h"
#include "http/rest_impl.h"

enum { PL__RUN_TIMES = 500, PL__RUN_WHY = 256, PL__RUN_ID = 64 };

enum pl__run_state { PL__RUN_QUEUED, PL__RUN_RUNNING, PL__RUN_DONE, PL__RUN_FAILED };

struct pl__run_profile { /* of one quantity at one time */
    unsigned quantity, count;
    double time;
    size_t first; /* in the run's points */
};

/* What it is made of is set by the server's thread before the work, and what comes of it by the worker; whoever reads
 * that has seen `state` at PL__RUN_DONE or PL__RUN_FAILED. */
struct pl__run {
    const _Atomic bool *ending; /* of all runs */
    char id[PL__RUN_ID], model_id[PL_REST_SEGMENT];
    const struct pl_model *model;
    double values[PL_MODEL_PARAMETERS_MAX];
    struct pl_what_if *fork;     /* NULL: it begins with `values` */
    char asset[PL_REST_SEGMENT]; /* of the fork, and as of when */
    char since[PL__RUN_ID];
    json_t *set;
    struct pl_what_if_limits limits; /* that hold for the asset */
    char note[PL_WHAT_IF_NOTES_MAX]; /* what is to be known of the twin's state; "": nothing */
    char unknown[PL__RUN_WHY];       /* why not all of them are known; "": they are */
    double until, every;
    pl_time asked;
    char user[PL_USER_NAME_MAX + 1];
    _Atomic int state;
    _Atomic bool unwanted;
    bool listed; /* not removed */
    unsigned outputs, times, baseline_times;
    double *time, *output, *baseline; /* outputs x (PL__RUN_TIMES + 1) */
    double *position, *value;
    size_t points;
    struct pl__run_profile *profile;
    unsigned profiles, quantities;
    bool cut; /* not all profiles are kept */
    char why[PL__RUN_WHY];
    enum pl_code code;
    uint64_t steps[PL_STEPPER_RUNGS];
};

void pl__run_work(void *run); /* on a worker */
void pl__run_free(struct pl__run *run);

#endif
