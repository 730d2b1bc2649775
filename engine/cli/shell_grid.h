/* shell_grid.h: the rows of a reply as cells, and how they are laid out on a terminal.
 *
 *     clean      cleanse    running    128034
 *     tenths     window.t…  running     12803
 *
 * Columns are the keys of the rows, in the order in which they first appear. Where all of that is too wide, columns
 * without any value go first, then sentences move to the end and shrink, then paths (from the left: their end tells
 * more) and other text. The first text, which names the row, is the last to be cut, in its middle and never so far that
 * two rows read the same; times and numbers, which stand on the right, never are. Ranked columns keep their order and
 * go from the last. What cannot fit even so is shown vertically, a line a value.
 *
 * Times are shown to the millisecond.
 *
 * Cells hold escaped text (shell_shown.h). Of a value only the first 4096 bytes are shown, of a row the first 128
 * columns.
 */
#ifndef POTLINE_CLI_SHELL_GRID_H
#define POTLINE_CLI_SHELL_GRID_H

#include <stdint.h>

#include <potline/pack.h>

#include "base/buffer.h"
#include "control/client.h"
#include "shell_tone.h"

enum { PL_GRID_COLUMNS_MAX = 128, PL_GRID_VALUE_MAX = 4096 };

enum pl_grid_sort { PL_GRID_TEXT, PL_GRID_SENTENCE, PL_GRID_PATH, PL_GRID_TIME };

struct pl_grid_column {
    char *key;       /* as it came */
    char *name;      /* escaped */
    unsigned width;  /* of the name */
    unsigned widest; /* cell */
    enum pl_grid_sort sort;
    bool numeric;   /* nothing but numbers, and at least one */
    bool names_row; /* of ranked columns */
};

struct pl_grid_cell {
    char *text; /* NULL: the row has no such value */
    unsigned width;
    enum pl_tone tone;
    bool changed;
};

struct pl_grid {
    struct pl_grid_column columns[PL_GRID_COLUMNS_MAX];
    unsigned column_count;
    struct pl_grid_cell *cells; /* rows * column_count */
    uint32_t rows;
    bool ranked; /* the columns stand in order of use (shell_view.h) */
};

/* False without memory; end with pl_grid_fini in any case. */
bool pl_grid_load(struct pl_grid *grid, const struct pl_answer *answer);
void pl_grid_fini(struct pl_grid *grid);

int pl_grid_column(const struct pl_grid *grid, const char *key); /* -1: none */
const struct pl_grid_cell *pl_grid_cell(const struct pl_grid *grid, uint32_t row, unsigned column);
const char *pl_grid_text(const struct pl_grid *grid, uint32_t row, const char *key); /* "" where there is none */

/* Marks the cells that differ from those of the same row before: rows are matched by what names them (the first column,
 * where none is ranked so), and by their place when that is not theirs alone. */
void pl_grid_mark(struct pl_grid *grid, const struct pl_grid *before);

/* Appends one msgpack value as it is shown, escaped; *numeric when it is a number. False: there is none. */
bool pl_grid_put_value(struct pl_buffer *out, struct pl_unpack *in, bool *numeric);

struct pl_grid_style {
    unsigned width; /* of the terminal; 0: no limit */
    bool colour;
    bool marks; /* what changed in reverse */
};

struct pl_grid_layout { /* which columns stand there, from left to right, and how wide */
    unsigned columns[PL_GRID_COLUMNS_MAX], widths[PL_GRID_COLUMNS_MAX];
    unsigned heads[PL_GRID_COLUMNS_MAX]; /* of a name that is cut: columns of its begin that stay; by column */
    unsigned count;
};

/* All columns in their order. False when the table cannot fit. */
bool pl_grid_fit(const struct pl_grid *grid, unsigned width, struct pl_grid_layout *layout);
void pl_grid_put_header(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_layout *layout,
                        const struct pl_grid_style *style);
void pl_grid_put_row(struct pl_buffer *out, const struct pl_grid *grid, uint32_t row,
                     const struct pl_grid_layout *layout, const struct pl_grid_style *style);
void pl_grid_put_vertical(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_style *style);

/* As a table where it fits; of several rows as many columns as fit, with a note. Vertically where not even
 * that fits, for one long row, or when it is asked for. */
void pl_grid_put(struct pl_buffer *out, const struct pl_grid *grid, const struct pl_grid_style *style, bool vertical);

#endif
