#include "ahead.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/kept.h>
#include <potline/text.h>

#define PREFIX "ahead "
enum { KEY_MAX = 40 };

static void make_key(char key[KEY_MAX], uint64_t from) {
    snprintf(key, KEY_MAX, PREFIX "%020" PRIu64, from);
}

static bool read_key(const char *key, uint64_t *from) {
    int64_t value;
    size_t prefix = strlen(PREFIX);
    if (strncmp(key, PREFIX, prefix) != 0 || !pl_text_int(key + prefix, strlen(key + prefix), &value) || value < 0)
        return false;
    *from = (uint64_t)value;
    return true;
}

static struct pl__ahead_span *add(struct pl__ahead *ahead) {
    if (ahead->count == ahead->room) {
        unsigned room = ahead->room ? 2 * ahead->room : 16;
        struct pl__ahead_span *grown = pl_realloc(ahead->span, room * sizeof *grown);
        if (!grown) return NULL;
        ahead->span = grown;
        ahead->room = room;
    }
    struct pl__ahead_span *span = &ahead->span[ahead->count++];
    *span = (struct pl__ahead_span){0};
    return span;
}

/* ---- Of an earlier run ---- */

static enum pl_code load_one(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    struct pl__ahead *ahead = arg;
    uint64_t from;
    const void *bytes;
    size_t size;
    if (strncmp(key, PREFIX, strlen(PREFIX)) != 0) return PL_OK;
    if (!read_key(key, &from) || !pl_unpack_bin(value, &bytes, &size) || size % sizeof(uint64_t) ||
        size / sizeof(uint64_t) > PL__AHEAD_ROWS)
        return pl_error_set(error, PL_CORRUPT, "what was kept of rows ahead of their checkpoint is damaged");
    struct pl__ahead_span *span = add(ahead);
    uint64_t *digest = span ? pl_alloc(size + 1) : NULL;
    if (!digest) return pl_error_set(error, PL_NO_MEMORY, "no memory for what was kept");
    memcpy(digest, bytes, size);
    *span = (struct pl__ahead_span){.from = from, .digest = digest, .count = (uint32_t)(size / sizeof(uint64_t))};
    return PL_OK;
}

enum pl_code pl__ahead_load(struct pl__ahead *ahead, struct pl_node *node, struct pl_error **error) {
    return pl_kept_each(node, load_one, ahead, error);
}

void pl__ahead_fini(struct pl__ahead *ahead) {
    for (unsigned i = 0; i < ahead->count; i++)
        pl_free(ahead->span[i].digest);
    pl_free(ahead->span);
    *ahead = (struct pl__ahead){0};
}

/* Spans may overlap where a transaction failed, and its rows were written otherwise later: the real one begins last. */
static bool owe_row(const struct pl__ahead *ahead, uint64_t number, struct pl__digests *owed, bool *memory) {
    for (unsigned i = ahead->count; i-- > 0;) {
        const struct pl__ahead_span *span = &ahead->span[i];
        if (!span->digest || number < span->from || number - span->from >= span->count) continue;
        *memory = pl__digests_add(owed, span->digest[number - span->from]);
        return true;
    }
    return false;
}

enum pl_code pl__ahead_owe(struct pl__ahead *ahead, uint64_t from, uint64_t until, struct pl__digests *owed) {
    bool memory = true;
    for (uint64_t number = from; number < until && memory; number++)
        if (!owe_row(ahead, number, owed, &memory)) return PL_NOT_FOUND;
    return memory ? PL_OK : PL_NO_MEMORY;
}

/* ---- Of this one ---- */

static enum pl_code keep_span(struct pl_node *node, uint64_t from, const uint64_t *digest, uint32_t count,
                              struct pl_error **error) {
    char key[KEY_MAX];
    struct pl_pack *pack = pl_pack_new();
    if (!pack) return pl_error_set(error, PL_NO_MEMORY, "no memory for what is to be kept");
    make_key(key, from);
    pl_pack_bin(pack, digest, (size_t)count * sizeof *digest);
    enum pl_code code = pl_kept_put(node, key, pack, error);
    pl_pack_free(pack);
    return code;
}

typedef bool over_rule(const struct pl__ahead_span *span, uint64_t number);

static bool begins_behind(const struct pl__ahead_span *span, uint64_t number) {
    return span->from >= number;
}

static bool ends_in_front(const struct pl__ahead_span *span, uint64_t number) {
    return span->from + span->count <= number;
}

/* What cannot be dropped from the data folder stays here too, and is tried again. */
static void drop(struct pl__ahead *ahead, struct pl_node *node, over_rule *over, uint64_t number) {
    unsigned stay = 0;
    for (unsigned i = 0; i < ahead->count; i++) {
        struct pl__ahead_span *span = &ahead->span[i];
        char key[KEY_MAX];
        make_key(key, span->from);
        if (!over(span, number) || pl_kept_drop(node, key, NULL))
            ahead->span[stay++] = *span;
        else
            pl_free(span->digest);
    }
    ahead->count = stay;
}

/* What was kept for rows from `from` on is of a transaction that has failed. */
enum pl_code pl__ahead_keep(struct pl__ahead *ahead, struct pl_node *node, uint64_t from, const uint64_t *digest,
                            uint32_t count, struct pl_error **error) {
    drop(ahead, node, begins_behind, from);
    for (uint32_t at = 0; at < count; at += PL__AHEAD_ROWS) {
        uint32_t piece = count - at < PL__AHEAD_ROWS ? count - at : PL__AHEAD_ROWS;
        if (ahead->count >= PL__AHEAD_SPANS_MAX)
            return pl_error_set(error, PL_LIMIT, "too much was written ahead of a checkpoint");
        struct pl__ahead_span *span = add(ahead);
        if (!span) return pl_error_set(error, PL_NO_MEMORY, "no memory for what is kept");
        *span = (struct pl__ahead_span){.from = from + at, .count = piece};
        enum pl_code code = keep_span(node, from + at, digest + at, piece, error);
        if (code) return code;
    }
    return PL_OK;
}

void pl__ahead_forget(struct pl__ahead *ahead, struct pl_node *node, uint64_t number) {
    drop(ahead, node, ends_in_front, number);
}
