#include "window.h"

static const char *const periods[] = {
    [CALENDAR_SHIFT] = "shift", [CALENDAR_DAY] = "day", [CALENDAR_WEEK] = "week", [CALENDAR_MONTH] = "month", NULL};

static const struct pl_option calendar_options[] = {
    PL_OPT_STRING(struct window, zone_name, "zone", "UTC", PL_STATE,
                  "The time zone whose clocks count, like Europe/Berlin, from the system's database."),
    PL_OPT_CHOICE(struct window, period, "period", "shift", periods, PL_STATE,
                  "What a window is; weeks begin on Monday, months on the 1st, with the day's first shift."),
    PL_OPT_STRINGS(struct window, shift_texts, "shifts", "[\"00:00\"]", PL_STATE,
                   "When shifts begin; the day begins with the first."),
    PL_OPT_END,
};

static const struct pl_option tumbling_options[] = {
    PL_OPT_DURATION(
        struct window, size, "size", "0s", "0s", "3650d", PL_CARRIED,
        "Length of one window; needed where there is no calendar. Another one holds from the first boundary "
        "on that both have, behind all windows that are open."),
    PL_OPT_GROUP(struct window, by_calendar, "calendar", "false", calendar_options, PL_STATE,
                 "Windows by the clock instead: shifts, days, weeks or months of a time zone."),
    WINDOW_OPTION_OFFSET,
    WINDOW_OPTIONS,
    PL_OPT_END,
};

static void calendar_check(const struct window *w, struct pl_check *check) {
    struct calendar calendar = {0};
    struct pl_error *error = NULL;
    if (calendar_set_shifts(&calendar, &w->shift_texts, &error))
        pl_check_error(check, "calendar.shifts", "%s", error->text);
    pl_error_free(&error);
    if (zone_open(w->zone_name, &calendar.zone, &error)) pl_check_error(check, "calendar.zone", "%s", error->text);
    pl_error_free(&error);
    zone_free(calendar.zone);
    if (w->size) pl_check_error(check, "size", "a calendar says how long windows are: leave size or calendar out");
    if (w->offset) pl_check_error(check, "offset", "windows of a calendar begin with a shift: move those instead");
}

static void tumbling_check(void *self, struct pl_check *check) {
    const struct window *w = self;
    window_check(self, check);
    if (w->by_calendar)
        calendar_check(w, check);
    else if (w->size < PL_MICROSECOND)
        pl_check_error(check, "size", "say how long windows are: size (1us or more), or calendar");
}

static enum pl_code tumbling_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct window *w = self;
    enum pl_code code = PL_OK;
    w->slide = w->size;
    if (w->by_calendar) {
        w->calendar.period = w->period;
        code = calendar_set_shifts(&w->calendar, &w->shift_texts, error);
        if (!code) code = zone_open(w->zone_name, &w->calendar.zone, error);
        if (!code) grid_init_calendar(&w->grid, &w->calendar);
    } else {
        grid_init(&w->grid, w->size, w->slide, w->offset);
        w->resizes = true;
    }
    return code ? code : window_open(w, node, &window_on_grid, error);
}

const struct pl_operator window_tumbling = {
    PL_OPERATOR("window.tumbling", "Aggregates rows over windows of event time that follow one another."),
    .doc =
        "Every row falls into one window [start, end) of its key; windows start at multiples of `size` since "
        "1970-01-01T00:00Z, moved by `offset`, or are the shifts, days, weeks or months of a `calendar`, which are an "
        "hour shorter or longer where clocks are changed. A window is told once, when the watermark passes its end + "
        "`lateness`; a row that comes later leaves through `late`. Rows of severity bad and rows without a value are "
        "skipped and counted; a window in which every row was skipped has count 0 and NaN, and a window without any "
        "row "
        "is not told. `first` and `last` go by event time; of rows with equal times the one that came first is `first` "
        "and the one that came last is `last`. Windows that close together leave in order of end and name of the "
        "key.\n\n"
        "`quantiles` leave as samples through an output of their own. They are exact for up to 256 different values in "
        "a window; with more they are wrong by less than 0.4 % of the range between the window's least and greatest "
        "value. They cost 3 KiB a key and window.\n\n"
        "Windows can be aggregated again (a day from hours): give them as input.",
    .inputs = window_inputs,
    .outputs = window_outputs,
    .options = tumbling_options,
    .counters = window_counters,
    .tables = window_tables,
    .scope = PL_EITHER,
    .instance_size = sizeof(struct window),
    .check = tumbling_check,
    .open = tumbling_open,
    .process = window_process,
    .watermark = window_watermark,
    .changed = window_changed,
    .close = window_close,
};
