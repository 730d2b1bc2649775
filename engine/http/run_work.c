/* run_work.c: a run of a model, on a worker. */
#include "http/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

enum { POINTS = 200000 /* of all profiles of a run: 3 MiB */ };

void pl__run_free(struct pl__run *run) {
    if (!run) return;
    pl_what_if_free(run->fork);
    json_decref(run->set);
    pl_free(run->time);
    pl_free(run->output);
    pl_free(run->baseline);
    pl_free(run->position);
    pl_free(run->value);
    pl_free(run->profile);
    pl_free(run);
}

static bool take_memory(struct pl__run *run) {
    while (run->model->outputs[run->outputs].name && run->outputs < PL_MODEL_OUTPUTS_MAX)
        run->outputs++;
    while (run->model->profiles[run->quantities].name)
        run->quantities++;
    size_t outputs = (size_t)(PL__RUN_TIMES + 1) * (run->outputs + 1) * sizeof *run->output;
    run->time = pl_alloc((PL__RUN_TIMES + 1) * sizeof *run->time);
    run->output = pl_alloc(outputs);
    if (run->fork) run->baseline = pl_alloc(outputs);
    run->position = pl_alloc(POINTS * sizeof *run->position);
    run->value = pl_alloc(POINTS * sizeof *run->value);
    run->profile = pl_alloc((size_t)(PL__RUN_TIMES + 1) * (run->quantities + 1) * sizeof *run->profile);
    return run->time && run->output && run->position && run->value && run->profile && (!run->fork || run->baseline);
}

static void record_profiles(struct pl__run *run, void *self, double time) {
    for (unsigned k = 0; k < run->quantities; k++) {
        if (run->points + PL_MODEL_PROFILE_MAX > POINTS) {
            run->cut = true;
            return;
        }
        unsigned count = run->model->profile(self, k, run->position + run->points, run->value + run->points);
        run->profile[run->profiles++] =
            (struct pl__run_profile){.quantity = k, .count = count, .time = time, .first = run->points};
        run->points += count;
    }
}

static void record(struct pl__run *run, struct pl_stepper *stepper, double time) {
    if (run->times > PL__RUN_TIMES) return;
    run->time[run->times] = time;
    run->model->read(stepper->self, run->output + (size_t)run->times * run->outputs);
    run->times++;
    record_profiles(run, stepper->self, time);
}

static void record_baseline(struct pl__run *run, struct pl_stepper *stepper, double time) {
    (void)time; /* as that of the changed branch */
    if (run->baseline_times > PL__RUN_TIMES) return;
    run->model->read(stepper->self, run->baseline + (size_t)run->baseline_times * run->outputs);
    run->baseline_times++;
}

static enum pl_code begin(struct pl__run *run, bool change, struct pl_stepper *stepper, struct pl_error **error) {
    enum pl_code code = run->fork ? pl_what_if_begin(run->fork, change, stepper, error)
                                  : pl_stepper_open(stepper, run->model, run->values, error);
    stepper->budget = PL_STEPPER_BUDGET;
    stepper->deadline = PL_STEPPER_DEADLINE;
    return code;
}

/* From where it begins to where it ends, or as far as the physics go. */
static enum pl_code go(struct pl__run *run, bool change,
                       void (*keep)(struct pl__run *run, struct pl_stepper *stepper, double time),
                       struct pl_error **error) {
    struct pl_stepper stepper = {0};
    enum pl_code code = begin(run, change, &stepper, error);
    double from = stepper.t;
    if (!code) keep(run, &stepper, 0);
    for (unsigned i = 1; !code && (i - 1) * run->every < run->until * (1 - 1e-12); i++) {
        if (atomic_load(&run->unwanted) || atomic_load(run->ending)) {
            code = pl_error_set(error, PL_UNAVAILABLE, "it was ended");
            break;
        }
        double time = fmin(i * run->every, run->until);
        code = pl_stepper_advance(&stepper, from + time, error);
        if (!code) keep(run, &stepper, time);
    }
    memcpy(run->steps, stepper.steps, sizeof run->steps);
    if (!code && stepper.rung == PL_STEPPER_HELD)
        code = pl_error_set(error, PL_LIMIT, "no convergence: %s", stepper.why);
    pl_stepper_close(&stepper);
    return code;
}

/* Where doing nothing ends before its time, there is less to compare with. */
static enum pl_code work_off(struct pl__run *run, struct pl_error **error) {
    if (run->fork) {
        enum pl_code code = go(run, false, record_baseline, error);
        if (code == PL_UNAVAILABLE) return code;
        pl_error_free(error);
    }
    return go(run, true, record, error);
}

/* What it has not used is given back: it is kept for a while. */
static void shrink(struct pl__run *run) {
    size_t size = (run->points + 1) * sizeof *run->position;
    double *position = pl_realloc(run->position, size), *value = pl_realloc(run->value, size);
    if (position) run->position = position;
    if (value) run->value = value;
}

void pl__run_work(void *arg) {
    struct pl__run *run = arg;
    struct pl_error *error = NULL;
    atomic_store(&run->state, PL__RUN_RUNNING);
    run->code = take_memory(run) ? work_off(run, &error) : PL_NO_MEMORY;
    if (run->position && run->value) shrink(run);
    if (run->code) snprintf(run->why, sizeof run->why, "%s", error ? error->text : pl_code_text(run->code));
    pl_error_free(&error);
    atomic_store(&run->state, run->code ? PL__RUN_FAILED : PL__RUN_DONE);
}
