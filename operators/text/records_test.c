#include "records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

/* What a stream came to, as text: fields in [], records in lines, states by name. */
struct trace {
    char text[1 << 16];
    size_t used;
};

static void say(struct trace *t, const char *format, ...) PL_PRINTF(2, 3);
static void say(struct trace *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->used, sizeof(t->text) - t->used, format, args);
    va_end(args);
    assert_in_range(n, 0, sizeof(t->text) - t->used - 1);
    t->used += (size_t)n;
}

static void say_record(struct trace *t, struct pl_records *r, uint32_t fields) {
    say(t, "%llu:", (unsigned long long)r->line);
    for (uint32_t i = 0; i < fields; i++) {
        uint32_t length;
        const char *text = pl_records_field(r, i, fields, &length);
        say(t, "[%.*s]", (int)length, text);
    }
    say(t, "\n");
    pl_records_take(r, fields);
}

/* Reads what is there; true when the stream wants more. */
static bool read_on(struct pl_records *r, struct trace *t) {
    for (;;) {
        uint32_t fields = 0, length;
        enum pl_records_state state = pl_records_next(r, &fields);
        switch (state) {
        case PL_RECORDS_ONE: say_record(t, r, fields); break;
        case PL_RECORDS_MORE: return true;
        case PL_RECORDS_END: return false;
        case PL_RECORDS_UTF16: say(t, "UTF-16\n"); return false;
        default:
            pl_records_line(r, &length);
            say(t, "%llu:%s\n", (unsigned long long)r->line, state == PL_RECORDS_OPEN ? "OPEN" : "LONG");
            pl_records_take_line(r);
        }
    }
}

static void feed(struct pl_records *r, struct trace *t, const char *bytes, size_t size, size_t cut, size_t step) {
    size_t at = 0;
    bool more = true;
    while (more && at < size) {
        size_t room, n = at < cut && cut < size ? cut - at : step;
        char *space = pl_records_space(r, &room);
        assert_non_null(space);
        assert_true(room > 0);
        if (n > room) n = room;
        if (n > size - at) n = size - at;
        memcpy(space, bytes + at, n);
        pl_records_filled(r, n);
        at += n;
        more = read_on(r, t);
    }
    if (more) {
        pl_records_end(r);
        assert_false(read_on(r, t));
        assert_int_equal(pl_records_offset(r), size);
    }
}

/* Cut at every byte, and in single bytes, the stream comes to the same. */
static void expect(struct pl_records_setup setup, const char *bytes, size_t size, const char *expected) {
    static struct trace trace;
    for (size_t cut = 0; cut <= size + 1; cut++) {
        struct pl_records records;
        if (!setup.limit) setup.limit = 1000;
        setup.capacity = 16;
        assert_true(pl_records_init(&records, &setup));
        trace.used = 0;
        trace.text[0] = 0;
        feed(&records, &trace, bytes, size, cut, cut > size ? 1 : size + 1);
        if (strcmp(trace.text, expected) != 0) fail_msg("cut at %zu:\n%s\nexpected:\n%s", cut, trace.text, expected);
        pl_records_fini(&records);
    }
}

static const struct pl_records_setup csv = {.delimiter = ',', .quote = '"', .multiline = true};
static const struct pl_records_setup one_line = {.delimiter = ',', .quote = '"'};
static const struct pl_records_setup no_quote = {.delimiter = ','};
static const struct pl_records_setup apostrophe = {.delimiter = ',', .quote = '\''};
static const struct pl_records_setup semicolon = {.delimiter = ';', .quote = '"'};
static const struct pl_records_setup blank = {.delimiter = ' ', .quote = '"'};
static const struct pl_records_setup limit_12 = {.delimiter = ',', .quote = '"', .multiline = true, .limit = 12};
static const struct pl_records_setup limit_20 = {.delimiter = ',', .quote = '"', .multiline = true, .limit = 20};

#define EXPECT(setup, text, expected) expect(setup, text, sizeof(text) - 1, expected)

