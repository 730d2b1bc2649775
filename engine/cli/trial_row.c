#include "trial_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/quality.h>
#include <potline/text.h>

/* ---- Single values ---- */

const char *pl__time_text(const struct pl__trial_view *view, pl_time time, char text[PL__TIME_TEXT]) {
    pl_time since;
    bool offset = view->offsets && !__builtin_sub_overflow(time, view->start, &since);
    *(offset ? pl_text_put_duration(text, since) : pl_text_put_time(text, time)) = 0;
    return text;
}

pl_time pl__found_time(const struct pl__found *found) {
    return pl_batch_times(found->batch)[found->row];
}

static const char *name_at(const struct pl__trial_view *view, const struct pl__found *found, unsigned column) {
    return pl_tags_get(view->tags, ((const uint32_t *)found->batch->column[column])[found->row])->name;
}

/* An event is known by its tag, or by its asset where it is about none. */
const char *pl__found_key(const struct pl__trial_view *view, const struct pl__found *found) {
    const char *key = pl_tags_get(view->tags, pl_batch_keys(found->batch)[found->row])->name;
    if (found->batch->kind != PL_EVENTS) return key;
    const char *tag = pl_tags_get(view->tags, found->batch->events.tag[found->row])->name;
    return *tag ? tag : pl_tags_get(view->tags, found->batch->events.asset[found->row])->name;
}

bool pl__expected_time(const struct pl__expected *expected, pl_time *time) {
    const struct pl_trial_value *value = &expected->row->column[pl_kind_info[expected->row->kind].time];
    *time = value->integer + expected->index * expected->row->every;
    return value->type != PL_TRIAL_NONE;
}

static int column_named(enum pl_kind kind, const char *name) {
    for (int i = 0; i < pl_kind_info[kind].columns; i++)
        if (strcmp(pl_kind_info[kind].column[i].name, name) == 0) return i;
    return -1;
}

const char *pl__expected_key(const struct pl__expected *expected) {
    static const char *const names[] = {"tag", "asset"};
    for (unsigned i = 0; i < PL_COUNT_OF(names); i++) {
        int column = column_named(expected->row->kind, names[i]);
        if (column >= 0 && expected->row->column[column].type) return expected->row->column[column].text;
    }
    return NULL;
}

/* ---- Bodies ---- */

struct field {
    const char *text;
    size_t length;
    double number;
    bool truth;
    enum { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOL, FIELD_OTHER } type;
    const uint8_t *from, *to; /* its msgpack */
};

static bool read_field(struct pl_unpack *unpack, struct field *field) {
    struct pl_unpack at = *unpack;
    field->from = unpack->at;
    if (pl_unpack_str(&at, &field->text, &field->length)) {
        field->type = FIELD_TEXT;
    } else if (at = *unpack, pl_unpack_f64(&at, &field->number)) {
        field->type = FIELD_NUMBER;
    } else if (at = *unpack, pl_unpack_bool(&at, &field->truth)) {
        field->type = FIELD_BOOL;
    } else {
        at = *unpack;
        field->type = FIELD_OTHER;
        if (!pl_unpack_skip(&at)) return false;
    }
    *unpack = at;
    field->to = unpack->at;
    return true;
}

static void open_body(const struct pl__found *found, struct pl_unpack *unpack, uint32_t *pairs) {
    uint32_t length;
    const void *bytes = pl_batch_heap_row(found->batch, 0, found->row, &length);
    pl_unpack_init(unpack, bytes, length);
    if (!length || !pl_unpack_map(unpack, pairs)) *pairs = 0;
}

static bool find_field(const struct pl__found *found, const char *name, struct field *field) {
    struct pl_unpack unpack;
    uint32_t pairs;
    const char *key;
    size_t length;
    open_body(found, &unpack, &pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        if (!pl_unpack_str(&unpack, &key, &length) || !read_field(&unpack, field)) return false;
        if (strlen(name) == length && memcmp(name, key, length) == 0) return true;
    }
    return false;
}

