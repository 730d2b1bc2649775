/* text.c: placeholders of templates: {kind}, {subject}, {severity}, any member of an event's body.
 *
 * A word in braces is a placeholder, everything else stands as it is, so that JSON needs no escapes. What nobody knows
 * is nothing. Values are escaped for where they stand; {json} is JSON itself, which only a form or an address escapes.
 */
#include "notify.h"

#include <inttypes.h>
#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/text.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16, NUMBER_ROOM = 40 };

struct builder {
    char *text;
    size_t used, room;
    bool failed;
};

static void put(struct builder *b, const char *bytes, size_t size) {
    if (b->failed || size > TEXT_MAX - b->used) return; /* a text that is too long is cut */
    if (b->used + size + 1 > b->room) {
        size_t room = (b->used + size + 1) * 2;
        char *larger = pl_realloc(b->text, room);
        if (!larger) {
            b->failed = true;
            return;
        }
        b->text = larger;
        b->room = room;
    }
    memcpy(b->text + b->used, bytes, size);
    b->used += size;
    b->text[b->used] = 0;
}

static void put_json(struct builder *b, const char *text, size_t length, bool quotes) {
    char *room = pl_alloc(PL_JSON_STRING_ROOM(length));
    if (!room) {
        b->failed = true;
        return;
    }
    char *end = pl_json_put_string(room, text, length);
    if (quotes)
        put(b, room, (size_t)(end - room));
    else
        put(b, room + 1, (size_t)(end - room) - 2);
    pl_free(room);
}

static bool plain_in_url(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~", c);
}

static void put_url(struct builder *b, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        char code[4];
        snprintf(code, sizeof code, "%%%02X", (unsigned char)text[i]);
        put(b, plain_in_url(text[i]) && text[i] ? &text[i] : code, plain_in_url(text[i]) && text[i] ? 1 : 3);
    }
}

static void put_line(struct builder *b, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        put(b, (unsigned char)text[i] < ' ' ? " " : &text[i], 1);
}

static void put_value(struct builder *b, const char *text, size_t length, enum escape escape) {
    switch (escape) {
    case ESCAPE_NONE: put(b, text, length); break;
    case ESCAPE_JSON: put_json(b, text, length, false); break;
    case ESCAPE_URL: put_url(b, text, length); break;
    case ESCAPE_LINE: put_line(b, text, length); break;
    }
}

/* ---- The event's body ---- */

/* One value as people read it: a text without quotes, everything else as JSON. */
static void put_packed(struct builder *b, const uint8_t *bytes, size_t size, enum escape escape) {
    struct pl_unpack unpack;
    const char *text;
    size_t length;
    pl_unpack_init(&unpack, bytes, size);
    if (pl_unpack_str(&unpack, &text, &length)) {
        put_value(b, text, length, escape);
        return;
    }
    char *json = pl_pack_json(bytes, size);
    if (json && strcmp(json, "null") != 0) put_value(b, json, strlen(json), escape);
    pl_free(json);
}

struct member {
    const char *key;
    size_t key_length;
    const uint8_t *value;
    size_t size;
};

static bool next_member(struct pl_unpack *unpack, uint32_t *left, struct member *member) {
    if (*left == 0) return false;
    --*left;
    if (!pl_unpack_str(unpack, &member->key, &member->key_length)) return false;
    member->value = unpack->at;
    if (!pl_unpack_skip(unpack)) return false;
    member->size = (size_t)(unpack->at - member->value);
    return true;
}

static bool enter_body(const struct waiting *record, struct pl_unpack *unpack, uint32_t *members) {
    pl_unpack_init(unpack, record->body, record->body_size);
    return record->body_size && pl_unpack_map(unpack, members);
}

static bool put_member(struct builder *b, const struct waiting *record, const char *name, size_t length,
                       enum escape escape) {
    struct pl_unpack unpack;
    struct member member;
    uint32_t left;
    if (!enter_body(record, &unpack, &left)) return false;
    while (next_member(&unpack, &left, &member)) {
        if (member.key_length != length || memcmp(member.key, name, length) != 0) continue;
        put_packed(b, member.value, member.size, escape);
        return true;
    }
    return false;
}

/* A line each. */
static void put_members(struct builder *b, const struct waiting *record, enum escape escape) {
    struct pl_unpack unpack;
    struct member member;
    uint32_t left;
    if (!enter_body(record, &unpack, &left)) return;
    while (next_member(&unpack, &left, &member)) {
        struct builder value = {0};
        put_packed(&value, member.value, member.size, ESCAPE_LINE);
        if (value.used) {
            put_value(b, member.key, member.key_length, escape);
            put_value(b, ": ", 2, escape);
            put_value(b, value.text, value.used, escape);
            put_value(b, "\n", 1, escape);
        }
        b->failed |= value.failed;
        pl_free(value.text);
    }
}

/* ---- What is known of every notification ---- */

static void put_pair(struct builder *b, const char *name, const char *text) {
    put(b, b->used && b->text[b->used - 1] != '{' ? "," : "", b->used && b->text[b->used - 1] != '{');
    put_json(b, name, strlen(name), true);
    put(b, ":", 1);
    put_json(b, text, strlen(text), true);
}

