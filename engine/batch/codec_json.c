#include <math.h>
#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/quality.h>
#include <potline/text.h>
#include <string.h>

#include "base/utf8.h"
#include "json_pack.h"
#include "sheet.h"
#include <potline/json.h>

/* {"kind":"samples","source":"in","partition":0,"sequence":4711,"received":"2026-11-23T06:00:00.25Z","generation":0,
 *  "columns":{"time":["2026-..",..],"tag":["line1.pot07.voltage",..],"value":[4.2,null,..],"quality":["good",..]}}
 *
 * Ids and tokens use all 64 bits, which a JavaScript number does not hold: they are strings of digits. A heap is a
 * column of values: positions and values are arrays of numbers, a reason is a string, a body an object or null.
 */

/* ---- Writing ---- */

enum { NUMBER_ROOM = 64, QUALITY_ROOM = 160 };

static void write_text(struct pl_buffer *out, const char *text, size_t length) {
    char *at = pl_buffer_reserve(out, PL_JSON_STRING_ROOM(length));
    if (at) pl_buffer_commit(out, (size_t)(pl_json_put_string(at, text, length) - at));
}

static char *put_quoted_uint(char *at, uint64_t value) {
    *at++ = '"';
    if (value > INT64_MAX) at = pl_text_put_int(at, (int64_t)(value / 10));
    at = pl_text_put_int(at, (int64_t)(value > INT64_MAX ? value % 10 : value));
    *at++ = '"';
    return at;
}

static char *put_time(char *at, pl_time time) {
    *at++ = '"';
    at = pl_text_put_time(at, time);
    *at++ = '"';
    return at;
}

static char *put_value(char *at, enum pl_type type, const void *column, uint32_t row) {
    switch (type) {
    case PL_I64: return put_time(at, ((const pl_time *)column)[row]);
    case PL_U64: return put_quoted_uint(at, ((const uint64_t *)column)[row]);
    case PL_F64: return pl_json_put_f64(at, ((const double *)column)[row], false);
    case PL_U32: return pl_text_put_int(at, ((const uint32_t *)column)[row]);
    default: return pl_text_put_int(at, ((const uint16_t *)column)[row]);
    }
}

static void write_values(struct pl_buffer *out, enum pl_type type, const void *column, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        char *start = pl_buffer_reserve(out, NUMBER_ROOM), *at = start;
        if (!start) return;
        if (i > from) *at++ = ',';
        at = put_value(at, type, column, i);
        pl_buffer_commit(out, (size_t)(at - start));
    }
}

static void write_names(struct pl_buffer *out, const struct pl_tags *tags, const uint32_t *ids, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++) {
        const struct pl_tag *tag = pl_tags_get(tags, ids[i]);
        if (i) pl_buffer_putc(out, ',');
        write_text(out, tag->name, tag->length);
    }
}

/* Most rows have the quality of the row before. */
static void write_qualities(struct pl_buffer *out, const uint16_t *qualities, uint32_t rows) {
    char text[QUALITY_ROOM];
    size_t length = 0;
    for (uint32_t i = 0; i < rows; i++) {
        if (!i || qualities[i] != qualities[i - 1]) length = pl_quality_format(qualities[i], text, sizeof(text));
        if (i) pl_buffer_putc(out, ',');
        write_text(out, text, length);
    }
}

static void write_body(struct pl_buffer *out, const void *body, uint32_t length) {
    char *json = length ? pl_pack_json(body, length) : NULL;
    pl_buffer_puts(out, json ? json : "null");
    if (length && !json) out->failed = true; /* a body is a msgpack map, so it was memory */
    pl_free(json);
}

static void write_heap(struct pl_buffer *out, const struct pl_batch *batch, unsigned heap) {
    for (uint32_t i = 0, start = 0, length; i < batch->rows; i++, start += length) {
        const void *elements = pl_batch_heap_row(batch, heap, i, &length);
        if (i) pl_buffer_putc(out, ',');
        if (pl_kind_info[batch->kind].heap[heap].type == PL_F64) {
            pl_buffer_putc(out, '[');
            write_values(out, PL_F64, batch->heap[heap], start, start + length);
            pl_buffer_putc(out, ']');
        } else if (batch->kind == PL_SETPOINTS) {
            write_text(out, elements, length);
        } else {
            write_body(out, elements, length);
        }
    }
}

