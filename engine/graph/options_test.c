#include "options.h"

#include <math.h>

#include "graph.h"
#include "testing.h"

static const char *const methods[] = {"hampel", "median", "none", NULL};
static const char *const parts[] = {"count", "mean", "min", "max", NULL};

struct row {
    const char *tag;
    int64_t address;
    struct pl_strings states;
    bool signed_one;
};

struct thing {
    bool flag, spike_given, deep_given;
    int64_t number, least, size;
    double real, maybe, rate;
    const char *text, *path, *file, *secret;
    pl_time span, when;
    uint32_t method, wanted;
    struct pl_strings names, files;
    int64_t window;
    uint32_t spike_method;
    int64_t depth;
    struct pl_list rows, pairs;
};

static const struct pl_option row_options[] = {
    PL_OPT_STRING(struct row, tag, "tag", NULL, PL_FIXED, "Whose."),
    PL_OPT_INT(struct row, address, "address", "0", "0", "65535", PL_FIXED, "Where."),
    PL_OPT_STRINGS(struct row, states, "states", "[]", PL_FIXED, "Which."),
    PL_OPT_BOOL(struct row, signed_one, "signed", "false", PL_FIXED, "How."),
    PL_OPT_END,
};
static const struct pl_option deep_options[] = {
    PL_OPT_INT(struct thing, depth, "depth", NULL, NULL, NULL, PL_FIXED, "How deep."),
    PL_OPT_END,
};
static const struct pl_option spike_options[] = {
    PL_OPT_INT(struct thing, window, "window", "11", "3", "101", PL_STATE, "Rows."),
    PL_OPT_CHOICE(struct thing, spike_method, "method", "median", methods, PL_STATE, "How."),
    PL_OPT_GROUP(struct thing, deep_given, "deep", "false", deep_options, PL_FIXED, "Deeper."),
    PL_OPT_END,
};
static const struct pl_option options[] = {
    PL_OPT_BOOL(struct thing, flag, "flag", "true", PL_LIVE, "A flag."),
    PL_OPT_INT(struct thing, number, "number", "7", "-5", "300", PL_LIVE, "A number."),
    PL_OPT_INT(struct thing, least, "least", "1", "1", NULL, PL_LIVE, "At least."),
    PL_OPT_NUMBER(struct thing, real, "real", "0.5", NULL, "1e3", PL_LIVE, "A real."),
    PL_OPT_NUMBER(struct thing, maybe, "maybe", ".nan", "0", "10", PL_LIVE, "A real or nothing."),
    PL_OPT_STRING(struct thing, text, "text", "", PL_FIXED, "A text."),
    PL_OPT_PATH(struct thing, path, "path", "out.csv", PL_FIXED, "A path."),
    PL_OPT_FILE(struct thing, file, "file", "", PL_FIXED, "A file."),
    PL_OPT_SECRET(struct thing, secret, "secret", "", PL_FIXED, "A secret."),
    PL_OPT_DURATION(struct thing, span, "span", "1s", "1ms", "30d", PL_STATE, "A span."),
    PL_OPT_SIZE(struct thing, size, "size", "2MiB", "1KiB", "1GiB", PL_FIXED, "A size."),
    PL_OPT_RATE(struct thing, rate, "rate", "0", "0", NULL, PL_FIXED, "A rate."),
    PL_OPT_TIME(struct thing, when, "when", "2026-01-01T00:00:00Z", PL_FIXED, "A time."),
    PL_OPT_CHOICE(struct thing, method, "method", "hampel", methods, PL_STATE, "A choice."),
    PL_OPT_SET(struct thing, wanted, "wanted", "[count, mean]", parts, PL_STATE, "A set."),
    PL_OPT_STRINGS(struct thing, names, "names", "[a, b]", PL_FIXED, "Texts."),
    PL_OPT_FILES(struct thing, files, "files", "[]", PL_FIXED, "Files."),
    PL_OPT_GROUP(struct thing, spike_given, "spike", "false", spike_options, PL_STATE, "A group."),
    PL_OPT_LIST(struct thing, rows, "rows", "[]", struct row, row_options, PL_FIXED, "Records."),
    PL_OPT_PAIRS(struct thing, pairs, "pairs", "{ a: 1 }", PL_FIXED, "Names and texts."),
    PL_OPT_END,
};

