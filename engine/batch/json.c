#include <potline/json.h>

#include <math.h>
#include <string.h>

#include <potline/text.h>

#include "base/utf8.h"

void pl_json_init(struct pl_json *json, const char *text, size_t length, char *unescaped) {
    *json = (struct pl_json){.at = text, .end = text + length, .unescaped = unescaped};
}

static bool fail(struct pl_json *json) {
    json->failed = true;
    return false;
}

bool pl_json_end(struct pl_json *json) {
    pl_json_peek(json);
    return !json->failed && json->at == json->end;
}

static bool take(struct pl_json *json, char character) {
    if (pl_json_peek(json) != character) return fail(json);
    json->at++;
    return true;
}

/* ---- Objects and arrays ---- */

bool pl_json_enter(struct pl_json *json, char bracket) {
    if (json->depth == PL_JSON_DEPTH || !take(json, bracket)) return fail(json);
    json->depth++;
    json->fresh = true;
    return true;
}

bool pl_json_more(struct pl_json *json, char bracket) {
    char next = pl_json_peek(json);
    if (next == bracket) {
        json->at++;
        json->depth--;
        json->fresh = false;
        return false;
    }
    if (!json->fresh && !take(json, ',')) return false;
    json->fresh = false;
    return next ? true : fail(json);
}

/* ---- Strings ---- */

static bool read_hex(struct pl_json *json, uint32_t *value) {
    if (json->end - json->at < 4) return false;
    *value = 0;
    for (unsigned i = 0; i < 4; i++) {
        char c = *json->at++;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit > 15) return false;
        *value = *value << 4 | digit;
    }
    return true;
}

static char *put_character(char *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

/* Behind "\u". Half of a surrogate pair alone is refused. */
static char *read_unicode(struct pl_json *json, char *to) {
    uint32_t c, low;
    if (!read_hex(json, &c) || (c >= 0xDC00 && c <= 0xDFFF)) return NULL;
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (json->end - json->at < 2 || json->at[0] != '\\' || json->at[1] != 'u') return NULL;
        json->at += 2;
        if (!read_hex(json, &low) || low < 0xDC00 || low > 0xDFFF) return NULL;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    return put_character(to, c);
}

/* Behind the backslash. */
static char *read_escape(struct pl_json *json, char *to) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (json->at == json->end) return NULL;
    char c = *json->at++;
    if (c == 'u') return read_unicode(json, to);
    const char *found = c ? strchr(letters, c) : NULL;
    if (!found) return NULL;
    *to++ = meant[found - letters];
    return to;
}

/* The rest of a string from its first backslash on, into `unescaped`. */
static bool read_escaped(struct pl_json *json, const char *start, const char **text, size_t *length) {
    char *to = json->unescaped;
    size_t plain = (size_t)(json->at - start);
    memcpy(to, start, plain);
    to += plain;
    while (json->at < json->end && *json->at != '"') {
        unsigned char c = (unsigned char)*json->at++;
        if (c < 0x20) return fail(json);
        if (c != '\\') {
            *to++ = (char)c;
        } else if (!(to = read_escape(json, to))) {
            return fail(json);
        }
    }
    if (json->at == json->end) return fail(json);
    json->at++;
    *text = json->unescaped;
    *length = (size_t)(to - json->unescaped);
    json->unescaped = to;
    return pl_utf8_check(*text, *length) ? true : fail(json);
}

/* The characters of a word that end plain text, as bit 7 of each; only the lowest one is certain. */
static uint64_t find_special(uint64_t word) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    uint64_t found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((word - ones * 0x20) & ~word);
    return found & ones * 0x80;
}

/* To the first quote, backslash or control character. True when all before it is ASCII. */
static bool pass_plain(struct pl_json *json) {
    unsigned char seen = 0;
    while (json->end - json->at >= 8) {
        uint64_t word;
        memcpy(&word, json->at, sizeof word);
        uint64_t special = find_special(word);
        unsigned count = special ? (unsigned)__builtin_ctzll(special) / 8 : 8;
        if (count < 8) word &= (UINT64_C(1) << 8 * count) - 1;
        seen |= (word & UINT64_C(0x8080808080808080)) != 0;
        json->at += count;
        if (count < 8) return !seen;
    }
    for (; json->at < json->end && *json->at != '"' && *json->at != '\\'; json->at++) {
        unsigned char c = (unsigned char)*json->at;
        if (c < 0x20) break;
        seen |= c > 0x7F;
    }
    return !seen;
}

