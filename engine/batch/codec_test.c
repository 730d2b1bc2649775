#include <potline/codec.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "any_batch.h"
#include "pool.h"
#include "tags.h"

struct world {
    struct pl_tags *sender, *receiver; /* two processes: ids differ */
    struct pl_codec *encoder, *decoder;
};

static struct world world_new(uint32_t limit) {
    struct world w = {pl_tags_new(NULL), pl_tags_new(&(struct pl_tags_options){.limit = limit}), NULL, NULL};
    assert_true(w.sender && w.receiver);
    pl_tags_intern(w.receiver, "something else", 14);
    w.encoder = pl_codec_new(w.sender);
    w.decoder = pl_codec_new(w.receiver);
    assert_true(w.encoder && w.decoder);
    return w;
}

static void world_free(struct world *w) {
    pl_codec_free(w->encoder);
    pl_codec_free(w->decoder);
    pl_tags_free(w->sender);
    pl_tags_free(w->receiver);
}

static const char *name_of(const struct pl_tags *tags, uint32_t id) {
    return pl_tags_get(tags, id)->name;
}

static void assert_same_column(const struct world *w, const struct pl_batch *a, const struct pl_batch *b, unsigned i) {
    enum pl_type type = pl_kind_info[a->kind].column[i].type;
    if (type != PL_NAME) {
        assert_memory_equal(a->column[i], b->column[i], (size_t)a->rows * pl_type_size(type));
        return;
    }
    const uint32_t *sent = a->column[i], *got = b->column[i];
    for (uint32_t row = 0; row < a->rows; row++) {
        assert_string_equal(name_of(w->sender, sent[row]), name_of(w->receiver, got[row]));
    }
}

static void assert_same(const struct world *w, const struct pl_batch *a, const struct pl_batch *b) {
    const struct pl_kind_info *info = &pl_kind_info[a->kind];
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(b->header->rows, b->rows);
    assert_int_equal(a->header->partition, b->header->partition);
    assert_int_equal(a->header->first_sequence, b->header->first_sequence);
    assert_int_equal(a->header->receive_time, b->header->receive_time);
    assert_int_equal(a->header->generation, b->header->generation);
    assert_string_equal(name_of(w->sender, a->source), name_of(w->receiver, b->source));
    assert_string_equal(name_of(w->sender, a->model), name_of(w->receiver, b->model));
    for (unsigned i = 0; i < info->columns; i++)
        assert_same_column(w, a, b, i);
    for (unsigned i = 0; i < info->heaps; i++)
        assert_int_equal(a->heap_used[i], b->heap_used[i]);
}

/* Bodies that have been JSON come back with numbers in other widths. */
static void assert_same_heaps(const struct pl_batch *a, const struct pl_batch *b) {
    const struct pl_kind_info *info = &pl_kind_info[a->kind];
    for (unsigned i = 0; i < info->heaps; i++) {
        if (!a->heap_used[i]) continue;
        assert_memory_equal(a->heap[i], b->heap[i], (size_t)a->heap_used[i] * pl_type_size(info->heap[i].type));
    }
}

static void encode(struct world *w, enum pl_encoding encoding, const struct pl_batch *batch, const void **bytes,
                   size_t *size) {
    struct pl_error *error = NULL;
    if (pl_codec_encode(w->encoder, encoding, batch, bytes, size, &error)) fail_msg("%s", error->text);
}

static struct pl_batch *decode(struct world *w, enum pl_encoding encoding, const void *bytes, size_t size) {
    struct pl_error *error = NULL;
    struct pl_batch *batch = NULL;
    if (pl_codec_decode(w->decoder, encoding, bytes, size, &batch, &error)) fail_msg("%s", error->text);
    return batch;
}

/* The text of the error that decoding these bytes gives. */
static void assert_refused(struct world *w, enum pl_encoding encoding, const void *bytes, size_t size,
                           enum pl_code expected, const char *text) {
    struct pl_error *error = NULL;
    struct pl_batch *batch = NULL;
    enum pl_code code = pl_codec_decode(w->decoder, encoding, bytes, size, &batch, &error);
    if (code != expected || batch || !error || !strstr(error->text, text)) {
        fail_msg("'%s' and code %d expected, found '%s' and %d", text, expected, error ? error->text : "-", code);
    }
    pl_error_free(&error);
}

