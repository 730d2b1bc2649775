#include "store/backup.h"

#include <dirent.h>
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
#include "store/snapshot.h"

static char *folder, data[300], place[300], again[300];
static struct pl_store_key *key;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(place, sizeof place, "%s/place", folder);
    snprintf(again, sizeof again, "%s/again", folder);
    key = NULL;
    return 0;
}

static int setup_sealed(void **state) {
    setup(state);
    key = make_key('k');
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_store_key_unref(key);
    remove_folder(folder);
    return 0;
}

/* ---- Helpers ---- */

static struct pl_store *open_store(const char *path, bool read_only) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    if (pl_store_open(path, &(struct pl_store_options){.key = key, .read_only = read_only}, &store, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    return store;
}

static void put(struct pl_store *store, unsigned number) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    char name[32];
    int length = snprintf(name, sizeof name, "entry %u", number);
    for (unsigned family = PL_STORE_BRONZE; family < PL_STORE_FAMILIES; family++)
        if (family != PL_STORE_SPILL)
            rocksdb_writebatch_put_cf(writes, store->family[family], name, (size_t)length, name, (size_t)length);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static unsigned count_entries(const char *path) {
    struct pl_store *store = open_store(path, true);
    unsigned count = 0;
    for (void *value = NULL;; count++) {
        char name[32];
        size_t size;
        int length = snprintf(name, sizeof name, "entry %u", count);
        enum pl_code code = pl_store_get(store, PL_STORE_GOLD, name, (size_t)length, &value, &size, NULL);
        if (code == PL_NOT_FOUND) break;
        assert_int_equal(code, PL_OK);
        pl_free(value);
    }
    pl_store_close(store);
    return count;
}

/* Of a store that is open. */
static struct pl_backup back_up(struct pl_store *store, uint64_t keep) {
    char *snapshot;
    struct pl_error *error = NULL;
    assert_int_equal(pl_store_snapshot(store, &snapshot, NULL), PL_OK);
    struct pl_backup backup = {
        .from = snapshot, .of = data, .to = place, .key = key, .time = 1000 * PL_SECOND, .keep = keep};
    if (pl_backup_make(&backup, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    pl_free(snapshot);
    assert_int_equal(pl_store_snapshot_remove(data, NULL), PL_OK);
    return backup;
}

static enum pl_code restore(uint64_t id) {
    struct pl_restore restore = {.from = place, .to = again, .id = id, .at = PL_TIME_MAX};
    return pl_backup_restore(&restore, NULL);
}

static unsigned count_files(void) {
    char files[320];
    unsigned count = 0;
    snprintf(files, sizeof files, "%s/files", place);
    DIR *entries = opendir(files);
    for (struct dirent *entry; (entry = readdir(entries));)
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

static void remove_again(void) {
    remove_folder(strdup(again));
}

static void put_list(const char *name, const char *text) {
    char path[340];
    snprintf(path, sizeof path, "%s/%s", place, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

/* ---- Tests ---- */

static void each_backup_is_of_its_moment(void **state) {
    (void)state;
    struct pl_store *store = open_store(data, false);
    uint64_t files = 0;
    for (unsigned i = 0; i < 5; i++) {
        put(store, i);
        struct pl_backup backup = back_up(store, 0);
        assert_int_equal(backup.made.id, i + 1);
        if (i) assert_true(backup.copied_files < backup.made.files); /* tables of before are shared */
        assert_string_equal(backup.made.key_id, key ? pl_store_key_id(key) : "");
        assert_true(backup.made.files > files);
        files = backup.made.files;
    }
    put(store, 5); /* in no backup */
    pl_store_close(store);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(restore(i + 1), PL_OK);
        assert_int_equal(count_entries(again), i + 1);
        store = open_store(again, false); /* and it can be written */
        put(store, i + 1);
        pl_store_close(store);
        assert_int_equal(count_entries(again), i + 2);
        remove_again();
    }
}

static void what_nobody_needs_is_removed(void **state) {
    (void)state;
    struct pl_store *store = open_store(data, false);
    for (unsigned i = 0; i < 6; i++) {
        put(store, i);
        struct pl_backup backup = back_up(store, 2);
        assert_int_equal(backup.pruned, i < 2 ? 0 : 1);
    }
    unsigned two = count_files();
    struct pl_backup backup = back_up(store, 1);
    assert_int_equal(backup.pruned, 2);
    assert_true(count_files() < two);
    assert_int_equal(count_files(), backup.made.files);
    pl_store_close(store);
    assert_int_equal(restore(0), PL_OK);
    assert_int_equal(count_entries(again), 6);
}

static uint64_t back_up_closed(const char *from, uint64_t keep, uint64_t *pruned) {
    struct pl_backup backup = {.from = from, .to = place, .key = key, .time = 1000 * PL_SECOND, .keep = keep};
    assert_int_equal(pl_backup_make(&backup, NULL), PL_OK);
    *pruned = backup.pruned;
    return backup.made.id;
}

/* In one place: each is counted by itself, also where it has been moved, and none is taken for another. */
static void folders_are_kept_apart(void **state) {
    (void)state;
    char other[300], moved[300];
    uint64_t pruned;
    struct pl_error *error = NULL;
    struct pl_backup_info info;
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(moved, sizeof moved, "%s/moved", folder);
    pl_store_close(open_store(data, false));
    pl_store_close(open_store(other, false));
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(back_up_closed(data, 3, &pruned), i);
    assert_int_equal(pl_backup_find(place, 0, PL_TIME_MAX, &info, NULL), PL_OK);
    assert_int_equal(back_up_closed(other, 1, &pruned), 4);
    assert_int_equal(pruned, 0);
    assert_int_equal(pl_backup_find(place, 0, PL_TIME_MAX, &info, &error), PL_CONFLICT);
    assert_non_null(strstr(error->text, data));
    assert_non_null(strstr(error->text, other));
    pl_error_free(&error);
    assert_int_equal(restore(0), PL_CONFLICT);
    for (uint64_t id = 1; id <= 4; id++) {
        assert_int_equal(pl_backup_find(place, id, 0, &info, NULL), PL_OK);
        assert_string_equal(info.of, id < 4 ? data : other);
    }
    assert_int_equal(rename(data, moved), 0);
    assert_int_equal(back_up_closed(moved, 2, &pruned), 5);
    assert_int_equal(pruned, 2);
    assert_int_equal(restore(4), PL_OK);
}

static void a_number_that_none_can_follow_is_none(void **state) {
    (void)state;
    uint64_t pruned;
    pl_store_close(open_store(data, false));
    assert_int_equal(back_up_closed(data, 0, &pruned), 1);
    put_list("18446744073709551615.backup", "");
    assert_int_equal(back_up_closed(data, 0, &pruned), 2);
}

static bool stop_at_once(void *arg, uint64_t done, uint64_t all) {
    (void)done, (void)all;
    return ++*(unsigned *)arg < 3;
}

static void one_that_is_told_to_end_leaves_the_others(void **state) {
    (void)state;
    struct pl_store *store = open_store(data, false);
    unsigned calls = 0;
    char *snapshot;
    uint64_t files;
    put(store, 0);
    back_up(store, 0);
    put(store, 1);
    assert_int_equal(pl_store_snapshot(store, &snapshot, NULL), PL_OK);
    struct pl_backup backup = {.from = snapshot, .to = place, .key = key, .progress = stop_at_once, .arg = &calls};
    assert_int_equal(pl_backup_make(&backup, NULL), PL_BUSY);
    pl_free(snapshot);
    assert_int_equal(pl_backup_verify(place, NULL, NULL, &files, NULL), PL_OK);
    assert_int_equal(back_up(store, 0).made.id, 2);
    pl_store_close(store);
}

static void a_folder_that_is_closed_stays_so(void **state) {
    (void)state;
    struct pl_backup_hold *hold, *second;
    struct pl_store *store = open_store(data, false);
    put(store, 0);
    assert_int_equal(pl_backup_hold(data, &hold, NULL), PL_BUSY);
    pl_store_close(store);
    assert_int_equal(pl_backup_hold(data, &hold, NULL), PL_OK);
    assert_int_equal(pl_backup_hold(data, &second, NULL), PL_BUSY);
    assert_int_equal(pl_store_open(data, &(struct pl_store_options){.key = key}, &store, NULL), PL_BUSY);
    struct pl_backup backup = {.from = data, .to = place, .key = key};
    assert_int_equal(pl_backup_make(&backup, NULL), PL_OK);
    pl_backup_release(hold);
    assert_int_equal(restore(0), PL_OK);
    char mark[320];
    snprintf(mark, sizeof mark, "%s/closed", again);
    assert_int_equal(access(mark, F_OK), 0);
    assert_int_equal(count_entries(again), 1);
    assert_int_equal(pl_backup_hold(place, &hold, NULL), PL_NOT_FOUND);
}

static void nothing_is_restored_over_something(void **state) {
    (void)state;
    struct pl_store *store = open_store(data, false);
    put(store, 0);
    back_up(store, 0);
    pl_store_close(store);
    struct pl_restore over = {.from = place, .to = data, .at = PL_TIME_MAX};
    assert_int_equal(pl_backup_restore(&over, NULL), PL_USAGE);
    struct pl_restore early = {.from = place, .to = again, .at = 999 * PL_SECOND};
    assert_int_equal(pl_backup_restore(&early, NULL), PL_NOT_FOUND);
    early.at = 1000 * PL_SECOND;
    assert_int_equal(pl_backup_restore(&early, NULL), PL_OK);
    assert_int_equal(early.restored.id, 1);
    assert_int_equal(restore(1), PL_USAGE); /* it is there now */
    struct pl_backup inside = {.from = data, .to = folder, .key = key};
    assert_int_equal(pl_backup_make(&inside, NULL), PL_USAGE); /* no place of backups */
}

static void ignore(void *arg, const struct pl_backup_info *info) {
    (void)info;
    ++*(unsigned *)arg;
}

static void a_list_that_is_none_is_told(void **state) {
    (void)state;
    struct pl_store *store = open_store(data, false);
    unsigned seen = 0;
    put(store, 0);
    back_up(store, 0);
    pl_store_close(store);
    static const char *const texts[] = {"", "potline backup 1\n", "potline backup 2\ntime x\nend 0000000000000000\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct pl_error *error = NULL;
        put_list("000007.backup", texts[i]);
        seen = 0;
        assert_int_equal(pl_backup_each(place, ignore, &seen, &error), PL_CORRUPT);
        assert_int_equal(seen, 1); /* the other one is there */
        assert_non_null(strstr(error->text, "000007.backup"));
        pl_error_free(&error);
    }
    assert_int_equal(restore(7), PL_CORRUPT);
    assert_int_equal(restore(1), PL_OK);
}

/* libcrypto frees its caches at exit, and RocksDB's threads, which outlive that, fill them once more. */
const char *__lsan_default_suppressions(void) __attribute__((visibility("default")));
const char *__lsan_default_suppressions(void) {
    return "leak:libcrypto.so";
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_backup_is_of_its_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(each_backup_is_of_its_moment, setup_sealed, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_needs_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_kept_apart, setup_sealed, teardown),
        cmocka_unit_test_setup_teardown(a_number_that_none_can_follow_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_told_to_end_leaves_the_others, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_told_to_end_leaves_the_others, setup_sealed, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_closed_stays_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_closed_stays_so, setup_sealed, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_restored_over_something, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_is_none_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
