/* stream.h: rows of a queue into a topic, in rounds; with transactions a round also moves the stream's position.
 *
 *     open --> join --> idle --> [ begin --> send --> commit ] --> idle ...
 *                ^                     |
 *                +--- a while later ---+--- abort: the round is made again
 *
 * The position is an offset of the consumer group `potline.JOB.NODE`, with the stream's name as its metadata: the
 * number of rows that are in the topic. A transaction writes both or neither, and joining (the transactional id is
 * `potline.JOB.NODE` too) first ends what an earlier life has left open, so what is read then is what is there,
 * whatever died where. Brokers keep the offset of a group for offsets.retention.minutes (7 days) after it has moved; so
 * it is moved, to where it is, every few hours. When it is gone all the same, rows of the state that may be in the
 * topic are written again, and that is said.
 *
 * Rows may come, and be saved, before the position has been read. What they are numbered then is provisional: when it
 * turns out that the topic has more of the stream than the state knows of (ahead.h), those are left out and the others
 * get the numbers behind. Until an epoch has been saved that knows the numbers no row behind the ones of the state
 * counts as safe.
 *
 * Without transactions a round ends when all of its messages are acknowledged by all copies; one that fails is sent
 * once more. One thread; what blocks is a job of the client.
 */
#ifndef KAFKA_STREAM_H
#define KAFKA_STREAM_H

#include <potline/operator.h>

#include "ahead.h"
#include "client.h"
#include "held.h"
#include "message.h"
#include "registry.h"

struct pl_later;

enum { PL__STREAM_NAME_MAX = 32 };

enum pl__stream_step {
    PL__STREAM_AWAY,
    PL__STREAM_JOINING,
    PL__STREAM_IDLE,
    PL__STREAM_SENDING,
    PL__STREAM_COMMITTING,
    PL__STREAM_ABORTING,
};

enum {
    PL__STREAM_WRITTEN,
    PL__STREAM_MESSAGES,
    PL__STREAM_BYTES,
    PL__STREAM_ROUNDS,
    PL__STREAM_REPEATS,
    PL__STREAM_DOUBTFUL,
    PL__STREAM_TOO_LONG,
    PL__STREAM_FAILURES
};

struct pl__stream_options {
    struct pl__client_options client;
    struct pl__registry_options registry;
    const char *topic;
    const char *job;
    uint32_t compression;
    bool transactions;
    int64_t rows;   /* in a round */
    pl_time retry;  /* most that is waited between two attempts */
    pl_time gather; /* how long messages wait for others to the same broker */
    int64_t hold;   /* bytes of rows that wait */
};

struct pl__stream {
    const struct pl__stream_options *options;
    struct pl_node *node;
    struct pl_held *queue;
    struct pl__writer *writer;
    void (*settled)(void *user); /* rows were written, the place is known, or it has failed */
    void *user;

    bool transactional;
    char name[PL__STREAM_NAME_MAX + 1];
    bool fresh;        /* of this run: whatever is at its place ends */
    bool known;        /* by a safe epoch, so that the next run has the same name; nothing is written before */
    bool has_schema;   /* the registry has given it an id, or there is none; nothing is written before */
    bool placed;       /* this run has read its place, or has none */
    uint64_t restored; /* rows whose numbers the last life gave; those behind them have none that counts yet */
    uint64_t written;
    struct pl__ahead ahead;
    struct pl__digests owed; /* of rows that are to come, and are in the topic already */

    struct pl__client *client;
    char *id; /* the transactional id, and the group; owned */
    struct pl_later *again, *renew;
    uint64_t wait; /* ms, until the next attempt */
    enum pl__stream_step step;
    unsigned missed; /* attempts in a row */
    bool failed, lost, proven;
    bool stale; /* the position is to be moved, to where it is */

    /* The round at hand: rows [written, until), those in front of `next` handed over. */
    bool is_ahead, offsets_sent;
    uint64_t next, until;
    int64_t flying; /* messages not acknowledged yet */
    int64_t flying_bytes;
    char trouble[PL__WHY_MAX]; /* why the round cannot end well; "" */

    uint64_t early; /* rows in front of this one may be written ahead of their epoch */
    bool ending, final;
    uint64_t moved; /* grows with everything that goes forward */
};

/* pl__stream_close follows after failure too. Options, node, queue, writer, settled and user have been set. */
enum pl_code pl__stream_open(struct pl__stream *stream, struct pl_error **error);
void pl__stream_close(struct pl__stream *stream);

void pl__stream_go_on(struct pl__stream *stream);      /* there may be something to write */
bool pl__stream_done(const struct pl__stream *stream); /* all has been written */

/* Rows that are about to be held: those that are in the topic already are taken out (*batch is NULL: all of them). It
 * takes *batch when it fails, without memory. */
bool pl__stream_filter(struct pl__stream *stream, struct pl_batch **batch);

/* Rows in front of this one have the number that they will have for ever: for the state. */
uint64_t pl__stream_numbered(const struct pl__stream *stream);

/* `epoch` is safe. */
void pl__stream_commit(struct pl__stream *stream, uint64_t epoch);

/* The node has failed: pl__stream_over(stream, pl_fail(...)). Gives that back. */
enum pl_flow pl__stream_over(struct pl__stream *stream, enum pl_flow flow);

/* ---- Across the files of a stream ---- */

enum pl__outcome { PL__DONE, PL__AGAIN /* ask again */, PL__ABORT, PL__REFUSED, PL__BROKEN /* with a new handle */ };

struct pl__task { /* of a job */
    enum pl__outcome outcome;
    char why[PL__WHY_MAX];
    bool transactional;
    char *topic, *id, name[PL__STREAM_NAME_MAX + 1]; /* owned texts */
    uint64_t position;                               /* to be written, or read */
    bool found, offsets_sent;
    char owner[PL__STREAM_NAME_MAX + 1];
};

struct pl__task *pl__task_new(const struct pl__stream *stream); /* NULL without memory */
extern const struct pl__job pl__job_join, pl__job_commit, pl__job_abort;

/* The position that was read is taken for this run; false: the node has failed. */
bool pl__stream_find_place(struct pl__stream *stream, const struct pl__task *task);
void pl__stream_no_memory(struct pl__stream *stream);

void pl__on_joined(void *user, void *task);
void pl__on_committed(void *user, void *task);
void pl__on_aborted(void *user, void *task);

#endif
