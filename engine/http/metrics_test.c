#include "http/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

static void expect_text(struct pl_buffer *buffer, const char *expected) {
    char *text = pl_buffer_take(buffer);
    assert_non_null(text);
    assert_string_equal(expected, text);
    pl_free(text);
}

static void numbers_are_whole_where_they_are(void **state) {
    (void)state;
    struct pl_buffer out;
    pl_buffer_init(&out, 4096);
    pl__metric_put(&out, "m", 0, NULL);
    pl__metric_put(&out, "m", 9007199254740992.0, NULL);
    pl__metric_put(&out, "m", 0.25, NULL);
    pl__metric_put(&out, "m", NAN, NULL);
    expect_text(&out, "m 0\nm 9007199254740992\nm 0.25\nm NaN\n");
    pl_buffer_fini(&out);
}

/* Whatever a name holds, a line stays one line and a label one label. */
static void names_cannot_break_out(void **state) {
    (void)state;
    struct pl_buffer out;
    pl_buffer_init(&out, 4096);
    pl__metric_put(&out, "m", 1, PL__LABELS("node", "a\"} 5\n\\", "op", ""));
    expect_text(&out, "m{node=\"a\\\"} 5\\n\\\\\",op=\"\"} 1\n");
    pl__metric_head(&out, "m_total", PL__COUNTER, "one\ntwo \\ \"three\"");
    expect_text(&out, "# HELP m_total one\\ntwo \\\\ \"three\"\n# TYPE m_total counter\n");
    pl_buffer_fini(&out);
}

static void without_an_engine_the_process_is_told(void **state) {
    (void)state;
    struct pl_buffer out;
    pl_buffer_init(&out, 1 << 20);
    pl_metrics_put(&out, NULL);
    char *text = pl_buffer_take(&out);
    assert_non_null(text);
    assert_non_null(strstr(text, "\npotline_build_info{version=\"" POTLINE_VERSION "\"} 1\n"));
    assert_non_null(strstr(text, "\nprocess_resident_memory_bytes "));
    assert_non_null(strstr(text, "\npotline_process_threads 1\n"));
    assert_null(strstr(text, "potline_node_"));
    pl_free(text);
    pl_buffer_fini(&out);
}

static void no_room_is_said(void **state) {
    (void)state;
    struct pl_buffer out;
    pl_buffer_init(&out, 64);
    pl_metrics_put(&out, NULL);
    assert_true(pl_buffer_failed(&out));
    pl_buffer_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_where_they_are),
        cmocka_unit_test(names_cannot_break_out),
        cmocka_unit_test(without_an_engine_the_process_is_told),
        cmocka_unit_test(no_room_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
