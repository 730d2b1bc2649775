#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "testing/peer.h"

static struct pl_batch *ours(struct pl_harness *h, const char *tag, pl_time from, uint32_t rows) {
    return peer_samples(pl_harness_tags(h), tag, from, rows);
}

static void push(struct pl_harness *h, struct pl_batch *batch) {
    if (pl_harness_push(h, 0, batch) != PL_FLOW_OK) fail_msg("%s", pl_harness_failure(h));
}

static struct message received(struct peer *peer, enum pl_encoding encoding) {
    struct message message;
    if (!peer_receive(peer, encoding, &message, 5000)) fail_msg("no message came");
    return message;
}

static const char *name_of(struct peer *peer, uint32_t id) {
    return pl_tags_get(peer->tags, id)->name;
}

/* A push socket that binds and a peer that pulls: nothing is lost while they meet. */
static struct pl_harness *pushing_to(struct peer *peer, const char *more) {
    peer_endpoint(peer->endpoint);
    peer_connect(peer, peer->endpoint);
    return harness_with("sink.zmq", "{ socket: push, bind: \"%s\"%s }", peer->endpoint, more);
}

static void every_encoding_is_sent(void **state) {
    (void)state;
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        struct peer peer = peer_new(ZMQ_PULL);
        char more[40];
        snprintf(more, sizeof(more), ", encoding: %s", pl_encoding_names[encoding]);
        struct pl_harness *h = pushing_to(&peer, more);
        push(h, ours(h, "line1.pot07.voltage", 40, 30));
        pl_harness_end(h);
        struct message message = received(&peer, encoding);
        assert_string_equal(message.topic, "samples/node");
        assert_int_equal(message.batch->rows, 30);
        for (uint32_t i = 0; i < 30; i++) {
            assert_int_equal(message.batch->samples.time[i], 40 + i);
            assert_true(message.batch->samples.value[i] == (40 + i) / 2.0);
            assert_string_equal(name_of(&peer, message.batch->samples.tag[i]), "line1.pot07.voltage");
        }
        assert_int_equal(pl_harness_counter(h, "messages"), 1);
        pl_batch_unref(message.batch);
        pl_harness_free(h);
        peer_free(&peer);
    }
}

static void expect(struct peer *peer, const char *topic, unsigned partition, uint64_t sequence, uint32_t rows) {
    struct message message = received(peer, PL_CAPNP);
    assert_string_equal(message.topic, topic);
    assert_int_equal(message.batch->header->partition, partition);
    assert_int_equal(message.batch->header->first_sequence, sequence);
    assert_int_equal(message.batch->rows, rows);
    pl_batch_unref(message.batch);
}

static void rows_are_numbered_by_partition_and_kind(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PULL);
    struct pl_harness *h = pushing_to(&peer, ", topic: clean");
    struct pl_batch *batch = ours(h, "a.b", 0, 10);
    batch->header->first_sequence = 4711; /* the log's, which the sink's own numbers replace */
    struct pl_batch *held = pl_batch_ref(batch);
    push(h, batch);
    push(h, ours(h, "a.b", 0, 5));
    batch = ours(h, "a.b", 0, 7);
    batch->header->partition = 3;
    push(h, batch);
    batch = pl_batch_new(PL_EVENTS, 1, 0);
    memset(batch->column[0], 0, 8);
    batch->events.id[0] = batch->events.kind[0] = batch->events.asset[0] = batch->events.tag[0] = 0;
    batch->events.severity[0] = 1;
    batch->events.end[0] = 0;
    batch->rows = 1;
    push(h, batch);
    push(h, ours(h, "a.b", 0, 1));
    pl_harness_end(h);
    expect(&peer, "samples/clean", 0, 0, 10);
    expect(&peer, "samples/clean", 0, 10, 5);
    expect(&peer, "samples/clean", 3, 0, 7);
    expect(&peer, "events/clean", 0, 0, 1);
    expect(&peer, "samples/clean", 0, 15, 1);
    assert_int_equal(held->header->first_sequence, 4711); /* a batch that others hold too is not changed */
    pl_batch_unref(held);
    pl_harness_free(h);
    peer_free(&peer);
}

/* Rows go round three assets and one tag without, in runs of one and two. */
static struct pl_batch *mixed(struct pl_harness *h, uint32_t rows) {
    static const char *const tags[] = {"line1.pot01.v", "line1.pot02.v", "line1.pot02.n", "plain", "line1.v"};
    struct pl_batch *batch = ours(h, "plain", 0, rows);
    for (uint32_t i = 0; i < rows; i++)
        batch->samples.tag[i] = pl_harness_tag(h, tags[i % 5]);
    return batch;
}

