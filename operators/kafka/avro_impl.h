/* avro_impl.h: a compiled schema, across the files of avro.h. */
#ifndef KAFKA_AVRO_IMPL_H
#define KAFKA_AVRO_IMPL_H

#include "avro.h"

enum pl__avro_kind {
    PL__AVRO_NULL,
    PL__AVRO_BOOLEAN,
    PL__AVRO_INT,
    PL__AVRO_LONG,
    PL__AVRO_FLOAT,
    PL__AVRO_DOUBLE,
    PL__AVRO_BYTES,
    PL__AVRO_STRING,
    PL__AVRO_FIXED,
    PL__AVRO_ENUM,
    PL__AVRO_ARRAY,
    PL__AVRO_MAP,
    PL__AVRO_UNION,
    PL__AVRO_RECORD,
    PL__AVRO_PRIMITIVES = PL__AVRO_FIXED
};

enum pl__avro_logic { PL__AVRO_PLAIN, PL__AVRO_TIME, PL__AVRO_LOCAL_TIME, PL__AVRO_DECIMAL };

struct pl__avro_type {
    uint8_t kind;
    uint8_t logic;
    uint32_t size;  /* of fixed, in bytes */
    uint32_t unit;  /* of a time, in nanoseconds; of a decimal, digits behind the point */
    uint32_t first; /* what it is made of, in `part` */
    uint32_t count;
};

struct pl__avro_part { /* a field, a symbol, a branch, the items of an array */
    uint32_t type;
    uint32_t name; /* place in `names`, 0-terminated */
};

struct pl__avro {
    struct pl__avro_type *type; /* the first one is the whole */
    struct pl__avro_part *part;
    char *names;
    uint32_t type_count, type_room, part_count, part_room, name_size, name_room;
};

#endif
