/* json_pack.h: a JSON value as msgpack: the other direction of pl_pack_json. */
#ifndef POTLINE_JSON_PACK_H
#define POTLINE_JSON_PACK_H

#include "base/buffer.h"
#include <potline/json.h>

/* Adds the next value. Integers that fit into 64 bits stay integers, other numbers become doubles. False on text that
 * is not JSON, objects nested too deep, or a buffer that is full. */
bool pl_json_pack(struct pl_json *json, struct pl_buffer *out);

#endif
