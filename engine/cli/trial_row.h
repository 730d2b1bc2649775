/* trial_row.h: rows that came out, one at a time: their values as numbers and as text, and against expected ones. */
#ifndef POTLINE_CLI_TRIAL_ROW_H
#define POTLINE_CLI_TRIAL_ROW_H

#include "trial_feed.h"

struct pl__trial_view { /* how times are shown */
    const struct pl_tags *tags;
    pl_time start;
    bool offsets; /* as durations since the start */
};

struct pl__found {
    const struct pl_batch *batch;
    uint32_t row;
};

struct pl__expected {
    const struct pl_trial_row *row;
    struct pl__trial_formulas *formulas; /* of that row; borrowed */
    uint32_t index;
};

pl_time pl__found_time(const struct pl__found *found);
const char *pl__found_key(const struct pl__trial_view *view, const struct pl__found *found);
bool pl__expected_time(const struct pl__expected *expected, pl_time *time); /* false: it says none */
const char *pl__expected_key(const struct pl__expected *expected);          /* NULL: it says none */

/* What an expression (its scope) needs of a row. */
void pl__found_values(const struct pl__trial_view *view, const struct pl__found *found, uint32_t index,
                      const struct pl_trial_scope *scope, double *values);

bool pl__row_matches(const struct pl__trial_view *view, const struct pl_trial_expectation *how,
                     const struct pl__expected *expected, const struct pl__found *found);

/* Texts; the caller frees them (free); NULL without memory. Of two rows only what differs, else all of it but time and
 * tag. */
void pl__rows_differ(const struct pl__trial_view *view, const struct pl_trial_expectation *how,
                     const struct pl__expected *expected, const struct pl__found *found, char **left, char **right);
char *pl__found_text(const struct pl__trial_view *view, const struct pl__found *found);
char *pl__expected_text(const struct pl__trial_view *view, const struct pl__expected *expected);

enum { PL__TIME_TEXT = 64 };
const char *pl__time_text(const struct pl__trial_view *view, pl_time time, char text[PL__TIME_TEXT]);

#endif
