#include "base/message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <jansson.h>

static struct pl__message message_of(const char *text) {
    struct pl__message message = {.level = PL_WARN, .time = 1795413600 * PL_SECOND + PL_SECOND / 4};
    message.length = strlen(text);
    memcpy(message.text, text, message.length);
    return message;
}

static void is_line(const struct pl__message *message, bool json, bool coloured, const char *expected) {
    static char line[PL__LINE_MAX + 1];
    *pl__message_line(message, json, coloured, line) = '\0';
    assert_string_equal(expected, line);
}

static void a_message_is_a_line_of_text(void **state) {
    (void)state;
    struct pl__message message = message_of("tag 'x' is unknown");
    is_line(&message, false, false, "2026-11-23T06:00:00.25Z warn tag 'x' is unknown\n");
    is_line(&message, false, true, "2026-11-23T06:00:00.25Z \033[33mwarn\033[0m tag 'x' is unknown\n");
    message.level = PL_INFO;
    is_line(&message, false, true, "2026-11-23T06:00:00.25Z info tag 'x' is unknown\n");
    message.node = "clean";
    message.partition = 3;
    message.left_out = 12;
    is_line(&message, false, false,
            "2026-11-23T06:00:00.25Z info clean/3: tag 'x' is unknown (and 12 more like this one)\n");
}

static void a_message_is_a_line_of_json(void **state) {
    (void)state;
    struct pl__message message = message_of("say \"hi\"\n\xff");
    is_line(&message, true, true,
            "{\"time\":\"2026-11-23T06:00:00.25Z\",\"level\":\"warn\",\"text\":\"say \\\"hi\\\"\\n\\ufffd\"}\n");
    message.node = "in\"put";
    message.left_out = 1;
    is_line(&message, true, false,
            "{\"time\":\"2026-11-23T06:00:00.25Z\",\"level\":\"warn\",\"node\":\"in\\\"put\",\"partition\":0,"
            "\"text\":\"say \\\"hi\\\"\\n\\ufffd\",\"left_out\":1}\n");
}

/* Bytes from outside in a message neither steer the terminal nor forge a second line. */
static void no_control_character_reaches_a_terminal(void **state) {
    (void)state;
    struct pl__message message = message_of("a\033[2Jb\r\nc\td\x7f\xc2\x9b"
                                            "1m\xff\xc2\xb0");
    message.node = "x\ny";
    is_line(&message, false, false, "2026-11-23T06:00:00.25Z warn x y/0: a?[2Jb? c d???1m?\xc2\xb0\n");
}

static void the_longest_message_fits(void **state) {
    (void)state;
    static struct pl__message message;
    static char node[1000], line[PL__LINE_MAX];
    memset(node, '\x01', sizeof node - 1);
    message = (struct pl__message){.level = PL_ERROR, .node = node, .partition = UINT32_MAX, .left_out = UINT32_MAX};
    message.time = PL_TIME_MIN;
    message.length = sizeof message.text;
    memset(message.text, '\x01', sizeof message.text);
    for (int json = 0; json <= 1; json++) {
        char *end = pl__message_line(&message, json, true, line);
        assert_in_range(end - line, PL__MESSAGE_MAX, sizeof line);
        assert_ptr_equal(end - 1, memchr(line, '\n', sizeof line));
    }
    json_t *read = json_loadb(line, (size_t)((char *)memchr(line, '\n', sizeof line) - line), 0, NULL);
    assert_non_null(read);
    assert_int_equal(PL__MESSAGE_MAX, json_string_length(json_object_get(read, "text")));
    assert_int_equal(PL__NODE_MAX, json_string_length(json_object_get(read, "node")));
    json_decref(read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_a_line_of_text),
        cmocka_unit_test(a_message_is_a_line_of_json),
        cmocka_unit_test(no_control_character_reaches_a_terminal),
        cmocka_unit_test(the_longest_message_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
