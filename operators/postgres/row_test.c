#include "row.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/quality.h>

#include "batch/tags.h"
#include "sql.h"

static struct pl_tags *tags;

static int setup(void **state) {
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){0});
    return tags ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    pl_tags_free(tags);
    return 0;
}

static struct pl__pg_shape shape_of(enum pl_kind kind, enum pl__pg_times times) {
    struct pl__pg_shape shape;
    struct pl__pg_options options = {.times = times};
    assert_int_equal(pl__pg_shape_init(&shape, &options, kind, NULL), PL_OK);
    return shape;
}

/* Every row of the batch, which goes. */
static void expect(struct pl_batch *batch, enum pl__pg_times times, const char *lines) {
    struct pl__pg_text text = {0};
    struct pl__pg_shape shape = shape_of((enum pl_kind)batch->kind, times);
    for (uint32_t row = 0; row < batch->rows; row++)
        assert_true(pl__pg_row_put(&text, &shape, tags, batch, row));
    assert_int_equal(text.size, strlen(lines));
    assert_memory_equal(text.bytes, lines, text.size);
    pl_free(text.bytes);
    pl_batch_unref(batch);
}

static uint32_t name(const char *text) {
    return pl_tags_intern(tags, text, strlen(text));
}

static void add_sample(struct pl_batch *batch, pl_time time, const char *tag, double value, uint16_t quality) {
    batch->samples.time[batch->rows] = time;
    batch->samples.tag[batch->rows] = name(tag);
    batch->samples.value[batch->rows] = value;
    batch->samples.quality[batch->rows++] = quality;
}

static struct pl_batch *some_samples(void) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, 8, 0);
    add_sample(batch, 1700000000123456789, "a.b", 0.1, PL_Q_GOOD);
    add_sample(batch, -1, "back\\slash", (double)NAN, PL_Q_BAD | PL_Q_MISSING);
    add_sample(batch, 0, "\xC3\xBC", -(double)INFINITY, PL_Q_UNCERTAIN | PL_Q_SPIKE);
    return batch;
}

static void samples_as_timestamps(void **state) {
    (void)state;
    expect(some_samples(), PL__PG_TIMESTAMP,
           "2023-11-14T22:13:20.123456Z\ta.b\t0.1\tgood\n"
           "1969-12-31T23:59:59.999999Z\tback\\\\slash\t\\N\tbad|missing\n"
           "1970-01-01T00:00:00Z\t\xC3\xBC\t-Infinity\tuncertain|spike\n");
}

static void samples_in_nanoseconds(void **state) {
    (void)state;
    expect(some_samples(), PL__PG_NS,
           "1700000000123456789\ta.b\t0.1\tgood\n"
           "-1\tback\\\\slash\t\\N\tbad|missing\n"
           "0\t\xC3\xBC\t-Infinity\tuncertain|spike\n");
}

/* A reason may hold anything: it came from outside. */
static void add_setpoint(struct pl_batch *batch, uint64_t id, const void *reason, uint32_t length) {
    struct pl_setpoints *s = &batch->setpoints;
    uint32_t row = batch->rows++;
    s->time[row] = s->expiry[row] = (pl_time)row;
    s->id[row] = s->token[row] = id;
    s->tag[row] = s->origin[row] = name("t");
    s->value[row] = s->lower[row] = s->upper[row] = 1.5;
    assert_non_null(pl_batch_heap(batch, 0, reason, length));
    s->end[row] = batch->heap_used[0];
}

static void hostile_text(void **state) {
    (void)state;
    struct pl_batch *batch = pl_batch_new(PL_SETPOINTS, 16, 256);
    add_setpoint(batch, UINT64_MAX, "a\tb\nc\r\\N", 8);
    add_setpoint(batch, 0, "z\0z", 3);
    add_setpoint(batch, 1, "\xC0\xAF", 2);                     /* overlong */
    add_setpoint(batch, 2, "\xED\xA0\x80", 3);                 /* a surrogate */
    add_setpoint(batch, 3, "\xF4\x90\x80\x80", 4);             /* past the last one */
    add_setpoint(batch, 4, "\xE2\x82", 2);                     /* cut off */
    add_setpoint(batch, 5, "\xF0\x9F\x8F\xAD\xEF\xBF\xBF", 7); /* two that are good */
#define FFFD "\xEF\xBF\xBD"
    expect(batch, PL__PG_NS,
           "0\t18446744073709551615\tt\t1.5\t1.5\t1.5\t0\t18446744073709551615\tt\ta\\tb\\nc\\r\\\\N\n"
           "1\t0\tt\t1.5\t1.5\t1.5\t1\t0\tt\tz" FFFD "z\n"
           "2\t1\tt\t1.5\t1.5\t1.5\t2\t1\tt\t" FFFD FFFD "\n"
           "3\t2\tt\t1.5\t1.5\t1.5\t3\t2\tt\t" FFFD FFFD FFFD "\n"
           "4\t3\tt\t1.5\t1.5\t1.5\t4\t3\tt\t" FFFD FFFD FFFD FFFD "\n"
           "5\t4\tt\t1.5\t1.5\t1.5\t5\t4\tt\t" FFFD FFFD "\n"
           "6\t5\tt\t1.5\t1.5\t1.5\t6\t5\tt\t\xF0\x9F\x8F\xAD\xEF\xBF\xBF\n");
}

