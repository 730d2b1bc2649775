#include <math.h>
#include <potline/pack.h>
#include <string.h>

#include "sheet.h"

/* {"kind": "samples", "source": "in", "partition": 0, "sequence": 4711, "received": 1700000000000000000,
 *  "generation": 0, "model": "CellModel 1.0 ..", "columns": {"time": [..], "tag": ["line1.pot07.voltage", ..], "value":
 * [..], "quality": [..]}}
 *
 * A heap is a column of values: positions and values are arrays of numbers, a reason is a string, a body a map or nil.
 * All numbers of a column are written in its width, so that one goes out in a few nanoseconds.
 */

/* ---- Writing ---- */

enum { HEAD = 5 /* of a string, an array, a map */, NUMBER = 9 };

static char *put_big(char *at, uint8_t type, uint64_t value, unsigned bytes) {
    uint64_t big = __builtin_bswap64(value << (64 - 8 * bytes));
    *at++ = (char)type;
    memcpy(at, &big, bytes);
    return at + bytes;
}

static char *put_str(char *at, const char *text, size_t length) {
    if (length < 32) {
        *at++ = (char)(0xA0 | length);
    } else {
        at = put_big(at, 0xDB, length, 4);
    }
    memcpy(at, text, length);
    return at + length;
}

static char *put_number(char *at, enum pl_type type, const void *column, uint32_t row) {
    switch (type) {
    case PL_I64: return put_big(at, 0xD3, ((const uint64_t *)column)[row], 8);
    case PL_U64: return put_big(at, 0xCF, ((const uint64_t *)column)[row], 8);
    case PL_F64: return put_big(at, 0xCB, ((const uint64_t *)column)[row], 8);
    case PL_U32: return put_big(at, 0xCE, ((const uint32_t *)column)[row], 4);
    default: return put_big(at, 0xCD, ((const uint16_t *)column)[row], 2);
    }
}

static void write_head(struct pl_buffer *out, uint8_t type, uint32_t count) {
    char *at = pl_buffer_reserve(out, HEAD);
    if (at) pl_buffer_commit(out, (size_t)(put_big(at, type, count, 4) - at));
}

static void write_array(struct pl_buffer *out, uint32_t count) {
    write_head(out, 0xDD, count);
}

static void write_str(struct pl_buffer *out, const char *text, size_t length) {
    char *at = pl_buffer_reserve(out, HEAD + length);
    if (at) pl_buffer_commit(out, (size_t)(put_str(at, text, length) - at));
}

static void write_numbers(struct pl_buffer *out, enum pl_type type, const void *column, uint32_t from, uint32_t to) {
    char *start = pl_buffer_reserve(out, (size_t)(to - from) * NUMBER), *at = start;
    if (!start) return;
    for (uint32_t i = from; i < to; i++)
        at = put_number(at, type, column, i);
    pl_buffer_commit(out, (size_t)(at - start));
}

static void write_names(struct pl_buffer *out, const struct pl_tags *tags, const uint32_t *ids, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++) {
        const struct pl_tag *tag = pl_tags_get(tags, ids[i]);
        write_str(out, tag->name, tag->length);
    }
}

static void write_heap(struct pl_buffer *out, const struct pl_batch *batch, unsigned heap) {
    for (uint32_t i = 0, start = 0, length; i < batch->rows; i++, start += length) {
        const void *elements = pl_batch_heap_row(batch, heap, i, &length);
        if (pl_kind_info[batch->kind].heap[heap].type == PL_F64) {
            write_array(out, length);
            write_numbers(out, PL_F64, batch->heap[heap], start, start + length);
        } else if (batch->kind == PL_SETPOINTS) {
            write_str(out, elements, length);
        } else {
            pl_buffer_put(out, length ? elements : "\xC0", length ? length : 1);
        }
    }
}

static void write_pair_uint(struct pl_buffer *out, const char *key, uint64_t value) {
    write_str(out, key, strlen(key));
    write_numbers(out, PL_U64, &value, 0, 1);
}

static void write_columns(struct pl_buffer *out, const struct pl_codec *codec, const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    write_head(out, 0xDF, info->columns + info->heaps - (info->heaps ? 1u : 0u));
    for (unsigned i = 0; i < info->columns; i++) {
        if (info->heaps && i == info->end) continue;
        write_str(out, info->column[i].name, strlen(info->column[i].name));
        write_array(out, batch->rows);
        if (info->column[i].type == PL_NAME) {
            write_names(out, codec->tags, batch->column[i], batch->rows);
        } else {
            write_numbers(out, info->column[i].type, batch->column[i], 0, batch->rows);
        }
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        write_str(out, info->heap[i].name, strlen(info->heap[i].name));
        write_array(out, batch->rows);
        write_heap(out, batch, i);
    }
}

