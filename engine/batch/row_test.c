#include <potline/row.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/pack.h>
#include <potline/quality.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>
#include <jansson.h>

#include "any_batch.h"
#include "tags.h"

static const struct pl_row_form plain = {0}, exact = {.nanoseconds = true, .infinities = true};

/* Row `row` in its braces; fails when more than the promised room was written. The caller frees it. */
static char *text_of(const struct pl_row_form *form, const struct pl_tags *tags, const struct pl_batch *batch,
                     uint32_t row) {
    size_t room = pl_row_room(batch, row);
    char *text = malloc(room + 3); /* as much as is promised, the braces and a 0: a sanitizer sees one byte more */
    text[0] = '{';
    char *end = pl_row_put(text + 1, form, tags, batch, row);
    assert_non_null(end);
    assert_true((size_t)(end - text - 1) <= room);
    memcpy(end, "}", 2);
    return text;
}

static void gives(const struct pl_row_form *form, const struct pl_tags *tags, const struct pl_batch *batch,
                  uint32_t row, const char *expected) {
    char *text = text_of(form, tags, batch, row);
    assert_string_equal(text, expected);
    free(text);
}

static uint32_t name(struct pl_tags *tags, const char *text) {
    return pl_tags_intern(tags, text, strlen(text));
}

/* ---- Row by row ---- */

static void samples(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 4, 0);
    b->rows = 4;
    for (uint32_t i = 0; i < 4; i++) {
        b->samples.time[i] = INT64_C(1795413600250000000);
        b->samples.tag[i] = name(tags, i == 2 ? "a \"b\" \\ \xc3\xa4.x" : "line1.pot07.voltage");
        b->samples.value[i] = (double[]){4.2, NAN, INFINITY, -INFINITY}[i];
        b->samples.quality[i] = i == 1 ? PL_Q_BAD | PL_Q_MISSING : 0;
    }
    gives(&plain, tags, b, 0,
          "{\"type\":\"samples\",\"time\":\"2026-11-23T06:00:00.25Z\",\"tag\":\"line1.pot07.voltage\",\"value\":4.2,"
          "\"quality\":\"good\"}");
    gives(&plain, tags, b, 1,
          "{\"type\":\"samples\",\"time\":\"2026-11-23T06:00:00.25Z\",\"tag\":\"line1.pot07.voltage\",\"value\":null,"
          "\"quality\":\"bad|missing\"}");
    gives(&plain, tags, b, 2,
          "{\"type\":\"samples\",\"time\":\"2026-11-23T06:00:00.25Z\",\"tag\":\"a \\\"b\\\" \\\\ \xc3\xa4.x\","
          "\"value\":null,\"quality\":\"good\"}");
    gives(&exact, tags, b, 2,
          "{\"type\":\"samples\",\"time_ns\":1795413600250000000,\"tag\":\"a \\\"b\\\" \\\\ \xc3\xa4.x\","
          "\"value\":\"inf\",\"quality\":\"good\"}");
    gives(&exact, tags, b, 3,
          "{\"type\":\"samples\",\"time_ns\":1795413600250000000,\"tag\":\"line1.pot07.voltage\",\"value\":\"-inf\","
          "\"quality\":\"good\"}");
    pl_batch_unref(b);
    pl_tags_free(tags);
}

static void windows(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    struct pl_batch *b = pl_batch_new(PL_WINDOWS, 1, 0);
    b->rows = 1;
    b->windows.tag[0] = name(tags, "p.v");
    b->windows.start[0] = 0;
    b->windows.end[0] = 10 * PL_SECOND;
    b->windows.count[0] = UINT32_MAX;
    b->windows.skipped[0] = 0;
    b->windows.mean[0] = 0.1;
    b->windows.min[0] = -1e300;
    b->windows.max[0] = 5;
    b->windows.stddev[0] = NAN;
    b->windows.first[0] = 1;
    b->windows.last[0] = 2;
    b->windows.quality[0] = PL_Q_UNCERTAIN | PL_Q_SPIKE | PL_Q_REPLACED;
    gives(&plain, tags, b, 0,
          "{\"type\":\"windows\",\"tag\":\"p.v\",\"start\":\"1970-01-01T00:00:00Z\",\"end\":\"1970-01-01T00:00:10Z\","
          "\"count\":4294967295,\"skipped\":0,\"mean\":0.1,\"min\":-1e300,\"max\":5,\"stddev\":null,\"first\":1,"
          "\"last\":2,\"quality\":\"uncertain|spike|replaced\"}");
    pl_batch_unref(b);
    pl_tags_free(tags);
}

