#include "window.h"

static const struct pl_option session_options[] = {
    PL_OPT_DURATION(struct window, gap, "gap", NULL, "1us", "365d", PL_STATE,
                    "A session ends when no row has come for so long (event time)."),
    PL_OPT_DURATION(struct window, max, "max", "1d", "1us", "3650d", PL_STATE,
                    "A session is not longer than this; the row that comes then begins the next one."),
    WINDOW_OPTIONS,
    PL_OPT_END,
};

static void session_check(void *self, struct pl_check *check) {
    const struct window *w = self;
    window_check(self, check);
    if (w->max < w->gap) pl_check_error(check, "max", "max must not be shorter than gap");
}

static enum pl_code session_open(void *self, struct pl_node *node, struct pl_error **error) {
    return window_open(self, node, &window_by_sessions, error);
}

const struct pl_operator window_session = {
    PL_OPERATOR("window.session", "Aggregates rows over stretches of time between which nothing came."),
    .doc =
        "Rows of a key that are less than `gap` apart from each other are one session, whatever their quality: from "
        "its "
        "first row to `gap` behind its last, but not longer than `max`. A session is told once, when the watermark "
        "passes its end + `lateness`. Until then a row that comes behind the watermark still counts: it joins the "
        "session it is near to, begins one of its own, or makes one of the two between which it lies. A row that could "
        "only belong to a session that has closed leaves through `late`. All else is as in window.tumbling.",
    .inputs = window_inputs,
    .outputs = window_outputs,
    .options = session_options,
    .counters = window_counters,
    .tables = window_session_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct window),
    .check = session_check,
    .open = session_open,
    .process = window_process,
    .watermark = window_watermark,
    .changed = window_changed,
    .close = window_close,
};