static void events_from_json(const struct pl_batch *sent, const struct pl_batch *got) {
    for (uint32_t row = 0; row < sent->rows; row++) {
        uint32_t length, other;
        const void *body = pl_batch_heap_row(sent, 0, row, &length);
        const void *back = pl_batch_heap_row(got, 0, row, &other);
        assert_int_equal(!length, !other);
        if (!length) continue;
        char *a = pl_pack_json(body, length), *b = pl_pack_json(back, other);
        assert_string_equal(a, b);
        pl_free(a);
        pl_free(b);
    }
}

static void go_round(struct world *w, enum pl_encoding encoding, enum pl_kind kind, uint32_t rows) {
    const void *bytes;
    size_t size;
    struct pl_batch *batch = any_batch(w->sender, kind, rows, rows * 31 + kind);
    encode(w, encoding, batch, &bytes, &size);
    struct pl_batch *back = decode(w, encoding, bytes, size);
    if (encoding == PL_JSON && kind == PL_EVENTS) {
        events_from_json(batch, back);
        for (uint32_t i = 0; i < rows; i++)
            back->events.end[i] = batch->events.end[i];
        back->heap_used[0] = batch->heap_used[0];
    } else {
        assert_same_heaps(batch, back);
    }
    assert_same(w, batch, back);
    pl_batch_unref(back);
    pl_batch_unref(batch);
}

static void what_is_encoded_decodes_to_the_same(void **state) {
    (void)state;
    struct world w = world_new(0);
    static const uint32_t many[] = {1000, 1024, 4095, 4096, 8192};
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        for (unsigned kind = 0; kind < PL_KINDS; kind++) {
            for (uint32_t rows = 0; rows < 70; rows++)
                go_round(&w, encoding, kind, rows);
            for (size_t i = 0; i < PL_COUNT_OF(many); i++)
                go_round(&w, encoding, kind, many[i]);
        }
    }
    world_free(&w);
}

static void a_message_may_begin_anywhere(void **state) {
    (void)state;
    struct world w = world_new(0);
    struct pl_batch *batch = any_batch(w.sender, PL_SAMPLES, 33, 7);
    const void *bytes;
    size_t size;
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        encode(&w, encoding, batch, &bytes, &size);
        char *copy = malloc(size + 8);
        for (unsigned offset = 0; offset < 8; offset++) {
            memcpy(copy + offset, bytes, size);
            struct pl_batch *back = decode(&w, encoding, copy + offset, size);
            assert_same(&w, batch, back);
            pl_batch_unref(back);
        }
        free(copy);
    }
    pl_batch_unref(batch);
    world_free(&w);
}

/* The ids of the names of the message before are used again; they must not be when the names are others. */
static void names_are_told_apart_between_messages(void **state) {
    (void)state;
    struct world w = world_new(0);
    for (unsigned i = 0; i < 300; i++) {
        const void *bytes;
        size_t size;
        enum pl_encoding encoding = i % 7 == 3 ? PL_MSGPACK : PL_CAPNP;
        struct pl_batch *batch = any_batch(w.sender, PL_SAMPLES, i % 3 + 1, i / 4);
        encode(&w, encoding, batch, &bytes, &size);
        struct pl_batch *back = decode(&w, encoding, bytes, size);
        assert_same(&w, batch, back);
        pl_batch_unref(back);
        pl_batch_unref(batch);
    }
    world_free(&w);
}

static void rows_whose_names_find_no_room_are_left_out(void **state) {
    (void)state;
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        struct world w = world_new(3); /* "something else", "in" and one more */
        pl_tags_intern(w.receiver, "in", 2);
        uint32_t known = pl_tags_intern(w.sender, "known", 5), other = pl_tags_intern(w.sender, "other", 5);
        struct pl_batch *batch = any_batch(w.sender, PL_SAMPLES, 9, 1);
        batch->source = pl_tags_intern(w.sender, "in", 2);
        for (uint32_t i = 0; i < 9; i++)
            batch->samples.tag[i] = i % 3 ? other : known;
        const void *bytes;
        size_t size;
        encode(&w, encoding, batch, &bytes, &size);
        struct pl_batch *back = decode(&w, encoding, bytes, size);
        assert_int_equal(back->header->rows, 9);
        assert_int_equal(back->rows, 3);
        for (uint32_t i = 0; i < 3; i++) {
            assert_string_equal(name_of(w.receiver, back->samples.tag[i]), "known");
            assert_int_equal(back->samples.time[i], batch->samples.time[3 * i]);
        }
        pl_batch_unref(back);

        for (uint32_t i = 0; i < 9; i++)
            batch->samples.tag[i] = other;
        encode(&w, encoding, batch, &bytes, &size);
        assert_refused(&w, encoding, bytes, size, PL_LIMIT, "room in the registry");
        pl_batch_unref(batch);
        world_free(&w);
    }
}

