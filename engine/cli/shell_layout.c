/* Cells on a terminal: how wide each column may be, and the lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "shell_grid.h"
#include "shell_shown.h"

enum { GAP = 2, TEXT_LEAST = 8, SENTENCE_LEAST = 16, SENTENCE_RANKED = 32, NAME_LEAST = 4, LONG_ROW = 6 };
enum { COLUMNS_LEAST = 4, NAMES_MAX = 2000 };

static unsigned smaller(unsigned a, unsigned b) {
    return a < b ? a : b;
}

static unsigned greater(unsigned a, unsigned b) {
    return a > b ? a : b;
}

static unsigned natural(const struct pl_grid_column *column) {
    return greater(column->width, column->widest);
}

/* The first text names the row; what stands before it are times and numbers. */
static bool is_key(const struct pl_grid *grid, unsigned column) {
    if (grid->ranked) return grid->columns[column].names_row;
    for (unsigned i = 0; i < column; i++)
        if (!grid->columns[i].numeric && grid->columns[i].sort != PL_GRID_TIME) return false;
    return true;
}

static bool is_cut_inside(const struct pl_grid *grid, unsigned column) {
    const struct pl_grid_column *about = &grid->columns[column];
    return is_key(grid, column) && !about->numeric && about->sort == PL_GRID_TEXT;
}

/* ---- How far a name may be cut ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t count_different(const char **texts, uint32_t count) {
    uint32_t different = count > 0;
    qsort(texts, count, sizeof *texts, by_text);
    for (uint32_t i = 1; i < count; i++)
        different += strcmp(texts[i - 1], texts[i]) != 0;
    return different;
}

/* How many names there are when each has `width` columns, `head` of them its begin; 0 without memory. */
static uint32_t count_names(const struct pl_grid *grid, unsigned column, unsigned width, unsigned head,
                            const char **texts) {
    struct pl_buffer cut;
    pl_buffer_init(&cut, (size_t)grid->rows * (4 * (size_t)width + 1));
    for (uint32_t row = 0; row < grid->rows; row++) {
        const char *text = pl_grid_cell(grid, row, column)->text;
        pl_shown_fit_middle(&cut, text ? text : "", width, head);
        pl_buffer_putc(&cut, 0);
    }
    const char *at = cut.data;
    bool good = !pl_buffer_failed(&cut);
    for (uint32_t row = 0; good && row < grid->rows; row++, at += strlen(at) + 1)
        texts[row] = at;
    uint32_t count = good ? count_different(texts, grid->rows) : 0;
    pl_buffer_fini(&cut);
    return count;
}

/* The fewest columns in which no two names read the same, and how much of the begin stays then: half of it where that
 * tells them apart, else less. Of very many rows none is cut. */
static unsigned least_name(const struct pl_grid *grid, unsigned column, unsigned *head) {
    unsigned whole = natural(&grid->columns[column]), width = smaller(whole, TEXT_LEAST);
    const char **texts = grid->rows <= NAMES_MAX ? pl_alloc((grid->rows + 1) * sizeof *texts) : NULL;
    uint32_t names = texts ? count_names(grid, column, whole, 0, texts) : 0;
    for (; names && width < whole; width++) {
        for (*head = (width - 1) / 2; *head && count_names(grid, column, width, *head, texts) < names;)
            *head /= 2;
        if (*head || count_names(grid, column, width, 0, texts) == names) break;
    }
    pl_free(texts);
    return names ? width : whole;
}

/* ---- Who gives way, and how far ---- */

enum yields { SENTENCES, PATHS, TEXTS, KEYS }; /* the lower the earlier */

struct limits {
    enum yields last; /* up to these may be cut */
    unsigned least[PL_GRID_COLUMNS_MAX];
};

/* Half a number is another number, and half a time is none: they are shown whole or not at all. */
static unsigned least(const struct pl_grid *grid, unsigned at, unsigned sentence) {
    const struct pl_grid_column *column = &grid->columns[at];
    if (column->numeric) return greater(column->widest, smaller(column->width, NAME_LEAST));
    if (column->sort == PL_GRID_TIME) return column->widest;
    return smaller(natural(column), column->sort == PL_GRID_SENTENCE ? sentence : TEXT_LEAST);
}

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

static void set_limits(struct limits *limits, const struct pl_grid *grid, enum yields last, unsigned sentence) {
    limits->last = last;
    for (unsigned i = 0; i < grid->column_count; i++)
        if (!is_cut_inside(grid, i)) limits->least[i] = least(grid, i, sentence);
}

/* The names' are looked for once: it takes a while. */
static void begin_limits(struct limits *limits, const struct pl_grid *grid, unsigned *heads) {
    for (unsigned i = 0; i < grid->column_count; i++)
        if (is_cut_inside(grid, i)) limits->least[i] = least_name(grid, i, &heads[i]);
    set_limits(limits, grid, KEYS, SENTENCE_LEAST);
}

