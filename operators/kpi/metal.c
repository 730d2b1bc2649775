#include "metal.h"

#include <math.h>
#include <string.h>

static const double METAL_BY_CHARGE = 9.3214647e-8; /* kg/C, Faraday */
static const double ODD = 4;                        /* deviations: a reading beyond has that much less to say */

void kpi_metal_begin(struct kpi_metal *m, const struct kpi_metal_setup *setup, double seen) {
    memset(m, 0, sizeof *m);
    m->x[METAL_SUM] = seen;
    m->x[METAL_EFFICIENCY] = setup->usual;
    m->p[METAL_SUM][METAL_SUM] = setup->noise * setup->noise;
    m->p[METAL_EFFICIENCY][METAL_EFFICIENCY] = setup->spread * setup->spread;
}

void kpi_metal_period(struct kpi_metal *m, unsigned period) {
    unsigned k = METAL_SINCE + period;
    m->x[k] = 0;
    for (unsigned i = 0; i < METAL_STATES; i++)
        m->p[i][k] = m->p[k][i] = 0;
}

void kpi_metal_before(struct kpi_metal *m, unsigned period, double coulomb) {
    unsigned k = METAL_SINCE + period;
    double kg = coulomb * METAL_BY_CHARGE, variance = m->p[METAL_EFFICIENCY][METAL_EFFICIENCY];
    m->x[k] = m->x[METAL_EFFICIENCY] * kg;
    m->p[k][k] = kg * kg * variance;
    m->p[k][METAL_EFFICIENCY] = m->p[METAL_EFFICIENCY][k] = kg * variance;
}

static int grows(unsigned i) {
    return i != METAL_EFFICIENCY;
}

void kpi_metal_grow(struct kpi_metal *m, const struct kpi_metal_setup *setup, double coulomb, double seconds) {
    double kg = coulomb * METAL_BY_CHARGE, keeps = exp(-seconds / setup->wander), before[METAL_STATES];
    double efficiency = m->x[METAL_EFFICIENCY], variance = m->p[METAL_EFFICIENCY][METAL_EFFICIENCY];
    for (unsigned i = 0; i < METAL_STATES; i++)
        before[i] = m->p[i][METAL_EFFICIENCY];
    for (unsigned i = 0; i < METAL_STATES; i++) {
        if (!grows(i)) continue;
        m->x[i] += efficiency * kg;
        for (unsigned j = 0; j < METAL_STATES; j++)
            if (grows(j)) m->p[i][j] += kg * (before[i] + before[j]) + kg * kg * variance;
        m->p[i][METAL_EFFICIENCY] = m->p[METAL_EFFICIENCY][i] = keeps * (before[i] + kg * variance);
    }
    m->x[METAL_EFFICIENCY] = setup->usual + keeps * (efficiency - setup->usual);
    m->p[METAL_EFFICIENCY][METAL_EFFICIENCY] =
        keeps * keeps * variance + (1 - keeps * keeps) * setup->spread * setup->spread;
}

void kpi_metal_doubt(struct kpi_metal *m, double most) {
    for (unsigned i = 0; i < METAL_STATES; i++)
        for (unsigned j = 0; j < METAL_STATES; j++)
            if (grows(i) && grows(j)) m->p[i][j] += most * most;
}

void kpi_metal_see(struct kpi_metal *m, const struct kpi_metal_setup *setup, double seen) {
    double off = seen - m->x[METAL_SUM], known = m->p[METAL_SUM][METAL_SUM];
    double noise = fmax(setup->noise * setup->noise, off * off / (ODD * ODD) - known), gain[METAL_STATES];
    for (unsigned i = 0; i < METAL_STATES; i++)
        gain[i] = m->p[i][METAL_SUM] / (known + noise);
    double row[METAL_STATES];
    memcpy(row, m->p[METAL_SUM], sizeof row);
    for (unsigned i = 0; i < METAL_STATES; i++) {
        m->x[i] += gain[i] * off;
        for (unsigned j = 0; j < METAL_STATES; j++)
            m->p[i][j] -= gain[i] * row[j];
    }
}
