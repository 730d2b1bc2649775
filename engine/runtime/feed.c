#include "feed.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

enum { ITEMS = 8 }; /* of a feed in a barrier's body */

bool pl_feeds_init(struct pl_feeds *feeds, unsigned limit) {
    feeds->limit = limit;
    feeds->feed = pl_alloc(limit * sizeof *feeds->feed);
    feeds->names = pl_alloc(limit * sizeof *feeds->names);
    feeds->were = pl_alloc(limit * sizeof *feeds->were);
    feeds->inlet = pl_alloc(limit * sizeof *feeds->inlet);
    return feeds->feed && feeds->names && feeds->were && feeds->inlet;
}

void pl_feeds_fini(struct pl_feeds *feeds) {
    for (unsigned i = 0; i < feeds->inlet_count; i++) {
        struct pl_inlet *inlet = &feeds->inlet[i];
        for (unsigned k = 0; k < inlet->group_count; k++)
            pl_batch_unref(inlet->group[k]);
        pl_free(inlet->group);
        pl_buffer_fini(&inlet->position);
    }
    pl_free(feeds->inlet);
    pl_free(feeds->feed);
    pl_free(feeds->names);
    pl_free(feeds->were);
    *feeds = (struct pl_feeds){0};
}

int pl_feeds_add(struct pl_feeds *feeds, struct pl_edge *edge, const struct pl_feed_options *options,
                 struct pl_tags *tags) {
    uint32_t name = pl_tags_intern(tags, options->name, strlen(options->name));
    uint32_t was = options->was ? pl_tags_intern(tags, options->was, strlen(options->was)) : PL_NO_ID;
    if (name == PL_NO_ID || feeds->count == feeds->limit) return -1;
    struct pl_inlet *inlet = feeds->inlet_count ? &feeds->inlet[feeds->inlet_count - 1] : NULL;
    if (!inlet || inlet->edge != edge) {
        inlet = &feeds->inlet[feeds->inlet_count++];
        *inlet = (struct pl_inlet){
            .edge = edge, .first = feeds->count, .replayable = options->replayable, .durable = options->durable};
        pl_buffer_init(&inlet->position, PL_LOG_POSITION_MAX);
    }
    inlet->count++;
    feeds->names[feeds->count] = name;
    feeds->were[feeds->count] = was;
    feeds->feed[feeds->count] = (struct pl_feed){
        .options = *options,
        .name = name,
        .inlet = feeds->inlet_count - 1,
        .highest = PL_TIME_MIN,
        .progress = PL_TIME_MIN,
        .watermark = PL_TIME_MIN,
    };
    return (int)feeds->count++;
}

bool pl_feed_raise(struct pl_feed *feed) {
    pl_time watermark = feed->progress;
    if (watermark == PL_TIME_MIN && feed->highest > PL_TIME_MIN + feed->options.disorder)
        watermark = feed->highest - feed->options.disorder;
    if (watermark <= feed->watermark) return false;
    feed->watermark = watermark;
    return true;
}

bool pl_inlet_gather(struct pl_inlet *inlet, struct pl_batch *batch) {
    if (inlet->group_count == inlet->group_room) {
        unsigned room = inlet->group_room ? 2 * inlet->group_room : 4;
        struct pl_batch **grown = pl_realloc(inlet->group, room * sizeof(struct pl_batch *));
        if (!grown) {
            pl_batch_unref(batch);
            return false;
        }
        inlet->group = grown;
        inlet->group_room = room;
    }
    inlet->group[inlet->group_count++] = batch;
    return true;
}

/* ---- Across runs ---- */

static bool is_of(const struct pl_feeds *feeds, const struct pl_inlet *inlet, int slot) {
    return slot == PL_FEEDS_ALL || feeds->feed[inlet->first].options.slot == (unsigned)slot;
}

void pl_feeds_pack(const struct pl_feeds *feeds, const struct pl_tags *tags, int slot, struct pl_pack *pack) {
    uint32_t count = 0;
    for (unsigned i = 0; i < feeds->inlet_count; i++)
        if (is_of(feeds, &feeds->inlet[i], slot)) count += feeds->inlet[i].count;
    pl_pack_array(pack, count);
    for (unsigned i = 0; i < feeds->inlet_count; i++) {
        const struct pl_inlet *inlet = &feeds->inlet[i];
        if (!is_of(feeds, inlet, slot)) continue;
        for (unsigned k = inlet->first; k < inlet->first + inlet->count; k++) {
            const struct pl_feed *feed = &feeds->feed[k];
            pl_pack_array(pack, ITEMS);
            pl_pack_str(pack, pl_tags_get(tags, feed->name)->name);
            pl_pack_int(pack, feed->highest);
            pl_pack_int(pack, feed->progress);
            pl_pack_int(pack, feed->watermark);
            pl_pack_bool(pack, feed->idle);
            pl_pack_bool(pack, feed->ended && !feed->stopped);
            pl_pack_uint(pack, inlet->groups);
            pl_pack_bin(pack, inlet->position.data, inlet->position.size);
        }
    }
}

