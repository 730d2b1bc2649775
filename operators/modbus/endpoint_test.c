#include <stdio.h>
#include <string.h>

#include "client.h"
#include "testing/cmocka_first.h"

static void check(const char *text, const char *expected_host, unsigned expected_port) {
    char host[PL_MODBUS_HOST_MAX + 1] = "";
    uint16_t port = 0;
    assert_true(pl_modbus_endpoint_parse(text, host, &port));
    assert_string_equal(host, expected_host);
    assert_int_equal(port, expected_port);
}

static void test_endpoints(void **state) {
    (void)state;
    check("127.0.0.1:1502", "127.0.0.1", 1502);
    check("plc-7.plant.example:65535", "plc-7.plant.example", 65535);
    check("plc-7", "plc-7", 502);
    check("[::1]:1502", "::1", 1502);
    check("[fe80::1]", "fe80::1", 502);
}

static void test_what_is_none(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",     ":502", "host:",  "host:0", "host:65536", "host:port",      "host:-1",    "::1",
        "[::1", "[]:1", "[::1]1", "[::1]:", "a b:502",    "tcp://host:502", "host:502/x", "[::1]:0"};
    char host[PL_MODBUS_HOST_MAX + 1];
    uint16_t port;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (pl_modbus_endpoint_parse(wrong[i], host, &port)) fail_msg("'%s' was taken", wrong[i]);
    char longest[PL_MODBUS_HOST_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(pl_modbus_endpoint_parse(longest, host, &port));
    longest[PL_MODBUS_HOST_MAX] = '\0';
    assert_true(pl_modbus_endpoint_parse(longest, host, &port));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
