/* What people may set in librdkafka beside what is ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/kafka.h"

static void security_and_sockets_are_for_people(void **state) {
    (void)state;
    static const char *const allowed[] = {"security.protocol", "sasl.mechanisms",         "sasl.username",
                                          "sasl.password",     "ssl.ca.location",         "ssl.key.password",
                                          "client.rack",       "socket.keepalive.enable", "compression.codec"};
    for (size_t i = 0; i < PL_COUNT_OF(allowed); i++)
        if (!pl_kafka_setting_allowed(allowed[i])) fail_msg("%s is refused", allowed[i]);
}

static void what_each_record_hangs_on_is_ours(void **state) {
    (void)state;
    static const char *const ours[] = {"bootstrap.servers",  "group.id",          "transactional.id",     "acks",
                                       "enable.idempotence", "auto.offset.reset", "enable.partition.eof", "debug"};
    for (size_t i = 0; i < PL_COUNT_OF(ours); i++)
        if (pl_kafka_setting_allowed(ours[i])) fail_msg("%s is let through", ours[i]);
    assert_false(pl_kafka_setting_allowed("no.such.property"));
}

static void no_graph_loads_or_runs_code(void **state) {
    (void)state;
    static const char *const code[] = {"plugin.library.paths", "ssl.engine.location", "ssl.providers",
                                       "sasl.kerberos.kinit.cmd"};
    for (size_t i = 0; i < PL_COUNT_OF(code); i++)
        if (pl_kafka_setting_allowed(code[i])) fail_msg("%s is let through", code[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(security_and_sockets_are_for_people),
        cmocka_unit_test(what_each_record_hangs_on_is_ours),
        cmocka_unit_test(no_graph_loads_or_runs_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
