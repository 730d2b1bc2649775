/* kafka_client.c: handles of librdkafka, its errors as ours, and the topic. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log/kafka_impl.h"

enum { WHY = 512, PARTITIONS_MAX = 1 << 16 };

/* ---- Errors ---- */

static bool passes_by(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS: return true;
    default: return false;
    }
}

static enum pl_code meaning(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED: return PL_CONFLICT;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return PL_RANGE;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED: return PL_DENIED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return PL_LIMIT;
    default: return passes_by(code) ? PL_UNAVAILABLE : PL_IO;
    }
}

/* ---- What a connection failed with last: librdkafka says that on the side, and calls only time out ---- */

static struct {
    pthread_mutex_t lock;
    char text[200];
    int64_t at; /* pl_clock_monotonic; 0: nothing has been said */
} complaint = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const int64_t complaint_holds = 60 * PL_SECOND;

/* "[thrd:sasl_ssl://host:9093/bootstrap]: sasl_ssl://host:9093/bootstrap: SASL authentication error: ..." */
static void hear_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)handle, (void)level;
    if (strcmp(facility, "FAIL") != 0) return;
    const char *behind = strstr(text, "]: ");
    pthread_mutex_lock(&complaint.lock);
    snprintf(complaint.text, sizeof complaint.text, "%s", behind ? behind + 3 : text);
    complaint.at = pl_clock_monotonic();
    pthread_mutex_unlock(&complaint.lock);
}

static void take_complaint(char text[sizeof complaint.text]) {
    pthread_mutex_lock(&complaint.lock);
    bool holds = complaint.at && pl_clock_monotonic() - complaint.at < complaint_holds;
    snprintf(text, sizeof complaint.text, "%s", holds ? complaint.text : "");
    pthread_mutex_unlock(&complaint.lock);
}

enum pl_code pl__kafka_fail(struct pl_error **error, rd_kafka_resp_err_t code, const char *text, const char *what) {
    enum pl_code means = meaning(code);
    if (means == PL_CONFLICT)
        return pl_error_set(error, means, "log: %s: another engine has taken this writer's place", what);
    char last[sizeof complaint.text] = "";
    if (means == PL_UNAVAILABLE) take_complaint(last);
    return pl_error_set(error, means, "log: %s: %s%s%s%s", what, text ? text : rd_kafka_err2str(code),
                        *last ? " (the last connection: " : "", last, *last ? ")" : "");
}

/* The brokers and this handle do not agree any more about what is under way; another one begins anew. */
static bool is_over(const rd_kafka_error_t *failed) {
    switch (rd_kafka_error_code(failed)) {
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER: return true;
    default: return rd_kafka_error_is_fatal(failed);
    }
}

enum pl_code pl__kafka_failed(struct pl_error **error, rd_kafka_error_t *failed, const char *what) {
    bool passes = rd_kafka_error_is_retriable(failed) || rd_kafka_error_txn_requires_abort(failed);
    if (!passes && meaning(rd_kafka_error_code(failed)) == PL_IO && is_over(failed)) {
        pl_error_set(error, PL_CONFLICT, "log: %s: this writer cannot go on: %s", what, rd_kafka_error_string(failed));
        rd_kafka_error_destroy(failed);
        return PL_CONFLICT;
    }
    enum pl_code code = pl__kafka_fail(error, rd_kafka_error_code(failed), rd_kafka_error_string(failed), what);
    rd_kafka_error_destroy(failed);
    return code == PL_IO && passes ? PL_UNAVAILABLE : code;
}

/* ---- Handles ---- */

/* What decides whether each record is there once, and what it is read from; and what loads or runs code, or
 * shows secrets. */
static const char *const ours[] = {"bootstrap.servers",
                                   "metadata.broker.list",
                                   "group.id",
                                   "enable.auto.commit",
                                   "auto.offset.reset",
                                   "isolation.level",
                                   "transactional.id",
                                   "enable.idempotence",
                                   "acks",
                                   "request.required.acks",
                                   "enable.partition.eof",
                                   "message.max.bytes",
                                   "partitioner",
                                   "plugin.library.paths",
                                   "debug",
                                   "ssl.engine.location",
                                   "ssl.engine.id",
                                   "ssl.providers",
                                   "sasl.kerberos.kinit.cmd"};

bool pl_kafka_setting_allowed(const char *name) {
    for (size_t i = 0; i < PL_COUNT_OF(ours); i++)
        if (strcmp(ours[i], name) == 0) return false;
    char why[WHY];
    rd_kafka_conf_t *conf = rd_kafka_conf_new(); /* to ask for one that has no value yet says that it is unknown */
    bool known = rd_kafka_conf_set(conf, name, "", why, sizeof why) != RD_KAFKA_CONF_UNKNOWN;
    rd_kafka_conf_destroy(conf);
    return known;
}