static void read_from(struct reading *r, const char *text, struct thing *thing, const char *file) {
    reading_begin(r);
    struct pl_yaml *map = pl__yaml_parse(&r->yaml, text, strlen(text), file);
    assert_non_null(map);
    *thing = (struct thing){0};
    struct pl_options_reader reader = {.yaml = &r->yaml, .subject = "node", .map = map};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = options, .self = thing};
    pl__options_read(&reader);
}

static void expect_problem(const char *text, const char *said) {
    struct reading r;
    struct thing thing;
    read_from(&r, text, &thing, "t");
    reading_said(&r, said);
}

/* ---- Values ---- */

static void defaults_take_the_same_way(void **state) {
    (void)state;
    struct reading r;
    struct thing t;
    read_from(&r, "{}", &t, "t");
    assert_true(t.flag);
    assert_int_equal(t.number, 7);
    assert_true(t.real == 0.5 && isnan(t.maybe) && t.rate == 0);
    assert_string_equal(t.text, "");
    assert_string_equal(t.path, "out.csv");
    assert_string_equal(t.file, "");
    assert_int_equal(t.span, PL_SECOND);
    assert_int_equal(t.size, 2 << 20);
    assert_int_equal(t.when, INT64_C(1767225600) * PL_SECOND);
    assert_int_equal(t.method, 0);
    assert_int_equal(t.wanted, 3);
    assert_int_equal(t.names.count, 2);
    assert_string_equal(t.names.items[1], "b");
    assert_false(t.spike_given);
    assert_int_equal(t.pairs.count, 1);
    assert_int_equal(t.window, 11);
    assert_int_equal(t.spike_method, 1);
    assert_int_equal(t.rows.count, 0);
    reading_said(&r, "");
}

static void values_of_every_type(void **state) {
    (void)state;
    struct reading r;
    struct thing t;
    read_from(&r,
              "{ flag: False, number: 0x1F, real: -1.5e-3, maybe: .nan, text: no, path: a b, secret: '', span: 1h30m,\n"
              "  size: 64KiB, rate: 60000/min, when: '2026-11-23 06:00:00.5', method: none, wanted: max, names: x,\n"
              "  spike: { window: 5, deep: { depth: -1 } },\n"
              "  rows: [ { tag: a }, { tag: '1', address: '12', states: [off, on], signed: true } ] }",
              &t, "t");
    assert_false(t.flag);
    assert_int_equal(t.number, 31);
    assert_true(t.real == -1.5e-3 && isnan(t.maybe) && t.rate == 1000);
    assert_string_equal(t.text, "no");
    assert_string_equal(t.path, "a b");
    assert_int_equal(t.span, 90 * PL_MINUTE);
    assert_int_equal(t.size, 65536);
    assert_int_equal(t.when, INT64_C(1795413600) * PL_SECOND + 500 * PL_MILLISECOND);
    assert_int_equal(t.method, 2);
    assert_int_equal(t.wanted, 8);
    assert_int_equal(t.names.count, 1);
    assert_true(t.spike_given && t.deep_given);
    assert_int_equal(t.window, 5);
    assert_int_equal(t.depth, -1);
    assert_int_equal(t.rows.count, 2);
    const struct row *rows = t.rows.items;
    assert_string_equal(rows[0].tag, "a");
    assert_int_equal(rows[0].address, 0);
    assert_string_equal(rows[1].tag, "1");
    assert_int_equal(rows[1].address, 12);
    assert_string_equal(rows[1].states.items[1], "on");
    assert_true(rows[1].signed_one);
    reading_said(&r, "");
}

static void a_group_may_be_true_or_false(void **state) {
    (void)state;
    struct reading r;
    struct thing t;
    read_from(&r, "spike: true", &t, "t");
    assert_true(t.spike_given);
    assert_int_equal(t.window, 11);
    reading_said(&r, "");
    read_from(&r, "spike: false", &t, "t");
    assert_false(t.spike_given);
    reading_said(&r, "");
    read_from(&r, "spike: {}", &t, "t");
    assert_true(t.spike_given);
    reading_said(&r, "");
}

