#include "route.h"

#include <string.h>

bool pl_rest_is_below(const char *path) {
    return strncmp(path, PL_REST_BASE, strlen(PL_REST_BASE)) == 0;
}

/* Segment by segment; a segment in braces takes one that is not empty. */
static bool fits(const char *pattern, const char *path, struct pl_rest_match *match) {
    match->values = 0;
    for (;;) {
        size_t wanted = strcspn(pattern, "/"), found = strcspn(path, "/");
        if (pattern[0] == '{') {
            if (!found || found >= PL_REST_SEGMENT || match->values == PL_REST_SEGMENTS) return false;
            char *value = match->value[match->values++];
            memcpy(value, path, found);
            value[found] = 0;
        } else if (wanted != found || memcmp(pattern, path, wanted) != 0) {
            return false;
        }
        pattern += wanted;
        path += found;
        if (!*pattern || !*path) return *pattern == *path;
        pattern++;
        path++;
    }
}

static const struct pl_rest_version *version_of(const struct pl_rest_version *versions, const char **path) {
    const char *at = *path + strlen(PL_REST_BASE);
    size_t length = strcspn(at, "/");
    for (; versions->name; versions++) {
        if (strlen(versions->name) != length || memcmp(at, versions->name, length) != 0 || !at[length]) continue;
        *path = at + length + 1;
        return versions;
    }
    return NULL;
}

bool pl_rest_match(const struct pl_rest_version *versions, enum pl_http_method method, const char *path,
                   struct pl_rest_match *match) {
    struct pl_rest_match tried;
    if (method == PL_HTTP_HEAD) method = PL_HTTP_GET;
    *match = (struct pl_rest_match){0};
    if (!pl_rest_is_below(path)) return false;
    const struct pl_rest_version *version = version_of(versions, &path);
    for (const struct pl_rest_route *route = version ? version->routes : NULL; route && route->path; route++) {
        if (!fits(route->path, path, &tried) || (match->methods && tried.values > match->values)) continue;
        if (!match->methods || tried.values < match->values) *match = (struct pl_rest_match){.values = tried.values};
        match->methods |= 1u << route->method;
        if (route->method != method || match->route) continue;
        match->route = route;
        memcpy(match->value, tried.value, sizeof tried.value);
    }
    match->version = version;
    return match->methods != 0;
}
