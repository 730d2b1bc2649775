#include "ring.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

static void unref(struct pl__row *row) {
    if (!row || --row->refs) return;
    pl_free(row->json);
    pl_free(row);
}

/* What a row is about: its tag, or its asset; "" of neither. */
static const char *key_of(const void *bytes, size_t size, size_t *length) {
    struct pl_unpack in;
    uint32_t pairs;
    const char *name, *asset = "";
    size_t name_length, asset_length = 0;
    pl_unpack_init(&in, bytes, size);
    for (pl_unpack_map(&in, &pairs); pairs && pl_unpack_str(&in, &name, &name_length); pairs--) {
        const char *text;
        bool tag = name_length == 3 && memcmp(name, "tag", 3) == 0;
        if (tag || (name_length == 5 && memcmp(name, "asset", 5) == 0)) {
            size_t found;
            if (!pl_unpack_str(&in, &text, &found)) break;
            if (tag && found) return *length = found, text;
            if (!tag) asset = text, asset_length = found;
        } else if (!pl_unpack_skip(&in)) {
            break;
        }
    }
    *length = asset_length;
    return asset;
}

static struct pl__row *make_row(const void *bytes, size_t size) {
    size_t length;
    const char *key = key_of(bytes, size, &length);
    if (length >= PL__RING_KEY) length = PL__RING_KEY - 1;
    struct pl__row *row = pl_alloc(sizeof *row + length + 1 + size);
    if (!row) return NULL;
    *row = (struct pl__row){.packed = size};
    memcpy(row->key, key, length);
    row->key[length] = 0;
    memcpy(row->key + length + 1, bytes, size);
    return row;
}

const char *pl__row_json(struct pl__ring *ring, struct pl__row *row) {
    if (row->json) return row->json;
    row->json = pl_pack_json(row->key + strlen(row->key) + 1, row->packed);
    row->size = row->json ? strlen(row->json) : 0;
    if (row->number >= ring->first) ring->bytes += row->size;
    return row->json;
}

static struct pl__row **place_of(struct pl__ring *ring, const char *key) {
    unsigned at = 5381;
    for (const char *c = key; *c; c++)
        at = at * 33 + (unsigned char)*c;
    for (;; at++) {
        struct pl__row **place = &ring->newest[at % PL__RING_KEYS];
        if (!*place || strcmp((*place)->key, key) == 0) return place;
    }
}

static void drop_oldest(struct pl__ring *ring) {
    struct pl__row **place = &ring->row[ring->first++ % PL__RING];
    ring->bytes -= (*place)->packed + (*place)->size;
    unref(*place);
    *place = NULL;
}

void pl__ring_add(struct pl__ring *ring, const void *bytes, size_t size) {
    struct pl__row *row = make_row(bytes, size);
    if (!row) return;
    row->number = ring->next++;
    struct pl__row **place = place_of(ring, row->key);
    if (*place || ring->keys < PL__RING_KEYS / 2) {
        if (!*place) ring->place[ring->keys++] = (uint16_t)(place - ring->newest);
        unref(*place);
        *place = row;
        row->refs++;
    }
    if (row->number - ring->first == PL__RING) drop_oldest(ring);
    ring->row[row->number % PL__RING] = row;
    row->refs++;
    ring->bytes += row->packed;
    while (ring->bytes > PL__RING_BYTES && ring->first < row->number)
        drop_oldest(ring);
}

void pl__ring_init(struct pl__ring *ring) {
    uint32_t run = 0;
    RAND_bytes((unsigned char *)&run, sizeof run);
    memset(ring, 0, sizeof *ring);
    snprintf(ring->run, sizeof ring->run, "%08x", run);
    ring->next = ring->first = 1;
}

void pl__ring_fini(struct pl__ring *ring) {
    for (unsigned i = 0; i < PL__RING; i++)
        unref(ring->row[i]);
    for (unsigned i = 0; i < PL__RING_KEYS; i++)
        unref(ring->newest[i]);
}
