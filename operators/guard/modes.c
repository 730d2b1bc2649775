/* modes.c: who decides, of a tag, an asset, a line or all: the narrowest that has been said holds. */
#include <potline/alloc.h>
#include <string.h>

#include "guard.h"

const char *const mode_names[MODES + 1] = {"manual", "advise", "approve", "auto", NULL};

enum mode mode_of(const struct guard *s, const char *name) {
    size_t narrowest = 0;
    enum mode mode = (enum mode)s->mode;
    for (unsigned i = 0; i < s->mode_count; i++) {
        const struct scope_mode *m = &s->modes[i];
        size_t length = strcmp(m->scope, "ALL") == 0 ? 1 : 1 + strlen(m->scope);
        if (length < narrowest || !scope_covers(m->scope, name)) continue;
        narrowest = length;
        mode = m->mode;
    }
    return mode;
}

/* One more than SCOPES_MAX: while a new one takes the place of those under it, both are there. */
bool mode_load(struct guard *s, const char *scope, enum mode mode) {
    char *own = s->mode_count <= SCOPES_MAX ? pl_strdup(scope) : NULL;
    if (!own) return false;
    s->modes[s->mode_count++] = (struct scope_mode){own, mode};
    return true;
}

static bool hold(struct guard *s, const char *scope, enum mode mode) {
    for (unsigned i = 0; i < s->mode_count; i++) {
        if (strcmp(scope, s->modes[i].scope) != 0) continue;
        s->modes[i].mode = mode;
        return true;
    }
    return mode_load(s, scope, mode);
}

static bool is_below(const char *scope, const struct scope_mode *m) {
    return scope_covers(scope, m->scope) && strcmp(scope, m->scope) != 0;
}

/* What was said of parts of it is over. */
static enum pl_code forget_below(struct guard *s, const char *scope, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned i = s->mode_count; i-- > 0 && !code;) {
        if (!is_below(scope, &s->modes[i])) continue;
        code = keep_drop(s, 'm', s->modes[i].scope, error);
        if (code) break;
        pl_free(s->modes[i].scope);
        s->modes[i] = s->modes[--s->mode_count];
    }
    return code;
}

/* Nothing of it is more automatic from now on. */
static void restrain(struct guard *s, const char *scope, enum mode mode) {
    for (unsigned i = 0; i < s->mode_count; i++)
        if (is_below(scope, &s->modes[i]) && s->modes[i].mode > mode) s->modes[i].mode = mode;
    for (uint32_t i = 0; i < s->point_count && mode < MODE_APPROVE; i++)
        if (scope_covers(scope, point_name(s, &s->points[i]))) lease_drop(s, &s->points[i]);
}

static bool has_room(const struct guard *s, const char *scope) {
    for (unsigned i = 0; i < s->mode_count; i++)
        if (scope_covers(scope, s->modes[i].scope)) return true; /* it takes that one's place */
    return s->mode_count < SCOPES_MAX;
}

/* To less automatic it holds at once, whether it can be kept or not; to more, it is kept first. */
enum pl_code mode_set(struct guard *s, const char *scope, enum mode mode, struct pl_error **error) {
    enum mode before = mode_of(s, scope);
    if (!has_room(s, scope))
        return pl_error_set(error, PL_LIMIT, "modes of %d scopes are there; set one of ALL", SCOPES_MAX);
    if (!hold(s, scope, mode < before ? mode : before))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a mode");
    restrain(s, scope, mode);
    enum pl_code code = keep_mode(s, scope, mode, error);
    if (code) return code;
    hold(s, scope, mode);
    return forget_below(s, scope, error);
}
