#include "kpi.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/plugin.h>

#include "zone.h"

static const struct pl_option pfc_options[] = {
    PL_OPT_NUMBER(struct kpi, factors.slope, "slope", "0.143", "0", "1", PL_FIXED,
                  "kg CF4 a tonne by minutes of anode effect a pot-day."),
    PL_OPT_NUMBER(struct kpi, factors.ratio, "c2f6", "0.121", "0", "1", PL_FIXED, "kg C2F6 by kg CF4."),
    PL_OPT_NUMBER(struct kpi, factors.warming_cf4, "gwp_cf4", "6630", "0", "100000", PL_FIXED,
                  "kg CO2e by kg CF4, over a hundred years."),
    PL_OPT_NUMBER(struct kpi, factors.warming_c2f6, "gwp_c2f6", "11100", "0", "100000", PL_FIXED,
                  "kg CO2e by kg C2F6."),
    PL_OPT_END,
};

static const struct pl_option target_options[] = {
    PL_OPT_NUMBER(struct kpi, target[FIGURE_SPECIFIC], "kwh_per_t", "0", "0", "100000", PL_LIVE,
                  "kWh/t; 0, as of the others: there is none."),
    PL_OPT_NUMBER(struct kpi, target[FIGURE_CO2E], "co2e", "0", "0", "100000", PL_LIVE, "kg CO2e/t."),
    PL_OPT_NUMBER(struct kpi, target[FIGURE_THROUGHPUT], "throughput", "0", "0", "1000", PL_LIVE,
                  "t/d of a pot; of a line and the plant as often as they have pots."),
    PL_OPT_NUMBER(struct kpi, target[FIGURE_EFFICIENCY], "current_efficiency", "0", "0", "100", PL_LIVE, "%."),
    PL_OPT_NUMBER(struct kpi, target[FIGURE_EFFECTS], "anode_effects", "0", "0", "100", PL_LIVE, "By pot-day."),
    PL_OPT_END,
};

static const struct pl_option kpi_options[] = {
    PL_OPT_STRING(struct kpi, signal[KPI_VOLTAGE], "voltage", "voltage", PL_FIXED,
                  "The last part of the tag of a pot's voltage, V."),
    PL_OPT_STRING(struct kpi, signal[KPI_CURRENT], "current", "current", PL_FIXED,
                  "Likewise of the current, kA unless the tag's unit is A."),
    PL_OPT_STRING(struct kpi, signal[KPI_FEED], "feed", "feed_total", PL_FIXED,
                  "Of the count of alumina fed so far, kg or t."),
    PL_OPT_STRING(struct kpi, signal[KPI_TAPPED], "tapped", "tapped_total", PL_FIXED,
                  "Of that of metal tapped, kg or t."),
    PL_OPT_STRING(struct kpi, signal[KPI_LEVEL], "metal_level", "metal_level", PL_FIXED,
                  "Of the height of the metal; cm, or the tag's unit (mm, m)."),
    PL_OPT_SET(struct kpi, periods, "per", "[hour, shift, day]", kpi_period_names, PL_STATE,
               "What the figures are over."),
    PL_OPT_STRINGS(struct kpi, shift_texts, "shifts", "[\"06:00\", \"14:00\", \"22:00\"]", PL_STATE,
                   "When shifts begin, by the clock; a day begins with its first shift."),
    PL_OPT_STRING(struct kpi, zone_name, "zone", "UTC", PL_STATE, "Whose clock: a time zone like Europe/Oslo."),
    PL_OPT_STRING(struct kpi, plant, "plant", "plant", PL_FIXED, "The asset that all lines together are; \"\": none."),
    PL_OPT_DURATION(struct kpi, hold, "hold", "30s", "1s", "1h", PL_FIXED,
                    "How long a voltage or current holds where no newer one comes; beyond, the time is not covered."),
    PL_OPT_DURATION(struct kpi, bridge, "bridge", "25m", "0s", "1h", PL_FIXED,
                    "Time that is not covered, but no longer at a time, is taken for the mean of both sides."),
    PL_OPT_DURATION(
        struct kpi, tapped_hold, "tapped_hold", "1m", "0s", "30d", PL_FIXED,
        "How long a count of tapped metal holds: beyond, levels are set aside, as tapping may go on unseen. "
        "0s: for ever, of a count that comes only when it changes."),
    PL_OPT_NUMBER(struct kpi, level_noise, "level_noise", "0.1", "0.001", "10", PL_FIXED,
                  "cm: how far one reading of the metal's level is off."),
    PL_OPT_NUMBER(struct kpi, efficiency, "efficiency", "0.94", "0.1", "1", PL_FIXED,
                  "Current efficiency that pots have, before anything is known of one."),
    PL_OPT_NUMBER(struct kpi, efficiency_spread, "efficiency_spread", "0.01", "0.0001", "0.3", PL_FIXED,
                  "How much theirs differ, and one's in the course of time."),
    PL_OPT_DURATION(struct kpi, efficiency_wander, "efficiency_wander", "72h", "1h", "1000d", PL_FIXED,
                    "Over how long that is."),
    PL_OPT_DURATION(struct kpi, effect_apart, "effect_apart", "1m", "0s", "1h", PL_FIXED,
                    "An anode effect that begins so soon behind another one is the same."),
    PL_OPT_NUMBER(struct kpi, effect_voltage, "effect_voltage", "8", "5", "100", PL_FIXED,
                  "V: above it there is an anode effect."),
    PL_OPT_NUMBER(struct kpi, cavity, "cavity", "32.4", "0.1", "1000", PL_FIXED, "m2 of metal, seen from above."),
    PL_OPT_NUMBER(struct kpi, density, "density", "2300", "2000", "2500", PL_FIXED, "kg/m3 of metal."),
    PL_OPT_GROUP(struct kpi, pfc, "pfc", "true", pfc_options, PL_FIXED, "The slope method's factors."),
    PL_OPT_NUMBER(struct kpi, factors.carbon, "carbon", "0.41", "0", "1", PL_FIXED,
                  "kg of anodes by kg of metal, net of butts."),
    PL_OPT_NUMBER(struct kpi, factors.carbon_content, "carbon_content", "0.976", "0", "1", PL_FIXED,
                  "Share of them that is carbon."),
    PL_OPT_NUMBER(struct kpi, factors.grid, "grid", "0", "0", "2", PL_FIXED,
                  "kg CO2e by kWh of what the line is fed with; 0: of the pots alone."),
    PL_OPT_GROUP(struct kpi, aimed, "targets", "true", target_options, PL_LIVE,
                 "What figures are held against, in `kpi list`, reports and on the dashboard."),
    PL_OPT_END,
};

