/* limits.h: what an optimiser may not leave: quantities of a pot, each within a window, by rank.
 *
 * A limit of rank 0 is never given up; of the others the highest rank is relaxed first. A row for a narrower scope (a
 * pot before its line before ALL) replaces a wider one of the same quantity.
 */
#ifndef OPTIMIZE_LIMITS_H
#define OPTIMIZE_LIMITS_H

#include <potline/potline.h>
#include <stdbool.h>

enum quantity {
    QUANTITY_ACD,
    QUANTITY_ALUMINA,
    QUANTITY_ALF3,
    QUANTITY_CURRENT,
    QUANTITY_ACD_MOVE,
    QUANTITY_CURRENT_MOVE,
    QUANTITY_BATH,
    QUANTITY_FEED,
    QUANTITY_DOSE,
    QUANTITY_THROUGHPUT,
    QUANTITY_SUPERHEAT,
    QUANTITY_TEMPERATURE,
    QUANTITY_LEDGE,
    QUANTITY_LEDGE_METAL,
    QUANTITY_MARGIN,
    QUANTITY_SHELL,
    QUANTITY_VOLTAGE,
    QUANTITY_POWER,
    QUANTITY_IMPURITY,
    QUANTITY_LINE_THROUGHPUT, /* and from here on of a whole line */
    QUANTITY_LINE_POWER,
    QUANTITY_LINE_VOLTAGE,
    QUANTITIES
};
enum { QUANTITIES_OF_POT = QUANTITY_LINE_THROUGHPUT };

struct limit {
    double low, high; /* may be infinite */
    unsigned rank;
};

struct quantity_row {
    const char *name, *unit, *words; /* how people at the pot call it */
    double scale;                    /* by which a miss is measured */
    double least, most;              /* what a limit may be: beyond it the model or the equipment ends */
    struct limit usual;
    const char *doc;
};
extern const struct quantity_row quantity_rows[QUANTITIES];
extern const char *const quantity_names[QUANTITIES + 1]; /* ends in NULL: choices of an option */

enum { LIMIT_RANK_MAX = 9, LIMIT_SCOPE_MAX = 64, LIMITS_MAX = 1024 };

/* What somebody has said. */
struct limit_row {
    char scope[LIMIT_SCOPE_MAX]; /* ALL, a line, a pot */
    enum quantity of;
    struct limit limit;
};

struct limits {
    struct limit_row row[LIMITS_MAX];
    unsigned count;
    uint64_t version; /* of all of them: how often they have been changed */
};

/* Of one asset, all quantities; those that are decided or sent within what pots are good for. */
void limits_of(const struct limits *limits, const char *asset, struct limit *out);
const struct limit_row *limits_find(const struct limits *limits, const char *scope, enum quantity of);
/* Sets or replaces; PL_RANGE with why where it contradicts itself or the others of the asset that the scope names, and
 * nothing has changed. */
enum pl_code limits_set(struct limits *limits, const struct limit_row *row, struct pl_error **error);
enum pl_code limits_check(const struct limit_row *row, struct pl_error **error);
/* All of an asset together: what cannot hold at once, whatever the pot. */
enum pl_code limits_agree(const struct limit *limit, const char *scope, struct pl_error **error);

#endif
