#include "window.h"

static const struct pl_option tumbling_options[] = {
    PL_OPT_DURATION(struct window, size, "size", NULL, "1us", "3650d", PL_STATE, "Length of one window."),
    WINDOW_OPTIONS,
    PL_OPT_END,
};

static enum pl_code tumbling_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct window *w = self;
    w->slide = w->size;
    return window_open(w, node, error);
}

const struct pl_operator window_tumbling = {
    PL_OPERATOR("window.tumbling", "Aggregates rows over windows of event time that follow one another."),
    .doc =
        "Every row falls into one window [start, end) of its key; windows start at multiples of `size` since "
        "1970-01-01T00:00Z, moved by `offset`. A window is told once, when the watermark passes its end + `lateness`; "
        "a row that comes later leaves through `late`. Rows of severity bad and rows without a value are skipped and "
        "counted; a window in which every row was skipped has count 0 and NaN, and a window without any row is not "
        "told. `first` and `last` go by event time; of rows with equal times the one that came first is `first` and "
        "the one that came last is `last`. Windows that close together leave in order of end and name of the key.\n\n"
        "Windows can be aggregated again (a day from hours): give them as input.",
    .inputs = window_inputs,
    .outputs = window_outputs,
    .options = tumbling_options,
    .counters = window_counters,
    .tables = window_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct window),
    .open = tumbling_open,
    .process = window_process,
    .watermark = window_watermark,
    .changed = window_changed,
    .close = window_close,
};
