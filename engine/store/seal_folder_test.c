#include "store/seal.h"
#include "store/store_impl.h"

#include <dirent.h>
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
#include "store/store.h"

static char *folder;
static struct pl_store_key *ours, *another;
static const char secret[] = "pot17.bath_temp_that_nobody_may_see";

static int setup(void **state) {
    (void)state;
    folder = make_folder();
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

/* ---- Helpers ---- */

static struct pl_store *open_store(struct pl_store_key *key, bool read_only) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    if (pl_store_open(folder, &(struct pl_store_options){.key = key, .read_only = read_only}, &store, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    return store;
}

static void put(struct pl_store *store, enum pl_store_family family, const char *name) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[family], name, strlen(name), secret, sizeof secret);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void assert_there(struct pl_store *store, enum pl_store_family family, const char *name) {
    void *value;
    size_t size;
    assert_int_equal(pl_store_get(store, family, name, strlen(name), &value, &size, NULL), PL_OK);
    assert_int_equal(size, sizeof secret);
    assert_memory_equal(value, secret, size);
    pl_free(value);
}

static void flush_all(struct pl_store *store) {
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    for (int i = 0; i < PL_STORE_FAMILIES; i++) {
        rocksdb_flush_cf(store->db, options, store->family[i], &message);
        assert_null(message);
    }
    rocksdb_flushoptions_destroy(options);
}

/* In files of every kind: tables of some families, and a write-ahead log. */
static void fill(struct pl_store_key *key) {
    struct pl_store *store = open_store(key, false);
    for (int i = 0; i < PL_STORE_FAMILIES; i++)
        if (i != PL_STORE_SPILL) put(store, i, secret);
    flush_all(store);
    put(store, PL_STORE_GOLD, "in the log");
    assert_int_equal(pl_store_sync(store, NULL), PL_OK);
    pl_store_close(store);
}

static void assert_refused(struct pl_store_key *key, enum pl_code code, const char *first, const char *second) {
    for (int read_only = 0; read_only < 2; read_only++) {
        struct pl_store *store;
        struct pl_error *error = NULL;
        assert_int_equal(
            pl_store_open(folder, &(struct pl_store_options){.key = key, .read_only = read_only}, &store, &error),
            code);
        assert_null(store);
        char *text = pl_error_text(error);
        assert_non_null(strstr(text, folder));
        if (!strstr(text, first) || !strstr(text, second)) fail_msg("%s", text);
        pl_free(text);
        pl_error_free(&error);
    }
    assert_int_equal(pl_store_key_check(folder, key, NULL), code);
}

/* Calls `each` with the path of every file of the database; returns how many there are. */
static int each_file(const char *ending, void (*each)(const char *path, const char *name)) {
    char path[600];
    int count = 0;
    snprintf(path, sizeof path, "%s/store", folder);
    DIR *files = opendir(path);
    for (struct dirent *entry; (entry = readdir(files));) {
        if (entry->d_name[0] == '.' || !strstr(entry->d_name, ending)) continue;
        snprintf(path, sizeof path, "%s/store/%s", folder, entry->d_name);
        each(path, entry->d_name);
        count++;
    }
    closedir(files);
    return count;
}

static void assert_no_secret(const char *path, const char *name) {
    int fd = open(path, O_RDONLY);
    off_t size = lseek(fd, 0, SEEK_END);
    char *bytes = malloc((size_t)size + 1);
    assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
    if (memmem(bytes, (size_t)size, "bath_temp", 9)) fail_msg("%s holds a name", name);
    for (int i = 1; i < 4; i++) { /* nor what RocksDB writes by itself */
        static const char *const telling[] = {"", "rocksdb", "bronze", "MANIFEST"};
        if (memmem(bytes, (size_t)size, telling[i], strlen(telling[i]))) fail_msg("%s holds %s", name, telling[i]);
    }
    free(bytes);
    close(fd);
}

static uint64_t state_of_folder;

static void add_state(const char *path, const char *name) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    state_of_folder += pl_store_checksum(name, strlen(name), &info.st_mtim, sizeof info.st_mtim);
    state_of_folder += pl_store_checksum(name, strlen(name), &info.st_size, sizeof info.st_size);
}

