#include "log/conformance.h"

#include <potline/alloc.h>
#include <potline/codec.h>

#include "batch/tags.h"
#include "log/conformance_rig.h"

/* ---- Order and sequences ---- */

static void an_empty_log_has_nothing(void **state) {
    (void)state;
    assert_true(log_->partitions >= PARTITIONS);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        assert_int_equal(log_->ops->next(log_, p), 0);
        assert_int_equal(log_->ops->first(log_, p), 0);
        assert_int_equal(log_->ops->seek(log_, p, 0), 0);
        assert_holds((uint16_t)p, 0);
    }
}

static void records_come_back_in_order(void **state) {
    (void)state;
    append_numbers(0, 0, 500);
    assert_holds(0, 500);
}

static void append_says_the_sequences(void **state) {
    (void)state;
    uint64_t sequence = 0;
    for (uint64_t number = 0; number < 30; number += 3) {
        struct pl_log_record records[3];
        for (unsigned i = 0; i < 3; i++)
            records[i] = make_record(1, number + i);
        append_records(records, 3);
        for (unsigned i = 0; i < 3; i++) {
            assert_follows(records[i].sequence, sequence);
            sequence = records[i].sequence;
            if (records[i].batch) assert_int_equal(records[i].batch->header->first_sequence, sequence);
            sequence += length_of(&records[i]);
            drop_record(&records[i]);
        }
        assert_follows(log_->ops->next(log_, 1), sequence);
    }
}

static void partitions_are_apart(void **state) {
    (void)state;
    for (uint64_t number = 0; number < 200; number += 20)
        for (unsigned p = 0; p < PARTITIONS; p++)
            append_numbers((uint16_t)p, number, number + 20);
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_holds((uint16_t)p, 200);
}

static void one_append_may_go_to_several_partitions(void **state) {
    (void)state;
    struct pl_log_record records[PARTITIONS];
    for (unsigned p = 0; p < PARTITIONS; p++)
        records[p] = (struct pl_log_record){.type = PL_LOG_BARRIER, .partition = (uint16_t)p, .epoch = 9};
    append_records(records, PARTITIONS);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct pl_log_cursor *cursor = open_cursor(p, 0);
        struct pl_log_record found;
        assert_int_equal(log_->ops->read(cursor, &found, NULL), PL_OK);
        assert_same_record(&records[p], &found);
        assert_at_end(cursor);
        log_->ops->cursor_free(cursor);
    }
}

static void an_append_is_all_or_nothing(void **state) {
    (void)state;
    append_numbers(0, 0, 10);
    struct pl_log_record records[3] = {make_record(0, 10), make_record(1, 0), make_record(0, 11)};
    uint64_t next = log_->ops->next(log_, 0);
    struct pl_error *error = NULL;
    records[2].partition = UINT16_MAX; /* there is none */
    assert_int_equal(log_->ops->append(log_, records, 3, &error), PL_USAGE);
    assert_non_null(error);
    pl_error_free(&error);
    assert_int_equal(log_->ops->next(log_, 0), next);
    assert_int_equal(log_->ops->next(log_, 1), 0);
    for (unsigned i = 0; i < 3; i++)
        drop_record(&records[i]);
    append_numbers(0, 10, 20);
    reopen_log();
    assert_holds(0, 20);
    assert_holds(1, 0);
}

