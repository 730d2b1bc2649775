#include "name.h"

#include <potline/tag.h>

#include "base/utf8.h"

bool pl_name_valid(const char *text, size_t length) {
    if (length > PL_NAME_MAX || !pl_utf8_check(text, length)) return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7F) return false;
        if (byte == 0xC2 && (unsigned char)text[i + 1] < 0xA0)
            return false; /* U+0080..U+009F; its second byte is there */
    }
    return true;
}
