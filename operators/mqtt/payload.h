/* payload.h: what a message holds, as rows of samples.
 *
 *     plain    4.2    true    ON (a state of the tag)                         one row, of the moment that it came
 *     json     4.2                                                            the same
 *              {"value": 4.2, "time": "2026-11-26T10:00:00Z", "quality": "good"}
 *              {"time": 1764150000000, "voltage": 4.2, "pot": {"noise": 3}}   members: true: a row for each member
 *              [{...}, {...}]                                                 several of them
 *
 * Fields are named by their paths, dotted: `meta.at` is `at` of the object `meta`. Nothing is trusted; a message gives
 * all of its rows, or none. Thread: the owner's.
 */
#ifndef MQTT_PAYLOAD_H
#define MQTT_PAYLOAD_H

#include <potline/operator.h>

enum pl__payload_form { PL__PAYLOAD_JSON, PL__PAYLOAD_PLAIN };
enum pl__time_unit { PL__UNIT_AUTO, PL__UNIT_S, PL__UNIT_MS, PL__UNIT_US, PL__UNIT_NS };

struct pl__payload {
    uint32_t form;
    const char *value, *time, *quality; /* paths */
    uint32_t unit;                      /* enum pl__time_unit, of a time that is a number */
    bool members;
};

enum pl__payload_verdict { PL__PAYLOAD_TAKEN, PL__PAYLOAD_REFUSED, PL__PAYLOAD_FULL, PL__PAYLOAD_NO_MEMORY };

struct pl__payload_reader {
    const struct pl__payload *payload; /* the one at hand; borrowed */
    struct pl_tags *tags;
    char *unescaped;
    size_t room;
    char name[PL_NAME_MAX + 1]; /* of the tag; then of its members */
    size_t name_length;
    pl_time now;
    /* of the object at hand: */
    pl_time at;
    uint16_t quality;
    bool has_value;
    double value;
    uint16_t value_quality;
    char path[PL_NAME_MAX + 1];
    size_t path_length;
    struct pl_batch *batch;
    uint32_t missing;   /* rows without a value */
    const char *cause;  /* of a refusal: a word for the ledger */
    const char *reason; /* and for people; constants */
};

void pl__payload_fini(struct pl__payload_reader *reader); /* of a zeroed one too */

/* Rows behind those that `batch` has; `name` is the tag's. FULL: it has no room for all of them, and has none. */
enum pl__payload_verdict pl__payload_read(struct pl__payload_reader *reader, const struct pl__payload *payload,
                                          const char *name, size_t length, const void *bytes, size_t size,
                                          struct pl_batch *batch);

#endif
