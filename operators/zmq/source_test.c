#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "testing/peer.h"

/* The next batch of the source; fails the test when it gives none in a minute. */
static struct pl_batch *produced(struct pl_harness *h) {
    for (unsigned i = 0; i < 100; i++) {
        struct pl_batch *batch = pl_harness_pull(h, 0);
        if (batch) return batch;
        enum pl_flow flow = pl_harness_produce(h, PL_MINUTE);
        if (flow == PL_FLOW_FAIL) fail_msg("%s", pl_harness_failure(h));
        if (flow == PL_FLOW_WAIT) break;
    }
    fail_msg("no batch came");
    return NULL;
}

static const char *name_of(struct pl_harness *h, uint32_t id) {
    return pl_tags_get(pl_harness_tags(h), id)->name;
}

static void every_encoding_is_taken(void **state) {
    (void)state;
    for (unsigned encoding = 0; encoding < PL_ENCODINGS; encoding++) {
        struct peer peer = peer_new(ZMQ_PUSH);
        peer_endpoint(peer.endpoint);
        struct pl_harness *h = harness_with("source.zmq", "{ socket: pull, bind: \"%s\", encoding: %s }", peer.endpoint,
                                            pl_encoding_names[encoding]);
        pl_harness_clock(h, 777);
        assert_int_equal(pl_harness_produce(h, 0), PL_FLOW_WAIT);
        peer_connect(&peer, peer.endpoint);
        struct pl_batch *sent = peer_samples(peer.tags, "line1.pot07.voltage", 100, 50);
        sent->samples.value[3] = NAN;
        sent->samples.quality[4] = PL_Q_UNCERTAIN | PL_Q_SPIKE;
        sent->samples.value[6] = NAN;
        sent->samples.quality[6] = PL_Q_UNCERTAIN | PL_Q_LATE;
        sent->header->partition = 9;
        sent->header->first_sequence = 1234;
        peer_send_batch(&peer, encoding % 2 ? "samples/x" : NULL, encoding, sent);

        struct pl_batch *got = produced(h);
        assert_int_equal(got->kind, PL_SAMPLES);
        assert_int_equal(got->rows, 50);
        assert_memory_equal(got->samples.time, sent->samples.time, 50 * sizeof(pl_time));
        assert_memory_equal(got->samples.value, sent->samples.value, 50 * sizeof(double));
        for (unsigned i = 0; i < 50; i++)
            assert_string_equal(name_of(h, got->samples.tag[i]), "line1.pot07.voltage");
        assert_int_equal(got->samples.quality[3], PL_Q_BAD | PL_Q_MISSING);
        assert_int_equal(got->samples.quality[4], PL_Q_UNCERTAIN | PL_Q_SPIKE);
        assert_int_equal(got->samples.quality[5], 0);
        assert_int_equal(got->samples.quality[6], PL_Q_BAD | PL_Q_MISSING | PL_Q_LATE);
        assert_string_equal(name_of(h, got->source), "node");
        assert_int_equal(got->header->partition, 0);
        assert_int_equal(got->header->first_sequence, 0);
        assert_int_equal(got->header->receive_time, 777);
        assert_int_equal(pl_harness_counter(h, "messages"), 1);
        pl_batch_unref(got);
        pl_batch_unref(sent);
        pl_harness_free(h);
        peer_free(&peer);
    }
}

static void every_kind_is_taken(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < PL_KINDS; kind++) {
        struct peer peer = peer_new(ZMQ_PUSH);
        peer_endpoint(peer.endpoint);
        struct pl_harness *h = harness_with("source.zmq", "{ socket: pull, bind: \"%s\", kind: %s }", peer.endpoint,
                                            pl_kind_info[kind].name);
        pl_harness_produce(h, 0);
        peer_connect(&peer, peer.endpoint);
        const struct pl_kind_info *info = &pl_kind_info[kind];
        struct pl_batch *sent = pl_batch_new(kind, 4, 4);
        for (unsigned i = 0; i < info->columns; i++)
            memset(sent->column[i], 0, 4u * pl_type_size(info->column[i].type));
        sent->rows = 4;
        peer_send_batch(&peer, NULL, PL_CAPNP, sent);
        struct pl_batch *got = produced(h);
        assert_int_equal(got->kind, kind);
        assert_int_equal(got->rows, 4);
        pl_batch_unref(got);
        pl_batch_unref(sent);
        pl_harness_free(h);
        peer_free(&peer);
    }
}

