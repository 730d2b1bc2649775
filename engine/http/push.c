/* push.c: rows of outputs as server-sent events, with numbers to go on from.
 *
 *     tap --rows--> topic: ring of the last rows | the last row of each key --> subscribers, as fast as each can take
 *
 * An event's id is RUN-NUMBER, of each output that is listened to: with Last-Event-ID a subscriber goes on behind it,
 * or is told with `gap` that rows are missing. With `every` only the newest row of each tag or asset is sent, that
 * often, and `pass` ends each round. Who listens to one output gets its rows without a name of the event; of several,
 * it is the output's. What a subscriber has not taken waits in the topic, never for it alone.
 *
 * The head of an answer waits for the taps, so that who has it misses nothing that comes from then on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "base/clock.h"
#include "http/rest_impl.h"
#include "http/topic.h"

enum {
    SUBSCRIBERS = 256,
    SHARE = 224,     /* of a user: nobody has all of them */
    OUTPUTS = 8,     /* of a subscriber */
    FULL = 48 << 10, /* of what a subscriber is given at a time, and the last row */
    REASON = 128
};
static const pl_time BEAT = 15 * PL_SECOND, LOOK = 10 * PL_SECOND;
/* A node that does not let itself be tapped for so long holds up no answer: `gap` tells that rows may be missing. */
static const pl_time STAND = 5 * PL_SECOND;

/* What a subscriber has had of an output. */
struct part {
    struct pl__topic *topic;
    pl_time due;   /* of the next round */
    uint64_t have; /* all rows up to it */
    uint64_t pass; /* of a round: rows up to it */
    unsigned at;   /* the next place of a round */
    bool in_pass;
    uint64_t missed, dropped; /* to be told; what the tap had dropped then */
    bool unknown;             /* how many are missed is not known */
};

struct subscriber {
    struct part parts[OUTPUTS];
    unsigned count; /* of outputs; 0: it has ended */
    unsigned turn;  /* who is first to be given: one with much is in nobody's way */
    bool named;     /* events are named after their outputs */
    struct pl_http_exchange *exchange;
    struct pl_http_reply head; /* until it is begun */
    bool begun;
    char tags[PL__RING_KEY];
    pl_time every; /* 0: each row */
    bool beats;
    char why[REASON]; /* it ends; told */
    pl_time last;     /* something was sent */
    pl_time expires;  /* a token of another issuer */
    char user[PL_USER_NAME_MAX + 1], grant[PL_GRANT_ID];
    struct pl__push *push;
    struct subscriber *next;
};

/* ---- What a subscriber is given ---- */

/* Where it is in each output: from there it can go on. */
static void put_id(struct pl_buffer *out, const struct subscriber *s, const struct part *moved, uint64_t number) {
    pl_buffer_puts(out, "id: ");
    for (unsigned i = 0; i < s->count; i++)
        pl_buffer_printf(out, "%s%s-%" PRIu64, i ? "," : "", s->parts[i].topic->rows.run,
                         &s->parts[i] == moved ? number : s->parts[i].have);
    pl_buffer_putc(out, '\n');
}

static void put_event(struct pl_buffer *out, const char *event, const char *data, size_t size) {
    if (event) pl_buffer_printf(out, "event: %s\n", event);
    pl_buffer_puts(out, "data: ");
    pl_buffer_put(out, data, size);
    pl_buffer_puts(out, "\n\n");
}

static void put_row(struct pl_buffer *out, const struct subscriber *s, const struct part *part, struct pl__row *row) {
    const char *json = pl__row_json(&part->topic->rows, row);
    if (json)
        put_event(out, s->named ? part->topic->name : NULL, json, row->size);
    else
        out->failed = true;
}

static bool wants(const struct subscriber *s, const struct pl__row *row) {
    return !s->tags[0] || pl_glob(s->tags, row->key);
}

