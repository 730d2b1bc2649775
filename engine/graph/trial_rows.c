/* trial_rows.c: rows as a test file writes them: columns by their names, times since the start of the case. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/quality.h>
#include <potline/text.h>

#include "records.h"
#include "trial_impl.h"

enum { NANOSECONDS_DIGITS = 16 /* fewer are no time since 1970 that anybody means */ };

/* ---- Single values ---- */

static bool is_text(const struct pl_yaml *value) {
    return value->type == PL_YAML_SCALAR && !pl__yaml_null(value);
}

bool pl__trial_time(struct pl_trial_reading *reading, const struct pl_yaml *at, pl_time *time) {
    char quoted[PL_QUOTE_MAX];
    pl_time since;
    size_t length = is_text(at) ? strlen(at->text) : 0;
    if (at->any) return false;
    if (length && pl_text_time(at->text, length, time)) return true;
    if (length >= NANOSECONDS_DIGITS && pl_text_int(at->text, length, time)) return true;
    if (length && pl_text_duration(at->text, length, &since) && !__builtin_add_overflow(reading->start, since, time)) {
        reading->file->offsets = true;
        return true;
    }
    pl__problem(reading->yaml->problems, at,
                "%s is no time like 90s (since the start of the case) or "
                "2026-11-23T06:00:00Z",
                pl__quote(quoted, length ? at->text : ""));
    return false;
}

static bool read_number(struct pl_trial_reading *reading, const struct pl_yaml *at, struct pl_trial_value *value) {
    union pl_option_number number;
    size_t length = strlen(at->text);
    value->type = PL_TRIAL_NUMBER;
    if (pl_text_f64(at->text, length, &value->number)) return true;
    if (pl__option_kind(PL_TYPE_NUMBER)->parse(at->text, &number)) {
        value->number = number.real;
        return true;
    }
    struct pl_trial_scope scope = {.formula = true};
    value->type = PL_TRIAL_FORMULA;
    value->text = at->text;
    return pl__trial_expression(reading, at, at->text, &scope);
}

static bool read_integer(struct pl_trial_reading *reading, const struct pl_yaml *at, const char *column, uint64_t most,
                         struct pl_trial_value *value) {
    char quoted[PL_QUOTE_MAX], *end;
    errno = 0;
    unsigned long long number = strtoull(at->text, &end, 10);
    value->type = PL_TRIAL_INTEGER;
    value->integer = (int64_t)number;
    if (isdigit((unsigned char)*at->text) && !*end && !errno && number <= most) return true;
    pl__problem(reading->yaml->problems, at, "%s: %s is no whole number", column, pl__quote(quoted, at->text));
    return false;
}

static bool read_quality(struct pl_trial_reading *reading, const struct pl_yaml *at, struct pl_trial_value *value) {
    char quoted[PL_QUOTE_MAX];
    uint16_t quality;
    if (!pl_quality_parse(at->text, strlen(at->text), &quality)) {
        pl__problem(reading->yaml->problems, at, "%s is no quality like good, bad|missing or uncertain|replaced",
                    pl__quote(quoted, at->text));
        return false;
    }
    *value = (struct pl_trial_value){.type = PL_TRIAL_INTEGER, .integer = quality};
    return true;
}

static bool read_cell(struct pl_trial_reading *reading, const struct pl_yaml *at, const struct pl_column_info *column,
                      struct pl_trial_value *value) {
    if (!is_text(at)) {
        if (!at->any) pl__problem(reading->yaml->problems, at, "%s: expected a single value", column->name);
        return false;
    }
    switch (column->type) {
    case PL_I64: value->type = PL_TRIAL_INTEGER; return pl__trial_time(reading, at, &value->integer);
    case PL_F64: return read_number(reading, at, value);
    case PL_U64: return read_integer(reading, at, column->name, UINT64_MAX, value);
    case PL_U32: return read_integer(reading, at, column->name, UINT32_MAX, value);
    case PL_U16:
    case PL_BYTE:
        if (strcmp(column->name, "quality") == 0) return read_quality(reading, at, value);
        return read_integer(reading, at, column->name, UINT16_MAX, value);
    case PL_NAME: *value = (struct pl_trial_value){.type = PL_TRIAL_TEXT, .text = at->text}; return true;
    }
    return false;
}

/* ---- The body of an event ---- */

/* What looks like a number is one, with or without quotes: {name} of a foreach needs them. */
static void read_field(const struct pl_yaml *at, struct pl_trial_value *value) {
    union pl_option_number number;
    bool truth = strcmp(at->text, "true") == 0, lie = strcmp(at->text, "false") == 0;
    *value = (struct pl_trial_value){.type = PL_TRIAL_TEXT, .text = at->text};
    if (truth || lie) {
        value->type = PL_TRIAL_BOOL;
        value->integer = truth;
    } else if (pl__option_kind(PL_TYPE_NUMBER)->parse(at->text, &number)) {
        value->type = PL_TRIAL_NUMBER;
        value->number = number.real;
    }
}

static bool read_body(struct pl_trial_reading *reading, const struct pl_yaml *body, struct pl_trial_row *row) {
    if (body->type != PL_YAML_MAP) {
        pl__problem(reading->yaml->problems, body, "a body is a map, like { rule: hot, value: 4.2 }");
        return false;
    }
    row->body = pl__arena_alloc(reading->yaml->arena, body->count * sizeof *row->body);
    if (!row->body) return false;
    for (const struct pl_yaml *field = body->first; field; field = field->next) {
        if (field->type != PL_YAML_SCALAR) {
            pl__problem(reading->yaml->problems, field, "body.%s: expected a single value", field->key);
            return false;
        }
        row->body[row->body_count].name = field->key;
        read_field(field, &row->body[row->body_count++].value);
    }
    return true;
}

