#include "models.h"

#include <math.h>
#include <string.h>

#include <potline/diag.h>
#include <potline/text.h>

enum { MODELS_MAX = 128 };

static struct {
    const struct pl_model *model;
    const struct pl_model_suite *suite;
} entries[MODELS_MAX]; /* in order of name */
static unsigned entry_count;

/* ---- Taking in ---- */

static bool fits(const struct pl_model_suite *suite, const char *file) {
    if (suite->magic != PL_MODEL_MAGIC || suite->abi_major != PL_ABI_MAJOR || suite->abi_minor > PL_ABI_MINOR) {
        pl_diag(PL_WARN, "%s: its models are built for ABI %u.%u, engine offers %u.%u", file, suite->abi_major,
                suite->abi_minor, PL_ABI_MAJOR, PL_ABI_MINOR);
        return false;
    }
    bool same =
        suite->model_size == sizeof(struct pl_model) && suite->parameter_size == sizeof(struct pl_model_parameter) &&
        suite->finding_size == sizeof(struct pl_model_finding) &&
        suite->experiment_size == sizeof(struct pl_model_experiment) && suite->fit_size == sizeof(struct pl_fit);
    if (!same) pl_diag(PL_WARN, "%s: the structs of its models have other sizes than the engine's", file);
    return same;
}

static void add(const struct pl_model *model, const struct pl_model_suite *suite, const char *file) {
    unsigned at = 0;
    while (at < entry_count && strcmp(entries[at].model->name, model->name) < 0)
        at++;
    if (at < entry_count && strcmp(entries[at].model->name, model->name) == 0) {
        if (entries[at].model != model) pl_diag(PL_WARN, "%s: model %s is there already", file, model->name);
        return;
    }
    if (entry_count == MODELS_MAX || pl_model_parameters(model->parameters) > PL_MODEL_PARAMETERS_MAX) {
        pl_diag(PL_WARN, "%s: no room for model %s", file, model->name);
        return;
    }
    memmove(&entries[at + 1], &entries[at], (entry_count - at) * sizeof *entries);
    entries[at].model = model;
    entries[at].suite = suite;
    entry_count++;
}

void pl_models_add(const struct pl_model_suite *suite, const char *file) {
    if (!fits(suite, file)) return;
    for (const struct pl_model *const *model = suite->models; *model; model++)
        add(*model, suite, file);
}

/* ---- Asking ---- */

unsigned pl_models_count(void) {
    return entry_count;
}

const struct pl_model *pl_models_get(unsigned index) {
    return index < entry_count ? entries[index].model : NULL;
}

const struct pl_model *pl_models_find(const char *name) {
    for (unsigned i = 0; i < entry_count; i++)
        if (strcmp(entries[i].model->name, name) == 0) return entries[i].model;
    return NULL;
}

const struct pl_model_suite *pl_models_suite(const struct pl_model *model) {
    for (unsigned i = 0; i < entry_count; i++)
        if (entries[i].model == model) return entries[i].suite;
    return NULL;
}

const char *pl_models_nearest(const char *name) {
    const char *names[MODELS_MAX];
    for (unsigned i = 0; i < entry_count; i++)
        names[i] = entries[i].model->name;
    return pl_text_nearest(name, names, entry_count);
}

/* ---- Parameters ---- */

unsigned pl_model_parameters(const struct pl_model_parameter *rows) {
    unsigned count = 0;
    while (rows[count].name)
        count++;
    return count;
}

int pl_model_parameter(const struct pl_model_parameter *rows, const char *name) {
    for (int i = 0; rows[i].name; i++)
        if (strcmp(rows[i].name, name) == 0) return i;
    return -1;
}

static enum pl_code choice(const struct pl_model_parameter *row, const char *text, size_t length, double *value,
                           struct pl_error **error) {
    char all[256] = "";
    for (int i = 0; row->choices[i]; i++) {
        if (strlen(row->choices[i]) == length && memcmp(row->choices[i], text, length) == 0) {
            *value = i;
            return PL_OK;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", row->choices[i]);
    }
    return pl_error_set(error, PL_RANGE, "%s: \"%.*s\" is none of %s", row->name, (int)length, text, all);
}

/* A number may carry the row's own unit. */
static size_t without_unit(const struct pl_model_parameter *row, const char *text, size_t length) {
    size_t unit = strlen(row->unit);
    bool carries = unit && length > unit && memcmp(text + length - unit, row->unit, unit) == 0;
    return carries ? length - unit : length;
}

/* Says what is expected, and of a number with something behind it that this is no unit of the row. */
static enum pl_code no_number(const struct pl_model_parameter *row, const char *text, size_t length,
                              struct pl_error **error) {
    size_t digits = 0;
    double number;
    for (size_t k = 1; k < length; k++)
        if (pl_text_f64(text, k, &number)) digits = k;
    const char *in = *row->unit ? " in " : " without a unit";
    if (!digits || isnan(number))
        return pl_error_set(error, PL_SYNTAX, "%s: \"%.*s\" is no number; one%s%s is expected, %g to %g", row->name,
                            (int)length, text, in, row->unit, row->low, row->high);
    return pl_error_set(error, PL_SYNTAX, "%s: \"%.*s\" has the unit \"%.*s\"; a number%s%s is expected, %g to %g",
                        row->name, (int)length, text, (int)(length - digits), text + digits, in, row->unit, row->low,
                        row->high);
}

enum pl_code pl_model_value(const struct pl_model_parameter *row, const char *text, size_t length, double *value,
                            struct pl_error **error) {
    if (row->choices) return choice(row, text, length, value, error);
    double number;
    if (!pl_text_f64(text, without_unit(row, text, length), &number) || isnan(number))
        return no_number(row, text, length, error);
    if (number < row->low || number > row->high)
        return pl_error_set(error, PL_RANGE, "%s: %g is not within %g and %g%s%s", row->name, number, row->low,
                            row->high, *row->unit ? " " : "", row->unit);
    if ((row->flags & PL_MODEL_WHOLE) && number != floor(number))
        return pl_error_set(error, PL_RANGE, "%s: %g is no whole number", row->name, number);
    *value = number;
    return PL_OK;
}
