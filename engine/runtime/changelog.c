#include "runtime/changelog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"

enum { KEY_MAX = 2 * PL_NAME_MAX + (64 << 10) };

static const char epoch_key[] = "\0epoch", by_key[] = "\0by\0";

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
}

static void mark_of(const struct pl_changelog *changelog, uint64_t number, char mark[PL_KAFKA_MARK]) {
    snprintf(mark, PL_KAFKA_MARK, "%" PRIu64 ":%s", number, changelog->engine);
}

/* No folder takes what it has for the group's: whoever goes on reads the changelog. */
static void mark_of_nobody(uint64_t number, char mark[PL_KAFKA_MARK]) {
    snprintf(mark, PL_KAFKA_MARK, "%" PRIu64 ":", number);
}

/* ---- Making one ---- */

enum pl_code pl_changelog_begin(struct pl_changelog *changelog, bool *done, struct pl_error **error) {
    return pl_kafka_commit_begin(changelog->log, done, error);
}

void pl_changelog_drop(struct pl_changelog *changelog) {
    pl_kafka_commit_drop(changelog->log);
}

/* `key` is a buffer for the key. */
static enum pl_code put_entry(struct pl_changelog *changelog, const char *node, uint16_t partition,
                              const struct pl_state_entry *entry, struct pl_buffer *key, struct pl_error **error) {
    pl_buffer_reset(key);
    pl_buffer_put(key, node, strlen(node) + 1);
    pl_buffer_put(key, entry->key, entry->key_size);
    struct pl_kafka_entry put = {.partition = partition,
                                 .key = key->data,
                                 .key_size = key->size,
                                 .value = entry->value,
                                 .size = entry->value ? entry->value_size : 0};
    return pl_buffer_failed(key) ? no_memory(error) : pl_kafka_commit_put(changelog->log, &put, error);
}

enum pl_code pl_changelog_put(struct pl_changelog *changelog, const char *node, uint16_t partition,
                              const struct pl_buffer *entries, struct pl_error **error) {
    const char *at = entries->data, *end = at + entries->size;
    struct pl_buffer key;
    struct pl_state_entry entry;
    enum pl_code code = PL_OK;
    pl_buffer_init(&key, KEY_MAX);
    while (!code && pl_state_next(&at, end, &entry))
        code = put_entry(changelog, node, partition, &entry, &key, error);
    pl_buffer_fini(&key);
    return code;
}

struct forget {
    struct pl_changelog *changelog;
    const char *node;
    uint16_t partition;
    struct pl_buffer key;
};

static enum pl_code forget_entry(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    struct forget *forget = arg;
    const struct pl_state_entry gone = {.key = entry->key, .key_size = entry->key_size};
    return put_entry(forget->changelog, forget->node, forget->partition, &gone, &forget->key, error);
}

enum pl_code pl_changelog_forget(struct pl_changelog *changelog, struct pl_store *store, const char *node,
                                 uint16_t partition, struct pl_error **error) {
    static const char overrides = PL_STATE_OVERRIDES; /* the end of a run drops them in the folder alone (engine.c) */
    const struct pl_state_entry set = {.key = &overrides, .key_size = 1};
    struct forget forget = {.changelog = changelog, .node = node, .partition = partition};
    pl_buffer_init(&forget.key, KEY_MAX);
    enum pl_code code = forget_entry(&forget, &set, error);
    if (!code) code = pl_epochs_load(store, node, partition, forget_entry, &forget, error);
    pl_buffer_fini(&forget.key);
    return code;
}

static enum pl_code put_packed(struct pl_changelog *changelog, const struct pl_pack *pack, unsigned partition,
                               struct pl_error **error) {
    struct pl_kafka_entry epoch = {.partition = partition,
                                   .key = epoch_key,
                                   .key_size = sizeof epoch_key - 1,
                                   .value = pl_pack_data(pack),
                                   .size = pl_pack_size(pack)};
    return pl_kafka_commit_put(changelog->log, &epoch, error);
}