static void every_byte_and_cut_of_a_capnp_message_is_checked(void **state) {
    (void)state;
    struct world w = world_new(0);
    struct pl_batch *batch = any_batch(w.sender, PL_EVENTS, 3, 5);
    const void *bytes;
    size_t size;
    encode(&w, PL_CAPNP, batch, &bytes, &size);
    for (size_t length = 0; length < size; length++) {
        char *copy = malloc(length ? length : 1);
        memcpy(copy, bytes, length);
        struct pl_error *error = NULL;
        struct pl_batch *back;
        assert_int_not_equal(pl_codec_decode(w.decoder, PL_CAPNP, copy, length, &back, &error), PL_OK);
        assert_null(back);
        pl_error_free(&error);
        free(copy);
    }
    pl_batch_unref(batch);
    world_free(&w);
}

static void a_message_over_the_limit_is_refused(void **state) {
    (void)state;
    struct world w = world_new(0);
    char *long_message = calloc(1, PL_MESSAGE_MAX + 8);
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        assert_refused(&w, encoding, long_message, PL_MESSAGE_MAX + 8, PL_LIMIT, "at most");
        assert_refused(&w, encoding, long_message, 0, PL_CORRUPT, "expected");
    }
    free(long_message);

    struct pl_batch *batch = pl_batch_new(PL_PROFILES, 1, PL_BATCH_HEAP_MAX);
    static double zeros[PL_BATCH_HEAP_MAX];
    for (unsigned heap = 0; heap < 2; heap++)
        assert_non_null(pl_batch_heap(batch, heap, zeros, PL_BATCH_HEAP_MAX));
    batch->profiles.asset[0] = batch->profiles.quantity[0] = 0;
    batch->profiles.time[0] = 0;
    batch->profiles.quality[0] = 0;
    batch->profiles.end[0] = PL_BATCH_HEAP_MAX;
    batch->rows = 1;
    for (unsigned encoding = 0; encoding < PL_JSON; encoding++) {
        const void *bytes;
        size_t size;
        assert_int_equal(pl_codec_encode(w.encoder, encoding, batch, &bytes, &size, NULL), PL_LIMIT);
    }
    pl_batch_unref(batch);
    world_free(&w);
}

#define BYTES(text) text, sizeof(text) - 1
#define COLUMNS(text) BYTES("{\"kind\":\"samples\",\"columns\":" text "}")

static void json_says_what_it_expected(void **state) {
    (void)state;
    struct world w = world_new(0);
    const enum pl_encoding J = PL_JSON;
    assert_refused(&w, J, BYTES("[]"), PL_CORRUPT, "one JSON object");
    assert_refused(&w, J, BYTES("{\"kind\":\"samples\"} x"), PL_CORRUPT, "one JSON object");
    assert_refused(&w, J, BYTES("{\"kind\":\"samples\"}"), PL_CORRUPT, "columns: an object");
    assert_refused(&w, J, BYTES("{\"columns\":{}}"), PL_CORRUPT, "kind: a string");
    assert_refused(&w, J, BYTES("{\"kind\":\"sample\",\"columns\":{}}"), PL_CORRUPT, "found 'sample'");
    assert_refused(&w, J, BYTES("{\"kind\":\"samples\",\"partition\":70000,\"columns\":{}}"), PL_CORRUPT, "partition");
    assert_refused(&w, J, COLUMNS("[]"), PL_CORRUPT, "columns: an object");
    assert_refused(&w, J, COLUMNS("{}"), PL_CORRUPT, "a column time expected");
    assert_refused(&w, J, COLUMNS("{\"time\":[1],\"tag\":[\"a\"]}"), PL_CORRUPT, "a column value expected");
    assert_refused(&w, J, COLUMNS("{\"time\":[1,2],\"tag\":[\"a\"],\"value\":[1,2]}"), PL_CORRUPT, "2 values of tag");
    assert_refused(&w, J, COLUMNS("{\"time\":[1],\"time\":[1]}"), PL_CORRUPT, "time expected once");
    assert_refused(&w, J, COLUMNS("{\"time\":[1,\"x\"]}"), PL_CORRUPT, "row 1 of time");
    assert_refused(&w, J, COLUMNS("{\"time\":[1.5]}"), PL_CORRUPT, "row 0 of time");
    assert_refused(&w, J, COLUMNS("{\"value\":[1,01]}"), PL_CORRUPT, "else at byte");
    assert_refused(&w, J, COLUMNS("{\"value\":[\"1\"]}"), PL_CORRUPT, "a number or null");
    assert_refused(&w, J, COLUMNS("{\"value\":[nan]}"), PL_CORRUPT, "else at byte");
    assert_refused(&w, J, COLUMNS("{\"quality\":[\"fair\"]}"), PL_CORRUPT, "a quality");
    assert_refused(&w, J, COLUMNS("{\"quality\":[65536]}"), PL_CORRUPT, "0 to 65535");
    assert_refused(&w, J, COLUMNS("{\"tag\":[\"a\\u0001\"],\"time\":[1],\"value\":[1]}"), PL_CORRUPT, "name 0");
    assert_refused(&w, J, COLUMNS("{\"tag\":[\"\\ud800\"]}"), PL_CORRUPT, "else at byte");
    assert_refused(&w, J, COLUMNS("{\"tag\":[\"\xff\"]}"), PL_CORRUPT, "else at byte");
    world_free(&w);
}

