#include "log/conformance.h"

#include <fcntl.h>
#include <potline/alloc.h>
#include <potline/codec.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/tags.h"
#include "store/batch_testing.h"

enum { PARTITIONS = 3 };

static const struct pl_log_factory *factory;
static char *place;
static struct pl_tags *tags;
static void *opened;
static struct pl_log *log_;

/* ---- Helpers ---- */

static void open_log(unsigned partitions) {
    struct pl_error *error = NULL;
    opened = factory->open(place, tags, partitions, &log_, &error);
    if (!opened) {
        pl_error_print(stderr, error);
        fail();
    }
}

static void reopen_log(void) {
    factory->close(opened);
    open_log(PARTITIONS);
}

static int setup(void **state) {
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){0});
    place = factory->make();
    open_log(PARTITIONS);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    factory->close(opened);
    factory->remove(place);
    pl_tags_free(tags);
    return 0;
}

/* Record `number` of a partition: what it is follows from these two. End it with drop_record. */
static struct pl_log_record make_record(uint16_t partition, uint64_t number) {
    static const uint8_t body[] = {0x81, 0xa3, 's', 'e', 't', 0x01};
    uint64_t seed = number * 7 + partition;
    struct pl_log_record record = {.partition = partition, .source = pl_tags_intern(tags, "plc.events", 10)};
    switch (number % 11) {
    case 3:
        record.type = PL_LOG_WATERMARK;
        record.watermark = (pl_time)number * PL_SECOND;
        record.flags = number % 2 ? PL_LOG_IDLE : 0;
        break;
    case 5:
        record.type = PL_LOG_BARRIER;
        record.source = 0;
        record.epoch = UINT64_C(1) << 40 | number;
        break;
    case 7:
        record.type = PL_LOG_CONTROL;
        record.source = 0;
        record.body = body;
        record.body_size = sizeof body - (number % 2 ? sizeof body : 0);
        break;
    case 9:
        record.type = PL_LOG_END;
        record.watermark = PL_TIME_MAX;
        break;
    default:
        record.type = PL_LOG_ROWS;
        record.watermark = (pl_time)number - 5;
        record.batch = random_batch(tags, seed % 3 ? PL_SAMPLES : seed % PL_KINDS, seed, 40);
        break;
    }
    return record;
}

static void drop_record(struct pl_log_record *record) {
    pl_batch_unref(record->batch);
}

static uint64_t length_of(const struct pl_log_record *record) {
    return record->batch ? record->batch->rows : 1;
}

static void append_records(struct pl_log_record *records, unsigned count) {
    struct pl_error *error = NULL;
    if (log_->ops->append(log_, records, count, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
}

/* Appends records `from` to `to` of a partition, one, two or three at a time. */
static void append_numbers(uint16_t partition, uint64_t from, uint64_t to) {
    struct pl_log_record records[3];
    while (from < to) {
        unsigned count = 0;
        for (unsigned most = (unsigned)(from % 3) + 1; count < most && from < to; from++)
            records[count++] = make_record(partition, from);
        append_records(records, count);
        for (unsigned i = 0; i < count; i++)
            drop_record(&records[i]);
    }
}

static struct pl_log_cursor *open_cursor(unsigned partition, uint64_t from) {
    struct pl_log_cursor *cursor;
    assert_int_equal(log_->ops->cursor(log_, partition, from, &cursor, NULL), PL_OK);
    return cursor;
}

static void assert_same_record(const struct pl_log_record *a, const struct pl_log_record *b) {
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->partition, b->partition);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->watermark, b->watermark);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->body_size, b->body_size);
    if (a->body_size) assert_memory_equal(a->body, b->body, a->body_size);
    assert_int_equal(a->batch != NULL, b->batch != NULL);
    if (!a->batch || !b->batch) return;
    assert_same_batch(a->batch, tags, b->batch, tags);
    assert_int_equal(b->batch->header->first_sequence, b->sequence);
    assert_int_equal(b->batch->header->partition, b->partition);
}

/* Reads record `number` and holds it against what was appended. */
static void read_number(struct pl_log_cursor *cursor, uint16_t partition, uint64_t number, uint64_t *sequence) {
    struct pl_log_record found, made = make_record(partition, number);
    struct pl_error *error = NULL;
    if (log_->ops->read(cursor, &found, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    assert_int_equal(found.sequence, *sequence);
    assert_same_record(&made, &found);
    *sequence += length_of(&found);
    drop_record(&found);
    drop_record(&made);
}

static void assert_at_end(struct pl_log_cursor *cursor) {
    struct pl_log_record record;
    struct pl_error *error = NULL;
    assert_int_equal(log_->ops->read(cursor, &record, &error), PL_NOT_FOUND);
    assert_null(error);
}

static void assert_holds(uint16_t partition, uint64_t records) {
    struct pl_log_cursor *cursor = open_cursor(partition, 0);
    uint64_t sequence = 0;
    for (uint64_t number = 0; number < records; number++)
        read_number(cursor, partition, number, &sequence);
    assert_at_end(cursor);
    assert_int_equal(log_->ops->next(log_, partition), sequence);
    log_->ops->cursor_free(cursor);
}

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
            assert_int_equal(records[i].sequence, sequence);
            if (records[i].batch) assert_int_equal(records[i].batch->header->first_sequence, sequence);
            sequence += length_of(&records[i]);
            drop_record(&records[i]);
        }
        assert_int_equal(log_->ops->next(log_, 1), sequence);
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
    factory->close(opened);
    pl_tags_free(tags);
    tags = pl_tags_new(&(struct pl_tags_options){0});
    pl_tags_intern(tags, "somebody.else", 13); /* every id is another one now */
    open_log(PARTITIONS);
    assert_holds(0, 100);
}

