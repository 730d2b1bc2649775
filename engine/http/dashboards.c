/* dashboards.c: the resource `dashboards`: what people have put together of charts, kept as they gave it. */
#include <string.h>

#include "http/rest_impl.h"

/* 1,000 of 256 KiB each are a quarter of a gigabyte of the data folder. */
static const struct pl__documents dashboards = {
    .kind = "dashboard", .id = "dash", .path = "dashboards", .what = "dashboard", .most = 1000, .bytes = 256 << 10};

static json_t *made_of(struct pl__call *call, const char *id, const json_t *before) {
    char moment[40];
    const char *owner = json_string_value(json_object_get(before, "owner"));
    const char *created = json_string_value(json_object_get(before, "creationTimestamp"));
    pl__moment(pl__rest_now(call->rest), moment);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:I, s:o}", "dashboardId", id, "title",
                     pl__call_text(call, "title"), "owner", owner ? owner : call->who.name, "creationTimestamp",
                     created ? created : moment, "lastModified", moment, "panels", pl__call_value(call, "panels"),
                     "revision", pl__document_revision(before) + 1, "links", pl__links(call, "dashboards/%s", id));
}

static json_t *shown(const struct pl__call *call, json_t *value) {
    (void)call;
    return value;
}

void pl__dashboards_list(struct pl__call *call) {
    pl__documents_list(call, &dashboards, NULL, shown);
}

void pl__dashboards_create(struct pl__call *call) {
    struct pl_error *error = NULL;
    char id[PL__DOCUMENT_NAME], href[PL__PATH];
    enum pl_code code = pl__document_next(call, &dashboards, id, &error);
    json_t *value = code ? NULL : made_of(call, id, NULL);
    if (!code) code = pl__document_keep(call, &dashboards, id, value, &error);
    if (code) {
        json_decref(value);
        pl__problem_code(call, code, error ? error->text : NULL);
    } else {
        pl__call_audit(call, "dashboards create", id, "done");
        pl__href(call, href, "dashboards/%s", id);
        json_object_set_new(value, "status", json_string("created"));
        pl__answer_json(call, PL__CREATED, value, href);
    }
    pl_error_free(&error);
}

void pl__dashboards_get(struct pl__call *call) {
    json_t *value = pl__document_load(call, &dashboards, call->match.value[0]);
    if (value) pl__document_answer(call, value);
}

/* Who made it, and admins. */
static bool is_own(struct pl__call *call, const json_t *value) {
    const char *owner = json_string_value(json_object_get(value, "owner"));
    if (call->who.role == PL_ROLE_ADMIN || (owner && strcmp(owner, call->who.name) == 0)) return true;
    pl__call_audit(call, call->route->name, call->request->path, "refused: it is somebody else's");
    pl__complain(call, PL__FORBIDDEN, "It is somebody else's.");
    return false;
}

void pl__dashboards_put(struct pl__call *call) {
    const char *id = call->match.value[0];
    struct pl_error *error = NULL;
    json_t *before = pl__document_load(call, &dashboards, id);
    if (before && is_own(call, before) && pl__document_is_known(call, &dashboards, before)) {
        json_t *value = made_of(call, id, before);
        enum pl_code code = pl__document_keep(call, &dashboards, id, value, &error);
        if (code) {
            json_decref(value);
            pl__problem_code(call, code, error ? error->text : NULL);
        } else {
            pl__call_audit(call, "dashboards put", id, "done");
            pl__document_answer(call, value);
        }
    }
    json_decref(before);
    pl_error_free(&error);
}

void pl__dashboards_remove(struct pl__call *call) {
    const char *id = call->match.value[0];
    json_t *before = pl__document_load(call, &dashboards, id);
    if (before && is_own(call, before) && pl__document_is_known(call, &dashboards, before) &&
        pl__document_remove(call, &dashboards, id)) {
        pl__call_audit(call, "dashboards remove", id, "done");
        pl__answer_gone(call);
    }
    json_decref(before);
}
