#include "lab.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <potline/alloc.h>
#include <potline/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096 };

static bool is_separator(char c) {
    return c == ',' || c == '\t' || c == ';';
}

/* Fields of a line, in place; quoted ones may hold separators. More than there is room for are counted. */
static int split(char *line, char *field[LAB_FIELDS]) {
    int count = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line;;) {
        if (count < LAB_FIELDS) field[count] = at;
        count++;
        bool quoted = *at == '"';
        if (quoted) at = strchr(at + 1, '"') ? strchr(at + 1, '"') + 1 : at + strlen(at);
        while (*at && !is_separator(*at))
            at++;
        if (!*at) break;
        *at++ = 0;
    }
    return count;
}

/* Spreadsheets put numbers in quotes, too. */
static double number(const char *text) {
    text += strspn(text, " ");
    double value;
    size_t length = strlen(text);
    while (length && text[length - 1] == ' ')
        length--;
    if (length > 2 && *text == '"' && text[length - 1] == '"') {
        text++;
        length -= 2;
    }
    return length && pl_text_f64(text, length, &value) ? value : NAN;
}

static bool is_blank(const char *text) {
    return !text[strspn(text, " ")];
}

/* A file at work: where each of the columns that are asked for stands in its lines. */
struct reading {
    const char *path;
    const struct pl_model_column *columns;
    bool headless;
    int place[LAB_COLUMNS], fields;
    size_t line, room;
    struct pl_model_taken *taken;
};

static bool grow(struct lab_table *table, const struct reading *r) {
    size_t more = r->room ? r->room * 2 : 256;
    for (int c = 0; c < table->columns; c++) {
        if (r->place[c] < 0) continue;
        double *bigger = pl_realloc(table->column[c], more * sizeof *bigger);
        if (!bigger) return false;
        table->column[c] = bigger;
    }
    size_t *line = pl_realloc(table->line, more * sizeof *line);
    if (line) table->line = line;
    return line;
}

static bool is_number(const struct reading *r, int column) {
    return r->place[column] >= 0 && !(r->columns[column].flags & PL_COLUMN_TEXT);
}

/* A text where a number belongs, or nothing where there must be one. */
static bool tells_nothing(const struct reading *r, int columns, char *const *field, int count) {
    for (int c = 0; c < columns; c++) {
        if (!is_number(r, c)) continue;
        bool blank = r->place[c] >= count || is_blank(field[r->place[c]]);
        if (blank ? !(r->columns[c].flags & PL_COLUMN_SPARSE) : isnan(number(field[r->place[c]]))) return true;
    }
    return false;
}

void lab_count_out(struct pl_model_taken *taken, size_t line) {
    if (!taken->left_out || line < taken->line) taken->line = line;
    taken->left_out++;
}

void lab_leave_out(const struct lab_table *table, size_t i, struct pl_model_taken *taken) {
    lab_count_out(taken, table->line[i]);
}

static bool begins_with_number(const char *line) {
    char first[64];
    pl_text_copy(first, sizeof first, line, strcspn(line, ",;\t\r\n"));
    return !isnan(number(first));
}

/* The first line: names, or numbers of a file that may have none. */
static enum pl_code take_header(const struct lab_table *table, const char *line, struct reading *r,
                                struct pl_error **error) {
    r->fields = 1;
    for (const char *at = line; *at; at++)
        r->fields += is_separator(*at);
    if (!begins_with_number(line)) return pl_model_columns_check(r->columns, line, r->path, r->place, error);
    char names[PL_MODEL_COLUMNS_TEXT];
    pl_model_columns_names(r->columns, names, sizeof names);
    if (!r->headless)
        return pl_error_at(error, PL_SYNTAX, (struct pl_place){r->path, 1, 0},
                           "numbers, where a line of names is expected: %s", names);
    if (r->fields != table->columns)
        return pl_error_at(error, PL_SYNTAX, (struct pl_place){r->path, 1, 0},
                           "%d columns without names, where %d are expected: %s", r->fields, table->columns, names);
    for (int c = 0; c < table->columns; c++)
        r->place[c] = c;
    return PL_OK;
}

/* A number that is no measurement of what its column is of, or a time before that of the row before. */
static enum pl_code check_row(const struct lab_table *table, const struct reading *r, struct pl_error **error) {
    struct pl_place here = {r->path, (int)r->line, 0};
    for (int c = 0; c < table->columns; c++) {
        const struct pl_model_column *column = &r->columns[c];
        if (!is_number(r, c)) continue;
        const double *value = &table->column[c][table->rows];
        if (column->low < column->high && (*value < column->low || *value > column->high))
            return pl_error_at(error, PL_RANGE, here,
                               "%s is %g%s%s, which is no measurement: %g to %g is what it may be", column->name,
                               *value, *column->unit ? " " : "", column->unit, column->low, column->high);
        if ((column->flags & PL_COLUMN_RISING) && table->rows && *value < value[-1])
            return pl_error_at(error, PL_RANGE, here,
                               "%s goes back, from %g to %g %s: rows are expected in the order they were measured in",
                               column->name, value[-1], *value, column->unit);
    }
    return PL_OK;
}

