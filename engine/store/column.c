#include "store/column.h"

#include <math.h>
#include <string.h>

enum how { PLAIN, DELTA, DECIMAL, SCALED, SINGLE, HOWS };

enum { SAMPLE = 32, POWERS = 11, PATCHES_PART = 8 /* at most one row in so many is patched */ };

#define TOO_MANY UINT32_MAX

static const int64_t power[POWERS] = {1,       10,       100,       1000,       10000,      100000,
                                      1000000, 10000000, 100000000, 1000000000, 10000000000};
static const double inverse[POWERS] = {1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10};

/* No row keeps this: outside of every width but 8, for an integer that fits is within REACH of 0. */
#define NO_FIT ((uint64_t)1 << 63)
#define REACH (UINT64_C(1) << 51)

/* What stands in front of a column, without gaps. */
struct head {
    uint8_t how, width, scale;
    uint16_t patches;
    uint64_t base;
};

struct plan {
    enum how how;
    unsigned width;
    unsigned scale; /* power of ten: of the unit of differences, or decimals */
    uint64_t base;
    double cost; /* bytes a row, as the sample has it */
};

/* ---- One value: to an integer and back ---- */

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double value_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Adding 1.5 * 2^52 rounds to the nearest integer and leaves it in the low bits: conversion by addition, which every
 * processor does for several rows at once. */
#define ROUNDER 0x1.8p52
#define ROUNDER_BITS UINT64_C(0x4338000000000000)

static double integer_value(uint64_t y) {
    return value_of(y + ROUNDER_BITS) - ROUNDER;
}

static uint64_t nearest_integer(double value) {
    return bits_of(value + ROUNDER) - ROUNDER_BITS;
}

/* Beyond 2^51 the addition above gives other bits, which may come back right and still be next to NO_FIT. */
static bool within_reach(uint64_t y) {
    return y + REACH < 2 * REACH;
}

/* A decimal fraction is its digits divided by a power of ten, correctly rounded, as reading text gives it. */
static uint64_t of_decimal(uint64_t x, double ten) {
    uint64_t y = nearest_integer(value_of(x) * ten);
    return bits_of(integer_value(y) / ten) == x && within_reach(y) ? y : NO_FIT;
}

/* A scaled register is an integer times 0.1, 0.01, ..., which rounds otherwise. */
static uint64_t of_scaled(uint64_t x, double ten, double tenth) {
    uint64_t y = nearest_integer(value_of(x) * ten);
    return bits_of(integer_value(y) * tenth) == x && within_reach(y) ? y : NO_FIT;
}

static uint64_t of_single(uint64_t x) {
    float single = (float)value_of(x);
    uint32_t y;
    memcpy(&y, &single, sizeof y);
    return bits_of(single) == x ? y : NO_FIT;
}

static uint64_t single_value(uint64_t y) {
    uint32_t bits = (uint32_t)y;
    float single;
    memcpy(&single, &bits, sizeof single);
    return bits_of(single);
}

static uint64_t of_difference(uint64_t difference, int64_t unit) {
    uint64_t y = nearest_integer((double)(int64_t)difference / (double)unit);
    return y * (uint64_t)unit == difference && within_reach(y) ? y : NO_FIT;
}

/* ---- Choosing by a sample ---- */

/* Spread over the column, and not in step with a period of it. */
static uint32_t sample_rows(uint32_t rows, uint32_t *row) {
    if (rows <= SAMPLE) {
        for (uint32_t i = 0; i < rows; i++)
            row[i] = i;
        return rows;
    }
    uint32_t stride = rows / SAMPLE, noise = 0x9e3779b9;
    for (uint32_t i = 0; i < SAMPLE; i++) {
        noise = noise * 1664525 + 1013904223;
        row[i] = i * stride + (noise >> 16) % stride;
    }
    return SAMPLE;
}

