/* set.h: --set NODE.OPTION=VALUE, put into what was read as if it stood in the file. */
#ifndef POTLINE_GRAPH_SET_H
#define POTLINE_GRAPH_SET_H

#include "source.h"

/* NODE.OPTION=VALUE or, where there is no such node, OPTION=VALUE of the graph itself; options of groups by
 * NODE.GROUP.OPTION. A value that starts with '[' or '{' is YAML, another one is taken as it stands. */
void pl__set_apply(struct pl_yaml_context *yaml, struct pl_source *source, const char *set);

/* The same for each entry of a map from another file, which is copied: { clean.spike.k: 4 }. NULL: none. */
void pl__set_apply_map(struct pl_yaml_context *yaml, struct pl_source *source, const struct pl_yaml *map);

#endif
