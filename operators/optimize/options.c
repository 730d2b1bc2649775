#include <math.h>
#include <stdio.h>
#include <string.h>

#include "setpoints.h"

static const char *const current_names[] = {"hold", "free", "line", NULL};

#define OPTIMIZE struct optimize
#define LIMIT struct option_limit
static const struct pl_option limit_options[] = {
    PL_OPT_STRING(LIMIT, scope, "scope", "ALL", PL_FIXED, "A pot, a line or ALL; the narrowest holds."),
    PL_OPT_CHOICE(LIMIT, of, "of", NULL, quantity_names, PL_FIXED, "What is limited."),
    PL_OPT_NUMBER(LIMIT, low, "low", "-.inf", NULL, NULL, PL_FIXED, "The least, in its unit."),
    PL_OPT_NUMBER(LIMIT, high, "high", ".inf", NULL, NULL, PL_FIXED, "The most."),
    PL_OPT_INT(LIMIT, rank, "rank", "1", "0", "9", PL_FIXED,
               "0 is never given up; of the others the highest gives way first."),
    PL_OPT_END,
};

static const struct pl_option objective_options[] = {
    PL_OPT_NUMBER(OPTIMIZE, objective.energy, "energy", "1", "0", "1000", PL_FIXED, "Weight of kWh/t."),
    PL_OPT_NUMBER(OPTIMIZE, objective.cost, "cost", "0", "0", "1000", PL_FIXED,
                  "Weight of the cost of a tonne: energy and AlF3."),
    PL_OPT_NUMBER(OPTIMIZE, objective.co2e, "co2e", "0", "0", "1000", PL_FIXED,
                  "Weight of kg CO2e/t, of the grid and the anodes."),
    PL_OPT_NUMBER(OPTIMIZE, objective.tariff, "tariff", "0.05", "0", "10", PL_FIXED, "Money by kWh."),
    PL_OPT_NUMBER(OPTIMIZE, objective.fluoride, "alf3_price", "1.5", "0", "100", PL_FIXED, "Money by kg of AlF3."),
    PL_OPT_NUMBER(OPTIMIZE, objective.grid, "grid", "0.3", "0", "2", PL_FIXED, "kg CO2e by kWh."),
    PL_OPT_END,
};

static const struct pl_option spread_options[] = {
    PL_OPT_NUMBER(OPTIMIZE, spread.efficiency, "efficiency", "0.005", "0", "0.2", PL_FIXED,
                  "Share by which the current efficiency may be off."),
    PL_OPT_NUMBER(OPTIMIZE, spread.top, "heat_loss", "0.02", "0", "0.5", PL_FIXED,
                  "Share by which the heat loss through the top may be off."),
    PL_OPT_NUMBER(OPTIMIZE, spread.acd, "acd", "0.3", "0", "5", PL_FIXED, "mm by which the anode distance may be off."),
    PL_OPT_NUMBER(OPTIMIZE, spread.alumina, "alumina", "0.1", "0", "1", PL_FIXED, "wt% by which alumina may be off."),
    PL_OPT_END,
};

static const struct pl_option baseline_options[] = {
    PL_OPT_NUMBER(OPTIMIZE, baseline[POT_ACD], "acd", ".nan", NULL, NULL, PL_FIXED, "mm."),
    PL_OPT_NUMBER(OPTIMIZE, baseline[POT_ALUMINA], "alumina", ".nan", NULL, NULL, PL_FIXED, "wt%."),
    PL_OPT_NUMBER(OPTIMIZE, baseline[POT_ALF3], "alf3", ".nan", NULL, NULL, PL_FIXED, "wt%."),
    PL_OPT_NUMBER(OPTIMIZE, baseline[POT_CURRENT], "current", ".nan", NULL, NULL, PL_FIXED,
                  "kA of the line, by which its throughput is measured; `current: line` needs it."),
    PL_OPT_END,
};

static const struct pl_option purity_options[] = {
    PL_OPT_NUMBER(OPTIMIZE, purity.raw, "raw", "0.042", "0", "1", PL_FIXED,
                  "wt% of iron and silicon that alumina and anodes bring: by the laboratory."),
    PL_OPT_NUMBER(OPTIMIZE, purity.tools, "tools", "0.45", "0", "100", PL_FIXED,
                  "kg of iron a pot-day of tools, stubs and collars at 965 degC."),
    PL_OPT_NUMBER(OPTIMIZE, purity.uneven, "uneven", "20", "1", "100", PL_FIXED,
                  "mm (a standard deviation) by which the ledge differs along the wall."),
    PL_OPT_NUMBER(OPTIMIZE, purity.wear, "wear", "0.25", "0", "100", PL_FIXED, "mm a day of a wall without ledge."),
    PL_OPT_END,
};

