#include "rows.h"

#include <math.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/quality.h>
#include <potline/text.h>

/* A field of the record in view. */
static struct pl__field field_of(const struct pl_reader *r, uint32_t column, uint32_t fields) {
    struct pl__field field;
    field.text = pl_records_field(&r->records, column, fields, &field.length);
    return field;
}

/* ---- Records that are no rows ---- */

static void say_field(const struct pl_reader *r, uint32_t column, uint32_t fields, const char *what, char *reason,
                      size_t size) {
    char room[PL__PIECE_ROOM];
    struct pl__field f = pl__field_clean(r, field_of(r, column, fields), room);
    int shown = f.length > 40 ? 40 : (int)f.length;
    snprintf(reason, size, "%s \"%.*s\"%s", what, shown, f.text, f.length > 40 ? "..." : "");
    for (char *c = reason; *c; c++) {
        if (*c < ' ' || *c > '~') *c = '?';
    }
}

/* For the ledger: a word for what is wrong, and whose sample it would have been. */
static void book(struct pl_reader *r, enum pl__row why, uint32_t fields) {
    static const char *const words[] = {[PL__ROW_FIELDS] = "fields",
                                        [PL__ROW_TIME] = "time",
                                        [PL__ROW_TAG] = "tag",
                                        [PL__ROW_TOO_LONG] = "too_long",
                                        [PL__ROW_OPEN_QUOTE] = "open_quote"};
    struct pl_reject *reject = &r->reject;
    bool wide = r->layout->shape == PL_WIDE;
    reject->word = words[why];
    reject->samples = wide && r->columns.series_count ? r->columns.series_count : 1;
    reject->tag = 0;
    if (why != PL__ROW_TIME || wide) return;
    struct pl__field name = field_of(r, r->columns.tag, fields);
    reject->tag = pl_names_find(r->names, name.text, name.length);
    if (reject->tag >= PL_NAMES_LEFT_OUT) reject->tag = 0;
}

static void say(struct pl_reader *r, enum pl__row why, uint32_t fields) {
    const struct pl_columns *c = &r->columns;
    struct pl_reject *reject = &r->reject;
    size_t size = sizeof(reject->reason);
    switch (why) {
    case PL__ROW_FIELDS:
        snprintf(reject->reason, size, "%u columns; expected %u", fields, fields < c->least ? c->least : c->most);
        break;
    case PL__ROW_TIME:
        if (c->times == 0) snprintf(reject->reason, size, "the time is out of range");
        if (c->times) say_field(r, c->time[0], fields, "not a time:", reject->reason, size);
        break;
    case PL__ROW_TAG:
        say_field(r, c->tag, fields, "cannot be a tag, or is beyond max_tags:", reject->reason, size);
        break;
    case PL__ROW_OPEN_QUOTE: snprintf(reject->reason, size, "a quote opens here and is never closed"); break;
    default: snprintf(reject->reason, size, "longer than %u bytes or %d columns", r->records.limit, PL_FIELDS_MAX);
    }
}

/* What went wrong with a record of several lines began in its first one. */
void pl_reader_leave(struct pl_reader *r, uint32_t fields) {
    if (fields && !r->records.scan.hidden) {
        pl_records_take(&r->records, fields);
    } else {
        pl_records_take_line(&r->records);
    }
}

bool pl_reader_is_empty(const struct pl_reader *r, uint32_t fields) {
    bool comment = (unsigned char)r->records.bytes[r->records.from] == r->comment;
    return comment || (fields == 1 && pl__field_trim(field_of(r, 0, 1)).length == 0);
}

static enum pl_reader_state refuse(struct pl_reader *r, enum pl__row why, uint32_t fields) {
    r->reject.line = r->records.line;
    r->reject.text = pl_records_line(&r->records, &r->reject.length);
    r->reject.cut = why == PL__ROW_TOO_LONG || why == PL__ROW_OPEN_QUOTE || r->records.scan.hidden;
    if (r->reject.length > r->records.limit) r->reject.length = r->records.limit; /* whatever more is there */
    say(r, why, fields);
    book(r, why, fields);
    pl_reader_leave(r, fields);
    r->row++;
    return PL_READER_REJECTED;
}

/* Comments and empty lines are left in silence. */
static bool pass_over(struct pl_reader *r, uint32_t fields) {
    bool empty = pl_reader_is_empty(r, fields);
    if (empty) pl_reader_leave(r, fields);
    return empty;
}

