/* The table of models, and values for their parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models.h"

static const char *const kinds[] = {"slab", "cylinder", NULL};
static const struct pl_model_parameter rows[] = {
    {"length", "m", 0.1, 0, 2, NULL, PL_MODEL_INPUT, "How long."},
    {"cells", "", 10, 2, 100, NULL, PL_MODEL_WHOLE, "How many."},
    {"kind", "", 0, 0, 1, kinds, 0, "Which."},
    {.name = NULL},
};
static const struct pl_model second = {PL_MODEL("SecondModel", "It comes second."), .parameters = rows};
static const struct pl_model first = {PL_MODEL("FirstModel", "It comes first."), .parameters = rows};
static const struct pl_model other = {PL_MODEL("FirstModel", "Its name is taken."), .parameters = rows};

static struct pl_model_suite suite_of(const struct pl_model *const *models) {
    return (struct pl_model_suite){.magic = PL_MODEL_MAGIC,
                                   .abi_major = PL_ABI_MAJOR,
                                   .abi_minor = PL_ABI_MINOR,
                                   .model_size = sizeof(struct pl_model),
                                   .parameter_size = sizeof(struct pl_model_parameter),
                                   .finding_size = sizeof(struct pl_model_finding),
                                   .experiment_size = sizeof(struct pl_model_experiment),
                                   .fit_size = sizeof(struct pl_fit),
                                   .models = models};
}

static void test_models_are_found_by_name_in_order(void **state) {
    (void)state;
    static const struct pl_model *const two[] = {&second, &first, NULL}, *const one[] = {&other, NULL};
    static struct pl_model_suite suite, late;
    suite = suite_of(two);
    late = suite_of(one);
    pl_models_add(&suite, "a.so");
    pl_models_add(&suite, "a.so"); /* the same file by another path */
    pl_models_add(&late, "b.so");
    assert_int_equal(pl_models_count(), 2);
    assert_ptr_equal(pl_models_get(0), &first);
    assert_ptr_equal(pl_models_get(1), &second);
    assert_null(pl_models_get(2));
    assert_ptr_equal(pl_models_find("SecondModel"), &second);
    assert_null(pl_models_find("ThirdModel"));
    assert_ptr_equal(pl_models_suite(&first), &suite);
    assert_string_equal(pl_models_nearest("FristModel"), "FirstModel");
}

static void test_a_suite_that_does_not_fit_is_left_out(void **state) {
    (void)state;
    unsigned before = pl_models_count();
    static const struct pl_model fine = {PL_MODEL("FineModel", "It would do."), .parameters = rows};
    static const struct pl_model *const one[] = {&fine, NULL};
    static struct pl_model_suite suite;
    suite = suite_of(one);
    struct pl_model_suite wrong = suite;
    wrong.abi_major++;
    pl_models_add(&wrong, "c.so");
    wrong = suite;
    wrong.magic = 0;
    pl_models_add(&wrong, "c.so");
    wrong = suite;
    wrong.finding_size += 8;
    pl_models_add(&wrong, "c.so");
    assert_int_equal(pl_models_count(), before);
    pl_models_add(&suite, "c.so");
    assert_int_equal(pl_models_count(), before + 1);
}

static void expect(unsigned row, const char *text, enum pl_code code, double value, const char *says) {
    double found = -1;
    struct pl_error *error = NULL;
    assert_int_equal(pl_model_value(&rows[row], text, strlen(text), &found, &error), code);
    if (!code) assert_true(found == value);
    if (code) assert_non_null(strstr(error->text, says));
    if (code) assert_true(found == -1);
    pl_error_free(&error);
}

static void test_values_are_numbers_in_range_or_choices(void **state) {
    (void)state;
    expect(0, "0.5", PL_OK, 0.5, NULL);
    expect(0, "0", PL_OK, 0, NULL);
    expect(0, "0.5furlong", PL_SYNTAX, 0, "has the unit \"furlong\"; a number");
    expect(0, "2.1", PL_RANGE, 0, "not within");
    expect(0, "inf", PL_RANGE, 0, "not within");
    expect(0, "nan", PL_SYNTAX, 0, "no number");
    expect(0, "", PL_SYNTAX, 0, "no number");
    expect(0, "0.5m", PL_OK, 0.5, NULL);
    expect(0, "43mm", PL_SYNTAX, 0, "\"43mm\" has the unit \"mm\"; a number in m is expected");
    expect(0, "1z", PL_SYNTAX, 0, "has the unit \"z\"");
    expect(1, "12", PL_OK, 12, NULL);
    expect(1, "12.5", PL_RANGE, 0, "whole");
    expect(2, "cylinder", PL_OK, 1, NULL);
    expect(2, "cylinde", PL_RANGE, 0, "slab, cylinder");
    expect(2, "1", PL_RANGE, 0, "slab, cylinder");
    assert_int_equal(pl_model_parameter(rows, "kind"), 2);
    assert_int_equal(pl_model_parameter(rows, "kin"), -1);
    assert_int_equal(pl_model_parameters(rows), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_are_found_by_name_in_order),
        cmocka_unit_test(test_a_suite_that_does_not_fit_is_left_out),
        cmocka_unit_test(test_values_are_numbers_in_range_or_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
