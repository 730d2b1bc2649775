#include "rest.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"
#include "http/rest_impl.h"

enum { QUICK = 4, QUICK_WAITING = 256, QUICK_SHARE = 64, SLOW = 1, SLOW_WAITING = 16, SLOW_SHARE = 12 };

static const struct pl_rest_version versions[] = {{"v1", pl__rest_v1}, {NULL, NULL}};

/* ---- The engine ---- */

bool pl__rest_enter(struct pl_rest *rest) {
    pthread_mutex_lock(&rest->lock);
    bool there = rest->engine != NULL && !atomic_load(&rest->leaving);
    rest->inside += there;
    pthread_mutex_unlock(&rest->lock);
    return there;
}

void pl__rest_leave(struct pl_rest *rest) {
    pthread_mutex_lock(&rest->lock);
    if (--rest->inside == 0) pthread_cond_broadcast(&rest->left);
    pthread_mutex_unlock(&rest->lock);
}

struct pl_store *pl__rest_store(struct pl_rest *rest) {
    return pl_engine_store(rest->engine);
}

pl_time pl__rest_now(const struct pl_rest *rest) {
    struct pl_clock wall;
    (void)rest;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    return pl_clock_now(&wall);
}

/* Tokens of one data folder are no good at another. */
static void set_issuer(struct pl_rest *rest, struct pl_store *store) {
    char identity[PL_STORE_IDENTITY] = "";
    pl_store_identity(store, identity, NULL);
    snprintf(rest->issuer, sizeof rest->issuer, "potline/%s", identity);
}

/* On the server's thread: another engine may have another folder. */
static void attach(void *arg) {
    struct pl_rest *rest = arg;
    struct pl_error *error = NULL;
    rest->loaded = false;
    pl__push_engine(rest->push);
    if (!pl__rest_enter(rest)) return;
    struct pl_store *store = pl__rest_store(rest);
    enum pl_code code = PL_UNAVAILABLE;
    if (store) {
        set_issuer(rest, store);
        code = pl_signing_load(&rest->signing, store, pl__rest_now(rest), &error);
        if (!code) code = pl_grants_load(rest->grants, store, pl__rest_now(rest), &error);
        if (code) pl_diag(PL_ERROR, "https: nobody can sign in: %s", error ? error->text : pl_code_text(code));
    }
    rest->loaded = !code;
    pl_error_free(&error);
    pl__rest_leave(rest);
}

static void make_first_admin(void *arg) { /* on a worker */
    struct pl_rest *rest = arg;
    if (!pl__rest_enter(rest)) return;
    pl__first_admin(rest);
    pl__rest_leave(rest);
}

void pl_rest_show(struct pl_rest *rest, struct pl_engine *engine, struct pl_control *control) {
    if (!rest) return;
    bool there = engine && control;
    pthread_mutex_lock(&rest->lock);
    atomic_store(&rest->leaving, true);
    while (rest->inside)
        pthread_cond_wait(&rest->left, &rest->lock);
    bool was = rest->engine != NULL;
    rest->engine = there ? engine : NULL;
    rest->control = there ? control : NULL;
    atomic_store(&rest->leaving, false);
    pthread_mutex_unlock(&rest->lock);
    if (there || was) pl_http_post(rest->options.server, &rest->attached, attach, rest);
    if (there) pl_workers_do(rest->quick, "", make_first_admin, rest);
}

/* ---- Requests ---- */

static bool is_plain_id(const char *text) {
    size_t length = strlen(text);
    return length < PL_ASK_CORRELATION &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:~+/=")] == 0;
}

static void make_id(char text[PL_ASK_CORRELATION]) {
    uint8_t bytes[16] = {0};
    RAND_bytes(bytes, sizeof bytes);
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(text + (size_t)2 * i, 3, "%02x", bytes[i]);
}

static bool may(struct pl__call *call) {
    if (call->route->open || call->route->roles & PL_MAY(call->who.role)) return true;
    pl__call_audit(call, call->route->command ? call->route->command : call->route->name, call->request->path,
                   "refused");
    pl__complain(call, PL__FORBIDDEN, "It is not for the role %s.", pl_role_names[call->who.role]);
    return false;
}

