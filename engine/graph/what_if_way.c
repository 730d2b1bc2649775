/* what_if_way.c: the two branches of a what-if on their way: what goes on by itself is kept up piece by piece. */
#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "models.h"
#include "what_if.h"

enum { LEAST_TIMES = 97 };
static const double PIECE = 300, FIRST_PIECE = 60,
                    FIRST_PIECES = 3600;              /* s: feed and tapping hold for so long; at first
                                                         for less, what lies undissolved comes then */
static const double CATCH_UP = 3600;                  /* s in which alumina is brought back to where it was */
static const double LEAST_FEED = 0.25, MOST_FEED = 2; /* of what is used: as much as feeders can */
static const double SAME = 1e-5;                      /* of it: not worth a restart of the integration */

static int output_named(const struct pl_model *model, const char *name) {
    for (unsigned i = 0; i < PL_MODEL_OUTPUTS_MAX && model->outputs[i].name; i++)
        if (strcmp(model->outputs[i].name, name) == 0) return (int)i;
    return -1;
}

/* NaN: the model does not tell it. */
static double told_of(const struct pl_model *model, const double *outputs, const char *name) {
    int i = output_named(model, name);
    return i < 0 ? (double)NAN : outputs[i];
}

/* ---- What is seen on the way ---- */

static void look_outside(const struct pl_what_if *w, struct pl_what_if_branch *b, const double *outputs, double time) {
    for (const struct pl_model_told *told = w->model->told; told && told->name; told++) {
        double value = told_of(w->model, outputs, told->output) * told->scale;
        if (!(told->low < told->high) || (value >= told->low && value <= told->high)) continue;
        if (b->outside.from < 0) b->outside = (struct pl_what_if_outside){time, time, *told, value};
        b->outside.to = time;
        return;
    }
}

static void look(const struct pl_what_if *w, struct pl_what_if_branch *b) {
    double time = b->stepper.t - w->state.t;
    w->model->read(b->stepper.self, b->now);
    double effect = told_of(w->model, b->now, "anode_effect");
    if (b->effect_at < 0 && effect > 0) b->effect_at = time;
    look_outside(w, b, b->now, time);
    b->reached = time;
}

/* ---- Where it begins ---- */

/* As far as the parameter may go; one that the model does not have is left. */
static enum pl_code set(struct pl_stepper *stepper, double *values, const char *name, double value,
                        struct pl_error **error) {
    int row = pl_model_parameter(stepper->model->parameters, name);
    if (row < 0 || isnan(value)) return PL_OK;
    const struct pl_model_parameter *p = &stepper->model->parameters[row];
    values[row] = fmin(fmax(value, p->low), p->high);
    return pl_stepper_set(stepper, (unsigned)row, values[row], error);
}

/* What goes on by itself; `values` become those that changes are by. */
static enum pl_code settle(const struct pl_what_if *w, struct pl_stepper *stepper, double *values,
                           struct pl_error **error) {
    double outputs[PL_MODEL_OUTPUTS_MAX];
    w->model->read(stepper->self, outputs);
    int distance = pl_model_parameter(w->model->parameters, "distance"), now = output_named(w->model, "distance");
    enum pl_code code = set(stepper, values, "drift", 0, error);
    if (!code) code = set(stepper, values, "fluoride_feed", w->state.fluoride, error);
    if (!code) code = set(stepper, values, "feed", told_of(w->model, outputs, "consumption") / 3600, error);
    if (!code) code = set(stepper, values, "tapping", told_of(w->model, outputs, "production") / 3600, error);
    if (distance >= 0 && now >= 0) values[distance] = outputs[now];
    return code;
}

