#include "regroup.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/fault.h"
#include "runtime/plan.h"
#include "runtime/split.h"
#include "runtime/table_impl.h"
#include "runtime/timers.h"
#include "store/ledger.h"

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory to share out state");
}

/* ---- Is the log worked off? ---- */

/* Behind the barrier only ends of sources may stand, which do not count for the next run. */
static enum pl_code check_partition(const struct pl_recovery *recovery, unsigned partition, uint64_t from, bool *good,
                                    struct pl_error **error) {
    struct pl_log *log = recovery->log;
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    enum pl_code code = log->ops->cursor(log, partition, from, true, &cursor, error);
    if (code) return code;
    while (*good && !(code = log->ops->read(cursor, &record, error)))
        *good = record.type == PL_LOG_END;
    log->ops->cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

enum pl_code pl_regroup_check_log(const struct pl_recovery *recovery, const struct pl_epoch *last, unsigned partitions,
                                  struct pl_error **error) {
    bool good = true;
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < last->partitions && p < recovery->log->partitions && good && !code; p++)
        code = check_partition(recovery, p, last->sequence ? last->sequence[p] + 1 : 0, &good, error);
    if (code || good) return code;
    return pl_error_set(
        error, PL_CONFLICT,
        "state is to be shared out anew (partitions: %u, until now %u), but the log holds rows behind "
        "the last checkpoint that are shared out the old way; start once with the old graph, and stop it "
        "in good order (Ctrl-C)",
        partitions, last->partitions);
}

/* ---- One node ---- */

struct share {
    const struct pl_recovery *recovery;
    const struct pl_graph_node *node;
    unsigned from, to; /* instances */
    unsigned instance; /* of the old ones, whose state is being read */
    struct pl_regroup_gates gates;
    struct pl_timers timers; /* of all old ones */
    bool has_timers;
    uint32_t *record_size;  /* [table]: of its records in this instance; 0: not said */
    struct pl_buffer whole; /* entries of whole partitions: merged */
    struct {                /* how far they were */
        pl_time watermark, given;
        bool ended;
        unsigned count;
    } task;
};

static enum pl_code refuse(const struct share *share, const char *what, struct pl_error **error) {
    return pl_error_at(error, PL_CONFLICT, share->node->place,
                       "node %s: %s, so it cannot be shared out to another number of partitions; go back to the old "
                       "number, or start it afresh with --reset %s",
                       share->node->name, what, share->node->name);
}

static enum pl_code damaged(const struct share *share, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "node %s: its state is damaged", share->node->name);
}

static enum pl_code stage(const struct share *share, unsigned instance, const struct pl_state_entry *entry,
                          struct pl_error **error) {
    return pl_epochs_stage(share->recovery->epochs, share->node->name, (uint16_t)instance, entry->key, entry->key_size,
                           entry->value, entry->value_size, error);
}

static enum pl_code stage_everywhere(const struct share *share, const struct pl_state_entry *entry,
                                     struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < share->to && !code; p++)
        code = stage(share, p, entry, error);
    return code;
}

static enum pl_code stage_pack(const struct share *share, unsigned instance, enum pl_state_part part,
                               const struct pl_pack *pack, struct pl_error **error) {
    const char key = (char)part;
    struct pl_state_entry entry = {
        .key = &key, .key_size = 1, .value = pl_pack_data(pack), .value_size = (uint32_t)pl_pack_size(pack)};
    return pl_pack_failed(pack) ? no_memory(error) : stage(share, instance, &entry, error);
}

/* ---- Records of tables ---- */

/* [record] table, 0, name, 0, sub-key: the name; NULL: it is none. */
static const char *name_of(const struct pl_state_entry *entry, size_t *length) {
    const char *end = entry->key + entry->key_size;
    const char *table_end = memchr(entry->key + 1, 0, entry->key_size - 1);
    const char *name = table_end ? table_end + 1 : end;
    const char *name_end = name < end ? memchr(name, 0, (size_t)(end - name)) : NULL;
    if (!name_end || end - name_end != 1 + (ptrdiff_t)sizeof(uint64_t)) return NULL;
    *length = (size_t)(name_end - name);
    return name;
}

