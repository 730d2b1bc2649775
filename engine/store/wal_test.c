/* wal_test.c: what is made of a write-ahead log that is not whole, and of a closed folder that was changed. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include <potline/alloc.h>

#include "store/folder_testing.h"
#include "store/store.h"

enum { RECORDS = 300, VALUE = 1000, BLOCK = 32 << 10 };

static char *folder;

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

/* ---- Helpers ---- */

static struct pl_store *open_store(void) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    if (pl_store_open(folder, &(struct pl_store_options){0}, &store, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    return store;
}

/* What is said has `about` in it. */
static void assert_damaged(bool read_only, const char *about) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){.read_only = read_only}, &store, &error),
                     PL_CORRUPT);
    char *text = pl_error_text(error);
    if (!strstr(text, about)) fail_msg("no \"%s\" in \"%s\"", about, text);
    pl_free(text);
    pl_error_free(&error);
}

static void put_records(struct pl_store *store, int from, int count) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    char key[16], value[VALUE];
    memset(value, 'v', sizeof value);
    for (int i = from; i < from + count; i++) {
        snprintf(key, sizeof key, "%06d", i);
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_BRONZE], key, strlen(key), value, sizeof value);
        assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    }
    rocksdb_writebatch_destroy(writes);
}

/* The folder becomes what it would be had the process died here. */
static void leave_as_after_a_crash(struct pl_store *store) {
    char command[1200];
    snprintf(command, sizeof command, "cp -r %s %s.crashed", folder, folder);
    assert_int_equal(system(command), 0);
    pl_store_close(store);
    snprintf(command, sizeof command, "rm -rf %s && mv %s.crashed %s", folder, folder, folder);
    assert_int_equal(system(command), 0);
}

static void make_crashed(void) {
    struct pl_store *store = open_store();
    put_records(store, 0, RECORDS);
    leave_as_after_a_crash(store);
}

static int count_records(void) {
    struct pl_store *store = open_store();
    struct pl_store_iter *iter;
    int count = 0;
    assert_int_equal(pl_store_iter_new(store, PL_STORE_BRONZE, NULL, 0, &iter, NULL), PL_OK);
    for (pl_store_iter_seek(iter, "", 0); pl_store_iter_valid(iter); pl_store_iter_next(iter))
        count++;
    assert_int_equal(pl_store_iter_check(iter, NULL), PL_OK);
    pl_store_iter_free(iter);
    pl_store_close(store);
    return count;
}

/* The file of the store with this in its name; the last by name, as names are numbers. */
static const char *file_of(const char *part) {
    static char path[600];
    char newest[300] = "";
    snprintf(path, sizeof path, "%s/store", folder);
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strstr(entry->d_name, part) && strcmp(entry->d_name, newest) > 0)
            snprintf(newest, sizeof newest, "%s", entry->d_name);
    closedir(dir);
    assert_true(newest[0]);
    snprintf(path, sizeof path, "%s/store/%s", folder, newest);
    return path;
}

static off_t size_of(const char *path) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void flip(const char *path, off_t at) {
    unsigned char byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void write_zeros(const char *path, off_t at, size_t size) {
    static const char zeros[BLOCK];
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, zeros, size, at), size);
    close(fd);
}

/* ---- After a crash ---- */

static void a_log_that_is_whole_loses_nothing(void **state) {
    (void)state;
    make_crashed();
    assert_int_equal(count_records(), RECORDS);
}

static void a_last_record_cut_anywhere_goes(void **state) {
    (void)state;
    for (off_t cut = 1; cut < VALUE; cut += 197) {
        make_crashed();
        const char *log = file_of(".log");
        assert_int_equal(truncate(log, size_of(log) - cut), 0);
        assert_int_equal(count_records(), RECORDS - 1);
        pl_store_remove(folder, NULL);
    }
}

/* In its bytes, its size, its type or its checksum. */
static void a_last_record_with_a_flipped_bit_goes(void **state) {
    (void)state;
    for (off_t back = 1; back < VALUE + 40; back += 79) {
        pl_store_remove(folder, NULL);
        make_crashed();
        const char *log = file_of(".log");
        flip(log, size_of(log) - back);
        int left = count_records();
        assert_in_range(left, RECORDS - 2, RECORDS - 1);
        if (back < VALUE) assert_int_equal(left, RECORDS - 1);
    }
}

