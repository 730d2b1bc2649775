/* draw.h: a graph as a picture: text that Mermaid or Graphviz draw, or JSON for programs. */
#ifndef POTLINE_GRAPH_DRAW_H
#define POTLINE_GRAPH_DRAW_H

#include <stdio.h>

#include "graph.h"

enum pl_drawing { PL_DRAW_MERMAID, PL_DRAW_DOT, PL_DRAW_JSON };
extern const char *const pl_drawing_names[]; /* "mermaid", "dot", "json"; ends in NULL */

/* False without memory. */
bool pl_graph_draw(const struct pl_graph *graph, enum pl_drawing drawing, FILE *out);

#endif
