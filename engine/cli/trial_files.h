/* trial_files.h: the test files that are meant by the arguments of `potline test`. */
#ifndef POTLINE_CLI_TRIAL_FILES_H
#define POTLINE_CLI_TRIAL_FILES_H

#include <stdbool.h>

struct pl__trial_files {
    char **list;
    unsigned count;
};

/* A file, or all `*.test.yaml` below a folder, in order of their names; what is hidden, and symbolic links to folders,
 * are left alone. False after saying why on standard error. */
bool pl__trial_files_add(struct pl__trial_files *files, const char *path);
void pl__trial_files_fini(struct pl__trial_files *files);

#endif
