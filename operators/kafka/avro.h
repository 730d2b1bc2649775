/* avro.h: rows in Avro's binary encoding (Avro 1.12 specification, "Binary Encoding"), by their schema.
 *
 * A value that is read becomes JSON, which then is read as source.ndjson reads a line: a record or map is an object, a
 * union is the value of its branch, an enum its symbol, timestamp-* a time in RFC 3339 (local-timestamp-* one without
 * zone), decimal a number; bytes and fixed are null, as no number or text is meant by them.
 *
 * Schema and bytes come from outside and are trusted in nothing: types, depth and the size of what is made of a message
 * have limits. A schema does not change once it has been made; any thread.
 */
#ifndef KAFKA_AVRO_H
#define KAFKA_AVRO_H

#include <stddef.h>

#include <potline/batch.h>
#include <potline/error.h>

enum { PL__AVRO_TYPES = 4096, PL__AVRO_DEPTH = 32 };

struct pl__avro;

/* Of a schema's text. PL_SYNTAX, PL_LIMIT: it is none, or more than is read; PL_NO_MEMORY. */
enum pl_code pl__avro_new(const char *text, size_t length, struct pl__avro **avro, struct pl_error **error);
void pl__avro_free(struct pl__avro *avro);

/* Text that grows up to a limit; owned by who has it. */
struct pl__text {
    char *at;
    size_t size, room;
    size_t limit; /* of size */
};

/* A value as JSON; NULL: taken, else what is wrong with it (static). */
const char *pl__avro_read(const struct pl__avro *avro, const void *bytes, size_t size, struct pl__text *text);

/* ---- Writing: a schema for each kind of rows ---- */

/* Its text; owned by the caller, NULL without memory. Each column is a field: times as timestamp-nanos, names, ids and
 * qualities as strings, heaps as an array of doubles or a string. */
char *pl__avro_schema_of(enum pl_kind kind);

/* A row by that schema, with room for 2 + pl_row_room(batch, row); the end, NULL without memory. */
char *pl__avro_put_row(char *at, const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row);

#endif
