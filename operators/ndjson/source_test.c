#include "testing.h"

#include <math.h>
#include <zlib.h>

static void expect_of(const char *options, const char *expected) {
    static char text[ROOM];
    text[0] = 0;
    struct pl_harness *h = open_node("source.ndjson", PL_SAMPLES, options);
    enum pl_flow flow = run(h, text, sizeof(text), 0);
    if (flow != PL_FLOW_END) fail_msg("%s: %s", options, pl_harness_failure(h) ? pl_harness_failure(h) : "did not end");
    assert_string_equal(text, expected);
    pl_harness_free(h);
}

/* What the lines become; with batches of one row too. */
static void expect(const char *options, const char *lines, const char *expected) {
    char all[1024];
    write_text("in.ndjson", lines);
    snprintf(all, sizeof(all), "{ path: %%s/in.ndjson%s%s }", *options ? ", " : "", options);
    expect_of(all, expected);
    snprintf(all, sizeof(all), "{ path: %%s/in.ndjson, batch: 1%s%s }", *options ? ", " : "", options);
    expect_of(all, expected);
}

static void expect_refused(const char *options, const char *part) {
    char all[1024];
    struct pl_error *error = NULL;
    snprintf(all, sizeof(all), "{ path: x, %s }", options);
    struct pl_harness *h = pl_harness_new("source.ndjson", all, PL_SAMPLES, &error);
    if (h) fail_msg("takes %s", all);
    char *text = pl_error_text(error);
    if (!strstr(text, part)) fail_msg("%s: %s", options, text);
    pl_free(text);
    pl_error_free(&error);
}

static void long_lines(void **state) {
    (void)state;
    expect(
        "",
        "{\"time\":\"1970-01-01T00:00:01Z\",\"tag\":\"a.x\",\"value\":1.5}\n"
        " { \"value\" : -2e3 , \"x\":[1,{\"tag\":2}], \"tag\":\"a.x\", \"time\" : \"1970-01-01 01:00:02+01:00\" } \r\n"
        "\n  \n"
        "{\"time\":\"1970-01-01T00:00:03Z\",\"tag\":\"a.y\",\"value\":\"4.25\",\"quality\":\"Uncertain|spike\"}",
        "1000000000 a.x 1.5 good\n2000000000 a.x -2000 good\n3000000000 a.y 4.25 uncertain|spike\n");
    expect("time: meta.at, tag: id, value: data.v, quality: data.q.flags, time_format: ms",
           "{\"id\":\"a\",\"meta\":{\"by\":{\"at\":9},\"at\":1500},\"data\":{\"q\":{\"flags\":\"bad\"},\"v\":7}}\n"
           "{\"data.v\":8,\"data\":{\"q.flags\":\"good\"},\"id\":17,\"meta.at\":\"2000\"}\n",
           "1500000000 a 7 bad\n2000000000 17 8 good\n");
    expect("asset: at, prefix: p., rename: [{name: l1.c, tag: cc}], exclude: ['l1.d']",
           "{\"time_s\":1,\"tag\":\"b\",\"value\":1,\"at\":\"l1\"}\n{\"time_s\":2,\"tag\":\"c\",\"value\":1,\"at\":"
           "\"l1\"}\n"
           "{\"time_s\":3,\"tag\":\"d\",\"value\":1,\"at\":\"l1\"}\n",
           "1000000000 p.l1.b 1 good\n2000000000 cc 1 good\n");
}

static void times_in_all_forms(void **state) {
    (void)state;
    static const struct {
        const char *name, *time, *options;
    } form[] = {
        {"time", "1700000000", ""},
        {"ts", "\"1700000000\"", "time: ts"},
        {"time", "1700000000000", ""},
        {"timestamp", "1700000000000000", ""},
        {"time", "1700000000000000000", ""},
        {"time_ns", "1700000000000000000", ""},
        {"time_ms", "1700000000000", ""},
        {"time", "1.7e9", ""},
        {"datetime", "\"2023-11-14T22:13:20Z\"", ""},
        {"date", "\"2023-11-14T23:13:20\"", "time_zone: '+01:00'"},
        {"time", "\"14.11.2023 22:13:20\"", "time_format: '%d.%m.%Y %H:%M:%S'"},
        {"time", "20", "time_format: s, origin: 2023-11-14T22:13:00Z"},
    };
    for (size_t i = 0; i < PL_COUNT_OF(form); i++) {
        char line[200];
        snprintf(line, sizeof(line), "{\"%s\":%s,\"tag\":\"a\",\"value\":1}\n", form[i].name, form[i].time);
        expect(form[i].options, line, "1700000000000000000 a 1 good\n");
    }
    /* The first line decides which of several it is, and its unit. */
    expect("",
           "{\"date\":\"x\",\"time_ms\":1000,\"tag\":\"a\",\"value\":1}\n{\"time_ms\":2000,\"tag\":\"a\",\"value\":2}\n"
           "{\"time_ns\":5,\"tag\":\"a\",\"value\":3}\n",
           "1000000000 a 1 good\n2000000000 a 2 good\n");
}

