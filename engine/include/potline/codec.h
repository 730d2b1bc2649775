/* codec.h: batches as bytes for other processes and for disk, and back.
 *
 * A codec keeps the scratch memory of one user; it is for one thread. What it returns is valid until its next call.
 * Encoded batches are self-contained: columns of names hold indexes into a list of names in the header, and the source
 * is named. Decoding trusts nothing: every length, offset, index and name is checked against the bytes there are and
 * the engine's limits, then names are interned.
 *
 *   capnp    the canonical single-segment Cap'n Proto message of schemas/batch.capnp. Decoding reads that form with our
 *            own strict reader and everything else that is valid (more segments, newer schema) through libcapnp.
 *   msgpack  a map: kind, source, partition, sequence, received, and a map of columns to arrays (names as strings).
 *   json     the same as one JSON object; times as RFC 3339, quality as text, NaN as null.
 */
#ifndef POTLINE_CODEC_H
#define POTLINE_CODEC_H

#include "batch.h"
#include "error.h"

enum pl_encoding { PL_CAPNP, PL_MSGPACK, PL_JSON, PL_ENCODINGS };
PL_API const char *const pl_encoding_names[PL_ENCODINGS + 1]; /* ends in NULL, fit for a CHOICE option */

struct pl_codec;
PL_API struct pl_codec *pl_codec_new(struct pl_tags *tags);
PL_API void pl_codec_free(struct pl_codec *codec);

PL_API enum pl_code pl_codec_encode(struct pl_codec *codec, enum pl_encoding encoding, const struct pl_batch *batch,
                                    const void **bytes, size_t *size, struct pl_error **error);

/* A new batch (owned by the caller) from bytes of unknown origin, 8-aligned or not, at most PL_MESSAGE_MAX long. */
PL_API enum pl_code pl_codec_decode(struct pl_codec *codec, enum pl_encoding encoding, const void *bytes, size_t size,
                                    struct pl_batch **batch, struct pl_error **error);

#define PL_MESSAGE_MAX (16u << 20)

#endif