/* ---- Mistakes ---- */

static void wrong_texts_with_a_guess(void **state) {
    (void)state;
    expect_problem("span: 10 sec", "t:1:7: node.span: \"10 sec\" is not a duration; write 10s\n");
    expect_problem("span: 5 Minutes", "t:1:7: node.span: \"5 Minutes\" is not a duration; write 5m\n");
    expect_problem("span: 10", "t:1:7: node.span: \"10\" is not a duration like 250ms, 10s or 1h30m\n");
    expect_problem("size: 64 kb", "t:1:7: node.size: \"64 kb\" is not a size; write 64KB\n");
    expect_problem("size: 2M", "t:1:7: node.size: \"2M\" is not a size; write 2MiB\n");
    expect_problem("size: big", "t:1:7: node.size: \"big\" is not a size like 512, 64KiB or 2MB\n");
    expect_problem("rate: 100 per second", "t:1:7: node.rate: \"100 per second\" is not a rate; write 100/s\n");
    expect_problem("rate: 100", "t:1:7: node.rate: \"100\" is not a rate; write 100/s\n");
    expect_problem("flag: yes", "t:1:7: node.flag: \"yes\" is not true or false; write true\n");
    expect_problem("flag: 'off'", "t:1:7: node.flag: \"off\" is not true or false; write false\n");
    expect_problem("flag: maybe", "t:1:7: node.flag: \"maybe\" is not true or false\n");
    expect_problem("number: 1.5", "t:1:9: node.number: \"1.5\" is not a whole number\n");
    expect_problem("number: 0xfg", "t:1:9: node.number: \"0xfg\" is not a whole number\n");
    expect_problem("real: nan", "t:1:7: node.real: \"nan\" is not a number; write .nan\n");
    expect_problem("real: 1,5", "t:1:7: node.real: \"1,5\" is not a number\n");
    expect_problem("when: yesterday", "t:1:7: node.when: \"yesterday\" is not a time like 2026-11-23T06:00:00Z\n");
}

static void ranges(void **state) {
    (void)state;
    expect_problem("number: 301", "t:1:9: node.number: \"301\" is out of range; -5 to 300 is allowed\n");
    expect_problem("number: -6", "t:1:9: node.number: \"-6\" is out of range; -5 to 300 is allowed\n");
    expect_problem("least: 0", "t:1:8: node.least: \"0\" is out of range; 1 or more is allowed\n");
    expect_problem("real: 1001", "t:1:7: node.real: \"1001\" is out of range; 1e3 or less is allowed\n");
    expect_problem("real: .nan", "t:1:7: node.real: \".nan\" is out of range; 1e3 or less is allowed\n");
    expect_problem("span: 31d", "t:1:7: node.span: \"31d\" is out of range; 1ms to 30d is allowed\n");
    expect_problem("span: 0", "t:1:7: node.span: \"0\" is out of range; 1ms to 30d is allowed\n");
    expect_problem("size: 1023", "t:1:7: node.size: \"1023\" is out of range; 1KiB to 1GiB is allowed\n");
    expect_problem("number: 99999999999999999999",
                   "t:1:9: node.number: \"99999999999999999999\" is not a whole number\n");
    expect_problem("{ number: -5, least: 1, real: 1e3, span: 30d, size: 1KiB, maybe: 10 }", "");
}

static void choices(void **state) {
    (void)state;
    expect_problem("method: hampl",
                   "t:1:9: node.method: \"hampl\" is not one of hampel, median, none; did you mean hampel?\n");
    expect_problem("method: xyz", "t:1:9: node.method: \"xyz\" is not one of hampel, median, none\n");
    expect_problem("wanted: [count, maen, count]",
                   "t:1:17: node.wanted: \"maen\" is not one of count, mean, min, max; did you mean mean?\n"
                   "t:1:23: node.wanted: \"count\" is given twice\n");
}

