#include "window.h"

#include <inttypes.h>

enum { PANES_MAX = 10000 };

static const struct pl_option sliding_options[] = {
    PL_OPT_DURATION(struct window, size, "size", NULL, "1us", "3650d", PL_STATE, "Length of one window."),
    PL_OPT_DURATION(struct window, slide, "slide", NULL, "1us", "3650d", PL_STATE,
                    "How far a window starts after the one before."),
    WINDOW_OPTION_OFFSET,
    WINDOW_OPTIONS,
    PL_OPT_END,
};

static void sliding_check(void *self, struct pl_check *check) {
    const struct window *w = self;
    struct grid grid;
    window_check(self, check);
    if (w->size <= 0 || w->slide <= 0) return;
    grid_init(&grid, w->size, w->slide, 0);
    if (w->slide > w->size)
        pl_check_error(check, "slide", "slide must not be longer than size: rows between windows would count nowhere");
    else if (w->size / grid.pane > PANES_MAX)
        pl_check_error(check, "slide", "size and slide cut a window into %" PRId64 " panes, at most %d are possible",
                       w->size / grid.pane, PANES_MAX);
}

static enum pl_code sliding_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct window *w = self;
    grid_init(&w->grid, w->size, w->slide, w->offset);
    return window_open(w, node, &window_on_grid, error);
}

const struct pl_operator window_sliding = {
    PL_OPERATOR("window.sliding", "Aggregates rows over windows of event time that overlap."),
    .doc =
        "A window of length `size` starts every `slide`; a row counts in each window it falls into. Rows are "
        "aggregated once, in panes of the greatest common divisor of size and slide, from which windows are put "
        "together when they close. A row that is late for some of its windows counts in the others; one that is late "
        "for all of them leaves through `late`. All else is as in window.tumbling.",
    .inputs = window_inputs,
    .outputs = window_outputs,
    .options = sliding_options,
    .counters = window_counters,
    .tables = window_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct window),
    .check = sliding_check,
    .open = sliding_open,
    .process = window_process,
    .watermark = window_watermark,
    .changed = window_changed,
    .close = window_close,
};
