#include "topic.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "base/clock.h"

static const pl_time LINGER = 60 * PL_SECOND;

struct pl__delivery {
    struct pl__topic *topic;
    enum pl_answer_status status;
    uint64_t dropped;
    uint32_t count;
    size_t size;
    char *why;
    struct pl_http_posted posted;
    uint8_t rows[];
};

static void free_topic(struct pl__topic *topic) {
    pl__ring_fini(&topic->rows);
    pl_ask_unref(topic->ask);
    pl_free(topic->last);
    pl_free(topic);
}

static void end_topic(struct pl__topic *topic, const char *why) {
    pl__push_ended(topic, why);
    pl_ask_unref(topic->ask); /* its last answer is still to come */
    topic->ask = NULL;
    topic->name[0] = 0;
}

static void remove_topic(struct pl__topic *topic) {
    for (unsigned i = 0; i < PL__TOPICS; i++)
        if (topic->push->topics[i] == topic) topic->push->topics[i] = NULL;
    free_topic(topic);
}

/* ---- What the tap tells ---- */

static void take_rows(struct pl__topic *topic, const struct pl__delivery *delivery) {
    struct pl_unpack in;
    pl_unpack_init(&in, delivery->rows, delivery->size);
    for (uint32_t i = 0; i < delivery->count; i++) {
        const uint8_t *begin = in.at;
        if (!pl_unpack_skip(&in)) return;
        pl__ring_add(&topic->rows, begin, (size_t)(in.at - begin));
    }
}

static void deliver(void *arg) { /* on the server's thread */
    struct pl__delivery *delivery = arg;
    struct pl__topic *topic = delivery->topic;
    take_rows(topic, delivery);
    topic->dropped = delivery->dropped;
    topic->stands |= delivery->status == PL_ANSWER_MORE && !delivery->count;
    if (delivery->status == PL_ANSWER_MORE) {
        pl__push_rows(topic);
    } else {
        end_topic(topic, delivery->why ? delivery->why : "the output has ended");
        remove_topic(topic);
    }
    pl_free(delivery->why);
    pl_free(delivery);
}

static void told(void *arg, const struct pl_ask_reply *reply) { /* on the control thread */
    struct pl__topic *topic = arg;
    bool more = reply->status == PL_ANSWER_MORE;
    size_t size = more ? reply->size : 0;
    struct pl__delivery *delivery = more ? pl_alloc(sizeof *delivery + size) : topic->last;
    if (!delivery) return; /* rows that there is no memory for */
    if (!more) topic->last = NULL;
    delivery->posted = (struct pl_http_posted){.waits = false};
    delivery->topic = topic;
    delivery->status = reply->status;
    delivery->dropped = reply->dropped;
    delivery->count = more ? reply->count : 0;
    delivery->size = size;
    if (size) memcpy(delivery->rows, reply->rows, size);
    delivery->why = reply->error ? pl_strdup(reply->error) : NULL;
    pl_http_post(topic->push->rest->options.server, &delivery->posted, deliver, delivery);
}

/* ---- Beginning ---- */

static enum pl_code tap(struct pl__topic *topic, const struct pl__call *call, struct pl_error **error) {
    char node[PL__TOPIC_NAME + 8], origin[PL_ASK_ORIGIN];
    struct pl_rest *rest = topic->push->rest;
    snprintf(node, sizeof node, "--node=%s", topic->name);
    snprintf(origin, sizeof origin, "http %s", call->request->peer);
    const char *words[] = {"tap", node};
    struct pl_ask_options options = {.words = words,
                                     .count = 2,
                                     .who = call->who,
                                     .origin = origin,
                                     .correlation = call->correlation,
                                     .reply = told,
                                     .arg = topic};
    if (!pl__rest_enter(rest)) return PL_UNAVAILABLE;
    enum pl_code code = pl_control_ask(rest->control, &options, &topic->ask, error);
    pl__rest_leave(rest);
    return code;
}

enum pl_code pl__topic_open(struct pl__push *push, const struct pl__call *call, const char *name,
                            struct pl__topic **topic, struct pl_error **error) {
    struct pl__topic **place = NULL;
    for (unsigned i = 0; i < PL__TOPICS; i++) {
        struct pl__topic *one = push->topics[i];
        if (one && strcmp(one->name, name) == 0) return *topic = one, PL_OK;
        if (!one && !place) place = &push->topics[i];
    }
    if (!place) return pl_error_set(error, PL_BUSY, "too many outputs are listened to");
    struct pl__topic *made = PL_NEW(struct pl__topic);
    if (made) made->last = PL_NEW(struct pl__delivery);
    if (!made || !made->last) {
        pl_free(made);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a stream");
    }
    made->push = push;
    made->left = pl_clock_monotonic();
    pl__ring_init(&made->rows);
    snprintf(made->name, sizeof made->name, "%s", name);
    enum pl_code code = tap(made, call, error);
    if (code) {
        free_topic(made);
        return code;
    }
    *topic = *place = made;
    return PL_OK;
}

void pl__topics_tick(struct pl__push *push, pl_time now) {
    for (unsigned i = 0; i < PL__TOPICS; i++) {
        struct pl__topic *topic = push->topics[i];
        if (topic && topic->ask && !topic->listeners && now - topic->left > LINGER) end_topic(topic, "");
    }
}

void pl__topics_end(struct pl__push *push, const char *why) {
    for (unsigned i = 0; i < PL__TOPICS; i++)
        if (push->topics[i] && push->topics[i]->ask) end_topic(push->topics[i], why);
}

void pl__topics_free(struct pl__push *push) {
    for (unsigned i = 0; i < PL__TOPICS; i++)
        if (push->topics[i]) free_topic(push->topics[i]);
}
