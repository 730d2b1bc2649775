/* moment.h: the rows that two sides have at one time, held against each other.
 *
 *     live    (time, key) a b c            same: those with the same text
 *     fresh   (time, key) a b d            changed: c, d    removed: only live    added: only fresh
 *
 * Rows of one time and key pair up by their text; what is left over is a changed row as far as both sides have one.
 */
#ifndef POTLINE_MOMENT_H
#define POTLINE_MOMENT_H

#include <potline/time.h>
#include <stddef.h>
#include <stdint.h>

struct pl_moment_row {
    uint32_t key;     /* the id of its tag or asset */
    const char *text; /* all of the row; equal for equal rows */
};

/* All rows of one time, by key and text (pl_moment_order). */
struct pl_moment {
    pl_time time;
    const struct pl_moment_row *rows;
    size_t count;
};

struct pl_moment_counts {
    uint64_t same;
    uint64_t changed; /* of the same time and key, with other values */
    uint64_t removed; /* only among the live ones */
    uint64_t added;   /* only among the new ones */
};

int pl_moment_order(const void *a, const void *b); /* of rows, for qsort */

/* A difference; NULL in place of what is missing. It has been counted. */
typedef void pl_moment_difference(void *arg, pl_time time, const char *live, const char *fresh);

/* Adds to the counts. Of two moments that are of one time, or of which one is empty. */
void pl_moment_compare(const struct pl_moment *live, const struct pl_moment *fresh, struct pl_moment_counts *counts,
                       pl_moment_difference *difference, void *arg);

#endif
