#include "store/column.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above */
#include <cmocka.h>

static struct pl__column_work work;

/* ---- Helpers ---- */

static uint64_t noise_state;

static uint64_t noise(void) {
    noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
    return noise_state >> 33 ^ noise_state << 31;
}

static double uniform(void) {
    return (double)(noise() >> 11) / 9007199254740992.0;
}

/* Writes and reads a column in memory of exactly its size (so that the sanitizers see the byte beside it); returns
 * how many bytes it took. */
static size_t round_trip(enum pl_type type, const void *column, uint32_t rows) {
    size_t size = (size_t)rows * pl_type_size(type);
    uint8_t *written = malloc(pl__column_bound(rows));
    uint8_t *end = pl__column_put(&work, type, column, rows, written);
    size_t used = (size_t)(end - written);
    assert_true(used + PL__COLUMN_SLACK <= pl__column_bound(rows));

    uint8_t *bytes = malloc(used + PL__COLUMN_SLACK);
    memcpy(bytes, written, used);
    memset(bytes + used, 0, PL__COLUMN_SLACK);
    void *back = malloc(size);
    assert_ptr_equal(pl__column_get(&work, type, rows, bytes, bytes + used + PL__COLUMN_SLACK, back), bytes + used);
    assert_memory_equal(back, column, size);
    free(back);
    free(bytes);
    free(written);
    return used;
}

static size_t round_trip_values(const double *values, uint32_t rows) {
    return round_trip(PL_F64, values, rows);
}

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- What plants send takes few bytes ---- */

enum { ROWS = 4096, TAGS = 300 };

static void times_in_step_take_nothing(void **state) {
    (void)state;
    static pl_time time[ROWS];
    for (int i = 0; i < ROWS; i++)
        time[i] = 1700000000 * PL_SECOND + i / TAGS * 100 * PL_MILLISECOND + i % TAGS * 300 * PL_MICROSECOND;
    assert_true(round_trip(PL_I64, time, ROWS) < ROWS / 10);
}

static void times_in_milliseconds_take_their_milliseconds(void **state) {
    (void)state;
    static pl_time time[ROWS];
    for (int i = 0; i < ROWS; i++)
        time[i] = 1700000000 * PL_SECOND + (i * 1000 + (pl_time)(noise() % 900)) * PL_MILLISECOND;
    assert_true(round_trip(PL_I64, time, ROWS) < ROWS * 2 + 100);
}

static void a_time_that_is_no_multiple_is_patched(void **state) {
    (void)state;
    static pl_time time[ROWS];
    for (int i = 0; i < ROWS; i++)
        time[i] = 1700000000 * PL_SECOND + (i * 1000 + (pl_time)(noise() % 900)) * PL_MILLISECOND;
    time[1000] += 1;
    time[2000] = PL_TIME_MIN;
    time[3000] = PL_TIME_MAX;
    assert_true(round_trip(PL_I64, time, ROWS) < ROWS * 2 + 200);
}

static void tags_in_turn_take_nothing(void **state) {
    (void)state;
    static uint32_t place[ROWS];
    for (int i = 0; i < ROWS; i++)
        place[i] = (uint32_t)(i % TAGS);
    assert_true(round_trip(PL_NAME, place, ROWS) < ROWS / 10);
    for (int i = 0; i < ROWS; i++)
        place[i] = (uint32_t)(noise() % TAGS);
    assert_true(round_trip(PL_NAME, place, ROWS) < ROWS * 2 + 50);
}

static void decimals_take_their_digits(void **state) {
    (void)state;
    static double value[ROWS];
    for (int decimals = 0; decimals <= 6; decimals++) {
        double ten = pow(10, decimals);
        for (int i = 0; i < ROWS; i++)
            value[i] = rint(uniform() * 60000) / ten;
        value[7] = NAN; /* and what does not fit is patched */
        value[70] = -0.0;
        value[700] = INFINITY;
        value[3000] = 1.0 / 3;
        assert_true(round_trip_values(value, ROWS) < ROWS * 2 + 100);
    }
}

static void scaled_registers_take_two_bytes(void **state) {
    (void)state;
    static double value[ROWS];
    for (int i = 0; i < ROWS; i++)
        value[i] = (double)(noise() % 65536) * 0.01;
    assert_true(round_trip_values(value, ROWS) < ROWS * 2 + ROWS / 4);
}

static void floats_take_four_bytes(void **state) {
    (void)state;
    static double value[ROWS];
    for (int i = 0; i < ROWS; i++)
        value[i] = (float)(uniform() * 1000);
    value[5] = 0.1;
    assert_true(round_trip_values(value, ROWS) < ROWS * 4 + 100);
}

static void one_value_takes_nothing(void **state) {
    (void)state;
    static double value[ROWS];
    static uint16_t quality[ROWS];
    for (int i = 0; i < ROWS; i++)
        value[i] = NAN;
    for (int i = 0; i < ROWS; i += 500)
        quality[i] = 0x8001;
    assert_true(round_trip_values(value, ROWS) < 50);
    assert_true(round_trip(PL_U16, quality, ROWS) < 200);
}

