/* records.h: a stream of bytes as records of fields.
 *
 *     char *space = pl_records_space(records, &room);
 *     pl_records_filled(records, read(fd, space, room));
 *     ...
 *     while ((state = pl_records_next(records, &fields)) == PL_RECORDS_ONE) {
 *         use(pl_records_field(records, 2, &length));
 *         pl_records_take(records, fields);
 *     }
 *
 * Owns the buffer. Bytes come in pieces of any size and are indexed in portions that stay in the nearest cache; a
 * record that is not whole yet waits. A record that is longer than the limit, or has too many fields, is dropped up to
 * its line end and told once. The last record needs no line end; CR LF counts as one line end; a byte order mark is
 * skipped.
 *
 * Field pointers are good until pl_records_space. PL_SLACK bytes behind the last field can be read.
 */
#ifndef POTLINE_RECORDS_H
#define POTLINE_RECORDS_H

#include <stddef.h>

#include <potline/abi.h>

#include "number.h"
#include "scan.h"

enum { PL_FIELDS_MAX = 16384, PL_LINE_MAX = 64 << 20 };

enum pl_records_state {
    PL_RECORDS_ONE,      /* a whole record lies ready */
    PL_RECORDS_MORE,     /* bytes are needed */
    PL_RECORDS_END,      /* none is left, and none will come */
    PL_RECORDS_TOO_LONG, /* a line is longer than the limit or has too many fields: pl_records_take_line */
    PL_RECORDS_OPEN,     /* a quote opens in this line and is not closed within the limit: pl_records_take_line */
    PL_RECORDS_UTF16,    /* the stream begins with the mark of UTF-16; nothing can be read from it */
};

struct pl_records {
    char *bytes;
    uint32_t from; /* the next record's first byte */
    uint32_t to;   /* behind the last byte there is */
    uint32_t capacity;
    uint32_t limit; /* of a record, in bytes */
    struct pl_scan scan;
    uint32_t *index;       /* index[head - 1] is the line end before the next record */
    uint32_t *index_block; /* owned; `index` points into it */
    uint32_t head;         /* the first break not taken yet */
    uint32_t whole;        /* behind the last break that is a line end */
    uint32_t count;
    bool blank_delimited; /* runs of blanks are one delimiter */
    bool started;
    bool dropping; /* to the next line end */
    bool ended;
    bool made_end;   /* the last line end is ours */
    uint32_t stride; /* bytes to index at a time */
    uint64_t offset; /* of bytes[0] in the stream */
    uint64_t line;   /* of the next record, from 1 */
};

struct pl_records_setup {
    char delimiter; /* ' ': runs of spaces and tabs */
    char quote;     /* 0: none */
    bool multiline;
    uint32_t limit;
    uint32_t capacity; /* to begin with */
};

/* False without memory; pl_records_fini takes it all the same. */
bool pl_records_init(struct pl_records *records, const struct pl_records_setup *setup);
void pl_records_fini(struct pl_records *records);

/* Empty again: another stream, whose next byte is `offset` and stands in line `line` (0, 1: at its begin). */
void pl_records_restart(struct pl_records *records, uint64_t offset, uint64_t line);

/* Where the next bytes belong, and how many (at least 1 when pl_records_next asked for more). NULL without memory. */
char *pl_records_space(struct pl_records *records, size_t *room);
void pl_records_filled(struct pl_records *records, size_t count);
void pl_records_end(struct pl_records *records); /* no more bytes */

enum pl_records_state pl_records_refill(struct pl_records *records);
enum pl_records_state pl_records_refuse(const struct pl_records *records);
void pl_records_count_hidden(struct pl_records *records, uint32_t from, uint32_t end);

/* Puts the next record into view; `fields` of it. */
static inline enum pl_records_state pl_records_next(struct pl_records *records, uint32_t *fields) {
    if (PL_UNLIKELY(records->head == records->whole)) {
        enum pl_records_state state = pl_records_refill(records);
        if (state != PL_RECORDS_ONE) return state;
    }
    const uint32_t *ends = records->index + records->head;
    uint32_t n = 1;
    while (records->bytes[ends[n - 1]] != '\n')
        n++;
    if (PL_UNLIKELY(ends[n - 1] - records->from > records->limit || n > PL_FIELDS_MAX))
        return pl_records_refuse(records);
    *fields = n;
    return PL_RECORDS_ONE;
}

/* Field `i` of the record in view, out of `fields`. */
static inline const char *pl_records_field(const struct pl_records *records, uint32_t i, uint32_t fields,
                                           uint32_t *length) {
    const uint32_t *ends = records->index + records->head;
    uint32_t first = ends[(int32_t)i - 1] + 1, end = ends[i];
    if (i + 1 == fields) end -= end > first && records->bytes[end - 1] == '\r';
    *length = end - first;
    return records->bytes + first;
}

/* Done with the record in view. */
static inline void pl_records_take(struct pl_records *records, uint32_t fields) {
    uint32_t end = records->index[records->head + fields - 1];
    if (PL_UNLIKELY(records->scan.hidden)) pl_records_count_hidden(records, records->from, end);
    records->from = end + 1;
    records->head += fields;
    records->line++;
}

/* The first line of what lies ahead, as far as it is there, without its line end. */
const char *pl_records_line(const struct pl_records *records, uint32_t *length);

/* Done with that line. */
void pl_records_take_line(struct pl_records *records);

/* The same for a line that need not be a record: PL_RECORDS_ONE when it is done. */
enum pl_records_state pl_records_skip_line(struct pl_records *records);

/* Where the next record begins in the stream. */
static inline uint64_t pl_records_offset(const struct pl_records *records) {
    return records->offset + records->from - (records->made_end && records->from == records->to);
}

/* A quoted field's text into `out` (room of `length`), doubled quotes single; returns its length, UINT32_MAX when
 * something but the field's end follows the closing quote. */
uint32_t pl_records_unquote(const char *text, uint32_t length, char quote, char *out);

#endif
