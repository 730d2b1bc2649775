/* avro_write.c: rows of each kind as records, and the schema that says so. */
#include "avro.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/quality.h>
#include <potline/row.h>
#include <potline/text.h>

enum {
    SCHEMA_ROOM = 2048,
    QUALITY_ROOM = 160,
};

/* The columns that are fields: the last one of a kind with heaps counts them. */
static unsigned fields_of(const struct pl_kind_info *info) {
    return info->heaps ? info->end : info->columns;
}

static bool is_quality(const struct pl_column_info *column) {
    return strcmp(column->name, "quality") == 0;
}

/* ---- The schema ---- */

static const char *type_of(const struct pl_column_info *column) {
    switch (column->type) {
    case PL_I64: return "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}";
    case PL_F64: return "\"double\"";
    case PL_U32: return "\"long\"";
    case PL_U16: return is_quality(column) ? "\"string\"" : "\"int\"";
    default: return "\"string\"";
    }
}

char *pl__avro_schema_of(enum pl_kind kind) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    char *text = pl_alloc(SCHEMA_ROOM);
    size_t size = 0;
    if (!text) return NULL;
    size += (size_t)snprintf(text, SCHEMA_ROOM,
                             "{\"type\":\"record\",\"name\":\"%s\",\"namespace\":\"potline\",\"fields\":[", info->name);
    for (unsigned i = 0; i < fields_of(info); i++)
        size += (size_t)snprintf(text + size, SCHEMA_ROOM - size, "%s{\"name\":\"%s\",\"type\":%s}", i ? "," : "",
                                 info->column[i].name, type_of(&info->column[i]));
    for (unsigned i = 0; i < info->heaps; i++)
        size +=
            (size_t)snprintf(text + size, SCHEMA_ROOM - size, ",{\"name\":\"%s\",\"type\":%s}", info->heap[i].name,
                             info->heap[i].type == PL_F64 ? "{\"type\":\"array\",\"items\":\"double\"}" : "\"string\"");
    snprintf(text + size, SCHEMA_ROOM - size, "]}");
    return text;
}

/* ---- Rows ---- */

static char *put_long(char *at, int64_t value) {
    uint64_t bits = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
    for (; bits > 0x7f; bits >>= 7)
        *at++ = (char)(bits | 0x80);
    *at++ = (char)bits;
    return at;
}

static char *put_double(char *at, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (unsigned i = 0; i < sizeof bits; i++)
        *at++ = (char)(bits >> 8 * i);
    return at;
}

static char *put_string(char *at, const char *text, size_t length) {
    at = put_long(at, (int64_t)length);
    if (length) memcpy(at, text, length);
    return at + length;
}

static char *put_id(char *at, uint64_t id) {
    char text[24];
    int length = snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    return put_string(at, text, (size_t)length);
}

static char *put_u16(char *at, const struct pl_column_info *column, uint16_t value) {
    char text[QUALITY_ROOM];
    if (!is_quality(column)) return put_long(at, value);
    size_t length = pl_quality_format(value, text, sizeof text);
    return put_string(at, text, length);
}

static char *put_column(char *at, const struct pl_tags *tags, const struct pl_column_info *info, const void *column,
                        uint32_t row) {
    switch (info->type) {
    case PL_I64: return put_long(at, ((const pl_time *)column)[row]);
    case PL_U64: return put_id(at, ((const uint64_t *)column)[row]);
    case PL_F64: return put_double(at, ((const double *)column)[row]);
    case PL_U32: return put_long(at, ((const uint32_t *)column)[row]);
    case PL_NAME: {
        const struct pl_tag *tag = pl_tags_get(tags, ((const uint32_t *)column)[row]);
        return put_string(at, tag->name, tag->length);
    }
    default: return put_u16(at, info, ((const uint16_t *)column)[row]);
    }
}

static char *put_numbers(char *at, const double *values, uint32_t length) {
    if (length) at = put_long(at, length);
    for (uint32_t i = 0; i < length; i++)
        at = put_double(at, values[i]);
    return put_long(at, 0);
}

/* The body of an event is text of JSON: its fields are the event's own. */
static char *put_body(char *at, const void *body, uint32_t length) {
    char *json = length ? pl_pack_json(body, length) : NULL;
    size_t size = json ? strlen(json) : 0;
    bool fits = json && size <= PL_ROW_BODY_GROWTH * (size_t)length;
    if (!length || fits) at = put_string(at, json, size);
    pl_free(json);
    return !length || fits ? at : NULL;
}

static char *put_heap(char *at, const struct pl_batch *batch, unsigned heap, uint32_t row) {
    uint32_t length;
    const void *elements = pl_batch_heap_row(batch, heap, row, &length);
    if (pl_kind_info[batch->kind].heap[heap].type == PL_F64) return put_numbers(at, elements, length);
    return batch->kind == PL_EVENTS ? put_body(at, elements, length) : put_string(at, elements, length);
}

char *pl__avro_put_row(char *at, const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    for (unsigned i = 0; i < fields_of(info); i++)
        at = put_column(at, tags, &info->column[i], batch->column[i], row);
    for (unsigned i = 0; at && i < info->heaps; i++)
        at = put_heap(at, batch, i, row);
    return at;
}
