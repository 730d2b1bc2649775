/* reading.h: a source that reads files, pipes or standard input one after the other, whatever their lines mean.
 *
 *     struct source { struct pl_reading reading; ... my reader ... };
 *
 *     static const struct pl_option options[] = {
 *         PL_READING_PATH(struct source, reading), ..., PL_READING_OPTIONS(struct source, reading), PL_OPT_END };
 *
 *     open:     make the reader, then pl_reading_open(&s->reading, node, &format, s, error)
 *     produce:  return pl_reading_produce(&s->reading)
 *
 * The reader's buffer is a pl_records; what it makes of the lines is behind the functions of its format. State: the
 * byte behind the last row that was given. One thread.
 */
#ifndef POTLINE_READING_H
#define POTLINE_READING_H

#include "files.h"
#include "input.h"
#include "reader.h"
#include "rejects.h"

struct pl_reading;
struct pl_follow;
struct pl_watch;

/* What makes rows of the bytes; `reader` is what pl_reading_open was given. */
struct pl_reading_format {
    /* Begins a new stream, called `file` in messages (borrowed). Counts go on. */
    void (*restart)(void *reader, const char *file);

    /* Reads up to the first row, so that what does not fit is told before any row has left: FULL, MORE, END or FAILED.
     * NULL: there is nothing to be known before. */
    enum pl_reader_state (*prepare)(void *reader, struct pl_error **error);

    /* Rows into the batch, behind those it has. */
    enum pl_reader_state (*read)(void *reader, struct pl_batch *batch, struct pl_error **error);

    /* Where it stands, and going on there; `resume` may choose an earlier byte. */
    struct pl_reader_position (*position)(const void *reader);
    void (*resume)(void *reader, struct pl_reader_position *position);

    uint32_t (*rows_least)(const void *reader); /* rows that a batch has to have room for */

    /* Bytes that were refused before: all of their rows into the batch, or none; nothing else changes. PL_SYNTAX,
     * PL_LIMIT: refused; PL_UNAVAILABLE: not now. */
    enum pl_code (*again)(const void *reader, const void *bytes, size_t size, struct pl_batch *batch,
                          struct pl_error **error);
};

/* What the driver looks at in a reader. */
struct pl_reading_parts {
    struct pl_records *records;
    const struct pl_reject *reject;
    const struct pl_reader_counts *counts;
};

struct pl_reading {
    /* Options. */
    struct pl_strings path;
    uint32_t compression;
    bool follow;
    uint32_t on_error;
    int64_t batch;

    const struct pl_reading_format *format;
    void *reader;
    struct pl_reading_parts parts;
    struct pl_node *node;
    struct pl_files files;
    uint32_t file; /* the one at hand */
    struct pl_input input;
    struct pl_watch *watch;
    struct pl_follow *follower;
    struct pl_rejects rejects;
    struct pl_reader_counts told; /* of the reader's counts */
    pl_time last;                 /* the time of the last row */
};

extern const char *const pl_reading_compressions[];
extern const char *const pl_reading_on_errors[];

/* clang-format off */
#define PL_READING_PATH(S, at)                                                                                         \
    PL_OPT_STRINGS(S, at.path, "path", NULL, PL_FIXED,                                                                 \
        "File, pattern (sorted by name), named pipe, or - for standard input; several are read in order.")
#define PL_READING_OPTIONS(S, at)                                                                                      \
    PL_OPT_CHOICE(S, at.compression, "compression", "auto", pl_reading_compressions, PL_FIXED,                         \
        "How the files are packed; auto looks at their first bytes."),                                                 \
    PL_OPT_BOOL(S, at.follow, "follow", "false", PL_FIXED,                                                             \
        "Wait for the file to grow, to be cut or to be replaced by another of its name, instead of ending."),          \
    PL_OPT_CHOICE(S, at.on_error, "on_error", "skip", pl_reading_on_errors, PL_FIXED,                                  \
        "A record that cannot be read: skip it (counted, shown, sent to `rejected`), or stop the node."),              \
    PL_OPT_INT(S, at.batch, "batch", "4096", "1", "8192", PL_FIXED, "Rows in a batch, at most.")

/* The counters of such a source; behind them may stand those of pl_reject.cause, from 1. */
#define PL_READING_COUNTERS                                                                                            \
    {"malformed", "records", "Records that could not be read."}, {"missing", "rows", "Rows without a value."},         \
    {"not_numbers", "rows", "Rows whose value was neither a number nor a state; they are missing too."},               \
    {"left_out", "rows", "Rows left out by include and exclude."},                                                     \
    {"cuts", "times", "How often the followed file was cut short."}

#define PL_READING_OUTPUTS                                                                                             \
    PL_PORTS({.name = "out", .kinds = PL_SET(PL_SAMPLES), .doc = "The samples."},                                      \
             {.name = "rejected", .kinds = PL_SET(PL_EVENTS), .doc = "Malformed records, one event each."})
/* clang-format on */

#define PL_READING_GUARANTEE                                                                                           \
    "Each row once: the log keeps with the rows how far the file was read, and which file it was. Standard input and " \
    "pipes cannot be read again: what a dead engine had taken and not logged is lost."

/* The rules across the options, for an operator's `check`. */
void pl_reading_check(const struct pl_reading *reading, struct pl_check *check);

/* Opens the first file and prepares the reader, which is ready to restart. pl_reading_close follows after failure too,
 * and before the reader goes. */
enum pl_code pl_reading_open(struct pl_reading *reading, struct pl_node *node, const struct pl_reading_format *format,
                             void *reader, struct pl_reading_parts parts, struct pl_error **error);
void pl_reading_close(struct pl_reading *reading);

enum pl_flow pl_reading_produce(struct pl_reading *reading);

/* For an operator's `inject`. */
enum pl_code pl_reading_inject(struct pl_reading *reading, const void *bytes, size_t size, struct pl_error **error);

void pl_reading_snapshot(const struct pl_reading *reading, struct pl_pack *pack);
enum pl_code pl_reading_restore(struct pl_reading *reading, struct pl_unpack *unpack, struct pl_error **error);

#endif
