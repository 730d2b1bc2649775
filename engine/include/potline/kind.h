/* kind.h: the five kinds of batch and their columns.
 *
 * Every kind is a struct of arrays: the members of its view (struct pl_samples, ...) are its columns in order. The same
 * order is the order of the lists in the Cap'n Proto struct of schemas/batch.capnp, so one table (pl_kind_info)
 * drives layout, wire, export and gathering. Columns of type PL_NAME hold ids of the tag registry (tag.h) in memory and
 * indexes into the header's list of names on a wire or on disk.
 *
 * A kind with rows of varying length keeps them in heaps shared by the batch: row i owns the elements from end[i-1]
 * (0 for the first row) to end[i].
 */
#ifndef POTLINE_KIND_H
#define POTLINE_KIND_H

#include "abi.h"
#include "time.h"

enum pl_kind { PL_SAMPLES, PL_WINDOWS, PL_PROFILES, PL_SETPOINTS, PL_EVENTS, PL_KINDS };

/* Sets of kinds, as ports declare them. */
#define PL_SET(kind) (1u << (kind))
#define PL_SET_ALL ((1u << PL_KINDS) - 1)

enum pl_type { PL_I64, PL_U64, PL_F64, PL_U32, PL_U16, PL_BYTE, PL_NAME /* u32, an interned name */ };

enum { PL_COLUMNS_MAX = 12, PL_HEAPS_MAX = 2 };

/* One measured (or computed) value a row. */
struct pl_samples {
    pl_time *time;
    uint32_t *tag;
    double *value; /* in the tag's unit; NaN when missing */
    uint16_t *quality;
};

/* One aggregate over [start, end) a row; its event time is `end`. What an operator was not asked for is NaN. */
struct pl_windows {
    uint32_t *tag; /* or the asset or line the window is over */
    pl_time *start;
    pl_time *end;
    uint32_t *count;   /* rows that counted */
    uint32_t *skipped; /* rows left out for bad quality */
    double *mean;
    double *min;
    double *max;
    double *stddev; /* of the sample (n - 1); NaN for fewer than two rows */
    double *first;
    double *last;
    uint16_t *quality; /* the flags seen in the counted rows; uncertain where one of them was */
};

/* A field over positions a row: a PDE solution at one time. Heaps: 0 positions, 1 values, f64 both, same length. */
struct pl_profiles {
    uint32_t *asset;
    uint32_t *quantity;
    pl_time *time;
    uint16_t *quality;
    uint32_t *end;
};

/* One value to be written to the field a row. Heap: 0 the reason (bytes, UTF-8). */
struct pl_setpoints {
    pl_time *time;
    uint64_t *id;
    uint32_t *tag;
    double *value;
    double *lower; /* the range that holds for this set point */
    double *upper;
    pl_time *expiry; /* not to be written from then on */
    uint64_t *token; /* fencing: a lower one than seen is refused */
    uint32_t *origin;
    uint32_t *end;
};

/* Something that happened a row. Heap: 0 the body (bytes, one msgpack map). */
struct pl_events {
    pl_time *time;
    uint64_t *id;
    uint32_t *kind;     /* "threshold.high", "source.stale" */
    uint16_t *severity; /* 1..1000 as OPC UA part 9 means it: 1-333 low, 334-666 medium, 667-1000 high */
    uint32_t *asset;
    uint32_t *tag;
    uint32_t *end;
};

struct pl_column_info {
    const char *name;
    enum pl_type type;
};

struct pl_kind_info {
    const char *name; /* "samples" */
    uint8_t columns;
    uint8_t heaps;
    uint8_t time; /* the column that is the row's event time */
    uint8_t key;  /* the column that names the row's tag or asset */
    uint8_t end;  /* the column of heap ends, where heaps > 0 */
    struct pl_column_info column[PL_COLUMNS_MAX];
    struct pl_column_info heap[PL_HEAPS_MAX]; /* PL_F64 or PL_BYTE elements */
};

PL_API const struct pl_kind_info pl_kind_info[PL_KINDS];

static inline unsigned pl_type_size(enum pl_type type) {
    static const uint8_t size[] = {8, 8, 8, 4, 2, 1, 4};
    return size[type];
}

#endif