static void print_field(FILE *out, const struct field *field) {
    char number[PL_TEXT_F64_MAX];
    char *json;
    switch (field->type) {
    case FIELD_TEXT: fprintf(out, "%.*s", (int)field->length, field->text); break;
    case FIELD_NUMBER: fprintf(out, "%.*s", (int)(pl_text_put_f64(number, field->number) - number), number); break;
    case FIELD_BOOL: fputs(field->truth ? "true" : "false", out); break;
    case FIELD_OTHER:
        json = pl_pack_json(field->from, (size_t)(field->to - field->from));
        fputs(json ? json : "?", out);
        pl_free(json);
        break;
    }
}

/* ---- Values as text ---- */

static void print_number(FILE *out, double number) {
    char text[PL_TEXT_F64_MAX];
    fprintf(out, "%.*s", (int)(pl_text_put_f64(text, number) - text), text);
}

static void print_quality(FILE *out, uint16_t quality) {
    char text[160];
    pl_quality_format(quality, text, sizeof text);
    fputs(text, out);
}

static void print_found(FILE *out, const struct pl__trial_view *view, const struct pl__found *found, unsigned column) {
    const struct pl_column_info *info = &pl_kind_info[found->batch->kind].column[column];
    const void *values = found->batch->column[column];
    uint32_t at = found->row;
    char text[PL__TIME_TEXT];
    switch (info->type) {
    case PL_I64: fputs(pl__time_text(view, ((const pl_time *)values)[at], text), out); break;
    case PL_U64: fprintf(out, "%llu", (unsigned long long)((const uint64_t *)values)[at]); break;
    case PL_F64: print_number(out, ((const double *)values)[at]); break;
    case PL_U32: fprintf(out, "%u", ((const uint32_t *)values)[at]); break;
    case PL_U16:
        if (strcmp(info->name, "quality") == 0)
            print_quality(out, ((const uint16_t *)values)[at]);
        else
            fprintf(out, "%u", ((const uint16_t *)values)[at]);
        break;
    case PL_BYTE: fprintf(out, "%u", ((const uint8_t *)values)[at]); break;
    case PL_NAME: fputs(name_at(view, found, column), out); break;
    }
}

static double expected_number(const struct pl__trial_view *view, const struct pl__expected *expected, unsigned column) {
    return pl__trial_formula(expected->formulas, column, view->start, expected->index);
}

static void print_expected(FILE *out, const struct pl__trial_view *view, const struct pl__expected *expected,
                           unsigned column) {
    const struct pl_column_info *info = &pl_kind_info[expected->row->kind].column[column];
    const struct pl_trial_value *value = &expected->row->column[column];
    char text[PL__TIME_TEXT];
    if (info->type == PL_I64)
        fputs(pl__time_text(view, value->integer + expected->index * expected->row->every, text), out);
    else if (info->type == PL_F64)
        print_number(out, expected_number(view, expected, column));
    else if (info->type == PL_NAME)
        fputs(value->text, out);
    else if (strcmp(info->name, "quality") == 0)
        print_quality(out, (uint16_t)value->integer);
    else
        fprintf(out, "%llu", (unsigned long long)value->integer);
}

static void print_value(FILE *out, const struct pl_trial_value *value) {
    if (value->type == PL_TRIAL_NUMBER)
        print_number(out, value->number);
    else
        fputs(value->text, out);
}

/* ---- Comparing ---- */

static bool close_to(const struct pl_trial_expectation *how, double expected, double found) {
    if (isnan(expected) || isnan(found)) return isnan(expected) && isnan(found);
    if (expected == found) return true;
    if (isinf(expected) || isinf(found)) return false;
    double relative = how->relative * fabs(expected);
    return fabs(expected - found) <= (relative > how->absolute ? relative : how->absolute);
}

static bool column_matches(const struct pl__trial_view *view, const struct pl_trial_expectation *how,
                           const struct pl__expected *expected, const struct pl__found *found, unsigned column) {
    const struct pl_trial_value *value = &expected->row->column[column];
    const void *values = found->batch->column[column];
    uint32_t at = found->row;
    if (!value->type) return true;
    switch (pl_kind_info[found->batch->kind].column[column].type) {
    case PL_I64: return value->integer + expected->index * expected->row->every == ((const int64_t *)values)[at];
    case PL_U64: return (uint64_t)value->integer == ((const uint64_t *)values)[at];
    case PL_U32: return (uint64_t)value->integer == ((const uint32_t *)values)[at];
    case PL_U16: return (uint64_t)value->integer == ((const uint16_t *)values)[at];
    case PL_BYTE: return (uint64_t)value->integer == ((const uint8_t *)values)[at];
    case PL_F64: return close_to(how, expected_number(view, expected, column), ((const double *)values)[at]);
    case PL_NAME: return strcmp(value->text, name_at(view, found, column)) == 0;
    }
    return false;
}

