/* options.c: reads maps by option tables. */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/text.h>

#include "file.h"
#include "records.h"

enum { NAMES_MAX = 512, CHOICES_TEXT = 512 };

/* One map, or what stands for one. */
struct work {
    struct pl_options_reader *reader;
    const struct pl_option_path *path; /* of the map; NULL: the top */
    struct pl_yaml *map;               /* NULL: nothing is given */
    struct pl_problem_at at;           /* where a missing option is reported */
    bool absent;                       /* a group that is not there: nothing is required in it */
};

/* One value for one row. */
struct item {
    const struct work *work;
    const struct pl_option *row;
    struct pl_option_path path;
    struct pl_yaml *value;
    void *field;
};

static void read_rows(const struct work *work, const struct pl_option *rows, void *self);
static void check_unknown(const struct work *work, const struct pl_option_table *tables, unsigned count,
                          const char *const *others);

/* ---- Reporting ---- */

static void report(const struct work *work, const struct pl_option_path *path, const struct pl_yaml *at,
                   const char *format, ...) PL_PRINTF(4, 5);
static void report(const struct work *work, const struct pl_option_path *path, const struct pl_yaml *at,
                   const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pl__option_report(work->reader, path, at ? (struct pl_problem_at){at->place, at->repeated, false} : work->at,
                      format, arguments);
    va_end(arguments);
}

static const char *shape(const struct pl_yaml *value) {
    return value->type == PL_YAML_LIST ? "a list" : value->type == PL_YAML_MAP ? "a map" : "a single value";
}

/* "hampl" is not <what>[; did you mean hampel?] */
static void report_wrong(const struct item *item, const struct pl_yaml *value) {
    char quoted[PL_QUOTE_MAX], guess[PL_GUESS_MAX];
    const struct pl_option_kind *kind = pl__option_kind(item->row->type);
    if (value->type != PL_YAML_SCALAR)
        report(item->work, &item->path, value, "%s is given, but it is %s", shape(value), kind->what);
    else if (pl__yaml_null(value))
        report(item->work, &item->path, value, "no value is given; it is %s", kind->what);
    else if (item->row->type == PL_TYPE_SECRET)
        report(item->work, &item->path, value, "is not a secret text");
    else if (pl__option_guess(item->row->type, value->text, guess))
        report(item->work, &item->path, value, "%s is not %s; write %s", pl__quote(quoted, value->text), kind->what,
               guess);
    else if (kind->examples)
        report(item->work, &item->path, value, "%s is not %s like %s", pl__quote(quoted, value->text), kind->what,
               kind->examples);
    else
        report(item->work, &item->path, value, "%s is not %s", pl__quote(quoted, value->text), kind->what);
}

/* ---- Single values ---- */

static bool is_text(const struct pl_yaml *value) {
    return value->type == PL_YAML_SCALAR && !pl__yaml_null(value);
}

static void read_bool(const struct item *item) {
    static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    for (size_t i = 0; i < PL_COUNT_OF(words) && is_text(item->value); i++) {
        if (strcmp(item->value->text, words[i]) != 0) continue;
        *(bool *)item->field = i >= 3;
        return;
    }
    report_wrong(item, item->value);
}

static void report_range(const struct item *item) {
    const struct pl_option *row = item->row;
    char quoted[PL_QUOTE_MAX];
    pl__quote(quoted, item->value->text);
    if (row->low && row->high)
        report(item->work, &item->path, item->value, "%s is out of range; %s to %s is allowed", quoted, row->low,
               row->high);
    else if (row->low)
        report(item->work, &item->path, item->value, "%s is out of range; %s or more is allowed", quoted, row->low);
    else
        report(item->work, &item->path, item->value, "%s is out of range; %s or less is allowed", quoted, row->high);
}

static void read_number(const struct item *item) {
    const struct pl_option_kind *kind = pl__option_kind(item->row->type);
    union pl_option_number number;
    if (!is_text(item->value) || !kind->parse(item->value->text, &number)) {
        report_wrong(item, item->value);
    } else if (pl__option_range(item->row, number) != 0) {
        report_range(item);
    } else if (kind->real) {
        *(double *)item->field = number.real;
    } else {
        *(int64_t *)item->field = number.integer;
    }
}

static void read_string(const struct item *item) {
    if (is_text(item->value))
        *(const char **)item->field = item->value->text;
    else
        report_wrong(item, item->value);
}

/* A file of the graph: found from where it is named, and there before anything runs. */
static const char *file_named(const struct item *item, const struct pl_yaml *value) {
    if (!*value->text) return value->text;
    const char *path = pl__file_beside(item->work->reader->yaml->arena, value->place.file, value->text);
    char quoted[PL_QUOTE_MAX];
    struct stat about;
    if (!path || (item->row->type == PL_TYPE_FILES && strpbrk(path, "*?"))) return path;
    if (stat(path, &about) != 0)
        report(item->work, &item->path, value, "%s: no such file", pl__quote(quoted, path));
    else if (access(path, R_OK) != 0)
        report(item->work, &item->path, value, "%s: not readable for this user", pl__quote(quoted, path));
    return path;
}

