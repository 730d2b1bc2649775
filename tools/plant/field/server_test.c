/* The server against libmodbus' client, and against clients that behave badly. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../model/testing.h"

struct rig {
    struct plant *plant;
    struct plant_faults faults;
    struct plant_sensors sensors;
    struct plant_plc plc;
    struct plant_server *server;
    pthread_t thread;
    atomic_bool stop;
    uint16_t port;
};

static void *serve(void *user) {
    struct rig *rig = user;
    while (!atomic_load(&rig->stop))
        plant_server_serve(rig->server, PLANT_SECOND / 100, NULL);
    return NULL;
}

static int setup(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    char why[256];
    rig->plant = plant_new(&(struct plant_options){.seed = 1, .lines = 3, .pots = 20, .step = PLANT_SECOND});
    assert_true(plant_sensors_init(&rig->sensors, rig->plant, &rig->faults));
    assert_true(plant_plc_init(&rig->plc, rig->plant, &rig->sensors));
    plant_step(rig->plant);
    plant_plc_publish(&rig->plc);
    rig->server = plant_server_open("127.0.0.1:0", &rig->plc, why, sizeof why);
    assert_non_null(rig->server);
    rig->port = plant_server_port(rig->server);
    assert_int_equal(pthread_create(&rig->thread, NULL, serve, rig), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state) {
    struct rig *rig = *state;
    atomic_store(&rig->stop, true);
    pthread_join(rig->thread, NULL);
    plant_server_close(rig->server);
    plant_plc_fini(&rig->plc);
    plant_sensors_fini(&rig->sensors);
    plant_free(rig->plant);
    free(rig);
    return 0;
}

static modbus_t *client(const struct rig *rig, int unit) {
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", rig->port);
    assert_non_null(modbus);
    assert_int_equal(modbus_set_slave(modbus, unit), 0);
    modbus_set_response_timeout(modbus, 5, 0);
    assert_int_equal(modbus_connect(modbus), 0);
    return modbus;
}

static void close_client(modbus_t *modbus) {
    modbus_close(modbus);
    modbus_free(modbus);
}

/* Not modbus_set_float_abcd: that of libmodbus 3.1.6 swaps the bytes of each register on this machine. */
static void put_float(float value, uint16_t words[2]) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    words[0] = (uint16_t)(bits >> 16);
    words[1] = (uint16_t)bits;
}

static void libmodbus_reads_every_signal(void **state) {
    struct rig *rig = *state;
    for (unsigned unit = 1; unit <= 3; unit++) {
        modbus_t *modbus = client(rig, (int)unit);
        for (unsigned pot = 1; pot <= 20; pot += 5) { /* five pots a request */
            uint16_t words[125];
            assert_int_equal(
                modbus_read_input_registers(modbus, (int)plant_map_address(PLANT_INPUT, pot, 0), 125, words), 125);
            for (unsigned p = 0; p < 5; p++)
                for (unsigned i = 0; i < plant_pot_signal_count; i++)
                    assert_true(modbus_get_float_abcd(words + 25 * p + 2 * i) ==
                                plant_sensors_get(&rig->sensors, unit, pot + p, i)->value);
        }
        close_client(modbus);
    }
}

static void libmodbus_writes_and_reads_back(void **state) {
    struct rig *rig = *state;
    modbus_t *modbus = client(rig, 2);
    int feed = (int)plant_map_address(PLANT_HOLDING, 7, PLANT_HOLD_FEED);
    uint16_t words[2];
    put_float(112.5f, words);
    assert_int_equal(modbus_write_registers(modbus, feed, 2, words), 2);
    words[0] = words[1] = 0;
    assert_int_equal(modbus_read_registers(modbus, feed, 2, words), 2);
    assert_true(modbus_get_float_abcd(words) == 112.5f);

    put_float(500, words);
    assert_int_equal(modbus_write_registers(modbus, feed, 2, words), -1);
    assert_int_equal(errno, EMBXILVAL);
    assert_int_equal(modbus_write_register(modbus, PLANT_HOLD_WATCHDOG_TIMEOUT, 20), 1);
    assert_int_equal(modbus_read_registers(modbus, PLANT_HOLD_WATCHDOG_TIMEOUT, 1, words), 1);
    assert_int_equal(words[0], 20);
    uint8_t bits[8];
    assert_int_equal(modbus_read_input_bits(modbus, 0, 8, bits), -1);
    assert_int_equal(errno, EMBXILFUN);
    assert_int_equal(modbus_read_input_registers(modbus, 600, 1, words), -1);
    assert_int_equal(errno, EMBXILADD);
    assert_int_equal(modbus_set_slave(modbus, 4), 0);
    assert_int_equal(modbus_read_input_registers(modbus, 0, 1, words), -1);
    assert_int_equal(errno, EMBXGTAR);
    close_client(modbus);
}