static bool field_matches(const struct pl_trial_expectation *how, const struct pl_trial_field *expected,
                          const struct pl__found *found) {
    const struct pl_trial_value *value = &expected->value;
    struct field field;
    if (!find_field(found, expected->name, &field)) return false;
    switch (field.type) {
    case FIELD_NUMBER: return value->type == PL_TRIAL_NUMBER && close_to(how, value->number, field.number);
    case FIELD_BOOL: return value->type == PL_TRIAL_BOOL && (value->integer != 0) == field.truth;
    case FIELD_TEXT: return strlen(value->text) == field.length && memcmp(value->text, field.text, field.length) == 0;
    case FIELD_OTHER: break;
    }
    return false;
}

static bool reason_matches(const struct pl__expected *expected, const struct pl__found *found) {
    uint32_t length;
    if (!expected->row->reason) return true;
    const void *reason = pl_batch_heap_row(found->batch, 0, found->row, &length);
    return strlen(expected->row->reason) == length && memcmp(expected->row->reason, reason, length) == 0;
}

bool pl__row_matches(const struct pl__trial_view *view, const struct pl_trial_expectation *how,
                     const struct pl__expected *expected, const struct pl__found *found) {
    if (found->batch->kind != expected->row->kind) return false;
    for (unsigned i = 0; i < pl_kind_info[found->batch->kind].columns; i++)
        if (!column_matches(view, how, expected, found, i)) return false;
    for (unsigned i = 0; i < expected->row->body_count; i++)
        if (!field_matches(how, &expected->row->body[i], found)) return false;
    return reason_matches(expected, found);
}

/* ---- Rows as text ---- */

/* Two texts that grow side by side. */
struct sides {
    FILE *left, *right;
    bool some;
};

static void begin(struct sides *sides, const char *name) {
    const char *between = sides->some ? ", " : "";
    fprintf(sides->left, "%s%s ", between, name);
    fprintf(sides->right, "%s%s ", between, name);
    sides->some = true;
}

static void differ_in_body(struct sides *sides, const struct pl_trial_expectation *how,
                           const struct pl__expected *expected, const struct pl__found *found) {
    for (unsigned i = 0; i < expected->row->body_count; i++) {
        const struct pl_trial_field *field = &expected->row->body[i];
        struct field other;
        if (field_matches(how, field, found)) continue;
        begin(sides, field->name);
        print_value(sides->left, &field->value);
        if (find_field(found, field->name, &other))
            print_field(sides->right, &other);
        else
            fputs("(none)", sides->right);
    }
}

void pl__rows_differ(const struct pl__trial_view *view, const struct pl_trial_expectation *how,
                     const struct pl__expected *expected, const struct pl__found *found, char **left, char **right) {
    size_t sizes[2];
    struct sides sides = {open_memstream(left, &sizes[0]), open_memstream(right, &sizes[1]), false};
    for (unsigned i = 0; sides.left && sides.right && i < pl_kind_info[found->batch->kind].columns; i++) {
        if (column_matches(view, how, expected, found, i)) continue;
        begin(&sides, pl_kind_info[found->batch->kind].column[i].name);
        print_expected(sides.left, view, expected, i);
        print_found(sides.right, view, found, i);
    }
    if (sides.left && sides.right) {
        differ_in_body(&sides, how, expected, found);
        if (!reason_matches(expected, found)) begin(&sides, "another reason");
    }
    if (sides.left) fclose(sides.left);
    if (sides.right) fclose(sides.right);
}

/* Time and what the row is about stand in columns of their own; an id says nothing to people. */
static bool shown_apart(enum pl_kind kind, unsigned column) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    const char *name = info->column[column].name;
    return column == info->time || (info->heaps && column == info->end) || strcmp(name, "tag") == 0 ||
           strcmp(name, "asset") == 0 || strcmp(name, "id") == 0 || strcmp(name, "token") == 0;
}

