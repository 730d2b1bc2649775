#include "value.h"

#include <string.h>

const char *const pl_modbus_type_names[PL_MODBUS_TYPES + 1] = {
    "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool", NULL,
};

unsigned pl_modbus_type_registers(enum pl_modbus_type type) {
    static const uint8_t registers[PL_MODBUS_TYPES] = {1, 1, 2, 2, 4, 4, 2, 4, 1};
    return registers[type];
}

uint64_t pl_modbus_bits(const uint8_t *data, unsigned registers, struct pl_modbus_order order) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < registers; i++) {
        const uint8_t *at = data + 2 * (order.words_little ? registers - 1 - i : i);
        unsigned word = order.bytes_little ? (unsigned)at[1] << 8 | at[0] : (unsigned)at[0] << 8 | at[1];
        bits = bits << 16 | word;
    }
    return bits;
}

void pl_modbus_put_bits(uint16_t *registers, unsigned count, struct pl_modbus_order order, uint64_t bits) {
    for (unsigned i = 0; i < count; i++) {
        unsigned word = (unsigned)(bits >> 16 * (count - 1 - i)) & 0xFFFF;
        if (order.bytes_little) word = (word >> 8 | word << 8) & 0xFFFF;
        registers[order.words_little ? count - 1 - i : i] = (uint16_t)word;
    }
}

static double float32_of(uint64_t bits) {
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

static double float64_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double pl_modbus_value(const uint8_t *data, struct pl_modbus_format format) {
    uint64_t bits = pl_modbus_bits(data, pl_modbus_type_registers(format.type), format.order);
    switch ((enum pl_modbus_type)format.type) {
    case PL_MODBUS_INT16: return (int16_t)bits;
    case PL_MODBUS_INT32: return (int32_t)bits;
    case PL_MODBUS_INT64: return (double)(int64_t)bits;
    case PL_MODBUS_FLOAT32: return float32_of(bits);
    case PL_MODBUS_FLOAT64: return float64_of(bits);
    case PL_MODBUS_BOOL: return format.bit < 0 ? bits != 0 : (bits >> format.bit & 1) != 0;
    case PL_MODBUS_UINT16:
    case PL_MODBUS_UINT32:
    case PL_MODBUS_UINT64:
    case PL_MODBUS_TYPES: break;
    }
    return (double)bits;
}
