/* The client against a correct device made of libmodbus, with libmodbus as a second client to look at what was written.
 */
#include "client.h"

#include <fcntl.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "testing/cmocka_first.h"
#include "testing/desk.h"
#include "testing/server.h"

static struct server oracle;
static modbus_t *other;

static int setup(void **state) {
    (void)state;
    server_start(&oracle, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    other = modbus_new_tcp("127.0.0.1", oracle.port);
    return modbus_connect(other);
}

static int teardown(void **state) {
    (void)state;
    modbus_close(other);
    modbus_free(other);
    server_kill(&oracle);
    return 0;
}

static void check_registers(struct desk *desk, uint8_t function, unsigned address, unsigned count) {
    struct reply reply;
    uint16_t expected[PL_MODBUS_READ_REGISTERS_MAX];
    int (*read)(modbus_t *, int, int, uint16_t *) = function == 3 ? modbus_read_registers : modbus_read_input_registers;
    desk_ask(desk, &reply, (struct pl_modbus_call){1, function, (uint16_t)address, (uint16_t)count, NULL});
    assert_int_equal(reply.status, PL_MODBUS_OK);
    assert_int_equal(reply.count, count);
    assert_int_equal(read(other, (int)address, (int)count, expected), count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pl_modbus_register(reply.data, i), expected[i]);
        assert_int_equal(expected[i], function == 3 ? pattern_holding(address + i) : pattern_input(address + i));
    }
}

static void check_bits(struct desk *desk, uint8_t function, unsigned address, unsigned count) {
    struct reply reply;
    uint8_t expected[PL_MODBUS_READ_BITS_MAX];
    int (*read)(modbus_t *, int, int, uint8_t *) = function == 1 ? modbus_read_bits : modbus_read_input_bits;
    desk_ask(desk, &reply, (struct pl_modbus_call){1, function, (uint16_t)address, (uint16_t)count, NULL});
    assert_int_equal(reply.status, PL_MODBUS_OK);
    assert_int_equal(read(other, (int)address, (int)count, expected), count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pl_modbus_bit(reply.data, i), expected[i]);
        assert_int_equal(expected[i], function == 1 ? pattern_coil(address + i) : pattern_discrete(address + i));
    }
}

static void test_every_read_gives_what_libmodbus_reads(void **state) {
    (void)state;
    struct desk desk;
    desk_open(&desk, oracle.port, 4, 5 * PL_SECOND);
    static const unsigned counts[] = {1, 2, 7, 8, 9, 64, 125};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_registers(&desk, 3, 40000 + 3 * counts[i], counts[i]);
        check_registers(&desk, 4, 500 + counts[i], counts[i]);
        check_bits(&desk, 1, 1000 + counts[i], counts[i]);
        check_bits(&desk, 2, 2000 + counts[i], counts[i]);
    }
    check_bits(&desk, 1, 17, 2000);
    check_bits(&desk, 2, 33, 1999);
    check_registers(&desk, 3, 65535, 1);
    desk_close(&desk);
}

static void test_every_write_is_what_libmodbus_reads_back(void **state) {
    (void)state;
    struct desk desk;
    struct reply reply;
    uint16_t values[PL_MODBUS_WRITE_BITS_MAX], words[PL_MODBUS_WRITE_REGISTERS_MAX];
    static uint8_t bits[PL_MODBUS_WRITE_BITS_MAX];
    desk_open(&desk, oracle.port, 4, 5 * PL_SECOND);
    for (unsigned on = 0; on < 2; on++) {
        values[0] = (uint16_t)(on * 9);
        desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_WRITE_COIL, 50000, 1, values});
        assert_int_equal(reply.status, PL_MODBUS_OK);
        assert_int_equal(modbus_read_bits(other, 50000, 1, bits), 1);
        assert_int_equal(bits[0], on);
    }
    values[0] = 0xBEEF;
    desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_WRITE_REGISTER, 50001, 1, values});
    assert_int_equal(reply.status, PL_MODBUS_OK);
    assert_int_equal(modbus_read_registers(other, 50001, 1, words), 1);
    assert_int_equal(words[0], 0xBEEF);
    static const unsigned counts[] = {1, 8, 9, 123, 1968};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        unsigned count = counts[c];
        for (unsigned i = 0; i < count; i++)
            values[i] = (uint16_t)(i * 31 + c) % 3;
        desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_WRITE_COILS, 51000, (uint16_t)count, values});
        assert_int_equal(reply.status, PL_MODBUS_OK);
        assert_int_equal(modbus_read_bits(other, 51000, (int)count, bits), count);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(bits[i], values[i] != 0);
        if (count > PL_MODBUS_WRITE_REGISTERS_MAX) break;
        desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_WRITE_REGISTERS, 52000, (uint16_t)count, values});
        assert_int_equal(reply.status, PL_MODBUS_OK);
        assert_int_equal(modbus_read_registers(other, 52000, (int)count, words), count);
        assert_memory_equal(words, values, count * sizeof *words);
    }
    desk_close(&desk);
}