static void json_from_others_needs_little(void **state) {
    (void)state;
    struct world w = world_new(0);
    struct pl_batch *batch =
        decode(&w, PL_JSON,
               BYTES(" { \"new\": [{\"x\":[1,true,null]}], \"columns\" : { \"value\":[ 1e3 , null, -0.5],"
                     "\"other\":{}, \"time\":[\"2026-11-23T06:00:00.25Z\", 7, \"1970-01-01T00:00:01Z\"],"
                     "\"tag\":[\"a.b\",\"\\u00e4\\ud83c\\udfed\",\"a.b\"]}, \"kind\":\"samples\"}\n"));
    assert_int_equal(batch->rows, 3);
    assert_int_equal(batch->samples.time[0], 1795413600250000000);
    assert_int_equal(batch->samples.time[1], 7);
    assert_int_equal(batch->samples.time[2], PL_SECOND);
    assert_string_equal(name_of(w.receiver, batch->samples.tag[1]), "\xc3\xa4\xf0\x9f\x8f\xad");
    assert_int_equal(batch->samples.tag[0], batch->samples.tag[2]);
    assert_true(batch->samples.value[0] == 1000 && isnan(batch->samples.value[1]) && batch->samples.value[2] == -0.5);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(batch->samples.quality[i], 0);
    pl_batch_unref(batch);

    batch =
        decode(&w, PL_JSON, BYTES("{\"kind\":\"windows\",\"columns\":{\"tag\":[\"a\"],\"start\":[0],\"end\":[10]}}"));
    assert_int_equal(batch->windows.count[0], 0);
    assert_true(isnan(batch->windows.mean[0]) && isnan(batch->windows.last[0]));
    pl_batch_unref(batch);

    batch = decode(
        &w, PL_JSON,
        BYTES("{\"kind\":\"events\",\"columns\":{\"time\":[0],\"id\":[\"18446744073709551615\"],\"kind\":[\"k\"],"
              "\"severity\":[500],\"asset\":[\"\"],\"tag\":[\"\"]}}"));
    assert_true(batch->events.id[0] == UINT64_MAX);
    assert_int_equal(batch->events.end[0], 0);
    pl_batch_unref(batch);
    world_free(&w);
}

static void hostile_json_takes_little_memory(void **state) {
    (void)state;
    struct world w = world_new(0);
    char *text = malloc(PL_MESSAGE_MAX);
    memset(text, '[', PL_MESSAGE_MAX);
    memcpy(text, BYTES("{\"x\":"));
    assert_refused(&w, PL_JSON, text, PL_MESSAGE_MAX, PL_CORRUPT, "one JSON object");
    const char start[] = "{\"kind\":\"samples\",\"columns\":{\"value\":[";
    for (size_t i = 0; i + 1 < PL_MESSAGE_MAX; i += 2)
        memcpy(text + i, "1,", 2);
    memcpy(text, start, sizeof(start) - 1);
    memcpy(text + PL_MESSAGE_MAX - 4, "1]}}", 4);
    assert_refused(&w, PL_JSON, text, PL_MESSAGE_MAX, PL_LIMIT, "at most 8192 rows");
    free(text);
    world_free(&w);
}

