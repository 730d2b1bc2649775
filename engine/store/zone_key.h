/* zone_key.h: the key of a zone's record (lake.h). */
#ifndef POTLINE_STORE_ZONE_KEY_H
#define POTLINE_STORE_ZONE_KEY_H

#include <endian.h>
#include <string.h>

#include "store/lake.h"

_Static_assert((int)PL_ZONE_PLACE == PL_NAME_MAX + 1 + 2 + 8 + 8 + 8, "a place is a key");

enum {
    PL__ZONE_KEY_TAIL = 1 + 2 + 8 + 8 + 8, /* 0, partition, time, ordinal, epoch */
    PL__ZONE_KEY_MAX = PL_NAME_MAX + PL__ZONE_KEY_TAIL,
};

struct pl__zone_key {
    char node[PL_NAME_MAX + 1];
    uint16_t partition;
    pl_time time;
    uint64_t ordinal;
    uint64_t epoch;
};

/* Big-endian, and times with their sign turned, so that bytes sort as numbers do. Returns the key's size. */
static inline size_t pl__zone_key_put(const struct pl__zone_key *key, uint8_t *at) {
    size_t length = strlen(key->node);
    uint16_t partition = htobe16(key->partition);
    uint64_t number[3] = {htobe64((uint64_t)key->time ^ UINT64_C(1) << 63), htobe64(key->ordinal), htobe64(key->epoch)};
    memcpy(at, key->node, length + 1);
    memcpy(at + length + 1, &partition, sizeof partition);
    memcpy(at + length + 3, number, sizeof number);
    return length + PL__ZONE_KEY_TAIL;
}

static inline bool pl__zone_key_get(const void *bytes, size_t size, struct pl__zone_key *key) {
    if (size < PL__ZONE_KEY_TAIL || size > PL__ZONE_KEY_MAX) return false;
    size_t length = size - PL__ZONE_KEY_TAIL;
    const uint8_t *at = bytes;
    uint16_t partition;
    uint64_t number[3];
    if (memchr(at, 0, length + 1) != at + length) return false;
    memcpy(key->node, at, length + 1);
    memcpy(&partition, at + length + 1, sizeof partition);
    memcpy(number, at + length + 3, sizeof number);
    key->partition = be16toh(partition);
    key->time = (pl_time)(be64toh(number[0]) ^ UINT64_C(1) << 63);
    key->ordinal = be64toh(number[1]);
    key->epoch = be64toh(number[2]);
    return true;
}

#endif
