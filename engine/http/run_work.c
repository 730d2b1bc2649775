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

/* At the times of the changed branch. */
static void record_baseline(struct pl__run *run, const struct pl_what_if_branch *nothing) {
    if (run->baseline_times > PL__RUN_TIMES) return;
    memcpy(run->baseline + (size_t)run->baseline_times * run->outputs, nothing->now,
           run->outputs * sizeof *run->baseline);
    run->baseline_times++;
}

static bool unwanted(const struct pl__run *run, struct pl_error **error) {
    bool is = atomic_load(&run->unwanted) || atomic_load(run->ending);
    if (is) pl_error_set(error, PL_UNAVAILABLE, "it was ended");
    return is;
}

/* The time of a record, until 0 comes again. */
static double time_of(const struct pl__run *run, unsigned i) {
    return (i - 1) * run->every < run->until * (1 - 1e-12) ? fmin(i * run->every, run->until) : 0;
}

static enum pl_code conclude(struct pl__run *run, const struct pl_stepper *stepper, enum pl_code code,
                             struct pl_error **error) {
    memcpy(run->steps, stepper->steps, sizeof run->steps);
    if (!code && stepper->rung == PL_STEPPER_HELD)
        code = pl_error_set(error, PL_LIMIT, "no convergence: %s", stepper->why);
    return code;
}

/* From where it begins to where it ends, or as far as the physics go. */
static enum pl_code go(struct pl__run *run, struct pl_error **error) {
    struct pl_stepper stepper = {0};
    enum pl_code code = pl_stepper_open(&stepper, run->model, run->values, error);
    stepper.deadline = PL_STEPPER_DEADLINE;
    if (!code) record(run, &stepper, 0);
    double time;
    for (unsigned i = 1; !code && (time = time_of(run, i)) > 0; i++) {
        code = unwanted(run, error) ? PL_UNAVAILABLE : pl_stepper_advance(&stepper, time, error);
        if (!code) record(run, &stepper, time);
    }
    code = conclude(run, &stepper, code, error);
    pl_stepper_close(&stepper);
    return code;
}

/* Both branches from where the twin is: until the changed one ends. Where doing nothing ends before, there is less to
 * compare with. */
static enum pl_code go_ahead(struct pl__run *run, struct pl_error **error) {
    struct pl_what_if *w = run->fork;
    struct pl_what_if_branch *nothing = &w->nothing, *changed = &w->changed;
    enum pl_code code = pl_what_if_begin(w, error);
    nothing->stepper.deadline = changed->stepper.deadline = PL_STEPPER_DEADLINE;
    double time = 0;
    for (unsigned i = 1; !code; i++) {
        if (!nothing->over) record_baseline(run, nothing);
        record(run, &changed->stepper, time);
        if ((time = time_of(run, i)) == 0) break;
        if (unwanted(run, error)) {
            code = PL_UNAVAILABLE;
            break;
        }
        pl_what_if_advance(w, time);
        if (!changed->over) continue;
        code = changed->error ? changed->error->code : PL_NO_MEMORY;
        if (error) *error = changed->error;
        changed->error = NULL;
    }
    code = conclude(run, &changed->stepper, code, error);
    pl_what_if_end(w);
    return code;
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
    run->code = !take_memory(run) ? PL_NO_MEMORY : run->fork ? go_ahead(run, &error) : go(run, &error);
    if (run->position && run->value) shrink(run);
    if (run->code) snprintf(run->why, sizeof run->why, "%s", error ? error->text : pl_code_text(run->code));
    pl_error_free(&error);
    atomic_store(&run->state, run->code ? PL__RUN_FAILED : PL__RUN_DONE);
}
