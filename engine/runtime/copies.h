/* copies.h: what a running engine makes of its data folder: a backup or a savepoint, one at a time, on a thread of its
 * own. Processing goes on meanwhile: a copy is of a snapshot of the store.
 *
 * The end of each is told on standard error and in the audit.
 *
 * Threads: one that starts copies; any that ask for the status.
 */
#ifndef POTLINE_COPIES_H
#define POTLINE_COPIES_H

#include <limits.h>

#include "runtime/journal.h"
#include "store/store.h"

struct pl_copies;

struct pl_copies_options {
    struct pl_store *store;
    struct pl_journal *journal;
    const struct pl_clock *clock;
    bool (*checkpointed)(const void *engine, uint64_t asked); /* is the epoch that was asked for done? */
    const void *engine;
};

enum pl_copy_kind { PL_COPY_BACKUP, PL_COPY_SAVEPOINT };
extern const char *const pl_copy_names[];

struct pl_copy {
    enum pl_copy_kind kind;
    const char *to; /* an absolute path */
    uint64_t keep;  /* backup: how many stay; 0: all */
    bool verify;    /* backup: files of earlier ones are read again */
    uint64_t asked; /* savepoint: the epoch that is waited for */
};

enum pl_copy_state { PL_COPY_NONE, PL_COPY_RUNNING, PL_COPY_DONE, PL_COPY_FAILED };
extern const char *const pl_copy_states[];

struct pl_copy_status {
    enum pl_copy_state state;
    enum pl_copy_kind kind;
    uint64_t number; /* of the copies of this run */
    char to[PATH_MAX];
    uint64_t id;          /* of the backup, once it is done */
    uint64_t epoch;       /* that it holds */
    uint64_t done, bytes; /* copied, and to be copied */
    double seconds;
    char what[512]; /* came of it, or went wrong */
};

enum pl_code pl_copies_new(const struct pl_copies_options *options, struct pl_copies **copies, struct pl_error **error);
void pl_copies_free(struct pl_copies *copies); /* ends what is under way; NULL is fine */

/* PL_BUSY: one is under way. PL_USAGE: not an absolute path. *number: what the status calls it. */
enum pl_code pl_copies_start(struct pl_copies *copies, const struct pl_copy *copy, uint64_t *number,
                             struct pl_error **error);

/* Of the one that is under way, or else the last one. */
void pl_copies_status(struct pl_copies *copies, struct pl_copy_status *status);

#endif
