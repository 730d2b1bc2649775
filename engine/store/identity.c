/* identity.c: a data folder's name for itself: made once, random, and carried along wherever the folder goes, so that
 * those who keep something of it elsewhere know it again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <potline/alloc.h>

#include "store/store_impl.h"

static const char identity_key[] = "identity";

enum pl_code pl__store_put_identity(struct pl_store *store, rocksdb_writebatch_t *writes, struct pl_error **error) {
    char text[PL_STORE_IDENTITY];
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return pl_error_set(error, PL_IO, "%s: the system gives no random numbers", store->path);
    snprintf(text, sizeof text, "%016" PRIx64, number);
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], identity_key, strlen(identity_key), text,
                              strlen(text));
    return PL_OK;
}

enum pl_code pl_store_identity(struct pl_store *store, char identity[PL_STORE_IDENTITY], struct pl_error **error) {
    void *value = NULL;
    size_t size;
    identity[0] = 0;
    enum pl_code code = pl_store_get(store, PL_STORE_META, identity_key, strlen(identity_key), &value, &size, error);
    if (!code && size == PL_STORE_IDENTITY - 1 && strspn(value, "0123456789abcdef") == size)
        memcpy(identity, value, size + 1);
    pl_free(value);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* A folder of before there were any. Where the disk is full the next one who opens it does it. */
enum pl_code pl__store_identify(struct pl_store *store, struct pl_error **error) {
    char identity[PL_STORE_IDENTITY];
    enum pl_code code = pl_store_identity(store, identity, error);
    if (code || *identity) return code;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    code = pl__store_put_identity(store, writes, error);
    if (!code) code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    if (code != PL_UNAVAILABLE) return code;
    if (error) pl_error_free(error);
    return PL_OK;
}