static void what_is_no_record_is_refused(void **state) {
    (void)state;
    struct pl_log_record rows = {.type = PL_LOG_ROWS};
    assert_int_equal(log_->ops->append(log_, &rows, 1, NULL), PL_USAGE);
    struct pl_log_record barrier = {.type = PL_LOG_BARRIER, .batch = random_batch(tags, PL_SAMPLES, 1, 5)};
    assert_int_equal(log_->ops->append(log_, &barrier, 1, NULL), PL_USAGE);
    struct pl_log_record placed = {.type = PL_LOG_BARRIER, .position = "x", .position_size = 1};
    assert_int_equal(log_->ops->append(log_, &placed, 1, NULL), PL_USAGE);
    static const char far[PL_LOG_POSITION_MAX + 1];
    struct pl_log_record long_place = make_record(0, 0);
    long_place.position = far;
    long_place.position_size = sizeof far;
    assert_int_equal(log_->ops->append(log_, &long_place, 1, NULL), PL_LIMIT);
    drop_record(&long_place);
    barrier.batch->rows = 0;
    barrier.type = PL_LOG_ROWS;
    assert_int_equal(log_->ops->append(log_, &barrier, 1, NULL), PL_USAGE);
    drop_record(&barrier);
    assert_holds(0, 0);
}

/* ---- Reopening ---- */

static void a_log_goes_on_after_reopening(void **state) {
    (void)state;
    for (uint64_t number = 0; number < 120; number += 40) {
        append_numbers(0, number, number + 40);
        append_numbers(2, number, number + 40);
        if (number == 40) assert_int_equal(log_->ops->sync(log_, NULL), PL_OK);
        reopen_log();
    }
    assert_holds(0, 120);
    assert_holds(1, 0);
    assert_holds(2, 120);
}

static void names_are_kept_not_ids(void **state) {
    (void)state;
    append_numbers(0, 0, 100);
    close_log();
    pl_tags_free(tags);
    tags = pl_tags_new(&(struct pl_tags_options){0});
    pl_tags_intern(tags, "somebody.else", 13); /* every id is another one now */
    open_log(PARTITIONS);
    assert_holds(0, 100);
}

static void partitions_are_never_lost_from_view(void **state) {
    (void)state;
    append_numbers(2, 0, 30);
    close_log();
    open_log(1);
    assert_int_equal(log_->partitions, PARTITIONS);
    assert_holds(2, 30);
}

/* ---- Cursors ---- */

static void a_cursor_follows_the_tail(void **state) {
    (void)state;
    struct pl_log_cursor *cursor = open_cursor(0, 0), *second = open_cursor(0, 0);
    uint64_t sequence = 0, number = 0;
    for (unsigned round = 0; round < 20; round++) {
        assert_at_end(cursor);
        append_numbers(0, number, number + round);
        for (unsigned i = 0; i < round; i++)
            read_number(cursor, 0, number++, &sequence);
    }
    assert_at_end(cursor);
    log_->ops->cursor_free(cursor);
    sequence = 0;
    for (uint64_t i = 0; i < number; i++)
        read_number(second, 0, i, &sequence);
    assert_at_end(second);
    log_->ops->cursor_free(second);
}

static void a_cursor_starts_where_it_is_told(void **state) {
    (void)state;
    append_numbers(0, 0, 100);
    struct pl_log_cursor *all = open_cursor(0, 0);
    struct pl_log_record record;
    for (uint64_t number = 0; !log_->ops->read(all, &record, NULL); number++) {
        uint64_t last = record.sequence + length_of(&record) - 1; /* in the middle of a record means all of it */
        for (uint64_t from = record.sequence; from <= last;
             from += last > record.sequence ? last - record.sequence : 1) {
            struct pl_log_cursor *cursor = open_cursor(0, from);
            uint64_t sequence = record.sequence;
            read_number(cursor, 0, number, &sequence);
            if (number < 99) read_number(cursor, 0, number + 1, &sequence);
            log_->ops->cursor_free(cursor);
        }
        drop_record(&record);
    }
    log_->ops->cursor_free(all);

    uint64_t next = log_->ops->next(log_, 0);
    struct pl_log_cursor *cursor = open_cursor(0, next);
    assert_at_end(cursor);
    append_numbers(0, 100, 101);
    read_number(cursor, 0, 100, &next);
    log_->ops->cursor_free(cursor);
}

