/* plugin.c: what this plugin offers: models, and the operator that follows a cell with one. */
#include <potline/model.h>
#include <potline/plugin.h>

#include "fit.h"
#include "models.h"

extern const struct pl_operator twin_cell_operator;

PL_PLUGIN(twin, "1.1", &twin_cell_operator)
PL_MODELS(fit_run, fit_release, &twin_fourier_model, &twin_ledge_model, &twin_electrode_model, &twin_alumina_model,
          &twin_lining_model, &twin_cell_model)
