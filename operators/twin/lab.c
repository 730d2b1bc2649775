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

/* Fields of a line, in place; quoted ones may hold separators. */
static int split(char *line, char *field[LAB_COLUMNS]) {
    int count = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line; count < LAB_COLUMNS;) {
        field[count++] = at;
        bool quoted = *at == '"';
        if (quoted) at = strchr(at + 1, '"') ? strchr(at + 1, '"') + 1 : at + strlen(at);
        while (*at && !is_separator(*at))
            at++;
        if (!*at) break;
        *at++ = 0;
    }
    return count;
}

static double number(const char *text) {
    while (*text == ' ')
        text++;
    double value;
    size_t length = strlen(text);
    while (length && text[length - 1] == ' ')
        length--;
    return length && pl_text_f64(text, length, &value) ? value : NAN;
}

static bool grow(struct lab_table *table, size_t *room) {
    if (table->rows < *room) return true;
    size_t more = *room ? *room * 2 : 256;
    for (int c = 0; c < table->columns; c++) {
        double *bigger = pl_realloc(table->column[c], more * sizeof *bigger);
        if (!bigger) return false;
        table->column[c] = bigger;
    }
    size_t *line = pl_realloc(table->line, more * sizeof *line);
    if (!line) return false;
    table->line = line;
    *room = more;
    return true;
}

struct reading {
    const char *path;
    int columns; /* that are needed */
    size_t line, room;
    struct pl_model_taken *taken;
};

static bool is_blank(const char *text) {
    return !text[strspn(text, " ")];
}

/* A text where a number belongs. An empty field is none: some columns are not measured in each row, but for the first
 * two. */
static bool tells_nothing(const struct reading *r, char *const *field, int count) {
    for (int c = 0; c < r->columns; c++) {
        bool blank = c >= count || is_blank(field[c]);
        if (blank ? c < 2 : isnan(number(field[c]))) return true;
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

static enum pl_code take_line(struct lab_table *table, char *line, struct reading *r, struct pl_error **error) {
    bool first = r->line == 1;
    char *field[LAB_COLUMNS];
    int count = split(line, field);
    if (count == 1 && !*field[0]) return PL_OK;
    if (first) table->columns = count;
    if (first && isnan(number(field[0]))) {
        for (int c = 0; c < count; c++)
            snprintf(table->name[c], sizeof table->name[c], "%s", field[c]);
        return PL_OK;
    }
    if (table->rows == LAB_ROWS) return pl_error_set(error, PL_LIMIT, "%s: more than %d rows", r->path, LAB_ROWS);
    r->taken->rows++;
    if (tells_nothing(r, field, count)) {
        lab_count_out(r->taken, r->line);
        return PL_OK;
    }
    if (!grow(table, &r->room)) return pl_error_set(error, PL_NO_MEMORY, "%s: no memory for its rows", r->path);
    table->line[table->rows] = r->line;
    for (int c = 0; c < table->columns; c++)
        table->column[c][table->rows] = c < count ? number(field[c]) : NAN;
    table->rows++;
    return PL_OK;
}

enum pl_code lab_read(struct lab_table *table, const char *path, int columns, struct pl_model_taken *taken,
                      struct pl_error **error) {
    *table = (struct lab_table){0};
    FILE *in = fopen(path, "r");
    if (!in) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    char line[LINE];
    struct reading r = {.path = path, .columns = columns, .taken = taken};
    enum pl_code code = PL_OK;
    while (!code && fgets(line, sizeof line, in)) {
        r.line++;
        code = take_line(table, line, &r, error);
    }
    fclose(in);
    if (!code && taken->left_out * 2 > taken->rows)
        code = pl_error_set(error, PL_RANGE,
                            "%s: %zu of %zu rows hold no number in one of the first %d columns, the first in line %zu",
                            path, taken->left_out, taken->rows, columns, taken->line);
    if (!code && (table->columns < columns || !table->rows))
        code = pl_error_set(error, PL_SYNTAX,
                            "%s: %d columns and %zu rows of numbers; %d columns and a row at least are expected", path,
                            table->columns, table->rows, columns);
    if (code) lab_free(table);
    return code;
}

enum pl_code lab_read_beside(struct lab_table *table, const char *path, const char *beside, const char *what,
                             struct pl_error **error) {
    *table = (struct lab_table){0};
    if (access(beside, R_OK) != 0)
        return pl_error_set(error, PL_IO, "%s: %s (%s, beside %s)", beside, strerror(errno), what, path);
    struct pl_model_taken taken = {0};
    enum pl_code code = lab_read(table, beside, 2, &taken, error);
    if (!code && taken.left_out)
        code = pl_error_set(error, PL_SYNTAX, "%s: no two numbers in line %zu (%s, beside %s)", beside, taken.line,
                            what, path);
    return code;
}

void lab_free(struct lab_table *table) {
    for (int c = 0; c < LAB_COLUMNS; c++)
        pl_free(table->column[c]);
    pl_free(table->line);
    *table = (struct lab_table){0};
}

int lab_column(const struct lab_table *table, const char *name) {
    for (int c = 0; c < table->columns; c++)
        if (strcmp(table->name[c], name) == 0) return c;
    return -1;
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
