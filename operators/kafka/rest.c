#include "rest.h"

#include <string.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <pthread.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { CONNECT_MS = 5000, URL_MAX = 2048 };

struct pl__rest {
    char *url;
    CURL *curl;
    struct curl_slist *headers;
    const bool *gone;
    size_t size;
    bool too_long;
    char text[PL__ANSWER_MAX];
};

/* ---- Life ---- */

static void begin_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take(char *bytes, size_t size, size_t count, void *user) {
    struct pl__rest *rest = user;
    size_t length = size * count;
    rest->too_long = length > sizeof rest->text - rest->size;
    if (rest->too_long) return 0;
    memcpy(rest->text + rest->size, bytes, length);
    rest->size += length;
    return length;
}

static int goes_on(void *user, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up) {
    const struct pl__rest *rest = user;
    (void)all, (void)now, (void)up_all, (void)up;
    return __atomic_load_n(rest->gone, __ATOMIC_RELAXED);
}

#define SET(option, value) (curl_easy_setopt(rest->curl, option, value) == CURLE_OK)

static bool set_security(struct pl__rest *rest, const struct pl__rest_options *o) {
    return SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && (!*o->ca || SET(CURLOPT_CAINFO, o->ca)) &&
           (!*o->certificate || (SET(CURLOPT_SSLCERT, o->certificate) && SET(CURLOPT_SSLKEY, o->key))) &&
           (!*o->key_password || SET(CURLOPT_KEYPASSWD, o->key_password)) &&
           (!*o->user || (SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) && SET(CURLOPT_USERNAME, o->user) &&
                          SET(CURLOPT_PASSWORD, o->password)));
}

static bool set_transfer(struct pl__rest *rest, const struct pl__rest_options *o) {
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_QUICK_EXIT, 1L) && /* neither `timeout` nor an end waits for a name server */
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) &&
           SET(CURLOPT_TIMEOUT_MS, (long)(o->timeout / PL_MILLISECOND)) && SET(CURLOPT_USERAGENT, "potline") &&
           SET(CURLOPT_HTTPHEADER, rest->headers) && SET(CURLOPT_WRITEFUNCTION, take) && SET(CURLOPT_WRITEDATA, rest) &&
           SET(CURLOPT_XFERINFOFUNCTION, goes_on) && SET(CURLOPT_XFERINFODATA, rest) && SET(CURLOPT_NOPROGRESS, 0L);
}

struct pl__rest *pl__rest_new(const struct pl__rest_options *options) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin_curl);
    struct pl__rest *rest = PL_NEW(struct pl__rest);
    if (!rest) return NULL;
    rest->url = pl_strdup(options->url);
    rest->curl = curl_easy_init();
    rest->headers = curl_slist_append(NULL, "Content-Type: application/vnd.schemaregistry.v1+json");
    struct curl_slist *longer =
        curl_slist_append(rest->headers, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    if (longer) rest->headers = longer;
    if (rest->url && rest->curl && longer && set_security(rest, options) && set_transfer(rest, options)) return rest;
    pl__rest_free(rest);
    return NULL;
}

void pl__rest_free(struct pl__rest *rest) {
    if (!rest) return;
    curl_easy_cleanup(rest->curl);
    curl_slist_free_all(rest->headers);
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

static void read_answer(struct pl__rest *rest, struct pl__answer *answer) {
    json_t *body = json_loadb(rest->text, rest->size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body))
        answer->body = body;
    else
        json_decref(body);
    if (answer->status != 200)
        read_trouble(answer);
    else if (!answer->body)
        say(answer, "what it answers is no object of JSON");
}

static bool set_question(struct pl__rest *rest, const char *url, const char *body) {
    if (!SET(CURLOPT_URL, url)) return false;
    if (!body) return SET(CURLOPT_HTTPGET, 1L);
    return SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body)) &&
           SET(CURLOPT_POSTFIELDS, body);
}

void pl__rest_ask(struct pl__rest *rest, const char *path, const char *body, const bool *gone,
                  struct pl__answer *answer) {
    char url[URL_MAX];
    size_t base = strlen(rest->url);
    if (base && rest->url[base - 1] == '/') base--;
    *answer = (struct pl__answer){0};
    rest->gone = gone;
    rest->size = 0;
    rest->too_long = false;
    int length = snprintf(url, sizeof url, "%.*s%s", (int)base, rest->url, path);
    if (length < 0 || (size_t)length >= sizeof url || !set_question(rest, url, body)) {
        say(answer, "no request can be made of its url");
        return;
    }
    CURLcode code = curl_easy_perform(rest->curl);
    OPENSSL_thread_stop(); /* threads of libuv's pool end behind OpenSSL, which could not free what it has of them */
    if (code) {
        say(answer, rest->too_long ? "its answer is longer than 1 MiB" : curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(rest->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    read_answer(rest, answer);
}

void pl__answer_fini(struct pl__answer *answer) {
    json_decref(answer->body);
    answer->body = NULL;
}
