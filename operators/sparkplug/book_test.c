/* What edge nodes say, by payloads that wire.c writes: births and aliases, numbers, deaths, and what is asked of them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <potline/harness.h>
#include <potline/quality.h>

#include "book.h"

static struct pl_harness *harness;
static struct pl__book book;
static struct pl__bytes bytes;
static struct pl__book_row rows[16];
static unsigned row_count, rebirths, refused, missing, units;
static char unit[2 * PL_TAG_UNIT_MAX + 2];
static pl_time now;

static pl_time on_now(void *user) {
    (void)user;
    return now;
}

static bool on_row(void *user, const struct pl__book_row *row) {
    (void)user;
    if (row_count < PL_COUNT_OF(rows)) rows[row_count] = *row;
    row_count++;
    return true;
}

static void on_rebirth(void *user, const char *group, const char *edge) {
    (void)user;
    assert_string_equal(group, "g");
    assert_string_equal(edge, "e");
    rebirths++;
}

static void on_refused(void *user, const char *cause, const char *reason, uint32_t samples) {
    (void)user;
    (void)cause;
    (void)reason;
    refused += samples;
}

static void on_missing(void *user, const char *edge, uint32_t messages) {
    (void)user;
    (void)edge;
    missing += messages;
}

static void on_unit(void *user, uint32_t tag, const struct pl_tag_text told[2]) {
    (void)user;
    assert_string_equal(pl_tags_get(pl_harness_tags(harness), tag)->name, "e.d.u");
    snprintf(unit, sizeof unit, "%s>%s", told[0].unit, told[1].unit);
    units++;
}

static void on_told(void *user, const char *kind, uint16_t severity, const char *group, const char *edge,
                    const char *device) {
    (void)user;
    (void)kind;
    (void)severity;
    (void)group;
    (void)edge;
    (void)device;
}

static int set_up(void **state) {
    (void)state;
    struct pl__book_setup setup = {.tag = "{edge}.{device}.{metric}",
                                   .metrics = 4,
                                   .again = PL_SECOND,
                                   .now = on_now,
                                   .row = on_row,
                                   .rebirth = on_rebirth,
                                   .refused = on_refused,
                                   .missing = on_missing,
                                   .unit = on_unit,
                                   .told = on_told};
    harness = pl_harness_new("sink.null", "{}", PL_SAMPLES, NULL);
    pl__book_init(&book, &setup, pl_harness_tags(harness));
    row_count = rebirths = refused = missing = units = 0;
    now = PL_HOUR;
    return !harness;
}

static int tear_down(void **state) {
    (void)state;
    pl__book_fini(&book);
    pl__bytes_fini(&bytes);
    pl_harness_free(harness);
    return 0;
}

static void give(enum pl__sp_message type, const char *device) {
    struct pl__sp_topic topic = {.type = type, .group = "g", .edge = "e"};
    snprintf(topic.device, sizeof topic.device, "%s", device);
    row_count = 0;
    assert_true(pl__book_take(&book, &topic, bytes.data, bytes.size));
}

static void put(const char *name, int alias, uint32_t type, double value) {
    struct pl__outgoing metric = {.name = name,
                                  .has_alias = alias >= 0,
                                  .alias = (uint64_t)alias,
                                  .time = 5 * PL_SECOND,
                                  .type = type,
                                  .value = value};
    pl__put_metric(&bytes, &metric);
}

static void birth(void) {
    pl__put_payload(&bytes, PL_SECOND, 0);
    put("bdSeq", -1, PL__SP_INT64, 7);
    put("Node Control/Rebirth", -1, PL__SP_BOOLEAN, 0);
    put("own/load", 1, PL__SP_FLOAT, 0.5);
    give(PL__NBIRTH, "");
    pl__put_payload(&bytes, PL_SECOND, 1);
    put("u", 10, PL__SP_DOUBLE, 4.2);
    put("set", 11, PL__SP_INT16, -5);
    give(PL__DBIRTH, "d");
}

static void is_row(unsigned i, const char *tag, double value, uint16_t quality) {
    assert_true(i < row_count);
    assert_string_equal(pl_tags_get(pl_harness_tags(harness), rows[i].tag)->name, tag);
    assert_true(isnan(value) ? isnan(rows[i].value) : rows[i].value == value);
    assert_int_equal(rows[i].quality, quality);
}

static void births_give_names_and_data_goes_by_alias(void **state) {
    (void)state;
    birth();
    assert_int_equal(row_count, 2);
    is_row(0, "e.d.u", 4.2, 0);
    is_row(1, "e.d.set", -5, 0);
    assert_int_equal(rows[0].time, 5 * PL_SECOND);
    pl__put_payload(&bytes, PL_SECOND, 2);
    put(NULL, 11, 0, -6); /* its type is that of its birth */
    put(NULL, 10, PL__SP_DOUBLE, NAN);
    give(PL__DDATA, "d");
    is_row(1, "e.d.u", NAN, PL_Q_BAD | PL_Q_MISSING);
    assert_int_equal(missing + refused + rebirths, 0);
}

