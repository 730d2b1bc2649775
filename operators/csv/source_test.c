#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

static void expect(const char *options, const char *expected) {
    static char text[ROOM];
    text[0] = 0;
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, options);
    enum pl_flow flow = run(h, text, sizeof(text), 0);
    if (flow != PL_FLOW_END) fail_msg("%s: %s", options, pl_harness_failure(h) ? pl_harness_failure(h) : "did not end");
    assert_string_equal(text, expected);
    pl_harness_free(h);
}

static void expect_failure(const char *options, const char *part) {
    static char text[ROOM];
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, options);
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_FAIL);
    const char *failure = pl_harness_failure(h);
    if (!failure || !strstr(failure, part)) fail_msg("failure: %s; expected: %s", failure, part);
    pl_harness_free(h);
}

static void files_one_after_the_other(void **state) {
    (void)state;
    write_text("a.csv", "time_s,tag,value\n1,a,1\n2,a,2");
    write_text("b.csv", "value,tag,time_s\n3,a,3\n");
    write_text("z.txt", "x");
    expect("{ path: [%s/a.csv, %s/b.csv] }", "1000000000 a 1 good\n2000000000 a 2 good\n3000000000 a 3 good\n");
    expect("path: \"%s/?.csv\"", "1000000000 a 1 good\n2000000000 a 2 good\n3000000000 a 3 good\n");
    expect("{ path: \"%s/*.csv\", batch: 1 }", "1000000000 a 1 good\n2000000000 a 2 good\n3000000000 a 3 good\n");
    write_text("empty.csv", "");
    expect("{ path: [%s/empty.csv, %s/b.csv] }", "3000000000 a 3 good\n");
    write_text("odd[1].csv", "time_s,tag,value\n7,a,1\n");
    expect("path: \"%s/odd[1].csv\"", "7000000000 a 1 good\n");
}

static void what_cannot_be_opened_is_named(void **state) {
    (void)state;
    write_text("head.csv", "time,tag,value\n");
    write_text("utf16.csv", "\xff\xfet");
    expect_failure("path: %s/none.csv", "none.csv: No such file or directory");
    expect_failure("path: %s", "is a folder; expected a file");
    expect_failure("path: \"%s/*.none\"", "*.none: no file fits the pattern");
    expect_failure("{ path: %s/head.csv, value: vlaue }",
                   "head.csv:1: value: no column \"vlaue\"; did you mean \"value\"?");
    expect_failure("path: %s/utf16.csv", "utf16.csv:1: the text is UTF-16");
    expect_failure("{ path: [%s/head.csv, %s/none.csv] }", "none.csv: No such file");
}

static unsigned count_letters(struct pl_harness *h) {
    uint32_t kind = pl_harness_tag(h, "dead.letter");
    unsigned count = 0;
    for (struct pl_batch *batch; (batch = pl_harness_pull(h, PL_HARNESS_LETTERS)); pl_batch_unref(batch))
        count += batch->events.kind[0] == kind;
    return count;
}

static void assert_injected(struct pl_harness *h, const char *bytes, uint32_t rows) {
    assert_int_equal(pl_harness_inject(h, bytes, strlen(bytes), NULL), PL_OK);
    struct pl_batch *batch = pl_harness_pull(h, 0);
    assert_non_null(batch);
    assert_int_equal(batch->rows, rows);
    pl_batch_unref(batch);
}

