/* audit_place.c: a place of the chain as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/text.h>

#include "store/audit.h"

void pl_audit_place_put(const struct pl_audit_place *place, char text[PL_AUDIT_PLACE_TEXT]) {
    int used = snprintf(text, PL_AUDIT_PLACE_TEXT, "%" PRIu64 ":", place->sequence);
    for (unsigned i = 0; i < PL_AUDIT_HASH; i++)
        used += snprintf(text + used, PL_AUDIT_PLACE_TEXT - (size_t)used, "%02x", place->hash[i]);
}

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool pl_audit_place_read(const char *text, struct pl_audit_place *place) {
    struct pl_audit_place read;
    int64_t sequence;
    size_t length = strcspn(text, ":");
    if (!pl_text_int(text, length, &sequence) || sequence < 1 || !text[length]) return false;
    const char *hash = text + length + 1;
    if (strlen(hash) != 2 * PL_AUDIT_HASH) return false;
    for (unsigned i = 0; i < PL_AUDIT_HASH; i++) {
        int high = digit(hash[2 * i]), low = digit(hash[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        read.hash[i] = (uint8_t)(high << 4 | low);
    }
    read.sequence = (uint64_t)sequence;
    *place = read;
    return true;
}