static void test_a_refusal_is_an_answer(void **state) {
    (void)state;
    struct desk desk;
    struct reply refused, good;
    desk_open(&desk, oracle.port, 4, 5 * PL_SECOND);
    desk_ask(&desk, &refused, (struct pl_modbus_call){1, PL_MODBUS_READ_INPUT, 990, 20, NULL});
    assert_int_equal(refused.status, PL_MODBUS_EXCEPTION);
    assert_int_equal(refused.exception, 2);
    desk_ask(&desk, &good, (struct pl_modbus_call){1, PL_MODBUS_READ_INPUT, 990, 10, NULL});
    assert_int_equal(good.status, PL_MODBUS_OK);
    assert_int_equal(desk.downs, 0);
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_EXCEPTIONS), 1);
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_ANSWERS), 2);
    desk_close(&desk);
}

/* As many requests as there is room for, all the time; nothing is allocated for them. */
static void test_many_requests_in_flight_without_allocation(void **state) {
    (void)state;
    enum { ROUNDS = 2000, AT_ONCE = PL_MODBUS_IN_FLIGHT_MAX };
    static struct reply replies[AT_ONCE];
    struct desk desk;
    desk_open(&desk, oracle.port, AT_ONCE, 10 * PL_SECOND);
    desk_until(&desk, desk.ups == 1);
    assert_int_equal(pl_modbus_client_room(desk.client), AT_ONCE);
    int64_t live = pl_alloc_live();
    pl_alloc_fail_after(0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++) {
            struct pl_modbus_call call = {1, PL_MODBUS_READ_HOLDING, (uint16_t)(30000 + i * 200 + round), 1 + i, NULL};
            assert_true(desk_submit(&desk, &replies[i], call));
        }
        assert_int_equal(pl_modbus_client_room(desk.client), 0);
        struct pl_modbus_call one_more = {1, PL_MODBUS_READ_HOLDING, 0, 1, NULL};
        assert_false(pl_modbus_client_submit(desk.client, &one_more, NULL, NULL));
        desk_until(&desk, desk.replies == (round + 1) * AT_ONCE);
        for (unsigned i = 0; i < AT_ONCE; i++) {
            assert_int_equal(replies[i].times, 1);
            assert_int_equal(replies[i].status, PL_MODBUS_OK);
            for (unsigned k = 0; k <= i; k++)
                assert_int_equal(pl_modbus_register(replies[i].data, k), pattern_holding(30000 + i * 200 + round + k));
        }
    }
    pl_alloc_fail_after(-1);
    assert_true(pl_alloc_live() == live);
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_REQUESTS), ROUNDS * AT_ONCE);
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_ANSWERS), ROUNDS * AT_ONCE);
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_TIMEOUTS), 0);
    desk_close(&desk);
}

/* Transaction ids come round after 65536 requests; one that was never answered is still remembered then. */
static void test_transaction_ids_come_round(void **state) {
    (void)state;
    struct desk desk;
    struct reply lost, reply;
    desk_open(&desk, oracle.port, 1, 100 * PL_MILLISECOND);
    assert_int_equal(modbus_write_bit(other, SWITCH_SILENT + 2, 1), 1);
    desk_ask(&desk, &lost, (struct pl_modbus_call){2, PL_MODBUS_READ_HOLDING, 0, 1, NULL});
    assert_int_equal(lost.status, PL_MODBUS_TIMEOUT);
    pl_modbus_client_set_timeout(desk.client, 10 * PL_SECOND);
    for (unsigned i = 0; i < 66000; i++) {
        desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, (uint16_t)(i % 30000), 1, NULL});
        assert_int_equal(reply.status, PL_MODBUS_OK);
        assert_int_equal(pl_modbus_register(reply.data, 0), pattern_holding(i % 30000));
    }
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_LATE), 0);
    assert_int_equal(modbus_write_bit(other, SWITCH_SILENT + 2, 0), 1);
    desk_close(&desk);
}

