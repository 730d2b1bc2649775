/* message.h: rows as messages of a topic, and what their headers say.
 *
 *     schema    samples/1              the kind of rows, and the version of schemas/batch.capnp
 *     encoding  capnp                  how to read the value: capnp, msgpack, json (a batch), rows or avro (one row)
 *     stream    4f2c...                whose rows: a data folder's node
 *     position  1200                   the number of the first row in the stream
 *
 * All of these names begin with "potline-". Where a row may come again (without transactions) its number tells: of
 * `rows`, and of batches without a key, whose rows have numbers that follow each other. A batch with a key holds rows
 * from here and there, and its position is that of the first one. One thread.
 */
#ifndef KAFKA_MESSAGE_H
#define KAFKA_MESSAGE_H

#include <librdkafka/rdkafka.h>

#include <potline/codec.h>
#include <potline/operator.h>

enum pl__encoding { PL__ROWS = PL_ENCODINGS, PL__AVRO, PL__ENCODINGS };
extern const char *const pl__encoding_names[PL__ENCODINGS + 1];

/* Rows are what has schemas; `given`: there is a registry. */
void pl__encoding_check(uint32_t encoding, bool given, struct pl_check *check);

#define PL__HEADER_SCHEMA "potline-schema"
#define PL__HEADER_ENCODING "potline-encoding"
#define PL__HEADER_STREAM "potline-stream"
#define PL__HEADER_POSITION "potline-position"

enum pl__message_key { PL__KEY_NONE, PL__KEY_TAG, PL__KEY_ASSET };

/* Makes messages of rows, and hands them to a producer. */
struct pl__writer {
    const char *topic;
    uint32_t encoding; /* enum pl__encoding */
    uint32_t key;      /* enum pl__message_key */
    uint32_t rows;     /* in a message, at most */
    int64_t size;      /* of a message, at most */
    const char *stream;
    bool framed;     /* each row has the id of its schema in front (schema.h) */
    uint32_t schema; /* that id */
    struct pl_tags *tags;
    struct pl_codec *codec;
    uint32_t *keys; /* of the rows at hand; owned */
    char *text;     /* owned */
    size_t room;
    uint64_t messages, bytes, too_long; /* made so far; rows left out */
};

/* The first six have been set, and `framed`. */
bool pl__writer_init(struct pl__writer *writer, struct pl_tags *tags); /* false without memory; fini all the same */
void pl__writer_fini(struct pl__writer *writer);

/* Rows [from, from + count) of a batch, at most PL_BATCH_ROWS_MAX, of which the first has the number `position`. */
rd_kafka_resp_err_t pl__write_rows(struct pl__writer *writer, rd_kafka_t *producer, const struct pl_batch *batch,
                                   uint32_t from, uint32_t count, uint64_t position);

/* The encoding that a message's header names; `otherwise` when none does. */
uint32_t pl__message_encoding(const rd_kafka_message_t *message, uint32_t otherwise);

#endif
