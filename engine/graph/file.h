/* file.h: the files that a graph is read from: the graph itself, includes, tables of records. */
#ifndef POTLINE_GRAPH_FILE_H
#define POTLINE_GRAPH_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"

enum { PL_FILE_SIZE_MAX = 16 << 20 };

struct pl_file {
    char *text; /* owned: pl_free; ends in 0 */
    size_t length;
    uint64_t device, inode; /* the same for the same file under another name */
};

/* Reads a whole file. Only where `pipe` is true may it be one (or a terminal, or "-" for standard input): reading those
 * may wait. False after an error, with a reason in *reason fit to follow the file's name ("no such file"). */
bool pl__file_read(const char *path, bool pipe, struct pl_file *file, const char **reason);

/* `path` as seen from the folder of the file `from`: what is absolute stays. NULL without memory. */
const char *pl__file_beside(struct pl_arena *arena, const char *from, const char *path);

/* For a file that is not there: one in the same folder whose name is like it. False: there is none. */
bool pl__file_nearest(const char *path, char *nearest, size_t room);

#endif