/* The entry's table, of which its key ends in a 0; PL_NO_ID: the operator has none of that name. */
static uint32_t table_of(const struct share *share, const struct pl_state_entry *entry) {
    const struct pl_table_def *defs = share->node->op->tables;
    if (!memchr(entry->key + 1, 0, entry->key_size - 1)) return PL_NO_ID;
    for (uint32_t i = 0; defs && defs[i].name; i++)
        if (strcmp(defs[i].name, entry->key + 1) == 0) return i;
    return PL_NO_ID;
}

static uint32_t count_tables(const struct pl_operator *op) {
    uint32_t count = 0;
    while (op->tables && op->tables[count].name)
        count++;
    return count;
}

/* Whoever shares records out, and merges them, takes them for what the operator declares. How large those are whose
 * size depends on options is compared when they are loaded; here they are all as their table says, and none is merged.
 */
static enum pl_code take_layout(struct share *share, const struct pl_state_entry *entry, struct pl_error **error) {
    struct pl_table_layout layout;
    uint32_t table = table_of(share, entry);
    if (table == PL_NO_ID) return refuse(share, "its operator has no such state table", error);
    const struct pl_table_def *def = &share->node->op->tables[table];
    if (!pl_table_read_layout(entry, &layout)) return damaged(share, error);
    if (layout.version != def->version || !layout.size || (!def->size_of && layout.size != def->record_size))
        return refuse(share, "the records of a state table are of another version of its operator", error);
    share->record_size[table] = layout.size;
    return PL_OK;
}

static enum pl_code check_record(const struct share *share, const struct pl_state_entry *entry,
                                 struct pl_error **error) {
    uint32_t table = table_of(share, entry);
    if (table == PL_NO_ID) return refuse(share, "its operator has no such state table", error);
    bool good = share->record_size[table] && entry->value_size == share->record_size[table];
    return good ? PL_OK : damaged(share, error);
}

/* The same key in another partition; NULL: this is the first. */
static char *find_whole(struct share *share, const struct pl_state_entry *entry) {
    const char *at = share->whole.data, *end = at + share->whole.size;
    struct pl_state_entry known;
    while (pl_state_next(&at, end, &known))
        if (known.key_size == entry->key_size && known.value_size == entry->value_size &&
            memcmp(known.key, entry->key, entry->key_size) == 0)
            return share->whole.data + ((const char *)known.value - share->whole.data);
    return NULL;
}

/* Of all tags of a partition. Records are 8-aligned for the operator, entries are not. */
static enum pl_code merge_whole(struct share *share, const struct pl_state_entry *entry, struct pl_error **error) {
    const struct pl_table_def *def = &share->node->op->tables[table_of(share, entry)];
    char *known = find_whole(share, entry);
    if (!def->merge || def->size_of) return refuse(share, "it keeps what belongs to no tag of its own", error);
    if (!known) {
        pl_state_put(&share->whole, entry->key, entry->key_size, entry->value, entry->value_size);
        return pl_buffer_failed(&share->whole) ? no_memory(error) : PL_OK;
    }
    char *record = pl_alloc(2 * ((size_t)entry->value_size + 8));
    if (!record) return no_memory(error);
    char *other = record + (((size_t)entry->value_size + 7) & ~(size_t)7);
    memcpy(record, known, entry->value_size);
    memcpy(other, entry->value, entry->value_size);
    def->merge(record, other);
    memcpy(known, record, entry->value_size);
    pl_free(record);
    return PL_OK;
}

