/* kpi.h: what a shift, a day, an hour of pots was like in figures that managers and authorities ask for.
 *
 *     samples of a pot -> integrals (table `sums`, by pot and period) -> the watermark passes the period's end
 *                                                  pots -> lines -> plant -> figures -> rows
 *
 * A value holds until the next one of its tag, for `hold` at most; time beyond that is not covered and says so. Where
 * both are back soon, what lies between is taken for the mean of both sides (gaps.c): it is bridged. An interval that
 * lies across an end of a period is shared out, so the sums of hours are those of their day; but for metal, of which
 * more is known at the end of a day than of its first hour when that ended (metal.h).
 */
#ifndef POTLINE_KPI_H
#define POTLINE_KPI_H

#include <calendar.h>
#include <potline/potline.h>

#include "../signals.h"
#include "metal.h"

enum { KPI_OUT };
enum { TABLE_POTS, TABLE_SUMS, TABLE_PROGRESS, TABLE_TOLD };
enum { COUNT_ROWS_TOLD, COUNT_IGNORED, COUNT_LATE, COUNT_REFUSED };
enum kpi_signal { KPI_VOLTAGE, KPI_CURRENT, KPI_FEED, KPI_TAPPED, KPI_LEVEL, KPI_SIGNALS };
enum kpi_period { KPI_HOUR, KPI_SHIFT, KPI_DAY, KPI_PERIODS };

/* The integrals of one pot, line or plant over a period. */
struct kpi_sums { /* a record */
    double joule, coulomb, volt_seconds;
    double seconds;                    /* pot-seconds with voltage and current */
    double bridged;                    /* without, but their sums are known from both sides */
    double lost;                       /* without, and they are not: only metal was counted */
    double watched;                    /* with voltage: effects would have been seen */
    double joule_doubt, coulomb_doubt; /* J2 of voltages and effects, C2: how exactly what is bridged is known */
    double effects;                    /* that began */
    double effect_seconds;
    double effect_doubt; /* s2: how exactly that is known */
    double fed;          /* kg of alumina */
    double made;         /* kg of metal */
    double made_doubt;   /* kg2: how exactly that is known */
    double unmade;       /* C of pots in a sum whose metal nobody measures */
};

/* What is known of a pot between two rows. */
struct kpi_pot {             /* a record */
    pl_time at[KPI_SIGNALS]; /* of the newest value; PL_TIME_MIN: none yet */
    double value[KPI_SIGNALS];
    double tapped; /* kg since the start, over every reset of the count */
    struct kpi_metal metal;
    pl_time since[KPI_PERIODS];    /* begin of the periods that `metal` counts; PL_TIME_MIN: none yet */
    pl_time until;                 /* voltage and current have been summed up to then */
    pl_time gap;                   /* since then one of them is missing; PL_TIME_MIN: none is */
    double side[2];                /* voltage and current that it began with */
    double gap_watched, gap_volts; /* s, V s: of the voltage within it */
    pl_time effect_until;
    uint32_t effect; /* one goes on */
    uint32_t levels; /* readings of the level so far */
};

struct kpi_progress { /* a record */
    pl_time closed;
};

/* Factors, from the options. */
struct kpi_factors {
    double slope, ratio; /* kg CF4 a tonne by (effects a pot-day * minutes each); kg C2F6 by kg CF4 */
    double warming_cf4, warming_c2f6;
    double carbon, carbon_content; /* kg of anode by kg of metal; share of it that is carbon */
    double grid;                   /* kg CO2e by kWh */
};

enum kpi_figure {
    FIGURE_ENERGY,
    FIGURE_SPECIFIC,
    FIGURE_PRODUCTION,
    FIGURE_THROUGHPUT,
    FIGURE_EFFICIENCY,
    FIGURE_VOLTAGE,
    FIGURE_EFFECTS,
    FIGURE_EFFECT_MINUTES,
    FIGURE_PFC,
    FIGURE_CO2E,
    FIGURE_ALUMINA,
    FIGURE_COVERED,
    FIGURE_BRIDGED,
    FIGURES
};
extern const char *const kpi_figure_names[FIGURES];
extern const char *const kpi_figure_units[FIGURES];
extern const char *const kpi_period_names[KPI_PERIODS + 1]; /* ends in NULL */

/* What was told last of a pot, line or the plant, by period. */
struct kpi_last { /* a record */
    pl_time from, to;
    double figure[FIGURES];
};

