/* scram.h: whether a librdkafka signs in by SCRAM; said of the log's settings as of a node's, which are its own.
 *
 * Before 2.6.1 it repeats its nonce where the broker's is expected, which brokers refuse that look at it.
 */
#ifndef POTLINE_SCRAM_H
#define POTLINE_SCRAM_H

#include <stdbool.h>
#include <string.h>

/* The version as rd_kafka_version gives it; a setting by its name and value. */
static inline bool pl_scram_is_refused(int version, const char *name, const char *value) {
    bool mechanism = strcmp(name, "sasl.mechanisms") == 0 || strcmp(name, "sasl.mechanism") == 0;
    return mechanism && strncmp(value, "SCRAM-", 6) == 0 && version < 0x020601ff;
}

/* With the version as text. */
#define PL_SCRAM_REFUSED                                                                                               \
    "SCRAM of librdkafka %s is refused by Kafka 4 and others that check its nonce; 2.6.1 is right, and so are PLAIN "  \
    "over TLS and certificates"

#endif
