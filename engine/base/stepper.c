#include <potline/stepper.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/clock.h"

enum { PATIENCE = 16, SHORT = 16 };
static const double LOOSER = 100, COARSER = 4;

const char *pl_stepper_rung_name(enum pl_stepper_rung rung) {
    static const char *const names[PL_STEPPER_RUNGS] = {"as asked", "short steps", "looser tolerance", "coarser grid",
                                                        "held"};
    return (unsigned)rung < PL_STEPPER_RUNGS ? names[rung] : "?";
}

/* ---- Instances ---- */

/* What an instance for a rung is opened with. */
static void values_for(const struct pl_stepper *s, enum pl_stepper_rung rung, double *values) {
    const struct pl_model_parameter *rows = s->model->parameters;
    for (unsigned i = 0; rows[i].name; i++) {
        values[i] = s->values[i];
        if (rung >= PL_STEPPER_LOOSE && rows[i].flags & PL_MODEL_LOOSE)
            values[i] = fmax(values[i], fmin(values[i] * LOOSER, rows[i].high));
        if (rung >= PL_STEPPER_COARSE && rows[i].flags & PL_MODEL_GRID)
            values[i] = fmin(values[i], fmax(ceil(values[i] / COARSER), rows[i].low));
    }
}

/* Another instance that goes on where the one at hand is; that one stays where this fails. */
static enum pl_code change_to(struct pl_stepper *s, enum pl_stepper_rung rung, struct pl_error **error) {
    if (!s->model->save || !s->model->load)
        return pl_error_set(error, PL_LIMIT, "%s has no state that another grid could go on from", s->model->name);
    size_t count = s->model->save(s->self, NULL);
    double *state = pl_alloc(count * sizeof *state), values[PL_MODEL_PARAMETERS_MAX];
    if (!state) return pl_error_set(error, PL_NO_MEMORY, "no memory for a state of %zu numbers", count);
    s->model->save(s->self, state);
    values_for(s, rung, values);
    void *other = NULL;
    enum pl_code code = s->model->open(&other, values, error);
    if (!code) code = s->model->load(other, state, count, error);
    pl_free(state);
    if (code) {
        s->model->close(other);
        return code;
    }
    if (s->model->effort) s->spent += s->model->effort(s->self);
    s->model->close(s->self);
    s->self = other;
    s->made = rung;
    return PL_OK;
}

enum pl_code pl_stepper_open(struct pl_stepper *s, const struct pl_model *model, const double *values,
                             struct pl_error **error) {
    *s = (struct pl_stepper){.model = model, .budget = PL_STEPPER_BUDGET};
    for (unsigned i = 0; model->parameters[i].name; i++)
        s->values[i] = values[i];
    return model->open(&s->self, values, error);
}

enum pl_code pl_stepper_resume(struct pl_stepper *s, enum pl_stepper_rung made, unsigned held_for, double t,
                               const double *state, size_t count, struct pl_error **error) {
    if (!s->model->load || made > PL_STEPPER_COARSE)
        return pl_error_set(error, PL_CORRUPT, "%s cannot go on from a state on rung %u", s->model->name, made);
    if (made != s->made) {
        double values[PL_MODEL_PARAMETERS_MAX];
        values_for(s, made, values);
        s->model->close(s->self);
        s->self = NULL;
        enum pl_code code = s->model->open(&s->self, values, error);
        if (code) return code;
    }
    s->made = s->rung = made;
    s->held_for = held_for;
    s->t = t;
    return s->model->load(s->self, state, count, error);
}

void pl_stepper_close(struct pl_stepper *s) {
    if (s->self) s->model->close(s->self);
    s->self = NULL;
}

long pl_stepper_effort(const struct pl_stepper *s) {
    return s->spent + (s->model->effort && s->self ? s->model->effort(s->self) : 0);
}

enum pl_code pl_stepper_set(struct pl_stepper *s, unsigned parameter, double value, struct pl_error **error) {
    return s->model->set(s->self, parameter, value, error);
}

/* ---- Steps ---- */

static double seconds_left(const struct pl_stepper *s, pl_time begun) {
    return s->deadline - (double)(pl_clock_worked() - begun) * 1e-9;
}

static enum pl_code attempt(struct pl_stepper *s, double until, pl_time begun, struct pl_error **error) {
    struct pl_model_allowance allowance = {.evaluations = s->budget, .origin = s->origin};
    if (s->deadline > 0) {
        allowance.seconds = seconds_left(s, begun);
        if (allowance.seconds <= 0)
            return pl_error_set(error, PL_LIMIT, "%g s of this thread's clock are used up", s->deadline);
    }
    if (s->made == PL_STEPPER_SHORT) allowance.longest = (until - s->t) / SHORT;
    if (s->model->allow) s->model->allow(s->self, &allowance);
    return s->model->advance(s->self, until, error);
}

static void keep_reason(struct pl_stepper *s, struct pl_error **error) {
    snprintf(s->why, sizeof s->why, "%s", *error ? (*error)->text : "out of memory");
    pl_error_free(error);
}

/* What failed can only be read: whatever follows goes on in another instance. False: nothing is left to try now. */
static bool go_down(struct pl_stepper *s, pl_time begun, struct pl_error **failure) {
    enum pl_stepper_rung at = s->made;
    bool late = s->deadline > 0 && seconds_left(s, begun) <= 0;
    s->failures[at]++;
    s->overdue += late;
    s->held_for = 0;
    keep_reason(s, failure);
    s->dead = change_to(s, at < PL_STEPPER_COARSE ? at + 1 : at, failure) != PL_OK;
    if (s->dead) keep_reason(s, failure);
    return !s->dead && !late && at < PL_STEPPER_COARSE;
}

/* A rung that has held for long: the one above may try again. Where it cannot be made, the one below goes on. */
static void go_up(struct pl_stepper *s) {
    if (s->made == PL_STEPPER_ASKED || s->held_for < PATIENCE) return;
    s->held_for = 0;
    change_to(s, s->made - 1, NULL);
}

static enum pl_code ended_on(struct pl_stepper *s, enum pl_stepper_rung rung) {
    s->rung = rung;
    s->steps[rung]++;
    return PL_OK;
}

enum pl_code pl_stepper_advance(struct pl_stepper *s, double until, struct pl_error **error) {
    pl_time begun = s->deadline > 0 ? pl_clock_worked() : 0;
    struct pl_error *failure = NULL;
    s->why[0] = 0;
    if (s->dead)
        s->dead = change_to(s, s->made, NULL) != PL_OK;
    else
        go_up(s);
    while (!s->dead) {
        enum pl_code code = attempt(s, until, begun, &failure);
        if (!code) {
            s->held_for++;
            s->t = until;
            return ended_on(s, s->made);
        }
        if (code != PL_LIMIT) {
            if (error)
                *error = failure;
            else
                pl_error_free(&failure);
            return code;
        }
        if (!go_down(s, begun, &failure)) break;
    }
    return ended_on(s, PL_STEPPER_HELD);
}
