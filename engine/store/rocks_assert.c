/* rocks_assert.c: what people are told when an assert of RocksDB does not hold.
 *
 * Debian's build has them on, and damage that its checksums do not cover (or a write that failed) can come upon one. C
 * code can catch neither that nor what it would leave behind, so the process has to end; but it says which folder is
 * damaged and what to do, in place of a crash. glibc calls __assert_fail for every library, and takes the program's own
 * before its own.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_impl.h"

static char folder[PATH_MAX] = "the data folder";
static _Atomic bool write_failed;

void pl__store_assert_about(const char *path) {
    snprintf(folder, sizeof folder, "%s", path);
}

void pl__store_assert_broken(void) {
    atomic_store(&write_failed, true);
}

/* NOLINTBEGIN(bugprone-reserved-identifier): it is glibc's */
_Noreturn PL_API void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function);

_Noreturn void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function) {
    Dl_info caller = {0};
    bool of_rocksdb =
        dladdr(__builtin_return_address(0), &caller) && caller.dli_fname && strstr(caller.dli_fname, "librocksdb");
    if (!of_rocksdb) {
        fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, assertion);
        abort();
    }
    fprintf(stderr, "potline: %s: %s (RocksDB: \"%s\" does not hold in %s:%u)\n", folder,
            atomic_load(&write_failed)
                ? "an earlier write failed, and the store cannot go on; start again"
                : "the store is damaged, or cannot be written; start again, and if that does not "
                  "help, restore a backup",
            assertion, file, line);
    _exit(1); /* as after a kill: what is written is written */
}
/* NOLINTEND(bugprone-reserved-identifier) */