static void read_file(const struct item *item) {
    if (!is_text(item->value)) {
        report_wrong(item, item->value);
        return;
    }
    const char *path = file_named(item, item->value);
    if (path) *(const char **)item->field = path;
}

/* ---- Choices ---- */

static int choice_index(const struct item *item, const struct pl_yaml *value) {
    const char *const *choices = item->row->choices;
    char all[CHOICES_TEXT] = "", quoted[PL_QUOTE_MAX];
    size_t count = 0, used = 0;
    if (!is_text(value)) {
        report_wrong(item, value);
        return -1;
    }
    for (; choices[count]; count++) {
        if (strcmp(choices[count], value->text) == 0) return (int)count;
        int n = snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", choices[count]);
        if (n > 0 && (size_t)n < sizeof all - used) used += (size_t)n;
    }
    bool wanted = pl__problems_wanted(item->work->reader->yaml->problems, value);
    const char *nearest = wanted ? pl_text_nearest(value->text, choices, count) : NULL;
    report(item->work, &item->path, value, "%s is not one of %s%s%s%s", pl__quote(quoted, value->text), all,
           nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    return -1;
}

static void read_choice(const struct item *item) {
    int index = choice_index(item, item->value);
    if (index >= 0) *(uint32_t *)item->field = (uint32_t)index;
}

static void add_to_set(const struct item *item, const struct pl_yaml *value) {
    uint32_t *set = item->field;
    char quoted[PL_QUOTE_MAX];
    int index = choice_index(item, value);
    if (index < 0) return;
    if (*set & (1u << index))
        report(item->work, &item->path, value, "%s is given twice", pl__quote(quoted, value->text));
    *set |= 1u << index;
}

static void read_set(const struct item *item) {
    *(uint32_t *)item->field = 0;
    if (item->value->type == PL_YAML_SCALAR)
        add_to_set(item, item->value);
    else if (item->value->type == PL_YAML_MAP)
        report_wrong(item, item->value);
    else
        for (const struct pl_yaml *child = item->value->first; child; child = child->next)
            add_to_set(item, child);
}

/* ---- Lists ---- */

static bool fits_list(const struct item *item) {
    if (item->value->count <= PL_LIST_MAX) return true;
    report(item->work, &item->path, item->value, "more than 100,000 entries");
    return false;
}

static void read_strings(const struct item *item) {
    struct pl_strings *strings = item->field;
    bool single = is_text(item->value);
    if (!single && item->value->type != PL_YAML_LIST) {
        report_wrong(item, item->value);
        return;
    }
    if (!fits_list(item)) return;
    uint32_t count = single ? 1 : item->value->count;
    strings->items = pl__arena_alloc(item->work->reader->yaml->arena, count * sizeof *strings->items);
    if (!strings->items) return;
    for (const struct pl_yaml *text = single ? item->value : item->value->first; text;
         text = single ? NULL : text->next) {
        if (!text->any && !is_text(text))
            report(item->work, &item->path, text, "an entry is %s, but it is a list of texts", shape(text));
        strings->items[strings->count++] = text->type == PL_YAML_SCALAR ? text->text : "";
    }
}

static void read_files(const struct item *item) {
    struct pl_strings *files = item->field;
    read_strings(item);
    const struct pl_yaml *text = is_text(item->value) ? item->value : item->value->first;
    for (uint32_t i = 0; i < files->count && text; i++, text = text->next) {
        const char *path = is_text(text) && !text->any ? file_named(item, text) : NULL;
        if (path) files->items[i] = path;
    }
}

static void read_record(const struct item *item, struct pl_yaml *record, void *into, uint32_t index) {
    struct pl_option_path path = {.outer = &item->path, .index = index};
    struct work work = {item->work->reader, &path, record, {record->place, record->repeated, false}, record->any};
    if (record->any) {
        work.map = NULL;
        work.reader->vague = true;
    } else if (record->type != PL_YAML_MAP) {
        report(item->work, &path, record, "%s is given, but a record is a map", shape(record));
        return;
    }
    struct pl_option_table table = {.rows = item->row->rows, .self = into};
    check_unknown(&work, &table, 1, NULL);
    read_rows(&work, item->row->rows, into);
}

static void read_list(const struct item *item) {
    struct pl_list *list = item->field;
    struct pl_yaml *value = item->value;
    if (is_text(value)) {
        char quoted[PL_QUOTE_MAX];
        const char *reason = pl__records_read(item->work->reader->yaml, value);
        if (reason) report(item->work, &item->path, value, "%s: %s", pl__quote(quoted, value->text), reason);
        item->work->reader->failed = item->work->reader->failed || value->any;
    }
    if (value->any) return;
    if (value->type != PL_YAML_LIST) {
        report_wrong(item, value);
        return;
    }
    if (!fits_list(item)) return;
    list->items = pl__arena_alloc(item->work->reader->yaml->arena, value->count * item->row->item_size);
    if (!list->items) return;
    for (struct pl_yaml *record = value->first; record; record = record->next, list->count++)
        read_record(item, record, (char *)list->items + list->count * item->row->item_size, list->count);
}

/* A name is what the user writes; a value of several is none. */
static void read_pairs(const struct item *item) {
    struct pl_list *list = item->field;
    if (item->value->type != PL_YAML_MAP) {
        report_wrong(item, item->value);
        return;
    }
    if (!fits_list(item)) return;
    struct pl_pair *pairs = pl__arena_alloc(item->work->reader->yaml->arena, item->value->count * sizeof *pairs);
    if (!pairs) return;
    list->items = pairs;
    for (const struct pl_yaml *value = item->value->first; value; value = value->next) {
        struct pl_option_path path = {.outer = &item->path, .name = value->key};
        if (value->type != PL_YAML_SCALAR) report(item->work, &path, value, "is %s, but it is one text", shape(value));
        item->work->reader->vague = item->work->reader->vague || value->any;
        pairs[list->count++] =
            (struct pl_pair){.name = value->key, .value = value->type == PL_YAML_SCALAR ? value->text : ""};
    }
}

/* ---- Groups ---- */

static void read_group(const struct item *item, void *self) {
    struct pl_yaml *value = item->value;
    struct work work = {item->work->reader, &item->path, NULL, {value->place, value->repeated, false}, value->any};
    if (value->type == PL_YAML_MAP) {
        *(bool *)item->field = true;
        work.map = value;
        struct pl_option_table table = {.rows = item->row->rows, .self = self};
        check_unknown(&work, &table, 1, NULL);
    } else if (value->any) {
        *(bool *)item->field = true;
    } else {
        read_bool(item);
    }
    work.absent = work.absent || !*(bool *)item->field;
    read_rows(&work, item->row->rows, self);
}

/* ---- Rows ---- */

static void read_value(const struct item *item, void *self) {
    switch (item->row->type) {
    case PL_TYPE_BOOL: read_bool(item); break;
    case PL_TYPE_INT:
    case PL_TYPE_NUMBER:
    case PL_TYPE_DURATION:
    case PL_TYPE_SIZE:
    case PL_TYPE_RATE:
    case PL_TYPE_TIME: read_number(item); break;
    case PL_TYPE_STRING:
    case PL_TYPE_PATH:
    case PL_TYPE_SECRET: read_string(item); break;
    case PL_TYPE_FILE: read_file(item); break;
    case PL_TYPE_CHOICE: read_choice(item); break;
    case PL_TYPE_SET: read_set(item); break;
    case PL_TYPE_STRINGS: read_strings(item); break;
    case PL_TYPE_FILES: read_files(item); break;
    case PL_TYPE_LIST: read_list(item); break;
    case PL_TYPE_PAIRS: read_pairs(item); break;
    case PL_TYPE_GROUP: read_group(item, self); break;
    case PL_TYPE_END: break;
    }
}

static bool is_string(enum pl_option_type type) {
    return type == PL_TYPE_STRING || type == PL_TYPE_PATH || type == PL_TYPE_FILE || type == PL_TYPE_SECRET;
}

/* Defaults are written as users write values: "10s", "[count, mean]". */
static struct pl_yaml *fallback_value(const struct work *work, const struct pl_option *row) {
    const char *text = row->fallback;
    struct pl_yaml_context *yaml = work->reader->yaml;
    if (!is_string(row->type) && (text[0] == '[' || text[0] == '{'))
        return pl__yaml_parse_within(yaml, text, work->at.place);
    struct pl_yaml *value = pl__yaml_scalar(yaml, text, work->at.place);
    if (value) value->plain = false; /* "" is a text */
    return value;
}

static void report_missing(const struct work *work, const struct pl_option *row) {
    if (work->absent) return;
    report(work, work->path, NULL, "%s is missing: %s", row->name, row->doc);
}

/* What an unknown value leaves in the field: its text where that does, else the default. */
static void read_any(const struct item *item, void *self) {
    if (is_string(item->row->type) && item->value->type == PL_YAML_SCALAR) {
        *(const char **)item->field = item->value->text;
        return;
    }
    bool texts = item->row->type == PL_TYPE_STRINGS || item->row->type == PL_TYPE_FILES;
    if (texts && item->value->type == PL_YAML_SCALAR) {
        read_strings(item);
        return;
    }
    item->work->reader->vague = true;
    struct item known = *item;
    known.value = item->row->fallback ? fallback_value(item->work, item->row) : NULL;
    if (item->row->type == PL_TYPE_GROUP) known.value = item->value;
    if (known.value) read_value(&known, self);
}

static void read_row(const struct work *work, const struct pl_option *row, void *self) {
    struct item item = {work, row, {.outer = work->path, .name = row->name}, NULL, (char *)self + row->offset};
    if (is_string(row->type)) *(const char **)item.field = "";
    item.value = pl__yaml_find(work->map, row->name);
    if (item.value && item.value->any) {
        read_any(&item, self);
        return;
    }
    if (!item.value && !row->fallback) report_missing(work, row);
    if (!item.value && !row->fallback && row->type != PL_TYPE_GROUP) return;
    if (!item.value) item.value = fallback_value(work, row->fallback ? row : &(struct pl_option){.fallback = "false"});
    if (item.value) read_value(&item, self);
}

static void read_rows(const struct work *work, const struct pl_option *rows, void *self) {
    for (; rows && rows->name; rows++)
        read_row(work, rows, self);
}

/* ---- Keys ---- */

const struct pl_option *pl__option_find(const struct pl_option *rows, const char *name) {
    for (; rows && rows->name; rows++)
        if (strcmp(rows->name, name) == 0) return rows;
    return NULL;
}

static const struct pl_option_table *table_of(const struct pl_option_table *tables, unsigned count, const char *name) {
    for (unsigned i = 0; i < count; i++)
        if (pl__option_find(tables[i].rows, name)) return &tables[i];
    return NULL;
}

static const char *nearest_name(const struct pl_option_table *tables, unsigned count, const char *const *others,
                                const char *name) {
    const char *names[NAMES_MAX];
    size_t found = 0;
    for (unsigned i = 0; i < count; i++)
        for (const struct pl_option *row = tables[i].rows; tables[i].self && row && row->name && found < NAMES_MAX;
             row++)
            names[found++] = row->name;
    for (; others && *others && found < NAMES_MAX; others++)
        names[found++] = *others;
    return pl_text_nearest(name, names, found);
}

/* The name of the group that has an option of this name, for one that was given outside of it; NULL: none has. */
static const char *group_with(const struct pl_option_table *tables, unsigned count, const char *name) {
    for (unsigned i = 0; i < count; i++)
        for (const struct pl_option *row = tables[i].rows; tables[i].self && row && row->name; row++)
            if (row->type == PL_TYPE_GROUP && pl__option_find(row->rows, name)) return row->name;
    return NULL;
}

static bool is_among(const char *const *names, const char *name) {
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

static void report_unknown(const struct work *work, const struct pl_yaml *value, const struct pl_option_table *tables,
                           unsigned count, const char *const *others) {
    struct pl_yaml key = {.place = value->key_place, .repeated = value->repeated};
    struct pl_option_path path = {.outer = work->path, .name = value->key};
    const struct pl_option_table *table = table_of(tables, count, value->key);
    char quoted[PL_QUOTE_MAX];
    bool worth = !table && pl__problems_wanted(work->reader->yaml->problems, &key);
    const char *group = worth ? group_with(tables, count, value->key) : NULL;
    const char *nearest = worth && !group ? nearest_name(tables, count, others, value->key) : NULL;
    if (table)
        report(work, &path, &key, "%s", table->misplaced);
    else if (group)
        report(work, work->path, &key, "there is no option %s; it belongs into %s: { %s: ... }",
               pl__quote(quoted, value->key), group, value->key);
    else
        report(work, work->path, &key, "there is no option %s%s%s%s", pl__quote(quoted, value->key),
               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static void check_unknown(const struct work *work, const struct pl_option_table *tables, unsigned count,
                          const char *const *others) {
    if (!work->map) return;
    for (const struct pl_yaml *value = work->map->first; value; value = value->next) {
        const struct pl_option_table *table = table_of(tables, count, value->key);
        bool known = (table && table->self) || is_among(others, value->key);
        if (!known) report_unknown(work, value, tables, count, others);
    }
}

void pl__options_read(struct pl_options_reader *reader) {
    struct pl_yaml *map = reader->map;
    struct pl_place place = map->key ? map->key_place : map->place;
    struct work work = {reader, NULL, map, {place, map->repeated, false}, false};
    check_unknown(&work, reader->tables, reader->table_count, reader->others);
    for (unsigned i = 0; i < reader->table_count; i++)
        if (reader->tables[i].self) read_rows(&work, reader->tables[i].rows, reader->tables[i].self);
    reader->failed = reader->failed || pl__arena_code(reader->yaml->arena); /* strings may be NULL */
}