static void what_fits_nothing_takes_eight_bytes(void **state) {
    (void)state;
    static uint64_t id[ROWS];
    static double value[ROWS];
    for (int i = 0; i < ROWS; i++) {
        id[i] = noise() << 40 ^ noise();
        value[i] = from_bits(id[i]);
    }
    assert_true(round_trip(PL_U64, id, ROWS) <= ROWS * 8 + PL__COLUMN_HEAD);
    assert_true(round_trip_values(value, ROWS) <= ROWS * 8 + PL__COLUMN_HEAD);
}

/* The sample sees only rows of one kind: the rest is too much to patch, and the column is written another way. */
static void a_sample_that_misleads_costs_only_size(void **state) {
    (void)state;
    static uint64_t x[ROWS];
    static double value[ROWS];
    for (int odd = 0; odd < 64; odd++) {
        for (int i = 0; i < ROWS; i++) {
            bool in_step = (i + odd) % 8 != 0;
            x[i] = in_step ? 7 : noise();
            value[i] = in_step ? 0.5 : from_bits(noise() << 20);
        }
        round_trip(PL_U64, x, ROWS);
        round_trip_values(value, ROWS);
    }
}

/* ---- Exactly the same bits ---- */

static void every_double_comes_back(void **state) {
    (void)state;
    static const uint64_t odd[] = {
        0x0000000000000000, 0x8000000000000000,                     /* zeros */
        0x7ff0000000000000, 0xfff0000000000000,                     /* infinities */
        0x7ff8000000000000, 0xfff8000000000000,                     /* NaN, quiet */
        0x7ff0000000000001, 0x7ff4000000000000,                     /* NaN, signalling */
        0x7fffffffffffffff, 0xffffffffffffffff, 0x7ff8dead0000beef, /* NaN with a payload */
        0x0000000000000001, 0x000fffffffffffff, 0x800fffffffffffff, /* denormal */
        0x0010000000000000, 0x7fefffffffffffff, 0xffefffffffffffff, /* least and most */
        0x4338000000000000, 0x4330000000000000, 0x4340000000000000, /* around the rounding constant */
        0xc338000000000000, 0x4320000000000001, 0x3ff0000000000000, 0x3fb999999999999a,
    };
    double value[96];
    for (uint32_t rows = 1; rows <= 96; rows++) {
        for (uint32_t start = 0; start < PL_COUNT_OF(odd); start++) {
            for (uint32_t i = 0; i < rows; i++)
                value[i] = i % 3 == 0 ? from_bits(odd[(start + i) % PL_COUNT_OF(odd)]) : (double)i / 8;
            round_trip_values(value, rows);
            for (uint32_t i = 0; i < rows; i++)
                value[i] = from_bits(odd[(start + i) % PL_COUNT_OF(odd)]);
            round_trip_values(value, rows);
        }
    }
}

/* A column of any shape: a base, a spread, a share of strangers. */
/* Large values that scale, where what does not scale must not be taken for one of them. */
static void misfits_beside_large_values_come_back(void **state) {
    (void)state;
    static double values[40];
    for (int power = 0; power < 64; power++)
        for (int sign = -1; sign <= 1; sign += 2) {
            for (int i = 0; i < 40; i++)
                values[i] = sign * (ldexp(1, power) * 0.96 + i / 64.0);
            values[0] = from_bits(0x3b9aca00000300);
            values[17] = 0;
            round_trip_values(values, 40);
        }
    static const uint8_t low[] = {0xb8, 0xb8, 0xba, 0xb8, 0xbb, 0xbb, 0xbc, 0xbd, 0xbd, 0xbd, 0xbf, 0xc0, 0,    0xc0,
                                  0xc1, 0xc3, 0xc3, 0xc3, 0xc4, 0xc5, 0xc5, 0xc5, 0xc6, 0xc8, 0xc8, 0xc8, 0xc9, 0xca,
                                  0xca, 0xca, 0xcc, 0xcd, 0xcd, 0xcd, 0xce, 0xb8, 0xcf, 0xcf, 0xd1, 0xd2};
    for (unsigned i = 0; i < 40; i++)
        values[i] = low[i] ? from_bits(0xc2deb851eb851e00 + low[i]) : 0;
    values[0] = from_bits(0x3b9aca00000300);
    round_trip_values(values, 40);
}

static void random_column(uint64_t *x, uint32_t rows, bool values) {
    uint64_t base = noise() >> noise() % 64, step = noise() % 4 ? noise() % 100000 : 0;
    unsigned spread = (unsigned)(noise() % 64), strangers = (unsigned)(noise() % 20), how = (unsigned)(noise() % 5);
    static const double ten[] = {1, 10, 100, 1e4, 1e9, 1e10};
    double scale = ten[noise() % PL_COUNT_OF(ten)];
    for (uint32_t i = 0; i < rows; i++) {
        x[i] = base + i * step + (noise() >> spread);
        if (values) {
            double v = (double)(int64_t)(x[i] % 10000019);
            v = how == 0 ? v / scale : how == 1 ? v * (1 / scale) : how == 2 ? (double)(float)(v / 7) : v / 7;
            if (how != 4) memcpy(&x[i], &v, sizeof v);
        }
        if (strangers && noise() % strangers == 0) x[i] = noise() << noise() % 64;
    }
}

