#include "limits.h"

#include <math.h>
#include <string.h>

#define NONE INFINITY

const struct quantity_row quantity_rows[QUANTITIES] = {
    [QUANTITY_ACD] = {"acd", "mm", "anode distance", 1, 34, 60, {39, 48, 0}, "Above what keeps the metal quiet."},
    [QUANTITY_ALUMINA] = {"alumina", "wt%", "alumina", 0.1, 1.8, 6, {2.2, 3.2, 2}, "Dissolved, as it is held."},
    [QUANTITY_ALF3] = {"alf3", "wt%", "excess AlF3", 0.2, 4, 16, {10, 13, 2}, "As it is held."},
    [QUANTITY_CURRENT] = {"current", "kA", "line current", 1, 50, 600, {50, 600, 0}, "What the contract allows."},
    [QUANTITY_ACD_MOVE] = {"acd_move", "mm", "move of the anodes", 1, -10, 10, {-1, 1, 0}, "Of one set point."},
    [QUANTITY_CURRENT_MOVE] = {"current_move", "kA", "move of the line current", 1, -20, 20, {-1, 1, 0}, "Likewise."},
    [QUANTITY_BATH] = {"bath",
                       "kg",
                       "liquid bath",
                       50,
                       500,
                       50000,
                       {-NONE, NONE, 0},
                       "As it is now: below the least of it, nothing is made colder; above the most, hotter."},
    [QUANTITY_FEED] = {"feed", "%", "feed", 5, 0, 200, {70, 130, 0}, "Of what the current uses."},
    [QUANTITY_DOSE] = {"dose", "kg/h", "AlF3 addition", 0.5, 0, 100, {0, 6, 0}, "What the doser gives."},
    [QUANTITY_THROUGHPUT] = {"throughput", "%", "throughput", 0.5, 50, 150, {98, 102, 3}, "Of the baseline's metal."},
    [QUANTITY_SUPERHEAT] = {"superheat", "K", "superheat", 1, 1, 40, {5, 14, 1}, "Below: sludge; above: no ledge."},
    [QUANTITY_TEMPERATURE] = {"bath_temp", "degC", "bath temperature", 1, 900, 1030, {948, 972, 1}, "Of the bath."},
    [QUANTITY_LEDGE] = {"ledge", "mm", "ledge at the bath", 2, 5, 300, {35, 130, 1}, "It keeps the side wall."},
    [QUANTITY_LEDGE_METAL] = {"ledge_metal", "mm", "ledge at the metal", 2, 5, 300, {25, 130, 1}, "Likewise."},
    [QUANTITY_MARGIN] = {"margin", "", "distance to an anode effect", 0.02, -1, 1, {0.02, NONE, 0}, "Of the model."},
    [QUANTITY_SHELL] = {"shell", "degC", "shell temperature", 5, 0, 600, {-NONE, 450, 0}, "Rating: the hotter side."},
    [QUANTITY_VOLTAGE] = {"voltage", "V", "cell voltage", 0.02, 3, 7, {3.6, 4.9, 0}, "Rating of the pot."},
    [QUANTITY_POWER] = {"power", "kW", "power", 5, 0, 5000, {-NONE, NONE, 0}, "Rating of the pot."},
    [QUANTITY_IMPURITY] = {"impurity", "wt%", "iron and silicon", 0.01, 0, 5, {-NONE, 0.15, 1}, "Of what is made."},
    [QUANTITY_LINE_THROUGHPUT] =
        {"line_throughput", "%", "throughput of the line", 0.5, 50, 150, {98, 102, 3}, "Likewise."},
    [QUANTITY_LINE_POWER] =
        {"line_power", "MW", "power of the line", 1, 0, 2000, {-NONE, NONE, 0}, "Of the rectifier."},
    [QUANTITY_LINE_VOLTAGE] = {"line_voltage", "V", "voltage of the line", 5, 0, 3000, {-NONE, NONE, 0}, "Likewise."},
};

const char *const quantity_names[QUANTITIES + 1] = {
    "acd",     "alumina",    "alf3",      "current",         "acd_move",   "current_move", "bath",   "feed",
    "dose",    "throughput", "superheat", "bath_temp",       "ledge",      "ledge_metal",  "margin", "shell",
    "voltage", "power",      "impurity",  "line_throughput", "line_power", "line_voltage", NULL};

static bool covers(const char *scope, const char *asset) {
    size_t length = strlen(scope);
    return strcmp(scope, "ALL") == 0 ||
           (strncmp(scope, asset, length) == 0 && (asset[length] == 0 || asset[length] == '.'));
}

static size_t narrowness(const char *scope) {
    return strcmp(scope, "ALL") == 0 ? 0 : strlen(scope);
}

