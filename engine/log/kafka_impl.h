/* kafka_impl.h: what the files of the log on Kafka share. */
#ifndef POTLINE_LOG_KAFKA_IMPL_H
#define POTLINE_LOG_KAFKA_IMPL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "log/kafka.h"
#include "log/kafka_lease.h"
#include "log/kafka_member.h"
#include "log/record.h"

enum { PL__KAFKA_MEMBER = 320, PL__KAFKA_WRITER = 512 + PL__KAFKA_MEMBER };

/* A message takes as many sequence numbers as a record may have rows, so where it stands says what numbers it has. */
enum { PL__KAFKA_ROWS_BITS = 13, PL__KAFKA_SLICE_MS = 100 };

static inline uint64_t pl__kafka_sequence(int64_t offset) {
    return (uint64_t)offset << PL__KAFKA_ROWS_BITS;
}

static inline int64_t pl__kafka_offset(uint64_t sequence) {
    return (int64_t)(sequence >> PL__KAFKA_ROWS_BITS);
}

struct pl__kafka_partition {
    _Atomic int64_t first;     /* the oldest offset that is kept */
    _Atomic int64_t end;       /* behind the last one that is known to be there */
    _Atomic int64_t committed; /* by the group: where the last checkpoint stands; -1: not ours */
    int64_t said;              /* by the checkpoint that is under way */
    char mark[PL_KAFKA_MARK];  /* whose it is */
    int64_t behind;            /* the last entry of a checkpoint, as brokers have said it; -1: they have not */
    int64_t newest;            /* milliseconds: of the rows so far, for records that have none */
    unsigned average;          /* bytes of a message, about; 0: none is known */
};

/* A handle that reads; of each partition it serves one cursor at a time. */
struct pl__kafka_reader {
    rd_kafka_t *handle;
    bool *taken; /* [partition] */
    struct pl__kafka_reader *next;
};

enum pl__kafka_who { PL__KAFKA_NOBODY, PL__KAFKA_APPENDER, PL__KAFKA_CHECKPOINT, PL__KAFKA_ALONE, PL__KAFKA_WHOS };

struct pl_kafka_log {
    struct pl_log log;
    struct pl_log_kafka_options options; /* its texts are owned */
    struct pl__kafka_partition *partition;

    char name[PL__KAFKA_WRITER]; /* of the writer of a member */
    char *changelog;             /* the topic; NULL: none */
    pthread_mutex_t arriving;
    void (*arrived)(void *arg);
    void *arg;

    pthread_mutex_t writing; /* of the transaction */
    rd_kafka_t *producer;
    struct pl_rows *rows;
    struct pl_buffer bytes;
    bool open;                  /* a transaction is under way */
    enum pl__kafka_who pending; /* whose commit has been asked for, and nobody knows what came of it */
    bool there[PL__KAFKA_WHOS]; /* whose was, and is there, which they do not know yet */
    char mark[PL_KAFKA_MARK];   /* of the checkpoint that is under way */
    int64_t *offsets;           /* of the records of an append, as the brokers say them */
    unsigned count, room;
    int64_t alone;              /* of an entry that is put alone */
    rd_kafka_resp_err_t failed; /* why one of them was not taken */

    pthread_mutex_t lock; /* of the readers */
    struct pl__kafka_reader *readers;
};

/* What a message that is sent belongs to; less than that: a record of the append, by its number. */
enum pl__kafka_sent { PL__KAFKA_SENT_RECORD = 1, PL__KAFKA_SENT_ALONE, PL__KAFKA_SENT_STATE };

static inline uintptr_t pl__kafka_sent(enum pl__kafka_sent what) {
    return UINTPTR_MAX - (uintptr_t)what;
}

static inline struct pl_kafka_log *pl__kafka_of(const struct pl_log *log) {
    return (struct pl_kafka_log *)log;
}

/* ---- kafka_write.c ---- */

enum pl_code pl__kafka_append(struct pl_log *log, struct pl_log_record *records, unsigned count,
                              struct pl_error **error);

/* An entry of the changelog in a transaction of its own; *offset: where it stands. */
enum pl_code pl__kafka_put_alone(struct pl_kafka_log *log, const struct pl_kafka_entry *entry, int64_t *offset,
                                 struct pl_error **error);

/* ---- kafka_client.c ---- */

