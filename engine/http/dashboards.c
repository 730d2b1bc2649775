/* dashboards.c: the resource `dashboards`: what people have put together of charts, kept as they gave it. */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "http/rest_impl.h"
#include "store/documents.h"

enum { ID = 64, DASHBOARDS_MAX = 1000 };
static const char kind[] = "dashboard";

static enum pl_code keep(struct pl__call *call, const char *id, const json_t *value, struct pl_error **error) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    enum pl_code code = value && !text ? PL_NO_MEMORY : PL_UNAVAILABLE;
    if (code != PL_NO_MEMORY && pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store && text) code = pl_document_put(store, kind, id, text, strlen(text), error);
        if (store && !value) code = pl_document_remove(store, kind, id, error);
        pl__rest_leave(call->rest);
    }
    free(text);
    return code;
}

static json_t *load(struct pl__call *call, const char *id) {
    char *text = NULL;
    size_t size = 0;
    struct pl_error *error = NULL;
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store) code = pl_document_get(store, kind, id, &text, &size, &error);
        pl__rest_leave(call->rest);
    }
    json_t *value = code ? NULL : json_loadb(text, size, 0, NULL);
    pl_free(text);
    if (code == PL_NOT_FOUND)
        pl__complain(call, PL__NOT_FOUND, "There is no such dashboard.");
    else if (!value)
        pl__problem_code(call, code ? code : PL_CORRUPT, error ? error->text : NULL);
    pl_error_free(&error);
    return value;
}

static json_t *made_of(struct pl__call *call, const char *id, const char *created) {
    char moment[40];
    const json_t *panels = pl__call_value(call, "panels");
    pl__moment(pl__rest_now(call->rest), moment);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:o}", "dashboardId", id, "title", pl__call_text(call, "title"),
                     "owner", call->who.name, "creationTimestamp", created ? created : moment, "lastModified", moment,
                     "panels", panels, "links", pl__links(call, "dashboards/%s", id));
}

struct listing {
    const struct pl__call *call;
    json_t *list;
    size_t at;
    unsigned highest;
};

static bool list_one(void *arg, const char *id, const char *bytes, size_t size) {
    struct listing *listing = arg;
    unsigned number;
    if (sscanf(id, "dash-%u", &number) == 1 && number > listing->highest) listing->highest = number;
    bool wanted = listing->at >= listing->call->offset && listing->at < listing->call->offset + listing->call->limit;
    if (listing->list && wanted) json_array_append_new(listing->list, json_loadb(bytes, size, 0, NULL));
    listing->at++;
    return true;
}

static enum pl_code look(struct pl__call *call, struct listing *listing, struct pl_error **error) {
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        struct pl_store *store = pl__rest_store(call->rest);
        if (store) code = pl_documents_each(store, kind, list_one, listing, error);
        pl__rest_leave(call->rest);
    }
    return code;
}

void pl__dashboards_list(struct pl__call *call) {
    struct listing listing = {.call = call, .list = json_array()};
    struct pl_error *error = NULL;
    enum pl_code code = look(call, &listing, &error);
    if (code) {
        json_decref(listing.list);
        pl__problem_code(call, code, error ? error->text : NULL);
    } else {
        pl__answer_list(call, listing.list, listing.at > call->offset + call->limit);
    }
    pl_error_free(&error);
}

void pl__dashboards_create(struct pl__call *call) {
    struct listing listing = {.call = call};
    struct pl_error *error = NULL;
    char id[ID], href[PL__PATH];
    enum pl_code code = look(call, &listing, &error);
    if (!code && listing.at >= DASHBOARDS_MAX)
        code = pl_error_set(&error, PL_LIMIT, "there are %d dashboards, which is the most", DASHBOARDS_MAX);
    snprintf(id, sizeof id, "dash-%03u", listing.highest + 1);
    json_t *value = code ? NULL : made_of(call, id, NULL);
    if (!code) code = keep(call, id, value, &error);
    if (code) {
        json_decref(value);
        pl__problem_code(call, code, error ? error->text : NULL);
    } else {
        pl__href(call, href, "dashboards/%s", id);
        json_object_set_new(value, "status", json_string("created"));
        pl__answer_json(call, PL__CREATED, value, href);
    }
    pl_error_free(&error);
}

void pl__dashboards_get(struct pl__call *call) {
    json_t *value = load(call, call->match.value[0]);
    if (value) pl__answer_json(call, PL__OK, value, NULL);
}

/* Who made it, and admins. */
static bool is_own(struct pl__call *call, const json_t *value) {
    const char *owner = json_string_value(json_object_get(value, "owner"));
    if (call->who.role == PL_ROLE_ADMIN || (owner && strcmp(owner, call->who.name) == 0)) return true;
    pl__complain(call, PL__FORBIDDEN, "It is somebody else's.");
    return false;
}

void pl__dashboards_put(struct pl__call *call) {
    const char *id = call->match.value[0];
    struct pl_error *error = NULL;
    json_t *before = load(call, id);
    if (!before) return;
    if (is_own(call, before)) {
        json_t *value = made_of(call, id, json_string_value(json_object_get(before, "creationTimestamp")));
        enum pl_code code = keep(call, id, value, &error);
        if (code) {
            json_decref(value);
            pl__problem_code(call, code, error ? error->text : NULL);
        } else {
            pl__answer_json(call, PL__OK, value, NULL);
        }
    }
    json_decref(before);
    pl_error_free(&error);
}

void pl__dashboards_remove(struct pl__call *call) {
    struct pl_error *error = NULL;
    json_t *before = load(call, call->match.value[0]);
    if (!before) return;
    if (is_own(call, before)) {
        enum pl_code code = keep(call, call->match.value[0], NULL, &error);
        if (code)
            pl__problem_code(call, code, error ? error->text : NULL);
        else
            pl__answer_gone(call);
    }
    json_decref(before);
    pl_error_free(&error);
}
