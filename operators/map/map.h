/* map.h: values computed from others.
 *
 *     entry with `each`      a row in, a row out: names are columns of the row
 *     entry without        rows wait until the watermark has passed them, then all of one time change what is held of
 *                          their signals, and each asset that one of them is about gives one row
 *
 * Either way rows are gathered into columns, a block an entry, and computed a block at a time (output.c).
 */
#ifndef POTLINE_MAP_MAP_H
#define POTLINE_MAP_MAP_H

#include <potline/potline.h>

#include "names.h"
#include "waiting.h"

enum { COUNT_COMPUTED, COUNT_UNDEFINED, COUNT_LATE, COUNT_REFUSED };
enum { TABLE_WAITING, TABLE_HELD, TABLE_PROGRESS };
enum { MAP_BLOCK = 256 };

struct map_value { /* as in the graph */
    const char *tag;
    const char *expr;
    const char *each;
};

struct entry {
    const struct map_value *value;
    struct pl_expr *expr;
    char assets[PL_NAME_MAX + 1]; /* glob */
    const char *signal;           /* of the derived tag */
    bool one_asset;
    unsigned names;
    struct name name[PL_EXPR_VARIABLES_MAX];
    uint32_t *derived; /* with `each`, [tag]: 0 not asked, 1 not for it, id + 2 */
    uint32_t derived_room;
    double *block; /* [variable][MAP_BLOCK] */
    uint32_t filled;
    uint16_t row[MAP_BLOCK]; /* of the output */
    bool bad[MAP_BLOCK];     /* an input that is bad was left out */
};

/* An entry for one asset. */
struct unit {
    uint32_t entry;
    uint32_t asset;
    uint32_t tag;
    uint32_t next; /* of the same asset, + 1 */
    uint32_t *input;
    bool elsewhere; /* every partition has all inputs: the first one computes */
    bool marked;
};

struct tag_use {
    uint32_t *unit;
    uint32_t count;
    uint32_t room;
    uint32_t asset_units; /* of an asset: the first, + 1 */
    bool asked;
    bool shared; /* of a line or the plant: held for assets to come */
};

struct held {
    pl_time time;
    double value;
    uint16_t quality;
    uint16_t reserved[3];
};

struct map_progress {
    pl_time watermark;
};

struct map {
    struct pl_list values;
    pl_time max_age;
    uint32_t quality;
    int64_t max_waiting;

    struct pl_node *node;
    struct entry *entries;
    bool any_joined;
    bool any_rows;
    bool found;
    pl_time closed;
    struct waiting waiting;
    struct unit *units;
    uint32_t unit_count, unit_room;
    struct tag_use *uses;
    uint32_t use_room;
    uint32_t *marked;
    uint32_t marked_room;
    struct pl_batch *out;
};

/* entry.c. The problem of an entry as text, and which option has it; NULL: none. `told` is the caller's. */
enum { ENTRY_SAID = 400, ENTRY_HINT = 160 };
const char *entry_init(struct entry *entry, const struct map_value *value, char *said, const char **option);
void entry_fini(struct entry *entry);
bool entry_fits_kind(const struct entry *entry, enum pl_kind kind, char *said);
bool entry_room(struct entry *entry);
double entry_column(const struct pl_batch *batch, uint32_t row, unsigned column);
uint32_t entry_derived(struct map *map, struct entry *entry, uint32_t tag); /* PL_NO_ID: not for it */

/* units.c */
void units_fini(struct map *map);
bool units_ask(struct map *map, uint32_t tag); /* makes what the tag is the first sign of; false without memory */
bool units_of_one_asset(struct map *map);
struct tag_use *units_use(struct map *map, uint32_t tag); /* NULL without memory */

/* output.c */
bool output_row(struct map *map, struct entry *entry, pl_time time, uint32_t tag, uint16_t quality, bool bad,
                uint32_t *at);
bool output_flush(struct map *map);

extern const struct pl_operator pl__map;

#endif
