#include "store/crc32c.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

enum { BYTES = 8, VALUES = 256 };

static const uint32_t polynomial = 0x82f63b78u; /* reflected */

/* table[k][b]: what byte b does to the CRC when k bytes follow it, so that eight bytes are done at once. */
static uint32_t table[BYTES][VALUES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void) {
    for (uint32_t value = 0; value < VALUES; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        table[0][value] = crc;
    }
    for (uint32_t value = 0; value < VALUES; value++)
        for (int k = 1; k < BYTES; k++)
            table[k][value] = table[k - 1][value] >> 8 ^ table[0][table[k - 1][value] & 0xff];
}

static uint32_t eight(uint32_t crc, const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = le64toh(word) ^ crc;
    crc = 0;
    for (int k = 0; k < BYTES; k++)
        crc ^= table[BYTES - 1 - k][word >> 8 * k & 0xff];
    return crc;
}

uint32_t pl__crc32c(const void *bytes, size_t size) {
    const unsigned char *at = bytes, *end = at + size;
    uint32_t crc = UINT32_MAX;
    pthread_once(&once, make_table);
    for (; end - at >= BYTES; at += BYTES)
        crc = eight(crc, at);
    for (; at < end; at++)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
    return ~crc;
}
