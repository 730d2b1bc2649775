/* fields.h: the fields of a line that mean something, found wherever they stand (internal to the plugin).
 *
 * A field is one value by its path. Paths are followed without being put together: in an object that some of them lead
 * into, the members are held against what is left of each.
 */
#ifndef POTLINE_FIELDS_H
#define POTLINE_FIELDS_H

#include <potline/json.h>

#include <potline/abi.h>

/* A value as it stands in the line; strings without quotes and escapes. */
enum pl__token_type {
    PL__ABSENT,
    PL__NULL,
    PL__NUMBER,
    PL__STRING,
    PL__TRUE,
    PL__FALSE,
    PL__NESTED, /* an object or an array */
};

struct pl__token {
    const char *text; /* PL_SLACK bytes behind it can be read */
    uint32_t length;
    enum pl__token_type type;
};

enum pl__role { PL__TAG, PL__VALUE, PL__QUALITY, PL__ASSET, PL__TYPE, PL__TIME, PL__TIMES_MAX = 8 };
enum { PL__ROLES_MAX = PL__TIME + PL__TIMES_MAX };

/* Lines of one stream have the same members in the same order, mostly: the key that stood at a place the last time,
 * with its quotes and colon, and what it was. */
struct pl__guess {
    uint64_t word[2];
    uint64_t mask[2];
    uint32_t length; /* 0: none */
    int role;
    uint32_t behind; /* fields that the path leads to */
};

enum { PL__GUESSES = 16 };

struct pl__fields {
    struct pl__field_path {
        const char *path; /* borrowed; NULL: not looked for */
        uint32_t length;
    } field[PL__ROLES_MAX];
    uint32_t looked_for; /* a bit a role */
    struct pl__guess guess[PL__GUESSES];
};

/* Where a search stands: which fields the path so far leads to, and how much of their paths it is. */
struct pl__branch {
    uint32_t fields;
    uint32_t offset;
};

struct pl__found {
    struct pl__token token[PL__ROLES_MAX];
    uint32_t there; /* a bit a role */
};

enum { PL__NO_ROLE = -1 };

void pl__fields_look_for(struct pl__fields *fields, unsigned role, const char *path);
void pl__fields_forget(struct pl__fields *fields, unsigned role);

/* The role of the member `key` at `branch`, and the branch behind it. */
int pl__fields_role(const struct pl__fields *fields, struct pl__branch branch, const char *key, uint32_t length,
                    struct pl__branch *behind);

/* The next value. False: not JSON. */
bool pl__token_read(struct pl_json *json, struct pl__token *token);

/* Enters what a role has; false when it had something already. */
static inline bool pl__found_enter(struct pl__found *found, unsigned role, const struct pl__token *token) {
    if (found->there >> role & 1) return false;
    found->there |= 1u << role;
    found->token[role] = *token;
    return true;
}

/* All of an object, of which only the fields with their bits in `branch` matter. PL_SLACK bytes behind the text can be
 * read. */
enum pl__search { PL__SEARCHED, PL__SEARCH_FAILED, PL__SEARCH_TWICE };
enum pl__search pl__fields_search(struct pl__fields *fields, struct pl_json *json, struct pl__branch branch,
                                  struct pl__found *found);

#endif
