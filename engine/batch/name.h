/* name.h: what may be a name: up to PL_NAME_MAX bytes of well-formed UTF-8 without control characters. */
#ifndef POTLINE_NAME_H
#define POTLINE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Without U+0000..U+001F and U+007F..U+009F, that is. The empty name is one. */
bool pl_name_valid(const char *text, size_t length);

#endif
