/* utf8.h: well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef POTLINE_TEXT_UTF8_H
#define POTLINE_TEXT_UTF8_H

#include <stdbool.h>
#include <stdint.h>

bool pl_is_utf8(const char *text, uint32_t length);

#endif
