#include "store/seal.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include "store/key_impl.h"
#include "store/key_testing.h"

static struct pl_store_key *key, *another;

static int setup(void **state) {
    (void)state;
    key = make_key('k');
    another = make_key('a');
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_store_key_unref(key);
    pl_store_key_unref(another);
    return 0;
}

static void a_header_tells_its_key(void **state) {
    (void)state;
    char header[PL__SEAL], second[PL__SEAL];
    struct pl__seal seal, other;
    assert_true(pl__seal_make(key, header) && pl__seal_make(key, second));
    assert_int_equal(pl__seal_look(key, header, PL__SEAL, &seal), PL__SEAL_OURS);
    assert_int_equal(pl__seal_look(key, second, PL__SEAL, &other), PL__SEAL_OURS);
    assert_memory_not_equal(seal.nonce, other.nonce, PL__SEAL_NONCE);
    assert_int_equal(pl__seal_look(another, header, PL__SEAL, &seal), PL__SEAL_OTHER);
    assert_string_equal(seal.key_id, pl_store_key_id(key));
    assert_int_equal(pl__seal_look(NULL, header, PL__SEAL, &seal), PL__SEAL_OTHER);
    assert_string_equal(seal.key_id, pl_store_key_id(key));
}

static void a_changed_header_is_not_ours(void **state) {
    (void)state;
    char header[PL__SEAL];
    struct pl__seal seal;
    assert_true(pl__seal_make(key, header));
    for (int bit = 0; bit < PL__SEAL * 8; bit++) {
        header[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(pl__seal_look(key, header, PL__SEAL, &seal), PL__SEAL_OURS);
        header[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t size = 0; size < PL__SEAL; size++)
        assert_int_equal(pl__seal_look(key, header, size, &seal), size < 8 ? PL__SEAL_NONE : PL__SEAL_DAMAGED);
    assert_int_equal(pl__seal_look(key, "MANIFEST-000005\n", 16, &seal), PL__SEAL_NONE);
}

/* The whole stream by OpenSSL in one go, with the nonce as the counter; then every piece of it by itself. */
static void pieces_are_those_of_the_whole(void **state) {
    (void)state;
    enum { SIZE = 300 };
    static const uint8_t nonces[][PL__SEAL_NONCE] = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        {9, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 250}, /* carries over all of it */
    };
    char plain[SIZE], piece[SIZE];
    unsigned char whole[SIZE];
    for (int i = 0; i < SIZE; i++)
        plain[i] = (char)(i * 7);
    for (int n = 0; n < 2; n++) {
        int length;
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, key->secrets->cipher, nonces[n]);
        EVP_EncryptUpdate(context, whole, &length, (unsigned char *)plain, SIZE);
        EVP_CIPHER_CTX_free(context);
        for (size_t from = 0; from < SIZE; from++)
            for (size_t size = 0; from + size <= SIZE; size += 1 + size / 3) {
                memcpy(piece, plain + from, size);
                assert_true(pl__seal_crypt(key, nonces[n], from, piece, size));
                assert_memory_equal(piece, whole + from, size);
                assert_true(pl__seal_crypt(key, nonces[n], from, piece, size));
                assert_memory_equal(piece, plain + from, size);
            }
    }
}

static void another_key_gives_another_stream(void **state) {
    (void)state;
    static const uint8_t nonce[PL__SEAL_NONCE] = {1};
    char one[64] = {0}, two[64] = {0};
    assert_true(pl__seal_crypt(key, nonce, 4096, one, sizeof one));
    assert_true(pl__seal_crypt(another, nonce, 4096, two, sizeof two));
    assert_memory_not_equal(one, two, sizeof one);
}

enum { THREADS = 24, ROUNDS = 3000, PIECE = 4000 };

static void *crypt_much(void *arg) {
    static const uint8_t nonce[PL__SEAL_NONCE] = {3};
    char *bytes = malloc(PIECE);
    uintptr_t good = 1, of = (uintptr_t)arg;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t size = 1 + (round * 131 + of) % PIECE;
        memset(bytes, (int)of, size);
        good &= pl__seal_crypt(key, nonce, round * of, bytes, size);
        good &= pl__seal_crypt(key, nonce, round * of, bytes, size);
        for (size_t i = 0; i < size; i++)
            good &= bytes[i] == (char)of;
    }
    free(bytes);
    return (void *)good;
}

static void a_key_is_for_many_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crypt_much, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *good;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_header_tells_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_header_is_not_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces_are_those_of_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_gives_another_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_is_for_many_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
