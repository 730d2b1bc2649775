#include "shell_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "shell_shown.h"

static const struct pl_view views[] = {
    {.command = "alarms list",
     .columns = {"state", "priority", "alarm", "message", "raised"},
     .key = "alarm",
     .flags = {{"chattering", "true", "chattering"},
               {"stale", "true", "stale"},
               {"unconfirmed", "true", "unconfirmed"},
               {"defined", "false", "undefined"}}},
    {.command = "nodes", .columns = {"node"}, .key = "node", .span = "watermark_lag_s"},
    {.command = "audit", .columns = {"time", "user", "action", "object", "outcome", "to", "from"}, .key = "action"},
    {.command = "rules list",
     .columns = {"rule", "node", "state", "active", "raised", "errors", "error"},
     .key = "rule"},
    {.command = "tickets list",
     .columns = {"ticket", "state", "score", "anomalies", "tags", "action", "opened", "assignee"},
     .key = "ticket"},
    {.command = "tickets show", .lists = {"basis", "similar"}},
    {.command = "anomalies list",
     .columns = {"asset", "ticket", "score", "needed", "start", "side", "end", "tags"},
     .key = "asset"},
};

const struct pl_view *pl_view_of(const char *command) {
    for (size_t i = 0; i < PL_COUNT_OF(views); i++)
        if (strcmp(views[i].command, command) == 0) return &views[i];
    return NULL;
}

/* Where each column comes from: one that there was, or the flags. */
enum { FLAGS = -1 };
struct plan {
    int from[PL_GRID_COLUMNS_MAX + 1];
    unsigned count;
    bool used[PL_GRID_COLUMNS_MAX];
};

static void plan_column(struct plan *plan, int column) {
    if (column < 0 || plan->used[column]) return;
    plan->used[column] = true;
    plan->from[plan->count++] = column;
}

static void make_plan(struct plan *plan, const struct pl_grid *grid, const struct pl_view *view) {
    bool flags = false;
    *plan = (struct plan){.count = 0};
    for (unsigned i = 0; i < PL_VIEW_COLUMNS_MAX && view->flags[i].column; i++) {
        int column = pl_grid_column(grid, view->flags[i].column);
        if (column >= 0) flags = plan->used[column] = true;
    }
    for (unsigned i = 0; i < PL_VIEW_COLUMNS_MAX && view->columns[i]; i++)
        plan_column(plan, pl_grid_column(grid, view->columns[i]));
    if (flags) plan->from[plan->count++] = FLAGS;
    for (unsigned i = 0; i < grid->column_count; i++)
        plan_column(plan, (int)i);
}

static bool make_flags(const struct pl_grid *grid, const struct pl_view *view, uint32_t row,
                       struct pl_grid_cell *cell) {
    struct pl_buffer text;
    pl_buffer_init(&text, PL_GRID_VALUE_MAX);
    for (unsigned i = 0; i < PL_VIEW_COLUMNS_MAX && view->flags[i].column; i++) {
        const struct pl_view_flag *flag = &view->flags[i];
        if (strcmp(pl_grid_text(grid, row, flag->column), flag->when) != 0) continue;
        if (text.size) pl_buffer_putc(&text, ',');
        pl_buffer_puts(&text, flag->as);
    }
    cell->width = (unsigned)text.size;
    cell->text = pl_buffer_take(&text);
    pl_buffer_fini(&text);
    return cell->text != NULL;
}

static bool make_flag_column(const struct pl_grid *grid, const struct pl_view *view, struct pl_grid_column *column,
                             struct pl_grid_cell *cells, unsigned stride) {
    *column =
        (struct pl_grid_column){.key = pl_strdup("flags"), .name = pl_strdup("flags"), .width = sizeof "flags" - 1};
    bool good = column->key && column->name;
    for (uint32_t row = 0; row < grid->rows && good; row++) {
        struct pl_grid_cell *cell = &cells[(size_t)row * stride];
        good = make_flags(grid, view, row, cell);
        if (cell->width > column->widest) column->widest = cell->width;
    }
    return good;
}

static void free_column(struct pl_grid_column *column) {
    pl_free(column->key);
    pl_free(column->name);
}

/* What the plan leaves out is freed, the rest moves. */
static void settle(struct pl_grid *grid, const struct plan *plan, const struct pl_grid_column *flags,
                   struct pl_grid_cell *cells) {
    struct pl_grid_column old[PL_GRID_COLUMNS_MAX];
    bool kept[PL_GRID_COLUMNS_MAX] = {false};
    memcpy(old, grid->columns, sizeof old);
    for (unsigned i = 0; i < plan->count; i++) {
        grid->columns[i] = plan->from[i] == FLAGS ? *flags : old[plan->from[i]];
        if (plan->from[i] == FLAGS) continue;
        kept[plan->from[i]] = true;
        for (uint32_t row = 0; row < grid->rows; row++)
            cells[(size_t)row * plan->count + i] =
                grid->cells[(size_t)row * grid->column_count + (unsigned)plan->from[i]];
    }
    for (unsigned column = 0; column < grid->column_count; column++) {
        if (kept[column]) continue;
        free_column(&old[column]);
        for (uint32_t row = 0; row < grid->rows; row++)
            pl_free(grid->cells[(size_t)row * grid->column_count + column].text);
    }
    pl_free(grid->cells);
    grid->cells = cells;
    grid->column_count = plan->count;
}

/* Where data is of another year, seconds say nothing. */
static void shorten_span(struct pl_grid *grid, const char *key) {
    enum { DAY = 24 * 60 * 60, SPAN_TEXT = 32 };
    int column = pl_grid_column(grid, key);
    if (column < 0) return;
    grid->columns[column].widest = 0;
    for (uint32_t row = 0; row < grid->rows; row++) {
        struct pl_grid_cell *cell = &grid->cells[(size_t)row * grid->column_count + (unsigned)column];
        double seconds = cell->text ? strtod(cell->text, NULL) : 0;
        char text[SPAN_TEXT], *shorter = NULL;
        snprintf(text, sizeof text, "%.1f d", seconds / DAY);
        if (fabs(seconds) >= DAY && (shorter = pl_strdup(text))) { /* without memory it stays in seconds */
            pl_free(cell->text);
            cell->text = shorter;
            cell->width = (unsigned)strlen(text);
        }
        if (cell->width > grid->columns[column].widest) grid->columns[column].widest = cell->width;
    }
}

bool pl_view_apply(struct pl_grid *grid, const struct pl_view *view) {
    if (!view || !view->key || !grid->rows) return true;
    struct plan plan;
    make_plan(&plan, grid, view);
    unsigned at = 0;
    while (at < plan.count && plan.from[at] != FLAGS)
        at++;
    struct pl_grid_column flags = {.key = NULL};
    struct pl_grid_cell *cells = pl_alloc(((size_t)grid->rows * plan.count + 1) * sizeof *cells);
    bool good = cells && (at == plan.count || make_flag_column(grid, view, &flags, cells + at, plan.count));
    if (!good) {
        for (uint32_t row = 0; cells && at < plan.count && row < grid->rows; row++)
            pl_free(cells[(size_t)row * plan.count + at].text);
        pl_free(cells);
        free_column(&flags);
        return false;
    }
    settle(grid, &plan, &flags, cells);
    grid->ranked = true;
    if (view->span) shorten_span(grid, view->span);
    for (unsigned i = 0; i < grid->column_count; i++)
        grid->columns[i].names_row = strcmp(grid->columns[i].key, view->key) == 0;
    return true;
}
