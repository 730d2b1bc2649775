#include "transpose.h"

#include <potline/alloc.h>
#include <potline/quality.h>
#include <potline/text.h>

enum { NAME_ROOM = 4 * PL_NAME_MAX };

void pl_transpose_init(struct pl_transpose *t, struct pl_reader *reader) {
    *t = (struct pl_transpose){.reader = reader};
}

void pl_transpose_fini(struct pl_transpose *t) {
    for (uint32_t i = 0; i < t->line_count; i++)
        pl_free(t->lines[i].values);
    pl_free(t->lines);
    pl_free(t->times);
    *t = (struct pl_transpose){.reader = t->reader};
}

static enum pl_reader_state fail(const struct pl_transpose *t, struct pl_error **error, enum pl_code code,
                                 const char *what) {
    struct pl_place place = {.file = t->reader->file, .line = (int)t->reader->records.line};
    pl_error_at(error, code, place, "%s", what);
    return PL_READER_FAILED;
}

/* ---- Lines ---- */

static bool is_time_line(const struct pl_layout *layout, const char *name) {
    static const char *const usual[] = {"time_ns", "time_us",   "time_ms",  "time_s",
                                        "time",    "timestamp", "datetime", "date"};
    if (layout->interval) return false;
    if (layout->time.count) return strcmp(layout->time.items[0], name) == 0;
    for (unsigned i = 0; i < PL_COUNT_OF(usual); i++) {
        if (strcmp(usual[i], name) == 0) return true;
    }
    return false;
}

/* The line's own name, or the one that `columns` has for it, or its number. */
static bool name_line(const struct pl_transpose *t, char *name) {
    const struct pl_layout *layout = t->reader->layout;
    uint32_t length;
    if (layout->header) {
        const char *text = pl_records_field(&t->reader->records, 0, 2, &length);
        return pl_reader_name(t->reader, text, length, name, NAME_ROOM);
    }
    if (t->seen < layout->columns.count) {
        snprintf(name, NAME_ROOM, "%s", layout->columns.items[t->seen]);
    } else {
        *pl_text_put_int(name, t->seen + 1) = 0;
    }
    return true;
}

static const char *field_of(const struct pl_transpose *t, uint32_t column, uint32_t fields, uint32_t *length) {
    return pl_records_field(&t->reader->records, column + t->reader->layout->header, fields, length);
}

static bool take_times(struct pl_transpose *t, const char *name, uint32_t fields) {
    pl_time *times = pl_alloc(t->columns * sizeof(*times) + 1);
    pl_free(t->times);
    t->times = times;
    pl_stamp_named(&t->reader->stamp, name);
    for (uint32_t i = 0; times && i < t->columns; i++) {
        uint32_t length;
        const char *text = field_of(t, i, fields, &length);
        if (!pl_reader_time(t->reader, text, length, &times[i])) return false;
    }
    return times != NULL;
}

static bool take_values(struct pl_transpose *t, uint32_t tag, uint32_t fields) {
    if (t->line_count == t->line_room) {
        uint32_t room = t->line_room ? 2 * t->line_room : 64;
        struct pl_transpose_line *grown = pl_realloc(t->lines, room * sizeof(*grown));
        if (!grown) return false;
        t->lines = grown;
        t->line_room = room;
    }
    double *values = pl_alloc(t->columns * sizeof(*values) + 1);
    if (!values) return false;
    for (uint32_t i = 0; i < t->columns; i++) {
        uint32_t length;
        const char *text = field_of(t, i, fields, &length);
        pl_reader_value(t->reader, tag, text, length, &values[i]); /* what is missing is NaN */
    }
    t->lines[t->line_count++] = (struct pl_transpose_line){tag, values};
    return true;
}

static enum pl_reader_state refuse(struct pl_transpose *t, const char *what, const char *which) {
    struct pl_reject *reject = &t->reader->reject;
    reject->line = t->reader->records.line;
    reject->text = pl_records_line(&t->reader->records, &reject->length);
    snprintf(reject->reason, sizeof(reject->reason), "%s%s", what, which);
    return PL_READER_REJECTED;
}

