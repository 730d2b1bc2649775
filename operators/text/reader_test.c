#include "reader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/quality.h>

#include "batch/tags.h"
#include "graph/graph.h"

/* What a stream came to: rows, rejects, errors. */
struct trace {
    char text[1 << 16];
    size_t used;
};

static void say(struct trace *t, const char *format, ...) PL_PRINTF(2, 3);
static void say(struct trace *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->used, sizeof(t->text) - t->used, format, args);
    va_end(args);
    assert_in_range(n, 0, sizeof(t->text) - t->used - 1);
    t->used += (size_t)n;
}

/* An operator that has nothing but the options of a layout, so that tests write them as users do. */
struct plain {
    struct pl_layout layout;
};

static const struct pl_option plain_options[] = {PL_LAYOUT_OPTIONS(struct plain, layout), PL_OPT_END};

static void plain_check(void *self, struct pl_check *check) {
    pl_layout_check(&((struct plain *)self)->layout, check);
}

static const struct pl_operator plain_operator = {PL_OPERATOR("plain", "Reads text."), .options = plain_options,
                                                  .instance_size = sizeof(struct plain), .check = plain_check};

struct fixture {
    struct plain plain;
    struct pl_options_owner *owner;
    struct pl_tags *tags;
    struct pl_names names;
    struct pl_reader reader;
};

static void begin(struct fixture *f, const char *options) {
    struct pl_error *error = NULL;
    static const char *states[] = {"OFF", "ON", "FAULT"};
    static const struct pl_tag_rule rules[] = {
        {.match = "*pump", .unit = "", .low = -INFINITY, .high = INFINITY, .states = {states, 3}}};
    memset(f, 0, sizeof(*f));
    if (pl_options_parse(&plain_operator, options, &f->plain, &f->owner, &error)) {
        pl_error_print(stderr, error);
        fail_msg("options refused: %s", options);
    }
    f->plain.layout.multiline = true;
    f->tags = pl_tags_new(&(struct pl_tags_options){.rules = rules, .rule_count = 1});
    assert_true(pl_names_init(&f->names, f->tags, &f->plain.layout.naming, pl_layout_quote(&f->plain.layout)));
    assert_true(pl_reader_init(&f->reader, &f->plain.layout, &f->names, 16));
    pl_reader_restart(&f->reader, "x.csv");
}

static void end(struct fixture *f) {
    pl_reader_fini(&f->reader);
    pl_names_fini(&f->names);
    pl_tags_free(f->tags);
    pl_options_free(f->owner);
}

static void say_rows(struct trace *t, const struct fixture *f, const struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        char quality[160];
        pl_quality_format(batch->samples.quality[i], quality, sizeof(quality));
        say(t, "%lld %s %g %s\n", (long long)batch->samples.time[i], pl_tags_get(f->tags, batch->samples.tag[i])->name,
            batch->samples.value[i], quality);
    }
}

/* Feeds the text, in two pieces cut at `cut`, or in single bytes when that is beyond its end. */
static void run(struct fixture *f, struct trace *t, const char *text, size_t cut, uint32_t capacity) {
    size_t size = strlen(text), at = 0;
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, capacity, 0);
    struct pl_error *error = NULL;
    for (;;) {
        enum pl_reader_state state = pl_reader_read(&f->reader, batch, &error);
        if (state == PL_READER_MORE) {
            size_t room, n = cut > size ? 1 : at < cut ? cut - at : size - at;
            char *space = pl_reader_space(&f->reader, &room);
            n = n < room ? n : room;
            if (at == size) {
                pl_reader_end(&f->reader);
                continue;
            }
            if (n > size - at) n = size - at;
            memcpy(space, text + at, n);
            pl_reader_filled(&f->reader, n);
            at += n;
        } else if (state == PL_READER_REJECTED) {
            say_rows(t, f, batch);
            batch->rows = 0;
            say(t, "x.csv:%llu: %s {%.*s}\n", (unsigned long long)f->reader.reject.line, f->reader.reject.reason,
                (int)f->reader.reject.length, f->reader.reject.text);
        } else {
            say_rows(t, f, batch);
            batch->rows = 0;
            if (state != PL_READER_FULL) break;
        }
    }
    if (error) {
        char *message = pl_error_text(error);
        say(t, "%s\n", message);
        pl_free(message);
        pl_error_free(&error);
    }
    pl_batch_unref(batch);
}

