#include "name.h"

#include <potline/tag.h>
#include <stdint.h>

/* Reads one character; returns its length, 0 when it is not well-formed. */
static unsigned utf8_read(const uint8_t *text, size_t length, uint32_t *character) {
    uint8_t first = text[0];
    if (first < 0x80) {
        *character = first;
        return 1;
    }
    unsigned size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || size > length) return 0;
    uint32_t value = first & (0x7Fu >> size);
    for (unsigned i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | (text[i] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
    *character = value;
    return size;
}

static bool valid(const char *text, size_t length, bool controls) {
    const uint8_t *at = (const uint8_t *)text, *end = at + length;
    while (at < end) {
        uint32_t character;
        unsigned size = utf8_read(at, (size_t)(end - at), &character);
        if (!size) return false;
        if (!controls && (character < 0x20 || (character >= 0x7F && character <= 0x9F))) return false;
        at += size;
    }
    return true;
}

bool pl_utf8_valid(const char *text, size_t length) {
    return valid(text, length, true);
}

bool pl_name_valid(const char *text, size_t length) {
    return length <= PL_NAME_MAX && valid(text, length, false);
}
