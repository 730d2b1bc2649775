/* shell_record.c: one row that holds lists of others, for people: what it says itself, and then each list. */
#include <string.h>

#include <potline/alloc.h>

#include "shell_view.h"

static bool is_list(const struct pl_view *view, const char *key, size_t length) {
    for (unsigned i = 0; i < PL_VIEW_COLUMNS_MAX && view->lists[i]; i++)
        if (strlen(view->lists[i]) == length && memcmp(view->lists[i], key, length) == 0) return true;
    return false;
}

static void free_column(struct pl_grid *grid, unsigned at) {
    pl_free(grid->columns[at].key);
    pl_free(grid->columns[at].name);
    pl_free(grid->cells[at].text);
}

/* Of the only row: a line for each value that there is. */
static void keep_what_is_said(struct pl_grid *grid, const struct pl_view *view) {
    unsigned kept = 0;
    for (unsigned i = 0; i < grid->column_count; i++) {
        const char *text = grid->cells[i].text, *key = grid->columns[i].key;
        if (!text || !*text || is_list(view, key, strlen(key))) {
            free_column(grid, i);
            continue;
        }
        grid->columns[kept] = grid->columns[i];
        grid->cells[kept++] = grid->cells[i];
    }
    grid->column_count = kept;
}

static bool put_self(struct pl_buffer *out, const struct pl_answer *answer, const struct pl_view *view,
                     const struct pl_grid_style *style) {
    struct pl_grid grid;
    const bool good = pl_grid_load(&grid, answer);
    if (good) {
        keep_what_is_said(&grid, view);
        pl_grid_put_vertical(out, &grid, style);
    }
    pl_grid_fini(&grid);
    return good;
}

static bool put_list(struct pl_buffer *out, const char *name, size_t length, const struct pl_answer *list,
                     const struct pl_grid_style *style) {
    struct pl_grid grid;
    if (!list->count) return true;
    const bool good = pl_grid_load(&grid, list);
    pl_buffer_putc(out, '\n');
    pl_buffer_put(out, name, length);
    pl_buffer_puts(out, ":\n");
    if (good) pl_grid_put_vertical(out, &grid, style);
    pl_grid_fini(&grid);
    return good;
}

bool pl_view_put_record(struct pl_buffer *out, const struct pl_answer *answer, const struct pl_view *view,
                        const struct pl_grid_style *style) {
    struct pl_unpack in;
    uint32_t rows, pairs;
    if (!put_self(out, answer, view, style)) return false;
    pl_unpack_init(&in, answer->rows, answer->size);
    if (!pl_unpack_array(&in, &rows) || !pl_unpack_map(&in, &pairs)) return false;
    while (pairs--) {
        const char *key;
        size_t length;
        if (!pl_unpack_str(&in, &key, &length)) return false;
        const uint8_t *begin = in.at;
        struct pl_unpack count = in;
        struct pl_answer list = {0};
        if (!pl_unpack_skip(&in)) return false;
        if (!is_list(view, key, length) || !pl_unpack_array(&count, &list.count)) continue;
        list.rows = (void *)(uintptr_t)begin;
        list.size = (size_t)(in.at - begin);
        if (!put_list(out, key, length, &list, style)) return false;
    }
    return !pl_buffer_failed(out);
}
