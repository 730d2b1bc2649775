#include "names.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include <potline/alloc.h>

enum { SLOTS_FIRST = 1024, MISTRUST = 8, SLOTS_MAX = 1 << 22, RAW_MAX = 4 * PL_NAME_MAX };

/* What matched the rules, in the making. */
struct candidate {
    char text[RAW_MAX];
    uint32_t length;
};

/* ---- What a name means ---- */

/* A quoted field's text: without its quotes, doubled ones single. False when something follows the closing quote. */
static bool unquote(const char *text, uint32_t length, char quote, struct candidate *out) {
    const char *end = text + length;
    for (text++; text < end; text++) {
        if (*text == quote && (++text == end || *text != quote)) return text == end;
        out->text[out->length++] = *text;
    }
    return false;
}

static bool clean(const struct pl_names *names, const char *text, uint32_t length, struct candidate *out) {
    out->length = 0;
    while (length && *text == ' ')
        text++, length--;
    while (length && text[length - 1] == ' ')
        length--;
    if (length == 0 || length >= sizeof(out->text)) return false;
    if (names->quote && *text == names->quote) return unquote(text, length, names->quote, out);
    memcpy(out->text, text, length);
    out->length = length;
    return true;
}

static bool any_fits(const struct pl_strings *patterns, const char *name) {
    for (uint32_t i = 0; i < patterns->count; i++) {
        if (pl_glob(patterns->items[i], name)) return true;
    }
    return false;
}

static const char *renamed(const struct pl_list *list, const char *name) {
    const struct pl_rename *rename = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(rename[i].name, name) == 0) return rename[i].tag;
    }
    return NULL;
}

uint32_t pl_names_resolve(const struct pl_names *names, const char *text, uint32_t length) {
    const struct pl_naming *naming = names->naming;
    struct candidate raw;
    if (!clean(names, text, length, &raw) || raw.length == 0 || memchr(raw.text, 0, raw.length)) return PL_NO_ID;
    raw.text[raw.length] = 0;
    if (naming->include.count && !any_fits(&naming->include, raw.text)) return PL_NAMES_LEFT_OUT;
    if (any_fits(&naming->exclude, raw.text)) return PL_NAMES_LEFT_OUT;
    const char *tag = renamed(&naming->rename, raw.text);
    if (tag) return pl_tags_intern(names->tags, tag, strlen(tag));
    size_t prefix = strlen(naming->prefix);
    char full[PL_NAME_MAX];
    if (prefix + raw.length > sizeof(full)) return PL_NO_ID;
    memcpy(full, naming->prefix, prefix);
    memcpy(full + prefix, raw.text, raw.length);
    return pl_tags_intern(names->tags, full, prefix + raw.length);
}

/* ---- The table ---- */

/* A name on its way into the table. */
struct entry {
    const char *text;
    uint32_t length;
    struct pl_name_key key;
    uint64_t hash;
};

static struct entry entry_of(const struct pl_names *names, const char *text, uint32_t length) {
    struct entry entry = {.text = text, .length = length};
    if (length <= PL_NAMES_SHORT) {
        entry.key = pl_names_key(text, length);
        entry.hash = pl_names_hash(names->seed, &entry.key, length);
        return entry;
    }
    entry.hash = names->seed;
    for (uint32_t at = 0; at < length; at += 16) {
        entry.key = pl_names_key(text + at, length - at < 16 ? length - at : 16);
        entry.hash = pl_names_hash(entry.hash, &entry.key, length);
    }
    return entry;
}

static struct pl_name *find_slot(const struct pl_names *names, const struct entry *entry) {
    for (uint64_t i = entry->hash;; i++) {
        struct pl_name *name = &names->slots[i & names->mask];
        if (name->length == 0) return name;
        if (name->hash != entry->hash || name->length != entry->length) continue;
        if (name->far ? memcmp(name->far, entry->text, entry->length) == 0
                      : pl_names_equal(name, &entry->key, entry->length)) {
            return name;
        }
    }
}

static void move_to(struct pl_names *names, const struct pl_name *name) {
    uint64_t i = name->hash;
    while (names->slots[i & names->mask].length)
        i++;
    names->slots[i & names->mask] = *name;
    names->slots[i & names->mask].next = 0;
}

static bool grow(struct pl_names *names) {
    uint32_t slots = names->slots ? 2 * (names->mask + 1) : SLOTS_FIRST;
    if (slots > SLOTS_MAX) return false;
    struct pl_name *old = names->slots, *made = pl_alloc_aligned(64, slots * sizeof(*made));
    if (!made) return false;
    memset(made, 0, slots * sizeof(*made));
    uint32_t count = old ? names->mask + 1 : 0;
    names->slots = made;
    names->mask = slots - 1;
    names->last = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (old[i].length) move_to(names, &old[i]);
    }
    pl_free(old);
    return true;
}

static struct pl_name *enter(struct pl_names *names, const struct entry *entry, uint32_t id) {
    struct pl_name *slot = find_slot(names, entry);
    if (entry->length > PL_NAMES_SHORT) {
        slot->far = pl_alloc(entry->length);
        if (!slot->far) return NULL;
        memcpy(slot->far, entry->text, entry->length);
    }
    slot->key = entry->key;
    slot->hash = entry->hash;
    slot->length = entry->length;
    slot->id = id;
    names->used++;
    if (id >= PL_NAMES_LEFT_OUT) names->spare++;
    return slot;
}

static const struct pl_name *add(struct pl_names *names, const struct entry *entry, uint32_t *id) {
    *id = pl_names_resolve(names, entry->text, entry->length);
    if (*id >= PL_NAMES_LEFT_OUT && names->spare == PL_NAMES_SPARE) return NULL;
    if (2 * (names->used + 1) > names->mask + 1 && !grow(names)) return NULL;
    return enter(names, entry, *id);
}

/* Learns which name follows which, and whether that is worth a guess. */
static void learn(struct pl_names *names, const struct pl_name *slot) {
    uint32_t found = (uint32_t)(slot - names->slots), *guess = &names->slots[names->last].next;
    if (names->trust >= 0) {
        names->trust -= MISTRUST;
        if (names->trust < 0) names->trust = -PL_NAMES_TRUST;
    } else {
        names->trust = *guess == found ? names->trust + 1 : -PL_NAMES_TRUST;
    }
    *guess = found;
    names->last = found;
}

uint32_t pl_names_find_any(struct pl_names *names, const char *text, uint32_t length) {
    if (length == 0 || length > RAW_MAX) return PL_NO_ID;
    struct entry entry = entry_of(names, text, length);
    const struct pl_name *slot = find_slot(names, &entry);
    uint32_t id = slot->id;
    if (!slot->length) slot = add(names, &entry, &id);
    if (slot) learn(names, slot);
    return id;
}

bool pl_names_init(struct pl_names *names, struct pl_tags *tags, const struct pl_naming *naming, char quote) {
    *names = (struct pl_names){.tags = tags, .naming = naming, .quote = quote, .trust = PL_NAMES_TRUST};
    /* A seed of the process: who chooses the names in the text cannot make them collide. */
    if (getrandom(&names->seed, sizeof(names->seed), GRND_NONBLOCK) < 0) names->seed = (uintptr_t)names;
    return grow(names);
}

void pl_names_fini(struct pl_names *names) {
    for (uint32_t i = 0; names->slots && i <= names->mask; i++) {
        pl_free(names->slots[i].far);
    }
    pl_free(names->slots);
    names->slots = NULL;
}
