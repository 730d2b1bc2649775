#include "lines.h"

#include <stdio.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#include "utf8.h"

enum { SHOWN = 40, FORM_BITS = 8 };

static const char *const usual_times[PL__TIMES_MAX] = {"time_ns", "time_us",   "time_ms",  "time_s",
                                                       "time",    "timestamp", "datetime", "date"};

/* ---- Lines that are no rows ---- */

enum pl__line_state pl__line_refuse(struct pl_lines *l, enum pl_lines_cause cause, const char *reason) {
    l->reject.cause = cause;
    snprintf(l->reject.reason, sizeof(l->reject.reason), "%s", reason);
    return PL__LINE_REJECTED;
}

enum pl__line_state pl__line_refuse_text(struct pl_lines *l, enum pl_lines_cause cause, const char *what,
                                         const char *text, uint32_t length) {
    l->reject.cause = cause;
    snprintf(l->reject.reason, sizeof(l->reject.reason), "%s \"%.*s\"%s", what, length > SHOWN ? SHOWN : (int)length,
             text, length > SHOWN ? "..." : "");
    for (char *c = l->reject.reason; *c; c++) {
        if (*c < ' ' || *c > '~') *c = '?';
    }
    return PL__LINE_REJECTED;
}

enum pl__line_state pl__line_refuse_json(struct pl_lines *l, const struct pl__line *line) {
    const struct pl_json *json = &line->json;
    bool bracket = json->at < json->end && (*json->at == '{' || *json->at == '[');
    l->reject.cause = PL_LINES_NOT_JSON;
    if (json->depth == PL_JSON_DEPTH && bracket) {
        l->reject.cause = PL_LINES_TOO_DEEP;
        snprintf(l->reject.reason, sizeof(l->reject.reason), "nested deeper than %d", PL_JSON_DEPTH);
    } else if (!pl_is_utf8(line->text, line->length)) {
        l->reject.cause = PL_LINES_NOT_UTF8;
        snprintf(l->reject.reason, sizeof(l->reject.reason), "not UTF-8");
    } else {
        snprintf(l->reject.reason, sizeof(l->reject.reason), "not one JSON object, from byte %td on",
                 json->at - line->text + 1);
    }
    return PL__LINE_REJECTED;
}

/* ---- Times, values, assets ---- */

static void look_for_times(struct pl_lines *l) {
    if (l->shape->time[0]) {
        l->time = PL__TIME;
        pl__fields_look_for(&l->fields, PL__TIME, l->shape->time);
        return;
    }
    l->time = PL__NO_ROLE;
    for (unsigned i = 0; i < PL__TIMES_MAX; i++)
        pl__fields_look_for(&l->fields, PL__TIME + i, usual_times[i]);
}

static void decide_time(struct pl_lines *l, unsigned role) {
    l->time = (int)role;
    for (unsigned i = PL__TIME; i < PL__ROLES_MAX; i++) {
        if (i != role) pl__fields_forget(&l->fields, i);
    }
}

enum pl__line_state pl__line_time(struct pl_lines *l, const struct pl__found *found, pl_time *time) {
    uint32_t there = found->there >> PL__TIME << PL__TIME;
    if (!there) return pl__line_refuse(l, PL_LINES_NO_TIME, "no time");
    unsigned role = (unsigned)__builtin_ctz(there);
    const struct pl__token *token = &found->token[role];
    enum pl_stamp_form before = l->stamp.form;
    if (l->time == PL__NO_ROLE) pl_stamp_named(&l->stamp, l->fields.field[role].path);
    if ((token->type == PL__NUMBER || token->type == PL__STRING) &&
        pl_stamp_read(&l->stamp, token->text, token->length, time)) {
        if (l->time == PL__NO_ROLE) decide_time(l, role);
        return PL__LINE_GOOD;
    }
    l->stamp.form = before; /* what could not be read decides nothing */
    return pl__line_refuse_text(l, PL_LINES_NO_TIME, "not a time:", token->text, token->length);
}

bool pl__line_value(struct pl_lines *l, uint32_t tag, const struct pl__token *token, double *value, uint16_t *quality) {
    switch (token->type) {
    case PL__NUMBER:
        if (PL_UNLIKELY(!pl_number(token->text, token->length, l->values.points, value))) return false;
        *quality = PL_UNLIKELY(l->values.missing_numbers) ? pl_values_number(&l->values, value) : PL_Q_GOOD;
        return true;
    case PL__STRING:
    case PL__TRUE:
    case PL__FALSE: *quality = pl_values_text(&l->values, tag, token->text, token->length, value); return true;
    case PL__NESTED: l->values.counts.texts++; break;
    default: break;
    }
    *quality = pl_values_none(&l->values, value);
    return true;
}

bool pl__line_asset(struct pl_lines *l, const struct pl__found *found, uint32_t *length) {
    const struct pl__token *asset = &found->token[PL__ASSET];
    bool text = found->there >> PL__ASSET & 1 && (asset->type == PL__STRING || asset->type == PL__NUMBER);
    if (!text || asset->length == 0 || asset->length > PL_NAME_MAX) return false;
    memcpy(l->name, asset->text, asset->length);
    l->name[asset->length] = '.';
    *length = asset->length + 1;
    return true;
}

