#include "tags.h"

#include <math.h>
#include <potline/alloc.h>
#include <potline/text.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

#include "name.h"

/* Readers take no lock. They find an id in the table of hashes, whose slots are filled once; the slot is stored with
 * release after the entry is complete and loaded with acquire. A table that has become too small is replaced by a
 * bigger one and kept until the end, for readers may still be in it: one that misses a name there looks again under the
 * lock before it enters the name. */

enum {
    CHUNK_LOG2 = 10,
    CHUNK = 1 << CHUNK_LOG2, /* entries */
    TEXT_BLOCK = 64 << 10,
    FIRST_SLOTS = 1 << 10,
    DEFAULT_LIMIT = 1000000,
};

struct entry {
    struct pl_tag tag;
    const char *description;  /* that the graph declares; NULL: none */
    struct pl_tag_text *told; /* under the lock; NULL: nothing */
};

/* A slot is 0 or the upper half of a name's hash above its id. */
struct table {
    struct table *older;
    uint32_t mask;
    uint64_t slots[];
};

struct text_block {
    struct text_block *older;
    char text[TEXT_BLOCK];
};

struct pl_tags {
    struct table *table; /* atomic */
    uint32_t count;      /* atomic */
    uint32_t limit;
    unsigned key_depth;
    const struct pl_tag_rule *rules;
    unsigned rule_count;
    const char *const *broadcast;
    pthread_mutex_t lock; /* of everything below, and of writing what is above */
    struct text_block *text;
    size_t text_used;
    struct entry *chunks[]; /* one for each CHUNK ids of the limit */
};

static struct entry *entry_of(const struct pl_tags *tags, uint32_t id) {
    return &tags->chunks[id >> CHUNK_LOG2][id & (CHUNK - 1)];
}

/* ---- What a name says ---- */

/* The first `depth` parts of the path. A tag and its asset share them, and with them the partition. */
static size_t key_length(const char *name, size_t length, unsigned depth) {
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '.' && i > 0 && --depth == 0) return i;
    }
    return length;
}

/* The first rule that fits and declares a thing gives it. */
static void apply_rules(const struct pl_tags *tags, struct entry *entry) {
    struct pl_tag *tag = &entry->tag;
    bool unit = false, range = false, states = false;
    for (unsigned i = 0; i < tags->rule_count && !(unit && range && states && entry->description); i++) {
        const struct pl_tag_rule *rule = &tags->rules[i];
        bool gives_unit = !unit && rule->unit && *rule->unit;
        bool gives_range = !range && (rule->low > -INFINITY || rule->high < INFINITY);
        bool gives_states = !states && rule->states.count;
        bool gives_description = !entry->description && rule->description && *rule->description;
        if (!(gives_unit || gives_range || gives_states || gives_description) || !pl_glob(rule->match, tag->name))
            continue;
        if (gives_description) entry->description = rule->description;
        if (gives_unit) {
            unit = true;
            tag->unit = rule->unit;
        }
        if (gives_range) {
            range = true;
            tag->low = rule->low;
            tag->high = rule->high;
        }
        if (gives_states) {
            states = true;
            tag->states = (uint16_t)rule->states.count;
            tag->state = (const char *const *)rule->states.items;
        }
    }
}

static bool is_broadcast(const struct pl_tags *tags, const char *name) {
    for (const char *const *glob = tags->broadcast; glob && *glob; glob++) {
        if (pl_glob(*glob, name)) return true;
    }
    return false;
}

static void describe(const struct pl_tags *tags, struct entry *entry) {
    struct pl_tag *tag = &entry->tag;
    size_t key = key_length(tag->name, tag->length, tags->key_depth);
    tag->unit = "";
    tag->low = -INFINITY;
    tag->high = INFINITY;
    tag->group = (uint8_t)(XXH3_64bits(tag->name, key) % 256);
    tag->broadcast = is_broadcast(tags, tag->name);
    apply_rules(tags, entry);
}

/* ---- Life ---- */

static struct table *table_new(uint32_t slots, struct table *older) {
    struct table *table = pl_alloc(sizeof(*table) + slots * sizeof(table->slots[0]));
    if (!table) return NULL;
    table->older = older;
    table->mask = slots - 1;
    return table;
}

