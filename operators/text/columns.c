#include "columns.h"

#include <potline/alloc.h>
#include <potline/text.h>

/* The names of a stream's columns, and where they come from. */
struct table {
    const struct pl_layout *layout;
    const char *const *names; /* NULL: columns have numbers only */
    uint32_t count;           /* of names, or of fields where they have none */
    struct pl_place place;
    struct pl_error **error;
};

/* ---- One column ---- */

static uint32_t find_name(const struct table *t, const char *name) {
    for (uint32_t i = 0; t->names && i < t->count; i++) {
        if (strcmp(t->names[i], name) == 0) return i;
    }
    return PL_NO_COLUMN;
}

/* A list of the names for a message, cut where it gets long. */
static void list_names(const struct table *t, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < t->count && used + 1 < size; i++) {
        int n = snprintf(text + used, size - used, "%s%s", i ? ", " : "", t->names[i]);
        used = n < 0 ? size : used + (size_t)n;
    }
    if (used >= size) memcpy(text + size - 4, "...", 4);
}

static enum pl_code no_column(const struct table *t, const char *option, const char *name) {
    char there[300];
    if (!t->names) {
        return pl_error_at(t->error, PL_NOT_FOUND, t->place,
                           "%s: no column %s; the first record has %u (columns: names them)", option, name, t->count);
    }
    list_names(t, there, sizeof(there));
    const char *near = pl_text_nearest(name, t->names, t->count);
    return pl_error_at(t->error, PL_NOT_FOUND, t->place, "%s: no column \"%s\"%s%s%s; the columns are: %s%s", option,
                       name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", there,
                       t->layout->header ? " (header: false, if that is data)" : "");
}

/* A name, or a number from 1. */
static enum pl_code find_column(const struct table *t, const char *option, const char *name, uint32_t *column) {
    int64_t number;
    *column = find_name(t, name);
    if (*column != PL_NO_COLUMN) return PL_OK;
    if (!pl_text_int(name, strlen(name), &number) || number < 1 || number > t->count) return no_column(t, option, name);
    *column = (uint32_t)number - 1;
    return PL_OK;
}

/* ---- The roles ---- */

