/* Runs a fuzz target on the files of a folder: for builds without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"

static int run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return -1;
    uint8_t *bytes = NULL;
    size_t size = 0, got;
    do {
        bytes = realloc(bytes, size + 4096);
        if (!bytes) abort();
        got = fread(bytes + size, 1, 4096, file);
        size += got;
    } while (got);
    fclose(file);
    uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees a byte too many */
    if (!exact) abort();
    memcpy(exact, bytes, size);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(int argc, char **argv) {
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    unsigned files = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        printf("%s\n", path);
        fflush(stdout); /* to be seen if this one ends it */
        if (run_file(path)) return 1;
        files++;
    }
    closedir(folder);
    return files ? 0 : 1;
}
