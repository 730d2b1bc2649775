/* push.c: rows of a node's output as server-sent events, with numbers to go on from.
 *
 *     tap --rows--> topic: ring of the last rows | the last row of each key --> subscribers, as fast as each can take
 *
 * An output is tapped once, however many listen; it stays tapped for a while without anybody, so that who was cut off
 * misses nothing. An event's id is RUN-NUMBER: with Last-Event-ID a subscriber goes on behind it, or is told with
 * `gap` that rows are missing. With `every` only the newest row of each tag or asset is sent, that often, and `pass`
 * ends each round. What a subscriber has not taken waits in the topic, never for it alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "base/clock.h"
#include "http/rest_impl.h"
#include "http/ring.h"

enum {
    TOPICS = 16,
    SUBSCRIBERS = 256,
    FULL = 48 << 10, /* of what a subscriber is given at a time */
    NAME = 2 * PL_REST_SEGMENT,
    REASON = 128
};
static const pl_time BEAT = 15 * PL_SECOND, LINGER = 60 * PL_SECOND, LOOK = 10 * PL_SECOND;

struct subscriber {
    struct topic *topic; /* NULL: it has ended */
    struct pl_http_exchange *exchange;
    char tags[PL__RING_KEY];
    pl_time every, due; /* every 0: each row */
    uint64_t have;      /* all rows up to it */
    uint64_t pass;      /* of a round: rows up to it */
    unsigned at;        /* the next place of a round */
    bool in_pass, beats;
    uint64_t missed, dropped; /* to be told; what the tap had dropped then */
    bool unknown;             /* how many are missed is not known */
    char why[REASON];         /* it ends; told */
    pl_time last, began;      /* something was sent */
    char user[PL_USER_NAME_MAX + 1], grant[PL_GRANT_ID];
    struct pl__push *push;
    struct subscriber *next;
};

struct delivery {
    struct topic *topic;
    enum pl_answer_status status;
    uint64_t dropped;
    uint32_t count;
    size_t size;
    char *why;
    struct pl_http_posted posted;
    uint8_t rows[];
};

struct topic {
    struct pl__push *push;
    char name[NAME];
    struct pl__ring rows;
    uint64_t dropped;
    struct pl_ask *ask;
    struct delivery *last; /* for its last answer, which has to be told */
    unsigned listeners;
    pl_time left; /* when the last one did */
};

struct pl__push {
    struct pl_rest *rest;
    struct topic *topics[TOPICS];
    struct subscriber *subscribers;
    unsigned count;
};

/* ---- What a subscriber is given ---- */

static void put_event(struct pl_buffer *out, const struct topic *topic, const char *event, uint64_t number,
                      const char *data, size_t size) {
    if (number) pl_buffer_printf(out, "id: %s-%" PRIu64 "\n", topic->rows.run, number);
    if (event) pl_buffer_printf(out, "event: %s\n", event);
    pl_buffer_puts(out, "data: ");
    pl_buffer_put(out, data, size);
    pl_buffer_puts(out, "\n\n");
}

static bool wants(const struct subscriber *s, const struct pl__row *row) {
    return !s->tags[0] || pl_glob(s->tags, row->key);
}

static void put_each(struct subscriber *s, struct pl_buffer *out) {
    struct topic *topic = s->topic;
    if (s->have + 1 < topic->rows.first) {
        s->missed += topic->rows.first - 1 - s->have;
        s->have = topic->rows.first - 1;
    }
    for (; s->have + 1 < topic->rows.next && out->size < FULL; s->have++) {
        const struct pl__row *row = topic->rows.row[(s->have + 1) % PL__RING];
        if (wants(s, row)) put_event(out, topic, NULL, row->number, row->json, row->size);
    }
}

