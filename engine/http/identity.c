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

enum pl_code pl_identity_read(const char *certificate, const char *key, struct pl_identity_files *identity,
                              struct pl_error **error) {
    *identity = (struct pl_identity_files){0};
    enum pl_code code = read_file(certificate, &identity->certificate, error);
    if (!code) code = read_file(key, &identity->key, error);
    if (code) pl_identity_fini(identity);
    return code;
}

void pl_identity_fini(struct pl_identity_files *identity) {
    if (identity->key) OPENSSL_cleanse(identity->key, strlen(identity->key));
    pl_free(identity->key);
    pl_free(identity->certificate);
    *identity = (struct pl_identity_files){0};
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

static char *take_text(BIO *bio) {
    char *data;
    long size = bio ? BIO_get_mem_data(bio, &data) : 0;
    char *text = size > 0 ? pl_strndup(data, (size_t)size) : NULL;
    BIO_free(bio);
    return text;
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
    BIO *public = BIO_new_mem_buf(identity->certificate, -1), *private = BIO_new_mem_buf(identity->key, -1);
    X509 *certificate = public ? PEM_read_bio_X509(public, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = private ? PEM_read_bio_PrivateKey(private, NULL, NULL, NULL) : NULL;
    int days = 0, seconds = 0;
    bool good = certificate && key && X509_check_private_key(certificate, key) == 1 &&
                ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1 && days >= DAYS_LEFT;
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(public);
    BIO_free(private);
    return good;
}

enum pl_code pl_identity_own(const char *folder, struct pl_identity_files *identity, struct pl_error **error) {
    char place[PATH_MAX], certificate[PATH_MAX + 16], key[PATH_MAX + 16];
    *identity = (struct pl_identity_files){0};
    if (!folder) return make(identity, error);
    if (snprintf(place, sizeof place, "%s/tls", folder) >= (int)sizeof place)
        return pl_error_set(error, PL_IO, "%s: the name is too long", folder);
    snprintf(certificate, sizeof certificate, "%s/cert.pem", place);
    snprintf(key, sizeof key, "%s/key.pem", place);
    enum pl_code code = pl_identity_read(certificate, key, identity, NULL);
    if (!code && is_useful(identity)) return PL_OK;
    pl_identity_fini(identity);
    code = pl_folders_make(place, error);
    if (!code) code = make(identity, error);
    if (!code) code = write_file(key, identity->key, error);
    if (!code) code = write_file(certificate, identity->certificate, error);
    if (code) pl_identity_fini(identity);
    return code;
}
