/* What a broker may send, with libmosquitto behind the look at it: the first byte says MQTT 5 (1) or 3.1.1 (0) and,
 * with 2, that a CONNACK has come before; then bytes, which come in pieces of a size that the first byte has, too. The
 * library never ends the process (it does, by an assertion, at properties that it does not know), and what passes does
 * not depend on the pieces. */
#include <fcntl.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "expect.h"
#include "packet.h"

enum { FIVE = 1, CONNECTED = 2, PIECE_SHIFT = 2, LONGEST = 1 << 16, KEEPALIVE = 60 };

/* Somebody to connect to, who says nothing. */
static int listener(uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    EXPECT(fd >= 0 && !bind(fd, (struct sockaddr *)&address, size) && !listen(fd, 16));
    EXPECT(!getsockname(fd, (struct sockaddr *)&address, &size));
    *port = ntohs(address.sin_port);
    return fd;
}

/* As the wall does: an end of a pair in the place of the connection. */
static int put_pair(struct mosquitto *client, int listening, uint16_t port) {
    int pair[2], code = mosquitto_connect_async(client, "127.0.0.1", port, KEEPALIVE);
    EXPECT(!code && mosquitto_socket(client) >= 0);
    EXPECT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
    EXPECT(dup3(pair[0], mosquitto_socket(client), O_CLOEXEC) >= 0);
    close(pair[0]);
    int accepted = accept(listening, NULL, NULL);
    if (accepted >= 0) close(accepted);
    return pair[1];
}

static void give(struct mosquitto *client, int end, const uint8_t *bytes, size_t size) {
    char out[4096];
    while (size && mosquitto_socket(client) >= 0) {
        ssize_t sent = send(end, bytes, size, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
        int code = mosquitto_loop_read(client, 1);
        if (code || sent <= 0) return;
        mosquitto_loop_write(client, 1);
        while (recv(end, out, sizeof out, 0) > 0) {
        }
    }
    for (int i = 0; i < 64 && mosquitto_socket(client) >= 0 && !mosquitto_loop_read(client, 1); i++) {
    }
}

static size_t pass(struct pl_mqtt_packets *packets, struct mosquitto *client, int end, const uint8_t *bytes,
                   size_t size, size_t piece) {
    size_t passed = 0;
    for (size_t there = 0; there < size && !packets->problem;) {
        there = size - there > piece ? there + piece : size;
        size_t more = pl_mqtt_packets_look(packets, bytes + passed, there - passed);
        EXPECT(more <= there - passed && (!packets->problem || !more));
        if (client) give(client, end, bytes + passed, more);
        passed += more;
    }
    return passed;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const uint8_t connack[] = {0x20, 3, 0, 0, 0};
    static int listening = -1;
    static uint16_t port;
    if (size < 1 || size > LONGEST) return 0;
    if (listening < 0) {
        mosquitto_lib_init();
        listening = listener(&port);
    }
    bool five = *bytes & FIVE;
    size_t piece = (size_t)(*bytes >> PIECE_SHIFT) + 1;
    struct mosquitto *client = mosquitto_new("fuzz", true, NULL);
    EXPECT(client &&
           !mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, five ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311));
    mosquitto_threaded_set(client, true);
    int end = put_pair(client, listening, port);
    if (*bytes & CONNECTED) {
        const uint8_t old[] = {0x20, 2, 0, 0};
        give(client, end, five ? connack : old, five ? sizeof connack : sizeof old);
    }
    struct pl_mqtt_packets packets = {.properties = five, .longest = LONGEST}, whole = packets;
    size_t passed = pass(&packets, client, end, bytes + 1, size - 1, piece);
    size_t at_once = pass(&whole, NULL, -1, bytes + 1, size - 1, size);
    EXPECT(!packets.problem == !whole.problem && (packets.problem || passed == at_once));
    mosquitto_destroy(client);
    close(end);
    return 0;
}
