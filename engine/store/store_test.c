#include "base/buffer.h"
#include "batch/batch_impl.h"
#include "batch/tags.h"
#include "runtime/spill.h"
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <potline/alloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include "store/folder_testing.h"
#include "store/key_testing.h"

static char *folder;
static struct pl_store_key *seal_key; /* NULL: in the clear */

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

/* ---- Helpers ---- */

static struct pl_store *open_store(bool read_only) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    if (pl_store_open(folder, &(struct pl_store_options){.key = seal_key, .read_only = read_only}, &store, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    return store;
}

/* The code and, in *text (the caller's), all that is said. */
static enum pl_code open_fails(const char *path, bool read_only, char **text) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    enum pl_code code =
        pl_store_open(path, &(struct pl_store_options){.key = seal_key, .read_only = read_only}, &store, &error);
    assert_int_not_equal(code, PL_OK);
    assert_null(store);
    *text = pl_error_text(error);
    pl_error_free(&error);
    return code;
}

static void put(struct pl_store *store, enum pl_store_family family, const char *key, const char *value) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[family], key, strlen(key), value, strlen(value));
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    assert_int_equal(rocksdb_writebatch_count(writes), 0);
    rocksdb_writebatch_destroy(writes);
}

static void assert_value(struct pl_store *store, enum pl_store_family family, const char *key, const char *expected) {
    void *value;
    size_t size;
    enum pl_code code = pl_store_get(store, family, key, strlen(key), &value, &size, NULL);
    if (!expected) {
        assert_int_equal(code, PL_NOT_FOUND);
        return;
    }
    assert_int_equal(code, PL_OK);
    assert_int_equal(size, strlen(expected));
    assert_string_equal(value, expected);
    pl_free(value);
}

static int count_keys(struct pl_store *store, enum pl_store_family family) {
    struct pl_store_iter *iter;
    int count = 0;
    assert_int_equal(pl_store_iter_new(store, family, NULL, 0, &iter, NULL), PL_OK);
    for (pl_store_iter_seek(iter, "", 0); pl_store_iter_valid(iter); pl_store_iter_next(iter))
        count++;
    assert_int_equal(pl_store_iter_check(iter, NULL), PL_OK);
    pl_store_iter_free(iter);
    return count;
}

/* Writes until the files may not grow any more, then goes on as if nothing had happened; the exit code says what was
 * wrong with that. */
static int writer_on_a_full_disk(const char *path) {
    enum { MOST = 4096 };
    folder = (char *)path;
    struct pl_store *store = open_store(false);
    struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit)) return 2;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    char key[16], value[1000];
    memset(value, 'v', sizeof value);
    int written = 0;
    for (enum pl_code code = PL_OK; !code && written < MOST; written += !code) {
        snprintf(key, sizeof key, "%06d", written);
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_BRONZE], key, strlen(key), value, sizeof value);
        code = pl_store_write(store, writes, NULL);
    }
    if (written == MOST || written < 500) return 3;
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_BRONZE], key, strlen(key), value, sizeof value);
    if (pl_store_write(store, writes, NULL) != PL_IO || pl_store_sync(store, NULL) != PL_IO) return 4;
    if (count_keys(store, PL_STORE_BRONZE) < written) return 5;
    rocksdb_writebatch_destroy(writes);
    pl_store_close(store);
    printf("%d\n", written);
    fflush(stdout);
    _exit(0); /* with RocksDB's threads still there */
}

/* The write-ahead log that is written to. */
static char *newest_log(void) {
    static char path[512];
    char newest[64] = "";
    snprintf(path, sizeof path, "%s/store", folder);
    DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strstr(entry->d_name, ".log") && strcmp(entry->d_name, newest) > 0) strcpy(newest, entry->d_name);
    closedir(dir);
    snprintf(path, sizeof path, "%s/store/%s", folder, newest);
    return path;
}

/* A process that writes `writes` values and is killed without closing anything. */
static void write_and_die(int writes) {
    char count[16];
    snprintf(count, sizeof count, "%d", writes);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "store_test", "--write-and-die", folder, count, (char *)NULL);
        _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int writer(const char *path, int writes) {
    folder = (char *)path;
    struct pl_store *store = open_store(false);
    for (int i = 0; i < writes; i++) {
        char key[16], value[1000] = {0};
        snprintf(key, sizeof key, "%06d", i);
        memset(value, 'v', sizeof value - 1);
        put(store, PL_STORE_BRONZE, key, value);
    }
    return kill(getpid(), SIGKILL);
}

