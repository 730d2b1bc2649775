#include "control/answer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/pack.h>

static struct pl_pack *make(void) {
    struct pl_pack *pack = pl_pack_new();
    assert_non_null(pack);
    pl_pack_map(pack, 6);
    pl_pack_str(pack, "id");
    pl_pack_uint(pack, 7);
    pl_pack_pair_str(pack, "status", "error");
    pl_pack_pair_str(pack, "code", "NOT_FOUND");
    pl_pack_pair_str(pack, "error", "no such node");
    pl_pack_str(pack, "rows");
    pl_pack_array(pack, 2);
    pl_pack_map(pack, 1);
    pl_pack_pair_int(pack, "n", 1);
    pl_pack_map(pack, 0);
    pl_pack_pair_str(pack, "of a later version", "x");
    return pack;
}

static void a_reply_is_read(void **state) {
    (void)state;
    struct pl_pack *pack = make();
    struct pl_answer answer;
    assert_true(pl__answer_read(&answer, pl_pack_data(pack), pl_pack_size(pack)));
    assert_int_equal(answer.id, 7);
    assert_int_equal(answer.status, PL_ANSWER_ERROR);
    assert_string_equal(answer.code, "NOT_FOUND");
    assert_string_equal(answer.error, "no such node");
    assert_int_equal(answer.count, 2);
    char *json = pl_pack_json(answer.rows, answer.size);
    assert_string_equal(json, "[{\"n\":1},{}]");
    pl_free(json);
    pl_answer_fini(&answer);
    pl_pack_free(pack);
}

/* Every prefix, and every byte changed to every value: read or refused, and nothing is kept of what is refused. */
static void what_is_no_reply_is_dropped(void **state) {
    (void)state;
    struct pl_pack *pack = make();
    struct pl_answer answer;
    size_t size = pl_pack_size(pack);
    int64_t live = pl_alloc_live();
    for (size_t i = 0; i < size; i++)
        assert_false(pl__answer_read(&answer, pl_pack_data(pack), i));
    uint8_t *copy = pl_alloc(size);
    for (size_t i = 0; i < size; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(copy, pl_pack_data(pack), size);
            copy[i] = (uint8_t)byte;
            if (pl__answer_read(&answer, copy, size)) pl_answer_fini(&answer);
        }
    pl_free(copy);
    assert_int_equal(pl_alloc_live(), live);
    pl_pack_free(pack);
}

static void rows_are_maps_with_text_keys(void **state) {
    (void)state;
    static const char *const wrong[] = {"\x82\xa6status\xa2ok\xa4rows\x91\x01",
                                        "\x82\xa6status\xa2ok\xa4rows\x91\x81\x01\x01",
                                        "\x82\xa6status\xa2ok\xa4rows\x81\xa1"
                                        "a\x01",
                                        "\x81\xa6status\xa3odd", "\x80"};
    struct pl_answer answer;
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++)
        assert_false(pl__answer_read(&answer, wrong[i], strlen(wrong[i])));
    assert_true(pl__answer_read(&answer, "\x82\xa6status\xa2ok\xa4rows\xc0", 17));
    pl_answer_fini(&answer);
}

static void without_memory_there_is_no_reply(void **state) {
    (void)state;
    struct pl_pack *pack = make();
    struct pl_answer answer;
    bool read = false;
    for (int64_t n = 0; !read; n++) {
        int64_t live = pl_alloc_live();
        pl_alloc_fail_after(n);
        read = pl__answer_read(&answer, pl_pack_data(pack), pl_pack_size(pack));
        if (read) pl_answer_fini(&answer);
        assert_int_equal(pl_alloc_live(), live);
    }
    pl_alloc_fail_after(-1);
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_read),
        cmocka_unit_test(what_is_no_reply_is_dropped),
        cmocka_unit_test(rows_are_maps_with_text_keys),
        cmocka_unit_test(without_memory_there_is_no_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
