#include "number.h"

#include <potline/text.h>

enum { TEXT_MAX = 512 };

/* With another decimal point, the point itself is no part of a number. */
static bool read_with(const char *text, uint32_t length, char point, double *value) {
    char copy[TEXT_MAX];
    if (length > sizeof(copy) || memchr(text, '.', length)) return false;
    for (uint32_t i = 0; i < length; i++)
        copy[i] = text[i] == point ? '.' : text[i];
    return pl_text_f64(copy, length, value);
}

bool pl_number_any(const char *text, uint32_t length, char point, double *value) {
    while (length && *text == ' ')
        text++, length--;
    while (length && text[length - 1] == ' ')
        length--;
    return point == '.' ? pl_text_f64(text, length, value) : read_with(text, length, point, value);
}