/* The same rows however the text is cut and whatever the batch holds. */
static void expect(const char *options, const char *text, const char *expected) {
    static struct trace trace;
    size_t size = strlen(text);
    for (size_t cut = 0; cut <= size + 1; cut++) {
        struct fixture f;
        begin(&f, options);
        trace.used = 0;
        trace.text[0] = 0;
        run(&f, &trace, text, cut, cut % 3 ? 8 : 100);
        if (strcmp(trace.text, expected) != 0) {
            fail_msg("cut at %zu:\n%s\nexpected:\n%s", cut, trace.text, expected);
        }
        end(&f);
    }
}

static void long_text_with_a_header(void **state) {
    (void)state;
    expect("", "time_ns,tag,value\n1000000000000000000,a,1.5\n1000000000000000001,b,-2\n",
           "1000000000000000000 a 1.5 good\n1000000000000000001 b -2 good\n");
    expect("", "value,time_s,tag\n7,1,a\n8,2.5,a\n", "1000000000 a 7 good\n2500000000 a 8 good\n");
    expect("", "time_s,node,value,type\n0.5,pump,ON,Binary\n", "500000000 pump 1 good\n");
    expect("{ tag: Signal, value: \"3\", time: T }", "Signal,T,x\na,1970-01-01 00:00:01,3\n", "1000000000 a 3 good\n");
    expect("", "\xef\xbb\xbf\"time_s\",\"tag\",\"value\"\r\n1,\"a,b\",\"4.5\"\r\n", "1000000000 a,b 4.5 good\n");
}

static void long_text_without_a_header(void **state) {
    (void)state;
    expect("header: false", "5,a,1\n6,a,2", "5000000000 a 1 good\n6000000000 a 2 good\n");
    expect("{ header: false, time: time_ms }", "5,a,1\n", "5000000 a 1 good\n");
    expect("{ header: false, columns: [value, tag, time_us] }", "1,a,5\n", "5000 a 1 good\n");
    expect("{ header: false, time: \"3\", tag: \"1\", value: \"2\", time_format: ns }", "a,1,5,rest,of,it\n",
           "5 a 1 good\n");
    expect("{ header: false, interval: 10ms, start: 1970-01-01T00:00:01Z }", "a,1\nb,2\nrubbish\nc,3\n",
           "1000000000 a 1 good\n1010000000 b 2 good\n"
           "x.csv:3: 1 columns; expected 2 {rubbish}\n1030000000 c 3 good\n");
}

static void what_is_missing_is_a_row(void **state) {
    (void)state;
    expect("{ missing: [NA, \"-200\", \"n/a\"] }",
           "time_s,tag,value\n1,a,\n1,a,NaN\n1,a,NA\n1,a,-200\n1,a,-200.0\n1,a,\"NA\"\n1,a, "
           "\n1,a,oops\n1,a,-2e2\n1,a,-201\n",
           "1000000000 a nan bad|missing\n1000000000 a nan bad|missing\n1000000000 a nan bad|missing\n"
           "1000000000 a nan bad|missing\n1000000000 a nan bad|missing\n1000000000 a nan bad|missing\n"
           "1000000000 a nan bad|missing\n1000000000 a nan bad|missing\n1000000000 a nan bad|missing\n"
           "1000000000 a -201 good\n");
    struct fixture f;
    static struct trace trace;
    begin(&f, "missing: NA");
    run(&f, &trace, "time_s,tag,value\n1,a,NA\n2,a,oops\n3,a,\n4,a,5\n", 0, 10);
    assert_int_equal(f.reader.values.counts.missing, 3);
    assert_int_equal(f.reader.values.counts.texts, 1);
    end(&f);
}

static void states_are_codes(void **state) {
    (void)state;
    expect("", "time_s,tag,value\n1,door,True\n1,door,false\n1,pump,FAULT\n1,pump,\"ON\"\n1,pump,1\n1,pump,BROKEN\n",
           "1000000000 door 1 good\n1000000000 door 0 good\n1000000000 pump 2 good\n1000000000 pump 1 good\n"
           "1000000000 pump 1 good\n1000000000 pump nan bad|missing\n");
}

static void quality_in_its_forms(void **state) {
    (void)state;
    expect("",
           "time_s,tag,value,quality\n1,a,1,good\n1,a,2,Bad|Spike\n1,a,3,16384\n1,a,,good\n1,a,5,\n1,a,6,strange\n1,a,"
           "7,bad|missing\n",
           "1000000000 a 1 good\n1000000000 a 2 bad|spike\n1000000000 a 3 uncertain\n1000000000 a nan bad|missing\n"
           "1000000000 a 5 good\n1000000000 a 6 uncertain\n1000000000 a nan bad|missing\n");
    expect("{ header: false, quality: q }", "1,a,1,uncertain\n", "1000000000 a 1 uncertain\n");
}

