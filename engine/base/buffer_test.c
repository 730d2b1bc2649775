#include "base/buffer.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

#include "base/random.h"

static void bytes_come_out_as_they_went_in(void **state) {
    (void)state;
    static char model[200000];
    size_t size = 0;
    struct pl_random random = {.state = 1};
    struct pl_buffer buffer;
    pl_buffer_init(&buffer, sizeof model);
    for (unsigned i = 0; i < 20000; i++) {
        char piece[64];
        size_t length = pl_random_below(&random, sizeof piece);
        for (size_t k = 0; k < length; k++)
            piece[k] = (char)pl_random_next(&random);
        if (size + length > sizeof model) break;
        memcpy(model + size, piece, length);
        size += length;
        assert_true(pl_buffer_put(&buffer, piece, length));
        if (pl_random_below(&random, 10)) continue;
        size_t off = pl_random_below(&random, 40);
        if (off > size) off = size;
        pl_buffer_drop(&buffer, off);
        memmove(model, model + off, size - off);
        size -= off;
    }
    assert_int_equal(size, buffer.size);
    assert_memory_equal(model, buffer.data, size);
    pl_buffer_drop(&buffer, size + 1);
    assert_int_equal(0, buffer.size);
    pl_buffer_fini(&buffer);
}

static void text_is_written_in_any_way(void **state) {
    (void)state;
    struct pl_buffer buffer;
    pl_buffer_init(&buffer, 1000);
    assert_true(pl_buffer_puts(&buffer, "pot"));
    assert_true(pl_buffer_putc(&buffer, ' '));
    assert_true(pl_buffer_printf(&buffer, "%02d %s", 7, ""));
    char *at = pl_buffer_reserve(&buffer, 10);
    memcpy(at, "hot", 3);
    pl_buffer_commit(&buffer, 3);
    char *text = pl_buffer_take(&buffer);
    assert_string_equal("pot 07 hot", text);
    assert_int_equal(0, buffer.size);
    pl_free(text);
    text = pl_buffer_take(&buffer);
    assert_string_equal("", text);
    pl_free(text);
    pl_buffer_fini(&buffer);
}

static void the_limit_holds_and_a_failure_is_remembered(void **state) {
    (void)state;
    struct pl_buffer buffer;
    pl_buffer_init(&buffer, 100);
    char bytes[100] = {0};
    assert_true(pl_buffer_put(&buffer, bytes, 60));
    assert_true(pl_buffer_put(&buffer, bytes, 40));
    assert_true(pl_buffer_put(&buffer, NULL, 0));
    assert_int_equal(100, buffer.size);
    assert_false(pl_buffer_putc(&buffer, 'x'));
    assert_true(pl_buffer_failed(&buffer));
    assert_null(pl_buffer_take(&buffer));
    pl_buffer_drop(&buffer, 50);
    assert_false(pl_buffer_putc(&buffer, 'x')); /* what follows a gap would be wrong */
    pl_buffer_reset(&buffer);
    assert_true(pl_buffer_putc(&buffer, 'x'));
    assert_null(pl_buffer_reserve(&buffer, SIZE_MAX));
    pl_buffer_fini(&buffer);
}

static void no_memory_is_a_failure_too(void **state) {
    (void)state;
    int64_t before = pl_alloc_live();
    struct pl_buffer buffer;
    pl_buffer_init(&buffer, 1 << 20);
    pl_alloc_fail_after(0);
    assert_false(pl_buffer_puts(&buffer, "x"));
    assert_true(pl_buffer_failed(&buffer));
    pl_buffer_reset(&buffer);
    assert_true(pl_buffer_puts(&buffer, "abc"));
    pl_alloc_fail_after(0);
    assert_null(pl_buffer_reserve(&buffer, 1 << 16));
    assert_memory_equal("abc", buffer.data, 3);
    pl_buffer_reset(&buffer);
    pl_alloc_fail_after(0);
    assert_null(pl_buffer_take(&buffer));
    assert_true(pl_buffer_failed(&buffer));
    pl_buffer_fini(&buffer);
    assert_int_equal(before, pl_alloc_live());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(text_is_written_in_any_way),
        cmocka_unit_test(the_limit_holds_and_a_failure_is_remembered),
        cmocka_unit_test(no_memory_is_a_failure_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
