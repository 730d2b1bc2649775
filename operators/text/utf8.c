#include "utf8.h"

/* Bytes that follow a first byte of UTF-8; -1 for one that cannot begin a character. */
static int bytes_behind(unsigned char first) {
    if (first < 0x80) return 0;
    if (first >= 0xc2 && first < 0xe0) return 1;
    if (first >= 0xe0 && first < 0xf0) return 2;
    return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

bool pl_is_utf8(const char *text, uint32_t length) {
    for (uint32_t i = 0; i < length; i++) {
        unsigned char first = (unsigned char)text[i], second = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        int behind = bytes_behind(first);
        if (behind < 0 || (uint32_t)behind > length - 1 - i) return false;
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return false;
        if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return false;
        for (; behind; behind--) {
            if (((unsigned char)text[++i] & 0xc0) != 0x80) return false;
        }
    }
    return true;
}
