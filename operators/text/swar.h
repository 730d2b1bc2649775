/* swar.h: eight characters at a time in a 64-bit word (SIMD within a register).
 *
 * A word holds text as it stands in memory, so the first character is the lowest byte: little-endian only.
 */
#ifndef POTLINE_SWAR_H
#define POTLINE_SWAR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first character has to be the lowest byte");

#define PL_SWAR_ONES UINT64_C(0x0101010101010101)
#define PL_SWAR_ZEROS UINT64_C(0x3030303030303030) /* "00000000" */

static inline uint64_t pl_swar_load(const char *text) {
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return word;
}

static inline bool pl_swar_digits(uint64_t word) {
    uint64_t above = word + PL_SWAR_ONES * (0x7f - '9');
    uint64_t below = word - PL_SWAR_ZEROS;
    return ((above | below) & PL_SWAR_ONES * 0x80) == 0;
}

/* The number that eight digits are. Neighbours are joined to pairs, fours and the eight; a multiplication does two
 * joins. */
static inline uint32_t pl_swar_value(uint64_t word) {
    const uint64_t pair = UINT64_C(0x000000ff000000ff);
    word = (word & PL_SWAR_ONES * 0x0f) * ((10 << 8) + 1) >> 8;
    uint64_t upper = (word & pair) * (100 + (UINT64_C(1000000) << 32));
    uint64_t lower = (word >> 16 & pair) * (1 + (UINT64_C(10000) << 32));
    return (uint32_t)((upper + lower) >> 32);
}

/* `word` less all but its first `length` (1..8) characters, right-aligned behind zeros: "42xxxxxx", 2 -> "00000042". */
static inline uint64_t pl_swar_align(uint64_t word, uint32_t length) {
    return word << (64 - 8 * length) | (PL_SWAR_ZEROS >> 8) >> (8 * (length - 1));
}

/* The bytes of a word that are zero, as bit 7 of each; only the lowest one is certain. */
static inline uint64_t pl_swar_zero(uint64_t word) {
    return (word - PL_SWAR_ONES) & ~word & PL_SWAR_ONES * 0x80;
}

/* Eight digits with leading zeros. */
static inline uint64_t pl_swar_text(uint32_t value) {
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t pairs = (fours * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
    pairs |= (fours - pairs * 100) << 16;
    uint64_t tens = (pairs * 103 >> 10) & UINT64_C(0x000f000f000f000f);
    return PL_SWAR_ZEROS | tens | (pairs - tens * 10) << 8;
}

#endif
