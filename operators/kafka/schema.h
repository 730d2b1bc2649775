/* schema.h: schemas of a registry, and the frame in front of a message that names one.
 *
 *     0 | id, 4 bytes, most significant first | the value        Confluent's wire format
 *
 * What is read is AVRO and JSON (JSON Schema). Any thread.
 */
#ifndef KAFKA_SCHEMA_H
#define KAFKA_SCHEMA_H

#include <stdbool.h>

#include "avro.h"
#include "rest.h"

enum { PL__FRAME = 5, PL__SCHEMA_MAX = 256 << 10 /* bytes of text */ };

enum pl__schema_type { PL__SCHEMA_JSON, PL__SCHEMA_AVRO };

struct pl__schema {
    enum pl__schema_type type;
    struct pl__avro *avro; /* of PL__SCHEMA_AVRO */
};

/* The answer to GET /schemas/ids/ID; PL_UNAVAILABLE: what came is not of a registry, and may be another time. */
enum pl_code pl__schema_read(const struct json_t *body, struct pl__schema **schema, struct pl_error **error);
void pl__schema_free(struct pl__schema *schema);

/* The schema of rows that we write, as text; owned by the caller, NULL without memory. */
char *pl__schema_text(enum pl__schema_type type, enum pl_kind kind);
extern const char *const pl__schema_types[]; /* as the registry calls them */

bool pl__frame_read(const void *bytes, size_t size, uint32_t *id);
char *pl__frame_put(char *at, uint32_t id); /* PL__FRAME bytes */

#endif