static void zeros_at_the_end_are_room_taken_beforehand(void **state) {
    (void)state;
    make_crashed();
    const char *log = file_of(".log");
    assert_int_equal(truncate(log, size_of(log) + 3 * BLOCK), 0);
    assert_int_equal(count_records(), RECORDS);
}

static void damage_with_records_behind_it_is_told(void **state) {
    (void)state;
    for (off_t at = 100; at < RECORDS * VALUE - 2 * BLOCK; at += 2 * BLOCK - 777) {
        make_crashed();
        flip(file_of(".log"), at);
        assert_damaged(false, ".log is not whole");
        assert_damaged(false, ".log is not whole"); /* nothing was cut off */
        pl_store_remove(folder, NULL);
    }
}

/* RocksDB would take them for the end of a block, and go on behind them. */
static void a_hole_of_zeros_is_told(void **state) {
    (void)state;
    make_crashed();
    write_zeros(file_of(".log"), 2 * BLOCK, BLOCK);
    assert_damaged(false, ".log is not whole");
}

static void a_torn_log_with_a_newer_one_is_told(void **state) {
    (void)state;
    struct pl_store *store = open_store();
    put_records(store, 0, RECORDS);
    char older[600];
    snprintf(older, sizeof older, "%s", file_of(".log"));
    char *message = NULL; /* the families that hold nothing are left in the older log */
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_GOLD], "k", 1, "v", 1);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_flush_cf(store->db, options, store->family[PL_STORE_GOLD], &message);
    assert_null(message);
    rocksdb_flushoptions_destroy(options);
    rocksdb_writebatch_destroy(writes);
    put_records(store, RECORDS, 3);
    assert_string_not_equal(older, file_of(".log"));
    leave_as_after_a_crash(store);
    assert_int_equal(truncate(older, size_of(older) - 200), 0);
    assert_damaged(false, ".log is not whole");
}

/* ---- A folder that was closed ---- */

static void assert_marked(const char *part, off_t back) {
    struct pl_store *store = open_store();
    put_records(store, 0, RECORDS);
    pl_store_close(store);
    char path[600];
    snprintf(path, sizeof path, "%s", file_of(part));
    for (int read_only = 0; read_only < 2; read_only++) {
        flip(path, size_of(path) - back);
        assert_damaged(read_only, strrchr(path, '/') + 1);
        flip(path, size_of(path) - back); /* back again */
    }
    assert_int_equal(count_records(), RECORDS);
    store = open_store();
    put_records(store, RECORDS, 1);
    pl_store_close(store);
    snprintf(path, sizeof path, "%s", file_of(part)); /* opening has made another */
    assert_int_equal(truncate(path, size_of(path) - 1), 0);
    assert_damaged(false, strrchr(path, '/') + 1);
    assert_int_equal(unlink(path), 0);
    assert_damaged(true, strrchr(path, '/') + 1);
}

static void a_changed_log_is_told(void **state) {
    (void)state;
    assert_marked(".log", 300);
}

static void a_changed_manifest_is_told(void **state) {
    (void)state;
    assert_marked("MANIFEST-", 5);
}

static void a_changed_current_is_told(void **state) {
    (void)state;
    assert_marked("CURRENT", 2);
}

static void a_damaged_seal_only_warns(void **state) {
    (void)state;
    char path[600];
    make_crashed();
    assert_int_equal(count_records(), RECORDS);
    snprintf(path, sizeof path, "%s/closed", folder);
    flip(path, 20);
    assert_int_equal(count_records(), RECORDS);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(count_records(), RECORDS);
}

static void an_open_folder_has_no_seal(void **state) {
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/closed", folder);
    pl_store_close(open_store());
    assert_int_equal(access(path, F_OK), 0);
    struct pl_store *store = open_store();
    assert_int_not_equal(access(path, F_OK), 0);
    pl_store_close(store);
    assert_int_equal(pl_store_remove(folder, NULL), PL_OK);
    assert_int_not_equal(access(path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_log_that_is_whole_loses_nothing),
        TEST(a_last_record_cut_anywhere_goes),
        TEST(a_last_record_with_a_flipped_bit_goes),
        TEST(zeros_at_the_end_are_room_taken_beforehand),
        TEST(damage_with_records_behind_it_is_told),
        TEST(a_hole_of_zeros_is_told),
        TEST(a_torn_log_with_a_newer_one_is_told),
        TEST(a_changed_log_is_told),
        TEST(a_changed_manifest_is_told),
        TEST(a_changed_current_is_told),
        TEST(a_damaged_seal_only_warns),
        TEST(an_open_folder_has_no_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
