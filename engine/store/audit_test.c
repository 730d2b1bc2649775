#include <potline/alloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants four of the above */
#include <cmocka.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "store/audit_testing.h"

enum { KEY = 8 };

/* Damage is found, named, and the records in front of it are given. */
static void assert_broken_at(uint64_t sequence) {
    uint64_t count = 0;
    struct pl_error *error = NULL;
    char named[40];
    snprintf(named, sizeof named, "record %llu ", (unsigned long long)sequence);
    assert_int_equal(pl_audit_each(store, 1, count_record, &count, &error), PL_CORRUPT);
    assert_int_equal(count, sequence - 1);
    char *text = pl_error_text(error);
    if (!strstr(text, named)) fail_msg("\"%s\" does not name %s", text, named);
    assert_non_null(strstr(text, folder));
    pl_free(text);
    pl_error_free(&error);
}

/* ---- What somebody does to the folder ---- */

static void key_of(uint64_t sequence, uint8_t key[KEY]) {
    for (int i = KEY - 1; i >= 0; i--, sequence >>= 8)
        key[i] = (uint8_t)sequence;
}

static uint8_t *take_value(uint64_t sequence, size_t *size) {
    uint8_t key[KEY];
    void *value;
    key_of(sequence, key);
    assert_int_equal(pl_store_get(store, PL_STORE_AUDIT, key, KEY, &value, size, NULL), PL_OK);
    return value;
}

static void put_value(uint64_t sequence, const void *value, size_t size) {
    uint8_t key[KEY];
    key_of(sequence, key);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    if (value)
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_AUDIT], (char *)key, KEY, value, size);
    else
        rocksdb_writebatch_delete_cf(writes, store->family[PL_STORE_AUDIT], (char *)key, KEY);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static void drop(uint64_t sequence) {
    put_value(sequence, NULL, 0);
}

static void swap(uint64_t a, uint64_t b) {
    size_t a_size, b_size;
    uint8_t *value_a = take_value(a, &a_size), *value_b = take_value(b, &b_size);
    put_value(a, value_b, b_size);
    put_value(b, value_a, a_size);
    pl_free(value_a);
    pl_free(value_b);
}

/* ---- Appending and reading ---- */

struct expected {
    const struct pl_audit_record *record;
    unsigned met;
};

static enum pl_code compare(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)error;
    struct expected *expected = arg;
    const struct pl_audit_record *wanted = expected->record;
    expected->met++;
    assert_int_equal(record->sequence, wanted->sequence);
    assert_int_equal(record->time, wanted->time);
    assert_memory_equal(record->hash, wanted->hash, PL_AUDIT_HASH);
    const char *found[] = {record->user,    record->role,        record->origin, record->action,
                           record->object,  record->from,        record->to,     record->reason,
                           record->outcome, record->correlation, record->detail};
    const char *given[] = {wanted->user,    wanted->role,        wanted->origin, wanted->action,
                           wanted->object,  wanted->from,        wanted->to,     wanted->reason,
                           wanted->outcome, wanted->correlation, wanted->detail};
    for (unsigned i = 0; i < PL_COUNT_OF(given); i++)
        assert_string_equal(found[i], given[i] ? given[i] : "");
    return PL_OK;
}

static void assert_reads_back(struct pl_audit_record *record) {
    struct pl_audit *audit = open_audit();
    assert_int_equal(pl_audit_append(audit, record, NULL), PL_OK);
    struct expected expected = {.record = record};
    assert_int_equal(pl_audit_each(store, record->sequence, compare, &expected, NULL), PL_OK);
    assert_int_equal(expected.met, 1);
    pl_audit_close(audit);
}

static void a_record_reads_back(void **state) {
    (void)state;
    assert_int_equal(count_whole(store), 0);
    assert_reads_back(&(struct pl_audit_record){.time = 1,
                                                .user = "anna",
                                                .role = "operator",
                                                .origin = "shell",
                                                .action = "set",
                                                .object = "clean.spike.k",
                                                .from = "3",
                                                .to = "3.5",
                                                .reason = "too many spikes",
                                                .outcome = "done",
                                                .correlation = "c-7",
                                                .detail = "of 3 nodes"});
    assert_reads_back(&(struct pl_audit_record){.time = -5, .action = "login", .reason = "\xC3\xA4\n\t\x1B[0m"});
    assert_reads_back(&(struct pl_audit_record){.time = PL_TIME_MAX});
    assert_int_equal(count_whole(store), 3);
}

static enum pl_code check_text(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)error;
    assert_string_equal(record->reason, arg);
    assert_true(pl_utf8_check(record->reason, strlen(record->reason)));
    return PL_OK;
}

