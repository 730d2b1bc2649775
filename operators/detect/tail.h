/* tail.h: how rare a number is among those that came before it, when it is rarer than any of them.
 *
 * Peaks over a threshold: the largest numbers seen are kept in order, and what lies beyond the least of them is taken
 * to follow a generalised Pareto law, whose two parameters come from their mean and variance. The answer is a surprise:
 * 3 means that one number in a thousand is as large. It is the same scale for any signal, so one threshold serves all.
 *
 * Numbers that follow one another closely (means over windows) say less than their count: `length` is over how many
 * rows one of them reaches, and the fewer independent ones there are, the wider the law is made.
 *
 * No pointers: a tail lives in a table's record.
 */
#ifndef POTLINE_DETECT_TAIL_H
#define POTLINE_DETECT_TAIL_H

#include <stdint.h>

enum { TAIL_KEPT = 64, TAIL_LEAST = 30 };
#define TAIL_SURPRISE_MAX 12.0

struct tail {
    double count; /* numbers seen, halved now and then */
    double mean;
    uint32_t kept;
    uint32_t reserved;
    double largest[TAIL_KEPT]; /* in descending order */
};

/* 0 while fewer than TAIL_LEAST numbers have come. At most TAIL_SURPRISE_MAX: past it the law is no probability any
 * more. It still tells the larger from the smaller one; that is the size. */
double tail_size(const struct tail *tail, double number, double length);
double tail_surprise(const struct tail *tail, double number, double length);

/* Past `memory` numbers every second one is forgotten, so that the newer half of what is known counts as much as all
 * before it. */
void tail_add(struct tail *tail, double number, double memory);

/* Numbers over windows rise little by little, and one that is known at once makes the next no news. So a number waits
 * for `lag` others in `waiting`, whose places are NaN at first, before it teaches. `step` counts the calls. */
void tail_add_late(struct tail *tail, double *waiting, uint32_t lag, uint64_t step, double number, double memory);

/* They were an upset's: they teach nothing. */
void tail_drop_waiting(double *waiting, uint32_t lag);

#endif
