/* jwt.h: signed tokens (RFC 7515, 7519), verified strictly: a key has one algorithm, and what a token's header says
 * only chooses among keys.
 *
 *     char *token = pl_jwt_sign(key, claims);
 *     code = pl_jwt_verify(token, &keys, &wants, &claims, &error);     // PL_DENIED: and why, for the log
 *
 * Own tokens are HS256; those of an identity provider RS256 or ES256, by the keys of its JWKS. Threads: keys that
 * nobody changes may be used by any.
 */
#ifndef POTLINE_HTTP_JWT_H
#define POTLINE_HTTP_JWT_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include <potline/error.h>

enum pl_jwt_algorithm { PL_JWT_HS256, PL_JWT_RS256, PL_JWT_ES256 };
enum { PL_JWT_SECRET = 32, PL_JWT_KEY_ID = 128, PL_JWT_KEYS = 16, PL_JWT_MAX = 8192, PL_JWT_LEEWAY_S = 60 };

struct pl_jwt_key {
    char id[PL_JWT_KEY_ID];
    enum pl_jwt_algorithm algorithm;
    uint8_t secret[PL_JWT_SECRET]; /* HS256 */
    EVP_PKEY *public;              /* RS256, ES256; owned */
};

struct pl_jwt_keys {
    struct pl_jwt_key key[PL_JWT_KEYS];
    unsigned count;
};

struct pl_jwt_wants {
    const char *issuer, *audience;
    int64_t now;    /* s since 1970 */
    int64_t leeway; /* s: of other clocks */
};

char *pl_jwt_sign(const struct pl_jwt_key *key, const json_t *claims); /* HS256; pl_free; NULL without memory */

#define PL_JWT_EXPIRED "it has expired" /* the text of that error */

/* *claims is the caller's. An object with exp in the future, nbf and iat not, and the wanted iss and aud. PL_NOT_FOUND:
 * its key is not known, and is one that a provider may have made meanwhile; else PL_DENIED. */
enum pl_code pl_jwt_verify(const char *token, const struct pl_jwt_keys *keys, const struct pl_jwt_wants *wants,
                           json_t **claims, struct pl_error **error);

/* The keys of a JWKS that are RSA (2048 bits or more) or on P-256, for signatures, and have an id; others are passed
 * over. PL_SYNTAX: it is none, or holds no such key. */
enum pl_code pl_jwt_read_jwks(const char *text, size_t size, struct pl_jwt_keys *keys, struct pl_error **error);
void pl_jwt_keys_fini(struct pl_jwt_keys *keys);

/* ---- base64url without padding ---- */

char *pl_base64url(const void *bytes, size_t size); /* pl_free; NULL without memory */
/* Bytes written; below 0: it is none, not in its one form, or there are more than `room`. */
long pl_base64url_read(const char *text, size_t length, void *bytes, size_t room);

#endif
