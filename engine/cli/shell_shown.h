/* shell_shown.h: text on a terminal: how wide it is, cut to fit, and never able to steer the terminal.
 *
 * Whatever comes from the engine passes pl_shown_escape before it is shown: a tag's name may hold any bytes. Widths
 * count columns as wcwidth does; pl_shown_locale is called once before.
 */
#ifndef POTLINE_CLI_SHELL_SHOWN_H
#define POTLINE_CLI_SHELL_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* LC_CTYPE of a UTF-8 locale: the user's, or C.UTF-8. */
void pl_shown_locale(void);

/* Appends `text`; control characters, bytes that are not UTF-8 and what turns the writing direction are written as \n,
 * \t, \x1b or \u{202e}. */
void pl_shown_escape(struct pl_buffer *to, const char *text, size_t length);

unsigned pl_shown_width(const char *text, size_t length); /* columns of escaped text */

/* Appends `text` in exactly `width` columns: cut with … or filled with blanks, on the left when `right`. */
void pl_shown_fit(struct pl_buffer *to, const char *text, unsigned width, bool right);

/* The same, cut behind `head` columns (0: at the begin): names that begin alike often end differently. */
void pl_shown_fit_middle(struct pl_buffer *to, const char *text, unsigned width, unsigned head);

/* Appends `text`, broken between words so that no line is wider than `width` (0: no limit) where words allow it; lines
 * behind the first begin with `indent` blanks, and `used` columns of the first are taken. */
void pl_shown_wrap(struct pl_buffer *to, const char *text, unsigned width, unsigned used, unsigned indent);

/* As pl_shown_fit, cut behind a word where one ends in the second half. */
void pl_shown_fit_words(struct pl_buffer *to, const char *text, unsigned width);

/* A number as a table shows it: whole ones as they are, others with about six digits that count. `at` has room of 336;
 * returns the end. */
char *pl_shown_number(char *at, double value);

#endif
