/* lab_experiments.h: experiments that stand in one model's table and in a file of their own. */
#ifndef TWIN_LAB_EXPERIMENTS_H
#define TWIN_LAB_EXPERIMENTS_H

#include <potline/model.h>

#include "models.h"

extern const struct pl_model_parameter twin_voltammetry_parameters[];
enum pl_code twin_voltammetry_load(void **data, const char *path, double *p, size_t *points, struct pl_error **error);
void twin_voltammetry_observed(const void *data, double *position, double *value);
enum pl_code twin_voltammetry_predict(void *data, const double *p, double *value, struct pl_error **error);
double twin_voltammetry_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                               const struct pl_model_report *report);
void twin_voltammetry_weight(const void *data, double *weight);
void twin_voltammetry_unload(void *data);

#define TWIN_VOLTAMMETRY                                                                                               \
    {                                                                                                                  \
        .name = "voltammetry",                                                                                         \
        .doc = "A cycle of a fast couple at a disk: diffusion into half-space with Butler and Volmer's law. The "      \
               "cycle before "                                                                                         \
               "it is run too, from a uniform solution.",                                                              \
        .columns = "t_s,E_applied_V", .parameters = twin_voltammetry_parameters, .fit = "rate,standard,concentration", \
        .unit = "A", .measure = "error of the peaks' separation (mV)", .target = 5, .load = twin_voltammetry_load,     \
        .observed = twin_voltammetry_observed, .weight = twin_voltammetry_weight, .predict = twin_voltammetry_predict, \
        .misfit = twin_voltammetry_misfit, .unload = twin_voltammetry_unload                                           \
    }

#endif
