/* option_path.c: where in a map an option stands, and what it is called in messages. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_TEXT = 512 };

static char *print_path(char *at, const char *end, const struct pl_option_path *path) {
    if (!path) return at;
    at = print_path(at, end, path->outer);
    size_t room = (size_t)(end - at);
    int n = path->name ? snprintf(at, room, "%s%s", path->outer ? "." : "", path->name)
                       : snprintf(at, room, "[%u]", path->index);
    return n < 0 ? at : (size_t)n < room ? at + n : at + room - 1;
}

static void put(struct pl_options_reader *reader, const char *path, struct pl_problem_at at, const char *format,
                va_list arguments) {
    char prefix[PATH_TEXT + 128];
    const char *subject = reader->subject ? reader->subject : "";
    bool both = *subject && *path, any = *subject || *path;
    snprintf(prefix, sizeof prefix, "%s%s%s%s", subject, both ? "." : "", path, any ? ": " : "");
    pl__problem_put(reader->yaml->problems, at, prefix, format, arguments);
    reader->failed = reader->failed || !at.warning;
}

void pl__option_report(struct pl_options_reader *reader, const struct pl_option_path *path, struct pl_problem_at at,
                       const char *format, va_list arguments) {
    char text[PATH_TEXT] = "";
    print_path(text, text + sizeof text, path);
    put(reader, text, at, format, arguments);
}

static struct pl_yaml *child_at(const struct pl_yaml *list, unsigned long index) {
    struct pl_yaml *child = list->type == PL_YAML_LIST ? list->first : NULL;
    while (child && index-- > 0)
        child = child->next;
    return child;
}

const struct pl_yaml *pl__options_find(const struct pl_yaml *map, const char *path, bool *whole) {
    const struct pl_yaml *found = map;
    *whole = true;
    while (*path) {
        const struct pl_yaml *child;
        if (*path == '[') {
            child = child_at(found, strtoul(path + 1, NULL, 10));
            path += strcspn(path, "]");
            path += *path == ']';
        } else {
            char name[PL_QUOTE_MAX];
            path += *path == '.';
            size_t length = strcspn(path, ".[");
            snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), path);
            child = pl__yaml_find(found, name);
            path += length;
        }
        if (!child) {
            *whole = false;
            return found;
        }
        found = child;
    }
    return found;
}

bool pl__options_any(const struct pl_yaml *map, const char *path) {
    bool whole;
    const struct pl_yaml *found = pl__options_find(map, path, &whole);
    return found->any;
}

void pl__options_problem(struct pl_options_reader *reader, const char *path, bool warning, const char *format, ...) {
    bool whole;
    const struct pl_yaml *found = pl__options_find(reader->map, path, &whole);
    struct pl_place place = found == reader->map && found->key ? found->key_place : found->place;
    va_list arguments;
    va_start(arguments, format);
    put(reader, path, (struct pl_problem_at){place, found->repeated, warning}, format, arguments);
    va_end(arguments);
}
