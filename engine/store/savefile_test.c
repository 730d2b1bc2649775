#include "store/savefile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include <potline/alloc.h>

#include "store/folder_testing.h"
#include "store/key_testing.h"

enum { ENTRIES = 500, LARGE = 300 << 10 };

static char *folder, path[300];
static struct pl_store_key *ours, *another;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/saved", folder);
    ours = make_key('o');
    another = make_key('a');
    return 0;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    pl_store_key_unref(ours);
    pl_store_key_unref(another);
    return 0;
}

/* The size of entry `i`'s value: none, small, larger than what is read at once. */
static uint32_t size_of(unsigned i) {
    return i % 100 == 99 ? LARGE : i % 7 * 30;
}

static char *value_of(unsigned i) {
    char *value = malloc(LARGE);
    memset(value, (int)('a' + i % 26), LARGE);
    return value;
}

static void write_file(struct pl_store_key *key) {
    struct pl_savefile *file;
    assert_int_equal(pl_savefile_create(path, key, &file, NULL), PL_OK);
    for (unsigned i = 0; i < ENTRIES; i++) {
        char name[16], *value = value_of(i);
        snprintf(name, sizeof name, "key%u", i);
        struct pl_savefile_entry entry = {
            .type = 's', .key = name, .key_size = (uint32_t)strlen(name), .value = value, .value_size = size_of(i)};
        assert_int_equal(pl_savefile_put(file, &entry, NULL), PL_OK);
        free(value);
    }
    assert_int_equal(access(path, F_OK), -1); /* not before it is whole */
    assert_int_equal(pl_savefile_finish(file, NULL), PL_OK);
    pl_savefile_close(file);
}

static void read_file(struct pl_store_key *key) {
    struct pl_savefile *file;
    struct pl_savefile_entry entry;
    assert_int_equal(pl_savefile_open(path, key, &file, NULL), PL_OK);
    for (unsigned i = 0; i < ENTRIES; i++) {
        char name[16], *value = value_of(i);
        snprintf(name, sizeof name, "key%u", i);
        assert_int_equal(pl_savefile_next(file, &entry, NULL), PL_OK);
        assert_int_equal(entry.type, 's');
        assert_int_equal(entry.key_size, strlen(name));
        assert_memory_equal(entry.key, name, entry.key_size);
        assert_int_equal(entry.value_size, size_of(i));
        assert_memory_equal(entry.value, value, entry.value_size);
        free(value);
    }
    assert_int_equal(pl_savefile_next(file, &entry, NULL), PL_NOT_FOUND);
    pl_savefile_close(file);
}

static enum pl_code open_code(struct pl_store_key *key, const char *said) {
    struct pl_savefile *file;
    struct pl_error *error = NULL;
    enum pl_code code = pl_savefile_open(path, key, &file, &error);
    assert_null(file);
    char *text = pl_error_text(error);
    if (!strstr(text, said) || !strstr(text, path)) fail_msg("%s", text);
    pl_free(text);
    pl_error_free(&error);
    return code;
}

static void what_was_put_comes_back(void **state) {
    (void)state;
    write_file(NULL);
    read_file(NULL);
    read_file(ours); /* one in the clear is for everybody */
    unlink(path);
    write_file(ours);
    read_file(ours);
    assert_int_equal(open_code(another, pl_store_key_id(ours)), PL_USAGE);
    assert_int_equal(open_code(NULL, pl_store_key_id(ours)), PL_USAGE);
}

static void no_file_is_written_over(void **state) {
    (void)state;
    struct pl_savefile *file, *second;
    struct pl_error *error = NULL;
    assert_int_equal(pl_savefile_create(path, NULL, &file, NULL), PL_OK);
    close(open(path, O_CREAT | O_WRONLY, 0600)); /* by somebody else, meanwhile */
    assert_int_equal(pl_savefile_finish(file, &error), PL_IO);
    pl_error_free(&error);
    pl_savefile_close(file);
    assert_int_equal(pl_savefile_create(path, NULL, &second, &error), PL_CONFLICT);
    pl_error_free(&error);
    char part[310];
    snprintf(part, sizeof part, "%s.part", path);
    assert_int_equal(access(part, F_OK), -1); /* one that was not finished is gone */
}

static void change_byte(long at) {
    int fd = open(path, O_RDWR);
    char byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x20;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void any_damage_is_found(void **state) {
    (void)state;
    struct stat info;
    struct pl_store_key *const keys[] = {NULL, ours};
    for (size_t k = 0; k < 2; k++) {
        write_file(keys[k]);
        assert_int_equal(stat(path, &info), 0);
        for (long at = 25; at < info.st_size; at += info.st_size / 60) {
            change_byte(at);
            assert_int_equal(open_code(keys[k], "damaged"), PL_CORRUPT);
            change_byte(at);
        }
        read_file(keys[k]);
        for (long left = info.st_size - 1; left > 5000; left -= info.st_size / 20) {
            assert_int_equal(truncate(path, left), 0);
            assert_int_equal(open_code(keys[k], "damaged"), PL_CORRUPT);
        }
        unlink(path);
    }
}

static void put_text(const char *text, size_t size) {
    FILE *file = fopen(path, "w");
    fwrite(text, 1, size, file);
    fclose(file);
}

static void other_files_are_refused(void **state) {
    (void)state;
    static const char huge[] = "potline savepoint 1\ns\xff\xff\xff\x7f\xff\xff\xff\x7f";
    put_text("", 0);
    assert_int_equal(open_code(NULL, "not a savepoint"), PL_USAGE);
    put_text("time,tag,value,quality,and,more\n", 32);
    assert_int_equal(open_code(NULL, "not a savepoint"), PL_USAGE);
    put_text("potline savepoint 2\nsomething of the future", 43);
    assert_int_equal(open_code(NULL, "newer version"), PL_CONFLICT);
    put_text(huge, sizeof huge - 1);
    assert_int_equal(open_code(NULL, "damaged"), PL_CORRUPT);
    unlink(path);
    assert_int_equal(open_code(NULL, "No such file"), PL_NOT_FOUND);
}

/* Nothing is written through a link, and what is written is its owner's alone. */
static void a_part_is_a_new_file(void **state) {
    (void)state;
    char part[320], elsewhere[320];
    struct pl_savefile *file;
    struct stat info;
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
    int fd = open(elsewhere, O_WRONLY | O_CREAT, 0666);
    assert_int_equal(write(fd, "kept", 4), 4);
    close(fd);
    assert_int_equal(symlink(elsewhere, part), 0);
    write_file(NULL);
    assert_int_equal(stat(elsewhere, &info), 0);
    assert_int_equal(info.st_size, 4);
    assert_int_equal(unlink(path), 0);
    close(open(part, O_WRONLY | O_CREAT, 0666)); /* left by a death */
    assert_int_equal(chmod(part, 0666), 0);
    assert_int_equal(pl_savefile_create(path, NULL, &file, NULL), PL_OK);
    assert_int_equal(lstat(part, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    pl_savefile_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_part_is_a_new_file, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_put_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(no_file_is_written_over, setup, teardown),
        cmocka_unit_test_setup_teardown(any_damage_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(other_files_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