/* A round over the last rows; those that change meanwhile are for the next one. */
static void put_newest(struct subscriber *s, struct pl_buffer *out, pl_time now) {
    struct topic *topic = s->topic;
    if (!s->in_pass && (now < s->due || s->have + 1 == topic->rows.next)) return;
    if (!s->in_pass) {
        s->in_pass = true;
        s->at = 0;
        s->pass = topic->rows.next - 1;
        s->due = now + s->every;
    }
    for (; s->at < PL__RING_KEYS && out->size < FULL; s->at++) {
        const struct pl__row *row = topic->rows.newest[s->at];
        if (row && row->number > s->have && row->number <= s->pass && wants(s, row))
            put_event(out, topic, NULL, 0, row->json, row->size);
    }
    if (s->at < PL__RING_KEYS) return;
    s->in_pass = false;
    s->have = s->pass;
    put_event(out, topic, "pass", s->pass, "{}", 2);
}

static void put_gap(struct subscriber *s, struct pl_buffer *out) {
    char data[96];
    uint64_t dropped = s->topic->dropped - s->dropped;
    s->dropped = s->topic->dropped;
    if (!s->missed && !s->unknown && !dropped) return;
    int length = s->unknown ? snprintf(data, sizeof data, "{\"missed\":null}")
                            : snprintf(data, sizeof data, "{\"missed\":%" PRIu64 "}", s->missed + dropped);
    put_event(out, s->topic, "gap", 0, data, (size_t)length);
    s->missed = 0;
    s->unknown = false;
}

static bool fill(void *arg, struct pl_buffer *out) {
    struct subscriber *s = arg;
    size_t before = out->size;
    pl_time now = pl_clock_monotonic();
    if (!s->topic) {
        pl_buffer_printf(out, "event: end\ndata: {\"reason\":\"%s\"}\n\n", s->why);
        return false;
    }
    put_gap(s, out);
    if (s->every)
        put_newest(s, out, now);
    else
        put_each(s, out);
    if (s->beats && out->size == before) pl_buffer_puts(out, ":\n\n");
    s->beats = false;
    if (out->size > before) s->last = now;
    return true;
}

/* ---- Topics and who listens ---- */

static void free_topic(struct topic *topic) {
    pl__ring_fini(&topic->rows);
    pl_ask_unref(topic->ask);
    pl_free(topic->last);
    pl_free(topic);
}

static void leave_topic(struct subscriber *s) {
    if (!s->topic) return;
    s->topic->listeners--;
    s->topic->left = pl_clock_monotonic();
    s->topic = NULL;
}

static void gone(void *arg) {
    struct subscriber *s = arg;
    struct subscriber **at = &s->push->subscribers;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->push->count--;
    leave_topic(s);
    pl_free(s);
}

