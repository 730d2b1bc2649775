#include "http/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

enum { NOW = 1000000 };
static const struct pl_jwt_wants wants = {.issuer = "us", .audience = "you", .now = NOW};

static struct pl_jwt_keys one_key(void) {
    struct pl_jwt_keys keys = {.count = 1};
    snprintf(keys.key[0].id, sizeof keys.key[0].id, "k1");
    memset(keys.key[0].secret, 7, sizeof keys.key[0].secret);
    return keys;
}

static json_t *good_claims(void) {
    return json_pack("{s:s, s:s, s:i, s:i, s:i}", "iss", "us", "aud", "you", "exp", NOW + 10, "nbf", NOW, "iat", NOW);
}

/* NULL: it is good; else why not. */
static const char *verdict(const char *token, const struct pl_jwt_keys *keys, char why[128]) {
    struct pl_error *error = NULL;
    json_t *claims = NULL;
    enum pl_code code = pl_jwt_verify(token, keys, &wants, &claims, &error);
    assert_true(!code == (claims != NULL));
    assert_true(!code || code == PL_DENIED);
    snprintf(why, 128, "%s", error ? error->text : "");
    pl_error_free(&error);
    json_decref(claims);
    return code ? why : NULL;
}

static void expect_claims(json_t *claims, const char *expected) {
    char why[128];
    struct pl_jwt_keys keys = one_key();
    char *token = pl_jwt_sign(&keys.key[0], claims);
    assert_non_null(token);
    const char *said = verdict(token, &keys, why);
    if (expected)
        assert_string_equal(said ? said : "good", expected);
    else
        assert_null(said);
    pl_free(token);
    json_decref(claims);
}

static json_t *with(const char *name, json_t *value) {
    json_t *claims = good_claims();
    if (value)
        json_object_set_new(claims, name, value);
    else
        json_object_del(claims, name);
    return claims;
}

static void claims_are_minded(void **state) {
    (void)state;
    expect_claims(good_claims(), NULL);
    expect_claims(with("exp", json_integer(NOW)), "it has expired");
    expect_claims(with("exp", json_real(NOW + 0.5)), NULL);
    expect_claims(with("exp", json_string("9999999999")), "it has expired");
    expect_claims(with("exp", NULL), "it has expired");
    expect_claims(with("nbf", json_integer(NOW + PL_JWT_LEEWAY_S)), NULL);
    expect_claims(with("nbf", json_integer(NOW + PL_JWT_LEEWAY_S + 1)), "it is of the future");
    expect_claims(with("iat", json_string("x")), "it is of the future");
    expect_claims(with("iss", json_string("usx")), "its issuer is another one");
    expect_claims(with("iss", NULL), "its issuer is another one");
    expect_claims(with("aud", json_pack("[s, s]", "them", "you")), NULL);
    expect_claims(with("aud", json_pack("[s]", "them")), "it is for somebody else");
    expect_claims(with("aud", json_integer(1)), "it is for somebody else");
}

/* Whatever byte of it is another one, it is refused: no two texts are the same token. */
static void every_byte_counts(void **state) {
    (void)state;
    char why[128];
    struct pl_jwt_keys keys = one_key();
    json_t *claims = good_claims();
    char *token = pl_jwt_sign(&keys.key[0], claims);
    assert_null(verdict(token, &keys, why));
    for (size_t i = 0; token[i]; i++) {
        char was = token[i];
        for (unsigned bit = 0; bit < 7; bit++) {
            token[i] = (char)(was ^ (1 << bit));
            if (token[i]) assert_non_null(verdict(token, &keys, why));
        }
        token[i] = 0;
        assert_non_null(verdict(token, &keys, why));
        token[i] = was;
    }
    pl_free(token);
    json_decref(claims);
}

/* The key decides on the algorithm, not the token. */
static void an_algorithm_belongs_to_a_key(void **state) {
    (void)state;
    char why[128];
    struct pl_jwt_keys keys = one_key();
    json_t *claims = good_claims();
    char *token = pl_jwt_sign(&keys.key[0], claims);
    keys.key[0].algorithm = PL_JWT_RS256;
    assert_string_equal(verdict(token, &keys, why), "its algorithm is not that of its key");
    keys.key[0].algorithm = PL_JWT_HS256;
    keys.key[0].id[0] = 'x';
    assert_string_equal(verdict(token, &keys, why), "its key is not known");
    keys.count = 0;
    assert_string_equal(verdict(token, &keys, why), "its key is not known");
    pl_free(token);
    json_decref(claims);
}