/* ---- Tests ---- */

static void what_is_written_is_there_again(void **state) {
    (void)state;
    struct pl_store *store = open_store(false);
    for (int i = 0; i < PL_STORE_SPILL; i++)
        put(store, i, "key", "value");
    assert_value(store, PL_STORE_GOLD, "other", NULL);
    assert_int_equal(pl_store_sync(store, NULL), PL_OK);
    pl_store_close(store);
    store = open_store(false);
    for (int i = 0; i < PL_STORE_SPILL; i++)
        assert_value(store, i, "key", "value");
    pl_store_close(store);
}

static void the_folder_is_private(void **state) {
    (void)state;
    struct stat info;
    char deep[300];
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    struct pl_store *store;
    assert_int_equal(pl_store_open(deep, &(struct pl_store_options){.key = seal_key}, &store, NULL), PL_OK);
    pl_store_close(store);
    assert_int_equal(stat(deep, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    strcat(deep, "/store");
    assert_int_equal(stat(deep, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_second_writer_is_refused(void **state) {
    (void)state;
    char *text;
    struct pl_store *store = open_store(false);
    assert_int_equal(open_fails(folder, false, &text), PL_BUSY);
    assert_non_null(strstr(text, "this process has it open already"));
    pl_free(text);

    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork(); /* in another process the message names this one */
    if (child == 0) {
        dup2(ready[1], 1);
        execl("/proc/self/exe", "store_test", "--try", folder, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    char said[512] = "", expected[64];
    size_t length = 0;
    for (ssize_t got; (got = read(ready[0], said + length, sizeof said - 1 - length)) > 0;)
        length += (size_t)got;
    close(ready[0]);
    waitpid(child, NULL, 0);
    snprintf(expected, sizeof expected, "in use by process %ld", (long)getpid());
    assert_non_null(strstr(said, expected));
    assert_int_equal(open_fails(folder, false, &text), PL_BUSY); /* the lock still holds */
    pl_free(text);
    pl_store_close(store);
}

static void a_reader_sees_what_is_written_beside_it(void **state) {
    (void)state;
    struct pl_store *store = open_store(false);
    put(store, PL_STORE_BRONZE, "one", "1");
    struct pl_store *reader = open_store(true);
    assert_value(reader, PL_STORE_BRONZE, "one", "1");
    put(store, PL_STORE_BRONZE, "two", "2");
    assert_value(reader, PL_STORE_BRONZE, "two", NULL); /* as of its opening */
    struct pl_store *later = open_store(true);
    assert_value(later, PL_STORE_BRONZE, "two", "2");
    pl_store_close(later);
    pl_store_close(reader);
    pl_store_close(store);
    reader = open_store(true); /* and with nobody there */
    assert_value(reader, PL_STORE_BRONZE, "two", "2");
    pl_store_close(reader);
}

/* Writes so much that files change all the time, until it is killed or has written enough. */
static int busy_writer(const char *path) {
    enum { WRITES = 12000, VALUE = 16 << 10 };
    folder = (char *)path;
    struct pl_store *store = open_store(false);
    char *value = malloc(VALUE + 1);
    memset(value, 'v', VALUE);
    value[VALUE] = 0;
    for (int i = 0; i < WRITES; i++) {
        char key[16];
        snprintf(key, sizeof key, "%06d", i);
        put(store, PL_STORE_DEAD, key, value);
    }
    _exit(0); /* without a word to anybody, as when it is killed */
}

/* A view has every key up to its last one. */
static void a_reader_beside_a_busy_writer_misses_nothing(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "store_test", "--busy", folder, (char *)NULL);
        _exit(127);
    }
    int last = 0;
    for (int opened = 0; opened < 12;) {
        struct pl_store *store;
        struct pl_error *error = NULL;
        enum pl_code code =
            pl_store_open(folder, &(struct pl_store_options){.key = seal_key, .read_only = true}, &store, &error);
        bool later = code == PL_NOT_FOUND || code == PL_UNAVAILABLE; /* not made yet; changes too fast to be read */
        if (code && !later) fail_msg("%s", error ? error->text : pl_code_text(code));
        pl_error_free(&error);
        if (later) continue;
        int keys = count_keys(store, PL_STORE_DEAD);
        if (keys) {
            char key[16];
            snprintf(key, sizeof key, "%06d", keys - 1);
            void *value;
            size_t size;
            assert_int_equal(pl_store_get(store, PL_STORE_DEAD, key, 6, &value, &size, NULL), PL_OK);
            pl_free(value);
        }
        assert_true(keys >= last);
        last = keys;
        pl_store_close(store);
        opened++;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(last > 0);
}

static void a_reader_changes_nothing(void **state) {
    (void)state;
    char *text;
    assert_int_equal(open_fails(folder, true, &text), PL_NOT_FOUND);
    assert_non_null(strstr(text, "not a data folder"));
    pl_free(text);
    char path[300];
    snprintf(path, sizeof path, "%s/store", folder);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(open_fails("/nonexistent/folder", true, &text), PL_NOT_FOUND);
    pl_free(text);
}

static void a_path_that_is_a_file_is_refused(void **state) {
    (void)state;
    char path[300], *text;
    snprintf(path, sizeof path, "%s/file", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(open_fails(path, false, &text), PL_IO);
    assert_non_null(strstr(text, path));
    pl_free(text);
}

static void a_newer_format_is_refused(void **state) {
    (void)state;
    char *text;
    struct pl_store *store = open_store(false);
    put(store, PL_STORE_META, "format", "99");
    pl_store_close(store);
    assert_int_equal(open_fails(folder, false, &text), PL_CONFLICT);
    assert_non_null(strstr(text, "format 99"));
    pl_free(text);
    assert_int_equal(open_fails(folder, true, &text), PL_CONFLICT);
    pl_free(text);
}

static void note_file(const char *path, struct pl_buffer *out) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    pl_buffer_printf(out, "%s %lld %lld.%09ld\n", path, (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

/* What the files of the folder are called, how large they are, and when they were changed. */
static char *note_files(void) {
    struct pl_buffer out;
    pl_buffer_init(&out, 1 << 20);
    static const char *const folders[] = {"", "/store"};
    for (size_t i = 0; i < 2; i++) {
        char path[600];
        struct dirent **entries;
        snprintf(path, sizeof path, "%s%s", folder, folders[i]);
        int count = scandir(path, &entries, NULL, alphasort);
        for (int k = 0; k < count; k++) {
            snprintf(path, sizeof path, "%s%s/%s", folder, folders[i], entries[k]->d_name);
            if (entries[k]->d_name[0] != '.') note_file(path, &out);
            free(entries[k]);
        }
        free(entries);
    }
    return pl_buffer_take(&out);
}

static void put_format(const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/format", folder);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void a_newer_folder_is_not_touched(void **state) {
    (void)state;
    char *text;
    pl_store_close(open_store(false));
    put_format("2 2\n");
    char *before = note_files();
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(open_fails(folder, read_only, &text), PL_CONFLICT);
        assert_non_null(strstr(text, "format 2, this one reads up to 1"));
        pl_free(text);
    }
    char *after = note_files();
    assert_string_equal(before, after);
    pl_free(before);
    pl_free(after);
    static const char *const damaged[] = {"x\n", "1\n", "1 3\n", "3 1\n", "1 1", "1 1\nx", " ", "0 0\n", "-1 -1\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        put_format(damaged[i]);
        assert_int_equal(open_fails(folder, false, &text), PL_CORRUPT);
        assert_non_null(strstr(text, "damaged"));
        pl_free(text);
    }
}

/* A folder from before there was such a file gets one. */
static void a_folder_says_its_format(void **state) {
    (void)state;
    char path[300], format[8] = "";
    snprintf(path, sizeof path, "%s/format", folder);
    for (int i = 0; i < 2; i++) {
        pl_store_close(open_store(false));
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_non_null(fgets(format, sizeof format, file));
        assert_string_equal(format, "1 1\n");
        fclose(file);
        unlink(path);
        pl_store_close(open_store(true));
        assert_int_equal(access(path, F_OK), -1); /* a reader changes nothing */
    }
}

static void a_family_of_a_newer_version_is_refused(void **state) {
    (void)state;
    char *text, *message = NULL;
    struct pl_store *store = open_store(false);
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_column_family_handle_t *family = rocksdb_create_column_family(store->db, options, "platinum", &message);
    assert_null(message);
    rocksdb_column_family_handle_destroy(family);
    rocksdb_options_destroy(options);
    pl_store_close(store);
    assert_int_equal(open_fails(folder, false, &text), PL_CONFLICT);
    assert_non_null(strstr(text, "platinum"));
    pl_free(text);
}

static struct pl_batch *one_row(struct pl_tags *tags) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 1, 0);
    batch->samples.time[0] = 7;
    batch->samples.tag[0] = pl_tags_intern(tags, "a.b", 3);
    batch->samples.value[0] = 1.5;
    batch->samples.quality[0] = 0;
    batch->rows = 1;
    pl_batch_seal(batch);
    return batch;
}

/* What belongs to a node's state (its keys begin with its name) stays. */
static void spill_is_emptied_by_the_next_writer(void **state) {
    (void)state;
    static const struct pl_spill_options passing = {.limit = 1 << 20}, lasting = {.limit = 1 << 20, .lasting = "merge"};
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){0});
    struct pl_store *store = open_store(false);
    for (int i = 0; i < 2; i++) {
        struct pl_spill_options options = i ? lasting : passing;
        options.store = store;
        options.tags = tags;
        struct pl_spill *spill = pl_spill_new(&options);
        assert_int_not_equal(pl_spill_put(spill, one_row(tags)), 0);
        pl_spill_free(spill);
    }
    assert_int_equal(count_keys(store, PL_STORE_SPILL), 2);
    pl_store_close(store);
    store = open_store(false);
    assert_int_equal(count_keys(store, PL_STORE_SPILL), 1);
    pl_tags_free(tags);
    pl_store_close(store);
}

static void written_is_written_through_a_kill(void **state) {
    (void)state;
    write_and_die(500);
    struct pl_store *store = open_store(true);
    assert_int_equal(count_keys(store, PL_STORE_BRONZE), 500);
    pl_store_close(store);
    store = open_store(false);
    assert_int_equal(count_keys(store, PL_STORE_BRONZE), 500);
    pl_store_close(store);
}

static void a_torn_tail_is_cut_off(void **state) {
    (void)state;
    write_and_die(500);
    struct stat info;
    char *log = newest_log();
    assert_int_equal(stat(log, &info), 0);
    assert_int_equal(truncate(log, info.st_size - 300), 0);
    for (int read_only = 1; read_only >= 0; read_only--) {
        struct pl_store *store = open_store(read_only);
        assert_int_equal(count_keys(store, PL_STORE_BRONZE), 499);
        pl_store_close(store);
    }
}

static void damage_in_the_middle_is_told(void **state) {
    (void)state;
    write_and_die(500);
    int fd = open(newest_log(), O_RDWR);
    off_t middle = lseek(fd, 0, SEEK_END) / 2;
    char byte;
    assert_int_equal(pread(fd, &byte, 1, middle), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, middle), 1);
    close(fd);
    for (int read_only = 1; read_only >= 0; read_only--) {
        char *text;
        assert_int_equal(open_fails(folder, read_only, &text), PL_CORRUPT);
        assert_non_null(strstr(text, folder));
        pl_free(text);
    }
}

static void a_store_in_use_is_not_removed(void **state) {
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s/store", folder);
    assert_int_equal(pl_store_remove(folder, NULL), PL_OK); /* there is none */
    struct pl_store *store = open_store(false);
    struct pl_error *error = NULL;
    put(store, PL_STORE_GOLD, "key", "value");
    assert_int_equal(pl_store_remove(folder, &error), PL_BUSY);
    assert_non_null(error);
    pl_error_free(&error);
    assert_value(store, PL_STORE_GOLD, "key", "value");
    pl_store_close(store);
    assert_int_equal(pl_store_remove(folder, NULL), PL_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(folder, F_OK), 0);
    store = open_store(false);
    assert_value(store, PL_STORE_GOLD, "key", NULL);
    pl_store_close(store);
}

static void the_reserve_of_the_disk_stays_free(void **state) {
    (void)state;
    struct pl_store *store = open_store(false);
    pl_store_close(store);
    struct pl_store_options options = {.key = seal_key, .reserve = UINT64_MAX}; /* more than any disk has */
    struct pl_error *error = NULL;
    assert_int_equal(pl_store_open(folder, &options, &store, NULL), PL_OK);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (int i = 0; i < 3; i++) {
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_GOLD], "key", 3, "value", 5);
        assert_int_equal(pl_store_write(store, writes, i ? NULL : &error), PL_UNAVAILABLE);
        assert_int_equal(rocksdb_writebatch_count(writes), 0);
    }
    rocksdb_writebatch_destroy(writes);
    char *text = pl_error_text(error);
    assert_non_null(strstr(text, "the disk is full"));
    pl_free(text);
    pl_error_free(&error);
    assert_value(store, PL_STORE_GOLD, "key", NULL);
    assert_int_equal(pl_store_sync(store, NULL), PL_OK); /* nothing is broken */
    pl_store_close(store);
}

static void a_full_disk_is_an_error_and_loses_nothing(void **state) {
    (void)state;
    char said[32] = "";
    int output[2], status;
    assert_int_equal(pipe(output), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(output[1], 1);
        execl("/proc/self/exe", "store_test", "--full", folder, (char *)NULL);
        _exit(127);
    }
    close(output[1]);
    assert_true(read(output[0], said, sizeof said - 1) > 0);
    close(output[0]);
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    struct pl_store *store = open_store(false);
    assert_in_range(count_keys(store, PL_STORE_BRONZE), atoi(said), atoi(said) + 1);
    pl_store_close(store);
}

static void an_iterator_does_not_outlive_its_store(void **state) {
    (void)state;
    struct pl_store *store = open_store(false);
    put(store, PL_STORE_BRONZE, "a", "1");
    put(store, PL_STORE_BRONZE, "b", "2");
    put(store, PL_STORE_BRONZE, "c", "3");
    struct pl_store_iter *iter[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pl_store_iter_new(store, PL_STORE_BRONZE, "c", 1, &iter[i], NULL), PL_OK);
    pl_store_iter_seek(iter[1], "b", 1);
    assert_true(pl_store_iter_valid(iter[1]));
    pl_store_iter_next(iter[1]);
    assert_false(pl_store_iter_valid(iter[1])); /* "c" is its end */
    pl_store_iter_seek_last(iter[0], "bb", 2);
    size_t size;
    assert_memory_equal(pl_store_iter_key(iter[0], &size), "b", 1);
    pl_store_iter_free(iter[1]);
    pl_store_close(store);
    assert_false(pl_store_iter_valid(iter[0]));
    assert_int_equal(pl_store_iter_check(iter[0], NULL), PL_UNAVAILABLE);
    pl_store_iter_seek(iter[0], "a", 1);
    pl_store_iter_free(iter[0]);
    pl_store_iter_free(iter[2]);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    int64_t before = pl_alloc_live();
    for (int64_t fail = 0;; fail++) {
        struct pl_store *store;
        pl_alloc_fail_after(fail);
        enum pl_code code = pl_store_open(folder, &(struct pl_store_options){.key = seal_key}, &store, NULL);
        pl_alloc_fail_after(-1);
        pl_store_close(store);
        assert_int_equal(pl_alloc_live(), before);
        if (!code) break;
        assert_int_equal(code, PL_NO_MEMORY);
        assert_true(fail < 100);
    }
}

/* For a test in another process: tries to open, says what happened. */
static int try_to_open(const char *path) {
    char *text;
    open_fails(path, false, &text);
    puts(text);
    pl_free(text);
    return 0;
}

/* libcrypto frees its caches at exit, and RocksDB's threads, which outlive that, fill them once more. */
const char *__lsan_default_suppressions(void) __attribute__((visibility("default")));
const char *__lsan_default_suppressions(void) {
    return "leak:libcrypto.so";
}

int main(int argc, char **argv) {
    if (getenv("STORE_TEST_KEY")) seal_key = make_key('k');
    if (argc == 4 && strcmp(argv[1], "--write-and-die") == 0) return writer(argv[2], atoi(argv[3]));
    if (argc == 3 && strcmp(argv[1], "--try") == 0) return try_to_open(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--full") == 0) return writer_on_a_full_disk(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--busy") == 0) return busy_writer(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_there_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_folder_is_private, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_writer_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_sees_what_is_written_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_beside_a_busy_writer_misses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_is_a_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_format_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_folder_is_not_touched, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_says_its_format, setup, teardown),
        cmocka_unit_test_setup_teardown(a_family_of_a_newer_version_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(spill_is_emptied_by_the_next_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(written_is_written_through_a_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_in_the_middle_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_in_use_is_not_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reserve_of_the_disk_stays_free, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_is_an_error_and_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_iterator_does_not_outlive_its_store, setup, teardown),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, setup, teardown),
    };
    int failed = cmocka_run_group_tests_name("in the clear", tests, NULL, NULL);
    seal_key = make_key('k');
    setenv("STORE_TEST_KEY", "yes", 1);
    failed += cmocka_run_group_tests_name("encrypted", tests, NULL, NULL);
    pl_store_key_unref(seal_key);
    return failed;
}
