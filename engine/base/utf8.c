#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#include <potline/text.h>

static bool continues(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

unsigned pl_utf8_next(const char *text, size_t length) {
    const unsigned char *s = (const unsigned char *)text;
    if (!length) return 0;
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    unsigned size = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (length < size || !continues(s[1])) return 0;
    if (s[0] == 0xE0 && s[1] < 0xA0) return 0; /* overlong */
    if (s[0] == 0xED && s[1] > 0x9F) return 0; /* surrogate */
    if (s[0] == 0xF0 && s[1] < 0x90) return 0; /* overlong */
    if (s[0] == 0xF4 && s[1] > 0x8F) return 0; /* above U+10FFFF */
    for (unsigned i = 2; i < size; i++)
        if (!continues(s[i])) return 0;
    return size;
}

bool pl_utf8_check(const char *text, size_t length) {
    while (length) {
        uint64_t eight;
        while (length >= sizeof eight) {
            memcpy(&eight, text, sizeof eight);
            if (eight & UINT64_C(0x8080808080808080)) break;
            text += sizeof eight;
            length -= sizeof eight;
        }
        if (!length) break;
        unsigned size = pl_utf8_next(text, length);
        if (!size) return false;
        text += size;
        length -= size;
    }
    return true;
}

size_t pl_text_cut(const char *text, size_t length) {
    size_t from = length;
    while (from && length - from < 3 && continues((unsigned char)text[from - 1]))
        from--;
    unsigned char first = from ? (unsigned char)text[from - 1] : 0;
    unsigned size = first < 0xC2 || first > 0xF4 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return length - from + 1 < size ? from - 1 : length;
}

void pl_text_copy(char *to, size_t size, const char *from, size_t length) {
    if (length >= size) length = pl_text_cut(from, size - 1);
    if (length) memcpy(to, from, length);
    to[length] = 0;
}

static char *escape_byte(char *at, unsigned char byte) {
    static const char hex[] = "0123456789abcdef";
    static const char named[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    const char *found = byte ? strchr(named, byte) : NULL;
    *at++ = '\\';
    if (found) {
        *at++ = letters[found - named];
        return at;
    }
    memcpy(at, "u00", 3);
    at[3] = hex[byte >> 4];
    at[4] = hex[byte & 15];
    return at + 5;
}

char *pl_json_escape(char *at, const char *text, size_t length) {
    for (size_t i = 0; i < length;) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\') {
            *at++ = (char)byte;
            i++;
        } else if (byte < 0x80) {
            at = escape_byte(at, byte);
            i++;
        } else {
            unsigned size = pl_utf8_next(text + i, length - i);
            memcpy(at, size ? text + i : "\\ufffd", size ? size : 6);
            at += size ? size : 6;
            i += size ? size : 1;
        }
    }
    return at;
}