/* With the columns of the file at hand; all lines or none; and the place in the file stays. */
static void what_was_refused_is_read_again(void **state) {
    (void)state;
    static char text[ROOM];
    write_text("again.csv", "value,time_s,tag\n1,1,a\n1,x,a\ntoo,many,for,a,row\n");
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, "path: %s/again.csv");
    text[0] = 0;
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_END);
    assert_int_equal(count_letters(h), 2);
    assert_injected(h, "2,2,a", 1);
    assert_injected(h, "2,3,a\r\n2,4,b\n", 2);
    struct pl_error *error = NULL;
    assert_int_equal(pl_harness_inject(h, "2,5,a\n2,x,a", 11, &error), PL_SYNTAX);
    assert_non_null(strstr(error->text, "not a time"));
    pl_error_free(&error);
    assert_int_equal(pl_harness_inject(h, "", 0, NULL), PL_SYNTAX);
    assert_int_equal(pl_harness_inject(h, "\n\n", 2, NULL), PL_SYNTAX);
    assert_null(pl_harness_pull(h, 0));
    assert_int_equal(count_letters(h), 0);
    pl_harness_free(h);
}

static void malformed_rows_are_counted_and_kept(void **state) {
    (void)state;
    static char text[ROOM];
    write_text("bad.csv", "time_s,tag,value\n1,a,1\nrubbish\n2,a,x\nfoo,a,3\n4,a,4\n");
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, "path: %s/bad.csv");
    text[0] = 0;
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_END);
    assert_string_equal(text, "1000000000 a 1 good\n2000000000 a nan bad|missing\n4000000000 a 4 good\n");
    assert_int_equal(pl_harness_counter(h, "malformed"), 2);
    assert_int_equal(pl_harness_counter(h, "not_numbers"), 1);
    assert_int_equal(pl_harness_counter(h, "missing"), 1);
    static const char *const bodies[] = {"\"line\":3,\"reason\":\"1 columns; expected 3\",\"text\":\"rubbish\"",
                                         "\"line\":5,\"reason\":\"not a time: \\\"foo\\\"\",\"text\":\"foo,a,3\""};
    static const pl_time times[] = {PL_SECOND, 2 * PL_SECOND};
    for (int i = 0; i < 2; i++) {
        struct pl_batch *b = pl_harness_pull(h, 1);
        uint32_t length;
        assert_non_null(b);
        assert_int_equal(b->kind, PL_EVENTS);
        const void *body = pl_batch_heap_row(b, 0, 0, &length);
        char *json = pl_pack_json(body, length);
        if (!strstr(json, bodies[i])) fail_msg("%s", json);
        assert_int_equal(b->events.time[0], times[i]);
        pl_free(json);
        pl_batch_unref(b);
    }
    assert_null(pl_harness_pull(h, 1));
    pl_harness_free(h);
    expect_failure("{ path: %s/bad.csv, on_error: stop }", "bad.csv:3: 1 columns; expected 3");
}

/* ---- Compression ---- */

