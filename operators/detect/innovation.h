/* innovation.h: does a twin, or another model, still follow what it is a twin of?
 *
 * What a filter expects is checked by its innovations, measured less predicted, divided by how far off they ought to be
 * (Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, 5.4). While the model
 * is right they are normal with deviation 1 and independent, so over the last N of them
 *
 *     size      the newest by itself                            normal
 *     bias      their mean times sqrt(N)                        normal
 *     spread    the sum of their squares                        chi-square with N degrees of freedom
 *     memory    their correlation with the one before, sqrt(N)  normal
 *
 * No twin is that right for long, so by default a test counts only as far as the tail of its own history says so, too.
 */
#ifndef POTLINE_DETECT_INNOVATION_H
#define POTLINE_DETECT_INNOVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "tail.h"

enum innovation_kind { INNOVATION_SIZE, INNOVATION_BIAS, INNOVATION_SPREAD, INNOVATION_MEMORY, INNOVATIONS };

struct innovation_test {
    uint32_t window; /* innovations */
    double memory;   /* of the tails */
    double threshold;
    uint64_t adapt; /* alarms in a row that teach nothing; then what they have is the usual */
    bool calibrate; /* by their own history, too */
};

/* Of one model; behind it the ring of its last innovations, and those of the tests' numbers that do not teach yet. */
struct innovation {
    uint64_t rows;
    uint64_t upset[INNOVATIONS]; /* alarms in a row */
    struct tail tail[INNOVATIONS];
    double ring[];
};

struct innovation_found {
    double surprise;
    enum innovation_kind kind;
    bool above; /* measured more than expected, scattered more, or hanging together */
    double seen;
};

size_t innovation_size(const struct innovation_test *test);

/* Takes the next one, which is finite. Until the window is full only `size` is judged. */
struct innovation_found innovation_step(const struct innovation_test *test, struct innovation *i, double value);

const char *innovation_name(enum innovation_kind kind);
const char *innovation_explanation(const struct innovation_found *found);
const char *innovation_cause(const struct innovation_found *found);

#endif
