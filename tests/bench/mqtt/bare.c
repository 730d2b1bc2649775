/* What libmosquitto does by itself: a publisher, and a subscriber that takes the messages and does nothing with them
 * but, with sparkplug, take the payload apart. tests/bench/mqtt/run holds the engine against the subscriber.
 *
 *     mqtt_bare pub|sub PORT QOS COUNT [sparkplug]        one line of JSON: messages, wall and CPU seconds
 */
#include <inttypes.h>
#include <mosquitto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "wire.h"

enum { AHEAD = 2000, METRICS = 10, TOPIC = 64 };
static const pl_time begin = INT64_C(1764150000000000000);

struct bench {
    struct mosquitto *client;
    bool publishes, sparkplug;
    int qos;
    long count, sent, done;
    double wall, cpu; /* at the first message */
    struct pl__spb wire;
    struct pl__bytes bytes;
    double sum;
};

static double wall_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_now(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void mark(struct bench *b) {
    if (b->wall > 0) return;
    b->wall = wall_now();
    b->cpu = cpu_now();
}

/* ---- The publisher ---- */

static void put_metrics(struct bench *b, long n, bool birth) {
    static const char *const names[METRICS] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"};
    pl__put_payload(&b->bytes, begin + n * PL_MILLISECOND, birth ? 0 : (int)(n % 256));
    for (unsigned i = 0; i < METRICS; i++) {
        struct pl__outgoing metric = {.name = birth ? names[i] : NULL,
                                      .has_alias = true,
                                      .alias = i,
                                      .time = begin + n * PL_MILLISECOND,
                                      .type = PL__SP_DOUBLE,
                                      .value = (double)(n + i)};
        pl__put_metric(&b->bytes, &metric);
    }
}

static void publish(struct bench *b) {
    char text[128], topic[TOPIC];
    long n = b->sent++;
    if (b->sparkplug) {
        put_metrics(b, n, n == 0);
        snprintf(topic, sizeof topic, "spBv1.0/bench/%s/e", n == 0 ? "NBIRTH" : "NDATA");
        mosquitto_publish(b->client, NULL, topic, (int)b->bytes.size, b->bytes.data, b->qos, false);
        return;
    }
    int size = snprintf(text, sizeof text, "{\"time\":%" PRId64 ",\"value\":%ld.5}", begin / PL_MILLISECOND + n, n);
    snprintf(topic, sizeof topic, "bench/line1/pot%02ld/voltage", n % 20);
    mosquitto_publish(b->client, NULL, topic, size, text, b->qos, false);
}

static void on_published(struct mosquitto *client, void *user, int id) {
    struct bench *b = user;
    (void)id;
    b->done++;
    if (b->done == b->count) mosquitto_disconnect(client);
}

/* ---- The subscriber ---- */

static void on_message(struct mosquitto *client, void *user, const struct mosquitto_message *message) {
    struct bench *b = user;
    const char *why;
    mark(b);
    if (b->sparkplug && pl__spb_read(&b->wire, message->payload, (size_t)message->payloadlen, &why))
        for (size_t i = 0; i < pl__spb_count(&b->wire); i++) {
            struct pl__metric metric;
            pl__spb_metric(&b->wire, i, 0, &metric);
            b->sum += metric.value;
        }
    if (++b->done == b->count) mosquitto_disconnect(client);
}

static void on_connect(struct mosquitto *client, void *user, int code) {
    struct bench *b = user;
    if (code) exit(1);
    if (!b->publishes) {
        mosquitto_subscribe(client, NULL, b->sparkplug ? "spBv1.0/bench/#" : "bench/#", b->qos);
        puts("ready");
        fflush(stdout);
    }
    mark(b);
    if (!b->publishes) b->wall = 0;
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    struct bench b = {.publishes = strcmp(argv[1], "pub") == 0,
                      .qos = atoi(argv[3]),
                      .count = atol(argv[4]),
                      .sparkplug = argc > 5 && strcmp(argv[5], "sparkplug") == 0};
    mosquitto_lib_init();
    b.client = mosquitto_new(b.publishes ? "bench-pub" : "bench-sub", true, &b);
    mosquitto_connect_callback_set(b.client, on_connect);
    mosquitto_message_callback_set(b.client, on_message);
    if (b.publishes) mosquitto_publish_callback_set(b.client, on_published);
    mosquitto_max_inflight_messages_set(b.client, 1000);
    mosquitto_int_option(b.client, MOSQ_OPT_TCP_NODELAY, 1);
    if (mosquitto_connect(b.client, "127.0.0.1", atoi(argv[2]), 60)) return 1;
    while (mosquitto_loop(b.client, 100, 1) == MOSQ_ERR_SUCCESS && b.done < b.count)
        for (; b.publishes && b.wall > 0 && b.sent < b.count && b.sent - b.done < AHEAD;)
            publish(&b);
    printf("{\"messages\": %ld, \"wall\": %.6f, \"cpu\": %.6f}\n", b.done, wall_now() - b.wall, cpu_now() - b.cpu);
    mosquitto_destroy(b.client);
    pl__spb_fini(&b.wire);
    pl__bytes_fini(&b.bytes);
    return b.done == b.count ? 0 : 1;
}