const struct pl_option optimize_options[] = {
    PL_OPT_CHOICE(OPTIMIZE, solver, "solver", "multistart", nlp_solver_names, PL_FIXED,
                  "Who searches: SLSQP, MMA, COBYLA from one start; SLSQP from several; MLSL, ISRES, ESCH globally."),
    PL_OPT_NUMBER(OPTIMIZE, tolerance, "tolerance", "1e-7", "1e-12", "0.01", PL_FIXED,
                  "When the search ends, relative to variables and objective."),
    PL_OPT_DURATION(
        OPTIMIZE, deadline, "deadline", "500ms", "50ms", "10m", PL_FIXED,
        "By the clock, for the whole ladder of a pot, the making of its model (which takes 10 ms, and cannot be "
        "cut short) included; then the best feasible point counts."),
    PL_OPT_INT(OPTIMIZE, evaluations, "evaluations", "600", "10", "1000000", PL_FIXED,
               "Evaluations of the steady state by search, at most."),
    PL_OPT_INT(OPTIMIZE, starts, "starts", "4", "1", "100", PL_FIXED, "Of multistart; the first is the last answer."),
    PL_OPT_GROUP(OPTIMIZE, weights_given, "objective", "true", objective_options, PL_FIXED,
                 "What is to be least: each by its value at the baseline, times its weight."),
    PL_OPT_STRINGS(OPTIMIZE, tariff_by_hour, "tariff_by_hour", "[]", PL_FIXED,
                   "Money by kWh for each of the 24 hours of the day, UTC, instead of `objective.tariff`."),
    PL_OPT_LIST(OPTIMIZE, limit_rows, "limits", "[]", LIMIT, limit_options, PL_FIXED,
                "Instead of the usual limits; what people set (`constraints set`) replaces these."),
    PL_OPT_CHOICE(
        OPTIMIZE, current, "current", "hold", current_names, PL_FIXED,
        "Who decides the line's current: nobody; free: each pot, as if it were its own: answers are told, and no "
        "set points at all, for nobody sets that current; line: all pots of a line together, as a set point "
        "(`current_set`); that needs "
        "key_depth 1."),
    PL_OPT_DURATION(OPTIMIZE, line_every, "line_every", "30m", "1m", "7d", PL_FIXED,
                    "How often a line's current is decided anew."),
    PL_OPT_DURATION(
        OPTIMIZE, line_deadline, "line_deadline", "20s", "1s", "1h", PL_FIXED,
        "By the clock, for all pots of a line at all currents; then the best that is certain counts. Less than "
        "lease - renew, which all lines of a node share, for nothing is renewed meanwhile; but in lockstep."),
    PL_OPT_INT(
        OPTIMIZE, line_pots, "line_pots", "0", "0", "512", PL_FIXED,
        "How many pots a line has: three quarters of them have to be believed, and all load the rectifier. 0: as "
        "many as have been heard of."),
    PL_OPT_STRING(OPTIMIZE, target[TARGET_CURRENT], "current_set", "current_set", PL_FIXED,
                  "The last part of the tag of the line current's set point, kA (`current: line`)."),
    PL_OPT_INT(OPTIMIZE, scenarios, "scenarios", "0", "0", "4", PL_FIXED,
               "In how many scenarios of uncertain parameters the limits of the process have to hold besides."),
    PL_OPT_GROUP(OPTIMIZE, spread_given, "spread", "true", spread_options, PL_FIXED,
                 "How far the scenarios move what the estimator is least sure of."),
    PL_OPT_GROUP(OPTIMIZE, baseline_given, "baseline", "true", baseline_options, PL_FIXED,
                 "How the pot is run without anybody; savings and throughput are measured by it. Not given: as it is."),
    PL_OPT_GROUP(OPTIMIZE, purity_given, "purity", "true", purity_options, PL_FIXED,
                 "What the limit `impurity` goes by: a proxy of the iron and silicon that a pot's metal takes up."),
    PL_OPT_DURATION(OPTIMIZE, feed_time, "feed_time", "8h", "10m", "7d", PL_FIXED,
                    "In which alumina goes to what it is to be."),
    PL_OPT_DURATION(OPTIMIZE, dose_time, "dose_time", "2d", "1h", "30d", PL_FIXED, "Likewise AlF3."),
    PL_OPT_STRING(
        OPTIMIZE, noise, "noise", "noise", PL_FIXED,
        "The last part of the tag of the noise of a pot's voltage, mV; while it is not fresh, anodes are not lowered. "
        "\"\": there is none, and nobody waits for it."),
    PL_OPT_NUMBER(OPTIMIZE, noise_quiet, "noise_quiet", "12", "0", "1000", PL_FIXED, "mV of a quiet pot."),
    PL_OPT_NUMBER(OPTIMIZE, noise_distance, "noise_distance", "0.1", "0", "10", PL_FIXED,
                  "mm by which anodes stay higher for each mV beyond that: the metal's waves must have room."),
    PL_OPT_NUMBER(
        OPTIMIZE, health, "health", "0.5", "0", "1", PL_FIXED,
        "A twin whose health is below it, or not known, is not believed: what was accepted last is held. 0: it is not "
        "asked."),
    PL_OPT_DURATION(OPTIMIZE, settle, "settle", "0s", "0s", "7d", PL_FIXED,
                    "How long a twin must have followed a pot before it is decided: at first it has it as the model's "
                    "parameters say, not as it is. Until then: optimize.held."),
    PL_OPT_DURATION(OPTIMIZE, fresh, "fresh", "10m", "1s", "1d", PL_FIXED,
                    "How old noise, health, risk and what the device shows may be."),
    PL_OPT_DURATION(OPTIMIZE, every, "every", "10m", "0s", "1d", PL_FIXED,
                    "How often a pot is decided anew; when the twin tells its state after that."),
    PL_OPT_DURATION(OPTIMIZE, renew, "renew", "30s", "1s", "1h", PL_FIXED, "How often its set points are renewed."),
    PL_OPT_DURATION(OPTIMIZE, lease, "lease", "90s", "1s", "1d", PL_FIXED, "How long each holds without."),
    PL_OPT_DURATION(OPTIMIZE, hold, "hold", "45m", "1m", "7d", PL_FIXED,
                    "How long an answer is renewed without a new one; then the guard's own baseline holds."),
    PL_OPT_STRING(OPTIMIZE, target[TARGET_ACD], "acd_set", "acd_set", PL_FIXED,
                  "The last part of the tag of the anode distance's set point, mm; \"\": none, and it is not decided."),
    PL_OPT_STRING(OPTIMIZE, target[TARGET_FEED], "feed_set", "feed_set", PL_FIXED,
                  "Of the feed's, per cent of what the current uses; \"\": none, and alumina is not decided."),
    PL_OPT_STRING(OPTIMIZE, target[TARGET_ALF3], "alf3_set", "alf3_set", PL_FIXED,
                  "Of the AlF3 addition's, kg/h; \"\": none, and AlF3 is not decided."),
    PL_OPT_END,
};

