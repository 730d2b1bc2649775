#include "store/rekey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <potline/alloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include "store/folder_testing.h"
#include "store/key_testing.h"
#include "store/seal.h"
#include "store/store.h"

enum { VALUE = 2000, TABLES = 4, IN_LOG = 10 };

static char *folder;
static struct pl_store_key *old, *new, *third;

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    old = make_key('o');
    new = make_key('n');
    third = make_key('t');
    return 0;
}

/* Where waiting for the disk costs nothing, if there is such a place. */
static int setup_in_memory(void **state) {
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1);
    return setup(state);
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    pl_store_key_unref(old);
    pl_store_key_unref(new);
    pl_store_key_unref(third);
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

static void put(struct pl_store *store, int i) {
    char name[16], value[VALUE];
    snprintf(name, sizeof name, "%06d", i);
    memset(value, 'a' + i % 26, sizeof value);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_DEAD], name, 6, value, sizeof value);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void flush(struct pl_store *store) {
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush_cf(store->db, options, store->family[PL_STORE_DEAD], &message);
    assert_null(message);
    rocksdb_flushoptions_destroy(options);
}

/* `count` values in some tables, and the last ones in a write-ahead log. */
static void fill(struct pl_store_key *key, int count) {
    struct pl_store *store = open_store(key, false);
    for (int i = 0; i < count; i++) {
        put(store, i);
        if (i < count - IN_LOG && i % (count / TABLES) == count / TABLES - 1) flush(store);
    }
    pl_store_close(store);
}

static void assert_filled(struct pl_store_key *key, int count) {
    struct pl_store *store = open_store(key, true);
    for (int i = 0; i < count; i++) {
        char name[16], expected[VALUE];
        void *value;
        size_t size;
        snprintf(name, sizeof name, "%06d", i);
        memset(expected, 'a' + i % 26, sizeof expected);
        assert_int_equal(pl_store_get(store, PL_STORE_DEAD, name, 6, &value, &size, NULL), PL_OK);
        assert_int_equal(size, VALUE);
        assert_memory_equal(value, expected, VALUE);
        pl_free(value);
    }
    pl_store_close(store);
}

static enum pl_code rekey(struct pl_store_key *from, struct pl_store_key *to, bool ahead, struct pl_rekey *what) {
    struct pl_error *error = NULL;
    *what = (struct pl_rekey){.path = folder, .from = from, .to = to, .ahead = ahead};
    enum pl_code code = pl_store_rekey(what, &error);
    pl_error_free(&error);
    return code;
}

