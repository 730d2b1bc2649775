/* export_test.c: `potline export` on folders that this test fills itself, and beside a running writer. */
#include <fcntl.h>
#include <libgen.h>
#include <potline/alloc.h>
#include <potline/quality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/tags.h"
#include "log/log.h"
#include "log/record.h"
#include "store/batch_testing.h"
#include "store/folder_testing.h"
#include "store/lake.h"

enum { OUTPUT_MAX = 8 << 20 };

static char program[512];
static char *folder;
static struct pl_tags *tags;
static struct pl_store *store;
static struct pl_log *log_;

/* ---- A folder to export ---- */

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){0});
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_log_open_embedded(store, tags, 2, &log_, NULL), PL_OK);
    return 0;
}

static void close_store(void) {
    if (log_) log_->ops->close(log_);
    pl_store_close(store);
    log_ = NULL;
    store = NULL;
}

static int teardown(void **state) {
    (void)state;
    close_store();
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

static uint32_t name(const char *text) {
    return pl_tags_intern(tags, text, strlen(text));
}

struct row {
    pl_time time;
    const char *tag;
    double value;
    uint16_t quality;
};

static struct pl_batch *samples(const struct row *rows, uint32_t count) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, count, 0);
    for (uint32_t i = 0; i < count; i++) {
        batch->samples.time[i] = rows[i].time;
        batch->samples.tag[i] = name(rows[i].tag);
        batch->samples.value[i] = rows[i].value;
        batch->samples.quality[i] = rows[i].quality;
    }
    batch->rows = count;
    return batch;
}

static struct pl_batch *one_event(pl_time time) {
    static const uint8_t body[] = {0x81, 0xa5, 'l', 'i', 'm', 'i', 't', 0x07};
    struct pl_batch *batch = pl_batch_new(PL_EVENTS, 1, 64);
    pl_batch_heap(batch, 0, body, sizeof body);
    batch->events.time[0] = time;
    batch->events.id[0] = UINT64_MAX;
    batch->events.kind[0] = name("threshold.high");
    batch->events.severity[0] = 700;
    batch->events.asset[0] = name("line1.pot01");
    batch->events.tag[0] = name("line1.pot01.voltage");
    batch->events.end[0] = sizeof body;
    batch->rows = 1;
    return batch;
}

static void append(uint16_t partition, const char *source, struct pl_batch *batch) {
    struct pl_log_record record = {.type = PL_LOG_ROWS, .partition = partition, .source = name(source), .batch = batch};
    assert_int_equal(log_->ops->append(log_, &record, 1, NULL), PL_OK);
    pl_batch_unref(batch);
}

static void keep(enum pl_zone_id id, const char *node, struct pl_batch *batch) {
    struct pl_zone *zone;
    assert_int_equal(pl_zone_open_as(store, tags, id, node, 0, &zone, NULL), PL_OK);
    assert_int_equal(pl_zone_put(zone, batch, NULL), PL_OK);
    pl_zone_close(zone);
    pl_batch_unref(batch);
}

/* ---- The command ---- */

static char out[OUTPUT_MAX], err[4096];