static void any_column_comes_back(void **state) {
    (void)state;
    static uint64_t x[PL_BATCH_ROWS_MAX];
    static uint32_t four[PL_BATCH_ROWS_MAX];
    static uint16_t two[PL_BATCH_ROWS_MAX];
    static uint8_t one[PL_BATCH_ROWS_MAX];
    for (noise_state = 1; noise_state < 3000; noise_state++) {
        uint64_t seed = noise_state;
        uint32_t rows = (uint32_t)(noise() % (seed % 16 ? 80 : PL_BATCH_ROWS_MAX)) + 1;
        random_column(x, rows, seed % 2);
        for (uint32_t i = 0; i < rows; i++) {
            four[i] = (uint32_t)x[i];
            two[i] = (uint16_t)x[i];
            one[i] = (uint8_t)x[i];
        }
        round_trip(seed % 2 ? PL_F64 : PL_I64, x, rows);
        round_trip(PL_U32, four, rows);
        round_trip(PL_U16, two, rows);
        round_trip(PL_BYTE, one, rows);
        noise_state = seed;
    }
}

/* ---- Bytes that are no column ---- */

static const enum pl_type types[] = {PL_I64, PL_F64, PL_U32, PL_U16, PL_BYTE};

static void get_exactly(enum pl_type type, const uint8_t *bytes, size_t size, uint32_t rows, bool must_fail) {
    uint8_t *copy = malloc(size ? size : 1), *column = malloc((size_t)rows * 8);
    memcpy(copy, bytes, size);
    const uint8_t *end = pl__column_get(&work, type, rows, copy, copy + size, column);
    if (must_fail) assert_null(end);
    if (end) assert_true(end > copy && end + PL__COLUMN_SLACK <= copy + size);
    free(copy);
    free(column);
}

static void a_column_cut_short_is_refused(void **state) {
    (void)state;
    static uint64_t x[64];
    static uint8_t bytes[2048];
    for (noise_state = 1; noise_state < 40; noise_state++) {
        uint64_t seed = noise_state;
        random_column(x, 64, seed % 2);
        enum pl_type type = seed % 2 ? PL_F64 : PL_I64;
        size_t size = (size_t)(pl__column_put(&work, type, x, 64, bytes) - bytes) + PL__COLUMN_SLACK;
        for (size_t cut = 0; cut < size; cut++)
            get_exactly(type, bytes, cut, 64, true);
        noise_state = seed;
    }
}

static void mutated_columns_do_no_harm(void **state) {
    (void)state;
    static uint64_t x[64];
    static uint8_t bytes[2048];
    for (noise_state = 1; noise_state < 20000; noise_state++) {
        uint64_t seed = noise_state;
        enum pl_type type = types[seed % PL_COUNT_OF(types)];
        random_column(x, 64, type == PL_F64);
        size_t size = (size_t)(pl__column_put(&work, type, x, 64, bytes) - bytes) + PL__COLUMN_SLACK;
        for (unsigned i = 0; i < 1 + seed % 4; i++)
            bytes[noise() % (noise() % 2 ? PL__COLUMN_HEAD : size)] ^= (uint8_t)noise();
        get_exactly(type, bytes, size, 64, false);
        noise_state = seed;
    }
}

static void a_value_too_wide_for_its_column_is_refused(void **state) {
    (void)state;
    static uint8_t bytes[256], column[64];
    uint32_t x[8] = {1, 2, 3, 70000, 5, 6, 7, 8};
    size_t size = (size_t)(pl__column_put(&work, PL_U32, x, 8, bytes) - bytes) + PL__COLUMN_SLACK;
    assert_non_null(pl__column_get(&work, PL_U32, 8, bytes, bytes + size, column));
    assert_null(pl__column_get(&work, PL_U16, 8, bytes, bytes + size, column));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_in_step_take_nothing),
        cmocka_unit_test(times_in_milliseconds_take_their_milliseconds),
        cmocka_unit_test(a_time_that_is_no_multiple_is_patched),
        cmocka_unit_test(tags_in_turn_take_nothing),
        cmocka_unit_test(decimals_take_their_digits),
        cmocka_unit_test(scaled_registers_take_two_bytes),
        cmocka_unit_test(floats_take_four_bytes),
        cmocka_unit_test(one_value_takes_nothing),
        cmocka_unit_test(what_fits_nothing_takes_eight_bytes),
        cmocka_unit_test(a_sample_that_misleads_costs_only_size),
        cmocka_unit_test(every_double_comes_back),
        cmocka_unit_test(misfits_beside_large_values_come_back),
        cmocka_unit_test(any_column_comes_back),
        cmocka_unit_test(a_column_cut_short_is_refused),
        cmocka_unit_test(mutated_columns_do_no_harm),
        cmocka_unit_test(a_value_too_wide_for_its_column_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