static void assert_kept_as(const char *given, char *expected) {
    struct pl_audit *audit = open_audit();
    struct pl_audit_record record = {.action = "note", .reason = given};
    assert_int_equal(pl_audit_append(audit, &record, NULL), PL_OK);
    assert_int_equal(pl_audit_each(store, record.sequence, check_text, expected, NULL), PL_OK);
    pl_audit_close(audit);
}

/* PL_AUDIT_TEXT_MAX bytes hold 1365 characters of three bytes and one byte more. */
static void texts_are_made_utf8_and_cut(void **state) {
    (void)state;
    static char given[3 * PL_AUDIT_TEXT_MAX + 1], expected[PL_AUDIT_TEXT_MAX + 1];
    assert_kept_as("\xFFplant \xC3\x28 \xE2\x82", "\xEF\xBF\xBDplant \xEF\xBF\xBD( \xEF\xBF\xBD\xEF\xBF\xBD");
    memset(given, 'x', sizeof given - 1);
    memset(expected, 'x', PL_AUDIT_TEXT_MAX);
    assert_kept_as(given, expected);
    for (size_t i = 0; i < sizeof given - 3; i += 3)
        memcpy(given + i, "\xE2\x82\xAC", 3);
    memcpy(expected, given, 4095);
    expected[4095] = 0;
    assert_kept_as(given, expected);
    memset(given, 0x80, sizeof given - 1); /* none of it is UTF-8, and what stands for it is longer */
    for (size_t i = 0; i < 4095; i += 3)
        memcpy(expected + i, "\xEF\xBF\xBD", 3);
    assert_kept_as(given, expected);
}

static void the_chain_goes_on_after_reopening(void **state) {
    (void)state;
    append_many(1, 3);
    append_many(4, 3);
    pl_store_close(store);
    store = open_store(false);
    append_many(7, 3);
    assert_int_equal(count_whole(store), 9);
    struct pl_store *reader;
    pl_store_close(store);
    store = NULL;
    reader = open_store(true);
    assert_int_equal(count_whole(reader), 9);
    pl_store_close(reader);
}

static enum pl_code stop_at(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    return record->sequence == *(uint64_t *)arg ? pl_error_set(error, PL_LIMIT, "enough") : PL_OK;
}

static void reading_starts_and_ends_where_it_is_told(void **state) {
    (void)state;
    uint64_t count = 0, stop = 4;
    append_many(1, 10);
    assert_int_equal(pl_audit_each(store, 8, count_record, &count, NULL), PL_OK);
    assert_int_equal(count, 3);
    assert_int_equal(pl_audit_each(store, 11, count_record, &count, NULL), PL_OK);
    assert_int_equal(pl_audit_each(store, UINT64_MAX, count_record, &count, NULL), PL_OK);
    assert_int_equal(count, 3);
    struct pl_error *error = NULL;
    assert_int_equal(pl_audit_each(store, 2, stop_at, &stop, &error), PL_LIMIT);
    assert_string_equal(error->text, "enough");
    pl_error_free(&error);
}

/* ---- Damage ---- */

static void a_removed_record_is_found(void **state) {
    (void)state;
    append_many(1, 10);
    drop(6);
    assert_broken_at(6);
    drop(1);
    assert_broken_at(1);
}

static void a_changed_record_is_found_whatever_byte_it_is(void **state) {
    (void)state;
    append_many(1, 5);
    size_t size;
    uint8_t *value = take_value(3, &size);
    for (size_t i = 0; i < size; i++) {
        value[i] ^= 1;
        put_value(3, value, size);
        assert_broken_at(3);
        value[i] ^= 1;
    }
    for (size_t shorter = 0; shorter < size; shorter += 7) {
        put_value(3, shorter ? value : (const void *)"", shorter);
        assert_broken_at(3);
    }
    put_value(3, value, size);
    assert_int_equal(count_whole(store), 5);
    pl_free(value);
}

static void swapped_records_are_found(void **state) {
    (void)state;
    append_many(1, 10);
    swap(4, 5);
    assert_broken_at(4);
    swap(4, 5);
    swap(9, 10);
    assert_broken_at(9);
}

/* A record of another chain, with a hash that fits nothing here, and all others moved on by one. */
static void an_inserted_record_is_found(void **state) {
    (void)state;
    append_many(1, 6);
    size_t size;
    uint8_t *other = take_value(2, &size);
    for (uint64_t i = 6; i >= 4; i--) {
        size_t moved_size;
        uint8_t *moved = take_value(i, &moved_size);
        put_value(i + 1, moved, moved_size);
        pl_free(moved);
    }
    put_value(4, other, size);
    assert_broken_at(4);
    pl_free(other);
}