static enum pl_code share_record(struct share *share, const struct pl_state_entry *entry, struct pl_error **error) {
    size_t length;
    const char *name = name_of(entry, &length);
    if (!name) return damaged(share, error);
    if (!length) return merge_whole(share, entry, error);
    uint32_t id = pl_tags_intern(share->recovery->tags, name, length);
    if (id == PL_NO_ID) return pl_error_set(error, PL_LIMIT, "no room for the name %s; raise max_tags", name);
    const struct pl_tag *tag = pl_tags_get(share->recovery->tags, id);
    if (tag->broadcast) return share->instance ? PL_OK : stage_everywhere(share, entry, error);
    if (share->from > 1 && pl_partition_of(tag->group, share->from) != share->instance)
        return refuse(share, "it keeps a tag in another partition than the one of its name", error);
    return stage(share, share->to > 1 ? pl_partition_of(tag->group, share->to) : 0, entry, error);
}

/* ---- How far it was ---- */

static enum pl_code share_task(struct share *share, const struct pl_state_entry *entry, struct pl_error **error) {
    struct pl_unpack unpack;
    uint32_t items;
    pl_time watermark, given, waiting;
    bool ended;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    if (!pl_unpack_array(&unpack, &items) || items != 5 || !pl_unpack_int(&unpack, &watermark) ||
        !pl_unpack_int(&unpack, &given) || !pl_unpack_bool(&unpack, &ended) || !pl_unpack_int(&unpack, &waiting))
        return damaged(share, error);
    if (waiting > PL_TIME_MIN) return refuse(share, "rows wait in its backlog", error);
    if (share->task.count && share->task.ended != ended)
        return refuse(share, "its data has ended in some partitions only", error);
    if (!share->task.count++ || watermark < share->task.watermark) share->task.watermark = watermark;
    if (share->task.count == 1 || given < share->task.given) share->task.given = given;
    share->task.ended = ended;
    return PL_OK;
}

static enum pl_code stage_task(const struct share *share, unsigned instance, struct pl_pack *pack,
                               struct pl_error **error) {
    if (!share->task.count) return PL_OK;
    pl_pack_reset(pack);
    pl_pack_array(pack, 5);
    pl_pack_int(pack, share->task.watermark);
    pl_pack_int(pack, share->task.given);
    pl_pack_bool(pack, share->task.ended);
    pl_pack_int(pack, PL_TIME_MIN);
    pl_pack_bool(pack, false);
    return stage_pack(share, instance, PL_STATE_TASK, pack, error);
}

/* ---- Timers ---- */

/* Those of one new instance. */
static enum pl_code stage_timers(const struct share *share, unsigned instance, struct pl_pack *pack,
                                 struct pl_error **error) {
    struct pl_timers own = {.limit = UINT32_MAX};
    bool good = true;
    if (!share->has_timers) return PL_OK;
    for (uint32_t i = 0; i < share->timers.count && good; i++) {
        const struct pl_timer *timer = &share->timers.heap[i];
        const struct pl_tag *tag = pl_tags_get(share->recovery->tags, timer->id);
        unsigned p = share->to > 1 ? pl_partition_of(tag->group, share->to) : 0;
        if (p == instance || tag->broadcast) good = pl_timers_add(&own, *timer);
    }
    pl_pack_reset(pack);
    pl_timers_pack(&own, share->recovery->tags, pack);
    pl_timers_fini(&own);
    return good ? stage_pack(share, instance, PL_STATE_TIMERS, pack, error) : no_memory(error);
}

static enum pl_code share_timers(struct share *share, const struct pl_state_entry *entry, struct pl_error **error) {
    struct pl_timers own = {.limit = UINT32_MAX};
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    enum pl_code code = pl_timers_unpack(&own, share->recovery->tags, &unpack, error);
    share->has_timers = true;
    for (uint32_t i = 0; i < own.count && !code; i++) {
        const struct pl_tag *tag = pl_tags_get(share->recovery->tags, own.heap[i].id);
        if (!own.heap[i].id)
            code = refuse(share, "it has a timer of no tag", error);
        else if (!(tag->broadcast && share->instance) && !pl_timers_add(&share->timers, own.heap[i]))
            code = no_memory(error);
    }
    pl_timers_fini(&own);
    return code;
}

/* ---- All of a node ---- */

