#include "pattern.h"

#include <potline/alloc.h>
#include <string.h>

static uint8_t *mark(const struct pattern *p, long row, long column) {
    return &p->marks[(size_t)column * (size_t)p->size + (size_t)row];
}

struct pattern *pattern_new(long size) {
    if (size < 1 || size > PATTERN_MAX) return NULL;
    struct pattern *p = pl_alloc(sizeof *p);
    if (!p) return NULL;
    p->size = size;
    p->closing = -1;
    p->marks = pl_alloc((size_t)size * (size_t)size);
    p->start = pl_alloc(((size_t)size + 1) * sizeof *p->start);
    p->colour = pl_alloc((size_t)size * sizeof *p->colour);
    if (!p->marks || !p->start || !p->colour) {
        pattern_free(p);
        return NULL;
    }
    for (long i = 0; i < size; i++)
        *mark(p, i, i) = 1;
    return p;
}

void pattern_free(struct pattern *p) {
    if (!p) return;
    pl_free(p->marks);
    pl_free(p->start);
    pl_free(p->row);
    pl_free(p->colour);
    pl_free(p);
}

void pattern_add(struct pattern *p, long row, long column) {
    if (row >= 0 && column >= 0 && row < p->size && column < p->size) *mark(p, row, column) = 1;
}

void pattern_add_block(struct pattern *p, long row, long rows, long column, long columns) {
    for (long c = column; c < column + columns; c++)
        for (long r = row; r < row + rows; r++)
            pattern_add(p, r, c);
}

void pattern_close(struct pattern *p, long row) {
    p->closing = row;
    pattern_add_block(p, row, 1, 0, p->size);
}

static bool compress(struct pattern *p) {
    for (long c = 0; c < p->size; c++)
        for (long r = 0; r < p->size; r++)
            p->entries += *mark(p, r, c);
    p->row = pl_alloc((size_t)p->entries * sizeof *p->row);
    if (!p->row) return false;
    int64_t at = 0;
    for (long c = 0; c < p->size; c++) {
        p->start[c] = at;
        for (long r = 0; r < p->size; r++)
            if (*mark(p, r, c)) p->row[at++] = r;
    }
    p->start[p->size] = at;
    return true;
}

/* The first colour whose columns touch none of this column's rows; `used` says by colour and row what is taken. */
static int free_colour(const struct pattern *p, long column, const uint8_t *used) {
    for (int colour = 0;; colour++) {
        bool taken = false;
        for (int64_t k = p->start[column]; k < p->start[column + 1] && !taken; k++)
            taken = p->row[k] != p->closing && used[(size_t)colour * (size_t)p->size + (size_t)p->row[k]];
        if (!taken) return colour;
    }
}

bool pattern_finish(struct pattern *p) {
    uint8_t *used = compress(p) ? p->marks : NULL;
    if (!used) return false;
    memset(used, 0, (size_t)p->size * (size_t)p->size);
    for (long c = 0; c < p->size; c++) {
        int colour = free_colour(p, c, used);
        p->colour[c] = colour;
        if (colour >= p->colours) p->colours = colour + 1;
        for (int64_t k = p->start[c]; k < p->start[c + 1]; k++)
            used[(size_t)colour * (size_t)p->size + (size_t)p->row[k]] = 1;
    }
    pl_free(p->marks);
    p->marks = NULL;
    return true;
}
