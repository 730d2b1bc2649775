/* jobs.c: what blocks in librdkafka: joining, committing, aborting. Another thread than the stream's. */
#include <string.h>

#include <potline/alloc.h>

#include "stream.h"

static void free_task(void *memory) {
    struct pl__task *task = memory;
    if (!task) return;
    pl_free(task->topic);
    pl_free(task->id);
    pl_free(task);
}

struct pl__task *pl__task_new(const struct pl__stream *s) {
    struct pl__task *task = PL_NEW(struct pl__task);
    if (!task) return NULL;
    task->transactional = s->transactional;
    task->topic = pl_strdup(s->options->topic);
    task->id = pl_strdup(s->id);
    memcpy(task->name, s->name, sizeof task->name);
    if (task->topic && task->id) return task;
    free_task(task);
    return NULL;
}

static void say(struct pl__task *task, enum pl__outcome outcome, const char *what, const char *why) {
    task->outcome = outcome;
    snprintf(task->why, sizeof task->why, "%s: %s", what, why);
}

/* What an error of the transactions means for us; takes it. True: there is none. */
static bool is_fine(struct pl__task *task, const char *what, rd_kafka_error_t *error) {
    if (!error) return true;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    enum pl__outcome outcome = PL__BROKEN;
    if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        outcome = PL__REFUSED;
    else if (rd_kafka_error_is_fatal(error))
        outcome = PL__BROKEN;
    else if (rd_kafka_error_txn_requires_abort(error))
        outcome = PL__ABORT;
    else if (rd_kafka_error_is_retriable(error) || code == RD_KAFKA_RESP_ERR__TIMED_OUT)
        outcome = PL__AGAIN;
    say(task, outcome, what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return false;
}

/* ---- Joining: the topic is there, nothing of an earlier life is open, and this is the position ---- */

static bool has_topic(rd_kafka_t *handle, struct pl__task *task) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, task->topic, NULL);
    if (!topic) {
        say(task, PL__REFUSED, task->topic, rd_kafka_err2str(rd_kafka_last_error()));
        return false;
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, topic, &metadata, PL__JOB_PATIENCE);
    if (!code) {
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if (!code && !metadata->topics[0].partition_cnt) code = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    if (!code) return true;
    bool refused = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
                   code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    char what[300];
    snprintf(what, sizeof what, "topic %.255s", task->topic);
    say(task, refused ? PL__REFUSED : PL__AGAIN, what, rd_kafka_err2str(code));
    return false;
}

static rd_kafka_topic_partition_list_t *place_of(const struct pl__task *task) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, task->topic, 0);
    return list;
}

/* Offsets are asked for by consumers: the other way, ListConsumerGroupOffsets, takes the process down in librdkafka
 * 2.0.2 when a broker goes away meanwhile. One that only reads what is committed is told to ask again while a
 * transaction that moves them is on its way. */
static rd_kafka_t *new_consumer(rd_kafka_t *handle, struct pl__task *task) {
    const char *const settings[][2] = {
        {"group.id", task->id}, {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"}};
    char text[300];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(rd_kafka_conf(handle));
    rd_kafka_conf_set_events(conf, 0);
    for (size_t i = 0; i < PL_COUNT_OF(settings); i++)
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (consumer) return consumer;
    rd_kafka_conf_destroy(conf);
    say(task, PL__AGAIN, "its position", text);
    return NULL;
}

static void take_offset(struct pl__task *task, const rd_kafka_topic_partition_t *at) {
    task->found = at->offset >= 0;
    task->position = task->found ? (uint64_t)at->offset : 0;
    size_t length = at->metadata_size < PL__STREAM_NAME_MAX ? at->metadata_size : PL__STREAM_NAME_MAX;
    if (at->metadata) memcpy(task->owner, at->metadata, length);
}

static void ask_offset(rd_kafka_t *handle, struct pl__task *task) {
    rd_kafka_t *consumer = new_consumer(handle, task);
    if (!consumer) return;
    rd_kafka_topic_partition_list_t *list = place_of(task);
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer, list, 2 * PL__JOB_PATIENCE);
    if (!code) code = list->elems[0].err;
    if (!code)
        take_offset(task, &list->elems[0]);
    else
        say(task, code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ? PL__REFUSED : PL__AGAIN, "its position",
            rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(consumer);
}

static void join(rd_kafka_t *handle, void *memory, const bool *gone) {
    struct pl__task *task = memory;
    task->outcome = PL__DONE;
    if (!has_topic(handle, task) || !task->transactional || __atomic_load_n(gone, __ATOMIC_RELAXED)) return;
    if (!is_fine(task, "joining", rd_kafka_init_transactions(handle, PL__JOB_PATIENCE))) return;
    if (!__atomic_load_n(gone, __ATOMIC_RELAXED)) ask_offset(handle, task);
}

/* ---- Committing ---- */

static bool send_offset(rd_kafka_t *handle, struct pl__task *task) {
    rd_kafka_topic_partition_list_t *list = place_of(task);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata_new(task->id);
    list->elems[0].offset = (int64_t)task->position;
    list->elems[0].metadata = task->name;
    list->elems[0].metadata_size = strlen(task->name);
    rd_kafka_error_t *error = rd_kafka_send_offsets_to_transaction(handle, list, group, PL__JOB_PATIENCE);
    list->elems[0].metadata = NULL; /* the task's */
    list->elems[0].metadata_size = 0;
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
    return is_fine(task, "moving the position", error);
}

static void commit(rd_kafka_t *handle, void *memory, const bool *gone) {
    struct pl__task *task = memory;
    task->outcome = PL__DONE;
    if (!task->offsets_sent && !send_offset(handle, task)) return;
    task->offsets_sent = true;
    if (__atomic_load_n(gone, __ATOMIC_RELAXED)) return;
    is_fine(task, "committing", rd_kafka_commit_transaction(handle, PL__JOB_PATIENCE));
}

static void abort_it(rd_kafka_t *handle, void *memory, const bool *gone) {
    struct pl__task *task = memory;
    (void)gone;
    task->outcome = PL__DONE;
    is_fine(task, "aborting", rd_kafka_abort_transaction(handle, PL__JOB_PATIENCE));
}

const struct pl__job pl__job_join = {join, pl__on_joined, free_task};
const struct pl__job pl__job_commit = {commit, pl__on_committed, free_task};
const struct pl__job pl__job_abort = {abort_it, pl__on_aborted, free_task};
