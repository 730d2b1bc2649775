/* group_graph.h: the graph that the engines of a group have agreed to run, as one of them says it to all: an entry of
 * their board (log/kafka_board.h).
 *
 *     key     graph/NUMBER/IDENTITY of who says it
 *     bytes   msgpack: the number, hash, when, by whom, how and why, and all that stands in its files
 *
 * Numbers follow each other. Where two say the same one, that which stands there first is it: everybody finds the same,
 * however late he comes. Files in the folder of the graph's own are named as seen from there, and are taken to lie
 * beside the file that an engine was started with; what they name (rules, keys) has to be there.
 *
 * Threads: any.
 */
#ifndef POTLINE_GROUP_GRAPH_H
#define POTLINE_GROUP_GRAPH_H

#include <potline/pack.h>

#include "graph/graph.h"

enum { PL_GROUP_GRAPH_TEXT = 512, PL_GROUP_GRAPH_FILES = 1024, PL_GROUP_GRAPH_SET = 1024 };

struct pl_group_graph {
    uint64_t number; /* from 1 */
    uint64_t hash;
    pl_time time; /* by the clock of who says it */
    pl_time probation;
    bool lenient;                 /* state that does not fit is let go of */
    const char *path;             /* where it was read */
    const char *user, *how, *why; /* user "": the engine itself */
    struct pl_file_text *files;   /* the graph's own first */
    unsigned file_count;
    const char **set; /* NODE.OPTION=VALUE, ends in NULL; NULL is fine for pack */
};

/* PL_LIMIT: its files are more than an entry can be. */
enum pl_code pl_group_graph_pack(const struct pl_group_graph *said, struct pl_pack *pack, struct pl_error **error);
/* False: it is none. Its texts are copies, and *said is to be ended in any case. */
bool pl_group_graph_unpack(const void *bytes, size_t size, struct pl_group_graph *said);
void pl_group_graph_fini(struct pl_group_graph *said);

/* The number in a key; 0: it is none of these. */
uint64_t pl_group_graph_key(const char *key);
void pl_group_graph_put_key(char *key, size_t room, uint64_t number, const char *identity);

/* PL_USAGE: a secret is among its settings (--set), which is not for all to read. An engine that runs such a graph
 * could not say it back when the group is told another one that it cannot run. */
enum pl_code pl_group_graph_can_be_said(const struct pl_graph *graph, struct pl_error **error);

/* The files and settings of a graph that runs here, borrowed from it but for the list, which pl_group_graph_loan_end
 * frees. PL_USAGE: it cannot be said. */
enum pl_code pl_group_graph_lend(const struct pl_graph *graph, struct pl_group_graph *said, struct pl_error **error);
void pl_group_graph_loan_end(struct pl_group_graph *said);

/* Reads it here, beside the files of `folder`. The problems are the caller's, as of pl_graph_load. */
enum pl_code pl_group_graph_load(const struct pl_group_graph *said, const char *folder, struct pl_graph **graph,
                                 struct pl_problem **problems, unsigned *count);

#endif
