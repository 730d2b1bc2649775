/* writing.h: a sink that writes rows as lines to a file, a pipe or standard output, whatever a line looks like.
 *
 *     process --> format --> outlet --> descriptor
 *
 * What one turn of the loop brings leaves in one write at its end, or as soon as there is much of it. A pipe that takes
 * no more makes the node busy, as does a full disk; the batch at hand waits where it stands. The plugin's node calls
 * the functions below from the callbacks of the same names. One thread.
 */
#ifndef POTLINE_WRITING_H
#define POTLINE_WRITING_H

#include <potline/operator.h>

#include "outlet.h"
#include "output.h"

struct pl_later;
struct pl_turn;
struct pl_watch;

/* What makes lines of rows; `writer` is what pl_file_open was given. */
struct pl_writing_format {
    /* Bytes that a row takes at most. */
    size_t (*room)(const void *writer, const struct pl_batch *batch, uint32_t row);

    /* Writes rows from *row on, as many as have room, and moves *row on; *used are the bytes. False without memory. */
    bool (*rows)(void *writer, const struct pl_batch *batch, uint32_t *row, char *text, size_t size, size_t *used);

    /* What a file begins with: `header` writes at most `header_room` bytes and returns their end. 0: nothing. */
    size_t (*header_room)(const void *writer);
    char *(*header)(const void *writer, char *at);

    /* What is still to be written at the end of all, the same way; NULL: never anything. */
    size_t (*rest_room)(const void *writer);
    char *(*rest)(void *writer, char *at);
};

struct pl_file {
    /* Options. */
    const char *path;
    uint32_t mode;

    const struct pl_writing_format *format;
    void *writer;
    struct pl_node *node;
    struct pl_output output;
    struct pl_outlet outlet;
    struct pl_watch *watch; /* NULL: a file, which always takes bytes */
    struct pl_turn *turn;
    struct pl_later *later; /* NULL: the disk has never been full */
    bool full;              /* it is just now: what is to be written waits */
    struct pl_batch *batch; /* at hand; NULL: none */
    uint32_t row;           /* of it, the next one */
    uint64_t offset;        /* of the file where this run's first byte went */
    uint64_t epoch;         /* that it was opened in */
    bool writes_on;         /* behind what is there, which is kept in mind until a checkpoint is */
    bool began;             /* in this epoch, in a life before this one: at `offset` */
    bool stopping;
    bool failed;
};

extern const char *const pl_file_modes[];

/* clang-format off */
#define PL_FILE_OPTIONS(S, at)                                                                                         \
    PL_OPT_PATH(S, at.path, "path", NULL, PL_STATE, "File, named pipe, or - for standard output."),                    \
    PL_OPT_CHOICE(S, at.mode, "mode", "truncate", pl_file_modes, PL_FIXED,                                             \
        "What becomes of a file that is there: emptied, written on, or replaced when the new one is complete (which is called PATH.part until then). Only a run that begins from nothing (a new data folder, --fresh) empties or replaces anything: a sink that is new, reset or taken back in a run that goes on writes on what is there.")
/* clang-format on */

#define PL_FILE_GUARANTEE                                                                                              \
    "A file: each row once. A checkpoint says how far it was written, and syncs it; after a death what is behind "     \
    "that "                                                                                                            \
    "is cut off and written again. The place holds for that path only: with another one the sink starts afresh "       \
    "(--reset), behind what is there. A pipe or standard output: rows behind the last checkpoint come again."

void pl_file_check(const struct pl_file *file, struct pl_check *check);

/* pl_file_close follows after failure too, and before the writer goes. */
enum pl_code pl_file_open(struct pl_file *file, struct pl_node *node, const struct pl_writing_format *format,
                          void *writer, struct pl_error **error);
void pl_file_close(struct pl_file *file);

enum pl_flow pl_file_process(struct pl_file *file, struct pl_batch *batch);
void pl_file_stop(struct pl_file *file);

void pl_file_snapshot(struct pl_file *file, struct pl_pack *pack);
enum pl_code pl_file_restore(struct pl_file *file, struct pl_unpack *unpack, struct pl_error **error);

#endif
