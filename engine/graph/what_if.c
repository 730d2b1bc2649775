#include "what_if.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "models.h"

/* ---- A state as it is told ---- */

static bool read_text(struct pl_unpack *u, char out[PL_WHAT_IF_NAME_MAX]) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(u, &text, &length) || length >= PL_WHAT_IF_NAME_MAX) return false;
    memcpy(out, text, length);
    out[length] = 0;
    return true;
}

static bool read_numbers(struct pl_unpack *u, double *out, unsigned most, unsigned *count) {
    uint32_t all;
    if (!pl_unpack_array(u, &all) || all > most) return false;
    for (uint32_t i = 0; i < all; i++)
        if (!pl_unpack_f64(u, &out[i]) || !isfinite(out[i])) return false;
    *count = all;
    return true;
}

static bool read_pair(struct pl_unpack *u, struct pl_what_if_state *s) {
    char key[PL_WHAT_IF_NAME_MAX];
    if (!read_text(u, key)) return false;
    if (strcmp(key, "time") == 0) return read_text(u, s->told);
    if (strcmp(key, "model") == 0) return read_text(u, s->model);
    if (strcmp(key, "parameters") == 0) return read_text(u, s->parameters);
    if (strcmp(key, "fidelity") == 0) return read_text(u, s->fidelity);
    if (strcmp(key, "rung") == 0) return pl_unpack_int(u, &s->rung);
    if (strcmp(key, "t") == 0) return pl_unpack_f64(u, &s->t);
    if (strcmp(key, "followed") == 0) return s->known = pl_unpack_f64(u, &s->followed);
    if (strcmp(key, "since_start") == 0) return pl_unpack_f64(u, &s->since_start);
    if (strcmp(key, "fluoride") == 0) return pl_unpack_f64(u, &s->fluoride);
    if (strcmp(key, "values") == 0) return read_numbers(u, s->values, PL_MODEL_PARAMETERS_MAX, &s->value_count);
    if (strcmp(key, "state") == 0) return read_numbers(u, s->state, PL_WHAT_IF_STATE_MAX, &s->count);
    return pl_unpack_skip(u);
}

bool pl_what_if_read(struct pl_unpack *u, struct pl_what_if_state *state) {
    uint32_t pairs;
    if (!pl_unpack_map(u, &pairs)) return false;
    state->since_start = INFINITY; /* of what was recorded: it is of no engine */
    while (pairs--)
        if (!read_pair(u, state)) return false;
    return state->model[0] && state->count && state->value_count && isfinite(state->t) && isfinite(state->fluoride);
}

bool pl_what_if_unsettled(const struct pl_what_if_state *s, char *note, size_t size) {
    const double SETTLED = 3600, AGAIN = 300;
    *note = 0;
    if (!s->known || (s->followed >= SETTLED && s->since_start >= AGAIN)) return false;
    if (s->followed < SETTLED)
        snprintf(note, size,
                 "the twin has followed this cell for %.0f s and is not settled before an hour: its alumina "
                 "and distance may still be off",
                 s->followed);
    else
        snprintf(note, size,
                 "the twin goes on since %.0f s, from a state of before the engine was started: what was "
                 "done to the cell in between may be missing",
                 s->since_start);
    return true;
}

/* ---- Life cycle ---- */

struct pl_what_if *pl_what_if_new(const struct pl_what_if_state *state, struct pl_error **error) {
    const struct pl_model *model = pl_models_find(state->model);
    if (!model || state->value_count != pl_model_parameters(model->parameters) || state->count <= state->value_count ||
        state->rung < 0 || state->rung >= PL_STEPPER_HELD) {
        pl_error_set(error, PL_NOT_FOUND, "the state is of a %s that this version does not have", state->model);
        return NULL;
    }
    struct pl_what_if *w = PL_NEW(struct pl_what_if);
    if (!w) {
        pl_error_set(error, PL_NO_MEMORY, "no memory to look ahead");
        return NULL;
    }
    w->state = *state;
    w->model = model;
    while (w->outputs < PL_MODEL_OUTPUTS_MAX && model->outputs[w->outputs].name)
        w->outputs++;
    return w;
}

void pl_what_if_free(struct pl_what_if *w) {
    if (!w) return;
    pl_error_free(&w->nothing.error);
    pl_error_free(&w->changed.error);
    pl_free(w->time);
    pl_free(w);
}

/* ---- What is told ---- */

static int output_named(const struct pl_model *model, const char *name) {
    for (unsigned i = 0; i < PL_MODEL_OUTPUTS_MAX && model->outputs[i].name; i++)
        if (strcmp(model->outputs[i].name, name) == 0) return (int)i;
    return -1;
}

struct pl_model_told pl_what_if_told(const struct pl_what_if *w, unsigned output) {
    const struct pl_model_quantity *of = &w->model->outputs[output];
    for (const struct pl_model_told *told = w->model->told; told && told->name; told++)
        if (strcmp(told->output, of->name) == 0) return *told;
    return (struct pl_model_told){of->name, of->name, of->unit, 1};
}

enum pl_code pl_what_if_output(const struct pl_what_if *w, const char *name, unsigned *output,
                               struct pl_error **error) {
    const char *names[2 * PL_MODEL_OUTPUTS_MAX];
    for (unsigned i = 0; i < w->outputs; i++) {
        names[2 * i] = pl_what_if_told(w, i).name;
        names[2 * i + 1] = w->model->outputs[i].name;
        *output = i;
        if (strcmp(names[2 * i], name) == 0 || strcmp(names[2 * i + 1], name) == 0) return PL_OK;
    }
    const char *near = pl_text_nearest(name, names, 2 * (size_t)w->outputs);
    return pl_error_set(error, PL_USAGE, "%s has no output %s%s%s%s; potline model show %s lists them", w->model->name,
                        name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "", w->model->name);
}

