#include "jwt.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

enum { PART_MAX = 6144, SIGNATURE_MAX = 1024, RSA_BITS_MIN = 2048, P256 = 32, NUMBER_MAX = 1024, DER_MAX = 80 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char *const names[] = {[PL_JWT_HS256] = "HS256", [PL_JWT_RS256] = "RS256", [PL_JWT_ES256] = "ES256"};

/* ---- base64url ---- */

char *pl_base64url(const void *bytes, size_t size) {
    const uint8_t *in = bytes;
    char *text = pl_alloc((size + 2) / 3 * 4 + 1), *at = text;
    for (size_t i = 0; text && i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        for (size_t k = 0; k <= (left < 3 ? left : 3); k++)
            *at++ = digits[group >> (18 - 6 * k) & 63];
    }
    if (at) *at = 0;
    return text;
}

long pl_base64url_read(const char *text, size_t length, void *bytes, size_t room) {
    uint8_t *out = bytes;
    size_t used = 0;
    uint32_t group = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit) return -1;
        group = group << 6 | (uint32_t)(digit - digits);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        if (used == room) return -1;
        out[used++] = (uint8_t)(group >> bits);
    }
    return length % 4 == 1 || (group & ((1u << bits) - 1)) ? -1 : (long)used;
}

/* ---- Signing ---- */

static void mac(const struct pl_jwt_key *key, const char *text, size_t length, uint8_t out[SHA256_DIGEST_LENGTH]) {
    HMAC(EVP_sha256(), key->secret, sizeof key->secret, (const uint8_t *)text, length, out, NULL);
}

static char *encoded(const json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    char *part = text ? pl_base64url(text, strlen(text)) : NULL;
    free(text);
    return part;
}

char *pl_jwt_sign(const struct pl_jwt_key *key, const json_t *claims) {
    uint8_t signature[SHA256_DIGEST_LENGTH];
    json_t *header = json_pack("{s:s, s:s, s:s}", "alg", names[PL_JWT_HS256], "typ", "JWT", "kid", key->id);
    char *head = encoded(header), *body = encoded(claims), *token = NULL, *tail = NULL;
    json_decref(header);
    size_t length = head && body ? strlen(head) + 1 + strlen(body) : 0;
    if (length) token = pl_alloc(length + 1 + (SHA256_DIGEST_LENGTH + 2) / 3 * 4 + 1);
    if (token) {
        sprintf(token, "%s.%s", head, body);
        mac(key, token, length, signature);
        tail = pl_base64url(signature, sizeof signature);
    }
    if (tail) {
        sprintf(token + length, ".%s", tail);
    } else {
        pl_free(token);
        token = NULL;
    }
    pl_free(head);
    pl_free(body);
    pl_free(tail);
    return token;
}

/* ---- Verifying ---- */

static enum pl_code deny(struct pl_error **error, const char *why) {
    return pl_error_set(error, PL_DENIED, "%s", why);
}

/* A JSON object of a part; NULL: it is none. */
static json_t *decoded(const char *text, size_t length) {
    char bytes[PART_MAX];
    long size = pl_base64url_read(text, length, bytes, sizeof bytes);
    json_t *value = size > 0 ? json_loadb(bytes, (size_t)size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(value)) return value;
    json_decref(value);
    return NULL;
}

/* r and s, 32 bytes each, as OpenSSL wants them. */
static int to_der(const uint8_t *raw, uint8_t der[DER_MAX]) {
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, P256, NULL), *s = BN_bin2bn(raw + P256, P256, NULL);
    uint8_t *at = der;
    if (!signature || !r || !s || !ECDSA_SIG_set0(signature, r, s)) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(signature);
        return -1;
    }
    int size = i2d_ECDSA_SIG(signature, NULL);
    if (size > 0 && size <= DER_MAX) size = i2d_ECDSA_SIG(signature, &at);
    ECDSA_SIG_free(signature);
    return size;
}

