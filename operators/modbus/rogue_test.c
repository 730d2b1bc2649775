/* The client against devices that misbehave: each has one defined outcome, and the client is well again afterwards. */
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"
#include "testing/cmocka_first.h"
#include "testing/desk.h"
#include "testing/server.h"

static struct server rogue;
static struct desk desk;

static void meet(const char *mode, int number, unsigned in_flight, pl_time timeout) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    server_start(&rogue, MODBUS_ROGUE, 0, mode, text, NULL);
    desk_open(&desk, rogue.port, in_flight, timeout);
}

static void part(void) {
    desk_close(&desk);
    server_kill(&rogue);
}

static struct pl_modbus_call call_at(unsigned address) {
    return (struct pl_modbus_call){1, PL_MODBUS_READ_HOLDING, (uint16_t)address, 10, NULL};
}

static void check_good(const struct reply *reply, unsigned address) {
    assert_int_equal(reply->times, 1);
    assert_int_equal(reply->status, PL_MODBUS_OK);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(pl_modbus_register(reply->data, i), address);
}

/* The device is replaced by an honest one on the same port: the client finds it by itself. */
static void check_recovery(void) {
    struct reply reply = {.status = PL_MODBUS_TIMEOUT};
    server_kill(&rogue);
    pl_modbus_client_set_timeout(desk.client, 10 * PL_SECOND);
    server_start(&rogue, MODBUS_ROGUE, rogue.port, "honest", NULL, NULL);
    while (reply.status != PL_MODBUS_OK)
        desk_ask(&desk, &reply, call_at(4711));
    check_good(&reply, 4711);
}

/* Asks once; the request must end as DISCONNECTED and the connection for the reason given. */
static void check_dropped(const char *mode, int number, const char *why) {
    struct reply reply;
    meet(mode, number, 4, 10 * PL_SECOND);
    desk_ask(&desk, &reply, call_at(7));
    assert_int_equal(reply.status, PL_MODBUS_DISCONNECTED);
    assert_int_equal(reply.times, 1);
    desk_until(&desk, desk.downs > 0);
    assert_string_equal(desk.why, why);
    check_recovery();
    part();
}

static void test_slow_answers_are_timeouts_and_late(void **state) {
    (void)state;
    struct reply reply;
    meet("slow", 300, 1, 20 * PL_MILLISECOND);
    for (unsigned i = 0; i < 4; i++) {
        desk_ask(&desk, &reply, call_at(i));
        assert_int_equal(reply.status, PL_MODBUS_TIMEOUT);
        desk_until(&desk, desk_count(&desk, PL_MODBUS_COUNT_LATE) == i + 1);
        assert_int_equal(reply.times, 1);
    }
    assert_int_equal(desk.downs, 0); /* it does answer, so the connection is kept */
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_STRAYS), 0);
    check_recovery();
    part();
}

/* A late answer is never taken for the next one. */
static void test_a_late_answer_does_not_shift_the_next(void **state) {
    (void)state;
    struct reply late, next;
    meet("late-once", 500, 4, 20 * PL_MILLISECOND);
    desk_ask(&desk, &late, call_at(1));
    assert_int_equal(late.status, PL_MODBUS_TIMEOUT);
    pl_modbus_client_set_timeout(desk.client, 10 * PL_SECOND);
    desk_ask(&desk, &next, call_at(2));
    check_good(&next, 2);
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_LATE), 1);
    assert_int_equal(desk.ups, 1);
    part();
}

static void test_answers_in_reverse_order(void **state) {
    (void)state;
    enum { AT_ONCE = 16 };
    static struct reply replies[AT_ONCE];
    meet("backwards", AT_ONCE, AT_ONCE, 10 * PL_SECOND);
    desk_until(&desk, desk.ups == 1);
    for (unsigned round = 1; round <= 50; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++)
            assert_true(desk_submit(&desk, &replies[i], call_at(round * 100 + i)));
        desk_until(&desk, desk.replies == round * AT_ONCE);
        for (unsigned i = 0; i < AT_ONCE; i++) {
            check_good(&replies[i], round * 100 + i);
            assert_int_equal(replies[i].place, round * AT_ONCE - i);
        }
    }
    part();
}

static void test_an_answer_in_single_bytes(void **state) {
    (void)state;
    struct reply reply;
    meet("dribble", 0, 1, 10 * PL_SECOND);
    for (unsigned i = 0; i < 5; i++) {
        desk_ask(&desk, &reply, call_at(i));
        check_good(&reply, i);
    }
    part();
}

static void test_garbage(void **state) {
    (void)state;
    check_dropped("garbage", 0, "bytes that are no Modbus");
}

static void test_closed_instead_of_answered(void **state) {
    (void)state;
    check_dropped("close-on-request", 0, "closed by the device");
    check_dropped("reset", 0, "connection reset by peer");
}

static void test_answers_that_do_not_fit(void **state) {
    (void)state;
    check_dropped("wrong-byte", 2, "bytes that are no Modbus");                /* protocol */
    check_dropped("wrong-byte", 4, "bytes that are no Modbus");                /* length */
    check_dropped("wrong-byte", 6, "an answer that does not fit its request"); /* unit */
    check_dropped("wrong-byte", 7, "an answer that does not fit its request"); /* function */
    check_dropped("wrong-byte", 8, "an answer that does not fit its request"); /* bytes that follow */
}

static void test_half_a_frame(void **state) {
    (void)state;
    struct reply reply;
    meet("half", 0, 4, 50 * PL_MILLISECOND);
    desk_ask(&desk, &reply, call_at(7));
    assert_int_equal(reply.status, PL_MODBUS_TIMEOUT);
    assert_int_equal(desk.downs, 1);
    assert_string_equal(desk.why, "half an answer");
    check_recovery();
    part();
}