static void a_batch_is_split_by_asset(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PULL);
    struct pl_harness *h = pushing_to(&peer, ", split: asset");
    push(h, mixed(h, 50));
    push(h, mixed(h, 5));
    pl_harness_end(h);
    static const char *const topics[] = {"samples/node/line1.pot01", "samples/node/line1.pot02", "samples/node",
                                         "samples/node/line1"};
    static const uint32_t share[] = {1, 2, 1, 1};
    for (unsigned i = 0; i < 4; i++) {
        struct message message = received(&peer, PL_CAPNP);
        assert_string_equal(message.topic, topics[i]);
        assert_int_equal(message.batch->rows, 10 * share[i]);
        assert_int_equal(message.batch->header->first_sequence, 0);
        for (uint32_t row = 1; row < message.batch->rows; row++) {
            assert_true(message.batch->samples.time[row] > message.batch->samples.time[row - 1]);
        }
        pl_batch_unref(message.batch);
    }
    for (unsigned i = 0; i < 4; i++)
        expect(&peer, topics[i], 0, 10 * share[i], share[i]);
    pl_harness_free(h);
    peer_free(&peer);
}

static void events_are_split_with_their_bodies(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PULL);
    struct pl_harness *h = pushing_to(&peer, ", split: asset");
    struct pl_batch *batch = pl_batch_new(PL_EVENTS, 4, 100);
    for (uint32_t i = 0; i < 4; i++) {
        char body[] = "\x81\xa1n\x00";
        body[3] = (char)i;
        pl_batch_heap(batch, 0, body, 4);
        batch->events.time[i] = batch->events.id[i] = i;
        batch->events.kind[i] = pl_harness_tag(h, "threshold.high");
        batch->events.severity[i] = 500;
        batch->events.asset[i] = pl_harness_tag(h, i % 2 ? "line1" : "line2");
        batch->events.tag[i] = 0;
        batch->events.end[i] = batch->heap_used[0];
    }
    batch->rows = 4;
    push(h, batch);
    pl_harness_end(h);
    for (uint32_t part = 0; part < 2; part++) {
        struct message message = received(&peer, PL_CAPNP);
        assert_string_equal(message.topic, part ? "events/node/line1" : "events/node/line2");
        assert_int_equal(message.batch->rows, 2);
        for (uint32_t row = 0; row < 2; row++) {
            uint32_t length;
            const char *body = pl_batch_heap_row(message.batch, 0, row, &length);
            assert_int_equal(length, 4);
            assert_int_equal(body[3], 2 * row + part);
        }
        pl_batch_unref(message.batch);
    }
    pl_harness_free(h);
    peer_free(&peer);
}

static void numbers_go_on_from_a_snapshot(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PULL);
    struct pl_harness *h = pushing_to(&peer, ", split: asset");
    push(h, mixed(h, 10));
    size_t size;
    void *state_bytes = pl_harness_snapshot(h, &size);
    push(h, mixed(h, 1)); /* after the snapshot: will be sent again */
    pl_harness_end(h);
    pl_harness_free(h);
    for (unsigned i = 0; i < 4; i++)
        pl_batch_unref(received(&peer, PL_CAPNP).batch);
    expect(&peer, "samples/node/line1.pot01", 0, 2, 1);
    peer_free(&peer);

    peer = peer_new(ZMQ_PULL);
    h = pushing_to(&peer, ", split: asset");
    assert_int_equal(pl_harness_restore(h, state_bytes, size, NULL), PL_OK);
    push(h, mixed(h, 1));
    pl_harness_end(h);
    expect(&peer, "samples/node/line1.pot01", 0, 2, 1);
    pl_free(state_bytes);
    pl_harness_free(h);
    peer_free(&peer);
}

enum { QUEUED = 40 };

/* Begins late, so that the sink has to wait. */
static void *read_all(void *argument) {
    struct peer *peer = argument;
    struct timespec pause = {0, 50000000};
    nanosleep(&pause, NULL);
    for (unsigned i = 0; i < QUEUED; i++) {
        struct message message = received(peer, PL_CAPNP);
        assert_int_equal(message.batch->samples.time[0], i * 4096);
        pl_batch_unref(message.batch);
    }
    return NULL;
}

static void a_push_socket_waits_and_keeps_the_order(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PULL);
    peer_set(&peer, ZMQ_RCVHWM, 1);
    struct pl_harness *h = pushing_to(&peer, ", hwm: 1, linger: 30s");
    pthread_t thread;
    pthread_create(&thread, NULL, read_all, &peer);
    for (unsigned i = 0; i < QUEUED; i++)
        push(h, ours(h, "a.b", i * 4096, 4096));
    pl_harness_end(h);
    pthread_join(thread, NULL);
    assert_int_equal(pl_harness_counter(h, "given_up"), 0);
    pl_harness_free(h);
    peer_free(&peer);
}

static void what_waits_at_the_close_is_dropped(void **state) {
    (void)state;
    char endpoint[PEER_ENDPOINT_MAX];
    peer_endpoint(endpoint);
    struct pl_harness *h = harness_with("sink.zmq", "{ socket: push, bind: \"%s\", split: asset }", endpoint);
    push(h, mixed(h, 5));
    pl_harness_free(h);
}

