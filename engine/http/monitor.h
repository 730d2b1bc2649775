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

#include "http/server.h"
#include "runtime/engine.h"
#include "runtime/mover.h"

struct pl_monitor;

enum pl_code pl_monitor_new(struct pl_monitor **monitor, struct pl_error **error);
/* A listener of its own, with nothing else. */
enum pl_code pl_monitor_listen(struct pl_monitor *monitor, struct pl_http_server *server, const char *address,
                               int *port, struct pl_error **error);
/* Answers one of the pages; false: it is none of them, and is the caller's still. */
bool pl_monitor_answer(struct pl_monitor *monitor, struct pl_http_exchange *exchange);
void pl_monitor_free(struct pl_monitor *monitor); /* behind the server's end; NULL is fine */

/* Who changes the graph of the engines that are shown; NULL: nobody does any more. A NULL monitor is fine. */
void pl_monitor_graph(struct pl_monitor *monitor, struct pl_mover *mover);

/* The engine that is shown from now on; when this returns, the one before is not looked at any more. NULL: there is
 * none, since `why`, a static text. A NULL monitor is fine. */
void pl_monitor_show(struct pl_monitor *monitor, struct pl_engine *engine, const char *why);

#endif
