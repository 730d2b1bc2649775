/* optimize_pareto.c: the trade-off: the least energy by tonne for each throughput, of a pot or of a whole line. Each
 * point is a solve of its own with so much metal at least, and only answers within all limits are drawn. */
#include <math.h>
#include <string.h>

#include "model.h"
#include "optimize.h"

enum { POINTS = 9 };
static const double LEAST_THROUGHPUT = 96, STEP_THROUGHPUT = 1; /* % of the baseline's */

struct point {
    double made, energy, current, other; /* %, kWh/t, kA; mm of a pot, MW of a line */
    const char *outcome;
};

static struct point point_of(const json_t *body, bool whole) {
    return (struct point){.made = pl__optimize_number(body, whole ? NULL : "after", "throughput"),
                          .energy = pl__optimize_number(body, "after", "energy"),
                          .current = pl__optimize_number(body, whole ? NULL : "after", "current"),
                          .other = pl__optimize_number(body, "after", whole ? "power" : "acd"),
                          .outcome = pl__optimize_text(body, "outcome")};
}

/* With so much metal at least. One move of the current is no limit of what could be. */
static json_t *solve_at(struct optimize *o, double throughput, bool whole) {
    char limit[200];
    if (!whole) {
        snprintf(limit, sizeof limit, "{of: throughput, low: %g, high: 150, rank: 0}, ", throughput);
        return pl__optimize_options(o, "current: free, ", limit) ? pl__optimize_run(o, "twin.state", "optimize.run")
                                                                 : NULL;
    }
    snprintf(limit, sizeof limit,
             "{of: current_move, low: -20, high: 20, rank: 0}, {of: line_throughput, low: %g, high: 150, rank: 0}, ",
             throughput);
    return pl__optimize_line_run(o, limit);
}

int pl__optimize_pareto(struct optimize *o) {
    double throughput[POINTS], energy[POINTS];
    size_t count = 0;
    bool whole = json_object_get(o->file, "pots") != NULL;
    printf("%12s %12s %12s %10s %10s\n", "throughput %", "kWh/t", "current kA", whole ? "power MW" : "acd mm",
           "outcome");
    for (int i = 0; i < POINTS; i++) {
        json_t *body = solve_at(o, LEAST_THROUGHPUT + i * STEP_THROUGHPUT, whole);
        if (!body) return PL_EXIT_USAGE;
        struct point p = point_of(body, whole);
        printf("%12.2f %12.1f %12.2f %10.2f %10s\n", p.made, p.energy, p.current, p.other, p.outcome);
        throughput[count] = p.made;
        energy[count] = p.energy;
        count += strcmp(p.outcome, "optimal") == 0 && isfinite(p.made) &&
                 (count == 0 || p.made > throughput[count - 1] + 1e-6);
        json_decref(body);
    }
    const char *image = pl_cli_get(o->cli, "image");
    struct pl__plot plot = {.title = "energy against throughput", .x = "% of the baseline", .y = "kWh/t", .count = 1};
    plot.curve[0] = (struct pl__curve){"least energy", throughput, energy, count, false};
    if (count > 1) pl__plot_terminal(stdout, &plot);
    return image && !pl__plot_file(o->cli, image, &plot, 1) ? PL_EXIT_FAILED : PL_EXIT_OK;
}
