/* key_impl.h: what key.c and seal.c share. */
#ifndef POTLINE_STORE_KEY_IMPL_H
#define POTLINE_STORE_KEY_IMPL_H

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/key.h"

enum { PL__KEY_SPARE = 16 };

/* On a page of its own, which can be locked. */
struct pl__secrets {
    uint8_t cipher[32];
    uint8_t mac[32];
};

struct pl_store_key {
    _Atomic unsigned refs;
    char id[PL_STORE_KEY_ID];
    struct pl__secrets *secrets;
    pthread_mutex_t lock;                 /* guards what follows */
    EVP_CIPHER_CTX *spare[PL__KEY_SPARE]; /* with the key set up, for whoever comes next */
    unsigned spares;
};

#endif
