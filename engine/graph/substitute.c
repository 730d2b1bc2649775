/* substitute.c: ${NAME}, ${NAME:-default}, $$ and {variable} in texts. */
#include "expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "file.h"

enum { NAME_MAX_LENGTH = 128 };

struct substitution {
    const struct pl_expansion *expansion;
    const struct pl_variable *scope;
    struct pl_yaml *at;
    struct pl_buffer out;
    bool environment; /* ${NAME} is looked up here */
};

static bool is_name(const char *text, size_t length) {
    if (length == 0 || length >= NAME_MAX_LENGTH || (text[0] >= '0' && text[0] <= '9')) return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(c >= '0' && c <= '9')) return false;
    }
    return true;
}

static void report_unset(const struct substitution *s, const char *name) {
    struct pl_problems *problems = s->expansion->yaml->problems;
    if (s->expansion->checking)
        pl__problem_warn(problems, s->at, "environment variable %s is not set; taken for any value", name);
    else
        pl__problem(problems, s->at, "environment variable %s is not set; ${%s:-...} would give it a default", name,
                    name);
    s->at->any = true;
}

/* What stands between "${" and "}". */
static void put_environment(struct substitution *s, const char *inside, size_t length) {
    const char *colon = memchr(inside, ':', length);
    size_t name_length = colon ? (size_t)(colon - inside) : length;
    bool bad_default = colon && (size_t)(colon - inside) + 1 < length ? colon[1] != '-' : colon != NULL;
    if (!is_name(inside, name_length) || bad_default) {
        pl__problem(s->expansion->yaml->problems, s->at,
                    "\"${%.*s}\" is not ${NAME} or ${NAME:-default}; a $ of its own is written $$",
                    length > 60 ? 60 : (int)length, inside);
        s->at->any = true;
        return;
    }
    char name[NAME_MAX_LENGTH];
    memcpy(name, inside, name_length);
    name[name_length] = 0;
    const char *value = getenv(name);
    if (colon && (!value || !*value))
        pl_buffer_put(&s->out, colon + 2, length - name_length - 2);
    else if (value)
        pl_buffer_put(&s->out, value, strlen(value));
    else
        report_unset(s, name);
}

static const struct pl_variable *find_variable(const struct pl_variable *scope, const char *name, size_t length) {
    for (; scope; scope = scope->outer)
        if (strlen(scope->name) == length && memcmp(scope->name, name, length) == 0) return scope;
    return NULL;
}

/* "${...}" at `from`; returns what is behind it. */
static const char *put_dollar(struct substitution *s, const char *from) {
    const char *end = strchr(from, '}');
    if (!end) {
        pl__problem(s->expansion->yaml->problems, s->at, "\"${\" without \"}\"; a $ of its own is written $$");
        s->at->any = true;
        return from + strlen(from);
    }
    put_environment(s, from + 2, (size_t)(end - from) - 2);
    return end + 1;
}

/* "{name}" of a variable at `from`: what is behind it. NULL: these braces stand for themselves. */
static const char *put_variable(struct substitution *s, const char *from) {
    const char *end = memchr(from, '}', strnlen(from, PL_VARIABLE_MAX + 2));
    const struct pl_variable *variable = end ? find_variable(s->scope, from + 1, (size_t)(end - from) - 1) : NULL;
    if (!variable) return NULL;
    pl_buffer_put(&s->out, variable->value, strlen(variable->value));
    *variable->used = true;
    return end + 1;
}

/* Takes one piece at `from` and returns what is behind it. */
static const char *put_piece(struct substitution *s, const char *from) {
    if (s->environment && from[0] == '$' && from[1] == '{') return put_dollar(s, from);
    const char *behind = from[0] == '{' ? put_variable(s, from) : NULL;
    if (behind) return behind;
    bool escaped = s->environment && from[0] == '$' && from[1] == '$';
    size_t plain = escaped ? 1 : 1 + strcspn(from + 1, "${");
    pl_buffer_put(&s->out, from, plain);
    return from + plain + escaped;
}

static const char *substituted(struct substitution *s, const char *text) {
    struct pl_yaml_context *yaml = s->expansion->yaml;
    if (!strpbrk(text, s->scope ? "${" : "$")) return text;
    pl_buffer_init(&s->out, PL_FILE_SIZE_MAX);
    for (const char *at = text; *at;)
        at = put_piece(s, at);
    const char *result = NULL;
    if (pl_buffer_failed(&s->out))
        pl__arena_fail(yaml->arena, PL_LIMIT);
    else
        result = pl__arena_text(yaml->arena, s->out.data, s->out.size);
    pl_buffer_fini(&s->out);
    return result ? result : text;
}

void pl__substitute(const struct pl_expansion *expansion, struct pl_yaml *scalar, const struct pl_variable *scope) {
    struct substitution s = {.expansion = expansion, .scope = scope, .at = scalar, .environment = true};
    const char *text = substituted(&s, scalar->text);
    if (!scalar->any) scalar->text = text; /* what is unknown keeps its own text, for messages */
}

void pl__substitute_key(const struct pl_expansion *expansion, struct pl_yaml *value, const struct pl_variable *scope) {
    struct substitution s = {.expansion = expansion, .scope = scope, .at = value};
    if (scope) value->key = substituted(&s, value->key);
}
