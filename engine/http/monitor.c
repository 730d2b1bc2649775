#include "monitor.h"

#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "http/metrics.h"
#include "http/server.h"
#include "runtime/health.h"

enum { OK = 200, NOT_NOW = 503 };

struct pl_monitor {
    struct pl_http_server *server;
    uint64_t begun;       /* uv_hrtime */
    pthread_mutex_t lock; /* of what follows; held while it is looked at */
    struct pl_engine *engine;
    const char *why;
};

static void answer_metrics(void *arg, struct pl_http_reply *reply) {
    struct pl_monitor *monitor = arg;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    pthread_mutex_lock(&monitor->lock);
    pl_metrics_put(&reply->body, monitor->engine);
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
    pthread_mutex_lock(&monitor->lock);
    look(monitor, &health);
    double silence = (double)health.silence / (double)PL_SECOND;
    double uptime = (double)(uv_hrtime() - monitor->begun) / (double)PL_SECOND;
    reply->status = health.alive ? OK : NOT_NOW;
    put_json(reply, health.alive ? json_pack("{s:s, s:s, s:f}", "status", "ok", "version", POTLINE_VERSION,
                                             "uptime_seconds", uptime)
                                 : json_pack("{s:s, s:s, s:f}", "status", "silent", "thread", health.thread,
                                             "silent_seconds", silence));
    pthread_mutex_unlock(&monitor->lock);
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
    pthread_mutex_lock(&monitor->lock);
    look(monitor, &health);
    reply->status = health.count ? NOT_NOW : OK;
    put_json(reply, json_pack("{s:b, s:o}", "ready", health.count == 0, "reasons", reasons_of(&health)));
    pthread_mutex_unlock(&monitor->lock);
}

static const struct pl_http_route routes[] = {
    {"/metrics", answer_metrics}, {"/healthz", answer_health}, {"/readyz", answer_ready}, {NULL, NULL}};

enum pl_code pl_monitor_open(const char *address, struct pl_monitor **monitor, struct pl_error **error) {
    struct pl_monitor *m = *monitor = PL_NEW(struct pl_monitor);
    if (!m) return pl_error_set(error, PL_NO_MEMORY, "no memory for a listener");
    m->begun = uv_hrtime();
    m->why = "it is being started";
    pthread_mutex_init(&m->lock, NULL);
    struct pl_http_options options = {.address = address, .routes = routes, .arg = m};
    enum pl_code code = pl_http_open(&options, &m->server, error);
    if (!code) return PL_OK;
    pl_monitor_close(m);
    *monitor = NULL;
    return code;
}

int pl_monitor_port(const struct pl_monitor *monitor) {
    return pl_http_port(monitor->server);
}

void pl_monitor_close(struct pl_monitor *monitor) {
    if (!monitor) return;
    pl_http_close(monitor->server);
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
