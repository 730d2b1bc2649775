/* kafka.h: the log as a topic of Kafka, or of whatever speaks its protocol.
 *
 * A record is a message; its sequence is the message's offset times 8192 (PL_BATCH_ROWS_MAX), so that each row has a
 * number of its own whoever writes beside. Numbers have gaps.
 *
 * An append is a transaction: it is there as a whole, in every partition, once, and readers see nothing before. It
 * returns when the brokers have it (acks=all), so appended is synced. A writer has a name, and only the last one to
 * open under it may append: the one before is told PL_CONFLICT, however late it wakes up. Brokers that are away are
 * PL_UNAVAILABLE; the same append is to be tried again then, which finishes what may have been under way.
 *
 * The timestamp of a message is the newest event time in it, which is how `seek` finds rows: a topic that was not made
 * by us keeps CreateTime, and does not forget by time what is old in event time.
 */
#ifndef POTLINE_LOG_KAFKA_H
#define POTLINE_LOG_KAFKA_H

#include "log/log.h"

/* One of librdkafka's properties, as sasl.username. */
struct pl_kafka_setting {
    const char *name, *value;
};

struct pl_log_kafka_options {
    const char *brokers; /* HOST:PORT,... */
    const char *topic;
    const char *writer; /* the transactional id; NULL: it is only read */
    const struct pl_kafka_setting *settings;
    unsigned setting_count;
    int replication; /* copies, of a topic that is made; 0: as the brokers have it */
    pl_time timeout; /* for answers of the brokers */
};

enum pl_code pl_log_open_kafka(const struct pl_log_kafka_options *options, struct pl_tags *tags, unsigned partitions,
                               struct pl_log **log, struct pl_error **error);

/* May settings name it? No: it is ours (transactions, offsets), or unknown. For `check`. */
bool pl_kafka_setting_allowed(const char *name);

#endif
