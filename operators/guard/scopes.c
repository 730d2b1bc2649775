/* scopes.c: what people may name: ALL, a line, an asset, a tag. */
#include <string.h>
#include <strings.h>

#include "guard.h"

enum { NAMES_MAX = 1024 };

const char *scope_read(const char *text, struct pl_error **error) {
    if (strcasecmp(text, "ALL") == 0) return "ALL";
    if (*text && strlen(text) <= PL_NAME_MAX - 2 && !strpbrk(text, "*?{} \t\r\n#")) return text;
    pl_error_set(error, PL_SYNTAX, "'%s' is no asset, line or tag, nor ALL", text);
    return NULL;
}

bool scope_covers(const char *scope, const char *name) {
    size_t length = strlen(scope);
    if (strcmp(scope, "ALL") == 0) return true;
    return strncmp(scope, name, length) == 0 && (name[length] == 0 || name[length] == '.');
}

/* Of those that are in use already, which are found soonest. */
static bool is_in_use(const struct guard *s, const char *scope) {
    for (uint32_t i = 0; i < s->point_count; i++)
        if (scope_covers(scope, point_name(s, &s->points[i]))) return true;
    for (unsigned i = 0; i < s->override_count; i++)
        if (scope_covers(s->overrides[i].scope, scope)) return true;
    for (unsigned i = 0; i < s->mode_count; i++)
        if (strcmp(s->modes[i].scope, scope) == 0) return true;
    return false;
}

static const char *asset_of(const struct guard *s, const struct pl_tag *tag) {
    return tag->asset ? pl_tags_get(pl_node_tags(s->node), tag->asset)->name : tag->name;
}

enum pl_code scope_known(const struct guard *s, const char *scope, struct pl_error **error) {
    const struct pl_tags *tags = pl_node_tags(s->node);
    const char *names[NAMES_MAX], *last = "";
    uint32_t count = pl_tags_count(tags);
    size_t named = 0;
    if (strcmp(scope, "ALL") == 0 || is_in_use(s, scope)) return PL_OK;
    for (uint32_t id = 1; id < count; id++) {
        const struct pl_tag *tag = pl_tags_get(tags, id);
        if (!limit_of(s, tag->name)) continue;
        if (scope_covers(scope, tag->name)) return PL_OK;
        if (named + 2 > NAMES_MAX) continue;
        names[named++] = tag->name;
        if (strcmp(last, asset_of(s, tag)) != 0) names[named++] = last = asset_of(s, tag);
    }
    const char *nearest = pl_text_nearest(scope, names, named);
    return pl_error_set(
        error, PL_NOT_FOUND, "no set point of %s is known to %s%s%s%s; --anyway takes it as it is, for what is to come",
        scope, pl_node_name(s->node), nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}
