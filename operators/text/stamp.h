/* stamp.h: text to time, in the forms that recordings use.
 *
 *     s, ms, us, ns     time since the origin (1970 unless `origin` says else), whole or decimal
 *     iso               2026-11-23T06:00:00.25+01:00, ' ' for T, date alone, with or without zone
 *     %d.%m.%Y %H:%M    a pattern: %Y %y %m %b %d %e %j %H %I %p %M %S %f (decimals of a second) %z %s %F %T %% ; a
 * blank stands for any run of blanks, a number may be shorter than its field auto              decided by the first
 * text: a number by its size (before 1e11 seconds, 1e14 ms, 1e17 us, else ns), else iso
 *
 * A time without a zone of its own is taken as local at the fixed `zone`. A stamp belongs to one stream: it remembers
 * what it saw last, because neighbours share most of their digits.
 */
#ifndef POTLINE_STAMP_H
#define POTLINE_STAMP_H

#include <potline/time.h>

#include "number.h"

enum pl_stamp_form {
    PL_STAMP_AUTO,
    PL_STAMP_S,
    PL_STAMP_MS,
    PL_STAMP_US,
    PL_STAMP_NS,
    PL_STAMP_ISO,
    PL_STAMP_PATTERN,
};

struct pl_stamp {
    enum pl_stamp_form form;
    const char *pattern; /* borrowed */
    pl_time zone;        /* local time less UTC */
    pl_time origin;      /* of numbers */
    char point;
    uint64_t head[2]; /* the first 11 characters of the last 19-digit number, and their value */
    pl_time head_value;
    uint64_t date[2]; /* the same of the last ISO date */
    pl_time date_value;
};

/* Reads "auto", "s", "ms", "us", "ns", "iso" or a pattern (borrowed), and a zone: "Z", "+01:00", "-0330". On failure
 * returns what is wrong, a constant; NULL is success. */
const char *pl_stamp_init(struct pl_stamp *stamp, const char *format, const char *zone, pl_time origin);

/* A hint for `auto`: a column called time_ms, for one, holds milliseconds. */
void pl_stamp_named(struct pl_stamp *stamp, const char *column);

/* Any text; false when it is no time of that form or none that a pl_time can hold. */
bool pl_stamp_read_any(struct pl_stamp *stamp, const char *text, uint32_t length, pl_time *time);

/* The same, with a shorter way for nineteen digits of nanoseconds. `text` may be read PL_SLACK bytes past its end. */
static inline bool pl_stamp_read(struct pl_stamp *stamp, const char *text, uint32_t length, pl_time *time) {
    if (PL_LIKELY(stamp->form == PL_STAMP_NS && length == 19)) {
        uint64_t tail = pl_swar_load(text + 11);
        if (PL_LIKELY(pl_swar_load(text) == stamp->head[0] && pl_swar_load(text + 3) == stamp->head[1] &&
                      pl_swar_digits(tail))) {
            *time = stamp->head_value + pl_swar_value(tail);
            return true;
        }
    }
    return pl_stamp_read_any(stamp, text, length, time);
}

#endif
