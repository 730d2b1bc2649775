#include <potline/row.h>

#include <string.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/pack.h>
#include <potline/quality.h>
#include <potline/text.h>

enum {
    NAME_ROOM = PL_JSON_STRING_ROOM(PL_NAME_MAX),
    COLUMN_ROOM = 224, /* the name of a column, and any value that is no name: a quality is the longest */
    BODY_MORE = 64,    /* for a body, and PL_ROW_BODY_GROWTH for each byte of its msgpack */
};

static char *put(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static char *put_id(char *at, uint64_t value) {
    *at++ = '"';
    if (value > INT64_MAX) at = pl_text_put_int(at, (int64_t)(value / 10));
    at = pl_text_put_int(at, (int64_t)(value > INT64_MAX ? value % 10 : value));
    *at++ = '"';
    return at;
}

static char *put_time(char *at, const struct pl_row_form *form, pl_time time) {
    if (form->nanoseconds) return pl_text_put_int(at, time);
    *at++ = '"';
    at = pl_text_put_time(at, time);
    *at++ = '"';
    return at;
}

static char *put_quality(char *at, uint16_t quality) {
    *at++ = '"';
    at += pl_quality_format(quality, at, 160);
    *at++ = '"';
    return at;
}

static char *put_value(char *at, const struct pl_row_form *form, const struct pl_tags *tags,
                       const struct pl_column_info *info, const void *column, uint32_t row) {
    switch (info->type) {
    case PL_I64: return put_time(at, form, ((const pl_time *)column)[row]);
    case PL_U64: return put_id(at, ((const uint64_t *)column)[row]);
    case PL_F64: return pl_json_put_f64(at, ((const double *)column)[row], form->infinities);
    case PL_U32: return pl_text_put_int(at, ((const uint32_t *)column)[row]);
    case PL_NAME: {
        const struct pl_tag *tag = pl_tags_get(tags, ((const uint32_t *)column)[row]);
        return pl_json_put_string(at, tag->name, tag->length);
    }
    default: break;
    }
    uint16_t number = ((const uint16_t *)column)[row];
    return strcmp(info->name, "quality") == 0 ? put_quality(at, number) : pl_text_put_int(at, number);
}

static char *put_key(char *at, const struct pl_row_form *form, const struct pl_column_info *column) {
    *at++ = ',';
    *at++ = '"';
    at = put(at, column->name);
    if (column->type == PL_I64 && form->nanoseconds) at = put(at, "_ns");
    return put(at, "\":");
}

/* ---- What a row has in a heap ---- */

static char *put_numbers(char *at, const struct pl_row_form *form, const double *values, uint32_t length) {
    *at++ = '[';
    for (uint32_t i = 0; i < length; i++) {
        if (i) *at++ = ',';
        at = pl_json_put_f64(at, values[i], form->infinities);
    }
    *at++ = ']';
    return at;
}

static char *put_body(char *at, const void *body, uint32_t length) {
    if (length == 0) return put(at, "null");
    char *json = pl_pack_json(body, length); /* a body is checked when it comes in, so NULL is memory */
    if (!json) return NULL;
    at = strlen(json) <= PL_ROW_BODY_GROWTH * (size_t)length + BODY_MORE ? put(at, json) : NULL;
    pl_free(json);
    return at;
}

static char *put_heap(char *at, const struct pl_row_form *form, const struct pl_batch *batch, unsigned heap,
                      uint32_t row) {
    uint32_t length;
    const void *elements = pl_batch_heap_row(batch, heap, row, &length);
    if (pl_kind_info[batch->kind].heap[heap].type == PL_F64) return put_numbers(at, form, elements, length);
    if (batch->kind == PL_EVENTS) return put_body(at, elements, length);
    return pl_json_put_string(at, elements, length);
}

/* ---- Rows ---- */

size_t pl_row_room(const struct pl_batch *batch, uint32_t row) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    size_t room = COLUMN_ROOM;
    for (unsigned i = 0; i < info->columns; i++)
        room += COLUMN_ROOM + (info->column[i].type == PL_NAME ? NAME_ROOM : 0);
    for (unsigned i = 0; i < info->heaps; i++) {
        uint32_t length;
        pl_batch_heap_row(batch, i, row, &length);
        size_t growth = info->heap[i].type == PL_F64 ? PL_TEXT_F64_MAX + 1 : PL_ROW_BODY_GROWTH;
        room += COLUMN_ROOM + BODY_MORE + growth * length;
    }
    return room;
}

char *pl_row_put(char *at, const struct pl_row_form *form, const struct pl_tags *tags, const struct pl_batch *batch,
                 uint32_t row) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    const unsigned columns =
        info->heaps ? info->end : info->columns; /* the last one of a kind with heaps counts them */
    at = put(put(put(at, "\"type\":\""), info->name), "\"");
    for (unsigned i = 0; i < columns; i++)
        at = put_value(put_key(at, form, &info->column[i]), form, tags, &info->column[i], batch->column[i], row);
    for (unsigned i = 0; at && i < info->heaps; i++)
        at = put_heap(put_key(at, form, &info->heap[i]), form, batch, i, row);
    return at;
}
