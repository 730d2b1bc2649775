#include "keys.h"

#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

void keys_init(struct keys *keys, struct pl_tags *tags, enum keys_by by, unsigned depth) {
    *keys = (struct keys){.tags = tags, .by = by, .depth = depth, .sorted = true};
}

void keys_fini(struct keys *keys) {
    pl_free(keys->of_tag);
    pl_free(keys->ordered);
    pl_free(keys->known);
    *keys = (struct keys){0};
}

/* Grows an array of `width`-byte elements to hold index `last`; the new ones are zero. */
static bool grow(void *array, uint32_t *room, uint32_t last, size_t width) {
    if (last < *room) return true;
    uint32_t wanted = last < UINT32_MAX / 2 ? last + last / 2 + 64 : UINT32_MAX;
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = pl_realloc(old, wanted * width);
    if (!grown) return false;
    memset((char *)grown + *room * width, 0, (wanted - *room) * width);
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

bool keys_prepare(struct keys *keys) {
    if (keys->by == KEYS_BY_TAG) return true;
    return grow(&keys->of_tag, &keys->tag_room, pl_tags_count(keys->tags), sizeof *keys->of_tag);
}

static uint32_t line_of(struct keys *keys, uint32_t asset) {
    const struct pl_tag *entry = pl_tags_get(keys->tags, asset);
    unsigned parts = 0;
    for (size_t i = 0; i <= entry->length; i++) {
        bool end = i == entry->length || (entry->name[i] == '.' && i > 0);
        if (end && ++parts == keys->depth) return pl_tags_intern(keys->tags, entry->name, i);
    }
    return asset;
}

uint32_t keys_find(struct keys *keys, uint32_t tag) {
    uint32_t asset = pl_tags_get(keys->tags, tag)->asset;
    uint32_t key = asset;
    if (!asset)
        key = tag;
    else if (keys->by == KEYS_BY_LINE)
        key = line_of(keys, asset);
    if (key != PL_NO_ID) keys->of_tag[tag] = key + 1;
    return key;
}

bool keys_add(struct keys *keys, uint32_t key) {
    if (!grow(&keys->known, &keys->known_room, key, sizeof *keys->known)) return false;
    if (keys->known[key]) return true;
    if (!grow(&keys->ordered, &keys->room, keys->count, sizeof *keys->ordered)) return false;
    keys->known[key] = 1;
    keys->ordered[keys->count++] = key;
    keys->sorted = false;
    return true;
}

static int by_name(const void *a, const void *b, void *tags) {
    const struct pl_tag *left = pl_tags_get(tags, *(const uint32_t *)a);
    const struct pl_tag *right = pl_tags_get(tags, *(const uint32_t *)b);
    return strcmp(left->name, right->name);
}

void keys_order(struct keys *keys) {
    if (!keys->sorted) qsort_r(keys->ordered, keys->count, sizeof *keys->ordered, by_name, keys->tags);
    keys->sorted = true;
}
