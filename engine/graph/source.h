/* source.h: what the files of a graph say together: read, expanded, and merged through `include` and `groups`.
 *
 * An included file brings nodes, tags and groups; settings stand in the graph file itself. Its own path is what its
 * relative files are relative to. A file that is included twice counts once.
 */
#ifndef POTLINE_GRAPH_SOURCE_H
#define POTLINE_GRAPH_SOURCE_H

#include "expand.h"

enum { PL_INCLUDE_DEPTH_MAX = 8, PL_INCLUDE_FILES_MAX = 256 };

struct pl_source {
    struct pl_yaml *root;  /* the map of the graph file; NULL when there is none */
    struct pl_yaml *nodes; /* MAP: of included files first, then the file's own, then those of its groups */
    bool lost;             /* some nodes could not be read: that a name is not there says nothing */
    struct pl_yaml *tags;  /* LIST of records: the file's own first, as the first rule that fits a tag holds */
};

/* `text` may be NULL: the file at `path` is read. `checking` as in expand.h. Problems are reported; without memory
 * members may be NULL. */
void pl__source_load(struct pl_yaml_context *yaml, bool checking, const char *path, const char *text, size_t length,
                     struct pl_source *source);

#endif
