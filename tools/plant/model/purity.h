/* purity.h: the iron and silicon that the metal takes up: from the alumina, the anodes, tools and stubs, and from a
 * side wall that its ledge leaves bare.
 *
 *     struct plant_purity purity;
 *     plant_purity_init(&purity, &cell);
 *     plant_purity_step(&purity, &cell, effect, seconds);       after the cell's own step
 *
 * What the metal holds follows what it takes up in about eleven days (pad by production), so both are told: `made` is
 * where the content would go if the pot stayed as it is.
 *
 * A wall of silicon carbide is attacked where there is no ledge before it. Along the wall the ledge is not the same
 * everywhere: its thickness is taken as normal around the mean. Raw materials are as specified for smelters (0.015 %
 * Fe2O3 and 0.013 % SiO2 in alumina, 0.05 % Fe and 0.025 % Si in anodes); the rates of wall, tools and stubs are
 * plausible (99.9 % metal of a pot that is run well), not measured.
 */
#ifndef PLANT_PURITY_H
#define PLANT_PURITY_H

#include <stdbool.h>

#include "cell.h"

struct plant_purity {
    double iron, silicon; /* kg in the metal */
    double made;          /* wt% of iron and silicon: what is taken up by what is made */
    struct plant_cell_meters before;
};

void plant_purity_init(struct plant_purity *purity, const struct plant_cell *cell);
/* `effect`: an anode effect is on; tools and splashing bath bring iron. */
void plant_purity_step(struct plant_purity *purity, const struct plant_cell *cell, bool effect, double seconds);
/* wt% of iron and silicon in the metal. */
double plant_purity_content(const struct plant_purity *purity, const struct plant_cell *cell);

#endif