enum pl_code pl__msgpack_encode(struct pl_codec *codec, const struct pl_batch *batch, const void **bytes, size_t *size,
                                struct pl_error **error) {
    const struct pl_tag *source = pl_tags_get(codec->tags, batch->source);
    const char *kind = pl_kind_info[batch->kind].name;
    struct pl_buffer *out = &codec->text;
    pl_buffer_reset(out);
    write_head(out, 0xDF, batch->model ? 8 : 7);
    write_str(out, "kind", 4);
    write_str(out, kind, strlen(kind));
    write_str(out, "source", 6);
    write_str(out, source->name, source->length);
    write_pair_uint(out, "partition", batch->header->partition);
    write_pair_uint(out, "sequence", batch->header->first_sequence);
    write_str(out, "received", 8);
    write_numbers(out, PL_I64, &batch->header->receive_time, 0, 1);
    write_pair_uint(out, "generation", batch->header->generation);
    if (batch->model) {
        const struct pl_tag *model = pl_tags_get(codec->tags, batch->model);
        write_str(out, "model", 5);
        write_str(out, model->name, model->length);
    }
    write_str(out, "columns", 7);
    write_columns(out, codec, batch);
    return pl__text_done(codec, bytes, size, error);
}

/* ---- Reading ---- */

static bool take_f64(struct pl_unpack *unpack, double *value) {
    if (unpack->at < unpack->end && *unpack->at == 0xC0) {
        *value = NAN;
        return pl_unpack_nil(unpack);
    }
    return pl_unpack_f64(unpack, value);
}

static enum pl_code read_value(struct pl_sheet *sheet, int list, struct pl_unpack *unpack) {
    union {
        int64_t i64;
        uint64_t u64;
        double f64;
        const char *text;
    } value;
    size_t length;
    switch (pl__sheet_info(sheet, list)->type) {
    case PL_I64:
        if (!pl_unpack_int(unpack, &value.i64)) return pl__sheet_refuse(sheet, list, "an integer of 64 bits");
        return pl__sheet_int(sheet, list, value.i64);
    case PL_F64:
        if (!take_f64(unpack, &value.f64)) return pl__sheet_refuse(sheet, list, "a number or nil");
        return pl__sheet_f64(sheet, list, value.f64);
    case PL_NAME:
        if (!pl_unpack_str(unpack, &value.text, &length)) return pl__sheet_refuse(sheet, list, "a string");
        return pl__sheet_name(sheet, list, value.text, length);
    default:
        if (!pl_unpack_uint(unpack, &value.u64)) return pl__sheet_refuse(sheet, list, "a natural number");
        return pl__sheet_uint(sheet, list, value.u64);
    }
}

static enum pl_code read_numbers(struct pl_sheet *sheet, int list, struct pl_unpack *unpack) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count)) return pl__sheet_refuse(sheet, list, "an array of numbers");
    for (uint32_t i = 0; i < count; i++) {
        double value;
        if (!take_f64(unpack, &value)) return pl__sheet_refuse(sheet, list, "an array of numbers");
        enum pl_code code = pl__sheet_elements(sheet, list, &value, 1);
        if (code) return code;
    }
    return PL_OK;
}

/* A value of a heap: a reason as text, a body as the bytes of its map. */
static enum pl_code read_heap_value(struct pl_sheet *sheet, int list, struct pl_unpack *unpack) {
    enum pl_code code;
    if (pl__sheet_info(sheet, list)->type == PL_F64) {
        code = read_numbers(sheet, list, unpack);
    } else if (sheet->wire.header.kind == PL_SETPOINTS) {
        const char *text;
        size_t length;
        if (!pl_unpack_str(unpack, &text, &length)) return pl__sheet_refuse(sheet, list, "a string");
        code = pl__sheet_elements(sheet, list, text, length);
    } else {
        const uint8_t *start = unpack->at;
        if (!pl_unpack_skip(unpack)) return pl__sheet_refuse(sheet, list, "a map or nil");
        size_t length = *start == 0xC0 ? 0 : (size_t)(unpack->at - start);
        code = pl__sheet_elements(sheet, list, start, length);
    }
    return code ? code : pl__sheet_row_end(sheet, list);
}

static enum pl_code read_list(struct pl_sheet *sheet, int list, struct pl_unpack *unpack) {
    uint32_t count;
    enum pl_code code = pl__sheet_open(sheet, list);
    if (!code && !pl_unpack_array(unpack, &count)) code = pl__sheet_refuse(sheet, list, "an array of values");
    bool heap = list >= sheet->info->columns;
    for (uint32_t i = 0; !code && i < count; i++) {
        code = heap ? read_heap_value(sheet, list, unpack) : read_value(sheet, list, unpack);
    }
    return code;
}