static void wide_text(void **state) {
    (void)state;
    expect("layout: wide", "time,a,b\n1,10,20\n2,,30\n",
           "1000000000 a 10 good\n1000000000 b 20 good\n2000000000 a nan bad|missing\n2000000000 b 30 good\n");
    expect("{ layout: wide, empty: skip }", "time,a,b\n1,10, \n2,,30\n",
           "1000000000 a 10 good\n2000000000 b 30 good\n");
    expect("{ layout: wide, delimiter: ;, decimal: \",\", prefix: w., exclude: [c, EVENT], rename: [{ name: b, tag: "
           "line1.b }] }",
           "\"\";time;a;b;c;EVENT\n\"1\";1;0,5;1,5;9;FALSE\n",
           "1000000000 w.a 0.5 good\n1000000000 line1.b 1.5 good\n");
    expect("{ layout: wide, header: false, interval: 1s, delimiter: blank, prefix: x }", "  6.5e+01  7\n\n -1 2 \n",
           "0 x1 65 good\n0 x2 7 good\n1000000000 x1 -1 good\n1000000000 x2 2 good\n");
    expect("{ layout: wide, header: false, interval: 1s }", "6.5\n\n7\n", "0 1 6.5 good\n1000000000 1 7 good\n");
    expect("{ layout: wide, header: false, columns: [t, x, y], time: t }", "1,2,3\n",
           "1000000000 x 2 good\n1000000000 y 3 good\n");
}

static void times_over_several_columns(void **state) {
    (void)state;
    expect("{ layout: wide, time: [Date, Time] }", "Date,Time,T\n1970-01-01,00:00:02,5\n\"1970-01-02\",00:00:00,6\n",
           "2000000000 T 5 good\n86400000000000 T 6 good\n");
    expect("{ layout: wide, time: [y, m, d, h], time_format: \"%Y %m %d %H\", include: T, time_zone: \"+08:00\" }",
           "No,y,m,d,h,T\n1,1970,1,1,9,5\n", "3600000000000 T 5 good\n");
    expect("{ time_format: \"%d.%m.%Y %H:%M:%S\" }", "time,tag,value\n\"01.01.1970 00:00:01\",a,1\n",
           "1000000000 a 1 good\n");
    expect("{ origin: 1970-01-01T01:00:00Z, time_format: s }", "time,tag,value\n1.5,a,1\n", "3601500000000 a 1 good\n");
}

static void records_that_are_no_rows(void **state) {
    (void)state;
    expect("", "time_s,tag,value\n1,a\n2,a,3,4\nx,a,3\n4,,5\n5,a,6,,\n\"7\"8,a,9\n9,a,10\n",
           "x.csv:2: 2 columns; expected 3 {1,a}\nx.csv:3: 4 columns; expected 3 {2,a,3,4}\n"
           "x.csv:4: not a time: \"x\" {x,a,3}\nx.csv:5: cannot be a tag, or is beyond max_tags: \"\" {4,,5}\n"
           "5000000000 a 6 good\nx.csv:7: not a time: \"\" {\"7\"8,a,9}\n9000000000 a 10 good\n");
    expect("max_line: 64",
           "time_s,tag,value\n1,a,0000000000000000000000000000000000000000000000000000000000000000001\n2,a,3\n",
           "x.csv:2: longer than 64 bytes or 16384 columns "
           "{1,a,000000000000000000000000000000000000000000000000000000000000}\n2000000000 a 3 good\n");
}

static void a_broken_quote_costs_one_line(void **state) {
    (void)state;
    expect("", "time_s,tag,value\n1,a,2\n2,\"b,3\n3,a,4\n4,a,5\n",
           "1000000000 a 2 good\nx.csv:3: a quote opens here and is never closed {2,\"b,3}\n"
           "3000000000 a 4 good\n4000000000 a 5 good\n");
    expect(
        "", "time_s,tag,value\n1,\"a,2\n2,b,3\n3,\"c\",4\n",
        "x.csv:2: cannot be a tag, or is beyond max_tags: \"\" {1,\"a,2}\n2000000000 b 3 good\n3000000000 c 4 good\n");
    expect("", "time_s,tag,value\n\"1\",\"two\nlines\",2\n3,a,4\n",
           "x.csv:2: cannot be a tag, or is beyond max_tags: \"two?lines\" {\"1\",\"two}\n"
           "x.csv:3: 2 columns; expected 3 {lines\",2}\n3000000000 a 4 good\n");
}

