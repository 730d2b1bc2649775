/* writer.h: rows of a batch as lines of delimited text.
 *
 *     pl_writer_init(&writer, kind, &options, tags, &error);
 *     at = pl_writer_header(&writer, at);
 *     at += pl_writer_rows(&writer, batch, &row, at, end - at);
 *
 * Columns are those of the kind (time, tag, value, ...), times also as whole nanoseconds (time_ns), and `asset` and
 * `unit` of a tag. A number is written as short as it reads back the same, or with fixed decimals. Neighbouring rows
 * have much in common, so the writer remembers: the text of the last second, of the last quality, of every tag, and how
 * many decimals a tag's values take. One thread.
 */
#ifndef POTLINE_WRITER_H
#define POTLINE_WRITER_H

#include <potline/operator.h>

enum { PL_WRITER_COLUMNS_MAX = 32 };

/* How text is written, as the options of a sink say it. */
struct pl_writing {
    struct pl_strings columns;
    bool header;
    int64_t decimals;
    const char *delimiter;
    const char *missing;
};

/* clang-format off */
#define PL_WRITING_OPTIONS(S, at)                                                                                      \
    PL_OPT_STRINGS(S, at.columns, "columns", "[]", PL_FIXED,                                                           \
        "Columns in their order: those of the kind, times with _ns for whole nanoseconds, asset, unit. By default time_ns, tag, value for samples; start_ns, tag, count, mean, min, max, last for windows."), \
    PL_OPT_BOOL(S, at.header, "header", "true", PL_FIXED, "Begin with a line of column names."),                      \
    PL_OPT_INT(S, at.decimals, "decimals", "-1", "-1", "9", PL_FIXED,                                                  \
        "Decimals of a number; -1: as many as it needs to read back the same."),                                       \
    PL_OPT_STRING(S, at.delimiter, "delimiter", ",", PL_FIXED, "One character between fields, or tab."),               \
    PL_OPT_STRING(S, at.missing, "missing", "", PL_FIXED, "What is written for a missing number.")
/* clang-format on */

struct pl_writer_name;

struct pl_writer_column {
    const char *name;
    uint8_t form; /* enum form of writer.c */
    uint8_t index;
};

struct pl_writer {
    const struct pl_writing *writing;
    struct pl_tags *tags;
    enum pl_kind kind;
    char delimiter;
    uint32_t column_count;
    struct pl_writer_column column[PL_WRITER_COLUMNS_MAX];
    uint32_t fixed_room;          /* of a row, but for its heaps */
    struct pl_writer_name *names; /* by id; owned */
    uint32_t name_count;
    bool has_heap;
    bool failed; /* without memory for a name */
    int64_t second;
    char second_text[16];
    uint32_t quality; /* the last one, or more than 16 bits */
    uint32_t quality_length;
    char quality_text[160];
};

/* The rules across these options, for an operator's `check`. */
void pl_writing_check(const struct pl_writing *writing, struct pl_check *check);

/* `writing` and `tags` are borrowed. Call pl_writer_fini after failure too. */
enum pl_code pl_writer_init(struct pl_writer *writer, enum pl_kind kind, const struct pl_writing *writing,
                            struct pl_tags *tags, struct pl_error **error);
void pl_writer_fini(struct pl_writer *writer);

/* Kinds that can be written. */
#define PL_WRITER_KINDS (PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS) | PL_SET(PL_SETPOINTS) | PL_SET(PL_EVENTS))

size_t pl_writer_header_room(const struct pl_writer *writer);
char *pl_writer_header(const struct pl_writer *writer, char *at);

/* Bytes that a row takes at most. */
size_t pl_writer_room(const struct pl_writer *writer, const struct pl_batch *batch, uint32_t row);

/* Writes rows from *row on, as many as have room, and moves *row on; returns the bytes. Without memory for a name
 * `failed` is set, and the last row is not whole. */
size_t pl_writer_rows(struct pl_writer *writer, const struct pl_batch *batch, uint32_t *row, char *text, size_t size);

/* A number as short as it reads back the same, exactly pl_text_put_f64's digits without an exponent where there are
 * few. *decimals is what numbers of that source took before, to begin with. */
char *pl_writer_number(char *at, double value, uint8_t *decimals);

#endif