static void values_that_are_no_numbers(void **state) {
    (void)state;
#define LINE(value) "{\"time_s\":1,\"tag\":\"a\",\"value\":" value "}\n"
#define NONE "1000000000 a nan bad|missing\n"
    expect("",
           LINE("null") "{\"time_s\":1,\"tag\":\"a\"}\n" LINE("\"\"") LINE("\"nan\"") LINE("\"rubbish\"") LINE("[1]")
               LINE("{\"value\":1}"),
           NONE NONE NONE NONE NONE NONE NONE);
    expect("", LINE("true") LINE("false") LINE("\"True\"") LINE("\"inf\"") LINE("\"-inf\"") LINE("-0.0"),
           "1000000000 a 1 good\n1000000000 a 0 good\n1000000000 a 1 good\n1000000000 a inf good\n"
           "1000000000 a -inf good\n1000000000 a -0 good\n");
    expect("missing: [NA, '-200']", LINE("\"NA\"") LINE("-200.0") LINE("-201"), NONE NONE "1000000000 a -201 good\n");
    expect("",
           "{\"time_s\":1,\"tag\":\"a\",\"value\":1,\"quality\":\"bad|missing\"}\n"
           "{\"time_s\":1,\"tag\":\"a\",\"value\":1,\"quality\":16384}\n"
           "{\"time_s\":1,\"tag\":\"a\",\"value\":1,\"quality\":\"odd\"}\n"
           "{\"time_s\":1,\"tag\":\"a\",\"value\":1,\"quality\":null}\n",
           NONE "1000000000 a 1 uncertain\n1000000000 a 1 uncertain\n1000000000 a 1 good\n");
}

static void wide_lines(void **state) {
    (void)state;
    const char *line =
        "{\"pot\":{\"v\":1,\"deep\":{\"w\":2}},\"time_s\":1,\"c\":true,\"n\":null,\"t\":\"x\"}\n{\"time_s\":2}\n"
        "{\"c\":3,\"time_s\":3}\n";
    expect("layout: wide", line,
           "1000000000 pot.v 1 good\n1000000000 pot.deep.w 2 good\n1000000000 c 1 good\n1000000000 n nan bad|missing\n"
           "1000000000 t nan bad|missing\n3000000000 c 3 good\n");
    expect("layout: wide, empty: skip, exclude: [t], include: ['pot.*', n, t], prefix: l1.", line,
           "1000000000 l1.pot.v 1 good\n1000000000 l1.pot.deep.w 2 good\n");
    expect("layout: wide, asset: dev.id, time: dev.at, time_format: s",
           "{\"v\":1,\"dev\":{\"id\":\"p7\",\"at\":5,\"z\":2}}\n{\"dev\":{\"at\":6},\"v\":2}\n",
           "5000000000 p7.v 1 good\n5000000000 p7.dev.z 2 good\n");
}

