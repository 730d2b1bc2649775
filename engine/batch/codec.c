#include <potline/alloc.h>
#include <stddef.h>

#include "codec_impl.h"

const char *const pl_encoding_names[PL_ENCODINGS + 1] = {"capnp", "msgpack", "json", NULL};

void *pl__scratch(struct pl_scratch *scratch, size_t size) {
    if (size <= scratch->room) return scratch->at;
    size_t room = size + size / 2;
    void *at = pl_alloc_aligned(64, (room + 63) & ~(size_t)63);
    if (!at) return NULL;
    pl_free(scratch->at);
    scratch->at = at;
    scratch->room = room;
    return at;
}

struct pl_codec *pl_codec_new(struct pl_tags *tags) {
    struct pl_codec *codec = PL_NEW(struct pl_codec);
    if (!codec) return NULL;
    codec->tags = tags;
    pl_buffer_init(&codec->text, PL_MESSAGE_MAX);
    for (unsigned i = 0; i < PL_HEAPS_MAX; i++)
        pl_buffer_init(&codec->heap[i], PL_BATCH_HEAP_MAX * sizeof(double));
    return codec;
}

void pl_codec_free(struct pl_codec *codec) {
    if (!codec) return;
    struct pl_scratch *const scratch[] = {&codec->out,  &codec->aligned, &codec->names, &codec->ids,
                                          &codec->seen, &codec->columns, &codec->places};
    for (size_t i = 0; i < PL_COUNT_OF(scratch); i++)
        pl_free(scratch[i]->at);
    pl_dictionary_fini(&codec->dictionary);
    pl_buffer_fini(&codec->text);
    for (unsigned i = 0; i < PL_HEAPS_MAX; i++)
        pl_buffer_fini(&codec->heap[i]);
    pl_free(codec);
}

enum pl_code pl__text_done(struct pl_codec *codec, const void **bytes, size_t *size, struct pl_error **error) {
    *bytes = codec->text.data;
    *size = codec->text.size;
    if (!pl_buffer_failed(&codec->text)) return PL_OK;
    return pl_error_set(error, PL_LIMIT, "a message of at most %u bytes expected, and memory for it", PL_MESSAGE_MAX);
}

struct coding {
    enum pl_code (*encode)(struct pl_codec *codec, const struct pl_batch *batch, const void **bytes, size_t *size,
                           struct pl_error **error);
    enum pl_code (*decode)(struct pl_codec *codec, const void *bytes, size_t size, struct pl_batch **batch,
                           struct pl_error **error);
};

static const struct coding codings[PL_ENCODINGS] = {
    [PL_CAPNP] = {pl__capnp_encode, pl__capnp_decode},
    [PL_MSGPACK] = {pl__msgpack_encode, pl__msgpack_decode},
    [PL_JSON] = {pl__json_encode, pl__json_decode},
};

static enum pl_code too_long(size_t size, struct pl_error **error) {
    return pl_error_set(error, PL_LIMIT, "a message of at most %u bytes expected, found %zu", PL_MESSAGE_MAX, size);
}

enum pl_code pl_codec_encode(struct pl_codec *codec, enum pl_encoding encoding, const struct pl_batch *batch,
                             const void **bytes, size_t *size, struct pl_error **error) {
    enum pl_code code = codings[encoding].encode(codec, batch, bytes, size, error);
    return !code && *size > PL_MESSAGE_MAX ? too_long(*size, error) : code;
}

enum pl_code pl_codec_decode(struct pl_codec *codec, enum pl_encoding encoding, const void *bytes, size_t size,
                             struct pl_batch **batch, struct pl_error **error) {
    *batch = NULL;
    if (size > PL_MESSAGE_MAX) return too_long(size, error);
    return codings[encoding].decode(codec, bytes, size, batch, error);
}
