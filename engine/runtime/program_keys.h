/* program_keys.h: how much a program keeps: the size of what stands under each key of its state, by a hash of the key.
 *
 * Sixteen bytes a key, so that a program which saves ever new keys is held to its limit without its state being held
 * here.
 */
#ifndef POTLINE_PROGRAM_KEYS_H
#define POTLINE_PROGRAM_KEYS_H

#include "store/state.h"

struct pl_program_keys {
    struct pl_program_key *at; /* a table with open addressing */
    uint32_t room, used;       /* places; those that are taken, also by keys that are gone */
    uint64_t bytes;
    bool failed; /* no memory */
};

void pl_program_keys_fini(struct pl_program_keys *keys); /* and it is empty */
void pl_program_keys_note(struct pl_program_keys *keys, const struct pl_state_entry *entry);
bool pl_program_keys_fit(const struct pl_program_keys *keys, int64_t limit); /* 0: no limit */

#endif
