/* epochs_group_test.c: epochs that are decided elsewhere, and state that comes from others. */
#include <potline/alloc.h>

#include "store/batch_testing.h"
#include "store/epochs.h"
#include "store/folder_testing.h"

static char *folder;
static struct pl_store *store;
static struct pl_epochs *epochs;
static struct pl_epoch last;

static void open_epochs(void) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
}

static void close_epochs(void) {
    pl_epochs_close(epochs);
    pl_epoch_fini(&last);
    pl_store_close(store);
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    open_epochs();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    close_epochs();
    remove_folder(folder);
    return 0;
}

static struct pl_epoch make_epoch(uint64_t number, uint64_t *sequences) {
    return (struct pl_epoch){.number = number, .partitions = 2, .sequence = sequences};
}

static void put(uint64_t epoch, uint16_t partition, const char *value) {
    struct pl_buffer entries;
    pl_buffer_init(&entries, 1 << 20);
    pl_state_put(&entries, "\2key", 4, value, (uint32_t)strlen(value));
    assert_int_equal(pl_epochs_put(epochs, epoch, "node", partition, &entries, NULL), PL_OK);
    pl_buffer_fini(&entries);
}

static enum pl_code note(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    (void)error;
    snprintf(arg, 64, "%.*s", (int)entry->value_size, (const char *)entry->value);
    return PL_OK;
}

static void assert_state(uint16_t partition, const char *expected) {
    char found[64] = "";
    assert_int_equal(pl_epochs_load(store, "node", partition, note, found, NULL), PL_OK);
    assert_string_equal(found, expected);
}

static void prepared(uint64_t number) {
    uint64_t sequences[] = {7, UINT64_MAX};
    struct pl_epoch epoch = make_epoch(number, sequences);
    put(number, 0, "new");
    assert_int_equal(pl_epochs_prepare(epochs, &epoch, NULL), PL_OK);
}

static void one_that_was_not_made_is_dropped(void **state) {
    (void)state;
    struct pl_epoch found;
    prepared(1);
    close_epochs();
    open_epochs();
    assert_int_equal(last.number, 0);
    assert_state(0, "");
    assert_int_equal(pl_epochs_prepared(store, &found, NULL), PL_OK);
    assert_int_equal(found.number, 1);
    pl_epoch_fini(&found);
}

static void one_that_was_made_is_the_last_one(void **state) {
    (void)state;
    struct pl_epoch found;
    prepared(1);
    close_epochs();
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_epochs_prepared(store, &found, NULL), PL_OK);
    assert_int_equal(pl_epochs_adopt(store, &found, NULL), PL_OK);
    pl_epoch_fini(&found);
    pl_store_close(store);
    open_epochs();
    assert_int_equal(last.number, 1);
    assert_true(last.sequence[0] == 7 && last.sequence[1] == UINT64_MAX);
    assert_state(0, "new");
}

static void a_partition_is_exchanged_alone(void **state) {
    (void)state;
    uint64_t sequences[] = {1, 2};
    struct pl_epoch epoch = make_epoch(1, sequences);
    struct pl_state_entry entry = {.key = "\2key", .key_size = 4, .value = "theirs", .value_size = 6};
    put(1, 0, "a");
    put(1, 1, "b");
    assert_int_equal(pl_epochs_commit(epochs, &epoch, false, NULL), PL_OK);
    assert_int_equal(pl_epochs_clear(epochs, 1, NULL), PL_OK);
    assert_state(0, "a");
    assert_state(1, "");
    assert_int_equal(pl_epochs_set(epochs, "node", 1, &entry, NULL), PL_OK);
    assert_int_equal(pl_epochs_adopt(store, &epoch, NULL), PL_OK);
    assert_int_equal(pl_epochs_describe(epochs, &epoch, (const char *const[]){NULL}, NULL), PL_OK);
    assert_state(0, "a");
    assert_state(1, "theirs");
}

/* By names that are alike, too; by a thread of its own, so that nothing of the epoch that is written is touched. */
static void partitions_are_cleared_and_set_beside(void **state) {
    (void)state;
    static const char *const names[] = {"node", "node2", "nod", "p"};
    struct pl_state_entry entry = {.key = "\2key", .key_size = 4, .value = "theirs", .value_size = 6};
    struct pl_epochs *beside;
    char found[64];
    put(1, 0, "open");
    assert_int_equal(pl_epochs_beside(store, &beside, NULL), PL_OK);
    for (size_t i = 0; i < PL_COUNT_OF(names); i++)
        for (uint16_t partition = 0; partition < 3; partition++)
            assert_int_equal(pl_epochs_set(beside, names[i], partition, &entry, NULL), PL_OK);
    assert_int_equal(pl_epochs_flush(beside, NULL), PL_OK);
    assert_int_equal(pl_epochs_clear(beside, 1, NULL), PL_OK);
    for (size_t i = 0; i < PL_COUNT_OF(names); i++) {
        for (uint16_t partition = 0; partition < 3; partition++) {
            found[0] = 0;
            assert_int_equal(pl_epochs_load(store, names[i], partition, note, found, NULL), PL_OK);
            assert_string_equal(found, partition == 1 ? "" : "theirs");
        }
    }
    pl_epochs_close(beside);
    assert_int_equal(pl_epochs_commit(epochs, &(struct pl_epoch){.number = 1}, false, NULL), PL_OK);
    assert_state(0, "open");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(partitions_are_cleared_and_set_beside, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_was_not_made_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_was_made_is_the_last_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_partition_is_exchanged_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
