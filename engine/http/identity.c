#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "store/folder.h"

enum { FILE_MAX = 256 << 10, DAYS = 825, DAYS_LEFT = 30, DAY_S = 24 * 3600, SERIAL = 16, NAMES = 512, HOST = 256 };
enum { PHRASE = 2 * PL_STORE_KEY_DERIVED + 1 };

/* ---- Files ---- */

static enum pl_code read_file(const char *path, char **text, struct pl_error **error) {
    FILE *file = fopen(path, "re");
    if (!file) return pl_error_set(error, errno == ENOENT ? PL_NOT_FOUND : PL_IO, "%s: %s", path, strerror(errno));
    *text = pl_alloc(FILE_MAX + 1);
    size_t size = *text ? fread(*text, 1, FILE_MAX, file) : 0;
    bool good = size && !ferror(file) && feof(file);
    fclose(file);
    if (good) return PL_OK;
    pl_free(*text);
    *text = NULL;
    return pl_error_set(error, PL_IO, "%s cannot be read, is empty or larger than %d bytes", path, FILE_MAX);
}

/* Whole or not at all. */
static enum pl_code write_file(const char *path, const char *text, struct pl_error **error) {
    char next[PATH_MAX];
    if (snprintf(next, sizeof next, "%s.new", path) >= (int)sizeof next)
        return pl_error_set(error, PL_IO, "%s: the name is too long", path);
    unlink(next);
    int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0) close(fd);
    if (good) good = rename(next, path) == 0;
    return good ? PL_OK : pl_error_set(error, PL_IO, "%s cannot be written: %s", path, strerror(why));
}

/* Encrypted, in either of the two ways of PEM. */
static bool is_sealed(const char *key) {
    return strstr(key, "ENCRYPTED") != NULL;
}

enum pl_code pl_identity_read(const char *certificate, const char *key, struct pl_identity_files *identity,
                              struct pl_error **error) {
    *identity = (struct pl_identity_files){0};
    enum pl_code code = read_file(certificate, &identity->certificate, error);
    if (!code) code = read_file(key, &identity->key, error);
    if (identity->key && is_sealed(identity->key))
        code = pl_error_set(error, PL_USAGE, "%s is encrypted: nobody is there to give its passphrase", key);
    if (code) pl_identity_fini(identity);
    return code;
}

void pl_identity_fini(struct pl_identity_files *identity) {
    if (identity->key) OPENSSL_cleanse(identity->key, strlen(identity->key));
    pl_free(identity->key);
    pl_free(identity->certificate);
    *identity = (struct pl_identity_files){0};
}

static char *take_text(BIO *bio) {
    char *data;
    long size = bio ? BIO_get_mem_data(bio, &data) : 0;
    char *text = size > 0 ? pl_strndup(data, (size_t)size) : NULL;
    BIO_free(bio);
    return text;
}

/* ---- The key in an encrypted folder: PKCS #8 with AES-256 under a key of the folder's ---- */

static bool phrase_of(const struct pl_store_key *key, char phrase[PHRASE]) {
    uint8_t derived[PL_STORE_KEY_DERIVED];
    if (!pl_store_key_derive(key, "the key of the HTTPS certificate", derived)) return false;
    for (unsigned i = 0; i < sizeof derived; i++)
        snprintf(phrase + (size_t)2 * i, 3, "%02x", derived[i]);
    OPENSSL_cleanse(derived, sizeof derived);
    return true;
}

static int no_phrase(char *text, int size, int writes, void *arg) { /* else OpenSSL asks at the terminal */
    (void)text, (void)size, (void)writes, (void)arg;
    return -1;
}

static EVP_PKEY *read_key(const char *text, char *phrase) {
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, phrase ? NULL : no_phrase, phrase) : NULL;
    BIO_free(bio);
    return key;
}

/* The same key, under `key` (NULL: in the clear), as PEM; NULL: `text` is none, or under another. */
static char *sealed_anew(const char *text, const struct pl_store_key *from, const struct pl_store_key *to) {
    char phrase[PHRASE] = "", next[PHRASE] = "";
    bool sealed = is_sealed(text),
         good = (!sealed || (from && phrase_of(from, phrase))) && (!to || phrase_of(to, next));
    EVP_PKEY *key = good ? read_key(text, sealed ? phrase : NULL) : NULL;
    BIO *bio = BIO_new(BIO_s_secmem());
    good = key && bio &&
           (to ? PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), next, (int)strlen(next), NULL, NULL)
               : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) == 1;
    char *made = take_text(bio);
    if (made && !good) pl_free(made);
    EVP_PKEY_free(key);
    OPENSSL_cleanse(phrase, sizeof phrase);
    OPENSSL_cleanse(next, sizeof next);
    return good ? made : NULL;
}

static void forget_key(char *text) {
    if (text) OPENSSL_cleanse(text, strlen(text));
    pl_free(text);
}

