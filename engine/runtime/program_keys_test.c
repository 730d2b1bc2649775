/* What a program keeps is counted as it is set, set again and dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "runtime/program_keys.h"

enum { KEYS = 5000, KEY = 8 };

static void note(struct pl_program_keys *keys, unsigned number, uint32_t size, bool gone) {
    char key[KEY + 1];
    snprintf(key, sizeof key, "%08u", number);
    struct pl_state_entry entry = {.key = key, .key_size = KEY, .value = gone ? NULL : "", .value_size = size};
    pl_program_keys_note(keys, &entry);
}

static void test_counted(void **state) {
    (void)state;
    struct pl_program_keys keys = {0};
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < KEYS; i++)
            note(&keys, i, 10 * round, false);
        assert_int_equal(keys.bytes, KEYS * (KEY + 10 * round));
    }
    for (unsigned i = 0; i < KEYS; i += 2)
        note(&keys, i, 0, true);
    note(&keys, KEYS + 1, 0, true); /* one that never was */
    assert_int_equal(keys.bytes, KEYS / 2 * (KEY + 30));
    assert_true(pl_program_keys_fit(&keys, (int64_t)keys.bytes) && pl_program_keys_fit(&keys, 0));
    assert_false(pl_program_keys_fit(&keys, (int64_t)keys.bytes - 1));
    pl_program_keys_fini(&keys);
    assert_int_equal(keys.bytes, 0);
}

/* Ever new ones that go again take no room. */
static void test_come_and_go(void **state) {
    (void)state;
    struct pl_program_keys keys = {0};
    for (unsigned i = 0; i < 100 * KEYS; i++) {
        note(&keys, i, 100, false);
        if (i >= 10) note(&keys, i - 10, 0, true);
    }
    assert_int_equal(keys.bytes, 10 * (KEY + 100));
    assert_true(keys.room <= 256);
    pl_program_keys_fini(&keys);
}

static void test_no_memory(void **state) {
    (void)state;
    struct pl_program_keys keys = {0};
    pl_alloc_fail_after(0);
    note(&keys, 1, 1, false);
    pl_alloc_fail_after(-1);
    assert_false(pl_program_keys_fit(&keys, 0));
    pl_program_keys_fini(&keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
