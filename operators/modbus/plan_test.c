/* Random register maps: whatever the map, the plan keeps its promises. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing/cmocka_first.h"

enum { ROWS_MAX = 400, SPACE = 1200, UNITS = 3, TABLES = 4 };

static unsigned limit_of(const struct pl__plan_limits *limits, uint8_t table) {
    return table >= PL__COIL ? limits->bits : limits->registers;
}

/* Each row in exactly one request, and inside it. */
static void check_rows(const struct pl__plan *plan, const struct pl__plan_row *rows, uint32_t count) {
    bool seen[ROWS_MAX] = {false};
    uint32_t at = 0;
    for (uint32_t r = 0; r < plan->request_count; r++) {
        const struct pl__plan_request *request = &plan->requests[r];
        assert_int_equal(request->first, at);
        assert_true(request->rows > 0);
        for (uint32_t i = at; i < at + request->rows; i++) {
            const struct pl__plan_row *row = &rows[plan->order[i]];
            assert_false(seen[plan->order[i]]);
            seen[plan->order[i]] = true;
            assert_int_equal(row->unit, request->unit);
            assert_int_equal(row->table, request->table);
            assert_true(row->address >= request->address);
            assert_true(row->address + row->length <= request->address + request->count);
        }
        at += request->rows;
    }
    assert_int_equal(at, count);
}

/* How often each register is read, against which are wanted. */
static void check_registers(const struct pl__plan *plan, const struct pl__plan_row *rows, uint32_t count,
                            const struct pl__plan_limits *limits, bool chains_fit) {
    static uint8_t wanted[UNITS][TABLES][SPACE + 8], read[UNITS][TABLES][SPACE + 8];
    memset(wanted, 0, sizeof wanted);
    memset(read, 0, sizeof read);
    for (uint32_t i = 0; i < count; i++)
        memset(&wanted[rows[i].unit][rows[i].table][rows[i].address], 1, rows[i].length);
    for (uint32_t r = 0; r < plan->request_count; r++) {
        const struct pl__plan_request *request = &plan->requests[r];
        assert_true(request->count >= 1 && request->count <= limit_of(limits, request->table));
        unsigned unwanted = 0;
        for (unsigned a = request->address; a < (unsigned)request->address + request->count; a++) {
            read[request->unit][request->table][a]++;
            unwanted = wanted[request->unit][request->table][a] ? 0 : unwanted + 1;
            assert_true(unwanted <= limits->gap);
        }
        assert_int_equal(unwanted, 0); /* nothing is read behind the last row */
    }
    for (unsigned u = 0; u < UNITS; u++)
        for (unsigned t = 0; t < TABLES; t++)
            for (unsigned a = 0; a < SPACE; a++) {
                if (wanted[u][t][a]) assert_true(read[u][t][a] >= 1);
                if (chains_fit) assert_true(read[u][t][a] <= 1);
            }
}

/* The fewest requests there can be, where no rows overlap: first fit from the left, by brute force over registers. */
static uint32_t fewest(const struct pl__plan *plan, const struct pl__plan_row *rows,
                       const struct pl__plan_limits *limits) {
    uint32_t requests = 0;
    for (uint32_t from = 0; from < plan->row_count; requests++) {
        const struct pl__plan_row *first = &rows[plan->order[from]], *last = first;
        uint32_t at = from + 1;
        for (; at < plan->row_count; at++) {
            const struct pl__plan_row *row = &rows[plan->order[at]];
            if (row->unit != first->unit || row->table != first->table) break;
            if (row->address > last->address + last->length + limits->gap) break;
            if (row->address + row->length - first->address > (int)limit_of(limits, row->table)) break;
            last = row;
        }
        from = at;
    }
    return requests;
}

static struct pl__plan_row random_row(unsigned spread) {
    static const uint8_t lengths[] = {1, 1, 1, 2, 2, 4};
    uint8_t table = (uint8_t)(rand() % TABLES);
    return (struct pl__plan_row){
        .unit = (uint8_t)(rand() % UNITS),
        .table = table,
        .length = table >= PL__COIL ? 1 : lengths[rand() % 6],
        .address = (uint16_t)((unsigned)rand() % spread),
    };
}

