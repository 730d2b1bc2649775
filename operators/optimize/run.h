/* run.h: one run of the optimiser as bytes: all that its answer follows from, so that it can be recorded and run again.
 *
 * The state is what twin.cell tells as twin.state (its body's `values`, `state`, `t`, `rung`), or named parameters of a
 * CellModel alone, for a pot that no twin follows. Bytes come from outside: what is no run is refused with why.
 */
#ifndef OPTIMIZE_RUN_H
#define OPTIMIZE_RUN_H

#include <potline/stepper.h>

#include "pot.h"

enum { RUN_STATE_MAX = 4096, RUN_NAME_MAX = 64 };

struct run {
    char model[RUN_NAME_MAX], parameters[RUN_NAME_MAX], fidelity[RUN_NAME_MAX];
    double values[PL_MODEL_PARAMETERS_MAX];
    double state[RUN_STATE_MAX];
    unsigned value_count, state_count;
    double named[PL_MODEL_PARAMETERS_MAX]; /* by row of the CellModel; NaN: not named */
    int64_t rung;
    double t;
    struct pot_setup setup;
    struct pot_input input;      /* its model is made by run_solve */
    char wrong[RUN_NAME_MAX];    /* the parameter that cannot be taken */
    int64_t version;             /* of the constraints */
    bool recorded;               /* the bytes were those of run_write: set-up and input are in them */
    bool older;                  /* refused: there were fewer limits or options when it was recorded */
    double point[POT_VARIABLES]; /* asks: what the problem is there (evaluate.c) */
    bool asks;
    double x[POT_VARIABLES]; /* and what came of it then */
    double saved;
    bool late;
};

/* PL_CORRUPT with why. Set-up and input stay as they are unless the bytes have them. */
enum pl_code run_read(struct run *run, const void *bytes, size_t size, struct pl_error **error);
/* The model of its state, as `input.model`, until the stepper is closed. */
enum pl_code run_open(struct run *run, struct pl_stepper *stepper, struct pl_error **error);
/* What one pot's part of a run follows from: RUN_INPUT_PAIRS pairs of a map. */
enum { RUN_INPUT_PAIRS = 11 };
void run_write_input(const struct run *run, struct pl_pack *pack);
/* Limits of all quantities, and a set-up, as numbers. False: not as many as there are, or none of a limit. */
enum { RUN_SETUP_NUMBERS = 28 };
void run_write_setup(const struct pot_setup *setup, struct pl_pack *pack);
bool run_read_setup(struct pot_setup *setup, struct pl_unpack *unpack);
void run_write_limits(const struct limit *limit, struct pl_pack *pack);
bool run_read_limits(struct limit *limit, struct pl_unpack *unpack);
void run_write_numbers(struct pl_pack *pack, const char *key, const double *numbers, unsigned count);

/* Makes the model, solves, closes it. An error: no problem can be made of the state. */
enum pl_code run_solve(struct run *run, struct pot_result *result, struct pl_error **error);
/* One map: what it follows from, and what came of it. */
void run_write(const struct run *run, const struct pot_result *result, struct pl_pack *pack);

#endif