static void a_number_keeps_its_sign(void **state) {
    (void)state;
    birth();
    pl__put_payload(&bytes, PL_SECOND, 2);
    put(NULL, 11, PL__SP_INT16, -6);
    give(PL__DDATA, "d");
    is_row(0, "e.d.set", -6, 0);
}

static void a_gap_is_counted_and_answered_once_in_a_while(void **state) {
    (void)state;
    birth();
    for (int seq = 5; seq < 15; seq += 5) {
        pl__put_payload(&bytes, PL_SECOND, seq);
        put(NULL, 10, PL__SP_DOUBLE, seq);
        give(PL__DDATA, "d");
        is_row(0, "e.d.u", seq, 0);
    }
    assert_int_equal(missing, 3 + 4);
    assert_int_equal(rebirths, 1);
    now += PL_SECOND;
    pl__put_payload(&bytes, PL_SECOND, 9); /* from before: 254 are missing, or it came late */
    give(PL__DDATA, "d");
    assert_int_equal(missing, 3 + 4 + 254);
    assert_int_equal(rebirths, 2);
    birth();
    assert_int_equal(missing, 3 + 4 + 254);
}

static void what_has_no_birth_is_refused(void **state) {
    (void)state;
    pl__put_payload(&bytes, PL_SECOND, 3);
    put(NULL, 10, PL__SP_DOUBLE, 1);
    give(PL__DDATA, "d");
    assert_int_equal(row_count, 0);
    assert_int_equal(refused, 1);
    assert_int_equal(rebirths, 1);
    assert_int_equal(missing, 0);
}

static void the_dead_are_stale_once(void **state) {
    (void)state;
    birth();
    pl__put_payload(&bytes, PL_SECOND, 2);
    give(PL__DDEATH, "d");
    assert_int_equal(row_count, 2);
    is_row(0, "e.d.u", 4.2, PL_Q_UNCERTAIN | PL_Q_STALE);
    assert_int_equal(rows[0].time, now);
    pl__put_payload(&bytes, PL_SECOND, -1);
    put("bdSeq", -1, PL__SP_INT64, 6); /* the will of an earlier life */
    give(PL__NDEATH, "");
    assert_int_equal(row_count, 0);
    pl__put_payload(&bytes, PL_SECOND, -1);
    put("bdSeq", -1, PL__SP_INT64, 7);
    give(PL__NDEATH, "");
    assert_int_equal(row_count, 1); /* of the device all is stale already */
    is_row(0, "e.own.load", 0.5, PL_Q_UNCERTAIN | PL_Q_STALE);
    const struct pl__edge *edge;
    assert_null(pl__book_find(&book, rows[0].tag, &edge));
}

