#include "runtime/shadow_port.h"

#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* its state on the stack */
#include <xxhash.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#define NONE UINT32_MAX
enum { FEWEST = 1024 };

/* A batch of which rows wait. */
struct held {
    struct pl_batch *batch;
    uint32_t rows;
};

struct entry {
    uint64_t hash, epoch;
    pl_time time;
    struct held *held;
    uint32_t row;
    uint32_t next; /* in its chain, or among those that are free */
    bool live;
};

struct pl_shadow_port {
    struct pl_shadow_port_options options;
    struct pl_codec *codec;
    struct entry *entries;
    uint32_t *chains; /* a power of two of them, as many as there is room for entries */
    uint32_t room, free, count;
    struct pl_moment_counts counts;
    struct pl_shadow_example *examples;
    unsigned example_count;
};

/* ---- Room ---- */

static void chain_in(struct pl_shadow_port *port, uint32_t index) {
    uint32_t *chain = &port->chains[port->entries[index].hash & (port->room - 1)];
    port->entries[index].next = *chain;
    *chain = index;
}

static bool grow(struct pl_shadow_port *port) {
    uint32_t before = port->room, room = before ? 2 * before : FEWEST;
    struct entry *entries = pl_realloc(port->entries, room * sizeof *entries);
    if (entries) port->entries = entries;
    uint32_t *chains = entries ? pl_realloc(port->chains, room * sizeof *chains) : NULL;
    if (!chains) return false;
    port->chains = chains;
    port->room = room;
    memset(chains, 0xff, room * sizeof *chains); /* NONE */
    for (uint32_t i = 0; i < before; i++)        /* it grows when all are taken */
        chain_in(port, i);
    for (uint32_t i = room; i-- > before;) {
        entries[i].held = NULL;
        entries[i].next = port->free;
        port->free = i;
    }
    return true;
}

static void let_go(struct pl_shadow_port *port, struct held *held) {
    if (--held->rows) return;
    port->options.pool->bytes -= held->batch->message_size;
    pl_batch_unref(held->batch);
    pl_free(held);
}

static void drop(struct pl_shadow_port *port, uint32_t index) {
    struct entry *entry = &port->entries[index];
    let_go(port, entry->held);
    entry->held = NULL;
    entry->next = port->free;
    port->free = index;
    port->count--;
    port->options.pool->rows--;
}

static bool add(struct pl_shadow_port *port, const struct entry *entry) {
    struct pl_shadow_pool *pool = port->options.pool;
    if (pool->rows == pool->rows_max || pool->bytes > pool->bytes_max) return false;
    if (port->free == NONE && !grow(port)) return false;
    uint32_t index = port->free;
    port->free = port->entries[index].next;
    port->entries[index] = *entry;
    chain_in(port, index);
    entry->held->rows++;
    port->count++;
    pool->rows++;
    return true;
}

/* ---- Rows ---- */

static uint64_t hash_of(const struct pl_batch *batch, uint32_t row) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    for (unsigned i = 0; i < info->columns; i++) {
        size_t size = pl_type_size(info->column[i].type);
        if (info->heaps && i == info->end) continue;
        XXH3_64bits_update(&hash, (const char *)batch->column[i] + row * size, size);
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        uint32_t length;
        const void *bytes = pl_batch_heap_row(batch, i, row, &length);
        XXH3_64bits_update(&hash, bytes, length * pl_type_size(info->heap[i].type));
    }
    return XXH3_64bits_digest(&hash);
}

/* The same row of the other side is there: both go. */
static bool pairs_up(struct pl_shadow_port *port, const struct entry *entry) {
    if (!port->count) return false;
    uint32_t *at = &port->chains[entry->hash & (port->room - 1)];
    for (; *at != NONE; at = &port->entries[*at].next) {
        struct entry *other = &port->entries[*at];
        if (other->hash != entry->hash || other->live == entry->live) continue;
        uint32_t index = *at;
        *at = other->next;
        drop(port, index);
        port->counts.same++;
        return true;
    }
    return false;
}

