/* pack.h: msgpack, as event bodies and snapshots use it.
 *
 * Writing never fails in between: without memory the pack is marked and pl_pack_failed tells once at the end. Reading
 * checks every length against the bytes there are; after a first mismatch every read returns false.
 */
#ifndef POTLINE_PACK_H
#define POTLINE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct pl_pack;
PL_API struct pl_pack *pl_pack_new(void);
PL_API void pl_pack_free(struct pl_pack *pack);
PL_API void pl_pack_reset(struct pl_pack *pack);
PL_API bool pl_pack_failed(const struct pl_pack *pack);
PL_API const void *pl_pack_data(const struct pl_pack *pack); /* valid until the next write */
PL_API size_t pl_pack_size(const struct pl_pack *pack);

PL_API void pl_pack_nil(struct pl_pack *pack);
PL_API void pl_pack_bool(struct pl_pack *pack, bool value);
PL_API void pl_pack_int(struct pl_pack *pack, int64_t value);
PL_API void pl_pack_uint(struct pl_pack *pack, uint64_t value);
PL_API void pl_pack_f64(struct pl_pack *pack, double value);
PL_API void pl_pack_str(struct pl_pack *pack, const char *text); /* to its 0 */
PL_API void pl_pack_strn(struct pl_pack *pack, const char *text, size_t length);
PL_API void pl_pack_bin(struct pl_pack *pack, const void *bytes, size_t size);
PL_API void pl_pack_array(struct pl_pack *pack, uint32_t count);               /* then `count` values */
PL_API void pl_pack_map(struct pl_pack *pack, uint32_t count);                 /* then `count` pairs of key and value */
PL_API void pl_pack_raw(struct pl_pack *pack, const void *bytes, size_t size); /* whole values, packed already */

/* Shorthands for a pair of a map. */
PL_API void pl_pack_pair_f64(struct pl_pack *pack, const char *key, double value);
PL_API void pl_pack_pair_int(struct pl_pack *pack, const char *key, int64_t value);
PL_API void pl_pack_pair_str(struct pl_pack *pack, const char *key, const char *value);

struct pl_unpack {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};
PL_API void pl_unpack_init(struct pl_unpack *unpack, const void *bytes, size_t size);
PL_API bool pl_unpack_nil(struct pl_unpack *unpack);
PL_API bool pl_unpack_bool(struct pl_unpack *unpack, bool *value);
PL_API bool pl_unpack_int(struct pl_unpack *unpack, int64_t *value);
PL_API bool pl_unpack_uint(struct pl_unpack *unpack, uint64_t *value);
PL_API bool pl_unpack_f64(struct pl_unpack *unpack, double *value); /* takes integers too */
PL_API bool pl_unpack_str(struct pl_unpack *unpack, const char **text, size_t *length);
PL_API bool pl_unpack_bin(struct pl_unpack *unpack, const void **bytes, size_t *size);
PL_API bool pl_unpack_array(struct pl_unpack *unpack, uint32_t *count);
PL_API bool pl_unpack_map(struct pl_unpack *unpack, uint32_t *count);
PL_API bool pl_unpack_skip(struct pl_unpack *unpack); /* one value, nested at most 32 deep */

/* In front of a map: goes to the value of its first pair of that name. False: it has none, or is no map. */
PL_API bool pl_unpack_find(struct pl_unpack *unpack, const char *name);

/* The text under `name` in a map, in place. False: there is none, or it is no text. */
PL_API bool pl_unpack_text(const void *map, size_t size, const char *name, const char **text, size_t *length);

/* One msgpack value as JSON text (NaN and infinities as null, bytes as base64), ended with 0, caller frees with
 * pl_free; NULL when it is not valid msgpack or without memory. */
PL_API char *pl_pack_json(const void *bytes, size_t size);

#endif
