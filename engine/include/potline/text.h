/* text.h: numbers, times and units as people write them, quickly and exactly.
 *
 * Readers take (text, length), accept nothing but the whole of it, and return false for anything else. Writers return
 * the end of what they wrote (no 0 behind it).
 */
#ifndef POTLINE_TEXT_H
#define POTLINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "time.h"

PL_API bool pl_text_int(const char *text, size_t length, int64_t *value);
PL_API bool pl_text_f64(const char *text, size_t length, double *value); /* correctly rounded; "nan", "inf" in any case */
PL_API bool pl_text_duration(const char *text, size_t length, pl_time *value); /* "1h30m", "250ms", "-5s" */
PL_API bool pl_text_size(const char *text, size_t length, int64_t *value);     /* "64KiB", "2MB", "512" */
PL_API bool pl_text_rate(const char *text, size_t length, double *value);      /* "50000/min" -> per second */
PL_API bool pl_text_time(const char *text, size_t length, pl_time *value); /* RFC 3339; ' ' for T; no zone means UTC */

enum { PL_TEXT_F64_MAX = 32, PL_TEXT_TIME_MAX = 36 };
PL_API char *pl_text_put_int(char *at, int64_t value);
PL_API char *pl_text_put_f64(char *at, double value); /* shortest text that reads back the same; "nan", "inf", "-inf" */
PL_API char *pl_text_put_fixed(char *at, double value, unsigned decimals); /* as printf %.*f; decimals <= 9; room of 336 */
PL_API char *pl_text_put_time(char *at, pl_time value); /* 2026-11-23T06:00:00.25Z: as many decimals as it needs */
PL_API char *pl_text_put_duration(char *at, pl_time value); /* 1h30m, 250ms; room of 48 */

/* The entry of `names` (count of them) nearest to `name`, for 'did you mean'; NULL when none is near. */
PL_API const char *pl_text_nearest(const char *name, const char *const *names, size_t count);

#endif