static bool is_quality(const struct pl_column_info *column) {
    return column->type == PL_U16 && strcmp(column->name, "quality") == 0;
}

static void write_columns(struct pl_buffer *out, const struct pl_codec *codec, const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    for (unsigned i = 0; i < info->columns; i++) {
        if (info->heaps && i == info->end) continue;
        pl_buffer_printf(out, "%s\"%s\":[", i ? "," : "", info->column[i].name);
        if (info->column[i].type == PL_NAME) {
            write_names(out, codec->tags, batch->column[i], batch->rows);
        } else if (is_quality(&info->column[i])) {
            write_qualities(out, batch->column[i], batch->rows);
        } else {
            write_values(out, info->column[i].type, batch->column[i], 0, batch->rows);
        }
        pl_buffer_putc(out, ']');
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        pl_buffer_printf(out, ",\"%s\":[", info->heap[i].name);
        write_heap(out, batch, i);
        pl_buffer_putc(out, ']');
    }
}

enum pl_code pl__json_encode(struct pl_codec *codec, const struct pl_batch *batch, const void **bytes, size_t *size,
                             struct pl_error **error) {
    const struct pl_tag *source = pl_tags_get(codec->tags, batch->source);
    const struct pl_batch_header *header = batch->header;
    struct pl_buffer *out = &codec->text;
    pl_buffer_reset(out);
    pl_buffer_printf(out, "{\"kind\":\"%s\",\"source\":", pl_kind_info[batch->kind].name);
    write_text(out, source->name, source->length);
    pl_buffer_printf(out, ",\"partition\":%u,\"sequence\":%llu,\"received\":", header->partition,
                     (unsigned long long)header->first_sequence);
    write_values(out, PL_I64, &header->receive_time, 0, 1);
    pl_buffer_printf(out, ",\"generation\":%u,", header->generation);
    if (batch->model) {
        const struct pl_tag *model = pl_tags_get(codec->tags, batch->model);
        pl_buffer_puts(out, "\"model\":");
        write_text(out, model->name, model->length);
        pl_buffer_putc(out, ',');
    }
    pl_buffer_puts(out, "\"columns\":{");
    write_columns(out, codec, batch);
    pl_buffer_puts(out, "}}");
    return pl__text_done(codec, bytes, size, error);
}

/* ---- Reading ---- */

static bool digits_to_uint(const char *text, size_t length, uint64_t *value) {
    *value = 0;
    if (!length || length > 20) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        if (__builtin_mul_overflow(*value, 10u, value)) return false;
        if (__builtin_add_overflow(*value, (uint64_t)(text[i] - '0'), value)) return false;
    }
    return true;
}

/* A number, or the digits of one as a string. */
static bool take_uint(struct pl_json *json, uint64_t *value) {
    const char *text;
    size_t length;
    bool there =
        pl_json_peek(json) == '"' ? pl_json_string(json, &text, &length) : pl_json_number(json, &text, &length);
    return there && digits_to_uint(text, length, value);
}

/* RFC 3339, or nanoseconds since 1970. */
static bool take_time(struct pl_json *json, pl_time *time) {
    const char *text;
    size_t length;
    if (pl_json_peek(json) == '"') {
        return pl_json_string(json, &text, &length) && pl_text_time(text, length, time);
    }
    return pl_json_number(json, &text, &length) && pl_text_int(text, length, time);
}

static bool take_f64(struct pl_json *json, double *value) {
    const char *text;
    size_t length;
    if (pl_json_peek(json) == 'n') {
        *value = NAN;
        return pl_json_word(json, "null");
    }
    return pl_json_number(json, &text, &length) && pl_text_f64(text, length, value);
}

static bool take_quality(struct pl_json *json, uint64_t *quality) {
    const char *text;
    size_t length;
    uint16_t value;
    if (pl_json_peek(json) != '"') return take_uint(json, quality);
    if (!pl_json_string(json, &text, &length) || !pl_quality_parse(text, length, &value)) return false;
    *quality = value;
    return true;
}

