#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/folder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder_testing.h"

static void assert_made(const char *root, const char *given, const char *made) {
    char path[512];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", root, given);
    assert_int_equal(pl_folders_make(path, NULL), PL_OK);
    assert_int_equal(pl_folders_make(path, NULL), PL_OK); /* is there already */
    snprintf(path, sizeof path, "%s/%s", root, made);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISDIR(info.st_mode) && (info.st_mode & 0777) == 0700);
}

static void folders_are_made_with_those_they_are_in(void **state) {
    (void)state;
    char *root = make_folder(), long_path[8192];
    assert_made(root, "one", "one");
    assert_made(root, "a/b/c", "a/b/c");
    assert_made(root, "d/", "d");
    assert_made(root, "e//f///g//", "e/f/g");
    assert_int_equal(pl_folders_make("/", NULL), PL_OK);
    assert_int_equal(pl_folders_make("", NULL), PL_USAGE);
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = 0;
    assert_int_equal(pl_folders_make(long_path, NULL), PL_USAGE);
    assert_int_equal(pl_folders_make("/dev/null/x", NULL), PL_IO);
    remove_folder(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(folders_are_made_with_those_they_are_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
