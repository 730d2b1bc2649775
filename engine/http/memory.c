/* memory.c: what was answered to a POST with an Idempotency-Key: whoever is not sure that it has arrived sends it again
 * and gets the same answer, and nothing is done twice.
 *
 * A key is its user's and its path's: the newest SHARE of a user, for a day, as long as the engine runs. What was
 * refused as such (4xx) may be tried again with another body under another key only; what failed here (5xx) is
 * forgotten. */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include <libwebsockets.h>
#include <potline/alloc.h>

#include "base/clock.h"
#include "http/rest_impl.h"

enum {
    PLACES = 512,
    SHARE = 64 /* of a user: nobody has others' forgotten */,
    ANSWER_MAX = 64 << 10,
    KEY_MAX = 128,
    HASH = SHA256_DIGEST_LENGTH
};
static const pl_time LIFE = PL_DAY;

struct entry {
    uint8_t name[HASH], body[HASH];
    char user[PL_USER_NAME_MAX + 1];
    pl_time since; /* 0: free */
    bool done;
    unsigned status;
    const char *type;
    char *headers, *answer;
    size_t headers_size, size;
};

struct pl__memory {
    struct entry list[PLACES];
};

static void clear(struct entry *entry) {
    if (entry->answer) OPENSSL_cleanse(entry->answer, entry->size);
    pl_free(entry->answer);
    pl_free(entry->headers);
    *entry = (struct entry){0};
}

struct pl__memory *pl__memory_new(void) {
    return PL_NEW(struct pl__memory);
}

void pl__memory_free(struct pl__memory *memory) {
    for (unsigned i = 0; memory && i < PLACES; i++)
        clear(&memory->list[i]);
    pl_free(memory);
}

static void name_of(const struct pl__call *call, uint8_t name[HASH]) {
    struct pl_buffer text;
    pl_buffer_init(&text, 4096);
    pl_buffer_put(&text, call->who.name, strlen(call->who.name) + 1);
    pl_buffer_put(&text, call->request->path, strlen(call->request->path) + 1);
    pl_buffer_puts(&text, call->request->header[PL_HTTP_IDEMPOTENCY_KEY]);
    SHA256((const uint8_t *)(text.data ? text.data : ""), text.size, name);
    pl_buffer_fini(&text);
}

static struct entry *find(struct pl__memory *memory, const uint8_t name[HASH], pl_time now) {
    for (unsigned i = 0; i < PLACES; i++) {
        struct entry *entry = &memory->list[i];
        if (entry->since && entry->done && now - entry->since > LIFE) clear(entry);
        if (entry->since && memcmp(entry->name, name, HASH) == 0) return entry;
    }
    return NULL;
}

static struct entry *older(struct entry *entry, struct entry *other) {
    return entry->done && (!other || entry->since < other->since) ? entry : other;
}

/* The oldest one leaves, of the user's own if these are SHARE. NULL: all are under way. */
static struct entry *make_place(struct pl__memory *memory, const char *user) {
    struct entry *oldest = NULL, *own = NULL, *empty = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < PLACES; i++) {
        struct entry *entry = &memory->list[i];
        bool is_own = entry->since && strcmp(entry->user, user) == 0;
        count += is_own;
        if (!entry->since) empty = entry;
        if (entry->since) oldest = older(entry, oldest);
        if (is_own) own = older(entry, own);
    }
    if (count < SHARE && empty) return empty;
    struct entry *leaves = count < SHARE ? oldest : own;
    if (leaves) clear(leaves);
    return leaves;
}

static void answer_again(struct pl__call *call, const struct entry *entry) {
    struct pl_http_reply reply;
    pl__answer_begin(call, &reply, entry->status, entry->type);
    for (size_t i = 0; i < entry->headers_size;) {
        const char *name = entry->headers + i, *value = name + strlen(name) + 1;
        bool own = strcmp(name, "x-request-id:") == 0 || strcmp(name, "cache-control:") == 0;
        if (!own) pl_buffer_put(&reply.headers, name, strlen(name) + strlen(value) + 2);
        i += strlen(name) + strlen(value) + 2;
    }
    pl_buffer_put(&reply.body, entry->answer, entry->size);
    pl__answer_reply(call, &reply);
}

static bool is_key(const char *text) {
    size_t length = 0;
    while (text[length] > ' ' && text[length] <= '~')
        length++;
    return !text[length] && length <= KEY_MAX;
}

bool pl__memory_begin(struct pl__call *call) {
    struct pl__memory *memory = call->rest->memory;
    const char *key = call->request->header[PL_HTTP_IDEMPOTENCY_KEY];
    uint8_t name[HASH], body[HASH];
    if (call->request->method != PL_HTTP_POST || !key[0] || call->route->open) return true;
    if (!is_key(key)) {
        json_t *errors = json_array();
        pl__field_error(errors, "Idempotency-Key", "at most %d visible characters are expected", KEY_MAX);
        pl__problem_fields(call, errors);
        return false;
    }
    name_of(call, name);
    SHA256((const uint8_t *)call->request->body, call->request->size, body);
    struct entry *entry = find(memory, name, pl_clock_monotonic()), *place = NULL;
    if (entry && memcmp(entry->body, body, HASH) != 0) {
        pl__complain(call, PL__SEMANTIC, "This Idempotency-Key was used with another body.");
    } else if (entry && !entry->done) {
        pl__problem_wait(call, PL__CONFLICT, 1, "The request with this Idempotency-Key is being carried out.");
    } else if (entry) {
        answer_again(call, entry);
    } else if ((place = make_place(memory, call->who.name)) == NULL) {
        pl__problem_wait(call, PL__NOT_NOW, 1, "Too many requests with an Idempotency-Key at once.");
    } else {
        memcpy(place->name, name, HASH);
        memcpy(place->body, body, HASH);
        snprintf(place->user, sizeof place->user, "%s", call->who.name);
        place->since = pl_clock_monotonic();
        call->remembers = true;
        return true;
    }
    return false;
}

void pl__memory_end(struct pl__call *call, const struct pl_http_reply *reply) {
    uint8_t name[HASH];
    name_of(call, name);
    struct entry *entry = find(call->rest->memory, name, pl_clock_monotonic());
    size_t size = reply->body.size - LWS_PRE;
    if (!entry) return;
    bool keep = reply->status < PL__BROKEN && size <= ANSWER_MAX && !pl_buffer_failed(&reply->body);
    entry->answer = keep ? pl_alloc(size + 1) : NULL;
    entry->headers = keep ? pl_alloc(reply->headers.size + 1) : NULL;
    if (!entry->answer || !entry->headers) {
        clear(entry);
        return;
    }
    memcpy(entry->answer, reply->body.data + LWS_PRE, size);
    if (reply->headers.size) memcpy(entry->headers, reply->headers.data, reply->headers.size);
    entry->size = size;
    entry->headers_size = reply->headers.size;
    entry->status = reply->status;
    entry->type = reply->type;
    entry->done = true;
}
