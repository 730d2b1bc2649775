/* Reading msgpack from bytes of any origin: pl__unpack_value is the only function that looks at them. */
#include "base/unpack.h"

#include <string.h>

/* What the bytes 0xC0 to 0xDF announce: a type, and how many bytes of number follow. */
static const struct announced {
    uint8_t type;
    uint8_t width;
} announced[32] = {
    {PL__NIL, 0},   {PL__INVALID, 0}, {PL__BOOL, 0}, {PL__BOOL, 0}, {PL__BIN, 1}, {PL__BIN, 2},  {PL__BIN, 4},
    {PL__EXT, 1},   {PL__EXT, 2},     {PL__EXT, 4},  {PL__F32, 4},  {PL__F64, 8}, {PL__UINT, 1}, {PL__UINT, 2},
    {PL__UINT, 4},  {PL__UINT, 8},    {PL__INT, 1},  {PL__INT, 2},  {PL__INT, 4}, {PL__INT, 8},  {PL__EXT, 0},
    {PL__EXT, 0},   {PL__EXT, 0},     {PL__EXT, 0},  {PL__EXT, 0},  {PL__STR, 1}, {PL__STR, 2},  {PL__STR, 4},
    {PL__ARRAY, 2}, {PL__ARRAY, 4},   {PL__MAP, 2},  {PL__MAP, 4},
};

static size_t bytes_left(const struct pl_unpack *unpack) {
    return (size_t)(unpack->end - unpack->at);
}

static bool fail(struct pl_unpack *unpack) {
    unpack->failed = true;
    return false;
}

/* `width` bytes, the highest first. */
static bool read_number(struct pl_unpack *unpack, unsigned width, uint64_t *number) {
    if (bytes_left(unpack) < width) return false;
    for (*number = 0; width; width--)
        *number = *number << 8 | *unpack->at++;
    return true;
}

/* Signed numbers are narrower than 64 bits: their sign goes on to the left. */
static uint64_t extend_sign(uint64_t number, unsigned width) {
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    return (number ^ sign) - sign;
}

static bool read_announced(struct pl_unpack *unpack, uint8_t byte, struct pl__value *value) {
    struct announced a = announced[byte - 0xC0];
    value->type = a.type;
    if (a.type == PL__BOOL) return value->number = byte & 1, true;
    if (a.type == PL__EXT && a.width == 0) return value->number = UINT64_C(1) << (byte - 0xD4), true;
    if (!read_number(unpack, a.width, &value->number)) return false;
    if (a.type == PL__INT && a.width) value->number = extend_sign(value->number, a.width);
    return a.type != PL__INVALID;
}

static bool read_head(struct pl_unpack *unpack, struct pl__value *value) {
    if (unpack->at == unpack->end) return false;
    uint8_t byte = *unpack->at++;
    if (byte < 0x80)
        *value = (struct pl__value){.type = PL__UINT, .number = byte};
    else if (byte < 0x90)
        *value = (struct pl__value){.type = PL__MAP, .number = byte & 0x0F};
    else if (byte < 0xA0)
        *value = (struct pl__value){.type = PL__ARRAY, .number = byte & 0x0F};
    else if (byte < 0xC0)
        *value = (struct pl__value){.type = PL__STR, .number = byte & 0x1F};
    else if (byte < 0xE0)
        return read_announced(unpack, byte, value);
    else
        *value = (struct pl__value){.type = PL__INT, .number = extend_sign(byte, 1)};
    return true;
}

bool pl__unpack_value(struct pl_unpack *unpack, struct pl__value *value) {
    if (unpack->failed || !read_head(unpack, value)) return fail(unpack);
    switch (value->type) {
    case PL__EXT:
        if (unpack->at == unpack->end) return fail(unpack);
        unpack->at++; /* the application's type */
        break;
    case PL__ARRAY:
    case PL__MAP: return value->number <= bytes_left(unpack) / (value->type == PL__MAP ? 2 : 1) ? true : fail(unpack);
    case PL__STR:
    case PL__BIN: break;
    default: return true;
    }
    if (value->number > bytes_left(unpack)) return fail(unpack);
    value->bytes = unpack->at;
    unpack->at += value->number;
    return true;
}

