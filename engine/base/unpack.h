/* unpack.h: one msgpack value at a time, whatever its type (inside of engine/base). */
#ifndef POTLINE_UNPACK_H
#define POTLINE_UNPACK_H

#include <potline/pack.h>

enum pl__pack_type {
    PL__INVALID,
    PL__NIL,
    PL__BOOL,
    PL__UINT,
    PL__INT, /* negative, or written as signed */
    PL__F32,
    PL__F64,
    PL__STR,
    PL__BIN,
    PL__EXT,
    PL__ARRAY,
    PL__MAP,
};

enum { PL__PACK_DEPTH = 32 };

struct pl__value {
    enum pl__pack_type type;
    uint64_t number;      /* bool, integers (INT as two's complement), bits of a float; size or count of the others */
    const uint8_t *bytes; /* STR, BIN, EXT: that many, all there */
};

/* Takes a scalar as a whole, of a container the head: its values follow. A container cannot hold more values than there
 * are bytes left. */
bool pl__unpack_value(struct pl_unpack *unpack, struct pl__value *value);

double pl__value_f64(const struct pl__value *value); /* of F32, F64, INT, UINT */

#endif
