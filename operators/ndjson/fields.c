#include "fields.h"

#include <string.h>

void pl__fields_look_for(struct pl__fields *f, unsigned role, const char *path) {
    f->field[role] = (struct pl__field_path){path, (uint32_t)strlen(path)};
    f->looked_for |= 1u << role;
    memset(f->guess, 0, sizeof(f->guess));
}

void pl__fields_forget(struct pl__fields *f, unsigned role) {
    f->looked_for &= ~(1u << role);
    memset(f->guess, 0, sizeof(f->guess));
}

int pl__fields_role(const struct pl__fields *f, struct pl__branch branch, const char *key, uint32_t length,
                    struct pl__branch *behind) {
    *behind = (struct pl__branch){.offset = branch.offset + length + 1};
    for (uint32_t left = branch.fields; left; left &= left - 1) {
        int role = __builtin_ctz(left);
        const struct pl__field_path *field = &f->field[role];
        uint32_t rest = field->length - branch.offset;
        const char *path = field->path + branch.offset;
        bool leads_on = rest > length + 1 && path[length] == '.';
        if ((rest != length && !leads_on) || memcmp(path, key, length) != 0) continue;
        if (!leads_on) return role;
        behind->fields |= 1u << role;
    }
    return PL__NO_ROLE;
}

bool pl__token_read(struct pl_json *json, struct pl__token *token) {
    char first = pl_json_peek(json);
    size_t length = 0;
    bool read;
    token->text = json->at;
    switch (first) {
    case '"':
        token->type = PL__STRING;
        read = pl_json_string(json, &token->text, &length);
        break;
    case '{':
    case '[':
        token->type = PL__NESTED;
        read = pl_json_skip(json);
        break;
    case 't':
        token->type = PL__TRUE;
        read = pl_json_word(json, "true");
        length = 4;
        break;
    case 'f':
        token->type = PL__FALSE;
        read = pl_json_word(json, "false");
        length = 5;
        break;
    case 'n':
        token->type = PL__NULL;
        read = pl_json_word(json, "null");
        break;
    default: token->type = PL__NUMBER; read = pl_json_number(json, &token->text, &length);
    }
    token->length = (uint32_t)length;
    return read;
}

/* ---- Keys ---- */

static bool is_guessed(const struct pl__guess *guess, const struct pl_json *json) {
    uint64_t word[2];
    if (!guess->length || (size_t)(json->end - json->at) < guess->length) return false;
    memcpy(word, json->at, sizeof(word)); /* beyond the text, perhaps */
    return ((word[0] ^ guess->word[0]) & guess->mask[0]) == 0 && ((word[1] ^ guess->word[1]) & guess->mask[1]) == 0;
}

/* `text` is a key with what is around it. */
static void learn(struct pl__guess *guess, const char *text, size_t length, int role, uint32_t behind) {
    *guess = (struct pl__guess){.role = role, .behind = behind};
    if (length > sizeof(guess->word)) return;
    guess->length = (uint32_t)length;
    memcpy(guess->word, text, length);
    memset(guess->mask, 0xff, length);
}

/* The next key's role, the long way. */
static bool read_key(const struct pl__fields *f, struct pl_json *json, struct pl__branch branch, int *role,
                     struct pl__branch *behind) {
    const char *key;
    size_t length;
    if (!pl_json_key(json, &key, &length)) return false;
    *role = pl__fields_role(f, branch, key, (uint32_t)length, behind);
    return true;
}

/* The same of the member number `place` of a line. */
static bool read_key_of_line(struct pl__fields *f, struct pl_json *json, unsigned place, int *role,
                             struct pl__branch *behind) {
    struct pl__branch all = {f->looked_for, 0};
    struct pl__guess *guess = &f->guess[place];
    if (place >= PL__GUESSES) return read_key(f, json, all, role, behind);
    if (PL_LIKELY(is_guessed(guess, json))) {
        json->at += guess->length;
        *role = guess->role;
        /* Two quotes and the colon are no part of a path, the dot behind it is. */
        *behind = (struct pl__branch){guess->behind, guess->length - 2};
        return true;
    }
    const char *text = json->at;
    if (!read_key(f, json, all, role, behind)) return false;
    bool plain = (size_t)(json->at - text) == behind->offset + 2; /* nothing escaped, no blanks */
    learn(guess, text, plain ? (size_t)(json->at - text) : SIZE_MAX, *role, behind->fields);
    return true;
}

enum pl__search pl__fields_search(struct pl__fields *f, struct pl_json *json, struct pl__branch branch,
                                  struct pl__found *found) {
    bool whole = branch.offset == 0 && branch.fields == f->looked_for;
    if (!pl_json_enter(json, '{')) return PL__SEARCH_FAILED;
    for (unsigned place = 0; pl_json_more(json, '}'); place++) {
        struct pl__branch behind;
        struct pl__token token;
        int role;
        pl_json_peek(json); /* past blanks */
        if (!(whole ? read_key_of_line(f, json, place, &role, &behind) : read_key(f, json, branch, &role, &behind)))
            return PL__SEARCH_FAILED;
        if (role == PL__NO_ROLE && behind.fields && pl_json_peek(json) == '{') {
            enum pl__search inner = pl__fields_search(f, json, behind, found); /* as deep as PL_JSON_DEPTH */
            if (inner != PL__SEARCHED) return inner;
            continue;
        }
        if (!pl__token_read(json, &token)) return PL__SEARCH_FAILED;
        if (role != PL__NO_ROLE && !pl__found_enter(found, (unsigned)role, &token)) return PL__SEARCH_TWICE;
    }
    return json->failed ? PL__SEARCH_FAILED : PL__SEARCHED;
}
