/* pot.h: the problem of one pot: the least energy (cost, CO2e) by tonne that a pot comes to, within its limits.
 *
 *     variables   ACD (mm), alumina and excess AlF3 as they are held (wt%), line current (kA)
 *     objective   weights of kWh/t, cost/t and kg CO2e/t, each by its value at the baseline
 *     limits      limits.h, of the steady state (twin's steady.h) and of what it takes to get there
 *
 * Alumina and AlF3 are decided as what the bath is held at, because at rest a pot is fed what it uses, whatever the
 * bath holds; feed and AlF3 addition are what leads there from now in `feed_time` and `dose_time`.
 *
 * With scenarios each limit of the process holds in all of them: the parameters that the estimator is least sure of are
 * moved to either side by their spreads.
 */
#ifndef OPTIMIZE_POT_H
#define OPTIMIZE_POT_H

#include "limits.h"
#include "nlp.h"
#include "purity.h"
#include "steady.h"

enum pot_variable { POT_ACD, POT_ALUMINA, POT_ALF3, POT_CURRENT, POT_VARIABLES };
enum { POT_SCENARIOS_MAX = 4, POT_ROWS_MAX = NLP_CONSTRAINTS_MAX };

struct pot_objective {
    double energy, cost, co2e; /* weights */
    double tariff, fluoride;   /* a kWh, a kg of AlF3 */
    double grid;               /* kg CO2e/kWh */
};

struct pot_spread { /* standard deviations, times what is wanted of them */
    unsigned scenarios;
    double efficiency, top, acd, alumina; /* share, share, mm, wt% */
};

struct pot_setup {
    struct pot_objective objective;
    struct pot_spread spread;
    struct purity purity;
    double feed_time, dose_time;        /* h */
    double noise_quiet, noise_distance; /* mV; mm by mV beyond it */
    bool held[POT_VARIABLES];           /* not decided: it stays as it is */
    struct nlp_settings solver;
};

/* What is known of a pot. */
struct pot_input {
    void *model; /* a CellModel at its present state */
    struct limit limit[QUANTITIES];
    double noise;                   /* mV; NaN: not known */
    double accepted[POT_VARIABLES]; /* the last answer; NaN: none */
    double baseline[POT_VARIABLES]; /* NaN: as it is */
    uint64_t seed;
};

enum pot_rung {
    POT_OPTIMAL,  /* within all limits */
    POT_RELAXED,  /* within those of rank 0 and whatever else could be kept */
    POT_ACCEPTED, /* what was accepted last */
    POT_BASELINE,
    POT_RUNGS
};
extern const char *const pot_rung_names[POT_RUNGS];

/* A side of a limit. */
struct pot_row {
    enum quantity of;
    bool high;
    unsigned scenario; /* 0: as it is thought to be */
    unsigned rank;
    double limit;
};

struct pot_active {
    struct pot_row row;
    double slack;      /* in its unit; below 0: it is missed */
    double multiplier; /* kWh/t that one unit more of room would save */
    double cost;       /* of a conflict: kWh/t more (less: below 0) than at the baseline, were it as much looser as
                          the others need it to be; NaN: not known */
    bool alone;        /* of a conflict: all limits hold with that; else those of the conflict do, and not all */
};

extern const double pot_anodes; /* kg CO2 by tonne, of the anodes */

enum { POT_TOLD_MAX = 16, POT_REASON_MAX = 768 };
struct pot_result {
    enum pot_rung rung;
    struct nlp_result search;
    double x[POT_VARIABLES], from[POT_VARIABLES];
    double now[QUANTITIES];                       /* what the twin has at this moment; NaN: of no moment */
    double before[QUANTITIES], after[QUANTITIES]; /* at rest: at the baseline, and at x */
    double energy[2], cost[2], co2e[2];           /* by tonne: at the baseline, and at x */
    double energy_now;                            /* kWh/t */
    double saved;                                 /* kWh/t */
    struct pot_active active[POT_TOLD_MAX];       /* of these the limits that hold the answer back */
    unsigned actives;
    struct pot_active
        conflict[POT_TOLD_MAX]; /* infeasible: a set of limits that cannot hold together, and for each how */
    unsigned conflicts;         /* much looser it would have to be (slack < 0; NaN: not known) */
    double rest;                /* of the optimality conditions */
    double seconds;
    long evaluations;
    char reason[POT_REASON_MAX];
};

struct pot {
    const struct pot_setup *setup;
    const struct pot_input *input;
    struct steady scenario[1 + POT_SCENARIOS_MAX];
    double shift_acd[1 + POT_SCENARIOS_MAX], shift_alumina[1 + POT_SCENARIOS_MAX]; /* mm, wt% */
    unsigned scenarios;                                                            /* the nominal one included */
    double low[POT_VARIABLES], high[POT_VARIABLES], from[POT_VARIABLES];
    double fluoride, alumina, bath; /* kg, kg, kg: in the bath now */
    double production;              /* kg/h of the baseline */
    double by[3];                   /* objectives at the baseline */
    double price;                   /* of a line's metal (line.h); NaN: the objective is by tonne */
    double stable;                  /* mm: below it the metal is not quiet */
    double begun;                   /* s, of the solver's clock: its deadline counts from here */
    long solves;                    /* of steady states, since it was opened: what its time goes into */
    struct pot_row row[POT_ROWS_MAX];
    unsigned rows;
    bool dropped[POT_ROWS_MAX]; /* not to be kept: its misses are what is to be least */
    bool repair;                /* least misses of what is dropped, not the objective */
};

/* PL_RANGE: no problem can be made of it (no current). */
enum pl_code pot_open(struct pot *pot, const struct pot_setup *setup, const struct pot_input *input,
                      struct pl_error **error);
/* All quantities at `x` in a scenario, with slopes by variable where asked; false: no such state. */
bool pot_quantities(struct pot *pot, unsigned scenario, const double *x, double *value,
                    double slope[QUANTITIES][POT_VARIABLES]);
/* kWh, cost, kg CO2e by tonne. */
bool pot_figures(struct pot *pot, const double *x, double *energy, double *cost, double *co2e);
bool pot_at(void *pot, const double *x, double *objective, double *constraint, double *gradient, double *jacobian);
/* What the twin has at this moment, kWh/t; NaN for what is of no moment (a feed, a throughput). */
void pot_present(const struct pot *pot, double *value, double *energy);
double pot_miss(const struct pot_row *row, double value); /* in units; above 0: missed */

double pot_now(const struct pot *pot); /* s, of the solver's clock */

/* The ladder without its words: rung, `x` and `search`. `start` is where the search begins. */
void pot_decide(struct pot *pot, const double *start, double until, struct pot_result *result);
/* The whole ladder, once. Always leaves an answer; `seconds` counts all since it was opened. */
void pot_solve(struct pot *pot, struct pot_result *result);
/* pot_conflict.c: a minimal set of limits that cannot hold together. */
void pot_conflict(struct pot *pot, const double *start, double until, struct pot_result *result);
/* pot_tell.c: what was decided and why, in words. */
void pot_tell(const struct pot *pot, struct pot_result *result);

#endif
