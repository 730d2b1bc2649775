#include "json_pack.h"

#include <potline/text.h>

static bool put(struct pl_buffer *out, uint8_t type, uint64_t value, unsigned bytes) {
    char head[9] = {(char)type};
    for (unsigned i = 0; i < bytes; i++)
        head[1 + i] = (char)(value >> 8 * (bytes - 1 - i));
    return pl_buffer_put(out, head, 1 + bytes);
}

static bool pack_number(struct pl_json *json, struct pl_buffer *out) {
    const char *text;
    size_t length;
    int64_t whole;
    double value;
    if (!pl_json_number(json, &text, &length)) return false;
    if (pl_text_int(text, length, &whole)) return put(out, 0xD3, (uint64_t)whole, 8);
    if (!pl_text_f64(text, length, &value)) return false;
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return put(out, 0xCB, bits, 8);
}

static bool pack_string(struct pl_json *json, struct pl_buffer *out, bool key) {
    const char *text;
    size_t length;
    if (!(key ? pl_json_key(json, &text, &length) : pl_json_string(json, &text, &length))) return false;
    return put(out, 0xDB, length, 4) && pl_buffer_put(out, text, length);
}

/* The head says how many there are, so it is completed at the end. */
static bool pack_container(struct pl_json *json, struct pl_buffer *out, char open) {
    char close = open == '{' ? '}' : ']';
    size_t head = out->size;
    uint32_t count = 0;
    if (!pl_json_enter(json, open) || !put(out, open == '{' ? 0xDF : 0xDD, 0, 4)) return false;
    for (; pl_json_more(json, close); count++) {
        if (open == '{' && !pack_string(json, out, true)) return false;
        if (!pl_json_pack(json, out)) return false;
    }
    for (unsigned i = 0; i < 4; i++)
        out->data[head + 1 + i] = (char)(count >> 8 * (3 - i));
    return !json->failed;
}

bool pl_json_pack(struct pl_json *json, struct pl_buffer *out) {
    char first = pl_json_peek(json);
    switch (first) {
    case '{':
    case '[': return pack_container(json, out, first);
    case '"': return pack_string(json, out, false);
    case 't': return pl_json_word(json, "true") && put(out, 0xC3, 0, 0);
    case 'f': return pl_json_word(json, "false") && put(out, 0xC2, 0, 0);
    case 'n': return pl_json_word(json, "null") && put(out, 0xC0, 0, 0);
    default: return pack_number(json, out);
    }
}
