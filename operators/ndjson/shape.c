#include "shape.h"

const char *const pl_shape_layouts[] = {"long", "wide", "batch", NULL};

/* Options that say something of one sample a line, or of anything but a batch. */
static const char *const of_long[] = {"tag", "value", "quality"};
static const char *const of_wide[] = {"empty"};
static const char *const of_fields[] = {"time",    "time_format", "time_zone", "origin",  "asset",
                                        "missing", "prefix",      "include",   "exclude", "rename"};

static void refuse(struct pl_check *check, const char *const *options, unsigned count, const char *why) {
    for (unsigned i = 0; i < count; i++) {
        if (pl_check_given(check, options[i])) pl_check_error(check, options[i], "%s", why);
    }
}

static void check_path(struct pl_check *check, const char *option, const char *path, bool needed) {
    size_t length = strlen(path);
    if (needed && !length) pl_check_error(check, option, "names no field");
    if (length && (path[0] == '.' || path[length - 1] == '.' || strstr(path, ".."))) {
        pl_check_error(check, option, "\"%s\" is no path of names with dots between them", path);
    }
}

static void check_fields(const struct pl_shape *shape, struct pl_check *check) {
    const struct {
        const char *option, *path;
    } field[] = {{"time", shape->time},
                 {"asset", shape->asset},
                 {"tag", shape->tag},
                 {"value", shape->value},
                 {"quality", shape->quality}};
    unsigned count = shape->layout == PL_SHAPE_LONG ? PL_COUNT_OF(field) : 2;
    for (unsigned i = 0; i < count; i++) {
        check_path(check, field[i].option, field[i].path, i >= 2);
        for (unsigned j = 0; j < i; j++) {
            if (field[i].path[0] && strcmp(field[i].path, field[j].path) == 0) {
                pl_check_error(check, field[i].option, "\"%s\" is the %s already", field[i].path, field[j].option);
            }
        }
    }
}

void pl_shape_check(const struct pl_shape *shape, struct pl_check *check) {
    pl_times_check(shape->time_format, shape->time_zone, check);
    if (shape->layout != PL_SHAPE_LONG) {
        refuse(check, of_long, PL_COUNT_OF(of_long), "is an option of the long layout");
    }
    if (shape->layout != PL_SHAPE_WIDE) {
        refuse(check, of_wide, PL_COUNT_OF(of_wide), "is an option of the wide layout");
    }
    if (shape->layout == PL_SHAPE_BATCH) {
        refuse(check, of_fields, PL_COUNT_OF(of_fields), "has no effect in the batch layout, which says it all itself");
        return;
    }
    check_fields(shape, check);
}