static void write_gzip(const char *name, const char *mode, const char *text) {
    gzFile file = gzopen(path_of(name), mode);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static size_t pack_zstd(const char *text, char *packed, size_t size) {
    size_t n = ZSTD_compress(packed, size, text, strlen(text), 3);
    assert_false(ZSTD_isError(n));
    return n;
}

static void packed_files_are_unpacked(void **state) {
    (void)state;
    char packed[1000];
    const char *rows = "1000000000 a 1 good\n2000000000 a 2 good\n";
    write_gzip("x.csv.gz", "wb", "time_s,tag,value\n1,a,1\n");
    write_gzip("x.csv.gz", "ab", "2,a,2\n");
    expect("path: %s/x.csv.gz", rows);
    expect("{ path: %s/x.csv.gz, compression: gzip }", rows);
    size_t size = pack_zstd("time_s,tag,value\n1,a,1\n", packed, sizeof(packed));
    write_file("x.csv.zst", "w", packed, size);
    size = pack_zstd("2,a,2\n", packed, sizeof(packed));
    write_file("x.csv.zst", "a", packed, size);
    expect("path: %s/x.csv.zst", rows);
    expect_failure("{ path: %s/x.csv.zst, compression: none, on_error: stop }", "x.csv.zst");
    write_file("cut.zst", "w", packed, size - 3);
    expect_failure("path: %s/cut.zst", "ends in the middle of its packed data");
    packed[size / 2] ^= 0x55;
    packed[size - 6] ^= 0x55;
    write_file("bad.zst", "w", packed, size);
    expect_failure("path: %s/bad.zst", "bad.zst: ");
    write_text("short.csv", "x");
    expect("{ path: %s/short.csv, header: false, time: \"1\", tag: \"1\", value: \"1\" }", "");
}

/* More than any buffer holds, packed and plain, comes out the same; and memory does not grow with it. */
static void large_files(void **state) {
    (void)state;
    enum { ROWS = 300000 };
    gzFile packed = gzopen(path_of("large.gz"), "wb1");
    FILE *plain = fopen(path_of("large.csv"), "w");
    gzprintf(packed, "time_s,tag,value\n");
    fprintf(plain, "time_s,tag,value\n");
    for (int i = 0; i < ROWS; i++) {
        gzprintf(packed, "%d,tag%d,%d.25\n", i, i % 100, i % 1000);
        fprintf(plain, "%d,tag%d,%d.25\n", i, i % 100, i % 1000);
    }
    gzclose(packed);
    fclose(plain);
    static const char *const options[] = {"path: %s/large.csv", "path: %s/large.gz"};
    for (int i = 0; i < 2; i++) {
        struct pl_harness *h = open_node("source.csv", PL_SAMPLES, options[i]);
        int64_t next = 0;
        enum pl_flow flow;
        do {
            flow = pl_harness_produce(h, 0);
            for (struct pl_batch *b; (b = pl_harness_pull(h, 0)); pl_batch_unref(b)) {
                for (uint32_t row = 0; row < b->rows; row++, next++) {
                    if (b->samples.time[row] != next * PL_SECOND ||
                        b->samples.value[row] != (double)(next % 1000) + 0.25) {
                        fail_msg("row %lld", (long long)next);
                    }
                }
            }
        } while (flow == PL_FLOW_OK);
        assert_int_equal(flow, PL_FLOW_END);
        assert_int_equal(next, ROWS);
        pl_harness_free(h);
    }
}

/* ---- Pipes ---- */

static void a_named_pipe_is_waited_for(void **state) {
    (void)state;
    static char text[ROOM];
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, "path: %s/fifo");
    text[0] = 0;
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_WAIT);
    int fd = open(path_of("fifo"), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "time_s,tag,value\n1,a,1\n2,a", 26), 26);
    assert_int_equal(run(h, text, sizeof(text), 20 * PL_MILLISECOND), PL_FLOW_WAIT);
    assert_string_equal(text, "1000000000 a 1 good\n");
    assert_int_equal(write(fd, ",2\n3,a,3", 8), 8);
    close(fd);
    assert_int_equal(run(h, text, sizeof(text), 5 * PL_SECOND), PL_FLOW_END);
    assert_string_equal(text, "1000000000 a 1 good\n2000000000 a 2 good\n3000000000 a 3 good\n");
    pl_harness_free(h);
}

static void standard_input(void **state) {
    (void)state;
    static char text[ROOM];
    int ends[2], kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, "{ path: \"-\", header: false }");
    text[0] = 0;
    assert_int_equal(write(ends[1], "1,a,1\n", 6), 6);
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_WAIT);
    assert_int_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0); /* others who hold it are not bothered */
    close(ends[1]);
    assert_int_equal(run(h, text, sizeof(text), 5 * PL_SECOND), PL_FLOW_END);
    assert_string_equal(text, "1000000000 a 1 good\n");
    pl_harness_free(h);
    dup2(kept, STDIN_FILENO);
    close(kept);
    close(ends[0]);
}

/* ---- Following ---- */

