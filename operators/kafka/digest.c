#include "digest.h"

#include <string.h>
#include <xxhash.h>

#include <potline/alloc.h>
#include <potline/quality.h>

enum { ROOM_FIRST = 256, ROOM_MOST = 1 << 28 };

/* ---- Of a row ---- */

static uint64_t add_name(uint64_t digest, const struct pl_tags *tags, uint32_t id) {
    const char *name = id ? pl_tags_get(tags, id)->name : "";
    return XXH64(name, strlen(name) + 1, digest);
}

static uint64_t add_quality(uint64_t digest, uint16_t quality) {
    quality &= (uint16_t)~PL_Q_BACKFILLED;
    return XXH64(&quality, sizeof quality, digest);
}

static uint64_t add_column(uint64_t digest, const struct pl_tags *tags, const struct pl_batch *batch, unsigned column,
                           uint32_t row) {
    const struct pl_column_info *info = &pl_kind_info[batch->kind].column[column];
    const void *cells = batch->column[column];
    if (info->type == PL_NAME) return add_name(digest, tags, ((const uint32_t *)cells)[row]);
    if (info->type == PL_U16 && strcmp(info->name, "quality") == 0)
        return add_quality(digest, ((const uint16_t *)cells)[row]);
    unsigned size = pl_type_size(info->type);
    return XXH64((const char *)cells + (size_t)row * size, size, digest);
}

/* Each column's hash is the seed of the next one's. */
uint64_t pl__digest(const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    uint64_t digest = batch->kind;
    for (unsigned c = 0; c < info->columns; c++)
        if (!info->heaps || c != info->end) digest = add_column(digest, tags, batch, c, row);
    for (unsigned h = 0; h < info->heaps; h++) {
        uint32_t length;
        const void *elements = pl_batch_heap_row(batch, h, row, &length);
        digest = XXH64(length ? elements : "", (size_t)length * pl_type_size(info->heap[h].type), digest + length);
    }
    return digest ? digest : 1;
}

/* ---- Sets of them ---- */

static struct pl__digest_slot *find(const struct pl__digests *d, uint64_t digest) {
    uint32_t at = (uint32_t)digest & (d->room - 1);
    while (d->slot[at].digest && d->slot[at].digest != digest)
        at = (at + 1) & (d->room - 1);
    return &d->slot[at];
}

static void put(struct pl__digests *d, uint64_t digest, uint32_t count) {
    struct pl__digest_slot *slot = find(d, digest);
    if (!slot->digest) d->used++;
    slot->digest = digest;
    slot->count += count;
    d->count += count;
}

static bool grow(struct pl__digests *d) {
    uint32_t room = d->room ? 2 * d->room : ROOM_FIRST;
    struct pl__digests grown = {.room = room};
    if (room <= ROOM_MOST) grown.slot = pl_alloc(room * sizeof *grown.slot);
    if (!grown.slot) return false;
    for (uint32_t i = 0; i < d->room; i++)
        if (d->slot[i].count) put(&grown, d->slot[i].digest, d->slot[i].count);
    pl_free(d->slot);
    *d = grown;
    return true;
}

bool pl__digests_add(struct pl__digests *d, uint64_t digest) {
    if (4 * (uint64_t)(d->used + 1) > 3 * (uint64_t)d->room && !grow(d)) return false;
    put(d, digest, 1);
    return true;
}

bool pl__digests_take(struct pl__digests *d, uint64_t digest) {
    struct pl__digest_slot *slot = d->count ? find(d, digest) : NULL;
    if (!slot || !slot->count) return false;
    slot->count--;
    if (!--d->count) pl__digests_fini(d);
    return true;
}

void pl__digests_fini(struct pl__digests *d) {
    pl_free(d->slot);
    *d = (struct pl__digests){0};
}

/* ---- Across runs ---- */

void pl__digests_pack(const struct pl__digests *d, struct pl_pack *pack) {
    uint32_t slots = 0;
    for (uint32_t i = 0; i < d->room; i++)
        slots += d->slot[i].count > 0;
    pl_pack_array(pack, 2 * slots);
    for (uint32_t i = 0; i < d->room; i++) {
        if (!d->slot[i].count) continue;
        pl_pack_uint(pack, d->slot[i].digest);
        pl_pack_uint(pack, d->slot[i].count);
    }
}

bool pl__digests_unpack(struct pl__digests *d, struct pl_unpack *unpack) {
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items % 2) return false;
    for (uint32_t i = 0; i < items; i += 2) {
        uint64_t digest, count;
        if (!pl_unpack_uint(unpack, &digest) || !pl_unpack_uint(unpack, &count) || !digest || !count ||
            count > UINT32_MAX)
            return false;
        if (4 * (uint64_t)(d->used + 1) > 3 * (uint64_t)d->room && !grow(d)) return false;
        put(d, digest, (uint32_t)count);
    }
    return true;
}
