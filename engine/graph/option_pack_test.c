/* Options go to another process and come back the same; what is cut, or of another table, is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"
#include "graph/option_pack.h"

struct item {
    const char *tag;
    int64_t address;
};

struct all {
    bool flag;
    int64_t number, bytes;
    double real, rate;
    const char *text, *secret;
    pl_time span, at;
    uint32_t choice, set;
    struct pl_strings words;
    bool group;
    double inner;
    struct pl_list items, pairs;
};

static const char *const choices[] = {"a", "b", "c", NULL};

static const struct pl_option item_options[] = {
    PL_OPT_STRING(struct item, tag, "tag", NULL, PL_FIXED, ""),
    PL_OPT_INT(struct item, address, "address", "0", NULL, NULL, PL_FIXED, ""),
    PL_OPT_END,
};

static const struct pl_option group_options[] = {
    PL_OPT_NUMBER(struct all, inner, "inner", "1", NULL, NULL, PL_FIXED, ""),
    PL_OPT_END,
};

static const struct pl_option options[] = {
    PL_OPT_BOOL(struct all, flag, "flag", "false", PL_FIXED, ""),
    PL_OPT_INT(struct all, number, "number", "0", NULL, NULL, PL_FIXED, ""),
    PL_OPT_SIZE(struct all, bytes, "bytes", "0", NULL, NULL, PL_FIXED, ""),
    PL_OPT_NUMBER(struct all, real, "real", "0", NULL, NULL, PL_FIXED, ""),
    PL_OPT_RATE(struct all, rate, "rate", "0", NULL, NULL, PL_FIXED, ""),
    PL_OPT_STRING(struct all, text, "text", "", PL_FIXED, ""),
    PL_OPT_SECRET(struct all, secret, "secret", "", PL_FIXED, ""),
    PL_OPT_DURATION(struct all, span, "span", "0s", NULL, NULL, PL_FIXED, ""),
    PL_OPT_TIME(struct all, at, "at", "2020-01-01T00:00:00Z", PL_FIXED, ""),
    PL_OPT_CHOICE(struct all, choice, "choice", "a", choices, PL_FIXED, ""),
    PL_OPT_SET(struct all, set, "set", "[]", choices, PL_FIXED, ""),
    PL_OPT_STRINGS(struct all, words, "words", "[]", PL_FIXED, ""),
    PL_OPT_GROUP(struct all, group, "group", "false", group_options, PL_FIXED, ""),
    PL_OPT_LIST(struct all, items, "items", "[]", struct item, item_options, PL_FIXED, ""),
    PL_OPT_PAIRS(struct all, pairs, "pairs", "{}", PL_FIXED, ""),
    PL_OPT_END,
};

static const struct pl_operator op = {PL_OPERATOR("test.all", "All of them."), .options = options,
                                      .instance_size = sizeof(struct all)};
static const char yaml[] =
    "{ flag: true, number: -7, bytes: 2KiB, real: .inf, rate: 50/s, text: \"\xc3\xa4 b\", "
    "secret: s3, span: 90s, at: 2024-05-06T07:08:09Z, choice: c, set: [a, c], words: [x, yy], "
    "group: { inner: -0.5 }, items: [ { tag: t1, address: 9 }, { tag: t2 } ], pairs: { x: 1, y: z } }";

static void assert_read(const struct all *all) {
    assert_true(all->flag && all->group);
    assert_int_equal(all->number, -7);
    assert_int_equal(all->bytes, 2048);
    assert_true(all->real > 1e308 && all->rate == 50 && all->inner == -0.5);
    assert_string_equal(all->text, "\xc3\xa4 b");
    assert_string_equal(all->secret, "s3");
    assert_int_equal(all->span, 90 * PL_SECOND);
    assert_int_equal(all->choice, 2);
    assert_int_equal(all->set, 5);
    assert_int_equal(all->words.count, 2);
    assert_string_equal(all->words.items[1], "yy");
    assert_int_equal(all->items.count, 2);
    const struct item *items = all->items.items;
    assert_string_equal(items[0].tag, "t1");
    assert_int_equal(items[0].address, 9);
    assert_string_equal(items[1].tag, "t2");
    const struct pl_pair *pairs = all->pairs.items;
    assert_int_equal(all->pairs.count, 2);
    assert_string_equal(pairs[1].name, "y");
    assert_string_equal(pairs[1].value, "z");
}

static struct pl_pack *packed(void) {
    struct all all = {0};
    struct pl_options_owner *owner = NULL;
    struct pl_pack *pack = pl_pack_new();
    assert_int_equal(pl_options_parse(&op, yaml, &all, &owner, NULL), PL_OK);
    pl_options_pack(pack, options, &all);
    assert_false(pl_pack_failed(pack));
    pl_options_free(owner);
    return pack;
}

static bool unpack(const void *bytes, size_t size, const struct pl_option *rows, struct all *all,
                   struct pl_option_memory *memory) {
    struct pl_unpack from;
    pl_unpack_init(&from, bytes, size);
    return pl_options_unpack(&from, rows, all, memory);
}

static void test_round_trip(void **state) {
    (void)state;
    struct pl_pack *pack = packed();
    struct pl_option_memory memory = {0};
    struct all all = {0};
    assert_true(unpack(pl_pack_data(pack), pl_pack_size(pack), options, &all, &memory));
    assert_read(&all);
    pl_option_memory_fini(&memory);
    pl_pack_free(pack);
}

/* Cut anywhere, in a block of that size. */
static void test_cut(void **state) {
    (void)state;
    struct pl_pack *pack = packed();
    for (size_t size = 0; size < pl_pack_size(pack); size++) {
        struct pl_option_memory memory = {0};
        struct all all = {0};
        void *cut = malloc(size ? size : 1);
        assert_non_null(cut);
        if (size) memcpy(cut, pl_pack_data(pack), size);
        assert_false(unpack(cut, size, options, &all, &memory));
        pl_option_memory_fini(&memory);
        free(cut);
    }
    pl_pack_free(pack);
}

static void test_other_table(void **state) {
    (void)state;
    struct pl_pack *pack = packed();
    struct pl_option_memory memory = {0};
    struct all all = {0};
    assert_false(unpack(pl_pack_data(pack), pl_pack_size(pack), group_options, &all, &memory));
    assert_false(unpack(pl_pack_data(pack), pl_pack_size(pack), options + 1, &all, &memory));
    assert_false(unpack("\x91\x03", 2, &(const struct pl_option[]){options[9], PL_OPT_END}[0], &all, &memory));
    assert_true(unpack("\x91\x02", 2, &(const struct pl_option[]){options[9], PL_OPT_END}[0], &all, &memory));
    assert_true(unpack("\x90", 1, NULL, &all, &memory));
    pl_option_memory_fini(&memory);
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_other_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
