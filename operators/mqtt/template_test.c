/* Topics to tags and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "link.h"
#include "naming.h"
#include "template.h"

static const char *expand(const char *topic, const char *pattern, const char *tag) {
    static char out[64];
    struct pl_pattern parsed;
    struct pl_variables variables;
    assert_null(pl_pattern_parse(&parsed, pattern));
    if (!pl_pattern_match(&parsed, topic, &variables)) return "no match";
    size_t length = pl_template_expand(tag, &variables, out, sizeof out - 1);
    out[length] = 0;
    return out;
}

static void parts_of_a_topic_make_a_tag(void **state) {
    (void)state;
    assert_string_equal(expand("plant/line1/pot07/u", "plant/{l}/pot{p}/{s}", "{l}.pot{p}.{s}"), "line1.pot07.u");
    assert_string_equal(expand("a/b/c/d", "a/{x}/#", "{x}.{#}"), "b.c.d");
    assert_string_equal(expand("a/b", "a/b", "fixed"), "fixed");
    assert_string_equal(expand("x-1-y", "x-{n}-y", "n{n}"), "n1");
    assert_string_equal(expand("a/b/c", "a/{x}/{y}", "{y}"), "c");
}

static void what_does_not_fit_does_not_match(void **state) {
    (void)state;
    assert_string_equal(expand("plant/line1", "plant/{l}/{s}", "{l}"), "no match");
    assert_string_equal(expand("plant/line1/u/x", "plant/{l}/{s}", "{l}"), "no match");
    assert_string_equal(expand("a/pot", "a/pot{p}", "{p}"), "no match"); /* a variable is never empty */
    assert_string_equal(expand("a//c", "a/{x}/c", "{x}"), "no match");
    assert_string_equal(expand("a/", "a/#", "{#}"), "no match");
    assert_string_equal(expand("a/b", "a/b", "{gone}"), "");
    char too_long[200] = "a/";
    memset(too_long + 2, 'x', 100);
    assert_string_equal(expand(too_long, "a/{x}", "{x}"), "");
}

static void patterns_that_are_none(void **state) {
    static const char *const bad[] = {"",     "#",         "a/+/b",     "a/{x}{y}", "a/{x",
                                      "a/x}", "a/{X}/{b}", "a/{x}/{x}", "a/{}/b",   "a/#/b"};
    struct pl_pattern pattern;
    (void)state;
    for (size_t i = 0; i < PL_COUNT_OF(bad); i++)
        if (!pl_pattern_parse(&pattern, bad[i])) fail_msg("%s", bad[i]);
}

static void a_pattern_is_a_filter(void **state) {
    struct pl_pattern pattern;
    char filter[16];
    (void)state;
    assert_null(pl_pattern_parse(&pattern, "a/pot{x}/b/#"));
    assert_true(pl_pattern_filter(&pattern, filter, sizeof filter));
    assert_string_equal(filter, "a/+/b/#");
    assert_false(pl_pattern_filter(&pattern, filter, 7));
    assert_true(pl_mqtt_filter_is_good("a/+/#"));
    assert_false(pl_mqtt_filter_is_good("a/#/b"));
    assert_true(pl_mqtt_topic_is_good("a/b"));
    assert_false(pl_mqtt_topic_is_good("a/+"));
    assert_false(pl_mqtt_topic_is_good(""));
}

static void a_tag_makes_a_topic(void **state) {
    char topic[PL_MQTT_TOPIC_MAX + 1];
    (void)state;
    const struct pl_mqtt_naming path = {"p/{path}/{signal}"}, parts = {"{p1}/{p2}/{asset}"};
    assert_true(pl_mqtt_naming_of(&path, "line1.pot07.u", "samples", topic));
    assert_string_equal(topic, "p/line1/pot07/u/u");
    assert_true(pl_mqtt_naming_of(&parts, "line1.pot07.u", "samples", topic));
    assert_string_equal(topic, "line1/pot07/line1.pot07");
    assert_false(pl_mqtt_naming_of(&parts, "alone", "samples", topic)); /* it has no second part */
    assert_false(pl_mqtt_naming_of(&path, "a.b+c", "samples", topic));
}

static void servers(void **state) {
    char host[PL_MQTT_HOST_MAX + 1];
    uint16_t port;
    (void)state;
    assert_true(pl_mqtt_server_parse("broker", false, host, &port) && port == 1883);
    assert_true(pl_mqtt_server_parse("broker", true, host, &port) && port == 8883);
    assert_true(pl_mqtt_server_parse("[::1]:99", false, host, &port) && port == 99);
    assert_string_equal(host, "::1");
    assert_false(pl_mqtt_server_parse(":1", false, host, &port));
    assert_false(pl_mqtt_server_parse("a:0", false, host, &port));
    assert_false(pl_mqtt_server_parse("a:65536", false, host, &port));
    assert_false(pl_mqtt_server_parse("[::1", false, host, &port));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_a_topic_make_a_tag), cmocka_unit_test(what_does_not_fit_does_not_match),
        cmocka_unit_test(patterns_that_are_none),      cmocka_unit_test(a_pattern_is_a_filter),
        cmocka_unit_test(a_tag_makes_a_topic),         cmocka_unit_test(servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
