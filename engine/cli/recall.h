/* recall.h: graphs that a data folder was run with, by its history (store/history.h): which was in force, and as it
 * stood then.
 *
 *     if (!pl_cli_recall(store, epoch, &past, &error)) graph = pl_cli_recall_graph(store, &past, &options, &exit_code);
 *     pl_cli_past_fini(&past);
 */
#ifndef POTLINE_CLI_RECALL_H
#define POTLINE_CLI_RECALL_H

#include "cli.h"
#include "store/history.h"

struct pl_cli_past {
    uint64_t number; /* of the history; 0: there is none */
    uint64_t hash;
    pl_time time;
    char *name, *path, *user, *how;
};

/* The one whose rows are of `epoch` (0: the one that ran last). PL_NOT_FOUND: none is known; *past is empty. */
enum pl_code pl_cli_recall(struct pl_store *store, uint64_t epoch, struct pl_cli_past *past, struct pl_error **error);

/* The last one that was run from that file. Likewise. */
enum pl_code pl_cli_recall_of(struct pl_store *store, const char *path, struct pl_cli_past *past,
                              struct pl_error **error);

/* By what stood in its files; where that is not kept any more, by what stands there now. NULL after saying why, with
 * the exit code. */
struct pl_graph *pl_cli_recall_graph(struct pl_store *store, const struct pl_cli_past *past,
                                     const struct pl_graph_options *options, int *exit_code);

void pl_cli_past_fini(struct pl_cli_past *past);

#endif
