/* yaml.c: from libyaml's events to a tree. */
#include "yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include <potline/alloc.h>

#include "base/utf8.h"
#include "file.h"

struct parser {
    yaml_parser_t yaml;
    struct pl_yaml_context *context;
    const char *text;
    size_t length;
    const char *file;
    const struct pl_place *within; /* all of it stands there; NULL: at lines and columns of its own */
    bool stopped;
};

/* ---- Trees ---- */

struct pl_yaml *pl__yaml_new(struct pl_yaml_context *context, enum pl_yaml_type type, struct pl_place place) {
    struct pl_yaml *value = PL__ARENA_NEW(context->arena, struct pl_yaml);
    if (!value) return NULL;
    value->type = type;
    value->place = place;
    context->values++;
    return value;
}

struct pl_yaml *pl__yaml_scalar(struct pl_yaml_context *context, const char *text, struct pl_place place) {
    struct pl_yaml *value = pl__yaml_new(context, PL_YAML_SCALAR, place);
    if (!value) return NULL;
    value->plain = true;
    value->text = text;
    return value;
}

void pl__yaml_add(struct pl_yaml *parent, struct pl_yaml *child) {
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

struct pl_yaml *pl__yaml_find(const struct pl_yaml *map, const char *key) {
    if (!map || map->type != PL_YAML_MAP) return NULL;
    for (struct pl_yaml *child = map->first; child; child = child->next)
        if (strcmp(child->key, key) == 0) return child;
    return NULL;
}

bool pl__yaml_null(const struct pl_yaml *value) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (value->type != PL_YAML_SCALAR || !value->plain || value->any) return false;
    for (size_t i = 0; i < PL_COUNT_OF(nulls); i++)
        if (strcmp(value->text, nulls[i]) == 0) return true;
    return false;
}

/* ---- Keys given twice ---- */

struct keyed {
    struct pl_yaml *value;
    uint32_t order;
};

static int compare_keys(const void *left, const void *right) {
    const struct keyed *a = left, *b = right;
    int by_key = strcmp(a->value->key, b->value->key);
    return by_key ? by_key : a->order < b->order ? -1 : 1;
}

static void report_twice(struct pl_yaml_context *context, const struct pl_yaml *first, const struct pl_yaml *again) {
    char quoted[PL_QUOTE_MAX];
    const struct pl_place *a = &first->key_place, *b = &again->key_place;
    const struct pl_yaml key = {.place = *b, .repeated = again->repeated};
    bool same_file = strcmp(a->file, b->file) == 0;
    if (!same_file || a->line != b->line || a->column != b->column)
        pl__problem(context->problems, &key, "%s is given twice, first at %s%s%d:%d", pl__quote(quoted, again->key),
                    same_file ? "" : a->file, same_file ? "" : ":", a->line, a->column);
    else if (!strchr(again->key, '{')) /* what is left in braces will be reported as no name */
        pl__problem(context->problems, &key, "foreach makes %s several times; the name needs each of its variables",
                    pl__quote(quoted, again->key));
}

/* Children without a key leave the map. */
static void take_out(struct pl_yaml *map) {
    struct pl_yaml *child = map->first;
    map->first = map->last = NULL;
    map->count = 0;
    for (struct pl_yaml *next; child; child = next) {
        next = child->next;
        child->next = NULL;
        if (child->key) pl__yaml_add(map, child);
    }
}

void pl__yaml_check_keys(struct pl_yaml_context *context, struct pl_yaml *map) {
    if (map->count < 2) return;
    struct keyed *sorted = pl__arena_alloc(context->arena, map->count * sizeof *sorted);
    if (!sorted) return;
    uint32_t count = 0, twice = 0;
    for (struct pl_yaml *child = map->first; child; child = child->next, count++)
        sorted[count] = (struct keyed){child, count};
    qsort(sorted, count, sizeof *sorted, compare_keys);
    for (uint32_t i = 1, first = 0; i < count; i++) {
        if (strcmp(sorted[first].value->key, sorted[i].value->key) != 0) {
            first = i;
            continue;
        }
        report_twice(context, sorted[first].value, sorted[i].value);
        sorted[i].value->key = NULL;
        twice++;
    }
    if (twice) take_out(map);
}

/* ---- Syntax errors ---- */

static struct pl_place place_of(const struct parser *parser, const yaml_mark_t *mark) {
    if (parser->within) return *parser->within;
    return (struct pl_place){parser->file, (int)mark->line + 1, (int)mark->column + 1};
}