static void many_clients_at_once(void **state) {
    struct rig *rig = *state;
    modbus_t *clients[PLANT_CLIENTS_MAX];
    uint16_t word;
    for (int i = 0; i < PLANT_CLIENTS_MAX; i++)
        clients[i] = client(rig, 1 + i % 3);
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < PLANT_CLIENTS_MAX; i++)
            assert_int_equal(modbus_read_input_registers(clients[i], PLANT_IN_POTS, 1, &word), 1);
    modbus_t *late = client(rig, 1); /* waits in the backlog until somebody goes */
    close_client(clients[0]);
    assert_int_equal(modbus_read_input_registers(late, PLANT_IN_POTS, 1, &word), 1);
    assert_int_equal(word, 20);
    close_client(late);
    for (int i = 1; i < PLANT_CLIENTS_MAX; i++)
        close_client(clients[i]);
}

/* ---- by hand ---- */

static int raw(const struct rig *rig) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(rig->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    struct timeval wait = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return fd;
}

static void take(int fd, uint8_t *out, size_t size) {
    while (size) {
        ssize_t n = recv(fd, out, size, 0);
        assert_true(n > 0);
        out += n;
        size -= (size_t)n;
    }
}

static void request(uint8_t out[12], uint16_t transaction, uint8_t count) {
    const uint8_t frame[12] = {(uint8_t)(transaction >> 8), (uint8_t)transaction, 0, 0, 0, 6, 1, 4, 0, 100, 0, count};
    memcpy(out, frame, 12);
}

/* Hundreds of requests before an answer is taken: all are answered, in order. */
static void pipelined_requests_keep_their_order(void **state) {
    struct rig *rig = *state;
    enum { N = 600 };
    static uint8_t out[12 * N], in[259];
    int fd = raw(rig);
    for (int i = 0; i < N; i++)
        request(out + 12 * i, (uint16_t)i, 125);
    assert_int_equal(send(fd, out, sizeof out, 0), sizeof out);
    for (int i = 0; i < N; i++) {
        take(fd, in, 9 + 250);
        assert_int_equal(in[0] << 8 | in[1], i);
        assert_int_equal(in[4] << 8 | in[5], 3 + 250);
        assert_int_equal(in[8], 250);
    }
    close(fd);
}

static void a_request_in_single_bytes(void **state) {
    struct rig *rig = *state;
    uint8_t out[12], in[13];
    int fd = raw(rig);
    request(out, 7, 2);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(send(fd, out + i, 1, 0), 1);
        usleep(500);
    }
    take(fd, in, sizeof in);
    assert_int_equal(in[1], 7);
    close(fd);
}

static void nonsense_closes_only_its_own_connection(void **state) {
    struct rig *rig = *state;
    static const uint8_t bad[][8] = {
        {0, 1, 0, 1, 0, 6, 1, 4},    /* another protocol */
        {0, 1, 0, 0, 0, 1, 1, 4},    /* too short for a function */
        {0, 1, 0, 0, 0xff, 0, 1, 4}, /* too long */
    };
    modbus_t *good = client(rig, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t byte;
        int fd = raw(rig);
        assert_int_equal(send(fd, bad[i], sizeof bad[i], 0), sizeof bad[i]);
        assert_int_equal(recv(fd, &byte, 1, 0), 0);
        close(fd);
        uint16_t word;
        assert_int_equal(modbus_read_input_registers(good, PLANT_IN_POTS, 1, &word), 1);
    }
    close_client(good);
}

/* One that never takes its answers holds up nobody and costs no more than its buffers. */
static void a_deaf_client_is_not_read_further(void **state) {
    struct rig *rig = *state;
    uint8_t out[12];
    int fd = raw(rig);
    request(out, 1, 125);
    struct timeval wait = {.tv_usec = 200000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    size_t sent = 0;
    while (send(fd, out, sizeof out, MSG_NOSIGNAL) == (ssize_t)sizeof out) {
        sent += sizeof out;
        assert_true(sent < 64u << 20);
    }
    modbus_t *good = client(rig, 1);
    uint16_t word;
    for (int i = 0; i < 100; i++)
        assert_int_equal(modbus_read_input_registers(good, PLANT_IN_POTS, 1, &word), 1);
    close_client(good);
    close(fd);
}

static void addresses_are_checked(void **state) {
    struct rig *rig = *state;
    char why[256], taken[32];
    assert_null(plant_server_open("nowhere", &rig->plc, why, sizeof why));
    assert_non_null(strstr(why, "127.0.0.1:1502"));
    assert_null(plant_server_open("127.0.0.1:99999", &rig->plc, why, sizeof why));
    snprintf(taken, sizeof taken, "127.0.0.1:%u", rig->port);
    assert_null(plant_server_open(taken, &rig->plc, why, sizeof why));
    assert_non_null(strstr(why, "cannot be listened on"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libmodbus_reads_every_signal),
        cmocka_unit_test(libmodbus_writes_and_reads_back),
        cmocka_unit_test(many_clients_at_once),
        cmocka_unit_test(pipelined_requests_keep_their_order),
        cmocka_unit_test(a_request_in_single_bytes),
        cmocka_unit_test(nonsense_closes_only_its_own_connection),
        cmocka_unit_test(a_deaf_client_is_not_read_further),
        cmocka_unit_test(addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
