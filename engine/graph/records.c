/* records.c: CSV with a header row. */
#include "records.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/option.h>

#include "base/utf8.h"
#include "file_log.h"

enum { COLUMNS_MAX = 256 };

struct reader {
    struct pl_yaml_context *context;
    const char *at, *end;
    char delimiter;
    struct pl_place place; /* of `at` */
    const char *columns[COLUMNS_MAX];
    unsigned column_count;
    bool failed;
};

struct field {
    struct pl_place place;
    const char *text; /* in the arena; NULL without memory */
    bool quoted;
    bool last; /* of its line */
};

static void step(struct reader *r) {
    unsigned char c = (unsigned char)*r->at++;
    if (c == '\n') {
        r->place.line++;
        r->place.column = 1;
    } else if ((c & 0xc0) != 0x80) {
        r->place.column++;
    }
}

static void fail(struct reader *r, struct pl_place place, const char *why) {
    if (!r->failed) pl__problem_at(r->context->problems, place, "%s", why);
    r->failed = true;
}

static bool at_line_end(const struct reader *r) {
    return r->at == r->end || *r->at == '\n' || (*r->at == '\r' && (r->at + 1 == r->end || r->at[1] == '\n'));
}

/* Moves behind the end of the line, or behind the delimiter. */
static bool end_field(struct reader *r) {
    if (!at_line_end(r)) {
        step(r);
        return false;
    }
    while (r->at < r->end && *r->at == '\r')
        step(r);
    if (r->at < r->end) step(r);
    return true;
}

/* Behind the opening quote; two quotes are one. */
static void read_quoted(struct reader *r, struct field *field) {
    const char *start = r->at;
    while (r->at < r->end && (*r->at != '"' || (r->at + 1 < r->end && r->at[1] == '"'))) {
        if (*r->at == '"') step(r);
        step(r);
    }
    if (r->at == r->end) {
        fail(r, field->place, "the quoted field that starts here does not end");
        return;
    }
    char *text = pl__arena_text(r->context->arena, start, (size_t)(r->at - start));
    step(r);
    if (!at_line_end(r) && *r->at != r->delimiter)
        fail(r, r->place, "expected a delimiter or the end of the line behind the closing quote");
    char *to = text;
    for (const char *from = text; from && *from; from++) {
        *to++ = *from;
        if (*from == '"') from++;
    }
    if (to) *to = 0;
    field->text = text;
}

static void read_plain(struct reader *r, struct field *field) {
    while (r->at < r->end && (*r->at == ' ' || (*r->at == '\t' && r->delimiter != '\t')))
        step(r);
    field->place = r->place;
    const char *start = r->at;
    while (!at_line_end(r) && *r->at != r->delimiter)
        step(r);
    const char *end = r->at;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    field->text = pl__arena_text(r->context->arena, start, (size_t)(end - start));
}

static struct field read_field(struct reader *r) {
    struct field field = {.place = r->place};
    if (r->at < r->end && *r->at == '"') {
        field.quoted = true;
        step(r);
        read_quoted(r, &field);
    } else {
        read_plain(r, &field);
    }
    field.last = end_field(r);
    r->failed = r->failed || !field.text;
    return field;
}

static void skip_empty_lines(struct reader *r) {
    while (r->at < r->end && (at_line_end(r) || *r->at == '#')) {
        while (!at_line_end(r))
            step(r);
        end_field(r);
    }
}

static void read_header(struct reader *r) {
    size_t line = strcspn(r->at, "\n");
    r->delimiter = memchr(r->at, ',', line)    ? ','
                   : memchr(r->at, ';', line)  ? ';'
                   : memchr(r->at, '\t', line) ? '\t'
                                               : ',';
    for (bool last = false; !last && !r->failed;) {
        struct field field = read_field(r);
        last = field.last;
        if (r->failed) return;
        if (!*field.text)
            fail(r, field.place, "a column without a name");
        else if (r->column_count == COLUMNS_MAX)
            fail(r, field.place, "more than 256 columns");
        else
            r->columns[r->column_count++] = field.text;
    }
}

/* NULL when the field is empty. */
static struct pl_yaml *value_of(struct reader *r, const struct field *field) {
    if (!*field->text && !field->quoted) return NULL;
    if (*field->text != '[' && *field->text != '{') {
        struct pl_yaml *scalar = pl__yaml_scalar(r->context, field->text, field->place);
        if (scalar) scalar->plain = false; /* "null" and "~" are texts in a table */
        r->failed = r->failed || !scalar;
        return scalar;
    }
    unsigned errors = pl__problems_errors(r->context->problems);
    struct pl_yaml *value = pl__yaml_parse_within(r->context, field->text, field->place);
    if (!value || pl__problems_errors(r->context->problems) > errors) r->failed = true;
    return value;
}

static struct pl_yaml *read_record(struct reader *r) {
    struct pl_yaml *record = pl__yaml_new(r->context, PL_YAML_MAP, r->place);
    bool last = !record;
    for (unsigned i = 0; !last && !r->failed; i++) {
        struct field field = read_field(r);
        last = field.last;
        if (r->failed) break;
        if (i >= r->column_count) {
            fail(r, field.place, "more fields than the header has columns");
            break;
        }
        struct pl_yaml *value = value_of(r, &field);
        if (!value) continue;
        value->key = r->columns[i];
        value->key_place = field.place;
        pl__yaml_add(record, value);
    }
    return record;
}

static void read_records(struct reader *r, struct pl_yaml *list) {
    skip_empty_lines(r);
    if (r->at == r->end) fail(r, r->place, "expected a first line that names the columns");
    if (!r->failed) read_header(r);
    for (skip_empty_lines(r); r->at < r->end && !r->failed; skip_empty_lines(r)) {
        if (list->count == PL_LIST_MAX || r->context->values >= PL_YAML_VALUES_MAX)
            fail(r, r->place, "more records than a list may have");
        struct pl_yaml *record = r->failed ? NULL : read_record(r);
        if (record)
            pl__yaml_add(list, record);
        else
            r->failed = true;
    }
}

/* Spreadsheets may write a code page of their own. */
static bool check_bytes(struct reader *r) {
    struct reader walk = *r;
    while (walk.at < walk.end) {
        unsigned bytes = pl_utf8_next(walk.at, (size_t)(walk.end - walk.at));
        if (!bytes || !*walk.at) {
            fail(r, walk.place, bytes ? "a NUL character in the table" : "the table is not UTF-8 here");
            return false;
        }
        for (; bytes > 0; bytes--)
            step(&walk);
    }
    return true;
}

const char *pl__records_read(struct pl_yaml_context *context, struct pl_yaml *value) {
    const char *path = pl__file_beside(context->arena, value->place.file, value->text);
    struct pl_file file;
    const char *reason;
    value->any = true;
    if (!path) return NULL;
    if (!pl__file_log_read(context->files, path, false, &file, &reason)) return reason;
    struct reader reader = {.context = context, .at = file.text, .end = file.text + file.length};
    if (file.length >= 3 && memcmp(file.text, "\xef\xbb\xbf", 3) == 0) reader.at += 3;
    reader.place = (struct pl_place){path, 1, 1};
    pl__problems_file(context->problems, path);
    struct pl_yaml list = {.type = PL_YAML_LIST};
    if (check_bytes(&reader)) read_records(&reader, &list);
    if (!reader.failed) {
        value->type = PL_YAML_LIST;
        value->first = list.first;
        value->last = list.last;
        value->count = list.count;
        value->any = false;
    }
    pl_free(file.text);
    return NULL;
}
