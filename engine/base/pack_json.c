/* msgpack as JSON text. */
#include <potline/pack.h>

#include <math.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/buffer.h"
#include "base/decimal.h"
#include "base/unpack.h"
#include "base/utf8.h"

/* A value of one byte becomes at most six characters and a comma or two; this is far beyond what a message may be. */
#define JSON_LIMIT ((size_t)2 << 30)

static bool put_string(struct pl_buffer *json, const uint8_t *text, size_t length) {
    char *at = pl_buffer_reserve(json, PL_JSON_GROWTH * length + 2);
    if (!at) return false;
    char *to = at;
    *to++ = '"';
    to = pl_json_escape(to, (const char *)text, length);
    *to++ = '"';
    pl_buffer_commit(json, (size_t)(to - at));
    return true;
}

/* Base64 as RFC 4648 section 4 has it, padded. */
static bool put_base64(struct pl_buffer *json, const uint8_t *bytes, size_t size) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = pl_buffer_reserve(json, (size + 2) / 3 * 4 + 2);
    if (!at) return false;
    char *to = at;
    *to++ = '"';
    for (size_t i = 0; i < size; i += 3) {
        unsigned have = size - i < 3 ? (unsigned)(size - i) : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (have > 1) group |= (uint32_t)bytes[i + 1] << 8;
        if (have > 2) group |= bytes[i + 2];
        for (unsigned k = 0; k < 4; k++)
            *to++ = k <= have ? letters[group >> (18 - 6 * k) & 63] : '=';
    }
    *to++ = '"';
    pl_buffer_commit(json, (size_t)(to - at));
    return true;
}

static bool put_f64(struct pl_buffer *json, double value) {
    if (!isfinite(value)) return pl_buffer_puts(json, "null");
    char text[PL_TEXT_F64_MAX];
    return pl_buffer_put(json, text, (size_t)(pl_text_put_f64(text, value) - text));
}

static bool put_integer(struct pl_buffer *json, const struct pl__value *value) {
    char text[32];
    if (value->type == PL__UINT)
        return pl_buffer_put(json, text, (size_t)(pl__put_unsigned(text, value->number) - text));
    return pl_buffer_put(json, text, (size_t)(pl_text_put_int(text, (int64_t)value->number) - text));
}

static bool put_scalar(struct pl_buffer *json, const struct pl__value *value) {
    switch (value->type) {
    case PL__NIL: return pl_buffer_puts(json, "null");
    case PL__BOOL: return pl_buffer_puts(json, value->number ? "true" : "false");
    case PL__UINT:
    case PL__INT: return put_integer(json, value);
    case PL__F32:
    case PL__F64: return put_f64(json, pl__value_f64(value));
    case PL__STR: return put_string(json, value->bytes, value->number);
    case PL__BIN:
    case PL__EXT: return put_base64(json, value->bytes, value->number);
    default: return false;
    }
}

/* JSON knows only strings as keys: what is written without quotes gets some. */
static bool put_key(struct pl_buffer *json, struct pl_unpack *unpack) {
    struct pl__value key;
    if (!pl__unpack_value(unpack, &key)) return false;
    bool bare = key.type < PL__STR;
    return (!bare || pl_buffer_putc(json, '"')) && put_scalar(json, &key) && (!bare || pl_buffer_putc(json, '"')) &&
           pl_buffer_putc(json, ':');
}

static bool put_value(struct pl_buffer *json, struct pl_unpack *unpack, unsigned depth) {
    struct pl__value value;
    if (!pl__unpack_value(unpack, &value)) return false;
    bool map = value.type == PL__MAP;
    if (!map && value.type != PL__ARRAY) return put_scalar(json, &value);
    if (depth == PL__PACK_DEPTH || !pl_buffer_putc(json, map ? '{' : '[')) return false;
    for (uint64_t i = 0; i < value.number; i++) {
        if (i && !pl_buffer_putc(json, ',')) return false;
        if (map && !put_key(json, unpack)) return false;
        if (!put_value(json, unpack, depth + 1)) return false;
    }
    return pl_buffer_putc(json, map ? '}' : ']');
}

char *pl_pack_json(const void *bytes, size_t size) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, bytes, size);
    struct pl_buffer json;
    pl_buffer_init(&json, JSON_LIMIT);
    char *text = put_value(&json, &unpack, 0) && unpack.at == unpack.end ? pl_buffer_take(&json) : NULL;
    pl_buffer_fini(&json);
    return text;
}
