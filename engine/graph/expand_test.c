#include "expand.h"
#include "testing.h"

/* What stays of a tree once it is expanded, as one line. */
static void print_tree(FILE *out, const struct pl_yaml *value) {
    if (value->key) fprintf(out, "%s=", value->key);
    if (value->type == PL_YAML_SCALAR)
        fprintf(out, value->any ? "<%s>" : "%s", value->text);
    else
        fputc(value->type == PL_YAML_LIST ? '[' : '{', out);
    for (const struct pl_yaml *child = value->first; child; child = child->next) {
        if (child != value->first) fputc(' ', out);
        print_tree(out, child);
    }
    if (value->type != PL_YAML_SCALAR) fputc(value->type == PL_YAML_LIST ? ']' : '}', out);
}

static void expect_mode(bool checking, const char *text, const char *expected, const char *said) {
    struct reading r;
    reading_begin(&r);
    struct pl_yaml *tree = reading_parse(&r, text);
    assert_non_null(tree);
    bool lost = false;
    struct pl_expansion expansion = {&r.yaml, checking, &lost};
    pl__expand(&expansion, tree);
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    print_tree(out, tree);
    fclose(out);
    if (expected) assert_string_equal(printed, expected);
    free(printed);
    reading_said(&r, said);
}

static void expect(const char *text, const char *expected) {
    expect_mode(false, text, expected, "");
}

static void expect_error(const char *text, const char *said) {
    expect_mode(false, text, NULL, said);
}

static int set_environment(void **state) {
    (void)state;
    setenv("PLANT", "north", 1);
    setenv("EMPTY", "", 1);
    unsetenv("NOTHING");
    return 0;
}

static void environment_is_replaced_in_any_text(void **state) {
    (void)state;
    expect("a: ${PLANT}", "{a=north}");
    expect("a: \"x-${PLANT}-${PLANT}.csv\"", "{a=x-north-north.csv}");
    expect("[ '${PLANT}', \"${EMPTY}\" ]", "[north ]");
    expect("a: ${NOTHING:-south}", "{a=south}");
    expect("a: ${EMPTY:-south}", "{a=south}"); /* as a shell does it */
    expect("a: ${PLANT:-south}", "{a=north}");
    expect("a: \"${NOTHING:-}\"", "{a=}");
    expect("a: ${NOTHING:-/tmp/x:y z}", "{a=/tmp/x:y z}");
    expect("${PLANT}: 1", "{${PLANT}=1}"); /* keys are names, not texts */
}

static void a_dollar_of_its_own(void **state) {
    (void)state;
    expect("a: $$", "{a=$}");
    expect("a: $${PLANT}", "{a=${PLANT}}");
    expect("a: cost $5 or $", "{a=cost $5 or $}");
    expect("a: ^x$", "{a=^x$}");
}

static void an_unset_variable_is_an_error_in_a_run(void **state) {
    (void)state;
    expect_error("a: 1\nb: x${NOTHING}y\n",
                 "t:2:4: environment variable NOTHING is not set; ${NOTHING:-...} would give it a default\n");
}

static void an_unset_variable_is_any_value_in_a_check(void **state) {
    (void)state;
    expect_mode(true, "a: x${NOTHING}\nb: ${PLANT}\n", "{a=<x${NOTHING}> b=north}",
                "t:1:4: warning: environment variable NOTHING is not set; taken for any value\n");
}

static void what_is_no_variable_is_told(void **state) {
    (void)state;
    expect_error("a: ${}", "t:1:4: \"${}\" is not ${NAME} or ${NAME:-default}; a $ of its own is written $$\n");
    expect_error("a: ${1x}", "t:1:4: \"${1x}\" is not ${NAME} or ${NAME:-default}; a $ of its own is written $$\n");
    expect_error("a: ${A:x}", "t:1:4: \"${A:x}\" is not ${NAME} or ${NAME:-default}; a $ of its own is written $$\n");
    expect_error("a: ${A", "t:1:4: \"${\" without \"}\"; a $ of its own is written $$\n");
}