static void records_and_fields(void **state) {
    (void)state;
    EXPECT(csv, "a,b,c\n1,2,3\n", "1:[a][b][c]\n2:[1][2][3]\n");
    EXPECT(csv, "a,b,c\n1,2,3", "1:[a][b][c]\n2:[1][2][3]\n");
    EXPECT(csv, "a,,\n\n,\n", "1:[a][][]\n2:[]\n3:[][]\n");
    EXPECT(csv, "", "");
    EXPECT(csv, "\n", "1:[]\n");
    EXPECT(csv, "x", "1:[x]\n");
    EXPECT(semicolon, "a;b\tc\n", "1:[a][b\tc]\n");
}

static void line_ends_of_other_systems(void **state) {
    (void)state;
    EXPECT(csv, "a,b\r\nc,\r\n\r\nd,e\r", "1:[a][b]\n2:[c][]\n3:[]\n4:[d][e]\n");
    EXPECT(csv, "a\rb,c\n", "1:[a\rb][c]\n");
}

static void a_byte_order_mark_is_skipped(void **state) {
    (void)state;
    EXPECT(csv,
           "\xef\xbb\xbf"
           "a,b\n",
           "1:[a][b]\n");
    EXPECT(csv, "\xef\xbb\xbf", "");
    EXPECT(csv,
           "\xef\xbb"
           "a,b\n",
           "1:[\xef\xbb"
           "a][b]\n");
    EXPECT(csv, "ab", "1:[ab]\n");
    struct trace trace = {.used = 0};
    struct pl_records records;
    assert_true(pl_records_init(&records, &(struct pl_records_setup){.delimiter = ',', .limit = 99, .capacity = 16}));
    feed(&records, &trace,
         "\xff\xfe"
         "a\0,\0",
         6, 0, 10);
    assert_string_equal(trace.text, "UTF-16\n");
    pl_records_fini(&records);
}

static void quoted_fields(void **state) {
    (void)state;
    EXPECT(csv, "\"a,b\",c\n", "1:[\"a,b\"][c]\n");
    EXPECT(csv, "\"a\"\"b\",\"\"\n", "1:[\"a\"\"b\"][\"\"]\n");
    EXPECT(csv, "\"a\nb\",c\nd,e\n", "1:[\"a\nb\"][c]\n3:[d][e]\n");
    EXPECT(one_line, "\"a\nb\",c\nd,e\n", "1:[\"a]\n2:[b\"][c]\n3:[d][e]\n");
    EXPECT(csv, "a\"b,c\"\n", "1:[a\"b][c\"]\n");
    EXPECT(no_quote, "\"a,b\"\n", "1:[\"a][b\"]\n");
    EXPECT(apostrophe, "'a,b',c\n", "1:['a,b'][c]\n");
}

static void an_open_quote_costs_its_line_only(void **state) {
    (void)state;
    EXPECT(csv, "1,2\n\"3,4\n5,6\n7,8\n", "1:[1][2]\n2:OPEN\n3:[5][6]\n4:[7][8]\n");
    EXPECT(csv, "\"3,4\n5,6", "1:OPEN\n2:[5][6]\n");
    EXPECT(csv, "\"3,4", "1:OPEN\n");
    EXPECT(limit_20, "a\n\"bcdefgh\nijklmn\nopqrstuvw\n", "1:[a]\n2:OPEN\n3:[ijklmn]\n4:[opqrstuvw]\n");
}

static void long_lines_are_dropped(void **state) {
    (void)state;
    EXPECT(limit_12, "a,b\n12345678901,c\nd,e\n", "1:[a][b]\n2:LONG\n3:[d][e]\n");
    EXPECT(limit_12, "a,b\n1234567890,c\nd,e\n", "1:[a][b]\n2:[1234567890][c]\n3:[d][e]\n");
    EXPECT(limit_12, "12345678901234567890", "1:LONG\n");
    EXPECT(limit_12, "12345678901234567890\n\n", "1:LONG\n2:[]\n");
}

