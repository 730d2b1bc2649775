/* Avro: the examples of its specification, what a schema may not be, and bytes that are bent in every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <potline/alloc.h>
#include <potline/tag.h>

#include "avro.h"
#include "schema.h"

static const char *const everything =
    "{\"type\":\"record\",\"name\":\"All\",\"namespace\":\"a.b\",\"fields\":["
    "{\"name\":\"n\",\"type\":\"null\"},{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":\"int\"},"
    "{\"name\":\"l\",\"type\":{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}},"
    "{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"bytes\"},"
    "{\"name\":\"s\",\"type\":\"string\"},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"Two\",\"size\":2,\"logicalType\":\"decimal\",\"scale\":1}}"
    ","
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"c.E\",\"symbols\":[\"A\",\"B\"]}},"
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"c.E\"}},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"Two\"}},"
    "{\"name\":\"u\",\"type\":[\"null\",\"a.b.All\"]}]}";
static const unsigned char value_of_everything[] = {
    1, 0x7f, 0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0,   0, 0, 0xf8, 0xbf, 2,
    9, 6,    'f',  'o',  'o',  0xff, 0x85, 2,    3, 4, 2,    0,    0, 2, 2, 'k', 1, 0, 0,    0};

static enum pl_code make(const char *text, struct pl__avro **avro) {
    struct pl_error *error = NULL;
    enum pl_code code = pl__avro_new(text, strlen(text), avro, &error);
    assert_int_equal(code == PL_OK, error == NULL);
    assert_int_equal(code == PL_OK, *avro != NULL);
    pl_error_free(&error);
    return code;
}

static const char *read(const struct pl__avro *avro, const void *bytes, size_t size, struct pl__text *text) {
    /* A copy of its own, so that a byte beyond it is found. */
    void *copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    const char *why = pl__avro_read(avro, copy, size, text);
    free(copy);
    return why;
}

static void check(const char *schema, const char *bytes, size_t size, const char *expected) {
    struct pl__text text = {.limit = 1000};
    struct pl__avro *avro;
    assert_int_equal(make(schema, &avro), PL_OK);
    const char *why = read(avro, bytes, size, &text);
    if (why) fail_msg("%s: %s", schema, why);
    if (text.size != strlen(expected) || memcmp(text.at, expected, text.size) != 0)
        fail_msg("%.*s in place of %s", (int)text.size, text.at, expected);
    pl__avro_free(avro);
    pl_free(text.at);
}

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"r\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

/* From "Binary Encoding" of the specification. */
static void test_specification(void **state) {
    (void)state;
    check(RECORD(FIELD("a", "\"long\"") "," FIELD("b", "\"string\"")), "\x36\x06\x66\x6f\x6f", 5,
          "{\"a\":27,\"b\":\"foo\"}");
    check(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"long\"}")), "\x04\x06\x36\x00", 4, "{\"a\":[3,27]}");
    check(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"long\"}")), "\x03\x04\x06\x36\x00", 5, "{\"a\":[3,27]}");
    check(RECORD(FIELD("a", "[\"null\",\"string\"]")), "\x00", 1, "{\"a\":null}");
    check(RECORD(FIELD("a", "[\"null\",\"string\"]")), "\x02\x02\x61", 3, "{\"a\":\"a\"}");
    static const struct {
        const char *bytes;
        size_t size;
        const char *value;
    } longs[] = {{"\x00", 1, "0"},
                 {"\x01", 1, "-1"},
                 {"\x02", 1, "1"},
                 {"\x7f", 1, "-64"},
                 {"\x80\x01", 2, "64"},
                 {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, "-9223372036854775808"},
                 {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, "9223372036854775807"}};
    for (size_t i = 0; i < PL_COUNT_OF(longs); i++) {
        char expected[60];
        snprintf(expected, sizeof expected, "{\"a\":%s}", longs[i].value);
        check(RECORD(FIELD("a", "\"long\"")), longs[i].bytes, longs[i].size, expected);
    }
}

