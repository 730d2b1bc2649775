/* space.h: how much room ranges of keys take, and giving it back.
 *
 * Range deletes are small writes; what they cover is gone for readers at once. Its room comes back when RocksDB
 * rewrites the files it stands in, or at once for files that hold nothing else.
 */
#ifndef POTLINE_STORE_SPACE_H
#define POTLINE_STORE_SPACE_H

#include "store/store.h"

struct pl_store_range {
    const void *start; /* the first key */
    size_t start_size;
    const void *end; /* the first one behind it */
    size_t end_size;
};

/* About how many bytes of files lie in the range; what was written lately is not in files yet. */
uint64_t pl_store_range_bytes(const struct pl_store *store, enum pl_store_family family,
                              const struct pl_store_range *range);

/* The keys of the range are gone. */
enum pl_code pl_store_range_delete(struct pl_store *store, enum pl_store_family family,
                                   const struct pl_store_range *range, struct pl_error **error);

/* Removes files that hold nothing but keys of the range, which were deleted before. */
enum pl_code pl_store_range_free(struct pl_store *store, enum pl_store_family family,
                                 const struct pl_store_range *range, struct pl_error **error);

#endif