static enum pl_reader_state take_line(struct pl_transpose *t, uint32_t fields, struct pl_error **error) {
    const struct pl_layout *layout = t->reader->layout;
    char name[NAME_ROOM];
    uint32_t columns = fields - layout->header;
    if (columns == 0) return refuse(t, "a name without values", "");
    if (!t->columns) t->columns = columns;
    if (columns != t->columns)
        return refuse(t, columns < t->columns ? "fewer" : "more", " columns than the first line has");
    if (!name_line(t, name)) return refuse(t, "cannot be a tag: its name is too long", "");
    bool times = is_time_line(layout, name);
    uint32_t tag = times ? 0 : pl_names_resolve(t->reader->names, name, (uint32_t)strlen(name));
    t->seen++;
    if (tag == PL_NO_ID) return refuse(t, "cannot be a tag, or is beyond max_tags", "");
    if (tag == PL_NAMES_LEFT_OUT) return PL_READER_MORE;
    if ((uint64_t)(t->line_count + 1) * columns > PL_TRANSPOSE_MAX) {
        return fail(t, error, PL_LIMIT, "a transposed table may have 16,777,216 values at most");
    }
    if (times ? take_times(t, name, fields) : take_values(t, tag, fields)) return PL_READER_MORE;
    return fail(t, error, PL_SYNTAX, times ? "not all of these are times" : "no memory for the table");
}

/* Lines, as far as they are there. */
static enum pl_reader_state read_lines(struct pl_transpose *t, struct pl_error **error) {
    struct pl_reader *r = t->reader;
    while (r->skipped < r->layout->skip) {
        enum pl_records_state state = pl_records_skip_line(&r->records);
        if (state != PL_RECORDS_ONE) return state == PL_RECORDS_END ? PL_READER_END : PL_READER_MORE;
        r->skipped++;
    }
    for (;;) {
        uint32_t fields = 0;
        enum pl_records_state state = pl_records_next(&r->records, &fields);
        if (state == PL_RECORDS_MORE) return PL_READER_MORE;
        if (state == PL_RECORDS_END) return PL_READER_END;
        if (state == PL_RECORDS_UTF16) return fail(t, error, PL_SYNTAX, "the text is UTF-16; expected UTF-8");
        enum pl_reader_state taken = PL_READER_MORE;
        if (state != PL_RECORDS_ONE)
            taken = refuse(t, "longer than max_line", ", or an open quote");
        else if (!pl_reader_is_empty(r, fields))
            taken = take_line(t, fields, error);
        pl_reader_leave(r, fields);
        if (taken != PL_READER_MORE) return taken;
    }
}

/* ---- Rows ---- */

static bool time_of(const struct pl_transpose *t, uint32_t column, pl_time *time) {
    const struct pl_layout *layout = t->reader->layout;
    pl_time past;
    if (t->times) {
        *time = t->times[column];
        return true;
    }
    return !__builtin_mul_overflow((int64_t)t->reader->row, layout->interval, &past) &&
           !__builtin_add_overflow(layout->start, past, time);
}

static enum pl_reader_state give(struct pl_transpose *t, struct pl_batch *batch, struct pl_error **error) {
    const struct pl_samples *to = &batch->samples;
    for (; t->line_count && t->next < t->columns; t->next++) {
        pl_time time;
        if (batch->rows + t->line_count > batch->capacity) return PL_READER_FULL;
        if (!time_of(t, t->next, &time)) return fail(t, error, PL_RANGE, "the times leave the range");
        for (uint32_t i = 0; i < t->line_count; i++) {
            double value = t->lines[i].values[t->next];
            to->time[batch->rows] = time;
            to->tag[batch->rows] = t->lines[i].tag;
            to->value[batch->rows] = value;
            to->quality[batch->rows] = value == value ? PL_Q_GOOD : PL_Q_BAD | PL_Q_MISSING;
            batch->rows++;
        }
        t->reader->row++;
    }
    return PL_READER_END;
}

enum pl_reader_state pl_transpose_read(struct pl_transpose *t, struct pl_batch *batch, struct pl_error **error) {
    if (!t->whole) {
        enum pl_reader_state state = read_lines(t, error);
        if (state != PL_READER_END) return state;
        t->whole = true;
        if (t->line_count > PL_SERIES_MAX)
            return fail(t, error, PL_LIMIT, "a transposed table may have 8192 tags at most");
        if (!t->times && !t->reader->layout->interval && t->line_count) {
            return fail(t, error, PL_NOT_FOUND, "no line holds the times; name it with time:, or give an interval");
        }
        if (t->line_count > batch->capacity) return PL_READER_FULL; /* called again with a batch that is large enough */
    }
    return give(t, batch, error);
}