static void profiles_have_their_numbers_as_arrays(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    struct pl_batch *b = pl_batch_new(PL_PROFILES, 2, 8);
    b->rows = 2;
    for (uint32_t i = 0; i < 2; i++) {
        b->profiles.asset[i] = name(tags, "l1.p1");
        b->profiles.quantity[i] = name(tags, "temperature");
        b->profiles.time[i] = i;
        b->profiles.quality[i] = 0;
        if (i == 1) {
            pl_batch_heap(b, 0, (const double[]){0, 0.5, 1}, 3);
            pl_batch_heap(b, 1, (const double[]){960, NAN, INFINITY}, 3);
        }
        b->profiles.end[i] = b->heap_used[0];
    }
    gives(&exact, tags, b, 0,
          "{\"type\":\"profiles\",\"asset\":\"l1.p1\",\"quantity\":\"temperature\",\"time_ns\":0,\"quality\":\"good\","
          "\"positions\":[],\"values\":[]}");
    gives(&exact, tags, b, 1,
          "{\"type\":\"profiles\",\"asset\":\"l1.p1\",\"quantity\":\"temperature\",\"time_ns\":1,\"quality\":\"good\","
          "\"positions\":[0,0.5,1],\"values\":[960,null,\"inf\"]}");
    pl_batch_unref(b);
    pl_tags_free(tags);
}

static void setpoints_have_ids_of_all_64_bits(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    struct pl_batch *b = pl_batch_new(PL_SETPOINTS, 1, 64);
    b->rows = 1;
    b->setpoints.time[0] = 0;
    b->setpoints.id[0] = UINT64_MAX;
    b->setpoints.tag[0] = name(tags, "p.set");
    b->setpoints.value[0] = 1;
    b->setpoints.lower[0] = -INFINITY;
    b->setpoints.upper[0] = 2;
    b->setpoints.expiry[0] = PL_SECOND;
    b->setpoints.token[0] = (uint64_t)INT64_MAX + 1;
    b->setpoints.origin[0] = name(tags, "rules");
    pl_batch_heap(b, 0, "too\n\"hot\"", 9);
    b->setpoints.end[0] = b->heap_used[0];
    gives(&exact, tags, b, 0,
          "{\"type\":\"setpoints\",\"time_ns\":0,\"id\":\"18446744073709551615\",\"tag\":\"p.set\",\"value\":1,"
          "\"lower\":\"-inf\",\"upper\":2,\"expiry_ns\":1000000000,\"token\":\"9223372036854775808\","
          "\"origin\":\"rules\",\"reason\":\"too\\n\\\"hot\\\"\"}");
    pl_batch_unref(b);
    pl_tags_free(tags);
}

static struct pl_batch *an_event(struct pl_tags *tags, const void *body, size_t size) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 1, (uint32_t)size + 1);
    assert_non_null(b);
    b->rows = 1;
    b->events.time[0] = 0;
    b->events.id[0] = 7;
    b->events.kind[0] = name(tags, "threshold.high");
    b->events.severity[0] = 900;
    b->events.asset[0] = name(tags, "p");
    b->events.tag[0] = 0;
    if (size) pl_batch_heap(b, 0, body, (uint32_t)size);
    b->events.end[0] = b->heap_used[0];
    return b;
}

#define EVENT                                                                                                          \
    "{\"type\":\"events\",\"time_ns\":0,\"id\":\"7\",\"kind\":\"threshold.high\",\"severity\":900,\"asset\":\"p\","    \
    "\"tag\":\"\",\"body\":"

static void events_have_a_body_or_null(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    struct pl_pack *pack = pl_pack_new();
    pl_pack_map(pack, 2);
    pl_pack_pair_f64(pack, "value", 4.25);
    pl_pack_pair_str(pack, "message", "\"hot\"");
    struct pl_batch *none = an_event(tags, NULL, 0);
    struct pl_batch *some = an_event(tags, pl_pack_data(pack), pl_pack_size(pack));
    gives(&exact, tags, none, 0, EVENT "null}");
    gives(&exact, tags, some, 0, EVENT "{\"value\":4.25,\"message\":\"\\\"hot\\\"\"}}");

    char *text = malloc(pl_row_room(some, 0));
    pl_alloc_fail_after(0); /* a body is read through memory of its own */
    assert_null(pl_row_put(text, &exact, tags, some, 0));
    pl_alloc_fail_after(-1);
    free(text);
    pl_batch_unref(none);
    pl_batch_unref(some);
    pl_pack_free(pack);
    pl_tags_free(tags);
}

/* ---- Room, for the longest there is ---- */