static enum pl_code read_value(struct pl_sheet *sheet, int list, struct pl_json *json) {
    const struct pl_column_info *column = pl__sheet_info(sheet, list);
    pl_time time;
    uint64_t number;
    double value;
    const char *name;
    size_t length;
    switch (column->type) {
    case PL_I64:
        if (!take_time(json, &time)) return pl__sheet_refuse(sheet, list, "a time like \"2026-11-23T06:00:00.25Z\"");
        return pl__sheet_int(sheet, list, time);
    case PL_F64:
        if (!take_f64(json, &value)) return pl__sheet_refuse(sheet, list, "a number or null");
        return pl__sheet_f64(sheet, list, value);
    case PL_NAME:
        if (!pl_json_string(json, &name, &length)) return pl__sheet_refuse(sheet, list, "a string");
        return pl__sheet_name(sheet, list, name, length);
    default:
        if (is_quality(column)) {
            if (!take_quality(json, &number)) return pl__sheet_refuse(sheet, list, "a quality like \"good\"");
        } else if (!take_uint(json, &number)) {
            return pl__sheet_refuse(sheet, list, "a natural number");
        }
        return pl__sheet_uint(sheet, list, number);
    }
}

static enum pl_code read_numbers(struct pl_sheet *sheet, int list, struct pl_json *json) {
    if (!pl_json_enter(json, '[')) return pl__sheet_refuse(sheet, list, "an array of numbers");
    while (pl_json_more(json, ']')) {
        double value;
        if (!take_f64(json, &value)) return pl__sheet_refuse(sheet, list, "an array of numbers");
        enum pl_code code = pl__sheet_elements(sheet, list, &value, 1);
        if (code) return code;
    }
    return json->failed ? pl__sheet_refuse(sheet, list, "an array of numbers") : PL_OK;
}

static enum pl_code read_body(struct pl_sheet *sheet, int list, struct pl_json *json) {
    if (pl_json_peek(json) == 'n') {
        return pl_json_word(json, "null") ? PL_OK : pl__sheet_refuse(sheet, list, "an object or null");
    }
    struct pl_buffer *body = &sheet->codec->text;
    pl_buffer_reset(body);
    if (pl_json_peek(json) != '{' || !pl_json_pack(json, body)) {
        return pl__sheet_refuse(sheet, list, "an object or null");
    }
    return pl__sheet_elements(sheet, list, body->data, body->size);
}

static enum pl_code read_heap_value(struct pl_sheet *sheet, int list, struct pl_json *json) {
    enum pl_code code;
    if (pl__sheet_info(sheet, list)->type == PL_F64) {
        code = read_numbers(sheet, list, json);
    } else if (sheet->wire.header.kind == PL_SETPOINTS) {
        const char *text;
        size_t length;
        if (!pl_json_string(json, &text, &length)) return pl__sheet_refuse(sheet, list, "a string");
        code = pl__sheet_elements(sheet, list, text, length);
    } else {
        code = read_body(sheet, list, json);
    }
    return code ? code : pl__sheet_row_end(sheet, list);
}

static enum pl_code read_list(struct pl_sheet *sheet, int list, struct pl_json *json) {
    enum pl_code code = pl__sheet_open(sheet, list);
    if (code) return code;
    bool heap = list >= sheet->info->columns;
    if (!pl_json_enter(json, '[')) return pl__sheet_refuse(sheet, list, "an array of values");
    while (pl_json_more(json, ']')) {
        code = heap ? read_heap_value(sheet, list, json) : read_value(sheet, list, json);
        if (code) return code;
    }
    return json->failed ? pl__sheet_refuse(sheet, list, "',' or ']'") : PL_OK;
}

static enum pl_code not_json(const struct pl_json *json, const char *start, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "one JSON object expected, found something else at byte %zu",
                        (size_t)(json->at - start));
}

static enum pl_code read_columns(struct pl_sheet *sheet, struct pl_json *json) {
    if (!pl_json_enter(json, '{')) return pl_error_set(sheet->error, PL_CORRUPT, "columns: an object expected");
    while (pl_json_more(json, '}')) {
        const char *name;
        size_t length;
        if (!pl_json_key(json, &name, &length)) break;
        int list = pl__sheet_list(sheet, name, length);
        if (list == PL_SHEET_UNKNOWN) {
            if (!pl_json_skip(json)) break;
            continue;
        }
        enum pl_code code = read_list(sheet, list, json);
        if (code) return code;
    }
    return json->failed ? pl_error_set(sheet->error, PL_CORRUPT, "columns: whole columns expected") : PL_OK;
}