static void wrong_shapes(void **state) {
    (void)state;
    expect_problem("span: [1s]", "t:1:7: node.span: a list is given, but it is a duration\n");
    expect_problem("text: { a: 1 }", "t:1:7: node.text: a map is given, but it is a text\n");
    expect_problem("text:", "t:1:6: node.text: no value is given; it is a text\n");
    expect_problem("number: ~", "t:1:9: node.number: no value is given; it is a whole number\n");
    expect_problem("wanted: { a: 1 }", "t:1:9: node.wanted: a map is given, but it is a list of its choices\n");
    expect_problem("names: { a: 1 }", "t:1:8: node.names: a map is given, but it is a text or a list of texts\n");
    expect_problem("names: [a, [b]]", "t:1:12: node.names: an entry is a list, but it is a list of texts\n");
    expect_problem("spike: 5", "t:1:8: node.spike: \"5\" is not a map, true or false\n");
    expect_problem("spike: [1]", "t:1:8: node.spike: a list is given, but it is a map, true or false\n");
    expect_problem("rows: { tag: a }",
                   "t:1:7: node.rows: a map is given, but it is a list of records, or the path of a CSV file\n");
    expect_problem("rows: [a]", "t:1:8: node.rows[0]: a single value is given, but a record is a map\n");
}

static void unknown_and_missing_options(void **state) {
    (void)state;
    expect_problem("numbr: 1", "t:1:1: node: there is no option \"numbr\"; did you mean number?\n");
    expect_problem("window: 5", "t:1:1: node: there is no option \"window\"; it belongs into spike: { window: ... }\n");
    expect_problem("zzzz: 1", "t:1:1: node: there is no option \"zzzz\"\n");
    expect_problem("spike: { windw: 5 }", "t:1:10: node.spike: there is no option \"windw\"; did you mean window?\n");
    expect_problem("rows: [ { tag: a, adress: 1 } ]",
                   "t:1:19: node.rows[0]: there is no option \"adress\"; did you mean address?\n");
    expect_problem("rows: [ { address: 1 }, { tag: b } ]", "t:1:9: node.rows[0]: tag is missing: Whose.\n");
    expect_problem("spike: { deep: true }", "t:1:16: node.spike.deep: depth is missing: How deep.\n");
    expect_problem("spike: { deep: false }", "");
    expect_problem("rows: [ { tag: b, address: 70000 } ]",
                   "t:1:28: node.rows[0].address: \"70000\" is out of range; 0 to 65535 is allowed\n");
}

static void all_of_them_in_one_pass(void **state) {
    (void)state;
    expect_problem("span: 1\nmethod: x\nbad: 1\nnumber: many\n",
                   "t:1:7: node.span: \"1\" is not a duration like 250ms, 10s or 1h30m\n"
                   "t:2:9: node.method: \"x\" is not one of hampel, median, none\n"
                   "t:3:1: node: there is no option \"bad\"\n"
                   "t:4:9: node.number: \"many\" is not a whole number\n");
}

static void texts_of_users_are_shown_short_and_printable(void **state) {
    (void)state;
    expect_problem("number: \"a\\tb\\e\"", "t:1:9: node.number: \"a\\x09b\\x1b\" is not a whole number\n");
    expect_problem("number: 'öööööööööööööööööööööööööööööööööööööööööööööööööööööööööööööööööööööö'",
                   "t:1:9: node.number: \"öööööööööööööööööööööööööööööööööööööööööööööööööööööööööööö...\" is not a "
                   "whole number\n");
}

static void secrets_are_never_shown(void **state) {
    (void)state;
    expect_problem("secret: [hush]", "t:1:9: node.secret: a list is given, but it is a secret text\n");
    expect_problem("secret: { hush: hush }", "t:1:9: node.secret: a map is given, but it is a secret text\n");
}

/* ---- Files ---- */

static void files_are_found_beside_the_graph(void **state) {
    (void)state;
    char folder[64], place[128], expected[256];
    folder_make(folder);
    folder_put(folder, "rules.lua", "x");
    snprintf(place, sizeof place, "%s/g.yaml", folder);
    struct reading r;
    struct thing t;
    read_from(&r, "{ file: rules.lua, path: rules.lua }", &t, place);
    snprintf(expected, sizeof expected, "%s/rules.lua", folder);
    assert_string_equal(t.file, expected);
    assert_string_equal(t.path, "rules.lua"); /* of the run: where that runs */
    reading_said(&r, "");
    read_from(&r, "file: none.lua", &t, place);
    snprintf(expected, sizeof expected, "%s:1:7: node.file: \"%s/none.lua\": no such file\n", place, folder);
    reading_said(&r, expected);
    folder_remove(folder);
}