static void partitions_are_never_lost_from_view(void **state) {
    (void)state;
    append_numbers(2, 0, 30);
    factory->close(opened);
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
    assert_int_equal(log_->ops->cursor(log_, 0, log_->ops->next(log_, 0) + 1, &cursor, &error), PL_RANGE);
    assert_non_null(error);
    pl_error_free(&error);
    assert_int_equal(log_->ops->cursor(log_, log_->partitions, 0, &cursor, NULL), PL_USAGE);
    log_->ops->cursor_free(NULL);
}

/* ---- Time ---- */

/* A batch of samples with these times. */
static void append_times(uint16_t partition, const pl_time *times, uint32_t rows) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, rows, 0);
    for (uint32_t i = 0; i < rows; i++) {
        batch->samples.time[i] = times[i];
        batch->samples.tag[i] = 0;
        batch->samples.value[i] = i;
        batch->samples.quality[i] = 0;
    }
    batch->rows = rows;
    struct pl_log_record record = {.type = PL_LOG_ROWS, .partition = partition, .batch = batch};
    append_records(&record, 1);
    pl_batch_unref(batch);
}

static void seek_misses_no_row(void **state) {
    (void)state;
    enum { BATCHES = 400, ROWS = 10 };
    static pl_time times[BATCHES * ROWS];
    random_state = 11;
    for (unsigned b = 0; b < BATCHES; b++) {
        for (unsigned i = 0; i < ROWS; i++) { /* from before 1970 on, with stragglers and rows far ahead */
            pl_time odd = random_number() % 40 ? 0 : (pl_time)(random_number() % (4 * PL_HOUR)) - 3 * PL_HOUR;
            times[b * ROWS + i] = (b - (pl_time)100) * 20 * PL_SECOND + odd + (pl_time)(random_number() % PL_MINUTE);
        }
        append_times(1, times + b * ROWS, ROWS);
        if (b == BATCHES / 2) reopen_log();
    }
    for (unsigned k = 0; k < 2000; k++) {
        pl_time time = times[random_number() % (BATCHES * ROWS)] + (pl_time)(random_number() % 3) - 1;
        uint64_t from = log_->ops->seek(log_, 1, time);
        for (uint64_t row = 0; row < from && row < BATCHES * ROWS; row++)
            assert_true(times[row] < time);
        assert_true(from <= log_->ops->next(log_, 1));
    }
    assert_int_equal(log_->ops->seek(log_, 1, PL_TIME_MIN), 0);
    assert_int_equal(log_->ops->seek(log_, 0, 0), 0); /* another partition knows nothing of it */
}

static void seek_skips_what_is_older(void **state) {
    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        pl_time time = i * 10 * PL_SECOND;
        append_times(0, &time, 1);
    }
    for (unsigned i = 0; i < 600; i++) {
        uint64_t from = log_->ops->seek(log_, 0, i * 10 * PL_SECOND);
        assert_in_range(from, i < 6 ? 0 : i - 6, i); /* within the minute */
    }
    assert_true(log_->ops->seek(log_, 0, PL_TIME_MAX) > 590);
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

/* ---- A reader on another thread ---- */

enum { CONCURRENT = 1500 };

struct reader {
    pthread_t thread;
    uint64_t read;
    uint16_t partition;
    bool good;
};

/* Checks what it can without the registry's ids, which the other thread enters: sequences and the head. */
static void *read_along(void *argument) {
    struct reader *reader = argument;
    struct pl_log_cursor *cursor;
    uint64_t sequence = 0;
    reader->good = log_->ops->cursor(log_, reader->partition, 0, &cursor, NULL) == PL_OK;
    while (reader->good && reader->read < CONCURRENT) {
        struct pl_log_record record;
        enum pl_code code = log_->ops->read(cursor, &record, NULL);
        if (code == PL_NOT_FOUND) {
            sched_yield();
            continue;
        }
        reader->good = code == PL_OK && record.sequence == sequence && record.partition == reader->partition;
        if (!reader->good) break;
        reader->good = (record.type == PL_LOG_ROWS) == (record.batch != NULL);
        sequence += length_of(&record);
        drop_record(&record);
        reader->read++;
    }
    log_->ops->cursor_free(cursor);
    return NULL;
}

