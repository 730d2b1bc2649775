/* kafka_fence.c: what an engine that is dead has left open. Brokers end it when its time is over, which may be many
 * seconds later, and until then it hides what stands behind it; whoever follows ends it at once.
 *
 * A writer of a group is called like the member whose it is, and the group's offsets say who has spoken last for a
 * partition: the mark of a checkpoint, "@" and the member. One that is none of the group's any more is dead, or a
 * zombie that is to be kept from waking up; who has come back is another member. One that has handed its partitions
 * over is left alone.
 */
#include <stdio.h>
#include <string.h>

#include "log/kafka_impl.h"

enum { SOON_MS = 3000, DEAD_MAX = 64 };

void pl__kafka_writer_of(const struct pl_kafka_log *log, const char *member, char writer[PL__KAFKA_WRITER]) {
    snprintf(writer, PL__KAFKA_WRITER, "%.500s/%.300s", log->options.group, member);
}

static rd_kafka_t *new_handle(struct pl_kafka_log *log) {
    const char *const settings[] = {"group.id", log->options.group, "isolation.level", "read_uncommitted", NULL};
    return pl__kafka_handle(&log->options, RD_KAFKA_CONSUMER, settings, NULL, NULL);
}

static bool is_member(const rd_kafka_ConsumerGroupDescription_t *group, const char *name) {
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);
    for (size_t i = 0; i < count; i++) {
        const char *member = rd_kafka_MemberDescription_consumer_id(rd_kafka_ConsumerGroupDescription_member(group, i));
        if (member && strcmp(member, name) == 0) return true;
    }
    return false;
}

/* Somebody else has its name for a moment. */
enum pl_code pl__kafka_end_writer(struct pl_kafka_log *log, const char *writer, struct pl_error **error) {
    const char *const settings[] = {"transactional.id", writer, NULL};
    rd_kafka_t *producer = pl__kafka_handle(&log->options, RD_KAFKA_PRODUCER, settings, NULL, error);
    if (!producer) return PL_USAGE;
    rd_kafka_error_t *failed = rd_kafka_init_transactions(producer, SOON_MS);
    enum pl_code code = failed ? pl__kafka_failed(error, failed, "who wrote before cannot be ended") : PL_OK;
    rd_kafka_destroy(producer);
    return code == PL_CONFLICT ? PL_UNAVAILABLE : code; /* another one ends it, too */
}

static void end_member(struct pl_kafka_log *log, const char *member) {
    char writer[PL__KAFKA_WRITER];
    pl__kafka_writer_of(log, member, writer);
    pl__kafka_end_writer(log, writer, NULL); /* else it ends when its time is over */
}

/* "MARK@MEMBER"; false: it does not say. */
static bool parse(const rd_kafka_topic_partition_t *answer, char member[PL__KAFKA_MEMBER]) {
    const char *text = answer->metadata, *at = text ? memchr(text, '@', answer->metadata_size) : NULL;
    size_t length = at ? (size_t)(text + answer->metadata_size - at - 1) : 0;
    if (answer->err || !length || length >= PL__KAFKA_MEMBER || memchr(at + 1, 0, length)) return false;
    memcpy(member, at + 1, length);
    member[length] = 0;
    return true;
}

static void end_dead(struct pl_kafka_log *log, const rd_kafka_topic_partition_list_t *places,
                     const rd_kafka_ConsumerGroupDescription_t *group) {
    char ended[DEAD_MAX][PL__KAFKA_MEMBER];
    unsigned count = 0;
    for (int i = 0; i < places->cnt && count < DEAD_MAX; i++) {
        unsigned k = 0;
        if (!parse(&places->elems[i], ended[count]) || is_member(group, ended[count])) continue;
        while (strcmp(ended[k], ended[count]) != 0)
            k++;
        if (k == count) end_member(log, ended[count++]);
    }
}

static void ask_who_is_there(struct pl_kafka_log *log, rd_kafka_t *handle,
                             const rd_kafka_topic_partition_list_t *places) {
    const char *names[] = {log->options.group};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_DescribeConsumerGroups(handle, names, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, SOON_MS);
    const rd_kafka_DescribeConsumerGroups_result_t *result =
        event ? rd_kafka_event_DescribeConsumerGroups_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        result ? rd_kafka_DescribeConsumerGroups_result_groups(result, &count) : NULL;
    if (count == 1 && !rd_kafka_ConsumerGroupDescription_error(groups[0])) end_dead(log, places, groups[0]);
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

void pl__kafka_end_dead(struct pl_kafka_log *log) {
    rd_kafka_t *handle = new_handle(log);
    if (!handle) return;
    rd_kafka_topic_partition_list_t *places = rd_kafka_topic_partition_list_new((int)log->log.partitions);
    for (unsigned p = 0; p < log->log.partitions; p++)
        rd_kafka_topic_partition_list_add(places, log->options.topic, (int32_t)p);
    if (!rd_kafka_committed(handle, places, SOON_MS)) ask_who_is_there(log, handle, places);
    rd_kafka_topic_partition_list_destroy(places);
    rd_kafka_destroy(handle);
}