static void test_meanings(void **state) {
    (void)state;
#define TIME(unit) RECORD(FIELD("t", "{\"type\":\"long\",\"logicalType\":\"" unit "\"}"))
    check(TIME("timestamp-millis"), "\xd0\x0f", 2, "{\"t\":\"1970-01-01T00:00:01Z\"}");
    check(TIME("timestamp-micros"), "\xd0\x0f", 2, "{\"t\":\"1970-01-01T00:00:00.001Z\"}");
    check(TIME("timestamp-nanos"), "\xd0\x0f", 2, "{\"t\":\"1970-01-01T00:00:00.000001Z\"}");
    check(TIME("local-timestamp-millis"), "\xd0\x0f", 2, "{\"t\":\"1970-01-01T00:00:01\"}");
    check(TIME("no-such-meaning"), "\xd0\x0f", 2, "{\"t\":1000}");
#define DECIMAL RECORD(FIELD("d", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"scale\":2}"))
    check(DECIMAL, "\x04\x00\xff", 3, "{\"d\":255e-2}");
    check(DECIMAL, "\x02\xff", 2, "{\"d\":-1e-2}");
    check(DECIMAL, "\x02\x00", 2, "{\"d\":0e-2}");
    check(DECIMAL, "\x12\x00\x8a\xc7\x23\x04\x89\xe8\x00\x00", 10, "{\"d\":10000000000000000000e-2}");
    check(DECIMAL, "\x20\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17, "{\"d\":-170141183460469231731687303715884105728e-2}");
    check(DECIMAL, "\x14\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 11, "{\"d\":-256e-2}");
}

static void test_everything(void **state) {
    (void)state;
    check(
        everything, (const char *)value_of_everything, sizeof value_of_everything,
        "{\"n\":null,\"b\":true,\"i\":-64,\"l\":\"2023-11-14T22:13:20\",\"f\":1.5,\"d\":-1.5,\"y\":null,\"s\":\"foo\","
        "\"x\":-123e-1,\"e\":\"B\",\"a\":[\"B\",\"A\"],\"m\":{\"k\":256e-1},\"u\":null}");
}

/* A JSON Schema of anything but objects. */
static void test_no_objects(void **state) {
    (void)state;
    static const struct {
        const char *schema;
        enum pl_code code;
    } cases[] = {{"{\"type\":\"string\"}", PL_SYNTAX},
                 {"{\"type\":[\"string\",\"null\"]}", PL_SYNTAX},
                 {"{\"type\":[\"null\",\"object\"]}", PL_OK},
                 {"{\"type\":\"object\"}", PL_OK}};
    for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
        struct pl__schema *schema;
        json_t *body = json_pack("{s:s,s:s}", "schemaType", "JSON", "schema", cases[i].schema);
        assert_int_equal(pl__schema_read(body, &schema, NULL), cases[i].code);
        pl__schema_free(schema);
        json_decref(body);
    }
}

/* What other people's serializers register. */
static void test_schemas_of_others(void **state) {
    (void)state;
    check(RECORD(""), "", 0, "{}");
    check(RECORD("{\"name\":\"d\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"scale\":2},"
                 "\"default\":\"\\u0000\"}"),
          "\x02\x01", 2, "{\"d\":1e-2}");
    static const char *const json[] = {"{\"properties\":{\"a\":{\"maximum\":18446744073709551615}}}",
                                       "{\"properties\":{\"a\":{\"pattern\":\"^[^\\u0000]*$\"}}}"};
    for (size_t i = 0; i < PL_COUNT_OF(json); i++) {
        struct pl__schema *schema;
        json_t *body = json_pack("{s:s,s:s}", "schemaType", "JSON", "schema", json[i]);
        assert_int_equal(pl__schema_read(body, &schema, NULL), PL_OK);
        pl__schema_free(schema);
        json_decref(body);
    }
}

static void test_schemas_refused(void **state) {
    (void)state;
    static const char *const refused[] = {
        "",
        "{",
        "\"long\"",
        "[]",
        "[\"null\"]",
        "3",
        "{}",
        "{\"type\":\"record\"}",
        "{\"type\":\"record\",\"name\":\"r\"}",
        RECORD("3"),
        RECORD("{}"),
        RECORD(FIELD("a b", "\"int\"")),
        RECORD(FIELD("a", "\"integer\"")),
        RECORD(FIELD("a", "{\"type\":\"enum\",\"name\":\"e\"}")),
        RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\"}")),
        RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}")),
        RECORD(FIELD("a", "{\"type\":\"array\"}")),
        RECORD(FIELD("a", "\"union\"")),
        RECORD(FIELD("a", "\"c.r\"")),
        RECORD(FIELD("a", "\"int\"") "," FIELD("a", "\"long\"")),
        RECORD(FIELD("a", "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"A\"]}")),
        RECORD(FIELD("a", "[\"null\",[\"int\"]]")),
        RECORD(FIELD("a", "[\"null\",{\"type\":[\"int\"]}]")),
        RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"c.int\",\"size\":1}")),
        RECORD(FIELD("a", "\"int\\u0000\"")),
        RECORD(FIELD("a\\u0000b", "\"int\"")),
        RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"r\",\"size\":1}")),
        "{\"type\":\"record\",\"name\":\"\\\"\",\"fields\":[]}"};
    struct pl__avro *avro;
    for (size_t i = 0; i < PL_COUNT_OF(refused); i++)
        if (make(refused[i], &avro) == PL_OK) fail_msg("%s is no schema", refused[i]);
}