static void sort(int64_t *values, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        int64_t value = values[i];
        uint32_t at = i;
        for (; at && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

static unsigned bytes_for(uint64_t range) {
    return range ? (71 - (unsigned)__builtin_clzll(range)) / 8 : 0;
}

static uint64_t widest(unsigned width) {
    return width == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
}

static double cost_of(const int64_t *sample, uint32_t count, uint64_t base, unsigned width, uint32_t misfits) {
    uint32_t rows = count + misfits;
    for (uint32_t i = 0; i < count; i++)
        misfits += (uint64_t)sample[i] - base > widest(width);
    return width + (double)PL__PATCH * misfits / rows;
}

/* The room that a width leaves around a range is shared between both ends; but a range that nearly fills the width from
 * 0 on is all of it, as with registers. */
static uint64_t base_for(uint64_t low, uint64_t range, unsigned width) {
    uint64_t most = widest(width);
    if (width == 8 || (range > most / 2 && low <= most - range)) return 0;
    return low - (most - range) / 2;
}

/* Base and width for a sample, which gets sorted; `misfits` more rows of it have no y. Of a full sample, both ends are
 * left to patches. The other way is one value with patches. */
static void fit(struct plan *plan, int64_t *sample, uint32_t count, uint32_t misfits) {
    uint32_t trim = count + misfits == SAMPLE && count > 2 ? 1 : 0;
    sort(sample, count);
    uint64_t low = (uint64_t)sample[trim], range = (uint64_t)sample[count - 1 - trim] - low;
    plan->width = bytes_for(range);
    plan->base = base_for(low, range, plan->width);
    plan->cost = cost_of(sample, count, plan->base, plan->width, misfits);

    uint64_t middle = (uint64_t)sample[count / 2];
    double one = cost_of(sample, count, middle, 0, misfits);
    if (one >= plan->cost) return;
    plan->width = 0;
    plan->base = middle;
    plan->cost = one;
}

static unsigned common_scale(const int64_t *differences, uint32_t count) {
    unsigned scale = 9;
    for (uint32_t i = 0; i < count && scale; i++)
        while (differences[i] % power[scale])
            scale--;
    return scale;
}

static void plan_plain(struct plan *plan, const uint64_t *x, const uint32_t *row, uint32_t count) {
    int64_t sample[SAMPLE] = {0};
    for (uint32_t i = 0; i < count; i++)
        sample[i] = (int64_t)x[row[i]];
    plan->how = PLAIN;
    plan->scale = 0;
    fit(plan, sample, count, 0);
}

static void plan_delta(struct plan *plan, const uint64_t *x, const uint32_t *row, uint32_t count) {
    int64_t sample[SAMPLE] = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = row[i] ? row[i] : 1;
        sample[i] = (int64_t)(x[at] - x[at - 1]);
    }
    plan->how = DELTA;
    plan->scale = 0;
    fit(plan, sample, count, 0);
    unsigned scale = plan->width ? common_scale(sample, count) : 0;
    if (!scale) return;
    for (uint32_t i = 0; i < count; i++)
        sample[i] /= power[scale];
    plan->scale = scale;
    fit(plan, sample, count, 0);
    if (plan->width == 8) plan->cost = INFINITY; /* every y fits, NO_FIT too */
}

static struct plan plan_integers(const uint64_t *x, uint32_t rows) {
    uint32_t row[SAMPLE], count = sample_rows(rows, row);
    struct plan plain, delta;
    plan_plain(&plain, x, row, count);
    if (rows < 3 || plain.cost == 0) return plain;
    plan_delta(&delta, x, row, count);
    return delta.cost < plain.cost ? delta : plain;
}

static uint64_t of_value(enum how how, unsigned scale, uint64_t x) {
    switch (how) {
    case DECIMAL: return of_decimal(x, (double)power[scale]);
    case SCALED: return of_scaled(x, (double)power[scale], inverse[scale]);
    default: return of_single(x);
    }
}

/* Takes this way for the plan where it costs less. False when too many of the sampled values do not fit it. */
static bool plan_values_as(struct plan *best, enum how how, unsigned scale, const uint64_t *x, const uint32_t *row,
                           uint32_t count) {
    int64_t sample[SAMPLE] = {0};
    uint32_t fits = 0, misfits = 0, most = count / PATCHES_PART;
    for (uint32_t i = 0; i < count && misfits <= most; i++) {
        uint64_t y = of_value(how, scale, x[row[i]]);
        if (y == NO_FIT)
            misfits++;
        else
            sample[fits++] = (int64_t)y;
    }
    if (misfits > most || fits == 0) return false;
    struct plan plan = {.how = how, .scale = scale};
    fit(&plan, sample, fits, misfits);
    if (plan.width < 8 && plan.cost < best->cost) *best = plan;
    return true;
}

static bool needs_patches(const struct plan *plan) {
    return plan->cost > plan->width;
}

static struct plan plan_values(const uint64_t *x, uint32_t rows) {
    uint32_t row[SAMPLE], count = sample_rows(rows, row);
    struct plan best;
    plan_plain(&best, x, row, count);
    if (best.cost < 1) return best;
    for (unsigned scale = 0; scale < POWERS; scale++)
        if (plan_values_as(&best, DECIMAL, scale, x, row, count)) break;
    if (best.how == DECIMAL && !needs_patches(&best)) return best;
    plan_values_as(&best, SINGLE, 0, x, row, count);
    for (unsigned scale = 1; scale < POWERS; scale++)
        if (plan_values_as(&best, SCALED, scale, x, row, count)) break;
    return best;
}

/* What holds for every row: the range as it is. */
static struct plan plan_exact(const uint64_t *x, uint32_t rows) {
    int64_t low = (int64_t)x[0], high = low;
    for (uint32_t i = 1; i < rows; i++) {
        int64_t value = (int64_t)x[i];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    return (struct plan){.how = PLAIN, .base = (uint64_t)low, .width = bytes_for((uint64_t)high - (uint64_t)low)};
}

/* ---- Writing ---- */

static void widen(enum pl_type type, const void *column, uint32_t rows, uint64_t *x) {
    const uint32_t *four = column;
    const uint16_t *two = column;
    const uint8_t *one = column;
    switch (pl_type_size(type)) {
    case 8: memcpy(x, column, (size_t)rows * 8); break;
    case 4:
        for (uint32_t i = 0; i < rows; i++)
            x[i] = four[i];
        break;
    case 2:
        for (uint32_t i = 0; i < rows; i++)
            x[i] = two[i];
        break;
    default:
        for (uint32_t i = 0; i < rows; i++)
            x[i] = one[i];
        break;
    }
}

static void differ(const uint64_t *restrict x, uint32_t rows, int64_t unit, uint64_t *restrict y) {
    y[0] = x[0];
    for (uint32_t i = 1; i < rows; i++)
        y[i] = x[i] - x[i - 1];
    if (unit == 1) return;
    for (uint32_t i = 0; i < rows; i++)
        y[i] = of_difference(y[i], unit);
}

/* x to y as the plan says. */
static const uint64_t *map(const struct plan *plan, const uint64_t *restrict x, uint32_t rows, uint64_t *restrict y) {
    double ten = (double)power[plan->scale], tenth = inverse[plan->scale];
    switch (plan->how) {
    case DELTA: differ(x, rows, power[plan->scale], y); break;
    case DECIMAL:
        for (uint32_t i = 0; i < rows; i++)
            y[i] = of_decimal(x[i], ten);
        break;
    case SCALED:
        for (uint32_t i = 0; i < rows; i++)
            y[i] = of_scaled(x[i], ten, tenth);
        break;
    case SINGLE:
        for (uint32_t i = 0; i < rows; i++)
            y[i] = of_single(x[i]);
        break;
    default: return x;
    }
    return y;
}

/* Writes the low `width` bytes of each y - base; rows with more go to `patched`. Returns how many of these there are,
 * or TOO_MANY past the limit. */
static inline __attribute__((always_inline)) uint32_t pack_as(const uint64_t *y, uint32_t rows, uint64_t base,
                                                              unsigned width, uint8_t *at, uint16_t *patched,
                                                              uint32_t limit) {
    uint64_t most = widest(width);
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t u = y[i] - base;
        if (width) memcpy(at + (size_t)i * width, &u, 8);
        if (PL_UNLIKELY(u > most)) {
            if (count == limit) return TOO_MANY;
            patched[count++] = (uint16_t)i;
        }
    }
    return count;
}

static uint32_t pack(const struct plan *plan, const uint64_t *y, uint32_t rows, uint8_t *at, uint16_t *patched) {
    uint32_t limit = rows / PATCHES_PART + 1, pays = rows * (8 - plan->width) / PL__PATCH + 1;
    if (limit > pays) limit = pays;
    switch (plan->width) { /* each with its width known to the compiler */
    case 0: return pack_as(y, rows, plan->base, 0, at, patched, limit);
    case 1: return pack_as(y, rows, plan->base, 1, at, patched, limit);
    case 2: return pack_as(y, rows, plan->base, 2, at, patched, limit);
    case 3: return pack_as(y, rows, plan->base, 3, at, patched, limit);
    case 4: return pack_as(y, rows, plan->base, 4, at, patched, limit);
    case 8: return pack_as(y, rows, plan->base, 8, at, patched, limit);
    default: return pack_as(y, rows, plan->base, plan->width, at, patched, limit);
    }
}

static uint8_t *put_head(const struct plan *plan, uint32_t patches, uint8_t *at) {
    uint16_t patches16 = (uint16_t)patches;
    at[0] = (uint8_t)plan->how;
    at[1] = (uint8_t)plan->width;
    at[2] = (uint8_t)plan->scale;
    at[3] = 0;
    memcpy(at + 4, &patches16, 2);
    memcpy(at + 6, &plan->base, 8);
    return at + PL__COLUMN_HEAD;
}

/* A patch is the value itself, or the difference where differences are kept. */
static uint8_t *put_patches(const struct pl__column_work *work, enum how how, uint32_t count, uint8_t *at) {
    for (uint32_t i = 0; i < count; i++, at += PL__PATCH) {
        uint32_t row = work->patched[i];
        uint64_t value = work->x[row] - (how == DELTA && row ? work->x[row - 1] : 0);
        memcpy(at, &work->patched[i], 2);
        memcpy(at + 2, &value, 8);
    }
    return at;
}

uint8_t *pl__column_put(struct pl__column_work *work, enum pl_type type, const void *column, uint32_t rows,
                        uint8_t *at) {
    uint8_t *body = at + PL__COLUMN_HEAD;
    widen(type, column, rows, work->x);
    struct plan plan = type == PL_F64 ? plan_values(work->x, rows) : plan_integers(work->x, rows);
    uint32_t patches = pack(&plan, map(&plan, work->x, rows, work->y), rows, body, work->patched);
    if (patches == TOO_MANY) { /* the sample misled */
        plan = plan_exact(work->x, rows);
        patches = pack(&plan, work->x, rows, body, work->patched);
    }
    put_head(&plan, patches, at);
    return put_patches(work, plan.how, patches, body + (size_t)rows * plan.width);
}

/* ---- Reading ---- */

static inline __attribute__((always_inline)) void unpack_as(const uint8_t *at, uint32_t rows, uint64_t base,
                                                            unsigned width, uint64_t *y) {
    uint64_t most = widest(width);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t u = 0;
        if (width) memcpy(&u, at + (size_t)i * width, 8);
        y[i] = (u & most) + base;
    }
}