/* ---- Reading ---- */

static bool has_room_for_strings(struct pl_lines *l, uint32_t length) {
    if (PL_LIKELY(l->unescaped_room >= length + (size_t)PL_SLACK)) return true;
    size_t room = 2 * (size_t)length + PL_SLACK;
    char *made = pl_realloc(l->unescaped, room);
    if (!made) return false;
    memset(made, 0, room);
    l->unescaped = made;
    l->unescaped_room = room;
    return true;
}

static enum pl__line_state read_line(struct pl_lines *l, struct pl__line *line) {
    if (!has_room_for_strings(l, line->length)) return PL__LINE_FAILED;
    pl_json_init(&line->json, line->text, line->length, l->unescaped);
    l->serial++;
    switch ((enum pl_shape_layout)l->shape->layout) {
    case PL_SHAPE_LONG: return pl__line_long(l, line);
    case PL_SHAPE_WIDE: return pl__line_wide(l, line);
    default: return pl__line_whole(l, line);
    }
}

static bool is_empty(const char *text, uint32_t length) {
    while (length && (*text == ' ' || *text == '\t'))
        text++, length--;
    return length == 0;
}

static const char *const words[] = {
    [PL_LINES_ANY] = "malformed",     [PL_LINES_NOT_JSON] = "not_json", [PL_LINES_TOO_LONG] = "too_long",
    [PL_LINES_NOT_UTF8] = "not_utf8", [PL_LINES_TOO_DEEP] = "too_deep", [PL_LINES_TWICE] = "twice",
    [PL_LINES_NO_TIME] = "no_time",   [PL_LINES_NO_TAG] = "no_tag",     [PL_LINES_TOO_LARGE] = "too_large",
    [PL_LINES_OTHER] = "other_kind",
};

/* The line in view is rejected for what `reject` says already. */
static enum pl_reader_state reject(struct pl_lines *l, bool whole) {
    l->reject.word = words[l->reject.cause];
    l->reject.samples = 1;
    l->reject.cut = !whole;
    l->reject.line = l->records.line;
    l->reject.text = pl_records_line(&l->records, &l->reject.length);
    if (l->reject.length > l->records.limit) l->reject.length = l->records.limit; /* whatever more is there */
    if (whole) {
        pl_records_take(&l->records, 1);
    } else {
        pl_records_take_line(&l->records);
    }
    return PL_READER_REJECTED;
}

static enum pl_reader_state no_line(struct pl_lines *l, enum pl_records_state state, struct pl_error **error) {
    struct pl_place place = {.file = l->file, .line = (int)l->records.line};
    char reason[64];
    switch (state) {
    case PL_RECORDS_MORE: return PL_READER_MORE;
    case PL_RECORDS_END: return PL_READER_END;
    case PL_RECORDS_UTF16:
        pl_error_at(error, PL_SYNTAX, place, "the text is UTF-16; expected UTF-8");
        return PL_READER_FAILED;
    default:
        snprintf(reason, sizeof(reason), "longer than %u bytes", l->records.limit);
        pl__line_refuse(l, PL_LINES_TOO_LONG, reason);
        return reject(l, false);
    }
}

/* The line was read, but the batch has no room for its rows. */
static enum pl_reader_state make_room(struct pl_lines *l, uint32_t rows) {
    if (rows > PL_BATCH_ROWS_MAX) {
        pl__line_refuse(l, PL_LINES_TOO_LONG, "more values than a batch takes");
        return reject(l, true);
    }
    if (rows > l->least) l->least = rows;
    return PL_READER_FULL;
}

enum pl_reader_state pl_lines_read(struct pl_lines *l, struct pl_batch *batch, struct pl_error **error) {
    const struct pl_samples to = batch->samples;
    while (batch->rows < batch->capacity) {
        uint32_t fields, length;
        enum pl_records_state records = pl_records_next(&l->records, &fields);
        if (records != PL_RECORDS_ONE) return no_line(l, records, error);
        const char *text = pl_records_field(&l->records, 0, 1, &length);
        struct pl__line line = {.text = text, .length = length, .to = &to, .row = batch->rows};
        line.capacity = batch->capacity;
        struct pl_reader_counts before = l->values.counts;
        enum pl__line_state state = is_empty(text, length) ? PL__LINE_LEFT_OUT : read_line(l, &line);
        bool fits = line.row <= batch->capacity;
        if (state == PL__LINE_GOOD && !fits) state = PL__LINE_REJECTED;
        if (state >= PL__LINE_REJECTED) l->values.counts = before;
        if (state == PL__LINE_FAILED) {
            pl_error_set(error, PL_NO_MEMORY, "%s: no memory for a line of %u bytes", l->file, length);
            return PL_READER_FAILED;
        }
        if (state == PL__LINE_REJECTED) return fits ? reject(l, true) : make_room(l, line.row - batch->rows);
        pl_records_take(&l->records, 1);
        batch->rows = line.row;
    }
    return PL_READER_FULL;
}