static struct pl_feed *feed_named(struct pl_feeds *feeds, uint32_t name, struct pl_inlet **inlet) {
    for (unsigned i = 0; i < feeds->inlet_count; i++) {
        *inlet = &feeds->inlet[i];
        for (unsigned k = (*inlet)->first; k < (*inlet)->first + (*inlet)->count; k++)
            if (name != PL_NO_ID && (feeds->names[k] == name || feeds->were[k] == name)) return &feeds->feed[k];
    }
    return NULL;
}

static void set_position(struct pl_inlet *inlet, uint64_t groups, const void *position, size_t size) {
    if (groups < inlet->groups || !size) return;
    inlet->groups = groups;
    pl_buffer_reset(&inlet->position);
    pl_buffer_put(&inlet->position, position, size);
}

static bool unpack_feed(struct pl_feeds *feeds, const struct pl_tags *tags, struct pl_unpack *unpack) {
    struct pl_feed found = {0};
    uint32_t items;
    const char *name;
    const void *position;
    size_t length, size;
    uint64_t groups;
    if (!pl_unpack_array(unpack, &items) || items != ITEMS || !pl_unpack_str(unpack, &name, &length) ||
        !pl_unpack_int(unpack, &found.highest) || !pl_unpack_int(unpack, &found.progress) ||
        !pl_unpack_int(unpack, &found.watermark) || !pl_unpack_bool(unpack, &found.idle) ||
        !pl_unpack_bool(unpack, &found.ended) || !pl_unpack_uint(unpack, &groups) ||
        !pl_unpack_bin(unpack, &position, &size))
        return false;
    struct pl_inlet *inlet;
    struct pl_feed *feed = feed_named(feeds, pl_tags_find(tags, name, length), &inlet);
    if (!feed) return true;
    feed->highest = found.highest;
    feed->progress = found.progress;
    feed->watermark = found.watermark;
    feed->idle = found.idle;
    feed->ended = found.ended;
    set_position(inlet, groups, position, size);
    return true;
}

bool pl_feeds_unpack(struct pl_feeds *feeds, const struct pl_tags *tags, const void *body, size_t size) {
    struct pl_unpack unpack;
    uint32_t count;
    pl_unpack_init(&unpack, body, size);
    if (!pl_unpack_array(&unpack, &count)) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!unpack_feed(feeds, tags, &unpack)) return false;
    return true;
}

/* A source that speaks for itself has no use for the time of its newest row, and of another one that is its watermark
 * and its disorder. */
void pl_feeds_follow(struct pl_feeds *feeds, const struct pl_log_record *record) {
    struct pl_inlet *inlet;
    struct pl_feed *feed = record->source ? feed_named(feeds, record->source, &inlet) : NULL;
    if (!feed || record->type == PL_LOG_END) return;
    if (record->watermark > feed->watermark) feed->watermark = record->watermark;
    feed->idle = record->type == PL_LOG_WATERMARK && record->flags & PL_LOG_IDLE;
    set_position(inlet, record->epoch, record->position, record->position_size);
}

void pl_feeds_settle(struct pl_feeds *feeds) {
    for (unsigned i = 0; i < feeds->count; i++) {
        struct pl_feed *feed = &feeds->feed[i];
        if (feed->watermark == PL_TIME_MIN || feed->ended) continue;
        pl_time newest = feed->watermark < PL_TIME_MAX - feed->options.disorder
                             ? feed->watermark + feed->options.disorder
                             : PL_TIME_MAX;
        if (newest > feed->highest) feed->highest = newest;
        if (feed->progress != PL_TIME_MIN) feed->progress = feed->watermark;
    }
    for (unsigned i = 0; i < feeds->inlet_count; i++) {
        struct pl_inlet *inlet = &feeds->inlet[i];
        inlet->ended = true;
        for (unsigned k = inlet->first; k < inlet->first + inlet->count; k++)
            inlet->ended &= feeds->feed[k].ended;
    }
}