static void test_invalid_calls_are_refused(void **state) {
    (void)state;
    struct desk desk;
    struct reply reply;
    desk_open(&desk, oracle.port, 1, PL_SECOND);
    assert_false(desk_submit(&desk, &reply, (struct pl_modbus_call){1, 3, 0, 1, NULL})); /* not connected yet */
    desk_until(&desk, desk.ups == 1);
    assert_false(desk_submit(&desk, &reply, (struct pl_modbus_call){1, 3, 0, 126, NULL}));
    assert_false(desk_submit(&desk, &reply, (struct pl_modbus_call){1, 7, 0, 1, NULL}));
    assert_false(desk_submit(&desk, &reply, (struct pl_modbus_call){1, 16, 0, 1, NULL}));
    assert_int_equal(pl_modbus_client_room(desk.client), 1);
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_REQUESTS), 0);
    desk_close(&desk);
}

static void test_names_are_resolved(void **state) {
    (void)state;
    struct desk desk;
    struct reply reply;
    desk_open_host(&desk, "localhost", oracle.port, 4, 5 * PL_SECOND);
    desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, 5, 1, NULL});
    assert_int_equal(pl_modbus_register(reply.data, 0), pattern_holding(5));
    desk_close(&desk);
    desk_open_host(&desk, "no-such-device.invalid", oracle.port, 4, 5 * PL_SECOND);
    desk_until(&desk, desk.downs >= 2);
    assert_int_equal(pl_modbus_client_link(desk.client), PL_MODBUS_DOWN);
    desk_close(&desk);
}

static void test_nobody_listens_then_somebody_does(void **state) {
    (void)state;
    struct server late = {0};
    struct desk desk;
    struct reply reply;
    server_start(&late, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    server_kill(&late);
    desk_open(&desk, late.port, 4, PL_SECOND);
    assert_int_equal(pl_modbus_client_link(desk.client), PL_MODBUS_COMING);
    desk_until(&desk, desk.downs >= 3);
    assert_string_equal(desk.why, "connection refused");
    assert_int_equal(pl_modbus_client_link(desk.client), PL_MODBUS_DOWN);
    server_start(&late, MODBUS_ORACLE, late.port, NULL, NULL, NULL);
    desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, 5, 1, NULL});
    assert_int_equal(reply.status, PL_MODBUS_OK);
    desk_close(&desk);
    server_kill(&late);
}

/* The queue of connections is full and SYNs are dropped, as by a firewall: an attempt ends at its deadline. */
static void test_connecting_has_a_deadline(void **state) {
    (void)state;
    enum { MANY = 8 };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fill[MANY], listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (int i = 0; i < MANY; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fill[i], (struct sockaddr *)&address, size);
    }
    struct desk desk;
    desk_open(&desk, ntohs(address.sin_port), 4, 50 * PL_MILLISECOND);
    desk_until(&desk, desk.downs >= 2);
    assert_string_equal(desk.why, "no connection in time");
    assert_int_equal(desk.ups, 0);
    desk_close(&desk);
    for (int i = 0; i < MANY; i++)
        close(fill[i]);
    close(listener);
}

static void test_killed_and_restarted(void **state) {
    (void)state;
    enum { AT_ONCE = 8 };
    struct server mortal = {0};
    struct desk desk;
    struct reply replies[AT_ONCE], reply;
    server_start(&mortal, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    desk_open(&desk, mortal.port, AT_ONCE, 10 * PL_SECOND);
    for (unsigned life = 1; life <= 3; life++) {
        desk_until(&desk, desk.ups == life);
        server_pause(&mortal);
        for (unsigned i = 0; i < AT_ONCE; i++)
            assert_true(desk_submit(&desk, &replies[i], (struct pl_modbus_call){1, 3, (uint16_t)i, 1, NULL}));
        server_kill(&mortal);
        desk_until(&desk, desk.downs >= life);
        for (unsigned i = 0; i < AT_ONCE; i++) {
            assert_int_equal(replies[i].times, 1);
            assert_int_equal(replies[i].status, PL_MODBUS_DISCONNECTED);
        }
        assert_int_equal(pl_modbus_client_room(desk.client), 0);
        desk.downs = life;
        server_start(&mortal, MODBUS_ORACLE, mortal.port, NULL, NULL, NULL);
        desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, 9, 1, NULL});
        assert_int_equal(reply.status, PL_MODBUS_OK);
        assert_int_equal(pl_modbus_register(reply.data, 0), pattern_holding(9));
        desk.downs = life;
    }
    desk_close(&desk);
    server_kill(&mortal);
}

