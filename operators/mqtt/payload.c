#include "payload.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/quality.h>
#include <potline/text.h>

enum token_type { NOTHING, NUMBER, STRING, TRUTH, NOTHINGNESS, NESTED };

struct token {
    enum token_type type;
    const char *text;
    size_t length;
};

/* What is done with the values of an object: its fields are looked for, then members become rows. */
enum pass { FIND, EMIT };

void pl__payload_fini(struct pl__payload_reader *r) {
    pl_free(r->unescaped);
    r->unescaped = NULL;
    r->room = 0;
}

static bool refuse(struct pl__payload_reader *r, const char *cause, const char *reason) {
    if (!r->cause) {
        r->cause = cause;
        r->reason = reason;
    }
    return false;
}

/* ---- Values ---- */

static bool token_read(struct pl_json *json, struct token *token) {
    char first = pl_json_peek(json);
    *token = (struct token){NOTHING, json->at, 0};
    switch (first) {
    case '"': token->type = STRING; return pl_json_string(json, &token->text, &token->length);
    case 't':
        token->type = TRUTH;
        token->length = 4;
        return pl_json_word(json, "true");
    case 'f':
        token->type = TRUTH;
        token->length = 5;
        return pl_json_word(json, "false");
    case 'n': token->type = NOTHINGNESS; return pl_json_word(json, "null");
    case '{':
    case '[': token->type = NESTED; return pl_json_skip(json);
    default: token->type = NUMBER; return pl_json_number(json, &token->text, &token->length);
    }
}

/* A value that is neither a number nor a state of its tag is none. */
static bool value_of(struct pl__payload_reader *r, uint32_t tag, const struct token *token, double *value,
                     uint16_t *quality) {
    *value = NAN;
    *quality = PL_Q_BAD | PL_Q_MISSING;
    int state = -1;
    switch (token->type) {
    case NUMBER:
        if (!pl_text_f64(token->text, token->length, value)) return refuse(r, "number", "a number is too large");
        break;
    case STRING:
    case TRUTH: state = pl_tag_state(pl_tags_get(r->tags, tag), token->text, token->length); break;
    default: break;
    }
    if (state >= 0)
        *value = state;
    else if (token->type == STRING)
        pl_text_f64(token->text, token->length, value);
    if (isfinite(*value)) *quality = PL_Q_GOOD;
    if (!isfinite(*value)) *value = NAN;
    return true;
}

static bool from_unit(int64_t number, uint32_t unit, pl_time *time) {
    static const pl_time size[] = {0, PL_SECOND, PL_MILLISECOND, PL_MICROSECOND, 1};
    uint64_t magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number;
    if (unit == PL__UNIT_AUTO)
        unit = magnitude < 100000000000u         ? PL__UNIT_S
               : magnitude < 100000000000000u    ? PL__UNIT_MS
               : magnitude < 100000000000000000u ? PL__UNIT_US
                                                 : PL__UNIT_NS;
    return !__builtin_mul_overflow(number, size[unit], time);
}

static bool time_of(struct pl__payload_reader *r, const struct token *token) {
    int64_t whole;
    double number;
    switch (token->type) {
    case STRING:
        if (pl_text_time(token->text, token->length, &r->at)) return true;
        break;
    case NUMBER:
        if (pl_text_int(token->text, token->length, &whole)) {
            if (from_unit(whole, r->payload->unit, &r->at)) return true;
        } else if (pl_text_f64(token->text, token->length, &number) && fabs(number) < 9e9 &&
                   r->payload->unit <= PL__UNIT_S) { /* seconds with decimals */
            r->at = (pl_time)llround(number * 1e9);
            return true;
        }
        break;
    default: break;
    }
    return refuse(r, "time", "its time cannot be read");
}

static bool quality_of(struct pl__payload_reader *r, const struct token *token) {
    int64_t number;
    if (token->type == STRING && pl_quality_parse(token->text, token->length, &r->quality)) return true;
    if (token->type == NUMBER && pl_text_int(token->text, token->length, &number) && number >= 0 &&
        number <= UINT16_MAX) {
        r->quality = (uint16_t)number;
        return true;
    }
    return refuse(r, "quality", "its quality cannot be read");
}

/* ---- Rows ---- */

static uint32_t tag_named(struct pl__payload_reader *r, size_t length) {
    uint32_t tag = length <= PL_NAME_MAX ? pl_tags_intern(r->tags, r->name, length) : PL_NO_ID;
    if (tag == PL_NO_ID || tag == 0) refuse(r, "tag", "its tag is no name, or max_tags is reached");
    return tag == 0 ? PL_NO_ID : tag;
}

static bool put_row(struct pl__payload_reader *r, uint32_t tag, double value, uint16_t quality) {
    struct pl_batch *batch = r->batch;
    if (batch->rows == batch->capacity) return refuse(r, "full", "it has too many values");
    quality = pl_quality_join(quality, r->quality);
    batch->samples.time[batch->rows] = r->at;
    batch->samples.tag[batch->rows] = tag;
    batch->samples.value[batch->rows] = value;
    batch->samples.quality[batch->rows] = quality;
    batch->rows++;
    r->missing += isnan(value);
    return true;
}

static bool put_token(struct pl__payload_reader *r, size_t name_length, const struct token *token) {
    double value;
    uint16_t quality;
    uint32_t tag = tag_named(r, name_length);
    return tag != PL_NO_ID && value_of(r, tag, token, &value, &quality) && put_row(r, tag, value, quality);
}

/* ---- Objects ---- */

static bool path_is(const struct pl__payload_reader *r, const char *path) {
    size_t length = strlen(path);
    return length > 0 && length == r->path_length && memcmp(path, r->path, length) == 0;
}