static enum pl_code begin_branch(struct pl_what_if *w, struct pl_what_if_branch *b, struct pl_error **error) {
    const struct pl_what_if_state *s = &w->state;
    struct pl_stepper *stepper = &b->stepper;
    bool change = b == &w->changed;
    b->effect_at = b->outside.from = -1;
    enum pl_code code = pl_stepper_open(stepper, w->model, s->values, error);
    if (!code) code = pl_stepper_resume(stepper, (enum pl_stepper_rung)s->rung, 0, s->t, s->state, s->count, error);
    if (code) return code;
    stepper->origin = s->t;
    double *values = b->values;
    memcpy(values, s->state, s->value_count * sizeof *values);
    code = settle(w, stepper, values, error);
    for (unsigned i = 0; change && !code && i < w->changes; i++) {
        struct pl_what_if_change *c = &w->change[i];
        code = pl_what_if_come_to(w, c, values[c->parameter], error);
        if (!code) code = pl_stepper_set(stepper, c->parameter, values[c->parameter] = c->to, error);
    }
    if (code) return code;
    b->feeders = 1;
    look(w, b);
    b->alumina = told_of(w->model, b->now, "alumina");
    b->undissolved = told_of(w->model, b->now, "undissolved");
    b->read_at = stepper->t;
    return PL_OK;
}

enum pl_code pl_what_if_begin(struct pl_what_if *w, struct pl_error **error) {
    enum pl_code code = begin_branch(w, &w->nothing, error);
    return code ? code : begin_branch(w, &w->changed, error);
}

void pl_what_if_end(struct pl_what_if *w) {
    pl_stepper_close(&w->nothing.stepper);
    pl_stepper_close(&w->changed.stepper);
}

/* ---- What goes on by itself ---- */

/* kg/s that keep the alumina where it was: what is used, what goes to lumps (below 0: comes from them), and what a bath
 * that grows or an earlier piece has left to be caught up with. */
static double kept_up(const struct pl_what_if *w, struct pl_what_if_branch *b, const double *outputs) {
    double used = told_of(w->model, outputs, "consumption") / 3600, t = b->stepper.t;
    double undissolved = told_of(w->model, outputs, "undissolved");
    double missing = (b->alumina - told_of(w->model, outputs, "alumina")) / 100 * told_of(w->model, outputs, "bath");
    double more = t > b->read_at ? (undissolved - b->undissolved) / (t - b->read_at) : 0;
    b->undissolved = undissolved;
    b->read_at = t;
    double feed = used + (isnan(more) ? 0 : more) + (isnan(missing) ? 0 : missing / CATCH_UP);
    return fmin(fmax(feed, LEAST_FEED * used), MOST_FEED * used);
}

static enum pl_code keep(const struct pl_what_if *w, struct pl_what_if_branch *b, const char *name, double value,
                         struct pl_error **error) {
    int row = pl_model_parameter(w->model->parameters, name);
    if (row < 0 || isnan(value)) return PL_OK;
    for (unsigned i = 0; b == &w->changed && i < w->changes; i++)
        if (w->change[i].parameter == (unsigned)row) value = pl_what_if_changed(&w->change[i], value);
    if (fabs(value - b->values[row]) <= SAME * fabs(value)) return PL_OK;
    return set(&b->stepper, b->values, name, value, error);
}

static bool is_changed(const struct pl_what_if *w, const char *name) {
    int row = pl_model_parameter(w->model->parameters, name);
    for (unsigned i = 0; i < w->changes; i++)
        if (w->change[i].parameter == (unsigned)row) return true;
    return false;
}

/* Where the feed is changed by something, it is from what is used there, as feeders that keep up would have it in the
 * other branch: else they would undo the change. */
static enum pl_code keep_up(struct pl_what_if *w, struct pl_what_if_branch *b, const double *outputs,
                            struct pl_error **error) {
    double used = told_of(w->model, outputs, "consumption") / 3600, feed = kept_up(w, b, outputs);
    b->feeders = used > 0 ? feed / used : 1;
    if (b == &w->changed && is_changed(w, "feed")) feed = used * w->nothing.feeders;
    enum pl_code code = keep(w, b, "feed", feed, error);
    if (!code) code = keep(w, b, "tapping", told_of(w->model, outputs, "production") / 3600, error);
    return code;
}

/* ---- Forward ---- */

/* One piece; what ends it ends the branch. */
static void go_on(struct pl_what_if *w, struct pl_what_if_branch *b, double until) {
    enum pl_code code = b->stepper.dead ? PL_OK : keep_up(w, b, b->now, &b->error);
    if (!code) code = pl_stepper_advance(&b->stepper, until, &b->error);
    b->over = code != PL_OK;
    if (b->over) return;
    b->uncertain += pl_stepper_uncertain(&b->stepper);
    look(w, b);
}