static bool verify_public(const struct pl_jwt_key *key, const char *text, size_t length, const uint8_t *signature,
                          size_t size) {
    uint8_t der[DER_MAX];
    int der_size = 0;
    if (key->algorithm == PL_JWT_ES256 && (size != (size_t)2 * P256 || (der_size = to_der(signature, der)) <= 0))
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->public) == 1 &&
                EVP_DigestVerify(context, der_size ? der : signature, der_size ? (size_t)der_size : size,
                                 (const uint8_t *)text, length) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static bool is_signed(const struct pl_jwt_key *key, const char *text, size_t length, const uint8_t *signature,
                      size_t size) {
    uint8_t expected[SHA256_DIGEST_LENGTH];
    if (key->algorithm != PL_JWT_HS256) return verify_public(key, text, length, signature, size);
    mac(key, text, length, expected);
    return size == sizeof expected && CRYPTO_memcmp(signature, expected, sizeof expected) == 0;
}

static const struct pl_jwt_key *key_for(const json_t *header, const struct pl_jwt_keys *keys, const char **why) {
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    const char *id = json_string_value(json_object_get(header, "kid"));
    *why = "its header names no key";
    if (!algorithm || !id || json_object_get(header, "crit")) return NULL;
    *why = "its key is not known";
    for (unsigned i = 0; i < keys->count; i++) {
        const struct pl_jwt_key *key = &keys->key[i];
        if (strcmp(key->id, id) != 0) continue;
        *why = "its algorithm is not that of its key";
        return strcmp(names[key->algorithm], algorithm) == 0 ? key : NULL;
    }
    return NULL;
}

/* Of a provider's algorithms, with a name. */
static bool may_be_new(const json_t *header, const struct pl_jwt_keys *keys) {
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    const char *id = json_string_value(json_object_get(header, "kid"));
    if (!algorithm || !id || !id[0] || strlen(id) >= PL_JWT_KEY_ID || json_object_get(header, "crit")) return false;
    for (unsigned i = 0; i < keys->count; i++)
        if (strcmp(keys->key[i].id, id) == 0) return false;
    return strcmp(algorithm, names[PL_JWT_RS256]) == 0 || strcmp(algorithm, names[PL_JWT_ES256]) == 0;
}

static bool is_for(const json_t *audience, const char *wanted) {
    size_t i;
    json_t *one;
    if (json_is_string(audience)) return strcmp(json_string_value(audience), wanted) == 0;
    json_array_foreach(audience, i, one) {
        if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0) return true;
    }
    return false;
}

/* Optional, but a number where it is there. */
static bool not_before(const json_t *claims, const char *name, double latest) {
    const json_t *value = json_object_get(claims, name);
    return !value || (json_is_number(value) && json_number_value(value) <= latest);
}

static const char *fault_of(const json_t *claims, const struct pl_jwt_wants *wants) {
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    const json_t *expires = json_object_get(claims, "exp");
    double now = (double)wants->now, leeway = (double)wants->leeway;
    if (!issuer || strcmp(issuer, wants->issuer) != 0) return "its issuer is another one";
    if (!is_for(json_object_get(claims, "aud"), wants->audience)) return "it is for somebody else";
    if (!json_is_number(expires) || json_number_value(expires) + leeway <= now) return PL_JWT_EXPIRED;
    if (!not_before(claims, "nbf", now + PL_JWT_LEEWAY_S) || !not_before(claims, "iat", now + PL_JWT_LEEWAY_S))
        return "it is of the future";
    return NULL;
}

enum pl_code pl_jwt_verify(const char *token, const struct pl_jwt_keys *keys, const struct pl_jwt_wants *wants,
                           json_t **claims, struct pl_error **error) {
    uint8_t signature[SIGNATURE_MAX];
    const char *why = NULL, *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    *claims = NULL;
    if (strlen(token) > PL_JWT_MAX || !second || strchr(second + 1, '.')) return deny(error, "it is no token");
    json_t *header = decoded(token, (size_t)(first - token));
    long size = pl_base64url_read(second + 1, strlen(second + 1), signature, sizeof signature);
    if (!header || size < 0) {
        json_decref(header);
        return deny(error, "it is no token");
    }
    const struct pl_jwt_key *key = key_for(header, keys, &why);
    bool good = key && is_signed(key, token, (size_t)(second - token), signature, (size_t)size);
    bool fresh = !key && may_be_new(header, keys);
    json_decref(header);
    if (fresh) return pl_error_set(error, PL_NOT_FOUND, "%s", why);
    if (!good) return deny(error, key ? "its signature is wrong" : why);
    json_t *found = decoded(first + 1, (size_t)(second - first - 1));
    why = found ? fault_of(found, wants) : "it holds no claims";
    if (why) {
        json_decref(found);
        return deny(error, why);
    }
    *claims = found;
    return PL_OK;
}

