/* any_batch.h: for tests: batches of every kind with varied content, repeatable by their seed. */
#ifndef POTLINE_ANY_BATCH_H
#define POTLINE_ANY_BATCH_H

#include <math.h>
#include <potline/batch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t any_next(uint64_t *seed) { /* splitmix64 */
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static inline uint32_t any_name(struct pl_tags *tags, uint64_t *seed) {
    static const char *const forms[] = {"", "line%u", "line1.pot%02u.voltage", "l\xc3\xa4nge \"%u\" \\ /",
                                        "\xe6\xb8\xa9%u.x"};
    char name[64];
    uint64_t choice = any_next(seed);
    snprintf(name, sizeof(name), forms[choice % 5], (unsigned)(choice >> 8 & 31));
    return pl_tags_intern(tags, name, strlen(name));
}

static inline double any_f64(uint64_t *seed) {
    uint64_t bits = any_next(seed);
    switch (bits % 8) {
    case 0: return NAN;
    case 1: return (double)(int)(bits >> 40);
    case 2: return -0.0;
    case 3: return 5e-324 * (double)(bits >> 60);
    case 4: return 1.7976931348623157e308;
    default: return (double)(bits >> 11) / 9007199254740992.0 * 8;
    }
}

static inline void any_fill(struct pl_batch *batch, unsigned column, enum pl_type type, uint32_t row,
                            struct pl_tags *tags, uint64_t *seed) {
    void *at = (char *)batch->column[column] + (size_t)row * pl_type_size(type);
    uint64_t bits = any_next(seed);
    double f64 = any_f64(seed);
    uint32_t id = type == PL_NAME ? any_name(tags, seed) : 0;
    /* a time from 1970 to 2200, so that it has a text */
    if (type == PL_I64) bits = bits % UINT64_C(7258118400000000000);
    if (type == PL_U16 && strcmp(pl_kind_info[batch->kind].column[column].name, "quality") == 0) {
        bits = (bits & 0x0FFF) | (bits >> 20) % 3 << 14;
    }
    memcpy(at, type == PL_F64 ? (void *)&f64 : type == PL_NAME ? (void *)&id : (void *)&bits, pl_type_size(type));
}

/* Row `row`'s heap elements and their end. */
static inline void any_heap(struct pl_batch *batch, uint32_t row, uint64_t *seed) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    uint32_t length = (uint32_t)(any_next(seed) % 7);
    if (batch->kind == PL_PROFILES) {
        for (uint32_t i = 0; i < length; i++) {
            double position = i * 0.5, value = any_f64(seed);
            pl_batch_heap(batch, 0, &position, 1);
            pl_batch_heap(batch, 1, &value, 1);
        }
    } else if (batch->kind == PL_SETPOINTS) {
        pl_batch_heap(batch, 0, "\xc3\xa4\"b\nc", length == 1 ? 2 : length);
    } else if (length) {
        /* {"value": <integer>, "name": "x"}, as many bytes whatever the number */
        unsigned char body[] = "\x82\xa5value\xcd\0\0\xa4name\xa1x";
        body[8] = (unsigned char)any_next(seed);
        pl_batch_heap(batch, 0, body, sizeof(body) - 1);
    }
    ((uint32_t *)batch->column[info->end])[row] = batch->heap_used[0];
}

static inline struct pl_batch *any_batch(struct pl_tags *tags, enum pl_kind kind, uint32_t rows, uint64_t seed) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    struct pl_batch *batch = pl_batch_new(kind, rows, 20 * rows);
    if (!batch) abort();
    batch->source = any_name(tags, &seed);
    batch->header->partition = (uint16_t)any_next(&seed);
    batch->header->first_sequence = any_next(&seed) >> 12;
    batch->header->receive_time = (pl_time)(any_next(&seed) % UINT64_C(7258118400000000000));
    batch->header->generation = (uint32_t)any_next(&seed);
    for (uint32_t row = 0; row < rows; row++) {
        for (unsigned i = 0; i < info->columns; i++)
            any_fill(batch, i, info->column[i].type, row, tags, &seed);
        if (info->heaps) any_heap(batch, row, &seed);
    }
    batch->rows = rows;
    batch->model = any_next(&seed) % 2 ? any_name(tags, &seed) : 0;
    return batch;
}

#endif
