#include "dictionary.h"

#include <potline/alloc.h>
#include <string.h>

void pl_dictionary_fini(struct pl_dictionary *dictionary) {
    pl_free(dictionary->places);
    pl_free(dictionary->ids);
    memset(dictionary, 0, sizeof(*dictionary));
}

bool pl_dictionary_begin(struct pl_dictionary *dictionary, uint32_t ids, uint32_t most) {
    if (ids > dictionary->room) {
        uint32_t room = ids + ids / 2;
        uint64_t *places = pl_alloc(room * sizeof(*places));
        if (!places) return false;
        pl_free(dictionary->places);
        dictionary->places = places;
        dictionary->room = room;
        dictionary->batch = 0;
    }
    if (most > dictionary->ids_room) {
        uint32_t *list = pl_realloc(dictionary->ids, most * sizeof(*list));
        if (!list) return false;
        dictionary->ids = list;
        dictionary->ids_room = most;
    }
    if (++dictionary->batch == 0) { /* once in four thousand million batches */
        memset(dictionary->places, 0, dictionary->room * sizeof(*dictionary->places));
        dictionary->batch = 1;
    }
    dictionary->count = 0;
    return true;
}

void pl_dictionary_map(struct pl_dictionary *dictionary, const uint32_t *ids, uint32_t *places, uint32_t count) {
    uint64_t *known = dictionary->places;
    uint32_t batch = dictionary->batch;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t place = known[ids[i]];
        if (PL_UNLIKELY(place >> 32 != batch)) {
            dictionary->ids[dictionary->count] = ids[i];
            place = (uint64_t)batch << 32 | dictionary->count++;
            known[ids[i]] = place;
        }
        places[i] = (uint32_t)place;
    }
}
