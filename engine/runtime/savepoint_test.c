/* savepoint_test.c: what a file says of itself before anything is taken from it. */
#include "runtime/savepoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include <potline/codec.h>

#include "store/folder_testing.h"
#include "store/savefile.h"

static char *folder, path[300];

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    snprintf(path, sizeof path, "%s/saved", folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

static void put(struct pl_savefile *file, char type, const struct pl_pack *pack) {
    struct pl_savefile_entry entry = {
        .type = type, .value = pl_pack_data(pack), .value_size = (uint32_t)pl_pack_size(pack)};
    assert_int_equal(pl_savefile_put(file, &entry, NULL), PL_OK);
}

/* Heads of so many epochs, each of one node. */
static enum pl_code open_with(const uint64_t *numbers, unsigned count) {
    struct pl_savefile *file;
    struct pl_savepoint *savepoint;
    struct pl_pack *pack = pl_pack_new();
    uint64_t sequence = 7;
    struct pl_epoch_node node = {.name = (char *)"node", .op = (char *)"op", .instances = 1};
    unlink(path);
    assert_int_equal(pl_savefile_create(path, NULL, &file, NULL), PL_OK);
    pl_pack_array(pack, 3);
    pl_pack_str(pack, "1.0");
    pl_pack_uint(pack, PL_STORE_FORMAT);
    pl_pack_int(pack, 0);
    put(file, 'i', pack);
    put(file, 'b', pack);
    for (unsigned i = 0; i < count; i++) {
        struct pl_epoch epoch = {
            .number = numbers[i], .partitions = 1, .sequence = &sequence, .node_count = 1, .nodes = &node};
        pl_pack_reset(pack);
        pl_epoch_pack(&epoch, pack);
        put(file, 'e', pack);
    }
    pl_pack_free(pack);
    assert_int_equal(pl_savefile_finish(file, NULL), PL_OK);
    pl_savefile_close(file);
    enum pl_code code = pl_savepoint_open(path, NULL, &savepoint, NULL);
    if (code) assert_null(savepoint);
    pl_savepoint_close(savepoint);
    return code;
}

/* An epoch behind the last number would be number 0, which is none. */
static void numbers_that_no_epoch_has_are_refused(void **state) {
    (void)state;
    assert_int_equal(open_with((const uint64_t[]){1}, 1), PL_OK);
    assert_int_equal(open_with((const uint64_t[]){1000000}, 1), PL_OK);
    assert_int_equal(open_with((const uint64_t[]){0}, 1), PL_CORRUPT);
    assert_int_equal(open_with((const uint64_t[]){0, 5}, 2), PL_CORRUPT);
    assert_int_equal(open_with((const uint64_t[]){UINT64_MAX}, 1), PL_CORRUPT);
    assert_int_equal(open_with((const uint64_t[]){UINT64_MAX - 1}, 1), PL_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_that_no_epoch_has_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
