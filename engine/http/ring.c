#include "ring.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

static void unref(struct pl__row *row) {
    if (row && --row->refs == 0) pl_free(row);
}

/* What a row is about: its tag, or its asset. */
static void key_of(const uint8_t *bytes, size_t size, char key[PL__RING_KEY]) {
    static const char *const names[] = {"tag", "asset"};
    for (unsigned i = 0; i < PL_COUNT_OF(names); i++) {
        struct pl_unpack in;
        uint32_t pairs;
        const char *name, *text;
        size_t length, text_length;
        pl_unpack_init(&in, bytes, size);
        if (!pl_unpack_map(&in, &pairs)) return;
        for (; pairs && pl_unpack_str(&in, &name, &length); pairs--) {
            bool wanted = length == strlen(names[i]) && memcmp(name, names[i], length) == 0;
            if (wanted && pl_unpack_str(&in, &text, &text_length) && text_length) {
                snprintf(key, PL__RING_KEY, "%.*s", (int)text_length, text);
                return;
            }
            if (wanted || !pl_unpack_skip(&in)) break;
        }
    }
}

static struct pl__row *make_row(const uint8_t *bytes, size_t size) {
    char *json = pl_pack_json(bytes, size);
    struct pl__row *row = json ? pl_alloc(sizeof *row + strlen(json) + 1) : NULL;
    if (row) {
        row->size = strlen(json);
        memcpy(row->json, json, row->size);
        key_of(bytes, size, row->key);
    }
    pl_free(json);
    return row;
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
    ring->bytes -= (*place)->size;
    unref(*place);
    *place = NULL;
}

void pl__ring_add(struct pl__ring *ring, const void *bytes, size_t size) {
    struct pl__row *row = make_row(bytes, size);
    if (!row) return;
    row->number = ring->next++;
    struct pl__row **place = place_of(ring, row->key);
    if (*place || ring->keys < PL__RING_KEYS / 2) {
        ring->keys += !*place;
        unref(*place);
        *place = row;
        row->refs++;
    }
    if (row->number - ring->first == PL__RING) drop_oldest(ring);
    ring->row[row->number % PL__RING] = row;
    row->refs++;
    ring->bytes += row->size;
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
