#include "layout.h"

const char *const pl_layout_shapes[] = {"long", "wide", NULL};
const char *const pl_layout_empties[] = {"missing", "skip", NULL};

const struct pl_option pl_rename_options[] = {
    PL_OPT_STRING(struct pl_rename, name, "name", NULL, PL_FIXED, "The name in the text."),
    PL_OPT_STRING(struct pl_rename, tag, "tag", NULL, PL_FIXED, "The tag that it becomes."),
    PL_OPT_END,
};

char pl_layout_delimiter(const struct pl_layout *layout) {
    if (strcmp(layout->delimiter, "tab") == 0) return '\t';
    if (strcmp(layout->delimiter, "blank") == 0) return ' ';
    return layout->delimiter[0];
}

char pl_layout_quote(const struct pl_layout *layout) {
    return layout->quote[0];
}

static bool is_one_byte(const char *text) {
    return text[0] && !text[1] && text[0] != '\n' && text[0] != '\r';
}

static void check_characters(const struct pl_layout *layout, struct pl_check *check) {
    char delimiter = pl_layout_delimiter(layout);
    bool named = strcmp(layout->delimiter, "tab") == 0 || strcmp(layout->delimiter, "blank") == 0;
    if (!named && !is_one_byte(layout->delimiter)) {
        pl_check_error(check, "delimiter", "\"%s\" is not one character, tab or blank", layout->delimiter);
    }
    if (layout->quote[0] && (!is_one_byte(layout->quote) || layout->quote[0] == delimiter)) {
        pl_check_error(check, "quote", "\"%s\" is not one character other than the delimiter", layout->quote);
    }
    if (layout->comment[0] && !is_one_byte(layout->comment)) {
        pl_check_error(check, "comment", "\"%s\" is not one character", layout->comment);
    }
    if (strcmp(layout->decimal, ".") != 0 && strcmp(layout->decimal, ",") != 0) {
        pl_check_error(check, "decimal", "\"%s\" is neither . nor ,", layout->decimal);
    } else if (layout->decimal[0] == delimiter) {
        pl_check_error(check, "decimal", "the delimiter is \"%c\" too", delimiter);
    }
}

void pl_times_check(const char *format, const char *zone, struct pl_check *check) {
    struct pl_stamp stamp;
    const char *problem = pl_stamp_init(&stamp, format, "Z", 0);
    if (problem) pl_check_error(check, "time_format", "\"%s\" %s", format, problem);
    problem = pl_stamp_init(&stamp, "auto", zone, 0);
    if (problem) pl_check_error(check, "time_zone", "\"%s\" %s", zone, problem);
}

static void check_time(const struct pl_layout *layout, struct pl_check *check) {
    pl_times_check(layout->time_format, layout->time_zone, check);
    if (layout->interval && layout->time.count) {
        pl_check_error(check, "interval", "there is a time column already; leave one of the two out");
    }
    if (!layout->interval && pl_check_given(check, "start")) {
        pl_check_warning(check, "start", "has no effect without interval");
    }
}

static void check_shape(const struct pl_layout *layout, struct pl_check *check) {
    static const char *const of_long[] = {"tag", "value", "quality"};
    for (unsigned i = 0; layout->shape == PL_WIDE && i < PL_COUNT_OF(of_long); i++) {
        if (pl_check_given(check, of_long[i])) pl_check_error(check, of_long[i], "is an option of the long layout");
    }
    if (layout->header && layout->columns.count) {
        pl_check_error(check, "columns", "the header names the columns; say header: false if there is none");
    }
}

void pl_layout_check(const struct pl_layout *layout, struct pl_check *check) {
    check_characters(layout, check);
    check_time(layout, check);
    check_shape(layout, check);
}
