#include "look.h"

#include <string.h>

#include <potline/text.h>

enum { START_UNKNOWN = -1 };

enum pl__start pl__start_of(const char *text, pl_time *time) {
    if (strcmp(text, "earliest") == 0) return PL__EARLIEST;
    if (strcmp(text, "latest") == 0) return PL__LATEST;
    pl_text_time(text, strlen(text), time);
    return PL__START_TIME;
}

static bool is_over(const bool *gone) {
    return __atomic_load_n(gone, __ATOMIC_RELAXED);
}

static void note(struct pl__look *look, rd_kafka_topic_t *topic, rd_kafka_resp_err_t code) {
    if (look->why[0]) return;
    snprintf(look->why, sizeof look->why, "topic %.250s: %s", rd_kafka_topic_name(topic), rd_kafka_err2str(code));
}

static bool is_known(const struct pl__look *look, uint32_t topic, int32_t partition) {
    for (unsigned i = 0; i < look->share_count; i++)
        if (look->share[i].topic == topic && look->share[i].partition == partition) return look->known[i];
    return false;
}

/* The first message that is not older, in the broker's time; the end when there is none. */
static rd_kafka_resp_err_t find_time(rd_kafka_t *handle, struct pl__look *look, const char *name,
                                     struct pl__place *found) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(list, name, found->partition);
    at->offset = look->time / PL_MILLISECOND;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle, list, PL__JOB_PATIENCE);
    if (!code) code = at->err;
    found->start = at->offset >= 0 ? at->offset : found->high;
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static void look_at(rd_kafka_t *handle, struct pl__look *look, uint32_t topic, int32_t partition) {
    rd_kafka_topic_t *handle_of = look->topic[topic];
    const char *name = rd_kafka_topic_name(handle_of);
    if (look->found_count == PL__SHARES_MAX) {
        look->too_many = true;
        return;
    }
    struct pl__place found = {.topic = topic, .partition = partition, .start = START_UNKNOWN};
    if (!is_known(look, topic, partition)) {
        rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(handle, name, partition, &found.low, &found.high, PL__JOB_PATIENCE);
        found.start = look->start == PL__LATEST ? found.high : found.low;
        if (!code && look->start == PL__START_TIME) code = find_time(handle, look, name, &found);
        if (code) {
            note(look, handle_of, code);
            return;
        }
        found.asked = true;
    }
    look->found[look->found_count++] = found;
}

static void look_at_topic(rd_kafka_t *handle, struct pl__look *look, uint32_t topic, const bool *gone) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, look->topic[topic], &metadata, PL__JOB_PATIENCE);
    if (code) {
        note(look, look->topic[topic], code);
        return;
    }
    look->answered = true;
    code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (code) {
        note(look, look->topic[topic], code);
        look->missing_topic = true;
    }
    for (int i = 0; !code && i < metadata->topics[0].partition_cnt && !is_over(gone); i++)
        look_at(handle, look, topic, metadata->topics[0].partitions[i].id);
    rd_kafka_metadata_destroy(metadata);
}

void pl__look_work(rd_kafka_t *handle, void *task, const bool *gone) {
    struct pl__look *look = task;
    for (unsigned i = 0; i < look->share_count && !is_over(gone); i++)
        if (look->share[i].stop) rd_kafka_consume_stop(look->topic[look->share[i].topic], look->share[i].partition);
    for (uint32_t i = 0; i < look->topic_count && !is_over(gone); i++)
        look_at_topic(handle, look, i, gone);
}