static void the_longest_names_qualities_and_bodies_fit(void **state) {
    (void)state;
    char longest[PL_NAME_MAX + 1];
    memset(longest, '"', PL_NAME_MAX);
    longest[PL_NAME_MAX] = 0;
    struct pl_tags *tags = pl_tags_new(NULL);
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    b->rows = 1;
    b->samples.time[0] = PL_TIME_MIN;
    b->samples.tag[0] = name(tags, longest);
    b->samples.value[0] = -2.2250738585072014e-308;
    b->samples.quality[0] = UINT16_MAX;
    char *text = text_of(&plain, tags, b, 0);
    json_t *row = json_loads(text, 0, NULL);
    assert_non_null(row);
    assert_string_equal(json_string_value(json_object_get(row, "tag")), longest);
    json_decref(row);
    free(text);
    pl_batch_unref(b);

    struct pl_pack *pack = pl_pack_new();
    pl_pack_map(pack, 1);
    pl_pack_str(pack, "k");
    pl_pack_array(pack, 900);
    for (unsigned i = 0; i < 300; i++) {
        pl_pack_strn(pack, "\x01\x02\x03\x04", 4);
        pl_pack_bool(pack, false);
        pl_pack_f64(pack, -2.2250738585072014e-308);
    }
    b = an_event(tags, pl_pack_data(pack), pl_pack_size(pack));
    text = text_of(&plain, tags, b, 0);
    row = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(row);
    assert_int_equal(json_array_size(json_object_get(json_object_get(row, "body"), "k")), 900);
    json_decref(row);
    free(text);
    pl_batch_unref(b);
    pl_pack_free(pack);
    pl_tags_free(tags);
}

/* ---- Any rows read back ---- */

static void same_f64(double value, const json_t *found) {
    if (isnan(value))
        assert_true(json_is_null(found));
    else
        assert_true(json_number_value(found) == value);
}

static void same_column(const struct pl_tags *tags, const struct pl_column_info *info, const void *column, uint32_t i,
                        const json_t *row) {
    char key[64], digits[32];
    snprintf(key, sizeof key, "%s%s", info->name, info->type == PL_I64 ? "_ns" : "");
    const json_t *found = json_object_get(row, key);
    assert_non_null(found);
    switch (info->type) {
    case PL_I64: assert_true(json_integer_value(found) == ((const int64_t *)column)[i]); break;
    case PL_F64: same_f64(((const double *)column)[i], found); break;
    case PL_U32: assert_true(json_integer_value(found) == ((const uint32_t *)column)[i]); break;
    case PL_NAME:
        assert_string_equal(json_string_value(found), pl_tags_get(tags, ((const uint32_t *)column)[i])->name);
        break;
    case PL_U64:
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)((const uint64_t *)column)[i]);
        assert_string_equal(json_string_value(found), digits);
        break;
    default: {
        uint16_t quality = 0, number = ((const uint16_t *)column)[i];
        if (json_is_integer(found)) {
            assert_int_equal(json_integer_value(found), number);
        } else {
            assert_true(pl_quality_parse(json_string_value(found), json_string_length(found), &quality));
            assert_int_equal(quality, number);
        }
    }
    }
}

static void any_row_reads_back(void **state) {
    (void)state;
    enum { ROWS = 40, ROUNDS = 20 };
    struct pl_tags *tags = pl_tags_new(NULL);
    for (unsigned round = 0; round < ROUNDS * PL_KINDS; round++) {
        enum pl_kind kind = (enum pl_kind)(round % PL_KINDS);
        const struct pl_kind_info *info = &pl_kind_info[kind];
        struct pl_batch *b = any_batch(tags, kind, ROWS, round);
        for (uint32_t i = 0; i < ROWS; i++) {
            char *text = text_of(&exact, tags, b, i);
            json_t *row = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
            if (!row) fail_msg("no JSON: %s", text);
            unsigned columns = info->heaps ? info->end : info->columns;
            assert_int_equal(json_object_size(row), 1 + columns + info->heaps);
            assert_string_equal(json_string_value(json_object_get(row, "type")), info->name);
            for (unsigned c = 0; c < columns; c++)
                same_column(tags, &info->column[c], b->column[c], i, row);
            uint32_t length = 0;
            if (kind == PL_PROFILES) pl_batch_heap_row(b, 0, i, &length);
            if (kind == PL_PROFILES) assert_int_equal(json_array_size(json_object_get(row, "values")), length);
            json_decref(row);
            free(text);
        }
        pl_batch_unref(b);
    }
    pl_tags_free(tags);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples),
        cmocka_unit_test(windows),
        cmocka_unit_test(profiles_have_their_numbers_as_arrays),
        cmocka_unit_test(setpoints_have_ids_of_all_64_bits),
        cmocka_unit_test(events_have_a_body_or_null),
        cmocka_unit_test(the_longest_names_qualities_and_bodies_fit),
        cmocka_unit_test(any_row_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
