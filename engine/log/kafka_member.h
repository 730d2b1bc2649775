/* kafka_member.h: a place in a consumer group: which partitions of a topic are this engine's.
 *
 *     [thread] --rest--> owner stops, commits, says `rested` --> the group goes on --change--> owner begins anew
 *
 * The group hands partitions out, cooperatively: what stays is not taken away. Before anything changes `rest` is
 * called, and the group waits until pl_kafka_member_rested: the owner has put down what it knows by then, or, where
 * `lost` says so, somebody else has the partitions already and nothing may be written any more. Then `change` is
 * called.
 *
 * Nothing is read here; who reads uses the log. Callbacks come from the member's thread.
 */
#ifndef POTLINE_LOG_KAFKA_MEMBER_H
#define POTLINE_LOG_KAFKA_MEMBER_H

#include <stdatomic.h>

#include "log/kafka.h"

struct pl_kafka_member;

struct pl_kafka_member_events {
    void (*rest)(void *owner, bool lost);
    void (*change)(void *owner);
    void *owner;
};

/* Joins; options->group says which group. The options are read now and not kept. */
enum pl_code pl_kafka_member_new(const struct pl_log_kafka_options *options,
                                 const struct pl_kafka_member_events *events, struct pl_kafka_member **member,
                                 struct pl_error **error);
/* Leaves, with everything put down before. NULL is fine. */
void pl_kafka_member_free(struct pl_kafka_member *member);

/* Any thread: what it was called to rest for may go on. */
void pl_kafka_member_rested(struct pl_kafka_member *member);

/* Any thread: what is ours is so until then, by pl_clock_boottime, whoever else was given it meanwhile; it moves on for
 * as long as the group hears of us. */
const _Atomic int64_t *pl_kafka_member_lease(const struct pl_kafka_member *member);

/* Any thread: is this partition ours? As of the last `change`. */
bool pl_kafka_member_owns(struct pl_kafka_member *member, unsigned partition);

#endif
