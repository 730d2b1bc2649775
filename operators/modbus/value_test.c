/* Values against libmodbus' own helpers and against the compiler's idea of the types. */
#include "value.h"

#include <math.h>
#include <modbus/modbus.h>
#include <stdlib.h>
#include <string.h>

#include "testing/cmocka_first.h"

static const struct pl_modbus_order orders[] = {{false, false}, {true, false}, {false, true}, {true, true}};

static void to_wire(const uint16_t *registers, unsigned count, uint8_t *data) {
    for (unsigned i = 0; i < count; i++) {
        data[2 * i] = (uint8_t)(registers[i] >> 8);
        data[2 * i + 1] = (uint8_t)registers[i];
    }
}

static double value_of(const uint16_t *registers, enum pl_modbus_type type, struct pl_modbus_order order) {
    uint8_t data[8];
    to_wire(registers, 4, data);
    return pl_modbus_value(data, (struct pl_modbus_format){(uint8_t)type, -1, order});
}

/* Which order on the wire a helper of libmodbus makes. It differs between its versions: up to 3.1.6 their names told
 * the order in the memory of a little-endian machine. */
static size_t order_made_by(void (*set)(float, uint16_t *)) {
    static const uint16_t wire[4][2] = {{0x4142, 0x4344}, {0x4344, 0x4142}, {0x4241, 0x4443}, {0x4443, 0x4241}};
    uint32_t bits = 0x41424344;
    float letters;
    uint16_t registers[2];
    memcpy(&letters, &bits, sizeof letters);
    set(letters, registers);
    size_t order = 0;
    while (order < 4 && memcmp(registers, wire[order], sizeof registers) != 0)
        order++;
    assert_true(order < 4);
    return order;
}

static void test_float32_in_all_orders_as_libmodbus(void **state) {
    (void)state;
    static void (*const set[])(float, uint16_t *) = {modbus_set_float_abcd, modbus_set_float_cdab,
                                                     modbus_set_float_badc, modbus_set_float_dcba};
    unsigned seen = 0;
    srand(1);
    for (size_t i = 0; i < 4; i++) {
        size_t order = order_made_by(set[i]);
        seen |= 1u << order;
        for (int round = 0; round < 10000; round++) {
            float value = (float)((double)rand() / RAND_MAX * 2e6 - 1e6) * powf(10, (float)(rand() % 20 - 10));
            uint16_t registers[4] = {0};
            set[i](value, registers);
            assert_true(value_of(registers, PL_MODBUS_FLOAT32, orders[order]) == (double)value);
        }
    }
    assert_int_equal(seen, 15);
}

static void test_integers_as_libmodbus(void **state) {
    (void)state;
    srand(2);
    for (int round = 0; round < 10000; round++) {
        uint16_t registers[4], swapped[4];
        for (int i = 0; i < 4; i++)
            registers[i] = (uint16_t)rand();
        for (int i = 0; i < 4; i++)
            swapped[i] = (uint16_t)(registers[i] >> 8 | registers[i] << 8);
        int32_t i32 = (int32_t)((uint32_t)registers[0] << 16 | registers[1]);
        int64_t i64 = (int64_t)((uint64_t)(uint32_t)i32 << 32 | (uint32_t)registers[2] << 16 | registers[3]);
        uint16_t by_libmodbus[4];
        MODBUS_SET_INT64_TO_INT16(by_libmodbus, 0, i64);
        assert_memory_equal(registers, by_libmodbus, sizeof registers);
        MODBUS_SET_INT32_TO_INT16(by_libmodbus, 0, i32);
        assert_memory_equal(registers, by_libmodbus, 2 * sizeof *registers);
        assert_true(value_of(registers, PL_MODBUS_INT16, orders[0]) == (int16_t)registers[0]);
        assert_true(value_of(registers, PL_MODBUS_UINT16, orders[0]) == registers[0]);
        assert_true(value_of(swapped, PL_MODBUS_UINT16, orders[2]) == registers[0]);
        assert_true(value_of(registers, PL_MODBUS_INT32, orders[0]) == i32);
        assert_true(value_of(registers, PL_MODBUS_UINT32, orders[0]) == (uint32_t)i32);
        assert_true(value_of(registers, PL_MODBUS_INT64, orders[0]) == (double)i64);
        assert_true(value_of(registers, PL_MODBUS_UINT64, orders[0]) == (double)(uint64_t)i64);
        assert_true(value_of(swapped, PL_MODBUS_INT64, orders[2]) == (double)i64);
        uint16_t reversed[4] = {registers[3], registers[2], registers[1], registers[0]};
        assert_true(value_of(reversed, PL_MODBUS_INT64, orders[1]) == (double)i64);
        uint16_t pair[4] = {registers[1], registers[0]};
        assert_true(value_of(pair, PL_MODBUS_INT32, orders[1]) == i32);
    }
}