bool pl_shadow_port_take(struct pl_shadow_port *port, bool live, uint64_t epoch, struct pl_batch *batch) {
    if (port->options.alone) {
        port->counts.added += batch->rows;
        return true;
    }
    struct held *held = PL_NEW(struct held);
    if (!held) return false;
    *held = (struct held){pl_batch_ref(batch), 1}; /* one that is ours, until all have been looked at */
    port->options.pool->bytes += batch->message_size;
    bool good = true;
    for (uint32_t row = 0; row < batch->rows && good; row++) {
        struct entry entry = {.hash = hash_of(batch, row),
                              .epoch = epoch,
                              .time = pl_batch_times(batch)[row],
                              .held = held,
                              .row = row,
                              .live = live};
        good = pairs_up(port, &entry) || add(port, &entry);
    }
    let_go(port, held);
    return good;
}

/* ---- What is left ---- */

static int by_time(const void *a, const void *b) {
    const struct entry *left = a, *right = b;
    if (left->time != right->time) return left->time < right->time ? -1 : 1;
    return (int)right->live - (int)left->live;
}

/* Of columns that are lists of one row each, as `{"tag": ["a"], "value": [4.2]}`, the row: without the lists. */
static void unlist(char *text) {
    char *to = text;
    unsigned depth = 0;
    bool quoted = false;
    for (const char *at = text; *at; at++) {
        bool opens = !quoted && (*at == '[' || *at == '{'), closes = !quoted && (*at == ']' || *at == '}');
        depth -= closes;
        if (!((opens || closes) && depth == 1)) *to++ = *at;
        depth += opens;
        if (quoted && *at == '\\' && at[1])
            *to++ = *++at;
        else if (*at == '"')
            quoted = !quoted;
    }
    *to = 0;
}

static char *columns_of(const char *json, size_t size) {
    static const char front[] = "\"columns\":";
    const char *at = memmem(json, size, front, sizeof front - 1);
    size_t before = at ? (size_t)(at - json) + sizeof front - 1 : 0;
    char *text = pl_alloc(size - before + 1);
    if (!text) return NULL;
    memcpy(text, json + before, size - before - (at != NULL)); /* without the end of what is around it */
    unlist(text);
    return text;
}

/* Its text, for as long as examples are wanted; owned. Else one that is only told from those of the other side. */
static char *text_of(struct pl_shadow_port *port, const struct entry *entry) {
    const void *bytes;
    size_t size;
    if (port->example_count == port->options.examples) return pl_strdup(entry->live ? "l" : "f");
    const struct pl_batch *from = entry->held->batch;
    struct pl_batch *one = pl_batch_like(from, 1, PL_BATCH_HEAP_MAX / 64);
    char *text = NULL;
    if (one && pl_batch_append(one, from, entry->row, 1) == 1 &&
        pl_codec_encode(port->codec, PL_JSON, one, &bytes, &size, NULL) == PL_OK) {
        text = columns_of(bytes, size);
    }
    pl_batch_unref(one);
    return text ? text : pl_strdup(entry->live ? "l" : "f");
}

static void note_example(void *arg, pl_time time, const char *live, const char *fresh) {
    struct pl_shadow_port *port = arg;
    if (port->example_count == port->options.examples) return;
    struct pl_shadow_example *example = &port->examples[port->example_count++];
    example->time = time;
    snprintf(example->live, sizeof example->live, "%s", live ? live : "");
    snprintf(example->fresh, sizeof example->fresh, "%s", fresh ? fresh : "");
}

static void make_rows(struct pl_shadow_port *port, const struct entry *entries, size_t count,
                      struct pl_moment_row *rows, bool *good) {
    for (size_t i = 0; i < count; i++) {
        rows[i].key = pl_batch_keys(entries[i].held->batch)[entries[i].row];
        rows[i].text = text_of(port, &entries[i]);
        *good &= rows[i].text != NULL;
    }
    if (*good) qsort(rows, count, sizeof *rows, pl_moment_order);
}