void kpi_span_of(struct kpi *k, enum kpi_period period, pl_time time, struct kpi_span *span) {
    if (period == KPI_HOUR) {
        pl_time rest = time % PL_HOUR;
        span->from = time - (rest < 0 ? rest + PL_HOUR : rest);
        span->to = span->from > PL_TIME_MAX - PL_HOUR ? PL_TIME_MAX : span->from + PL_HOUR;
        return;
    }
    k->calendar.period = period == KPI_SHIFT ? CALENDAR_SHIFT : CALENDAR_DAY;
    calendar_window(&k->calendar, time, &span->from, &span->to);
}

/* ---- Life cycle ---- */

static void kpi_check(void *self, struct pl_check *check) {
    const struct kpi *k = self;
    struct calendar calendar = {0};
    struct pl_error *error = NULL;
    if (calendar_set_shifts(&calendar, &k->shift_texts, &error)) pl_check_error(check, "shifts", "%s", error->text);
    pl_error_free(&error);
    if (zone_open(k->zone_name, &calendar.zone, &error)) pl_check_error(check, "zone", "%s", error->text);
    pl_error_free(&error);
    zone_free(calendar.zone);
    if (!k->periods) pl_check_error(check, "per", "say what the figures are over: hour, shift, day");
}

static enum pl_code kpi_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct kpi *k = self;
    k->tags = pl_node_tags(node);
    k->signals = (struct signals){.name = k->signal, .count = KPI_SIGNALS};
    k->pots = pl_node_table(node, TABLE_POTS);
    k->sums = pl_node_table(node, TABLE_SUMS);
    k->last = pl_node_table(node, TABLE_TOLD);
    k->depth = pl_node_key_depth(node);
    k->closed = PL_TIME_MIN;
    pl_node_model(node, NULL, NULL, NULL);
    k->metal = (struct kpi_metal_setup){.usual = k->efficiency,
                                        .spread = k->efficiency_spread,
                                        .wander = (double)k->efficiency_wander * 1e-9,
                                        .noise = k->level_noise / 100 * k->cavity * k->density};
    enum pl_code code = calendar_set_shifts(&k->calendar, &k->shift_texts, error);
    return code ? code : zone_open(k->zone_name, &k->calendar.zone, error);
}

static void kpi_close_node(void *self, struct pl_node *node) {
    (void)node;
    struct kpi *k = self;
    zone_free(k->calendar.zone);
    signals_free(&k->signals);
    pl_batch_unref(k->out);
    k->calendar.zone = NULL;
    k->out = NULL;
}

/* ---- Data path ---- */

static void find(struct kpi *k, struct pl_node *node) {
    const struct kpi_progress *progress = pl_table_find(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    if (!k->found && progress) k->closed = progress->closed;
    k->found = true;
}

static void count_all(struct kpi *k, struct pl_node *node) {
    if (k->ignored) pl_count(node, COUNT_IGNORED, k->ignored);
    if (k->late) pl_count(node, COUNT_LATE, k->late);
    if (k->refused) pl_count(node, COUNT_REFUSED, k->refused);
    k->ignored = k->late = k->refused = 0;
}

static enum pl_flow kpi_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct kpi *k = self;
    find(k, node);
    bool good = kpi_take(k, batch);
    pl_batch_unref(batch);
    count_all(k, node);
    return good ? PL_FLOW_OK : pl_fail(node, "no memory for pots");
}