static void expect_files(const char *text, const char *graph, const char *folder, const char *const *names) {
    struct reading r;
    struct thing t;
    char expected[256];
    uint32_t count = 0;
    read_from(&r, text, &t, graph);
    for (; names[count]; count++) {
        snprintf(expected, sizeof expected, "%s%s%s", *names[count] == '/' ? "" : folder,
                 *names[count] == '/' ? "" : "/", names[count]);
        assert_true(count < t.files.count);
        assert_string_equal(t.files.items[count], expected);
    }
    assert_int_equal(t.files.count, count);
    reading_said(&r, "");
}

static void lists_of_files_too(void **state) {
    (void)state;
    char folder[64], graph[128], expected[512];
    folder_make(folder);
    folder_put(folder, "a.lua", "x");
    folder_put(folder, "b.lua", "x");
    snprintf(graph, sizeof graph, "%s/g.yaml", folder);
    expect_files("{}", graph, folder, (const char *const[]){NULL});
    expect_files("files: []", graph, folder, (const char *const[]){NULL});
    expect_files("files: a.lua", graph, folder, (const char *const[]){"a.lua", NULL});
    expect_files("files: [b.lua, a.lua]", graph, folder, (const char *const[]){"b.lua", "a.lua", NULL});
    expect_files("files: [/dev/null, a.lua]", graph, folder, (const char *const[]){"/dev/null", "a.lua", NULL});
    expect_files("files: ['none*.lua', 'more/?.lua']", graph, folder, /* a pattern may name none yet */
                 (const char *const[]){"none*.lua", "more/?.lua", NULL});
    struct reading r;
    struct thing t;
    read_from(&r, "files: [a.lua, none.lua, b.lua, nor.lua]", &t, graph);
    snprintf(expected, sizeof expected,
             "%s:1:16: node.files: \"%s/none.lua\": no such file\n%s:1:33: node.files: \"%s/nor.lua\": no such file\n",
             graph, folder, graph, folder);
    reading_said(&r, expected);
    folder_remove(folder);
    expect_problem("files: { a: 1 }",
                   "t:1:8: node.files: a map is given, but it is the path of a file or a list of them\n");
    expect_problem("files: [/dev/null, [b]]", "t:1:20: node.files: an entry is a list, but it is a list of texts\n");
}

static void pairs_have_names_of_their_own(void **state) {
    (void)state;
    struct reading r;
    struct thing t;
    read_from(&r, "pairs: { window: 60, 'a b': 'x', on: true, none: '' }", &t, "t");
    const struct pl_pair *pairs = t.pairs.items;
    assert_int_equal(t.pairs.count, 4);
    assert_string_equal(pairs[0].name, "window");
    assert_string_equal(pairs[0].value, "60");
    assert_string_equal(pairs[1].name, "a b");
    assert_string_equal(pairs[2].value, "true");
    assert_string_equal(pairs[3].value, "");
    reading_said(&r, "");
    read_from(&r, "pairs: {}", &t, "t");
    assert_int_equal(t.pairs.count, 0);
    reading_said(&r, "");
    expect_problem("pairs: [a]", "t:1:8: node.pairs: a list is given, but it is a map of names to texts\n");
    expect_problem("pairs: { a: [b], c: {} }", "t:1:13: node.pairs.a: is a list, but it is one text\n"
                                               "t:1:21: node.pairs.c: is a map, but it is one text\n");
}

