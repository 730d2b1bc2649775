/* Messages in every encoding with a few bytes changed: refused, or a batch that is sound. */
#include <potline/codec.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "any_batch.h"
#include "tags.h"

enum { MUTATIONS = 6000 }; /* of each message */

/* What a decoded batch must be, whatever it was decoded from. */
static void assert_sound(const struct pl_tags *tags, const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    assert_in_range(batch->rows, 0, PL_BATCH_ROWS_MAX);
    assert_in_range(batch->source, 0, pl_tags_count(tags) - 1);
    for (unsigned i = 0; i < info->columns; i++) {
        const uint32_t *ids = batch->column[i];
        if (info->column[i].type != PL_NAME) continue;
        for (uint32_t row = 0; row < batch->rows; row++)
            assert_in_range(ids[row], 0, pl_tags_count(tags) - 1);
    }
    if (!info->heaps) return;
    const uint32_t *end = batch->column[info->end];
    for (uint32_t row = 0, start = 0; row < batch->rows; start = end[row++])
        assert_true(end[row] >= start);
    for (unsigned i = 0; i < info->heaps; i++) {
        assert_int_equal(batch->heap_used[i], batch->rows ? end[batch->rows - 1] : 0);
    }
}

/* Changes a few places; returns the new size, at most `size`. */
static size_t mutate(uint8_t *bytes, size_t size, uint64_t *seed) {
    for (unsigned changes = 1 + any_next(seed) % 4; changes; changes--) {
        uint64_t r = any_next(seed);
        size_t at = r % size, other = (r >> 20) % size;
        size_t run = 1 + (r >> 40) % 8;
        if (at + run > size) run = size - at;
        if (other + run > size) other = size - run;
        switch (r >> 60) {
        case 0: size = at + 1; break;
        case 1: memmove(bytes + at, bytes + other, run); break;
        case 2: memset(bytes + at, 0xFF, run); break;
        case 3: memset(bytes + at, 0, run); break;
        case 4:
        case 5: bytes[at] = (uint8_t)(bytes[at] + 1); break;
        case 6: bytes[at & ~(size_t)7] ^= (uint8_t)(r >> 52); break; /* low byte of a word */
        default: bytes[at] ^= (uint8_t)(1u << (r >> 57 & 7)); break;
        }
    }
    return size;
}

/* Two processes: names have other ids on the other side. */
struct world {
    struct pl_tags *sender, *receiver;
    struct pl_codec *encoder, *decoder;
};

/* Decodes mutations of one message; counts those that are still batches. */
static unsigned decode_mutations(const struct world *w, enum pl_encoding encoding, enum pl_kind kind, unsigned count) {
    const void *bytes;
    size_t size;
    unsigned good = 0;
    uint64_t seed = kind * 17 + encoding;
    struct pl_batch *batch = any_batch(w->sender, kind, 5, seed);
    assert_int_equal(pl_codec_encode(w->encoder, encoding, batch, &bytes, &size, NULL), PL_OK);
    pl_batch_unref(batch);
    for (unsigned i = 0; i < count; i++) {
        uint8_t *copy = malloc(size);
        memcpy(copy, bytes, size);
        size_t length = mutate(copy, size, &seed);
        uint8_t *exact = malloc(length); /* so that a read past the end is seen */
        memcpy(exact, copy, length);
        struct pl_error *error = NULL;
        struct pl_batch *back;
        enum pl_code code = pl_codec_decode(w->decoder, encoding, exact, length, &back, &error);
        assert_int_equal(code == PL_OK, back != NULL);
        assert_int_equal(code == PL_OK, error == NULL);
        if (back) {
            assert_sound(w->receiver, back);
            good++;
        }
        pl_batch_unref(back);
        pl_error_free(&error);
        free(exact);
        free(copy);
    }
    return good;
}

static void no_mutation_does_harm(void **state) {
    (void)state;
    struct world w = {.sender = pl_tags_new(NULL), .receiver = pl_tags_new(&(struct pl_tags_options){.limit = 2000})};
    w.encoder = pl_codec_new(w.sender);
    w.decoder = pl_codec_new(w.receiver);
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        unsigned good = 0, all = 0;
        for (unsigned kind = 0; kind < PL_KINDS; kind++, all += MUTATIONS)
            good += decode_mutations(&w, encoding, kind, MUTATIONS);
        print_message("%s: %u of %u mutated messages are still batches\n", pl_encoding_names[encoding], good, all);
        assert_in_range(good, 100, all - 100);
    }
    pl_codec_free(w.encoder);
    pl_codec_free(w.decoder);
    pl_tags_free(w.sender);
    pl_tags_free(w.receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mutation_does_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