static void put_each(struct subscriber *s, struct part *part, struct pl_buffer *out) {
    const struct pl__topic *topic = part->topic;
    if (part->have + 1 < topic->rows.first) {
        part->missed += topic->rows.first - 1 - part->have;
        part->have = topic->rows.first - 1;
    }
    for (; part->have + 1 < topic->rows.next && out->size < FULL; part->have++) {
        struct pl__row *row = topic->rows.row[(part->have + 1) % PL__RING];
        if (!wants(s, row)) continue;
        put_id(out, s, part, row->number);
        put_row(out, s, part, row);
    }
}

/* {"missed":3}, and of several outputs which one. */
static void put_note(struct pl_buffer *out, const struct subscriber *s, const struct part *part, const char *event,
                     const char *inside) {
    char data[PL__TOPIC_NAME + 128];
    int length = s->named ? snprintf(data, sizeof data, "{\"output\":\"%s\"%s%s}", part->topic->name,
                                     inside[0] ? "," : "", inside)
                          : snprintf(data, sizeof data, "{%s}", inside);
    put_event(out, event, data, (size_t)length);
}

/* A round over the last rows; those that change meanwhile are for the next one. */
static void put_newest(struct subscriber *s, struct part *part, struct pl_buffer *out, pl_time now) {
    const struct pl__topic *topic = part->topic;
    if (!part->in_pass && (now < part->due || part->have + 1 == topic->rows.next)) return;
    if (!part->in_pass) {
        part->in_pass = true;
        part->at = 0;
        part->pass = topic->rows.next - 1;
        part->due = now + s->every;
    }
    for (; part->at < topic->rows.keys && out->size < FULL; part->at++) {
        struct pl__row *row = topic->rows.newest[topic->rows.place[part->at]];
        if (row->number > part->have && row->number <= part->pass && wants(s, row)) put_row(out, s, part, row);
    }
    if (part->at < topic->rows.keys) return;
    part->in_pass = false;
    part->have = part->pass;
    put_id(out, s, part, part->pass);
    put_note(out, s, part, "pass", "");
}

static void put_gap(const struct subscriber *s, struct part *part, struct pl_buffer *out) {
    char inside[64];
    uint64_t dropped = part->topic->dropped - part->dropped;
    part->dropped = part->topic->dropped;
    if (!part->missed && !part->unknown && !dropped) return;
    if (part->unknown)
        snprintf(inside, sizeof inside, "\"missed\":null");
    else
        snprintf(inside, sizeof inside, "\"missed\":%" PRIu64, part->missed + dropped);
    put_note(out, s, part, "gap", inside);
    part->missed = 0;
    part->unknown = false;
}

static bool fill(void *arg, struct pl_buffer *out) {
    struct subscriber *s = arg;
    size_t before = out->size;
    pl_time now = pl_clock_monotonic();
    if (!s->count) {
        pl_buffer_printf(out, "event: end\ndata: {\"reason\":\"%s\"}\n\n", s->why);
        return false;
    }
    s->turn++;
    for (unsigned i = 0; i < s->count; i++) {
        struct part *part = &s->parts[(s->turn + i) % s->count];
        put_gap(s, part, out);
        if (s->every)
            put_newest(s, part, out, now);
        else
            put_each(s, part, out);
    }
    if (s->beats && out->size == before) pl_buffer_puts(out, ":\n\n");
    s->beats = false;
    if (out->size > before) s->last = now;
    return true;
}

/* ---- Who listens ---- */

static void leave_topics(struct subscriber *s) {
    for (unsigned i = 0; i < s->count; i++) {
        s->parts[i].topic->listeners--;
        s->parts[i].topic->left = pl_clock_monotonic();
    }
    s->count = 0;
}

static void gone(void *arg) {
    struct subscriber *s = arg;
    struct subscriber **at = &s->push->subscribers;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->push->count--;
    leave_topics(s);
    pl_free(s);
}

static bool all_stand(const struct subscriber *s) {
    for (unsigned i = 0; i < s->count; i++)
        if (!s->parts[i].topic->stands) return false;
    return true;
}

