/* number.h: text to double, exactly, for the numbers that sensors write.
 *
 * One to eight digits with at most one decimal point and a minus sign are read in a register: a whole number and a
 * power of ten are exact doubles, so one division rounds correctly. Everything else goes to pl_text_f64.
 *
 * Text may be read up to 8 bytes past its end: callers keep PL_SLACK readable bytes behind their buffers.
 */
#ifndef POTLINE_NUMBER_H
#define POTLINE_NUMBER_H

#include <potline/abi.h>

#include "swar.h"

enum { PL_SLACK = 64 };

/* Any number; false when `text` is none. `point` is the decimal point's character. "nan" and "inf" are numbers. */
bool pl_number_any(const char *text, uint32_t length, char point, double *value);

/* The same; `points` is the decimal point in all eight bytes. */
static inline bool pl_number(const char *text, uint32_t length, uint64_t points, double *value) {
    /* By the byte that the point is in, when the number ends in byte 7; then the same for a minus sign. */
    static const double scale[] = {1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1, -1e7, -1e6, -1e5, -1e4, -1e3, -1e2, -1e1, -1};
    uint32_t negative = *text == '-';
    uint32_t rest = length - negative;
    if (PL_LIKELY(rest - 1 < 8)) {
        /* The number's end in the highest byte; below its first character are zeros, which are no points. */
        uint32_t unused = 64 - 8 * rest;
        uint64_t word = pl_swar_load(text + negative) << unused;
        uint64_t found = pl_swar_zero(word ^ points);
        uint32_t at = 63;
        if (PL_LIKELY(found != 0)) {
            at = (uint32_t)__builtin_ctzll(found); /* bit 7 of the point */
            word = (word & UINT64_MAX << at << 1) | (word & ((UINT64_C(1) << (at - 7)) - 1)) << 8;
            unused += 8;
        }
        if (PL_LIKELY(unused < 64)) {
            word |= PL_SWAR_ZEROS & ((UINT64_C(1) << unused) - 1);
            *value = pl_swar_value(word) / scale[at / 8 + 8 * negative];
            if (PL_LIKELY(pl_swar_digits(word))) return true;
        }
    }
    return pl_number_any(text, length, (char)points, value);
}

#endif
