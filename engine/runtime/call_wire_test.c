/* Calls go to a node's process and their outcome comes back; bytes that are none fail the call, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/call_wire.h"

struct args {
    const char *name;
    int64_t count;
};

static const struct pl_option args_options[] = {
    PL_OPT_STRING(struct args, name, "name", NULL, PL_FIXED, ""),
    PL_OPT_INT(struct args, count, "count", "1", NULL, NULL, PL_FIXED, ""),
    PL_OPT_END,
};

static enum pl_code never(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                          struct pl_error **error) {
    (void)self;
    (void)node;
    (void)args;
    (void)call;
    (void)error;
    abort();
}

static const struct pl_operator op = {
    PL_OPERATOR("test.commands", "Has some."),
    .commands = PL_COMMANDS(
        {.name = "plain", .doc = "", .run = never},
        {.name = "with args", .doc = "", .args = args_options, .args_size = sizeof(struct args), .run = never}),
};

static void test_command(void **state) {
    (void)state;
    struct pl_option_memory memory = {0};
    struct args args = {"n", -3};
    struct pl_call *call = pl_call_new(), *there;
    struct pl_pack *pack = pl_pack_new();
    call->where = PL_CALL_COMMAND;
    call->command = &op.commands[1];
    call->args = &args;
    call->role = PL_ROLE_MANAGER;
    strcpy(call->user, "anna");
    assert_true(pl_call_pack(pack, call));
    there = pl_call_unpack(pl_pack_data(pack), pl_pack_size(pack), &op, &memory);
    assert_non_null(there);
    assert_ptr_equal(there->command, &op.commands[1]);
    assert_string_equal(there->user, "anna");
    assert_int_equal(there->role, PL_ROLE_MANAGER);
    assert_string_equal(((const struct args *)there->args)->name, "n");
    assert_int_equal(((const struct args *)there->args)->count, -3);
    for (size_t size = 0; size < pl_pack_size(pack); size++)
        assert_null(pl_call_unpack(pl_pack_data(pack), size, &op, &memory));
    pl_call_free(there);
    pl_call_free(call);
    pl_pack_free(pack);
    pl_option_memory_fini(&memory);
}

static void test_set(void **state) {
    (void)state;
    struct pl_option_memory memory = {0};
    struct pl_call_texts texts = {.text = {"n.limit", "5"}};
    struct pl_call *call = pl_call_new(), *there;
    struct pl_pack *pack = pl_pack_new();
    assert_false(pl_call_pack(pack, call)); /* one that is the engine's */
    call->where = PL_CALL_SET;
    call->args = &texts;
    assert_true(pl_call_pack(pack, call));
    there = pl_call_unpack(pl_pack_data(pack), pl_pack_size(pack), &op, &memory);
    assert_non_null(there);
    assert_int_equal(there->where, PL_CALL_SET);
    assert_string_equal(((const struct pl_call_texts *)there->args)->text[0], "n.limit");
    assert_string_equal(((const struct pl_call_texts *)there->args)->text[1], "5");
    pl_call_free(there);
    pl_call_free(call);
    pl_pack_free(pack);
    pl_option_memory_fini(&memory);
}

static struct pl_call *answered(void) {
    struct pl_call *call = pl_call_new();
    for (int i = 0; i < 3; i++)
        pl_pack_pair_int(pl_reply_row(call, 1), "i", i);
    pl_call_changed(call, "x.y", "1", "2");
    return call;
}

static void test_outcome(void **state) {
    (void)state;
    struct pl_call *call = answered(), *here = pl_call_new();
    struct pl_pack *pack = pl_pack_new();
    pl_call_pack_outcome(pack, call);
    assert_true(pl_call_unpack_outcome(pl_pack_data(pack), pl_pack_size(pack), PL_OK, here));
    assert_int_equal(here->code, PL_OK);
    assert_int_equal(here->row_count, 3);
    assert_int_equal(pl_pack_size(here->rows), pl_pack_size(call->rows));
    assert_memory_equal(pl_pack_data(here->rows), pl_pack_data(call->rows), pl_pack_size(call->rows));
    assert_string_equal(here->object, "x.y");
    assert_string_equal(here->to, "2");
    for (size_t size = 0; size < pl_pack_size(pack); size++) {
        struct pl_call *cut = pl_call_new();
        assert_false(pl_call_unpack_outcome(pl_pack_data(pack), size, PL_OK, cut));
        assert_int_equal(cut->code, PL_CORRUPT);
        assert_int_equal(cut->row_count, 0);
        pl_call_free(cut);
    }
    pl_call_free(call);
    pl_call_free(here);
    pl_pack_free(pack);
}

static void test_failure(void **state) {
    (void)state;
    struct pl_call *call = pl_call_new(), *here = pl_call_new();
    struct pl_pack *pack = pl_pack_new();
    call->code = pl_error_set(&call->error, PL_NOT_FOUND, "there is no %s", "x");
    pl_call_pack_outcome(pack, call);
    assert_true(pl_call_unpack_outcome(pl_pack_data(pack), pl_pack_size(pack), PL_NOT_FOUND, here));
    assert_int_equal(here->code, PL_NOT_FOUND);
    assert_string_equal(here->error->text, "there is no x");
    pl_call_free(here);
    here = pl_call_new();
    assert_false(pl_call_unpack_outcome(pl_pack_data(pack), pl_pack_size(pack), 1000, here));
    assert_int_equal(here->code, PL_CORRUPT);
    pl_call_free(call);
    pl_call_free(here);
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_outcome),
        cmocka_unit_test(test_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