double pl__value_f64(const struct pl__value *value) {
    double f64;
    float f32;
    uint32_t low = (uint32_t)value->number;
    switch (value->type) {
    case PL__F32: memcpy(&f32, &low, sizeof f32); return (double)f32;
    case PL__F64: memcpy(&f64, &value->number, sizeof f64); return f64;
    case PL__INT: return (double)(int64_t)value->number;
    default: return (double)value->number;
    }
}

void pl_unpack_init(struct pl_unpack *unpack, const void *bytes, size_t size) {
    unpack->at = bytes;
    unpack->end = size ? unpack->at + size : unpack->at;
    unpack->failed = false;
}

static bool unpack_type(struct pl_unpack *unpack, enum pl__pack_type type, struct pl__value *value) {
    if (!pl__unpack_value(unpack, value)) return false;
    return value->type == type ? true : fail(unpack);
}

bool pl_unpack_nil(struct pl_unpack *unpack) {
    struct pl__value v;
    return unpack_type(unpack, PL__NIL, &v);
}

bool pl_unpack_bool(struct pl_unpack *unpack, bool *value) {
    struct pl__value v;
    if (!unpack_type(unpack, PL__BOOL, &v)) return false;
    *value = v.number;
    return true;
}

bool pl_unpack_int(struct pl_unpack *unpack, int64_t *value) {
    struct pl__value v;
    if (!pl__unpack_value(unpack, &v)) return false;
    if (v.type != PL__INT && (v.type != PL__UINT || v.number > INT64_MAX)) return fail(unpack);
    *value = (int64_t)v.number;
    return true;
}

bool pl_unpack_uint(struct pl_unpack *unpack, uint64_t *value) {
    struct pl__value v;
    if (!pl__unpack_value(unpack, &v)) return false;
    if (v.type != PL__UINT && (v.type != PL__INT || (int64_t)v.number < 0)) return fail(unpack);
    *value = v.number;
    return true;
}

bool pl_unpack_f64(struct pl_unpack *unpack, double *value) {
    struct pl__value v;
    if (!pl__unpack_value(unpack, &v)) return false;
    if (v.type < PL__UINT || v.type > PL__F64) return fail(unpack);
    *value = pl__value_f64(&v);
    return true;
}

bool pl_unpack_str(struct pl_unpack *unpack, const char **text, size_t *length) {
    struct pl__value v;
    if (!unpack_type(unpack, PL__STR, &v)) return false;
    *text = (const char *)v.bytes;
    *length = v.number;
    return true;
}

bool pl_unpack_bin(struct pl_unpack *unpack, const void **bytes, size_t *size) {
    struct pl__value v;
    if (!unpack_type(unpack, PL__BIN, &v)) return false;
    *bytes = v.bytes;
    *size = v.number;
    return true;
}

bool pl_unpack_array(struct pl_unpack *unpack, uint32_t *count) {
    struct pl__value v;
    if (!unpack_type(unpack, PL__ARRAY, &v)) return false;
    *count = (uint32_t)v.number;
    return true;
}

bool pl_unpack_map(struct pl_unpack *unpack, uint32_t *count) {
    struct pl__value v;
    if (!unpack_type(unpack, PL__MAP, &v)) return false;
    *count = (uint32_t)v.number;
    return true;
}

bool pl_unpack_skip(struct pl_unpack *unpack) {
    uint64_t left[PL__PACK_DEPTH + 1] = {1}; /* how many values are to come at each depth */
    for (unsigned depth = 0;;) {
        while (left[depth] == 0)
            if (depth-- == 0) return true;
        left[depth]--;
        struct pl__value v;
        if (!pl__unpack_value(unpack, &v)) return false;
        if (v.type != PL__ARRAY && v.type != PL__MAP) continue;
        if (depth == PL__PACK_DEPTH) return fail(unpack);
        left[++depth] = v.type == PL__MAP ? 2 * v.number : v.number;
    }
}

bool pl_unpack_find(struct pl_unpack *unpack, const char *name) {
    uint32_t pairs;
    const char *key;
    size_t length, wanted = strlen(name);
    if (!pl_unpack_map(unpack, &pairs)) return false;
    for (; pairs && pl_unpack_str(unpack, &key, &length); pairs--) {
        if (length == wanted && memcmp(key, name, wanted) == 0) return true;
        if (!pl_unpack_skip(unpack)) return false;
    }
    return false;
}

bool pl_unpack_text(const void *map, size_t size, const char *name, const char **text, size_t *length) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, map, size);
    return pl_unpack_find(&unpack, name) && pl_unpack_str(&unpack, text, length);
}