void limits_of(const struct limits *l, const char *asset, struct limit *out) {
    size_t narrow[QUANTITIES] = {0};
    for (int i = 0; i < QUANTITIES; i++)
        out[i] = quantity_rows[i].usual;
    for (unsigned i = 0; i < l->count; i++) {
        const struct limit_row *r = &l->row[i];
        if (!covers(r->scope, asset) || narrowness(r->scope) < narrow[r->of]) continue;
        narrow[r->of] = narrowness(r->scope);
        out[r->of] = r->limit;
    }
    for (int i = 0; i <= QUANTITY_DOSE; i++) { /* what is decided and sent is never without an end, whatever is said */
        out[i].low = fmax(out[i].low, quantity_rows[i].least);
        out[i].high = fmin(out[i].high, quantity_rows[i].most);
    }
}

const struct limit_row *limits_find(const struct limits *l, const char *scope, enum quantity of) {
    for (unsigned i = 0; i < l->count; i++)
        if (l->row[i].of == of && strcmp(l->row[i].scope, scope) == 0) return &l->row[i];
    return NULL;
}

enum pl_code limits_check(const struct limit_row *row, struct pl_error **error) {
    const struct quantity_row *q = &quantity_rows[row->of];
    const char *dot = strrchr(row->scope, '.');
    if (row->of >= QUANTITY_LINE_THROUGHPUT && dot)
        return pl_error_set(error, PL_RANGE, "%s is of a whole line, and %s is a pot: write %.*s, or ALL", q->name,
                            row->scope, (int)(dot - row->scope), row->scope);
    const struct limit *w = &row->limit;
    if (isnan(w->low) || isnan(w->high) || !(w->low <= w->high))
        return pl_error_set(error, PL_RANGE, "%s: from %g to %g %s there is nothing", q->name, w->low, w->high,
                            q->unit);
    bool beyond = (isfinite(w->low) && (w->low < q->least || w->low > q->most)) ||
                  (isfinite(w->high) && (w->high < q->least || w->high > q->most)) || w->low == INFINITY ||
                  w->high == -INFINITY;
    if (beyond)
        return pl_error_set(error, PL_RANGE, "%s: %g to %g %s is beyond %g to %g, what pots and model are good for",
                            q->name, w->low, w->high, q->unit, q->least, q->most);
    if (w->rank > LIMIT_RANK_MAX) return pl_error_set(error, PL_RANGE, "a rank is 0 to %d", LIMIT_RANK_MAX);
    return PL_OK;
}

enum pl_code limits_agree(const struct limit *l, const char *scope, struct pl_error **error) {
    const struct limit *temperature = &l[QUANTITY_TEMPERATURE], *superheat = &l[QUANTITY_SUPERHEAT];
    /* The purest bath melts at 1011 deg C (Solheim 1996): bath less superheat is a liquidus. */
    if (temperature->low - superheat->high > 1011)
        return pl_error_set(error, PL_RANGE,
                            "%s: a bath of %g degC or more with a superheat of %g K or less would have to melt above "
                            "1011 degC, which no bath does",
                            scope, temperature->low, superheat->high);
    if (l[QUANTITY_ACD_MOVE].low > 0 || l[QUANTITY_ACD_MOVE].high < 0)
        return pl_error_set(error, PL_RANGE, "%s: acd_move does not let the anodes stay where they are", scope);
    if (l[QUANTITY_CURRENT_MOVE].low > 0 || l[QUANTITY_CURRENT_MOVE].high < 0)
        return pl_error_set(error, PL_RANGE, "%s: current_move does not let the line's current stay as it is", scope);
    if (l[QUANTITY_FEED].low > 100 || l[QUANTITY_FEED].high < 100)
        return pl_error_set(error, PL_RANGE, "%s: feed does not allow what the current uses (100 %%)", scope);
    return PL_OK;
}

enum pl_code limits_set(struct limits *l, const struct limit_row *row, struct pl_error **error) {
    enum pl_code code = limits_check(row, error);
    if (code) return code;
    struct limit all[QUANTITIES];
    limits_of(l, row->scope, all);
    all[row->of] = row->limit;
    if ((code = limits_agree(all, row->scope, error))) return code;
    unsigned at = 0;
    while (at < l->count && (l->row[at].of != row->of || strcmp(l->row[at].scope, row->scope) != 0))
        at++;
    if (at == LIMITS_MAX) return pl_error_set(error, PL_LIMIT, "there are %d constraints already", LIMITS_MAX);
    if (at == l->count) l->count++;
    l->row[at] = *row;
    l->version++;
    return PL_OK;
}