static void the_end_gives_up_after_the_linger_time(void **state) {
    (void)state;
    char endpoint[PEER_ENDPOINT_MAX];
    peer_endpoint(endpoint);
    struct pl_harness *h =
        harness_with("sink.zmq", "{ socket: push, bind: \"%s\", linger: 50ms, split: asset }", endpoint);
    push(h, mixed(h, 5));
    pl_harness_end(h);
    assert_int_equal(pl_harness_counter(h, "given_up"), 4);
    pl_harness_free(h);
}

/* One subscriber reads, the other does not: it misses messages, the first gets them all, and the sink never waits. */
static void a_slow_subscriber_misses_what_others_get(void **state) {
    (void)state;
    struct peer fast = peer_new(ZMQ_SUB), slow = peer_new(ZMQ_SUB);
    peer_endpoint(fast.endpoint);
    struct pl_harness *h = harness_with("sink.zmq", "{ bind: \"%s\", hwm: 4 }", fast.endpoint);
    peer_set(&slow, ZMQ_RCVHWM, 1);
    int small = 4096;
    zmq_setsockopt(slow.socket, ZMQ_RCVBUF, &small, sizeof(small));
    pl_harness_tag(h, "a.b"); /* opens it */
    peer_connect(&fast, fast.endpoint);
    peer_connect(&slow, fast.endpoint);
    struct message message;
    bool here[2] = {false, false};
    for (pl_time probe = 0; !here[0] || !here[1]; probe--) { /* until both subscriptions are in */
        push(h, ours(h, "a.b", probe, 1));
        if (peer_receive(&fast, PL_CAPNP, &message, 20)) {
            here[0] = true;
            pl_batch_unref(message.batch);
        }
        if (!here[1] && peer_receive(&slow, PL_CAPNP, &message, 20)) {
            here[1] = true;
            pl_batch_unref(message.batch);
        }
    }
    while (peer_receive(&fast, PL_CAPNP, &message, 50))
        pl_batch_unref(message.batch);
    for (unsigned i = 1; i <= 200; i++) {
        push(h, ours(h, "a.b", i, 4096));
        message = received(&fast, PL_CAPNP);
        assert_int_equal(message.batch->samples.time[0], i);
        pl_batch_unref(message.batch);
    }
    assert_in_range(pl_harness_counter(h, "overflows"), 1, 100);

    uint64_t next = 0;
    while (peer_receive(&slow, PL_CAPNP, &message, 100)) {
        next = message.batch->header->first_sequence + message.batch->rows;
        pl_batch_unref(message.batch);
    }
    assert_true(next < 200 * 4096);
    do
        push(h, ours(h, "a.b", 201, 1));
    while (!peer_receive(&slow, PL_CAPNP, &message, 20));
    assert_true(message.batch->header->first_sequence > next); /* so it knows that it has missed some */
    pl_batch_unref(message.batch);
    pl_harness_free(h);
    peer_free(&fast);
    peer_free(&slow);
}

static void a_batch_longer_than_a_message_is_left_out(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PULL);
    struct pl_harness *h = pushing_to(&peer, "");
    struct pl_batch *batch = pl_batch_new(PL_PROFILES, 1, PL_BATCH_HEAP_MAX);
    static double zeros[PL_BATCH_HEAP_MAX];
    for (unsigned heap = 0; heap < 2; heap++)
        pl_batch_heap(batch, heap, zeros, PL_BATCH_HEAP_MAX);
    batch->profiles.asset[0] = batch->profiles.quantity[0] = 0;
    batch->profiles.time[0] = batch->profiles.quality[0] = 0;
    batch->profiles.end[0] = PL_BATCH_HEAP_MAX;
    batch->rows = 1;
    pl_harness_tag(h, "a.b");
    push(h, batch);
    push(h, ours(h, "a.b", 0, 1));
    pl_harness_end(h);
    assert_int_equal(pl_harness_counter(h, "too_long"), 1);
    expect(&peer, "samples/node", 0, 0, 1);
    pl_harness_free(h);
    peer_free(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding_is_sent),
        cmocka_unit_test(rows_are_numbered_by_partition_and_kind),
        cmocka_unit_test(a_batch_is_split_by_asset),
        cmocka_unit_test(events_are_split_with_their_bodies),
        cmocka_unit_test(numbers_go_on_from_a_snapshot),
        cmocka_unit_test(a_push_socket_waits_and_keeps_the_order),
        cmocka_unit_test(what_waits_at_the_close_is_dropped),
        cmocka_unit_test(the_end_gives_up_after_the_linger_time),
        cmocka_unit_test(a_slow_subscriber_misses_what_others_get),
        cmocka_unit_test(a_batch_longer_than_a_message_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
