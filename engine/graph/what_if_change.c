/* what_if_change.c: what somebody asks to be different, in the words and units of the line. */
#include <stdio.h>
#include <string.h>

#include <potline/text.h>

#include "models.h"
#include "what_if.h"

/* Of a parameter's unit the first is the one that it is told in. */
static const struct unit {
    const char *unit, *of; /* of the parameter */
    double factor;
} units[] = {{"mm", "m", 1e-3},     {"cm", "m", 1e-2}, {"m", "m", 1},
             {"kA", "A", 1e3},      {"A", "A", 1},     {"kg/h", "kg/s", 1.0 / 3600},
             {"kg/s", "kg/s", 1},   {"kg", "kg", 1},   {"W/K", "W/K", 1},
             {"uohm", "ohm", 1e-6}, {"ohm", "ohm", 1}, {"degC", "degC", 1},
             {"K", "degC", 1}};

/* What people at the line call them. */
static const struct {
    const char *said, *name;
} aliases[] = {{"acd", "distance"}, {"alf3", "fluoride_feed"}, {"ce", "efficiency"}};

enum { ALIASES = sizeof aliases / sizeof *aliases, UNITS = sizeof units / sizeof *units };

static const char *said(const char *name) {
    for (unsigned i = 0; i < ALIASES; i++)
        if (strcmp(aliases[i].name, name) == 0) return aliases[i].said;
    return name;
}

static struct unit unit_of(const struct pl_model_parameter *row) {
    for (unsigned i = 0; i < UNITS; i++)
        if (strcmp(units[i].of, row->unit) == 0) return units[i];
    return (struct unit){row->unit, row->unit, 1};
}

struct pl_model_told pl_what_if_told_change(const struct pl_what_if *w, const struct pl_what_if_change *change) {
    const struct pl_model_parameter *row = &w->model->parameters[change->parameter];
    struct unit unit = unit_of(row);
    return (struct pl_model_told){
        .name = said(row->name), .output = row->name, .unit = unit.unit, .scale = 1 / unit.factor};
}

/* ---- Errors ---- */

static enum pl_code no_input(const struct pl_what_if *w, const char *text, const char *name, struct pl_error **error) {
    const char *names[ALIASES + PL_MODEL_PARAMETERS_MAX];
    unsigned count = 0;
    for (; count < ALIASES; count++)
        names[count] = aliases[count].said;
    for (const struct pl_model_parameter *row = w->model->parameters; row->name; row++)
        if (row->flags & PL_MODEL_INPUT) names[count++] = row->name;
    const char *near = pl_text_nearest(name, names, count);
    return pl_error_set(error, PL_USAGE, "\"%s\": %s has no input %s%s%s%s; potline model show %s lists them", text,
                        w->model->name, name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "",
                        w->model->name);
}

static void name_units(const struct pl_model_parameter *row, char *all, size_t size) {
    *all = 0;
    for (unsigned i = 0; i < UNITS; i++) {
        size_t used = strlen(all);
        if (strcmp(units[i].of, row->unit) == 0) snprintf(all + used, size - used, "%s, ", units[i].unit);
    }
    if (!*all && *row->unit) snprintf(all, size, "%s, ", row->unit);
}

static enum pl_code no_value(const struct pl_model_parameter *row, const char *text, const char *value,
                             struct pl_error **error) {
    char all[128];
    name_units(row, all, sizeof all);
    return pl_error_set(error, PL_USAGE,
                        "\"%s\": \"%s\" is no value of %s: write a number%s %s%s%% of what it is; with + or - it is "
                        "what it changes by",
                        text, value, said(row->name), *all ? " in" : "", all, *all ? "or in " : "or ");
}

/* ---- Reading ---- */

/* A number alone is one of what has no unit, or nothing at all: of whatever it is. */
static bool has_unit(const char *text, const struct pl_model_parameter *row, struct pl_what_if_change *change) {
    if (!*text) return !*row->unit || (change->value == 0 && !change->relative);
    if (strcmp(text, "%") == 0) return change->percent = true;
    for (unsigned i = 0; i < UNITS; i++)
        if (strcmp(units[i].unit, text) == 0 && strcmp(units[i].of, row->unit) == 0) {
            change->value *= units[i].factor;
            return true;
        }
    return false;
}

static int parameter_named(const struct pl_model *model, const char *name) {
    for (unsigned i = 0; i < ALIASES; i++)
        if (strcmp(aliases[i].said, name) == 0) name = aliases[i].name;
    return pl_model_parameter(model->parameters, name);
}

enum pl_code pl_what_if_change(struct pl_what_if *w, const char *text, struct pl_error **error) {
    const char *equals = strchr(text, '=');
    char name[PL_WHAT_IF_NAME_MAX];
    if (!equals || equals[1] == 0 || equals - text >= PL_WHAT_IF_NAME_MAX)
        return pl_error_set(error, PL_USAGE, "\"%s\": write NAME=VALUE, acd=-2mm or feed=+5%%", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    int parameter = parameter_named(w->model, name);
    if (parameter < 0) return no_input(w, text, name, error);
    struct pl_what_if_change change = {.parameter = (unsigned)parameter};
    const struct pl_model_parameter *row = &w->model->parameters[parameter];
    size_t length = strspn(equals + 1, "+-.0123456789eE");
    change.relative = equals[1] == '+' || equals[1] == '-';
    const char *number = equals + 1 + (equals[1] == '+');
    if (!(row->flags & PL_MODEL_INPUT))
        return pl_error_set(error, PL_USAGE, "\"%s\": %s is no input, it cannot change", text, row->name);
    if (!pl_text_f64(number, length - (size_t)(number - equals - 1), &change.value) ||
        !has_unit(equals + 1 + length, row, &change))
        return no_value(row, text, equals + 1, error);
    if (w->changes == PL_WHAT_IF_CHANGES_MAX)
        return pl_error_set(error, PL_USAGE, "more than %d changes", PL_WHAT_IF_CHANGES_MAX);
    w->change[w->changes++] = change;
    return PL_OK;
}

/* ---- What it comes to ---- */

double pl_what_if_changed(const struct pl_what_if_change *change, double now) {
    if (change->percent) return change->relative ? now * (1 + change->value / 100) : now * change->value / 100;
    return change->relative ? now + change->value : change->value;
}

enum pl_code pl_what_if_come_to(const struct pl_what_if *w, struct pl_what_if_change *change, double now,
                                struct pl_error **error) {
    const struct pl_model_parameter *row = &w->model->parameters[change->parameter];
    struct unit unit = unit_of(row);
    change->from = now;
    change->to = pl_what_if_changed(change, now);
    if (change->to >= row->low && change->to <= row->high) return PL_OK;
    return pl_error_set(error, PL_USAGE, "%s would be %g %s, from %g; it may be %g to %g %s", said(row->name),
                        change->to / unit.factor, unit.unit, now / unit.factor, row->low / unit.factor,
                        row->high / unit.factor, unit.unit);
}
