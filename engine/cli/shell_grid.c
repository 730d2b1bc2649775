/* From msgpack rows to cells; shell_layout.c lays them out. */
#include "shell_grid.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "shell_shown.h"

/* ---- Values ---- */

/* How much of a time stays when it is told to the millisecond: all up to its zone. 0: it is none, or short as it is. */
static size_t time_kept(const char *text, size_t length) {
    enum { SECONDS = sizeof "2026-01-01T00:00:00" - 1, KEPT = SECONDS + sizeof ".000" - 1 };
    pl_time time;
    bool long_one = length > KEPT + 1 && text[SECONDS] == '.' && text[length - 1] == 'Z';
    return long_one && pl_text_time(text, length, &time) ? KEPT : 0;
}

static void put_text(struct pl_buffer *out, const char *text, size_t length) {
    size_t kept = time_kept(text, length);
    if (kept) {
        pl_buffer_put(out, text, kept);
        pl_buffer_putc(out, 'Z');
        return;
    }
    size_t shown = length > PL_GRID_VALUE_MAX ? pl_text_cut(text, PL_GRID_VALUE_MAX) : length;
    pl_shown_escape(out, text, shown);
    if (shown < length) pl_buffer_puts(out, "…");
}

static bool put_number(struct pl_buffer *out, double value) {
    char text[337];
    return pl_buffer_put(out, text, (size_t)(pl_shown_number(text, value) - text));
}

/* A list of names with a number each reads as "pressure 0.9, flow 0.1". False for any other, of which some may stand in
 * `out`. */
static bool put_named_numbers(struct pl_buffer *out, struct pl_unpack *in) {
    uint32_t count, pairs;
    if (!pl_unpack_array(in, &count) || !count) return false;
    for (uint32_t i = 0; i < count; i++) {
        const char *text;
        size_t length;
        double number;
        if (!pl_unpack_map(in, &pairs) || pairs != 2 || !pl_unpack_skip(in) || !pl_unpack_str(in, &text, &length) ||
            !pl_unpack_skip(in) || !pl_unpack_f64(in, &number))
            return false;
        if (i) pl_buffer_puts(out, ", ");
        put_text(out, text, length);
        pl_buffer_putc(out, ' ');
        put_number(out, number);
    }
    return !pl_buffer_failed(out);
}

static bool put_json(struct pl_buffer *out, struct pl_unpack *in) {
    const uint8_t *begin = in->at;
    if (!pl_unpack_skip(in)) return false;
    char *json = pl_pack_json(begin, (size_t)(in->at - begin));
    if (json) put_text(out, json, strlen(json));
    pl_free(json);
    return json != NULL;
}

/* A reader that fails leaves the next one a copy of where it began. */
bool pl_grid_put_value(struct pl_buffer *out, struct pl_unpack *in, bool *numeric) {
    struct pl_unpack begin = *in;
    int64_t whole;
    uint64_t large;
    double real;
    bool truth;
    const char *text;
    size_t length;
    *numeric = false;
    if (pl_unpack_nil(in)) return true;
    if (*in = begin, pl_unpack_bool(in, &truth)) return pl_buffer_puts(out, truth ? "true" : "false");
    if (*in = begin, pl_unpack_str(in, &text, &length)) return put_text(out, text, length), true;
    *numeric = true;
    if (*in = begin, pl_unpack_int(in, &whole)) return pl_buffer_printf(out, "%lld", (long long)whole);
    if (*in = begin, pl_unpack_uint(in, &large)) return pl_buffer_printf(out, "%llu", (unsigned long long)large);
    if (*in = begin, pl_unpack_f64(in, &real)) return put_number(out, real);
    *numeric = false;
    const size_t before = out->size;
    if (*in = begin, put_named_numbers(out, in)) return true;
    out->size = before;
    return *in = begin, put_json(out, in);
}