static void a_growing_file_is_followed(void **state) {
    (void)state;
    static char text[ROOM];
    write_text("log.csv", "time_s,tag,value\n1,a,1\n2,");
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, "{ path: %s/log.csv, follow: true }");
    text[0] = 0;
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_WAIT);
    assert_string_equal(text, "1000000000 a 1 good\n");
    append_text("log.csv", "a,2\n3,a,3");
    assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    assert_string_equal(text, "1000000000 a 1 good\n2000000000 a 2 good\n");

    assert_int_equal(rename(path_of("log.csv"), path_of("log.csv.1")), 0); /* the writer goes on under the old name */
    append_text("log.csv.1", "0\n4,a,4");
    assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    write_text("log.csv", "value,tag,time_s\n5,a,5\n");
    assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    assert_string_equal(text, "1000000000 a 1 good\n2000000000 a 2 good\n3000000000 a 30 good\n4000000000 a 4 good\n"
                              "5000000000 a 5 good\n");

    write_text("log.csv", "time_s,tag,value\n"); /* cut, in place */
    append_text("log.csv", "6,a,6\n");
    text[0] = 0;
    assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    assert_string_equal(text, "");
    write_text("log.csv", "time_s,tag,value\n");
    assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    append_text("log.csv", "7,a,7\n");
    assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    assert_string_equal(text, "7000000000 a 7 good\n");
    assert_int_equal(pl_harness_counter(h, "cuts"), 1);
    pl_harness_free(h);
}

static void a_file_that_is_not_there_yet_is_waited_for(void **state) {
    (void)state;
    static char text[ROOM];
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, "{ path: %s/later.csv, follow: true }");
    text[0] = 0;
    assert_int_equal(run(h, text, sizeof(text), 0), PL_FLOW_WAIT);
    write_text("later.csv", "time_s,tag,value\n1,a,1\n");
    assert_int_equal(run(h, text, sizeof(text), 50 * PL_MILLISECOND), PL_FLOW_WAIT);
    assert_string_equal(text, "1000000000 a 1 good\n");
    pl_harness_free(h);
    expect_failure("{ path: %s/nowhere/later.csv, follow: true }", "its folder cannot be watched");
}

/* ---- Transposed tables ---- */

static void transposed_tables(void **state) {
    (void)state;
    write_text("side.dat", "  1.0e+00  2.0e+00 3\n 4 5   x\n");
    expect("{ path: %s/side.dat, layout: wide, transposed: true, header: false, delimiter: blank, interval: 1s, "
           "prefix: x }",
           "0 x1 1 good\n0 x2 4 good\n1000000000 x1 2 good\n1000000000 x2 5 good\n2000000000 x1 3 good\n"
           "2000000000 x2 nan bad|missing\n");
    write_text("side.csv", "volt,1,2\n# note\ntime_s,10,20\nskip,0,0\ntemp,3,4\nodd,1\n");
    expect("{ path: %s/side.csv, layout: wide, transposed: true, exclude: skip, comment: \"#\", batch: 1 }",
           "10000000000 volt 1 good\n10000000000 temp 3 good\n20000000000 volt 2 good\n20000000000 temp 4 good\n");
    expect_failure("{ path: %s/side.csv, layout: wide, transposed: true, time: t }", "no line holds the times");
}

/* ---- State ---- */

