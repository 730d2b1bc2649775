/* crc32c.h: CRC-32C (Castagnoli), as RocksDB puts it in front of each record of its logs. */
#ifndef POTLINE_STORE_CRC32C_H
#define POTLINE_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t pl__crc32c(const void *bytes, size_t size);

/* The form in which RocksDB stores it: a CRC of bytes that hold CRCs would be weak. */
static inline uint32_t pl__crc32c_mask(uint32_t crc) {
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

#endif