/* One that follows from the last record, made by a store of its own: only the entry of the end tells. */
static void a_record_behind_the_end_is_found(void **state) {
    (void)state;
    append_many(1, 3);
    size_t end_size, size;
    uint8_t *end = take_value(0, &end_size);
    append_many(4, 1);
    put_value(0, end, end_size);
    assert_broken_at(4);
    uint8_t *forged = take_value(4, &size);
    put_value(3, forged, size);
    drop(4);
    assert_broken_at(3);
    pl_free(forged);
    pl_free(end);
}

static void a_key_that_is_none_is_found(void **state) {
    (void)state;
    append_many(1, 3);
    static const char key[] = {0, 0, 0, 0, 0, 0, 0, 2, 0};
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_AUDIT], key, sizeof key, "x", 1);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
    assert_broken_at(3);
}

static void cut_off_records_are_found_and_stay_so(void **state) {
    (void)state;
    append_many(1, 10);
    for (uint64_t i = 6; i <= 10; i++)
        drop(i);
    assert_broken_at(6);
    append_many(11, 2); /* what comes after hides nothing */
    assert_broken_at(6);
    uint64_t count = 0;
    assert_int_equal(pl_audit_each(store, 11, count_record, &count, NULL), PL_CORRUPT);
    assert_int_equal(pl_audit_each(store, 12, count_record, &count, NULL), PL_OK);
    assert_int_equal(count, 1);
}

static void a_lost_end_is_found(void **state) {
    (void)state;
    append_many(1, 3);
    drop(0);
    assert_broken_at(1);
    append_many(4, 1); /* goes on behind the last record */
    assert_int_equal(count_whole(store), 4);
}

/* ---- Places ---- */

static void a_place_reads_back(void **state) {
    (void)state;
    struct pl_audit_place place = {.sequence = 1234567}, read;
    char text[PL_AUDIT_PLACE_TEXT];
    for (unsigned i = 0; i < PL_AUDIT_HASH; i++)
        place.hash[i] = (uint8_t)(i * 37);
    pl_audit_place_put(&place, text);
    assert_true(pl_audit_place_read(text, &read));
    assert_int_equal(read.sequence, place.sequence);
    assert_memory_equal(read.hash, place.hash, PL_AUDIT_HASH);
    text[10] = 'g';
    assert_false(pl_audit_place_read(text, &read));
    static const char *const wrong[] = {"", ":", "1", "1:", "0:", "-1:00", "x:00", "1:0000"};
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++)
        assert_false(pl_audit_place_read(wrong[i], &read));
}

static void the_head_is_the_last_record(void **state) {
    (void)state;
    struct pl_audit_place head, pruned, last;
    struct pl_audit *audit = open_audit();
    pl_audit_head(audit, &head);
    assert_int_equal(head.sequence, 0);
    struct pl_audit_record record = {.action = "note"};
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(pl_audit_append(audit, &record, NULL), PL_OK);
        pl_audit_head(audit, &head);
        assert_int_equal(pl_audit_places(store, &pruned, &last, NULL), PL_OK);
        assert_int_equal(head.sequence, i);
        assert_int_equal(last.sequence, i);
        assert_int_equal(pruned.sequence, 0);
        assert_memory_equal(head.hash, record.hash, PL_AUDIT_HASH);
        assert_memory_equal(last.hash, record.hash, PL_AUDIT_HASH);
    }
    pl_audit_close(audit);
}

/* ---- Pruning ---- */