static void more_metrics_than_may_be_are_refused(void **state) {
    (void)state;
    birth();
    pl__put_payload(&bytes, PL_SECOND, 2);
    put("x", 20, PL__SP_DOUBLE, 1);
    put("y", 21, PL__SP_DOUBLE, 1);
    give(PL__DBIRTH, "d2");
    assert_int_equal(row_count, 1);
    assert_int_equal(refused, 1);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    struct pl__sp_topic topic = {.type = PL__NBIRTH, .group = "g", .edge = "e"};
    assert_true(pl__book_take(&book, &topic, "\xff\xff\xff", 3));
    assert_int_equal(refused, 1);
    char many[100000];
    for (size_t i = 0; i < sizeof many; i += 2)
        memcpy(many + i, "\x12\x00", 2);
    assert_true(pl__book_take(&book, &topic, many, sizeof many)); /* 50,000 metrics without a name */
    assert_int_equal(refused, 50001);
}

static void birth_in(const char *of, double low) {
    struct pl__outgoing metric = {
        .name = "u", .time = PL_SECOND, .type = PL__SP_DOUBLE, .value = 4, .unit = of, .low = low, .high = 9};
    pl__put_payload(&bytes, PL_SECOND, 0);
    give(PL__NBIRTH, "");
    pl__put_payload(&bytes, PL_SECOND, 1);
    pl__put_metric(&bytes, &metric);
    give(PL__DBIRTH, "d");
}

static void a_birth_tells_the_unit_and_another_one_is_noted(void **state) {
    struct pl_tag_text text;
    const struct pl__edge *edge;
    (void)state;
    birth_in("V", 2);
    pl_tags_text(pl_harness_tags(harness), rows[0].tag, &text);
    assert_string_equal(text.unit, "V");
    assert_string_equal(pl_tags_get(pl_harness_tags(harness), rows[0].tag)->unit, "");
    const struct pl__book_metric *metric = pl__book_find(&book, rows[0].tag, &edge);
    assert_true(metric && metric->low == 2 && metric->high == 9);
    birth_in("V", 2);
    birth_in("", 2); /* says none: what it said holds */
    assert_int_equal(units, 0);
    birth_in("mV", INFINITY);
    assert_int_equal(units, 1);
    assert_string_equal(unit, "V>mV");
    metric = pl__book_find(&book, rows[0].tag, &edge);
    assert_true(metric && isnan(metric->low));
    birth_in("m\tV", 2); /* is no text for people */
    birth_in("\xff", 2);
    assert_int_equal(units, 1);
}

static void topics(void **state) {
    struct pl__sp_topic topic;
    (void)state;
    assert_true(pl__sp_topic_parse("spBv1.0/g/DDATA/e/d", &topic) && topic.type == PL__DDATA);
    assert_true(pl__sp_topic_parse("spBv1.0/STATE/h", &topic) && topic.type == PL__STATE);
    assert_string_equal(topic.edge, "h");
    static const char *const bad[] = {
        "spBv1.0/g/DDATA/e", "spBv1.0/g/NDATA/e/d", "spBv1.0/g/XDATA/e", "spBv1.0//NDATA/e",
        "spAv1.0/g/NDATA/e", "spBv1.0/g/NDATA/e/",  "spBv1.0/STATE/",    "spBv1.0/g"};
    for (size_t i = 0; i < PL_COUNT_OF(bad); i++)
        if (pl__sp_topic_parse(bad[i], &topic)) fail_msg("%s", bad[i]);
    assert_non_null(pl__book_template_check("{edge}"));
    assert_non_null(pl__book_template_check("{metric}.{x}"));
    assert_null(pl__book_template_check("{group}.{metric}"));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(births_give_names_and_data_goes_by_alias),
        CASE(a_number_keeps_its_sign),
        CASE(a_gap_is_counted_and_answered_once_in_a_while),
        CASE(what_has_no_birth_is_refused),
        CASE(the_dead_are_stale_once),
        CASE(more_metrics_than_may_be_are_refused),
        CASE(nonsense_is_refused),
        CASE(a_birth_tells_the_unit_and_another_one_is_noted),
        cmocka_unit_test(topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
