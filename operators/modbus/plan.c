#include "plan.h"

#include <potline/alloc.h>
#include <stdlib.h>

static uint64_t sort_key(const struct pl__plan_row *row) {
    return (uint64_t)row->unit << 24 | (uint64_t)row->table << 16 | row->address;
}

static int by_place(const void *a, const void *b, void *context) {
    const struct pl__plan_row *rows = context;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    uint64_t x = sort_key(&rows[i]), y = sort_key(&rows[j]);
    if (x != y) return x < y ? -1 : 1;
    return i < j ? -1 : i > j;
}

static unsigned row_end(const struct pl__plan_row *row) {
    return (unsigned)row->address + row->length;
}

static bool same_table(const struct pl__plan_row *a, const struct pl__plan_row *b) {
    return a->unit == b->unit && a->table == b->table;
}

static unsigned table_limit(const struct pl__plan_limits *limits, uint8_t table) {
    return table == PL__COIL || table == PL__DISCRETE ? limits->bits : limits->registers;
}

/* How many rows from order[from] on overlap each other in a chain, and where the chain ends. A chain longer than a
 * request may be counts as its first row alone. */
static uint32_t chain(const struct pl__plan *plan, const struct pl__plan_row *rows, uint32_t from, unsigned limit,
                      unsigned *end) {
    const struct pl__plan_row *first = &rows[plan->order[from]];
    uint32_t at = from + 1;
    *end = row_end(first);
    for (; at < plan->row_count; at++) {
        const struct pl__plan_row *row = &rows[plan->order[at]];
        if (!same_table(row, first) || row->address >= *end) break;
        if (row_end(row) > *end) *end = row_end(row);
    }
    if (*end - first->address <= limit) return at - from;
    *end = row_end(first);
    return 1;
}

static bool fits(const struct pl__plan_request *request, const struct pl__plan_row *first, unsigned end, unsigned limit,
                 unsigned gap) {
    return request->unit == first->unit && request->table == first->table &&
           first->address <= (unsigned)request->address + request->count + gap && end - request->address <= limit;
}

static void place(struct pl__plan *plan, const struct pl__plan_row *rows, const struct pl__plan_limits *limits) {
    struct pl__plan_request *request = NULL;
    for (uint32_t at = 0, taken; at < plan->row_count; at += taken) {
        const struct pl__plan_row *first = &rows[plan->order[at]];
        unsigned limit = table_limit(limits, first->table), end;
        taken = chain(plan, rows, at, limit, &end);
        if (!request || !fits(request, first, end, limit, limits->gap)) {
            request = &plan->requests[plan->request_count++];
            *request = (struct pl__plan_request){
                .unit = first->unit, .table = first->table, .address = first->address, .first = at};
        }
        unsigned count = end - request->address;
        if (count > request->count) request->count = (uint16_t)count;
        request->rows += taken;
    }
}

bool pl__plan_init(struct pl__plan *plan, const struct pl__plan_row *rows, uint32_t count,
                   const struct pl__plan_limits *limits) {
    *plan = (struct pl__plan){.row_count = count};
    plan->order = pl_alloc(count * sizeof *plan->order);
    plan->requests = pl_alloc(count * sizeof *plan->requests);
    if (!plan->order || !plan->requests) return false;
    for (uint32_t i = 0; i < count; i++)
        plan->order[i] = i;
    qsort_r(plan->order, count, sizeof *plan->order, by_place, (void *)(uintptr_t)rows);
    place(plan, rows, limits);
    return true;
}

void pl__plan_fini(struct pl__plan *plan) {
    pl_free(plan->order);
    pl_free(plan->requests);
    *plan = (struct pl__plan){0};
}