/* Every line but the first and the last is rejected, and for which cause. */
static void malformed_lines_are_counted_by_cause(void **state) {
    (void)state;
    static const struct {
        const char *line, *counter, *reason;
    } bad[] = {
        {"rubbish", "not_json", "not one JSON object, from byte 1 on"},
        {"[1]", "not_json", "from byte 1 on"},
        {"{\"time_s\":1,\"tag\":\"a\",\"value\":1} {}", "not_json", "from byte 34 on"},
        {"{\"time_s\":1,\"tag\":\"a\",\"value\":NaN}", "not_json", "from byte 31 on"},
        {"{\"time_s\":1,\"tag\":\"a\",\"value\":01}", "not_json", "from byte"},
        {"{\"time_s\":1,\"tag\":\"a\",\"value\":1", "not_json", "from byte"},
        {"{\"time_s\":1,\"tag\":\"\xff\",\"value\":1}", "not_utf8", "not UTF-8"},
        {"{\"time_s\":1,\"tag\":\"\xed\xa0\x80\",\"value\":1}", "not_utf8", "not UTF-8"},
        {"{\"time_s\":1,\"tag\":\"\\ud800\",\"value\":1}", "not_json", "from byte"},
        {"{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", "too_deep",
         "deeper than 32"},
        {"{\"time_s\":1,\"tag\":\"a\",\"tag\":\"b\",\"value\":1}", "twice", "stands there twice"},
        {"{\"tag\":\"a\",\"value\":1}", "no_time", "no time"},
        {"{\"time_s\":\"x\",\"tag\":\"a\",\"value\":1}", "no_time", "not a time: \"x\""},
        {"{\"time_s\":{},\"tag\":\"a\",\"value\":1}", "no_time", "not a time"},
        {"{\"time_s\":1e99,\"tag\":\"a\",\"value\":1}", "no_time", "not a time: \"1e99\""},
        {"{\"time_s\":1,\"value\":1}", "no_tag", "no tag"},
        {"{\"time_s\":1,\"tag\":\"a\\u0000b\",\"value\":1}", "no_tag", "cannot be a tag"},
        {"{\"time_s\":1,\"tag\":\"\",\"value\":1}", "no_tag", "cannot be a tag"},
        {"{\"time_s\":1,\"tag\":\"a\",\"value\":1e999}", "too_large", "too large a number: \"1e999\""},
        {"{\"type\":\"events\",\"time_s\":1,\"tag\":\"a\"}", "other_kind",
         "expected samples; found a row of \"events\""},
    };
    for (size_t i = 0; i < PL_COUNT_OF(bad); i++) {
        static char text[ROOM];
        char lines[512], stop[512];
        snprintf(lines, sizeof(lines),
                 "{\"time_s\":7,\"tag\":\"a\",\"value\":1}\n%s\n{\"time_s\":8,\"tag\":\"a\",\"value\":2}", bad[i].line);
        write_text("bad.ndjson", lines);
        struct pl_harness *h = open_node("source.ndjson", PL_SAMPLES, "path: %s/bad.ndjson");
        text[0] = 0;
        assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_END);
        assert_string_equal(text, "7000000000 a 1 good\n8000000000 a 2 good\n");
        if (pl_harness_counter(h, bad[i].counter) != 1) fail_msg("%s: not in %s", bad[i].line, bad[i].counter);
        assert_int_equal(pl_harness_counter(h, "malformed"), 1);
        pl_harness_free(h);
        h = open_node("source.ndjson", PL_SAMPLES, "{ path: %s/bad.ndjson, on_error: stop }");
        assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_FAIL);
        snprintf(stop, sizeof(stop), "bad.ndjson:2: ");
        const char *failure = pl_harness_failure(h);
        if (!strstr(failure, stop) || !strstr(failure, bad[i].reason)) fail_msg("%s: %s", bad[i].line, failure);
        pl_harness_free(h);
    }
}

static void lines_have_a_limit(void **state) {
    (void)state;
    static char text[ROOM];
    static char big[1 << 21];
    memset(big, ' ', sizeof(big));
    memcpy(big, "{\"time_s\":1,\"tag\":\"a\",\"value\":1}\n{", 35);
    memcpy(big + sizeof(big) - 36, "}\n{\"time_s\":2,\"tag\":\"a\",\"value\":2}\n", 36);
    write_file("big.ndjson", "w", big, sizeof(big));
    struct pl_harness *h = open_node("source.ndjson", PL_SAMPLES, "path: %s/big.ndjson");
    text[0] = 0;
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_END);
    assert_string_equal(text, "1000000000 a 1 good\n2000000000 a 2 good\n");
    assert_int_equal(pl_harness_counter(h, "too_long"), 1);
    pl_harness_free(h);
}

/* As many fields as a batch takes rows, however small the batches are that were asked for; and one more. */
static void wide_lines_have_a_limit(void **state) {
    (void)state;
    static char line[1 << 18], text[1 << 20];
    for (int fields = PL_BATCH_ROWS_MAX; fields <= PL_BATCH_ROWS_MAX + 1; fields++) {
        int used = snprintf(line, sizeof(line), "{\"time_s\":1,\"a\":1}\n{\"time_s\":2");
        for (int i = 0; i < fields; i++)
            used += snprintf(line + used, sizeof(line) - (size_t)used, ",\"t%d\":%d", i, i);
        snprintf(line + used, sizeof(line) - (size_t)used, "}\n{\"time_s\":3,\"a\":1}\n");
        write_text("wide.ndjson", line);
        struct pl_harness *h =
            open_node("source.ndjson", PL_SAMPLES, "{ path: %s/wide.ndjson, layout: wide, batch: 7 }");
        text[0] = 0;
        assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_END);
        unsigned lines = 0;
        for (const char *at = text; (at = strchr(at, '\n')); at++)
            lines++;
        bool fits = fields == PL_BATCH_ROWS_MAX;
        assert_int_equal(lines, fits ? fields + 2 : 2);
        assert_int_equal(pl_harness_counter(h, "too_long"), fits ? 0 : 1);
        assert_int_equal(pl_harness_counter(h, "missing"), 0);
        pl_harness_free(h);
    }
    expect("layout: wide", "{\"time_s\":1,\"a\":1,\"b\":{\"c\":1},\"b.c\":null}\n{\"time_s\":2,\"a\":2}\n",
           "2000000000 a 2 good\n");
}