/* ---- A row ---- */

static int column_of(enum pl_kind kind, const char *name) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    for (int i = 0; i < info->columns; i++)
        if (!(info->heaps && i == info->end) && strcmp(info->column[i].name, name) == 0) return i;
    return -1;
}

static void report_key(struct pl_trial_reading *reading, const struct pl_yaml *value, enum pl_kind kind, bool input) {
    const char *names[PL_COLUMNS_MAX + 5];
    const struct pl_kind_info *info = &pl_kind_info[kind];
    size_t count = 0;
    char what[64];
    for (unsigned i = 0; i < info->columns; i++)
        if (!(info->heaps && i == info->end)) names[count++] = info->column[i].name;
    names[count++] = "every";
    names[count++] = "until";
    if (input) names[count++] = "source";
    if (kind == PL_EVENTS) names[count++] = "body";
    if (kind == PL_SETPOINTS) names[count++] = "reason";
    snprintf(what, sizeof what, "a row of %s has no", info->name);
    pl__trial_unknown(reading, value->key_place, what, value->key, names, count);
}

static bool read_value(struct pl_trial_reading *reading, const struct pl_yaml *value, bool input,
                       struct pl_trial_row *row) {
    int column = column_of(row->kind, value->key);
    if (column >= 0) return read_cell(reading, value, &pl_kind_info[row->kind].column[column], &row->column[column]);
    if (row->kind == PL_EVENTS && strcmp(value->key, "body") == 0) return read_body(reading, value, row);
    if (row->kind == PL_SETPOINTS && strcmp(value->key, "reason") == 0 && is_text(value)) {
        row->reason = value->text;
        return true;
    }
    bool period = strcmp(value->key, "every") == 0 || strcmp(value->key, "until") == 0;
    if (period || (input && strcmp(value->key, "source") == 0)) return true;
    report_key(reading, value, row->kind, input);
    return false;
}

/* { time: 0s, every: 1s, until: 1m }: sixty rows, none at 1m. */
static bool read_period(struct pl_trial_reading *reading, const struct pl_yaml *map, struct pl_trial_row *row) {
    const struct pl_yaml *every = pl__yaml_find(map, "every"), *until = pl__yaml_find(map, "until");
    const struct pl_trial_value *time = &row->column[pl_kind_info[row->kind].time];
    pl_time end, span;
    row->times = 1;
    if (!every && !until) return true;
    if (!every || !until || !time->type) {
        pl__problem(reading->yaml->problems, every ? every : until,
                    "rows that repeat have a time, and every and until, like { time: 0s, every: 1s, until: 10m }");
        return false;
    }
    if (!is_text(every) || !pl_text_duration(every->text, strlen(every->text), &row->every) || row->every <= 0) {
        pl__problem(reading->yaml->problems, every, "every is a duration like 1s");
        return false;
    }
    if (!pl__trial_time(reading, until, &end)) return false;
    if (__builtin_sub_overflow(end, time->integer, &span) || span <= 0 ||
        (span - 1) / row->every >= PL_TRIAL_ROWS_MAX) {
        pl__problem(reading->yaml->problems, until,
                    "until is behind the row's time, and at most 5,000,000 rows "
                    "behind it");
        return false;
    }
    row->times = (uint32_t)((span - 1) / row->every) + 1;
    return true;
}

static bool check_required(struct pl_trial_reading *reading, const struct pl_yaml *map,
                           const struct pl_trial_row *row) {
    const struct pl_kind_info *info = &pl_kind_info[row->kind];
    unsigned key = row->kind == PL_EVENTS ? (unsigned)column_of(PL_EVENTS, "kind") : info->key;
    if (row->column[info->time].type && row->column[key].type) return true;
    pl__problem(reading->yaml->problems, map, "a row of %s that goes in has %s and %s", info->name,
                info->column[info->time].name, info->column[key].name);
    return false;
}

bool pl__trial_row(struct pl_trial_reading *reading, const struct pl_yaml *map, enum pl_kind kind, bool input,
                   struct pl_trial_row *row) {
    *row = (struct pl_trial_row){.place = map->place, .kind = kind};
    bool good = map->type == PL_YAML_MAP && !map->any;
    if (!good) {
        if (!map->any)
            pl__problem(reading->yaml->problems, map,
                        "a row is a map, like { time: 0s, tag: pot1.voltage, value: 4.2 }");
        return false;
    }
    for (const struct pl_yaml *value = map->first; value; value = value->next)
        good = read_value(reading, value, input, row) && good;
    return good && read_period(reading, map, row) && (!input || check_required(reading, map, row));
}

void pl__trial_rows(struct pl_trial_reading *reading, struct pl_yaml *list, enum pl_kind kind,
                    struct pl_trial_rows *rows) {
    char quoted[PL_QUOTE_MAX];
    if (is_text(list) && !list->any) {
        const char *path = list->text, *reason = pl__records_read(reading->yaml, list);
        if (reason) pl__problem(reading->yaml->problems, list, "%s: %s", pl__quote(quoted, path), reason);
    }
    if (list->any) return;
    if (list->type != PL_YAML_LIST) {
        pl__problem(reading->yaml->problems, list, "expected a list of rows, or the path of a CSV file");
        return;
    }
    rows->list = pl__arena_alloc(reading->yaml->arena, list->count * sizeof *rows->list);
    if (!rows->list) return;
    for (const struct pl_yaml *item = list->first; item; item = item->next)
        if (pl__trial_row(reading, item, kind, false, &rows->list[rows->count]))
            rows->total += rows->list[rows->count++].times;
    if (rows->total > PL_TRIAL_ROWS_MAX)
        pl__problem(reading->yaml->problems, list, "more than 5,000,000 rows in a case");
}
