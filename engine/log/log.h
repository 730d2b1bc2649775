/* log.h: the durable, replayable record of what came in, behind one interface for every kind of log.
 *
 * A log has partitions; each is a sequence of records. A record takes as many sequence numbers as it has rows (at least
 * one), so (partition, sequence) names a row for good. Appended means handed to the kernel: it survives the death of
 * the process. Synced means it survives the loss of power.
 *
 * Everything that influences a result is a record: rows, watermarks, ends, barriers, commands.
 *
 * Threads: one thread appends; reading is allowed from any thread, each with a cursor of its own.
 */
#ifndef POTLINE_LOG_H
#define POTLINE_LOG_H

#include <potline/batch.h>
#include <potline/error.h>

enum pl_log_type {
    PL_LOG_ROWS = 1,  /* a batch; `watermark` is the source's behind it */
    PL_LOG_WATERMARK, /* the source's watermark advanced (or it went idle: PL_LOG_IDLE) without rows */
    PL_LOG_END,       /* the source has ended: no more rows of it, its watermark is the end of time */
    PL_LOG_BARRIER,   /* `epoch` ends here, in this partition */
    PL_LOG_CONTROL,   /* a command that takes effect here; `body` is one msgpack map */
};

enum pl_log_flags { PL_LOG_IDLE = 1 };

struct pl_log_record {
    enum pl_log_type type;
    uint16_t partition;
    uint16_t flags;
    uint64_t sequence; /* set by append */
    uint32_t source;   /* interned name of the source's port: "in", "plc.events"; 0 for barriers and commands */
    uint32_t rows;     /* ROWS: how many; set by append */
    pl_time watermark;
    uint64_t epoch;
    bool timeless; /* ROWS, for append: their times say nothing of the rows around them, so no index has them */
    struct pl_batch *batch; /* ROWS: borrowed by append, owned by the reader; NULL from a cursor over heads */
    /* Both are borrowed; from a cursor they are valid until its next call. */
    const void *position; /* ROWS: where the source stood behind them, in its own words; NULL: not said */
    size_t position_size;
    const void *body; /* BARRIER: what the intake knows of its sources; CONTROL: one msgpack map */
    size_t body_size;
};

enum { PL_LOG_POSITION_MAX = 4096 };

struct pl_log;
struct pl_log_cursor;

struct pl_log_ops {
    const char *name;

    /* Appends records atomically, in order, sets their sequences and batch->header->first_sequence. */
    enum pl_code (*append)(struct pl_log *log, struct pl_log_record *records, unsigned count, struct pl_error **error);

    /* Everything appended so far becomes synced. May block; called on a thread of its own. */
    enum pl_code (*sync)(struct pl_log *log, struct pl_error **error);

    uint64_t (*next)(const struct pl_log *log, unsigned partition);  /* the sequence the next record gets */
    uint64_t (*first)(const struct pl_log *log, unsigned partition); /* the oldest still kept */

    /* The sequence from which on every row with event time >= time stands (PL_LOG_ROWS records, sparse index). */
    uint64_t (*seek)(struct pl_log *log, unsigned partition, pl_time time);

    /* From the record that holds sequence `from` on. `heads`: rows are checked, but not read. */
    enum pl_code (*cursor)(struct pl_log *log, unsigned partition, uint64_t from, bool heads,
                           struct pl_log_cursor **cursor, struct pl_error **error);
    /* The next record, in order. PL_NOT_FOUND at the end: call again later. A gap in the sequences is PL_CORRUPT. */
    enum pl_code (*read)(struct pl_log_cursor *cursor, struct pl_log_record *record, struct pl_error **error);
    void (*cursor_free)(struct pl_log_cursor *cursor);

    /* Forgets the records in front of the one that holds `sequence`; the last one stays in any case. Beside appends and
     * reads: a cursor that has not come as far gets PL_RANGE. One thread at a time. */
    enum pl_code (*trim)(struct pl_log *log, unsigned partition, uint64_t sequence, struct pl_error **error);

    uint64_t (*bytes)(const struct pl_log *log, unsigned partition, uint64_t from); /* about, of files, from there on */
    /* About when the first rows that are kept were: event time, to the minute. PL_TIME_MAX: there are none. */
    pl_time (*oldest)(const struct pl_log *log, unsigned partition);

    void (*close)(struct pl_log *log);
};

struct pl_log { /* each kind of log begins with this */
    const struct pl_log_ops *ops;
    struct pl_tags *tags;
    unsigned partitions;
};

struct pl_store;

/* The embedded log in a store's bronze zone. */
enum pl_code pl_log_open_embedded(struct pl_store *store, struct pl_tags *tags, unsigned partitions,
                                  struct pl_log **log, struct pl_error **error);

#endif
