#include "writer.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/quality.h>

#include "batch/tags.h"

static uint64_t random_state = 9;

static uint64_t next_random(void) {
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return random_state >> 8;
}

static void expect_number(double value, const char *expected, uint8_t *decimals) {
    char text[400];
    *pl_writer_number(text, value, decimals) = 0;
    if (strcmp(text, expected) != 0) fail_msg("%.17g: wrote %s, expected %s", value, text, expected);
}

/* The shortest decimal that reads back the same, found by trying. */
static void shortest(double value, char *text) {
    for (int digits = 1; digits <= 17; digits++) {
        sprintf(text, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value) return;
    }
}

static size_t digits_in(const char *text) {
    size_t n = 0;
    const char *first = text + strspn(text, "-0.");
    for (const char *c = first; *c && *c != 'e'; c++)
        n += *c != '.';
    for (const char *c = text + strcspn(text, "e"); c > first && c[-1] == '0' && strchr(text, '.'); c--)
        n--;
    return n;
}

static void numbers_as_short_as_they_can_be(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {-7, "-7"},
                 {4.1485, "4.1485"},
                 {180, "180"},
                 {0.5, "0.5"},
                 {-0.0005, "-0.0005"},
                 {100.25, "100.25"},
                 {99999999, "99999999"},
                 {0.1234567, "0.1234567"},
                 {12345.6789, "12345.6789"},
                 {123456789.5, "123456789.5"},
                 {1000000, "1000000"},
                 {INFINITY, "inf"}};
    for (int order = 0; order < 8; order++) {
        uint8_t decimals = (uint8_t)order;
        for (unsigned i = 0; i < PL_COUNT_OF(cases); i++) {
            expect_number(cases[i].value, cases[i].text, &decimals);
        }
    }
}

static void every_number_reads_back(void **state) {
    (void)state;
    uint8_t decimals = 0;
    for (int i = 0; i < 1000000; i++) {
        double value;
        if (i % 4) {
            value = (double)(next_random() % 1000000000) / pow(10, (double)(next_random() % 10));
        } else {
            uint64_t bits = next_random() << 8 ^ next_random();
            memcpy(&value, &bits, sizeof(value));
        }
        if (!isfinite(value)) continue;
        if (next_random() % 2) value = -value;
        char text[400], truth[64];
        *pl_writer_number(text, value, &decimals) = 0;
        assert_true(strtod(text, NULL) == value);
        assert_in_range(decimals, 0, 7);
        if (i % 16) continue;
        shortest(value, truth);
        if (digits_in(text) > digits_in(truth) && !strpbrk(truth, "+")) fail_msg("%s is longer than %s", text, truth);
    }
}

struct fixture {
    struct pl_tags *tags;
    struct pl_writing writing;
    struct pl_writer writer;
};

static void begin(struct fixture *f, enum pl_kind kind, int64_t decimals, const char **columns, uint32_t count) {
    f->tags = pl_tags_new(NULL);
    f->writing = (struct pl_writing){.decimals = decimals, .delimiter = ",", .missing = ""};
    f->writing.columns = (struct pl_strings){columns, count};
    struct pl_error *error = NULL;
    if (pl_writer_init(&f->writer, kind, &f->writing, f->tags, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
}

static void end(struct fixture *f) {
    pl_writer_fini(&f->writer);
    pl_tags_free(f->tags);
}

static uint32_t tag(struct fixture *f, const char *name) {
    return pl_tags_intern(f->tags, name, strlen(name));
}

static void expect_row(struct fixture *f, const struct pl_batch *batch, uint32_t row, const char *expected) {
    size_t room = pl_writer_room(&f->writer, batch, row);
    struct pl_batch *one = pl_batch_like(batch, 1, 1000);
    pl_batch_append(one, batch, row, 1);
    uint32_t next = 0;
    char *text = test_malloc(room + 1);
    assert_int_equal(pl_writer_rows(&f->writer, one, &next, text, room - 1), 0);
    assert_int_equal(next, 0);
    size_t size = pl_writer_rows(&f->writer, one, &next, text, room);
    assert_int_equal(next, 1);
    text[size] = 0;
    assert_string_equal(text, expected);
    pl_batch_unref(one);
    test_free(text);
}

static void expect_header(const struct fixture *f, const char *expected) {
    char text[2000];
    char *at = pl_writer_header(&f->writer, text);
    assert_in_range(at - text, 0, pl_writer_header_room(&f->writer));
    *at = 0;
    assert_string_equal(text, expected);
}

static void put_sample(struct pl_batch *batch, pl_time time, uint32_t id, double value, uint16_t quality) {
    batch->samples.time[batch->rows] = time;
    batch->samples.tag[batch->rows] = id;
    batch->samples.value[batch->rows] = value;
    batch->samples.quality[batch->rows++] = quality;
}

static void samples(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, PL_SAMPLES, -1, NULL, 0);
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 16, 0);
    put_sample(b, 1700000000123456789, tag(&f, "line1.pot07.voltage"), 4.1485, 0);
    put_sample(b, 1700000000999999999, tag(&f, "a,b"), -0.5, 0);
    put_sample(b, 1700000001000000000, tag(&f, "say \"x\""), NAN, PL_Q_BAD | PL_Q_MISSING);
    put_sample(b, -1, tag(&f, "a.very.long.name.that.is.longer.than.thirty.two.bytes"), 1e300, 0);
    put_sample(b, 1700000001000000007, tag(&f, "line1.pot07.voltage"), 4, 0);
    put_sample(b, INT64_MAX, tag(&f, "x"), 1, 0);
    put_sample(b, -1500000000, tag(&f, "x"), 1, 0);
    expect_header(&f, "time_ns,tag,value\n");
    expect_row(&f, b, 0, "1700000000123456789,line1.pot07.voltage,4.1485\n");
    expect_row(&f, b, 1, "1700000000999999999,\"a,b\",-0.5\n");
    expect_row(&f, b, 2, "1700000001000000000,\"say \"\"x\"\"\",\n");
    expect_row(&f, b, 3, "-1,a.very.long.name.that.is.longer.than.thirty.two.bytes,1e300\n");
    expect_row(&f, b, 4, "1700000001000000007,line1.pot07.voltage,4\n");
    expect_row(&f, b, 5, "9223372036854775807,x,1\n");
    expect_row(&f, b, 6, "-1500000000,x,1\n");
    pl_batch_unref(b);
    end(&f);
}