/* A pot, a line or the plant in one period. */
struct kpi_told {
    pl_time to, from;
    enum kpi_period period;
    uint32_t asset;
    double pots;
    struct kpi_sums sums;
};

/* ---- figures.c ---- */

/* kg CO2e a tonne of a second of effects: what the slope method makes of it. */
double kpi_pfc_by_second(const struct kpi_sums *sums, const struct kpi_factors *factors);
void kpi_add(struct kpi_sums *to, const struct kpi_sums *more);
/* Of a sum of pots: what those have made that have no level. */
void kpi_complete(struct kpi_sums *sums, const struct kpi_metal_setup *setup);
/* `pots` there are, over `seconds`. NaN where there is no meaning (nothing made). */
void kpi_figures(const struct kpi_sums *sums, const struct kpi_factors *factors, double pots, double seconds,
                 double out[FIGURES]);

struct kpi_span { /* an open period of the watermark's walk */
    pl_time from, to;
};

struct kpi {
    /* options */
    const char *signal[KPI_SIGNALS];
    uint32_t periods; /* bits */
    struct pl_strings shift_texts;
    const char *zone_name, *plant;
    pl_time hold, bridge, tapped_hold, effect_apart;
    double effect_voltage, cavity, density, level_noise;
    double efficiency, efficiency_spread;
    pl_time efficiency_wander;
    struct kpi_metal_setup metal;
    struct kpi_factors factors;
    bool pfc; /* its factors were given, or not: they are there anyway */
    bool aimed;
    double target[FIGURES]; /* 0: there is none */

    struct calendar calendar; /* its period is set for each question */
    struct pl_tags *tags;
    struct pl_table *pots, *sums, *last;
    unsigned depth;
    struct signals signals;
    pl_time closed;
    bool found;
    uint64_t ignored, late, refused;
    struct pl_batch *out;
};

/* kpi.c */
void kpi_span_of(struct kpi *kpi, enum kpi_period period, pl_time time, struct kpi_span *span);

/* sums.c: false without memory. */
bool kpi_take(struct kpi *kpi, const struct pl_batch *batch);
/* Everything that holds goes on until `now`, so that a period that ends there is whole. */
bool kpi_carry_on(struct kpi *kpi, pl_time now);

struct kpi_part {
    double volts, amperes;
    double effect;                  /* 1 while one goes on */
    double known, bridged, watched; /* 1: seconds count as that */
    double lost;                    /* likewise; -1: they were not lost after all */
    double volts_doubt, amperes_doubt;
    double hidden;  /* J: what an effect would have taken that nobody saw */
    bool only_open; /* no sums are begun for it */
};
void kpi_integrate(struct kpi *kpi, uint32_t asset, pl_time from, pl_time to, const struct kpi_part *part);
/* Until then the newest voltage and current hold. */
pl_time kpi_holds_until(const struct kpi *kpi, const struct kpi_pot *pot);

/* gaps.c: until when a pot that is silent from `from` on, or longer, counts as one that is there: its sums begin. */
pl_time kpi_gap_there(const struct kpi_pot *pot, pl_time from);
/* Voltage or current is missing from `from` to `to`. `begin`: sums of periods begin in it. */
void kpi_gap_lose(struct kpi *kpi, uint32_t asset, struct kpi_pot *pot, pl_time from, pl_time to, bool begin);
/* Both are there again at `time`: what was between is bridged where it was short. */
void kpi_gap_end(struct kpi *kpi, uint32_t asset, struct kpi_pot *pot, pl_time time);
/* s: metal of how long a part of a gap leaves in doubt. */
double kpi_gap_doubt(const struct kpi_pot *pot, pl_time from, pl_time to);

/* tell.c: the periods that end until `now`. */
bool kpi_close(struct kpi *kpi, struct pl_node *node, pl_time now);
bool kpi_flush(struct kpi *kpi, struct pl_node *node);

/* The pots of one period, in order of their names, then their lines, then the plant, until `tell` returns false.
 * `room` holds as many again. */
typedef bool kpi_teller(struct kpi *kpi, struct pl_node *node, const struct kpi_told *told, void *arg);
bool kpi_each(struct kpi *kpi, struct pl_node *node, const struct kpi_told *pots, uint32_t count, struct kpi_told *room,
              kpi_teller *tell, void *arg);
/* The figures, and whether `figure` is as exact as it should be. */
bool kpi_sure(const struct kpi *kpi, const struct kpi_told *told, const double figure[FIGURES], enum kpi_figure one);

/* list.c: `kpi list`. */
extern const struct pl_command kpi_commands[];

#endif