static uint64_t look_at_folder(void) {
    state_of_folder = 0;
    each_file("", add_state);
    return state_of_folder;
}

/* ---- Tests ---- */

static void what_is_written_is_read_with_the_same_key_only(void **state) {
    (void)state;
    fill(ours);
    assert_true(each_file("", assert_no_secret) > 5);
    assert_true(each_file(".sst", assert_no_secret) > 0);
    assert_true(each_file(".log", assert_no_secret) > 0);
    uint64_t before = look_at_folder();
    assert_refused(another, PL_USAGE, pl_store_key_id(ours), pl_store_key_id(another));
    assert_refused(NULL, PL_USAGE, pl_store_key_id(ours), "no key is given");
    assert_true(look_at_folder() == before);
    struct pl_store *store = open_store(ours, true);
    assert_there(store, PL_STORE_AUDIT, secret);
    assert_there(store, PL_STORE_GOLD, "in the log");
    pl_store_close(store);
    store = open_store(ours, false);
    assert_there(store, PL_STORE_BRONZE, secret);
    assert_there(store, PL_STORE_GOLD, "in the log");
    pl_store_close(store);
}

static void a_folder_in_the_clear_takes_no_key(void **state) {
    (void)state;
    fill(NULL);
    uint64_t before = look_at_folder();
    assert_refused(ours, PL_USAGE, "in the clear", pl_store_key_id(ours));
    assert_true(look_at_folder() == before);
    pl_store_close(open_store(NULL, false));
}

static void an_empty_folder_takes_any_key(void **state) {
    (void)state;
    assert_int_equal(pl_store_key_check(folder, ours, NULL), PL_OK);
    assert_int_equal(pl_store_key_check(folder, NULL, NULL), PL_OK);
    assert_int_equal(pl_store_key_check("/nonexistent/folder", ours, NULL), PL_OK);
}

static char found[600];

static void keep_path(const char *path, const char *name) {
    (void)name;
    snprintf(found, sizeof found, "%s", path);
}

static void flip(const char *path, off_t at) {
    char byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void a_changed_header_is_damage(void **state) {
    (void)state;
    static const char *const kinds[] = {"CURRENT", "MANIFEST", "OPTIONS", ".sst", ".log", "IDENTITY"};
    fill(ours);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_true(each_file(kinds[i], keep_path) > 0);
        for (off_t at = 24; at < PL__SEAL; at += 4000) { /* the nonce, and the code behind it */
            flip(found, at);
            assert_refused(ours, PL_CORRUPT, "no whole header", "store/");
            flip(found, at);
        }
    }
    pl_store_close(open_store(ours, false));
}

/* A file of another folder in the place of one that was here. */
static void a_file_under_another_key_or_in_the_clear_is_damage(void **state) {
    (void)state;
    char header[PL__SEAL], was[PL__SEAL];
    fill(ours);
    assert_true(each_file(".sst", keep_path) > 0);
    int fd = open(found, O_RDWR);
    assert_int_equal(pread(fd, was, sizeof was, 0), PL__SEAL);
    assert_true(pl__seal_make(another, header));
    assert_int_equal(pwrite(fd, header, sizeof header, 0), PL__SEAL);
    assert_refused(ours, PL_CORRUPT, "another key than the others", ".sst");
    memset(header, 'x', sizeof header);
    assert_int_equal(pwrite(fd, header, sizeof header, 0), PL__SEAL);
    assert_refused(ours, PL_CORRUPT, "in the clear, unlike the others", ".sst");
    assert_int_equal(pwrite(fd, was, sizeof was, 0), PL__SEAL);
    pl_store_close(open_store(ours, false));
    close(fd);
}