static void records_come_from_tables(void **state) {
    (void)state;
    char folder[64], place[128];
    folder_make(folder);
    folder_put(
        folder, "rows.csv",
        "\xef\xbb\xbf# a comment\n\naddress,tag,states\r\n100,\"pot 1, \"\"a\"\"\",\"[off, on]\"\r\n,b,\n  7 , c ,\n");
    folder_put(folder, "semicolons.csv", "tag;address\nx;5\n");
    folder_put(folder, "tabs.csv", "tag\taddress\nx\t6\n");
    snprintf(place, sizeof place, "%s/g.yaml", folder);
    struct reading r;
    struct thing t;
    read_from(&r, "rows: rows.csv", &t, place);
    assert_int_equal(t.rows.count, 3);
    const struct row *rows = t.rows.items;
    assert_string_equal(rows[0].tag, "pot 1, \"a\"");
    assert_int_equal(rows[0].address, 100);
    assert_int_equal(rows[0].states.count, 2);
    assert_string_equal(rows[1].tag, "b");
    assert_int_equal(rows[1].address, 0);
    assert_string_equal(rows[2].tag, "c");
    assert_int_equal(rows[2].address, 7);
    reading_said(&r, "");
    read_from(&r, "rows: semicolons.csv", &t, place);
    assert_int_equal(((const struct row *)t.rows.items)->address, 5);
    reading_said(&r, "");
    read_from(&r, "rows: tabs.csv", &t, place);
    assert_int_equal(((const struct row *)t.rows.items)->address, 6);
    reading_said(&r, "");
    folder_remove(folder);
}

static void expect_table(const char *csv, const char *said) {
    char here[512];
    assert_non_null(getcwd(here, sizeof here));
    char folder[64];
    folder_make(folder);
    assert_int_equal(chdir(folder), 0);
    folder_put(folder, "t.csv", csv);
    struct reading r;
    struct thing t;
    read_from(&r, "rows: t.csv", &t, "g.yaml");
    assert_int_equal(chdir(here), 0);
    reading_said(&r, said);
    folder_remove(folder);
}

static void mistakes_in_tables_have_their_own_places(void **state) {
    (void)state;
    expect_table("tag,address\na,1\nb,x\n", "t.csv:3:3: node.rows[1].address: \"x\" is not a whole number\n");
    expect_table("tag,adress\na,1\n",
                 "t.csv:2:3: node.rows[0]: there is no option \"adress\"; did you mean address?\n");
    expect_table("address\n1\n", "t.csv:2:1: node.rows[0]: tag is missing: Whose.\n");
    expect_table("tag\na,b\n", "t.csv:2:3: more fields than the header has columns\n");
    expect_table("tag,,x\n", "t.csv:1:5: a column without a name\n");
    expect_table("tag\n\"a\nb", "t.csv:2:1: the quoted field that starts here does not end\n");
    expect_table("tag,address\n\"a\"b,1\n",
                 "t.csv:2:4: expected a delimiter or the end of the line behind the closing quote\n");
    expect_table("tag,states\na,\"[b\"\n", "t.csv:2:3: expected ',' or ']' before this\n");
    expect_table("tag\na\nb\xf6\n", "t.csv:3:2: the table is not UTF-8 here\n");
    expect_table("", "t.csv:1:1: expected a first line that names the columns\n");
    expect_table("# nothing\n", "t.csv:2:1: expected a first line that names the columns\n");
    expect_problem("rows: /nowhere/t.csv", "t:1:7: node.rows: \"/nowhere/t.csv\": no such file\n");
    expect_problem("rows: /tmp", "t:1:7: node.rows: \"/tmp\": a folder\n");
    expect_problem("rows: /dev/zero", "t:1:7: node.rows: \"/dev/zero\": not a regular file\n");
}

/* ---- Operators ---- */

struct pair {
    int64_t low, high;
    struct pl_list rows;
    bool saw_given, saw_not_given;
};

static const struct pl_option pair_options[] = {
    PL_OPT_INT(struct pair, low, "low", "0", NULL, NULL, PL_FIXED, "Low."),
    PL_OPT_INT(struct pair, high, "high", "9", NULL, NULL, PL_FIXED, "High."),
    PL_OPT_LIST(struct pair, rows, "rows", "[]", struct row, row_options, PL_FIXED, "Records."),
    PL_OPT_END,
};

