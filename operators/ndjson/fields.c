#include "fields.h"

#include <string.h>

void pl__fields_look_for(struct pl__fields *f, unsigned role, const char *path) {
    f->field[role] = (struct pl__field_path){path, (uint32_t)strlen(path)};
    f->looked_for |= 1u << role;
}

void pl__fields_forget(struct pl__fields *f, unsigned role) {
    f->looked_for &= ~(1u << role);
}

int pl__fields_role(const struct pl__fields *f, struct pl__branch branch, const char *key, uint32_t length,
                    struct pl__branch *behind) {
    *behind = (struct pl__branch){.offset = branch.offset + length + 1};
    for (uint32_t left = branch.fields; left; left &= left - 1) {
        int role = __builtin_ctz(left);
        const struct pl__field_path *field = &f->field[role];
        uint32_t rest = field->length - branch.offset;
        const char *path = field->path + branch.offset;
        if (rest < length || memcmp(path, key, length) != 0) continue;
        if (rest == length) return role;
        if (path[length] == '.' && rest > length + 1) behind->fields |= 1u << role;
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

enum pl__search pl__fields_search(const struct pl__fields *f, struct pl_json *json, struct pl__branch branch,
                                  struct pl__found *found) {
    const char *key;
    size_t length;
    if (!pl_json_enter(json, '{')) return PL__SEARCH_FAILED;
    while (pl_json_more(json, '}')) {
        struct pl__branch behind;
        struct pl__token token;
        if (!pl_json_key(json, &key, &length)) return PL__SEARCH_FAILED;
        int role = pl__fields_role(f, branch, key, (uint32_t)length, &behind);
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
