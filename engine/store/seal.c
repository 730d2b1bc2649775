#include "store/seal.h"

#include <endian.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "store/key_impl.h"

enum { MAGIC = 8, ID = PL_STORE_KEY_ID - 1, MAC = 32, BLOCK = 16, MOST = 1 << 30 };

static const char magic[MAGIC + 1] = "potline1";

/* ---- Headers ---- */

static bool sign(const struct pl_store_key *key, const char *header, uint8_t mac[MAC]) {
    return HMAC(EVP_sha256(), key->secrets->mac, sizeof key->secrets->mac, (const unsigned char *)header,
                PL__SEAL - MAC, mac, NULL) != NULL;
}

bool pl__seal_make(const struct pl_store_key *key, char header[PL__SEAL]) {
    memset(header, 0, PL__SEAL);
    memcpy(header, magic, MAGIC);
    memcpy(header + MAGIC, key->id, ID);
    return RAND_bytes((unsigned char *)header + MAGIC + ID, PL__SEAL_NONCE) == 1 &&
           sign(key, header, (uint8_t *)header + PL__SEAL - MAC);
}

enum pl__seal_state pl__seal_look(const struct pl_store_key *key, const char *bytes, size_t size,
                                  struct pl__seal *seal) {
    uint8_t mac[MAC];
    *seal = (struct pl__seal){0};
    if (size < MAGIC || memcmp(bytes, magic, MAGIC) != 0) return PL__SEAL_NONE;
    if (size < PL__SEAL) return PL__SEAL_DAMAGED;
    memcpy(seal->key_id, bytes + MAGIC, ID);
    memcpy(seal->nonce, bytes + MAGIC + ID, PL__SEAL_NONCE);
    if (strspn(seal->key_id, "0123456789abcdef") != ID) return PL__SEAL_DAMAGED;
    if (!key || strcmp(seal->key_id, key->id) != 0) return PL__SEAL_OTHER;
    bool whole = sign(key, bytes, mac) && CRYPTO_memcmp(mac, bytes + PL__SEAL - MAC, MAC) == 0;
    return whole ? PL__SEAL_OURS : PL__SEAL_DAMAGED;
}

/* ---- The cipher ---- */

static EVP_CIPHER_CTX *take_context(struct pl_store_key *key) {
    EVP_CIPHER_CTX *context = NULL;
    pthread_mutex_lock(&key->lock);
    if (key->spares) context = key->spare[--key->spares];
    pthread_mutex_unlock(&key->lock);
    if (context) return context;
    context = EVP_CIPHER_CTX_new();
    if (context && EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, key->secrets->cipher, NULL) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    return NULL;
}

static void give_context(struct pl_store_key *key, EVP_CIPHER_CTX *context) {
    pthread_mutex_lock(&key->lock);
    bool kept = key->spares < PL__KEY_SPARE;
    if (kept) key->spare[key->spares++] = context;
    pthread_mutex_unlock(&key->lock);
    if (!kept) EVP_CIPHER_CTX_free(context);
}

/* nonce + block, as numbers of 128 bits, the highest byte first. */
static void counter_of(const uint8_t nonce[PL__SEAL_NONCE], uint64_t block, uint8_t counter[BLOCK]) {
    uint64_t high, low;
    memcpy(&high, nonce, 8);
    memcpy(&low, nonce + 8, 8);
    low = be64toh(low) + block;
    high = htobe64(be64toh(high) + (low < block));
    low = htobe64(low);
    memcpy(counter, &high, 8);
    memcpy(counter + 8, &low, 8);
}

bool pl__seal_crypt(struct pl_store_key *key, const uint8_t nonce[PL__SEAL_NONCE], uint64_t offset, char *data,
                    size_t size) {
    uint8_t counter[BLOCK], skipped[BLOCK] = {0};
    unsigned char *at = (unsigned char *)data;
    int length, skip = (int)(offset % BLOCK);
    EVP_CIPHER_CTX *context = take_context(key);
    if (!context) return false;
    counter_of(nonce, offset / BLOCK, counter);
    bool good = EVP_EncryptInit_ex(context, NULL, NULL, NULL, counter) == 1;
    if (good && skip) good = EVP_EncryptUpdate(context, skipped, &length, skipped, skip) == 1;
    while (good && size) {
        int part = size > MOST ? MOST : (int)size;
        good = EVP_EncryptUpdate(context, at, &length, at, part) == 1;
        at += part;
        size -= (size_t)part;
    }
    OPENSSL_cleanse(skipped, sizeof skipped);
    if (good)
        give_context(key, context);
    else
        EVP_CIPHER_CTX_free(context);
    return good;
}

long pl__seal_read(struct pl_store_key *key, int fd, char *bytes, size_t size) {
    char header[PL__SEAL];
    struct pl__seal seal;
    if (!key) return pread(fd, bytes, size, 0);
    ssize_t length = pread(fd, header, sizeof header, 0);
    if (length < 0 || pl__seal_look(key, header, (size_t)length, &seal) != PL__SEAL_OURS) return -1;
    length = pread(fd, bytes, size, PL__SEAL);
    return length < 0 || pl__seal_crypt(key, seal.nonce, PL__SEAL, bytes, (size_t)length) ? length : -1;
}