/* Stops after `rows` rows and goes on in a new node: together they are what one node gives. */
static void go_on_after(const char *options, uint32_t batches) {
    static char all[ROOM], parts[ROOM];
    all[0] = parts[0] = 0;
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, options);
    run(h, all, sizeof(all), 0);
    pl_harness_free(h);
    h = open_node("source.csv", PL_SAMPLES, options);
    for (uint32_t i = 0; i < batches; i++)
        pl_harness_produce(h, 0);
    take_rows(h, parts, sizeof(parts));
    size_t size;
    void *state = pl_harness_snapshot(h, &size);
    pl_harness_free(h);
    h = open_node("source.csv", PL_SAMPLES, options);
    struct pl_error *error = NULL;
    if (pl_harness_restore(h, state, size, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    run(h, parts, sizeof(parts), 0);
    assert_string_equal(parts, all);
    pl_harness_free(h);
    pl_free(state);
}

static void it_goes_on_where_it_stood(void **state) {
    (void)state;
    write_text("s1.csv", "time,tag,value\n1,a,1\n2,a,2\n\"3\",a,\"3\"\n4,a,4");
    write_text("s2.csv", "tag,time,value\na,5,5\na,6,6\n");
    write_gzip("s3.gz", "wb", "time,tag,value\n7,a,7\n8,a,8\n");
    write_text("s4.csv", "a,1,2,3\nb,4,5,6\n");
    for (uint32_t batches = 0; batches < 12; batches++) {
        go_on_after("{ path: [%s/s1.csv, %s/s2.csv, %s/s3.gz], batch: 1 }", batches);
        go_on_after("{ path: %s/s4.csv, layout: wide, transposed: true, interval: 1s, batch: 1 }", batches);
        go_on_after("{ path: %s/s4.csv, header: false, columns: [tag, value, x, y], interval: 1s, batch: 1 }", batches);
    }
}

static void another_file_of_the_name_is_refused(void **state) {
    (void)state;
    write_text("same.csv", "time,tag,value\n1,a,1\n2,a,2\n");
    struct pl_harness *h = open_node("source.csv", PL_SAMPLES, "{ path: %s/same.csv, batch: 1 }");
    size_t size;
    pl_harness_produce(h, 0);
    void *bytes = pl_harness_snapshot(h, &size);
    pl_harness_free(h);
    write_text("same.csv", "time,tag,value\n9,b,9\n2,a,2\n");
    h = open_node("source.csv", PL_SAMPLES, "{ path: %s/same.csv, batch: 1 }");
    struct pl_error *error = NULL;
    assert_int_equal(pl_harness_restore(h, bytes, size, &error), PL_CONFLICT);
    char *message = pl_error_text(error);
    assert_non_null(strstr(message, "is another file"));
    pl_free(message);
    pl_error_free(&error);
    pl_harness_free(h);
    write_text("other.csv", "time,tag,value\n");
    h = open_node("source.csv", PL_SAMPLES, "{ path: %s/other.csv }");
    assert_int_equal(pl_harness_restore(h, bytes, size, &error), PL_NOT_FOUND);
    pl_error_free(&error);
    assert_int_equal(pl_harness_restore(h, "x", 1, &error), PL_CORRUPT);
    pl_error_free(&error);
    pl_harness_free(h);
    pl_free(bytes);
}

/* ---- Options ---- */

static void options_that_do_not_go_together(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "{ path: [a, b], follow: true }",
        "{ path: a.gz, follow: true, compression: gzip }",
        "{ path: \"-\", follow: true }",
        "{ path: a, transposed: true }",
        "{ path: a, layout: wide, transposed: true, follow: true }",
        "{ path: a, layout: wide, transposed: true, empty: skip }",
        "{ path: a, layout: wide, transposed: true, time: [a, b] }",
        "{ path: [] }",
        "{ path: a, batch: 0 }",
        "{ path: a, batch: 9000 }",
        "header: true",
    };
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++) {
        struct pl_error *error = NULL;
        struct pl_harness *h = pl_harness_new("source.csv", wrong[i], PL_SAMPLES, &error);
        if (h) fail_msg("%s", wrong[i]);
        pl_error_free(&error);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_one_after_the_other),
        cmocka_unit_test(what_cannot_be_opened_is_named),
        cmocka_unit_test(what_was_refused_is_read_again),
        cmocka_unit_test(malformed_rows_are_counted_and_kept),
        cmocka_unit_test(packed_files_are_unpacked),
        cmocka_unit_test(large_files),
        cmocka_unit_test(a_named_pipe_is_waited_for),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(a_growing_file_is_followed),
        cmocka_unit_test(a_file_that_is_not_there_yet_is_waited_for),
        cmocka_unit_test(transposed_tables),
        cmocka_unit_test(it_goes_on_where_it_stood),
        cmocka_unit_test(another_file_of_the_name_is_refused),
        cmocka_unit_test(options_that_do_not_go_together),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
