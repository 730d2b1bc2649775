/* models_bench.c: what an hour of a model costs: CPU by simulated hour with an output each minute, as the grid grows,
 * against an explicit scheme of the same equations at the same error, and 60 cells on two threads.
 *
 *     models_bench             a line each: NAME VALUE UNIT; tests/bench/models makes a table of them
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conduction.h"
#include "models.h"
#include "wall.h"

enum { ROUNDS = 5, CELLS = 60, THREADS = 2, HOURS = 24 };

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

/* ---- Models through their interface ---- */

static void run(const struct pl_model *model, const char *name, double value, double hours) {
    double values[PL_MODEL_PARAMETERS_MAX], out[PL_MODEL_OUTPUTS_MAX];
    for (int i = 0; model->parameters[i].name; i++)
        values[i] = name && strcmp(model->parameters[i].name, name) == 0 ? value : model->parameters[i].fallback;
    void *self = NULL;
    struct pl_error *error = NULL;
    if (model->open(&self, values, &error)) goto failed;
    for (int minute = 1; minute <= 60 * hours; minute++) {
        if (model->advance(self, 60 * minute, &error)) goto failed;
        model->read(self, out);
    }
    model->close(self);
    return;
failed:
    pl_error_print(stderr, error);
    exit(1);
}

static double cost(const struct pl_model *model, const char *name, double value, double hours) {
    double taken[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double begun = now(CLOCK_PROCESS_CPUTIME_ID);
        run(model, name, value, hours);
        taken[i] = (now(CLOCK_PROCESS_CPUTIME_ID) - begun) / hours * 1000;
    }
    return median(taken, ROUNDS);
}

static void *some_cells(void *unused) {
    (void)unused;
    for (int i = 0; i < CELLS / THREADS; i++)
        run(&twin_cell_model, NULL, 0, HOURS);
    return NULL;
}

static void plant(void) {
    pthread_t thread[THREADS];
    double begun = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, some_cells, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    double wall = now(CLOCK_MONOTONIC) - begun;
    printf("plant %.0f times real time, %d cells together, %d threads (wall %.2f s, CPU %.2f s for %d h)\n",
           HOURS * 3600 / wall, CELLS, THREADS, wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu, HOURS);
}

/* ---- A wall by CVODES and by Euler's explicit steps ---- */

static void set_up(struct conduction *c, double tolerance) {
    struct wall wall = {.ledge = 0.06,
                        .least = 0.001,
                        .most = 0.4,
                        .ledge_conductivity = 1.5,
                        .ledge_density = 2800,
                        .ledge_capacity = 1320,
                        .latent = 520000,
                        .lining = 0.1,
                        .lining_conductivity = 20,
                        .steel = 0.012,
                        .ledge_cells = 16,
                        .lining_cells = 12};
    *c = (struct conduction){.tolerance = tolerance};
    if (wall_init(&c->stack, &wall, NULL)) exit(1);
    stack_front(&c->stack, 1000, 970, 955, 0.001, 0.4);
    c->stack.right =
        (struct stack_side){.kind = STACK_FILM, .temperature = 35, .film = 10, .emissivity = 0.8, .walls = 35};
    wall_steady(&c->stack, 955, c->stack.t);
    if (conduction_open(c, c->stack.t, NULL)) exit(1);
}

static double by_solver(double tolerance, double hours, double *thickness) {
    struct conduction c;
    double begun = now(CLOCK_PROCESS_CPUTIME_ID);
    set_up(&c, tolerance);
    for (int minute = 1; minute <= 60 * hours; minute++)
        if (conduction_advance(&c, 60 * minute, NULL)) exit(1);
    *thickness = solver_state(c.solver)[1 + c.stack.cells];
    conduction_close(&c);
    return (now(CLOCK_PROCESS_CPUTIME_ID) - begun) / hours * 1000;
}

static double by_euler(double step, double hours, double *thickness) {
    struct conduction c;
    double y[200], rate[200];
    double begun = now(CLOCK_PROCESS_CPUTIME_ID);
    set_up(&c, 1e-6);
    int n = stack_unknowns(&c.stack);
    memcpy(y, solver_state(c.solver) + 1, (size_t)n * sizeof *y);
    long steps = lround(3600 * hours / step);
    for (long i = 0; i < steps; i++) {
        if (stack_rate(&c.stack, y, rate)) break;
        for (int k = 0; k < n; k++)
            y[k] += step * rate[k];
    }
    *thickness = y[c.stack.cells];
    conduction_close(&c);
    return (now(CLOCK_PROCESS_CPUTIME_ID) - begun) / hours * 1000;
}

static void against_explicit(void) {
    double exact, thickness, solver[ROUNDS], euler[ROUNDS];
    by_solver(1e-10, 1, &exact);
    for (int i = 0; i < ROUNDS; i++)
        solver[i] = by_solver(1e-6, 1, &thickness);
    double wrong = fabs(thickness / exact - 1), step = 4, ours = median(solver, ROUNDS);
    /* The longest step that is stable and has no more than the solver's error. */
    for (by_euler(step, 1, &thickness); step > 0.01 && !(fabs(thickness / exact - 1) <= fmax(wrong, 1e-6)); step /= 2)
        by_euler(step / 2, 1, &thickness);
    for (int i = 0; i < ROUNDS; i++)
        euler[i] = by_euler(step, 1, &thickness);
    printf("wall %.4f ms/h, error %.1e\n", ours, wrong);
    printf("wall-explicit %.4f ms/h, steps of %g s, error %.1e, %.1f times the solver's\n", median(euler, ROUNDS), step,
           fabs(thickness / exact - 1), median(euler, ROUNDS) / ours);
}

int main(void) {
    static const struct pl_model *const models[] = {&twin_fourier_model, &twin_ledge_model, &twin_lining_model,
                                                    &twin_alumina_model, &twin_cell_model};
    for (unsigned i = 0; i < PL_COUNT_OF(models); i++)
        printf("%s %.3f ms/h\n", models[i]->name, cost(models[i], NULL, 0, models[i] == &twin_alumina_model ? 1 : 8));
    for (int cells = 8; cells <= 64; cells *= 2)
        printf("CellModel/%d %.3f ms/h\n", cells, cost(&twin_cell_model, "ledge_cells", cells, 8));
    for (int cells = 50; cells <= 1600; cells *= 4)
        printf("FourierHeatModel/%d %.3f ms/h\n", cells, cost(&twin_fourier_model, "cells", cells, 8));
    against_explicit();
    plant();
    return 0;
}
