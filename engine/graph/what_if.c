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
    if (strcmp(key, "risk") == 0) return pl_unpack_f64(u, &s->risk);
    if (strcmp(key, "minutes") == 0) return pl_unpack_f64(u, &s->minutes);
    if (strcmp(key, "feed_share") == 0) return pl_unpack_f64(u, &s->share);
    if (strcmp(key, "alumina_sd") == 0) return pl_unpack_f64(u, &s->deviation);
    if (strcmp(key, "values") == 0) return read_numbers(u, s->values, PL_MODEL_PARAMETERS_MAX, &s->value_count);
    if (strcmp(key, "state") == 0) return read_numbers(u, s->state, PL_WHAT_IF_STATE_MAX, &s->count);
    return pl_unpack_skip(u);
}

bool pl_what_if_read(struct pl_unpack *u, struct pl_what_if_state *state) {
    uint32_t pairs;
    if (!pl_unpack_map(u, &pairs)) return false;
    state->since_start = INFINITY; /* of what was recorded: it is of no engine */
    state->risk = state->minutes = state->share = state->deviation = (double)NAN; /* older versions told none */
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

/* The way ahead is taken with feeders that keep up, so what the twin fears of the real ones has to be said. */
bool pl_what_if_foreseen(const struct pl_what_if_state *s, char *note, size_t size) {
    const double FEARED = 0.2, SCANT = 0.8, FAR = 720; /* probability; share of the feed; min */
    char what[80] = "", share[64] = "";
    bool feared = s->risk >= FEARED, scant = s->share < SCANT;
    *note = 0;
    if (!feared && !scant) return false;
    if (feared && s->minutes <= 0)
        snprintf(what, sizeof what, "the twin sees an anode effect now");
    else if (feared && s->minutes < FAR)
        snprintf(what, sizeof what, "the twin foresees an anode effect in %.1f min (probability %.2f)", s->minutes,
                 s->risk);
    else if (feared)
        snprintf(what, sizeof what, "the twin fears an anode effect (probability %.2f)", s->risk);
    if (scant) snprintf(share, sizeof share, "of the counted feed %.0f %% arrives", fmax(s->share, 0) * 100);
    snprintf(note, size, "%s%s%s; this look ahead takes it that all that is used arrives", what,
             *what && *share ? ": " : "", share);
    return true;
}

bool pl_what_if_note(const struct pl_what_if_state *state, char *note, size_t size) {
    char unsettled[PL_WHAT_IF_UNSETTLED_MAX], foreseen[PL_WHAT_IF_FORESEEN_MAX];
    bool both = pl_what_if_unsettled(state, unsettled, sizeof unsettled);
    both = pl_what_if_foreseen(state, foreseen, sizeof foreseen) && both;
    snprintf(note, size, "%s%s%s", unsettled, both ? "; " : "", foreseen);
    return *note != 0;
}

bool pl_what_if_outside(const struct pl_what_if_branch *b, char *note, size_t size) {
    const struct pl_what_if_outside *o = &b->outside;
    char until[32] = "on";
    *note = 0;
    if (o->from < 0) return false;
    if (o->to < b->reached) snprintf(until, sizeof until, "to %.2f h", o->to / 3600);
    snprintf(note, size,
             "outside of what the model is meant for from %.2f h %s: %s %.4g%s%s (%g to %g); values are uncertain",
             o->from / 3600, until, o->of.name, o->value, *o->of.unit ? " " : "", o->of.unit, o->of.low, o->of.high);
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
    pl_what_if_end(w);
    pl_error_free(&w->nothing.error);
    pl_error_free(&w->changed.error);
    pl_free(w->time);
    pl_free(w);
}

/* ---- What is told ---- */

struct pl_model_told pl_what_if_told(const struct pl_what_if *w, unsigned output) {
    const struct pl_model_quantity *of = &w->model->outputs[output];
    for (const struct pl_model_told *told = w->model->told; told && told->name; told++)
        if (strcmp(told->output, of->name) == 0) return *told;
    return (struct pl_model_told){.name = of->name, .output = of->name, .unit = of->unit, .scale = 1};
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
