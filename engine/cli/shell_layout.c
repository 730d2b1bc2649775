/* Cells on a terminal: how wide each column may be, and the lines. */
#include <stdio.h>
#include <string.h>

#include "shell_grid.h"
#include "shell_shown.h"

enum { GAP = 2, TEXT_LEAST = 8, NAME_LEAST = 4, LONG_ROW = 6, COLUMNS_LEAST = 4 };

static unsigned smaller(unsigned a, unsigned b) {
    return a < b ? a : b;
}

static unsigned greater(unsigned a, unsigned b) {
    return a > b ? a : b;
}

static unsigned natural(const struct pl_grid_column *column) {
    return greater(column->width, column->widest);
}

/* A number is shown whole or not at all: half of one is another number. */
static unsigned least(const struct pl_grid_column *column) {
    return column->numeric ? greater(column->widest, smaller(column->width, NAME_LEAST))
                           : smaller(natural(column), TEXT_LEAST);
}

static unsigned total_of(const struct pl_grid_layout *layout) {
    unsigned total = layout->count ? GAP * (layout->count - 1) : 0;
    for (unsigned i = 0; i < layout->count; i++)
        total += layout->widths[i];
    return total;
}

/* The widest column that can give one away; -1: none can. */
static int widest_of(const struct pl_grid *grid, const struct pl_grid_layout *layout) {
    int found = -1;
    for (unsigned i = 0; i < layout->count; i++) {
        if (layout->widths[i] <= least(&grid->columns[i])) continue;
        if (found < 0 || layout->widths[i] > layout->widths[found]) found = (int)i;
    }
    return found;
}

/* The first `count` columns. */
static bool fit_first(const struct pl_grid *grid, unsigned count, unsigned width, struct pl_grid_layout *layout) {
    layout->count = count;
    for (unsigned i = 0; i < layout->count; i++) {
        unsigned wanted = natural(&grid->columns[i]);
        layout->widths[i] = width ? greater(smaller(wanted, width), least(&grid->columns[i])) : wanted;
    }
    for (unsigned total = total_of(layout); width && total > width; total--) {
        int column = widest_of(grid, layout);
        if (column < 0) return false;
        layout->widths[column]--;
    }
    return true;
}

bool pl_grid_fit(const struct pl_grid *grid, unsigned width, struct pl_grid_layout *layout) {
    return fit_first(grid, grid->column_count, width, layout);
}

/* ---- Lines ---- */

/* The last column is not filled up: no blanks at the end of a line. */
static void put_fitted(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_layout *layout,
                       unsigned column, const char *text) {
    bool right = grid->columns[column].numeric, last = column + 1 == layout->count;
    unsigned width = layout->widths[column];
    if (last && !right) width = smaller(width, pl_shown_width(text, strlen(text)));
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
        put_fitted(out, grid, layout, i, grid->columns[i].name);
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
        const struct pl_grid_cell *cell = pl_grid_cell(grid, row, i);
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

/* Of many rows the first columns are worth more than all of them one below the other. */
static void put_left_out(struct pl_buffer *out, const struct pl_grid *grid, unsigned from,
                         const struct pl_grid_style *style) {
    char note[64];
    unsigned used = (unsigned)snprintf(note, sizeof note, "%u more columns; \\G shows them", grid->column_count - from);
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
    if (!grid->rows) return;
    unsigned count = grid->column_count, fewest = grid->rows > 1 && count > COLUMNS_LEAST ? COLUMNS_LEAST : count;
    bool fits = !vertical && !is_long_row(grid, style->width);
    while (fits && !(fits = fit_first(grid, count, style->width, &layout)) && count > fewest)
        fits = --count > 0;
    if (!fits) {
        pl_grid_put_vertical(out, grid, style);
        return;
    }
    pl_grid_put_header(out, grid, &layout, style);
    for (uint32_t row = 0; row < grid->rows; row++)
        pl_grid_put_row(out, grid, row, &layout, style);
    if (count < grid->column_count) put_left_out(out, grid, count, style);
}
