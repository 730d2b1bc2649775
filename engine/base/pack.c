/* Writing msgpack: msgpack-c makes the bytes, a limited buffer keeps them. */
#include <potline/pack.h>

#include <string.h>

#include <msgpack/pack.h>

#include <potline/alloc.h>

#include "base/buffer.h"

#define PACK_LIMIT ((size_t)256 << 20)

struct pl_pack {
    struct pl_buffer bytes;
    msgpack_packer packer;
};

static int pack_write(void *bytes, const char *data, size_t size) {
    return pl_buffer_put(bytes, data, size) ? 0 : -1;
}

struct pl_pack *pl_pack_new(void) {
    struct pl_pack *pack = PL_NEW(struct pl_pack);
    if (!pack) return NULL;
    pl_buffer_init(&pack->bytes, PACK_LIMIT);
    msgpack_packer_init(&pack->packer, &pack->bytes, pack_write);
    return pack;
}

void pl_pack_free(struct pl_pack *pack) {
    if (!pack) return;
    pl_buffer_fini(&pack->bytes);
    pl_free(pack);
}

void pl_pack_reset(struct pl_pack *pack) {
    pl_buffer_reset(&pack->bytes);
}

bool pl_pack_failed(const struct pl_pack *pack) {
    return pl_buffer_failed(&pack->bytes);
}

const void *pl_pack_data(const struct pl_pack *pack) {
    return pack->bytes.data;
}

size_t pl_pack_size(const struct pl_pack *pack) {
    return pack->bytes.size;
}

/* What the packer returns is not looked at: the buffer remembers a failure and takes nothing after it. */

void pl_pack_raw(struct pl_pack *pack, const void *bytes, size_t size) {
    pl_buffer_put(&pack->bytes, bytes, size);
}

void pl_pack_nil(struct pl_pack *pack) {
    msgpack_pack_nil(&pack->packer);
}

void pl_pack_bool(struct pl_pack *pack, bool value) {
    if (value)
        msgpack_pack_true(&pack->packer);
    else
        msgpack_pack_false(&pack->packer);
}

void pl_pack_int(struct pl_pack *pack, int64_t value) {
    msgpack_pack_int64(&pack->packer, value);
}

void pl_pack_uint(struct pl_pack *pack, uint64_t value) {
    msgpack_pack_uint64(&pack->packer, value);
}

void pl_pack_f64(struct pl_pack *pack, double value) {
    msgpack_pack_double(&pack->packer, value);
}

void pl_pack_strn(struct pl_pack *pack, const char *text, size_t length) {
    if (length > PACK_LIMIT) { /* the packer would cut it to 32 bits */
        pack->bytes.failed = true;
        return;
    }
    msgpack_pack_str(&pack->packer, length);
    msgpack_pack_str_body(&pack->packer, text, length);
}

void pl_pack_str(struct pl_pack *pack, const char *text) {
    pl_pack_strn(pack, text, strlen(text));
}

void pl_pack_bin(struct pl_pack *pack, const void *bytes, size_t size) {
    if (size > PACK_LIMIT) {
        pack->bytes.failed = true;
        return;
    }
    msgpack_pack_bin(&pack->packer, size);
    msgpack_pack_bin_body(&pack->packer, bytes, size);
}

void pl_pack_array(struct pl_pack *pack, uint32_t count) {
    msgpack_pack_array(&pack->packer, count);
}

void pl_pack_map(struct pl_pack *pack, uint32_t count) {
    msgpack_pack_map(&pack->packer, count);
}

void pl_pack_pair_f64(struct pl_pack *pack, const char *key, double value) {
    pl_pack_str(pack, key);
    pl_pack_f64(pack, value);
}

void pl_pack_pair_int(struct pl_pack *pack, const char *key, int64_t value) {
    pl_pack_str(pack, key);
    pl_pack_int(pack, value);
}

void pl_pack_pair_str(struct pl_pack *pack, const char *key, const char *value) {
    pl_pack_str(pack, key);
    pl_pack_str(pack, value);
}
