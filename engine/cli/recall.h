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

/* By what stood in its files and was set then (what the options set holds before that); where that is not kept any
 * more, by what stands there now. NULL after saying why, with the exit code. */
struct pl_graph *pl_cli_recall_graph(struct pl_store *store, const struct pl_cli_past *past,
                                     const struct pl_graph_options *options, int *exit_code);

/* What has become of the file that it was run from, read with what was set then. */
enum pl_cli_past_file { PL_CLI_PAST_SAME, PL_CLI_PAST_CHANGED, PL_CLI_PAST_GONE };
enum pl_cli_past_file pl_cli_recall_file(const struct pl_cli_past *past, const char *const *set);

/* What was set at the last start from that file (an absolute path), if it is still the graph of then; behind it what is
 * set `now`, which so holds. Ends in NULL; the caller's (pl_cli_set_free). */
enum pl_code pl_cli_recall_set(struct pl_store *store, const char *path, const char *const *now, char ***set,
                               struct pl_error **error);
void pl_cli_set_free(char **set); /* NULL is fine */

void pl_cli_past_fini(struct pl_cli_past *past);

#endif