static void a_cursor_beyond_the_log_is_refused(void **state) {
    (void)state;
    append_numbers(0, 0, 10);
    struct pl_log_cursor *cursor;
    struct pl_error *error = NULL;
    assert_int_equal(log_->ops->cursor(log_, 0, log_->ops->next(log_, 0) + 4 * factory->stride, false, &cursor, &error),
                     PL_RANGE);
    assert_non_null(error);
    pl_error_free(&error);
    assert_int_equal(log_->ops->cursor(log_, log_->partitions, 0, false, &cursor, NULL), PL_USAGE);
    log_->ops->cursor_free(NULL);
}

static void heads_say_all_but_the_rows(void **state) {
    (void)state;
    append_numbers(1, 0, 100);
    struct pl_log_cursor *cursor;
    assert_int_equal(log_->ops->cursor(log_, 1, 0, true, &cursor, NULL), PL_OK);
    for (uint64_t number = 0; number < 100; number++) {
        struct pl_log_record made = make_record(1, number), found;
        assert_int_equal(log_->ops->read(cursor, &found, NULL), PL_OK);
        assert_null(found.batch);
        assert_int_equal(found.sequence, start_of(1, number));
        assert_same_record(&made, &found);
        drop_record(&made);
    }
    assert_at_end(cursor);
    log_->ops->cursor_free(cursor);
}

/* ---- Time ---- */

static void seek_misses_no_row(void **state) {
    (void)state;
    enum { BATCHES = 400, ROWS = 10 };
    static pl_time times[BATCHES * ROWS];
    static uint64_t sequence[BATCHES * ROWS];
    random_state = 11;
    for (unsigned b = 0; b < BATCHES; b++) {
        for (unsigned i = 0; i < ROWS; i++) { /* from before 1970 on, with stragglers and rows far ahead */
            pl_time odd = random_number() % 40 ? 0 : (pl_time)(random_number() % (4 * PL_HOUR)) - 3 * PL_HOUR;
            times[b * ROWS + i] = (b - (pl_time)100) * 20 * PL_SECOND + odd + (pl_time)(random_number() % PL_MINUTE);
        }
        uint64_t begin = append_times(1, times + b * ROWS, ROWS);
        for (unsigned i = 0; i < ROWS; i++)
            sequence[b * ROWS + i] = begin + i;
        if (b == BATCHES / 2) reopen_log();
    }
    for (unsigned k = 0; k < 2000 / factory->haste; k++) {
        pl_time time = times[random_number() % (BATCHES * ROWS)] + (pl_time)(random_number() % 3) - 1;
        uint64_t from = log_->ops->seek(log_, 1, time);
        for (unsigned row = 0; row < BATCHES * ROWS && sequence[row] < from; row++)
            assert_true(times[row] < time);
        assert_true(from <= log_->ops->next(log_, 1));
    }
    assert_int_equal(log_->ops->seek(log_, 1, PL_TIME_MIN), 0);
    assert_int_equal(log_->ops->seek(log_, 0, 0), 0); /* another partition knows nothing of it */
}

static void seek_skips_what_is_older(void **state) {
    (void)state;
    enum { ROWS = 600 };
    static uint64_t sequence[ROWS];
    for (unsigned i = 0; i < ROWS; i++) {
        pl_time time = i * 10 * PL_SECOND;
        sequence[i] = append_times(0, &time, 1);
    }
    for (unsigned i = 0; i < ROWS; i++) {
        uint64_t from = log_->ops->seek(log_, 0, i * 10 * PL_SECOND);
        assert_true(from <= sequence[i]);
        if (factory->stride == 1) assert_true(from >= sequence[i < 6 ? 0 : i - 6]); /* within the minute */
    }
    assert_true(log_->ops->seek(log_, 0, PL_TIME_MAX) > sequence[590]);
}

/* ---- Sizes ---- */