static void small_messages_become_one_batch_and_large_ones_stay(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PUSH);
    peer_endpoint(peer.endpoint);
    peer_bind(&peer, peer.endpoint);
    struct pl_harness *h = harness_with("source.zmq", "{ socket: pull, connect: \"%s\" }", peer.endpoint);
    pl_harness_produce(h, 0);
    pl_time time = 0;
    for (unsigned i = 0; i < 100; i++, time += 3) {
        struct pl_batch *small = peer_samples(peer.tags, "a.b", time, 3);
        peer_send_batch(&peer, NULL, PL_CAPNP, small);
        pl_batch_unref(small);
    }
    struct pl_batch *large = peer_samples(peer.tags, "a.b", time, 4000);
    for (unsigned i = 0; i < 2; i++)
        peer_send_batch(&peer, NULL, PL_CAPNP, large);
    pl_batch_unref(large);

    uint32_t rows = 0, batches = 0, whole = 0;
    for (pl_time next = 0; rows < 300 + 2 * 4000; batches++) {
        struct pl_batch *got = produced(h);
        for (uint32_t i = 0; i < got->rows && rows < 4300; i++, rows++)
            assert_int_equal(got->samples.time[i], next++);
        if (got->samples.time[0] == 300) whole++;
        if (rows >= 4300 && got->samples.time[0] == 300 && whole == 2) rows += 4000;
        pl_batch_unref(got);
    }
    assert_int_equal(whole, 2);
    assert_in_range(batches, 3, 60);
    assert_int_equal(pl_harness_counter(h, "messages"), 102);
    pl_harness_free(h);
    peer_free(&peer);
}

static void a_bad_message_is_counted_and_the_next_one_taken(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PUSH);
    peer_endpoint(peer.endpoint);
    peer_bind(&peer, peer.endpoint);
    struct pl_harness *h = harness_with("source.zmq", "{ socket: pull, connect: \"%s\" }", peer.endpoint);
    pl_harness_produce(h, 0);
    struct pl_batch *good = peer_samples(peer.tags, "a.b", 5, 2), *other = pl_batch_new(PL_EVENTS, 1, 0);
    const void *bytes;
    size_t size;
    assert_int_equal(pl_codec_encode(peer.codec, PL_CAPNP, good, &bytes, &size, NULL), PL_OK);
    peer_send(&peer, NULL, "garbage!garbage!", 16);
    peer_send(&peer, NULL, "", 0);
    peer_send(&peer, "topic", bytes, size - 8);
    zmq_send(peer.socket, "a", 1, ZMQ_SNDMORE);
    zmq_send(peer.socket, "b", 1, ZMQ_SNDMORE);
    zmq_send(peer.socket, bytes, size, 0);
    peer_send_batch(&peer, NULL, PL_CAPNP, other);
    peer_send_batch(&peer, NULL, PL_MSGPACK, good);
    peer_send_batch(&peer, NULL, PL_CAPNP, good);
    struct pl_batch *got = produced(h);
    assert_int_equal(got->rows, 2);
    assert_int_equal(got->samples.time[1], 6);
    assert_int_equal(pl_harness_counter(h, "messages"), 7);
    assert_int_equal(pl_harness_counter(h, "bad"), 5);
    assert_int_equal(pl_harness_counter(h, "other_kind"), 1);
    pl_batch_unref(got);
    pl_batch_unref(good);
    pl_batch_unref(other);
    pl_harness_free(h);
    peer_free(&peer);
}

static void a_subscriber_takes_its_topics(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_XPUB);
    peer_endpoint(peer.endpoint);
    peer_bind(&peer, peer.endpoint);
    struct pl_harness *h =
        harness_with("source.zmq", "{ connect: \"%s\", topics: [samples/clean, samples/raw] }", peer.endpoint);
    pl_harness_produce(h, 0);
    char subscription[64]; /* both arrive: then nothing that is sent is lost */
    for (unsigned i = 0; i < 2; i++)
        assert_true(zmq_recv(peer.socket, subscription, sizeof(subscription), 0) > 1);
    static const char *const topics[] = {"samples/clean", "windows/clean", "samples/other", "samples/raw/line1"};
    for (unsigned i = 0; i < PL_COUNT_OF(topics); i++) {
        struct pl_batch *batch = peer_samples(peer.tags, "a.b", i, 1);
        peer_send_batch(&peer, topics[i], PL_CAPNP, batch);
        pl_batch_unref(batch);
    }
    pl_time times[2];
    for (unsigned rows = 0; rows < 2;) {
        struct pl_batch *got = produced(h);
        for (uint32_t i = 0; i < got->rows; i++)
            times[rows++] = got->samples.time[i];
        pl_batch_unref(got);
    }
    assert_int_equal(times[0], 0);
    assert_int_equal(times[1], 3);
    assert_int_equal(pl_harness_counter(h, "messages"), 2);
    pl_harness_free(h);
    peer_free(&peer);
}

enum { MANY = 30000 };

