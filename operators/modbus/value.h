/* value.h: what registers mean: numbers of 16, 32 and 64 bits in the word and byte orders that devices use.
 *
 * A register is 16 bits, big-endian on the wire. `words: little` is the order of registers in a longer value (lowest
 * first), `bytes: little` swaps the bytes in each register. So the four orders of a 32-bit value ABCD are
 * ABCD (big, big), CDAB (words little), BADC (bytes little) and DCBA (both little).
 */
#ifndef MODBUS_VALUE_H
#define MODBUS_VALUE_H

#include <stdbool.h>
#include <stdint.h>

enum pl_modbus_type {
    PL_MODBUS_INT16,
    PL_MODBUS_UINT16,
    PL_MODBUS_INT32,
    PL_MODBUS_UINT32,
    PL_MODBUS_INT64,
    PL_MODBUS_UINT64,
    PL_MODBUS_FLOAT32,
    PL_MODBUS_FLOAT64,
    PL_MODBUS_BOOL,
    PL_MODBUS_TYPES
};

extern const char *const pl_modbus_type_names[PL_MODBUS_TYPES + 1]; /* ends in NULL */

struct pl_modbus_order {
    bool words_little;
    bool bytes_little;
};

struct pl_modbus_format {
    uint8_t type; /* enum pl_modbus_type */
    int8_t bit;   /* of a BOOL: 0..15, or -1: any bit */
    struct pl_modbus_order order;
};

/* How many registers a value takes: 1, 2 or 4. */
unsigned pl_modbus_type_registers(enum pl_modbus_type type);

/* The first `registers` registers of `data` as one unsigned number. */
uint64_t pl_modbus_bits(const uint8_t *data, unsigned registers, struct pl_modbus_order order);

/* The value that starts at `data`: 64-bit integers beyond 2^53 are rounded; a BOOL is 0 or 1. */
double pl_modbus_value(const uint8_t *data, struct pl_modbus_format format);

/* The reverse of pl_modbus_bits, as the registers that a write request takes. */
void pl_modbus_put_bits(uint16_t *registers, unsigned count, struct pl_modbus_order order, uint64_t bits);

#endif