/* Room for an entry and its text; NULL without memory. The entry's id is the count of entries now. */
static struct entry *entry_new(struct pl_tags *tags, const char *name, size_t length) {
    uint32_t id = tags->count;
    struct entry **chunk = &tags->chunks[id >> CHUNK_LOG2];
    if (!*chunk) *chunk = pl_alloc(CHUNK * sizeof(struct entry));
    if (!*chunk) return NULL;
    if (!tags->text || tags->text_used + length + 1 > TEXT_BLOCK) {
        struct text_block *block = pl_alloc(sizeof(*block));
        if (!block) return NULL;
        block->older = tags->text;
        tags->text = block;
        tags->text_used = 0;
    }
    char *text = tags->text->text + tags->text_used;
    memcpy(text, name, length);
    text[length] = 0;
    tags->text_used += length + 1;
    struct entry *entry = &(*chunk)[id & (CHUNK - 1)];
    *entry = (struct entry){.tag = {.name = text, .length = (uint8_t)length, .id = id}};
    return entry;
}

struct pl_tags *pl_tags_new(const struct pl_tags_options *options) {
    uint32_t limit = options && options->limit ? options->limit : DEFAULT_LIMIT;
    if (limit >= PL_NO_ID) limit = PL_NO_ID - 1;
    size_t chunks = ((size_t)limit >> CHUNK_LOG2) + 1;
    struct pl_tags *tags = pl_alloc(sizeof(*tags) + chunks * sizeof(tags->chunks[0]));
    if (!tags) return NULL;
    pthread_mutex_init(&tags->lock, NULL);
    tags->limit = limit;
    tags->key_depth = options && options->key_depth ? options->key_depth : 1;
    if (options) {
        tags->rules = options->rules;
        tags->rule_count = options->rule_count;
        tags->broadcast = options->broadcast;
    }
    tags->table = table_new(FIRST_SLOTS, NULL);
    struct entry *first = tags->table ? entry_new(tags, "", 0) : NULL;
    if (!first) {
        pl_tags_free(tags);
        return NULL;
    }
    struct pl_tag *empty = &first->tag;
    empty->unit = "";
    empty->low = -INFINITY;
    empty->high = INFINITY;
    empty->group = (uint8_t)(XXH3_64bits("", 0) % 256);
    tags->count = 1;
    return tags;
}

void pl_tags_free(struct pl_tags *tags) {
    if (!tags) return;
    for (struct table *table = tags->table, *older; table; table = older) {
        older = table->older;
        pl_free(table);
    }
    for (struct text_block *block = tags->text, *older; block; block = older) {
        older = block->older;
        pl_free(block);
    }
    for (uint32_t id = 0; id < tags->count; id++)
        pl_free(entry_of(tags, id)->told);
    for (size_t i = 0; i <= tags->limit >> CHUNK_LOG2; i++)
        pl_free(tags->chunks[i]);
    pthread_mutex_destroy(&tags->lock);
    pl_free(tags);
}

/* ---- Reading ---- */

uint32_t pl_tags_limit(const struct pl_tags *tags) {
    return tags->limit;
}

uint32_t pl_tags_count(const struct pl_tags *tags) {
    return __atomic_load_n(&tags->count, __ATOMIC_ACQUIRE);
}

const struct pl_tag *pl_tags_get(const struct pl_tags *tags, uint32_t id) {
    return &entry_of(tags, id)->tag;
}

static uint32_t table_find(const struct pl_tags *tags, const struct table *table, uint64_t hash, const char *name,
                           size_t length) {
    for (uint32_t at = (uint32_t)hash & table->mask;; at = (at + 1) & table->mask) {
        uint64_t slot = __atomic_load_n(&table->slots[at], __ATOMIC_ACQUIRE);
        if (!slot) return PL_NO_ID;
        if (slot >> 32 != hash >> 32) continue;
        const struct pl_tag *tag = pl_tags_get(tags, (uint32_t)slot);
        if (tag->length == length && memcmp(tag->name, name, length) == 0) return tag->id;
    }
}

static uint32_t find(const struct pl_tags *tags, uint64_t hash, const char *name, size_t length) {
    return table_find(tags, __atomic_load_n(&tags->table, __ATOMIC_ACQUIRE), hash, name, length);
}

uint32_t pl_tags_find(const struct pl_tags *tags, const char *name, size_t length) {
    if (length == 0) return 0;
    if (length > PL_NAME_MAX) return PL_NO_ID;
    return find(tags, XXH3_64bits(name, length), name, length);
}

int pl_tag_state(const struct pl_tag *tag, const char *text, size_t length) {
    if (!tag->states) {
        if (length == 4 && strncasecmp(text, "true", 4) == 0) return 1;
        if (length == 5 && strncasecmp(text, "false", 5) == 0) return 0;
        return -1;
    }
    for (int i = 0; i < tag->states; i++) {
        if (strlen(tag->state[i]) == length && memcmp(tag->state[i], text, length) == 0) return i;
    }
    return -1;
}

