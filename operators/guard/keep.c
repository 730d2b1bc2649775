/* keep.c: what survives the process: m/SCOPE a mode, o/SCOPE an override, t/ORIGIN a generation, p/TAG what passed
 * last.
 *
 * Names that are too long for a key cannot be kept, and what cannot be kept does not pass.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"

enum { POINT_ITEMS = 7, POINT_ITEMS_BEFORE = 6 }; /* a folder may still have it without a model */

static enum pl_code put(struct guard *s, char what, const char *name, struct pl_error **error) {
    char key[PL_NAME_MAX + 3];
    snprintf(key, sizeof key, "%c/%s", what, name);
    return pl_kept_put(s->node, key, s->body, error);
}

enum pl_code keep_drop(struct guard *s, char what, const char *name, struct pl_error **error) {
    char key[PL_NAME_MAX + 3];
    snprintf(key, sizeof key, "%c/%s", what, name);
    return pl_kept_drop(s->node, key, error);
}

enum pl_code keep_mode(struct guard *s, const char *scope, enum mode mode, struct pl_error **error) {
    pl_pack_reset(s->body);
    pl_pack_uint(s->body, mode);
    return put(s, 'm', scope, error);
}

enum pl_code keep_override(struct guard *s, struct override *o, struct pl_error **error) {
    pl_pack_reset(s->body);
    pl_pack_array(s->body, 3);
    pl_pack_int(s->body, o->since);
    pl_pack_str(s->body, o->user);
    pl_pack_str(s->body, o->reason);
    enum pl_code code = put(s, 'o', o->scope, error);
    o->kept = !code;
    return code;
}

static bool good(struct guard *s, enum pl_code code, struct pl_error *error) {
    if (code) pl_node_diag(s->node, PL_ERROR, "what passed is not kept: %s", error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    return !code;
}

bool keep_token(struct guard *s, const struct origin *origin) {
    struct pl_error *error = NULL;
    pl_pack_reset(s->body);
    pl_pack_uint(s->body, origin->token);
    enum pl_code code = put(s, 't', pl_tags_get(pl_node_tags(s->node), origin->name)->name, &error);
    return good(s, code, error);
}

bool keep_point(struct guard *s, const struct point *point) {
    struct pl_error *error = NULL;
    pl_pack_reset(s->body);
    pl_pack_array(s->body, POINT_ITEMS);
    pl_pack_f64(s->body, point->sent);
    pl_pack_int(s->body, point->sent_at);
    pl_pack_int(s->body, point->leased ? point->lease.expiry : 0);
    pl_pack_uint(s->body, point->lease.id);
    pl_pack_bool(s->body, point->returning);
    pl_pack_bool(s->body, point->shed);
    pl_pack_str(s->body, point->lease.model ? pl_tags_get(pl_node_tags(s->node), point->lease.model)->name : "");
    enum pl_code code = put(s, 'p', point_name(s, point), &error);
    return good(s, code, error);
}

/* ---- Loading ---- */

static bool load_mode(struct guard *s, const char *scope, struct pl_unpack *value) {
    uint64_t mode;
    if (!pl_unpack_uint(value, &mode) || mode >= MODES) return false;
    s->lowered |= mode > s->after_restart;
    if (mode > s->after_restart) mode = s->after_restart;
    return mode_load(s, scope, (enum mode)mode);
}

static bool load_override(struct guard *s, const char *scope, struct pl_unpack *value) {
    struct override o = {.kept = true};
    const char *user, *reason;
    size_t user_length, reason_length;
    uint32_t items;
    if (!pl_unpack_array(value, &items) || items != 3 || !pl_unpack_int(value, &o.since) ||
        !pl_unpack_str(value, &user, &user_length) || !pl_unpack_str(value, &reason, &reason_length))
        return false;
    if (user_length >= sizeof o.user || reason_length >= sizeof o.reason) return false;
    memcpy(o.user, user, user_length);
    memcpy(o.reason, reason, reason_length);
    return override_load(s, scope, &o);
}

static bool load_token(struct guard *s, const char *name, struct pl_unpack *value) {
    uint32_t id = pl_tags_intern(pl_node_tags(s->node), name, strlen(name));
    uint64_t token;
    if (id == PL_NO_ID || s->origin_count == ORIGINS_MAX || !pl_unpack_uint(value, &token)) return false;
    s->origins[s->origin_count++] = (struct origin){id, token};
    return true;
}

/* The models that led to it; "": none was said. */
static bool load_model(struct guard *s, struct point *point, struct pl_unpack *value) {
    const char *name;
    size_t length;
    if (!pl_unpack_str(value, &name, &length) || length > PL_NAME_MAX) return false;
    point->lease.model = length ? pl_tags_intern(pl_node_tags(s->node), name, length) : 0;
    return point->lease.model != PL_NO_ID;
}

/* Of a tag without limits nothing is known any more. */
static bool load_point(struct guard *s, const char *name, struct pl_unpack *value) {
    uint32_t items, id = pl_tags_intern(pl_node_tags(s->node), name, strlen(name));
    struct point *point = id == PL_NO_ID ? NULL : point_get(s, id);
    if (!point) return id != PL_NO_ID && !s->failed;
    if (!pl_unpack_array(value, &items) || (items != POINT_ITEMS && items != POINT_ITEMS_BEFORE) ||
        !pl_unpack_f64(value, &point->sent) || !pl_unpack_int(value, &point->sent_at) ||
        !pl_unpack_int(value, &point->lease.expiry) || !pl_unpack_uint(value, &point->lease.id) ||
        !pl_unpack_bool(value, &point->returning) || !pl_unpack_bool(value, &point->shed) ||
        (items == POINT_ITEMS && !load_model(s, point, value)))
        return false;
    s->shed += point->shed;
    point->leased = point->lease.expiry != 0; /* it lapses when it is not renewed, as if nothing had happened */
    point->lease.value = point->sent;
    point->lease.origin = s->own;
    point->lease.taken = machine_now();
    point->alone = s->plant;
    return true;
}

static enum pl_code load_one(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    struct guard *s = arg;
    const char *name = key[0] && key[1] == '/' ? key + 2 : "";
    bool read = false;
    switch (key[0]) {
    case 'm': read = load_mode(s, name, value); break;
    case 'o': read = load_override(s, name, value); break;
    case 't': read = load_token(s, name, value); break;
    case 'p': read = load_point(s, name, value); break;
    default: break;
    }
    return read ? PL_OK : pl_error_set(error, PL_CORRUPT, "what the guard has kept as %s cannot be read", key);
}

enum pl_code keep_load(struct guard *s, struct pl_error **error) {
    enum pl_code code = pl_kept_each(s->node, load_one, s, error);
    bool known = false;
    for (unsigned i = 0; i < s->mode_count && !code; i++) {
        known |= strcmp(s->modes[i].scope, "ALL") == 0;
        if (s->lowered) code = keep_mode(s, s->modes[i].scope, s->modes[i].mode, error); /* for the next restart, too */
    }
    if (code || known) return code;
    code = keep_mode(s, "ALL", (enum mode)s->mode, error); /* from now on people say it, not the graph */
    if (!code && !mode_load(s, "ALL", (enum mode)s->mode)) code = pl_error_set(error, PL_NO_MEMORY, "no memory");
    return code;
}
