/* savepoint.h: a checkpoint as a file that another data folder can begin with: what every node knew, where the sources
 * stood, what people had decided. Rows of zones and of the log are not in it.
 *
 *     'i'  versions, when it was made              'e'  the epoch: graph, nodes, operators, the log's positions
 *     'b'  what the intake knew of its sources     's'  the state   'k'  what was decided   'p'  rows that wait
 *
 * In the new folder the log begins with the barrier of that epoch, and its state is found and checked against the graph
 * as it is in any other (recovery.h). A death while it is being read in leaves a folder that says so.
 *
 * For one thread, while nobody else uses the folder.
 */
#ifndef POTLINE_SAVEPOINT_H
#define POTLINE_SAVEPOINT_H

#include "log/log.h"
#include "store/backup.h"
#include "store/epochs.h"

struct pl_savepoint_write {
    const char *from;         /* a data folder that nobody writes */
    const char *to;           /* the file: not there yet */
    struct pl_store_key *key; /* of both; NULL: in the clear */
    pl_backup_progress *progress;
    void *arg;
    uint64_t epoch, bytes; /* what came of it */
    uint64_t behind;       /* rows of the log behind the epoch, which are not in it */
};

/* PL_NOT_FOUND: the folder has no checkpoint. */
enum pl_code pl_savepoint_write(struct pl_savepoint_write *write, struct pl_error **error);

struct pl_savepoint;

/* Checks all of the file. */
enum pl_code pl_savepoint_open(const char *path, struct pl_store_key *key, struct pl_savepoint **savepoint,
                               struct pl_error **error);
void pl_savepoint_close(struct pl_savepoint *savepoint); /* NULL is fine */

/* Into a folder, before its log is opened. PL_CONFLICT: it has a checkpoint or a log already. */
enum pl_code pl_savepoint_fill(struct pl_savepoint *savepoint, struct pl_store *store, struct pl_error **error);
/* And behind that: the log begins with the epoch, which is the last one from then on. */
enum pl_code pl_savepoint_begin(struct pl_savepoint *savepoint, struct pl_store *store, struct pl_log *log,
                                struct pl_error **error);

/* PL_CONFLICT: reading one in did not come to its end, and none is given now. */
enum pl_code pl_savepoint_check(struct pl_store *store, struct pl_error **error);

#endif
