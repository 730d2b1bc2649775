/* points.h: what the registers of a device mean, and what is known of them.
 *
 * A *point* is one tag: where it stands in an answer, and its last value. A *range* is one request of the plan with the
 * points it serves; a *unit* is one address behind the connection, which may fall silent by itself. Points are kept in
 * the order of the plan, so a range owns a run of them:
 *
 *     units    [ 1                 ] [ 2       ]
 *     ranges   [ 0        ][ 1     ] [ 2       ]
 *     points   [ 0  1  2  ][ 3  4  ] [ 5  6  7 ]
 *
 * A poll gives every point a quality: good when it was answered; else its last value goes on, uncertain and stale, and
 * bad once it is older than `stale_after`. A point without a last value is NaN, bad, stale and missing. Numbers that
 * are not finite are missing too, and are no last value.
 *
 * Thread: the node's. Nothing is allocated after pl__points_init.
 */
#ifndef MODBUS_POINTS_H
#define MODBUS_POINTS_H

#include <potline/operator.h>

#include "pdu.h"
#include "plan.h"
#include "value.h"

/* One row of the register map, as the option table fills it in. */
struct pl__register {
    const char *tag;
    const char *description;
    int64_t unit;   /* -1: the node's */
    uint32_t table; /* enum pl__modbus_table */
    int64_t address;
    uint32_t type;         /* enum pl_modbus_type */
    int64_t bit;           /* -1: none */
    uint32_t words, bytes; /* enum pl__order_choice */
    double scale, offset;
};

enum pl__order_choice { PL__ORDER_NODE, PL__ORDER_BIG, PL__ORDER_LITTLE };

struct pl__map_options {
    const struct pl__register *rows;
    uint32_t count;
    uint8_t unit;                 /* of rows that name none */
    struct pl_modbus_order order; /* of rows that leave it to the node */
    struct pl__plan_limits limits;
};

/* Reports what is wrong with the rows, each by its place in the list. */
void pl__map_check(const struct pl__map_options *map, struct pl_check *check);

struct pl__point {
    double scale, offset;
    struct pl_modbus_format format;
    uint16_t at; /* register or bit within the range */
};

enum pl__range_state { PL__RANGE_IDLE, PL__RANGE_SENT, PL__RANGE_SKIPPED, PL__RANGE_DONE };

struct pl__range {
    struct pl_modbus_call call;
    uint32_t first, count; /* its points */
    uint32_t unit;         /* index */
    uint8_t state;         /* enum pl__range_state: in this poll */
    uint8_t exception;     /* that the device last gave, 0: none */
    bool bits;             /* coils or discrete inputs */
    pl_time time;          /* of its rows in this poll */
    pl_time answered;      /* when it last had values */
    void *owner;           /* whoever polls */
};

struct pl__unit {
    uint8_t id;
    bool silent; /* did not answer: asked for one range a poll until it does */
    bool asked;  /* in this poll */
};

struct pl__points {
    uint32_t count;
    struct pl__point *point;
    uint32_t *tag;
    double *value;     /* the last; NaN: none */
    uint16_t *quality; /* in this poll */
    struct pl__range *range;
    uint32_t range_count;
    struct pl__unit *unit;
    uint32_t unit_count;
};

/* From a checked map; tags are interned. pl__points_fini in success and failure. */
enum pl_code pl__points_init(struct pl__points *points, const struct pl__map_options *map, struct pl_tags *tags,
                             struct pl_error **error);
void pl__points_fini(struct pl__points *points);

/* The answer to the range's request has come: values, good. Returns how many are missing. */
uint32_t pl__points_take(struct pl__points *points, struct pl__range *range, const uint8_t *data, pl_time time);

/* There was no answer: last values, stale. */
void pl__points_stale(struct pl__points *points, struct pl__range *range, pl_time time, pl_time stale_after);

/* Appends points from `from` on to a batch of samples until it is full. Returns the next point. */
uint32_t pl__points_fill(const struct pl__points *points, uint32_t from, struct pl_batch *batch);

#endif
