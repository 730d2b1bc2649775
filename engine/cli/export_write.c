#include "export_write.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/pack.h>
#include <potline/quality.h>
#include <potline/row.h>
#include <potline/text.h>

enum { NUMBER_ROOM = PL_TEXT_TIME_MAX + 4, QUALITY_ROOM = 160 };

/* ---- Values ---- */

/* RFC 4180: quoted where a comma, a quote or a line's end is in it. */
static void put_text(struct pl_buffer *out, const char *text, size_t length) {
    bool plain = true;
    for (size_t i = 0; i < length; i++)
        plain &= text[i] != ',' && text[i] != '"' && text[i] != '\n' && text[i] != '\r';
    if (plain) {
        pl_buffer_put(out, text, length);
        return;
    }
    pl_buffer_putc(out, '"');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') pl_buffer_putc(out, '"');
        pl_buffer_putc(out, text[i]);
    }
    pl_buffer_putc(out, '"');
}

static char *put_u64(char *at, uint64_t value) {
    if (value > INT64_MAX) at = pl_text_put_int(at, (int64_t)(value / 10));
    return pl_text_put_int(at, (int64_t)(value > INT64_MAX ? value % 10 : value));
}

static char *put_time(const struct pl__export_format *format, char *at, pl_time time) {
    return format->rfc3339 ? pl_text_put_time(at, time) : pl_text_put_int(at, time);
}

static void put_number(const struct pl__export_format *format, enum pl_type type, const void *column, uint32_t row,
                       struct pl_buffer *out) {
    char *start = pl_buffer_reserve(out, NUMBER_ROOM), *at = start;
    if (!start) return;
    switch (type) {
    case PL_I64: at = put_time(format, at, ((const pl_time *)column)[row]); break;
    case PL_U64: at = put_u64(at, ((const uint64_t *)column)[row]); break;
    case PL_F64: at = pl_text_put_f64(at, ((const double *)column)[row]); break;
    case PL_U32: at = pl_text_put_int(at, ((const uint32_t *)column)[row]); break;
    default: at = pl_text_put_int(at, ((const uint16_t *)column)[row]); break;
    }
    pl_buffer_commit(out, (size_t)(at - start));
}

static bool is_quality(const struct pl_column_info *column) {
    return column->type == PL_U16 && strcmp(column->name, "quality") == 0;
}

static void put_value(const struct pl__export_format *format, const struct pl_column_info *info, const void *column,
                      uint32_t row, struct pl_buffer *out) {
    if (info->type == PL_NAME) {
        const struct pl_tag *tag = pl_tags_get(format->tags, ((const uint32_t *)column)[row]);
        put_text(out, tag->name, tag->length);
    } else if (is_quality(info)) {
        char text[QUALITY_ROOM];
        size_t length = pl_quality_format(((const uint16_t *)column)[row], text, sizeof text);
        put_text(out, text, length);
    } else {
        put_number(format, info->type, column, row, out);
    }
}

/* ---- What a row has in a heap ---- */

/* An array of JSON in a field of CSV. */
static void put_numbers(const double *values, uint32_t length, struct pl_buffer *out) {
    pl_buffer_puts(out, "\"[");
    for (uint32_t i = 0; i < length; i++) {
        char text[NUMBER_ROOM];
        char *end = pl_json_put_f64(text, values[i], true);
        if (i) pl_buffer_putc(out, ',');
        for (const char *at = text; at < end; at++) {
            if (*at == '"') pl_buffer_putc(out, '"');
            pl_buffer_putc(out, *at);
        }
    }
    pl_buffer_puts(out, "]\"");
}

static void put_body(const void *body, uint32_t length, struct pl_buffer *out) {
    char *json = length ? pl_pack_json(body, length) : pl_strdup("");
    if (json)
        put_text(out, json, strlen(json));
    else
        out->failed = true; /* a body is checked when it comes in, so it was memory */
    pl_free(json);
}

static void put_heap(const struct pl_batch *batch, unsigned heap, uint32_t row, struct pl_buffer *out) {
    uint32_t length;
    const void *elements = pl_batch_heap_row(batch, heap, row, &length);
    if (pl_kind_info[batch->kind].heap[heap].type == PL_F64)
        put_numbers(elements, length, out);
    else if (batch->kind == PL_EVENTS)
        put_body(elements, length, out);
    else
        put_text(out, elements, length);
}

/* ---- Rows ---- */

static bool is_shown(const struct pl_kind_info *info, unsigned column) {
    return !info->heaps || column != info->end;
}

static void put_name(const struct pl__export_format *format, const struct pl_column_info *column,
                     struct pl_buffer *out) {
    pl_buffer_puts(out, column->name);
    if (column->type == PL_I64 && !format->rfc3339) pl_buffer_puts(out, "_ns");
}

void pl__export_header(const struct pl__export_format *format, enum pl_kind kind, struct pl_buffer *out) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    for (unsigned i = 0; i < info->columns; i++) {
        if (!is_shown(info, i)) continue;
        put_name(format, &info->column[i], out);
        pl_buffer_putc(out, ',');
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        put_name(format, &info->heap[i], out);
        pl_buffer_putc(out, ',');
    }
    pl_buffer_puts(out, format->sequences ? "node,partition,sequence\n" : "node\n");
}

static void put_sequence(const struct pl__export_part *part, uint32_t row, struct pl_buffer *out) {
    char text[NUMBER_ROOM];
    pl_buffer_put(out, text, (size_t)(put_u64(text, part->sequence + row) - text));
}

static void put_csv(const struct pl__export_format *format, const struct pl__export_part *part, uint32_t row,
                    struct pl_buffer *out) {
    const struct pl_batch *batch = part->batch;
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    for (unsigned i = 0; i < info->columns; i++) {
        if (!is_shown(info, i)) continue;
        put_value(format, &info->column[i], batch->column[i], row, out);
        pl_buffer_putc(out, ',');
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        put_heap(batch, i, row, out);
        pl_buffer_putc(out, ',');
    }
    put_text(out, part->node, strlen(part->node));
    if (format->sequences) {
        pl_buffer_printf(out, ",%u,", part->partition);
        put_sequence(part, row, out);
    }
    pl_buffer_putc(out, '\n');
}

static void put_json(const struct pl__export_format *format, const struct pl__export_part *part, uint32_t row,
                     struct pl_buffer *out) {
    const struct pl_row_form form = {.nanoseconds = !format->rfc3339, .infinities = true};
    size_t length = strlen(part->node);
    char *start = pl_buffer_reserve(out, pl_row_room(part->batch, row) + PL_JSON_STRING_ROOM(length) + NUMBER_ROOM);
    if (!start) return;
    *start = '{';
    char *at = pl_row_put(start + 1, &form, format->tags, part->batch, row);
    if (!at) {
        out->failed = true;
        return;
    }
    at = pl_json_put_string((char *)memcpy(at, ",\"node\":", 8) + 8, part->node, length);
    pl_buffer_commit(out, (size_t)(at - start));
    if (format->sequences) {
        pl_buffer_printf(out, ",\"partition\":%u,\"sequence\":", part->partition);
        put_sequence(part, row, out);
    }
    pl_buffer_puts(out, "}\n");
}

void pl__export_row(const struct pl__export_format *format, const struct pl__export_part *part, uint32_t row,
                    struct pl_buffer *out) {
    if (format->json)
        put_json(format, part, row, out);
    else
        put_csv(format, part, row, out);
}
