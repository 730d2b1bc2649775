/* cluster_rows.c: the engines of a group as rows: `nodes --cluster`, and what `status` says of them. */
#include <stdio.h>

#include <potline/text.h>

#include "control/control_impl.h"
#include "runtime/cluster.h"

enum { LIST_TEXT = 8192 };

/* "0, 2", "0: 12, 2: 5": where there is no room, the rest is left out and that is said. */
static void put_list(struct pl_pack *pack, const char *key, const struct pl_cluster_engine *engine, bool lags) {
    char text[LIST_TEXT] = "";
    size_t used = 0;
    for (unsigned i = 0; i < engine->partition_count && used < sizeof text - 64; i++) {
        const struct pl_cluster_partition *p = &engine->partitions[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", i ? ", " : "", p->partition);
        if (lags && p->committed >= 0)
            used += (size_t)snprintf(text + used, sizeof text - used, ": %lld", (long long)(p->end - p->committed));
    }
    pl_pack_pair_str(pack, key, text);
}

static void put_sources(struct pl_pack *pack, const struct pl_cluster_engine *engine) {
    char text[LIST_TEXT] = "";
    size_t used = 0;
    unsigned i = 0;
    for (; i < engine->source_count && used + engine->source_length[i] < sizeof text - 64; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", i ? ", " : "", engine->source_length[i],
                                 engine->sources[i]);
    if (i < engine->source_count) snprintf(text + used, sizeof text - used, " and %u more", engine->source_count - i);
    pl_pack_pair_str(pack, "sources", text);
}

static int64_t lag_of(const struct pl_cluster_engine *engine) {
    int64_t lag = 0;
    for (unsigned i = 0; i < engine->partition_count; i++)
        if (engine->partitions[i].committed >= 0) lag += engine->partitions[i].end - engine->partitions[i].committed;
    return lag;
}

static void put_engine(void *arg, const struct pl_cluster_engine *engine) {
    struct pl_request *request = arg;
    char since[PL_TEXT_TIME_MAX];
    *pl_text_put_time(since, engine->since / PL_MILLISECOND * PL_MILLISECOND) = 0;
    struct pl_pack *pack = pl_request_row(request, 13);
    pl_pack_pair_str(pack, "engine", engine->identity);
    pl_pack_pair_str(pack, "host", engine->host);
    pl_pack_pair_int(pack, "pid", (int64_t)engine->pid);
    pl_pack_pair_str(pack, "state", engine->stale ? "stale" : engine->is_self ? "this one" : "running");
    pl_pack_pair_str(pack, "since", since);
    pl_pack_pair_f64(pack, "heard_s", (double)engine->heard * 1e-9);
    put_list(pack, "partitions", engine, false);
    put_sources(pack, engine);
    pl_pack_pair_int(pack, "lag", lag_of(engine));
    put_list(pack, "lags", engine, true);
    pl_pack_pair_int(pack, "epoch", (int64_t)engine->epoch);
    pl_pack_str(pack, "epoch_age_s");
    if (engine->epoch_age >= 0)
        pl_pack_f64(pack, (double)engine->epoch_age * 1e-9);
    else
        pl_pack_nil(pack);
    pl_pack_str(pack, "same_graph");
    pl_pack_bool(pack, engine->graph == pl_engine_graph(request->control->options.engine)->hash);
}

enum pl_code pl__cluster_rows(struct pl_request *request, struct pl_error **error) {
    struct pl_cluster *cluster = pl_engine_cluster(request->control->options.engine);
    if (!cluster)
        return pl_error_set(error, PL_UNAVAILABLE, "this engine is in no group: log: { kind: kafka, group: NAME }");
    pl_cluster_each(cluster, put_engine, request);
    return PL_OK;
}

struct sums {
    int64_t engines, stale, lag;
    struct pl_pack *pack;
};

static void add_engine(void *arg, const struct pl_cluster_engine *engine) {
    struct sums *sums = arg;
    sums->engines += !engine->stale;
    sums->stale += engine->stale;
    if (!engine->stale) sums->lag += lag_of(engine);
    if (engine->is_self) put_list(sums->pack, "group_partitions", engine, false);
}

void pl__cluster_status(struct pl_pack *pack, const struct pl_engine *engine) {
    struct sums sums = {0};
    struct pl_pack *own = sums.pack = pl_pack_new();
    uint64_t refused = pl_cluster_each(pl_engine_cluster(engine), add_engine, &sums);
    pl_pack_pair_str(pack, "group", pl_engine_graph(engine)->settings.log_group);
    pl_pack_pair_int(pack, "group_engines", sums.engines);
    pl_pack_pair_int(pack, "group_stale", sums.stale);
    pl_pack_pair_int(pack, "group_lag", sums.lag);
    pl_pack_pair_int(pack, "group_refused", (int64_t)refused);
    pl_pack_pair_int(pack, "group_standby", pl_engine_standby(engine));
    if (own && pl_pack_size(own) && !pl_pack_failed(own))
        pl_pack_raw(pack, pl_pack_data(own), pl_pack_size(own));
    else
        pl_pack_pair_str(pack, "group_partitions", "");
    pl_pack_free(own);
}
