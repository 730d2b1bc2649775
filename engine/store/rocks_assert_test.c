/* rocks_assert_test.c: when RocksDB gives up, that is told and the process ends with an exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include "store/folder_testing.h"
#include "store/store.h"

/* Closing with a family in hand is against RocksDB's rules. */
static int break_a_rule(const char *folder) {
    struct pl_store *store;
    if (pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL)) return 3;
    rocksdb_close(store->db);
    return 4;
}

static void it_is_told(void **state) {
    (void)state;
    char *folder = make_folder(), said[2000] = "";
    int output[2], status;
    size_t size = 0;
    ssize_t got;
    assert_int_equal(pipe(output), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(output[1], STDERR_FILENO);
        close(output[0]);
        close(output[1]);
        execl("/proc/self/exe", "rocks_assert_test", folder, (char *)NULL);
        _exit(127);
    }
    close(output[1]);
    while (size < sizeof said - 1 && (got = read(output[0], said + size, sizeof said - 1 - size)) > 0)
        size += (size_t)got;
    close(output[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) fail_msg("status %d: %s", status, said);
    assert_non_null(strstr(said, folder));
    assert_non_null(strstr(said, "RocksDB: \""));
    remove_folder(folder);
}

int main(int argc, char **argv) {
    if (argc == 2) return break_a_rule(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