static void pair_check(void *self, struct pl_check *check) {
    struct pair *pair = self;
    pair->saw_given = pl_check_given(check, "low");
    pair->saw_not_given = !pl_check_given(check, "rows[0].address");
    if (pair->low > pair->high) pl_check_error(check, "low", "%d is above high", (int)pair->low);
    if (pair->rows.count == 2) pl_check_error(check, "rows[1].tag", "two are too many");
    if (pair->high == 100) pl_check_warning(check, "high", "that is a lot");
}

static const struct pl_operator pair_operator = {
    PL_OPERATOR("test.pair", "Two ends."),
    .options = pair_options,
    .instance_size = sizeof(struct pair),
    .check = pair_check,
};

static void expect_parse(const char *yaml, const char *said) {
    struct pair pair = {0};
    struct pl_options_owner *owner = NULL;
    struct pl_error *error = NULL;
    int64_t live = pl_alloc_live();
    enum pl_code code = pl_options_parse(&pair_operator, yaml, &pair, &owner, &error);
    char *text = error ? pl_error_text(error) : NULL;
    assert_string_equal(text ? text : "", said);
    assert_int_equal(code != PL_OK, *said != 0);
    assert_int_equal(owner == NULL, *said != 0);
    pl_free(text);
    pl_error_free(&error);
    pl_options_free(owner);
    assert_int_equal(pl_alloc_live(), live);
}

static void options_by_themselves(void **state) {
    (void)state;
    expect_parse(NULL, "");
    expect_parse(" \n", "");
    expect_parse("low: 1\nhigh: 2", "");
    expect_parse("{ low: 1, rows: [ { tag: x } ] }", "");
    expect_parse("high: 100", ""); /* a warning only */
    expect_parse("low: 10", "1:6: low: 10 is above high");
    expect_parse("{ rows: [ { tag: x }, { tag: y } ] }", "1:30: rows[1].tag: two are too many");
    expect_parse("{ lw: 1, high: x }",
                 "1:3: there is no option \"lw\"; did you mean low?\n1:16: high: \"x\" is not a whole number");
    expect_parse("[1]", "1:1: options are a map, like size: 10s");
    expect_parse("low: [", "2:1: expected a value here");
}

static void check_sees_what_was_given(void **state) {
    (void)state;
    struct pair pair = {0};
    struct pl_options_owner *owner = NULL;
    assert_int_equal(pl_options_parse(&pair_operator, "{ low: 1, rows: [ { tag: x } ] }", &pair, &owner, NULL), PL_OK);
    assert_true(pair.saw_given && pair.saw_not_given);
    pl_options_free(owner);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (int64_t n = 0;; n++) {
        int64_t live = pl_alloc_live();
        struct pair pair = {0};
        struct pl_options_owner *owner = NULL;
        struct pl_error *error = NULL;
        pl_alloc_fail_after(n);
        enum pl_code code =
            pl_options_parse(&pair_operator, "{ low: 1, rows: [ { tag: x, states: [a, b] } ] }", &pair, &owner, &error);
        pl_alloc_fail_after(-1);
        pl_error_free(&error);
        pl_options_free(owner);
        assert_int_equal(pl_alloc_live(), live);
        if (code == PL_OK) break;
        assert_int_equal(code, PL_NO_MEMORY);
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_take_the_same_way),
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(a_group_may_be_true_or_false),
        cmocka_unit_test(wrong_texts_with_a_guess),
        cmocka_unit_test(ranges),
        cmocka_unit_test(choices),
        cmocka_unit_test(wrong_shapes),
        cmocka_unit_test(unknown_and_missing_options),
        cmocka_unit_test(all_of_them_in_one_pass),
        cmocka_unit_test(texts_of_users_are_shown_short_and_printable),
        cmocka_unit_test(secrets_are_never_shown),
        cmocka_unit_test(files_are_found_beside_the_graph),
        cmocka_unit_test(lists_of_files_too),
        cmocka_unit_test(pairs_have_names_of_their_own),
        cmocka_unit_test(records_come_from_tables),
        cmocka_unit_test(mistakes_in_tables_have_their_own_places),
        cmocka_unit_test(options_by_themselves),
        cmocka_unit_test(check_sees_what_was_given),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