static void test_float64_and_extremes(void **state) {
    (void)state;
    static const double values[] = {0.0, -1.5, M_PI, 1e300, -4.9e-324, 123456789.123456789};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint64_t bits;
        uint16_t registers[4];
        memcpy(&bits, &values[i], sizeof bits);
        for (size_t o = 0; o < 4; o++) {
            pl_modbus_put_bits(registers, 4, orders[o], bits);
            assert_true(value_of(registers, PL_MODBUS_FLOAT64, orders[o]) == values[i]);
        }
    }
    uint16_t ones[4] = {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, least[4] = {0x8000}, nan32[4] = {0x7FC0};
    assert_true(value_of(ones, PL_MODBUS_INT16, orders[0]) == -1);
    assert_true(value_of(ones, PL_MODBUS_UINT16, orders[0]) == 65535);
    assert_true(value_of(ones, PL_MODBUS_UINT32, orders[0]) == 4294967295.0);
    assert_true(value_of(ones, PL_MODBUS_INT64, orders[0]) == -1);
    assert_true(value_of(ones, PL_MODBUS_UINT64, orders[0]) == 18446744073709551616.0);
    assert_true(value_of(least, PL_MODBUS_INT16, orders[0]) == -32768);
    assert_true(value_of(least, PL_MODBUS_INT32, orders[0]) == -2147483648.0);
    assert_true(isnan(value_of(nan32, PL_MODBUS_FLOAT32, orders[0])));
    assert_true(isnan(value_of(ones, PL_MODBUS_FLOAT64, orders[0])));
}

static void test_bool_is_any_bit_or_one(void **state) {
    (void)state;
    uint8_t data[2];
    for (unsigned word = 0; word < 65536; word++) {
        to_wire(&(uint16_t){(uint16_t)word}, 1, data);
        assert_true(pl_modbus_value(data, (struct pl_modbus_format){PL_MODBUS_BOOL, -1, {0}}) == (word != 0));
        int bit = (int)(word % 16);
        assert_true(pl_modbus_value(data, (struct pl_modbus_format){PL_MODBUS_BOOL, (int8_t)bit, {0}}) ==
                    (word >> bit & 1));
        unsigned swapped = (word >> 8 | word << 8) & 0xFFFF;
        struct pl_modbus_format little = {PL_MODBUS_BOOL, (int8_t)bit, {false, true}};
        assert_true(pl_modbus_value(data, little) == (swapped >> bit & 1));
    }
}

static void test_bits_there_and_back(void **state) {
    (void)state;
    srand(3);
    for (int round = 0; round < 10000; round++) {
        uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        for (unsigned count = 1; count <= 4; count *= 2) {
            uint64_t part = count == 4 ? bits : bits & ((UINT64_C(1) << 16 * count) - 1);
            for (size_t o = 0; o < 4; o++) {
                uint16_t registers[4];
                uint8_t data[8];
                pl_modbus_put_bits(registers, count, orders[o], part);
                to_wire(registers, count, data);
                assert_true(pl_modbus_bits(data, count, orders[o]) == part);
            }
        }
    }
}

static void test_registers_of_types(void **state) {
    (void)state;
    static const unsigned expected[PL_MODBUS_TYPES] = {1, 1, 2, 2, 4, 4, 2, 4, 1};
    for (unsigned type = 0; type < PL_MODBUS_TYPES; type++)
        assert_int_equal(pl_modbus_type_registers((enum pl_modbus_type)type), expected[type]);
    assert_string_equal(pl_modbus_type_names[PL_MODBUS_FLOAT32], "float32");
    assert_null(pl_modbus_type_names[PL_MODBUS_TYPES]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float32_in_all_orders_as_libmodbus),
        cmocka_unit_test(test_integers_as_libmodbus),
        cmocka_unit_test(test_float64_and_extremes),
        cmocka_unit_test(test_bool_is_any_bit_or_one),
        cmocka_unit_test(test_bits_there_and_back),
        cmocka_unit_test(test_registers_of_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
