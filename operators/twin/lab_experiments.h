/* lab_experiments.h: set-ups that were measured; each is in a file of its own, and a row of its model's table. */
#ifndef TWIN_LAB_EXPERIMENTS_H
#define TWIN_LAB_EXPERIMENTS_H

#include <potline/model.h>

#include "models.h"

#define LAB_EXPERIMENT(name)                                                                                           \
    extern const struct pl_model_parameter twin_##name##_parameters[];                                                 \
    extern const struct pl_model_column twin_##name##_columns[];                                                       \
    enum pl_code twin_##name##_load(void **data, const char *path, double *p, struct pl_model_taken *taken,            \
                                    struct pl_error **error);                                                          \
    void twin_##name##_observed(const void *data, double *position, double *value);                                    \
    void twin_##name##_weight(const void *data, double *weight);                                                       \
    enum pl_code twin_##name##_predict(void *data, const double *p, double *value, struct pl_error **error);           \
    double twin_##name##_misfit(const void *data, const double *p, const double *predicted, const bool *use,           \
                                const struct pl_model_report *report);                                                 \
    void twin_##name##_unload(void *data);

#define LAB_RUNS(id)                                                                                                   \
    .parameters = twin_##id##_parameters, .observed = twin_##id##_observed, .predict = twin_##id##_predict,            \
    .misfit = twin_##id##_misfit, .unload = twin_##id##_unload
#define LAB_CALLS(id) .load = twin_##id##_load, .columns = twin_##id##_columns, LAB_RUNS(id)

LAB_EXPERIMENT(probe)
LAB_EXPERIMENT(rod)
LAB_EXPERIMENT(battery)
LAB_EXPERIMENT(melting)
LAB_EXPERIMENT(voltage)
LAB_EXPERIMENT(lining)
LAB_EXPERIMENT(disk)
LAB_EXPERIMENT(voltammetry)
LAB_EXPERIMENT(metal)
LAB_EXPERIMENT(electrolyser)
LAB_EXPERIMENT(impedance)

void twin_metal_guess(const void *data, double *p);
void twin_impedance_guess(const void *data, double *p);
/* A spectrum with neither a second arc nor diffusion, unless they are set. */
enum pl_code twin_arc_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                           struct pl_error **error);

extern const struct pl_model_column twin_electrolyser_warming_columns[]; /* with the temperature */

/* With derivatives, by CVODES. */
enum pl_code twin_rod_sensitive(void *data, const double *p, const unsigned *free, unsigned count, double *value,
                                double *slope, struct pl_error **error);

#endif
