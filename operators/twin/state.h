/* state.h: the state of a model as a row of numbers, written and read in the same order.
 *
 *     state_carry(s, &cell->fed);              saves or loads, as `s` was begun
 *     state_carry_flag(s, &cell->effect);
 *
 * A reader that has come to an end, or to what is no number, gives 0 and is `bad` from then on.
 *
 * Fields go from grid to grid by what is conserved, amounts by cell: laid out in each old cell as a straight line
 * that its neighbours suggest, and gathered by the new ones.
 */
#ifndef TWIN_STATE_H
#define TWIN_STATE_H

#include <potline/model.h>

struct state {
    double *to;         /* saving; NULL: only counting */
    const double *from; /* loading */
    size_t at, count;   /* count: of what is there to load */
    bool bad;
};

static inline bool state_loads(const struct state *s) {
    return s->from != NULL;
}

void state_put(struct state *s, double value);
double state_get(struct state *s);
void state_carry(struct state *s, double *value);
void state_carry_all(struct state *s, double *values, size_t count);
void state_carry_flag(struct state *s, bool *flag);
void state_carry_whole(struct state *s, int *value, int low, int high);

/* All parameters' values; loading takes those of inputs alone. */
void state_carry_inputs(struct state *s, const struct pl_model_parameter *rows, double *values);

/* PL_CORRUPT unless all of it has been read, and no more than it. */
enum pl_code state_check(const struct state *s, const char *model, struct pl_error **error);

/* Amounts in cells, by the cells' sizes, from one row of cells to another over the same length. */
void state_spread(const double *size, const double *amount, int count, const double *new_size, double *new_amount,
                  int new_count);

#endif
