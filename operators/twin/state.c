#include "state.h"

#include <math.h>
#include <string.h>

void state_put(struct state *s, double value) {
    if (s->to) s->to[s->at] = value;
    s->at++;
}

double state_get(struct state *s) {
    if (s->bad || s->at >= s->count || !isfinite(s->from[s->at])) {
        s->bad = true;
        return 0;
    }
    return s->from[s->at++];
}

void state_carry(struct state *s, double *value) {
    if (state_loads(s))
        *value = state_get(s);
    else
        state_put(s, *value);
}

void state_carry_all(struct state *s, double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        state_carry(s, &values[i]);
}

void state_carry_flag(struct state *s, bool *flag) {
    int value = *flag;
    state_carry_whole(s, &value, 0, 1);
    *flag = value != 0;
}

void state_carry_whole(struct state *s, int *value, int low, int high) {
    double number = *value;
    state_carry(s, &number);
    if (!(number >= low && number <= high)) {
        s->bad = true;
        number = low;
    }
    *value = (int)number;
}

void state_carry_inputs(struct state *s, const struct pl_model_parameter *rows, double *values) {
    for (unsigned i = 0; rows[i].name; i++) {
        double value = values[i];
        state_carry(s, &value);
        if (!(rows[i].flags & PL_MODEL_INPUT)) continue;
        s->bad = s->bad || !(value >= rows[i].low && value <= rows[i].high);
        if (!s->bad) values[i] = value;
    }
}

enum pl_code state_check(const struct state *s, const char *model, struct pl_error **error) {
    if (!s->bad && s->at == s->count) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "%zu numbers are no state of a %s: number %zu does not fit", s->count, model,
                        s->at);
}

/* How an amount by size changes along a cell, by the cells beside it: straight where these are, flat at an extreme, and
 * never so steep that it would change its sign within the cell. */
static double slope(const double *size, const double *amount, int count, int i) {
    double here = amount[i] / size[i], before = 0, after = 0;
    if (i > 0) before = (here - amount[i - 1] / size[i - 1]) * 2 / (size[i] + size[i - 1]);
    if (i + 1 < count) after = (amount[i + 1] / size[i + 1] - here) * 2 / (size[i] + size[i + 1]);
    double along = i == 0 ? after : i + 1 == count ? before : before * after > 0 ? 0.5 * (before + after) : 0;
    double most = 2 * fabs(here) / size[i];
    return fmin(fmax(along, -most), most);
}

void state_spread(const double *size, const double *amount, int count, const double *new_size, double *new_amount,
                  int new_count) {
    if (count == new_count && memcmp(size, new_size, (size_t)count * sizeof *size) == 0) {
        memcpy(new_amount, amount, (size_t)count * sizeof *amount); /* to the last bit */
        return;
    }
    double whole = 0, new_whole = 0;
    for (int i = 0; i < count; i++)
        whole += size[i];
    for (int i = 0; i < new_count; i++)
        new_whole += new_size[i];
    for (int i = 0; i < new_count; i++)
        new_amount[i] = 0;
    /* From the left on: each piece of an old cell goes to the new one that it lies in. */
    double stretched = whole / new_whole, room = new_size[0] * stretched;
    for (int i = 0, k = 0; i < count; i++) {
        double steep = slope(size, amount, count, i), from = -0.5 * size[i];
        for (double left = size[i]; left > 0;) {
            double piece = k + 1 == new_count ? left : fmin(left, room);
            new_amount[k] += piece * (amount[i] / size[i] + steep * (from + 0.5 * piece));
            from += piece;
            left -= piece;
            room -= piece;
            if (k + 1 < new_count && room <= 0) room = new_size[++k] * stretched;
        }
    }
}
