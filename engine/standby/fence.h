/* fence.h: an engine that has taken over looks for the one whose place it has: when that one is there again, it is told
 * to end; should it have a newer generation, so do we. A thread that asks once in a while.
 */
#ifndef POTLINE_STANDBY_FENCE_H
#define POTLINE_STANDBY_FENCE_H

#include "standby/secret.h"
#include "store/store.h"

struct pl_fence;

struct pl_fence_options {
    struct pl_store *store;
    const char *key_id;                             /* of its key; "": in the clear */
    const char *endpoint;                           /* of the other one */
    const struct pl_standby_secret *secret;         /* borrowed until _new returns */
    void (*passed)(void *arg, uint64_t generation); /* as of a server (serve.h) */
    void *arg;
};

enum pl_code pl_fence_new(const struct pl_fence_options *options, struct pl_fence **fence, struct pl_error **error);
void pl_fence_free(struct pl_fence *fence); /* before the store's close; NULL is fine */

#endif
