#include "http/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "store/folder_testing.h"

static char *folder;
static char path[512];

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    return folder ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

static const char *inside(const char *name) {
    snprintf(path, sizeof path, "%s/tls/%s", folder, name);
    return path;
}

static struct pl_identity_files own(bool made) {
    struct pl_identity_files identity;
    assert_int_equal(pl_identity_own(folder, NULL, &identity, NULL), PL_OK);
    assert_int_equal(identity.made, made);
    return identity;
}

static void it_is_made_once_and_for_its_owner(void **state) {
    (void)state;
    struct stat info;
    struct pl_identity_files first = own(true), again = own(false);
    assert_string_equal(first.certificate, again.certificate);
    assert_string_equal(first.key, again.key);
    assert_int_equal(stat(inside("key.pem"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/tls", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    pl_identity_fini(&first);
    pl_identity_fini(&again);
}

static struct pl_store_key *key_of(uint8_t byte) {
    uint8_t master[PL_STORE_KEY_MASTER];
    struct pl_store_key *key;
    memset(master, byte, sizeof master);
    assert_int_equal(pl_store_key_new(master, &key, NULL), PL_OK);
    return key;
}

static bool file_has(const char *text) {
    char found[8192] = "";
    FILE *file = fopen(inside("key.pem"), "re");
    assert_non_null(file);
    assert_true(fread(found, 1, sizeof found - 1, file) > 0);
    fclose(file);
    return strstr(found, text) != NULL;
}

/* The same key, in the clear for who asks, and encrypted in the file: from its making on, or from the folder's change.
 */
static void in_an_encrypted_folder_it_is_encrypted(void **state) {
    (void)state;
    struct pl_store_key *key = key_of(1), *next = key_of(2);
    struct pl_identity_files clear = own(true), sealed, again, other;
    assert_true(file_has("BEGIN PRIVATE KEY"));
    assert_int_equal(pl_identity_own(folder, key, &sealed, NULL), PL_OK);
    assert_false(sealed.made);
    assert_string_equal(clear.key, sealed.key);
    assert_true(file_has("BEGIN ENCRYPTED PRIVATE KEY"));
    assert_int_equal(pl_identity_rekey(folder, key, next, NULL), PL_OK);
    assert_int_equal(pl_identity_rekey(folder, key, next, NULL), PL_OK); /* once more does nothing */
    assert_true(file_has("BEGIN ENCRYPTED PRIVATE KEY"));
    assert_int_equal(pl_identity_own(folder, next, &again, NULL), PL_OK);
    assert_false(again.made);
    assert_string_equal(clear.key, again.key);
    assert_int_equal(pl_identity_own(folder, key, &other, NULL), PL_OK); /* what cannot be read is made anew */
    assert_true(other.made);
    assert_string_not_equal(clear.key, other.key);
    assert_true(file_has("BEGIN ENCRYPTED PRIVATE KEY"));
    pl_identity_fini(&clear);
    pl_identity_fini(&sealed);
    pl_identity_fini(&again);
    pl_identity_fini(&other);
    pl_store_key_unref(key);
    pl_store_key_unref(next);
}

static void a_given_key_that_is_encrypted_is_refused(void **state) {
    (void)state;
    char certificate[600];
    struct pl_store_key *key = key_of(1);
    struct pl_identity_files identity;
    struct pl_error *error = NULL;
    assert_int_equal(pl_identity_own(folder, key, &identity, NULL), PL_OK);
    pl_identity_fini(&identity);
    snprintf(certificate, sizeof certificate, "%s", inside("cert.pem"));
    assert_int_equal(pl_identity_read(certificate, inside("key.pem"), &identity, &error), PL_USAGE);
    assert_non_null(strstr(error->text, "is encrypted"));
    pl_error_free(&error);
    pl_store_key_unref(key);
}

static void it_is_of_this_machine(void **state) {
    (void)state;
    struct pl_identity_files identity = own(true);
    BIO *text = BIO_new_mem_buf(identity.certificate, -1);
    X509 *certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);
    assert_non_null(certificate);
    assert_int_equal(X509_check_host(certificate, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "10.0.0.1", 0), 0);
    assert_int_equal(X509_check_ca(certificate), 0); /* signs for nobody else */
    X509_free(certificate);
    BIO_free(text);
    pl_identity_fini(&identity);
}

static void overwrite(const char *name, const char *text) {
    FILE *file = fopen(inside(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void what_is_of_no_use_is_made_anew(void **state) {
    (void)state;
    struct pl_identity_files first = own(true), other;
    overwrite("cert.pem", "nonsense");
    other = own(true);
    pl_identity_fini(&other);
    overwrite("key.pem", first.key); /* of another certificate */
    other = own(true);
    pl_identity_fini(&other);
    assert_int_equal(unlink(inside("key.pem")), 0);
    other = own(true);
    assert_string_not_equal(other.key, first.key);
    pl_identity_fini(&other);
    other = own(false);
    pl_identity_fini(&other);
    pl_identity_fini(&first);
}

static void one_of_the_plant_is_read_whole(void **state) {
    (void)state;
    struct pl_identity_files first = own(true), read;
    char certificate[512];
    struct pl_error *error = NULL;
    snprintf(certificate, sizeof certificate, "%s", inside("cert.pem"));
    assert_int_equal(pl_identity_read(certificate, inside("key.pem"), &read, NULL), PL_OK);
    assert_string_equal(read.key, first.key);
    assert_false(read.made);
    pl_identity_fini(&read);
    assert_int_equal(pl_identity_read(certificate, inside("none.pem"), &read, &error), PL_NOT_FOUND);
    assert_non_null(strstr(error->text, "none.pem"));
    pl_error_free(&error);
    overwrite("key.pem", "");
    assert_int_equal(pl_identity_read(certificate, inside("key.pem"), &read, NULL), PL_IO);
    pl_identity_fini(&first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_an_encrypted_folder_it_is_encrypted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_given_key_that_is_encrypted_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_made_once_and_for_its_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_of_this_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_of_no_use_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(one_of_the_plant_is_read_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
