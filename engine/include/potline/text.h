/* text.h: numbers, times and units as people write them, quickly and exactly, whatever the locale.
 *
 * Readers take (text, length), accept nothing but the whole of it, and return false for anything else, with the value
 * untouched: no blanks, no overflow. Writers return the end of what they wrote (no 0 behind it), and have the room they
 * are given for granted.
 *
 *     char line[PL_TEXT_F64_MAX];
 *     size_t length = (size_t)(pl_text_put_f64(line, value) - line);
 */
#ifndef POTLINE_TEXT_H
#define POTLINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "time.h"

/* Decimal digits behind an optional sign. */
PL_API bool pl_text_int(const char *text, size_t length, int64_t *value);

/* "4.12", ".5", "-1e-3", rounded to the nearest double; "nan", "inf", "infinity" in any case. What is finite but too
 * large for a double is refused; what is too small is 0. */
PL_API bool pl_text_f64(const char *text, size_t length, double *value);

/* "1h30m", "250ms", "-5s", "1.5h": d h m s ms us ns, each smaller than the one before; "0". Whole nanoseconds only. */
PL_API bool pl_text_duration(const char *text, size_t length, pl_time *value);

/* Bytes: "512", "64KiB", "1.5MB": B, KiB MiB GiB TiB, kB (or KB) MB GB TB. Whole bytes, never negative. */
PL_API bool pl_text_size(const char *text, size_t length, int64_t *value);

/* "50000/min" -> per second: s, m or min, h, d; "0". Finite, never negative. */
PL_API bool pl_text_rate(const char *text, size_t length, double *value);

/* RFC 3339, with ' ' for T, +01 and +0100 for +01:00, and no zone for UTC; digits below a nanosecond are dropped, a
 * leap second is the first second after it. Refused outside of 1677-09-21 to 2262-04-11, which 64 bits reach. */
PL_API bool pl_text_time(const char *text, size_t length, pl_time *value);

enum { PL_TEXT_F64_MAX = 32, PL_TEXT_TIME_MAX = 36 };
PL_API char *pl_text_put_int(char *at, int64_t value);
PL_API char *pl_text_put_f64(char *at, double value); /* shortest text that reads back the same; "nan", "inf", "-inf" */

/* As printf's %.*f, for up to 9 decimals (a greater number counts as 9), but "nan" has no sign; room of 336. */
PL_API char *pl_text_put_fixed(char *at, double value, unsigned decimals);

PL_API char *pl_text_put_time(char *at, pl_time value);     /* 2026-11-23T06:00:00.25Z: as many decimals as it needs */
PL_API char *pl_text_put_duration(char *at, pl_time value); /* 1h30m, 250ms; room of 48 */

/* The greatest length up to `length` that cuts no character (UTF-8) of `text` in two. */
PL_API size_t pl_text_cut(const char *text, size_t length);
/* As much of `from` as there is room for (`size`, of which a 0 is one), in whole characters. */
PL_API void pl_text_copy(char *to, size_t size, const char *from, size_t length);

/* The entry of `names` (count of them) nearest to `name`, for 'did you mean'; NULL when none is near. */
PL_API const char *pl_text_nearest(const char *name, const char *const *names, size_t count);

#endif
