/* models.h: the models there are, by name, from the plugins that pl_registry_load has found (potline/model.h). */
#ifndef POTLINE_MODELS_H
#define POTLINE_MODELS_H

#include <potline/model.h>

/* Takes in what a plugin's suite offers, if it fits; says why not with pl_diag. */
void pl_models_add(const struct pl_model_suite *suite, const char *file);

unsigned pl_models_count(void);
const struct pl_model *pl_models_get(unsigned index); /* in order of name */
const struct pl_model *pl_models_find(const char *name);
const struct pl_model_suite *pl_models_suite(const struct pl_model *model); /* the one that it came with */
const char *pl_models_nearest(const char *name);                            /* for 'did you mean', or NULL */

/* The index of a row, or -1. */
int pl_model_parameter(const struct pl_model_parameter *rows, const char *name);
unsigned pl_model_parameters(const struct pl_model_parameter *rows); /* how many */

/* A value as text: a number in its range, with or without the row's own unit behind it, a whole number where that is
 * asked for, or one of the choices. */
enum pl_code pl_model_value(const struct pl_model_parameter *row, const char *text, size_t length, double *value,
                            struct pl_error **error);

#endif
