#include "http/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>
#include <jansson.h>

static char folder[64], path[128];

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/potline-access-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/access.log", folder);
    return 0;
}

static void name_of(unsigned number, char name[160]) {
    snprintf(name, 160, number ? "%s.%u" : "%s", path, number);
}

static int teardown(void **state) {
    char name[160];
    (void)state;
    for (unsigned i = 0; i <= PL_ACCESS_FILES; i++) {
        name_of(i, name);
        unlink(name);
    }
    return rmdir(folder);
}

static void put(struct pl_access *access, const char *asked, const char *correlation) {
    struct pl_http_request request = {.method = PL_HTTP_GET, .path = asked, .peer = "10.0.0.7"};
    pl_access_put(access, &(struct pl_http_served){.request = &request,
                                                   .status = 200,
                                                   .bytes = 12,
                                                   .duration = 1250000,
                                                   .user = "anna",
                                                   .correlation = correlation});
}

static json_t *first_line(unsigned number) {
    char name[160], line[16384] = "";
    name_of(number, name);
    FILE *file = fopen(name, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    json_t *value = json_loads(line, 0, NULL);
    assert_non_null(value);
    return value;
}

static const char *text(const json_t *value, const char *name) {
    return json_string_value(json_object_get(value, name));
}

static void a_request_is_a_line_of_json(void **state) {
    (void)state;
    struct pl_access *access;
    assert_int_equal(pl_access_new(path, 1 << 20, &access, NULL), PL_OK);
    put(access, "/a\"b\n\\", "plant-7");
    pl_access_free(access);
    json_t *value = first_line(0);
    assert_string_equal(text(value, "path"), "/a\"b\n\\");
    assert_string_equal(text(value, "correlation"), "plant-7");
    assert_string_equal(text(value, "user"), "anna");
    assert_string_equal(text(value, "peer"), "10.0.0.7");
    assert_string_equal(text(value, "method"), "GET");
    assert_int_equal(json_integer_value(json_object_get(value, "status")), 200);
    assert_true(json_number_value(json_object_get(value, "ms")) == 1.25);
    json_decref(value);
}

/* The worst is long, and each byte of it is written as six. */
static void long_texts_are_cut_between_signs(void **state) {
    (void)state;
    struct pl_access *access;
    char asked[8001] = "", correlation[129] = "";
    memset(asked, 1, 511);
    for (unsigned i = 511; i < 8000; i += 2)
        memcpy(asked + i, "\xc3\xa9", 2);
    asked[8000] = 0;
    memset(correlation, 'c', 128);
    assert_int_equal(pl_access_new(path, 1 << 20, &access, NULL), PL_OK);
    put(access, asked, correlation);
    pl_access_free(access);
    json_t *value = first_line(0);
    assert_int_equal(strlen(text(value, "path")), 511);
    assert_int_equal(strlen(text(value, "correlation")), 128);
    json_decref(value);
}

static void files_turn_over_and_no_more_are_kept(void **state) {
    (void)state;
    struct pl_access *access;
    struct stat found;
    char name[160], number[32];
    assert_int_equal(pl_access_new(path, 4096, &access, NULL), PL_OK);
    for (unsigned i = 0; i < 400; i++) {
        snprintf(number, sizeof number, "%u", i);
        put(access, "/", number);
        if (i % 10 == 9) pl_access_flush(access);
    }
    pl_access_free(access);
    for (unsigned i = 0; i <= PL_ACCESS_FILES; i++) {
        name_of(i, name);
        assert_int_equal(stat(name, &found), 0);
        assert_in_range(found.st_size, 1, 4096);
        if (!i) continue;
        json_t *newer = first_line(i - 1), *older = first_line(i);
        assert_true(atoi(text(older, "correlation")) < atoi(text(newer, "correlation")));
        json_decref(newer);
        json_decref(older);
    }
    name_of(PL_ACCESS_FILES + 1, name);
    assert_int_not_equal(stat(name, &found), 0);
}

/* As logrotate does it, or somebody with `rm`. */
static void a_file_that_was_moved_is_begun_anew(void **state) {
    (void)state;
    struct pl_access *access;
    char moved[160];
    name_of(1, moved);
    assert_int_equal(pl_access_new(path, 1 << 20, &access, NULL), PL_OK);
    put(access, "/", "first");
    pl_access_flush(access);
    assert_int_equal(rename(path, moved), 0);
    put(access, "/", "second");
    pl_access_flush(access);
    json_t *older = first_line(1), *newer = first_line(0);
    assert_string_equal(text(older, "correlation"), "first");
    assert_string_equal(text(newer, "correlation"), "second");
    json_decref(older);
    json_decref(newer);
    assert_int_equal(unlink(path), 0);
    put(access, "/", "third");
    pl_access_free(access);
    newer = first_line(0);
    assert_string_equal(text(newer, "correlation"), "third");
    json_decref(newer);
}

static void no_place_is_told(void **state) {
    (void)state;
    struct pl_access *access;
    struct pl_error *error = NULL;
    assert_int_equal(pl_access_new("/nowhere/access.log", 4096, &access, &error), PL_IO);
    assert_non_null(strstr(error->text, "/nowhere/access.log"));
    pl_error_free(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_a_line_of_json, setup, teardown),
        cmocka_unit_test_setup_teardown(long_texts_are_cut_between_signs, setup, teardown),
        cmocka_unit_test_setup_teardown(files_turn_over_and_no_more_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_moved_is_begun_anew, setup, teardown),
        cmocka_unit_test(no_place_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
