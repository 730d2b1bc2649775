/* msgpack of any origin: skipped, turned to JSON (which Jansson must read), and packed again with the same meaning. */
#include <jansson.h>
#include <potline/alloc.h>
#include <potline/pack.h>
#include <string.h>

#include "base/unpack.h"
#include "expect.h"

/* False when the bytes are no value. */
static bool pack_again(struct pl_unpack *unpack, struct pl_pack *pack, unsigned depth) {
    struct pl__value value;
    if (!pl__unpack_value(unpack, &value)) return false;
    uint64_t inside = 0;
    switch (value.type) {
    case PL__NIL: pl_pack_nil(pack); break;
    case PL__BOOL: pl_pack_bool(pack, value.number); break;
    case PL__UINT: pl_pack_uint(pack, value.number); break;
    case PL__INT: pl_pack_int(pack, (int64_t)value.number); break;
    case PL__F32:
    case PL__F64: pl_pack_f64(pack, pl__value_f64(&value)); break;
    case PL__STR: pl_pack_strn(pack, (const char *)value.bytes, value.number); break;
    case PL__BIN:
    case PL__EXT: pl_pack_bin(pack, value.bytes, value.number); break;
    case PL__ARRAY:
        pl_pack_array(pack, (uint32_t)value.number);
        inside = value.number;
        break;
    case PL__MAP:
        pl_pack_map(pack, (uint32_t)value.number);
        inside = 2 * value.number;
        break;
    default: EXPECT(!"a type that is none");
    }
    if (inside && depth == PL__PACK_DEPTH) return false;
    while (inside--)
        if (!pack_again(unpack, pack, depth + 1)) return false;
    return true;
}

static void read_as_types(const uint8_t *bytes, size_t size) {
    struct pl_unpack unpack;
    const char *text;
    const void *blob;
    size_t length;
    int64_t i64;
    uint64_t u64;
    double f64;
    uint32_t count;
    bool truth;
    for (unsigned type = 0; type < 8; type++) {
        pl_unpack_init(&unpack, bytes, size);
        bool read = false;
        switch (type) {
        case 0: read = pl_unpack_str(&unpack, &text, &length) && length <= size; break;
        case 1: read = pl_unpack_bin(&unpack, &blob, &length) && length <= size; break;
        case 2: read = pl_unpack_int(&unpack, &i64); break;
        case 3: read = pl_unpack_uint(&unpack, &u64); break;
        case 4: read = pl_unpack_f64(&unpack, &f64); break;
        case 5: read = pl_unpack_array(&unpack, &count) && count <= size; break;
        case 6: read = pl_unpack_map(&unpack, &count) && count <= size; break;
        default: read = pl_unpack_bool(&unpack, &truth); break;
        }
        EXPECT(read != unpack.failed);
        EXPECT(unpack.at <= unpack.end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_as_types(bytes, size);
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, bytes, size);
    bool one = pl_unpack_skip(&unpack) && unpack.at == unpack.end;
    char *json = pl_pack_json(bytes, size);
    if (!json) return 0;
    EXPECT(one);

    json_error_t error;
    json_t *read = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    EXPECT(read || json_error_code(&error) == json_error_null_byte_in_key); /* which JSON has and Jansson has not */
    json_decref(read);

    struct pl_pack *pack = pl_pack_new();
    EXPECT(pack);
    pl_unpack_init(&unpack, bytes, size);
    EXPECT(pack_again(&unpack, pack, 0) && !pl_pack_failed(pack));
    char *same = pl_pack_json(pl_pack_data(pack), pl_pack_size(pack));
    EXPECT(same && strcmp(json, same) == 0);
    pl_free(same);
    pl_pack_free(pack);
    pl_free(json);
    return 0;
}
