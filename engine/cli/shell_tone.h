/* shell_tone.h: what is good and what is not, by a column's name and a value in it; and the colours for that. */
#ifndef POTLINE_CLI_SHELL_TONE_H
#define POTLINE_CLI_SHELL_TONE_H

#include <stdbool.h>

enum pl_tone { PL_TONE_PLAIN, PL_TONE_GOOD, PL_TONE_WARN, PL_TONE_BAD };

enum pl_tone pl_tone_of(const char *column, const char *value);
const char *pl_tone_on(enum pl_tone tone); /* the escape sequence; "" for plain */

bool pl_tone_wanted(int fd); /* a terminal that can, and no NO_COLOR */

#define PL_TONE_BOLD "\x1b[1m"
#define PL_TONE_DIM "\x1b[2m"
#define PL_TONE_REVERSE "\x1b[7m"
#define PL_TONE_OFF "\x1b[0m"

#endif
