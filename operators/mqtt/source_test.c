/* source.mqtt on a real Mosquitto: a message is the broker's until the log has its rows, and not a moment longer. */
#include <arpa/inet.h>
#include <mosquitto.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <potline/harness.h>

static char folder[] = "/tmp/potline-test-XXXXXX";
static int port;
static pid_t broker;

/* ---- The broker, and who publishes ---- */

static int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int failed = bind(fd, (struct sockaddr *)&address, size) || getsockname(fd, (struct sockaddr *)&address, &size);
    close(fd);
    if (failed) return 0;
    return ntohs(address.sin_port);
}

static bool is_up(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return up;
}

static void start_broker(void) {
    char path[64], text[16];
    snprintf(path, sizeof path, "%s/mosquitto.conf", folder);
    snprintf(text, sizeof text, "%d", port);
    FILE *file = fopen(path, "w");
    fprintf(file, "listener %s 127.0.0.1\nallow_anonymous true\nlog_dest none\nuser root\n", text);
    fclose(file);
    broker = fork();
    if (broker) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
    _exit(127);
}

static void on_published(struct mosquitto *client, void *user, int id) {
    (void)client;
    (void)id;
    *(bool *)user = true;
}

/* Returns when the broker has it. */
static void publish(const char *topic, const char *text) {
    bool done = false;
    struct mosquitto *client = mosquitto_new("test-publisher", true, &done);
    mosquitto_publish_callback_set(client, on_published);
    assert_int_equal(mosquitto_connect(client, "127.0.0.1", port, 60), MOSQ_ERR_SUCCESS);
    mosquitto_publish(client, NULL, topic, (int)strlen(text), text, 1, false);
    while (!done)
        assert_int_equal(mosquitto_loop(client, 100, 1), MOSQ_ERR_SUCCESS);
    mosquitto_disconnect(client);
    mosquitto_destroy(client);
}

/* ---- The source ---- */

static struct pl_harness *source(void) {
    char options[200];
    struct pl_error *error = NULL;
    snprintf(options, sizeof options,
             "{server: '127.0.0.1:%d', client_id: test-source, topics: [{topic: 'a/{b}', tag: 'a.{b}'}]}", port);
    struct pl_harness *h = pl_harness_new("source.mqtt", options, PL_SAMPLES, &error);
    if (!h) fail_msg("%s", error->text);
    return h;
}

static uint32_t rows; /* that have come */

/* The first value of the next batch; -1 when none comes for a while. */
static double next(struct pl_harness *h, pl_time patience) {
    for (pl_time waited = 0; waited < patience; waited += 100 * PL_MILLISECOND) {
        pl_harness_produce(h, 100 * PL_MILLISECOND);
        struct pl_batch *batch = pl_harness_pull(h, 0);
        if (!batch) continue;
        double value = batch->samples.value[0];
        rows += batch->rows;
        pl_batch_unref(batch);
        return value;
    }
    return -1;
}

/* The subscription has been made when something comes of it; all that came is acknowledged. */
static void until_it_hears(struct pl_harness *h) {
    do
        publish("a/probe", "0");
    while (next(h, 300 * PL_MILLISECOND) != 0);
    do
        pl_harness_durable(h);
    while (next(h, 500 * PL_MILLISECOND) == 0);
}

static void a_message_is_the_brokers_until_the_log_has_it(void **state) {
    (void)state;
    struct pl_harness *h = source();
    until_it_hears(h);
    publish("a/one", "1");
    assert_true(next(h, 30 * PL_SECOND) == 1);
    publish("a/two", "2");
    assert_true(next(h, 500 * PL_MILLISECOND) == -1); /* nothing is read while it is not known to be safe */
    pl_harness_free(h);

    h = source(); /* both come again, for nobody had them: in one round or in two */
    for (rows = 0; rows < 2;) {
        assert_true(next(h, 30 * PL_SECOND) > 0);
        pl_harness_durable(h);
    }
    assert_int_equal(rows, 2);
    pl_harness_free(h);
    /* From then on they are ours; but an answer that the broker had not read when we came back is none. */
    for (int i = 0; i < 20 && rows > 0; i++) {
        h = source();
        rows = 0;
        if (next(h, PL_SECOND) != -1) pl_harness_durable(h);
        pl_harness_free(h);
    }
    assert_int_equal(rows, 0);
}

static void what_gives_no_row_is_acknowledged_with_its_letter(void **state) {
    (void)state;
    struct pl_harness *h = source();
    until_it_hears(h);
    publish("a/one", "no number {");
    for (int i = 0; i < 300 && pl_harness_counter(h, "bad") == 0; i++)
        pl_harness_produce(h, 100 * PL_MILLISECOND);
    assert_int_equal(pl_harness_counter(h, "bad"), 1);
    pl_harness_durable(h);
    publish("a/one", "5");
    assert_true(next(h, 30 * PL_SECOND) == 5);
    pl_harness_durable(h);
    pl_harness_free(h);
}

int main(void) {
    if (access("/usr/sbin/mosquitto", X_OK)) {
        puts("skipped: no mosquitto (Debian package mosquitto)");
        return 77;
    }
    if (!mkdtemp(folder)) return 1;
    mosquitto_lib_init();
    port = free_port();
    start_broker();
    for (int i = 0; i < 1000 && !is_up(); i++)
        usleep(20000);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_the_brokers_until_the_log_has_it),
        cmocka_unit_test(what_gives_no_row_is_acknowledged_with_its_letter),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kill(broker, SIGKILL);
    waitpid(broker, NULL, 0);
    char path[64];
    snprintf(path, sizeof path, "%s/mosquitto.conf", folder);
    unlink(path);
    rmdir(folder);
    return failed;
}