static enum pl_reader_state fail(const struct pl_reader *r, struct pl_error **error, const char *what) {
    struct pl_place place = {.file = r->file, .line = (int)r->records.line};
    pl_error_at(error, PL_SYNTAX, place, "%s", what);
    return PL_READER_FAILED;
}

/* No record is in view. */
static enum pl_reader_state other_state(struct pl_reader *r, enum pl_records_state state, struct pl_error **error) {
    if (state == PL_RECORDS_MORE) return PL_READER_MORE;
    if (state == PL_RECORDS_END) return PL_READER_END;
    if (state == PL_RECORDS_UTF16)
        return fail(r, error, "the text is UTF-16; expected UTF-8 or another set that has ASCII");
    return refuse(r, state == PL_RECORDS_OPEN ? PL__ROW_OPEN_QUOTE : PL__ROW_TOO_LONG, 0);
}

/* ---- The stream's begin ---- */

/* The header's fields as strings, one behind the other in `text`. */
static void copy_names(const struct pl_reader *r, uint32_t fields, const char **names, char *text) {
    for (uint32_t i = 0; i < fields; i++) {
        struct pl__field f = pl__field_trim(field_of(r, i, fields));
        uint32_t length = f.length;
        if (length && r->quote && *f.text == r->quote) {
            length = pl_records_unquote(f.text, length, r->quote, text);
        } else {
            memcpy(text, f.text, length);
        }
        names[i] = text;
        if (length != UINT32_MAX) text += length;
        *text++ = 0;
    }
}

/* The name of the time column may tell its unit. */
static void hint_at_unit(struct pl_reader *r) {
    if (r->columns.time_name) pl_stamp_named(&r->stamp, r->columns.time_name);
    r->columns.time_name = NULL;
}

static bool is_number(const char *text) {
    double value;
    return pl_text_f64(text, strlen(text), &value);
}

/* A header whose time is a time and whose value is a number is most likely the first row. */
static bool looks_like_data(const struct pl_reader *r, const char *const *names) {
    struct pl_stamp stamp = r->stamp;
    const struct pl_columns *columns = &r->columns;
    uint32_t value = columns->series_count ? columns->series[0].column : columns->value;
    pl_time time;
    if (!columns->times || value == PL_NO_COLUMN || value == columns->time[0]) return false;
    const char *when = names[columns->time[0]];
    return pl_stamp_read_any(&stamp, when, (uint32_t)strlen(when), &time) && is_number(names[value]);
}

static enum pl_code resolve_header(struct pl_reader *r, uint32_t fields, struct pl_place place,
                                   struct pl_error **error) {
    uint32_t size = 0;
    for (uint32_t i = 0; i < fields; i++)
        size += field_of(r, i, fields).length + 1;
    const char **names = pl_alloc(fields * sizeof(*names));
    char *text = pl_alloc(size + PL_SLACK); /* what reads numbers and times may look behind them */
    enum pl_code code = PL_NO_MEMORY;
    if (names && text) {
        copy_names(r, fields, names, text);
        code = pl_columns_resolve(&r->columns, r->layout, names, fields, r->names, place, error);
        if (!code && looks_like_data(r, names))
            pl_diag(PL_WARN,
                    "%s:%d: the first line is taken for a header, and looks like data; if it is, say header: false",
                    place.file ? place.file : "", place.line);
        if (!code) hint_at_unit(r);
    } else {
        pl_error_at(error, code, place, "no memory for a header of %u columns", fields);
    }
    pl_free(names);
    pl_free(text);
    return code;
}

static enum pl_code resolve(struct pl_reader *r, uint32_t fields, struct pl_error **error) {
    struct pl_place place = {.file = r->file, .line = (int)r->records.line};
    pl_columns_fini(&r->columns);
    enum pl_code code = r->layout->header
                            ? resolve_header(r, fields, place, error)
                            : pl_columns_resolve(&r->columns, r->layout, NULL, fields, r->names, place, error);
    if (!code) hint_at_unit(r);
    if (!code && r->layout->header) pl_records_take(&r->records, fields);
    r->ready = !code;
    return code;
}