/* A connection that is open while nothing answers on it any more, as after a cable was pulled. */
static void test_a_device_that_hangs_is_connected_anew(void **state) {
    (void)state;
    struct server hanging = {0};
    struct desk desk;
    struct reply reply;
    server_start(&hanging, MODBUS_ORACLE, 0, NULL, NULL, NULL);
    desk_open(&desk, hanging.port, 2, 30 * PL_MILLISECOND);
    desk_until(&desk, desk.ups == 1);
    server_pause(&hanging);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(desk.downs, 0);
        desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, 9, 1, NULL});
        assert_int_equal(reply.status, PL_MODBUS_TIMEOUT);
    }
    assert_int_equal(desk.downs, 1);
    assert_string_equal(desk.why, "no answer");
    server_continue(&hanging);
    pl_modbus_client_set_timeout(desk.client, 10 * PL_SECOND);
    desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, 9, 1, NULL});
    assert_int_equal(reply.status, PL_MODBUS_OK);
    desk_close(&desk);
    server_kill(&hanging);
}

/* More descriptors than select() can name: libmodbus aborts the process here. */
static void test_with_1100_descriptors_open(void **state) {
    (void)state;
    enum { MANY = 1100 };
    static int held[MANY];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < MANY + 200) {
        limit.rlim_cur = limit.rlim_max;
        if (limit.rlim_max < MANY + 200 || setrlimit(RLIMIT_NOFILE, &limit)) {
            print_message("skipped: the system allows too few descriptors\n");
            skip();
        }
    }
    for (int i = 0; i < MANY; i++) {
        held[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(held[i] >= 0);
    }
    struct desk desk;
    struct reply reply;
    desk_open(&desk, oracle.port, 4, 5 * PL_SECOND);
    desk_ask(&desk, &reply, (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, 77, 125, NULL});
    assert_int_equal(reply.status, PL_MODBUS_OK);
    assert_int_equal(pl_modbus_register(reply.data, 124), pattern_holding(201));
    desk_close(&desk);
    for (int i = 0; i < MANY; i++)
        close(held[i]);
    assert_true(held[MANY - 1] >= 1024);
}

static void on_never(void *user, const struct pl_modbus_answer *answer) {
    (void)answer;
    *(bool *)user = true;
}

static void test_freed_with_requests_under_way(void **state) {
    (void)state;
    bool called = false;
    for (int how = 0; how < 3; how++) {
        struct desk desk;
        desk_open_host(&desk, how == 2 ? "localhost" : "127.0.0.1", oracle.port, 4, PL_SECOND);
        if (how == 0) desk_until(&desk, desk.ups == 1);
        if (how == 2) uv_run(&desk.loop, UV_RUN_NOWAIT);
        struct pl_modbus_call call = {1, PL_MODBUS_READ_HOLDING, 0, 1, NULL};
        for (int i = 0; i < 4; i++)
            assert_int_equal(pl_modbus_client_submit(desk.client, &call, on_never, &called), how == 0);
        desk_close(&desk);
        assert_false(called);
    }
    pl_modbus_client_free(NULL);
}

static void test_without_memory(void **state) {
    (void)state;
    uv_loop_t loop;
    struct pl_error *error = NULL;
    struct pl_modbus_options options = {
        .host = "127.0.0.1", .port = 1, .in_flight = 1, .timeout = 1, .backoff = 1, .backoff_max = 1};
    uv_loop_init(&loop);
    pl_alloc_fail_after(0);
    assert_null(pl_modbus_client_new(&loop, &options, &error));
    pl_alloc_fail_after(-1);
    pl_error_free(&error);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_read_gives_what_libmodbus_reads),
        cmocka_unit_test(test_every_write_is_what_libmodbus_reads_back),
        cmocka_unit_test(test_a_refusal_is_an_answer),
        cmocka_unit_test(test_many_requests_in_flight_without_allocation),
        cmocka_unit_test(test_transaction_ids_come_round),
        cmocka_unit_test(test_invalid_calls_are_refused),
        cmocka_unit_test(test_names_are_resolved),
        cmocka_unit_test(test_nobody_listens_then_somebody_does),
        cmocka_unit_test(test_connecting_has_a_deadline),
        cmocka_unit_test(test_killed_and_restarted),
        cmocka_unit_test(test_a_device_that_hangs_is_connected_anew),
        cmocka_unit_test(test_with_1100_descriptors_open),
        cmocka_unit_test(test_freed_with_requests_under_way),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