static enum pl_code take_row(struct lab_table *table, char *line, struct reading *r, struct pl_error **error) {
    char *field[LAB_FIELDS];
    int count = split(line, field);
    if (count == 1 && !*field[0]) return PL_OK;
    struct pl_place here = {r->path, (int)r->line, 0};
    if (count == r->fields + 1 && count <= LAB_FIELDS && is_blank(field[count - 1])) count--; /* "1,2," */
    if (count > r->fields || count > LAB_FIELDS)
        return pl_error_at(error, PL_SYNTAX, here,
                           "%d fields, where line 1 has %d: a comma is no decimal point here, and a text that holds a "
                           "separator is quoted",
                           count, r->fields);
    if (table->rows == LAB_ROWS) return pl_error_at(error, PL_LIMIT, here, "more than %d rows", LAB_ROWS);
    r->taken->rows++;
    if (tells_nothing(r, table->columns, field, count)) {
        lab_count_out(r->taken, r->line);
        return PL_OK;
    }
    if (table->rows == r->room) {
        if (!grow(table, r)) return pl_error_set(error, PL_NO_MEMORY, "%s: no memory for its rows", r->path);
        r->room = r->room ? r->room * 2 : 256;
    }
    table->line[table->rows] = r->line;
    for (int c = 0; c < table->columns; c++)
        if (r->place[c] >= 0)
            table->column[c][table->rows] =
                is_number(r, c) && r->place[c] < count ? number(field[r->place[c]]) : (double)NAN;
    enum pl_code code = check_row(table, r, error);
    table->rows++;
    return code;
}

/* The next line as a text; false: there is none. What holds a byte of 0 is none, and the rest of it would be lost. */
static bool read_line(FILE *in, char line[LINE], bool *binary) {
    int length = 0, c = 0;
    *binary = false;
    while (length < LINE - 1 && c != '\n' && (c = getc(in)) != EOF) {
        *binary = *binary || !c;
        line[length++] = (char)c;
    }
    line[length] = 0;
    return length > 0;
}

static enum pl_code take_line(struct lab_table *table, char *line, struct reading *r, struct pl_error **error) {
    if (strlen(line) == LINE - 1 && line[LINE - 2] != '\n')
        return pl_error_at(error, PL_LIMIT, (struct pl_place){r->path, (int)r->line, 0}, "longer than %d bytes",
                           LINE - 2);
    if (r->line > 1) return take_row(table, line, r, error);
    enum pl_code code = take_header(table, line, r, error);
    return code || !begins_with_number(line) ? code : take_row(table, line, r, error);
}

enum pl_code lab_read(struct lab_table *table, const char *path, const struct pl_model_column *columns, bool headless,
                      struct pl_model_taken *taken, struct pl_error **error) {
    *table = (struct lab_table){0};
    while (table->columns < LAB_COLUMNS && columns[table->columns].name)
        table->columns++;
    FILE *in = fopen(path, "r");
    if (!in) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    char line[LINE] = "";
    struct reading r = {.path = path, .columns = columns, .headless = headless, .taken = taken};
    enum pl_code code = PL_OK;
    bool binary;
    while (!code && read_line(in, line, &binary)) {
        r.line++;
        code = binary ? pl_error_at(error, PL_SYNTAX, (struct pl_place){path, (int)r.line, 0},
                                    "a byte of 0: the file is damaged, or no text in UTF-8")
                      : take_line(table, line, &r, error);
    }
    fclose(in);
    char names[PL_MODEL_COLUMNS_TEXT];
    pl_model_columns_names(columns, names, sizeof names);
    if (!code && taken->left_out * 2 > taken->rows)
        code = pl_error_set(error, PL_RANGE, "%s: %zu of %zu rows hold no number in one of %s, the first in line %zu",
                            path, taken->left_out, taken->rows, names, taken->line);
    if (!code && !table->rows)
        code = pl_error_set(error, PL_SYNTAX, "%s: no row of numbers; %s are expected", path, names);
    if (code) lab_free(table);
    return code;
}

enum pl_code lab_read_beside(struct lab_table *table, const char *path, const char *beside,
                             const struct pl_model_column *columns, const char *what, struct pl_error **error) {
    *table = (struct lab_table){0};
    if (access(beside, R_OK) != 0)
        return pl_error_set(error, PL_IO, "%s: %s (%s, beside %s)", beside, strerror(errno), what, path);
    struct pl_model_taken taken = {0};
    enum pl_code code = lab_read(table, beside, columns, false, &taken, error);
    if (!code && taken.left_out)
        code = pl_error_at(error, PL_SYNTAX, (struct pl_place){beside, (int)taken.line, 0},
                           "a number is missing (%s, beside %s)", what, path);
    return code;
}

void lab_free(struct lab_table *table) {
    for (int c = 0; c < LAB_COLUMNS; c++)
        pl_free(table->column[c]);
    pl_free(table->line);
    *table = (struct lab_table){0};
}

double lab_number_in_name(const char *path, const char *word) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *at = strstr(name, word);
    if (!at) return NAN;
    const char *begin = at;
    while (begin > name && isdigit((unsigned char)begin[-1]))
        begin--;
    return begin < at ? strtod(begin, NULL) : NAN;
}

bool lab_beside(const char *path, const char *name, char *other, size_t size) {
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    return snprintf(other, size, "%.*s%s", folder, path, name) < (int)size;
}

double lab_at(const double *x, const double *y, size_t count, double at) {
    if (at <= x[0]) return y[0];
    if (at >= x[count - 1]) return y[count - 1];
    size_t low = 0, high = count - 1;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (x[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return x[high] > x[low] ? y[low] + (y[high] - y[low]) * (at - x[low]) / (x[high] - x[low]) : y[high];
}

double lab_rms(const double *a, const double *b, const bool *use, size_t count) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!use[i]) continue;
        sum += (a[i] - b[i]) * (a[i] - b[i]);
        n++;
    }
    return n ? sqrt(sum / (double)n) : 0;
}