enum pl_code optimize_limits(struct optimize *s, struct pl_error **error) {
    const struct option_limit *rows = s->limit_rows.items;
    for (uint32_t i = 0; i < s->limit_rows.count; i++) {
        struct limit_row row = {.of = (enum quantity)rows[i].of,
                                .limit = {rows[i].low, rows[i].high, (unsigned)rows[i].rank}};
        if (strlen(rows[i].scope) >= sizeof row.scope)
            return pl_error_set(error, PL_LIMIT, "limits[%u].scope is too long", i);
        strcpy(row.scope, rows[i].scope);
        enum pl_code code = limits_set(&s->limits, &row, error);
        if (code) return code;
    }
    s->limits.version = 0;
    return PL_OK;
}

static void check_baseline(const struct optimize *s, struct pl_check *check) {
    static const enum quantity of[] = {[POT_ACD] = QUANTITY_ACD,
                                       [POT_ALUMINA] = QUANTITY_ALUMINA,
                                       [POT_ALF3] = QUANTITY_ALF3,
                                       [POT_CURRENT] = QUANTITY_CURRENT};
    for (unsigned i = 0; i < PL_COUNT_OF(of); i++) {
        const struct quantity_row *q = &quantity_rows[of[i]];
        double value = s->baseline[i];
        if (!isnan(value) && !(value >= q->least && value <= q->most))
            pl_check_error(check, "baseline", "%s: %g %s is beyond %g to %g, what pots are good for", q->name, value,
                           q->unit, q->least, q->most);
    }
}