/* Doing nothing goes first: its feeders are those of the other, too. */
static void go_on_both(struct pl_what_if *w, double until) {
    struct pl_what_if_branch *n = &w->nothing, *c = &w->changed;
    double before[PL_MODEL_OUTPUTS_MAX];
    bool go[] = {!n->over, !c->over};
    memcpy(before, n->now, sizeof before);
    if (go[0]) go_on(w, n, until);
    if (go[0] && n->over) memcpy(n->beside, c->now, sizeof n->beside);
    if (go[1]) go_on(w, c, until);
    if (go[1] && c->over) memcpy(c->beside, before, sizeof c->beside);
}

void pl_what_if_advance(struct pl_what_if *w, double until) {
    while (w->reached < until && !(w->nothing.over && w->changed.over)) {
        double piece = w->reached < FIRST_PIECES ? FIRST_PIECE : PIECE;
        double next = until - w->reached < 1.01 * piece ? until : w->reached + piece;
        go_on_both(w, w->state.t + next);
        w->reached = next;
    }
}

/* ---- Both over some time ---- */

static void put(const struct pl_what_if *w, struct pl_what_if_branch *b, const double *outputs) {
    for (unsigned i = 0; i < w->outputs; i++)
        b->output[i][b->times] = outputs[i];
    b->times++;
}

/* Where one has ended within a step of the grid: a point of its own, which both are compared at. */
static void put_end(struct pl_what_if *w, struct pl_what_if_branch *b, struct pl_what_if_branch *other) {
    if (!b->over || b->times < w->times || b->reached <= w->time[w->times - 1]) return;
    bool both = other->times == w->times && other->reached >= b->reached;
    if (both) put(w, other, other->over && other->reached <= b->reached ? other->now : b->beside);
    put(w, b, b->now);
    w->time[w->times++] = b->reached;
}

static void put_point(struct pl_what_if *w, double time) {
    struct pl_what_if_branch *n = &w->nothing, *c = &w->changed;
    bool later = n->reached > c->reached;
    put_end(w, later ? c : n, later ? n : c);
    put_end(w, later ? n : c, later ? c : n);
    if (n->over && c->over) return;
    if (!n->over) put(w, n, n->now);
    if (!c->over) put(w, c, c->now);
    w->time[w->times++] = time;
}

static enum pl_code run(struct pl_what_if *w, double seconds, size_t times, const _Atomic bool *unwanted,
                        struct pl_error **error) {
    enum pl_code code = pl_what_if_begin(w, error);
    if (code) return code;
    put_point(w, 0);
    for (size_t i = 1; i < times && !(w->nothing.over && w->changed.over); i++) {
        if (unwanted && atomic_load(unwanted)) return pl_error_set(error, PL_UNAVAILABLE, "it was ended");
        double time = seconds * (double)i / (double)(times - 1);
        pl_what_if_advance(w, time);
        put_point(w, time);
    }
    return PL_OK;
}

size_t pl_what_if_times(double seconds) {
    const double STEP = 1800;
    return (size_t)fmin(fmax(seconds / STEP + 1, LEAST_TIMES), PL_WHAT_IF_TIMES_MAX);
}

enum pl_code pl_what_if_run(struct pl_what_if *w, double seconds, size_t times, const _Atomic bool *unwanted,
                            struct pl_error **error) {
    times = times < 2 ? 2 : times > PL_WHAT_IF_TIMES_MAX ? PL_WHAT_IF_TIMES_MAX : times;
    size_t room = times + 2; /* where each ends */
    w->time = pl_alloc((1 + 2 * (size_t)w->outputs) * room * sizeof *w->time);
    if (!w->time) return pl_error_set(error, PL_NO_MEMORY, "no memory to look ahead");
    for (unsigned i = 0; i < w->outputs; i++) {
        w->nothing.output[i] = w->time + (1 + 2 * i) * room;
        w->changed.output[i] = w->nothing.output[i] + room;
    }
    enum pl_code code = run(w, seconds, times, unwanted, error);
    pl_what_if_end(w);
    return code;
}
