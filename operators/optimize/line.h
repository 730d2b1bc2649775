/* line.h: the problem of a whole line: one current for all of its pots, and each pot's set points for it.
 *
 *     variables   the line's current now, or by tariff for each hour of a day; and every pot's own (pot.h)
 *     objective   weights of kWh/t, cost/t and kg CO2e/t of all the metal, each by its value at the baseline
 *     limits      the contract's current and how fast it may go, throughput of the line, the rectifier's power and
 *                 voltage; and every pot's own: at no current is a pot worse off than at the present one
 *
 * The current coordinates, and so does a price of metal: with both given, pots have nothing to do with each other, and
 * each is solved by itself (a decomposition by price and resource; Lasdon 1970). The price is the Lagrange multiplier
 * of the throughput, or where that does not bind the objective by tonne itself (Dinkelbach 1967), so that least
 * objective less price times metal is least by tonne. Pots are solved at a few currents; curves through them (cubic,
 * `curve_error` by the true model) carry the search, and the pots themselves confirm the answer. test: the same as one
 * problem of all.
 *
 * By hour, a current is one that pots could be left at for good, so no hour relies on the heat that a pot stores.
 */
#ifndef OPTIMIZE_LINE_H
#define OPTIMIZE_LINE_H

#include "pot.h"

enum { LINE_POTS_MAX = 512, LINE_HOURS = 24, LINE_TOLD_MAX = 4, LINE_NAME_MAX = 64 };

struct line_setup {
    struct pot_setup pot;      /* `solver.seconds` is for all of it; `held[POT_CURRENT]` is not asked */
    bool by_hour;              /* a day by tariff; else as it is best now */
    double tariff[LINE_HOURS]; /* money by kWh: of this hour and those that follow */
};

struct line_input {
    struct limit limit[QUANTITIES]; /* of the line */
    double now, baseline;           /* kA */
    double accepted;                /* kA: what is being set, by an earlier answer; NaN: nothing */
    unsigned pots;
    unsigned others; /* of the line that nothing is believed of: to the rectifier they are as these are on average */
    struct pot_input *pot;
    char (*name)[LINE_NAME_MAX];
};

struct line_figures {
    double energy, cost, co2e; /* by tonne */
    double made;               /* t/h, of `pots` */
    double power, voltage;     /* MW, V: of all, `others` included */
};

/* What keeps the current where it is. */
struct line_active {
    struct pot_row row;      /* of the line, or of a pot */
    char pot[LINE_NAME_MAX]; /* "": the line's own */
    double multiplier;       /* kWh/t that one unit more of room (of a pot's limit: one kA more) would save */
};

struct line_result {
    enum pot_rung rung; /* relaxed: the throughput is missed, or pots' limits give way; accepted: what was set before
                           goes on; baseline: nothing is set */
    bool gives_way;     /* pots' limits do, to the contract or the rectifier */
    double current, from;
    unsigned hours;
    double schedule[LINE_HOURS];       /* kA; the first is `current` */
    struct line_figures before, after; /* at the baseline, and as decided (by hour: means by tonne) */
    double throughput;                 /* % of the baseline's, over all hours */
    double saved;                      /* kWh/t */
    double price;                      /* of metal, by what the baseline's objective is */
    double curve_error;                /* kWh/t: what the curves had said, and what pots come to */
    double low, high;                  /* kA: between what limits but the throughput's allow */
    double (*x)[POT_VARIABLES];        /* by pot, the caller's: room for all, or NULL */
    struct line_active active[LINE_TOLD_MAX];
    unsigned actives;
    unsigned missed; /* pots that cannot keep all of their limits at the present current either */
    long evaluations;
    double seconds;
    bool late;
    char reason[POT_REASON_MAX];
};

/* PL_RANGE: no problem can be made of it, or its pots have another current than `now`; PL_NO_MEMORY. `result->x` is
 * kept. */
enum pl_code line_solve(const struct line_setup *setup, struct line_input *input, struct line_result *result,
                        struct pl_error **error);

#endif