static enum pl_code put_epoch(struct pl_changelog *changelog, const struct pl_pack *pack, unsigned partition,
                              const char *number, struct pl_error **error) {
    char by[sizeof by_key + PL_STORE_IDENTITY];
    enum pl_code code = put_packed(changelog, pack, partition, error);
    memcpy(by, by_key, sizeof by_key - 1);
    memcpy(by + sizeof by_key - 1, changelog->engine, strlen(changelog->engine));
    struct pl_kafka_entry mine = {.partition = partition,
                                  .key = by,
                                  .key_size = sizeof by_key - 1 + strlen(changelog->engine),
                                  .value = number,
                                  .size = strlen(number)};
    return code ? code : pl_kafka_commit_put(changelog->log, &mine, error);
}

static struct pl_pack *pack_epoch(const struct pl_epoch *epoch, struct pl_error **error) {
    struct pl_pack *pack = pl_pack_new();
    if (pack) pl_epoch_pack(epoch, pack);
    if (pack && !pl_pack_failed(pack)) return pack;
    pl_pack_free(pack);
    no_memory(error);
    return NULL;
}

enum pl_code pl_changelog_describe(struct pl_changelog *changelog, const struct pl_epoch *epoch, unsigned partition,
                                   struct pl_error **error) {
    struct pl_pack *pack = pack_epoch(epoch, error);
    if (!pack) return PL_NO_MEMORY;
    enum pl_code code = put_packed(changelog, pack, partition, error);
    pl_pack_free(pack);
    if (code) return code;
    char mark[PL_KAFKA_MARK];
    mark_of_nobody(epoch->number, mark);
    pl_kafka_group_is(changelog->log, partition, epoch->sequence[partition], mark);
    return PL_OK;
}

enum pl_code pl_changelog_settle(struct pl_changelog *changelog, struct pl_error **error) {
    return pl_kafka_commit_end(changelog->log, NULL, NULL, error);
}

/* What the folder has of these partitions is what the changelog says up to there. */
static void note_told(struct pl_changelog *changelog, const struct pl_epoch *epoch, const struct pl_pack *pack) {
    if (!changelog->replicas) return;
    pl_replicas_told(changelog->replicas, pl_pack_data(pack), pl_pack_size(pack));
    for (unsigned p = 0; p < epoch->partitions; p++)
        if (epoch->sequence[p] != UINT64_MAX)
            pl_replica_is_told(changelog->replicas, p, pl_kafka_commit_behind(changelog->log, p));
}

enum pl_code pl_changelog_end(struct pl_changelog *changelog, const struct pl_epoch *epoch, struct pl_error **error) {
    char mark[PL_KAFKA_MARK], number[24];
    struct pl_pack *pack = pack_epoch(epoch, error);
    enum pl_code code = pack ? PL_OK : PL_NO_MEMORY;
    snprintf(number, sizeof number, "%" PRIu64, epoch->number);
    for (unsigned p = 0; p < epoch->partitions && !code; p++)
        if (epoch->sequence[p] != UINT64_MAX) code = put_epoch(changelog, pack, p, number, error);
    mark_of(changelog, epoch->number, mark);
    if (!code) {
        code = pl_kafka_commit_end(changelog->log, epoch->sequence, mark, error);
        if (!code) note_told(changelog, epoch, pack);
    } else {
        pl_kafka_commit_drop(changelog->log);
    }
    pl_pack_free(pack);
    return code;
}

/* ---- What a death has left ---- */

struct search {
    const struct pl_changelog *changelog;
    uint64_t number; /* the last one by this engine */
};

static enum pl_code find_own(void *arg, const struct pl_kafka_entry *entry, struct pl_error **error) {
    (void)error;
    struct search *search = arg;
    const char *engine = search->changelog->engine;
    size_t front = sizeof by_key - 1, length = strlen(engine);
    char number[24];
    bool mine = entry->key_size == front + length && memcmp(entry->key, by_key, front) == 0 &&
                memcmp((const char *)entry->key + front, engine, length) == 0;
    if (!mine || !entry->value || entry->size >= sizeof number) return PL_OK;
    memcpy(number, entry->value, entry->size);
    number[entry->size] = 0;
    search->number = strtoull(number, NULL, 10);
    return PL_OK;
}

