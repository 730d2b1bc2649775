/* archive.c: write-ahead logs that RocksDB has no need of any more, kept for a standby that is still behind them. */
#include <dirent.h>
#include <fcntl.h>
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
