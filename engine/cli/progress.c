#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { MIB = 1 << 20, TOLD_FROM = 64 * MIB /* less is done at once */ };

void pl_cli_progress_show(struct pl_cli_progress *progress, uint64_t done, uint64_t all) {
    int tenths = all ? (int)(done * 10 / all) : 10;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%6.1f %% of %" PRIu64 " MiB ", all ? 100 * (double)done / (double)all : 100, all / MIB);
    else if (all >= TOLD_FROM && tenths > progress->told)
        fprintf(stderr, "potline %s: %d %% of %" PRIu64 " MiB\n", progress->command, tenths * 10, all / MIB);
    progress->told = tenths;
}

bool pl_cli_progress_go_on(void *progress, uint64_t done, uint64_t all) {
    pl_cli_progress_show(progress, done, all);
    return true;
}

void pl_cli_progress_end(const struct pl_cli_progress *progress) {
    (void)progress;
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%40s\r", "");
}