/* ---- Entering; under the lock ---- */

static void table_put(struct table *table, uint64_t hash, uint32_t id) {
    uint32_t at = (uint32_t)hash & table->mask;
    while (table->slots[at])
        at = (at + 1) & table->mask;
    __atomic_store_n(&table->slots[at], (hash >> 32 << 32) | id, __ATOMIC_RELEASE);
}

/* At most half of the slots are in use, so a search always ends. */
static bool table_grow(struct pl_tags *tags) {
    struct table *old = tags->table;
    if ((uint64_t)tags->count * 2 <= old->mask) return true;
    struct table *table = table_new((old->mask + 1) * 2, old);
    if (!table) return false;
    for (uint32_t id = 1; id < tags->count; id++) {
        const struct pl_tag *tag = pl_tags_get(tags, id);
        table_put(table, XXH3_64bits(tag->name, tag->length), id);
    }
    __atomic_store_n(&tags->table, table, __ATOMIC_RELEASE);
    return true;
}

static uint32_t enter(struct pl_tags *tags, const char *name, size_t length, uint32_t asset) {
    uint64_t hash = XXH3_64bits(name, length);
    uint32_t id = find(tags, hash, name, length);
    if (id != PL_NO_ID) return id;
    if (tags->count > tags->limit || !table_grow(tags)) return PL_NO_ID;
    struct entry *entry = entry_new(tags, name, length);
    if (!entry) return PL_NO_ID;
    id = entry->tag.id;
    entry->tag.asset = asset;
    describe(tags, entry);
    table_put(tags->table, hash, id);
    __atomic_store_n(&tags->count, id + 1, __ATOMIC_RELEASE);
    return id;
}

/* Enters the assets above a name, the topmost first, then the name itself. */
static uint32_t enter_path(struct pl_tags *tags, const char *name, size_t length) {
    uint32_t asset = 0;
    for (size_t end = 1; end < length; end++) {
        if (name[end] != '.') continue;
        asset = enter(tags, name, end, asset);
        if (asset == PL_NO_ID) return PL_NO_ID;
    }
    return enter(tags, name, length, asset);
}

uint32_t pl_tags_intern(struct pl_tags *tags, const char *name, size_t length) {
    uint32_t id = pl_tags_find(tags, name, length);
    if (id != PL_NO_ID || !pl_name_valid(name, length)) return id;
    pthread_mutex_lock(&tags->lock);
    id = enter_path(tags, name, length);
    pthread_mutex_unlock(&tags->lock);
    return id;
}

/* ---- For people ---- */

/* False: it says nothing. */
static bool take_text(char *to, size_t size, const char *from) {
    size_t length = strlen(from);
    if (!length || !pl_name_valid(from, length)) return false;
    pl_text_copy(to, size, from, length);
    return true;
}

bool pl_tags_tell(struct pl_tags *tags, uint32_t id, const char *unit, const char *description,
                  struct pl_tag_text told[2]) {
    struct entry *entry = entry_of(tags, id);
    pthread_mutex_lock(&tags->lock);
    told[0] = entry->told ? *entry->told : (struct pl_tag_text){.unit = ""};
    told[1] = told[0];
    bool says = take_text(told[1].unit, sizeof told[1].unit, unit);
    says |= take_text(told[1].description, sizeof told[1].description, description);
    if (says && !entry->told) entry->told = PL_NEW(struct pl_tag_text);
    bool good = !says || entry->told;
    if (says && good) *entry->told = told[1];
    pthread_mutex_unlock(&tags->lock);
    return good;
}

void pl_tags_told(struct pl_tags *tags, uint32_t id, struct pl_tag_text *told) {
    const struct entry *entry = entry_of(tags, id);
    pthread_mutex_lock(&tags->lock);
    *told = entry->told ? *entry->told : (struct pl_tag_text){.unit = ""};
    pthread_mutex_unlock(&tags->lock);
}

void pl_tags_text(struct pl_tags *tags, uint32_t id, struct pl_tag_text *text) {
    const struct entry *entry = entry_of(tags, id);
    const char *own = entry->description ? entry->description : "";
    pl_tags_told(tags, id, text);
    if (*entry->tag.unit) pl_text_copy(text->unit, sizeof text->unit, entry->tag.unit, strlen(entry->tag.unit));
    if (*own) pl_text_copy(text->description, sizeof text->description, own, strlen(own));
}