static uint64_t prune(pl_time before) {
    struct pl_audit *audit = open_audit();
    struct pl_audit_record record = {.time = 1000, .origin = "engine", .reason = "old"};
    struct pl_error *error = NULL;
    uint64_t removed;
    if (pl_audit_prune(audit, before, &record, &removed, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    pl_audit_close(audit);
    return removed;
}

static enum pl_code keep_detail(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)error;
    if (strcmp(record->action, PL_AUDIT_PRUNE) == 0)
        snprintf(arg, 1000, "%s; %s; %s", record->object, record->reason, record->detail);
    return PL_OK;
}

static void the_beginning_is_pruned_and_the_rest_is_whole(void **state) {
    (void)state;
    char text[1000] = "";
    append_many(1, 10);
    assert_int_equal(prune(1), 0);
    assert_int_equal(count_whole(store), 10);
    assert_int_equal(prune(5), 4);
    assert_int_equal(count_whole(store), 7); /* 5 to 10, and the pruning */
    assert_int_equal(pl_audit_each(store, 1, keep_detail, text, NULL), PL_OK);
    assert_string_equal(text,
                        "records 1 to 4; old; from 1970-01-01T00:00:00.000000001Z to 1970-01-01T00:00:00.000000004Z; "
                        "actions: alarms ack 4; users: anna 4");
    append_many(11, 2);
    assert_int_equal(prune(8), 3);
    assert_int_equal(pl_audit_each(store, 1, keep_detail, text, NULL), PL_OK);
    assert_memory_equal(text, "records 5 to 7;", 15);
    pl_store_close(store);
    store = open_store(false);
    append_many(13, 1);
    assert_int_equal(count_whole(store), 8);
    struct pl_audit_place pruned, last;
    assert_int_equal(pl_audit_places(store, &pruned, &last, NULL), PL_OK);
    assert_int_equal(pruned.sequence, 7);
    assert_int_equal(last.sequence, 15);
    uint64_t count = 0;
    assert_int_equal(pl_audit_each(store, 3, count_record, &count, NULL), PL_OK);
    assert_int_equal(count, 8);
}

static void all_of_it_can_be_pruned(void **state) {
    (void)state;
    append_many(1, 10);
    assert_int_equal(prune(2000), 10);
    assert_int_equal(count_whole(store), 1);
    assert_int_equal(prune(2000), 1); /* the record of the pruning */
    assert_int_equal(count_whole(store), 1);
    assert_int_equal(prune(1000), 0);
}

static void damage_behind_a_pruning_is_found(void **state) {
    (void)state;
    append_many(1, 10);
    prune(5);
    size_t size;
    uint64_t count = 0;
    uint8_t *value = take_value(8, &size);
    drop(8);
    assert_int_equal(pl_audit_each(store, 1, count_record, &count, NULL), PL_CORRUPT);
    assert_int_equal(count, 3);
    put_value(8, value, size);
    assert_int_equal(count_whole(store), 7);
    drop(5); /* the first one that is left */
    assert_int_equal(pl_audit_each(store, 1, count_record, &count, NULL), PL_CORRUPT);
    pl_free(value);
}

/* Whoever removes the beginning, and says so only in the entry under 0. */
static void a_beginning_that_nobody_pruned_is_missing(void **state) {
    (void)state;
    append_many(1, 6);
    size_t end_size, size;
    uint8_t *end = take_value(0, &end_size), *third = take_value(3, &size), both[80];
    assert_int_equal(end_size, 40);
    memcpy(both, end, 40);
    key_of(3, both + 40);
    memcpy(both + 48, third, PL_AUDIT_HASH);
    for (uint64_t i = 1; i <= 3; i++)
        drop(i);
    assert_broken_at(1);
    put_value(0, both, sizeof both);
    uint64_t count = 0;
    struct pl_error *error = NULL;
    assert_int_equal(pl_audit_each(store, 1, count_record, &count, &error), PL_CORRUPT);
    assert_non_null(strstr(error->text, "record 1 and those behind it are missing"));
    pl_error_free(&error);
    pl_free(end);
    pl_free(third);
}

static void damaged_records_are_not_pruned(void **state) {
    (void)state;
    append_many(1, 10);
    swap(2, 3);
    struct pl_audit *audit = open_audit();
    struct pl_audit_record record = {.time = 1000};
    uint64_t removed;
    assert_int_equal(pl_audit_prune(audit, 5, &record, &removed, NULL), PL_CORRUPT);
    assert_int_equal(removed, 0);
    pl_audit_close(audit);
    swap(2, 3);
    assert_int_equal(count_whole(store), 10);
}

/* ---- Many threads, death, memory ---- */

static void *append_thread(void *arg) {
    for (unsigned i = 0; i < 500; i++)
        append_one(arg, i);
    return NULL;
}

static void threads_make_one_chain(void **state) {
    (void)state;
    struct pl_audit *audit = open_audit();
    pthread_t threads[4];
    for (unsigned i = 0; i < PL_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_thread, audit), 0);
    for (unsigned i = 0; i < PL_COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    pl_audit_close(audit);
    assert_int_equal(count_whole(store), 2000);
}

/* Says after each append that it has returned. */
static void append_until_killed(int said) {
    store = open_store(false);
    struct pl_audit *audit = open_audit();
    for (unsigned i = 0;; i++) {
        append_one(audit, i);
        if (write(said, "x", 1) != 1) _exit(1);
    }
}

static uint64_t count_said(int said, uint64_t most) {
    char bytes[256];
    uint64_t count = 0;
    ssize_t length;
    while (count < most && (length = read(said, bytes, sizeof bytes)) > 0)
        count += (uint64_t)length;
    return count;
}

static void a_killed_process_leaves_a_whole_chain(void **state) {
    (void)state;
    uint64_t appended = 0;
    for (unsigned round = 0; round < 3; round++) {
        int said[2];
        pl_store_close(store);
        store = NULL;
        assert_int_equal(pipe(said), 0);
        pid_t child = fork();
        if (child == 0) append_until_killed(said[1]);
        close(said[1]);
        uint64_t before = count_said(said[0], 700 + 400 * round);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        uint64_t all = before + count_said(said[0], UINT64_MAX);
        close(said[0]);
        store = open_store(false);
        uint64_t whole = count_whole(store) - appended;
        assert_in_range(whole, all, all + 1); /* it may have died before it could say so */
        appended += whole;
    }
}

static void without_memory_nothing_is_half_done(void **state) {
    (void)state;
    append_many(1, 2);
    int64_t live = pl_alloc_live();
    bool happened = true;
    for (int64_t after = 0; happened; after++) {
        struct pl_audit *audit = NULL;
        struct pl_audit_record record = {.action = "note"};
        uint64_t count = 0;
        pl_alloc_fail_after(after);
        enum pl_code code = pl_audit_open(store, &audit, NULL);
        if (!code) code = pl_audit_append(audit, &record, NULL);
        if (!code) code = pl_audit_each(store, 1, count_record, &count, NULL);
        uint64_t removed;
        struct pl_audit_record pruning = {.time = 1000, .reason = "old"};
        if (!code) code = pl_audit_prune(audit, 1, &pruning, &removed, NULL);
        happened = !pl_alloc_fail_pending();
        pl_alloc_fail_after(-1);
        assert_int_equal(code, happened ? PL_NO_MEMORY : PL_OK);
        pl_audit_close(audit);
        assert_int_equal(pl_alloc_live(), live);
        count_whole(store);
    }
}

/* ---- Speed: told, not judged ---- */

static double thread_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void tell_how_fast(unsigned records) {
    int64_t begun = pl_clock_monotonic();
    struct pl_audit *audit = open_audit();
    struct pl_audit_record record = {.user = "anna.larsen",
                                     .role = "engineer",
                                     .origin = "http 10.0.0.7",
                                     .action = "constraints set",
                                     .object = "potroom1.pot17.voltage.high",
                                     .from = "4.35",
                                     .to = "4.42",
                                     .reason = "anode change",
                                     .outcome = "done"};
    for (unsigned i = 0; i < records; i++) {
        record.time = (pl_time)i * PL_SECOND;
        assert_int_equal(pl_audit_append(audit, &record, NULL), PL_OK);
    }
    pl_audit_close(audit);
    double appending = (double)(pl_clock_monotonic() - begun) / records;
    begun = pl_clock_monotonic();
    double busy = thread_seconds();
    assert_int_equal(count_whole(store), records);
    double verifying = (double)(pl_clock_monotonic() - begun);
    printf("%u records: %.1f us to append one, %.2f s (%.2f s of CPU) to verify all\n", records, appending / 1e3,
           verifying / 1e9, thread_seconds() - busy);
}

static void many_records_are_verified(void **state) {
    (void)state;
    const char *records = getenv("POTLINE_AUDIT_RECORDS");
    tell_how_fast(records ? (unsigned)strtoul(records, NULL, 10) : 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_record_reads_back),
        TEST(texts_are_made_utf8_and_cut),
        TEST(the_chain_goes_on_after_reopening),
        TEST(reading_starts_and_ends_where_it_is_told),
        TEST(a_removed_record_is_found),
        TEST(a_changed_record_is_found_whatever_byte_it_is),
        TEST(swapped_records_are_found),
        TEST(an_inserted_record_is_found),
        TEST(a_record_behind_the_end_is_found),
        TEST(a_key_that_is_none_is_found),
        TEST(cut_off_records_are_found_and_stay_so),
        TEST(a_lost_end_is_found),
        TEST(a_place_reads_back),
        TEST(the_head_is_the_last_record),
        TEST(the_beginning_is_pruned_and_the_rest_is_whole),
        TEST(all_of_it_can_be_pruned),
        TEST(damage_behind_a_pruning_is_found),
        TEST(a_beginning_that_nobody_pruned_is_missing),
        TEST(damaged_records_are_not_pruned),
        TEST(threads_make_one_chain),
        TEST(a_killed_process_leaves_a_whole_chain),
        TEST(without_memory_nothing_is_half_done),
        TEST(many_records_are_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