static pl_time kpi_watermark(void *self, struct pl_node *node, pl_time now) {
    struct kpi *k = self;
    find(k, node);
    if (now <= k->closed) return now;
    struct kpi_progress *progress = pl_table_get(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    bool good = progress && kpi_close(k, node, now);
    k->closed = now;
    if (progress) progress->closed = now;
    count_all(k, node);
    if (!good) pl_fail(node, "no memory for figures");
    return now;
}

/* What is late in the one that is farther back is late in both. */
static void merge_progress(void *record, const void *other) {
    struct kpi_progress *progress = record;
    const struct kpi_progress *more = other;
    if (more->closed < progress->closed) progress->closed = more->closed;
}

static const struct pl_table_def kpi_tables[] = {
    [TABLE_POTS] = {.name = "pots",
                    .version = 3,
                    .record_size = sizeof(struct kpi_pot),
                    .doc = "By asset: the newest values, and what it has made."},
    [TABLE_SUMS] = {.name = "sums",
                    .version = 3,
                    .record_size = sizeof(struct kpi_sums),
                    .doc = "By asset and period: integrals of periods that are open."},
    [TABLE_PROGRESS] = {.name = "progress",
                        .version = 1,
                        .record_size = sizeof(struct kpi_progress),
                        .doc = "The watermark, which decides what is late.",
                        .merge = merge_progress},
    [TABLE_TOLD] = {.name = "told",
                    .version = 2,
                    .record_size = sizeof(struct kpi_last),
                    .doc = "By asset and period: the figures that were told last."},
    {.name = NULL},
};

static const struct pl_operator kpi = {
    PL_OPERATOR("kpi", "Key figures of pots, lines and the plant by hour, shift and day."),
    .doc =
        "From voltage, current, feed, tapped metal and the metal's level: energy (kWh), kwh_per_t, production (kg), "
        "throughput (t a day), current_efficiency (%), voltage (V), anode_effects (a pot-day), anode_effect_minutes "
        "(each), pfc and co2e (kg CO2e/t), alumina (kg/t), covered (share of the time with values) and bridged (share "
        "that is taken for the mean of both sides), as ASSET.kpi.PERIOD.NAME at the period's end; of each pot, of its "
        "line and of the plant.\n\n"
        "Energy and charge are integrals over the time between samples. Production is what was tapped and what the "
        "level has risen by, by a Kalman filter along Faraday's law, whose current efficiency is learnt; current "
        "efficiency is production by Faraday's law. "
        "PFC follow the slope method: CF4 [kg/t] = slope * anode effects a pot-day * minutes each, C2F6 a share of "
        "it (defaults: IPCC 2006 guidelines, volume 3, 4.4, Tier 2 for centre-worked prebake; warming potentials of "
        "the IPCC's fifth report, as Regulation (EU) 2025/2547). CO2 of anodes is consumption * carbon content * "
        "44/12. Low-voltage anode effects are not in the method.\n\n"
        "Figures that rest on production are uncertain where two standard deviations of it are more than 0.5 % (hours "
        "of one pot, a pot's first shift), pfc, co2e and anode_effect_minutes where two of what the time between "
        "readings "
        "leaves open of an effect's begin and end are. Time without a voltage or current, up to `bridge` at a time, is "
        "taken "
        "for the mean of both sides; figures are uncertain where less than 95 % is covered, where more than 0.5 % is "
        "neither covered nor bridged, and where an anode effect that nobody saw in a gap would be 0.5 % of them; those "
        "of effects wherever a voltage was missing. Ratios take numerator and denominator over the same time, and have "
        "no "
        "value where less than half of it is covered or current efficiency would be above 100 %. alumina is what the "
        "feeders count; it is uncertain where that differs by more than 5 % from what the metal has taken: strokes of "
        "a blocked feeder bring nothing, and within an hour the bath takes and gives more than that.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET(PL_SAMPLES), .doc = "Signals of pots."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "ASSET.kpi.PERIOD.NAME."}),
    .options = kpi_options,
    .counters =
        PL_COUNTERS({"told", "rows", "Figures told."}, {"ignored", "rows", "Rows that were bad or without a value."},
                    {"late", "rows", "Rows behind the watermark, or older than one of their tag."},
                    {"refused", "rows", "Rows for which there was no room: too many pots, periods or names."}),
    .tables = kpi_tables,
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct kpi),
    .check = kpi_check,
    .open = kpi_open,
    .process = kpi_process,
    .watermark = kpi_watermark,
    .close = kpi_close_node,
    .commands = kpi_commands,
};

PL_PLUGIN(kpi, "1.0", &kpi)
