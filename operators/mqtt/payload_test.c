/* What a message holds, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <potline/harness.h>
#include <potline/quality.h>

#include "payload.h"

enum { NOW = 1000 };

static struct pl_harness *harness;
static struct pl__payload_reader reader;
static struct pl_batch *batch;
static struct pl__payload payload;

static int set_up(void **state) {
    (void)state;
    harness = pl_harness_new("sink.null", "{}", PL_SAMPLES, NULL);
    reader = (struct pl__payload_reader){.tags = pl_harness_tags(harness), .now = NOW};
    batch = pl_batch_new(PL_SAMPLES, 4, 0);
    payload = (struct pl__payload){.value = "value", .time = "time", .quality = "quality"};
    return !harness || !batch;
}

static int tear_down(void **state) {
    (void)state;
    pl__payload_fini(&reader);
    pl_batch_unref(batch);
    pl_harness_free(harness);
    return 0;
}

static enum pl__payload_verdict reads(const char *text) {
    return pl__payload_read(&reader, &payload, "a.b", 3, text, strlen(text), batch);
}

static void takes(const char *text, const char *tag, double value, pl_time time, uint16_t quality) {
    batch->rows = 0;
    assert_int_equal(reads(text), PL__PAYLOAD_TAKEN);
    assert_int_equal(batch->rows, 1);
    assert_string_equal(pl_tags_get(reader.tags, batch->samples.tag[0])->name, tag);
    if (isnan(value))
        assert_true(isnan(batch->samples.value[0]));
    else
        assert_true(batch->samples.value[0] == value);
    assert_int_equal(batch->samples.time[0], time);
    assert_int_equal(batch->samples.quality[0], quality);
}

static void refuses(const char *text, const char *cause) {
    batch->rows = 1;
    assert_int_equal(reads(text), PL__PAYLOAD_REFUSED);
    assert_string_equal(reader.cause, cause);
    assert_int_equal(batch->rows, 1);
}

static void a_value_by_itself(void **state) {
    (void)state;
    takes("4.25", "a.b", 4.25, NOW, 0);
    takes(" true ", "a.b", 1, NOW, 0);
    takes("\"7\"", "a.b", 7, NOW, 0);
    takes("null", "a.b", NAN, NOW, PL_Q_BAD | PL_Q_MISSING);
    takes("\"no number\"", "a.b", NAN, NOW, PL_Q_BAD | PL_Q_MISSING);
    refuses("", "empty");
    refuses("4.2 5", "not_json");
    refuses("1e999", "number");
    payload.form = PL__PAYLOAD_PLAIN;
    takes("4.25\r\n", "a.b", 4.25, NOW, 0);
    takes("False", "a.b", 0, NOW, 0);
    takes("nan", "a.b", NAN, NOW, PL_Q_BAD | PL_Q_MISSING);
}

static void an_object(void **state) {
    (void)state;
    takes("{\"value\":4,\"time\":\"1970-01-01T00:00:01Z\",\"quality\":\"uncertain|stale\"}", "a.b", 4, PL_SECOND,
          PL_Q_UNCERTAIN | PL_Q_STALE);
    takes("{\"time\":1764150000000,\"more\":{\"value\":9},\"value\":4}", "a.b", 4, 1764150000000 * PL_MILLISECOND, 0);
    takes("{\"time\":1764150000,\"value\":4}", "a.b", 4, 1764150000 * PL_SECOND, 0);
    takes("{\"time\":1.5,\"value\":4}", "a.b", 4, 1500 * PL_MILLISECOND, 0);
    takes("{\"v\\u0061lue\":4}", "a.b", 4, NOW, 0);
    refuses("{\"value\":4,\"time\":\"yesterday\"}", "time");
    refuses("{\"value\":4,\"quality\":\"fine\"}", "quality");
    refuses("{\"value\":4,\"value\":5}", "twice");
    refuses("{\"val\":4}", "no_value");
    refuses("{\"value\":4", "not_json");
    refuses("{\"value\":4}}", "not_json");
    payload.value = "d.v";
    payload.time = "meta.at";
    payload.unit = PL__UNIT_US;
    takes("{\"d\":{\"v\":-1},\"meta\":{\"at\":5}}", "a.b", -1, 5 * PL_MICROSECOND, 0);
}

static void each_member(void **state) {
    (void)state;
    payload.members = true;
    takes("{\"d\":{\"v\":4},\"time\":1.0}", "a.b.d.v", 4, PL_SECOND, 0);
    batch->rows = 0;
    assert_int_equal(reads("{\"x\":1,\"time\":1,\"y\":{\"z\":true},\"list\":[1]}"), PL__PAYLOAD_TAKEN);
    assert_int_equal(batch->rows, 2);
    assert_string_equal(pl_tags_get(reader.tags, batch->samples.tag[1])->name, "a.b.y.z");
    takes("{\"only\":1}", "a.b.only", 1, NOW, 0);
}

static void all_of_it_or_nothing(void **state) {
    (void)state;
    batch->rows = 0;
    assert_int_equal(reads("[1,{\"value\":2},3]"), PL__PAYLOAD_TAKEN);
    assert_int_equal(batch->rows, 3);
    assert_int_equal(reads("[1,2]"), PL__PAYLOAD_FULL);
    assert_int_equal(batch->rows, 3);
    batch->rows = 0;
    assert_int_equal(reads("[1,2,3,4,5]"), PL__PAYLOAD_REFUSED); /* an empty batch would not have them either */
    assert_int_equal(batch->rows, 0);
    refuses("[1,{\"value\":\"\"},[2]]", "not_json");
    refuses("[1,2", "not_json");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_of_it_or_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
