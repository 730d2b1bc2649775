/* lines.h: a stream of lines, each a JSON object, as rows of samples, written straight into a batch.
 *
 *     for (;;) {
 *         switch (pl_lines_read(&lines, batch, &error)) {
 *         case PL_READER_MORE: ... pl_records_space(&lines.records), read, pl_records_filled or _end; break;
 *         case PL_READER_FULL: ... emit the batch, take one with room for pl_lines_rows_least; break;
 *         case PL_READER_REJECTED: ... count lines->reject; break;
 *         case PL_READER_END: case PL_READER_FAILED: ...
 *         }
 *     }
 *
 * The rows of a line stay together. A line that cannot be read is rejected as a whole, and reading goes on; a value
 * that is missing or is neither number nor state is a row all the same, NaN with PL_Q_BAD | PL_Q_MISSING. How the
 * stream is cut into pieces, and the rows into batches, has no influence on the rows. One thread.
 */
#ifndef POTLINE_LINES_H
#define POTLINE_LINES_H

#include "fields.h"
#include "reader.h"
#include "shape.h"

struct pl_codec;

/* Why a line was rejected: pl_reject.cause. */
enum pl_lines_cause {
    PL_LINES_ANY,
    PL_LINES_NOT_JSON,
    PL_LINES_TOO_LONG,
    PL_LINES_NOT_UTF8,
    PL_LINES_TOO_DEEP,
    PL_LINES_TWICE,
    PL_LINES_NO_TIME,
    PL_LINES_NO_TAG,
    PL_LINES_TOO_LARGE,
    PL_LINES_OTHER,
};

/* Counters of these, in their order. */
#define PL_LINES_COUNTERS                                                                                              \
    {"not_json", "records", "Malformed lines that are not one JSON object."},                                          \
        {"too_long", "records", "Malformed lines beyond max_line, or with more values than a batch takes."},           \
        {"not_utf8", "records", "Malformed lines that are not UTF-8."},                                                \
        {"too_deep", "records", "Malformed lines nested deeper than 32."},                                             \
        {"twice", "records", "Malformed lines with a field that stands there twice."},                                 \
        {"no_time", "records", "Malformed lines without a time that can be read."},                                    \
        {"no_tag", "records", "Malformed lines without a tag, or with what cannot be one."},                           \
        {"too_large", "records", "Malformed lines with a number that is too large."}, {                                \
        "other_kind", "records", "Malformed lines that hold rows of another kind than samples."                        \
    }

enum { PL__NAME_ROOM = 4 * PL_NAME_MAX };

struct pl_lines {
    const struct pl_shape *shape;
    struct pl_tags *tags;
    struct pl_records records;
    struct pl_names names;
    struct pl_values values;
    struct pl_stamp stamp;
    struct pl__fields fields;
    int time;        /* the role of the time in this stream, or PL__NO_ROLE: not decided yet */
    char *unescaped; /* strings of the line at hand; owned */
    size_t unescaped_room;
    char name[PL__NAME_ROOM + PL_SLACK]; /* the tag at hand, where it stands in several pieces */
    uint64_t *seen;                      /* by tag: the line that had it last; owned */
    uint32_t seen_room;
    uint64_t serial;        /* of the line at hand */
    uint32_t least;         /* the rows of the line that had most */
    struct pl_codec *codec; /* of the batch layout */
    struct pl_reject reject;
    const char *file; /* for messages; borrowed */
};

/* `shape` and `tags` are borrowed; `capacity` is the buffer's to begin with. False without memory; pl_lines_fini takes
 * it all the same. */
bool pl_lines_init(struct pl_lines *lines, const struct pl_shape *shape, struct pl_tags *tags, uint32_t capacity);
void pl_lines_fini(struct pl_lines *lines);

/* Begins a new stream, called `file` in messages (borrowed). Counts go on. */
void pl_lines_restart(struct pl_lines *lines, const char *file);

/* Rows into the batch (of samples), behind those it has. FULL: the next line does not fit. */
enum pl_reader_state pl_lines_read(struct pl_lines *lines, struct pl_batch *batch, struct pl_error **error);

struct pl_reader_position pl_lines_position(const struct pl_lines *lines);
void pl_lines_resume(struct pl_lines *lines, const struct pl_reader_position *position);

/* Lines that were refused, or repaired ones, as rows into a batch, all of them or none; `model` says how they are read
 * and does not move. PL_SYNTAX, PL_LIMIT: refused. */
enum pl_code pl_lines_again(const struct pl_lines *model, const void *bytes, size_t size, struct pl_batch *batch,
                            struct pl_error **error);

/* Rows that a batch has to have room for, as far as is known. */
static inline uint32_t pl_lines_rows_least(const struct pl_lines *lines) {
    return lines->least;
}

/* ---- Across the files of this folder ---- */

/* The line at hand on its way into a batch. */
struct pl__line {
    struct pl_json json;
    const char *text;
    uint32_t length;
    const struct pl_samples *to;
    uint32_t row;      /* the next */
    uint32_t capacity; /* rows from here on are counted, not written */
};

enum pl__line_state {
    PL__LINE_GOOD,
    PL__LINE_LEFT_OUT, /* by include and exclude */
    PL__LINE_REJECTED, /* reject has cause and reason */
    PL__LINE_FAILED,   /* without memory */
};

/* One for each layout: rows of the line behind line->row. */
enum pl__line_state pl__line_long(struct pl_lines *lines, struct pl__line *line);
enum pl__line_state pl__line_wide(struct pl_lines *lines, struct pl__line *line);
enum pl__line_state pl__line_whole(struct pl_lines *lines, struct pl__line *line);

/* Refuses a line: with a reason; for what the JSON reader or the search says of it; for a token of it. */
enum pl__line_state pl__line_refuse(struct pl_lines *lines, enum pl_lines_cause cause, const char *reason);
enum pl__line_state pl__line_refuse_text(struct pl_lines *lines, enum pl_lines_cause cause, const char *what,
                                         const char *text, uint32_t length);
enum pl__line_state pl__line_refuse_json(struct pl_lines *lines, const struct pl__line *line);

/* The time among the fields found. The first line that has one decides which field it is for the whole stream. */
enum pl__line_state pl__line_time(struct pl_lines *lines, const struct pl__found *found, pl_time *time);

/* A value, and its quality so far; false when it is a number that no double can hold. */
bool pl__line_value(struct pl_lines *lines, uint32_t tag, const struct pl__token *token, double *value,
                    uint16_t *quality);

/* Begins lines->name with the asset and a dot; false when the line has none, or a longer one than a name may be. */
bool pl__line_asset(struct pl_lines *lines, const struct pl__found *found, uint32_t *length);

#endif
