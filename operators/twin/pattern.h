/* pattern.h: which unknowns an equation depends on, and colours of columns that share no row.
 *
 *     struct pattern *pattern = pattern_new(n);
 *     pattern_add(pattern, row, column);              the diagonal is always there
 *     if (!pattern_finish(pattern)) ...               compressed columns, coloured
 *
 * Columns of one colour are perturbed together, so a Jacobian costs as many evaluations as there are colours. One row
 * may close the others: it depends on all of them and has no part in the colours, since its entries are what keeps the
 * sum that the equations keep (struct solver_problem, `weights`).
 */
#ifndef TWIN_PATTERN_H
#define TWIN_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

enum { PATTERN_MAX = 8192 }; /* unknowns */

struct pattern {
    long size;
    long entries;
    long closing;   /* the row that closes the others; below 0: none */
    int64_t *start; /* size + 1: where a column begins in `row` */
    int64_t *row;
    int *colour; /* of a column */
    int colours;
    uint8_t *marks; /* while it is made */
};

struct pattern *pattern_new(long size); /* NULL: too large, or no memory */
void pattern_free(struct pattern *pattern);

void pattern_add(struct pattern *pattern, long row, long column); /* outside of the square: nothing */
void pattern_add_block(struct pattern *pattern, long row, long rows, long column, long columns);
void pattern_close(struct pattern *pattern, long row); /* before pattern_finish */
bool pattern_finish(struct pattern *pattern);

#endif
