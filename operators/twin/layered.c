#include "layered.h"

#include <potline/alloc.h>

#include "models.h"
#include "state.h"

static double tolerance_of(const struct layered *l) {
    for (unsigned i = 0; l->kind->parameters[i].name; i++)
        if (l->kind->parameters[i].flags & PL_MODEL_LOOSE) return l->p[i];
    return 0;
}

enum pl_code layered_open(void **self, const struct layered_kind *kind, const double *p, struct pl_error **error) {
    struct layered *l = PL_NEW(struct layered);
    *self = l;
    if (!l) return pl_error_set(error, PL_NO_MEMORY, "no memory for a model");
    l->kind = kind;
    for (unsigned i = 0; kind->parameters[i].name; i++)
        l->p[i] = p[i];
    l->c.tolerance = tolerance_of(l);
    enum pl_code code = kind->set_up(l, error);
    return code ? code : conduction_open(&l->c, l->c.stack.t, error);
}

void layered_close(void *self) {
    struct layered *l = self;
    if (!l) return;
    conduction_close(&l->c);
    pl_free(l);
}

enum pl_code layered_advance(void *self, double until, struct pl_error **error) {
    struct layered *l = self;
    return conduction_advance(&l->c, until, error);
}

enum pl_code layered_set(void *self, unsigned parameter, double value, struct pl_error **error) {
    struct layered *l = self;
    l->p[parameter] = value;
    l->kind->put_inputs(l);
    return conduction_restart(&l->c, error);
}

unsigned layered_profile(void *self, unsigned index, double *position, double *value) {
    (void)index;
    struct layered *l = self;
    conduction_cells(&l->c);
    return models_stack_profile(&l->c.stack, position, value);
}

void layered_allow(void *self, const struct pl_model_allowance *allowance) {
    struct layered *l = self;
    solver_allow(l->c.solver, allowance);
}

long layered_effort(void *self) {
    struct layered *l = self;
    return l->c.solver ? solver_evaluations(l->c.solver) : 0;
}

size_t layered_save(void *self, double *to) {
    struct layered *l = self;
    struct state s = {.to = to};
    state_carry_inputs(&s, l->kind->parameters, l->p);
    conduction_carry(&l->c, &s);
    return s.at;
}

enum pl_code layered_load(void *self, const double *from, size_t count, struct pl_error **error) {
    struct layered *l = self;
    struct state s = {.from = from, .count = count};
    state_carry_inputs(&s, l->kind->parameters, l->p);
    double t = conduction_carry(&l->c, &s);
    enum pl_code code = state_check(&s, l->kind->name, error);
    if (code) return code;
    l->kind->put_inputs(l);
    return conduction_resume(&l->c, t, error);
}
