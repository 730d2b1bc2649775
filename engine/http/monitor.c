#include "monitor.h"

#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "http/exchange.h"
#include "http/metrics.h"
#include "runtime/health.h"

enum { OK = 200, NOT_FOUND = 404, NOT_ALLOWED = 405, NOT_NOW = 503 };

struct pl_monitor {
    uint64_t begun;       /* uv_hrtime */
    pthread_mutex_t lock; /* of what follows; held while it is looked at */
    struct pl_engine *engine;
    struct pl_mover *mover; /* NULL: there is none */
    const char *why;
};

/* Names of its nodes are borrowed, too. */
static void begin(struct pl_monitor *monitor) {
    pthread_mutex_lock(&monitor->lock);
    if (monitor->engine) pl_engine_hold_wiring(monitor->engine);
}

static void end(struct pl_monitor *monitor) {
    if (monitor->engine) pl_engine_release_wiring(monitor->engine);
    pthread_mutex_unlock(&monitor->lock);
}

static void answer_metrics(void *arg, struct pl_http_reply *reply) {
    struct pl_monitor *monitor = arg;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    begin(monitor);
    pl_metrics_put(&reply->body, monitor->engine);
    end(monitor);
    pthread_mutex_lock(&monitor->lock); /* without the wiring: who changes it may hold what the mover has */
    if (monitor->mover) pl_metrics_put_graph(&reply->body, monitor->mover);
    pthread_mutex_unlock(&monitor->lock);
}

static void put_json(struct pl_http_reply *reply, json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    reply->type = "application/json";
    if (text) {
        pl_buffer_puts(&reply->body, text);
        pl_buffer_putc(&reply->body, '\n');
    } else {
        reply->body.failed = true;
    }
    free(text);
    json_decref(value);
}

/* Nothing of the engine is borrowed behind this but names of its nodes: the lock is held until they are told. */
static void look(struct pl_monitor *monitor, struct pl_health *health) {
    if (monitor->engine) {
        pl_health_look(monitor->engine, health);
    } else {
        memset(health, 0, sizeof *health);
        health->alive = true;
        pl_health_add(health, "no_engine", "", "%s", monitor->why);
    }
}

static void answer_health(void *arg, struct pl_http_reply *reply) {
    struct pl_monitor *monitor = arg;
    struct pl_health health;
    begin(monitor);
    look(monitor, &health);
    double silence = (double)health.silence / (double)PL_SECOND;
    double uptime = (double)(uv_hrtime() - monitor->begun) / (double)PL_SECOND;
    reply->status = health.alive ? OK : NOT_NOW;
    put_json(reply, health.alive ? json_pack("{s:s, s:s, s:f}", "status", "ok", "version", POTLINE_VERSION,
                                             "uptime_seconds", uptime)
                                 : json_pack("{s:s, s:s, s:f}", "status", "silent", "thread", health.thread,
                                             "silent_seconds", silence));
    end(monitor);
}

static json_t *reasons_of(const struct pl_health *health) {
    json_t *list = json_array();
    for (unsigned i = 0; i < health->count; i++) {
        const struct pl_health_reason *reason = &health->reasons[i];
        json_t *entry =
            json_pack("{s:s, s:s, s:s}", "reason", reason->what, "node", reason->node, "text", reason->text);
        json_array_append_new(list, entry);
    }
    return list;
}

static void answer_ready(void *arg, struct pl_http_reply *reply) {
    struct pl_monitor *monitor = arg;
    struct pl_health health;
    begin(monitor);
    look(monitor, &health);
    reply->status = health.count ? NOT_NOW : OK;
    put_json(reply, json_pack("{s:b, s:o}", "ready", health.count == 0, "reasons", reasons_of(&health)));
    end(monitor);
}

/* ---- Pages ---- */

static const struct page {
    const char *path;
    void (*answer)(void *arg, struct pl_http_reply *reply);
} pages[] = {{"/metrics", answer_metrics}, {"/healthz", answer_health}, {"/readyz", answer_ready}};

bool pl_monitor_answer(struct pl_monitor *monitor, struct pl_http_exchange *exchange) {
    const struct pl_http_request *request = pl_http_request(exchange);
    for (unsigned i = 0; i < PL_COUNT_OF(pages); i++) {
        if (strcmp(pages[i].path, request->path) != 0) continue;
        struct pl_http_reply reply;
        pl_http_reply_init(&reply, OK, "text/plain; charset=utf-8");
        pages[i].answer(monitor, &reply);
        pl_http_answer(exchange, &reply);
        return true;
    }
    return false;
}

static void refuse(struct pl_http_exchange *exchange, unsigned status, const char *text) {
    struct pl_http_reply reply;
    pl_http_reply_init(&reply, status, "text/plain; charset=utf-8");
    pl_buffer_puts(&reply.body, text);
    if (status == NOT_ALLOWED) pl_http_reply_header(&reply, "allow", "GET, HEAD");
    pl_http_answer(exchange, &reply);
}

static void handle(void *arg, struct pl_http_exchange *exchange) {
    unsigned refused = pl_http_request(exchange)->refused;
    if (refused)
        refuse(exchange, refused, refused == NOT_ALLOWED ? "only GET and HEAD\n" : "not understood\n");
    else if (!pl_monitor_answer(arg, exchange))
        refuse(exchange, NOT_FOUND, "not found\n");
}

enum pl_code pl_monitor_new(struct pl_monitor **monitor, struct pl_error **error) {
    struct pl_monitor *m = *monitor = PL_NEW(struct pl_monitor);
    if (!m) return pl_error_set(error, PL_NO_MEMORY, "no memory for a listener");
    m->begun = uv_hrtime();
    m->why = "it is being started";
    pthread_mutex_init(&m->lock, NULL);
    return PL_OK;
}

enum pl_code pl_monitor_listen(struct pl_monitor *monitor, struct pl_http_server *server, const char *address,
                               int *port, struct pl_error **error) {
    struct pl_http_listener listener = {.address = address, .handle = handle, .arg = monitor};
    return pl_http_listen(server, &listener, port, error);
}

void pl_monitor_free(struct pl_monitor *monitor) {
    if (!monitor) return;
    pthread_mutex_destroy(&monitor->lock);
    pl_free(monitor);
}

void pl_monitor_show(struct pl_monitor *monitor, struct pl_engine *engine, const char *why) {
    if (!monitor) return;
    pthread_mutex_lock(&monitor->lock);
    monitor->engine = engine;
    monitor->why = why;
    pthread_mutex_unlock(&monitor->lock);
}

void pl_monitor_graph(struct pl_monitor *monitor, struct pl_mover *mover) {
    if (!monitor) return;
    pthread_mutex_lock(&monitor->lock);
    monitor->mover = mover;
    pthread_mutex_unlock(&monitor->lock);
}
