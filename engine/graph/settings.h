/* settings.h: the option tables of what is no operator: the graph itself, its tags, and what every node has. */
#ifndef POTLINE_GRAPH_SETTINGS_H
#define POTLINE_GRAPH_SETTINGS_H

#include "graph.h"
#include "options.h"
#include "source.h"

enum { PL_GRAPH_VERSION = 1 }; /* of the language: `potline: 1` */

extern const struct pl_option pl__graph_options[];  /* struct pl_graph_settings */
extern const struct pl_option pl__node_options[];   /* struct pl_node_settings, of every node */
extern const struct pl_option pl__source_options[]; /* the same struct: of nodes without inputs */
extern const struct pl_option pl__sink_options[];   /* the same struct: of nodes without outputs */
extern const struct pl_option pl__inner_options[];  /* the same struct: of nodes with inputs */
extern const struct pl_option pl__tag_options[];    /* struct pl_tag_record */

struct pl_tag_record {
    struct pl_tag_rule rule;
    struct pl_strings range; /* [low, high], instead of the two by themselves */
};

extern const char *const pl__graph_keys[]; /* of a graph file besides pl__graph_options; ends in NULL */
extern const char *const pl__node_keys[];  /* of a node besides its options; ends in NULL */

/* The settings of a graph, and its tag rules; what is wrong is reported. */
void pl__settings_read(struct pl_yaml_context *yaml, const struct pl_source *source, struct pl_graph *graph);

/* "lower-case", of letters, digits, '-' and '_' that a name of a node may have. */
bool pl__name_fits(const char *name);
enum { PL_NODE_NAME_MAX = 63 };

#endif