static bool is_nothing(const struct pl__found *found, unsigned column) {
    const struct pl_column_info *info = &pl_kind_info[found->batch->kind].column[column];
    return info->type == PL_F64 && isnan(((const double *)found->batch->column[column])[found->row]) &&
           found->batch->kind != PL_SAMPLES;
}

static void print_body(FILE *out, const struct pl__found *found, bool some) {
    struct pl_unpack unpack;
    uint32_t pairs;
    const char *key;
    size_t length;
    struct field field;
    open_body(found, &unpack, &pairs);
    for (uint32_t i = 0; i < pairs; i++, some = true) {
        if (!pl_unpack_str(&unpack, &key, &length) || !read_field(&unpack, &field)) return;
        fprintf(out, "%s%.*s ", some ? ", " : "", (int)length, key);
        print_field(out, &field);
    }
}

char *pl__found_text(const struct pl__trial_view *view, const struct pl__found *found) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool some = false;
    for (unsigned i = 0; out && i < pl_kind_info[found->batch->kind].columns; i++) {
        if (shown_apart(found->batch->kind, i) || is_nothing(found, i)) continue;
        fprintf(out, "%s%s ", some ? ", " : "", pl_kind_info[found->batch->kind].column[i].name);
        print_found(out, view, found, i);
        some = true;
    }
    if (out && found->batch->kind == PL_EVENTS) print_body(out, found, some);
    if (out) fclose(out);
    return text;
}

char *pl__expected_text(const struct pl__trial_view *view, const struct pl__expected *expected) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool some = false;
    for (unsigned i = 0; out && i < pl_kind_info[expected->row->kind].columns; i++) {
        if (shown_apart(expected->row->kind, i) || !expected->row->column[i].type) continue;
        fprintf(out, "%s%s ", some ? ", " : "", pl_kind_info[expected->row->kind].column[i].name);
        print_expected(out, view, expected, i);
        some = true;
    }
    for (unsigned i = 0; out && i < expected->row->body_count; i++, some = true) {
        fprintf(out, "%s%s ", some ? ", " : "", expected->row->body[i].name);
        print_value(out, &expected->row->body[i].value);
    }
    if (out) fclose(out);
    return text;
}

/* ---- For expressions ---- */

static double number_at(const struct pl__found *found, unsigned column) {
    const void *values = found->batch->column[column];
    switch (pl_kind_info[found->batch->kind].column[column].type) {
    case PL_F64: return ((const double *)values)[found->row];
    case PL_U32: return ((const uint32_t *)values)[found->row];
    case PL_U16: return ((const uint16_t *)values)[found->row];
    default: return NAN;
    }
}

static double body_number(const struct pl__found *found, const char *name) {
    struct field field;
    if (!find_field(found, name, &field)) return NAN;
    return field.type == FIELD_NUMBER ? field.number : field.type == FIELD_BOOL ? field.truth : NAN;
}

void pl__found_values(const struct pl__trial_view *view, const struct pl__found *found, uint32_t index,
                      const struct pl_trial_scope *scope, double *values) {
    for (unsigned i = 0; i < scope->count; i++) {
        const struct pl_trial_variable *variable = &scope->variable[i];
        const uint16_t *quality = found->batch->column[variable->column];
        switch (variable->type) {
        case PL_TRIAL_COLUMN: values[i] = number_at(found, variable->column); break;
        case PL_TRIAL_SECONDS: values[i] = (double)(pl__found_time(found) - view->start) / (double)PL_SECOND; break;
        case PL_TRIAL_INDEX: values[i] = index; break;
        case PL_TRIAL_SEVERITY: values[i] = (quality[found->row] & PL_Q_SEVERITY) >> 14; break;
        case PL_TRIAL_CONSTANT: values[i] = variable->constant; break;
        case PL_TRIAL_FLAG: values[i] = (quality[found->row] & variable->flag) != 0; break;
        case PL_TRIAL_BODY: values[i] = body_number(found, variable->name); break;
        }
    }
}