static void whole_batches(void **state) {
    (void)state;
    expect("layout: batch",
           "{\"kind\":\"samples\",\"columns\":{\"time\":[1000000000,2000000000],\"tag\":[\"a\",\"b\"],\"value\":[1,"
           "null]}}\n"
           "{\"kind\":\"samples\",\"columns\":{\"time\":[3],\"tag\":[\"a\",\"b\"],\"value\":[1]}}\n"
           "{\"kind\":\"windows\",\"columns\":{\"tag\":[\"a\"],\"start\":[1],\"end\":[2]}}\n"
           "{\"kind\":\"samples\",\"columns\":{\"time\":[\"1970-01-01T00:00:03Z\"],\"tag\":[\"a\"],\"value\":[3],"
           "\"quality\":"
           "[\"uncertain\"]}}\n",
           "1000000000 a 1 good\n2000000000 b nan bad|missing\n3000000000 a 3 uncertain\n");
}

static void gzip_by_its_first_bytes(void **state) {
    (void)state;
    gzFile file = gzopen(path_of("z.ndjson.gz"), "wb");
    assert_true(gzputs(file, "{\"time_s\":1,\"tag\":\"a\",\"value\":1}\n") > 0);
    assert_int_equal(gzclose(file), Z_OK);
    expect_of("path: %s/z.ndjson.gz", "1000000000 a 1 good\n");
}

static void a_file_that_grows(void **state) {
    (void)state;
    static char text[ROOM];
    text[0] = 0;
    write_text("grow.ndjson", "{\"time_s\":1,\"tag\":\"a\",\"value\":1}\n{\"time_s\":2,\"ta");
    struct pl_harness *h = open_node("source.ndjson", PL_SAMPLES, "{ path: %s/grow.ndjson, follow: true }");
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_WAIT);
    assert_string_equal(text, "1000000000 a 1 good\n");
    append_text("grow.ndjson", "g\":\"a\",\"value\":2}\n");
    for (int i = 0; i < 200 && !strstr(text, "2000000000"); i++)
        assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    assert_string_equal(text, "1000000000 a 1 good\n2000000000 a 2 good\n");
    pl_harness_free(h);
}

/* From the state after each row, what comes is the rest: the unit and the field of the time are part of it. */
static void it_goes_on_where_it_was(void **state) {
    (void)state;
    static char text[ROOM];
    const char *options = "{ path: %s/go.ndjson, batch: 1 }";
    write_text("go.ndjson",
               "{\"time_ms\":1700000000000,\"tag\":\"a\",\"value\":1}\n{\"time_ns\":7,\"tag\":\"a\",\"value\":0}\n"
               "{\"time_ms\":5,\"time_ns\":1,\"tag\":\"\\u00e4\",\"value\":2}\nrubbish\n"
               "{\"time_ms\":6,\"tag\":\"a\",\"value\":3}\n");
    for (int rows = 0; rows < 4; rows++) {
        size_t size;
        struct pl_harness *h = open_node("source.ndjson", PL_SAMPLES, options);
        text[0] = 0;
        for (int i = 0; i < rows; i++)
            pl_harness_produce(h, 0);
        take_rows(h, text, sizeof(text));
        void *bytes = pl_harness_snapshot(h, &size);
        pl_harness_free(h);
        h = open_node("source.ndjson", PL_SAMPLES, options);
        assert_int_equal(pl_harness_restore(h, bytes, size, NULL), PL_OK);
        assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_END);
        assert_string_equal(text, "1700000000000000000 a 1 good\n5000000 \xc3\xa4 2 good\n6000000 a 3 good\n");
        pl_free(bytes);
        pl_harness_free(h);
    }
}

static void options_that_do_not_fit(void **state) {
    (void)state;
    expect_refused("layout: wide, value: x", "is an option of the long layout");
    expect_refused("empty: skip", "is an option of the wide layout");
    expect_refused("layout: batch, prefix: x", "has no effect in the batch layout");
    expect_refused("tag: time, time: time", "\"time\" is the time already");
    expect_refused("time: a..b", "is no path of names");
    expect_refused("tag: ''", "names no field");
    expect_refused("time_zone: somewhere", "time_zone");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lines),
        cmocka_unit_test(times_in_all_forms),
        cmocka_unit_test(values_that_are_no_numbers),
        cmocka_unit_test(wide_lines),
        cmocka_unit_test(malformed_lines_are_counted_by_cause),
        cmocka_unit_test(lines_have_a_limit),
        cmocka_unit_test(wide_lines_have_a_limit),
        cmocka_unit_test(whole_batches),
        cmocka_unit_test(gzip_by_its_first_bytes),
        cmocka_unit_test(a_file_that_grows),
        cmocka_unit_test(it_goes_on_where_it_was),
        cmocka_unit_test(options_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