static void a_node_is_written_out_for_each_value(void **state) {
    (void)state;
    expect("nodes:\n"
           "  clean-{pot}: { foreach: { pot: 01..03 }, op: cleanse, from: 'in-{pot}' }\n"
           "  out: { op: x }\n",
           "{nodes={clean-01={op=cleanse from=in-01} clean-02={op=cleanse from=in-02} clean-03={op=cleanse from=in-03} "
           "out={op=x}}}");
}

static void several_variables_give_every_combination(void **state) {
    (void)state;
    expect("nodes: { '{a}{b}': { foreach: { a: [x, y], b: 8..10 } } }",
           "{nodes={x8={} x9={} x10={} y8={} y9={} y10={}}}");
}

static void values_are_texts_and_ranges(void **state) {
    (void)state;
    expect("- { foreach: { v: [a, 1..2, 09..10, 007..008] }, v: '{v}' }",
           "[{v=a} {v=1} {v=2} {v=09} {v=10} {v=007} {v=008}]");
    expect("- { foreach: { v: alone }, v: '{v}' }", "[{v=alone}]");
    expect("- { foreach: { v: '${PLANT}' }, v: '{v}' }", "[{v=north}]");
    expect("- { foreach: { v: [0..2] }, v: '{v}' }", "[{v=0} {v=1} {v=2}]");
}

static void groups_hold_nodes_that_repeat_together(void **state) {
    (void)state;
    expect("groups:\n"
           "  - foreach: { line: [1, 2] }\n"
           "    nodes:\n"
           "      in-{line}: { op: a }\n"
           "      pot-{line}-{pot}: { foreach: { pot: [a, b] }, from: 'in-{line}', tag: 'line{line}.pot{pot}' }\n",
           "{groups=[{nodes={in-1={op=a} pot-1-a={from=in-1 tag=line1.pota} pot-1-b={from=in-1 tag=line1.potb}}} "
           "{nodes={in-2={op=a} pot-2-a={from=in-2 tag=line2.pota} pot-2-b={from=in-2 tag=line2.potb}}}]}");
}

static void an_inner_foreach_may_use_outer_variables(void **state) {
    (void)state;
    expect("- foreach: { n: [1, 2] }\n"
           "  in: [ { foreach: { m: '1..{n}' }, x: '{n}{m}' } ]\n",
           "[{in=[{x=11}]} {in=[{x=21} {x=22}]}]");
}

static void other_braces_stay(void **state) {
    (void)state;
    expect("- { foreach: { pot: [1] }, match: 'pot{pot}.{voltage,current}', a: '{pots}', b: '{', c: '{pot', d: '}' }",
           "[{match=pot1.{voltage,current} a={pots} b={ c={pot d=}}]");
    expect("a: '{pot}'", "{a={pot}}");
    expect("- { foreach: { PLANT: [x] }, a: '${PLANT}{PLANT}' }", "[{a=northx}]"); /* $ is the environment's */
}

static void a_value_is_not_expanded_again(void **state) {
    (void)state;
    setenv("TRICK", "{pot}${PLANT}", 1);
    expect("- { foreach: { pot: [1] }, a: '${TRICK}{pot}' }", "[{a={pot}${PLANT}1}]");
}

static void foreach_elsewhere_is_an_option_like_others(void **state) {
    (void)state;
    expect("a: { foreach: { x: [1] } }", "{a={foreach={x=[1]}}}"); /* and will be reported as unknown */
}