static unsigned total_of(const struct pl_grid_layout *layout) {
    unsigned total = layout->count ? GAP * (layout->count - 1) : 0;
    for (unsigned i = 0; i < layout->count; i++)
        total += layout->widths[i];
    return total;
}

/* The widest of those that give way first and still can; -1: none can. */
static int next_to_yield(const struct pl_grid *grid, const struct pl_grid_layout *layout, const struct limits *limits) {
    int found = -1;
    enum yields first = limits->last;
    for (unsigned i = 0; i < layout->count; i++) {
        unsigned column = layout->columns[i];
        enum yields when = yields(grid, column);
        if (layout->widths[i] <= limits->least[column] || when > first) continue;
        if (found < 0 || when < first || layout->widths[i] > layout->widths[found]) found = (int)i;
        first = when;
    }
    return found;
}

/* Widths for the columns of `layout`. */
static bool fit_columns(const struct pl_grid *grid, unsigned width, const struct limits *limits,
                        struct pl_grid_layout *layout) {
    for (unsigned i = 0; i < layout->count; i++) {
        unsigned column = layout->columns[i], whole = natural(&grid->columns[column]);
        bool cut = yields(grid, column) <= limits->last;
        layout->widths[i] = cut ? greater(smaller(whole, width), limits->least[column]) : whole;
    }
    for (unsigned total = total_of(layout); total > width; total--) {
        int yielding = next_to_yield(grid, layout, limits);
        if (yielding < 0) return false;
        layout->widths[yielding]--;
    }
    return true;
}

static void take_all(const struct pl_grid *grid, struct pl_grid_layout *layout) {
    layout->count = grid->column_count;
    for (unsigned i = 0; i < layout->count; i++) {
        layout->columns[i] = i;
        layout->heads[i] = 0;
        layout->widths[i] = natural(&grid->columns[i]);
    }
}

bool pl_grid_fit(const struct pl_grid *grid, unsigned width, struct pl_grid_layout *layout) {
    take_all(grid, layout);
    if (!width || total_of(layout) <= width) return true;
    struct limits limits;
    begin_limits(&limits, grid, layout->heads);
    return fit_columns(grid, width, &limits, layout);
}

static void take(const struct pl_grid *grid, bool sentences, struct pl_grid_layout *layout) {
    for (unsigned i = 0; i < grid->column_count; i++) {
        bool sentence = !grid->ranked && !is_key(grid, i) && grid->columns[i].sort == PL_GRID_SENTENCE;
        if (grid->columns[i].widest && sentence == sentences) layout->columns[layout->count++] = i;
    }
}

/* As many columns as fit, of those with a value, sentences last where the columns are not ranked; *left_out: how many
 * do not. Of one row all or none. */
static bool choose(const struct pl_grid *grid, unsigned width, struct pl_grid_layout *layout, unsigned *left_out) {
    *left_out = 0;
    take_all(grid, layout);
    if (!width || total_of(layout) <= width) return true;
    layout->count = 0;
    take(grid, false, layout);
    take(grid, true, layout);
    struct limits limits;
    begin_limits(&limits, grid, layout->heads);
    unsigned all = layout->count, fewest = grid->rows > 1 || grid->ranked ? smaller(all, COLUMNS_LEAST) : all;
    for (bool fits = false; !fits && layout->count > 0; layout->count -= !fits) {
        bool spare = layout->count > fewest;
        set_limits(&limits, grid, spare ? (grid->ranked ? SENTENCES : TEXTS) : KEYS,
                   spare && grid->ranked ? SENTENCE_RANKED : SENTENCE_LEAST);
        fits = fit_columns(grid, width, &limits, layout);
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
    size_t begin = out->size;
    if (last && !right) width = smaller(width, pl_shown_width(text, strlen(text)));
    if (column->sort == PL_GRID_PATH)
        pl_shown_fit_middle(out, text, width, 0);
    else if (column->sort == PL_GRID_SENTENCE)
        pl_shown_fit_words(out, text, width);
    else if (is_cut_inside(grid, layout->columns[place]))
        pl_shown_fit_middle(out, text, width, layout->heads[layout->columns[place]]);
    else
        pl_shown_fit(out, text, width, right);
    while (last && !right && out->size > begin && out->data[out->size - 1] == ' ')
        out->size--;
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

/* Behind `used` columns, under which further lines of it stand. */
static void put_value(struct pl_buffer *out, const struct pl_grid_cell *cell, unsigned used,
                      const struct pl_grid_style *style) {
    bool marked = style->marks && cell->changed;
    const char *tone = on(cell, style);
    pl_buffer_puts(out, tone);
    if (marked) pl_buffer_puts(out, PL_TONE_REVERSE);
    pl_shown_wrap(out, cell->text ? cell->text : "", style->width, used, used);
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
            put_value(out, pl_grid_cell(grid, row, i), names + GAP, style);
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