static void large_batches_come_back(void **state) {
    (void)state;
    struct pl_batch *batches[3] = {random_batch(tags, PL_SAMPLES, 3, PL_BATCH_ROWS_MAX),
                                   random_batch(tags, PL_WINDOWS, 4, PL_BATCH_ROWS_MAX),
                                   pl_batch_new(PL_EVENTS, 2, PL_BATCH_HEAP_MAX)};
    struct pl_batch *events = batches[2]; /* with a body of nearly all that a batch may hold: {"k": bytes} */
    static uint8_t body[PL_BATCH_HEAP_MAX - 1] = {0x81, 0xa1, 'k', 0xc6, 0, 0x0f, 0xff, 0xf7};
    uint8_t empty = 0x80;
    random_state = 1;
    for (size_t i = 8; i < sizeof body; i++)
        body[i] = (uint8_t)random_number();
    for (uint32_t i = 0; i < 2; i++) {
        assert_non_null(pl_batch_heap(events, 0, i ? &empty : body, i ? 1 : sizeof body));
        for (unsigned c = 0; c < pl_kind_info[PL_EVENTS].columns; c++)
            random_cell(tags, &pl_kind_info[PL_EVENTS].column[c], events->column[c], i, 0);
        events->events.end[i] = events->heap_used[0];
    }
    events->rows = events->header->rows = 2;
    struct pl_log_record records[3];
    for (unsigned i = 0; i < 3; i++)
        records[i] = (struct pl_log_record){.type = PL_LOG_ROWS, .batch = batches[i]};
    append_records(records, 3);
    reopen_log();
    struct pl_log_cursor *cursor = open_cursor(0, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct pl_log_record found;
        assert_int_equal(log_->ops->read(cursor, &found, NULL), PL_OK);
        assert_same_batch(batches[i], tags, found.batch, tags);
        drop_record(&found);
        pl_batch_unref(batches[i]);
    }
    log_->ops->cursor_free(cursor);
}

static void a_large_command_comes_back(void **state) {
    (void)state;
    size_t size = PL_MESSAGE_MAX;
    uint8_t *body = malloc(size + 1);
    memset(body, 0xc0, size + 1);
    struct pl_log_record found, record = {.type = PL_LOG_CONTROL, .body = body, .body_size = size + 1};
    assert_int_equal(log_->ops->append(log_, &record, 1, NULL), PL_LIMIT);
    record.body_size = size;
    append_records(&record, 1);
    struct pl_log_cursor *cursor = open_cursor(0, 0);
    assert_int_equal(log_->ops->read(cursor, &found, NULL), PL_OK);
    assert_same_record(&record, &found);
    log_->ops->cursor_free(cursor);
    free(body);
}

int pl_log_conformance(const struct pl_log_factory *made, int argc, char **argv) {
    factory = made;
    if (argc == 5 && strcmp(argv[1], "--writer") == 0) return run_writer(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_log_has_nothing, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(records_come_back_in_order, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(append_says_the_sequences, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(partitions_are_apart, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(one_append_may_go_to_several_partitions, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(an_append_is_all_or_nothing, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(what_is_no_record_is_refused, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(a_log_goes_on_after_reopening, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(names_are_kept_not_ids, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(partitions_are_never_lost_from_view, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(a_cursor_follows_the_tail, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(a_cursor_starts_where_it_is_told, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(a_cursor_beyond_the_log_is_refused, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(heads_say_all_but_the_rows, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(seek_misses_no_row, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(seek_skips_what_is_older, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(large_batches_come_back, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(a_large_command_comes_back, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(what_is_trimmed_is_gone_and_the_rest_stays, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(a_record_is_trimmed_whole_or_not, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(the_last_record_is_never_trimmed, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(a_cursor_behind_a_trim_is_told, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(seek_misses_no_row_behind_a_trim, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(the_oldest_time_moves_on_with_a_trim, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(trims_run_beside_appends_and_reads, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(readers_follow_an_appender, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(sync_runs_beside_appends, setup_log, teardown_log),
        cmocka_unit_test_setup_teardown(what_was_appended_survives_a_kill, setup_log, teardown_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
