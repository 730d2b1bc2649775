/* keys.h: what a window is over: the tag, its asset or its line; and the keys in the order of their names.
 *
 * Ids differ from one run to the next, names do not: windows that end at the same time leave in the order of their
 * keys' names, so a restored or replayed run gives its rows in the same order.
 */
#ifndef POTLINE_WINDOW_KEYS_H
#define POTLINE_WINDOW_KEYS_H

#include <potline/tag.h>

enum keys_by { KEYS_BY_TAG, KEYS_BY_ASSET, KEYS_BY_LINE };

struct keys {
    struct pl_tags *tags;
    enum keys_by by;
    unsigned depth;   /* of a line: parts of the asset's path */
    uint32_t *of_tag; /* [tag]: the key + 1, 0 not looked up yet */
    uint32_t tag_room;
    uint32_t *ordered; /* the keys there are, in order of name once keys_order was called */
    uint32_t count;
    uint32_t room;
    uint8_t *known; /* [key] */
    uint32_t known_room;
    bool sorted;
};

void keys_init(struct keys *keys, struct pl_tags *tags, enum keys_by by, unsigned depth);
void keys_fini(struct keys *keys);

/* Makes room for every tag there is, so that keys_of may be called for them. False without memory. */
bool keys_prepare(struct keys *keys);

uint32_t keys_find(struct keys *keys, uint32_t tag);

/* The key of a tag; a tag without asset is its own. PL_NO_ID when the registry has no room for the key's name. */
static inline uint32_t keys_of(struct keys *keys, uint32_t tag) {
    uint32_t key = keys->of_tag[tag];
    return key ? key - 1 : keys_find(keys, tag);
}

bool keys_add(struct keys *keys, uint32_t key); /* known already: true. False without memory */
void keys_order(struct keys *keys);

#endif
