/* record.h: a log record as bytes.
 *
 *     checksum | head | name of the source | its position | rows (store/rows.h) or a body
 *
 * The checksum covers the rest and is bound to the record's key (partition, sequence), so that a flipped bit or a value
 * under a wrong key is found when it is read.
 */
#ifndef POTLINE_LOG_RECORD_H
#define POTLINE_LOG_RECORD_H

#include "log/log.h"
#include "store/rows.h"

enum { PL__RECORD_KEY = 10 };

/* Partition and sequence, big-endian, so that records sort in their order. */
void pl__record_key(uint16_t partition, uint64_t sequence, uint8_t *key);
uint64_t pl__record_key_sequence(const uint8_t *key);

/* The numbers that a record takes: one a row, at least one. */
uint64_t pl__record_length(const struct pl_log_record *record);

/* Is it one that `log` may take? PL_USAGE, PL_LIMIT. */
enum pl_code pl__record_check(const struct pl_log *log, const struct pl_log_record *record, struct pl_error **error);

/* `out` becomes the record's bytes; its sequence is set. */
enum pl_code pl__record_put(const struct pl_log_record *record, struct pl_rows *rows, struct pl_tags *tags,
                            struct pl_buffer *out, struct pl_error **error);

/* Reads what stands under a key. record->batch is owned by the caller (`rows` NULL: there is none), position and body
 * point into `bytes`. */
enum pl_code pl__record_get(const uint8_t *key, const void *bytes, size_t size, struct pl_rows *rows,
                            struct pl_tags *tags, struct pl_log_record *record, struct pl_error **error);

/* Only how many numbers it takes, without its rows. */
enum pl_code pl__record_get_length(const uint8_t *key, const void *bytes, size_t size, uint64_t *length,
                                   struct pl_error **error);

#endif
