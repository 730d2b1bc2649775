/* list.c: the alarms there are. */
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "alarms.h"

const char *alarm_place_of(const char *id, const struct alarm *alarm) {
    size_t length = strlen(id);
    return alarm->rule_length < length ? id + alarm->rule_length + 1 : "";
}

static bool grow_sides(struct alarms *s, uint32_t count) {
    uint32_t room = count + count / 2;
    struct alarm_side *grown = pl_realloc(s->side, room * sizeof *grown);
    if (!grown) return false;
    memset(grown + s->sides, 0, (room - s->sides) * sizeof *grown);
    s->side = grown;
    s->sides = room;
    return true;
}

struct alarm_side *list_side(struct alarms *s, struct pl_node *node, uint32_t id) {
    if (id >= s->sides && !grow_sides(s, pl_tags_count(pl_node_tags(node)))) return NULL;
    return &s->side[id];
}

const struct alarm *list_find(struct pl_node *node, uint32_t id) {
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    return pl_table_first(table, id) ? pl_table_find(table, id, 0) : NULL;
}

struct alarm *list_get(struct pl_node *node, uint32_t id) {
    return pl_table_get(pl_node_table(node, TABLE_ALARMS), id, 0);
}

bool list_chatters(const struct alarms *s, const struct alarm *alarm, pl_time now) {
    return s->chattering_given && alarm_chatters(alarm, (unsigned)s->chattering_count, s->chattering_window, now);
}

/* ---- Making room: normal alarms first, then what has returned unacknowledged, the least important and oldest first */

/* 0: must stay. */
static uint32_t rank_of(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm) {
    enum alarm_state state = alarm_state(alarm);
    if (alarm->condition || alarm->active) return 0;
    if (state == ALARM_NORMAL) return 1;
    if (state != ALARM_RETURNED) return 0;
    return 2 + PRIORITY_LOW - definition_priority(definition_of(s, node, id, alarm));
}

static int by_rank(const void *a, const void *b) {
    const struct victim *left = a, *right = b;
    if (left->rank != right->rank) return left->rank < right->rank ? -1 : 1;
    if (left->changed != right->changed) return left->changed < right->changed ? -1 : 1;
    return left->name < right->name ? -1 : left->name > right->name;
}

/* Into the heap whose top is the best of those that are worth keeping longest. */
static void sift(struct victim *heap, uint32_t count, uint32_t at) {
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= count) return;
        if (child + 1 < count && by_rank(&heap[child], &heap[child + 1]) < 0) child++;
        if (by_rank(&heap[at], &heap[child]) >= 0) return;
        struct victim moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static void offer(struct alarms *s, struct victim victim) {
    if (s->victim_count == VICTIMS) {
        if (by_rank(&victim, &s->victims[0]) >= 0) return;
        s->victims[0] = victim;
        sift(s->victims, VICTIMS, 0);
        return;
    }
    s->victims[s->victim_count++] = victim;
    for (uint32_t at = s->victim_count == VICTIMS ? VICTIMS / 2 : 0; at-- > 0;)
        sift(s->victims, VICTIMS, at);
}

static struct victim victim_of(const struct pl_node *node, uint32_t id, uint32_t rank, pl_time changed) {
    const struct pl_tag *tag = pl_tags_get(pl_node_tags(node), id);
    uint64_t name = alarms_hash(ALARMS_HASH_START, tag->name, tag->length);
    return (struct victim){.id = id, .rank = rank, .changed = changed, .name = name};
}

/* One pass over the list finds the next VICTIMS of them, the last one to go in front. */
static void find_victims(struct alarms *s, struct pl_node *node) {
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    s->victim_count = 0;
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct alarm *alarm = pl_record_data(r);
        uint32_t rank = rank_of(s, node, r->id, alarm);
        if (rank) offer(s, victim_of(node, r->id, rank, alarm->changed));
    }
    qsort(s->victims, s->victim_count, sizeof s->victims[0], by_rank);
    for (uint32_t i = 0, k = s->victim_count; i + 1 < k; i++) {
        struct victim moved = s->victims[i];
        s->victims[i] = s->victims[--k];
        s->victims[k] = moved;
    }
    s->barren = s->victim_count == 0;
}

static bool drop(struct alarms *s, struct pl_node *node, const struct victim *victim) {
    const struct alarm *alarm = list_find(node, victim->id);
    if (!alarm || alarm->changed != victim->changed || rank_of(s, node, victim->id, alarm) != victim->rank)
        return false;
    enum alarm_state state = alarm_state(alarm);
    if (state != ALARM_NORMAL) tell_alarm(s, node, victim->id, alarm, NOTE_DROPPED, state, alarm->changed);
    if (victim->id < s->sides) s->side[victim->id].definition = 0;
    pl_table_drop(pl_node_table(node, TABLE_ALARMS), victim->id, 0);
    decisions_touch(s, victim->id);
    pl_count(node, COUNT_DROPPED, 1);
    return true;
}

static bool make_room(struct alarms *s, struct pl_node *node) {
    if (s->barren) return false;
    for (unsigned pass = 0; pass < 2; pass++) {
        while (s->victim_count)
            if (drop(s, node, &s->victims[--s->victim_count])) return true;
        find_victims(s, node);
    }
    return false;
}

struct alarm *list_add(struct alarms *s, struct pl_node *node, uint32_t id) {
    struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    bool full = pl_table_count(table) >= (uint64_t)s->max_alarms;
    struct alarm *alarm = full && !make_room(s, node) ? NULL : pl_table_get(table, id, 0);
    if (alarm) {
        *alarm = (struct alarm){.seen = PL_TIME_MIN, .value = __builtin_nan(""), .limit = __builtin_nan("")};
        return alarm;
    }
    pl_count(node, COUNT_REFUSED, 1);
    pl_node_diag(node, PL_WARN, "no room for alarm %s: the list is full of alarms that are needed",
                 pl_tags_get(pl_node_tags(node), id)->name);
    return NULL;
}

/* ---- Who is next to go, as state: a run that goes on drops the same ones ---- */

void list_pack(const struct alarms *s, struct pl_node *node, struct pl_pack *pack) {
    pl_pack_array(pack, 1 + 3 * s->victim_count);
    pl_pack_bool(pack, s->barren);
    for (uint32_t i = 0; i < s->victim_count; i++) {
        pl_pack_str(pack, pl_tags_get(pl_node_tags(node), s->victims[i].id)->name);
        pl_pack_uint(pack, s->victims[i].rank);
        pl_pack_int(pack, s->victims[i].changed);
    }
}

bool list_unpack(struct alarms *s, struct pl_node *node, struct pl_unpack *unpack) {
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items % 3 != 1 || items > 1 + 3 * VICTIMS) return false;
    if (!pl_unpack_bool(unpack, &s->barren)) return false;
    for (s->victim_count = 0; s->victim_count < items / 3; s->victim_count++) {
        const char *name;
        size_t length;
        uint64_t rank;
        pl_time changed;
        if (!pl_unpack_str(unpack, &name, &length) || !pl_unpack_uint(unpack, &rank) || rank > UINT32_MAX ||
            !pl_unpack_int(unpack, &changed))
            return false;
        uint32_t id = pl_tags_intern(pl_node_tags(node), name, length);
        if (id == PL_NO_ID) return false;
        s->victims[s->victim_count] = victim_of(node, id, (uint32_t)rank, changed);
    }
    return true;
}