static void columns_as_asked(void **state) {
    (void)state;
    static const char *columns[] = {"quality", "time", "asset", "unit", "value"};
    struct fixture f;
    begin(&f, PL_SAMPLES, 3, columns, 5);
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 16, 0);
    put_sample(b, 1500000000, tag(&f, "line1.pot07.voltage"), 4.1485, PL_Q_UNCERTAIN | PL_Q_SPIKE);
    put_sample(b, 1500000000, tag(&f, "x"), 2, 0);
    expect_header(&f, "quality,time,asset,unit,value\n");
    expect_row(&f, b, 0, "uncertain|spike,1970-01-01T00:00:01.5Z,line1.pot07,,4.149\n");
    expect_row(&f, b, 1, "good,1970-01-01T00:00:01.5Z,,,2.000\n");
    pl_batch_unref(b);
    end(&f);
}

static void windows(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, PL_WINDOWS, 6, NULL, 0);
    struct pl_batch *b = pl_batch_new(PL_WINDOWS, 1, 0);
    b->windows.tag[0] = tag(&f, "line1.pot01.voltage");
    b->windows.start[0] = 1700000000000000000;
    b->windows.count[0] = 100;
    b->windows.mean[0] = 4.15;
    b->windows.min[0] = 4;
    b->windows.max[0] = 4.3;
    b->windows.last[0] = NAN;
    b->rows = 1;
    expect_header(&f, "start_ns,tag,count,mean,min,max,last\n");
    expect_row(&f, b, 0, "1700000000000000000,line1.pot01.voltage,100,4.150000,4.000000,4.300000,\n");
    pl_batch_unref(b);
    end(&f);
}

static void events_with_their_body(void **state) {
    (void)state;
    struct fixture f;
    static const char *columns[] = {"id", "kind", "severity", "tag", "body"};
    begin(&f, PL_EVENTS, -1, columns, 5);
    struct pl_pack *pack = pl_pack_new();
    pl_pack_map(pack, 2);
    pl_pack_pair_str(pack, "text", "a \"b\", c");
    pl_pack_pair_int(pack, "line", 7);
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 2, 1000);
    for (uint32_t i = 0; i < 2; i++) {
        b->events.time[i] = 5;
        b->events.id[i] = i ? UINT64_MAX : 12;
        b->events.kind[i] = tag(&f, "source.rejected");
        b->events.severity[i] = 300;
        b->events.asset[i] = 0;
        b->events.tag[i] = 0;
        if (i == 0) pl_batch_heap(b, 0, pl_pack_data(pack), (uint32_t)pl_pack_size(pack));
        b->events.end[i] = b->heap_used[0];
    }
    b->rows = 2;
    expect_row(&f, b, 0, "12,source.rejected,300,,\"{\"\"text\"\":\"\"a \\\"\"b\\\"\", c\"\",\"\"line\"\":7}\"\n");
    expect_row(&f, b, 1, "18446744073709551615,source.rejected,300,,\n");
    pl_pack_free(pack);
    pl_batch_unref(b);
    end(&f);
}

static void an_unknown_column_is_refused(void **state) {
    (void)state;
    static const char *columns[] = {"time_ns", "valeu"};
    struct pl_writing writing = {.columns = {columns, 2}, .decimals = -1, .delimiter = ",", .missing = ""};
    struct pl_tags *tags = pl_tags_new(NULL);
    struct pl_writer writer;
    struct pl_error *error = NULL;
    assert_int_equal(pl_writer_init(&writer, PL_SAMPLES, &writing, tags, &error), PL_UNKNOWN);
    assert_string_equal(error->text, "columns: samples have no column \"valeu\"; did you mean value?");
    pl_error_free(&error);
    pl_writer_fini(&writer);
    pl_tags_free(tags);
}

static void many_tags(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, PL_SAMPLES, -1, NULL, 0);
    for (int i = 0; i < 3000; i++) {
        char name[32], expected[64];
        struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
        snprintf(name, sizeof(name), "tag%d", i * 7 % 3000);
        snprintf(expected, sizeof(expected), "%d,%s,%d.5\n", i, name, i);
        put_sample(b, i, tag(&f, name), i + 0.5, 0);
        expect_row(&f, b, 0, expected);
        pl_batch_unref(b);
    }
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_as_short_as_they_can_be),
        cmocka_unit_test(every_number_reads_back),
        cmocka_unit_test(samples),
        cmocka_unit_test(columns_as_asked),
        cmocka_unit_test(windows),
        cmocka_unit_test(events_with_their_body),
        cmocka_unit_test(an_unknown_column_is_refused),
        cmocka_unit_test(many_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