static void runs_of_blanks_are_one_delimiter(void **state) {
    (void)state;
    EXPECT(blank, "a b\tc\n", "1:[a][b][c]\n");
    EXPECT(blank, "  1.5  \t 2\n3 4\n", "1:[  1.5][ \t 2]\n2:[3][4]\n");
    EXPECT(blank, "1  2   \r\n \n3 \n", "1:[1][ 2   ]\n2:[ ]\n3:[3 ]\n");
}

static void wide_records_have_a_limit(void **state) {
    (void)state;
    enum { SIZE = PL_FIELDS_MAX + 20 };
    static char text[SIZE];
    static struct trace trace;
    for (int more = 0; more < 2; more++) {
        uint32_t commas = PL_FIELDS_MAX - 1 + (uint32_t)more;
        struct pl_records records;
        memset(text, ',', commas);
        memcpy(text + commas, "\na,b\n", 5);
        struct pl_records_setup setup = {.delimiter = ',', .limit = 1 << 20, .capacity = 4096};
        assert_true(pl_records_init(&records, &setup));
        trace.used = 0;
        feed(&records, &trace, text, commas + 5, 0, 1000);
        if (more)
            assert_string_equal(trace.text, "1:LONG\n2:[a][b]\n");
        else
            assert_string_equal(trace.text + trace.used - 9, "2:[a][b]\n");
        pl_records_fini(&records);
    }
}

static void quoted_text_comes_out_plain(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {{"\"a\"", "a"}, {"\"\"", ""},     {"\"a\"\"b\"", "a\"b"}, {"\"\"\"\"", "\""},
                 {"\"a", NULL},  {"\"a\"b", NULL}, {"\"a\"\"", NULL},      {"\"", NULL}};
    for (unsigned i = 0; i < PL_COUNT_OF(cases); i++) {
        char out[16];
        uint32_t length = pl_records_unquote(cases[i].text, (uint32_t)strlen(cases[i].text), '"', out);
        if (!cases[i].expected) {
            assert_int_equal(length, UINT32_MAX);
            continue;
        }
        assert_int_equal(length, strlen(cases[i].expected));
        assert_memory_equal(out, cases[i].expected, length);
    }
}

/* Text of every kind of mishap, in pieces of random size: always what it is in one piece. */
static void random_streams_do_not_depend_on_their_pieces(void **state) {
    (void)state;
    static const char letters[] = "ab12,,,\n\n\"\r ";
    static struct trace whole, pieces;
    srand(11);
    for (int round = 0; round < 3000; round++) {
        char text[400];
        size_t size = (size_t)(rand() % (int)sizeof(text));
        for (size_t i = 0; i < size; i++)
            text[i] = letters[rand() % 12];
        struct pl_records_setup setup = {.delimiter = round % 4 ? ',' : ' ',
                                         .quote = round % 3 ? '"' : 0,
                                         .multiline = round % 2,
                                         .limit = 30 + (uint32_t)(rand() % 100),
                                         .capacity = 16};
        struct pl_records records;
        assert_true(pl_records_init(&records, &setup));
        whole.used = pieces.used = 0;
        whole.text[0] = pieces.text[0] = 0;
        feed(&records, &whole, text, size, 0, size + 1);
        pl_records_restart(&records, 0, 1);
        feed(&records, &pieces, text, size, 0, 1 + (size_t)(rand() % 20));
        assert_string_equal(whole.text, pieces.text);
        pl_records_fini(&records);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_and_fields),
        cmocka_unit_test(line_ends_of_other_systems),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(quoted_fields),
        cmocka_unit_test(an_open_quote_costs_its_line_only),
        cmocka_unit_test(long_lines_are_dropped),
        cmocka_unit_test(runs_of_blanks_are_one_delimiter),
        cmocka_unit_test(wide_records_have_a_limit),
        cmocka_unit_test(quoted_text_comes_out_plain),
        cmocka_unit_test(random_streams_do_not_depend_on_their_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
