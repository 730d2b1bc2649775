/* audit_testing.h: an audit trail in a folder of its own, and records to fill it. */
#ifndef POTLINE_AUDIT_TESTING_H
#define POTLINE_AUDIT_TESTING_H

#include "store/audit.h"
#include "store/folder_testing.h"

static char *folder;
static struct pl_store *store;

static inline struct pl_store *open_store(bool read_only) {
    struct pl_store *opened;
    struct pl_error *error = NULL;
    if (pl_store_open(folder, &(struct pl_store_options){.read_only = read_only}, &opened, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    return opened;
}

static inline int setup(void **state) {
    (void)state;
    folder = make_folder();
    store = open_store(false);
    return 0;
}

static inline int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    remove_folder(folder);
    return 0;
}

static inline struct pl_audit *open_audit(void) {
    struct pl_audit *audit;
    assert_int_equal(pl_audit_open(store, &audit, NULL), PL_OK);
    return audit;
}

static inline void append_one(struct pl_audit *audit, unsigned i) {
    char object[32];
    snprintf(object, sizeof object, "alarm %u", i);
    struct pl_audit_record record = {.time = i, .user = "anna", .action = "alarms ack", .object = object};
    struct pl_error *error = NULL;
    if (pl_audit_append(audit, &record, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
}

static inline void append_many(unsigned first, unsigned count) {
    struct pl_audit *audit = open_audit();
    for (unsigned i = 0; i < count; i++)
        append_one(audit, first + i);
    pl_audit_close(audit);
}

static inline enum pl_code count_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)error;
    uint64_t *count = arg;
    (*count)++;
    assert_true(record->sequence >= *count);
    return PL_OK;
}

/* How many records are whole; it must be all of them. */
static inline uint64_t count_whole(struct pl_store *from) {
    uint64_t count = 0;
    struct pl_error *error = NULL;
    if (pl_audit_each(from, 1, count_record, &count, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    return count;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
