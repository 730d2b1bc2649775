#include "topics.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum pl_code pl__topics_make(struct pl__topics *topics, rd_kafka_t *handle, const struct pl_strings *names,
                             struct pl_error **error) {
    for (uint32_t i = 0; i < names->count && i < PL__TOPICS_MAX; i++) {
        topics->handle[i] = rd_kafka_topic_new(handle, names->items[i], NULL);
        if (!topics->handle[i])
            return pl_error_set(error, PL_USAGE, "topic %s: %s", names->items[i],
                                rd_kafka_err2str(rd_kafka_last_error()));
        topics->count++;
    }
    return PL_OK;
}

void pl__topics_check(const struct pl_strings *names, const char *start, struct pl_check *check) {
    pl_time time;
    if (names->count < 1 || names->count > PL__TOPICS_MAX)
        pl_check_error(check, "topic", "1 to %d topics expected", PL__TOPICS_MAX);
    for (uint32_t i = 0; i < names->count; i++) {
        if (!*names->items[i]) pl_check_error(check, "topic", "is empty");
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(names->items[i], names->items[k]) == 0)
                pl_check_error(check, "topic", "%s stands there twice", names->items[i]);
    }
    if (strcmp(start, "earliest") != 0 && strcmp(start, "latest") != 0 && !pl_text_time(start, strlen(start), &time))
        pl_check_error(check, "start", "expected earliest, latest or a time like 2026-11-23T06:00:00Z");
}

bool pl__topics_need_a_look(const struct pl__topics *topics) {
    for (unsigned i = 0; i < topics->shares.count; i++)
        if (topics->shares.share[i].check) return true;
    return false;
}

void pl__share_drop(struct pl__share *share) {
    while (share->count) {
        rd_kafka_message_destroy(share->taken[share->from++]);
        share->count--;
    }
    share->from = 0;
}

void pl__topics_fetch(struct pl__topics *topics) {
    for (unsigned i = 0; i < topics->shares.count; i++) {
        struct pl__share *share = &topics->shares.share[i];
        if (share->count || !share->reading || share->silent) continue;
        ssize_t count = rd_kafka_consume_batch_queue(share->queue, 0, share->taken, PL__TAKEN_MAX);
        share->from = 0;
        share->count = count > 0 ? (unsigned)count : 0;
        share->silent = !share->count;
        if (share->silent) continue;
        share->passed = false;
        if (!share->taken[0]->err) share->at_end = false;
    }
}

void pl__topics_hear(struct pl__topics *topics) {
    for (unsigned i = 0; i < topics->shares.count; i++)
        topics->shares.share[i].silent = false;
}

void pl__topics_end(rd_kafka_t *handle, void *task) {
    struct pl__topics *all = task;
    (void)handle;
    for (unsigned i = 0; i < all->shares.count; i++) {
        struct pl__share *share = &all->shares.share[i];
        if (!share->queue) continue;
        pl__share_drop(share);
        rd_kafka_consume_stop(all->handle[share->topic], share->partition);
        rd_kafka_queue_destroy(share->queue);
    }
    for (uint32_t i = 0; i < all->count; i++)
        rd_kafka_topic_destroy(all->handle[i]);
    pl__shares_fini(&all->shares);
    pl_free(all);
}
