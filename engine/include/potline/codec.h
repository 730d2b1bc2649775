/* codec.h: batches as bytes for other processes and for disk, and back.
 *
 * A codec keeps the scratch memory of one user; it is for one thread. What it returns is valid until its next call.
 * Encoded batches are self-contained: columns of names hold indexes into a list of names in the header, and the source
 * is named. Decoding trusts nothing: every length, offset, index and name is checked against the bytes there are and
 * the engine's limits, then names are interned.
 *
 * Rows with a name that the registry has no room for any more are left out: then rows < header->rows, which says how
 * many there were. When no row is left the message is refused (PL_LIMIT).
 *
 *   capnp    the canonical single-segment Cap'n Proto message of schemas/batch.capnp. Decoding reads that form with our
 *            own strict reader and everything else that is valid (more segments, newer schema) through libcapnp.
 *   msgpack  a map: kind, source, partition, sequence, received, generation, and columns, a map of arrays. Names are
 *            strings. Heaps are columns of arrays, strings (reasons) and maps or nil (bodies).
 *   json     the same as one JSON object; times as RFC 3339, quality as text, NaN and infinities as null, ids and
 * tokens (all 64 bits, which a JavaScript number does not hold) as strings of digits. Reading also takes times as
 *            nanoseconds, and numbers for quality and ids.
 *
 * In msgpack and json only kind and columns are needed, and of those quality, heaps, and in windows all but tag, start
 * and end may be left out; keys that are not known are skipped.
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
