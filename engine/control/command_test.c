#include "control/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants four of the above */
#include <cmocka.h>

struct args {
    const char *node;
    bool all;
    struct pl_strings rest;
};

static const struct pl_option rows[] = {
    PL_OPT_STRING(struct args, node, "node", NULL, PL_FIXED, "A node."),
    PL_OPT_BOOL(struct args, all, "all", "false", PL_FIXED, "All of it."),
    PL_OPT_STRINGS(struct args, rest, "rest", NULL, PL_FIXED, "All that follows."),
    PL_OPT_END,
};
static const struct pl_command list = {.name = "alarms list"}, ack = {.name = "alarms ack"}, nodes = {.name = "nodes"},
                               tap = {.name = "tap", .args = rows}, set = {.name = "set"},
                               set_all = {.name = "set all"};
static struct pl_command_entry entries[] = {{&ack, NULL}, {&list, NULL},    {&nodes, NULL},
                                            {&set, NULL}, {&set_all, NULL}, {&tap, NULL}};
static const struct pl_command_table table = {.entries = entries, .count = PL_COUNT_OF(entries)};

#define WORDS(...) ((const char *const[]){__VA_ARGS__}), PL_COUNT_OF(((const char *const[]){__VA_ARGS__}))

static void assert_found(const struct pl_command *expected, unsigned words_used, const char *const *words,
                         size_t count) {
    const struct pl_command_entry *entry;
    unsigned used;
    assert_int_equal(pl_commands_find(&table, words, (unsigned)count, &entry, &used, NULL), PL_OK);
    assert_ptr_equal(entry->spec, expected);
    assert_int_equal(used, words_used);
}

static void the_longest_name_is_found(void **state) {
    (void)state;
    assert_found(&set, 1, WORDS("set", "x"));
    assert_found(&set_all, 2, WORDS("set", "all", "x"));
    assert_found(&list, 1, WORDS("alarms"));
    assert_found(&list, 1, WORDS("alarms", "--state", "all"));
    const struct pl_command_entry *entry;
    unsigned used;
    struct pl_error *error = NULL;
    assert_int_equal(pl_commands_find(&table, WORDS("nodez"), &entry, &used, &error), PL_UNKNOWN);
    assert_non_null(strstr(error->text, "did you mean nodes?"));
    pl_error_free(&error);
    assert_int_equal(pl_commands_find(&table, WORDS("alarms", "akc"), &entry, &used, &error), PL_UNKNOWN);
    assert_non_null(strstr(error->text, "did you mean alarms ack?"));
    pl_error_free(&error);
    assert_int_equal(pl_commands_find(&table, WORDS("alrms"), &entry, &used, &error), PL_UNKNOWN);
    assert_non_null(strstr(error->text, "did you mean alarms"));
    pl_error_free(&error);
}

static struct pl_command_space space;
static unsigned pairs;
static const char *reason;

static void assert_pair(unsigned i, const char *name, const char *value) {
    assert_true(i < pairs);
    assert_string_equal(space.pairs[i].name, name);
    assert_string_equal(space.pairs[i].value, value);
}

static void read_words(const char *const *words, size_t count) {
    assert_int_equal(pl_command_pairs(&tap, words, (unsigned)count, &space, &pairs, &reason, NULL), PL_OK);
}

static void words_become_pairs(void **state) {
    (void)state;
    read_words(WORDS("--node", "a", "--all", "--reason", "why"));
    assert_int_equal(pairs, 2);
    assert_pair(0, "node", "a");
    assert_pair(1, "all", "true");
    assert_string_equal(reason, "why");
    read_words(WORDS("--node=a=b", "--all=false"));
    assert_pair(0, "node", "a=b");
    assert_pair(1, "all", "false");
    assert_null(reason);
    read_words(WORDS("--", "--node", "true", "x", "--all", "q\"\\"));
    assert_pair(0, "node", "--node");
    assert_pair(2, "rest", "[\"x\",\"--all\",\"q\\\"\\\\\"]");
}

static void assert_usage(const struct pl_command *command, const char *text, const char *const *words, size_t count) {
    struct pl_error *error = NULL;
    assert_int_equal(pl_command_pairs(command, words, (unsigned)count, &space, &pairs, &reason, &error), PL_USAGE);
    if (!strstr(error->text, text)) fail_msg("\"%s\" does not say %s", error->text, text);
    pl_error_free(&error);
}

static void what_does_not_fit_is_told(void **state) {
    (void)state;
    assert_usage(&tap, "did you mean --node?", WORDS("--nod", "a"));
    assert_usage(&tap, "given twice", WORDS("--node", "a", "--node=b"));
    assert_usage(&tap, "wants a value", WORDS("--node"));
    assert_usage(&nodes, "what is \"x\" for", WORDS("x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_name_is_found),
        cmocka_unit_test(words_become_pairs),
        cmocka_unit_test(what_does_not_fit_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
