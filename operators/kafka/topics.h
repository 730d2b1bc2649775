/* topics.h: the topics of a source as librdkafka has them, and the messages at hand of their partitions.
 *
 * Each partition has a queue of its own, which rings when it stops being empty; one that had nothing is not asked again
 * before. Thread: the node's, and that of the client's end.
 */
#ifndef KAFKA_TOPICS_H
#define KAFKA_TOPICS_H

#include <potline/error.h>
#include <potline/option.h>

#include "shares.h"

enum { PL__TOPICS_MAX = 16 };

struct pl__topics {
    rd_kafka_topic_t *handle[PL__TOPICS_MAX];
    uint32_t count;
    struct pl__shares shares;
};

/* Into an empty one; pl__topics_end follows after failure too. */
enum pl_code pl__topics_make(struct pl__topics *topics, rd_kafka_t *handle, const struct pl_strings *names,
                             struct pl_error **error);

/* What options say of them, and of where they are read from. */
void pl__topics_check(const struct pl_strings *names, const char *start, struct pl_check *check);

bool pl__topics_need_a_look(const struct pl__topics *topics); /* something is wrong with a partition */
void pl__share_drop(struct pl__share *share);                 /* the messages at hand */
void pl__topics_fetch(struct pl__topics *topics);             /* messages of every partition that has none at hand */
void pl__topics_hear(struct pl__topics *topics);              /* the bell has rung */

/* Takes `topics`; for pl__client_free, on another thread, where it may take as long as it does. */
void pl__topics_end(rd_kafka_t *handle, void *topics);

#endif
