/* layered.h: what models of conduction through layers share: the instance, and what is done with one. A model adds its
 * table of parameters, how its stack is set up from them, and what it reads out.
 */
#ifndef TWIN_LAYERED_H
#define TWIN_LAYERED_H

#include <potline/model.h>

#include "conduction.h"

struct layered;

struct layered_kind {
    const char *name;
    const struct pl_model_parameter *parameters;
    enum pl_code (*set_up)(struct layered *layered, struct pl_error **error); /* the stack, and its temperatures `t` */
    void (*put_inputs)(struct layered *layered);                              /* what may change while it runs */
};

struct layered {
    struct conduction c;
    const struct layered_kind *kind;
    double p[PL_MODEL_PARAMETERS_MAX];
};

enum pl_code layered_open(void **self, const struct layered_kind *kind, const double *p, struct pl_error **error);
void layered_close(void *self);
enum pl_code layered_advance(void *self, double until, struct pl_error **error);
enum pl_code layered_set(void *self, unsigned parameter, double value, struct pl_error **error);
unsigned layered_profile(void *self, unsigned index, double *position, double *value);
void layered_allow(void *self, const struct pl_model_allowance *allowance);
long layered_effort(void *self);
size_t layered_save(void *self, double *state);
enum pl_code layered_load(void *self, const double *state, size_t count, struct pl_error **error);

/* All of a descriptor but `open` and `read`. */
#define LAYERED_MODEL                                                                                                  \
    .advance = layered_advance, .set = layered_set, .profile = layered_profile, .close = layered_close,                \
    .allow = layered_allow, .effort = layered_effort, .save = layered_save, .load = layered_load

#endif
