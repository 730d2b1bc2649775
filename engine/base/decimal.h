/* decimal.h: exact powers, and the 128-bit integers in which they are multiplied, for the readers and writers of
 * numbers.
 */
#ifndef POTLINE_DECIMAL_H
#define POTLINE_DECIMAL_H

#include <stdint.h>

__extension__ typedef unsigned __int128 pl__wide;
__extension__ typedef __int128 pl__signed_wide;

enum { PL__TENS = 20, PL__FIVES = 28 }; /* as many as fit 64 bits */
extern const uint64_t pl__ten_to[PL__TENS];
extern const uint64_t pl__five_to[PL__FIVES];

/* "00", "01", ... "99" */
extern const char pl__digit_pairs[201];

/* The last `digits` digits of value, with leading zeros; all of its digits. Both return the end. */
char *pl__put_padded(char *at, uint64_t value, unsigned digits);
char *pl__put_unsigned(char *at, uint64_t value);

unsigned pl__count_digits(uint64_t value); /* 1 for 0 */

#endif