static void make_file(const char *name, const char *bytes, size_t size) {
    char path[600];
    snprintf(path, sizeof path, "%s/store/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* What a kill or the loss of power leaves of a file that had just been made. */
static void files_without_a_whole_header_hold_nothing(void **state) {
    (void)state;
    char header[PL__SEAL];
    fill(ours);
    assert_true(pl__seal_make(ours, header));
    for (int size = 0; size < PL__SEAL; size += 1000) {
        make_file("999999.log", header, (size_t)size);
        for (int read_only = 1; read_only >= 0; read_only--) {
            struct pl_store *store = open_store(ours, read_only);
            assert_there(store, PL_STORE_GOLD, "in the log");
            pl_store_close(store);
        }
        make_file("999998.sst", header, 0);
        pl_store_close(open_store(ours, false));
    }
    make_file("999998.sst", header, 100);
    assert_refused(ours, PL_CORRUPT, "999998.sst", "no whole header");
}

/* A reader that comes between the making of a log and its header follows it all the same. */
static void a_log_may_get_its_header_while_it_is_read(void **state) {
    (void)state;
    fill(ours);
    struct pl_store *store = open_store(ours, false);
    flush_all(store); /* so that the log has nothing else */
    put(store, PL_STORE_GOLD, "late");
    pl_store_close(store);
    assert_int_equal(each_file(".log", keep_path), 1);
    int fd = open(found, O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    assert_true(size > PL__SEAL);
    char *bytes = malloc((size_t)size), *message = NULL;
    assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
    assert_int_equal(ftruncate(fd, 0), 0);

    char database[600];
    struct pl__hold writer = {.fd = -1}; /* as far as the reader can tell */
    snprintf(database, sizeof database, "%s/store", folder);
    assert_int_equal(pl__store_mark_open(folder, NULL), PL_OK);
    assert_int_equal(pl__hold_take(&writer, folder, database, NULL), PL_OK);
    store = open_store(ours, true);
    void *value;
    assert_int_equal(pl_store_get(store, PL_STORE_GOLD, "late", 4, &value, &(size_t){0}, NULL), PL_NOT_FOUND);
    assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
    rocksdb_try_catch_up_with_primary(store->db, &message);
    assert_null(message);
    assert_there(store, PL_STORE_GOLD, "late");
    pl_store_close(store);
    pl__hold_release(&writer);
    free(bytes);
    close(fd);
}

static void a_reader_beside_a_writer_needs_the_key_too(void **state) {
    (void)state;
    struct pl_store *store = open_store(ours, false), *reader;
    put(store, PL_STORE_SILVER, "one");
    reader = open_store(ours, true);
    assert_there(reader, PL_STORE_SILVER, "one");
    pl_store_close(reader);
    for (int i = 0; i < 4; i++) { /* a new log each time */
        char name[24];
        snprintf(name, sizeof name, "flushed %d", i);
        put(store, PL_STORE_SILVER, name);
        flush_all(store);
        reader = open_store(ours, true);
        assert_there(reader, PL_STORE_SILVER, name);
        pl_store_close(reader);
    }
    struct pl_error *error = NULL;
    assert_int_equal(
        pl_store_open(folder, &(struct pl_store_options){.key = another, .read_only = true}, &reader, &error),
        PL_USAGE);
    pl_error_free(&error);
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){.read_only = true}, &reader, &error), PL_USAGE);
    pl_error_free(&error);
    put(store, PL_STORE_SILVER, "two");
    pl_store_close(store);
}

static void a_folder_is_removed_without_its_key(void **state) {
    (void)state;
    char path[600];
    fill(ours);
    assert_int_equal(pl_store_remove(folder, NULL), PL_OK);
    snprintf(path, sizeof path, "%s/store", folder);
    assert_int_equal(access(path, F_OK), -1);
    fill(another);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_with_the_same_key_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_in_the_clear_takes_no_key, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_folder_takes_any_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_header_is_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_under_another_key_or_in_the_clear_is_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(files_without_a_whole_header_hold_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_may_get_its_header_while_it_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_beside_a_writer_needs_the_key_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_is_removed_without_its_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
