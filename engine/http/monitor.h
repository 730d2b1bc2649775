/* monitor.h: a running engine, shown to those who watch over it: a listener with three pages.
 *
 *     GET /metrics   Prometheus' text format 0.0.4
 *     GET /healthz   200 while the process works, 503 when a thread of the engine does not answer; JSON
 *     GET /readyz    200 when every node is open and the log takes rows, else 503 and why; JSON
 *
 * It outlives the engine that it shows: one is made anew when a process of a node dies, and before there is one,
 * /readyz says so.
 */
#ifndef POTLINE_HTTP_MONITOR_H
#define POTLINE_HTTP_MONITOR_H

#include "runtime/engine.h"

struct pl_monitor;

enum pl_code pl_monitor_open(const char *address, struct pl_monitor **monitor, struct pl_error **error);
int pl_monitor_port(const struct pl_monitor *monitor);
void pl_monitor_close(struct pl_monitor *monitor); /* NULL is fine */

/* The engine that is shown from now on; when this returns, the one before is not looked at any more. NULL: there is
 * none, since `why`, a static text. A NULL monitor is fine. */
void pl_monitor_show(struct pl_monitor *monitor, struct pl_engine *engine, const char *why);

#endif
