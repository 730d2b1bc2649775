/* conformance_kafka_test.c: the log on Kafka keeps what every log keeps. */
#include <unistd.h>

#include <potline/alloc.h>

#include "log/conformance.h"
#include "log/kafka.h"
#include "log/kafka_testing.h"

static char *make_topic_name(void) {
    static unsigned number;
    char name[64];
    snprintf(name, sizeof name, "conformance-%d-%u", (int)getpid(), number++);
    return pl_strdup(name);
}

static void forget_topic_name(char *place) {
    pl_free(place); /* the topic goes with the brokers */
}

static void close_kafka(void *opened) {
    struct pl_log *log = opened;
    log->ops->close(log);
}

static void *open_kafka(const char *place, struct pl_tags *tags, unsigned partitions, struct pl_log **log,
                        struct pl_error **error) {
    struct pl_log_kafka_options options = {
        .brokers = getenv("POTLINE_KAFKA_BROKERS"), .topic = place, .writer = place, .timeout = 30 * PL_SECOND};
    return pl_log_open_kafka(&options, tags, partitions, log, error) ? NULL : *log;
}

static const struct pl_log_factory kafka = {
    .make = make_topic_name,
    .remove = forget_topic_name,
    .open = open_kafka,
    .close = close_kafka,
    .haste = 8,
    .stride = PL_BATCH_ROWS_MAX,
};

int main(int argc, char **argv) {
    int brokers;
    int code = start_brokers(&brokers);
    if (!code) code = pl_log_conformance(&kafka, argc, argv);
    if (brokers >= 0) close(brokers);
    return code;
}
