/* value.h: the value of a message as rows.
 *
 * A batch (capnp, msgpack, JSON: potline/codec.h), or one JSON object as source.ndjson reads a line (ndjson/lines.h).
 * With a registry an object is framed (schema.h), and its schema says whether it is JSON or Avro.
 * Nothing in it is trusted. Rows gather in a batch that the owner emits; a message's rows are all of them in one batch,
 * or none. One thread.
 */
#ifndef KAFKA_VALUE_H
#define KAFKA_VALUE_H

#include <potline/codec.h>
#include <potline/operator.h>

#include "lines.h"
#include "message.h"
#include "registry.h"

enum pl__prefix { PL__PREFIX_NONE, PL__PREFIX_KEY, PL__PREFIX_TOPIC };

struct pl__values {
    struct pl_shape shape; /* options */
    uint32_t encoding;
    uint32_t kind;
    uint32_t prefix;
    struct pl__registry_options registry_options;

    struct pl_node *node;
    struct pl_codec *codec;
    struct pl_lines lines;
    bool has_lines;
    struct pl__registry *registry; /* NULL: none */
    struct pl__text text;          /* of an object that came as Avro */
    struct pl_batch *open;         /* rows of messages that wait to be emitted; NULL: none */
    uint32_t missing;              /* rows without a value, since it was looked at last */
};

enum pl__verdict {
    PL__TAKEN,
    PL__REFUSED_VALUE, /* *why says it */
    PL__FAILED_VALUE,  /* without memory, or the node has failed */
};

struct pl__why {
    const char *cause; /* a word for the ledger */
    uint32_t samples;
    char text[PL_LETTER_TEXT_MAX + 1];
};

/* The options have been set. pl__values_fini follows after failure too. */
enum pl_code pl__values_init(struct pl__values *values, struct pl_node *node, struct pl_error **error);
void pl__values_fini(struct pl__values *values);

/* False: the schema of this message has been asked for, and the node is woken when it may be there. */
bool pl__values_ready(struct pl__values *values, const rd_kafka_message_t *message);

/* `refused` rows of it found no room for their names. */
enum pl__verdict pl__values_take(struct pl__values *values, const rd_kafka_message_t *message, pl_time *newest,
                                 uint32_t *refused, struct pl__why *why);
/* Keeps a message as a dead letter, and says so; `time` is about its own. */
void pl__values_refuse(const struct pl__values *values, const rd_kafka_message_t *message, const struct pl__why *why,
                       pl_time time);

enum pl_flow pl__values_emit(struct pl__values *values); /* what waits */

/* Bytes that were refused before, or repaired ones, are emitted at once. PL_UNAVAILABLE: once their schema is here. */
enum pl_code pl__values_again(struct pl__values *values, const void *bytes, size_t size, struct pl_error **error);

#endif
