/* conformance_trim.c: forgetting the oldest records. */
#include <pthread.h>
#include <stdatomic.h>

#include "batch/tags.h"
#include "log/conformance_rig.h"

static void trim(unsigned partition, uint64_t sequence) {
    struct pl_error *error = NULL;
    if (log_->ops->trim(log_, partition, sequence, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
}

static void assert_kept_from(uint16_t partition, uint64_t number, uint64_t records) {
    uint64_t sequence = start_of(partition, number);
    assert_int_equal(log_->ops->first(log_, partition), sequence);
    struct pl_log_cursor *cursor = open_cursor(partition, sequence);
    for (uint64_t i = number; i < records; i++)
        read_number(cursor, partition, i, &sequence);
    assert_at_end(cursor);
    assert_follows(log_->ops->next(log_, partition), sequence);
    log_->ops->cursor_free(cursor);
}

void what_is_trimmed_is_gone_and_the_rest_stays(void **state) {
    (void)state;
    append_numbers(0, 0, 100);
    append_numbers(1, 0, 100);
    trim(1, 0);
    trim(2, 50); /* empty */
    assert_kept_from(1, 0, 100);
    trim(1, start_of(1, 40));
    assert_kept_from(1, 40, 100);
    assert_kept_from(0, 0, 100);
    struct pl_log_cursor *cursor;
    assert_int_equal(log_->ops->cursor(log_, 1, start_of(1, 40) - 1, false, &cursor, NULL), PL_RANGE);
    trim(1, start_of(1, 10)); /* is gone already */
    assert_kept_from(1, 40, 100);
    append_numbers(1, 100, 120);
    reopen_log();
    assert_kept_from(1, 40, 120);
    append_numbers(1, 120, 130);
    trim(1, start_of(1, 110));
    reopen_log();
    assert_kept_from(1, 110, 130);
    assert_kept_from(0, 0, 100);
}

void a_record_is_trimmed_whole_or_not(void **state) {
    (void)state;
    append_numbers(0, 0, 60);
    for (uint64_t number = 1; number < 30; number++) {
        struct pl_log_record record = make_record(0, number);
        uint64_t length = length_of(&record);
        drop_record(&record);
        trim(0, start_of(0, number) + length - 1);
        assert_kept_from(0, number, 60);
    }
}

/* Numbers never begin anew. */
void the_last_record_is_never_trimmed(void **state) {
    (void)state;
    append_numbers(2, 0, 50);
    trim(2, UINT64_MAX);
    assert_kept_from(2, 49, 50);
    reopen_log();
    assert_kept_from(2, 49, 50);
    append_numbers(2, 50, 60);
    assert_kept_from(2, 49, 60);
}

void a_cursor_behind_a_trim_is_told(void **state) {
    (void)state;
    struct pl_log_record record;
    struct pl_error *error = NULL;
    append_numbers(0, 0, 50);
    struct pl_log_cursor *early = open_cursor(0, 0), *late = open_cursor(0, start_of(0, 45));
    trim(0, start_of(0, 40));
    assert_int_equal(log_->ops->read(early, &record, &error), PL_RANGE);
    assert_non_null(error);
    pl_error_free(&error);
    uint64_t sequence = start_of(0, 45);
    read_number(late, 0, 45, &sequence);
    log_->ops->cursor_free(early);
    log_->ops->cursor_free(late);
}

/* ---- Time ---- */

/* Times go up and down, so a row in front of the first kept one may have reached the highest minute. */
void seek_misses_no_row_behind_a_trim(void **state) {
    (void)state;
    enum { ROWS_MAX = 1500 };
    const unsigned rows = ROWS_MAX / factory->haste, often = 200 / factory->haste;
    static pl_time times[ROWS_MAX];
    static uint64_t sequence[ROWS_MAX];
    random_state = 5;
    assert_int_equal(log_->ops->oldest(log_, 1), PL_TIME_MAX);
    for (unsigned i = 0; i < rows; i++) {
        times[i] = (pl_time)i * 5 * PL_SECOND - (pl_time)(random_number() % (2 * PL_HOUR));
        sequence[i] = append_times(1, &times[i], 1);
        if (i % often == often - 1) trim(1, sequence[i - random_number() % (often * 3 / 4)]);
        if (i % (rows / 4) == rows / 8) reopen_log();
    }
    uint64_t first = log_->ops->first(log_, 1);
    assert_in_range(first, sequence[rows - 3 * often], sequence[rows - 1]);
    for (unsigned k = 0; k < 3000 / factory->haste; k++) {
        pl_time time = times[random_number() % rows] + (pl_time)(random_number() % 3) - 1;
        uint64_t from = log_->ops->seek(log_, 1, time);
        assert_in_range(from, first, log_->ops->next(log_, 1));
        for (unsigned row = 0; row < rows && sequence[row] < from; row++)
            assert_true(sequence[row] < first || times[row] < time);
    }
    assert_int_equal(log_->ops->seek(log_, 1, PL_TIME_MIN), first);
}

void the_oldest_time_moves_on_with_a_trim(void **state) {
    (void)state;
    uint64_t sequence[100];
    for (unsigned i = 0; i < 100; i++) {
        pl_time time = (pl_time)i * PL_MINUTE;
        sequence[i] = append_times(0, &time, 1);
    }
    assert_int_equal(log_->ops->oldest(log_, 0), 0);
    trim(0, sequence[70]);
    assert_int_equal(log_->ops->oldest(log_, 0), 70 * PL_MINUTE);
    reopen_log();
    assert_int_equal(log_->ops->oldest(log_, 0), 70 * PL_MINUTE);
    assert_true(log_->ops->bytes(log_, 0, sequence[70]) >= log_->ops->bytes(log_, 0, sequence[90]));
    assert_true(log_->ops->bytes(log_, 0, sequence[90]) > 0);
}

/* ---- Beside an appender ---- */

static _Atomic bool appended;

static void *trim_behind(void *arg) {
    (void)arg;
    while (!atomic_load(&appended)) {
        uint64_t next = log_->ops->next(log_, 0), back = 500 / factory->haste * factory->stride;
        if (log_->ops->trim(log_, 0, next > back ? next - back : 0, NULL)) return log_;
    }
    return NULL;
}

void trims_run_beside_appends_and_reads(void **state) {
    (void)state;
    pthread_t thread;
    void *failed;
    uint64_t sequence = 0;
    atomic_store(&appended, false);
    struct pl_log_cursor *cursor = open_cursor(0, 0);
    assert_int_equal(pthread_create(&thread, NULL, trim_behind, NULL), 0);
    for (uint64_t number = 0; number < 3000 / factory->haste; number += 3) {
        append_numbers(0, number, number + 3);
        for (unsigned i = 0; i < 3; i++)
            read_number(cursor, 0, number + i, &sequence);
    }
    atomic_store(&appended, true);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_true(log_->ops->first(log_, 0) > 0);
    log_->ops->cursor_free(cursor);
    uint64_t first = log_->ops->first(log_, 0);
    reopen_log();
    assert_int_equal(log_->ops->first(log_, 0), first);
    assert_follows(log_->ops->next(log_, 0), sequence);
}