static void put_event(struct builder *b, const struct notify *s, const struct waiting *record, const char *subject,
                      bool in_url) {
    char id[ID_TEXT], event[NUMBER_ROOM], time[PL_TEXT_TIME_MAX + 1], numbers[96];
    struct builder json = {0};
    text_id(id, record->id);
    snprintf(event, sizeof event, "%" PRIu64, record->event);
    *pl_text_put_time(time, record->time) = 0;
    snprintf(numbers, sizeof numbers,
             ",\"severity\":%u,\"attempt\":%" PRIu32 ",\"alike\":%" PRIu32 ",\"body\":", record->severity,
             record->attempts + 1, record->alike);
    put(&json, "{", 1);
    put_pair(&json, "id", id);
    put_pair(&json, "node", pl_node_name(s->node));
    put_pair(&json, "user", record->user);
    put_pair(&json, "kind", record->kind);
    put_pair(&json, "subject", subject);
    put_pair(&json, "tag", record->tag);
    put_pair(&json, "asset", record->asset);
    put_pair(&json, "time", time);
    put_pair(&json, "event", event);
    put(&json, numbers, strlen(numbers));
    char *body = record->body_size ? pl_pack_json(record->body, record->body_size) : NULL;
    put(&json, body ? body : "null", body ? strlen(body) : 4);
    put(&json, "}", 1);
    if (!json.failed && in_url) put_url(b, json.text, json.used);
    if (!json.failed && !in_url) put(b, json.text, json.used);
    b->failed |= json.failed;
    pl_free(body);
    pl_free(json.text);
}

static const char *severity_word(unsigned severity) {
    return severity >= 900 ? "URGENT" : severity >= 667 ? "HIGH" : severity >= 334 ? "MEDIUM" : "LOW";
}

/* The text of a name that every notification has, in `room` where it is made; NULL: it is none. */
static const char *known(const struct notify *s, const struct waiting *record, const char *subject, const char *name,
                         char room[PL_TEXT_TIME_MAX + 8]) {
    const struct person *person = person_find(s, record->user);
    const struct {
        const char *name, *text;
    } texts[] = {{"kind", record->kind},
                 {"subject", subject},
                 {"tag", record->tag},
                 {"asset", record->asset},
                 {"user", record->user},
                 {"to", person ? person->to : ""},
                 {"node", pl_node_name(s->node)},
                 {"word", severity_word(record->severity)}};
    for (size_t i = 0; i < PL_COUNT_OF(texts); i++)
        if (strcmp(name, texts[i].name) == 0) return texts[i].text;
    *room = 0;
    if (strcmp(name, "id") == 0) return text_id(room, record->id), room;
    if (strcmp(name, "event") == 0) return snprintf(room, NUMBER_ROOM, "%" PRIu64, record->event), room;
    if (strcmp(name, "severity") == 0) return snprintf(room, NUMBER_ROOM, "%u", record->severity), room;
    if (strcmp(name, "attempt") == 0) return snprintf(room, NUMBER_ROOM, "%" PRIu32, record->attempts + 1), room;
    if (strcmp(name, "alike") == 0) return snprintf(room, NUMBER_ROOM, "%" PRIu32, record->alike), room;
    if (strcmp(name, "time") == 0) return *pl_text_put_time(room, record->time) = 0, room;
    if (strcmp(name, "step") == 0) return *pl_text_put_duration(room, record->step) = 0, room;
    return NULL;
}

static void put_name(struct builder *b, const struct notify *s, const struct waiting *record, const char *subject,
                     const char *name, size_t length, enum escape escape) {
    char word[64], room[PL_TEXT_TIME_MAX + 16];
    if (length >= sizeof word) return;
    memcpy(word, name, length);
    word[length] = 0;
    if (strcmp(word, "json") == 0) {
        put_event(b, s, record, subject, escape == ESCAPE_URL);
        return;
    }
    if (strcmp(word, "fields") == 0) {
        put_members(b, record, escape);
        return;
    }
    const char *text = known(s, record, subject, word, room);
    if (text)
        put_value(b, text, strlen(text), escape);
    else
        put_member(b, record, word, length, escape);
}

char *text_fill(const struct notify *s, const struct waiting *record, const char *subject, const char *template,
                enum escape escape) {
    struct builder b = {0};
    put(&b, "", 0);
    while (*template) {
        size_t plain = strcspn(template, "{");
        put(&b, template, plain);
        template += plain;
        if (!*template) break;
        size_t length = strspn(template + 1, "abcdefghijklmnopqrstuvwxyz_0123456789");
        bool placeholder = length > 0 && template[length + 1] == '}';
        if (placeholder)
            put_name(&b, s, record, subject, template + 1, length, escape);
        else
            put(&b, "{", 1);
        template += placeholder ? length + 2 : 1;
    }
    if (!b.failed) return b.text;
    pl_free(b.text);
    return NULL;
}

/* ---- Small things ---- */

uint64_t text_hash(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    if (!hash) hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void text_id(char text[ID_TEXT], uint64_t id) {
    snprintf(text, ID_TEXT, "%016" PRIx64, id);
}