/* In bursts of all lengths, with and without a pause for the source to fall asleep in. */
static void *send_many(void *argument) {
    struct peer *peer = argument;
    unsigned sent = 0;
    for (unsigned burst = 1; sent < MANY; burst = burst * 7 % 61 + 1) {
        for (unsigned i = 0; i < burst && sent < MANY; i++, sent++) {
            struct pl_batch *batch = peer_samples(peer->tags, "a.b", sent, 1);
            peer_send_batch(peer, NULL, PL_CAPNP, batch);
            pl_batch_unref(batch);
        }
        if (burst % 3 == 0) {
            struct timespec pause = {0, 200000};
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static void no_message_is_slept_through(void **state) {
    (void)state;
    struct peer peer = peer_new(ZMQ_PUSH);
    peer_endpoint(peer.endpoint);
    peer_bind(&peer, peer.endpoint);
    struct pl_harness *h = harness_with("source.zmq", "{ socket: pull, connect: \"%s\", hwm: 2 }", peer.endpoint);
    pl_harness_produce(h, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, send_many, &peer);
    for (pl_time next = 0; next < MANY;) {
        struct pl_batch *got = produced(h);
        for (uint32_t i = 0; i < got->rows; i++)
            assert_int_equal(got->samples.time[i], next++);
        pl_batch_unref(got);
    }
    pthread_join(thread, NULL);
    pl_harness_free(h);
    peer_free(&peer);
}

static void assert_refused(const char *options, const char *text) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new("source.zmq", options, PL_SAMPLES, &error);
    if (h) fail_msg("%s is not refused", options);
    char *found = pl_error_text(error);
    if (!strstr(found, text)) fail_msg("'%s' expected, found '%s'", text, found);
    pl_free(found);
    pl_error_free(&error);
}

#define KEY "yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static void options_that_make_no_sense_are_refused(void **state) {
    (void)state;
    assert_refused("{}", "either bind or connect expected, found none");
    assert_refused("{ bind: \"tcp://*:1\", connect: \"tcp://x:1\" }", "found both");
    assert_refused("{ connect: \"localhost:1\" }", "an endpoint like");
    assert_refused("{ connect: \"tcp://\" }", "an endpoint like");
    assert_refused("{ connect: \"tcp://x:1\", hwm: 0 }", "hwm");
    assert_refused("{ connect: \"tcp://x:1\", socket: pull, topics: [a] }", "topics are for sub");
    assert_refused("{ connect: \"tcp://x:1\", curve: true }", "a server_key expected");
    assert_refused("{ connect: \"tcp://x:1\", curve: { server_key: short } }", "40 characters");
    assert_refused("{ bind: \"tcp://x:1\", curve: { server_key: \"" KEY "\" } }", "a secret_key or secret_file");
    assert_refused("{ bind: \"tcp://x:1\", curve: { secret_key: \"" KEY "\", server_key: \"" KEY "\" } }", "connects");
    assert_refused("{ connect: \"tcp://x:1\", curve: { server_key: \"" KEY "\", clients: [\"" KEY "\"] } }",
                   "that binds");
}

static void assert_fails_to_open(const char *options, const char *text) {
    struct pl_harness *h = harness_with("source.zmq", "%s", options);
    assert_int_equal(pl_harness_produce(h, 0), PL_FLOW_FAIL);
    if (!strstr(pl_harness_failure(h), text)) fail_msg("'%s' expected, found '%s'", text, pl_harness_failure(h));
    pl_harness_free(h);
}

static void what_cannot_be_opened_says_why(void **state) {
    (void)state;
    assert_fails_to_open("{ bind: \"ipc:///nowhere/at/all\" }", "cannot listen at ipc:///nowhere/at/all");
    assert_fails_to_open("{ connect: \"tcp://no port\" }", "cannot connect to tcp://no port");
    char path[] = "/tmp/potline-zmq-key-XXXXXX", options[200];
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("no key\n", file);
    fclose(file);
    snprintf(options, sizeof(options), "{ bind: \"tcp://127.0.0.1:*\", curve: { secret_file: %s } }", path);
    assert_fails_to_open(options, "a key of 40 characters of Z85 expected in /tmp");
    remove(path);
    struct peer peer = peer_new(ZMQ_PUSH);
    peer_bind(&peer, "tcp://127.0.0.1:*");
    char endpoint[100];
    size_t size = sizeof(endpoint);
    zmq_getsockopt(peer.socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
    snprintf(options, sizeof(options), "{ bind: \"%s\" }", endpoint);
    assert_fails_to_open(options, "in use");
    peer_free(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding_is_taken),
        cmocka_unit_test(every_kind_is_taken),
        cmocka_unit_test(small_messages_become_one_batch_and_large_ones_stay),
        cmocka_unit_test(a_bad_message_is_counted_and_the_next_one_taken),
        cmocka_unit_test(a_subscriber_takes_its_topics),
        cmocka_unit_test(no_message_is_slept_through),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(what_cannot_be_opened_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
