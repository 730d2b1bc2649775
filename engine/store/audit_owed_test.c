#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants three of the above */
#include <cmocka.h>

#include "store/audit_testing.h"

static void append_owed(struct pl_audit *audit, const char *opens, const char *closes, const char *object) {
    struct pl_audit_record record = {
        .time = 1, .action = "setpoint write", .object = object, .opens = opens, .closes = closes};
    assert_int_equal(pl_audit_append(audit, &record, NULL), PL_OK);
}

struct owed {
    struct pl_audit *audit;
    char text[256];
};

static enum pl_code list_owed(void *arg, const char *name, const struct pl_audit_record *record,
                              struct pl_error **error) {
    struct owed *owed = arg;
    size_t used = strlen(owed->text);
    (void)error;
    snprintf(owed->text + used, sizeof owed->text - used, "%s=%s ", name, record->object);
    if (owed->audit) append_owed(owed->audit, NULL, name, record->object);
    return PL_OK;
}

static void assert_owed(struct pl_audit *audit, const char *prefix, bool close, const char *wanted) {
    struct owed owed = {.audit = close ? audit : NULL};
    assert_int_equal(pl_audit_owed_each(audit, prefix, list_owed, &owed, NULL), PL_OK);
    assert_string_equal(owed.text, wanted);
}

static void what_begins_is_owed_an_end(void **state) {
    (void)state;
    struct pl_audit *audit = open_audit();
    append_owed(audit, "write/1/a", NULL, "a");
    append_owed(audit, "write/2/b", NULL, "b");
    append_owed(audit, "other/3/a", NULL, "c");
    append_owed(audit, NULL, "write/1/a", "a");
    append_owed(audit, NULL, "write/9/x", "x"); /* that was never opened */
    assert_owed(audit, "", false, "other/3/a=c write/2/b=b ");
    pl_audit_close(audit);
    pl_store_close(store);
    store = open_store(false);
    audit = open_audit();
    assert_owed(audit, "wr", false, "write/2/b=b ");
    assert_owed(audit, "write/", true, "write/2/b=b ");
    assert_owed(audit, "", true, "other/3/a=c ");
    assert_owed(audit, "", true, "");
    assert_int_equal(count_whole(store), 7);
    pl_audit_close(audit);
}

static void a_pruned_record_is_owed_its_end_all_the_same(void **state) {
    (void)state;
    struct pl_audit *audit = open_audit();
    uint64_t removed;
    struct pl_audit_record prune = {.time = 10};
    append_owed(audit, "write/1/a", NULL, "a");
    append_many(5, 3);
    pl_audit_close(audit);
    audit = open_audit();
    assert_int_equal(pl_audit_prune(audit, 4, &prune, &removed, NULL), PL_OK);
    assert_int_equal(removed, 1);
    assert_owed(audit, "", true, "write/1/a= ");
    assert_owed(audit, "", true, "");
    pl_audit_close(audit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_begins_is_owed_an_end),
        TEST(a_pruned_record_is_owed_its_end_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
