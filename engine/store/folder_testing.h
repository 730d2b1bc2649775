/* folder_testing.h: an empty folder for a test, and its end. */
#ifndef POTLINE_FOLDER_TESTING_H
#define POTLINE_FOLDER_TESTING_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline char *make_folder(void) {
    const char *tmp = getenv("TMPDIR");
    char path[256];
    snprintf(path, sizeof path, "%s/potline-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    return mkdtemp(path) ? strdup(path) : NULL;
}

static inline int folder_entry_remove(const char *path, const struct stat *info, int type, struct FTW *where) {
    (void)info, (void)type, (void)where;
    return remove(path);
}

static inline void remove_folder(char *path) {
    nftw(path, folder_entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

#endif