static bool is_there(const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void assert_nothing_is_left(void) {
    DIR *files = opendir(folder);
    for (struct dirent *entry; (entry = readdir(files));)
        if (strcmp(entry->d_name, "closed") != 0 && strcmp(entry->d_name, "format") != 0 &&
            (entry->d_name[0] != '.' || strlen(entry->d_name) > 2))
            assert_string_equal(entry->d_name, "store");
    closedir(files);
}

static void run_shell(const char *format, ...) {
    char command[1500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_int_equal(system(command), 0);
}

/* ---- Tests ---- */

static void from_the_clear_to_a_key_and_to_another(void **state) {
    (void)state;
    struct pl_rekey what;
    fill(NULL, 1000);
    assert_int_equal(rekey(NULL, old, false, &what), PL_OK);
    assert_true(what.files > TABLES && what.bytes > 0 && !what.was_done);
    assert_nothing_is_left();
    assert_int_equal(pl_store_key_check(folder, NULL, NULL), PL_USAGE);
    assert_filled(old, 1000);
    run_shell("! grep -rqaE 'aaaaaaaa|MANIFEST|bronze' '%s'", folder); /* RocksDB's messages are not taken along */
    assert_int_equal(rekey(old, new, false, &what), PL_OK);
    assert_nothing_is_left();
    assert_int_equal(pl_store_key_check(folder, old, NULL), PL_USAGE);
    assert_filled(new, 1000);
    struct pl_store *store = open_store(new, false);
    put(store, 1000);
    pl_store_close(store);
    assert_filled(new, 1001);
    assert_int_equal(rekey(old, new, false, &what), PL_OK);
    assert_true(what.was_done);
}

static void the_wrong_old_key_changes_nothing(void **state) {
    (void)state;
    struct pl_rekey what;
    fill(old, 200);
    assert_int_equal(rekey(third, new, false, &what), PL_USAGE);
    assert_int_equal(rekey(NULL, new, false, &what), PL_USAGE);
    assert_int_equal(rekey(NULL, old, false, &what), PL_OK);
    assert_true(what.was_done);
    assert_nothing_is_left();
    assert_filled(old, 200);
    run_shell("rm -r '%s/store' '%s/closed'", folder, folder);
    assert_int_equal(rekey(old, new, false, &what), PL_NOT_FOUND);
    fill(NULL, 200);
    assert_int_equal(rekey(old, new, false, &what), PL_USAGE);
    assert_filled(NULL, 200);
}

/* A writer in a process of its own, that writes when it gets a byte and ends when it gets no more. */
static pid_t begin_writer(int count, int *to, int *from) {
    int there[2], back[2];
    assert_int_equal(pipe(there) | pipe(back), 0);
    pid_t child = fork();
    if (child == 0) {
        char number[16], in[16], out[16];
        close(there[1]);
        close(back[0]);
        snprintf(number, sizeof number, "%d", count);
        snprintf(in, sizeof in, "%d", there[0]);
        snprintf(out, sizeof out, "%d", back[1]);
        execl("/proc/self/exe", "rekey_test", "--write", folder, number, in, out, (char *)NULL);
        _exit(127);
    }
    close(there[0]);
    close(back[1]);
    *to = there[1];
    *from = back[0];
    return child;
}

static int writer(char **argv) {
    int count = atoi(argv[3]), in = atoi(argv[4]), out = atoi(argv[5]);
    char byte = 0;
    folder = argv[2];
    struct pl_store_key *key = make_key('o');
    struct pl_store *store = open_store(key, false);
    while (write(out, &byte, 1) == 1 && read(in, &byte, 1) == 1) {
        for (int end = count + 100; count < end; count++)
            put(store, count);
        flush(store);
    }
    pl_store_close(store);
    pl_store_key_unref(key);
    return 0;
}

static void step(int to, int from) {
    char byte = 0;
    assert_int_equal(write(to, &byte, 1), 1);
    assert_int_equal(read(from, &byte, 1), 1);
}

static void tables_are_copied_ahead_beside_a_writer(void **state) {
    (void)state;
    struct pl_rekey what;
    int to, from, status;
    char byte;
    fill(old, 1000);
    pid_t child = begin_writer(1000, &to, &from);
    assert_int_equal(read(from, &byte, 1), 1);
    assert_int_equal(rekey(old, new, false, &what), PL_BUSY);
    assert_int_equal(rekey(old, new, true, &what), PL_OK);
    uint64_t first = what.files;
    assert_true(first >= TABLES);
    step(to, from);
    assert_int_equal(rekey(old, new, true, &what), PL_OK);
    assert_true(what.files > 0 && what.files < first && what.reused >= first);
    step(to, from);
    close(to);
    close(from);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_filled(old, 1200);
    assert_int_equal(rekey(old, new, false, &what), PL_OK);
    assert_true(what.reused > first);
    assert_nothing_is_left();
    assert_filled(new, 1200);
}

/* A copy that is for other keys, or whose tables are not those of the folder, is not used. */
static void an_old_copy_is_not_taken_for_this_one(void **state) {
    (void)state;
    struct pl_rekey what;
    fill(old, 400);
    assert_int_equal(rekey(old, third, true, &what), PL_OK);
    uint64_t all = what.files;
    assert_int_equal(rekey(old, new, true, &what), PL_OK);
    assert_int_equal(what.files, all);
    run_shell("for f in '%s'/store.next/*.sst; do touch -d '1 hour ago' $f; done", folder);
    assert_int_equal(rekey(old, new, true, &what), PL_OK);
    assert_int_equal(what.files, all);
    run_shell("for f in '%s'/store.next/*.sst; do cp -p $f $f.t; echo >> $f.t; touch -r $f $f.t; mv $f.t $f; done",
              folder);
    run_shell("cp '%s'/store.next/REKEY '%s'/store.next/999999.sst", folder, folder); /* of a table that is gone */
    assert_int_equal(rekey(old, new, false, &what), PL_OK);
    assert_true(what.files > all && what.reused == 0);
    assert_false(is_there("store/999999.sst"));
    assert_nothing_is_left();
    assert_filled(new, 400);
}

static void what_is_left_over_is_cleared_away(void **state) {
    (void)state;
    struct pl_rekey what;
    fill(old, 200);
    run_shell("cp -a '%s/store' '%s/store.next'", folder, folder); /* as after a kill behind the exchange */
    assert_int_equal(rekey(third, old, false, &what), PL_OK);
    assert_true(what.was_done);
    assert_nothing_is_left();
    assert_filled(old, 200);
    run_shell("cp -a '%s/store' '%s/store.next'", folder, folder);
    pl_store_close(open_store(old, true)); /* a reader changes nothing, a writer clears away */
    assert_true(is_there("store.next"));
    pl_store_close(open_store(old, false));
    assert_nothing_is_left();
    assert_int_equal(rekey(old, new, true, &what), PL_OK);
    pl_store_close(open_store(old, false));
    assert_true(is_there("store.next/REKEY"));
    assert_int_equal(pl_store_remove(folder, NULL), PL_OK);
    assert_false(is_there("store.next"));
}

/* In a child: to a key, with files that may not become longer than `most`. */
static int limited(char **argv) {
    struct rlimit limit = {.rlim_cur = (rlim_t)atol(argv[3]), .rlim_max = (rlim_t)atol(argv[3])};
    struct pl_rekey what;
    folder = argv[2];
    struct pl_store_key *key = make_key('n');
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit)) return 2;
    enum pl_code code = rekey(NULL, key, false, &what);
    pl_store_key_unref(key);
    return code == PL_IO ? 0 : 1;
}