/* [[], []] */
static bool is_empty_backlog(const struct pl_state_entry *entry) {
    struct pl_unpack unpack;
    uint32_t items, rows, ranges;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    return pl_unpack_array(&unpack, &items) && items == 2 && pl_unpack_array(&unpack, &rows) && rows == 0 &&
           pl_unpack_array(&unpack, &ranges) && ranges == 0;
}

static enum pl_code share_gate(struct share *share, const struct pl_state_entry *entry, struct pl_error **error) {
    enum pl_code code = pl_regroup_gate_add(&share->gates, share->instance, entry->value, entry->value_size, error);
    return code == PL_CONFLICT ? refuse(share, "rows that wait for another of its inputs are in the spill", error)
                               : code;
}

static enum pl_code share_entry(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    struct share *share = arg;
    if (entry->key[0] == PL_STATE_GATE) return share_gate(share, entry, error);
    enum pl_code code = PL_OK;
    if (entry->key[0] == PL_STATE_TABLE) code = take_layout(share, entry, error);
    if (entry->key[0] == PL_STATE_RECORD) code = check_record(share, entry, error);
    if (code) return code;
    if (share->from == share->to && share->to == 1) return stage(share, 0, entry, error);
    switch (entry->key[0]) {
    case PL_STATE_TASK: return share_task(share, entry, error);
    case PL_STATE_TABLE:
    case PL_STATE_OVERRIDES: return stage_everywhere(share, entry, error);
    case PL_STATE_RECORD: return share_record(share, entry, error);
    case PL_STATE_TIMERS: return share_timers(share, entry, error);
    case PL_STATE_BACKLOG: return is_empty_backlog(entry) ? PL_OK : refuse(share, "rows wait in its backlog", error);
    default: return refuse(share, "its operator saves its state as a whole", error);
    }
}

static enum pl_code stage_rest(struct share *share, struct pl_error **error) {
    struct pl_pack *pack = pl_pack_new();
    const char *at = share->whole.data, *end = at + share->whole.size;
    struct pl_state_entry entry;
    enum pl_code code = pack ? pl_regroup_gates_share(&share->gates, error) : no_memory(error);
    while (!code && pl_state_next(&at, end, &entry))
        code = stage_everywhere(share, &entry, error);
    for (unsigned p = 0; p < share->to && !code; p++) {
        bool wanted = false;
        pl_pack_reset(pack);
        code = pl_regroup_gate_pack(&share->gates, p, pack, &wanted, error);
        if (!code && wanted) code = stage_pack(share, p, PL_STATE_GATE, pack, error);
        if (!code) code = stage_task(share, p, pack, error);
        if (!code) code = stage_timers(share, p, pack, error);
    }
    pl_pack_free(pack);
    return code;
}

static enum pl_code share_node(const struct pl_recovery *recovery, const struct pl_graph_node *node,
                               const struct pl_epoch_node *kept, const struct pl_epoch *last,
                               const struct pl_epoch *now, struct pl_error **error) {
    struct share share = {.recovery = recovery,
                          .node = node,
                          .from = kept->instances,
                          .to = pl_plan_instances(recovery->graph, node),
                          .timers = {.limit = UINT32_MAX}};
    share.gates = (struct pl_regroup_gates){.recovery = recovery,
                                            .node = node,
                                            .from_partitions = last->partitions,
                                            .to_partitions = now->partitions,
                                            .from = share.from,
                                            .to = share.to};
    pl_buffer_init(&share.whole, SIZE_MAX / 2);
    const size_t tables = count_tables(node->op);
    share.record_size = pl_alloc((tables + 1) * sizeof *share.record_size);
    enum pl_code code = pl_regroup_gates_init(&share.gates, error);
    if (!code && !share.record_size) code = no_memory(error);
    for (; !code && share.record_size && share.instance < share.from; share.instance++) {
        memset(share.record_size, 0, (tables + 1) * sizeof *share.record_size);
        code = pl_epochs_load(recovery->store, kept->name, (uint16_t)share.instance, share_entry, &share, error);
    }
    if (!code) code = stage_rest(&share, error);
    pl_regroup_gates_fini(&share.gates);
    pl_timers_fini(&share.timers);
    pl_buffer_fini(&share.whole);
    pl_free(share.record_size);
    return code;
}