/* There is more for it. One whose peer has left meanwhile is gone behind this. */
static void tell(struct subscriber *s) {
    if (s->begun) {
        pl_http_stream_wake(s->exchange);
        return;
    }
    if (!all_stand(s) && pl_clock_monotonic() - s->last < STAND) return;
    for (unsigned i = 0; i < s->count; i++)
        s->parts[i].unknown |= !s->parts[i].topic->stands;
    s->begun = true;
    pl_http_stream(s->exchange, &s->head, &(struct pl_http_stream){.fill = fill, .gone = gone, .arg = s});
}

static void end_subscriber(struct subscriber *s, const char *why) {
    snprintf(s->why, sizeof s->why, "%s", why);
    for (char *c = s->why; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') *c = '\'';
    leave_topics(s);
    tell(s);
}

static struct part *part_of(struct subscriber *s, const struct pl__topic *topic) {
    for (unsigned i = 0; i < s->count; i++)
        if (s->parts[i].topic == topic) return &s->parts[i];
    return NULL;
}

void pl__push_rows(struct pl__topic *topic) {
    pl_time now = pl_clock_monotonic();
    for (struct subscriber *s = topic->push->subscribers, *next; s; s = next) {
        const struct part *part = part_of(s, topic);
        next = s->next;
        if (part && (!s->every || now >= part->due)) tell(s);
    }
}

void pl__push_ended(struct pl__topic *topic, const char *why) {
    for (struct subscriber *s = topic->push->subscribers, *next; s; s = next) {
        next = s->next;
        if (part_of(s, topic)) end_subscriber(s, why);
    }
}

/* ---- Beginning ---- */

/* RUN-NUMBER of this run: behind it, else false. */
static bool read_place(struct part *part, const char *text, size_t length) {
    const struct pl__ring *rows = &part->topic->rows;
    size_t run = strlen(rows->run);
    int64_t number;
    if (length <= run || memcmp(text, rows->run, run) != 0 || text[run] != '-') return false;
    if (!pl_text_int(text + run + 1, length - run - 1, &number) || number < 0 || (uint64_t)number >= rows->next)
        return false;
    part->have = (uint64_t)number;
    return true;
}

/* Where to go on: behind what the subscriber has, or with what comes from now on. `last` holds a place for each output,
 * in any order: a run is of one output alone. */
static void set_place(const struct subscriber *s, struct part *part, const char *last) {
    part->have = s->every ? 0 : part->topic->rows.next - 1; /* who wants the newest begins with all of them */
    part->dropped = part->topic->dropped;
    bool known = !last[0];
    while (*last && !known) {
        size_t length = strcspn(last, ",");
        known = read_place(part, last, length);
        last += length + (last[length] == ',');
    }
    part->unknown = !known;
}

static void subscribe(struct pl__call *call, struct subscriber *s) {
    struct pl__push *push = call->rest->push;
    const char *tags = pl__call_text(call, "tags"), *every = pl__call_text(call, "every");
    s->exchange = call->exchange;
    s->push = push;
    s->next = push->subscribers;
    s->last = pl_clock_monotonic();
    s->expires = call->expires;
    if (tags) snprintf(s->tags, sizeof s->tags, "%s", tags);
    if (every) pl_text_duration(every, strlen(every), &s->every);
    snprintf(s->user, sizeof s->user, "%s", call->who.name);
    snprintf(s->grant, sizeof s->grant, "%s", call->grant);
    for (unsigned i = 0; i < s->count; i++) {
        set_place(s, &s->parts[i], call->request->header[PL_HTTP_LAST_EVENT_ID]);
        s->parts[i].topic->listeners++;
    }
    s->beats = true; /* the first bytes at once */
    push->subscribers = s;
    push->count++;
    pl__answer_begin(call, &s->head, PL__OK, "text/event-stream");
    pl__call_free(call);
    tell(s);
}

/* Is it one of those that the command `outputs` has told? */
static bool is_output(const struct pl__call *call, const char *name) {
    struct pl_unpack in;
    pl_unpack_init(&in, call->result.rows, call->result.size);
    for (uint32_t i = 0, pairs; i < call->result.count && pl_unpack_map(&in, &pairs); i++)
        for (const char *key, *text; pairs; pairs--) {
            size_t length, text_length;
            if (!pl_unpack_str(&in, &key, &length) || !pl_unpack_str(&in, &text, &text_length)) return false;
            if (length == strlen("output") && memcmp(key, "output", length) == 0 && text_length == strlen(name) &&
                memcmp(text, name, text_length) == 0)
                return true;
        }
    return false;
}

/* False after answering. */
static bool add_output(struct pl__call *call, struct subscriber *s, const char *name) {
    struct pl__topic *topic;
    struct pl_error *error = NULL;
    if (!is_output(call, name)) {
        pl__complain(call, PL__NOT_FOUND, "There is no output \"%s\"; streams lists them.", name);
        return false;
    }
    enum pl_code code = pl__topic_open(call->rest->push, call, name, &topic, &error);
    if (!code && part_of(s, topic)) code = pl_error_set(&error, PL_USAGE, "%s is given twice", name);
    if (!code && s->count == OUTPUTS) code = pl_error_set(&error, PL_USAGE, "at most %d outputs at once", OUTPUTS);
    if (code)
        pl__problem_code(call, code, error ? error->text : NULL);
    else
        s->parts[s->count++].topic = topic;
    pl_error_free(&error);
    return !code;
}

static unsigned count_of(const struct pl__push *push, const char *user) {
    unsigned count = 0;
    for (const struct subscriber *s = push->subscribers; s; s = s->next)
        count += strcmp(s->user, user) == 0;
    return count;
}

/* Which outputs there are is known: are these of them? */
static void begin(struct pl__call *call) {
    if (pl__call_failed(call)) return;
    if (call->rest->push->count == SUBSCRIBERS || count_of(call->rest->push, call->who.name) >= SHARE) {
        pl__problem_wait(call, PL__NOT_NOW, 5, "Too many listen already.");
        return;
    }
    struct subscriber *s = PL_NEW(struct subscriber);
    if (!s) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    char name[PL_REST_SEGMENT];
    const char *at = pl__call_text(call, "output");
    s->named = strchr(at, ',') != NULL;
    for (bool more = true; more;) {
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        more = at[length] == ',';
        at += length + more;
        if (add_output(call, s, name)) continue;
        pl_free(s);
        return;
    }
    subscribe(call, s);
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
static bool may_still(const struct subscriber *s) {
    struct pl_rest *rest = s->push->rest;
    struct pl_user user;
    if (!s->grant[0]) return pl__rest_now(rest) < s->expires;
    const struct pl_grant *grant = pl_grants_find(rest->grants, s->grant);
    if (!grant || !pl__rest_enter(rest)) return grant != NULL;
    bool good = pl_users_find(pl__rest_store(rest), s->user, &user, NULL) == PL_OK && user.changed == grant->changed;
    pl__rest_leave(rest);
    return good;
}

void pl__push_tick(struct pl__push *push) {
    pl_time now = pl_clock_monotonic();
    for (struct subscriber *s = push->subscribers, *next; s; s = next) {
        next = s->next;
        if (s->count && now / LOOK != (now - PL_SECOND) / LOOK && !may_still(s)) {
            end_subscriber(s, "signed out"); /* behind which it may be gone */
            continue;
        }
        s->beats |= now - s->last > BEAT;
        if (!s->begun || s->beats || (s->count && s->every)) tell(s);
    }
    pl__topics_tick(push, now);
}

void pl__push_engine(struct pl__push *push) {
    pl__topics_end(push, "the engine has changed");
}

struct pl__push *pl__push_new(struct pl_rest *rest) {
    struct pl__push *push = PL_NEW(struct pl__push);
    if (push) push->rest = rest;
    return push;
}

void pl__push_free(struct pl__push *push) {
    for (struct subscriber *s = push ? push->subscribers : NULL, *next; s; s = next) {
        next = s->next;
        end_subscriber(s, "the engine ends"); /* it was never begun, and its peer has left with the server */
    }
    if (push) pl__topics_free(push);
    pl_free(push);
}