static enum pl_code write_key(const char *path, const char *text, const struct pl_store_key *key,
                              struct pl_error **error) {
    char *sealed = sealed_anew(text, NULL, key);
    enum pl_code code = sealed ? write_file(path, sealed, error)
                               : pl_error_set(error, PL_NO_MEMORY, "the key of the certificate cannot be encrypted");
    forget_key(sealed);
    return code;
}

/* ---- Making one ---- */

static bool add_extension(X509 *certificate, int what, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, what, value);
    bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool is_plain_name(const char *name) {
    return name[0] && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] == 0;
}

static bool set_names(X509 *certificate) {
    char host[HOST] = "", names[NAMES];
    X509_NAME *subject = X509_get_subject_name(certificate);
    gethostname(host, sizeof host - 1);
    bool named = is_plain_name(host) && strlen(host) < 200;
    snprintf(names, sizeof names, "DNS:localhost,IP:127.0.0.1,IP:::1%s%s", named ? ",DNS:" : "", named ? host : "");
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"potline on this machine", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, subject) == 1 && add_extension(certificate, NID_subject_alt_name, names) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth");
}

static bool set_number(X509 *certificate) {
    uint8_t bytes[SERIAL];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    bytes[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return good;
}

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    if (certificate && X509_set_version(certificate, 2) == 1 && set_number(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), (long)DAYS * DAY_S) &&
        X509_set_pubkey(certificate, key) == 1 && set_names(certificate) &&
        X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static enum pl_code make(struct pl_identity_files *identity, struct pl_error **error) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key) : NULL;
    BIO *public = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_secmem());
    bool good = certificate && public && private && PEM_write_bio_X509(public, certificate) == 1 &&
                PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) == 1;
    identity->certificate = take_text(public);
    identity->key = take_text(private);
    identity->made = true;
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (good && identity->certificate && identity->key) return PL_OK;
    pl_identity_fini(identity);
    return pl_error_set(error, PL_NO_MEMORY, "no certificate can be made");
}

/* ---- Our own ---- */

/* Good for a while, and of its key. */
static bool is_useful(const struct pl_identity_files *identity) {
    BIO *public = BIO_new_mem_buf(identity->certificate, -1);
    X509 *certificate = public ? PEM_read_bio_X509(public, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = read_key(identity->key, NULL);
    int days = 0, seconds = 0;
    bool good = certificate && key && X509_check_private_key(certificate, key) == 1 &&
                ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1 && days >= DAYS_LEFT;
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(public);
    return good;
}

struct places {
    char folder[PATH_MAX], certificate[PATH_MAX + 16], key[PATH_MAX + 16];
};

static enum pl_code find_places(const char *folder, struct places *places, struct pl_error **error) {
    if (snprintf(places->folder, sizeof places->folder, "%s/tls", folder) >= (int)sizeof places->folder)
        return pl_error_set(error, PL_IO, "%s: the name is too long", folder);
    snprintf(places->certificate, sizeof places->certificate, "%s/cert.pem", places->folder);
    snprintf(places->key, sizeof places->key, "%s/key.pem", places->folder);
    return PL_OK;
}

/* As it stands in the files, the key in the clear; false: there is none, or none that is of use. */
static bool read_own(const struct places *places, const struct pl_store_key *key, struct pl_identity_files *identity,
                     bool *sealed) {
    enum pl_code code = read_file(places->certificate, &identity->certificate, NULL);
    if (!code) code = read_file(places->key, &identity->key, NULL);
    if (code || !identity->key) return false;
    *sealed = is_sealed(identity->key);
    char *clear = sealed_anew(identity->key, key, NULL);
    forget_key(identity->key);
    identity->key = clear;
    return clear && is_useful(identity);
}

enum pl_code pl_identity_own(const char *folder, const struct pl_store_key *store_key,
                             struct pl_identity_files *identity, struct pl_error **error) {
    struct places places = {.folder = ""};
    bool sealed = false;
    *identity = (struct pl_identity_files){0};
    if (!folder) return make(identity, error);
    enum pl_code code = find_places(folder, &places, error);
    if (code) return code;
    if (read_own(&places, store_key, identity, &sealed)) {
        if (store_key && !sealed) code = write_key(places.key, identity->key, store_key, error);
        if (code) pl_identity_fini(identity);
        return code;
    }
    pl_identity_fini(identity);
    code = pl_folders_make(places.folder, error);
    if (!code) code = make(identity, error);
    if (!code) code = write_key(places.key, identity->key, store_key, error);
    if (!code) code = write_file(places.certificate, identity->certificate, error);
    if (code) pl_identity_fini(identity);
    return code;
}

enum pl_code pl_identity_rekey(const char *folder, const struct pl_store_key *from, const struct pl_store_key *to,
                               struct pl_error **error) {
    struct places places = {.folder = ""};
    char *text = NULL;
    enum pl_code code = find_places(folder, &places, error);
    if (code || read_file(places.key, &text, NULL) || !text) return code;
    char *clear = sealed_anew(text, from, NULL);
    if (clear) code = write_key(places.key, clear, to, error);
    forget_key(clear);
    forget_key(text);
    return code;
}