struct pl__kafka_callbacks {
    void *opaque;
    void (*delivered)(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque);
    void (*rebalance)(rd_kafka_t *handle, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                      void *opaque);
    struct pl__kafka_lease *lease; /* to be kept; NULL: none */
};

/* A handle with the settings of the options, and with `more` (pairs, ends in NULL). NULL with *error. */
rd_kafka_t *pl__kafka_handle(const struct pl_log_kafka_options *options, rd_kafka_type_t type, const char *const *more,
                             const struct pl__kafka_callbacks *callbacks, struct pl_error **error);

enum pl__kafka_topic { PL__KAFKA_RECORDS, PL__KAFKA_STATE, PL__KAFKA_BOARD };

/* The topic is there, made if it was not; *partitions: as many as that at least, then as many as it has. */
enum pl_code pl__kafka_find_topic(struct pl_kafka_log *log, const char *topic, enum pl__kafka_topic kind,
                                  unsigned *partitions, struct pl_error **error);
enum pl_code pl__kafka_board_make(const struct pl_log_kafka_options *options, const char *topic,
                                  struct pl_error **error);

/* What a client's error means, with "log: WHAT: ..."; PL_UNAVAILABLE: it may pass. */
enum pl_code pl__kafka_fail(struct pl_error **error, rd_kafka_resp_err_t code, const char *text, const char *what);
enum pl_code pl__kafka_failed(struct pl_error **error, rd_kafka_error_t *failed, const char *what); /* ends `failed` */

/* ---- kafka_member.c ---- */

rd_kafka_t *pl__kafka_member_handle(struct pl_kafka_member *member);
/* What the group calls us, as long as we are of it; NULL: not any more. Ends by rd_kafka_mem_free. */
char *pl__kafka_member_name(struct pl_kafka_member *member);

/* What a transaction says of the group: brokers refuse it once somebody else has the partitions. NULL: we are none of
 * it any more, and older brokers would take us for somebody who knows no groups, whom they let pass. */
rd_kafka_consumer_group_metadata_t *pl__kafka_member_metadata(struct pl_kafka_member *member);

/* ---- kafka_fence.c ---- */

/* The transactional id of a member of our group. */
void pl__kafka_writer_of(const struct pl_kafka_log *log, const char *member, char writer[PL__KAFKA_WRITER]);

/* A writer's open transaction is taken back, and it writes no more. */
enum pl_code pl__kafka_end_writer(struct pl_kafka_log *log, const char *writer, struct pl_error **error);

/* What dead engines have left open is taken back, as far as that can be. */
void pl__kafka_end_dead(struct pl_kafka_log *log);

/* ---- kafka_settle.c ---- */

/* *end: whoever has read of the changelog's partition up to there has read all that was committed before. */
enum pl_code pl__kafka_settle_state(struct pl_kafka_log *log, unsigned partition, int64_t *end,
                                    struct pl_error **error);

/* ---- kafka_reader.c ---- */

/* A handle of its own that reads what is committed, with `more` settings (pairs, ends in NULL). */
rd_kafka_t *pl__kafka_reading(const struct pl_kafka_log *log, const char *const *more, struct pl_error **error);

/* Where a partition begins and ends now, as far as readers see. */
enum pl_code pl__kafka_look(struct pl_kafka_log *log, unsigned partition, struct pl_error **error);
/* Where it ends, as brokers have said to who reads it; negative: they have not, or nobody does. */
int64_t pl__kafka_heard(struct pl_kafka_log *log, unsigned partition);
/* The offset of the last message in front of `offset`; -1: there is none. */
enum pl_code pl__kafka_last(struct pl_kafka_log *log, unsigned partition, int64_t *offset, struct pl_error **error);

enum pl_code pl__kafka_cursor(struct pl_log *log, unsigned partition, uint64_t from, bool heads,
                              struct pl_log_cursor **cursor, struct pl_error **error);
enum pl_code pl__kafka_read(struct pl_log_cursor *cursor, struct pl_log_record *record, struct pl_error **error);
void pl__kafka_cursor_free(struct pl_log_cursor *cursor);
uint64_t pl__kafka_seek(struct pl_log *log, unsigned partition, pl_time time);
pl_time pl__kafka_oldest(const struct pl_log *log, unsigned partition);
enum pl_code pl__kafka_trim(struct pl_log *log, unsigned partition, uint64_t sequence, struct pl_error **error);
void pl__kafka_readers_free(struct pl_kafka_log *log);

#endif
