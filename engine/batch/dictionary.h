/* dictionary.h: the names that a batch uses, each with its place in the header's list of names.
 *
 * Going over a column of ids costs about a nanosecond a row: an id's place is looked up in an array by id, whose
 * entries are good only when they carry the number of the present batch, so that nothing is cleared between batches.
 */
#ifndef POTLINE_DICTIONARY_H
#define POTLINE_DICTIONARY_H

#include <stdbool.h>
#include <stdint.h>

struct pl_dictionary {
    uint64_t *places; /* by id: batch << 32 | place */
    uint32_t room;    /* entries of `places` */
    uint32_t batch;
    uint32_t *ids; /* by place */
    uint32_t ids_room;
    uint32_t count;
};

void pl_dictionary_fini(struct pl_dictionary *dictionary); /* a zeroed one is empty */

/* Begins a batch whose ids are all below `ids` and which holds at most `most` of them. False without memory. */
bool pl_dictionary_begin(struct pl_dictionary *dictionary, uint32_t ids, uint32_t most);

/* The places of `count` ids, in order; new names go to the end of the list. */
void pl_dictionary_map(struct pl_dictionary *dictionary, const uint32_t *ids, uint32_t *places, uint32_t count);

#endif