static bool set_theirs(rd_kafka_conf_t *conf, const struct pl_log_kafka_options *options, char why[WHY]) {
    for (unsigned i = 0; i < options->setting_count; i++) {
        const struct pl_kafka_setting *setting = &options->settings[i];
        if (!pl_kafka_setting_allowed(setting->name)) {
            snprintf(why, WHY, "settings: %.100s is none that can be set here", setting->name);
            return false;
        }
        if (rd_kafka_conf_set(conf, setting->name, setting->value, why, WHY) == RD_KAFKA_CONF_OK) continue;
        snprintf(why, WHY, "settings: the value of %.100s does not fit", setting->name); /* which may be a secret */
        return false;
    }
    return true;
}

static bool set_pairs(rd_kafka_conf_t *conf, const char *const *pairs, char why[WHY]) {
    for (; *pairs; pairs += 2)
        if (rd_kafka_conf_set(conf, pairs[0], pairs[1], why, WHY) != RD_KAFKA_CONF_OK) return false;
    return true;
}

static bool set_all(rd_kafka_conf_t *conf, const struct pl_log_kafka_options *options, const char *const *more,
                    char why[WHY]) {
    static const char *const common[] = {"client.id", "potline", "message.max.bytes",       "50331648",
                                         "log_level", "3",       "socket.keepalive.enable", "true",
                                         NULL};
    return rd_kafka_conf_set(conf, "bootstrap.servers", options->brokers, why, WHY) == RD_KAFKA_CONF_OK &&
           set_pairs(conf, common, why) && set_theirs(conf, options, why) && set_pairs(conf, more, why);
}

rd_kafka_t *pl__kafka_handle(const struct pl_log_kafka_options *options, rd_kafka_type_t type, const char *const *more,
                             const struct pl__kafka_callbacks *callbacks, struct pl_error **error) {
    char why[WHY];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!set_all(conf, options, more, why)) {
        rd_kafka_conf_destroy(conf);
        pl_error_set(error, PL_USAGE, "log: %s", why);
        return NULL;
    }
    rd_kafka_conf_set_log_cb(conf, hear_log);
    if (callbacks) rd_kafka_conf_set_opaque(conf, callbacks->opaque);
    if (callbacks && callbacks->delivered) rd_kafka_conf_set_dr_msg_cb(conf, callbacks->delivered);
    if (callbacks && callbacks->rebalance) rd_kafka_conf_set_rebalance_cb(conf, callbacks->rebalance);
    if (callbacks && callbacks->lease) pl__kafka_lease_watch(callbacks->lease, conf);
    rd_kafka_t *handle = rd_kafka_new(type, conf, why, sizeof why);
    if (handle) return handle;
    rd_kafka_conf_destroy(conf);
    pl_error_set(error, PL_USAGE, "log: %s", why);
    return NULL;
}

/* ---- The topic ---- */

/* 0: there is none. */
static enum pl_code count_partitions(struct pl_kafka_log *log, rd_kafka_t *handle, const char *name, unsigned *count,
                                     struct pl_error **error) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    int timeout = (int)(log->options.timeout / PL_MILLISECOND);
    *count = 0;
    if (!topic) return pl__kafka_fail(error, rd_kafka_last_error(), NULL, "the topic");
    rd_kafka_resp_err_t failed = rd_kafka_metadata(handle, 0, topic, &metadata, timeout);
    rd_kafka_topic_destroy(topic);
    if (failed) return pl__kafka_fail(error, failed, NULL, "the brokers do not answer");
    rd_kafka_resp_err_t state = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN;
    if (!state) *count = (unsigned)metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    if (!state || state == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return PL_OK;
    return pl__kafka_fail(error, state, NULL, name);
}

/* Old in event time is no reason to forget; whoever wants less kept sets it at the topic. */
static const char *const record_settings[][2] = {{"cleanup.policy", "delete"},
                                                 {"retention.ms", "-1"},
                                                 {"retention.bytes", "-1"},
                                                 {"message.timestamp.type", "CreateTime"},
                                                 {"message.timestamp.before.max.ms", "9223372036854775807"},
                                                 {"message.timestamp.after.max.ms", "9223372036854775807"},
                                                 {"max.message.bytes", "50331648"}};
static const char *const state_settings[][2] = {
    {"cleanup.policy", "compact"},
    {"delete.retention.ms", "86400000"}, /* runtime/replica.c counts on it */
    {"segment.bytes", "67108864"},       /* one is compacted when it is full */
    {"max.message.bytes", "50331648"}};
/* Small, and read from its begin by everyone; the time of day is the brokers'. Nothing goes by its age: a graph is said
 * once, and holds however long nobody is there. */