static void unpack(const uint8_t *at, uint32_t rows, uint64_t base, unsigned width, uint64_t *y) {
    switch (width) {
    case 0: unpack_as(at, rows, base, 0, y); break;
    case 1: unpack_as(at, rows, base, 1, y); break;
    case 2: unpack_as(at, rows, base, 2, y); break;
    case 3: unpack_as(at, rows, base, 3, y); break;
    case 4: unpack_as(at, rows, base, 4, y); break;
    case 8: unpack_as(at, rows, base, 8, y); break;
    default: unpack_as(at, rows, base, width, y); break;
    }
}

/* y to x, in place; differences stay differences. */
static void unmap(enum how how, unsigned scale, uint64_t *y, uint32_t rows) {
    double ten = (double)power[scale], tenth = inverse[scale];
    switch (how) {
    case DELTA:
        for (uint32_t i = 0; i < rows; i++)
            y[i] *= (uint64_t)power[scale];
        break;
    case DECIMAL:
        for (uint32_t i = 0; i < rows; i++)
            y[i] = bits_of(integer_value(y[i]) / ten);
        break;
    case SCALED:
        for (uint32_t i = 0; i < rows; i++)
            y[i] = bits_of(integer_value(y[i]) * tenth);
        break;
    case SINGLE:
        for (uint32_t i = 0; i < rows; i++)
            y[i] = single_value(y[i]);
        break;
    default: break;
    }
}

