/* utf8.h: well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF), and text as a JSON
 * string. */
#ifndef POTLINE_UTF8_H
#define POTLINE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes the character at the start of `text` takes (1 to 4); 0: nothing well-formed stands there. */
unsigned pl_utf8_next(const char *text, size_t length);

bool pl_utf8_check(const char *text, size_t length);

/* `text` as the inside of a JSON string (RFC 8259 section 7), without the quotes; bytes that are not UTF-8 become
 * U+FFFD. `at` has room for PL_JSON_GROWTH * length. Returns the end of what it wrote. */
enum { PL_JSON_GROWTH = 6 };
char *pl_json_escape(char *at, const char *text, size_t length);

#endif