static const char *const board_settings[][2] = {
    {"cleanup.policy", "compact"},    {"segment.ms", "600000"},
    {"segment.bytes", "1048576"},     {"min.cleanable.dirty.ratio", "0.1"},
    {"delete.retention.ms", "60000"}, {"message.timestamp.type", "LogAppendTime"}};

#define SETTINGS(kind)                                                                                                 \
    { kind, PL_COUNT_OF(kind) }
static const struct {
    const char *const (*list)[2];
    size_t count;
} settings_of[] = {
    [PL__KAFKA_RECORDS] = SETTINGS(record_settings),
    [PL__KAFKA_STATE] = SETTINGS(state_settings),
    [PL__KAFKA_BOARD] = SETTINGS(board_settings),
};

static enum pl_code topic_made(const char *name, rd_kafka_event_t *event, struct pl_error **error) {
    const rd_kafka_CreateTopics_result_t *result = event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_topic_result_t **topics = result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    rd_kafka_resp_err_t failed = !event       ? RD_KAFKA_RESP_ERR__TIMED_OUT
                                 : count == 1 ? rd_kafka_topic_result_error(topics[0])
                                              : rd_kafka_event_error(event);
    if (!failed || failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return PL_OK;
    const char *text = count == 1 ? rd_kafka_topic_result_error_string(topics[0]) : NULL;
    char what[300];
    snprintf(what, sizeof what, "topic %.200s cannot be made", name);
    return pl__kafka_fail(error, failed, text, what);
}

static enum pl_code make_topic(struct pl_kafka_log *log, rd_kafka_t *handle, const char *name,
                               enum pl__kafka_topic kind, unsigned partitions, struct pl_error **error) {
    char why[WHY];
    int copies = log->options.replication ? log->options.replication : -1;
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, (int)partitions, copies, why, sizeof why);
    if (!topic) return pl_error_set(error, PL_USAGE, "log: topic %s: %s", name, why);
    for (size_t i = 0; i < settings_of[kind].count; i++)
        rd_kafka_NewTopic_set_config(topic, settings_of[kind].list[i][0], settings_of[kind].list[i][1]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_CreateTopics(handle, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)(log->options.timeout / PL_MILLISECOND));
    enum pl_code code = topic_made(name, event, error);
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return code;
}

/* One that was just made is not known everywhere at once. */
static enum pl_code wait_for_topic(struct pl_kafka_log *log, rd_kafka_t *handle, const char *name, unsigned *count,
                                   struct pl_error **error) {
    enum pl_code code = PL_OK;
    *count = 0;
    for (pl_time waited = 0; !code && !*count && waited < log->options.timeout;
         waited += PL__KAFKA_SLICE_MS * PL_MILLISECOND) {
        rd_kafka_poll(handle, PL__KAFKA_SLICE_MS);
        code = count_partitions(log, handle, name, count, error);
    }
    if (code || *count) return code;
    return pl_error_set(error, PL_UNAVAILABLE, "log: topic %s was made, and nobody knows it", name);
}

enum pl_code pl_kafka_topic_make(const struct pl_log_kafka_options *options, unsigned partitions,
                                 struct pl_error **error) {
    struct pl_kafka_log log = {.options = *options};
    return pl__kafka_find_topic(&log, options->topic, PL__KAFKA_RECORDS, &partitions, error);
}

enum pl_code pl__kafka_board_make(const struct pl_log_kafka_options *options, const char *topic,
                                  struct pl_error **error) {
    struct pl_kafka_log log = {.options = *options};
    unsigned partitions = 1;
    return pl__kafka_find_topic(&log, topic, PL__KAFKA_BOARD, &partitions, error);
}

enum pl_code pl__kafka_find_topic(struct pl_kafka_log *log, const char *topic, enum pl__kafka_topic kind,
                                  unsigned *partitions, struct pl_error **error) {
    static const char *const none[] = {NULL};
    unsigned count, least = *partitions;
    rd_kafka_t *handle = pl__kafka_handle(&log->options, RD_KAFKA_PRODUCER, none, NULL, error);
    if (!handle) return PL_USAGE;
    enum pl_code code = count_partitions(log, handle, topic, &count, error);
    if (!code && !count && log->options.writer) {
        code = make_topic(log, handle, topic, kind, least, error);
        if (!code) code = wait_for_topic(log, handle, topic, &count, error);
    }
    rd_kafka_destroy(handle);
    if (code) return code;
    if (!count) return pl_error_set(error, PL_NOT_FOUND, "log: there is no topic %s", topic);
    if (count < least || count > PARTITIONS_MAX)
        return pl_error_set(error, PL_CONFLICT, "log: topic %s has %u partitions, and %u are wanted", topic, count,
                            least);
    *partitions = count;
    return PL_OK;
}