static enum pl_code code_of(const char *header, const struct pl_jwt_keys *keys) {
    char token[256];
    json_t *claims;
    char *head = pl_base64url(header, strlen(header));
    snprintf(token, sizeof token, "%s.e30.AAAA", head);
    pl_free(head);
    return pl_jwt_verify(token, keys, &wants, &claims, NULL);
}

/* Only what a provider may have made meanwhile is worth asking for. */
static void a_key_that_may_be_new_is_told(void **state) {
    (void)state;
    struct pl_jwt_keys keys = one_key();
    char known[256];
    snprintf(known, sizeof known, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", keys.key[0].id);
    assert_int_equal(code_of("{\"alg\":\"RS256\",\"kid\":\"new\"}", &keys), PL_NOT_FOUND);
    assert_int_equal(code_of("{\"alg\":\"ES256\",\"kid\":\"new\"}", &keys), PL_NOT_FOUND);
    assert_int_equal(code_of("{\"alg\":\"HS256\",\"kid\":\"new\"}", &keys), PL_DENIED);
    assert_int_equal(code_of("{\"alg\":\"none\",\"kid\":\"new\"}", &keys), PL_DENIED);
    assert_int_equal(code_of("{\"alg\":\"RS256\",\"kid\":\"\"}", &keys), PL_DENIED);
    assert_int_equal(code_of("{\"alg\":\"RS256\"}", &keys), PL_DENIED);
    assert_int_equal(code_of(known, &keys), PL_DENIED);
}

static void base64url_has_one_form(void **state) {
    (void)state;
    uint8_t bytes[64], back[64];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (unsigned size = 0; size <= sizeof bytes; size++) {
        char *text = pl_base64url(bytes, size);
        assert_int_equal(pl_base64url_read(text, strlen(text), back, sizeof back), size);
        assert_memory_equal(bytes, back, size);
        pl_free(text);
    }
    assert_int_equal(pl_base64url_read("QQ", 2, back, sizeof back), 1);
    assert_int_equal(pl_base64url_read("QR", 2, back, sizeof back), -1); /* bits behind the byte */
    assert_int_equal(pl_base64url_read("Q", 1, back, sizeof back), -1);
    assert_int_equal(pl_base64url_read("QQ==", 4, back, sizeof back), -1);
    assert_int_equal(pl_base64url_read("Q+", 2, back, sizeof back), -1);
    assert_int_equal(pl_base64url_read("Q\0", 2, back, sizeof back), -1);
    assert_int_equal(pl_base64url_read("QUJD", 4, back, 2), -1);
}

/* RFC 7515, A.3. */
static void a_key_of_the_standard_is_read(void **state) {
    (void)state;
    static const char set[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a3\","
                              "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_"
                              "tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    struct pl_jwt_keys keys;
    struct pl_error *error = NULL;
    assert_int_equal(pl_jwt_read_jwks(set, strlen(set), &keys, &error), PL_OK);
    assert_int_equal(keys.count, 1);
    assert_int_equal(keys.key[0].algorithm, PL_JWT_ES256);
    pl_jwt_keys_fini(&keys);
}

static void sets_of_keys_are_minded(void **state) {
    (void)state;
    static const char off_the_curve[] = "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"a\",\"crv\":\"P-256\","
                                        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
                                        "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}";
    static const char without_a_name[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                                         "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_"
                                         "tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    static const char anybody_could_sign[] = "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"c2VjcmV0\"}]}";
    static const char too_short[] = "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}";
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"keys\":{}}",
                                      "{\"keys\":[1,\"x\",null,{}]}",
                                      off_the_curve,
                                      without_a_name,
                                      anybody_could_sign,
                                      too_short};
    for (unsigned i = 0; i < PL_COUNT_OF(bad); i++) {
        struct pl_jwt_keys keys;
        struct pl_error *error = NULL;
        assert_int_equal(pl_jwt_read_jwks(bad[i], strlen(bad[i]), &keys, &error), PL_SYNTAX);
        assert_int_equal(keys.count, 0);
        pl_error_free(&error);
        pl_jwt_keys_fini(&keys);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_minded),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(an_algorithm_belongs_to_a_key),
        cmocka_unit_test(base64url_has_one_form),
        cmocka_unit_test(a_key_of_the_standard_is_read),
        cmocka_unit_test(a_key_that_may_be_new_is_told),
        cmocka_unit_test(sets_of_keys_are_minded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
