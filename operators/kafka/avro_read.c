/* avro_read.c: bytes by their schema, as JSON. */
#include "avro_impl.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/text.h>

enum {
    NUMBER_ROOM = 64,
    DECIMAL_BYTES = 16,
    DECIMAL_DIGITS = 40,
    EMPTY_MAX = 8192 /* values that take no bytes: what a message makes is otherwise in proportion to it */
};

__extension__ typedef unsigned __int128 wide;

struct reading {
    const struct pl__avro *avro;
    const unsigned char *at, *end;
    struct pl__text *to;
    unsigned depth, empty;
    const char *why;
};

static void note(struct reading *r, const char *why) {
    if (!r->why) r->why = why;
}

/* Always false. */
static bool refuse(struct reading *r, const char *why) {
    note(r, why);
    return false;
}

/* ---- Writing ---- */

/* Room for so many bytes more than there are; what is written may pass the limit once, and no further. */
static bool make_room(struct reading *r, size_t more) {
    struct pl__text *to = r->to;
    if (to->size > to->limit) return refuse(r, "it is longer than max_line as JSON");
    if (to->size + more <= to->room) return true;
    size_t room = 2 * (to->size + more);
    char *grown = pl_realloc(to->at, room);
    if (!grown) return refuse(r, "no memory for it");
    to->at = grown;
    to->room = room;
    return true;
}

static void put_end(struct reading *r, const char *end) {
    r->to->size = (size_t)(end - r->to->at);
}

static bool put(struct reading *r, const char *text) {
    size_t length = strlen(text);
    if (!make_room(r, length)) return false;
    memcpy(r->to->at + r->to->size, text, length);
    r->to->size += length;
    return true;
}

static bool put_int(struct reading *r, int64_t value) {
    if (!make_room(r, NUMBER_ROOM)) return false;
    put_end(r, pl_text_put_int(r->to->at + r->to->size, value));
    return true;
}

static bool put_number(struct reading *r, double value) {
    if (!make_room(r, NUMBER_ROOM)) return false;
    put_end(r, pl_json_put_f64(r->to->at + r->to->size, value, true));
    return true;
}

static bool put_string(struct reading *r, const char *text, size_t length) {
    if (length > r->to->limit) return refuse(r, "it is longer than max_line as JSON");
    if (!make_room(r, PL_JSON_STRING_ROOM(length))) return false;
    put_end(r, pl_json_put_string(r->to->at + r->to->size, text, length));
    return true;
}

static bool put_time(struct reading *r, const struct pl__avro_type *type, int64_t value) {
    pl_time time;
    if (__builtin_mul_overflow(value, (int64_t)type->unit, &time) || time == PL_TIME_MIN || time == PL_TIME_MAX)
        return refuse(r, "a time in it is too far away");
    if (!put(r, "\"") || !make_room(r, NUMBER_ROOM)) return false;
    put_end(r, pl_text_put_time(r->to->at + r->to->size, time));
    if (type->logic == PL__AVRO_LOCAL_TIME) r->to->size--; /* the Z */
    return put(r, "\"");
}

/* ---- Reading ---- */

static bool read_long(struct reading *r, int64_t *value) {
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        unsigned char byte = *r->at++;
        if (shift == 63 && byte > 1) break;
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        *value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
        return true;
    }
    note(r, "it ends, or has too long a number, where one is expected");
    return false;
}

static bool read_bytes(struct reading *r, size_t length, const unsigned char **bytes) {
    bool there = length <= (size_t)(r->end - r->at);
    *bytes = r->at;
    if (there)
        r->at += length;
    else
        note(r, "it ends within a value");
    return there;
}

static bool read_sized(struct reading *r, const unsigned char **bytes, size_t *length) {
    int64_t size = -1;
    bool good = read_long(r, &size);
    if (good && size < 0) note(r, "a length in it is negative");
    *length = size < 0 ? 0 : (size_t)size;
    *bytes = r->at;
    return good && size >= 0 && read_bytes(r, *length, bytes);
}

/* Two's complement, most significant byte first; what repeats the sign is passed over. */
static bool read_decimal(struct reading *r, const struct pl__avro_type *type, const unsigned char *bytes,
                         size_t length) {
    unsigned char sign = length && bytes[0] & 0x80 ? 0xff : 0;
    while (length > 1 && bytes[0] == sign && (bytes[1] & 0x80) == (sign & 0x80)) {
        bytes++;
        length--;
    }
    if (!length || length > DECIMAL_BYTES) return refuse(r, "a decimal in it is empty, or has more than 128 bits");
    wide value = sign ? ~(wide)0 : 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    char digits[DECIMAL_DIGITS], *at = digits + sizeof digits;
    *--at = 0;
    for (value = sign ? 0 - value : value; value || !at[0]; value /= 10)
        *--at = (char)('0' + (int)(value % 10));
    return put(r, sign ? "-" : "") && put(r, at) && (!type->unit || (put(r, "e-") && put_int(r, type->unit)));
}

static bool read_value(struct reading *r, uint32_t index);

static bool read_floating(struct reading *r, size_t size) {
    const unsigned char *bytes = r->at;
    uint64_t bits = 0;
    float narrow;
    double value;
    if (!read_bytes(r, size, &bytes)) return false;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)bytes[i] << 8 * i;
    if (size == sizeof value) {
        memcpy(&value, &bits, sizeof value);
        return put_number(r, value);
    }
    uint32_t half = (uint32_t)bits;
    memcpy(&narrow, &half, sizeof narrow);
    return put_number(r, (double)narrow);
}

