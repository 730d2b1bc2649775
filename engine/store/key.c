#include "store/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <potline/alloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/key_impl.h"

/* ---- Life ---- */

static struct pl__secrets *take_page(void) {
    size_t size = sizeof(struct pl__secrets);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return NULL;
    (void)mlock(page, size); /* as far as the limits of the process go */
    (void)madvise(page, size, MADV_DONTDUMP);
    return page;
}

static struct pl_store_key *make(void) {
    struct pl_store_key *key = PL_NEW(struct pl_store_key);
    if (key) key->secrets = take_page();
    if (!key || !key->secrets) {
        pl_free(key);
        return NULL;
    }
    atomic_init(&key->refs, 1);
    pthread_mutex_init(&key->lock, NULL);
    return key;
}

struct pl_store_key *pl_store_key_ref(struct pl_store_key *key) {
    if (key) atomic_fetch_add(&key->refs, 1);
    return key;
}

void pl_store_key_unref(struct pl_store_key *key) {
    if (!key || atomic_fetch_sub(&key->refs, 1) != 1) return;
    while (key->spares)
        EVP_CIPHER_CTX_free(key->spare[--key->spares]); /* cleansed there */
    pthread_mutex_destroy(&key->lock);
    OPENSSL_cleanse(key->secrets, sizeof *key->secrets);
    munmap(key->secrets, sizeof *key->secrets);
    pl_free(key);
}

const char *pl_store_key_id(const struct pl_store_key *key) {
    return key->id;
}

/* ---- Deriving ---- */

static bool derive(const uint8_t *master, const char *use, uint8_t *out, size_t size) {
    static const char salt[] = "potline data folder 1";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)master, PL_STORE_KEY_MASTER),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, sizeof salt - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)use, strlen(use)),
        OSSL_PARAM_construct_end(),
    };
    bool done = context && EVP_KDF_derive(context, out, size, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return done;
}

enum pl_code pl_store_key_new(const uint8_t master[PL_STORE_KEY_MASTER], struct pl_store_key **key,
                              struct pl_error **error) {
    struct pl_store_key *k = *key = make();
    uint8_t id[(PL_STORE_KEY_ID - 1) / 2];
    if (!k) return pl_error_set(error, PL_NO_MEMORY, "no memory for a key");
    if (derive(master, "cipher", k->secrets->cipher, sizeof k->secrets->cipher) &&
        derive(master, "headers", k->secrets->mac, sizeof k->secrets->mac) && derive(master, "id", id, sizeof id)) {
        for (size_t i = 0; i < sizeof id; i++)
            snprintf(k->id + 2 * i, 3, "%02x", id[i]);
        return PL_OK;
    }
    pl_store_key_unref(k);
    *key = NULL;
    return pl_error_set(error, PL_UNAVAILABLE, "OpenSSL derives no keys (HKDF with SHA-256)");
}

/* From a secret that is itself derived: the master is not kept. */
bool pl_store_key_derive(const struct pl_store_key *key, const char *use, uint8_t derived[PL_STORE_KEY_DERIVED]) {
    return derive(key->secrets->mac, use, derived, PL_STORE_KEY_DERIVED);
}

enum pl_code pl_store_key_generate(char text[PL_STORE_KEY_TEXT], struct pl_error **error) {
    uint8_t master[PL_STORE_KEY_MASTER];
    bool random = RAND_priv_bytes(master, sizeof master) == 1;
    if (random) EVP_EncodeBlock((unsigned char *)text, master, sizeof master);
    OPENSSL_cleanse(master, sizeof master);
    return random ? PL_OK : pl_error_set(error, PL_UNAVAILABLE, "OpenSSL gives no random bytes");
}

/* ---- Reading ---- */

/* What encodes to something else than what was read is no key: so there is one way to write each. */
static bool decode(const char *text, uint8_t master[PL_STORE_KEY_MASTER]) {
    unsigned char bytes[PL_STORE_KEY_MASTER + 3], again[PL_STORE_KEY_TEXT];
    bool good = strlen(text) == PL_STORE_KEY_TEXT - 1 &&
                EVP_DecodeBlock(bytes, (const unsigned char *)text, PL_STORE_KEY_TEXT - 1) == PL_STORE_KEY_MASTER + 1;
    if (good) {
        EVP_EncodeBlock(again, bytes, PL_STORE_KEY_MASTER);
        good = CRYPTO_memcmp(again, text, PL_STORE_KEY_TEXT) == 0;
        memcpy(master, bytes, PL_STORE_KEY_MASTER);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    OPENSSL_cleanse(again, sizeof again);
    return good;
}

static enum pl_code check_rights(int fd, const char *path, enum pl_store_key_source source, struct pl_error **error) {
    struct stat info;
    if (fstat(fd, &info)) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    mode_t forbidden = source == PL_STORE_KEY_CREDENTIAL ? S_IRWXO : S_IRWXG | S_IRWXO;
    if (!(info.st_mode & forbidden)) return PL_OK;
    return pl_error_set(error, PL_USAGE,
                        "%s: others than its owner may use this key file (mode %04o); chmod 600 it, and take a new key "
                        "if they may have read it",
                        path, info.st_mode & 07777);
}

/* One line and nothing else. False: it is too long, no text, or could not be read. */
static bool read_line(int fd, char *line, size_t room) {
    size_t length = 0;
    for (;;) {
        ssize_t got = read(fd, line + length, room - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) break;
        length += (size_t)got;
        if (length == room) return false;
    }
    while (length && strchr(" \t\r\n", line[length - 1]))
        length--;
    line[length] = 0;
    return strlen(line) == length;
}

enum pl_code pl_store_key_read(const char *path, enum pl_store_key_source source, struct pl_store_key **key,
                               struct pl_error **error) {
    char line[2 * PL_STORE_KEY_TEXT];
    uint8_t master[PL_STORE_KEY_MASTER];
    *key = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pl_error_set(error, errno == ENOENT ? PL_NOT_FOUND : PL_IO, "the key file %s cannot be read: %s", path,
                            strerror(errno));
    enum pl_code code = check_rights(fd, path, source, error);
    if (!code && !(read_line(fd, line, sizeof line) && decode(line, master)))
        code = pl_error_set(error, PL_USAGE,
                            "%s: a key expected: one line, base64 of 32 bytes, as \"potline keys "
                            "generate\" prints it",
                            path);
    close(fd);
    if (!code) code = pl_store_key_new(master, key, error);
    OPENSSL_cleanse(line, sizeof line);
    OPENSSL_cleanse(master, sizeof master);
    return code;
}