static void msgpack_says_what_it_expected(void **state) {
    (void)state;
    struct world w = world_new(0);
    const enum pl_encoding M = PL_MSGPACK;
    assert_refused(&w, M, BYTES("\x90"), PL_CORRUPT, "one msgpack map");
    assert_refused(&w, M, BYTES("\x80\x80"), PL_CORRUPT, "one msgpack map");
    assert_refused(&w, M, BYTES("\x80"), PL_CORRUPT, "kind: a string");
    assert_refused(&w, M, BYTES("\x81\xa4kind\xa1x"), PL_CORRUPT, "found 'x'");
    assert_refused(&w, M, BYTES("\x81\xa4kind\xa7samples"), PL_CORRUPT, "columns: a map");
    assert_refused(&w, M, BYTES("\x82\xa4kind\xa7samples\247columns\x81\xa5value\x91\xa1x"), PL_CORRUPT,
                   "row 0 of value");
    assert_refused(&w, M, BYTES("\x82\xa4kind\xa7samples\247columns\x81\xa7quality\x91\xff"), PL_CORRUPT,
                   "natural number");
    assert_refused(&w, M, BYTES("\x82\xa4kind\xa7samples\247columns\x81\xa5value\xdd\xff\xff\xff\xff"), PL_CORRUPT,
                   "one msgpack");
    struct pl_batch *batch = decode(&w, M,
                                    BYTES("\x82\247columns\x83\xa4time\x91\x05\xa3tag\x91\xa3"
                                          "a.b\xa5value\x91\xc0\xa4kind\xa7samples"));
    assert_int_equal(batch->samples.time[0], 5);
    assert_true(isnan(batch->samples.value[0]));
    pl_batch_unref(batch);
    world_free(&w);
}

static void bodies_and_reasons_are_checked(void **state) {
    (void)state;
    struct world w = world_new(0);
    const void *bytes;
    size_t size;
    struct pl_batch *batch = any_batch(w.sender, PL_EVENTS, 1, 2);
    batch->heap_used[0] = 0;
    pl_batch_heap(batch, 0, "\x81\xa1", 2); /* a map of one pair that is not there */
    batch->events.end[0] = 2;
    encode(&w, PL_CAPNP, batch, &bytes, &size);
    assert_refused(&w, PL_CAPNP, bytes, size, PL_CORRUPT, "one msgpack map");
    pl_batch_unref(batch);

    batch = any_batch(w.sender, PL_SETPOINTS, 2, 2);
    batch->heap_used[0] = 0;
    pl_batch_heap(batch, 0, "\xc3\xa4", 2); /* one character that two rows share */
    batch->setpoints.end[0] = 1;
    batch->setpoints.end[1] = 2;
    encode(&w, PL_CAPNP, batch, &bytes, &size);
    assert_refused(&w, PL_CAPNP, bytes, size, PL_CORRUPT, "row 0: a reason");
    batch->setpoints.end[0] = 3;
    encode(&w, PL_CAPNP, batch, &bytes, &size);
    assert_refused(&w, PL_CAPNP, bytes, size, PL_CORRUPT, "row 0: an end");
    pl_batch_unref(batch);
    world_free(&w);
}

static void without_memory_nothing_is_lost_or_leaked(void **state) {
    (void)state;
    pl_pool_limit(0);
    struct world w = world_new(0);
    struct pl_batch *batch = any_batch(w.sender, PL_EVENTS, 20, 3);
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        for (int64_t fail = 0;; fail++) {
            struct pl_codec *codec = pl_codec_new(w.sender);
            int64_t live = pl_alloc_live();
            const void *bytes;
            size_t size;
            struct pl_batch *back = NULL;
            struct pl_error *error = NULL;
            pl_alloc_fail_after(fail);
            enum pl_code code = pl_codec_encode(codec, encoding, batch, &bytes, &size, &error);
            if (!code) code = pl_codec_decode(codec, encoding, bytes, size, &back, &error);
            bool failed = code != PL_OK;
            pl_alloc_fail_after(-1);
            pl_error_free(&error);
            assert_int_equal(failed, back == NULL);
            pl_batch_unref(back);
            pl_codec_free(codec);
            assert_true(pl_alloc_live() < live);
            if (!failed) break;
            assert_in_range(fail, 0, 60);
        }
    }
    pl_batch_unref(batch);
    world_free(&w);
    pl_pool_limit(PL_POOL_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(a_message_may_begin_anywhere),
        cmocka_unit_test(names_are_told_apart_between_messages),
        cmocka_unit_test(rows_whose_names_find_no_room_are_left_out),
        cmocka_unit_test(every_byte_and_cut_of_a_capnp_message_is_checked),
        cmocka_unit_test(a_message_over_the_limit_is_refused),
        cmocka_unit_test(json_says_what_it_expected),
        cmocka_unit_test(json_from_others_needs_little),
        cmocka_unit_test(hostile_json_takes_little_memory),
        cmocka_unit_test(msgpack_says_what_it_expected),
        cmocka_unit_test(bodies_and_reasons_are_checked),
        cmocka_unit_test(without_memory_nothing_is_lost_or_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
