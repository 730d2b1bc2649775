/* option_check.c: rules across options (what an operator's `check` may say), and options by themselves for tests. */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "options.h"

enum { SAID_MAX = 1024, OWNED_MAX = 64 << 20 };

struct pl_check {
    struct pl_options_reader *reader;
};

/* ---- What `check` calls ---- */

/* Where an option stands for any value, nothing can be held against it; where a number or a choice does, not even
 * against others. */
static void say(struct pl_check *check, const char *option, bool warning, const char *format, va_list arguments) {
    const char *path = option ? option : "";
    char said[SAID_MAX];
    if (check->reader->vague || pl__options_any(check->reader->map, path)) return;
    vsnprintf(said, sizeof said, format, arguments);
    pl__options_problem(check->reader, path, warning, "%s", said);
}

void pl_check_error(struct pl_check *check, const char *option, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(check, option, false, format, arguments);
    va_end(arguments);
}

void pl_check_error_at(struct pl_check *check, const char *option, struct pl_place place, const char *format, ...) {
    struct pl_options_reader *reader = check->reader;
    bool whole;
    if (reader->vague || pl__options_any(reader->map, option)) return;
    struct pl_problem_at at = {.place = place, .repeated = pl__options_find(reader->map, option, &whole)->repeated};
    at.place.file = pl__arena_text(reader->yaml->arena, place.file, strlen(place.file));
    va_list arguments;
    va_start(arguments, format);
    pl__problem_put(reader->yaml->problems, at, "", format, arguments);
    va_end(arguments);
    reader->failed = true;
}

void pl_check_warning(struct pl_check *check, const char *option, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(check, option, true, format, arguments);
    va_end(arguments);
}

bool pl_check_given(const struct pl_check *check, const char *option) {
    bool whole;
    pl__options_find(check->reader->map, option, &whole);
    return whole;
}

void pl__options_check(struct pl_options_reader *reader, void (*check)(void *self, struct pl_check *check),
                       void *self) {
    struct pl_check with = {reader};
    if (check && !reader->failed) check(self, &with);
}

/* ---- Options by themselves ---- */

struct pl_options_owner {
    struct pl_arena *arena;
};

struct shape {
    const char *name; /* in messages */
    const struct pl_option *rows;
    void (*check)(void *self, struct pl_check *check); /* may be NULL */
};

static void read_map(struct pl_yaml_context *context, const struct shape *shape, struct pl_yaml *map, void *self) {
    struct pl_options_reader reader = {.yaml = context, .map = map, .tables = {{.rows = shape->rows, .self = self}}};
    reader.table_count = 1;
    pl__options_read(&reader);
    pl__options_check(&reader, shape->check, self);
}

static const char options_file[] = "options";

static struct pl_yaml *map_of_text(struct pl_yaml_context *context, const void *source) {
    const char *text = source;
    bool empty = text[strspn(text, " \t\r\n")] == 0;
    struct pl_yaml *map = empty ? pl__yaml_new(context, PL_YAML_MAP, (struct pl_place){.file = options_file})
                                : pl__yaml_parse(context, text, strlen(text), options_file);
    if (!map || map->type == PL_YAML_MAP) return map;
    pl__problem(context->problems, map, "options are a map, like size: 10s");
    return NULL;
}

struct arguments {
    const struct pl_argument *list;
    unsigned count;
};

static struct pl_yaml *map_of_arguments(struct pl_yaml_context *context, const void *source) {
    const struct arguments *given = source;
    struct pl_place nowhere = {0};
    struct pl_yaml *map = pl__yaml_new(context, PL_YAML_MAP, nowhere);
    for (unsigned i = 0; map && i < given->count; i++) {
        const char *text = pl__arena_text(context->arena, given->list[i].value, strlen(given->list[i].value));
        const char *key = pl__arena_text(context->arena, given->list[i].name, strlen(given->list[i].name));
        bool nested = text && (text[0] == '[' || text[0] == '{');
        struct pl_yaml *value = !text || !key ? NULL
                                : nested      ? pl__yaml_parse_within(context, text, nowhere)
                                              : pl__yaml_scalar(context, text, nowhere);
        if (!value) return NULL;
        if (!nested) value->plain = false;
        value->key = key;
        pl__yaml_add(map, value);
    }
    if (map) pl__yaml_check_keys(context, map);
    return map;
}

/* The errors as one chain, the first one in front. A file that an option names is told in the text, since its name is
 * the problem's own memory. */
static enum pl_code chain(struct pl_problems *problems, struct pl_error **error) {
    struct pl_problem *list;
    unsigned count;
    if (!pl__problems_take(problems, &list, &count)) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    enum pl_code code = PL_OK;
    for (unsigned i = count; i-- > 0;) {
        if (list[i].warning) continue;
        struct pl_place place = list[i].place;
        bool other = *place.file && strcmp(place.file, options_file) != 0;
        const char *file = other ? place.file : "", *colon = other ? ":" : "";
        if (place.line)
            code = pl_error_set(error, PL_RANGE, "%s%s%d:%d: %s", file, colon, place.line, place.column, list[i].text);
        else
            code = pl_error_set(error, PL_RANGE, "%s%s%s%s", file, colon, other ? " " : "", list[i].text);
    }
    pl_problems_free(list, count);
    return code;
}

static enum pl_code parse(const struct shape *shape, struct pl_yaml *(*make)(struct pl_yaml_context *, const void *),
                          const void *source, void *self, struct pl_options_owner **owner, struct pl_error **error) {
    struct pl_options_owner *made = *owner = PL_NEW(struct pl_options_owner);
    struct pl_yaml_context context = {.arena = made ? pl__arena_new(OWNED_MAX) : NULL, .problems = pl__problems_new()};
    enum pl_code code = PL_OK;
    if (made) made->arena = context.arena;
    if (context.arena && context.problems) {
        struct pl_yaml *map = make(&context, source);
        if (map) read_map(&context, shape, map, self);
        code = pl__arena_code(context.arena);
        if (code)
            pl_error_set(error, code, "%s: %s", shape->name, pl_code_text(code));
        else
            code = chain(context.problems, error);
    } else {
        code = pl_error_set(error, PL_NO_MEMORY, "out of memory");
    }
    pl__problems_free(context.problems);
    if (code) {
        pl_options_free(made);
        *owner = NULL;
    }
    return code;
}

enum pl_code pl_options_parse(const struct pl_operator *op, const char *yaml, void *self,
                              struct pl_options_owner **owner, struct pl_error **error) {
    struct shape shape = {.name = op->name, .rows = op->options, .check = op->check};
    return parse(&shape, map_of_text, yaml ? yaml : "", self, owner, error);
}

enum pl_code pl_arguments_check(const struct pl_operator *op, const struct pl_argument *given, unsigned count,
                                void *self, struct pl_options_owner **owner, struct pl_error **error) {
    struct shape shape = {.name = op->name, .rows = op->options, .check = op->check};
    struct arguments arguments = {.list = given, .count = count};
    return parse(&shape, map_of_arguments, &arguments, self, owner, error);
}

enum pl_code pl_arguments_parse(const char *name, const struct pl_option *rows, const struct pl_argument *given,
                                unsigned count, void *self, struct pl_options_owner **owner, struct pl_error **error) {
    struct shape shape = {.name = name, .rows = rows};
    struct arguments arguments = {.list = given, .count = count};
    return parse(&shape, map_of_arguments, &arguments, self, owner, error);
}

void pl_options_free(struct pl_options_owner *owner) {
    if (!owner) return;
    pl__arena_free(owner->arena);
    pl_free(owner);
}
