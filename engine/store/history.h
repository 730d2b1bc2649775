/* history.h: which graphs a data folder has been run with: when, by whom, from which file; and, of the last ones, all
 * that stood in their files, for going back to them.
 *
 * The last PL_HISTORY_MAX are kept, in the family meta, and of the last PL_HISTORY_TEXTS the files, where they have at
 * most PL_HISTORY_BYTES. Threads: any, but one at a time adds.
 */
#ifndef POTLINE_STORE_HISTORY_H
#define POTLINE_STORE_HISTORY_H

#include "base/file_text.h"
#include "store/store.h"

enum { PL_HISTORY_MAX = 64, PL_HISTORY_TEXTS = 16, PL_HISTORY_FILES = 1024, PL_HISTORY_BYTES = 1 << 20 };

struct pl_history_entry {
    uint64_t number; /* from 1; set by add */
    pl_time time;
    uint64_t hash; /* of the graph */
    const char *name, *path;
    const char *user;       /* "": the engine itself */
    const char *how;        /* "start", "graph apply", "graph rollback", "SIGHUP", "relapse" */
    const char *what;       /* "2 restarted, 1 added"; or why it was gone back */
    uint64_t epoch;         /* behind which it began: rows of later ones are its own; 0: of the first, or not known */
    const char *const *set; /* of add: what was set at the start, ends in NULL; NULL: nothing. Kept with the files */
};

/* `files`: of the graph. */
enum pl_code pl_history_add(struct pl_store *store, struct pl_history_entry *entry, const struct pl_file_text *files,
                            unsigned file_count, struct pl_error **error);

/* The files of a graph. PL_NOT_FOUND: none of that number are kept. */
struct pl_history_files {
    struct pl_file_text *files;
    unsigned count;
    char **set; /* NODE.OPTION=VALUE, ends in NULL; NULL: it was not written down */
};
enum pl_code pl_history_files(struct pl_store *store, uint64_t number, struct pl_history_files *files,
                              struct pl_error **error);
void pl_history_files_fini(struct pl_history_files *files);

/* From the newest one on, until `each` does not return PL_OK; the entry is borrowed for the call. */
typedef enum pl_code pl_history_visitor(void *arg, const struct pl_history_entry *entry, struct pl_error **error);
enum pl_code pl_history_each(struct pl_store *store, pl_history_visitor *each, void *arg, struct pl_error **error);

#endif
