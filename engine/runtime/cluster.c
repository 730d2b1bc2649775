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
static const pl_time gone_after = PL_DAY; /* who is not heard of for so long is not waited for */

/* Of a graph on the board: the highest number holds, and of that the lowest offset. */
struct place {
    uint64_t number; /* 0: there is none */
    int64_t offset;
};

struct pl_cluster {
    struct pl_kafka_board *board;
    pl_time session, since;
    char host[PL_CLUSTER_HOST];
    pthread_t thread;
    bool running;
    _Atomic bool stopping, due;
    struct pl_pack *pack;
    struct pl_cluster_engine own; /* the thread's */

    int64_t graph; /* the thread's: offset of the last graph that it has heard of */

    pthread_mutex_t lock;     /* of what follows, and of the engine while it is asked */
    struct pl_engine *engine; /* NULL: none is attached */
    char identity[PL_STORE_IDENTITY];
    void *saying; /* a graph, to be said; NULL: none */
    size_t saying_size;
    uint64_t saying_number;
    void (*heard)(void *arg);
    void *heard_arg;
};

/* ---- What this engine does; with the lock held ---- */

/* An engine that is to end waits for this: brokers, which may be away, are not asked. */
static void describe_partitions(struct pl_engine *engine, struct pl_cluster_engine *own) {
    own->partition_count = 0;
    for (unsigned p = 0; p < engine->wired.plan.lanes && own->partition_count < PL_CLUSTER_PARTITIONS; p++) {
        if (!engine->wired.plan.owned[p]) continue;
        struct pl_cluster_partition *said = &own->partitions[own->partition_count++];
        said->partition = (uint16_t)p;
        pl_kafka_group_lag(engine->log, p, &said->committed, &said->end);
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

/* ---- Graphs ---- */

static bool is_before(struct place a, struct place b) {
    return a.number != b.number ? a.number < b.number : a.offset > b.offset;
}

static struct place place_of(const struct pl_board_entry *entry) {
    return (struct place){pl_group_graph_key(entry->key), entry->offset};
}

struct holding {
    struct place below; /* number 0: of all */
    struct place found;
    struct pl_group_graph *said;
    const char *identity;
    bool good, own;
};

static bool is_of(const char *key, const char *identity) {
    const char *name = strrchr(key, '/');
    return name && *identity && strcmp(name + 1, identity) == 0;
}

static void hold_best(void *arg, const struct pl_board_entry *entry) {
    struct holding *holding = arg;
    struct place place = place_of(entry);
    bool better = place.number && is_before(holding->found, place) &&
                  (!holding->below.number || is_before(place, holding->below));
    if (!better) return;
    holding->found = place;
    pl_group_graph_fini(holding->said);
    holding->good =
        pl_group_graph_unpack(entry->bytes, entry->size, holding->said) && holding->said->number == place.number;
    holding->own = is_of(entry->key, holding->identity);
}

bool pl_cluster_graph(struct pl_cluster *cluster, struct pl_group_graph *said, bool *own) {
    char identity[PL_STORE_IDENTITY];
    pthread_mutex_lock(&cluster->lock);
    memcpy(identity, cluster->identity, sizeof identity);
    pthread_mutex_unlock(&cluster->lock);
    *said = (struct pl_group_graph){0};
    struct holding holding = {.said = said, .identity = identity};
    do { /* what is damaged is passed over */
        holding.below = holding.found;
        holding.found = (struct place){0};
        pl_kafka_board_each(cluster->board, hold_best, &holding);
    } while (holding.found.number && !holding.good);
    if (!holding.found.number) pl_group_graph_fini(said);
    *own = holding.own;
    return holding.found.number;
}

enum pl_code pl_cluster_say_graph(struct pl_cluster *cluster, uint64_t number, const void *bytes, size_t size,
                                  struct pl_error **error) {
    void *copy = pl_alloc(size + 1);
    if (!copy) return pl_error_set(error, PL_NO_MEMORY, "no memory for a graph");
    memcpy(copy, bytes, size);
    pthread_mutex_lock(&cluster->lock);
    bool taken = !cluster->saying;
    if (taken) {
        cluster->saying = copy;
        cluster->saying_size = size;
        cluster->saying_number = number;
    }
    pthread_mutex_unlock(&cluster->lock);
    if (taken) return PL_OK;
    pl_free(copy);
    return pl_error_set(error, PL_BUSY, "another change of the graph is being said to the group");
}

enum pl_code pl_cluster_catch_up(struct pl_cluster *cluster, pl_time wait, struct pl_error **error) {
    return pl_kafka_board_catch_up(cluster->board, wait, error);
}

void pl_cluster_on_graph(struct pl_cluster *cluster, void (*heard)(void *arg), void *arg) {
    pthread_mutex_lock(&cluster->lock);
    cluster->heard = heard;
    cluster->heard_arg = arg;
    pthread_mutex_unlock(&cluster->lock);
}

/* Those that no engine can come to any more: one has been said since, and another behind it. */
static void take_back_old(void *arg, const struct pl_board_entry *entry) {
    struct pl_cluster *cluster = arg;
    uint64_t number = pl_group_graph_key(entry->key);
    if (number && number + 2 <= cluster->saying_number) pl_kafka_board_put(cluster->board, entry->key, NULL, 0);
}

/* ---- The thread ---- */

static void say_graph(struct pl_cluster *cluster) {
    char key[PL_BOARD_KEY];
    pthread_mutex_lock(&cluster->lock);
    if (cluster->saying) {
        pl_group_graph_put_key(key, sizeof key, cluster->saying_number, cluster->identity);
        pl_kafka_board_put(cluster->board, key, cluster->saying, cluster->saying_size);
        pl_kafka_board_each(cluster->board, take_back_old, cluster);
        pl_free(cluster->saying);
        cluster->saying = NULL;
    }
    pthread_mutex_unlock(&cluster->lock);
}

static void hold_last(void *arg, const struct pl_board_entry *entry) {
    int64_t *last = arg;
    if (pl_group_graph_key(entry->key) && entry->offset > *last) *last = entry->offset;
}

static void look_at_graph(struct pl_cluster *cluster) {
    int64_t last = cluster->graph;
    pl_kafka_board_each(cluster->board, hold_last, &last);
    if (last == cluster->graph) return;
    cluster->graph = last;
    pthread_mutex_lock(&cluster->lock);
    void (*heard)(void *arg) = cluster->heard;
    void *arg = cluster->heard_arg;
    pthread_mutex_unlock(&cluster->lock);
    if (heard) heard(arg);
}

static void say(struct pl_cluster *cluster) {
    pthread_mutex_lock(&cluster->lock);
    bool some = cluster->engine;
    if (some) describe(cluster);
    pthread_mutex_unlock(&cluster->lock);
    if (some && !pl_pack_failed(cluster->pack))
        pl_kafka_board_put(cluster->board, cluster->own.identity, pl_pack_data(cluster->pack),
                           pl_pack_size(cluster->pack));
}

static void take_back_gone(void *arg, const struct pl_board_entry *entry) {
    struct pl_cluster *cluster = arg;
    if (strlen(entry->key) == PL_STORE_IDENTITY - 1 && entry->age > gone_after) /* an engine's */
        pl_kafka_board_put(cluster->board, entry->key, NULL, 0);
}

static void *attend(void *arg) {
    struct pl_cluster *cluster = arg;
    int64_t said = 0;
    pthread_setname_np(pthread_self(), "cluster");
    while (!atomic_load(&cluster->stopping)) {
        int64_t now = pl_clock_monotonic();
        if (atomic_exchange(&cluster->due, false) || now - said >= every) {
            say(cluster);
            pl_kafka_board_each(cluster->board, take_back_gone, cluster);
            said = now;
        }
        say_graph(cluster);
        pl_kafka_board_poll(cluster->board, slice);
        look_at_graph(cluster);
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
    c->graph = -1;
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
    if (cluster->running) {
        pthread_join(cluster->thread, NULL);
        say_graph(cluster); /* of an engine that has gone back, and ended */
    }
    if (cluster->board && *cluster->identity) pl_kafka_board_put(cluster->board, cluster->identity, NULL, 0);
    pl_kafka_board_close(cluster->board);
    pthread_mutex_destroy(&cluster->lock);
    pl_pack_free(cluster->pack);
    pl_free(cluster->saying);
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

static void look_at(void *arg, const struct pl_board_entry *entry) {
    struct look *look = arg;
    struct pl_cluster_engine *engine = look->engine;
    if (pl_group_graph_key(entry->key)) return;
    if (!pl_cluster_unpack(entry->bytes, entry->size, engine) || strcmp(entry->key, engine->identity) != 0) {
        look->refused++;
        return;
    }
    engine->heard = entry->age > 0 ? entry->age : 0;
    engine->stale = entry->age > look->cluster->session + every;
    engine->is_self = strcmp(entry->key, look->cluster->identity) == 0;
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
