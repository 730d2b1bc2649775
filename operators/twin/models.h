/* models.h: the models of this plugin, their cases and experiments, and what these share. */
#ifndef TWIN_MODELS_H
#define TWIN_MODELS_H

#include <potline/model.h>

#include "stack.h"

extern const struct pl_model twin_fourier_model;
extern const struct pl_model_case twin_fourier_cases[];
extern const struct pl_model_experiment twin_fourier_experiments[];

extern const struct pl_model twin_ledge_model;
extern const struct pl_model_case twin_ledge_cases[];
extern const struct pl_model_experiment twin_ledge_experiments[];

extern const struct pl_model twin_electrode_model;
extern const struct pl_model_case twin_electrode_cases[];
extern const struct pl_model_experiment twin_electrode_experiments[];

extern const struct pl_model twin_alumina_model;
extern const struct pl_model_case twin_alumina_cases[];

extern const struct pl_model twin_lining_model;
extern const struct pl_model_experiment twin_lining_experiments[];

extern const struct pl_model twin_cell_model;
extern const struct pl_model_case twin_cell_cases[];
extern const struct pl_model_case twin_cell_measurements[];
extern const struct pl_model_experiment twin_cell_experiments[];

void models_defaults(const struct pl_model_parameter *rows, double *values);

/* ---- A CellModel that follows a cell ---- */

/* What it is told before a step: all at once, so that the solver starts anew once. */
struct cell_inputs {
    double current;                /* A */
    double distance, drift;        /* cm, cm/s */
    double cold;                   /* anodes */
    double feed, fluoride, tapped; /* kg/s */
    double efficiency, top;
};

/* What is changed behind a step, because a measurement says so; the next inputs restart the solver from there. */
struct cell_correction {
    double alumina, undissolved, metal; /* kg */
    double bath;                        /* kg, composed as it is */
    double temperature;                 /* K */
    double distance;                    /* cm */
    double cold;                        /* anodes */
};

struct cell;
struct cell *twin_cell_of(void *self);
const double *twin_cell_values(void *self); /* of its parameters, as they are now */
int twin_cell_row(const char *parameter);   /* of them; below 0: there is none */
double twin_cell_distance(void *self);      /* cm, now */
double twin_cell_cold(void *self);          /* anodes, likewise */
enum pl_code twin_cell_feed(void *self, const struct cell_inputs *inputs, struct pl_error **error);
void twin_cell_correct(void *self, const struct cell_correction *correction);

/* Faces and centres of a stack, as it was at its last rate. */
unsigned models_stack_profile(const struct stack *stack, double *position, double *value);

/* ---- Telling ---- */

/* |found - expected| relative to `scale` (0: to expected itself). */
void models_tell(const struct pl_model_report *report, const char *subject, const char *quantity, const char *unit,
                 double expected, double found, double scale, double limit);
void models_tell_order(const struct pl_model_report *report, const char *subject, const char *quantity, double order,
                       double least);
/* What should be 0. */
void models_tell_rest(const struct pl_model_report *report, const char *subject, const char *quantity, double found,
                      double limit);
/* A published measurement. */
void models_tell_measured(const struct pl_model_report *report, const struct pl_model_finding *finding);

/* The order by which an error falls from a grid to one twice as fine; the least of several is what counts. */
double models_order(double coarse, double fine);

#endif
