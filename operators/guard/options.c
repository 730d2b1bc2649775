/* options.c: options, and what they say together. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"

static const char *const beyond_names[] = {"refuse", "clamp", NULL};
static const char *const loss_names[] = {"hold", "baseline", "shed", NULL};

#define LIMIT struct limit
static const struct pl_option limit_options[] = {
    PL_OPT_STRING(LIMIT, tags, "tags", NULL, PL_FIXED, "Pattern of the set points; the first that fits holds."),
    PL_OPT_NUMBER(LIMIT, low, "low", NULL, NULL, NULL, PL_FIXED, "Nothing below it passes."),
    PL_OPT_NUMBER(LIMIT, high, "high", NULL, NULL, NULL, PL_FIXED, "Nothing above it passes."),
    PL_OPT_NUMBER(LIMIT, rate, "rate", "0", "0", NULL, PL_FIXED,
                  "How fast it may change, a second, over at most 10 s; 0: any."),
    PL_OPT_NUMBER(LIMIT, step, "step", "0", "0", NULL, PL_FIXED, "How far one set point may move it; 0: any."),
    PL_OPT_CHOICE(LIMIT, on_limit, "on_limit", "refuse", beyond_names, PL_FIXED,
                  "What becomes of a value outside of low and high."),
    PL_OPT_CHOICE(LIMIT, on_rate, "on_rate", "clamp", beyond_names, PL_FIXED,
                  "What becomes of one that is further away than rate and step allow."),
    PL_OPT_NUMBER(LIMIT, baseline, "baseline", ".nan", NULL, NULL, PL_FIXED, "Where it is safe without anybody."),
    PL_OPT_CHOICE(
        LIMIT, on_loss, "on_loss", "hold", loss_names, PL_FIXED,
        "When it is not renewed, or an interlock trips: the last value is held, it returns to `baseline`, or the pulse "
        "stops, so that the device falls back by itself."),
    PL_OPT_END,
};

static const struct pl_option interlock_options[] = {
    PL_OPT_STRING(struct interlock, name, "name", NULL, PL_FIXED, "What it is called in events."),
    PL_OPT_STRING(struct interlock, tags, "tags", "*", PL_FIXED, "Pattern of the set points that it is about."),
    PL_OPT_STRING(struct interlock, when, "when", NULL, PL_FIXED,
                  "Must hold for them to pass: bath_temp < 985 and quality == good."),
    PL_OPT_END,
};

#define GUARD struct guard
const struct pl_option guard_options[] = {
    PL_OPT_LIST(GUARD, limits, "limits", NULL, LIMIT, limit_options, PL_FIXED,
                "Limits by tag: a list, or a CSV file with a header; without any nothing passes."),
    PL_OPT_LIST(GUARD, interlocks, "interlocks", "[]", struct interlock, interlock_options, PL_FIXED,
                "Conditions over live signals: a list, or a CSV file with a header."),
    PL_OPT_CHOICE(GUARD, mode, "mode", "advise", mode_names, PL_FIXED,
                  "Who decides at the very first start; from then on what `guard mode` has said holds."),
    PL_OPT_CHOICE(GUARD, after_restart, "after_restart", "auto", mode_names, PL_FIXED,
                  "The most automatic mode that a restart goes on with."),
    PL_OPT_DURATION(GUARD, fresh, "fresh", "10s", "1ms", "1d", PL_LIVE,
                    "How old a live signal may be for something to be decided by it."),
    PL_OPT_DURATION(
        GUARD, lease_max, "lease_max", "5m", "10ms", "1d", PL_LIVE,
        "The longest that a set point holds without being renewed, whatever its expiry; with `clock: plant` "
        "by the machine's clock, too."),
    PL_OPT_DURATION(GUARD, pulse, "pulse", "0s", "0s", "1m", PL_FIXED,
                    "How often a sign of life leaves, as the set point NODE.pulse, for the heartbeats of sinks; 0s: "
                    "never."),
    PL_OPT_INT(GUARD, max_points, "max_points", "4096", "1", "100000", PL_FIXED, "Set points at most."),
    PL_OPT_PATH(GUARD, override_file, "override_file", "", PL_FIXED,
                "While it is there its lines are overridden (an asset, a line, a tag, ALL); an empty one means ALL."),
    PL_OPT_STRINGS(GUARD, override_signals, "override_signals", "[]", PL_FIXED,
                   "Live signals (patterns) that override their asset when they are not 0: switches in the field."),
    PL_OPT_END,
};

static void limit_check(const struct limit *row, uint32_t index, struct pl_check *check) {
    char path[64];
    snprintf(path, sizeof path, "limits[%u].high", index);
    if (!(row->low <= row->high)) pl_check_error(check, path, "it is below low");
    snprintf(path, sizeof path, "limits[%u].baseline", index);
    if (row->baseline < row->low || row->baseline > row->high)
        pl_check_error(check, path, "%g is outside of its own limits", row->baseline);
    snprintf(path, sizeof path, "limits[%u].on_loss", index);
    if (row->on_loss == LOSS_BASELINE && isnan(row->baseline))
        pl_check_error(check, path, "there is no baseline to return to");
}

static void interlock_check(const struct interlock *row, uint32_t index, struct pl_check *check) {
    char path[64];
    struct condition condition;
    struct pl_error *error = NULL;
    snprintf(path, sizeof path, "interlocks[%u].when", index);
    if (interlock_compile(row, &condition, &error))
        pl_check_error(check, path, "%s", error ? error->text : "it is no condition");
    pl_error_free(&error);
    pl_expr_free(condition.expr);
}

void guard_check(void *self, struct pl_check *check) {
    const struct guard *s = self;
    if (s->limits.count == 0) pl_check_error(check, "limits", "without limits nothing passes");
    for (uint32_t i = 0; i < s->limits.count; i++)
        limit_check((const struct limit *)s->limits.items + i, i, check);
    for (uint32_t i = 0; i < s->interlocks.count; i++)
        interlock_check((const struct interlock *)s->interlocks.items + i, i, check);
}
