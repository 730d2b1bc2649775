/* shell_view.h: how the rows of some commands are best shown: what the shell knows about their columns.
 *
 *     alarms list    state  priority  alarm  message  raised  flags  ...
 *
 * The columns that matter most stand first and go last where there is no room; one of them names the row and is never
 * cut so far that two rows read the same. Booleans that are mostly at rest become one column that names those that are
 * not. A row that holds lists of others is shown as labels, with the lists behind (shell_record.c). JSON is not
 * touched: programs get the rows as they are.
 */
#ifndef POTLINE_CLI_SHELL_VIEW_H
#define POTLINE_CLI_SHELL_VIEW_H

#include "shell_grid.h"

enum { PL_VIEW_COLUMNS_MAX = 8 };

struct pl_view {
    const char *command;
    const char *columns[PL_VIEW_COLUMNS_MAX]; /* in order of use; others follow as they came */
    const char *key;                          /* of them: what names the row */
    struct pl_view_flag {
        const char *column;
        const char *when; /* this text: then it is shown, */
        const char *as;   /* like this */
    } flags[PL_VIEW_COLUMNS_MAX];
    const char *lists[PL_VIEW_COLUMNS_MAX]; /* of the one row: these hold rows of their own */
    const char *span;                       /* seconds, which are told in days where there are many; NULL: none */
};

const struct pl_view *pl_view_of(const char *command); /* by its whole name; NULL: shown as it comes */

/* One row as labels, without what is empty, and behind it its lists, each of their rows as labels, too. False where it
 * is not read, or without memory. */
bool pl_view_put_record(struct pl_buffer *out, const struct pl_answer *answer, const struct pl_view *view,
                        const struct pl_grid_style *style);

/* Puts the columns of a loaded grid in the view's order. False without memory: then it is as it was. NULL is fine. */
bool pl_view_apply(struct pl_grid *grid, const struct pl_view *view);

#endif
