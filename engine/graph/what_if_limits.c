#include "graph/what_if_limits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Which output of a cell's model a constraint is of, and how many of the constraint's unit one of the model's is. */
static const struct {
    const char *of, *output;
    double scale;
} outputs[] = {{"acd", "distance", 1000},
               {"alumina", "alumina", 1},
               {"alf3", "excess_fluoride", 1},
               {"superheat", "superheat", 1},
               {"bath_temp", "bath_temperature", 1},
               {"ledge", "ledge_bath", 1000},
               {"ledge_metal", "ledge_metal", 1000},
               {"voltage", "voltage", 1}};

/* ---- Reading ---- */

static bool read_text(struct pl_unpack *u, char out[PL_WHAT_IF_NAME_MAX]) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(u, &text, &length)) return false;
    snprintf(out, PL_WHAT_IF_NAME_MAX, "%.*s", (int)(length < PL_WHAT_IF_NAME_MAX ? length : PL_WHAT_IF_NAME_MAX - 1),
             text);
    return true;
}

static bool read_row(struct pl_unpack *u, struct pl_what_if_limit *l) {
    uint32_t pairs;
    char key[PL_WHAT_IF_NAME_MAX];
    *l = (struct pl_what_if_limit){.low = (double)-INFINITY, .high = (double)INFINITY};
    if (!pl_unpack_map(u, &pairs)) return false;
    while (pairs--) {
        bool good = read_text(u, key);
        if (good && strcmp(key, "scope") == 0)
            good = read_text(u, l->scope);
        else if (good && strcmp(key, "constraint") == 0)
            good = read_text(u, l->of);
        else if (good && strcmp(key, "unit") == 0)
            good = read_text(u, l->unit);
        else if (good && strcmp(key, "low") == 0)
            good = pl_unpack_f64(u, &l->low);
        else if (good && strcmp(key, "high") == 0)
            good = pl_unpack_f64(u, &l->high);
        else
            good = good && pl_unpack_skip(u);
        if (!good) return false;
    }
    return true;
}

static bool covers(const char *scope, const char *asset) {
    size_t length = strlen(scope);
    if (strcmp(scope, "ALL") == 0) return true;
    return strncmp(scope, asset, length) == 0 && (asset[length] == 0 || asset[length] == '.');
}

static bool narrower(const char *scope, const char *than) {
    if (strcmp(scope, "ALL") == 0) return false;
    return strcmp(than, "ALL") == 0 || strlen(scope) > strlen(than);
}

static void keep(struct pl_what_if_limits *limits, const struct pl_what_if_limit *l) {
    unsigned i = 0;
    while (i < limits->count && strcmp(limits->limit[i].of, l->of) != 0)
        i++;
    if (i == PL_WHAT_IF_LIMITS_MAX) return;
    if (i < limits->count && !narrower(l->scope, limits->limit[i].scope)) return;
    limits->limit[i] = *l;
    if (i == limits->count) limits->count++;
}

bool pl_what_if_limits_read(struct pl_what_if_limits *limits, const char *asset, struct pl_unpack *u, uint32_t rows) {
    struct pl_what_if_limit l;
    while (rows--) {
        if (!read_row(u, &l)) return false;
        if (covers(l.scope, asset)) keep(limits, &l);
    }
    return true;
}

bool pl_what_if_limits_of_run(struct pl_what_if_limits *limits, const char *asset, struct pl_unpack *u) {
    struct pl_what_if_limit l;
    char key[PL_WHAT_IF_NAME_MAX];
    uint32_t pairs, rows;
    if (!pl_unpack_map(u, &pairs)) return false;
    while (pairs--) {
        if (!read_text(u, key)) return false;
        if (strcmp(key, "bounds") != 0) {
            if (!pl_unpack_skip(u)) return false;
            continue;
        }
        if (!pl_unpack_array(u, &rows)) return false;
        for (; rows--; keep(limits, &l)) {
            if (!read_row(u, &l)) {
                limits->count = 0; /* of a body that is cut off: none is better than some */
                return false;
            }
            snprintf(l.scope, sizeof l.scope, "%s", asset);
        }
        return true;
    }
    return false;
}

/* ---- Judging ---- */

int pl_what_if_limit_output(const struct pl_what_if_limit *l, const struct pl_model *model, double *scale) {
    for (unsigned k = 0; k < sizeof outputs / sizeof *outputs; k++) {
        if (strcmp(outputs[k].of, l->of) != 0) continue;
        *scale = outputs[k].scale;
        for (int i = 0; model->outputs[i].name; i++)
            if (strcmp(model->outputs[i].name, outputs[k].output) == 0) return i;
    }
    return -1;
}

/* By how much a value is beyond; below 0: within. */
static double beyond(const struct pl_what_if_limit *l, double value) {
    return fmax(l->low - value, value - l->high);
}

static double farthest(const struct pl_what_if_limit *l, const struct pl_what_if_course *course, double scale) {
    double worst = course->value[0] * scale;
    for (size_t k = 1; k < course->times; k++) {
        double value = course->value[k * course->apart] * scale;
        if (beyond(l, value) > beyond(l, worst)) worst = value;
    }
    return worst;
}

bool pl_what_if_limit_left(const struct pl_what_if_limit *l, double scale, const struct pl_what_if_course *nothing,
                           const struct pl_what_if_course *changed, struct pl_what_if_left *left) {
    const double round_off = 1e-9;
    if (!nothing->times || !changed->times) return false;
    left->now = nothing->value[0] * scale;
    left->nothing = farthest(l, nothing, scale);
    left->changed = farthest(l, changed, scale);
    if (beyond(l, left->changed) <= round_off * fabs(left->changed)) return false;
    bool below = left->changed<l->low, also = beyond(l, left->nothing)> round_off * fabs(left->nothing);
    snprintf(left->note, sizeof left->note, "%s constraint %s %s %g%s%s of %s%s", below ? "below" : "above", l->of,
             below ? ">=" : "<=", below ? l->low : l->high, *l->unit ? " " : "", l->unit, l->scope,
             also ? "; doing nothing leaves it too" : "");
    return true;
}

bool pl_what_if_limits_left(const struct pl_what_if_limits *limits, unsigned i, const struct pl_what_if *w,
                            struct pl_what_if_left *left) {
    double scale = 1;
    int output = pl_what_if_limit_output(&limits->limit[i], w->model, &scale);
    if (output < 0) return false;
    const struct pl_what_if_course nothing = {w->nothing.output[output], w->nothing.times, 1},
                                   changed = {w->changed.output[output], w->changed.times, 1};
    return pl_what_if_limit_left(&limits->limit[i], scale, &nothing, &changed, left);
}
