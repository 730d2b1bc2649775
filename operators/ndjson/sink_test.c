#include "testing.h"

#include <math.h>

static void push(struct pl_harness *h, struct pl_batch *batch) {
    if (pl_harness_push(h, 0, batch) != PL_FLOW_OK) fail_msg("%s", pl_harness_failure(h));
}

static struct pl_batch *sample(struct pl_harness *h, const char *tag, double value, uint16_t quality) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    pl_harness_tags(h);
    b->samples.time[0] = PL_SECOND;
    b->samples.tag[0] = pl_harness_tag(h, tag);
    b->samples.value[0] = value;
    b->samples.quality[0] = quality;
    b->rows = 1;
    return b;
}

static void samples_a_line(void **state) {
    (void)state;
    write_text("out.ndjson", "what was there before\n");
    struct pl_harness *h = open_node("sink.ndjson", PL_SAMPLES, "path: %s/out.ndjson");
    push(h, sample(h, "l1.a", 4.25, PL_Q_GOOD));
    push(h, sample(h, "quote\"back\\slash", NAN, PL_Q_BAD | PL_Q_MISSING));
    push(h, sample(h, "\xc3\xa4", INFINITY, PL_Q_UNCERTAIN));
    pl_harness_end(h);
    pl_harness_free(h);
    expect_file(
        "out.ndjson",
        "{\"type\":\"samples\",\"time\":\"1970-01-01T00:00:01Z\",\"tag\":\"l1.a\",\"value\":4.25,\"quality\":\"good\"}"
        "\n"
        "{\"type\":\"samples\",\"time\":\"1970-01-01T00:00:01Z\",\"tag\":\"quote\\\"back\\\\slash\",\"value\":null,"
        "\"quality\":\"bad|missing\"}\n"
        "{\"type\":\"samples\",\"time\":\"1970-01-01T00:00:01Z\",\"tag\":\"\xc3\xa4\",\"value\":null,\"quality\":"
        "\"uncertain\"}\n");
}

static void other_forms(void **state) {
    (void)state;
    write_text("app.ndjson", "{}\n");
    struct pl_harness *h =
        open_node("sink.ndjson", PL_SAMPLES, "{ path: %s/app.ndjson, mode: append, time: ns, infinities: text }");
    struct pl_batch *b = sample(h, "a", -INFINITY, PL_Q_GOOD);
    b->source = pl_harness_tag(h, "plc");
    push(h, b);
    pl_harness_end(h);
    pl_harness_free(h);
    expect_file("app.ndjson",
                "{}\n{\"type\":\"samples\",\"time_ns\":1000000000,\"tag\":\"a\",\"value\":\"-inf\",\"quality\":"
                "\"good\",\"node\":\"plc\"}\n");
    h = open_node("sink.ndjson", PL_SAMPLES, "{ path: %s/app.ndjson, node: false }");
    b = sample(h, "a", 1, PL_Q_GOOD);
    b->source = pl_harness_tag(h, "plc");
    push(h, b);
    pl_harness_end(h);
    pl_harness_free(h);
    expect_file(
        "app.ndjson",
        "{\"type\":\"samples\",\"time\":\"1970-01-01T00:00:01Z\",\"tag\":\"a\",\"value\":1,\"quality\":\"good\"}\n");
}

/* Rows with heaps: all members, and a reason full of what JSON has to escape. */
static void rows_of_other_kinds(void **state) {
    (void)state;
    struct pl_harness *h = open_node("sink.ndjson", PL_SETPOINTS, "path: %s/set.ndjson");
    struct pl_batch *b = pl_batch_new(PL_SETPOINTS, 1, 64);
    pl_harness_tags(h);
    b->setpoints.time[0] = 0;
    b->setpoints.id[0] = UINT64_MAX;
    b->setpoints.tag[0] = pl_harness_tag(h, "a");
    b->setpoints.value[0] = 1.5;
    b->setpoints.lower[0] = -INFINITY;
    b->setpoints.upper[0] = 2;
    b->setpoints.expiry[0] = PL_SECOND;
    b->setpoints.token[0] = 7;
    b->setpoints.origin[0] = pl_harness_tag(h, "mpc");
    static const char reason[] = "\x01\t\n\x7f\"\\/";
    assert_non_null(pl_batch_heap(b, 0, reason, sizeof(reason) - 1));
    b->setpoints.end[0] = b->heap_used[0];
    b->rows = 1;
    push(h, b);
    pl_harness_end(h);
    pl_harness_free(h);
    expect_file(
        "set.ndjson",
        "{\"type\":\"setpoints\",\"time\":\"1970-01-01T00:00:00Z\",\"id\":\"18446744073709551615\",\"tag\":\"a\","
        "\"value\":1.5,\"lower\":null,\"upper\":2,\"expiry\":\"1970-01-01T00:00:01Z\",\"token\":\"7\",\"origin\":"
        "\"mpc\",\"reason\":\"\\u0001\\t\\n\\u007f\\\"\\\\/\"}\n");
}

/* What a restart brings back is written once. */
static void a_restart_cuts_the_file_back(void **state) {
    (void)state;
    size_t size;
    const char *options = "{ path: %s/r.ndjson, time: ns }";
    struct pl_harness *h = open_node("sink.ndjson", PL_SAMPLES, options);
    push(h, sample(h, "a", 1, PL_Q_GOOD));
    void *bytes = pl_harness_snapshot(h, &size);
    push(h, sample(h, "a", 2, PL_Q_GOOD));
    pl_harness_turn(h);
    pl_harness_free(h);
    h = open_node("sink.ndjson", PL_SAMPLES, options);
    assert_int_equal(pl_harness_restore(h, bytes, size, NULL), PL_OK);
    push(h, sample(h, "a", 3, PL_Q_GOOD));
    pl_harness_end(h);
    pl_harness_free(h);
    pl_free(bytes);
    expect_file("r.ndjson",
                "{\"type\":\"samples\",\"time_ns\":1000000000,\"tag\":\"a\",\"value\":1,\"quality\":\"good\"}\n"
                "{\"type\":\"samples\",\"time_ns\":1000000000,\"tag\":\"a\",\"value\":3,\"quality\":\"good\"}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_a_line),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(rows_of_other_kinds),
        cmocka_unit_test(a_restart_cuts_the_file_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