size_t pl_what_if_compared(const struct pl_what_if *w) {
    size_t times = w->nothing.times < w->changed.times ? w->nothing.times : w->changed.times;
    return times ? times - 1 : 0;
}

bool pl_what_if_usual(const char *output) {
    static const char *const usual[] = {"bath_temperature", "superheat",  "alumina",     "ledge_bath",
                                        "ledge_metal",      "voltage",    "distance",    "current_efficiency",
                                        "energy",           "production", "anode_effect"};
    for (unsigned i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(usual[i], output) == 0) return true;
    return false;
}

/* ---- Where it begins ---- */

/* As far as the parameter may go; one that the model does not have is left. */
static enum pl_code set(struct pl_stepper *stepper, double *values, const char *name, double value,
                        struct pl_error **error) {
    int row = pl_model_parameter(stepper->model->parameters, name);
    if (row < 0) return PL_OK;
    const struct pl_model_parameter *p = &stepper->model->parameters[row];
    values[row] = fmin(fmax(value, p->low), p->high);
    return pl_stepper_set(stepper, (unsigned)row, values[row], error);
}

/* What goes on by itself; `values` become those that changes are by. */
static enum pl_code settle(const struct pl_what_if *w, struct pl_stepper *stepper, double *values,
                           struct pl_error **error) {
    double outputs[PL_MODEL_OUTPUTS_MAX];
    w->model->read(stepper->self, outputs);
    int used = output_named(w->model, "consumption"), made = output_named(w->model, "production");
    int distance = pl_model_parameter(w->model->parameters, "distance"), now = output_named(w->model, "distance");
    enum pl_code code = set(stepper, values, "drift", 0, error);
    if (!code) code = set(stepper, values, "fluoride_feed", w->state.fluoride, error);
    if (!code && used >= 0) code = set(stepper, values, "feed", outputs[used] / 3600, error);
    if (!code && made >= 0) code = set(stepper, values, "tapping", outputs[made] / 3600, error);
    if (distance >= 0 && now >= 0) values[distance] = outputs[now];
    return code;
}

enum pl_code pl_what_if_begin(struct pl_what_if *w, bool change, struct pl_stepper *stepper, struct pl_error **error) {
    const struct pl_what_if_state *s = &w->state;
    enum pl_code code = pl_stepper_open(stepper, w->model, s->values, error);
    if (!code) code = pl_stepper_resume(stepper, (enum pl_stepper_rung)s->rung, 0, s->t, s->state, s->count, error);
    if (code) return code;
    stepper->origin = s->t;
    double values[PL_MODEL_PARAMETERS_MAX];
    memcpy(values, s->state, s->value_count * sizeof *values);
    code = settle(w, stepper, values, error);
    for (unsigned i = 0; change && !code && i < w->changes; i++) {
        struct pl_what_if_change *c = &w->change[i];
        code = pl_what_if_come_to(w, c, values[c->parameter], error);
        if (!code) code = pl_stepper_set(stepper, c->parameter, values[c->parameter] = c->to, error);
    }
    return code;
}

/* ---- Running ahead ---- */

static void record(const struct pl_what_if *w, const struct pl_stepper *stepper, struct pl_what_if_branch *b) {
    double outputs[PL_MODEL_OUTPUTS_MAX];
    w->model->read(stepper->self, outputs);
    for (unsigned i = 0; i < w->outputs; i++)
        b->output[i][b->times] = outputs[i];
    int effect = output_named(w->model, "anode_effect");
    if (effect >= 0 && b->effect_at < 0 && outputs[effect] > 0) b->effect_at = w->time[b->times];
    b->times++;
}

static enum pl_code run_branch(struct pl_what_if *w, struct pl_what_if_branch *b, bool change,
                               const _Atomic bool *unwanted, struct pl_error **error) {
    struct pl_stepper stepper = {0};
    enum pl_code code = pl_what_if_begin(w, change, &stepper, error);
    if (!code) record(w, &stepper, b);
    for (size_t i = 1; !code && i < w->times; i++) {
        if (unwanted && atomic_load(unwanted)) code = pl_error_set(error, PL_UNAVAILABLE, "it was ended");
        if (code || pl_stepper_advance(&stepper, w->state.t + w->time[i], &b->error)) break;
        b->uncertain += pl_stepper_uncertain(&stepper);
        record(w, &stepper, b);
    }
    pl_stepper_close(&stepper);
    return code;
}

enum pl_code pl_what_if_run(struct pl_what_if *w, double seconds, size_t times, const _Atomic bool *unwanted,
                            struct pl_error **error) {
    w->times = times < 2 ? 2 : times > PL_WHAT_IF_TIMES_MAX ? PL_WHAT_IF_TIMES_MAX : times;
    w->time = pl_alloc((1 + 2 * (size_t)w->outputs) * w->times * sizeof *w->time);
    if (!w->time) return pl_error_set(error, PL_NO_MEMORY, "no memory to look ahead");
    for (size_t i = 0; i < w->times; i++)
        w->time[i] = seconds * (double)i / (double)(w->times - 1);
    for (unsigned i = 0; i < w->outputs; i++) {
        w->nothing.output[i] = w->time + (1 + 2 * i) * w->times;
        w->changed.output[i] = w->nothing.output[i] + w->times;
    }
    w->nothing.effect_at = w->changed.effect_at = -1;
    enum pl_code code = run_branch(w, &w->nothing, false, unwanted, error);
    return code ? code : run_branch(w, &w->changed, true, unwanted, error);
}