static void comments_and_lines_before_the_header(void **state) {
    (void)state;
    expect("{ skip: 2, comment: \"#\" }",
           "Export, of\n\"line 1\n# note\n\ntime_s,tag,value\n# 1,a,2\n1,a,3\n\n#\n2,a,4\n#x",
           "1000000000 a 3 good\n2000000000 a 4 good\n");
    expect("{ layout: wide, header: false, interval: 1s, comment: \"%\" }", "% 1\n5\n%\n6\n",
           "0 1 5 good\n1000000000 1 6 good\n");
    expect("skip: 5", "only\ntwo\n", "");
}

static void headers_that_do_not_fit(void **state) {
    (void)state;
    expect("tag: tga", "time,tag,value\n1,a,2\n",
           "x.csv:1: tag: no column \"tga\"; did you mean \"tag\"?; the columns are: time, tag, value (header: false, "
           "if that "
           "is data)\n");
    expect("value: \"4\"", "a,b,c\n",
           "x.csv:1: value: no column \"4\"; the columns are: a, b, c (header: false, if that is data)\n");
    expect("", "time;tag;value\n1;a;2\n", "x.csv:1: tag: the record has 1 columns, and none is called \"tag\"\n");
    expect("{ layout: wide, exclude: \"*\" }", "time,a\n1,2\n", "x.csv:1: no column is left that could be a tag\n");
    expect("{ header: false, value: \"7\" }", "1,a,2\n",
           "x.csv:1: value: no column 7; the first record has 3 (columns: names them)\n");
}

static void names_left_out(void **state) {
    (void)state;
    expect("{ include: \"a*\", exclude: ab }", "time_s,tag,value\n1,a,1\n1,ab,2\n1,b,3\n1,ac,4\n",
           "1000000000 a 1 good\n1000000000 ac 4 good\n");
}

static void reading_goes_on_at_a_position(void **state) {
    (void)state;
    static const char text[] = "time_s,tag,value\n1,a,1\n2,a,\"\n\"\n3,a,3\n4,a,4\n";
    static struct trace all, parts;
    struct fixture f;
    begin(&f, "");
    all.used = 0;
    run(&f, &all, text, 0, 100);
    end(&f);
    for (uint32_t rows = 1; rows <= 3; rows++) {
        begin(&f, "");
        struct pl_batch *batch = pl_batch_new(PL_SAMPLES, rows, 0);
        size_t room, size = strlen(text);
        parts.used = 0;
        for (size_t at = 0; pl_reader_read(&f.reader, batch, NULL) == PL_READER_MORE; at++) {
            *pl_reader_space(&f.reader, &room) = text[at];
            pl_reader_filled(&f.reader, 1);
        }
        say_rows(&parts, &f, batch);
        struct pl_reader_position position = pl_reader_position(&f.reader);
        assert_int_equal(position.row, rows);
        assert_int_equal(position.line, rows == 1 ? 3 : rows == 2 ? 5 : 6);
        pl_reader_resume(&f.reader, &position);
        run(&f, &parts, text + position.offset, size, 100);
        assert_string_equal(parts.text, all.text);
        pl_batch_unref(batch);
        end(&f);
    }
}

static void options_that_do_not_fit(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "delimiter: \",,\"", "quote: \",\"", "decimal: x",      "decimal: \",\"",           "time_format: foo",
        "time_zone: CET",    "comment: ab",  "columns: [a, b]", "{ layout: wide, tag: x }", "{ interval: 1s, time: t }",
        "max_line: 1",       "layout: tall"};
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++) {
        struct plain plain = {0};
        struct pl_options_owner *owner = NULL;
        struct pl_error *error = NULL;
        if (pl_options_parse(&plain_operator, wrong[i], &plain, &owner, &error) == PL_OK) fail_msg("%s", wrong[i]);
        pl_error_free(&error);
        pl_options_free(owner);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_text_with_a_header),       cmocka_unit_test(long_text_without_a_header),
        cmocka_unit_test(what_is_missing_is_a_row),      cmocka_unit_test(states_are_codes),
        cmocka_unit_test(quality_in_its_forms),          cmocka_unit_test(wide_text),
        cmocka_unit_test(times_over_several_columns),    cmocka_unit_test(records_that_are_no_rows),
        cmocka_unit_test(a_broken_quote_costs_one_line), cmocka_unit_test(comments_and_lines_before_the_header),
        cmocka_unit_test(headers_that_do_not_fit),       cmocka_unit_test(names_left_out),
        cmocka_unit_test(reading_goes_on_at_a_position), cmocka_unit_test(options_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
