#include "rules.h"

#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

struct rules_literal {
    const char *name;
    uint32_t rule;
};

uint64_t rules_hash(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text) {
    return rules_hash(hash, text, strlen(text) + 1);
}

/* A rule's state is found by its name; of one without a name, by what it says and how many said the same before. */
static int64_t key_of(const struct rule *rule, uint32_t ordinal) {
    uint64_t hash = hash_text(RULES_HASH_START, rule->name);
    if (!*rule->name) {
        hash = rules_hash(hash, &rule->above, sizeof rule->above);
        hash = rules_hash(hash, &rule->below, sizeof rule->below);
        for (uint32_t i = 0; i < rule->tags.count; i++)
            hash = hash_text(hash, rule->tags.items[i]);
    }
    return (int64_t)(hash ^ ordinal * UINT64_C(0x9e3779b97f4a7c15));
}

struct keyed {
    int64_t key;
    uint32_t rule;
};

static int by_key(const void *a, const void *b) {
    const struct keyed *left = a, *right = b;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    return left->rule < right->rule ? -1 : left->rule > right->rule;
}

static bool make_keys(struct rules *rules) {
    struct keyed *keyed = pl_alloc((rules->count + 1) * sizeof *keyed);
    rules->key = pl_alloc((rules->count + 1) * sizeof *rules->key);
    if (!keyed || !rules->key) {
        pl_free(keyed);
        return false;
    }
    for (uint32_t i = 0; i < rules->count; i++)
        keyed[i] = (struct keyed){.key = key_of(&rules->rule[i], 0), .rule = i};
    qsort(keyed, rules->count, sizeof *keyed, by_key);
    for (uint32_t i = 0, ordinal = 0; i < rules->count; i++) {
        ordinal = i && keyed[i].key == keyed[i - 1].key ? ordinal + 1 : 0;
        rules->key[keyed[i].rule] = key_of(&rules->rule[keyed[i].rule], ordinal);
    }
    pl_free(keyed);
    return true;
}

static bool has_wildcard(const char *pattern) {
    return strpbrk(pattern, "*?{") != NULL;
}

static int by_literal(const void *a, const void *b) {
    const struct rules_literal *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    if (order) return order;
    return left->rule < right->rule ? -1 : left->rule > right->rule;
}

static bool sort_patterns(struct rules *rules) {
    size_t patterns = 0;
    for (uint32_t i = 0; i < rules->count; i++)
        patterns += rules->rule[i].tags.count;
    rules->literal = pl_alloc((patterns + 1) * sizeof *rules->literal);
    rules->globs = pl_alloc((rules->count + 1) * sizeof *rules->globs);
    if (!rules->literal || !rules->globs) return false;
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct pl_strings *tags = &rules->rule[i].tags;
        bool glob = false;
        for (uint32_t k = 0; k < tags->count; k++)
            glob = glob || has_wildcard(tags->items[k]);
        if (glob) rules->globs[rules->glob_count++] = i;
        for (uint32_t k = 0; !glob && k < tags->count; k++)
            rules->literal[rules->literals++] = (struct rules_literal){.name = tags->items[k], .rule = i};
    }
    qsort(rules->literal, rules->literals, sizeof *rules->literal, by_literal);
    return true;
}

bool rules_init(struct rules *rules, struct pl_tags *tags, const struct pl_list *list) {
    *rules = (struct rules){.tags = tags, .rule = list->items, .count = list->count};
    return make_keys(rules) && sort_patterns(rules);
}

void rules_fini(struct rules *rules) {
    pl_free(rules->key);
    pl_free(rules->literal);
    pl_free(rules->globs);
    pl_free(rules->of);
    pl_free(rules->pool);
    *rules = (struct rules){0};
}

bool rules_prepare(struct rules *rules) {
    uint32_t count = pl_tags_count(rules->tags);
    if (count <= rules->of_room) return true;
    uint32_t room = count + count / 2;
    struct rules_of *grown = pl_realloc(rules->of, room * sizeof *grown);
    if (!grown) return false;
    memset(grown + rules->of_room, 0, (room - rules->of_room) * sizeof *grown);
    rules->of = grown;
    rules->of_room = room;
    return true;
}

static bool add(struct rules *rules, struct rules_of *of, uint32_t rule) {
    if (rules->pool_count == rules->pool_room) {
        uint32_t room = rules->pool_room * 2 + 64;
        uint32_t *grown = pl_realloc(rules->pool, room * sizeof *grown);
        if (!grown) return false;
        rules->pool = grown;
        rules->pool_room = room;
    }
    for (uint32_t i = 0; i < of->count; i++) {
        if (rules->pool[of->first + i] == rule) return true; /* named twice in one rule */
    }
    rules->pool[of->first + of->count++] = rule;
    rules->pool_count++;
    return true;
}

static uint32_t first_literal(const struct rules *rules, const char *name) {
    uint32_t low = 0, high = rules->literals;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(rules->literal[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool fits(const struct rule *rule, const char *name) {
    for (uint32_t i = 0; i < rule->tags.count; i++) {
        if (pl_glob(rule->tags.items[i], name)) return true;
    }
    return false;
}

static int by_number(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

bool rules_ask(struct rules *rules, uint32_t tag) {
    const char *name = pl_tags_get(rules->tags, tag)->name;
    struct rules_of *of = &rules->of[tag];
    bool good = true;
    *of = (struct rules_of){.first = rules->pool_count};
    for (uint32_t i = first_literal(rules, name); good && i < rules->literals; i++) {
        if (strcmp(rules->literal[i].name, name) != 0) break;
        good = add(rules, of, rules->literal[i].rule);
    }
    for (uint32_t i = 0; good && i < rules->glob_count; i++) {
        if (fits(&rules->rule[rules->globs[i]], name)) good = add(rules, of, rules->globs[i]);
    }
    if (of->count) qsort(rules->pool + of->first, of->count, sizeof *rules->pool, by_number);
    of->known = good;
    if (!good) {
        rules->pool_count = of->first;
        of->count = 0;
    }
    return good;
}

const struct rule *rules_keyed(const struct rules *rules, uint32_t tag, int64_t key) {
    const struct rules_of *of = &rules->of[tag];
    for (uint32_t i = 0; i < of->count; i++) {
        uint32_t rule = rules->pool[of->first + i];
        if (rules->key[rule] == key) return &rules->rule[rule];
    }
    return NULL;
}
