#include "testing.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct pl_batch *rows(struct pl_harness *h, int first, int count) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, (uint32_t)count, 0);
    for (int i = 0; i < count; i++) {
        b->samples.time[i] = (pl_time)(first + i) * PL_SECOND;
        b->samples.tag[i] = pl_harness_tag(h, i % 2 ? "line1.b" : "line1.a");
        b->samples.value[i] = i == 3 ? NAN : first + i + 0.5;
        b->samples.quality[i] = i == 3 ? PL_Q_BAD | PL_Q_MISSING : PL_Q_GOOD;
    }
    b->rows = (uint32_t)count;
    return b;
}

static void push(struct pl_harness *h, int first, int count) {
    pl_harness_tags(h);
    if (pl_harness_push(h, 0, rows(h, first, count)) != PL_FLOW_OK) fail_msg("%s", pl_harness_failure(h));
}

static void a_file_of_rows(void **state) {
    (void)state;
    write_text("out.csv", "what was there before\n");
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "path: %s/out.csv");
    pl_harness_tags(h);
    expect_file("out.csv", "what was there before\n"); /* opening it destroys nothing */
    push(h, 1, 2);
    push(h, 3, 4);
    pl_harness_end(h);
    expect_file("out.csv", "time_ns,tag,value\n1000000000,line1.a,1.5\n2000000000,line1.b,2.5\n3000000000,line1.a,3.5\n"
                           "4000000000,line1.b,4.5\n5000000000,line1.a,5.5\n6000000000,line1.b,\n");
    pl_harness_free(h);
}

static void modes_of_opening(void **state) {
    (void)state;
    write_text("app.csv", "time_ns,tag,value\n0,x,0\n");
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "{ path: %s/app.csv, mode: append }");
    push(h, 1, 1);
    pl_harness_end(h);
    pl_harness_free(h);
    expect_file("app.csv", "time_ns,tag,value\n0,x,0\n1000000000,line1.a,1.5\n");

    write_text("atom.csv", "old\n");
    h = open_node("sink.csv", PL_SAMPLES, "{ path: %s/atom.csv, mode: atomic, header: false }");
    push(h, 1, 1);
    expect_file("atom.csv", "old\n");
    pl_harness_end(h);
    expect_file("atom.csv", "1000000000,line1.a,1.5\n");
    pl_harness_free(h);
    assert_int_not_equal(access(path_of("atom.csv.part"), F_OK), 0);

    write_text("none.csv", "old\n");
    h = open_node("sink.csv", PL_SAMPLES, "path: %s/none.csv");
    pl_harness_tags(h);
    pl_harness_end(h); /* no row at all is an output too */
    pl_harness_free(h);
    expect_file("none.csv", "time_ns,tag,value\n");
}

static void columns_and_decimals(void **state) {
    (void)state;
    struct pl_harness *h = open_node(
        "sink.csv", PL_SAMPLES,
        "{ path: %s/c.csv, columns: [time, asset, value, quality], decimals: 6, delimiter: tab, missing: NaN }");
    push(h, 0, 4);
    pl_harness_end(h);
    pl_harness_free(h);
    expect_file("c.csv", "time\tasset\tvalue\tquality\n1970-01-01T00:00:00Z\tline1\t0.500000\tgood\n"
                         "1970-01-01T00:00:01Z\tline1\t1.500000\tgood\n1970-01-01T00:00:02Z\tline1\t2.500000\tgood\n"
                         "1970-01-01T00:00:03Z\tline1\tNaN\tbad|missing\n");
}

static void windows_as_the_benchmark_wants_them(void **state) {
    (void)state;
    struct pl_harness *h = open_node("sink.csv", PL_WINDOWS, "{ path: %s/w.csv, header: false, decimals: 6 }");
    pl_harness_tags(h);
    struct pl_batch *b = pl_batch_new(PL_WINDOWS, 1, 0);
    b->windows.tag[0] = pl_harness_tag(h, "line1.pot01.voltage");
    b->windows.start[0] = 1700000000000000000;
    b->windows.end[0] = 1700000010000000000;
    b->windows.count[0] = 100;
    b->windows.mean[0] = 4.2;
    b->windows.min[0] = 4;
    b->windows.max[0] = 4.5;
    b->windows.last[0] = 4.1;
    b->rows = 1;
    assert_int_equal(pl_harness_push(h, 0, b), PL_FLOW_OK);
    pl_harness_end(h);
    pl_harness_free(h);
    expect_file("w.csv", "1700000000000000000,line1.pot01.voltage,100,4.200000,4.000000,4.500000,4.100000\n");
}

