/* capnp.h: Cap'n Proto pointers as words (https://capnproto.org/encoding.html), as far as a batch needs them.
 *
 *     struct   bits 0-1: 0   2-31: offset in words from the pointer's end   32-47: data words   48-63: pointers
 *     list     bits 0-1: 1   2-31: the same                                 32-34: element size 35-63: elements
 *
 * Words are little-endian; so is every machine that this runs on.
 */
#ifndef POTLINE_CAPNP_H
#define POTLINE_CAPNP_H

#include <potline/kind.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are sent as they stand in memory");

enum pl_capnp_size {
    PL_CAPNP_BYTES = 2,
    PL_CAPNP_TWO = 3,
    PL_CAPNP_FOUR = 4,
    PL_CAPNP_EIGHT = 5,
    PL_CAPNP_POINTERS = 6,
};

static inline uint64_t pl_capnp_struct(uint32_t offset, unsigned data_words, unsigned pointers) {
    return (uint64_t)(offset << 2) | (uint64_t)data_words << 32 | (uint64_t)pointers << 48;
}

static inline uint64_t pl_capnp_list(uint32_t offset, enum pl_capnp_size size, uint32_t count) {
    return (uint64_t)(offset << 2 | 1) | (uint64_t)size << 32 | (uint64_t)count << 35;
}

/* The element size of a list of this type. */
static inline enum pl_capnp_size pl_capnp_width(enum pl_type type) {
    static const uint8_t size[] = {PL_CAPNP_EIGHT, PL_CAPNP_EIGHT, PL_CAPNP_EIGHT, PL_CAPNP_FOUR,
                                   PL_CAPNP_TWO,   PL_CAPNP_BYTES, PL_CAPNP_FOUR};
    return (enum pl_capnp_size)size[type];
}

#endif