/* libyaml knows the byte at which its reader stopped, and no line for it. */
static struct pl_place place_of_byte(const struct parser *parser, size_t offset) {
    struct pl_place place = {parser->file, 1, 1};
    if (parser->within) return *parser->within;
    for (size_t i = 0; i < offset && i < parser->length; i++) {
        unsigned char c = (unsigned char)parser->text[i];
        if (c == '\n') {
            place.line++;
            place.column = 1;
        } else if ((c & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/* What libyaml says, and how a person would say it; of what has begun earlier, at its begin. Others pass as they are.
 */
static const struct wording {
    const char *theirs, *ours;
    bool at_begin;
} wordings[] = {
    {"mapping values are not allowed in this context",
     "a ':' cannot stand here; put the text into quotes, or check the indentation", false},
    {"found unexpected ':'", "a ':' cannot stand here; put the text into quotes", false},
    {"mapping keys are not allowed in this context", "a '?' cannot stand here; put the text into quotes", false},
    {"block sequence entries are not allowed in this context",
     "a '-' cannot start a list here; it stands on a line of its own, indented", false},
    {"found unknown directive name", "a line cannot start with %", true},
    {"found unexpected non-alphabetical character", "a line cannot start with %", true},
    {"could not find expected directive name", "a line cannot start with %", true},
    {"did not find expected key", "expected a key like the ones above; check the indentation", false},
    {"did not find expected '-' indicator", "expected '-' like the ones above; check the indentation", false},
    {"did not find expected ',' or '}'", "expected ',' or '}' before this", false},
    {"did not find expected ',' or ']'", "expected ',' or ']' before this", false},
    {"could not find expected ':'", "expected ':' behind the key", false},
    {"did not find expected node content", "expected a value here", false},
    {"did not find expected comment or line break", "expected the end of the line", false},
    {"did not find expected <document start>", "expected the end of the file here", false},
    {"found unexpected end of stream", "the quoted text that starts here does not end", true},
    {"found unexpected document indicator", "the quoted text that starts here does not end", true},
    {"found a tab character that violates indentation", "a tab cannot indent; use spaces", false},
    {"found a tab character where an indentation space is expected", "a tab cannot indent; use spaces", false},
    {"did not find expected alphabetic or numeric character", "a text that starts with * or & is written in quotes",
     true},
    {"found undefined tag handle", "tags (!name) are not used in graph files", false},
    {"did not find expected hexdecimal number", "expected hexadecimal digits behind this escape", false},
    {"found unknown escape character",
     "unknown escape after '\\' in double quotes; in single quotes it stands for itself", false},
};

static struct wording wording(const char *theirs) {
    for (size_t i = 0; i < PL_COUNT_OF(wordings); i++)
        if (strcmp(wordings[i].theirs, theirs) == 0) return wordings[i];
    return (struct wording){.ours = theirs};
}

/* A mark counts characters. */
static unsigned char character_at(const struct parser *parser, const yaml_mark_t *mark) {
    size_t at = 0;
    for (size_t i = 0; i < mark->index && at < parser->length; i++)
        do
            at++;
        while (at < parser->length && ((unsigned char)parser->text[at] & 0xc0) == 0x80);
    return at < parser->length ? (unsigned char)parser->text[at] : 0;
}

static void report_token(const struct parser *parser) {
    const yaml_mark_t *mark = &parser->yaml.problem_mark;
    bool tab = character_at(parser, mark) == '\t';
    pl__problem_at(parser->context->problems, place_of(parser, mark), "%s",
                   tab ? "a tab cannot indent; use spaces"
                       : "no value can start with this character; put the text into quotes");
}

static void report_scanner(const struct parser *parser) {
    const yaml_parser_t *yaml = &parser->yaml;
    const char *said = yaml->problem ? yaml->problem : "not YAML";
    if (strcmp(said, "found character that cannot start any token") == 0) {
        report_token(parser);
        return;
    }
    struct wording word = wording(said);
    struct pl_place place =
        place_of(parser, word.at_begin && yaml->context ? &yaml->context_mark : &yaml->problem_mark);
    if (strncmp(said, "did not find expected ',' or", 28) == 0 && !parser->within)
        pl__problem_at(parser->context->problems, place, "%s (opened at %zu:%zu)", word.ours,
                       yaml->context_mark.line + 1, yaml->context_mark.column + 1);
    else
        pl__problem_at(parser->context->problems, place, "%s", word.ours);
}

static void report_syntax(const struct parser *parser) {
    switch (parser->yaml.error) {
    case YAML_MEMORY_ERROR: pl__arena_fail(parser->context->arena, PL_NO_MEMORY); break;
    case YAML_READER_ERROR: /* all else about bytes has been checked */
        pl__problem_at(parser->context->problems, place_of_byte(parser, parser->yaml.problem_offset),
                       "control character U+%04X in the file", (unsigned)parser->yaml.problem_value);
        break;
    default: report_scanner(parser); break;
    }
}

static struct pl_yaml *stop(struct parser *parser, const yaml_mark_t *mark, const char *why) {
    pl__problem_at(parser->context->problems, place_of(parser, mark), "%s", why);
    parser->stopped = true;
    return NULL;
}

/* ---- Events ---- */

static bool next_event(struct parser *parser, yaml_event_t *event) {
    if (!parser->stopped && yaml_parser_parse(&parser->yaml, event)) return true;
    if (!parser->stopped) report_syntax(parser);
    parser->stopped = true;
    return false;
}

static struct pl_yaml *make(struct parser *parser, enum pl_yaml_type type, const yaml_mark_t *mark) {
    if (parser->context->values >= PL_YAML_VALUES_MAX) return stop(parser, mark, "more than 1,000,000 values");
    struct pl_yaml *value = pl__yaml_new(parser->context, type, place_of(parser, mark));
    if (!value) parser->stopped = true;
    return value;
}

/* Names what graph files do without; the value itself is then taken for any. */
static bool has_tag_or_anchor(const struct parser *parser, const yaml_char_t *tag, const yaml_char_t *anchor,
                              const yaml_mark_t *mark) {
    if (tag)
        pl__problem_at(parser->context->problems, place_of(parser, mark), "tags (!name) are not used in graph files");
    if (anchor)
        pl__problem_at(parser->context->problems, place_of(parser, mark),
                       "anchors (&name) are not used in graph files; a text that starts with & is written in quotes");
    return tag || anchor;
}

static struct pl_yaml *take_scalar(struct parser *parser, const yaml_event_t *event) {
    size_t length = event->data.scalar.length;
    const char *text = (const char *)event->data.scalar.value;
    if (memchr(text, 0, length)) return stop(parser, &event->start_mark, "a NUL character in a text");
    struct pl_yaml *value = make(parser, PL_YAML_SCALAR, &event->start_mark);
    if (!value) return NULL;
    value->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    value->any = has_tag_or_anchor(parser, event->data.scalar.tag, event->data.scalar.anchor, &event->start_mark);
    value->text = pl__arena_text(parser->context->arena, text, length);
    parser->stopped = !value->text;
    return value->text ? value : NULL;
}

static struct pl_yaml *take_value(struct parser *parser, yaml_event_t *event, unsigned depth);

static struct pl_yaml *take_list(struct parser *parser, const yaml_event_t *start, unsigned depth) {
    struct pl_yaml *list = make(parser, PL_YAML_LIST, &start->start_mark);
    if (list)
        list->any = has_tag_or_anchor(parser, start->data.sequence_start.tag, start->data.sequence_start.anchor,
                                      &start->start_mark);
    yaml_event_t event;
    while (list && next_event(parser, &event)) {
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return list;
        }
        struct pl_yaml *item = take_value(parser, &event, depth + 1);
        if (item) pl__yaml_add(list, item);
    }
    return NULL;
}

/* A key and its value; NULL after an error. The key's event is consumed. */
static struct pl_yaml *take_pair(struct parser *parser, yaml_event_t *key, unsigned depth) {
    struct pl_place place = place_of(parser, &key->start_mark);
    if (key->type != YAML_SCALAR_EVENT) {
        stop(parser, &key->start_mark, "a key must be a text");
        yaml_event_delete(key);
        return NULL;
    }
    struct pl_yaml *name = take_scalar(parser, key);
    yaml_event_delete(key);
    yaml_event_t event;
    struct pl_yaml *value = name && next_event(parser, &event) ? take_value(parser, &event, depth + 1) : NULL;
    if (!value) return NULL;
    value->key = name->text;
    value->key_place = place;
    return value;
}

static struct pl_yaml *take_map(struct parser *parser, const yaml_event_t *start, unsigned depth) {
    struct pl_yaml *map = make(parser, PL_YAML_MAP, &start->start_mark);
    if (map)
        map->any = has_tag_or_anchor(parser, start->data.mapping_start.tag, start->data.mapping_start.anchor,
                                     &start->start_mark);
    yaml_event_t event;
    while (map && next_event(parser, &event)) {
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            pl__yaml_check_keys(parser->context, map);
            return map;
        }
        struct pl_yaml *value = take_pair(parser, &event, depth);
        if (value) pl__yaml_add(map, value);
    }
    return NULL;
}

static struct pl_yaml *take_alias(struct parser *parser, const yaml_event_t *event) {
    pl__problem_at(parser->context->problems, place_of(parser, &event->start_mark),
                   "aliases (*name) are not used in graph files; a text that starts with * is written in quotes");
    struct pl_yaml *value = make(parser, PL_YAML_SCALAR, &event->start_mark);
    if (!value) return NULL;
    value->any = true;
    value->text = "";
    return value;
}

/* The value that starts with an event, which is consumed. */
static struct pl_yaml *take_value(struct parser *parser, yaml_event_t *event, unsigned depth) {
    struct pl_yaml *value = NULL;
    if (depth > PL_YAML_DEPTH_MAX)
        stop(parser, &event->start_mark, "nested more than 32 deep");
    else if (event->type == YAML_SCALAR_EVENT)
        value = take_scalar(parser, event);
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        value = take_list(parser, event, depth);
    else if (event->type == YAML_MAPPING_START_EVENT)
        value = take_map(parser, event, depth);
    else if (event->type == YAML_ALIAS_EVENT)
        value = take_alias(parser, event);
    yaml_event_delete(event);
    return value;
}

static bool skip_event(struct parser *parser, yaml_event_type_t wanted) {
    yaml_event_t event;
    if (!next_event(parser, &event)) return false;
    bool good = event.type == wanted;
    if (!good && wanted == YAML_STREAM_END_EVENT)
        stop(parser, &event.start_mark, "expected the end of the file; one document is all a graph file holds");
    else if (!good)
        stop(parser, &event.start_mark, "the file is empty");
    yaml_event_delete(&event);
    return good;
}

static struct pl_yaml *take_document(struct parser *parser) {
    if (!skip_event(parser, YAML_STREAM_START_EVENT) || !skip_event(parser, YAML_DOCUMENT_START_EVENT)) return NULL;
    yaml_event_t event;
    struct pl_yaml *value = next_event(parser, &event) ? take_value(parser, &event, 1) : NULL;
    bool whole = value && skip_event(parser, YAML_DOCUMENT_END_EVENT) && skip_event(parser, YAML_STREAM_END_EVENT);
    return whole ? value : NULL;
}

static bool check_bytes(const struct parser *parser) {
    struct pl_problems *problems = parser->context->problems;
    if (parser->length > PL_FILE_SIZE_MAX) {
        pl__problem_at(problems, (struct pl_place){.file = parser->file}, "larger than 16 MiB");
        return false;
    }
    for (size_t at = 0, bytes; at < parser->length; at += bytes) {
        bytes = pl_utf8_next(parser->text + at, parser->length - at);
        if (bytes) continue;
        pl__problem_at(problems, place_of_byte(parser, at), "the file is not UTF-8 here (byte 0x%02x)",
                       (unsigned char)parser->text[at]);
        return false;
    }
    return true;
}

static struct pl_yaml *parse(struct parser *parser) {
    if (!check_bytes(parser)) return NULL;
    if (!yaml_parser_initialize(&parser->yaml)) {
        pl__arena_fail(parser->context->arena, PL_NO_MEMORY);
        return NULL;
    }
    yaml_parser_set_encoding(&parser->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser->yaml, (const unsigned char *)parser->text, parser->length);
    struct pl_yaml *tree = take_document(parser);
    yaml_parser_delete(&parser->yaml);
    return tree;
}

struct pl_yaml *pl__yaml_parse(struct pl_yaml_context *context, const char *text, size_t length, const char *file) {
    static const char bom[] = "\xef\xbb\xbf"; /* as Windows editors write it */
    bool marked = length >= 3 && memcmp(text, bom, 3) == 0;
    struct parser parser = {.context = context, .text = text, .length = length, .file = file};
    parser.text += marked ? 3 : 0;
    parser.length -= marked ? 3 : 0;
    return parse(&parser);
}

struct pl_yaml *pl__yaml_parse_within(struct pl_yaml_context *context, const char *text, struct pl_place place) {
    struct parser parser = {
        .context = context, .text = text, .length = strlen(text), .file = place.file, .within = &place};
    return parse(&parser);
}

struct pl_yaml *pl__yaml_copy(struct pl_yaml_context *context, const struct pl_yaml *from) {
    if (context->values >= PL_YAML_VALUES_MAX) {
        pl__arena_fail(context->arena, PL_LIMIT);
        return NULL;
    }
    struct pl_yaml *value = pl__yaml_new(context, from->type, from->place);
    if (!value) return NULL;
    value->plain = from->plain;
    value->any = from->any;
    value->repeated = from->repeated;
    value->text = from->text;
    value->key = from->key;
    value->key_place = from->key_place;
    for (const struct pl_yaml *child = from->first; child; child = child->next) {
        struct pl_yaml *copied = pl__yaml_copy(context, child);
        if (!copied) return NULL;
        pl__yaml_add(value, copied);
    }
    return value;
}