static bool fill_cell(struct pl_grid *grid, uint32_t row, unsigned column, struct pl_unpack *in) {
    struct pl_grid_cell *cell = &grid->cells[(size_t)row * grid->column_count + column];
    struct pl_buffer text;
    bool numeric;
    pl_buffer_init(&text, 8 * PL_GRID_VALUE_MAX);
    bool read = pl_grid_put_value(&text, in, &numeric);
    pl_free(cell->text); /* a key that stands there twice */
    cell->text = read ? pl_buffer_take(&text) : NULL;
    pl_buffer_fini(&text);
    if (!cell->text) return false;
    struct pl_grid_column *about = &grid->columns[column];
    cell->width = pl_shown_width(cell->text, strlen(cell->text));
    cell->tone = numeric ? PL_TONE_PLAIN : pl_tone_of(about->key, cell->text);
    if (cell->width > about->widest) about->widest = cell->width;
    if (!numeric && cell->width) about->numeric = false;
    return true;
}

/* ---- Columns ---- */

static int find_column(const struct pl_grid *grid, const char *key, size_t length) {
    for (unsigned i = 0; i < grid->column_count; i++)
        if (strlen(grid->columns[i].key) == length && memcmp(grid->columns[i].key, key, length) == 0) return (int)i;
    return -1;
}

static bool add_column(struct pl_grid *grid, const char *key, size_t length) {
    if (grid->column_count == PL_GRID_COLUMNS_MAX || memchr(key, 0, length)) return true;
    struct pl_grid_column *column = &grid->columns[grid->column_count++];
    struct pl_buffer name;
    pl_buffer_init(&name, 8 * PL_GRID_VALUE_MAX);
    put_text(&name, key, length);
    *column = (struct pl_grid_column){.key = pl_strndup(key, length), .name = pl_buffer_take(&name), .numeric = true};
    pl_buffer_fini(&name);
    if (!column->key || !column->name) return false;
    column->width = pl_shown_width(column->name, strlen(column->name));
    return true;
}

/* Walks through all rows: first for the columns, then for the cells. */
static bool walk(struct pl_grid *grid, const struct pl_answer *answer, bool fill) {
    struct pl_unpack in;
    uint32_t rows, pairs;
    pl_unpack_init(&in, answer->rows, answer->size);
    if (!pl_unpack_array(&in, &rows)) return false;
    for (uint32_t row = 0; row < rows; row++) {
        if (!pl_unpack_map(&in, &pairs)) return false;
        while (pairs--) {
            const char *key;
            size_t length;
            if (!pl_unpack_str(&in, &key, &length)) return false;
            int column = find_column(grid, key, length);
            if (!fill && column < 0 && !add_column(grid, key, length)) return false;
            if (fill && column >= 0 ? !fill_cell(grid, row, (unsigned)column, &in) : !pl_unpack_skip(&in)) return false;
        }
    }
    return true;
}

static bool is_path(const char *text) {
    const char *slash = strrchr(text, '/');
    return slash && !strchr(text, ' ') && (text[0] == '/' || strchr(slash, '.'));
}

static enum pl_grid_sort sort_of(const char *text) {
    pl_time time;
    if (strchr(text, 'T') && pl_text_time(text, strlen(text), &time)) return PL_GRID_TIME;
    return is_path(text) ? PL_GRID_PATH : strchr(text, ' ') ? PL_GRID_SENTENCE : PL_GRID_TEXT;
}

/* Times and paths are so in every row that has a value; one sentence makes a column of them. */
static void settle_column(struct pl_grid *grid, unsigned column) {
    struct pl_grid_column *about = &grid->columns[column];
    bool some = false;
    if (!about->widest) about->numeric = false; /* nothing but empty cells */
    if (about->numeric) return;
    for (uint32_t row = 0; row < grid->rows && about->sort != PL_GRID_SENTENCE; row++) {
        const struct pl_grid_cell *cell = pl_grid_cell(grid, row, column);
        if (!cell->text || !cell->width) continue;
        enum pl_grid_sort sort = sort_of(cell->text);
        about->sort = !some || sort == PL_GRID_SENTENCE || sort == about->sort ? sort : PL_GRID_TEXT;
        some = true;
    }
}