static void a_write_that_fails_changes_nothing(void **state) {
    (void)state;
    struct pl_rekey what;
    fill(NULL, 1000);
    for (int most = 0; most < 400000; most += 50001) {
        int status;
        char number[16];
        snprintf(number, sizeof number, "%d", most);
        pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", "rekey_test", "--limited", folder, number, (char *)NULL);
            _exit(127);
        }
        waitpid(child, &status, 0);
        assert_int_equal(status, 0);
        assert_int_equal(pl_store_key_check(folder, NULL, NULL), PL_OK);
    }
    assert_filled(NULL, 1000);
    assert_int_equal(rekey(NULL, new, false, &what), PL_OK);
    assert_nothing_is_left();
    assert_filled(new, 1000);
}

/* ---- Killed at each of its calls to the system ---- */

static int to_be_killed(char **argv) {
    struct pl_rekey what;
    folder = argv[2];
    struct pl_store_key *from = make_key('o'), *to = make_key('n');
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) return 77;
    raise(SIGSTOP);
    enum pl_code code = rekey(from, to, false, &what);
    pl_store_key_unref(from);
    pl_store_key_unref(to);
    return code ? 1 : 0;
}

enum ending { KILLED, ENDED, NO_TRACE };

/* Lets a process rekey the folder and kills it at its call number `at`, before it or (odd) behind it. */
static enum ending kill_at(int at) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "rekey_test", "--killed", folder, (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 77);
        return NO_TRACE;
    }
    for (int stop = 0; stop <= at; stop++) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        waitpid(child, &status, 0);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return ENDED;
        }
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return KILLED;
}

static void a_kill_at_any_moment_leaves_one_or_the_other(void **state) {
    (void)state;
    enum { COUNT = 40 };
    char keep[600];
    int olds = 0, news = 0;
    enum ending ending = KILLED;
    fill(old, COUNT);
    snprintf(keep, sizeof keep, "%s.keep", folder);
    run_shell("cp -a '%s' '%s'", folder, keep);
    const int step = getenv("POTLINE_BRIEF") ? 4 : 1;
    for (int at = 0; ending == KILLED; at += step) {
        struct pl_rekey what;
        ending = kill_at(at);
        if (ending == NO_TRACE) break;
        bool is_old = pl_store_key_check(folder, old, NULL) == PL_OK;
        olds += is_old;
        news += !is_old;
        assert_true(is_there("store/CURRENT"));
        if (at % 8 == 0) assert_filled(is_old ? old : new, COUNT); /* opening takes its time */
        assert_int_equal(rekey(old, new, false, &what), PL_OK);
        assert_true(what.was_done == !is_old);
        assert_nothing_is_left();
        if (at % 8 == 4 || !is_old) assert_filled(new, COUNT);
        run_shell("rm -r '%s' && cp -a '%s' '%s'", folder, keep, folder);
    }
    run_shell("rm -r '%s'", keep);
    if (ending == NO_TRACE) {
        puts("no ptrace here");
        skip();
    }
    assert_true(olds > 50 && news > 5);
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "--write") == 0) return writer(argv);
    if (argc == 4 && strcmp(argv[1], "--limited") == 0) return limited(argv);
    if (argc == 3 && strcmp(argv[1], "--killed") == 0) _exit(to_be_killed(argv)); // no search for leaks while traced
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_the_clear_to_a_key_and_to_another, setup, teardown),
        cmocka_unit_test_setup_teardown(the_wrong_old_key_changes_nothing, setup_in_memory, teardown),
        cmocka_unit_test_setup_teardown(tables_are_copied_ahead_beside_a_writer, setup_in_memory, teardown),
        cmocka_unit_test_setup_teardown(an_old_copy_is_not_taken_for_this_one, setup_in_memory, teardown),
        cmocka_unit_test_setup_teardown(what_is_left_over_is_cleared_away, setup_in_memory, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_changes_nothing, setup_in_memory, teardown),
        cmocka_unit_test_setup_teardown(a_kill_at_any_moment_leaves_one_or_the_other, setup_in_memory, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
