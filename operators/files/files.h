/* files.h: the list of what a source reads: paths, patterns (sorted), "-" for standard input. */
#ifndef POTLINE_FILES_H
#define POTLINE_FILES_H

#include <potline/error.h>
#include <potline/option.h>

struct pl_files {
    char **paths; /* owned */
    uint32_t count;
};

enum { PL_FILES_MAX = 100000 };

/* Every path has to be there and readable, but for those in a folder that is (`may_be_absent`). A pattern has to fit
 * something. pl_files_fini takes the list after failure too. */
enum pl_code pl_files_init(struct pl_files *files, const struct pl_strings *patterns, bool may_be_absent,
                           struct pl_error **error);
void pl_files_fini(struct pl_files *files);

#endif
