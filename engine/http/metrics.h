/* metrics.h: what an engine counts, as Prometheus reads it (text format 0.0.4).
 *
 * Names and texts are rows of tables: of the engine here, of operators in their descriptors' counters and gauges, so
 * that each is declared once and is in `stats` and here.
 *
 *     potline_node_rows_in_total{node="clean",op="cleanse"} 1200
 *     potline_operator_cleanse_out_of_range_total{node="clean"} 3
 */
#ifndef POTLINE_HTTP_METRICS_H
#define POTLINE_HTTP_METRICS_H

#include "base/buffer.h"
#include "runtime/mover.h"

/* Which graph it is that runs, and how often it was changed. Any thread. */
void pl_metrics_put_graph(struct pl_buffer *out, struct pl_mover *mover);

/* Any thread, while the engine is there; NULL: only what is of the process. */
void pl_metrics_put(struct pl_buffer *out, struct pl_engine *engine);

/* ---- Between the files ---- */

enum pl__metric_type { PL__COUNTER, PL__GAUGE, PL__HISTOGRAM };

void pl__metric_head(struct pl_buffer *out, const char *name, enum pl__metric_type type, const char *help);
/* "NAME{LABEL="VALUE",...} NUMBER"; labels are pairs up to a NULL; NULL: there are none. */
void pl__metric_put(struct pl_buffer *out, const char *name, double value, const char *const *labels);
#define PL__LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
/* A head and one sample without labels. */
void pl__metric_one(struct pl_buffer *out, const char *name, enum pl__metric_type type, const char *help, double value);

void pl__metrics_nodes(struct pl_buffer *out, const struct pl_engine *engine);
void pl__metrics_engine(struct pl_buffer *out, struct pl_engine *engine);
void pl__metrics_process(struct pl_buffer *out);

#endif
