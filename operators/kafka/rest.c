#include "rest.h"

#include <string.h>

#include <jansson.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "transfers.h"

enum { CONNECT_MS = 5000, URL_MAX = 2048, ROOM_FIRST = 64 << 10 };

struct pl__rest {
    struct pl_transfer transfer;
    struct pl_transfers *curl;
    char *url;
    struct curl_slist *headers;
    void (*answered)(void *user, const struct pl__answer *answer);
    void *user;
    char *text;
    size_t size, room;
    bool too_long;
};

bool pl__rest_is_url(const char *url) {
    CURLU *parts = curl_url();
    bool good = !parts || curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(parts);
    return good;
}

/* ---- Life ---- */

/* What a stranger sends takes as much memory as it has bytes, twice at most. */
static bool make_room(struct pl__rest *rest, size_t size) {
    size_t room = rest->room ? rest->room : ROOM_FIRST;
    while (room < size)
        room *= 2;
    if (room == rest->room) return true;
    char *text = pl_realloc(rest->text, room);
    if (!text) return false;
    rest->text = text;
    rest->room = room;
    return true;
}

static void make_small(struct pl__rest *rest) {
    pl_free(rest->text);
    rest->text = NULL;
    rest->size = rest->room = 0;
}

static size_t take(char *bytes, size_t size, size_t count, void *user) {
    struct pl__rest *rest = user;
    size_t length = size * count;
    rest->too_long = length > PL__ANSWER_MAX - rest->size;
    if (rest->too_long || !make_room(rest, rest->size + length)) return 0;
    if (length) memcpy(rest->text + rest->size, bytes, length);
    rest->size += length;
    return length;
}

#define SET(option, value) (curl_easy_setopt(rest->transfer.easy, option, value) == CURLE_OK)

static bool set_security(struct pl__rest *rest, const struct pl__rest_options *o) {
    return SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && (!*o->ca || SET(CURLOPT_CAINFO, o->ca)) &&
           (!*o->certificate || (SET(CURLOPT_SSLCERT, o->certificate) && SET(CURLOPT_SSLKEY, o->key))) &&
           (!*o->key_password || SET(CURLOPT_KEYPASSWD, o->key_password)) &&
           (!*o->user || (SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) && SET(CURLOPT_USERNAME, o->user) &&
                          SET(CURLOPT_PASSWORD, o->password)));
}

/* A password without TLS goes to nobody but the registry itself. */
static bool set_way(struct pl__rest *rest, const struct pl__rest_options *o) {
    bool bare = *o->password && strncmp(o->url, "http://", 7) == 0;
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           (!bare || SET(CURLOPT_NOPROXY, "*")) && SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) &&
           SET(CURLOPT_TIMEOUT_MS, (long)(o->timeout / PL_MILLISECOND)) && SET(CURLOPT_USERAGENT, "potline") &&
           SET(CURLOPT_HTTPHEADER, rest->headers) && SET(CURLOPT_WRITEFUNCTION, take) && SET(CURLOPT_WRITEDATA, rest);
}

static void on_done(struct pl_transfer *transfer, CURLcode code);

struct pl__rest *pl__rest_new(const struct pl__rest_options *options, struct uv_loop_s *loop,
                              void (*answered)(void *user, const struct pl__answer *answer), void *user) {
    struct pl__rest *rest = PL_NEW(struct pl__rest);
    if (!rest) return NULL;
    rest->answered = answered;
    rest->user = user;
    rest->url = pl_strdup(options->url);
    rest->curl = pl_transfers_new(loop);
    rest->transfer = (struct pl_transfer){.easy = curl_easy_init(), .done = on_done};
    rest->headers = curl_slist_append(NULL, "Content-Type: application/vnd.schemaregistry.v1+json");
    struct curl_slist *longer =
        curl_slist_append(rest->headers, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    if (longer) rest->headers = longer;
    if (rest->url && rest->curl && rest->transfer.easy && longer && set_security(rest, options) &&
        set_way(rest, options))
        return rest;
    pl__rest_free(rest);
    return NULL;
}

void pl__rest_free(struct pl__rest *rest) {
    if (!rest) return;
    pl_transfers_free(rest->curl);
    curl_easy_cleanup(rest->transfer.easy);
    curl_slist_free_all(rest->headers);
    make_small(rest);
    pl_free(rest->url);
    pl_free(rest);
}

/* ---- A question ---- */

static void say(struct pl__answer *answer, const char *text) {
    pl_text_copy(answer->why, sizeof answer->why, text, strlen(text));
    for (char *at = answer->why; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = ' ';
}

/* What the registry says of an error: {"error_code": 40403, "message": "..."}. */
static void read_trouble(struct pl__answer *answer) {
    char text[PL__REST_WHY];
    const char *message = json_string_value(json_object_get(answer->body, "message"));
    answer->error = (long)json_integer_value(json_object_get(answer->body, "error_code"));
    snprintf(text, sizeof text, "it answers %ld%s%.300s", answer->status, message ? ": " : "", message ? message : "");
    say(answer, text);
}

static void read_answer(const struct pl__rest *rest, struct pl__answer *answer) {
    answer->body = rest->size ? json_loadb(rest->text, rest->size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (answer->status != 200)
        read_trouble(answer);
    else if (!answer->body)
        say(answer, "what it answers is no JSON");
}

static void on_done(struct pl_transfer *transfer, CURLcode code) {
    struct pl__rest *rest = (struct pl__rest *)transfer;
    struct pl__answer answer = {0};
    if (rest->too_long) {
        answer.too_long = true;
        say(&answer, "its answer is longer than 4 MiB");
    } else if (code) {
        say(&answer, curl_easy_strerror(code));
    } else {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        read_answer(rest, &answer);
    }
    make_small(rest);
    json_t *body = answer.body;
    rest->answered(rest->user, &answer);
    json_decref(body);
}

static bool set_question(struct pl__rest *rest, const char *url, const char *body) {
    if (!SET(CURLOPT_URL, url)) return false;
    if (!body) return SET(CURLOPT_HTTPGET, 1L);
    return SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body)) &&
           SET(CURLOPT_POSTFIELDS, body);
}

bool pl__rest_ask(struct pl__rest *rest, const char *path, const char *body) {
    char url[URL_MAX];
    size_t base = strlen(rest->url);
    if (base && rest->url[base - 1] == '/') base--;
    rest->too_long = false;
    int length = snprintf(url, sizeof url, "%.*s%s", (int)base, rest->url, path);
    return length >= 0 && (size_t)length < sizeof url && set_question(rest, url, body) &&
           pl_transfers_start(rest->curl, &rest->transfer);
}