/* Everything below the base but for what is open wants a token, whether or not it is there. */
static void serve(struct pl__call *call) {
    bool there = pl_rest_match(versions, call->request->method, call->request->path, &call->match);
    call->route = call->match.route;
    bool open = call->route && call->route->open;
    bool bare = call->request->method == PL_HTTP_METHODS; /* has no headers, so no token */
    if (!call->rest->loaded && !(open && call->request->method == PL_HTTP_GET)) {
        pl__problem_wait(call, PL__NOT_NOW, 1, "The engine is being started, or ends.");
        return;
    }
    if (!open && !bare && !pl__sign_in(call)) return;
    pl_http_note(call->exchange, call->correlation, call->who.name);
    if (!there) {
        pl__complain(call, PL__NOT_FOUND, "There is no such resource.");
    } else if (!call->route) {
        pl__problem_method(call);
    } else if (may(call) && pl__fields_read(call) && pl__memory_begin(call)) {
        if (call->route->run)
            call->route->run(call);
        else
            pl__call_command(call);
    }
}

/* Pages that belong to no version of the interface. */
static bool serve_page(struct pl_rest *rest, struct pl_http_exchange *exchange) {
    const struct pl_http_request *request = pl_http_request(exchange);
    if (request->method > PL_HTTP_HEAD) return false;
    if (request->near && rest->options.monitor && pl_monitor_answer(rest->options.monitor, exchange)) return true;
    return pl__files_answer(rest->files, exchange);
}

static unsigned refusal_of(struct pl__call *call, unsigned *wait) {
    const struct pl_http_request *request = call->request;
    *wait = 0;
    if (request->refused) return request->refused;
    return pl_limits_take(call->rest->limits, PL_LIMITED_REQUESTS, request->peer, pl_clock_monotonic(), wait)
               ? 0
               : PL__TOO_MANY;
}

static void refuse(struct pl__call *call, unsigned status, unsigned wait) {
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {{PL__BAD, "It is no request: its path, a header or its length is not one."},
                 {PL__LENGTH, "A Content-Length is expected."},
                 {PL__TOO_LARGE, "A body of at most 1 MiB is expected."},
                 {PL__NOT_DONE, "A Transfer-Encoding is not understood."},
                 {PL__TOO_MANY, "Too many requests from this address."}};
    const char *text = "";
    for (unsigned i = 0; i < PL_COUNT_OF(texts); i++)
        if (texts[i].status == status) text = texts[i].text;
    pl__problem_wait(call, status, wait, text);
}

static void handle(void *arg, struct pl_http_exchange *exchange) {
    struct pl_rest *rest = arg;
    const struct pl_http_request *request = pl_http_request(exchange);
    struct pl__call *call = PL_NEW(struct pl__call);
    unsigned wait;
    if (!call) {
        struct pl_http_reply reply;
        pl_http_reply_init(&reply, PL__BROKEN, NULL);
        pl_http_answer(exchange, &reply);
        return;
    }
    *call = (struct pl__call){.rest = rest, .exchange = exchange, .request = request};
    unsigned refused = refusal_of(call, &wait);
    const char *given = request->header[PL_HTTP_CORRELATION_ID];
    if (given[0] && is_plain_id(given))
        snprintf(call->correlation, sizeof call->correlation, "%s", given);
    else
        make_id(call->correlation);
    pl_http_note(exchange, call->correlation, "");
    if (refused) {
        refuse(call, refused, wait);
    } else if (!is_plain_id(given)) {
        json_t *errors = json_array();
        pl__field_error(errors, "x-correlation-id", "at most %d of A-Z a-z 0-9 - . _ : ~ + / = are expected",
                        PL_ASK_CORRELATION - 1);
        pl__problem_fields(call, errors);
    } else if (pl_rest_is_below(request->path)) {
        serve(call);
    } else if (strcmp(request->path, "/openapi.json") == 0) {
        call->match.methods = 1u << PL_HTTP_GET;
        if (request->method <= PL_HTTP_HEAD)
            pl__openapi_answer(call);
        else
            pl__problem_method(call);
    } else if (serve_page(rest, exchange)) {
        pl__call_free(call);
    } else {
        pl__complain(call, PL__NOT_FOUND, "There is no such page.");
    }
}

/* ---- Life ---- */

