/* A peer that comes and goes while rows flow. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <potline/harness.h>

enum { BATCHES = 40, ROWS = 8192 };

struct peer {
    int listener;
    int lines;
    int gaps;
    double last;
};

static int listen_somewhere(int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Goes with a reset once the sink cannot write any more; comes again and reads all there is. */
static void *go_and_come(void *arg) {
    struct peer *peer = arg;
    struct linger now = {.l_onoff = 1};
    char line[256];
    int fd = accept(peer->listener, NULL, NULL);
    usleep(500000);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    FILE *in = fdopen(accept(peer->listener, NULL, NULL), "r");
    while (fgets(line, sizeof line, in)) {
        double value = -1;
        sscanf(line, "%*[^,],%*[^,],%lf", &value);
        peer->gaps += peer->lines && value != peer->last + 1;
        peer->last = value;
        peer->lines++;
    }
    fclose(in);
    return NULL;
}

static void a_batch_at_hand_outlives_its_connection(void **state) {
    (void)state;
    struct peer peer = {0};
    char options[128];
    int port;
    pthread_t thread;
    peer.listener = listen_somewhere(&port);
    snprintf(options, sizeof options, "{connect: '127.0.0.1:%d', header: false, buffer: 4KiB, backoff: 1ms}", port);
    struct pl_harness *h = pl_harness_new("sink.socket", options, PL_SAMPLES, NULL);
    assert_non_null(h);
    uint32_t tag = pl_harness_tag(h, "a.b");
    pthread_create(&thread, NULL, go_and_come, &peer);
    for (int i = 0; i < BATCHES; i++) {
        struct pl_batch *b = pl_batch_new(PL_SAMPLES, ROWS, 0);
        for (; b->rows < ROWS; b->rows++) {
            b->samples.time[b->rows] = i * ROWS + b->rows;
            b->samples.tag[b->rows] = tag;
            b->samples.value[b->rows] = i * ROWS + (double)b->rows;
            b->samples.quality[b->rows] = 0;
        }
        assert_int_equal(pl_harness_push(h, 0, b), PL_FLOW_OK);
    }
    pl_harness_end(h);
    assert_int_equal(pl_harness_counter(h, "broken"), 1);
    pl_harness_free(h);
    pthread_join(thread, NULL);
    close(peer.listener);
    assert_true(peer.lines > ROWS);
    assert_int_equal(peer.gaps, 0);
    assert_true(peer.last == BATCHES * ROWS - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_at_hand_outlives_its_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
