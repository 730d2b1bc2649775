/* sst_test.c: no flipped bit of a table file gives a wrong answer, in a folder without the mark. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
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

enum { KEYS = 20, STRIDE = 23 };

static char *folder;
static char file[1024];
static int told; /* of flipped bits that were found */

static void put_keys(struct pl_store *store) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%06d", i);
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_GOLD], key, strlen(key), key, strlen(key));
    }
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void find_table(void) {
    char path[512];
    snprintf(path, sizeof path, "%s/store", folder);
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strstr(entry->d_name, ".sst")) snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
    closedir(dir);
    assert_true(file[0]);
}

/* One table file with the keys, and no mark. */
static int setup(void **state) {
    (void)state;
    struct pl_store *store;
    char *message = NULL, mark[600];
    folder = make_folder();
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    put_keys(store);
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush_cf(store->db, options, store->family[PL_STORE_GOLD], &message);
    rocksdb_flushoptions_destroy(options);
    assert_null(message);
    pl_store_close(store);
    snprintf(mark, sizeof mark, "%s/closed", folder);
    assert_int_equal(unlink(mark), 0);
    find_table();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

static void flip(long bit) {
    unsigned char byte;
    int fd = open(file, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, bit / 8), 1);
    byte ^= (unsigned char)(1u << bit % 8);
    assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
    close(fd);
}

/* By walking, and by asking for each. The code, and how many were there. */
static enum pl_code read_keys(struct pl_store *store, int *walked, int *got) {
    struct pl_store_iter *iter;
    *walked = *got = 0;
    assert_int_equal(pl_store_iter_new(store, PL_STORE_GOLD, NULL, 0, &iter, NULL), PL_OK);
    for (pl_store_iter_seek(iter, "", 0); pl_store_iter_valid(iter); pl_store_iter_next(iter))
        ++*walked;
    enum pl_code code = pl_store_iter_check(iter, NULL);
    pl_store_iter_free(iter);
    for (int i = 0; i < KEYS && !code; i++) {
        char key[16];
        void *value;
        size_t size;
        snprintf(key, sizeof key, "%06d", i);
        code = pl_store_get(store, PL_STORE_GOLD, key, strlen(key), &value, &size, NULL);
        if (code == PL_NOT_FOUND) return PL_OK;
        *got += !code && size == strlen(key) && memcmp(value, key, size) == 0;
        pl_free(value);
    }
    return code;
}

static void check(long bit) {
    struct pl_store *store;
    int walked, got;
    enum pl_code code = pl_store_open(folder, &(struct pl_store_options){.read_only = true}, &store, NULL);
    if (!code) code = read_keys(store, &walked, &got);
    pl_store_close(store);
    told += code != PL_OK;
    if (!code && (walked != KEYS || got != KEYS)) fail_msg("bit %ld: %d walked, %d got", bit, walked, got);
}

static void a_flipped_bit_is_told_or_does_no_harm(void **state) {
    (void)state;
    struct stat info;
    check(-1);
    assert_int_equal(told, 0);
    assert_int_equal(stat(file, &info), 0);
    long stride = getenv("POTLINE_LONG") ? 1 : STRIDE;
    for (long bit = 0; bit < 8 * info.st_size; bit += stride) {
        flip(bit);
        check(bit);
        flip(bit);
    }
    assert_in_range(told, 4 * info.st_size / stride, LONG_MAX);
}

static void a_table_that_was_never_finished_is_let_be(void **state) {
    (void)state;
    char path[600];
    struct stat info;
    assert_int_equal(stat(file, &info), 0);
    snprintf(path, sizeof path, "%s/store/999999.sst", folder);
    for (int i = 0; i < 2; i++) {
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, i * info.st_size), 0);
        close(fd);
        check(-1);
        assert_int_equal(told, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_that_was_never_finished_is_let_be, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_told_or_does_no_harm, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