bool pl_grid_load(struct pl_grid *grid, const struct pl_answer *answer) {
    memset(grid, 0, sizeof *grid);
    if (!answer->count) return true;
    if (!walk(grid, answer, false)) return false;
    grid->cells = pl_alloc(((size_t)answer->count * grid->column_count + 1) * sizeof *grid->cells);
    if (!grid->cells) return false;
    grid->rows = answer->count;
    if (!walk(grid, answer, true)) return false;
    for (unsigned i = 0; i < grid->column_count; i++)
        settle_column(grid, i);
    return true;
}

void pl_grid_fini(struct pl_grid *grid) {
    for (size_t i = 0; i < (size_t)grid->rows * grid->column_count; i++)
        pl_free(grid->cells[i].text);
    pl_free(grid->cells);
    for (unsigned i = 0; i < grid->column_count; i++) {
        pl_free(grid->columns[i].key);
        pl_free(grid->columns[i].name);
    }
    memset(grid, 0, sizeof *grid);
}

/* ---- What stands where ---- */

int pl_grid_column(const struct pl_grid *grid, const char *key) {
    return find_column(grid, key, strlen(key));
}

const struct pl_grid_cell *pl_grid_cell(const struct pl_grid *grid, uint32_t row, unsigned column) {
    return &grid->cells[(size_t)row * grid->column_count + column];
}

const char *pl_grid_text(const struct pl_grid *grid, uint32_t row, const char *key) {
    int column = pl_grid_column(grid, key);
    const char *text = column < 0 ? NULL : pl_grid_cell(grid, row, (unsigned)column)->text;
    return text ? text : "";
}

static bool same_text(const struct pl_grid_cell *a, const struct pl_grid_cell *b) {
    return a->text && b->text ? strcmp(a->text, b->text) == 0 : a->text == b->text;
}

static bool same_columns(const struct pl_grid *a, const struct pl_grid *b) {
    if (a->column_count != b->column_count) return false;
    for (unsigned i = 0; i < a->column_count; i++)
        if (strcmp(a->columns[i].key, b->columns[i].key) != 0) return false;
    return a->column_count > 0;
}

static unsigned naming_column(const struct pl_grid *grid) {
    for (unsigned i = 0; i < grid->column_count; i++)
        if (grid->columns[i].names_row) return i;
    return 0;
}

/* The n-th row of those with this name, n being how many of them stand before it in `grid`. */
static int64_t row_before(const struct pl_grid *grid, uint32_t row, const struct pl_grid *before) {
    unsigned column = naming_column(grid);
    const struct pl_grid_cell *name = pl_grid_cell(grid, row, column);
    uint32_t skip = 0;
    if (row < before->rows && same_text(name, pl_grid_cell(before, row, column))) return row;
    for (uint32_t i = 0; i < row; i++)
        skip += same_text(name, pl_grid_cell(grid, i, column));
    for (uint32_t i = 0; i < before->rows; i++)
        if (same_text(name, pl_grid_cell(before, i, column)) && skip-- == 0) return i;
    return -1;
}

void pl_grid_mark(struct pl_grid *grid, const struct pl_grid *before) {
    if (!same_columns(grid, before)) return;
    for (uint32_t row = 0; row < grid->rows; row++) {
        int64_t old = row_before(grid, row, before);
        for (unsigned column = 0; column < grid->column_count; column++) {
            struct pl_grid_cell *cell = &grid->cells[(size_t)row * grid->column_count + column];
            cell->changed = old < 0 || !same_text(cell, pl_grid_cell(before, (uint32_t)old, column));
        }
    }
}