static void test_random_maps(void **state) {
    (void)state;
    static struct pl__plan_row rows[ROWS_MAX];
    srand(7);
    for (int round = 0; round < 3000; round++) {
        uint32_t count = 1 + (uint32_t)rand() % ROWS_MAX;
        unsigned spread = 20 + (unsigned)rand() % (SPACE - 20);
        struct pl__plan_limits limits = {4 + (unsigned)rand() % 122, 1 + (unsigned)rand() % 2000,
                                         rand() % 2 ? 0 : (unsigned)rand() % 30};
        for (uint32_t i = 0; i < count; i++)
            rows[i] = random_row(spread);
        struct pl__plan plan;
        assert_true(pl__plan_init(&plan, rows, count, &limits));
        check_rows(&plan, rows, count);
        /* The longest chain of overlapping rows is at most the used space; where the limit covers that, none is cut. */
        bool chains_fit = limits.registers >= spread + 4;
        check_registers(&plan, rows, count, &limits, chains_fit);
        pl__plan_fini(&plan);
    }
}

/* Rows side by side, no two overlapping: exactly once each, in the fewest requests. */
static void test_maps_without_overlap(void **state) {
    (void)state;
    static struct pl__plan_row rows[ROWS_MAX];
    srand(8);
    for (int round = 0; round < 3000; round++) {
        uint32_t count = 0;
        struct pl__plan_limits limits = {4 + (unsigned)rand() % 122, 1 + (unsigned)rand() % 50,
                                         rand() % 2 ? 0 : (unsigned)rand() % 10};
        for (uint8_t unit = 0; unit < UNITS; unit++)
            for (uint8_t table = 0; table < TABLES; table++)
                for (unsigned a = 0; a < 100 && count < ROWS_MAX;) {
                    struct pl__plan_row row = random_row(SPACE);
                    row.unit = unit;
                    row.length = table >= PL__COIL ? 1 : row.length;
                    row.table = table;
                    row.address = (uint16_t)(a + (rand() % 3 ? 0 : (unsigned)rand() % 12));
                    a = (unsigned)row.address + row.length;
                    rows[count++] = row;
                }
        for (uint32_t i = count; i-- > 1;) { /* the plan must not depend on the order of the map */
            uint32_t j = (uint32_t)rand() % (i + 1);
            struct pl__plan_row row = rows[i];
            rows[i] = rows[j];
            rows[j] = row;
        }
        struct pl__plan plan;
        assert_true(pl__plan_init(&plan, rows, count, &limits));
        check_rows(&plan, rows, count);
        check_registers(&plan, rows, count, &limits, true);
        assert_int_equal(plan.request_count, fewest(&plan, rows, &limits));
        pl__plan_fini(&plan);
    }
}

static void check_plan(const struct pl__plan_row *rows, uint32_t count, struct pl__plan_limits limits,
                       const char *expected) {
    struct pl__plan plan;
    char text[256] = "";
    assert_true(pl__plan_init(&plan, rows, count, &limits));
    for (uint32_t r = 0; r < plan.request_count; r++)
        sprintf(text + strlen(text), "%u/%u:%u+%u ", plan.requests[r].unit, plan.requests[r].table,
                plan.requests[r].address, plan.requests[r].count);
    pl__plan_fini(&plan);
    assert_string_equal(text, expected);
}

static void test_maps_by_hand(void **state) {
    (void)state;
    const struct pl__plan_row touching[] = {{1, 0, 2, 10}, {1, 0, 1, 12}, {1, 0, 4, 13}};
    check_plan(touching, 3, (struct pl__plan_limits){125, 2000, 0}, "1/0:10+7 ");
    check_plan(touching, 3, (struct pl__plan_limits){4, 2000, 0}, "1/0:10+3 1/0:13+4 ");
    const struct pl__plan_row apart[] = {{1, 0, 1, 0}, {1, 0, 1, 3}};
    check_plan(apart, 2, (struct pl__plan_limits){125, 2000, 1}, "1/0:0+1 1/0:3+1 ");
    check_plan(apart, 2, (struct pl__plan_limits){125, 2000, 2}, "1/0:0+4 ");
    const struct pl__plan_row others[] = {{2, 0, 1, 1}, {1, 1, 1, 1}, {1, 0, 1, 0}};
    check_plan(others, 3, (struct pl__plan_limits){125, 2000, 99}, "1/0:0+1 1/1:1+1 2/0:1+1 ");
    /* An overlap at the limit goes over as a whole, so that 124 is not read twice. */
    const struct pl__plan_row edge[] = {{1, 0, 1, 0}, {1, 0, 1, 124}, {1, 0, 2, 124}};
    check_plan(edge, 3, (struct pl__plan_limits){125, 2000, 124}, "1/0:0+1 1/0:124+2 ");
    const struct pl__plan_row last[] = {{1, 0, 4, 65532}, {1, 2, 1, 65535}};
    check_plan(last, 2, (struct pl__plan_limits){125, 2000, 0}, "1/0:65532+4 1/2:65535+1 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_maps),
        cmocka_unit_test(test_maps_without_overlap),
        cmocka_unit_test(test_maps_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