/* Entries of one time, those of the live side first. */
static bool compare(struct pl_shadow_port *port, const struct entry *entries, size_t count) {
    size_t lives = 0;
    while (lives < count && entries[lives].live)
        lives++;
    struct pl_moment_row *rows = pl_alloc((count + 1) * sizeof *rows);
    bool good = true;
    if (!rows) return false;
    make_rows(port, entries, lives, rows, &good);
    make_rows(port, entries + lives, count - lives, rows + lives, &good);
    struct pl_moment live = {entries->time, rows, lives}, fresh = {entries->time, rows + lives, count - lives};
    if (good) pl_moment_compare(&live, &fresh, &port->counts, note_example, port);
    for (size_t i = 0; i < count; i++)
        pl_free((char *)(uintptr_t)rows[i].text);
    pl_free(rows);
    return good;
}

static bool is_settled(const struct entry *entry, uint64_t epoch, pl_time watermark) {
    return entry->epoch <= epoch && (entry->time < watermark || watermark == PL_TIME_MAX);
}

static size_t gather(const struct pl_shadow_port *port, uint64_t epoch, pl_time watermark, struct entry *left) {
    size_t count = 0;
    for (uint32_t i = 0; i < port->room; i++)
        if (port->entries[i].held && is_settled(&port->entries[i], epoch, watermark)) left[count++] = port->entries[i];
    return count;
}

static void drop_until(struct pl_shadow_port *port, uint64_t epoch, pl_time watermark) {
    for (uint32_t chain = 0; chain < port->room; chain++)
        for (uint32_t *at = &port->chains[chain]; *at != NONE;) {
            uint32_t index = *at;
            if (!is_settled(&port->entries[index], epoch, watermark)) {
                at = &port->entries[index].next;
                continue;
            }
            *at = port->entries[index].next;
            drop(port, index);
        }
}

bool pl_shadow_port_settle(struct pl_shadow_port *port, uint64_t epoch, pl_time watermark) {
    if (!port->count) return true;
    struct entry *left = pl_alloc((port->count + 1) * sizeof *left);
    if (!left) return false;
    size_t count = gather(port, epoch, watermark, left);
    bool good = true;
    qsort(left, count, sizeof *left, by_time);
    for (size_t from = 0, to; from < count && good; from = to) {
        for (to = from + 1; to < count && left[to].time == left[from].time;)
            to++;
        good = compare(port, left + from, to - from);
    }
    pl_free(left);
    drop_until(port, epoch, watermark);
    return good;
}

uint32_t pl_shadow_port_waiting(const struct pl_shadow_port *port) {
    return port->count;
}

/* ---- Life ---- */

struct pl_shadow_port *pl_shadow_port_new(const struct pl_shadow_port_options *options) {
    struct pl_shadow_port *port = PL_NEW(struct pl_shadow_port);
    if (!port) return NULL;
    port->options = *options;
    port->free = NONE;
    port->codec = pl_codec_new(options->tags);
    port->examples = pl_alloc((options->examples + 1) * sizeof *port->examples);
    if (port->codec && port->examples) return port;
    pl_shadow_port_free(port);
    return NULL;
}

void pl_shadow_port_free(struct pl_shadow_port *port) {
    if (!port) return;
    if (port->count) drop_until(port, UINT64_MAX, PL_TIME_MAX);
    pl_free(port->entries);
    pl_free(port->chains);
    pl_free(port->examples);
    pl_codec_free(port->codec);
    pl_free(port);
}

const struct pl_moment_counts *pl_shadow_port_counts(const struct pl_shadow_port *port) {
    return &port->counts;
}

unsigned pl_shadow_port_examples(const struct pl_shadow_port *port) {
    return port->example_count;
}

const struct pl_shadow_example *pl_shadow_port_example(const struct pl_shadow_port *port, unsigned index) {
    return &port->examples[index];
}