static size_t drain(int fd, char *text, size_t room) {
    size_t length = 0;
    for (ssize_t got; length < room - 1 && (got = read(fd, text + length, room - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = 0;
    close(fd);
    return length;
}

/* Runs `potline export` with these arguments (words, a folder for %s) into `out` and `err`; returns the exit code. */
static int run(const char *arguments) {
    char command[2048], errors[300];
    snprintf(errors, sizeof errors, "%s/../export-%ld.err", folder, (long)getpid());
    int length = snprintf(command, sizeof command, "exec '%s' export ", program);
    for (const char *at = arguments; *at; at++) {
        if (at[0] == '%' && at[1] == 's') {
            length += snprintf(command + length, sizeof command - (size_t)length, "'%s'", folder);
            at++;
        } else {
            command[length++] = *at;
        }
    }
    snprintf(command + length, sizeof command - (size_t)length, " 2>'%s'", errors);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t used = fread(out, 1, sizeof out - 1, pipe);
    out[used] = 0;
    int status = pclose(pipe);
    drain(open(errors, O_RDONLY), err, sizeof err);
    unlink(errors);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_prints(const char *arguments, const char *expected) {
    int code = run(arguments);
    if (code) fail_msg("exit %d: %s", code, err);
    assert_string_equal(out, expected);
}

/* ---- What is printed ---- */

static const struct row plain[] = {
    {1700000000000000000, "line1.pot01.voltage", 4.1, 0},
    {1700000000250000001, "line1.pot02.voltage", NAN, PL_Q_BAD | PL_Q_MISSING},
    {-1, "a,\"b\"", -0.0, PL_Q_UNCERTAIN | PL_Q_SPIKE | PL_Q_LATE},
    {1700000001000000000, "line1.pot01.current", INFINITY, 0},
    {1700000002000000000, "line1.pot01.voltage", 0.1 + 0.2, 0},
};

static void bronze_is_what_came_in(void **state) {
    (void)state;
    append(0, "plc", samples(plain, 3));
    append(1, "plc", samples(plain + 3, 2));
    append(0, "plc.events", one_event(5));
    assert_prints("--data %s --zone bronze",
                  "time_ns,tag,value,quality,node,partition,sequence\n"
                  "1700000000000000000,line1.pot01.voltage,4.1,good,plc,0,0\n"
                  "1700000000250000001,line1.pot02.voltage,nan,bad|missing,plc,0,1\n"
                  "-1,\"a,\"\"b\"\"\",-0,uncertain|spike|late,plc,0,2\n"
                  "1700000001000000000,line1.pot01.current,inf,good,plc,1,0\n"
                  "1700000002000000000,line1.pot01.voltage,0.30000000000000004,good,plc,1,1\n");
    assert_non_null(strstr(err, "1 rows of events are left out; --kind events gives them"));
}

static void json_lines_have_every_kind(void **state) {
    (void)state;
    append(0, "plc", samples(plain, 3));
    append(1, "plc", samples(plain + 3, 1));
    append(0, "plc.events", one_event(5));
    assert_prints(
        "--data %s --zone bronze --format ndjson",
        "{\"type\":\"samples\",\"time\":\"2023-11-14T22:13:20Z\",\"tag\":\"line1.pot01.voltage\",\"value\":4.1,"
        "\"quality\":\"good\",\"node\":\"plc\",\"partition\":0,\"sequence\":0}\n"
        "{\"type\":\"samples\",\"time\":\"2023-11-14T22:13:20.250000001Z\",\"tag\":\"line1.pot02.voltage\","
        "\"value\":null,\"quality\":\"bad|missing\",\"node\":\"plc\",\"partition\":0,\"sequence\":1}\n"
        "{\"type\":\"samples\",\"time\":\"1969-12-31T23:59:59.999999999Z\",\"tag\":\"a,\\\"b\\\"\",\"value\":-0,"
        "\"quality\":\"uncertain|spike|late\",\"node\":\"plc\",\"partition\":0,\"sequence\":2}\n"
        "{\"type\":\"events\",\"time\":\"1970-01-01T00:00:00.000000005Z\",\"id\":\"18446744073709551615\","
        "\"kind\":\"threshold.high\",\"severity\":700,\"asset\":\"line1.pot01\",\"tag\":\"line1.pot01.voltage\","
        "\"body\":{\"limit\":7},\"node\":\"plc.events\",\"partition\":0,\"sequence\":3}\n"
        "{\"type\":\"samples\",\"time\":\"2023-11-14T22:13:21Z\",\"tag\":\"line1.pot01.current\",\"value\":\"inf\","
        "\"quality\":\"good\",\"node\":\"plc\",\"partition\":1,\"sequence\":0}\n");
    assert_string_equal(err, "");
}

static void times_are_text_where_asked(void **state) {
    (void)state;
    append(0, "plc", samples(plain, 1));
    assert_prints("--data %s --zone bronze --time rfc3339",
                  "time,tag,value,quality,node,partition,sequence\n"
                  "2023-11-14T22:13:20Z,line1.pot01.voltage,4.1,good,plc,0,0\n");
    assert_prints("--data %s --zone bronze --json --time ns",
                  "{\"type\":\"samples\",\"time_ns\":1700000000000000000,\"tag\":\"line1.pot01.voltage\",\"value\":4.1,"
                  "\"quality\":\"good\",\"node\":\"plc\",\"partition\":0,\"sequence\":0}\n");
}

static void rows_are_chosen_by_tag_time_and_node(void **state) {
    (void)state;
    append(0, "plc", samples(plain, 2));
    append(0, "other", samples(plain + 3, 2));
    append(0, "plc.events", one_event(5));
    assert_prints("--data %s --zone bronze --tags '*.pot02.*' --tags '*.current'",
                  "time_ns,tag,value,quality,node,partition,sequence\n"
                  "1700000000250000001,line1.pot02.voltage,nan,bad|missing,plc,0,1\n"
                  "1700000001000000000,line1.pot01.current,inf,good,other,0,2\n");
    assert_prints("--data %s --zone bronze --node other --to 2023-11-14T22:13:22Z",
                  "time_ns,tag,value,quality,node,partition,sequence\n"
                  "1700000001000000000,line1.pot01.current,inf,good,other,0,2\n");
    assert_prints("--data %s --zone bronze --from 1700000001000000000 --to 1700000001000000001",
                  "time_ns,tag,value,quality,node,partition,sequence\n"
                  "1700000001000000000,line1.pot01.current,inf,good,other,0,2\n");
    assert_prints("--data %s --zone bronze --kind events --node plc --tags '*.voltage'",
                  "time_ns,id,kind,severity,asset,tag,body,node,partition,sequence\n"
                  "5,18446744073709551615,threshold.high,700,line1.pot01,line1.pot01.voltage,\"{\"\"limit\"\":7}\","
                  "plc.events,0,4\n");
}

static struct pl_batch *window(pl_time start, double mean) {
    struct pl_batch *batch = pl_batch_new(PL_WINDOWS, 1, 0);
    batch->windows.tag[0] = name("line1.pot01.voltage");
    batch->windows.start[0] = start;
    batch->windows.end[0] = start + 10;
    batch->windows.count[0] = 3;
    batch->windows.skipped[0] = 1;
    batch->windows.mean[0] = mean;
    batch->windows.min[0] = batch->windows.first[0] = 1e-7;
    batch->windows.max[0] = batch->windows.last[0] = 1e22;
    batch->windows.stddev[0] = NAN;
    batch->windows.quality[0] = 0;
    batch->rows = 1;
    return batch;
}

static void gold_has_windows(void **state) {
    (void)state;
    keep(PL_GOLD, "tenths", window(100, 2.5));
    keep(PL_GOLD, "tenths", window(0, 1.5));
    keep(PL_GOLD, "minutes", window(50, 2));
    assert_prints("--data %s --zone gold",
                  "tag,start_ns,end_ns,count,skipped,mean,min,max,stddev,first,last,quality,node\n"
                  "line1.pot01.voltage,50,60,3,1,2,1e-7,1e22,nan,1e-7,1e22,good,minutes\n"
                  "line1.pot01.voltage,0,10,3,1,1.5,1e-7,1e22,nan,1e-7,1e22,good,tenths\n"
                  "line1.pot01.voltage,100,110,3,1,2.5,1e-7,1e22,nan,1e-7,1e22,good,tenths\n");
    assert_prints("--data %s --zone gold --node tenths --from 60",
                  "tag,start_ns,end_ns,count,skipped,mean,min,max,stddev,first,last,quality,node\n"
                  "line1.pot01.voltage,100,110,3,1,2.5,1e-7,1e22,nan,1e-7,1e22,good,tenths\n");
}

static void a_zone_without_its_usual_kind_shows_what_it_has(void **state) {
    (void)state;
    struct pl_batch *field = pl_batch_new(PL_PROFILES, 1, 8);
    double positions[] = {0, 0.5, 1}, values[] = {960, NAN, -INFINITY};
    pl_batch_heap(field, 0, positions, 3);
    pl_batch_heap(field, 1, values, 3);
    field->profiles.asset[0] = name("line1.pot01");
    field->profiles.quantity[0] = name("temperature");
    field->profiles.time[0] = 7;
    field->profiles.quality[0] = 0;
    field->profiles.end[0] = 3;
    field->rows = 1;
    keep(PL_GOLD, "twin", field);
    assert_prints("--data %s --zone gold",
                  "asset,quantity,time_ns,quality,positions,values,node\n"
                  "line1.pot01,temperature,7,good,\"[0,0.5,1]\",\"[960,null,\"\"-inf\"\"]\",twin\n");
    assert_prints("--data %s --zone gold --json",
                  "{\"type\":\"profiles\",\"asset\":\"line1.pot01\",\"quantity\":\"temperature\","
                  "\"time\":\"1970-01-01T00:00:00.000000007Z\",\"quality\":\"good\",\"positions\":[0,0.5,1],"
                  "\"values\":[960,null,\"-inf\"],\"node\":\"twin\"}\n");
}

static void silver_and_dead_are_zones_too(void **state) {
    (void)state;
    keep(PL_SILVER, "clean", samples(plain, 1));
    keep(PL_DEAD, "clean", samples(plain + 1, 1));
    assert_prints("--data %s --zone silver", "time_ns,tag,value,quality,node\n"
                                             "1700000000000000000,line1.pot01.voltage,4.1,good,clean\n");
    assert_prints("--data %s --zone dead", "time_ns,tag,value,quality,node\n"
                                           "1700000000250000001,line1.pot02.voltage,nan,bad|missing,clean\n");
}

/* ---- Exactness and size ---- */

static void every_double_reads_back(void **state) {
    (void)state;
    enum { ROWS = 4000 };
    static struct row rows[ROWS];
    random_state = 9;
    for (unsigned i = 0; i < ROWS; i++) {
        uint64_t bits = random_number() << 32 ^ random_number();
        rows[i] = (struct row){i, "a.b", 0, 0};
        memcpy(&rows[i].value, &bits, sizeof bits);
        if (!isfinite(rows[i].value)) rows[i].value = i / 7.0;
    }
    append(0, "in", samples(rows, ROWS));
    assert_int_equal(run("--data %s --zone bronze"), 0);
    const char *line = strchr(out, '\n') + 1;
    for (unsigned i = 0; i < ROWS; i++, line = strchr(line, '\n') + 1) {
        double value;
        assert_int_equal(sscanf(line, "%*[^,],a.b,%lf", &value), 1);
        assert_memory_equal(&value, &rows[i].value, sizeof value);
    }
    assert_int_equal(*line, 0);
}

static void it_works_beside_a_writer(void **state) {
    (void)state;
    struct row row = {0, "a.b", 0, 0};
    for (unsigned i = 0; i < 5; i++) { /* this process holds the folder all the time */
        for (unsigned k = 0; k < 500; k++, row.time++)
            append(0, "in", samples(&row, 1));
        assert_int_equal(run("--data %s --zone bronze"), 0);
        unsigned lines = 0;
        for (const char *at = out; (at = strchr(at, '\n')); at++)
            lines++;
        assert_int_equal(lines, 1 + row.time);
    }
}

static void a_file_appears_when_it_is_complete(void **state) {
    (void)state;
    char path[300], arguments[600], text[256];
    append(0, "in", samples(plain, 1));
    snprintf(path, sizeof path, "%s/out.csv", folder);
    snprintf(arguments, sizeof arguments, "--data %%s --zone bronze --out '%s'", path);
    assert_prints(arguments, "");
    drain(open(path, O_RDONLY), text, sizeof text);
    assert_string_equal(text, "time_ns,tag,value,quality,node,partition,sequence\n"
                              "1700000000000000000,line1.pot01.voltage,4.1,good,in,0,0\n");
    assert_prints("--data %s --zone bronze --out /dev/null", "");
    assert_int_equal(access("/dev/null", W_OK), 0);
    assert_int_equal(run("--data %s --zone bronze --out /nonexistent/file"), 1);
    assert_non_null(strstr(err, "/nonexistent/file"));
}

/* ---- What is wrong ---- */

static void an_empty_zone_is_said_to_be(void **state) {
    (void)state;
    assert_prints("--data %s --zone gold",
                  "tag,start_ns,end_ns,count,skipped,mean,min,max,stddev,first,last,quality,node\n");
    assert_non_null(strstr(err, "zone gold is empty"));
    assert_prints("--data %s --zone bronze", "time_ns,tag,value,quality,node,partition,sequence\n");
    assert_non_null(strstr(err, "zone bronze is empty"));
    assert_prints("--data %s --zone bronze --json", "");
    append(0, "in", samples(plain, 1));
    assert_prints("--data %s --zone bronze --tags nobody", "time_ns,tag,value,quality,node,partition,sequence\n");
    assert_non_null(strstr(err, "no row of zone bronze fits"));
}

static void what_is_no_data_folder_is_bad_input(void **state) {
    (void)state;
    assert_int_equal(run("--data /nonexistent --zone bronze"), 2);
    assert_non_null(strstr(err, "/nonexistent: not a data folder"));
    assert_string_equal(out, "");
    assert_int_equal(run("--zone bronze"), 2);
    assert_int_equal(run("--data %s"), 2);
    assert_int_equal(run("--data %s --zone golden"), 2);
    assert_non_null(strstr(err, "did you mean gold?"));
    assert_int_equal(run("--data %s --zone gold --from yesterday"), 2);
    assert_int_equal(run("--data %s --zone gold --format xml"), 2);
    assert_int_equal(run("--data %s --zone gold --kind rows"), 2);
    assert_int_equal(run("--help"), 0);
    assert_non_null(strstr(out, "--zone ZONE"));
}

static void damage_is_told_after_what_is_good(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        append(0, "in", samples(plain, 1));
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(0, 1, key);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_BRONZE], (char *)key, sizeof key, "not a record", 12);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
    assert_int_equal(run("--data %s --zone bronze"), 1);
    assert_non_null(strstr(err, "partition 0, sequence 1"));
    char arguments[600], path[300];
    snprintf(path, sizeof path, "%s/out.csv", folder);
    snprintf(arguments, sizeof arguments, "--data %%s --zone bronze --out '%s'", path);
    assert_int_equal(run(arguments), 1);
    assert_int_equal(access(path, F_OK), -1); /* no half a file */
}

int main(void) {
    char self[400];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) return 1;
    self[length] = 0;
    snprintf(program, sizeof program, "%s/../bin/potline", dirname(self));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bronze_is_what_came_in, setup, teardown),
        cmocka_unit_test_setup_teardown(json_lines_have_every_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(times_are_text_where_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_chosen_by_tag_time_and_node, setup, teardown),
        cmocka_unit_test_setup_teardown(gold_has_windows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_zone_without_its_usual_kind_shows_what_it_has, setup, teardown),
        cmocka_unit_test_setup_teardown(silver_and_dead_are_zones_too, setup, teardown),
        cmocka_unit_test_setup_teardown(every_double_reads_back, setup, teardown),
        cmocka_unit_test_setup_teardown(it_works_beside_a_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_appears_when_it_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_zone_is_said_to_be, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_data_folder_is_bad_input, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_told_after_what_is_good, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