/* Any of its partitions tells: they were made together. */
static enum pl_code was_made(struct pl_changelog *changelog, const struct pl_epoch *prepared, bool *made,
                             struct pl_error **error) {
    struct search search = {.changelog = changelog};
    unsigned p = 0;
    while (p < prepared->partitions && prepared->sequence[p] == UINT64_MAX)
        p++;
    *made = false;
    if (p == prepared->partitions) return PL_OK;
    enum pl_code code = pl_kafka_state_each(changelog->log, p, 0, find_own, &search, error);
    *made = !code && search.number >= prepared->number;
    return code;
}

enum pl_code pl_changelog_decide(struct pl_changelog *changelog, struct pl_store *store, struct pl_error **error) {
    struct pl_epoch prepared, last;
    bool made = false;
    enum pl_code code = pl_epochs_prepared(store, &prepared, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    code = pl_epochs_last(store, &last, error);
    bool open = code == PL_NOT_FOUND || (!code && last.number < prepared.number);
    if (!code) pl_epoch_fini(&last);
    if (code == PL_NOT_FOUND) code = PL_OK;
    if (!code && open) code = was_made(changelog, &prepared, &made, error);
    if (!code && made) code = pl_epochs_adopt(store, &prepared, error);
    if (!code && open && !made) code = pl_epochs_reject(store, error);
    pl_epoch_fini(&prepared);
    return code;
}

/* ---- Taking over ---- */

enum pl_code pl_changelog_take(struct pl_epochs *epochs, const struct pl_kafka_entry *entry, struct pl_epoch *found,
                               struct pl_error **error) {
    struct pl_unpack unpack;
    if (!entry->key) return PL_OK; /* nobody's */
    const char *end = memchr(entry->key, 0, entry->key_size);
    if (entry->key_size == sizeof epoch_key - 1 && memcmp(entry->key, epoch_key, entry->key_size) == 0) {
        pl_epoch_fini(found);
        pl_unpack_init(&unpack, entry->value, entry->size);
        if (entry->value && pl_epoch_unpack(&unpack, found)) return PL_OK;
        return pl_error_set(error, PL_CORRUPT, "the state of partition %u does not say of which checkpoint it is",
                            entry->partition);
    }
    if (!end || end == entry->key) return PL_OK;
    size_t front = (size_t)(end + 1 - (const char *)entry->key);
    if (front > PL_NAME_MAX)
        return pl_error_set(error, PL_CORRUPT, "the state of partition %u is damaged", entry->partition);
    struct pl_state_entry state = {.key = end + 1,
                                   .key_size = (uint32_t)(entry->key_size - front),
                                   .value = entry->value,
                                   .value_size = (uint32_t)entry->size};
    return state.key_size ? pl_epochs_set(epochs, entry->key, (uint16_t)entry->partition, &state, error) : PL_OK;
}

struct take {
    struct pl_epochs *epochs;
    struct pl_epoch found; /* number 0: not yet */
    uint64_t entries, bytes;
};

static enum pl_code take_entry(void *arg, const struct pl_kafka_entry *entry, struct pl_error **error) {
    struct take *take = arg;
    take->entries++;
    take->bytes += entry->key_size + entry->size;
    return pl_changelog_take(take->epochs, entry, &take->found, error);
}

static void tell_taken(unsigned partition, const struct take *take, bool known, int64_t begun) {
    double ms = (double)(pl_clock_monotonic() - begun) / PL_MILLISECOND;
    if (known)
        pl_diag(PL_INFO,
                "partition %u is taken over: its state is here already, but for %" PRIu64
                " entries, %.1f MiB (%.0f ms)",
                partition, take->entries, (double)take->bytes / (1 << 20), ms);
    else if (take->found.number)
        pl_diag(PL_INFO, "partition %u is taken over with %" PRIu64 " entries of state, %.1f MiB (%.0f ms)", partition,
                take->entries, (double)take->bytes / (1 << 20), ms);
}

static enum pl_code load(struct pl_changelog *changelog, struct pl_epochs *epochs, unsigned partition,
                         struct pl_epoch *found, struct pl_error **error) {
    struct take take = {.epochs = epochs};
    int64_t from = 0, begun = pl_clock_monotonic();
    bool known = changelog->replicas && pl_replica_knows(changelog->replicas, partition, &from);
    enum pl_code code = known ? PL_OK : pl_epochs_clear(epochs, (uint16_t)partition, error);
    if (!code) code = pl_kafka_state_each(changelog->log, partition, from, take_entry, &take, error);
    if (!code && known && !take.found.number && !pl_replica_epoch(changelog->replicas, partition, &take.found))
        code = no_memory(error);
    if (!code) tell_taken(partition, &take, known, begun);
    if (!code && changelog->replicas) pl_replica_forget(changelog->replicas, partition); /* it goes on from here */
    *found = take.found;
    return code;
}

/* Brokers forget the offsets of a group that has had no member for long (offsets.retention.minutes, seven days); the
 * changelog says where it stood, too. */
static enum pl_code check_place(const struct pl_epoch *found, unsigned partition, uint64_t *sequence,
                                char mark[PL_KAFKA_MARK], struct pl_error **error) {
    bool knows = found->number && partition < found->partitions && found->sequence[partition] != UINT64_MAX;
    if (!mark[0] && !knows) return PL_OK;
    if (!mark[0]) {
        *sequence = found->sequence[partition];
        mark_of_nobody(found->number, mark);
        pl_diag(PL_WARN, "partition %u: the group has been forgotten; it goes on where its changelog stands",
                partition);
        return PL_OK;
    }
    if (knows && found->sequence[partition] == *sequence) return PL_OK; /* they are told by one transaction */
    return pl_error_set(error, PL_CORRUPT,
                        "partition %u: the group stands at %" PRIu64
                        ", and the changelog holds no state of there: has one of them been reset?",
                        partition, *sequence);
}

static bool is_here(const struct pl_changelog *changelog, const struct pl_epoch *folder, unsigned partition,
                    const struct pl_kafka_place *place) {
    char mine[PL_KAFKA_MARK];
    mark_of(changelog, folder->number, mine);
    return place->said && place->mark[0] && partition < folder->partitions &&
           folder->sequence[partition] == place->sequence && strcmp(place->mark, mine) == 0;
}

/* `folder`: its own last one. *found becomes what the partition's state is of. */
static enum pl_code take_partition(struct pl_changelog *changelog, struct pl_epochs *epochs, unsigned partition,
                                   const struct pl_kafka_place *place, const struct pl_epoch *folder,
                                   struct pl_epoch *found, struct pl_error **error) {
    char mark[PL_KAFKA_MARK];
    struct pl_log *log = changelog->log;
    uint64_t sequence = place->sequence;
    enum pl_code code = PL_OK;
    snprintf(mark, sizeof mark, "%s", place->said ? place->mark : "");
    if (!is_here(changelog, folder, partition, place)) {
        code = load(changelog, epochs, partition, found, error);
        if (!code) code = check_place(found, partition, &sequence, mark, error);
    } else if (!pl_epoch_copy(folder, found)) {
        code = no_memory(error);
    }
    if (code) return code;
    pl_kafka_group_is(log, partition, mark[0] ? sequence : log->ops->first(log, partition), mark);
    if (mark[0])
        found->sequence[partition] = sequence;
    else
        pl_epoch_fini(found);
    return PL_OK;
}

enum pl_code pl_changelog_take_over(struct pl_changelog *changelog, struct pl_epochs *epochs,
                                    const struct pl_epoch *folder, const bool *owned, unsigned partitions,
                                    struct pl_epoch *found, struct pl_error **error) {
    struct pl_kafka_place *places = pl_alloc((partitions + 1) * sizeof *places);
    if (!places) return no_memory(error);
    for (unsigned p = 0; p < partitions; p++)
        places[p].wanted = owned[p];
    enum pl_code code = pl_kafka_group_ask(changelog->log, places, error);
    for (unsigned p = 0; p < partitions && !code; p++)
        if (owned[p]) code = take_partition(changelog, epochs, p, &places[p], folder, &found[p], error);
    pl_free(places);
    return code ? code : pl_epochs_flush(epochs, error);
}
