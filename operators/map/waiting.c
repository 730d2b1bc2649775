#include "waiting.h"

void waiting_fini(struct waiting *waiting) {
    pl_free(waiting->heap);
    *waiting = (struct waiting){0};
}

static bool before(const struct waiting_row *a, const struct waiting_row *b) {
    if (a->time != b->time) return a->time < b->time;
    return a->order < b->order;
}

static bool push(struct waiting *w, const struct waiting_row *row) {
    if (w->count == w->room) {
        size_t room = w->room ? w->room * 2 : 256;
        struct waiting_row *grown = pl_realloc(w->heap, room * sizeof *grown);
        if (!grown) return false;
        w->heap = grown;
        w->room = room;
    }
    size_t at = w->count++;
    for (; at && before(row, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = *row;
    return true;
}

bool waiting_pop(struct waiting *w, pl_time until, struct waiting_row *row) {
    if (!w->count || (w->heap[0].time >= until && until != PL_TIME_MAX)) return false;
    *row = w->heap[0];
    const struct waiting_row last = w->heap[--w->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < w->count; at = child) {
        if (child + 1 < w->count && before(&w->heap[child + 1], &w->heap[child])) child++;
        if (!before(&w->heap[child], &last)) break;
        w->heap[at] = w->heap[child];
    }
    w->heap[at] = last;
    return true;
}

bool waiting_restore(struct waiting *w, pl_time done) {
    w->count = 0;
    for (struct pl_record *r = pl_table_next(w->table, NULL); r; r = pl_table_next(w->table, r)) {
        const struct waiting_chunk *chunk = pl_record_data(r);
        for (uint32_t i = 0; i < chunk->rows && i < WAITING_CHUNK; i++) {
            if (chunk->time[i] < done) continue;
            struct waiting_row row = {.time = chunk->time[i],
                                      .order = r->sub * WAITING_CHUNK + i,
                                      .value = chunk->value[i],
                                      .tag = r->id,
                                      .quality = chunk->quality[i]};
            if (!push(w, &row)) return false;
        }
    }
    return true;
}

/* The newest chunk of the tag, with room for a row; NULL: too many. */
static struct waiting_chunk *chunk_for(struct waiting *w, uint32_t tag, int64_t *sub) {
    const struct pl_record *first = pl_table_first(w->table, tag);
    *sub = first ? first->sub : 0;
    if (first && ((const struct waiting_chunk *)(const void *)(first + 1))->rows == WAITING_CHUNK) {
        const struct pl_record *last = first;
        uint32_t chunks = 1;
        for (; last->next; last = last->next)
            chunks++;
        if (chunks >= w->limit) return NULL;
        ++*sub;
    }
    return pl_table_get(w->table, tag, *sub);
}

enum waiting_result waiting_add(struct waiting *w, const struct waiting_row *row) {
    int64_t sub;
    struct waiting_chunk *chunk = chunk_for(w, row->tag, &sub);
    if (!chunk) return WAITING_REFUSED;
    uint32_t i = chunk->rows;
    struct waiting_row placed = *row;
    placed.order = sub * WAITING_CHUNK + i;
    if (!push(w, &placed)) return WAITING_NO_MEMORY;
    chunk->time[i] = row->time;
    chunk->value[i] = row->value;
    chunk->quality[i] = row->quality;
    if (!i || row->time > chunk->newest) chunk->newest = row->time;
    chunk->rows = i + 1;
    return WAITING_OK;
}

void waiting_forget(struct waiting *w, uint32_t tag, pl_time until) {
    struct pl_record *next;
    for (struct pl_record *r = pl_table_first(w->table, tag); r; r = next) {
        const struct waiting_chunk *chunk = pl_record_data(r);
        next = r->next;
        if (chunk->newest < until || until == PL_TIME_MAX) pl_table_drop(w->table, tag, r->sub);
    }
}
