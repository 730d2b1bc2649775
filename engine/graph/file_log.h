/* file_log.h: the files that a graph is read from are remembered, one behind the other; and given again, in place of
 * those that are there now, to read the same graph once more.
 *
 * They come in the same order each time, as the same text asks for them. One that would be another file than it was (an
 * environment variable in an include says something else) is not there.
 */
#ifndef POTLINE_GRAPH_FILE_LOG_H
#define POTLINE_GRAPH_FILE_LOG_H

#include "base/file_text.h"
#include "file.h"

struct pl_file_log {
    struct pl_arena *arena;
    const struct pl_file_text *given; /* NULL: files are read */
    unsigned given_count;
    struct pl_file_text *files; /* in the arena, as all of their texts */
    unsigned count, room;
};

/* pl__file_read by way of the log (NULL: without one). The text is owned. */
bool pl__file_log_read(struct pl_file_log *log, const char *path, bool pipe, struct pl_file *file, const char **reason);

/* A text that came by another way. */
void pl__file_log_note(struct pl_file_log *log, const char *path, const char *text, size_t length);

#endif
