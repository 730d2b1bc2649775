/* cluster_entry.c: what an engine says of itself, as bytes:
 * [1, identity, host, pid, since, graph, epoch, epoch's age, [[partition, committed, end]...], [source...]]
 */
#include <string.h>

#include <potline/pack.h>

#include "batch/name.h"
#include "runtime/cluster.h"

enum { VERSION = 1, ITEMS = 10 };

void pl_cluster_pack(const struct pl_cluster_engine *engine, struct pl_pack *pack) {
    pl_pack_array(pack, ITEMS);
    pl_pack_uint(pack, VERSION);
    pl_pack_str(pack, engine->identity);
    pl_pack_str(pack, engine->host);
    pl_pack_uint(pack, engine->pid);
    pl_pack_int(pack, engine->since);
    pl_pack_uint(pack, engine->graph);
    pl_pack_uint(pack, engine->epoch);
    pl_pack_int(pack, engine->epoch_age);
    pl_pack_array(pack, engine->partition_count);
    for (unsigned i = 0; i < engine->partition_count; i++) {
        pl_pack_array(pack, 3);
        pl_pack_uint(pack, engine->partitions[i].partition);
        pl_pack_int(pack, engine->partitions[i].committed);
        pl_pack_int(pack, engine->partitions[i].end);
    }
    pl_pack_array(pack, engine->source_count);
    for (unsigned i = 0; i < engine->source_count; i++)
        pl_pack_strn(pack, engine->sources[i], engine->source_length[i]);
}

/* A text that people may be shown. */
static bool take_text(struct pl_unpack *unpack, char *text, size_t room) {
    const char *at;
    size_t length;
    if (!pl_unpack_str(unpack, &at, &length) || length >= room || !pl_name_valid(at, length)) return false;
    memcpy(text, at, length);
    text[length] = 0;
    return true;
}

static bool take_partitions(struct pl_unpack *unpack, struct pl_cluster_engine *engine) {
    uint32_t count, items;
    if (!pl_unpack_array(unpack, &count) || count > PL_CLUSTER_PARTITIONS) return false;
    engine->partition_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct pl_cluster_partition *p = &engine->partitions[i];
        uint64_t number;
        if (!pl_unpack_array(unpack, &items) || items != 3 || !pl_unpack_uint(unpack, &number) ||
            number >= PL_CLUSTER_PARTITIONS || !pl_unpack_int(unpack, &p->committed) ||
            !pl_unpack_int(unpack, &p->end) || p->committed < -1 || p->end < 0)
            return false;
        p->partition = (uint16_t)number;
    }
    return true;
}

static bool take_sources(struct pl_unpack *unpack, struct pl_cluster_engine *engine) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > PL_CLUSTER_SOURCES) return false;
    engine->source_count = count;
    for (uint32_t i = 0; i < count; i++) {
        size_t length;
        if (!pl_unpack_str(unpack, &engine->sources[i], &length) || !pl_name_valid(engine->sources[i], length))
            return false;
        engine->source_length[i] = (uint16_t)length;
    }
    return true;
}

bool pl_cluster_unpack(const void *bytes, size_t size, struct pl_cluster_engine *engine) {
    struct pl_unpack unpack;
    uint32_t items;
    uint64_t version;
    *engine = (struct pl_cluster_engine){0};
    pl_unpack_init(&unpack, bytes, size);
    return pl_unpack_array(&unpack, &items) && items == ITEMS && pl_unpack_uint(&unpack, &version) &&
           version == VERSION && take_text(&unpack, engine->identity, sizeof engine->identity) &&
           take_text(&unpack, engine->host, sizeof engine->host) && pl_unpack_uint(&unpack, &engine->pid) &&
           pl_unpack_int(&unpack, &engine->since) && pl_unpack_uint(&unpack, &engine->graph) &&
           pl_unpack_uint(&unpack, &engine->epoch) && pl_unpack_int(&unpack, &engine->epoch_age) &&
           engine->epoch_age <= PL_TIME_MAX / 2 && take_partitions(&unpack, engine) && take_sources(&unpack, engine) &&
           unpack.at == unpack.end;
}
