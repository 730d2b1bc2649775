/* Who may connect where CURVE is on. */
#include <stdio.h>

#include "testing/peer.h"

enum { KEY = 41 };

struct pair {
    char public[KEY], secret[KEY];
};

/* Without '$': ${...} in options means a variable. */
static struct pair pair_new(void) {
    struct pair pair;
    do
        assert_int_equal(zmq_curve_keypair(pair.public, pair.secret), 0);
    while (strchr(pair.public, '$') || strchr(pair.secret, '$'));
    return pair;
}

static void be_client(struct peer *peer, const struct pair *own, const char *server_key) {
    assert_int_equal(zmq_setsockopt(peer->socket, ZMQ_CURVE_SERVERKEY, server_key, KEY), 0);
    assert_int_equal(zmq_setsockopt(peer->socket, ZMQ_CURVE_PUBLICKEY, own->public, KEY), 0);
    assert_int_equal(zmq_setsockopt(peer->socket, ZMQ_CURVE_SECRETKEY, own->secret, KEY), 0);
}

/* What a client's handshake ends with: ZMQ_EVENT_HANDSHAKE_..., or 0 when nothing has happened in time. */
static int handshake(struct peer *peer, const char *endpoint, int wait_ms) {
    assert_int_equal(zmq_socket_monitor(peer->socket, "inproc://events",
                                        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                            ZMQ_EVENT_DISCONNECTED),
                     0);
    void *events = zmq_socket(peer->context, ZMQ_PAIR);
    assert_int_equal(zmq_connect(events, "inproc://events"), 0);
    zmq_setsockopt(events, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
    peer_connect(peer, endpoint);
    uint8_t frame[64];
    uint16_t event = 0;
    if (zmq_recv(events, frame, sizeof(frame), 0) >= 2) {
        memcpy(&event, frame, sizeof(event));
        zmq_recv(events, frame, sizeof(frame), 0);
    }
    zmq_socket_monitor(peer->socket, NULL, 0);
    zmq_close(events);
    return event;
}

struct server {
    struct pair keys;
    struct pl_harness *h;
    char endpoint[PEER_ENDPOINT_MAX];
};

static struct server server_new(const char *more) {
    struct server server = {.keys = pair_new()};
    peer_endpoint(server.endpoint);
    server.h = harness_with("sink.zmq", "{ socket: push, bind: \"%s\", linger: 5s, curve: { secret_key: \"%s\"%s } }",
                            server.endpoint, server.keys.secret, more);
    pl_harness_tag(server.h, "a.b"); /* opens it */
    return server;
}

static void whoever_knows_the_servers_key_may_connect(void **state) {
    (void)state;
    struct server server = server_new("");
    struct peer friend = peer_new(ZMQ_PULL), stranger = peer_new(ZMQ_PULL), plain = peer_new(ZMQ_PULL);
    struct pair keys = pair_new(), other = pair_new();
    be_client(&friend, &keys, server.keys.public);
    be_client(&stranger, &keys, other.public);
    assert_int_equal(handshake(&friend, server.endpoint, 5000), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_not_equal(handshake(&stranger, server.endpoint, 300), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_not_equal(handshake(&plain, server.endpoint, 300), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);

    for (unsigned i = 0; i < 3; i++)
        pl_harness_push(server.h, 0, peer_samples(pl_harness_tags(server.h), "a.b", i, 1));
    for (unsigned i = 0; i < 3; i++) { /* all go to the friend */
        struct message message;
        assert_true(peer_receive(&friend, PL_CAPNP, &message, 5000));
        assert_int_equal(message.batch->samples.time[0], i);
        pl_batch_unref(message.batch);
    }
    pl_harness_free(server.h);
    peer_free(&friend);
    peer_free(&stranger);
    peer_free(&plain);
}

static void a_list_of_clients_keeps_others_out(void **state) {
    (void)state;
    struct pair known = pair_new(), unknown = pair_new(), second = pair_new();
    char more[200];
    snprintf(more, sizeof(more), ", clients: [\"%s\", \"%s\"]", second.public, known.public);
    struct server server = server_new(more);
    struct peer in = peer_new(ZMQ_PULL), out = peer_new(ZMQ_PULL), also = peer_new(ZMQ_PULL);
    be_client(&in, &known, server.keys.public);
    be_client(&out, &unknown, server.keys.public);
    be_client(&also, &second, server.keys.public);
    assert_int_equal(handshake(&in, server.endpoint, 5000), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_equal(handshake(&out, server.endpoint, 5000), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_int_equal(handshake(&also, server.endpoint, 5000), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);

    /* A server without a list still lets everybody in who knows its key, though there is a handler now. */
    struct server open = server_new("");
    struct peer third = peer_new(ZMQ_PULL);
    be_client(&third, &unknown, open.keys.public);
    assert_int_equal(handshake(&third, open.endpoint, 5000), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    pl_harness_free(open.h);
    pl_harness_free(server.h);
    peer_free(&in);
    peer_free(&out);
    peer_free(&also);
    peer_free(&third);
}

static void a_source_connects_as_a_client(void **state) {
    (void)state;
    struct pair own = pair_new();
    char more[200], path[] = "/tmp/potline-zmq-key-XXXXXX";
    snprintf(more, sizeof(more), ", clients: [\"%s\"]", own.public);
    struct server server = server_new(more);
    FILE *file = fdopen(mkstemp(path), "w");
    fprintf(file, "%s\n", own.secret);
    fclose(file);

    /* With its key from a file; and one that is not in the list, with a key made at its start. */
    struct pl_harness *source =
        harness_with("source.zmq", "{ socket: pull, connect: \"%s\", curve: { server_key: \"%s\", secret_file: %s } }",
                     server.endpoint, server.keys.public, path);
    struct pl_harness *stranger =
        harness_with("source.zmq", "{ socket: pull, connect: \"%s\", curve: { server_key: \"%s\" } }", server.endpoint,
                     server.keys.public);
    pl_harness_produce(stranger, 0);
    pl_harness_produce(source, 0);
    for (unsigned i = 0; i < 5; i++)
        pl_harness_push(server.h, 0, peer_samples(pl_harness_tags(server.h), "a.b", i, 1));
    pl_harness_end(server.h); /* waits until somebody has taken them */
    for (unsigned rows = 0; rows < 5;) {
        assert_int_equal(pl_harness_produce(source, 5 * PL_SECOND), PL_FLOW_OK);
        for (struct pl_batch *batch; (batch = pl_harness_pull(source, 0)); pl_batch_unref(batch))
            rows += batch->rows;
    }
    assert_int_equal(pl_harness_produce(stranger, 0), PL_FLOW_WAIT);
    assert_int_equal(pl_harness_counter(stranger, "messages"), 0);
    remove(path);
    pl_harness_free(source);
    pl_harness_free(stranger);
    pl_harness_free(server.h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_knows_the_servers_key_may_connect),
        cmocka_unit_test(a_list_of_clients_keeps_others_out),
        cmocka_unit_test(a_source_connects_as_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