static void tick(void *arg) {
    struct pl_rest *rest = arg;
    struct pl_error *error = NULL;
    pl__push_tick(rest->push);
    pl_provider_tick(rest->provider, pl_clock_monotonic());
    pl_access_flush(rest->access);
    pl__pages_tick(rest->pages);
    if (!rest->loaded || !pl__rest_enter(rest)) return;
    pl_time now = pl__rest_now(rest);
    if (now - rest->signing.made > PL_SIGNING_LIFE &&
        pl_signing_load(&rest->signing, pl__rest_store(rest), now, &error))
        pl_diag(PL_ERROR, "https: no new key for tokens: %s", error ? error->text : "no memory");
    if (now / PL_SECOND % 60 == 0) pl_grants_sweep(rest->grants, pl__rest_store(rest), now);
    pl_error_free(&error);
    pl__rest_leave(rest);
}

static enum pl_code make_provider(struct pl_rest *rest, struct pl_error **error) {
    const struct pl_rest_options *options = &rest->options;
    if (!options->jwks && !options->issuer) return PL_OK;
    if (!options->jwks || !options->issuer)
        return pl_error_set(error, PL_USAGE, "an issuer and its keys (JWKS) belong together");
    return pl_provider_new(
        &(struct pl_provider_options){.server = options->server, .source = options->jwks, .ca = options->ca},
        &rest->provider, error);
}

static void served(void *arg, const struct pl_http_served *served) {
    const struct pl_rest *rest = arg;
    pl_access_put(rest->access, served);
}

enum pl_code pl_rest_new(const struct pl_rest_options *options, struct pl_rest **rest, struct pl_error **error) {
    struct pl_rest *r = *rest = PL_NEW(struct pl_rest);
    if (!r) return pl_error_set(error, PL_NO_MEMORY, "no memory for the REST interface");
    r->options = *options;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->left, NULL);
    r->limits = pl_limits_new();
    r->grants = pl_grants_new();
    r->memory = pl__memory_new();
    r->runs = pl__runs_new();
    r->push = pl__push_new(r);
    r->pages = pl__pages_new();
    r->quick = pl_workers_new("http quick", QUICK, QUICK_WAITING, QUICK_SHARE);
    r->slow = pl_workers_new("http slow", SLOW, SLOW_WAITING, SLOW_SHARE);
    r->document = pl__openapi(&versions[0]);
    bool whole =
        r->limits && r->grants && r->memory && r->runs && r->push && r->pages && r->quick && r->slow && r->document;
    enum pl_code code = whole ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the REST interface");
    if (!code) code = make_provider(r, error);
    if (!code && options->log) code = pl_access_new(options->log, PL_ACCESS_BYTES, &r->access, error);
    if (!code && !(r->files = pl__files_new(options->files, error))) code = PL_IO;
    if (!code) {
        pl_http_on_tick(options->server, tick, r);
        return PL_OK;
    }
    pl_rest_end(r);
    pl_rest_free(r);
    *rest = NULL;
    return code;
}

enum pl_code pl_rest_listen(struct pl_rest *rest, const char *address, const struct pl_identity_files *identity,
                            int *port, struct pl_error **error) {
    struct pl_http_identity own = {0};
    struct pl_http_listener listener = {
        .address = address, .bodies = true, .handle = handle, .served = served, .arg = rest};
    if (!identity && !pl_http_is_loopback(address))
        return pl_error_set(error, PL_USAGE, "%s: in the clear only on this machine: passwords and tokens are sent",
                            address);
    if (identity) own = (struct pl_http_identity){identity->certificate, identity->key};
    if (identity) listener.identity = &own;
    return pl_http_listen(rest->options.server, &listener, port, error);
}

void pl_rest_end(struct pl_rest *rest) {
    if (!rest) return;
    pl__runs_stop(rest->runs);
    pl_workers_end(rest->quick);
    pl_workers_end(rest->slow);
    pl_provider_end(rest->provider);
}

void pl_rest_free(struct pl_rest *rest) {
    if (!rest) return;
    pl_limits_free(rest->limits);
    pl_grants_free(rest->grants);
    pl_signing_fini(&rest->signing);
    pl_provider_free(rest->provider);
    pl_access_free(rest->access);
    pl__memory_free(rest->memory);
    pl__runs_free(rest->runs);
    pl_workers_free(rest->quick);
    pl_workers_free(rest->slow);
    pl__push_free(rest->push);
    pl__files_free(rest->files);
    pl__pages_free(rest->pages);
    pl_free(rest->document);
    pthread_mutex_destroy(&rest->lock);
    pthread_cond_destroy(&rest->left);
    pl_free(rest);
}