static enum pl_code read_columns(struct pl_sheet *sheet, struct pl_unpack *unpack) {
    uint32_t count;
    if (!pl_unpack_map(unpack, &count)) return pl_error_set(sheet->error, PL_CORRUPT, "a map of columns expected");
    for (uint32_t i = 0; i < count; i++) {
        const char *key;
        size_t length;
        if (!pl_unpack_str(unpack, &key, &length)) {
            return pl_error_set(sheet->error, PL_CORRUPT, "the name of a column expected");
        }
        int list = pl__sheet_list(sheet, key, length);
        if (list == PL_SHEET_UNKNOWN) {
            if (!pl_unpack_skip(unpack)) return pl_error_set(sheet->error, PL_CORRUPT, "whole columns expected");
            continue;
        }
        enum pl_code code = read_list(sheet, list, unpack);
        if (code) return code;
    }
    return PL_OK;
}

/* Where the values of the map's keys begin; NULL for those that are not there. */
enum key { KIND, SOURCE, PARTITION, SEQUENCE, RECEIVED, GENERATION, MODEL, COLUMNS, KEYS };
static const char *const key_names[KEYS] = {"kind",     "source",     "partition", "sequence",
                                            "received", "generation", "model",     "columns"};

static bool find_keys(const void *bytes, size_t size, struct pl_unpack values[KEYS]) {
    struct pl_unpack unpack;
    uint32_t count;
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_map(&unpack, &count)) return false;
    for (uint32_t i = 0; i < count; i++) {
        const char *key;
        size_t length;
        if (!pl_unpack_str(&unpack, &key, &length)) return false;
        struct pl_unpack value = unpack;
        if (!pl_unpack_skip(&unpack)) return false;
        value.end = unpack.at;
        for (unsigned k = 0; k < KEYS; k++) {
            if (strlen(key_names[k]) == length && memcmp(key_names[k], key, length) == 0) values[k] = value;
        }
    }
    return unpack.at == unpack.end;
}

static enum pl_code read_uint(struct pl_unpack *unpack, enum key key, uint64_t most, uint64_t *value,
                              struct pl_error **error) {
    *value = 0;
    if (!unpack->at) return PL_OK;
    if (pl_unpack_uint(unpack, value) && *value <= most) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "%s: a number from 0 to %llu expected", key_names[key],
                        (unsigned long long)most);
}

static enum pl_code read_text(struct pl_unpack *unpack, enum key key, struct pl_text *text, struct pl_error **error) {
    size_t length = 0;
    if (unpack->at && !pl_unpack_str(unpack, &text->at, &length))
        return pl_error_set(error, PL_CORRUPT, "%s: a string expected", key_names[key]);
    text->length = (uint32_t)length;
    return PL_OK;
}

static enum pl_code read_header(struct pl_sheet *sheet, struct pl_unpack values[KEYS]) {
    struct pl_batch_header *header = &sheet->wire.header;
    uint64_t partition = 0, generation = 0;
    enum pl_code code = read_uint(&values[PARTITION], PARTITION, UINT16_MAX, &partition, sheet->error);
    if (!code) code = read_uint(&values[SEQUENCE], SEQUENCE, UINT64_MAX, &header->first_sequence, sheet->error);
    if (!code) code = read_uint(&values[GENERATION], GENERATION, UINT32_MAX, &generation, sheet->error);
    if (code) return code;
    header->partition = (uint16_t)partition;
    header->generation = (uint32_t)generation;
    if (values[RECEIVED].at && !pl_unpack_int(&values[RECEIVED], &header->receive_time)) {
        return pl_error_set(sheet->error, PL_CORRUPT, "received: nanoseconds as an integer expected");
    }
    code = read_text(&values[SOURCE], SOURCE, &sheet->wire.source, sheet->error);
    return code ? code : read_text(&values[MODEL], MODEL, &sheet->wire.model, sheet->error);
}

enum pl_code pl__msgpack_decode(struct pl_codec *codec, const void *bytes, size_t size, struct pl_batch **batch,
                                struct pl_error **error) {
    struct pl_unpack values[KEYS] = {{.at = NULL}};
    if (!find_keys(bytes, size, values)) return pl_error_set(error, PL_CORRUPT, "one msgpack map expected");
    const char *name;
    size_t length;
    enum pl_kind kind;
    if (!values[KIND].at || !pl_unpack_str(&values[KIND], &name, &length)) {
        return pl_error_set(error, PL_CORRUPT, "kind: a string expected");
    }
    struct pl_sheet sheet;
    enum pl_code code = pl__kind_find(name, length, &kind, error);
    if (!code) code = pl__sheet_begin(&sheet, codec, kind, error);
    if (!code) code = read_header(&sheet, values);
    if (!code && !values[COLUMNS].at) code = pl_error_set(error, PL_CORRUPT, "columns: a map expected");
    if (!code) code = read_columns(&sheet, &values[COLUMNS]);
    return code ? code : pl__sheet_batch(&sheet, batch);
}
