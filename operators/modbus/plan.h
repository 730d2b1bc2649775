/* plan.h: from a register map to the fewest requests that read it.
 *
 *     rows      [a][b b]   [c]      [d d][e]
 *     requests  |-------------|     |------|        with a gap of 3 between b and c bridged
 *
 * Rows of one unit and table that touch, overlap, or lie no more than `gap` apart share a request, up to the limit of
 * registers or bits. A row is never split, so a value of several registers is read in one piece. Every register is read
 * exactly once, except where overlapping rows form a chain longer than one request may be.
 */
#ifndef MODBUS_PLAN_H
#define MODBUS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum pl__modbus_table { PL__HOLDING, PL__INPUT, PL__COIL, PL__DISCRETE };

struct pl__plan_row {
    uint8_t unit;
    uint8_t table;  /* enum pl__modbus_table */
    uint8_t length; /* registers or bits, >= 1; address + length <= 65536 */
    uint16_t address;
};

struct pl__plan_limits {
    unsigned registers; /* in one request; at least the longest row */
    unsigned bits;
    unsigned gap; /* unused registers or bits that may be read along */
};

struct pl__plan_request {
    uint8_t unit;
    uint8_t table;
    uint16_t address;
    uint16_t count;
    uint32_t first; /* its rows are order[first .. first + rows) */
    uint32_t rows;
};

struct pl__plan {
    uint32_t *order; /* indexes of rows, sorted by unit, table, address */
    uint32_t row_count;
    struct pl__plan_request *requests;
    uint32_t request_count;
};

/* Makes the plan for `count` rows; false without memory. pl__plan_fini in either case. */
bool pl__plan_init(struct pl__plan *plan, const struct pl__plan_row *rows, uint32_t count,
                   const struct pl__plan_limits *limits);
void pl__plan_fini(struct pl__plan *plan);

#endif
