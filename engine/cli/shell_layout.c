/* Cells on a terminal: how wide each column may be, and the lines. */
#include <stdio.h>
#include <string.h>

#include "shell_grid.h"
#include "shell_shown.h"

enum { GAP = 2, TEXT_LEAST = 8, SENTENCE_LEAST = 16, NAME_LEAST = 4, LONG_ROW = 6, COLUMNS_LEAST = 4 };

static unsigned smaller(unsigned a, unsigned b) {
    return a < b ? a : b;
}

static unsigned greater(unsigned a, unsigned b) {
    return a > b ? a : b;
}

static unsigned natural(const struct pl_grid_column *column) {
    return greater(column->width, column->widest);
}

/* Half a number is another number, and half a time is none: they are shown whole or not at all. */
static unsigned least(const struct pl_grid_column *column) {
    if (column->numeric) return greater(column->widest, smaller(column->width, NAME_LEAST));
    if (column->sort == PL_GRID_TIME) return column->widest;
    return smaller(natural(column), column->sort == PL_GRID_SENTENCE ? SENTENCE_LEAST : TEXT_LEAST);
}

/* The first text names the row; what stands before it are times and numbers. */
static bool is_key(const struct pl_grid *grid, unsigned column) {
    for (unsigned i = 0; i < column; i++)
        if (!grid->columns[i].numeric && grid->columns[i].sort != PL_GRID_TIME) return false;
    return true;
}

/* Who gives way: the lower the earlier. */
enum yields { SENTENCES, PATHS, TEXTS, KEYS };

static enum yields yields(const struct pl_grid *grid, unsigned column) {
    if (is_key(grid, column) || grid->columns[column].numeric) return KEYS; /* of a number: its heading */
    switch (grid->columns[column].sort) {
    case PL_GRID_SENTENCE: return SENTENCES;
    case PL_GRID_PATH: return PATHS;
    case PL_GRID_TEXT:
    case PL_GRID_TIME: break;
    }
    return TEXTS;
}

static unsigned total_of(const struct pl_grid_layout *layout) {
    unsigned total = layout->count ? GAP * (layout->count - 1) : 0;
    for (unsigned i = 0; i < layout->count; i++)
        total += layout->widths[i];
    return total;
}

/* The widest of those that give way first and still can; -1: none can. */
static int next_to_yield(const struct pl_grid *grid, const struct pl_grid_layout *layout, enum yields last) {
    int found = -1;
    enum yields first = last;
    for (unsigned i = 0; i < layout->count; i++) {
        unsigned column = layout->columns[i];
        enum yields when = yields(grid, column);
        if (layout->widths[i] <= least(&grid->columns[column]) || when > first) continue;
        if (found < 0 || when < first || layout->widths[i] > layout->widths[found]) found = (int)i;
        first = when;
    }
    return found;
}

/* Widths for the columns of `layout`, of which those up to `last` may be cut. */
static bool fit_columns(const struct pl_grid *grid, unsigned width, enum yields last, struct pl_grid_layout *layout) {
    for (unsigned i = 0; i < layout->count; i++) {
        const struct pl_grid_column *column = &grid->columns[layout->columns[i]];
        layout->widths[i] = natural(column);
        if (width && yields(grid, layout->columns[i]) <= last)
            layout->widths[i] = greater(smaller(natural(column), width), least(column));
    }
    for (unsigned total = total_of(layout); width && total > width; total--) {
        int yielding = next_to_yield(grid, layout, last);
        if (yielding < 0) return false;
        layout->widths[yielding]--;
    }
    return true;
}

static void take_all(const struct pl_grid *grid, struct pl_grid_layout *layout) {
    layout->count = grid->column_count;
    for (unsigned i = 0; i < layout->count; i++)
        layout->columns[i] = i;
}

bool pl_grid_fit(const struct pl_grid *grid, unsigned width, struct pl_grid_layout *layout) {
    take_all(grid, layout);
    return fit_columns(grid, width, KEYS, layout);
}

static void take(const struct pl_grid *grid, bool sentences, struct pl_grid_layout *layout) {
    for (unsigned i = 0; i < grid->column_count; i++) {
        bool sentence = !is_key(grid, i) && grid->columns[i].sort == PL_GRID_SENTENCE;
        if (grid->columns[i].widest && sentence == sentences) layout->columns[layout->count++] = i;
    }
}

/* As many columns as fit, of those with a value, sentences last; *left_out: how many do not. Of one row all or none. */
static bool choose(const struct pl_grid *grid, unsigned width, struct pl_grid_layout *layout, unsigned *left_out) {
    *left_out = 0;
    take_all(grid, layout);
    fit_columns(grid, 0, KEYS, layout);
    if (!width || total_of(layout) <= width) return true;
    layout->count = 0;
    take(grid, false, layout);
    take(grid, true, layout);
    unsigned all = layout->count, fewest = grid->rows > 1 ? smaller(all, COLUMNS_LEAST) : all;
    for (bool fits = false; !fits && layout->count > 0; layout->count -= !fits) {
        fits = fit_columns(grid, width, layout->count > fewest ? TEXTS : KEYS, layout);
        if (!fits && layout->count == fewest) return false;
    }
    *left_out = all - layout->count;
    return layout->count > 0;
}

