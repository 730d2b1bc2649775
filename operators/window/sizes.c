/* sizes.c: windows that follow one another and get another size: the old one holds until the first boundary that both
 * have, at or behind all that is open; the new one from there on. So every row is in one window, as long as it would be
 * in a run that had the one size or the other. */
#include "window.h"

static bool read_before(struct window *w, struct pl_node *node) {
    struct grid *grid = &w->grid;
    unsigned count = 0;
    grid->before_count = 0;
    for (const struct pl_record *r = pl_table_first(pl_node_table(node, TABLE_BEFORE), 0); r; r = r->next)
        count++;
    if (count > GRID_PIECES_MAX) return false;
    grid->before_count = count;
    for (struct pl_record *r = pl_table_first(pl_node_table(node, TABLE_BEFORE), 0); r;
         r = r->next) { /* latest first */
        const struct window_size *size = pl_record_data(r);
        grid->before[--count] = (struct grid_piece){.until = r->sub, .size = size->size};
    }
    return true;
}

static void set_size(struct grid *grid, pl_time size) {
    grid->size = grid->slide = grid->pane = size;
}

/* Where everything that is open, or has been told, ends in the old size. */
static pl_time end_of_all(const struct window *w, struct pl_node *node) {
    const struct window_progress *progress = pl_table_find(pl_node_table(node, TABLE_PROGRESS), 0, 0);
    pl_time end = PL_TIME_MIN, from, to;
    if (progress && progress->watermark > PL_TIME_MIN)
        end = grid_end_until(&w->grid, grid_minus(progress->watermark, w->lateness));
    for (struct pl_record *r = pl_table_next(w->panes, NULL); r; r = pl_table_next(w->panes, r)) {
        grid_pane(&w->grid, r->sub, &from, &to);
        if (to > end) end = to;
    }
    return end;
}

/* The grid is that of `kept` still. */
static bool go_over(struct window *w, struct pl_node *node, pl_time kept) {
    struct grid *grid = &w->grid;
    pl_time open = end_of_all(w, node);
    pl_time boundary = open == PL_TIME_MIN ? open : grid_common(kept, w->size, w->offset, open);
    if (boundary != PL_TIME_MIN) {
        if (boundary == PL_TIME_MAX || grid->before_count == GRID_PIECES_MAX) {
            pl_fail(node, boundary == PL_TIME_MAX ? "the old size and the new one have no boundary in common"
                                                  : "the size has been changed too often before the last boundary");
            return false;
        }
        struct window_size *before = pl_table_get(pl_node_table(node, TABLE_BEFORE), 0, boundary);
        if (!before) return false;
        before->size = kept;
        grid->before[grid->before_count++] = (struct grid_piece){.until = boundary, .size = kept};
        pl_node_diag(node, PL_INFO,
                     "windows have the size of before for another %.6g s of event time, from there on "
                     "the new one",
                     (double)(boundary - open) / (double)PL_SECOND);
    }
    set_size(grid, w->size);
    return true;
}

bool window_sizes_find(struct window *w, struct pl_node *node) {
    if (!w->resizes) return true;
    struct pl_table *table = pl_node_table(node, TABLE_SIZE);
    const struct window_size *kept = pl_table_find(table, 0, 0);
    pl_time size = kept ? kept->size : w->size; /* of before there was a record of it, when it could not change */
    if (!read_before(w, node)) return false;
    if (size != w->size) {
        set_size(&w->grid, size);
        if (!go_over(w, node, size)) return false;
    }
    if (kept && size == w->size) return true;
    struct window_size *now = pl_table_get(table, 0, 0);
    if (now) now->size = w->size;
    return now != NULL;
}

void window_sizes_closed(struct window *w, struct pl_node *node) {
    struct grid *grid = &w->grid;
    unsigned over = 0;
    while (over < grid->before_count && grid->before[over].until <= w->closed)
        pl_table_drop(pl_node_table(node, TABLE_BEFORE), 0, grid->before[over++].until);
    for (unsigned i = over; over && i < grid->before_count; i++)
        grid->before[i - over] = grid->before[i];
    grid->before_count -= over;
}

/* All partitions have been given the same one. */
void window_merge_size(void *record, const void *other) {
    (void)record, (void)other;
}
