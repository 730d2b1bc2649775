/* names.h: from the bytes of a tag field to the tag's id, without asking the registry for each row.
 *
 * A local, open-addressed table keyed by the bytes as they stand in the text (quotes and all). What a name means is
 * worked out once, when it is first seen: unquoted, trimmed, renamed or prefixed, held against `include` and
 * `exclude`, then interned. One thread; streams that are read by one node share one table.
 *
 * Recordings go round their tags in the same order, so the first guess is the name that came next the last time; it
 * costs a comparison. Where guesses go wrong they are left out, until a run of them would have been right.
 *
 * The table is bounded by the registry's limit of names and, for names that are excluded or refused, by
 * PL_NAMES_SPARE; beyond that they are worked out again each time.
 */
#ifndef POTLINE_NAMES_H
#define POTLINE_NAMES_H

#include <potline/option.h>
#include <potline/tag.h>

#include "swar.h"

#define PL_NAMES_LEFT_OUT (PL_NO_ID - 1) /* excluded: the row is not wanted */

enum { PL_NAMES_SPARE = 1 << 16, PL_NAMES_SHORT = 32, PL_NAMES_TRUST = 64 };

/* What options say about names. */
struct pl_naming {
    const char *prefix;
    struct pl_strings include;
    struct pl_strings exclude;
    struct pl_list rename; /* struct pl_rename */
};

struct pl_rename {
    const char *name;
    const char *tag;
};

/* Up to PL_NAMES_SHORT characters as four words, which may overlap; the length tells names apart that share them. */
struct pl_name_key {
    uint64_t word[4];
};

struct pl_name {
    struct pl_name_key key;
    uint64_t hash;
    uint32_t length; /* 0: the slot is free */
    uint32_t id;
    char *far;     /* the text, when it is longer than PL_NAMES_SHORT; owned */
    uint32_t next; /* the slot of the name that came after this one the last time */
};

struct pl_names {
    struct pl_tags *tags;
    const struct pl_naming *naming;
    struct pl_name *slots;
    uint32_t mask;
    uint32_t last; /* the slot found last */
    int trust;     /* in guesses; below 0 none is tried */
    uint32_t used;
    uint32_t spare; /* entries that are no tags */
    uint64_t seed;
    char quote; /* 0: none */
};

/* `naming` is borrowed for the table's life. False without memory; pl_names_fini takes it all the same. */
bool pl_names_init(struct pl_names *names, struct pl_tags *tags, const struct pl_naming *naming, char quote);
void pl_names_fini(struct pl_names *names);

uint32_t pl_names_find_any(struct pl_names *names, const char *text, uint32_t length);

/* What pl_names_find answers for a name seen for the first time. */
uint32_t pl_names_resolve(const struct pl_names *names, const char *text, uint32_t length);

static inline struct pl_name_key pl_names_key(const char *text, uint32_t length) {
    const char *end = text + length;
    if (PL_LIKELY(length > 16)) {
        return (struct pl_name_key){
            {pl_swar_load(text), pl_swar_load(text + 8), pl_swar_load(end - 16), pl_swar_load(end - 8)}};
    }
    if (length >= 8) return (struct pl_name_key){{pl_swar_load(text), pl_swar_load(end - 8), 0, 0}};
    return (struct pl_name_key){{pl_swar_load(text) & ~(UINT64_MAX << 8 * length), 0, 0, 0}};
}

static inline uint64_t pl_names_hash(uint64_t seed, const struct pl_name_key *key, uint32_t length) {
    uint64_t a = (key->word[0] ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t b = key->word[1] * UINT64_C(0xc2b2ae3d27d4eb4f);
    uint64_t c = (key->word[2] + length) * UINT64_C(0x165667b19e3779f9);
    uint64_t d = key->word[3] * UINT64_C(0xd6e8feb86659fd93);
    uint64_t hash = (a ^ (b >> 29 | b << 35)) + (c ^ (d >> 31 | d << 33));
    return hash ^ hash >> 32;
}

static inline bool pl_names_equal(const struct pl_name *name, const struct pl_name_key *key, uint32_t length) {
    uint64_t difference = (name->key.word[0] ^ key->word[0]) | (name->key.word[1] ^ key->word[1]) |
                          (name->key.word[2] ^ key->word[2]) | (name->key.word[3] ^ key->word[3]);
    return (difference | (name->length ^ length)) == 0;
}

/* The id of the tag that the text names; PL_NO_ID when it cannot be one, PL_NAMES_LEFT_OUT when it is excluded. */
static inline uint32_t pl_names_find(struct pl_names *names, const char *text, uint32_t length) {
    if (PL_LIKELY(length - 1 < PL_NAMES_SHORT && names->trust >= 0)) {
        struct pl_name_key key = pl_names_key(text, length);
        uint32_t guess = names->slots[names->last].next;
        const struct pl_name *name = &names->slots[guess];
        if (PL_LIKELY(pl_names_equal(name, &key, length))) {
            names->trust = PL_NAMES_TRUST;
            names->last = guess;
            return name->id;
        }
    }
    return pl_names_find_any(names, text, length);
}

#endif