/* ---- Lines ---- */

/* The last column is not filled up: no blanks at the end of a line. */
static void put_fitted(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_layout *layout,
                       unsigned place, const char *text) {
    const struct pl_grid_column *column = &grid->columns[layout->columns[place]];
    bool right = column->numeric, last = place + 1 == layout->count;
    unsigned width = layout->widths[place];
    if (last && !right) width = smaller(width, pl_shown_width(text, strlen(text)));
    if (column->sort == PL_GRID_PATH)
        pl_shown_fit_end(out, text, width);
    else
        pl_shown_fit(out, text, width, right);
}

static void put_gap(struct pl_buffer *out, unsigned column) {
    if (column) pl_buffer_puts(out, "  ");
}

void pl_grid_put_header(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_layout *layout,
                        const struct pl_grid_style *style) {
    if (style->colour) pl_buffer_puts(out, PL_TONE_BOLD);
    for (unsigned i = 0; i < layout->count; i++) {
        put_gap(out, i);
        put_fitted(out, grid, layout, i, grid->columns[layout->columns[i]].name);
    }
    if (style->colour) pl_buffer_puts(out, PL_TONE_OFF);
    pl_buffer_putc(out, '\n');
}

static const char *on(const struct pl_grid_cell *cell, const struct pl_grid_style *style) {
    return style->colour ? pl_tone_on(cell->tone) : "";
}

void pl_grid_put_row(struct pl_buffer *out, const struct pl_grid *grid, uint32_t row,
                     const struct pl_grid_layout *layout, const struct pl_grid_style *style) {
    for (unsigned i = 0; i < layout->count; i++) {
        const struct pl_grid_cell *cell = pl_grid_cell(grid, row, layout->columns[i]);
        bool marked = style->marks && cell->changed;
        const char *tone = on(cell, style);
        put_gap(out, i);
        pl_buffer_puts(out, tone);
        if (marked) pl_buffer_puts(out, PL_TONE_REVERSE);
        put_fitted(out, grid, layout, i, cell->text ? cell->text : "");
        if (marked || *tone) pl_buffer_puts(out, PL_TONE_OFF);
    }
    pl_buffer_putc(out, '\n');
}

static void put_value(struct pl_buffer *out, const struct pl_grid_cell *cell, const struct pl_grid_style *style) {
    bool marked = style->marks && cell->changed;
    const char *tone = on(cell, style);
    pl_buffer_puts(out, tone);
    if (marked) pl_buffer_puts(out, PL_TONE_REVERSE);
    pl_buffer_puts(out, cell->text ? cell->text : "");
    if (marked || *tone) pl_buffer_puts(out, PL_TONE_OFF);
    pl_buffer_putc(out, '\n');
}

void pl_grid_put_vertical(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_style *style) {
    unsigned names = 0;
    for (unsigned i = 0; i < grid->column_count; i++)
        names = greater(names, grid->columns[i].width);
    for (uint32_t row = 0; row < grid->rows; row++) {
        if (grid->rows > 1) pl_buffer_printf(out, "-- %u --\n", row + 1);
        for (unsigned i = 0; i < grid->column_count; i++) {
            if (style->colour) pl_buffer_puts(out, PL_TONE_BOLD);
            pl_shown_fit(out, grid->columns[i].name, names, false);
            if (style->colour) pl_buffer_puts(out, PL_TONE_OFF);
            pl_buffer_puts(out, "  ");
            put_value(out, pl_grid_cell(grid, row, i), style);
        }
    }
}

/* Of many rows some columns are worth more than all of them one below the other. */
static void put_left_out(struct pl_buffer *out, unsigned left_out, const struct pl_grid_style *style) {
    char note[64];
    unsigned used = (unsigned)snprintf(note, sizeof note, "%u more column%s; \\G shows %s", left_out,
                                       left_out == 1 ? "" : "s", left_out == 1 ? "it" : "them");
    if (style->colour) pl_buffer_puts(out, PL_TONE_DIM);
    pl_shown_fit(out, note, smaller(used, style->width), false);
    if (style->colour) pl_buffer_puts(out, PL_TONE_OFF);
    pl_buffer_putc(out, '\n');
}

static bool is_long_row(const struct pl_grid *grid, unsigned width) {
    struct pl_grid_layout layout;
    return grid->rows == 1 && grid->column_count > LONG_ROW && width && pl_grid_fit(grid, 0, &layout) &&
           total_of(&layout) > width;
}

void pl_grid_put(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_style *style, bool vertical) {
    struct pl_grid_layout layout;
    unsigned left_out;
    if (!grid->rows) return;
    if (vertical || is_long_row(grid, style->width) || !choose(grid, style->width, &layout, &left_out)) {
        pl_grid_put_vertical(out, grid, style);
        return;
    }
    pl_grid_put_header(out, grid, &layout, style);
    for (uint32_t row = 0; row < grid->rows; row++)
        pl_grid_put_row(out, grid, row, &layout, style);
    if (left_out) put_left_out(out, left_out, style);
}
