#include "program_keys.h"

#include <xxhash.h>

#include <potline/alloc.h>

enum { FIRST_ROOM = 64 };

struct pl_program_key {
    uint64_t hash; /* 0: free */
    uint64_t size; /* of key and value; 0: it is gone */
};

void pl_program_keys_fini(struct pl_program_keys *keys) {
    pl_free(keys->at);
    *keys = (struct pl_program_keys){0};
}

/* Its place, or a free one; there always is one. */
static struct pl_program_key *find(struct pl_program_key *at, uint32_t room, uint64_t hash) {
    uint32_t i = (uint32_t)hash & (room - 1);
    while (at[i].hash && at[i].hash != hash)
        i = (i + 1) & (room - 1);
    return &at[i];
}

/* Twice as large where that is needed, without those that are gone. */
static bool grow(struct pl_program_keys *keys) {
    uint32_t live = 0;
    for (uint32_t i = 0; i < keys->room; i++)
        live += keys->at[i].size > 0;
    uint32_t room = keys->room ? keys->room : FIRST_ROOM;
    while (live >= room / 4)
        room *= 2;
    struct pl_program_key *at = room > UINT32_MAX / 4 ? NULL : pl_alloc(room * sizeof *at);
    if (!at) return false;
    for (uint32_t i = 0; i < keys->room; i++)
        if (keys->at[i].size) *find(at, room, keys->at[i].hash) = keys->at[i];
    pl_free(keys->at);
    keys->at = at;
    keys->room = room;
    keys->used = live;
    return true;
}

void pl_program_keys_note(struct pl_program_keys *keys, const struct pl_state_entry *entry) {
    uint64_t hash = XXH3_64bits(entry->key, entry->key_size) | 1; /* never 0 */
    if (keys->used >= keys->room / 2 && !grow(keys)) {
        keys->failed = true;
        return;
    }
    struct pl_program_key *key = find(keys->at, keys->room, hash);
    keys->used += !key->hash;
    keys->bytes -= key->size;
    *key =
        (struct pl_program_key){.hash = hash, .size = entry->value ? entry->key_size + (uint64_t)entry->value_size : 0};
    keys->bytes += key->size;
}

bool pl_program_keys_fit(const struct pl_program_keys *keys, int64_t limit) {
    return !keys->failed && (!limit || keys->bytes <= (uint64_t)limit);
}
