#include "purity.h"

#include <math.h>
#include <string.h>

const struct purity purity_usual = {.raw = 0.042, .tools = 0.45, .uneven = 20, .wear = 0.25};

static const double WARM = 965, WARMER = 15;     /* deg C, K */
static const double CARBIDE = 3000, SHARE = 0.7; /* kg/m3, of it silicon */
static const double HOURS = 24;                  /* a day */

double purity_of(const struct purity *p, const struct cell_setup *set, const struct steady_state *state,
                 double slope[STEADY_OUTPUTS]) {
    double made = state->out[STEADY_PRODUCTION], spread = p->uneven * 1e-3;
    double stubs = p->tools / HOURS * exp((state->out[STEADY_TEMPERATURE] - WARM) / WARMER), worn = 0;
    if (slope) memset(slope, 0, STEADY_OUTPUTS * sizeof *slope);
    for (int k = 0; k < CELL_WALLS; k++) {
        double rate = set->wall_area[k] * p->wear * 1e-3 / HOURS * CARBIDE * SHARE; /* kg/h of a wall all bare */
        double u = state->out[STEADY_LEDGE_BATH + k] / spread;
        worn += rate * 0.5 * erfc(u / sqrt(2));
        if (slope)
            slope[STEADY_LEDGE_BATH + k] = -100 / made * rate * exp(-0.5 * u * u) / (sqrt(2 * acos(-1)) * spread);
    }
    if (slope) {
        slope[STEADY_TEMPERATURE] = 100 / made * stubs / WARMER;
        slope[STEADY_PRODUCTION] = -100 / made * (stubs + worn) / made;
    }
    return p->raw + 100 * (stubs + worn) / made;
}
