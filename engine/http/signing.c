#include "signing.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "store/documents.h"

static const char kind[] = "http-key";

/* A key's id is when it was made, as 16 hexadecimal digits: so they are in order. */
static pl_time made_at(const char *id) {
    unsigned long long value = 0;
    return sscanf(id, "%16llx", &value) == 1 ? (pl_time)value : 0;
}

struct loading {
    struct pl_signing *signing;
    pl_time now;
    char old[PL_JWT_KEYS][PL_JWT_KEY_ID]; /* to be removed */
    unsigned olds;
};

/* Tokens of a key can live until the next one is made, which is a day behind it at the latest, and as long as they do.
 */
static bool load_one(void *arg, const char *id, const char *bytes, size_t size) {
    struct loading *loading = arg;
    struct pl_jwt_keys *keys = &loading->signing->keys;
    pl_time made = made_at(id);
    bool good = size == PL_JWT_SECRET && strlen(id) == 16;
    if (!good || loading->now - made > PL_SIGNING_LIFE + PL_ACCESS_LIFE || made > loading->now) {
        if (loading->olds < PL_JWT_KEYS) snprintf(loading->old[loading->olds++], PL_JWT_KEY_ID, "%s", id);
        return true;
    }
    if (keys->count == PL_JWT_KEYS) memmove(keys->key, keys->key + 1, --keys->count * sizeof *keys->key);
    struct pl_jwt_key *key = &keys->key[keys->count++];
    *key = (struct pl_jwt_key){.algorithm = PL_JWT_HS256};
    snprintf(key->id, sizeof key->id, "%s", id);
    memcpy(key->secret, bytes, size);
    loading->signing->made = made;
    return true;
}

enum pl_code pl_signing_rotate(struct pl_signing *signing, struct pl_store *store, pl_time now,
                               struct pl_error **error) {
    struct pl_jwt_keys *keys = &signing->keys;
    struct pl_jwt_key key = {.algorithm = PL_JWT_HS256};
    snprintf(key.id, sizeof key.id, "%016llx", (unsigned long long)now);
    if (RAND_bytes(key.secret, sizeof key.secret) != 1)
        return pl_error_set(error, PL_UNAVAILABLE, "the system gives no random bytes");
    enum pl_code code = pl_document_put(store, kind, key.id, key.secret, sizeof key.secret, error);
    if (!code && keys->count == PL_JWT_KEYS) memmove(keys->key, keys->key + 1, --keys->count * sizeof *keys->key);
    if (!code) keys->key[keys->count++] = key;
    if (!code) signing->made = now;
    OPENSSL_cleanse(&key, sizeof key);
    return code;
}

enum pl_code pl_signing_load(struct pl_signing *signing, struct pl_store *store, pl_time now, struct pl_error **error) {
    struct loading loading = {.signing = signing, .now = now};
    pl_jwt_keys_fini(&signing->keys);
    signing->made = 0;
    enum pl_code code = pl_documents_each(store, kind, load_one, &loading, error);
    for (unsigned i = 0; i < loading.olds && !code; i++)
        pl_document_remove(store, kind, loading.old[i], NULL);
    if (!code && (!signing->keys.count || now - signing->made > PL_SIGNING_LIFE))
        code = pl_signing_rotate(signing, store, now, error);
    return code;
}

void pl_signing_fini(struct pl_signing *signing) {
    pl_jwt_keys_fini(&signing->keys);
}

const struct pl_jwt_key *pl_signing_key(const struct pl_signing *signing) {
    return signing->keys.count ? &signing->keys.key[signing->keys.count - 1] : NULL;
}