/* What a restart brings back is written once, though more had been written than the state knows of. */
static void a_restart_cuts_the_file_back(void **state) {
    (void)state;
    static const char *const modes[] = {"truncate", "append", "atomic"};
    for (int i = 0; i < 3; i++) {
        char options[200];
        size_t size;
        unlink(path_of("r.csv"));
        unlink(path_of("r.csv.part"));
        snprintf(options, sizeof(options), "{ path: %%s/r.csv, mode: %s, header: false }", modes[i]);
        struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, options);
        push(h, 1, 1);
        void *bytes = pl_harness_snapshot(h, &size);
        expect_file(i == 2 ? "r.csv.part" : "r.csv",
                    "1000000000,line1.a,1.5\n"); /* the state speaks of what is there */
        push(h, 2, 1);
        pl_free(pl_harness_snapshot(h, &(size_t){0})); /* a later state, that will not be the one restored */
        pl_harness_free(h);
        h = open_node("sink.csv", PL_SAMPLES, options);
        assert_int_equal(pl_harness_restore(h, bytes, size, NULL), PL_OK);
        push(h, 7, 1);
        pl_harness_end(h);
        pl_harness_free(h);
        expect_file("r.csv", "1000000000,line1.a,1.5\n7000000000,line1.a,7.5\n");
        unlink(path_of("r.csv"));
        h = open_node("sink.csv", PL_SAMPLES, options);
        struct pl_error *error = NULL;
        assert_int_equal(pl_harness_restore(h, bytes, size, &error), PL_CONFLICT);
        pl_error_free(&error);
        pl_harness_free(h);
        pl_free(bytes);
    }
}

static void what_cannot_be_written_is_told(void **state) {
    (void)state;
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "path: %s/nowhere/x.csv");
    pl_harness_end(h);
    assert_non_null(strstr(pl_harness_failure(h), "nowhere/x.csv: No such file or directory"));
    pl_harness_free(h);
    h = open_node("sink.csv", PL_SAMPLES, "path: %s");
    pl_harness_end(h);
    assert_non_null(strstr(pl_harness_failure(h), "is a folder"));
    pl_harness_free(h);
    h = open_node("sink.csv", PL_SAMPLES, "{ path: %s/x.csv, columns: [time_ns, vlaue] }");
    pl_harness_end(h);
    assert_non_null(strstr(pl_harness_failure(h), "did you mean value?"));
    pl_harness_free(h);
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "path: /dev/full");
    pl_harness_tags(h);
    pl_harness_push(h, 0, rows(h, 1, 1));
    pl_harness_end(h);
    const char *failure = pl_harness_failure(h);
    if (!failure || !strstr(failure, "/dev/full: No space left on device, after 0 bytes")) fail_msg("%s", failure);
    assert_int_equal(pl_harness_push(h, 0, rows(h, 1, 1)), PL_FLOW_FAIL);
    pl_harness_free(h);
}

/* A file that may grow to a limit only: the error comes while writing, and says how far it got. */
static void a_limit_is_told_with_its_place(void **state) {
    (void)state;
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "path: %s/limit.csv");
    pl_harness_tags(h);
    setrlimit(RLIMIT_FSIZE, &limit);
    enum pl_flow flow = PL_FLOW_OK;
    for (int i = 0; i < 100 && flow == PL_FLOW_OK; i++)
        flow = pl_harness_push(h, 0, rows(h, i, 1000));
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(flow, PL_FLOW_FAIL);
    assert_non_null(strstr(pl_harness_failure(h), "limit.csv: File too large, after 100000 bytes"));
    pl_harness_free(h);
}

/* What the reader at the other end of a pipe got: the first numbers of its lines, which count up from 0. */
struct slow_reader {
    int fd;
    long long next;
    bool in_order;
};

static void *read_slowly(void *user) {
    struct slow_reader *reader = user;
    char text[4096];
    size_t have = 0;
    for (ssize_t n; (n = read(reader->fd, text + have, sizeof(text) - have)) > 0;) {
        char *at = text, *end;
        have += (size_t)n;
        for (; (end = memchr(at, '\n', (size_t)(text + have - at))); at = end + 1) {
            reader->in_order &= atoll(at) == reader->next++ * PL_SECOND;
        }
        have -= (size_t)(at - text);
        memmove(text, at, have);
        usleep(200);
    }
    return NULL;
}

