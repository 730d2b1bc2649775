#include "models.h"

#include <math.h>

void models_defaults(const struct pl_model_parameter *rows, double *values) {
    for (int i = 0; rows[i].name; i++)
        values[i] = rows[i].fallback;
}

unsigned models_stack_profile(const struct stack *s, double *position, double *value) {
    unsigned n = 0;
    position[n] = 0;
    value[n++] = s->left_face;
    for (int i = 0; i < s->cells && n < PL_MODEL_PROFILE_MAX - 1; i++) {
        position[n] = stack_place(s, i);
        value[n++] = s->t[i];
    }
    position[n] = stack_end(s);
    value[n++] = s->right_face;
    return n;
}

void models_tell(const struct pl_model_report *report, const char *subject, const char *quantity, const char *unit,
                 double expected, double found, double scale, double limit) {
    double error = fabs(found - expected) / (scale > 0 ? scale : fabs(expected));
    struct pl_model_finding finding = {.subject = subject,
                                       .quantity = quantity,
                                       .unit = unit,
                                       .expected = expected,
                                       .found = found,
                                       .error = error,
                                       .limit = limit,
                                       .good = error <= limit};
    report->tell(report->context, &finding);
}

void models_tell_order(const struct pl_model_report *report, const char *subject, const char *quantity, double order,
                       double least) {
    struct pl_model_finding finding = {.subject = subject,
                                       .quantity = quantity,
                                       .unit = "order",
                                       .expected = 2,
                                       .found = order,
                                       .error = fmax(0, 2 - order),
                                       .limit = least,
                                       .at_least = true,
                                       .good = order >= least,
                                       .error_unit = ""};
    report->tell(report->context, &finding);
}

void models_tell_rest(const struct pl_model_report *report, const char *subject, const char *quantity, double found,
                      double limit) {
    struct pl_model_finding finding = {.subject = subject,
                                       .quantity = quantity,
                                       .unit = "",
                                       .found = found,
                                       .error = fabs(found),
                                       .limit = limit,
                                       .good = fabs(found) <= limit};
    report->tell(report->context, &finding);
}

void models_tell_measured(const struct pl_model_report *report, const struct pl_model_finding *finding) {
    struct pl_model_finding full = *finding;
    if (!full.error_unit)
        full.error = (full.found - full.expected) / fabs(full.expected);
    else
        full.error = full.found - full.expected;
    full.good = fabs(full.error) <= full.limit;
    report->tell(report->context, &full);
}

double models_order(double coarse, double fine) {
    return log2(fabs(coarse) / fmax(fabs(fine), 1e-300));
}