/* One more than the limit is refused, of each. */
static void test_limits_of_schemas(void **state) {
    (void)state;
    struct pl__avro *avro;
    for (int deep = PL__AVRO_DEPTH - 1; deep <= PL__AVRO_DEPTH; deep++) {
        char text[4096] = "{\"type\":\"map\",\"values\":";
        for (int i = 2; i < deep; i++)
            strcat(text, "{\"type\":\"array\",\"items\":");
        strcat(text, "\"int\"");
        for (int i = 1; i < deep; i++)
            strcat(text, "}");
        assert_int_equal(make(text, &avro), PL_OK);
        pl__avro_free(avro);
    }
    char *text = malloc(64 * (PL__AVRO_TYPES + 8)),
         *at = text + sprintf(text, "{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":");
    for (int i = 2; i < PL__AVRO_DEPTH; i++)
        at += sprintf(at, "{\"type\":\"array\",\"items\":");
    at += sprintf(at, "\"int\"");
    for (int i = 0; i < PL__AVRO_DEPTH; i++)
        at += sprintf(at, "}");
    assert_int_equal(make(text, &avro), PL_LIMIT);
    for (int count = PL__AVRO_TYPES - 1; count <= PL__AVRO_TYPES; count++) { /* beside the record itself */
        at = text + sprintf(text, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[");
        for (int i = 0; i < count; i++)
            at += sprintf(at, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i ? "," : "", i);
        sprintf(at, "]}");
        assert_int_equal(make(text, &avro), count < PL__AVRO_TYPES ? PL_OK : PL_LIMIT);
        pl__avro_free(avro);
    }
    for (int count = PL__AVRO_TYPES; count <= PL__AVRO_TYPES + 1; count++) { /* parts that are no types of their own */
        at = text + sprintf(text, "{\"type\":\"map\",\"values\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[");
        for (int i = 0; i < count; i++)
            at += sprintf(at, "%s\"S%d\"", i ? "," : "", i);
        sprintf(at, "]}}");
        assert_int_equal(make(text, &avro), count <= PL__AVRO_TYPES ? PL_OK : PL_LIMIT);
        pl__avro_free(avro);
        at = text + sprintf(text, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[");
        for (int i = 0; i < count; i++)
            at += sprintf(at, "%s{\"name\":\"f%d\",\"type\":\"r\"}", i ? "," : "", i);
        sprintf(at, "]}");
        assert_int_equal(make(text, &avro), count <= PL__AVRO_TYPES ? PL_OK : PL_LIMIT);
        pl__avro_free(avro);
    }
    free(text);
}

static void refuse(const char *schema, const char *bytes, size_t size, const char *word) {
    struct pl__text text = {.limit = 1000};
    struct pl__avro *avro;
    assert_int_equal(make(schema, &avro), PL_OK);
    const char *why = read(avro, bytes, size, &text);
    if (!why || !strstr(why, word)) fail_msg("%s: %s, not a word of '%s'", schema, why ? why : "taken", word);
    assert_true(text.room <= 20 * text.limit);
    pl__avro_free(avro);
    pl_free(text.at);
}

/* Few bytes that would be much, or endless. */
static void test_bombs(void **state) {
    (void)state;
    const char *many = "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    refuse(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"null\"}")), many, 10, "longer than max_line");
    refuse(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"e\",\"fields\":[]}}")),
           many, 10, "longer than max_line");
    refuse(RECORD(FIELD("a", "\"string\"")), many, 10, "ends within");
    refuse(RECORD(FIELD("a", "\"string\"")), "\x01", 1, "negative");
    refuse(RECORD(FIELD("a", "\"r\"")), "", 0, "nested deeper");
    refuse(RECORD(FIELD("a", "\"r\"") "," FIELD("b", "\"r\"")), "", 0, "nested deeper");
    refuse(RECORD(FIELD("a", "\"long\"")), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, "too long a number");
    refuse(RECORD(FIELD("a", "\"int\"")), "\x80\x80\x80\x80\x10", 5, "32 bits");
    refuse(RECORD(FIELD("a", "\"int\"")), "\x02\x02", 2, "more in it");
    refuse(RECORD(FIELD("a", "\"boolean\"")), "\x02", 1, "neither");
    refuse(RECORD(FIELD("a", "[\"null\"]")), "\x02", 1, "chooses");
    refuse(RECORD(FIELD("a", "[\"null\"]")), "\x01", 1, "chooses");
    refuse(DECIMAL, "\x22\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18, "128 bits");
    refuse(DECIMAL, "\x00", 1, "128 bits");
    /* Up to the limit, and one more. */
    struct pl__text text = {.limit = 1 << 20};
    struct pl__avro *avro;
    assert_int_equal(make(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"null\"}")), &avro), PL_OK);
    assert_null(read(avro, "\x80\x80\x01\x00", 4, &text));
    assert_non_null(strstr(read(avro, "\x82\x80\x01\x00", 4, &text), "no bytes"));
    pl__avro_free(avro);
    pl_free(text.at);
    refuse(TIME("timestamp-millis"), many, 10, "far away");
}

