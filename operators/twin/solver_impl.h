/* solver_impl.h: what the files of the solver share. */
#ifndef TWIN_SOLVER_IMPL_H
#define TWIN_SOLVER_IMPL_H

#include <nvector/nvector_serial.h>
#include <sundials/sundials_context.h>
#include <sundials/sundials_linearsolver.h>
#include <sundials/sundials_matrix.h>

#include "solver.h"

struct solver {
    struct solver_problem problem;
    SUNContext context;
    void *memory; /* of CVODES or IDAS */
    N_Vector y, speed, differential, absolutes;
    N_Vector *sensitivity;
    SUNMatrix matrix;
    SUNLinearSolver linear;
    double *column, *before; /* 4 * size: for coloured difference quotients; the state before an advance */
    double *jacobian;        /* of the rates: its entries as they were found last, in the pattern's order */
    double t;
    char failure[160];          /* what SUNDIALS said last */
    struct solver_effort spent; /* of before restarts */
    struct pl_model_allowance allowance;
    long evaluations, last; /* so many there have been, and may be */
    double deadline;        /* s of the thread's clock; 0: none */
    bool over;              /* more was asked for than is left */
};

/* The equations, by the allowance: below 0 where it is used up, which the solver does not try to mend. */
int solver__rate(struct solver *solver, double t, const double *y, double *rate);
int solver__residual(struct solver *solver, double t, const double *y, const double *speed, double *residual);

/* Sparse systems, in the forms that CVODES and IDAS call: 1 - gamma J; J. */
int solver__rate_system(double t, N_Vector y, N_Vector rate, SUNMatrix system, booleantype keep, booleantype *found,
                        double gamma, void *self, N_Vector a, N_Vector b, N_Vector c);
int solver__residual_jacobian(double t, double cj, N_Vector y, N_Vector speed, N_Vector residual, SUNMatrix jacobian,
                              void *self, N_Vector a, N_Vector b, N_Vector c);

/* KLU; `anew`: pivots are chosen anew, so that what follows does not depend on what was factorised before. */
SUNLinearSolver solver__klu_new(SUNContext context);
void solver__klu_anew(SUNLinearSolver linear);

#endif
