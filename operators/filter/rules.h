/* rules.h: the rules of a threshold node, and which of them concern a tag.
 *
 * A graph may have a rule for each of thousands of tags (from a CSV file), so rules without a wildcard are found by
 * name and only those with one are tried in turn. Asked once for each tag.
 */
#ifndef POTLINE_FILTER_RULES_H
#define POTLINE_FILTER_RULES_H

#include <potline/option.h>
#include <potline/tag.h>

struct rule {
    const char *name;
    struct pl_strings tags;
    double above;
    double below;
    double hysteresis;
    pl_time lasting;
    int64_t severity;
    const char *message;
};

struct rules {
    struct pl_tags *tags;
    const struct rule *rule;
    uint32_t count;
    int64_t *key;                  /* [rule]: what its state is kept under, the same in every run */
    struct rules_literal *literal; /* by name */
    uint32_t literals;
    uint32_t *globs; /* the rules with wildcards */
    uint32_t glob_count;
    struct rules_of *of; /* [tag] */
    uint32_t of_room;
    uint32_t *pool;
    uint32_t pool_count;
    uint32_t pool_room;
};

/* The rules of one tag: `count` indexes in the pool from `first`. */
struct rules_of {
    uint32_t first;
    uint32_t count;
    uint8_t known;
};

/* False without memory. Ends with rules_fini in either case. */
bool rules_init(struct rules *rules, struct pl_tags *tags, const struct pl_list *list);
void rules_fini(struct rules *rules);

bool rules_prepare(struct rules *rules); /* for the tags there are; false without memory */

/* False without memory. */
bool rules_ask(struct rules *rules, uint32_t tag);

/* The rule whose state is kept under `key`, among those of the tag; NULL when there is none. */
const struct rule *rules_keyed(const struct rules *rules, uint32_t tag, int64_t key);

/* A hash that is the same in every run (FNV-1a, 64 bits, spread at the end). */
uint64_t rules_hash(uint64_t hash, const void *bytes, size_t size);
#define RULES_HASH_START UINT64_C(0xcbf29ce484222325)

#endif
