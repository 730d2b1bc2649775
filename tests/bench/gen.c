/* gen.c: writes sensor samples for the benchmarks and for the tests that compare with other programs.
 *
 *     bench_gen [-n ROWS] [-s SEED] [-t TIME_NS] [-o FILE]
 *
 * CSV without header, `time_ns,tag,value`: three lines of twenty pots with five signals each, one sample a signal every
 * 100 ms, the signals 0.3 ms apart, in time order. Per 1000 rows 5 are outliers (still in range), 2 are missing (one an
 * empty field, one "NaN"), 1 is out of range. Ranges: voltage 0..10, current 0..400, bath_temp 800..1100, anode_pos
 * 0..1000, noise 0..500. Whole numbers only, so the same seed gives the same bytes on every machine.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 3, POTS = 20, SIGNALS = 5, TAGS = LINES * POTS * SIGNALS, STEP_NS = 100000000, SHIFT_NS = 300000 };
enum { BUFFER = 1 << 18, ROW_MAX = 96 };

/* One signal of a pot; numbers are in units of the last decimal. */
struct signal {
    const char *name;
    int decimals;
    int64_t level, swing, jitter, outlier;
    int64_t below, above; /* out of range */
};

static const struct signal signals[SIGNALS] = {
    {"voltage", 4, 41800, 900, 220, 15000, -2500, 130000}, {"current", 2, 17950, 250, 80, 7000, -2500, 95000},
    {"bath_temp", 2, 95800, 450, 60, 5500, 61000, 160000}, {"anode_pos", 2, 31000, 6000, 25, 9000, -2500, 240000},
    {"noise", 3, 24000, 5000, 1900, 70000, -7000, 820000},
};

struct tag {
    char name[32];
    size_t length;
    const struct signal *signal;
    int64_t level; /* this pot's own */
};

struct totals {
    uint64_t rows, missing, out_of_range, outliers;
};

/* A counter through a mixer with two multiplications and three shifts. */
static uint64_t next_random(uint64_t *state) {
    uint64_t x = *state += UINT64_C(0xd1342543de82ef95);
    x = (x ^ x >> 32) * UINT64_C(0xdaba0b6eb09322e3);
    x = (x ^ x >> 32) * UINT64_C(0xdaba0b6eb09322e3);
    return x ^ x >> 32;
}

static char *put_number(char *at, uint64_t value, int digits_least) {
    char digits[24];
    int n = 0;
    for (; value || n < digits_least; value /= 10)
        digits[n++] = (char)('0' + value % 10);
    while (n)
        *at++ = digits[--n];
    return at;
}

static char *put_decimal(char *at, int64_t value, int decimals) {
    uint64_t unit = 1, magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    if (value < 0) *at++ = '-';
    at = put_number(at, magnitude / unit, 1);
    *at++ = '.';
    return put_number(at, magnitude % unit, decimals);
}

/* Sum of three uniform numbers, scaled: bell-shaped within -3 jitter/2 .. 3 jitter/2. */
static int64_t noise_of(uint64_t random, int64_t jitter) {
    int64_t sum = (int64_t)(random & 0xffff) + (int64_t)(random >> 16 & 0xffff) + (int64_t)(random >> 32 & 0xffff);
    return (sum - 98304) * jitter / 65536;
}

/* A triangle of 400 s, each tag in its own phase. */
static int64_t swing_of(uint64_t step, unsigned tag, int64_t swing) {
    int64_t phase = (int64_t)((step + tag * UINT64_C(53)) % 4000);
    return swing * (phase < 2000 ? phase - 1000 : 3000 - phase) / 1000;
}

static char *put_value(char *at, const struct tag *tag, int64_t value, uint64_t random, struct totals *totals) {
    const struct signal *signal = tag->signal;
    switch (random % 1000) {
    case 0: totals->missing++; return at;
    case 1:
        totals->missing++;
        memcpy(at, "NaN", 3);
        return at + 3;
    case 2:
        totals->out_of_range++;
        value = (random >> 32 & 1 ? signal->above : signal->below) + (int64_t)(random >> 40 & 0x3ff);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
        totals->outliers++;
        value += signal->outlier;
        break;
    }
    return put_decimal(at, value, signal->decimals);
}

static void name_tags(struct tag *tags) {
    for (unsigned i = 0; i < TAGS; i++) {
        unsigned pot = i / SIGNALS;
        tags[i].signal = &signals[i % SIGNALS];
        tags[i].length = (size_t)snprintf(tags[i].name, sizeof(tags[i].name), "line%u.pot%02u.%s", pot / POTS + 1,
                                          pot % POTS + 1, tags[i].signal->name);
        tags[i].level = tags[i].signal->level + (int64_t)(pot % 7) * tags[i].signal->jitter / 3;
    }
}

static bool write_all(FILE *out, const char *bytes, size_t size) {
    return fwrite(bytes, 1, size, out) == size;
}

static bool generate(FILE *out, uint64_t rows, uint64_t seed, uint64_t time, struct totals *totals) {
    static struct tag tags[TAGS];
    static char buffer[BUFFER + ROW_MAX];
    char *at = buffer;
    uint64_t state = seed;
    name_tags(tags);
    for (uint64_t row = 0; row < rows; row++) {
        unsigned i = (unsigned)(row % TAGS);
        uint64_t step = row / TAGS, shape = next_random(&state), fate = next_random(&state);
        int64_t value =
            tags[i].level + swing_of(step, i, tags[i].signal->swing) + noise_of(shape, tags[i].signal->jitter);
        at = put_number(at, time + step * STEP_NS + (uint64_t)i * SHIFT_NS, 1);
        *at++ = ',';
        memcpy(at, tags[i].name, tags[i].length);
        at += tags[i].length;
        *at++ = ',';
        at = put_value(at, &tags[i], value, fate, totals);
        *at++ = '\n';
        if (at - buffer < BUFFER) continue;
        if (!write_all(out, buffer, (size_t)(at - buffer))) return false;
        at = buffer;
    }
    totals->rows = rows;
    return write_all(out, buffer, (size_t)(at - buffer)) && fflush(out) == 0;
}

int main(int argc, char **argv) {
    uint64_t rows = 1000000, seed = 7, time = UINT64_C(1750000000000000000);
    const char *path = NULL;
    for (int option; (option = getopt(argc, argv, "n:s:t:o:")) != -1;) {
        switch (option) {
        case 'n': rows = strtoull(optarg, NULL, 10); break;
        case 's': seed = strtoull(optarg, NULL, 10); break;
        case 't': time = strtoull(optarg, NULL, 10); break;
        case 'o': path = optarg; break;
        default: fprintf(stderr, "usage: bench_gen [-n ROWS] [-s SEED] [-t TIME_NS] [-o FILE]\n"); return 2;
        }
    }
    FILE *out = path ? fopen(path, "wb") : stdout;
    struct totals totals = {0};
    if (!out || !generate(out, rows, seed, time, &totals)) {
        perror(path ? path : "stdout");
        return 1;
    }
    fprintf(stderr, "rows %" PRIu64 " missing %" PRIu64 " out_of_range %" PRIu64 " outliers %" PRIu64 "\n", totals.rows,
            totals.missing, totals.out_of_range, totals.outliers);
    return 0;
}