static void profiles_are_arrays(void **state) {
    (void)state;
    static const double positions[] = {0, 0.5}, values[] = {(double)NAN, (double)INFINITY};
    struct pl_batch *batch = pl_batch_new(PL_PROFILES, 4, 8);
    for (uint32_t row = 0; row < 2; row++) {
        batch->profiles.asset[row] = name("rod");
        batch->profiles.quantity[row] = name("temperature");
        batch->profiles.time[row] = 7;
        batch->profiles.quality[row] = PL_Q_GOOD;
        if (row) pl_batch_heap(batch, 0, positions, 2);
        if (row) pl_batch_heap(batch, 1, values, 2);
        batch->profiles.end[row] = batch->heap_used[0];
        batch->rows++;
    }
    expect(batch, PL__PG_NS,
           "rod\ttemperature\t7\tgood\t{}\t{}\n"
           "rod\ttemperature\t7\tgood\t{0,0.5}\t{NULL,Infinity}\n");
}

static void bodies_are_json(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    struct pl_batch *batch = pl_batch_new(PL_EVENTS, 4, 256);
    pl_pack_map(pack, 1);
    pl_pack_str(pack, "k");
    pl_pack_strn(pack, "a\0\\u0000\n", 9);
    for (uint32_t row = 0; row < 3; row++) {
        batch->events.time[row] = 0;
        batch->events.id[row] = 1;
        batch->events.kind[row] = batch->events.asset[row] = batch->events.tag[row] = name("e");
        batch->events.severity[row] = 500;
        if (row == 1) pl_batch_heap(batch, 0, pl_pack_data(pack), (uint32_t)pl_pack_size(pack));
        if (row == 2) pl_batch_heap(batch, 0, "\xC1", 1); /* no msgpack */
        batch->events.end[row] = batch->heap_used[0];
        batch->rows++;
    }
    pl_pack_free(pack);
    expect(batch, PL__PG_NS,
           "0\t1\te\t500\te\te\t\\N\n"
           "0\t1\te\t500\te\te\t{\"k\":\"a\\\\ufffd\\\\\\\\u0000\\\\n\"}\n"
           "0\t1\te\t500\te\te\t\\N\n");
}

static void columns_that_are_chosen(void **state) {
    (void)state;
    struct pl__pg_column columns[] = {{"value", "v"}, {"time", ""}};
    struct pl__pg_options options = {
        .columns = {columns, 2}, .table = "plant.ro\"ws", .offsets = "o", .job = "it's \\"};
    struct pl__pg_shape shape;
    struct pl__pg_sql sql = {0};
    assert_int_equal(pl__pg_shape_init(&shape, &options, PL_SAMPLES, NULL), PL_OK);
    assert_int_equal(pl__pg_sql_init(&sql, &options, &shape, "n'ode", 3, NULL), PL_OK);
    assert_string_equal(sql.copy, "COPY \"plant\".\"ro\"\"ws\" (\"v\", \"time\") FROM STDIN");
    assert_string_equal(sql.where, "job =  E'it''s \\\\' AND node = 'n''ode' AND part = 3");
    pl__pg_sql_fini(&sql);
    columns[1].column = "value";
    assert_int_equal(pl__pg_shape_init(&shape, &options, PL_SAMPLES, NULL), PL_CONFLICT);
    columns[1].column = "end";
    assert_int_equal(pl__pg_shape_init(&shape, &options, PL_EVENTS, NULL), PL_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_as_timestamps), cmocka_unit_test(samples_in_nanoseconds),
        cmocka_unit_test(hostile_text),          cmocka_unit_test(profiles_are_arrays),
        cmocka_unit_test(bodies_are_json),       cmocka_unit_test(columns_that_are_chosen),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