static enum pl_code find_time(struct pl_columns *c, const struct table *t) {
    static const char *const usual[] = {"time_ns", "time_us",   "time_ms",  "time_s",
                                        "time",    "timestamp", "datetime", "date"};
    const struct pl_strings *given = &t->layout->time;
    if (t->layout->interval) return PL_OK;
    if (given->count > PL_TIME_COLUMNS_MAX) {
        return pl_error_at(t->error, PL_LIMIT, t->place, "time: %u columns; at most %d", given->count,
                           PL_TIME_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < given->count; i++) {
        enum pl_code code = find_column(t, "time", given->items[i], &c->time[i]);
        if (code) return code;
    }
    c->times = given->count;
    if (c->times == 0) {
        c->time[0] = PL_NO_COLUMN;
        for (unsigned i = 0; i < PL_COUNT_OF(usual) && c->time[0] == PL_NO_COLUMN; i++)
            c->time[0] = find_name(t, usual[i]);
        if (c->time[0] == PL_NO_COLUMN) c->time[0] = 0;
        c->times = 1;
    }
    c->time_name = t->names && c->time[0] < t->count ? t->names[c->time[0]] : NULL;
    return PL_OK;
}

/* A role of the long layout: as given, else the usual name, else the place it has in text without names. */
static enum pl_code find_role(const struct table *t, const char *option, const char *given, uint32_t place,
                              uint32_t *column) {
    if (given[0]) return find_column(t, option, given, column);
    *column = find_name(t, option);
    if (*column != PL_NO_COLUMN) return PL_OK;
    *column = place;
    if (place == PL_NO_COLUMN || place < t->count) return PL_OK;
    return pl_error_at(t->error, PL_NOT_FOUND, t->place, "%s: the record has %u columns, and none is called \"%s\"",
                       option, t->count, option);
}

static enum pl_code find_long(struct pl_columns *c, const struct table *t) {
    const struct pl_layout *layout = t->layout;
    enum pl_code code = find_role(t, "tag", layout->tag, c->times, &c->tag);
    if (!code) code = find_role(t, "value", layout->value, c->times + 1, &c->value);
    if (!code) code = find_role(t, "quality", layout->quality, PL_NO_COLUMN, &c->quality);
    return code;
}

static bool is_time(const struct pl_columns *c, uint32_t column) {
    for (uint32_t i = 0; i < c->times; i++) {
        if (c->time[i] == column) return true;
    }
    return false;
}

/* Every other column is a tag, but for those without a name and those that are left out. */
static enum pl_code find_series(struct pl_columns *c, const struct table *t, const struct pl_names *tags) {
    c->series = pl_alloc(t->count * sizeof(*c->series) + 1);
    if (!c->series) return pl_error_at(t->error, PL_NO_MEMORY, t->place, "no memory for %u columns", t->count);
    for (uint32_t i = 0; i < t->count; i++) {
        char number[24];
        *pl_text_put_int(number, i + 1) = 0;
        const char *name = t->names ? t->names[i] : number;
        if (is_time(c, i) || !name[0]) continue;
        uint32_t tag = pl_names_resolve(tags, name, (uint32_t)strlen(name));
        if (tag == PL_NAMES_LEFT_OUT) continue;
        if (tag == PL_NO_ID) {
            return pl_error_at(
                t->error, PL_RANGE, t->place,
                "column %u: \"%s\" cannot be a tag (at most %d bytes of UTF-8, no control characters, and "
                "within max_tags)",
                i + 1, name, PL_NAME_MAX);
        }
        c->series[c->series_count++] = (struct pl_series){i, tag};
    }
    if (c->series_count == 0)
        return pl_error_at(t->error, PL_NOT_FOUND, t->place, "no column is left that could be a tag");
    if (c->series_count <= PL_SERIES_MAX) return PL_OK;
    return pl_error_at(t->error, PL_LIMIT, t->place, "%u columns with values; at most %d", c->series_count,
                       PL_SERIES_MAX);
}

/* ---- Text without a header ---- */

/* In the long layout the options' own words are the names, unless one of them is a number. */
static uint32_t names_of_options(const struct pl_layout *layout, const char **names) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < layout->time.count && i < PL_TIME_COLUMNS_MAX; i++)
        names[n++] = layout->time.items[i];
    if (!layout->time.count && !layout->interval) names[n++] = "time";
    names[n++] = layout->tag[0] ? layout->tag : "tag";
    names[n++] = layout->value[0] ? layout->value : "value";
    if (layout->quality[0]) names[n++] = layout->quality;
    for (uint32_t i = 0; i < n; i++) {
        int64_t number;
        if (pl_text_int(names[i], strlen(names[i]), &number)) return 0;
    }
    return n;
}

enum pl_code pl_columns_resolve(struct pl_columns *c, const struct pl_layout *layout, const char *const *names,
                                uint32_t count, const struct pl_names *tags, struct pl_place place,
                                struct pl_error **error) {
    const char *made[PL_TIME_COLUMNS_MAX + 3];
    struct table t = {.layout = layout, .names = names, .count = count, .place = place, .error = error};
    *c = (struct pl_columns){.tag = PL_NO_COLUMN, .value = PL_NO_COLUMN, .quality = PL_NO_COLUMN, .most = count};
    if (!names && layout->columns.count) {
        t.names = layout->columns.items;
        t.count = c->most = layout->columns.count;
    } else if (!names && layout->shape == PL_LONG) {
        uint32_t n = names_of_options(layout, made);
        if (n) t.names = made;
        if (n) t.count = n;
        c->most = n ? n : PL_FIELDS_MAX;
    }
    enum pl_code code = find_time(c, &t);
    if (!code) code = layout->shape == PL_LONG ? find_long(c, &t) : find_series(c, &t, tags);
    if (code) return code;
    uint32_t last = 0;
    for (uint32_t i = 0; i < c->times; i++)
        last = c->time[i] > last ? c->time[i] : last;
    if (layout->shape == PL_WIDE) {
        last = t.count - 1;
    } else {
        last = c->tag > last ? c->tag : last;
        last = c->value > last ? c->value : last;
        if (c->quality != PL_NO_COLUMN && c->quality > last) last = c->quality;
    }
    c->least = last + 1;
    return PL_OK;
}

void pl_columns_fini(struct pl_columns *c) {
    pl_free(c->series);
    c->series = NULL;
    c->series_count = 0;
}
