/* optimizer_bench: what it takes to decide a pot, by the clock and by CPU time, and how well deadlines are kept.
 *
 *     optimizer_bench [POTS]          1,000 pots in random states, as in the tests of operators/optimize
 *
 * A line for the usual set-up, then one for each of some deadlines: the times of all pots, and the most by which a
 * deadline was overrun. tests/bench/optimizer runs it alone and beside an engine with twice its sensors. */
#include <stdlib.h>
#include <time.h>

#include "pot_testing.h"

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct times {
    double *wall, *cpu;
    double over, over_cpu; /* share of the deadline */
    unsigned late, answers;
};

static bool run_pot(unsigned i, double deadline, struct times *t) {
    struct pot_input input;
    struct pot_setup setup = usual();
    struct pl_error *error = NULL;
    static struct pot pot;
    static struct pot_result r;
    void *model = pot_of(i + 1, &input);
    if (deadline > 0) setup.solver.seconds = deadline;
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    bool good = pot_open(&pot, &setup, &input, &error) == PL_OK;
    if (good) pot_solve(&pot, &r);
    t->wall[i] = seconds(CLOCK_MONOTONIC) - wall;
    t->cpu[i] = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    if (deadline > 0) t->over = fmax(t->over, t->wall[i] / deadline - 1);
    if (deadline > 0) t->over_cpu = fmax(t->over_cpu, t->cpu[i] / deadline - 1);
    t->late += good && r.search.late;
    t->answers += good && *r.reason;
    twin_cell_model.close(model);
    return good;
}

static bool run(unsigned pots, double deadline) {
    struct times t = {calloc(pots, sizeof(double)), calloc(pots, sizeof(double)), -1, -1, 0, 0};
    bool good = t.wall && t.cpu;
    for (unsigned i = 0; i < pots && good; i++)
        good = run_pot(i, deadline, &t);
    if (good) {
        qsort(t.wall, pots, sizeof(double), ascending);
        qsort(t.cpu, pots, sizeof(double), ascending);
        if (deadline > 0) printf("deadline %5.1f ms: ", 1e3 * deadline);
        printf("%u pots, ms: clock p50 %.1f p99 %.1f most %.1f; CPU p50 %.1f p99 %.1f most %.1f; %u answers", pots,
               1e3 * t.wall[pots / 2], 1e3 * t.wall[pots * 99 / 100], 1e3 * t.wall[pots - 1], 1e3 * t.cpu[pots / 2],
               1e3 * t.cpu[pots * 99 / 100], 1e3 * t.cpu[pots - 1], t.answers);
        if (deadline > 0)
            printf(", %u ended by it; overrun by the clock %+.1f %%, by CPU time %+.1f %%", t.late, 100 * t.over,
                   100 * t.over_cpu);
        putchar('\n');
    }
    free(t.wall);
    free(t.cpu);
    return good;
}

int main(int count, char **argument) {
    static const double deadlines[] = {0.1, 0.05, 0.02, 0.01};
    unsigned pots = count > 1 ? (unsigned)strtoul(argument[1], NULL, 10) : 1000;
    bool good = pots > 0 && run(pots, 0);
    for (unsigned i = 0; i < PL_COUNT_OF(deadlines) && good; i++)
        good = run(pots, deadlines[i]);
    return good ? 0 : 1;
}