static void end_subscriber(struct subscriber *s, const char *why) {
    snprintf(s->why, sizeof s->why, "%s", why);
    for (char *c = s->why; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') *c = '\'';
    leave_topic(s);
    pl_http_stream_wake(s->exchange);
}

static void end_topic(struct topic *topic, const char *why) {
    for (struct subscriber *s = topic->push->subscribers; s; s = s->next)
        if (s->topic == topic) end_subscriber(s, why);
    pl_ask_unref(topic->ask); /* its last answer is still to come */
    topic->ask = NULL;
    topic->name[0] = 0;
}

static void remove_topic(struct topic *topic) {
    for (unsigned i = 0; i < TOPICS; i++)
        if (topic->push->topics[i] == topic) topic->push->topics[i] = NULL;
    free_topic(topic);
}

/* ---- What the tap tells ---- */

static void take_rows(struct topic *topic, const struct delivery *delivery) {
    struct pl_unpack in;
    pl_unpack_init(&in, delivery->rows, delivery->size);
    for (uint32_t i = 0; i < delivery->count; i++) {
        const uint8_t *begin = in.at;
        if (!pl_unpack_skip(&in)) return;
        pl__ring_add(&topic->rows, begin, (size_t)(in.at - begin));
    }
}

static void deliver(void *arg) { /* on the server's thread */
    struct delivery *delivery = arg;
    struct topic *topic = delivery->topic;
    take_rows(topic, delivery);
    topic->dropped = delivery->dropped;
    if (delivery->status == PL_ANSWER_MORE) {
        pl_time now = pl_clock_monotonic();
        for (struct subscriber *s = topic->push->subscribers; s; s = s->next)
            if (s->topic == topic && (!s->every || now >= s->due)) pl_http_stream_wake(s->exchange);
    } else {
        end_topic(topic, delivery->why ? delivery->why : "the output has ended");
        remove_topic(topic);
    }
    pl_free(delivery->why);
    pl_free(delivery);
}

static void told(void *arg, const struct pl_ask_reply *reply) { /* on the control thread */
    struct topic *topic = arg;
    bool more = reply->status == PL_ANSWER_MORE;
    size_t size = more ? reply->size : 0;
    struct delivery *delivery = more ? pl_alloc(sizeof *delivery + size) : topic->last;
    if (!delivery) return; /* rows that there is no memory for */
    if (!more) topic->last = NULL;
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

static enum pl_code open_topic(struct pl__push *push, const struct pl__call *call, const char *name,
                               struct topic **found, struct pl_error **error) {
    char node[NAME + 8];
    struct topic **place = NULL;
    for (unsigned i = 0; i < TOPICS; i++) {
        struct topic *topic = push->topics[i];
        if (topic && strcmp(topic->name, name) == 0) return *found = topic, PL_OK;
        if (!topic && !place) place = &push->topics[i];
    }
    if (!place) return pl_error_set(error, PL_BUSY, "too many outputs are listened to");
    struct topic *topic = PL_NEW(struct topic);
    if (topic) topic->last = PL_NEW(struct delivery);
    if (!topic || !topic->last) {
        pl_free(topic);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a stream");
    }
    topic->push = push;
    pl__ring_init(&topic->rows);
    snprintf(topic->name, sizeof topic->name, "%s", name);
    snprintf(node, sizeof node, "--node=%s", name);
    const char *words[] = {"tap", node};
    struct pl_ask_options options = {.words = words,
                                     .count = 2,
                                     .who = call->who,
                                     .origin = "http",
                                     .correlation = call->correlation,
                                     .reply = told,
                                     .arg = topic};
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(push->rest)) {
        code = pl_control_ask(push->rest->control, &options, &topic->ask, error);
        pl__rest_leave(push->rest);
    }
    if (code) {
        free_topic(topic);
        return code;
    }
    *found = *place = topic;
    return PL_OK;
}

/* Where to go on: behind what the subscriber has, or with what comes from now on. */
static void set_place(struct subscriber *s, const char *last) {
    const struct topic *topic = s->topic;
    const char *dash = strchr(last, '-');
    int64_t number = 0;
    s->have = s->every ? 0 : topic->rows.next - 1; /* who wants the newest begins with all of them */
    s->dropped = topic->dropped;
    if (!last[0]) return;
    bool known = dash && (size_t)(dash - last) == strlen(topic->rows.run) &&
                 memcmp(last, topic->rows.run, strlen(topic->rows.run)) == 0 &&
                 pl_text_int(dash + 1, strlen(dash + 1), &number) && number >= 0 && (uint64_t)number < topic->rows.next;
    if (known)
        s->have = (uint64_t)number;
    else
        s->unknown = true;
}

static void subscribe(struct pl__call *call, struct topic *topic) {
    struct pl__push *push = call->rest->push;
    struct subscriber *s = PL_NEW(struct subscriber);
    const char *tags = pl__call_text(call, "tags"), *every = pl__call_text(call, "every");
    if (!s) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    *s = (struct subscriber){.topic = topic, .exchange = call->exchange, .push = push, .next = push->subscribers};
    s->last = s->began = pl_clock_monotonic();
    if (tags) snprintf(s->tags, sizeof s->tags, "%s", tags);
    if (every) pl_text_duration(every, strlen(every), &s->every);
    snprintf(s->user, sizeof s->user, "%s", call->who.name);
    snprintf(s->grant, sizeof s->grant, "%s", call->grant);
    set_place(s, call->request->header[PL_HTTP_LAST_EVENT_ID]);
    s->beats = true; /* the first bytes at once */
    topic->listeners++;
    push->subscribers = s;
    push->count++;
    struct pl_http_reply reply;
    struct pl_http_exchange *exchange = call->exchange;
    struct pl_http_stream stream = {.fill = fill, .gone = gone, .arg = s};
    pl__answer_begin(call, &reply, PL__OK, "text/event-stream");
    pl__call_free(call);
    pl_http_stream(exchange, &reply, &stream);
}

/* Which outputs there are is known: is it one of them? */
static void begin(struct pl__call *call) {
    const char *name = pl__call_text(call, "output");
    struct pl_unpack in;
    bool found = false;
    if (pl__call_failed(call)) return;
    pl_unpack_init(&in, call->result.rows, call->result.size);
    for (uint32_t i = 0, pairs; i < call->result.count && !found && pl_unpack_map(&in, &pairs); i++)
        for (const char *key, *text; pairs; pairs--) {
            size_t length, text_length;
            if (!pl_unpack_str(&in, &key, &length) || !pl_unpack_str(&in, &text, &text_length)) break;
            found |= length == strlen("output") && memcmp(key, "output", length) == 0 && text_length == strlen(name) &&
                     memcmp(text, name, text_length) == 0;
        }
    struct topic *topic = NULL;
    struct pl_error *error = NULL;
    if (!found) {
        pl__complain(call, PL__NOT_FOUND, "There is no such output; streams lists them.");
        return;
    }
    if (call->rest->push->count == SUBSCRIBERS) {
        pl__problem_wait(call, PL__NOT_NOW, 5, "Too many listen already.");
        return;
    }
    enum pl_code code = open_topic(call->rest->push, call, name, &topic, &error);
    if (code)
        pl__problem_code(call, code, error ? error->text : NULL);
    else
        subscribe(call, topic);
    pl_error_free(&error);
}

void pl__push_begin(struct pl__call *call) {
    const char *every = pl__call_text(call, "every");
    pl_time span = PL_SECOND;
    if (every) pl_text_duration(every, strlen(every), &span);
    if (span < 100 * PL_MILLISECOND || span > PL_HOUR) {
        json_t *errors = json_array();
        pl__field_error(errors, "every", "a duration from 100ms to 1h is expected");
        pl__problem_fields(call, errors);
        return;
    }
    if (call->request->method == PL_HTTP_HEAD) { /* its body has no end */
        struct pl_http_reply reply;
        pl__answer_begin(call, &reply, PL__OK, "text/event-stream");
        pl__answer_reply(call, &reply);
        return;
    }
    const char *words[] = {"outputs"};
    pl__call_ask(call, words, 1, NULL, begin);
}

/* ---- Time ---- */

/* Whoever may not any more is not told any more. */
static bool may_still(const struct subscriber *s, pl_time now) {
    struct pl_rest *rest = s->push->rest;
    struct pl_user user;
    if (!s->grant[0]) return now - s->began < PL_ACCESS_LIFE;
    const struct pl_grant *grant = pl_grants_find(rest->grants, s->grant);
    if (!grant || !pl__rest_enter(rest)) return grant != NULL;
    bool good = pl_users_find(pl__rest_store(rest), s->user, &user, NULL) == PL_OK && user.changed == grant->changed;
    pl__rest_leave(rest);
    return good;
}

void pl__push_tick(struct pl__push *push) {
    pl_time now = pl_clock_monotonic();
    for (struct subscriber *s = push->subscribers; s; s = s->next) {
        if (s->topic && now / LOOK != (now - PL_SECOND) / LOOK && !may_still(s, now)) end_subscriber(s, "signed out");
        s->beats |= now - s->last > BEAT;
        if (s->beats || (s->topic && s->every)) pl_http_stream_wake(s->exchange);
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        struct topic *topic = push->topics[i];
        if (topic && topic->ask && !topic->listeners && now - topic->left > LINGER) end_topic(topic, "");
    }
}

void pl__push_engine(struct pl__push *push) {
    for (unsigned i = 0; i < TOPICS; i++)
        if (push->topics[i] && push->topics[i]->ask) end_topic(push->topics[i], "the engine has changed");
}

struct pl__push *pl__push_new(struct pl_rest *rest) {
    struct pl__push *push = PL_NEW(struct pl__push);
    if (push) push->rest = rest;
    return push;
}

void pl__push_free(struct pl__push *push) {
    for (unsigned i = 0; push && i < TOPICS; i++)
        if (push->topics[i]) free_topic(push->topics[i]);
    pl_free(push);
}
