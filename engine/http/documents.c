/* documents.c: resources that are kept as JSON objects in the data folder: "pde-models", "dashboards". Each has an id
 * of its kind and a number, and a `revision`, which its ETag is. */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "http/rest_impl.h"
#include "store/documents.h"

enum { PAGE_BYTES = 1 << 20 }; /* a page of large ones has fewer than were asked for */

/* ---- One ---- */

enum pl_code pl__document_keep(struct pl__call *call, const struct pl__documents *of, const char *id,
                               const json_t *value, struct pl_error **error) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    if (!text) return pl_error_set(error, PL_NO_MEMORY, "no memory for a %s", of->what);
    enum pl_code code = PL_UNAVAILABLE;
    if (strlen(text) > of->bytes) {
        code = pl_error_set(error, PL_LIMIT, "a %s has at most %zu bytes", of->what, of->bytes);
    } else if (pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store) code = pl_document_put(store, of->kind, id, text, strlen(text), error);
        pl__rest_leave(call->rest);
    }
    free(text);
    return code;
}

json_t *pl__document_load(struct pl__call *call, const struct pl__documents *of, const char *id) {
    char *text = NULL;
    size_t size = 0;
    struct pl_error *error = NULL;
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store) code = pl_document_get(store, of->kind, id, &text, &size, &error);
        pl__rest_leave(call->rest);
    }
    json_t *value = code ? NULL : json_loadb(text, size, 0, NULL);
    pl_free(text);
    if (code == PL_NOT_FOUND)
        pl__complain(call, PL__NOT_FOUND, "There is no such %s.", of->what);
    else if (!value)
        pl__problem_code(call, code ? code : PL_CORRUPT, error ? error->text : NULL);
    pl_error_free(&error);
    return value;
}

bool pl__document_remove(struct pl__call *call, const struct pl__documents *of, const char *id) {
    struct pl_error *error = NULL;
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store) code = pl_document_remove(store, of->kind, id, &error);
        pl__rest_leave(call->rest);
    }
    if (code) pl__problem_code(call, code, error ? error->text : NULL);
    pl_error_free(&error);
    return !code;
}

/* ---- A new one ---- */

struct numbering {
    const struct pl__documents *of;
    unsigned highest, count;
};

static bool count_one(void *arg, const char *id, const char *bytes, size_t size) {
    struct numbering *numbering = arg;
    char format[PL__DOCUMENT_NAME + 8];
    unsigned number;
    (void)bytes, (void)size;
    snprintf(format, sizeof format, "%s-", numbering->of->id);
    size_t length = strlen(format);
    if (strncmp(id, format, length) == 0 && sscanf(id + length, "%u", &number) == 1 && number > numbering->highest)
        numbering->highest = number;
    numbering->count++;
    return true;
}

/* An id is not used again, also when what had it is gone: audit, runs and ETags name it. */
static enum pl_code next_number(struct pl_store *store, const char *kind, unsigned highest, unsigned *number,
                                struct pl_error **error) {
    static const char numbers[] = "http-number";
    char text[16], *kept = NULL;
    size_t size;
    unsigned last = 0;
    enum pl_code code = pl_document_get(store, numbers, kind, &kept, &size, error);
    if (!code && sscanf(kept, "%u", &last) != 1) last = 0;
    pl_free(kept);
    if (code && code != PL_NOT_FOUND) return code;
    pl_error_free(error);
    *number = (last > highest ? last : highest) + 1;
    snprintf(text, sizeof text, "%u", *number);
    return pl_document_put(store, numbers, kind, text, strlen(text), error);
}

enum pl_code pl__document_next(struct pl__call *call, const struct pl__documents *of, char id[PL__DOCUMENT_NAME],
                               struct pl_error **error) {
    struct numbering numbering = {.of = of};
    unsigned number = 0;
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store) code = pl_documents_each(store, of->kind, count_one, &numbering, error);
        if (!code && numbering.count >= of->most)
            code = pl_error_set(error, PL_LIMIT, "there are %u %s, which is the most", of->most, of->path);
        if (!code) code = next_number(store, of->kind, numbering.highest, &number, error);
        pl__rest_leave(call->rest);
    }
    snprintf(id, PL__DOCUMENT_NAME, "%s-%03u", of->id, number);
    return code;
}

/* ---- Revisions ---- */

static void make_etag(const json_t *value, char etag[40]) {
    snprintf(etag, 40, "\"%lld\"", (long long)pl__document_revision(value));
}

json_int_t pl__document_revision(const json_t *value) {
    return json_integer_value(json_object_get(value, "revision"));
}

bool pl__document_is_known(struct pl__call *call, const struct pl__documents *of, const json_t *value) {
    char etag[40];
    const char *wanted = call->request->header[PL_HTTP_IF_MATCH];
    make_etag(value, etag);
    if (!wanted[0] || strcmp(wanted, "*") == 0 || strcmp(wanted, etag) == 0) return true;
    pl__complain(call, PL__PRECONDITION, "The %s has been changed by somebody else.", of->what);
    return false;
}

void pl__document_answer(struct pl__call *call, json_t *value) {
    struct pl_http_reply reply;
    char etag[40];
    make_etag(value, etag);
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(value);
    pl__answer_begin(call, &reply, PL__OK, "application/json");
    pl_http_reply_header(&reply, "etag", etag);
    if (text)
        pl_buffer_puts(&reply.body, text);
    else
        reply.body.failed = true;
    free(text);
    pl__answer_reply(call, &reply);
}

/* ---- Pages of them ---- */

struct listing {
    struct pl__call *call;
    bool (*wants)(const struct pl__call *call, const json_t *value);
    json_t *(*shown)(const struct pl__call *call, json_t *value);
    json_t *list;
    size_t passed, bytes; /* of those that are wanted */
    bool more;
};

static bool list_one(void *arg, const char *id, const char *bytes, size_t size) {
    struct listing *listing = arg;
    struct pl__call *call = listing->call;
    (void)id;
    if (!listing->wants && listing->passed < call->offset) { /* what is passed over needs no reading */
        listing->passed++;
        return true;
    }
    json_t *value = json_loadb(bytes, size, 0, NULL);
    if (value && (!listing->wants || listing->wants(call, value))) {
        size_t count = json_array_size(listing->list);
        listing->more = count == call->limit || (count && listing->bytes + size > PAGE_BYTES);
        if (!listing->more && listing->passed++ >= call->offset) {
            json_array_append_new(listing->list, listing->shown(call, json_incref(value)));
            listing->bytes += size;
        }
    }
    json_decref(value);
    return !listing->more;
}

void pl__documents_list(struct pl__call *call, const struct pl__documents *of,
                        bool (*wants)(const struct pl__call *call, const json_t *value),
                        json_t *(*shown)(const struct pl__call *call, json_t *value)) {
    struct listing listing = {.call = call, .wants = wants, .shown = shown, .list = json_array()};
    struct pl_error *error = NULL;
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store) code = pl_documents_each(store, of->kind, list_one, &listing, &error);
        pl__rest_leave(call->rest);
    }
    if (code) {
        json_decref(listing.list);
        pl__problem_code(call, code, error ? error->text : NULL);
    } else {
        pl__answer_list(call, listing.list, listing.more);
    }
    pl_error_free(&error);
}