static void test_the_wrong_transaction(void **state) {
    (void)state;
    struct reply reply;
    meet("wrong-byte", 1, 4, 50 * PL_MILLISECOND);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(desk.downs, 0);
        desk_ask(&desk, &reply, call_at(7));
        assert_int_equal(reply.status, PL_MODBUS_TIMEOUT);
    }
    assert_string_equal(desk.why, "no answer");
    assert_true(desk_count(&desk, PL_MODBUS_COUNT_STRAYS) >= 2);
    check_recovery();
    part();
}

static void test_a_few_strays_are_dropped(void **state) {
    (void)state;
    struct reply reply;
    meet("strays-first", PL_MODBUS_STRAYS_MAX, 4, 10 * PL_SECOND);
    for (unsigned i = 0; i < 20; i++) {
        desk_ask(&desk, &reply, call_at(i));
        check_good(&reply, i);
    }
    assert_int_equal(desk_count(&desk, PL_MODBUS_COUNT_STRAYS), 20 * PL_MODBUS_STRAYS_MAX);
    assert_int_equal(desk.downs, 0);
    part();
}

static void test_a_flood_is_cut_off(void **state) {
    (void)state;
    check_dropped("flood", 0, "answers that nobody asked for");
    check_dropped("strays-first", PL_MODBUS_STRAYS_MAX + 1, "answers that nobody asked for");
}

/* It accepts and hangs up for ever. The connections come up, but nothing is answered: the waits grow to their most. */
static void test_closed_at_once(void **state) {
    (void)state;
    meet("close-at-once", 0, 4, PL_SECOND);
    desk_until(&desk, desk.downs >= 5);
    uint64_t start = uv_hrtime();
    unsigned before = desk.downs;
    desk_until(&desk, desk.downs >= before + 8);
    uint64_t passed = uv_hrtime() - start;
    assert_true(passed >= 7 * 25 * 1000000ull); /* at least half of 50 ms each */
    assert_string_equal(desk.why, "closed by the device");
    check_recovery();
    part();
}

/* The client's socket, found by whom it is connected to. */
static int descriptor_to(uint16_t port) {
    DIR *folder = opendir("/proc/self/fd");
    int found = -1;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct sockaddr_in address;
        socklen_t size = sizeof address;
        int fd = atoi(entry->d_name);
        if (getpeername(fd, (struct sockaddr *)&address, &size) == 0 && address.sin_family == AF_INET &&
            ntohs(address.sin_port) == port)
            found = fd;
    }
    closedir(folder);
    return found;
}

/* The device does not read and the kernel's buffer is full: requests wait half sent, time out, and the rest is cut off.
 */
static void test_a_device_that_does_not_read(void **state) {
    (void)state;
    enum { AT_ONCE = 16 };
    static struct reply replies[AT_ONCE];
    static const uint16_t values[PL_MODBUS_WRITE_REGISTERS_MAX];
    meet("deaf", 60000, AT_ONCE, 100 * PL_MILLISECOND);
    desk_until(&desk, desk.ups == 1);
    int least = 1, fd = descriptor_to(rogue.port);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
    unsigned rounds = 0;
    while (desk.downs == 0) {
        struct pl_modbus_call call = {1, PL_MODBUS_WRITE_REGISTERS, 0, PL_MODBUS_WRITE_REGISTERS_MAX, values};
        for (unsigned i = 0; i < AT_ONCE; i++)
            assert_true(desk_submit(&desk, &replies[i], call));
        rounds++;
        desk_until(&desk, desk.replies == rounds * AT_ONCE);
        for (unsigned i = 0; i < AT_ONCE; i++)
            assert_int_equal(replies[i].status, PL_MODBUS_TIMEOUT);
    }
    assert_string_equal(desk.why, "the device takes no requests");
    check_recovery();
    part();
}

static void free_inside(void *user, const struct pl_modbus_answer *answer) {
    (void)answer;
    struct desk *of = user;
    of->replies++;
    pl_modbus_client_free(of->client);
    of->client = NULL;
}

/* The client may be freed from the callback of a request, however it ended. */
static void test_freed_from_a_callback(void **state) {
    (void)state;
    static const char *const modes[] = {"honest", "mute", "garbage", "close-on-request", "flood", "strays-first"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        meet(modes[i], 5, 4, 50 * PL_MILLISECOND);
        desk_until(&desk, desk.ups == 1);
        struct pl_modbus_call call = call_at(1);
        for (unsigned k = 0; k < 4; k++)
            assert_true(pl_modbus_client_submit(desk.client, &call, free_inside, &desk));
        desk_until(&desk, desk.client == NULL);
        uv_run(&desk.loop, UV_RUN_NOWAIT);
        assert_int_equal(desk.replies, 1);
        part();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_answers_are_timeouts_and_late),
        cmocka_unit_test(test_a_late_answer_does_not_shift_the_next),
        cmocka_unit_test(test_answers_in_reverse_order),
        cmocka_unit_test(test_an_answer_in_single_bytes),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_closed_instead_of_answered),
        cmocka_unit_test(test_answers_that_do_not_fit),
        cmocka_unit_test(test_half_a_frame),
        cmocka_unit_test(test_the_wrong_transaction),
        cmocka_unit_test(test_a_few_strays_are_dropped),
        cmocka_unit_test(test_a_flood_is_cut_off),
        cmocka_unit_test(test_closed_at_once),
        cmocka_unit_test(test_a_device_that_does_not_read),
        cmocka_unit_test(test_freed_from_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