static bool read_number(struct reading *r, const struct pl__avro_type *type) {
    int64_t value = 0;
    if (!read_long(r, &value)) return false;
    if (type->kind == PL__AVRO_INT && (value < INT32_MIN || value > INT32_MAX))
        return refuse(r, "an int in it has more than 32 bits");
    return type->logic ? put_time(r, type, value) : put_int(r, value);
}

static bool read_boolean(struct reading *r) {
    const unsigned char *byte = r->at;
    if (!read_bytes(r, 1, &byte)) return false;
    if (*byte > 1) return refuse(r, "a boolean in it is neither 0 nor 1");
    return put(r, *byte ? "true" : "false");
}

static bool read_opaque(struct reading *r, const struct pl__avro_type *type) {
    const unsigned char *bytes = r->at;
    size_t length = type->size;
    bool good = type->kind == PL__AVRO_FIXED ? read_bytes(r, length, &bytes) : read_sized(r, &bytes, &length);
    if (!good) return false;
    return type->logic == PL__AVRO_DECIMAL ? read_decimal(r, type, bytes, length) : put(r, "null");
}

static bool read_string(struct reading *r) {
    const unsigned char *bytes = r->at;
    size_t length = 0;
    return read_sized(r, &bytes, &length) && put_string(r, (const char *)bytes, length);
}

/* A branch or a symbol by its number. */
static bool read_choice(struct reading *r, const struct pl__avro_type *type, const struct pl__avro_part **part) {
    int64_t which = -1;
    if (!read_long(r, &which)) return false;
    if (which < 0 || which >= type->count) return refuse(r, "it chooses what its schema does not have");
    *part = &r->avro->part[type->first + which];
    return true;
}

static bool put_name(struct reading *r, const struct pl__avro_part *part) {
    return put(r, "\"") && put(r, r->avro->names + part->name) && put(r, "\"");
}

static bool read_record(struct reading *r, const struct pl__avro_type *type) {
    if (!put(r, "{")) return false;
    for (uint32_t i = 0; i < type->count; i++) {
        const struct pl__avro_part *part = &r->avro->part[type->first + i];
        if ((i && !put(r, ",")) || !put_name(r, part) || !put(r, ":") || !read_value(r, part->type)) return false;
    }
    return put(r, "}");
}

/* Arrays and maps come in blocks: a number of items, and where it is negative also their bytes; the last block has
 * none. Each item writes something, so the limit of what is written ends this too. */
static bool read_blocks(struct reading *r, const struct pl__avro_type *type) {
    bool map = type->kind == PL__AVRO_MAP, first = true;
    uint32_t items = r->avro->part[type->first].type;
    if (!put(r, map ? "{" : "[")) return false;
    for (int64_t count = 1, bytes; count;) {
        if (!read_long(r, &count) || (count < 0 && !read_long(r, &bytes))) return false;
        uint64_t left = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
        for (; left; left--, first = false) {
            if (!first && !put(r, ",")) return false;
            if (map && (!read_string(r) || !put(r, ":"))) return false;
            if (!read_value(r, items)) return false;
        }
    }
    return put(r, map ? "}" : "]");
}

static bool read_here(struct reading *r, const struct pl__avro_type *type) {
    const struct pl__avro_part *part;
    switch (type->kind) {
    case PL__AVRO_NULL: return put(r, "null");
    case PL__AVRO_BOOLEAN: return read_boolean(r);
    case PL__AVRO_INT:
    case PL__AVRO_LONG: return read_number(r, type);
    case PL__AVRO_FLOAT: return read_floating(r, sizeof(float));
    case PL__AVRO_DOUBLE: return read_floating(r, sizeof(double));
    case PL__AVRO_BYTES:
    case PL__AVRO_FIXED: return read_opaque(r, type);
    case PL__AVRO_STRING: return read_string(r);
    case PL__AVRO_ENUM: return read_choice(r, type, &part) && put_name(r, part);
    case PL__AVRO_UNION: return read_choice(r, type, &part) && read_value(r, part->type);
    case PL__AVRO_RECORD: return read_record(r, type);
    default: return read_blocks(r, type);
    }
}

static bool read_value(struct reading *r, uint32_t index) {
    const unsigned char *before = r->at;
    if (r->depth == PL__AVRO_DEPTH) return refuse(r, "it is nested deeper than 32");
    r->depth++;
    bool good = read_here(r, &r->avro->type[index]);
    r->depth--;
    if (good && r->at == before && ++r->empty > EMPTY_MAX) return refuse(r, "it has too many values of no bytes");
    return good;
}

const char *pl__avro_read(const struct pl__avro *avro, const void *bytes, size_t size, struct pl__text *text) {
    struct reading r = {.avro = avro, .at = bytes, .end = (const unsigned char *)bytes + size, .to = text};
    text->size = 0;
    if (read_value(&r, 0) && r.at < r.end) refuse(&r, "there is more in it than its schema says");
    if (!r.why && text->size > text->limit) refuse(&r, "it is longer than max_line as JSON");
    return r.why;
}
