#include "row.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/quality.h>
#include <potline/text.h>

enum {
    QUALITY_ROOM = 160,
    FIELD_ROOM = QUALITY_ROOM + 2, /* of a number, a time, a quality: the longest, and what stands behind it */
    BYTE_ROOM = 3,                 /* of a byte of text: escaped, or U+FFFD */
    NUMBER_ROOM = PL_TEXT_F64_MAX + 1,
};

static bool make_room(struct pl__pg_text *text, size_t more) {
    if (text->room - text->size >= more) return true;
    size_t room = text->room ? text->room : 4096;
    while (room - text->size < more)
        room *= 2;
    char *grown = pl_realloc(text->bytes, room);
    if (!grown) return false;
    text->bytes = grown;
    text->room = room;
    return true;
}

/* ---- Text ---- */

/* The length of the character at `at` as UTF-8 has it: no overlong forms, no surrogates, nothing past U+10FFFF; 0: it
 * is none. */
static unsigned character(const unsigned char *at, size_t left) {
    if (at[0] < 0x80) return at[0] != 0;
    unsigned length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    static const unsigned char first[] = {0xC2, 0xE0, 0xF0}, last[] = {0xDF, 0xEF, 0xF4};
    if (at[0] < first[length - 2] || at[0] > last[length - 2] || left < length) return 0;
    for (unsigned i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    bool overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool beyond = (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF4 && at[1] > 0x8F);
    return overlong || beyond ? 0 : length;
}

static char *put_ascii(char *at, char c) {
    const char *escape = c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
    if (!escape) {
        *at++ = c;
        return at;
    }
    memcpy(at, escape, 2);
    return at + 2;
}

static char *put_text(char *at, const char *bytes, size_t length) {
    for (size_t i = 0; i < length;) {
        unsigned n = character((const unsigned char *)bytes + i, length - i);
        if (n == 1) {
            at = put_ascii(at, bytes[i]);
        } else {
            memcpy(at, n ? bytes + i : "\xEF\xBF\xBD", n ? n : 3);
            at += n ? n : 3;
        }
        i += n ? n : 1;
    }
    return at;
}

/* jsonb has no character 0. */
static void replace_zeros(char *json) {
    for (char *at = json; (at = strchr(at, '\\')); at += 2)
        if (strncmp(at, "\\u0000", 6) == 0) memcpy(at, "\\ufffd", 6);
}

/* ---- Numbers and times ---- */

static char *put_null(char *at) {
    memcpy(at, "\\N", 2);
    return at + 2;
}

static char *put_number(char *at, double value, const char *null) {
    if (isfinite(value)) return pl_text_put_f64(at, value);
    const char *word = isnan(value) ? null : value > 0 ? "Infinity" : "-Infinity";
    size_t length = strlen(word);
    memcpy(at, word, length);
    return at + length;
}

static char *put_time(char *at, pl_time time, bool nanoseconds) {
    if (nanoseconds) return pl_text_put_int(at, time);
    pl_time rest = time % PL_MICROSECOND;
    if (rest < 0) rest += PL_MICROSECOND;
    return pl_text_put_time(at, time < PL_TIME_MIN + PL_MICROSECOND ? time : time - rest);
}

static char *put_unsigned(char *at, uint64_t value) {
    char digits[20];
    size_t n = sizeof digits;
    do
        digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    memcpy(at, digits + n, sizeof digits - n);
    return at + sizeof digits - n;
}

/* ---- Columns ---- */

static bool put_name(struct pl__pg_text *text, const struct pl_tags *tags, uint32_t id) {
    const struct pl_tag *tag = pl_tags_get(tags, id);
    if (!make_room(text, BYTE_ROOM * (size_t)tag->length + 1)) return false;
    text->size = (size_t)(put_text(text->bytes + text->size, tag->name, tag->length) - text->bytes);
    return true;
}

static bool put_column(struct pl__pg_text *text, const struct pl__pg_shape *shape, const struct pl_tags *tags,
                       const struct pl_batch *batch, unsigned column, uint32_t row) {
    const struct pl_column_info *info = &pl_kind_info[batch->kind].column[column];
    const void *of = (const char *)batch->column[column] + (size_t)row * pl_type_size(info->type);
    if (info->type == PL_NAME) return put_name(text, tags, *(const uint32_t *)of);
    if (!make_room(text, FIELD_ROOM)) return false;
    char *at = text->bytes + text->size;
    switch (info->type) {
    case PL_I64: at = put_time(at, *(const pl_time *)of, shape->nanoseconds); break;
    case PL_U64: at = put_unsigned(at, *(const uint64_t *)of); break;
    case PL_F64: at = put_number(at, *(const double *)of, "\\N"); break;
    case PL_U32: at = put_unsigned(at, *(const uint32_t *)of); break;
    case PL_U16:
        if (strcmp(info->name, "quality") == 0)
            at += pl_quality_format(*(const uint16_t *)of, at, QUALITY_ROOM);
        else
            at = put_unsigned(at, *(const uint16_t *)of);
        break;
    case PL_BYTE:
    case PL_NAME: break; /* the one is no column, the other is done */
    }
    text->size = (size_t)(at - text->bytes);
    return true;
}

static bool put_numbers(struct pl__pg_text *text, const double *values, uint32_t count) {
    if (!make_room(text, NUMBER_ROOM * (size_t)count + 3)) return false;
    char *at = text->bytes + text->size;
    *at++ = '{';
    for (uint32_t i = 0; i < count; i++) {
        if (i) *at++ = ',';
        at = put_number(at, values[i], "NULL");
    }
    *at++ = '}';
    text->size = (size_t)(at - text->bytes);
    return true;
}

/* A body that is none, or none at all, is NULL. */
static bool put_body(struct pl__pg_text *text, const void *bytes, uint32_t size) {
    char *json = size ? pl_pack_json(bytes, size) : NULL;
    if (json) replace_zeros(json);
    size_t length = json ? strlen(json) : 0;
    bool good = make_room(text, BYTE_ROOM * length + 3);
    if (good) {
        char *at = text->bytes + text->size;
        at = json ? put_text(at, json, length) : put_null(at);
        text->size = (size_t)(at - text->bytes);
    }
    pl_free(json);
    return good;
}

static bool put_heap(struct pl__pg_text *text, const struct pl_batch *batch, unsigned heap, uint32_t row) {
    uint32_t length;
    const void *elements = pl_batch_heap_row(batch, heap, row, &length);
    if (pl_kind_info[batch->kind].heap[heap].type == PL_F64) return put_numbers(text, elements, length);
    if (batch->kind == PL_EVENTS) return put_body(text, elements, length);
    if (!make_room(text, BYTE_ROOM * (size_t)length + 1)) return false;
    text->size = (size_t)(put_text(text->bytes + text->size, elements, length) - text->bytes);
    return true;
}

bool pl__pg_row_put(struct pl__pg_text *text, const struct pl__pg_shape *shape, const struct pl_tags *tags,
                    const struct pl_batch *batch, uint32_t row) {
    size_t before = text->size;
    unsigned columns = pl_kind_info[batch->kind].columns;
    for (unsigned i = 0; i < shape->count; i++) {
        unsigned column = shape->column[i];
        bool good = column < columns ? put_column(text, shape, tags, batch, column, row)
                                     : put_heap(text, batch, column - columns, row);
        if (!good || !make_room(text, 1)) {
            text->size = before;
            return false;
        }
        text->bytes[text->size++] = i + 1 < shape->count ? '\t' : '\n';
    }
    return true;
}