/* What stands before or beside the columns. */
struct head {
    struct pl_batch_header header;
    struct pl_text source, model, kind;
    struct pl_json columns; /* where they begin; at NULL: not there */
};

static bool is_key(const char *key, size_t length, const char *name) {
    return strlen(name) == length && memcmp(key, name, length) == 0;
}

static enum pl_code read_uint(struct pl_json *json, const char *key, uint64_t most, uint64_t *value,
                              struct pl_error **error) {
    if (take_uint(json, value) && *value <= most) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "%s: a number from 0 to %llu expected", key, (unsigned long long)most);
}

static enum pl_code read_text(struct pl_json *json, const char *key, struct pl_text *text, struct pl_error **error) {
    size_t length;
    if (!pl_json_string(json, &text->at, &length)) return pl_error_set(error, PL_CORRUPT, "%s: a string expected", key);
    text->length = (uint32_t)length;
    return PL_OK;
}

static enum pl_code read_key(struct pl_json *json, const char *key, size_t length, struct head *head,
                             struct pl_error **error) {
    uint64_t number = 0;
    enum pl_code code = PL_OK;
    if (is_key(key, length, "kind")) return read_text(json, "kind", &head->kind, error);
    if (is_key(key, length, "source")) return read_text(json, "source", &head->source, error);
    if (is_key(key, length, "model")) return read_text(json, "model", &head->model, error);
    if (is_key(key, length, "partition")) {
        code = read_uint(json, "partition", UINT16_MAX, &number, error);
        if (!code) head->header.partition = (uint16_t)number;
    } else if (is_key(key, length, "generation")) {
        code = read_uint(json, "generation", UINT32_MAX, &number, error);
        if (!code) head->header.generation = (uint32_t)number;
    } else if (is_key(key, length, "sequence")) {
        code = read_uint(json, "sequence", UINT64_MAX, &head->header.first_sequence, error);
    } else if (is_key(key, length, "received")) {
        if (!take_time(json, &head->header.receive_time)) {
            code = pl_error_set(error, PL_CORRUPT, "received: a time like \"2026-11-23T06:00:00.25Z\" expected");
        }
    } else {
        if (is_key(key, length, "columns")) head->columns = *json;
        pl_json_skip(json);
    }
    return code;
}

static enum pl_code read_head(struct pl_json *json, struct head *head, struct pl_error **error) {
    const char *start = json->at, *key;
    size_t length;
    if (!pl_json_enter(json, '{')) return not_json(json, start, error);
    while (pl_json_more(json, '}') && pl_json_key(json, &key, &length)) {
        enum pl_code code = read_key(json, key, length, head, error);
        if (code) return code;
    }
    if (!pl_json_end(json)) return not_json(json, start, error);
    if (!head->kind.at) return pl_error_set(error, PL_CORRUPT, "kind: a string expected");
    if (!head->columns.at) return pl_error_set(error, PL_CORRUPT, "columns: an object expected");
    return PL_OK;
}

enum pl_code pl__json_decode(struct pl_codec *codec, const void *bytes, size_t size, struct pl_batch **batch,
                             struct pl_error **error) {
    char *unescaped = NULL;
    if (size && memchr(bytes, '\\', size)) {
        unescaped = pl__scratch(&codec->aligned, 2 * size); /* columns are gone over twice */
        if (!unescaped) return pl_error_set(error, PL_NO_MEMORY, "no memory for a message of %zu bytes", size);
    }
    struct pl_json json;
    struct head head = {.source = {"", 0}, .model = {"", 0}};
    enum pl_kind kind;
    struct pl_sheet sheet;
    pl_json_init(&json, bytes, size, unescaped);
    enum pl_code code = read_head(&json, &head, error);
    if (!code) code = pl__kind_find(head.kind.at, head.kind.length, &kind, error);
    if (!code) code = pl__sheet_begin(&sheet, codec, kind, error);
    if (code) return code;
    head.columns.unescaped = json.unescaped;
    head.header.version = sheet.wire.header.version;
    head.header.kind = sheet.wire.header.kind;
    sheet.wire.header = head.header;
    sheet.wire.source = head.source;
    sheet.wire.model = head.model;
    code = read_columns(&sheet, &head.columns);
    return code ? code : pl__sheet_batch(&sheet, batch);
}