/* ---- The ledger ---- */

struct ledger_share {
    const struct pl_recovery *recovery;
    unsigned to; /* partitions */
};

/* Rows are counted in the partition of their tag, those of a tag that all get in the first; and so is what did not
 * become rows, which has a cause. */
static enum pl_code stage_ledger(void *arg, const struct pl_ledger_account *account, const struct pl_state_entry *entry,
                                 struct pl_error **error) {
    const struct ledger_share *share = arg;
    const struct pl_recovery *recovery = share->recovery;
    unsigned p = 0;
    if (!*account->cause && share->to > 1) {
        uint32_t id = pl_tags_intern(recovery->tags, account->tag, strlen(account->tag));
        if (id == PL_NO_ID)
            return pl_error_set(error, PL_LIMIT, "no room for the name %s; raise max_tags", account->tag);
        const struct pl_tag *tag = pl_tags_get(recovery->tags, id);
        if (!tag->broadcast) p = pl_partition_of(tag->group, share->to);
    }
    return pl_epochs_stage(recovery->epochs, PL_LEDGER_NODE, (uint16_t)p, entry->key, entry->key_size, entry->value,
                           entry->value_size, error);
}

/* ---- The log ---- */

/* A partition that is new begins with the epoch's barrier, so that it has a place to be gone on from. */
static enum pl_code put_barriers(const struct pl_recovery *recovery, const struct pl_epoch *last, unsigned partitions,
                                 uint64_t *sequence, struct pl_error **error) {
    struct pl_log *log = recovery->log;
    struct pl_log_record *records = pl_alloc((partitions + 1) * sizeof *records);
    unsigned count = 0;
    if (!records) return no_memory(error);
    for (unsigned p = last->partitions; p < partitions; p++)
        records[count++] =
            (struct pl_log_record){.type = PL_LOG_BARRIER, .partition = (uint16_t)p, .epoch = last->number};
    enum pl_code code = count ? log->ops->append(log, records, count, error) : PL_OK;
    for (unsigned p = 0; p < partitions && !code; p++)
        sequence[p] = p < last->partitions ? last->sequence[p] : records[p - last->partitions].sequence;
    pl_free(records);
    return code;
}

static enum pl_code switch_over(const struct pl_recovery *recovery, const char *const *forgotten, struct pl_epoch *last,
                                const struct pl_epoch *now, struct pl_error **error) {
    struct pl_epoch described = *now;
    described.sequence = pl_alloc((now->partitions + 1) * sizeof *described.sequence);
    if (!described.sequence) return no_memory(error);
    enum pl_code code = put_barriers(recovery, last, now->partitions, described.sequence, error);
    if (!code) code = pl_epochs_switch(recovery->epochs, &described, forgotten, error);
    pl_free(described.sequence);
    if (code) return code;
    pl_diag(PL_INFO, "what was kept in %u partitions is shared out to %u", last->partitions, now->partitions);
    pl_epoch_fini(last);
    return pl_epochs_last(recovery->store, last, error);
}

enum pl_code pl_regroup(const struct pl_recovery *recovery, const struct pl_epoch_node *const *kept,
                        const char *const *forgotten, struct pl_epoch *last, const struct pl_epoch *now,
                        struct pl_error **error) {
    const struct pl_graph *graph = recovery->graph;
    enum pl_code code = pl_regroup_check_log(recovery, last, now->partitions, error);
    for (unsigned i = 0; i < graph->node_count && !code; i++)
        if (kept[i]) code = share_node(recovery, &graph->nodes[i], kept[i], last, now, error);
    struct ledger_share share = {recovery, now->partitions};
    if (!code) code = pl_ledger_share(recovery->store, last->partitions, stage_ledger, &share, error);
    if (!code) return switch_over(recovery, forgotten, last, now, error);
    (void)pl_epochs_unstage(recovery->epochs, NULL);
    return code;
}
