/* key_testing.h: keys for tests. */
#ifndef POTLINE_KEY_TESTING_H
#define POTLINE_KEY_TESTING_H

#include <stdlib.h>
#include <string.h>

#include "store/key.h"

/* The key of 32 bytes `of`. */
static inline struct pl_store_key *make_key(char of) {
    uint8_t master[PL_STORE_KEY_MASTER];
    struct pl_store_key *key;
    memset(master, of, sizeof master);
    if (pl_store_key_new(master, &key, NULL)) abort();
    return key;
}

#endif
