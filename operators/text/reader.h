/* reader.h: a stream of delimited text as rows of samples, written straight into a batch.
 *
 *     for (;;) {
 *         switch (pl_reader_read(reader, batch, &error)) {
 *         case PL_READER_MORE: ... pl_reader_space, read, pl_reader_filled, or pl_reader_end; break;
 *         case PL_READER_FULL: ... emit the batch, take a new one; break;
 *         case PL_READER_REJECTED: ... count reader->reject; break;
 *         case PL_READER_END: case PL_READER_FAILED: ...
 *         }
 *     }
 *
 * One reader a stream; readers of one node share the table of names and the layout. A row that cannot be read is
 * rejected and reading goes on. A value that is missing or is neither number nor state is a row all the same, NaN with
 * PL_Q_BAD | PL_Q_MISSING. How the stream is cut into pieces has no influence on the rows.
 */
#ifndef POTLINE_READER_H
#define POTLINE_READER_H

#include "columns.h"
#include "values.h"

enum { PL_NO_COMMENT = -1 };

enum pl_reader_state {
    PL_READER_MORE,
    PL_READER_FULL,
    PL_READER_REJECTED,
    PL_READER_END,
    PL_READER_FAILED, /* nothing can be read from this stream: its header does not fit, for one */
};

/* A record that was not read. `text` is its first line, good until pl_reader_space. */
struct pl_reject {
    uint64_t line;
    const char *text;
    uint32_t length;
    uint32_t cause;   /* of those that the source tells apart, from 1; 0: any */
    const char *word; /* for the ledger: "time", "fields"; constant */
    uint32_t tag;     /* whose sample it was; 0: not known */
    uint32_t samples; /* how many it would have been */
    bool cut;         /* `text` is not all of it */
    char reason[160];
};

struct pl_reader {
    const struct pl_layout *layout;
    struct pl_names *names;
    struct pl_records records;
    struct pl_columns columns;
    struct pl_stamp stamp;
    struct pl_values values;
    char quote;
    int comment; /* or PL_NO_COMMENT */
    bool ready;  /* the columns are known */
    int64_t skipped;
    uint64_t row;     /* records seen, for `interval` */
    const char *file; /* for messages; borrowed */
    struct pl_reject reject;
};

/* Where a reader stands in its stream, to go on there. */
struct pl_reader_position {
    uint64_t offset;
    uint64_t line;
    uint64_t row;
    uint32_t form; /* what else there is to know of the stream: of text the enum pl_stamp_form */
};

/* `layout` and `names` are borrowed; `capacity` is the buffer's to begin with. False without memory; pl_reader_fini
 * takes it all the same. */
bool pl_reader_init(struct pl_reader *reader, const struct pl_layout *layout, struct pl_names *names,
                    uint32_t capacity);
void pl_reader_fini(struct pl_reader *reader);

/* Begins a new stream, called `file` in messages (borrowed). Counts and the number of the row go on. */
void pl_reader_restart(struct pl_reader *reader, const char *file);

/* Reads up to the first row: PL_READER_FULL when the columns are known, else MORE, END or FAILED. */
enum pl_reader_state pl_reader_prepare(struct pl_reader *reader, struct pl_error **error);

/* Rows into the batch (of samples, with capacity for pl_reader_rows_least once prepared), behind those it has. */
enum pl_reader_state pl_reader_read(struct pl_reader *reader, struct pl_batch *batch, struct pl_error **error);

/* A comment or an empty line is in view. */
bool pl_reader_is_empty(const struct pl_reader *reader, uint32_t fields);

/* Done with the record in view, or with the line ahead when `fields` is 0. */
void pl_reader_leave(struct pl_reader *reader, uint32_t fields);

/* For tables that are no rows: a field of the record in view as the value of a tag, with its quality; as a time; and as
 * a name (trimmed, unquoted; at most `size` - 1 bytes, 0-terminated; false when it does not fit). */
uint16_t pl_reader_value(struct pl_reader *reader, uint32_t tag, const char *text, uint32_t length, double *value);
bool pl_reader_time(struct pl_reader *reader, const char *text, uint32_t length, pl_time *time);
bool pl_reader_name(struct pl_reader *reader, const char *text, uint32_t length, char *name, size_t size);

/* Bytes that a reader has refused, or repaired ones, as rows into a batch, all of them or none: by another reader with
 * the layout, names and columns of `model`, which does not move. PL_SYNTAX: refused; PL_UNAVAILABLE: not known how to
 * read them now. */
enum pl_code pl_reader_again(const struct pl_reader *model, const void *bytes, size_t size, struct pl_batch *batch,
                             struct pl_error **error);

struct pl_reader_position pl_reader_position(const struct pl_reader *reader);

/* The next byte that the reader is given is the one at `position`; it has been prepared before. */
void pl_reader_resume(struct pl_reader *reader, const struct pl_reader_position *position);

/* Rows that a batch has to have room for, so that a record fits. */
static inline uint32_t pl_reader_rows_least(const struct pl_reader *reader) {
    return reader->columns.series_count ? reader->columns.series_count : 1;
}

static inline char *pl_reader_space(struct pl_reader *reader, size_t *room) {
    return pl_records_space(&reader->records, room);
}
static inline void pl_reader_filled(struct pl_reader *reader, size_t count) {
    pl_records_filled(&reader->records, count);
}
static inline void pl_reader_end(struct pl_reader *reader) {
    pl_records_end(&reader->records);
}

#endif
