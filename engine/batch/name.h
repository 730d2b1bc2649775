/* name.h: what may be a name: up to PL_NAME_MAX bytes of valid UTF-8 without control characters. */
#ifndef POTLINE_NAME_H
#define POTLINE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool pl_utf8_valid(const char *text, size_t length);

/* The same without U+0000..U+001F and U+007F..U+009F, at most PL_NAME_MAX long. The empty name is one. */
bool pl_name_valid(const char *text, size_t length);

#endif
