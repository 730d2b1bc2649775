#include "template.h"

#include <string.h>

static bool is_name(struct pl_span name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.text[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') return false;
    }
    return name.length > 0;
}

static bool same(struct pl_span a, const char *text, size_t length) {
    return a.length == length && memcmp(a.text, text, length) == 0;
}

/* ---- Patterns ---- */

static const char *parse_level(struct pl_pattern *p, const char *text, size_t length) {
    const char *open = memchr(text, '{', length), *end = text + length;
    const char *close = open ? memchr(open, '}', (size_t)(end - open)) : NULL;
    if (memchr(text, '+', length) || memchr(text, '#', length)) return "say {name} instead of +, and # as a last level";
    if (p->count == PL_TEMPLATE_LEVELS) return "it has more than 32 levels";
    p->level[p->count].before = (struct pl_span){text, open ? (size_t)(open - text) : length};
    p->level[p->count].name = p->level[p->count].behind = (struct pl_span){text, 0};
    if (!open) {
        p->count++;
        return memchr(text, '}', length) ? "a } without a {" : NULL;
    }
    if (!close) return "a { without a }";
    struct pl_span name = {open + 1, (size_t)(close - open - 1)};
    if (!is_name(name)) return "a variable is {lower_case}";
    if (pl_pattern_has(p, name.text, name.length)) return "a variable stands there twice";
    p->level[p->count].name = name;
    p->level[p->count].behind = (struct pl_span){close + 1, (size_t)(end - close - 1)};
    p->count++;
    return memchr(close, '{', (size_t)(end - close)) ? "a level has one variable at most" : NULL;
}

const char *pl_pattern_parse(struct pl_pattern *pattern, const char *text) {
    *pattern = (struct pl_pattern){.count = 0};
    if (!*text) return "it is empty";
    for (const char *at = text;;) {
        const char *slash = strchr(at, '/');
        size_t length = slash ? (size_t)(slash - at) : strlen(at);
        if (!slash && length == 1 && *at == '#') {
            pattern->rest = true;
            return pattern->count ? NULL : "# alone takes what every client says; name a first level";
        }
        const char *why = parse_level(pattern, at, length);
        if (why || !slash) return why;
        at = slash + 1;
    }
}

bool pl_pattern_has(const struct pl_pattern *pattern, const char *name, size_t length) {
    for (unsigned i = 0; i < pattern->count; i++)
        if (pattern->level[i].name.length && same(pattern->level[i].name, name, length)) return true;
    return pattern->rest && length == 1 && *name == '#';
}

bool pl_pattern_filter(const struct pl_pattern *pattern, char *filter, size_t size) {
    size_t used = 0;
    for (unsigned i = 0; i < pattern->count + pattern->rest; i++) {
        static const char any[] = "+", all[] = "#";
        struct pl_span part = {all, 1};
        if (i < pattern->count) {
            bool variable = pattern->level[i].name.length > 0;
            part = variable ? (struct pl_span){any, 1} : pattern->level[i].before;
        }
        if (used + part.length + 2 > size) return false;
        if (i) filter[used++] = '/';
        memcpy(filter + used, part.text, part.length);
        used += part.length;
    }
    filter[used] = 0;
    return true;
}

static bool match_level(const struct pl_pattern *p, unsigned i, struct pl_span text, struct pl_variables *variables) {
    struct pl_span before = p->level[i].before, behind = p->level[i].behind, name = p->level[i].name;
    if (!name.length) return same(before, text.text, text.length);
    if (text.length <= before.length + behind.length || memcmp(text.text, before.text, before.length) != 0 ||
        memcmp(text.text + text.length - behind.length, behind.text, behind.length) != 0)
        return false;
    struct pl_span value = {text.text + before.length, text.length - before.length - behind.length};
    variables->item[variables->count++] = (struct pl_variable){name, value};
    return true;
}

bool pl_pattern_match(const struct pl_pattern *pattern, const char *topic, struct pl_variables *variables) {
    variables->count = 0;
    for (unsigned i = 0; i < pattern->count; i++) {
        const char *slash = strchr(topic, '/');
        struct pl_span text = {topic, slash ? (size_t)(slash - topic) : strlen(topic)};
        bool last = i + 1 == pattern->count && !pattern->rest;
        if (last != !slash || !match_level(pattern, i, text, variables)) return false;
        topic = slash ? slash + 1 : topic + text.length;
    }
    if (!pattern->rest) return true;
    if (!*topic || variables->count == PL_TEMPLATE_VARIABLES) return false;
    variables->item[variables->count++] = (struct pl_variable){{"#", 1}, {topic, strlen(topic)}};
    return true;
}

/* ---- Templates ---- */

bool pl_template_next(const char **at, struct pl_span *name, const char **why) {
    const char *open = strchr(*at, '{'), *stray = strchr(*at, '}');
    *why = NULL;
    if (stray && (!open || stray < open)) *why = "a } without a {";
    if (*why || !open) return false;
    const char *close = strchr(open, '}');
    *name = (struct pl_span){open + 1, close ? (size_t)(close - open - 1) : 0};
    if (!close) *why = "a { without a }";
    if (close && !is_name(*name) && !same(*name, "#", 1)) *why = "a variable is {lower_case}";
    if (*why) return false;
    *at = close + 1;
    return true;
}

static const struct pl_variable *variable_named(const struct pl_variables *variables, struct pl_span name) {
    for (unsigned i = 0; i < variables->count; i++)
        if (same(variables->item[i].name, name.text, name.length)) return &variables->item[i];
    return NULL;
}

static bool put(char *out, size_t size, size_t *used, struct pl_span part, bool dots) {
    if (part.length > size - *used) return false;
    for (size_t i = 0; i < part.length; i++)
        out[*used + i] = dots && part.text[i] == '/' ? '.' : part.text[i];
    *used += part.length;
    return true;
}

size_t pl_template_expand(const char *text, const struct pl_variables *variables, char *out, size_t size) {
    size_t used = 0;
    for (const char *at = text;;) {
        const char *from = at, *why;
        struct pl_span name;
        if (!pl_template_next(&at, &name, &why))
            return !why && put(out, size, &used, (struct pl_span){from, strlen(from)}, false) ? used : 0;
        const struct pl_variable *variable = variable_named(variables, name);
        struct pl_span literal = {from, (size_t)(name.text - 1 - from)};
        if (!variable || !put(out, size, &used, literal, false) ||
            !put(out, size, &used, variable->value, *name.text == '#'))
            return 0;
    }
}
