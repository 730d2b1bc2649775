/* What people may set in librdkafka, and that no message shows a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

static void test_refusals(void **state) {
    (void)state;
    static const char *const refused[] = {"acks",
                                          "transactional.id",
                                          "transaction.timeout.ms",
                                          "group.id",
                                          "debug",
                                          "plugin.library.paths",
                                          "ssl.engine.location",
                                          "ssl.providers",
                                          "sasl.kerberos.kinit.cmd",
                                          "oauthbearer_token_refresh_cb",
                                          "log_level",
                                          "queue.buffering.max.kbytes",
                                          "queued.min.messages",
                                          "isolation.level",
                                          "bootstrap.servers",
                                          "auto.offset.reset",
                                          "enable.auto.commit"};
    static const char *const allowed[] = {
        "security.protocol", "sasl.username",           "sasl.password", "ssl.ca.location", "ssl.key.password",
        "client.rack",       "socket.keepalive.enable", "client.id",     "fetch.min.bytes", "broker.address.family"};
    for (size_t i = 0; i < PL_COUNT_OF(refused); i++)
        if (!pl__setting_refusal(refused[i])) fail_msg("%s is not refused", refused[i]);
    for (size_t i = 0; i < PL_COUNT_OF(allowed); i++)
        if (pl__setting_refusal(allowed[i])) fail_msg("%s is refused", allowed[i]);
}

static enum pl_code make(const char *name, const char *value, const char *const own[][2], struct pl_error **error) {
    struct pl__setting setting = {name, value};
    struct pl__client_options options = {"127.0.0.1:1", {&setting, 1}};
    rd_kafka_conf_t *conf = NULL;
    enum pl_code code = pl__client_conf(&options, own, &conf, error);
    if (conf) rd_kafka_conf_destroy(conf);
    assert_int_equal(code == PL_OK, conf != NULL);
    return code;
}

static void test_values_are_not_shown(void **state) {
    (void)state;
    static const char *const own[][2] = {{"acks", "all"}, {NULL, NULL}};
    struct pl_error *error = NULL;
    assert_int_equal(make("sasl.password", "hunter2", own, &error), PL_OK);
    assert_int_equal(make("security.protocol", "hunter2", own, &error), PL_USAGE);
    assert_non_null(strstr(error->text, "security.protocol"));
    assert_null(strstr(error->text, "hunter2"));
    pl_error_free(&error);
}

/* What the node says comes last. */
static void test_own_settings_win(void **state) {
    (void)state;
    static const char *const own[][2] = {{"client.id", "ours"}, {NULL, NULL}};
    struct pl__setting setting = {"client.id", "theirs"};
    struct pl__client_options options = {"127.0.0.1:1", {&setting, 1}};
    rd_kafka_conf_t *conf = NULL;
    char value[64];
    size_t size = sizeof value;
    assert_int_equal(pl__client_conf(&options, own, &conf, NULL), PL_OK);
    assert_int_equal(rd_kafka_conf_get(conf, "client.id", value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "ours");
    rd_kafka_conf_destroy(conf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_values_are_not_shown),
        cmocka_unit_test(test_own_settings_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
