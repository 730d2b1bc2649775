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

struct pl_kafka_member;

struct pl_log_kafka_options {
    const char *brokers; /* HOST:PORT,... */
    const char *topic;
    const char *writer;             /* the transactional id, but for members; NULL: it is only read */
    const char *before;             /* of a member: who wrote from this folder last; it writes no more. NULL: nobody */
    const char *group;              /* of engines that share the topic (kafka_member.h); NULL: none */
    struct pl_kafka_member *member; /* our place in it, borrowed: only who has the partitions writes */
    pl_time session;                /* a member that is not heard of for so long is dead */
    const struct pl_kafka_setting *settings;
    unsigned setting_count;
    int replication; /* copies, of a topic that is made; 0: as the brokers have it */
    pl_time timeout; /* for answers of the brokers */
};

enum pl_code pl_log_open_kafka(const struct pl_log_kafka_options *options, struct pl_tags *tags, unsigned partitions,
                               struct pl_log **log, struct pl_error **error);

/* Its transactional id: what `before` is next time. */
const char *pl_kafka_writer(const struct pl_log *log);

/* The topic is there then, as an engine would make it. */
enum pl_code pl_kafka_topic_make(const struct pl_log_kafka_options *options, unsigned partitions,
                                 struct pl_error **error);

/* Cursors of heads wait for all that anybody has written so far. Without that the end of what is read may stand in
 * front of what was committed long ago. */
enum pl_code pl_kafka_settle(struct pl_log *log, struct pl_error **error);

/* Before the first cursor: `arrived` is called, on a thread of its own, when there may be something new to read, so
 * that cursors that read rows wait for nothing any more. NULL: not any more, from the return on. */
void pl_kafka_on_arrival(struct pl_log *log, void (*arrived)(void *arg), void *arg);

/* ---- What a group knows: how far a partition has been worked off, and a mark of whoever says so ---- */

enum { PL_KAFKA_MARK = 64 };

struct pl_kafka_place {
    bool wanted;       /* set by who asks */
    bool said;         /* by anybody */
    uint64_t sequence; /* then */
    char mark[PL_KAFKA_MARK];
};

/* places[partition]. Waits for transactions that are under way. */
enum pl_code pl_kafka_group_ask(struct pl_log *log, struct pl_kafka_place *places, struct pl_error **error);
/* Before the first append: this partition is ours, and stands there. */
void pl_kafka_group_is(struct pl_log *log, unsigned partition, uint64_t sequence, const char *mark);

/* Offsets, as brokers count: up to where the last checkpoint goes (-1: none), and the end, as of what was heard of them
 * last. Waits for nobody. Any thread. */
void pl_kafka_group_lag(struct pl_log *log, unsigned partition, int64_t *committed, int64_t *end);

/* ---- State beside it: the topic TOPIC.changelog, by key, as many partitions as the log has ---- */

struct pl_kafka_entry {
    unsigned partition;
    const void *key, *value; /* value NULL: the key is gone */
    size_t key_size, size;
    int64_t offset; /* where it stands, of one that is read */
};

/* One transaction, on any thread: what has changed, and how far that is in the log, as the group's offsets; it is there
 * as a whole or not at all. sequences[partition]: of the barrier, UINT64_MAX where the group's offset stays as it is;
 * NULL, without a mark: it does so in all. PL_UNAVAILABLE: again from the begin; *done: what was put the last time is
 * there after all. Behind a failed begin or with *done nothing follows; behind a failed put follows drop. */
enum pl_code pl_kafka_commit_begin(struct pl_log *log, bool *done, struct pl_error **error);
enum pl_code pl_kafka_commit_put(struct pl_log *log, const struct pl_kafka_entry *entry, struct pl_error **error);
/* A record of the log itself, whose sequence is not said. */
enum pl_code pl_kafka_commit_record(struct pl_log *log, struct pl_log_record *record, struct pl_error **error);
enum pl_code pl_kafka_commit_end(struct pl_log *log, const uint64_t *sequences, const char *mark,
                                 struct pl_error **error);
void pl_kafka_commit_drop(struct pl_log *log);
/* Behind the last entry of a partition that the last commit has put; -1: the brokers have not said where it stands. */
int64_t pl_kafka_commit_behind(const struct pl_log *log, unsigned partition);

/* Every key of a partition and its value, in the order in which they were put: the last one counts: all that was
 * committed before, from the offset `from` on (0: all of it). PL_UNAVAILABLE: a transaction of somebody else is in
 * front of it, for too long. */
typedef enum pl_code pl_kafka_visitor(void *arg, const struct pl_kafka_entry *entry, struct pl_error **error);
enum pl_code pl_kafka_state_each(struct pl_log *log, unsigned partition, int64_t from, pl_kafka_visitor *visit,
                                 void *arg, struct pl_error **error);

/* Following it, partitions beside each other. One thread, but for stop, and ended before the log is closed. */
struct pl_kafka_follower;

enum pl_code pl_kafka_follower_new(struct pl_log *log, struct pl_kafka_follower **follower, struct pl_error **error);
enum pl_code pl_kafka_follow(struct pl_kafka_follower *follower, unsigned partition, int64_t from,
                             struct pl_error **error); /* once for each */
/* Waits for the next one, which lives until the next call. Its key is NULL where a partition has been read to its end,
 * which lies at its offset. PL_NOT_FOUND: nothing came. PL_UNAVAILABLE: brokers are away; it goes on when they are
 * back. After any other code it is to be ended. */
enum pl_code pl_kafka_follower_next(struct pl_kafka_follower *follower, struct pl_kafka_entry *entry,
                                    struct pl_error **error);
void pl_kafka_follower_stop(struct pl_kafka_follower *follower); /* next returns at once, if it waits */
void pl_kafka_follower_free(struct pl_kafka_follower *follower); /* NULL is fine */

/* May settings name it? No: it is ours (transactions, offsets), or unknown. For `check`. */
bool pl_kafka_setting_allowed(const char *name);

#endif