static void mistakes_in_foreach_are_told(void **state) {
    (void)state;
    expect_error("- { foreach: [1, 2] }",
                 "t:1:14: foreach is a map of 1 to 8 variables and their values, like { pot: 01..20 }\n");
    expect_error("- { foreach: {} }",
                 "t:1:14: foreach is a map of 1 to 8 variables and their values, like { pot: 01..20 }\n");
    expect_error("- { foreach: { 'a b': [1] } }",
                 "t:1:16: \"a b\" is no name for a variable; letters, digits and '_' are\n");
    expect_error("- { foreach: { a: [] } }", "t:1:19: foreach has no values for {a}\n");
    expect_error("- { foreach: { a: 9..1 }, x: '{a}' }", "t:1:19: \"9..1\" counts down; write the lower end first\n");
    expect_error("- { foreach: { a: { b: 1 } } }", "t:1:19: a value of foreach is a text or a range like 01..20\n");
    expect_error("- { foreach: { a: [1, 2], b: [1] }, x: '{a}' }",
                 "t:1:27: {b} is used nowhere in what this foreach repeats\n");
    expect_error("- { foreach: { a: 1..200000 }, x: '{a}' }", "t:1:19: more than 100,000 values in a foreach\n");
    expect_error("- { foreach: { a: 1..1000, b: 1..1000 }, x: '{a}{b}' }",
                 "t:1:14: foreach would make more than 100,000 copies\n");
    expect_error("nodes: { a: { foreach: { p: [1, 2] }, x: '{p}' } }",
                 "t:1:10: foreach makes \"a\" several times; the name needs each of its variables\n");
    expect_mode(true, "- { foreach: { a: '${NOTHING}' }, x: '{a}' }", "[]",
                "t:1:19: warning: environment variable NOTHING is not set; taken for any value\n");
}

/* Copies of copies of copies: stopped by the number of values. */
static void a_small_file_does_not_become_a_large_tree(void **state) {
    (void)state;
    struct reading r;
    reading_begin(&r);
    struct pl_yaml *tree =
        reading_parse(&r, "- { foreach: { a: 1..10000 }, x: [ { foreach: { b: 1..10000 }, y: '{a}{b}' } ] }");
    bool lost = false;
    pl__expand(&(struct pl_expansion){&r.yaml, false, &lost}, tree);
    assert_int_equal(pl__arena_code(r.yaml.arena), PL_LIMIT);
    reading_said(&r, "");
}

static void long_texts_take_linear_time(void **state) {
    (void)state;
    size_t length = 4 << 20;
    char *text = malloc(length + 64);
    strcpy(text, "- { foreach: { a: [1] }, b: '{a}");
    size_t at = strlen(text);
    memset(text + at, '{', length);
    strcpy(text + at + length, "' }");
    struct reading r;
    reading_begin(&r);
    struct pl_yaml *tree = reading_parse(&r, text);
    bool lost = false;
    pl__expand(&(struct pl_expansion){&r.yaml, false, &lost}, tree);
    assert_int_equal(strlen(pl__yaml_find(tree->first, "b")->text), length + 1);
    reading_said(&r, "");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_is_replaced_in_any_text),
        cmocka_unit_test(a_dollar_of_its_own),
        cmocka_unit_test(an_unset_variable_is_an_error_in_a_run),
        cmocka_unit_test(an_unset_variable_is_any_value_in_a_check),
        cmocka_unit_test(what_is_no_variable_is_told),
        cmocka_unit_test(a_node_is_written_out_for_each_value),
        cmocka_unit_test(several_variables_give_every_combination),
        cmocka_unit_test(values_are_texts_and_ranges),
        cmocka_unit_test(groups_hold_nodes_that_repeat_together),
        cmocka_unit_test(an_inner_foreach_may_use_outer_variables),
        cmocka_unit_test(other_braces_stay),
        cmocka_unit_test(a_value_is_not_expanded_again),
        cmocka_unit_test(foreach_elsewhere_is_an_option_like_others),
        cmocka_unit_test(mistakes_in_foreach_are_told),
        cmocka_unit_test(a_small_file_does_not_become_a_large_tree),
        cmocka_unit_test(long_texts_take_linear_time),
    };
    return cmocka_run_group_tests(tests, set_environment, NULL);
}
