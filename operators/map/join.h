/* join.h: the newest value of one signal at the times of another.
 *
 *     left     18:30 -------- 18:31 -------- 18:32 ------>     line1.pot07.voltage
 *     right             * 18:30:40, 11.2                       line1.pot07.alf3, a few a day
 *     made     none           11.2           11.2
 *
 * Rows of both inputs wait until the watermark has passed them. Then, in order of event time, rows of the right change
 * what is held of their tags, and each time of a left tag gives a row for each pair that the tag is part of: a tag of
 * the right, and the tag that is made of the two (join_pairs.c). Tags are all that memory grows with.
 */
#ifndef POTLINE_MAP_JOIN_H
#define POTLINE_MAP_JOIN_H

#include <potline/potline.h>

#include "names.h"
#include "waiting.h"

enum { JOIN_TAKE_MAX = 64, JOIN_SAID = 200 };

/* What is taken from the right: signals of one owner: the asset of the left row, its line, or a named one. */
struct take {
    enum name_of of;
    bool pattern;                /* of signals; else one */
    char owner[PL_NAME_MAX + 1]; /* of NAME_OF_PLANT */
    const char *signal;          /* borrowed from the options */
};

struct pair {
    uint32_t right;
    uint32_t made; /* PL_NO_ID: there is no room for its name */
    bool pattern;
};

/* What a tag is to a join. */
struct role {
    bool asked_right, right; /* a row of it on the right is wanted */
    bool asked_left, left;
    bool marked;       /* has a row at the time at hand */
    uint32_t rights;   /* of an owner: how many of its tags have had a row on the right, */
    uint32_t first;    /* the newest of them, + 1 */
    uint32_t next;     /* the one before, + 1 */
    uint64_t round;    /* the time at which it was made last, as join.round counts */
    uint64_t known;    /* of a left tag: the `rights` of its owners that its pairs were made of, + 1; 0: not made */
    uint64_t looked;   /* join.rights when it was looked at last, + 1 */
    struct pair *pair; /* in order of `take`; of a pattern, by name */
    uint32_t pairs;
};

struct join {
    const char *each;
    struct pl_strings take;
    const char *tag;
    pl_time tolerance;
    bool missing;
    uint32_t column;
    uint32_t quality;
    int64_t max_waiting;

    struct pl_node *node;
    struct take *takes;
    char assets[PL_NAME_MAX + 1]; /* of `tag`, what stands in front of */
    const char *signal;           /* the signal that is made */
    bool found;
    pl_time closed;
    struct waiting left, right;
    struct role *roles;
    uint32_t role_room;
    uint64_t rights; /* tags that have had a row on the right */
    uint64_t round;
    uint32_t *marked;
    uint32_t marked_count, marked_room;
    struct pl_batch *out;
};

/* join_pairs.c. The problem of an option as text, or NULL; `said` has JOIN_SAID bytes. */
const char *join_read_take(const char *text, struct take *take);
const char *join_read_tag(struct join *join, char *said);

void join_pairs_fini(struct join *join);
struct role *join_role(struct join *join, uint32_t tag);      /* NULL without memory; moves when another is asked for */
struct role *join_ask_right(struct join *join, uint32_t tag); /* with `right` decided; NULL without memory */
struct role *join_ask_left(struct join *join, uint32_t tag);
bool join_find_pairs(struct join *join, uint32_t left); /* brings them up to date; false without memory */

extern const struct pl_operator pl__join;

#endif