/* Anodes that are right at a current that a pot alone would like, and that nobody sets, may be wrong at the one that
 * is. */
static void check_free(const struct optimize *s, struct pl_check *check) {
    static const char *const option[] = {
        [TARGET_ACD] = "acd_set", [TARGET_FEED] = "feed_set", [TARGET_ALF3] = "alf3_set"};
    for (unsigned i = 0; i < PL_COUNT_OF(option) && s->current == CURRENT_FREE; i++)
        if (*s->target[i] && pl_check_given(check, option[i]))
            pl_check_error(check, option[i],
                           "nothing is set with current: free, for answers are at a current that nobody sets: leave it "
                           "out, or write current: hold or line");
}

void optimize_check(void *self, struct pl_check *check) {
    struct optimize *s = self;
    struct pl_error *error = NULL;
    if (optimize_limits(s, &error)) pl_check_error(check, "limits", "%s", error ? error->text : "no limits");
    pl_error_free(&error);
    s->limits.count = 0;
    if (s->tariff_by_hour.count != 0 && s->tariff_by_hour.count != 24)
        pl_check_error(check, "tariff_by_hour", "a day has 24 hours, found %u", s->tariff_by_hour.count);
    for (uint32_t i = 0; i < s->tariff_by_hour.count; i++) {
        double value;
        const char *text = s->tariff_by_hour.items[i];
        if (!pl_text_f64(text, strlen(text), &value) || !(value >= 0 && value < 100))
            pl_check_error(check, "tariff_by_hour", "hour %u: '%s' is no price from 0 to 100", i, text);
    }
    if (!(s->objective.energy + s->objective.cost + s->objective.co2e > 0))
        pl_check_error(check, "objective", "all weights are 0: nothing is to be less");
    if (s->lease <= s->renew) pl_check_error(check, "lease", "it is over before it is renewed (renew)");
    if (s->hold <= s->every) pl_check_error(check, "hold", "an answer is too old before the next one is due (every)");
    check_baseline(s, check);
    check_free(s, check);
    if (s->current != CURRENT_LINE) return;
    if (isnan(s->baseline[POT_CURRENT]))
        pl_check_error(check, "baseline",
                       "a line's throughput is measured by its usual current: write baseline: "
                       "{current: 180}");
    if (s->hold <= s->line_every)
        pl_check_error(check, "hold", "a line's answer is too old before the next one is due (line_every)");
    if (!*s->target[TARGET_CURRENT]) pl_check_error(check, "current_set", "where is the line's current to be set?");
}

void optimize_setup(const struct optimize *s, pl_time time, struct pot_setup *setup) {
    *setup = (struct pot_setup){.objective = s->objective,
                                .spread = s->spread,
                                .purity = s->purity,
                                .feed_time = (double)s->feed_time / (double)PL_HOUR,
                                .dose_time = (double)s->dose_time / (double)PL_HOUR,
                                .noise_quiet = s->noise_quiet,
                                .noise_distance = s->noise_distance,

                                .solver = {.solver = (enum nlp_solver)s->solver,
                                           .tolerance = s->tolerance,
                                           .keeps = 1e-6,
                                           .seconds = (double)s->deadline * 1e-9,
                                           .evaluations = (long)s->evaluations,
                                           .starts = (unsigned)s->starts}};
    setup->spread.scenarios = (unsigned)s->scenarios;
    setup->held[POT_CURRENT] = s->current != CURRENT_FREE;
    setup->held[POT_ACD] = !*s->target[TARGET_ACD];
    setup->held[POT_ALUMINA] = !*s->target[TARGET_FEED];
    setup->held[POT_ALF3] = !*s->target[TARGET_ALF3];
    setup->objective.tariff = optimize_tariff(s, time);
}

double optimize_tariff(const struct optimize *s, pl_time time) {
    double value = s->objective.tariff;
    if (s->tariff_by_hour.count != 24) return value;
    pl_time hour = time / PL_HOUR % 24;
    const char *text = s->tariff_by_hour.items[hour < 0 ? hour + 24 : hour];
    pl_text_f64(text, strlen(text), &value);
    return value;
}
