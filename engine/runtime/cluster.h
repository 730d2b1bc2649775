/* cluster.h: the engines of a group, as each of them knows all: who they are, and which partitions and sources are
 * whose.
 *
 * A thread says once a second what this engine does, on a board of the brokers (log/kafka_board.h), and hears what the
 * others say. It lives as long as the process is a member of the group; the engine, which is made anew whenever
 * partitions move, attaches itself. An orderly end takes its entry back; who is not heard of for longer than the
 * group's `session` is shown as stale.
 *
 * Entries are bytes from outside: what is not as this version writes it is passed over and counted.
 *
 * Threads: any, but for new and free.
 */
#ifndef POTLINE_CLUSTER_H
#define POTLINE_CLUSTER_H

#include <potline/pack.h>

#include "log/kafka.h"
#include "runtime/group_graph.h"
#include "store/store.h"

struct pl_cluster;
struct pl_engine;

enum { PL_CLUSTER_PARTITIONS = 257, PL_CLUSTER_SOURCES = 1024, PL_CLUSTER_HOST = 256 };

struct pl_cluster_partition {
    uint16_t partition;
    int64_t committed, end; /* of the log, as brokers count: of the last checkpoint (-1: none), and where it ends */
};

struct pl_cluster_engine {
    char identity[PL_STORE_IDENTITY]; /* of its data folder */
    char host[PL_CLUSTER_HOST];
    uint64_t pid;
    pl_time since;     /* its process's start, by its clock */
    uint64_t graph;    /* hash */
    uint64_t epoch;    /* its last one, 0: none */
    pl_time epoch_age; /* now; negative: there is none */
    pl_time heard;     /* how long ago it was heard of */
    bool stale, is_self;
    unsigned partition_count, source_count;
    struct pl_cluster_partition partitions[PL_CLUSTER_PARTITIONS]; /* its own; the last one may be the global section */
    const char *sources[PL_CLUSTER_SOURCES];                       /* that it runs; not ended by 0: */
    uint16_t source_length[PL_CLUSTER_SOURCES];
};

/* The options are read now and not kept. */
enum pl_code pl_cluster_new(const struct pl_log_kafka_options *options, struct pl_cluster **cluster,
                            struct pl_error **error);
void pl_cluster_free(struct pl_cluster *cluster); /* NULL is fine */

/* While it is attached the engine is asked what it does. */
void pl_cluster_attach(struct pl_cluster *cluster, struct pl_engine *engine);
void pl_cluster_detach(struct pl_cluster *cluster, const struct pl_engine *engine);

/* Everybody's last word; returns how many were passed over. */
typedef void pl_cluster_visitor(void *arg, const struct pl_cluster_engine *engine);
uint64_t pl_cluster_each(struct pl_cluster *cluster, pl_cluster_visitor *visit, void *arg);

/* ---- The graph that the group has agreed on (group_graph.h) ---- */

/* `heard` is called on the group's thread when that may be another one. Once, before an engine is attached. */
void pl_cluster_on_graph(struct pl_cluster *cluster, void (*heard)(void *arg), void *arg);
/* Says it to all, soon; `bytes` are of pl_group_graph_pack, and copied. PL_BUSY: another is being said. */
enum pl_code pl_cluster_say_graph(struct pl_cluster *cluster, uint64_t number, const void *bytes, size_t size,
                                  struct pl_error **error);
/* The one that holds, which the caller ends; *own: it was said here. False: none has been said, or there is no memory.
 */
bool pl_cluster_graph(struct pl_cluster *cluster, struct pl_group_graph *said, bool *own);
/* Returns when all that has been said is heard here. */
enum pl_code pl_cluster_catch_up(struct pl_cluster *cluster, pl_time wait, struct pl_error **error);

/* ---- As bytes, for tests ---- */

void pl_cluster_pack(const struct pl_cluster_engine *engine, struct pl_pack *pack);
/* Its sources point into the bytes. */
bool pl_cluster_unpack(const void *bytes, size_t size, struct pl_cluster_engine *engine);

#endif