static bool patch(const uint8_t *at, uint32_t count, uint64_t *y, uint32_t rows) {
    for (uint32_t i = 0; i < count; i++, at += PL__PATCH) {
        uint16_t row;
        memcpy(&row, at, 2);
        if (row >= rows) return false;
        memcpy(&y[row], at + 2, 8);
    }
    return true;
}

/* False when a value does not fit the column's type. */
static bool narrow(enum pl_type type, const uint64_t *x, uint32_t rows, void *column) {
    uint32_t *four = column;
    uint16_t *two = column;
    uint8_t *one = column;
    uint64_t all = 0;
    unsigned size = pl_type_size(type);
    switch (size) {
    case 8: memcpy(column, x, (size_t)rows * 8); return true;
    case 4:
        for (uint32_t i = 0; i < rows; i++)
            all |= x[i], four[i] = (uint32_t)x[i];
        break;
    case 2:
        for (uint32_t i = 0; i < rows; i++)
            all |= x[i], two[i] = (uint16_t)x[i];
        break;
    default:
        for (uint32_t i = 0; i < rows; i++)
            all |= x[i], one[i] = (uint8_t)x[i];
        break;
    }
    return all <= widest(size);
}

static bool get_head(const uint8_t *at, const uint8_t *end, struct head *head) {
    if (end - at < PL__COLUMN_HEAD) return false;
    head->how = at[0];
    head->width = at[1];
    head->scale = at[2];
    memcpy(&head->patches, at + 4, 2);
    memcpy(&head->base, at + 6, 8);
    return head->how < HOWS && head->width <= 8 && head->scale < POWERS && at[3] == 0;
}

const uint8_t *pl__column_get(struct pl__column_work *work, enum pl_type type, uint32_t rows, const uint8_t *at,
                              const uint8_t *end, void *column) {
    struct head head;
    if (!get_head(at, end, &head)) return NULL;
    at += PL__COLUMN_HEAD;
    size_t size = (size_t)rows * head.width, patches = (size_t)head.patches * PL__PATCH;
    if (rows > PL_BATCH_ROWS_MAX || (size_t)(end - at) < size + patches + PL__COLUMN_SLACK) return NULL;
    unpack(at, rows, head.base, head.width, work->x);
    unmap(head.how, head.scale, work->x, rows);
    if (!patch(at + size, head.patches, work->x, rows)) return NULL;
    for (uint32_t i = 1; head.how == DELTA && i < rows; i++)
        work->x[i] += work->x[i - 1];
    return narrow(type, work->x, rows, column) ? at + size + patches : NULL;
}
