/* kafka_settle.c: everything that anybody has written so far is read.
 *
 * What brokers say of the end of a partition does not tell: a transaction that is open, of whoever writes beside, hides
 * all that stands behind it; and one that was held up takes itself for the leader for a moment, and knows no better. So
 * something of our own is written there, which only the leader takes, and which is waited for when it is read.
 */
#include <potline/alloc.h>

#include "log/kafka_impl.h"

enum pl_code pl_kafka_settle(struct pl_log *log, struct pl_error **error) {
    struct pl_log_record *records = pl_alloc((log->partitions + 1) * sizeof *records);
    if (!records) return pl_error_set(error, PL_NO_MEMORY, "log: out of memory");
    for (unsigned p = 0; p < log->partitions; p++) /* barriers of no run */
        records[p] = (struct pl_log_record){.type = PL_LOG_BARRIER, .partition = (uint16_t)p};
    enum pl_code code = log->ops->append(log, records, log->partitions, error);
    pl_free(records);
    return code == PL_CONFLICT ? PL_UNAVAILABLE : code; /* who has lost its place meanwhile begins again */
}

enum pl_code pl__kafka_settle_state(struct pl_kafka_log *log, unsigned partition, int64_t *end,
                                    struct pl_error **error) {
    static const char key[] = "\0end";
    const struct pl_kafka_entry entry = {
        .partition = partition, .key = key, .key_size = sizeof key - 1, .value = "", .size = 1};
    enum pl_code code = pl__kafka_put_alone(log, &entry, end, error);
    return code == PL_CONFLICT ? PL_UNAVAILABLE : code;
}
