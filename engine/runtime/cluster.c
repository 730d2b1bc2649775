#include "runtime/cluster.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "base/clock.h"
#include "log/kafka_board.h"
#include "runtime/engine_impl.h"

static const pl_time every = PL_SECOND, slice = PL_SECOND / 5;

struct pl_cluster {
    struct pl_kafka_board *board;
    pl_time session, since;
    char host[PL_CLUSTER_HOST];
    pthread_t thread;
    bool running;
    _Atomic bool stopping, due;
    struct pl_pack *pack;
    struct pl_cluster_engine own; /* the thread's */

    pthread_mutex_t lock;     /* of what follows, and of the engine while it is asked */
    struct pl_engine *engine; /* NULL: none is attached */
    char identity[PL_STORE_IDENTITY];
};

/* ---- What this engine does; with the lock held ---- */

/* Where brokers do not answer, what was known before is said. */
static void describe_partitions(struct pl_engine *engine, struct pl_cluster_engine *own) {
    bool answers = true;
    own->partition_count = 0;
    for (unsigned p = 0; p < engine->wired.plan.lanes && own->partition_count < PL_CLUSTER_PARTITIONS; p++) {
        if (!engine->wired.plan.owned[p]) continue;
        struct pl_cluster_partition *said = &own->partitions[own->partition_count++];
        if (said->partition != p) *said = (struct pl_cluster_partition){.partition = (uint16_t)p, .committed = -1};
        if (answers) answers = !pl_kafka_group_lag(engine->log, p, &said->committed, &said->end, NULL);
    }
}

static void describe_sources(const struct pl_engine *engine, struct pl_cluster_engine *own) {
    own->source_count = 0;
    for (unsigned i = 0; i < engine->wired.graph->node_count && own->source_count < PL_CLUSTER_SOURCES; i++) {
        const struct pl_graph_node *node = &engine->wired.graph->nodes[i];
        if (node->op->inputs || !pl__engine_runs_source(engine, node)) continue;
        own->source_length[own->source_count] = (uint16_t)strlen(node->name);
        own->sources[own->source_count++] = node->name;
    }
}

static void describe(struct pl_cluster *cluster) {
    struct pl_engine *engine = cluster->engine;
    struct pl_cluster_engine *own = &cluster->own;
    struct pl_checkpoint_stats checkpoint;
    pl_engine_checkpoint_stats(engine, &checkpoint);
    memcpy(own->identity, cluster->identity, sizeof own->identity);
    snprintf(own->host, sizeof own->host, "%s", cluster->host);
    own->pid = (uint64_t)getpid();
    own->since = cluster->since;
    own->graph = engine->wired.graph->hash;
    own->epoch = checkpoint.epoch;
    own->epoch_age = checkpoint.epoch && checkpoint.at ? pl_engine_now(engine) - checkpoint.at : -1;
    describe_partitions(engine, own);
    describe_sources(engine, own);
    pl_pack_reset(cluster->pack);
    pl_cluster_pack(own, cluster->pack);
}

/* ---- The thread ---- */

static void say(struct pl_cluster *cluster) {
    pthread_mutex_lock(&cluster->lock);
    bool some = cluster->engine;
    if (some) describe(cluster);
    pthread_mutex_unlock(&cluster->lock);
    if (some && !pl_pack_failed(cluster->pack))
        pl_kafka_board_put(cluster->board, cluster->own.identity, pl_pack_data(cluster->pack),
                           pl_pack_size(cluster->pack));
}

static void *attend(void *arg) {
    struct pl_cluster *cluster = arg;
    int64_t said = 0;
    pthread_setname_np(pthread_self(), "cluster");
    while (!atomic_load(&cluster->stopping)) {
        int64_t now = pl_clock_monotonic();
        if (atomic_exchange(&cluster->due, false) || now - said >= every) {
            say(cluster);
            said = now;
        }
        pl_kafka_board_poll(cluster->board, slice);
    }
    return NULL;
}

/* ---- Life ---- */

enum pl_code pl_cluster_new(const struct pl_log_kafka_options *options, struct pl_cluster **cluster,
                            struct pl_error **error) {
    struct pl_clock clock;
    struct pl_cluster *c = *cluster = PL_NEW(struct pl_cluster);
    if (c) c->pack = pl_pack_new();
    if (!c || !c->pack) {
        pl_free(c);
        *cluster = NULL;
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a group");
    }
    pthread_mutex_init(&c->lock, NULL);
    pl_clock_init(&clock, PL_CLOCK_WALL, 0);
    c->since = pl_clock_now(&clock);
    c->session = options->session;
    if (gethostname(c->host, sizeof c->host - 1)) c->host[0] = 0;
    enum pl_code code = pl_kafka_board_open(options, &c->board, error);
    if (!code) c->running = pthread_create(&c->thread, NULL, attend, c) == 0;
    if (!code && !c->running) code = pl_error_set(error, PL_NO_MEMORY, "no memory for a thread");
    if (!code) return PL_OK;
    pl_cluster_free(c);
    *cluster = NULL;
    return code;
}

void pl_cluster_free(struct pl_cluster *cluster) {
    if (!cluster) return;
    atomic_store(&cluster->stopping, true);
    if (cluster->running) pthread_join(cluster->thread, NULL);
    if (cluster->board && *cluster->identity) pl_kafka_board_put(cluster->board, cluster->identity, NULL, 0);
    pl_kafka_board_close(cluster->board);
    pthread_mutex_destroy(&cluster->lock);
    pl_pack_free(cluster->pack);
    pl_free(cluster);
}

void pl_cluster_attach(struct pl_cluster *cluster, struct pl_engine *engine) {
    pthread_mutex_lock(&cluster->lock);
    cluster->engine = engine;
    memcpy(cluster->identity, engine->changelog.engine, sizeof cluster->identity);
    pthread_mutex_unlock(&cluster->lock);
    atomic_store(&cluster->due, true);
}

void pl_cluster_detach(struct pl_cluster *cluster, const struct pl_engine *engine) {
    pthread_mutex_lock(&cluster->lock);
    if (cluster->engine == engine) cluster->engine = NULL;
    pthread_mutex_unlock(&cluster->lock);
}

/* ---- Looking ---- */

struct look {
    struct pl_cluster *cluster;
    pl_cluster_visitor *visit;
    void *arg;
    struct pl_cluster_engine *engine;
    uint64_t refused;
};

static void look_at(void *arg, const char *key, const void *bytes, size_t size, pl_time age) {
    struct look *look = arg;
    struct pl_cluster_engine *engine = look->engine;
    if (!pl_cluster_unpack(bytes, size, engine) || strcmp(key, engine->identity) != 0) {
        look->refused++;
        return;
    }
    engine->heard = age > 0 ? age : 0;
    engine->stale = age > look->cluster->session + every;
    engine->is_self = strcmp(key, look->cluster->identity) == 0;
    if (engine->epoch_age >= 0) engine->epoch_age += engine->heard;
    look->visit(look->arg, engine);
}

uint64_t pl_cluster_each(struct pl_cluster *cluster, pl_cluster_visitor *visit, void *arg) {
    struct look look = {.cluster = cluster, .visit = visit, .arg = arg, .engine = PL_NEW(struct pl_cluster_engine)};
    if (!look.engine) return 0;
    uint64_t refused = pl_kafka_board_each(cluster->board, look_at, &look);
    pl_free(look.engine);
    return refused + look.refused;
}