/* A pipe that takes no more makes the node busy, and nothing is lost. */
static void a_slow_reader_of_a_pipe(void **state) {
    (void)state;
    enum { PUSHES = 10, ROWS = 8000 };
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    struct slow_reader reader = {.fd = open(path_of("pipe"), O_RDONLY | O_NONBLOCK), .in_order = true};
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "{ path: %s/pipe, header: false, columns: time_ns }");
    pl_harness_tags(h);
    fcntl(reader.fd, F_SETFL, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, read_slowly, &reader);
    for (int i = 0; i < PUSHES; i++)
        push(h, i * ROWS, ROWS);
    pl_harness_end(h);
    assert_null(pl_harness_failure(h));
    pl_harness_free(h);
    pthread_join(thread, NULL);
    assert_int_equal(reader.next, PUSHES * ROWS);
    assert_true(reader.in_order);
    close(reader.fd);
}

static void a_reader_that_has_gone(void **state) {
    (void)state;
    int fd = open(path_of("pipe"), O_RDONLY | O_NONBLOCK);
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "path: %s/pipe");
    push(h, 1, 1);
    close(fd);
    pl_harness_push(h, 0, rows(h, 1, 8000));
    pl_harness_end(h);
    assert_non_null(strstr(pl_harness_failure(h), "pipe: Broken pipe"));
    pl_harness_free(h);
    h = open_node("sink.csv", PL_SAMPLES, "path: %s/pipe");
    pl_harness_end(h);
    assert_non_null(strstr(pl_harness_failure(h), "nobody reads this pipe"));
    pl_harness_free(h);
}

/* Nothing waits for more: what a turn of the loop brought is written at its end. */
static void a_quiet_stream_is_written_at_once(void **state) {
    (void)state;
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, "{ path: %s/q.csv, header: false }");
    push(h, 1, 1);
    expect_file("q.csv", "");
    push(h, 2, 1);
    pl_harness_turn(h);
    expect_file("q.csv", "1000000000,line1.a,1.5\n2000000000,line1.a,2.5\n");
    pl_harness_free(h);
}

static void one(struct pl_harness *h, int second, const char *tag, double value) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    b->samples.time[0] = (pl_time)second * PL_SECOND;
    b->samples.tag[0] = pl_harness_tag(h, tag);
    b->samples.value[0] = value;
    b->samples.quality[0] = PL_Q_GOOD;
    b->rows = 1;
    if (pl_harness_push(h, 0, b) != PL_FLOW_OK) fail_msg("%s", pl_harness_failure(h));
}

/* A line a time and asset; it may come in several batches, and a restart in between. */
static void a_table_of_signals(void **state) {
    (void)state;
    static const char options[] = "{ path: %s/wide.csv, layout: wide, columns: [row, time, asset, score, alarm] }";
    struct pl_harness *h = open_node("sink.csv", PL_SAMPLES, options);
    one(h, 1, "p1.score", 0.25);
    one(h, 1, "p1.alarm", 0);
    one(h, 2, "p1.alarm", 1); /* in any order */
    one(h, 2, "p1.other", 9);
    one(h, 2, "p1.score", 0.75);
    one(h, 2, "p2.score", 0.5); /* of another asset */
    size_t size = 0;
    void *bytes = pl_harness_snapshot(h, &size);
    pl_harness_free(h);
    h = open_node("sink.csv", PL_SAMPLES, options);
    struct pl_error *error = NULL;
    if (pl_harness_restore(h, bytes, size, &error)) fail_msg("%s", error->text);
    pl_free(bytes);
    one(h, 2, "p2.alarm", 1);
    one(h, 3, "p2.score", NAN);
    one(h, 4, "p2.score", 1); /* the line before stays without its alarm */
    one(h, 4, "p2.score", 2);
    pl_harness_end(h);
    expect_file("wide.csv", "row,time,asset,score,alarm\n1,1970-01-01T00:00:01Z,p1,0.25,0\n"
                            "2,1970-01-01T00:00:02Z,p1,0.75,1\n3,1970-01-01T00:00:02Z,p2,0.5,1\n"
                            "4,1970-01-01T00:00:03Z,p2,,\n5,1970-01-01T00:00:04Z,p2,1,\n"
                            "6,1970-01-01T00:00:04Z,p2,2,\n");
    pl_harness_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_rows),
        cmocka_unit_test(modes_of_opening),
        cmocka_unit_test(columns_and_decimals),
        cmocka_unit_test(windows_as_the_benchmark_wants_them),
        cmocka_unit_test(a_restart_cuts_the_file_back),
        cmocka_unit_test(what_cannot_be_written_is_told),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_limit_is_told_with_its_place),
        cmocka_unit_test(a_slow_reader_of_a_pipe),
        cmocka_unit_test(a_reader_that_has_gone),
        cmocka_unit_test(a_quiet_stream_is_written_at_once),
        cmocka_unit_test(a_table_of_signals),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