static void readers_follow_an_appender(void **state) {
    (void)state;
    struct reader readers[4] = {{.partition = 0}, {.partition = 0}, {.partition = 1}, {.partition = 1}};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_along, &readers[i]), 0);
    for (uint64_t number = 0; number < CONCURRENT; number += 50) {
        append_numbers(0, number, number + 50);
        append_numbers(1, number, number + 50);
        if (number % 500 == 0) assert_int_equal(log_->ops->sync(log_, NULL), PL_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_true(readers[i].good);
        assert_int_equal(readers[i].read, CONCURRENT);
    }
    assert_holds(0, CONCURRENT);
    assert_holds(1, CONCURRENT);
}

static void *sync_along(void *argument) {
    _Atomic bool *stop = argument;
    bool good = true;
    while (!atomic_load(stop))
        good &= log_->ops->sync(log_, NULL) == PL_OK;
    return good ? stop : NULL;
}

static void sync_runs_beside_appends(void **state) {
    (void)state;
    _Atomic bool stop = false;
    pthread_t thread;
    void *good;
    assert_int_equal(pthread_create(&thread, NULL, sync_along, &stop), 0);
    append_numbers(0, 0, 1000);
    atomic_store(&stop, true);
    pthread_join(thread, &good);
    assert_non_null(good);
    assert_holds(0, 1000);
}

/* ---- A writer that is killed ---- */

/* Shared with the writer: how many records' appends have returned. */
static _Atomic uint64_t *share_counter(const char *path, bool make) {
    int fd = open(path, make ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0600);
    if (fd < 0 || (make && ftruncate(fd, sizeof(uint64_t)))) return NULL;
    void *map = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

/* The number of records in partition 0, each held against what it must be from `known` on. */
static uint64_t verify_kept(uint64_t known, uint64_t *sequence) {
    struct pl_log_cursor *cursor = open_cursor(0, *sequence);
    while (*sequence < log_->ops->next(log_, 0))
        read_number(cursor, 0, known++, sequence);
    assert_at_end(cursor);
    log_->ops->cursor_free(cursor);
    return known;
}

/* Goes on appending to a place that holds `known` records, until it is killed. */
static int run_writer(char *where, const char *counter_path, uint64_t known) {
    _Atomic uint64_t *appended = share_counter(counter_path, false);
    if (!appended) return 1;
    tags = pl_tags_new(&(struct pl_tags_options){0});
    place = where;
    open_log(PARTITIONS);
    for (;;) {
        uint64_t end = known + known % 3 + 1; /* as append_numbers cuts them: one append */
        append_numbers(0, known, end);
        known = end;
        atomic_store(appended, known);
    }
}

static pid_t start_writer(const char *counter_path, uint64_t known) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)known);
    pid_t child = fork();
    if (child) return child;
    execl("/proc/self/exe", "conformance", "--writer", place, counter_path, text, (char *)NULL);
    _exit(127);
}

static void what_was_appended_survives_a_kill(void **state) {
    (void)state;
    unsigned rounds = getenv("POTLINE_LONG") ? 100 : 8;
    char counter_path[] = "/tmp/potline-appended-XXXXXX";
    close(mkstemp(counter_path));
    _Atomic uint64_t *appended = share_counter(counter_path, true);
    assert_non_null(appended);
    uint64_t known = 0, sequence = 0;
    factory->close(opened);
    random_state = (uint64_t)getpid();
    uint64_t moments = random_number();
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t before = known;
        pid_t child = start_writer(counter_path, known);
        assert_true(child > 0);
        while (atomic_load(appended) <= known) { /* it has come that far; a dead one would not */
            int status;
            assert_int_equal(waitpid(child, &status, WNOHANG), 0);
            usleep(1000);
        }
        moments = moments * 6364136223846793005u + 1;
        usleep((useconds_t)(moments >> 33) % 60000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);

        open_log(PARTITIONS);
        known = verify_kept(known, &sequence);
        uint64_t returned = atomic_load(appended);
        assert_true(known == returned || known == returned + returned % 3 + 1); /* whole appends, none twice */
        assert_true(known > before);
        factory->close(opened);
        atomic_store(appended, known);
    }
    open_log(PARTITIONS);
    assert_holds(0, known);
    munmap((void *)appended, sizeof(uint64_t));
    unlink(counter_path);
}

int pl_log_conformance(const struct pl_log_factory *made, int argc, char **argv) {
    factory = made;
    if (argc == 5 && strcmp(argv[1], "--writer") == 0) return run_writer(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_log_has_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(records_come_back_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(append_says_the_sequences, setup, teardown),
        cmocka_unit_test_setup_teardown(partitions_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(one_append_may_go_to_several_partitions, setup, teardown),
        cmocka_unit_test_setup_teardown(an_append_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_record_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_goes_on_after_reopening, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_kept_not_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(partitions_are_never_lost_from_view, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cursor_follows_the_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cursor_starts_where_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cursor_beyond_the_log_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(seek_misses_no_row, setup, teardown),
        cmocka_unit_test_setup_teardown(seek_skips_what_is_older, setup, teardown),
        cmocka_unit_test_setup_teardown(large_batches_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_command_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_follow_an_appender, setup, teardown),
        cmocka_unit_test_setup_teardown(sync_runs_beside_appends, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_appended_survives_a_kill, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