/* ---- Life cycle ---- */

bool pl_lines_init(struct pl_lines *l, const struct pl_shape *shape, struct pl_tags *tags, uint32_t capacity) {
    /* Every line end is a break and nothing else is: a record has one field. */
    struct pl_records_setup setup = {.delimiter = '\n', .limit = (uint32_t)shape->max_line, .capacity = capacity};
    *l = (struct pl_lines){.shape = shape, .tags = tags, .least = 1, .file = "-"};
    if (shape->asset[0]) pl__fields_look_for(&l->fields, PL__ASSET, shape->asset);
    if (shape->layout == PL_SHAPE_LONG) {
        pl__fields_look_for(&l->fields, PL__TAG, shape->tag);
        pl__fields_look_for(&l->fields, PL__VALUE, shape->value);
        pl__fields_look_for(&l->fields, PL__QUALITY, shape->quality);
        if (strcmp(shape->time, "type") != 0) pl__fields_look_for(&l->fields, PL__TYPE, "type");
    }
    if (shape->layout == PL_SHAPE_BATCH && !(l->codec = pl_codec_new(tags))) return false;
    if (!pl_names_init(&l->names, tags, &shape->naming, 0) || !pl_records_init(&l->records, &setup) ||
        !pl_values_init(&l->values, tags, &shape->missing, '.')) {
        return false;
    }
    pl_lines_restart(l, "-");
    return true;
}

void pl_lines_fini(struct pl_lines *l) {
    pl_records_fini(&l->records);
    pl_names_fini(&l->names);
    pl_values_fini(&l->values);
    pl_codec_free(l->codec);
    pl_free(l->unescaped);
    pl_free(l->seen);
    *l = (struct pl_lines){.shape = l->shape};
}

void pl_lines_restart(struct pl_lines *l, const char *file) {
    pl_records_restart(&l->records, 0, 1);
    pl_stamp_init(&l->stamp, l->shape->time_format, l->shape->time_zone, l->shape->origin);
    l->stamp.point = '.';
    look_for_times(l);
    l->file = file;
}

/* ---- Where it stands: the byte, and what the first line has decided ---- */

struct pl_reader_position pl_lines_position(const struct pl_lines *l) {
    return (struct pl_reader_position){.offset = pl_records_offset(&l->records),
                                       .line = l->records.line,
                                       .form = l->stamp.form | (uint32_t)(l->time + 1) << FORM_BITS};
}

void pl_lines_resume(struct pl_lines *l, const struct pl_reader_position *at) {
    uint32_t form = at->form & ((1 << FORM_BITS) - 1), role = (at->form >> FORM_BITS) - 1;
    pl_records_restart(&l->records, at->offset, at->line);
    bool found = strcmp(l->shape->time_format, "auto") == 0; /* else the graph says it, perhaps otherwise than then */
    if (found && form < PL_STAMP_PATTERN) l->stamp.form = (enum pl_stamp_form)form;
    if (!l->shape->time[0] && role >= PL__TIME && role < PL__ROLES_MAX) decide_time(l, role);
}

/* ---- Lines that were refused, once more ---- */

static bool feed(struct pl_lines *l, const char **at, size_t *left) {
    size_t room;
    char *space = pl_records_space(&l->records, &room);
    if (!space) return false;
    size_t count = *left < room ? *left : room;
    memcpy(space, *at, count);
    pl_records_filled(&l->records, count);
    *at += count;
    *left -= count;
    if (!*left) pl_records_end(&l->records);
    return true;
}

static enum pl_code read_all(struct pl_lines *l, const char *at, size_t left, struct pl_batch *batch,
                             struct pl_error **error) {
    for (;;) {
        switch (pl_lines_read(l, batch, error)) {
        case PL_READER_MORE:
            if (!feed(l, &at, &left)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a longer line");
            break;
        case PL_READER_FULL: return pl_error_set(error, PL_LIMIT, "more rows than a batch takes");
        case PL_READER_REJECTED: return pl_error_set(error, PL_SYNTAX, "%s", l->reject.reason);
        case PL_READER_FAILED: return PL_SYNTAX;
        case PL_READER_END: return batch->rows ? PL_OK : pl_error_set(error, PL_SYNTAX, "there is no row in it");
        }
    }
}

enum pl_code pl_lines_again(const struct pl_lines *model, const void *bytes, size_t size, struct pl_batch *batch,
                            struct pl_error **error) {
    enum { BUFFER = 4096 };
    struct pl_lines *l = PL_NEW(struct pl_lines);
    enum pl_code code = PL_NO_MEMORY;
    if (l && pl_lines_init(l, model->shape, model->tags, BUFFER)) {
        struct pl_reader_position at = pl_lines_position(model);
        at.offset = 0;
        at.line = 1;
        pl_lines_resume(l, &at);
        code = read_all(l, bytes, size, batch, error);
    } else {
        pl_error_set(error, code, "no memory for a reader");
    }
    if (l) pl_lines_fini(l);
    pl_free(l);
    return code;
}
