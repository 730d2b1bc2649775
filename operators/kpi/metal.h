/* metal.h: how much metal a pot has made, from a level that tells it to some 80 kg and charge that tells it to a per
 * cent.
 *
 * A Kalman filter of what the pot has made and holds or has given (`sum`: it only grows), of its current efficiency,
 * which wanders about a usual one, and of what was made since the hour, the shift and the day began. Those are read
 * off with their variance; nothing of what was not known at their beginning is counted as made.
 */
#ifndef KPI_METAL_H
#define KPI_METAL_H

enum { METAL_SUM, METAL_EFFICIENCY, METAL_SINCE, METAL_STATES = METAL_SINCE + 3 };

struct kpi_metal {          /* in a record; all 0 until the first level */
    double x[METAL_STATES]; /* kg, a share, kg since each period began */
    double p[METAL_STATES][METAL_STATES];
};

struct kpi_metal_setup {
    double usual, spread; /* efficiency of pots, and how much theirs differ */
    double wander;        /* s: over which one goes through that spread */
    double noise;         /* kg of a reading */
};

void kpi_metal_begin(struct kpi_metal *metal, const struct kpi_metal_setup *setup, double seen);
void kpi_metal_period(struct kpi_metal *metal, unsigned period); /* a new one begins */
/* So much charge has passed in it before the first level. */
void kpi_metal_before(struct kpi_metal *metal, unsigned period, double coulomb);
/* `coulomb` have passed in so many seconds. */
void kpi_metal_grow(struct kpi_metal *metal, const struct kpi_metal_setup *setup, double coulomb, double seconds);
/* Something may have been made, `most` kg, that nobody has measured. */
void kpi_metal_doubt(struct kpi_metal *metal, double most);
void kpi_metal_see(struct kpi_metal *metal, const struct kpi_metal_setup *setup, double seen);

#endif