/* Cut anywhere a value is refused; bent anyhow it is refused, or JSON within the limit. */
static void test_bent(void **state) {
    (void)state;
    struct pl__text text = {.limit = 2000};
    struct pl__avro *avro;
    unsigned char bent[sizeof value_of_everything];
    assert_int_equal(make(everything, &avro), PL_OK);
    for (size_t size = 0; size < sizeof value_of_everything; size++)
        assert_non_null(read(avro, value_of_everything, size, &text));
    srand(1);
    for (int i = 0; i < 20000; i++) {
        memcpy(bent, value_of_everything, sizeof bent);
        for (int k = rand() % 4; k >= 0; k--)
            bent[(size_t)rand() % sizeof bent] = (unsigned char)rand();
        if (!read(avro, bent, sizeof bent, &text)) assert_true(text.size <= text.limit && text.at[0] == '{');
    }
    pl__avro_free(avro);
    pl_free(text.at);
    size_t length = strlen(everything);
    for (int i = 0; i < 5000; i++) { /* and so is a schema */
        char *schema = malloc(length);
        memcpy(schema, everything, length);
        for (int k = rand() % 3; k >= 0; k--)
            schema[(size_t)rand() % length] = (char)(rand() % 96 + 32);
        if (!pl__avro_new(schema, length, &avro, NULL)) pl__avro_free(avro);
        free(schema);
    }
}

static void test_ours_are_schemas(void **state) {
    (void)state;
    for (int kind = 0; kind < PL_KINDS; kind++) {
        struct pl__avro *avro;
        char *text = pl__schema_text(PL__SCHEMA_AVRO, (enum pl_kind)kind);
        assert_int_equal(make(text, &avro), PL_OK);
        pl__avro_free(avro);
        pl_free(text);
    }
}

static void test_frame(void **state) {
    (void)state;
    char frame[PL__FRAME];
    uint32_t id = 0;
    assert_ptr_equal(pl__frame_put(frame, 0x01fe02ff), frame + PL__FRAME);
    assert_memory_equal(frame, "\x00\x01\xfe\x02\xff", PL__FRAME);
    assert_true(pl__frame_read(frame, PL__FRAME, &id));
    assert_int_equal(id, 0x01fe02ff);
    assert_false(pl__frame_read(frame, PL__FRAME - 1, &id));
    frame[0] = 1;
    assert_false(pl__frame_read(frame, PL__FRAME, &id));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification),
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_schemas_of_others),
        cmocka_unit_test(test_no_objects),
        cmocka_unit_test(test_schemas_refused),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_bent),
        cmocka_unit_test(test_limits_of_schemas),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_ours_are_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