/* ---- JWKS ---- */

static EVP_PKEY *make_key(const char *type, OSSL_PARAM *params) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (context && params && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    return key;
}

static long number_of(const json_t *jwk, const char *name, uint8_t bytes[NUMBER_MAX]) {
    const char *text = json_string_value(json_object_get(jwk, name));
    return text ? pl_base64url_read(text, strlen(text), bytes, NUMBER_MAX) : -1;
}

static EVP_PKEY *rsa_key(const json_t *jwk) {
    uint8_t modulus[NUMBER_MAX], exponent[NUMBER_MAX];
    long n = number_of(jwk, "n", modulus), e = number_of(jwk, "e", exponent);
    if (n * 8 < RSA_BITS_MIN || e < 1) return NULL;
    BIGNUM *big_n = BN_bin2bn(modulus, (int)n, NULL), *big_e = BN_bin2bn(exponent, (int)e, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (big_n && big_e && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, big_n) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, big_e))
        params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY *key = make_key("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(big_n);
    BN_free(big_e);
    return key;
}

static EVP_PKEY *ec_key(const json_t *jwk) {
    uint8_t x[NUMBER_MAX], y[NUMBER_MAX], point[1 + 2 * P256] = {4};
    const char *curve = json_string_value(json_object_get(jwk, "crv"));
    if (!curve || strcmp(curve, "P-256") != 0) return NULL;
    if (number_of(jwk, "x", x) != P256 || number_of(jwk, "y", y) != P256) return NULL;
    memcpy(point + 1, x, P256);
    memcpy(point + 1 + P256, y, P256);
    char group[] = "prime256v1";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                           OSSL_PARAM_construct_end()};
    return make_key("EC", params);
}

static void add_key(struct pl_jwt_keys *keys, const json_t *jwk) {
    const char *type = json_string_value(json_object_get(jwk, "kty"));
    const char *id = json_string_value(json_object_get(jwk, "kid"));
    const char *use = json_string_value(json_object_get(jwk, "use"));
    const char *algorithm = json_string_value(json_object_get(jwk, "alg"));
    struct pl_jwt_key *key = &keys->key[keys->count];
    if (!type || !id || strlen(id) >= sizeof key->id || (use && strcmp(use, "sig") != 0)) return;
    if (strcmp(type, "RSA") != 0 && strcmp(type, "EC") != 0) return;
    *key = (struct pl_jwt_key){.algorithm = strcmp(type, "RSA") == 0 ? PL_JWT_RS256 : PL_JWT_ES256};
    if (algorithm && strcmp(algorithm, names[key->algorithm]) != 0) return;
    key->public = key->algorithm == PL_JWT_RS256 ? rsa_key(jwk) : ec_key(jwk);
    snprintf(key->id, sizeof key->id, "%s", id);
    keys->count += key->public != NULL;
}

enum pl_code pl_jwt_read_jwks(const char *text, size_t size, struct pl_jwt_keys *keys, struct pl_error **error) {
    json_t *set = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL), *jwk;
    size_t i;
    *keys = (struct pl_jwt_keys){.count = 0};
    json_array_foreach(json_object_get(set, "keys"), i, jwk) {
        if (keys->count < PL_JWT_KEYS) add_key(keys, jwk);
    }
    json_decref(set);
    return keys->count ? PL_OK
                       : pl_error_set(error, PL_SYNTAX,
                                      "no JWKS with a key for RS256 (2048 bits or more) or ES256 that has a kid");
}

void pl_jwt_keys_fini(struct pl_jwt_keys *keys) {
    for (unsigned i = 0; i < keys->count; i++)
        EVP_PKEY_free(keys->key[i].public);
    OPENSSL_cleanse(keys, sizeof *keys);
    keys->count = 0;
}