static inline bool read_string(struct pl_json *json, const char **text, size_t *length) {
    if (!take(json, '"')) return false;
    const char *start = json->at;
    bool ascii = pass_plain(json);
    if (json->at == json->end) return fail(json);
    if (*json->at == '\\') return read_escaped(json, start, text, length);
    if (*json->at != '"') return fail(json);
    *text = start;
    *length = (size_t)(json->at++ - start);
    return ascii || pl_utf8_check(*text, *length) ? true : fail(json);
}

bool pl_json_string(struct pl_json *json, const char **text, size_t *length) {
    return read_string(json, text, length);
}

bool pl_json_key(struct pl_json *json, const char **text, size_t *length) {
    return read_string(json, text, length) && take(json, ':');
}

/* ---- Numbers and words ---- */

static bool read_digits(struct pl_json *json) {
    const char *start = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return json->at > start;
}

static bool at_one_of(const struct pl_json *json, char a, char b) {
    return json->at < json->end && (*json->at == a || *json->at == b);
}

bool pl_json_number(struct pl_json *json, const char **text, size_t *length) {
    pl_json_peek(json);
    const char *start = json->at;
    if (at_one_of(json, '-', '-')) json->at++;
    const char *digits = json->at;
    if (json->failed || !read_digits(json) || (*digits == '0' && json->at > digits + 1)) return fail(json);
    if (at_one_of(json, '.', '.')) {
        json->at++;
        if (!read_digits(json)) return fail(json);
    }
    if (at_one_of(json, 'e', 'E')) {
        json->at++;
        if (at_one_of(json, '+', '-')) json->at++;
        if (!read_digits(json)) return fail(json);
    }
    *text = start;
    *length = (size_t)(json->at - start);
    return true;
}

bool pl_json_word(struct pl_json *json, const char *word) {
    pl_json_peek(json);
    size_t length = strlen(word);
    if (json->failed || (size_t)(json->end - json->at) < length || memcmp(json->at, word, length) != 0)
        return fail(json);
    json->at += length;
    return true;
}

/* Takes a value that is no object and no array. */
static bool skip_plain(struct pl_json *json, char first) {
    const char *text;
    size_t length;
    switch (first) {
    case '"': return pl_json_string(json, &text, &length);
    case 't': return pl_json_word(json, "true");
    case 'f': return pl_json_word(json, "false");
    case 'n': return pl_json_word(json, "null");
    default: return pl_json_number(json, &text, &length);
    }
}

bool pl_json_skip(struct pl_json *json) {
    char first = pl_json_peek(json);
    if (first != '{' && first != '[') return skip_plain(json, first);
    char close = first == '{' ? '}' : ']';
    if (!pl_json_enter(json, first)) return false;
    while (pl_json_more(json, close)) {
        const char *key;
        size_t length;
        if (first == '{' && !pl_json_key(json, &key, &length)) return false;
        if (!pl_json_skip(json)) return false; /* as deep as PL_JSON_DEPTH */
    }
    return !json->failed;
}

/* ---- Writing ---- */

_Static_assert(PL_JSON_STRING_ROOM(1) == PL_JSON_GROWTH + 2, "as much room as pl_json_escape needs");

char *pl_json_put_string(char *at, const char *text, size_t length) {
    *at++ = '"';
    at = pl_json_escape(at, text, length);
    *at++ = '"';
    return at;
}

char *pl_json_put_f64(char *at, double value, bool infinities) {
    if (isfinite(value)) return pl_text_put_f64(at, value);
    if (!infinities || isnan(value)) return memcpy(at, "null", 4), at + 4;
    *at++ = '"';
    at = pl_text_put_f64(at, value);
    *at++ = '"';
    return at;
}
