/* limits.h: which tags a node looks at, and between which bounds their values lie; looked up once for each tag.
 *
 * Bounds are finite, so one pair of comparisons also finds what is missing (NaN) or infinite.
 */
#ifndef POTLINE_CLEANSE_LIMITS_H
#define POTLINE_CLEANSE_LIMITS_H

#include <potline/option.h>
#include <potline/tag.h>

struct limit {
    double low;
    double high;
};

struct limits {
    struct pl_tags *tags;
    struct pl_strings include; /* none: all */
    struct pl_strings exclude;
    bool range; /* the declared range of tags holds */
    double low; /* instead of it; NaN: the declared one */
    double high;
    struct limit *limit; /* [tag] */
    uint8_t *chosen;     /* [tag] */
    uint32_t count;
    uint32_t room;
};

void limits_fini(struct limits *limits);

/* Looks up the tags that are new. False without memory. */
bool limits_prepare(struct limits *limits);

#endif
