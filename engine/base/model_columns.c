/* model_columns.c: columns of measured data by the names in a file's first line (potline/model.h). */
#include <potline/model.h>
#include <potline/text.h>
#include <stdio.h>
#include <string.h>

enum { NAMES = 64, NAME = 64 };

struct header {
    unsigned count;
    char name[NAMES][NAME];
};

static void take_name(struct header *header, const char *from, size_t length) {
    while (length && strchr(" \"\r\n", from[length - 1]))
        length--;
    while (length && strchr(" \"", *from)) {
        from++;
        length--;
    }
    pl_text_copy(header->name[header->count++], NAME, from, length);
}

static void split(struct header *header, const char *line) {
    static const char MARK[] = "\xef\xbb\xbf";
    if (strncmp(line, MARK, strlen(MARK)) == 0) line += strlen(MARK);
    header->count = 0;
    for (;; line++) {
        size_t length = strcspn(line, ",;\t");
        if (header->count < NAMES) take_name(header, line, length);
        line += length;
        if (!*line) return;
    }
}

static bool is_named(const struct pl_model_column *column, const char *name) {
    return strcmp(name, column->name) == 0 || (column->alias && strcmp(name, column->alias) == 0);
}

static unsigned find(const struct pl_model_column *columns, const struct header *header, int *place) {
    unsigned there = 0;
    for (unsigned i = 0; i < PL_MODEL_COLUMNS_MAX && columns[i].name; i++) {
        place[i] = -1;
        for (unsigned k = 0; k < header->count && place[i] < 0; k++)
            if (is_named(&columns[i], header->name[k])) place[i] = (int)k;
        there += place[i] >= 0;
    }
    return there;
}

unsigned pl_model_columns_find(const struct pl_model_column *columns, const char *header, int *place) {
    struct header names;
    split(&names, header);
    return find(columns, &names, place);
}

void pl_model_columns_names(const struct pl_model_column *columns, char *text, size_t size) {
    size_t length = 0;
    *text = 0;
    for (; columns->name && length < size; columns++) {
        if (columns->flags & PL_COLUMN_OPTIONAL) continue;
        length += (size_t)snprintf(text + length, size - length, "%s%s", length ? "," : "", columns->name);
    }
}

/* A name that is no column's, and near to one that is missing. */
static const char *nearest(const struct pl_model_column *columns, const struct header *header, const char *missing) {
    const char *names[NAMES];
    unsigned count = 0;
    for (unsigned k = 0; k < header->count; k++) {
        bool known = false;
        for (const struct pl_model_column *c = columns; c->name; c++)
            known = known || is_named(c, header->name[k]);
        if (!known) names[count++] = header->name[k];
    }
    return pl_text_nearest(missing, names, count);
}

static enum pl_code refuse(const struct pl_model_column *columns, const struct header *header, const char *path,
                           const struct pl_model_column *missing, struct pl_error **error) {
    char expected[PL_MODEL_COLUMNS_TEXT], found[PL_MODEL_COLUMNS_TEXT];
    size_t length = 0;
    found[0] = 0;
    for (unsigned k = 0; k < header->count && length < sizeof found; k++)
        length += (size_t)snprintf(found + length, sizeof found - length, "%s%s", k ? "," : "", header->name[k]);
    pl_model_columns_names(columns, expected, sizeof expected);
    const char *near = nearest(columns, header, missing->name);
    char hint[2 * NAME + 48] = "";
    if (near) snprintf(hint, sizeof hint, "; \"%s\" is there: did you mean %s?", near, missing->name);
    return pl_error_at(error, PL_SYNTAX, (struct pl_place){path, 1, 0},
                       "column %s%s%s%s is missing%s (expected, in any order: %s; found: %s)", missing->name,
                       *missing->unit ? " (" : "", missing->unit, *missing->unit ? ")" : "", hint, expected, found);
}

enum pl_code pl_model_columns_check(const struct pl_model_column *columns, const char *header, const char *path,
                                    int *place, struct pl_error **error) {
    struct header names;
    split(&names, header);
    find(columns, &names, place);
    for (unsigned i = 0; i < PL_MODEL_COLUMNS_MAX && columns[i].name; i++) {
        if (place[i] < 0 && !(columns[i].flags & PL_COLUMN_OPTIONAL))
            return refuse(columns, &names, path, &columns[i], error);
        for (int k = place[i] + 1; place[i] >= 0 && k < (int)names.count; k++)
            if (is_named(&columns[i], names.name[k]))
                return pl_error_at(error, PL_SYNTAX, (struct pl_place){path, 1, 0},
                                   "column %s is there twice (columns %d and %d)", columns[i].name, place[i] + 1,
                                   k + 1);
    }
    return PL_OK;
}