enum pl_reader_state pl_reader_prepare(struct pl_reader *r, struct pl_error **error) {
    while (!r->ready) {
        bool skipping = r->skipped < r->layout->skip;
        uint32_t fields = 0;
        enum pl_records_state state =
            skipping ? pl_records_skip_line(&r->records) : pl_records_next(&r->records, &fields);
        bool line = state == PL_RECORDS_TOO_LONG || state == PL_RECORDS_OPEN;
        if (skipping && state == PL_RECORDS_ONE) {
            r->skipped++;
        } else if ((state == PL_RECORDS_ONE || line) && pass_over(r, fields)) {
            continue;
        } else if (line) {
            return fail(r, error, "the first record is longer than max_line or opens a quote that is never closed");
        } else if (state != PL_RECORDS_ONE) {
            return other_state(r, state, error);
        } else if (resolve(r, fields, error)) {
            return PL_READER_FAILED;
        }
    }
    return PL_READER_FULL;
}

/* ---- Reading ---- */

enum pl_reader_state pl_reader_read(struct pl_reader *r, struct pl_batch *batch, struct pl_error **error) {
    enum pl_reader_state prepared = r->ready ? PL_READER_FULL : pl_reader_prepare(r, error);
    if (prepared != PL_READER_FULL) return prepared;
    uint32_t room = pl_reader_rows_least(r);
    while (batch->rows + room <= batch->capacity) {
        uint32_t fields = 0;
        enum pl_records_state state = pl_records_next(&r->records, &fields);
        bool line = state == PL_RECORDS_TOO_LONG || state == PL_RECORDS_OPEN;
        if (line && pass_over(r, 0)) continue;
        if (state != PL_RECORDS_ONE) return other_state(r, state, error);
        switch (pl__rows_read(r, batch, &fields)) {
        case PL__ROW_GOOD: break;
        case PL__ROW_TOO_LONG: break; /* told by pl_records_next */
        case PL__ROW_SPECIAL: pass_over(r, fields); break;
        case PL__ROW_LEFT_OUT:
            r->values.counts.left_out++;
            r->row++;
            pl_records_take(&r->records, fields);
            break;
        case PL__ROW_FIELDS: return refuse(r, PL__ROW_FIELDS, fields);
        case PL__ROW_TIME: return refuse(r, PL__ROW_TIME, fields);
        default: return refuse(r, PL__ROW_TAG, fields);
        }
    }
    return PL_READER_FULL;
}

/* ---- Life cycle ---- */

static void reset_stamp(struct pl_reader *r) {
    pl_stamp_init(&r->stamp, r->layout->time_format, r->layout->time_zone, r->layout->origin);
    r->stamp.point = r->layout->decimal[0];
}

bool pl_reader_init(struct pl_reader *r, const struct pl_layout *layout, struct pl_names *names, uint32_t capacity) {
    struct pl_records_setup setup = {.delimiter = pl_layout_delimiter(layout),
                                     .quote = pl_layout_quote(layout),
                                     .multiline = layout->multiline,
                                     .limit = (uint32_t)layout->max_line,
                                     .capacity = capacity};
    *r = (struct pl_reader){.layout = layout, .names = names, .quote = setup.quote, .file = "-"};
    r->comment = layout->comment[0] ? (unsigned char)layout->comment[0] : PL_NO_COMMENT;
    reset_stamp(r);
    return pl_records_init(&r->records, &setup) &&
           pl_values_init(&r->values, names->tags, &layout->missing, layout->decimal[0]);
}

void pl_reader_fini(struct pl_reader *r) {
    pl_records_fini(&r->records);
    pl_columns_fini(&r->columns);
    pl_values_fini(&r->values);
}

void pl_reader_restart(struct pl_reader *r, const char *file) {
    pl_records_restart(&r->records, 0, 1);
    reset_stamp(r);
    r->ready = false;
    r->skipped = 0;
    r->file = file;
}

struct pl_reader_position pl_reader_position(const struct pl_reader *r) {
    return (struct pl_reader_position){
        .offset = pl_records_offset(&r->records), .line = r->records.line, .row = r->row, .form = r->stamp.form};
}

void pl_reader_resume(struct pl_reader *r, const struct pl_reader_position *position) {
    pl_records_restart(&r->records, position->offset, position->line);
    r->row = position->row;
    bool found = strcmp(r->layout->time_format, "auto") == 0; /* else the graph says it, perhaps otherwise than then */
    if (found) r->stamp.form = position->form < PL_STAMP_PATTERN ? (enum pl_stamp_form)position->form : PL_STAMP_AUTO;
}
