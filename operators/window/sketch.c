#include "sketch.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The bits of a double, read as an integer, ascend with its magnitude: 11 bits of exponent, 52 of fraction. A key is
 * the magnitude's bits, and those of what is negative turned over (-1 - bits), so that keys ascend as the values do and
 * what is cut down to zero keeps its sign. */
enum { FRACTION = 52, LEVEL_LAST = 2100 };

struct wide {
    uint32_t level;
    uint32_t used;
    int64_t key[2 * SKETCH_BUCKETS];
    uint32_t count[2 * SKETCH_BUCKETS];
};

static int64_t key_of(double value) {
    int64_t bits;
    value += 0.0; /* -0 is 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits >= 0 ? bits : -1 - (bits & INT64_MAX);
}

static double value_of(int64_t magnitude, bool negative) {
    double value;
    memcpy(&value, &magnitude, sizeof value);
    return negative ? -value : value;
}

/* How many of a magnitude's low bits lie below the level; none when not positive. */
static int bits_below(int64_t magnitude, uint32_t level) {
    int exponent = (int)(magnitude >> FRACTION);
    return (int)level - (exponent ? exponent : 1);
}

static int64_t cut(int64_t key, uint32_t level) {
    int64_t magnitude = key < 0 ? -1 - key : key;
    int bits = bits_below(magnitude, level);
    if (bits <= 0) return key;
    magnitude = bits > FRACTION ? 0 : (int64_t)((uint64_t)magnitude >> bits << bits);
    return key < 0 ? -1 - magnitude : magnitude;
}

/* ---- Buckets falling together ---- */

/* The least level above the one at hand at which two neighbours are one. */
static uint32_t next_level(const int64_t *key, uint32_t used, uint32_t level) {
    uint32_t next = LEVEL_LAST;
    for (uint32_t i = 1; i < used; i++)
        while (next > level + 1 && cut(key[i - 1], next - 1) == cut(key[i], next - 1))
            next--;
    return next;
}

/* Cuts keys to the level and puts together those that are the same. Returns how many are left. */
static uint32_t collapse(int64_t *key, uint32_t *count, uint32_t used, uint32_t level) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < used; i++) {
        int64_t place = cut(key[i], level);
        uint32_t counted = count[i];
        if (left && key[left - 1] == place) {
            count[left - 1] += counted;
        } else {
            key[left] = place;
            count[left++] = counted;
        }
    }
    return left;
}

static void settle(struct wide *wide, struct sketch *sketch) {
    while (wide->used > SKETCH_BUCKETS) {
        wide->level = next_level(wide->key, wide->used, wide->level);
        wide->used = collapse(wide->key, wide->count, wide->used, wide->level);
    }
    sketch->level = wide->level;
    sketch->used = wide->used;
    memcpy(sketch->key, wide->key, wide->used * sizeof wide->key[0]);
    memcpy(sketch->count, wide->count, wide->used * sizeof wide->count[0]);
}

/* ---- Adding ---- */

/* The first bucket that is not below `key`. */
static uint32_t place_of(const struct sketch *sketch, int64_t key) {
    const int64_t *base = sketch->key;
    for (uint32_t n = sketch->used; n;) {
        uint32_t half = n / 2;
        if (base[half] < key) {
            base += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return (uint32_t)(base - sketch->key);
}

void sketch_merge(struct sketch *sketch, const struct sketch *other) {
    struct wide wide = {.level = sketch->level > other->level ? sketch->level : other->level};
    uint32_t a = 0, b = 0;
    while (a < sketch->used || b < other->used) {
        bool first = b == other->used || (a < sketch->used && sketch->key[a] <= other->key[b]);
        wide.key[wide.used] = first ? sketch->key[a] : other->key[b];
        wide.count[wide.used++] = first ? sketch->count[a++] : other->count[b++];
    }
    wide.used = collapse(wide.key, wide.count, wide.used, wide.level);
    settle(&wide, sketch);
}

void sketch_add(struct sketch *sketch, double value) {
    int64_t key = cut(key_of(value), sketch->level);
    uint32_t i = place_of(sketch, key);
    if (i < sketch->used && sketch->key[i] == key) {
        sketch->count[i]++;
    } else if (sketch->used == SKETCH_BUCKETS) {
        const struct sketch one = {.level = sketch->level, .used = 1, .key = {key}, .count = {1}};
        sketch_merge(sketch, &one);
    } else {
        memmove(&sketch->key[i + 1], &sketch->key[i], (sketch->used - i) * sizeof sketch->key[0]);
        memmove(&sketch->count[i + 1], &sketch->count[i], (sketch->used - i) * sizeof sketch->count[0]);
        sketch->key[i] = key;
        sketch->count[i] = 1;
        sketch->used++;
    }
}

/* ---- Asking ---- */

double sketch_error(const struct sketch *sketch) {
    return sketch->level > 1 ? ldexp(1, (int)sketch->level - 1076) : 0;
}

/* The middle of a bucket; one whose bits were not cut is the value itself. */
static double middle(const struct sketch *sketch, uint32_t i) {
    int64_t key = sketch->key[i], magnitude = key < 0 ? -1 - key : key;
    double value = value_of(magnitude, key < 0);
    if (bits_below(magnitude, sketch->level) <= 0) return value;
    return key < 0 ? value - sketch_error(sketch) : value + sketch_error(sketch);
}

/* The value of that rank, counted from 0. */
static double ranked(const struct sketch *sketch, uint64_t rank) {
    uint64_t seen = 0;
    for (uint32_t i = 0; i < sketch->used; i++) {
        seen += sketch->count[i];
        if (rank < seen) return middle(sketch, i);
    }
    return middle(sketch, sketch->used - 1);
}

double sketch_quantile(const struct sketch *sketch, double q) {
    uint64_t values = 0;
    for (uint32_t i = 0; i < sketch->used; i++)
        values += sketch->count[i];
    if (values == 0) return NAN;
    double rank = q * (double)(values - 1), below = floor(rank), share = rank - below;
    double low = ranked(sketch, (uint64_t)below), high = ranked(sketch, (uint64_t)ceil(rank));
    return low == high ? low : low * (1 - share) + high * share;
}
