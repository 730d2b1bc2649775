#include "client.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <potline/alloc.h>

#include "watch.h"

struct pl__client {
    rd_kafka_t *handle;
    struct pl_node *node;
    void (*ready)(void *user);
    void *user;
    int bell;
    struct pl_watch *watch;
    uv_work_t request;
    struct pl__job job;
    void *task;
    bool works;
    bool gone; /* atomic: freed by its owner; what is left is to end it */
    void (*last)(rd_kafka_t *handle, void *task);
    void *last_task;
};

bool pl__is_away(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__RESOLVE: return true;
    default: return false;
    }
}

/* ---- The bell ---- */

static void on_bell(void *user) {
    struct pl__client *client = user;
    uint64_t rung;
    while (read(client->bell, &rung, sizeof rung) < 0 && errno == EINTR) {
    }
    pl_watch_for(client->watch, PL_WATCH_READ);
    client->ready(client->user);
}

void pl__client_ring_for(struct pl__client *client, rd_kafka_queue_t *queue) {
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, client->bell, &one, sizeof one);
    /* What is in it already rings no more. */
    while (write(client->bell, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* ---- Jobs ---- */

static void dispose_now(struct pl__client *client);

static void work(uv_work_t *request) {
    struct pl__client *client = request->data;
    client->job.work(client->handle, client->task, &client->gone);
}

static void free_task(struct pl__client *client) {
    if (client->job.free)
        client->job.free(client->task);
    else
        pl_free(client->task);
    client->task = NULL;
}

static void after_work(uv_work_t *request, int status) {
    struct pl__client *client = request->data;
    (void)status;
    client->works = false;
    if (client->gone) {
        free_task(client);
        dispose_now(client);
        return;
    }
    /* `done` may begin the next job, or free the client. */
    struct pl__job job = client->job;
    void *task = client->task;
    client->task = NULL;
    job.done(client->user, task);
    if (job.free)
        job.free(task);
    else
        pl_free(task);
}

void pl__client_job(struct pl__client *client, const struct pl__job *job, void *task) {
    client->job = *job;
    client->task = task;
    client->works = true;
    client->request.data = client;
    uv_queue_work(pl_node_loop(client->node), &client->request, work, after_work);
}

bool pl__client_works(const struct pl__client *client) {
    return client->works;
}

/* ---- Life ---- */

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)handle;
    (void)level;
    pl_diag(PL_DEBUG, "librdkafka: %s: %s", facility, text);
}

/* Called by librdkafka's threads otherwise, and by default on standard error. */
static rd_kafka_t *new_handle(rd_kafka_type_t type, rd_kafka_conf_t **conf, struct pl_error **error) {
    char text[512];
    rd_kafka_conf_set_log_cb(*conf, on_log);
    rd_kafka_conf_set_events(*conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    rd_kafka_t *handle = rd_kafka_new(type, *conf, text, sizeof text);
    if (handle)
        *conf = NULL;
    else
        pl_error_set(error, PL_UNAVAILABLE, "no client of Kafka: %s", text);
    return handle;
}

struct pl__client *pl__client_new(rd_kafka_type_t type, rd_kafka_conf_t **conf, struct pl_node *node,
                                  void (*ready)(void *user), void *user, struct pl_error **error) {
    struct pl__client *client = PL_NEW(struct pl__client);
    int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct pl_watch *watch = client && bell >= 0 ? pl_watch_new(pl_node_loop(node), bell, on_bell, client) : NULL;
    rd_kafka_t *handle = NULL;
    if (watch)
        handle = new_handle(type, conf, error);
    else
        pl_error_set(error, PL_NO_MEMORY, "no memory, or no descriptor, for a client of Kafka");
    if (!handle) {
        pl_watch_free(watch);
        if (bell >= 0) close(bell);
        if (*conf) rd_kafka_conf_destroy(*conf);
        *conf = NULL;
        pl_free(client);
        return NULL;
    }
    *client =
        (struct pl__client){.handle = handle, .node = node, .ready = ready, .user = user, .bell = bell, .watch = watch};
    pl_watch_for(watch, PL_WATCH_READ);
    return client;
}

rd_kafka_t *pl__client_handle(const struct pl__client *client) {
    return client->handle;
}

static void end_handle(uv_work_t *request) {
    struct pl__client *client = request->data;
    if (client->last) client->last(client->handle, client->last_task);
    rd_kafka_destroy(client->handle);
}

static void after_end(uv_work_t *request, int status) {
    struct pl__client *client = request->data;
    (void)status;
    close(client->bell);
    pl_free(client);
}

static void dispose_now(struct pl__client *client) {
    client->request.data = client;
    uv_queue_work(pl_node_loop(client->node), &client->request, end_handle, after_end);
}

void pl__client_free(struct pl__client *client, void (*last)(rd_kafka_t *handle, void *task), void *task) {
    if (!client) return;
    __atomic_store_n(&client->gone, true, __ATOMIC_RELAXED);
    client->last = last;
    client->last_task = task;
    pl_watch_free(client->watch);
    client->watch = NULL;
    if (!client->works) dispose_now(client);
}
