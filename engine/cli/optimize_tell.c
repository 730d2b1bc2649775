/* optimize_tell.c: what was decided, as a table with units, and what holds it back. */
#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "optimize.h"

/* Of a quantity: as the operator's own list of constraints has it. */
struct units {
    json_t *rows;
};

static struct units units_of(struct optimize *o) {
    struct units u = {NULL};
    char *reply = NULL;
    struct pl_error *error = NULL;
    struct pl_harness *h = pl__optimize_open(o);
    if (h && !pl_harness_command(h, "constraints list", "", &reply, &error) && reply)
        u.rows = json_loads(reply, 0, NULL);
    pl_free(reply);
    pl_error_free(&error);
    pl_harness_free(h);
    return u;
}

static const char *unit_of(const struct units *u, const char *name) {
    static const char *const own[][2] = {{"energy", "kWh/t"}, {"cost", "1/t"}, {"co2e", "kg/t"}};
    json_t *row;
    size_t i;
    for (i = 0; i < 3; i++)
        if (strcmp(name, own[i][0]) == 0) return own[i][1];
    json_array_foreach(u->rows, i, row) {
        if (strcmp(pl__optimize_text(row, "constraint"), name) == 0) return pl__optimize_text(row, "unit");
    }
    return "";
}

static void print_number(double value) {
    if (isfinite(value))
        printf(" %12.4f", value);
    else
        printf(" %12s", "");
}

static void limit_name(const json_t *one, char *out, size_t size) {
    const char *pot = pl__optimize_text(one, "pot");
    snprintf(out, size, "%s%s%s %s %.4g", pot, *pot ? " " : "", pl__optimize_text(one, "limit"),
             strcmp(pl__optimize_text(one, "side"), "high") == 0 ? "<=" : ">=", pl__optimize_number(one, NULL, "at"));
}

static void print_active(const json_t *body) {
    json_t *one;
    size_t i;
    if (!json_array_size(json_object_get(body, "active"))) return;
    printf("\n%-38s %10s %6s %24s\n", "what holds it back", "slack", "", "one unit more saves");
    json_array_foreach(json_object_get(body, "active"), i, one) {
        char limit[128];
        limit_name(one, limit, sizeof limit);
        printf("%-38s", limit);
        if (json_object_get(one, "slack"))
            printf(" %10.4g", pl__optimize_number(one, NULL, "slack"));
        else
            printf(" %10s", "");
        printf(" %6s %18.4g kWh/t\n", pl__optimize_text(one, "unit"), pl__optimize_number(one, NULL, "multiplier"));
    }
}

static void print_conflict(const json_t *body) {
    json_t *one;
    size_t i;
    if (!json_array_size(json_object_get(body, "conflict"))) return;
    printf("\n%-38s %17s %24s\n", "what cannot hold together", "looser would do", "at that, to as it is");
    json_array_foreach(json_object_get(body, "conflict"), i, one) {
        char limit[128];
        double cost = pl__optimize_number(one, NULL, "cost");
        limit_name(one, limit, sizeof limit);
        printf("%-38s %10.4g %6s", limit, -pl__optimize_number(one, NULL, "slack"), pl__optimize_text(one, "unit"));
        if (isfinite(cost)) printf(" %+18.4g kWh/t", cost);
        putchar('\n');
    }
}

void pl__optimize_table(struct optimize *o, const json_t *body) {
    struct units units = units_of(o);
    const char *key;
    json_t *after;
    printf("%s: %s (%s, %s, %.0f evaluations, %.1f ms)\n", o->asset, pl__optimize_text(body, "outcome"),
           pl__optimize_text(body, "solver"), pl__optimize_text(body, "status"),
           pl__optimize_number(body, NULL, "evaluations"), o->milliseconds);
    printf("%-14s %12s %12s %12s\n", "", "now", "at rest", "optimised");
    json_object_foreach(json_object_get(body, "after"), key, after) {
        printf("%-14s", key);
        print_number(pl__optimize_number(body, "now", key));
        print_number(pl__optimize_number(body, "before", key));
        print_number(pl__optimize_number(body, "after", key));
        printf(" %s\n", unit_of(&units, key));
    }
    puts("now: what the twin has at this moment; at rest: what the pot comes to, set as it is; optimised: set anew");
    if (pl_cli_has(o->cli, "explain")) {
        print_active(body);
        print_conflict(body);
    }
    printf("\n%s\n", pl__optimize_text(body, "reason"));
    json_decref(units.rows);
}

void pl__optimize_line_table(struct optimize *o, const json_t *body) {
    static const struct {
        const char *name, *unit;
    } rows[] = {{"energy", "kWh/t"}, {"cost", "1/t"}, {"co2e", "kg/t"},
                {"made", "t/h"},     {"power", "MW"}, {"voltage", "V"}};
    const json_t *schedule = json_object_get(body, "schedule");
    printf("%s: %s (%.0f evaluations, %.0f ms; curves off by %.2g kWh/t)\n", o->asset,
           pl__optimize_text(body, "outcome"), pl__optimize_number(body, NULL, "evaluations"), o->milliseconds,
           pl__optimize_number(body, NULL, "curve_error"));
    printf("%-14s %12s %12s\n", "", "baseline", "optimised");
    printf("%-14s %12.4f %12.4f kA\n", "current", pl__optimize_number(body, NULL, "baseline"),
           pl__optimize_number(body, NULL, "current"));
    for (unsigned i = 0; i < PL_COUNT_OF(rows); i++)
        printf("%-14s %12.4f %12.4f %s\n", rows[i].name, pl__optimize_number(body, "before", rows[i].name),
               pl__optimize_number(body, "after", rows[i].name), rows[i].unit);
    printf("%-14s %12s %12.4f %%\n", "throughput", "", pl__optimize_number(body, NULL, "throughput"));
    for (size_t h = 0; json_array_size(schedule) > 1 && h < json_array_size(schedule); h++)
        printf("%s%5.1f kA at %-7.4g", h % 4 ? "   " : "\n", json_number_value(json_array_get(schedule, h)),
               json_number_value(json_array_get(json_object_get(body, "tariff"), h)));
    if (json_array_size(schedule) > 1) putchar('\n');
    if (pl_cli_has(o->cli, "explain")) print_active(body);
    printf("\n%s\n", pl__optimize_text(body, "reason"));
}
