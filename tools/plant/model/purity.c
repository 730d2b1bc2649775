#include "purity.h"

#include <math.h>

#define DAY 86400.0

static const double IRON_ALUMINA = 1.05e-4, SILICON_ALUMINA = 6.1e-5; /* kg/kg */
static const double IRON_CARBON = 5e-4, SILICON_CARBON = 2.5e-4;      /* kg/kg */
static const double TOOLS = 0.41, EFFECT = 60;                        /* kg of iron a day; and while an effect is on */
static const double WARM = 965, WARMER = 15;                        /* deg C, K: a hotter bath eats collars and stubs */
static const double UNEVEN = 0.018;                                 /* m by which the ledge differs along the wall */
static const double WEAR = 2e-4 / DAY, CARBIDE = 3000, SHARE = 0.7; /* m/s of bare wall, kg/m3, Si in it */

struct taken {
    double iron, silicon; /* kg/s */
};

static struct taken taken_up(const struct plant_cell *cell, double alumina, double carbon, bool effect) {
    double stubs = TOOLS / DAY * exp((cell->y[PLANT_BATH_TEMP] - WARM) / WARMER);
    double bare = 0.5 * erfc(plant_cell_ledge(cell) / UNEVEN / sqrt(2));
    return (struct taken){alumina * IRON_ALUMINA + carbon * IRON_CARBON + stubs + (effect ? EFFECT / DAY : 0),
                          alumina * SILICON_ALUMINA + carbon * SILICON_CARBON +
                              cell->set.wall.area * bare * WEAR * CARBIDE * SHARE};
}

void plant_purity_init(struct plant_purity *purity, const struct plant_cell *cell) {
    double metal = PLANT_METAL_PER_COULOMB * 180e3 * cell->set.efficiency;
    struct taken t = taken_up(cell, metal / 0.5293, 1.2 * metal * PLANT_CARBON_PER_METAL, false);
    double content = (t.iron + t.silicon) / metal;
    *purity = (struct plant_purity){.iron = t.iron / metal * cell->y[PLANT_METAL],
                                    .silicon = t.silicon / metal * cell->y[PLANT_METAL],
                                    .made = 100 * content,
                                    .before = cell->meters};
}

void plant_purity_step(struct plant_purity *purity, const struct plant_cell *cell, bool effect, double seconds) {
    const struct plant_cell_meters *now = &cell->meters, *before = &purity->before;
    double made = now->produced - before->produced, tapped = now->tapped - before->tapped;
    struct taken t =
        taken_up(cell, (now->used - before->used) / seconds, (now->carbon - before->carbon) / seconds, effect);
    double kept = 1 - tapped / (cell->y[PLANT_METAL] + tapped);
    purity->iron = purity->iron * kept + t.iron * seconds;
    purity->silicon = purity->silicon * kept + t.silicon * seconds;
    if (made > 0) purity->made = 100 * (t.iron + t.silicon) * seconds / made;
    purity->before = *now;
}

double plant_purity_content(const struct plant_purity *purity, const struct plant_cell *cell) {
    return 100 * (purity->iron + purity->silicon) / cell->y[PLANT_METAL];
}
