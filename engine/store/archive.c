/* archive.c: what lies in a folder for the sake of a standby: write-ahead logs that RocksDB has no need of any more,
 * kept for one that is still behind them, and a copy that one is to start from.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_impl.h"

static int is_log(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".log") == 0;
}

static int newest_first(const struct dirent **a, const struct dirent **b) {
    unsigned long x = strtoul((*a)->d_name, NULL, 10), y = strtoul((*b)->d_name, NULL, 10);
    return (x < y) - (x > y);
}

void pl_store_archive_trim(const struct pl_store *store, uint64_t most) {
    char path[PATH_MAX];
    struct dirent **logs;
    if (snprintf(path, sizeof path, "%s/archive", store->impl->folder) >= (int)sizeof path) return;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) return;
    int count = scandir(path, &logs, is_log, newest_first);
    uint64_t bytes = 0;
    for (int i = 0; i < count; i++) {
        struct stat info;
        if (fstatat(folder, logs[i]->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) bytes += (uint64_t)info.st_size;
        if (bytes > most) unlinkat(folder, logs[i]->d_name, 0);
        free(logs[i]);
    }
    if (count >= 0) free(logs);
    close(folder);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where) {
    (void)info, (void)type, (void)where;
    return remove(path);
}

static bool remove_below(const char *data, const char *name) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", data, name) >= (int)sizeof path) return true; /* nobody could make it */
    return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

enum pl_code pl_store_copy_remove(const char *path, struct pl_error **error) {
    if (remove_below(path, PL_STORE_COPY) && remove_below(path, PL_STORE_COPY ".tmp")) return PL_OK;
    return pl_error_set(error, PL_IO, "%s/" PL_STORE_COPY ": not removed: %s", path, strerror(errno));
}
