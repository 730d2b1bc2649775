#include "store/key.h"

#include <fcntl.h>
#include <potline/alloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include "store/folder_testing.h"
#include "store/key_testing.h"

static char *folder;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

static const char *write_file(const char *bytes, size_t size, mode_t mode) {
    static char path[300];
    snprintf(path, sizeof path, "%s/key", folder);
    unlink(path);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static void assert_refused(const char *path, enum pl_store_key_source source, enum pl_code code, const char *why) {
    struct pl_store_key *key;
    struct pl_error *error = NULL;
    assert_int_equal(pl_store_key_read(path, source, &key, &error), code);
    assert_null(key);
    char *text = pl_error_text(error);
    assert_non_null(strstr(text, path));
    assert_non_null(strstr(text, why));
    pl_free(text);
    pl_error_free(&error);
}

/* ---- Tests ---- */

static void a_generated_key_is_read_back(void **state) {
    (void)state;
    char one[PL_STORE_KEY_TEXT], two[PL_STORE_KEY_TEXT], id[PL_STORE_KEY_ID];
    struct pl_store_key *key;
    assert_int_equal(pl_store_key_generate(one, NULL), PL_OK);
    assert_int_equal(pl_store_key_generate(two, NULL), PL_OK);
    assert_int_equal(strlen(one), PL_STORE_KEY_TEXT - 1);
    assert_string_not_equal(one, two);
    assert_int_equal(pl_store_key_read(write_file(one, strlen(one), 0600), PL_STORE_KEY_FILE, &key, NULL), PL_OK);
    strcpy(id, pl_store_key_id(key));
    assert_int_equal(strspn(id, "0123456789abcdef"), PL_STORE_KEY_ID - 1);
    pl_store_key_unref(key);

    char line[PL_STORE_KEY_TEXT + 2];
    snprintf(line, sizeof line, "%s\r\n", one);
    assert_int_equal(pl_store_key_read(write_file(line, strlen(line), 0400), PL_STORE_KEY_FILE, &key, NULL), PL_OK);
    assert_string_equal(pl_store_key_id(key), id);
    pl_store_key_unref(key);
    assert_int_equal(pl_store_key_read(write_file(two, strlen(two), 0600), PL_STORE_KEY_FILE, &key, NULL), PL_OK);
    assert_string_not_equal(pl_store_key_id(key), id);
    pl_store_key_unref(key);
}

/* HKDF-SHA-256 of 32 bytes 'k', computed with Python's hmac. */
static void what_is_derived_stays_the_same(void **state) {
    (void)state;
    struct pl_store_key *key = make_key('k');
    assert_string_equal(pl_store_key_id(key), "47792692db9d998b");
    pl_store_key_unref(key);
}

static void files_that_others_may_read_are_refused(void **state) {
    (void)state;
    char text[PL_STORE_KEY_TEXT];
    struct pl_store_key *key;
    assert_int_equal(pl_store_key_generate(text, NULL), PL_OK);
    static const mode_t open_modes[] = {0640, 0604, 0620, 0644, 0660};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++)
        assert_refused(write_file(text, strlen(text), open_modes[i]), PL_STORE_KEY_FILE, PL_USAGE,
                       "others than its owner");
    /* systemd's list shows so */
    const char *path = write_file(text, strlen(text), 0440);
    assert_refused(path, PL_STORE_KEY_FILE, PL_USAGE, "0440");
    assert_int_equal(pl_store_key_read(path, PL_STORE_KEY_CREDENTIAL, &key, NULL), PL_OK);
    pl_store_key_unref(key);
    assert_refused(write_file(text, strlen(text), 0444), PL_STORE_KEY_CREDENTIAL, PL_USAGE, "others than its owner");
}

static void what_is_no_key_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } wrong[] = {
#define TEXT(text) {text, sizeof(text) - 1}
        TEXT(""),
        TEXT("\n"),
        TEXT("short"),
        TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),  /* one less */
        TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), /* 33 bytes */
        TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="), /* 31 */
        TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="), /* another way to write a key */
        TEXT("AAAAAAAAAAAAAAAAAAAAAAA*AAAAAAAAAAAAAAAAAAA="),
        TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore"),
        TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\0more"),
        TEXT(" AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
#undef TEXT
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(write_file(wrong[i].text, wrong[i].size, 0600), PL_STORE_KEY_FILE, PL_USAGE, "a key expected");
    assert_refused("/nonexistent/key", PL_STORE_KEY_FILE, PL_NOT_FOUND, "cannot be read");
    assert_refused(folder, PL_STORE_KEY_FILE, PL_USAGE, "");
}

static void what_is_said_holds_no_key(void **state) {
    (void)state;
    char text[PL_STORE_KEY_TEXT + 8];
    struct pl_store_key *key;
    struct pl_error *error = NULL;
    assert_int_equal(pl_store_key_generate(text, NULL), PL_OK);
    strcat(text, "more");
    assert_int_equal(pl_store_key_read(write_file(text, strlen(text), 0600), PL_STORE_KEY_FILE, &key, &error),
                     PL_USAGE);
    char *said = pl_error_text(error);
    text[8] = 0;
    assert_null(strstr(said, text));
    pl_free(said);
    pl_error_free(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_generated_key_is_read_back, setup, teardown),
        cmocka_unit_test(what_is_derived_stays_the_same),
        cmocka_unit_test_setup_teardown(files_that_others_may_read_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_said_holds_no_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
