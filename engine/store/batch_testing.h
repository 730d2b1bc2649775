/* batch_testing.h: batches for tests: of any kind, from a seed; and are two the same. */
#ifndef POTLINE_BATCH_TESTING_H
#define POTLINE_BATCH_TESTING_H

#include <math.h>
#include <potline/batch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above */
#include <cmocka.h>

static uint64_t random_state = 1;

static inline uint64_t random_number(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 33 ^ random_state << 31;
}

static inline uint32_t random_name(struct pl_tags *tags) {
    static const char *const quantity[] = {"voltage", "current", "Temp\xc3\xa9rature", ""};
    char name[64];
    unsigned number = (unsigned)(random_number() % 40);
    if (number == 0) return 0;
    int length = snprintf(name, sizeof name, "line%u.pot%02u.%s", number % 3 + 1, number, quantity[number % 4]);
    return pl_tags_intern(tags, name, (size_t)length);
}

static inline double random_value(void) {
    uint64_t bits = random_number() << 20 ^ random_number();
    double value;
    switch (random_number() % 8) {
    case 0: return NAN;
    case 1: return -0.0;
    case 2: return INFINITY;
    case 3: memcpy(&value, &bits, sizeof value); return value;
    default: return (double)(random_number() % 100000) / 1000;
    }
}

static inline void random_cell(struct pl_tags *tags, const struct pl_column_info *info, void *column, uint32_t row,
                               pl_time time) {
    switch (info->type) {
    case PL_I64: ((pl_time *)column)[row] = time + (pl_time)(random_number() % PL_SECOND); break;
    case PL_U64: ((uint64_t *)column)[row] = random_number() << 31 ^ random_number(); break;
    case PL_F64: ((double *)column)[row] = random_value(); break;
    case PL_U32: ((uint32_t *)column)[row] = (uint32_t)random_number(); break;
    case PL_U16: ((uint16_t *)column)[row] = (uint16_t)(random_number() % 4 ? 0 : random_number()); break;
    case PL_BYTE: ((uint8_t *)column)[row] = (uint8_t)random_number(); break;
    case PL_NAME: ((uint32_t *)column)[row] = random_name(tags); break;
    }
}

/* One map {"k": i} as a body, or some elements. */
static inline void random_heap(struct pl_batch *batch, uint32_t row) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    if (!info->heaps) return;
    uint8_t body[4] = {0x81, 0xa1, 'k', (uint8_t)(row % 100)};
    double field[3] = {row, -1.5, NAN};
    uint32_t length = info->heap[0].type == PL_F64 ? row % 4 : batch->kind == PL_EVENTS ? 4 : 0;
    for (unsigned h = 0; h < info->heaps; h++)
        assert_non_null(pl_batch_heap(batch, h, info->heap[h].type == PL_F64 ? (void *)field : body, length));
    ((uint32_t *)batch->column[info->end])[row] = batch->heap_used[0];
}

/* 1 to `most` rows of `kind`, the same for the same seed. */
static inline struct pl_batch *random_batch(struct pl_tags *tags, enum pl_kind kind, uint64_t seed, uint32_t most) {
    random_state = seed * 2654435761u + 1;
    uint32_t rows = (uint32_t)(random_number() % most) + 1;
    const struct pl_kind_info *info = &pl_kind_info[kind];
    struct pl_batch *batch = pl_batch_new(kind, rows, 4 * rows);
    assert_non_null(batch);
    for (uint32_t row = 0; row < rows; row++) {
        for (unsigned c = 0; c < info->columns; c++)
            random_cell(tags, &info->column[c], batch->column[c], row, (pl_time)(seed * 1000 + row) * PL_SECOND);
        random_heap(batch, row);
    }
    batch->rows = batch->header->rows = rows;
    batch->source = random_name(tags);
    batch->model = seed % 3 ? 0 : pl_tags_intern(tags, "mpc 2.1", 7);
    batch->header->receive_time = (pl_time)seed * PL_SECOND;
    batch->header->generation = (uint32_t)seed % 3;
    return batch;
}

static inline void assert_same_names(const uint32_t *a, const struct pl_tags *a_tags, const uint32_t *b,
                                     const struct pl_tags *b_tags, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++)
        assert_string_equal(pl_tags_get(a_tags, a[i])->name, pl_tags_get(b_tags, b[i])->name);
}

/* Kind, source, model, header (less partition and sequence) and every row, bit by bit; names by their text. */
static inline void assert_same_batch(const struct pl_batch *a, const struct pl_tags *a_tags, const struct pl_batch *b,
                                     const struct pl_tags *b_tags) {
    const struct pl_kind_info *info = &pl_kind_info[a->kind];
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(b->header->rows, b->rows);
    assert_int_equal(a->header->receive_time, b->header->receive_time);
    assert_int_equal(a->header->generation, b->header->generation);
    assert_same_names(&a->source, a_tags, &b->source, b_tags, 1);
    assert_same_names(&a->model, a_tags, &b->model, b_tags, 1);
    for (unsigned c = 0; c < info->columns; c++) {
        if (info->column[c].type == PL_NAME)
            assert_same_names(a->column[c], a_tags, b->column[c], b_tags, a->rows);
        else
            assert_memory_equal(a->column[c], b->column[c], (size_t)a->rows * pl_type_size(info->column[c].type));
    }
    for (unsigned h = 0; h < info->heaps; h++) {
        assert_int_equal(a->heap_used[h], b->heap_used[h]);
        assert_memory_equal(a->heap[h], b->heap[h], (size_t)a->heap_used[h] * pl_type_size(info->heap[h].type));
    }
}

#endif