static bool find_field(struct pl__payload_reader *r, const struct token *token, struct token *value) {
    const struct pl__payload *p = r->payload;
    if (path_is(r, p->time)) return time_of(r, token);
    if (path_is(r, p->quality)) return quality_of(r, token);
    if (!p->members && path_is(r, p->value)) {
        if (r->has_value) return refuse(r, "twice", "its value stands there twice");
        r->has_value = true;
        *value = *token;
    }
    return true;
}

static bool emit_member(struct pl__payload_reader *r, const struct token *token) {
    if (path_is(r, r->payload->time) || path_is(r, r->payload->quality)) return true;
    if (token->type == NESTED) return true; /* an array */
    if (r->name_length + 1 + r->path_length > PL_NAME_MAX)
        return refuse(r, "tag", "a member's name is longer than 255 bytes");
    r->name[r->name_length] = '.';
    memcpy(r->name + r->name_length + 1, r->path, r->path_length);
    return put_token(r, r->name_length + 1 + r->path_length, token);
}

/* False: refused, with the reason. */
static bool walk(struct pl__payload_reader *r, struct pl_json *json, enum pass pass, struct token *value) {
    size_t above = r->path_length;
    if (!pl_json_enter(json, '{')) return refuse(r, "not_json", "it is not JSON");
    while (pl_json_more(json, '}')) {
        const char *key;
        size_t length, dot = above > 0;
        struct token token;
        if (!pl_json_key(json, &key, &length)) break;
        if (above + dot + length > PL_NAME_MAX) return refuse(r, "tag", "the names of a member are too long");
        if (dot) r->path[above] = '.';
        memcpy(r->path + above + dot, key, length);
        r->path_length = above + dot + length;
        bool ok;
        if (pl_json_peek(json) == '{')
            ok = walk(r, json, pass, value);
        else if (token_read(json, &token))
            ok = pass == FIND ? find_field(r, &token, value) : emit_member(r, &token);
        else
            break;
        r->path_length = above;
        if (!ok) return false;
    }
    return !json->failed || refuse(r, "not_json", "it is not JSON");
}

static bool read_object(struct pl__payload_reader *r, const char *text, size_t length) {
    struct pl_json json;
    struct token value = {NOTHING, text, 0};
    r->at = r->now;
    r->quality = PL_Q_GOOD;
    r->has_value = false;
    r->path_length = 0;
    pl_json_init(&json, text, length, r->unescaped);
    if (!walk(r, &json, FIND, &value)) return false;
    if (!r->payload->members)
        return r->has_value ? put_token(r, r->name_length, &value)
                            : refuse(r, "no_value", "it has no member that is the value");
    pl_json_init(&json, text, length, r->unescaped);
    return walk(r, &json, EMIT, &value);
}

static bool read_value(struct pl__payload_reader *r, struct pl_json *json) {
    struct token token;
    if (pl_json_peek(json) == '{') {
        const char *from = json->at;
        return pl_json_skip(json) ? read_object(r, from, (size_t)(json->at - from))
                                  : refuse(r, "not_json", "it is not JSON");
    }
    r->at = r->now;
    r->quality = PL_Q_GOOD;
    if (!token_read(json, &token)) return refuse(r, "not_json", "it is not JSON");
    if (token.type == NESTED) return refuse(r, "not_json", "an array in an array is no reading");
    return put_token(r, r->name_length, &token);
}

/* Strings of an element with escapes go where those of the whole went: they are read one behind the other. */
static bool read_json(struct pl__payload_reader *r, const char *text, size_t length) {
    struct pl_json json;
    pl_json_init(&json, text, length, r->unescaped + r->room / 2);
    bool ok = true;
    if (pl_json_peek(&json) == '[') {
        pl_json_enter(&json, '[');
        while (ok && pl_json_more(&json, ']'))
            ok = read_value(r, &json);
    } else {
        ok = read_value(r, &json);
    }
    return ok && ((!json.failed && pl_json_end(&json)) || refuse(r, "not_json", "it is not JSON"));
}

static bool read_plain(struct pl__payload_reader *r, const char *text, size_t length) {
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r' || text[length - 1] == ' '))
        length--;
    struct token token = {STRING, text, length};
    r->at = r->now;
    r->quality = PL_Q_GOOD;
    return put_token(r, r->name_length, &token);
}

/* Room for the strings of the whole message, and once more for those of an object at hand. */
static bool make_room(struct pl__payload_reader *r, size_t size) {
    if (r->room >= 2 * size + 2) return true;
    char *grown = pl_realloc(r->unescaped, 2 * size + 2);
    if (!grown) return false;
    r->unescaped = grown;
    r->room = 2 * size + 2;
    return true;
}

enum pl__payload_verdict pl__payload_read(struct pl__payload_reader *r, const struct pl__payload *payload,
                                          const char *name, size_t length, const void *bytes, size_t size,
                                          struct pl_batch *batch) {
    uint32_t before = batch->rows, missing = r->missing;
    r->payload = payload;
    r->batch = batch;
    r->cause = r->reason = NULL;
    if (!make_room(r, size)) return PL__PAYLOAD_NO_MEMORY;
    bool ok = length <= PL_NAME_MAX || refuse(r, "tag", "its tag is longer than 255 bytes");
    if (ok) memcpy(r->name, name, length);
    r->name_length = length;
    if (ok && size == 0) ok = refuse(r, "empty", "it is empty");
    if (ok) ok = payload->form == PL__PAYLOAD_PLAIN ? read_plain(r, bytes, size) : read_json(r, bytes, size);
    if (ok) return PL__PAYLOAD_TAKEN;
    batch->rows = before;
    r->missing = missing;
    bool full = before > 0 && strcmp(r->cause, "full") == 0;
    return full ? PL__PAYLOAD_FULL : PL__PAYLOAD_REFUSED;
}
