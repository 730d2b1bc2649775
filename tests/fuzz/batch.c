/* A batch of any origin: the first byte chooses the encoding, the rest is the message. What decodes is sound, and goes
 * through every encoding without a change. */
#include <potline/codec.h>
#include <string.h>

#include "batch/tags.h"
#include "expect.h"

enum { NAMES = 200 };

static void expect_sound(const struct pl_tags *tags, const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    EXPECT(batch->rows <= batch->capacity && batch->rows <= batch->header->rows);
    EXPECT(batch->source < pl_tags_count(tags));
    for (unsigned i = 0; i < info->columns; i++) {
        const uint32_t *ids = batch->column[i];
        if (info->column[i].type != PL_NAME) continue;
        for (uint32_t row = 0; row < batch->rows; row++)
            EXPECT(ids[row] < pl_tags_count(tags));
    }
    if (!info->heaps) return;
    const uint32_t *end = batch->column[info->end];
    for (uint32_t row = 0, start = 0; row < batch->rows; start = end[row++])
        EXPECT(end[row] >= start);
    for (unsigned i = 0; i < info->heaps; i++)
        EXPECT(batch->heap_used[i] == (batch->rows ? end[batch->rows - 1] : 0));
}

static void expect_same(const struct pl_batch *a, const struct pl_batch *b) {
    const struct pl_kind_info *info = &pl_kind_info[a->kind];
    EXPECT(a->kind == b->kind && a->rows == b->rows && a->source == b->source);
    for (unsigned i = 0; i < info->columns; i++) {
        size_t size = (size_t)a->rows * pl_type_size(info->column[i].type);
        EXPECT(!size || memcmp(a->column[i], b->column[i], size) == 0);
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        size_t size = (size_t)a->heap_used[i] * pl_type_size(info->heap[i].type);
        EXPECT(a->heap_used[i] == b->heap_used[i]);
        EXPECT(!size || memcmp(a->heap[i], b->heap[i], size) == 0);
    }
}

/* JSON has no NaN payloads, no infinities, and no other msgpack than its own: there only the form is looked at. */
static void go_through(struct pl_codec *codec, const struct pl_tags *tags, enum pl_encoding encoding,
                       const struct pl_batch *batch) {
    const void *bytes;
    size_t size;
    struct pl_batch *back;
    if (pl_codec_encode(codec, encoding, batch, &bytes, &size, NULL)) return; /* too long, as text can become */
    enum pl_code code = pl_codec_decode(codec, encoding, bytes, size, &back, NULL);
    if (encoding == PL_JSON && code) return; /* quality bits and times that have no text */
    EXPECT(code == PL_OK);
    expect_sound(tags, back);
    EXPECT(back->rows == batch->rows);
    if (encoding != PL_JSON) expect_same(batch, back);
    pl_batch_unref(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (!size) return 0;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    struct pl_codec *codec = pl_codec_new(tags);
    struct pl_batch *batch;
    if (pl_codec_decode(codec, (enum pl_encoding)(bytes[0] % PL_ENCODINGS), bytes + 1, size - 1, &batch, NULL) ==
        PL_OK) {
        expect_sound(tags, batch);
        for (unsigned i = 0; i < PL_ENCODINGS; i++)
            go_through(codec, tags, (enum pl_encoding)i, batch);
        pl_batch_unref(batch);
    }
    pl_codec_free(codec);
    pl_tags_free(tags);
    return 0;
}
