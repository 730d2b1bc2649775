#include "store/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* RFC 3720, B.4. */
static void test_known_values(void **state) {
    (void)state;
    unsigned char bytes[32] = {0};
    assert_int_equal(pl__crc32c("123456789", 9), 0xe3069283u);
    assert_int_equal(pl__crc32c(bytes, 0), 0);
    assert_int_equal(pl__crc32c(bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(pl__crc32c(bytes, sizeof bytes), 0x62a8ab43u);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(pl__crc32c(bytes, sizeof bytes), 0x46dd794eu);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
