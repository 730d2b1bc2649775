#include "log/conformance_rig.h"

#include "batch/tags.h"

const struct pl_log_factory *factory;
char *place;
struct pl_tags *tags;
struct pl_log *log_;
static void *opened;

enum { NUMBERS = 1 << 20 };
static uint64_t starts[PARTITIONS][NUMBERS]; /* [number]: its sequence and one; 0: not known */

void open_log(unsigned partitions) {
    struct pl_error *error = NULL;
    opened = factory->open(place, tags, partitions, &log_, &error);
    if (!opened) {
        pl_error_print(stderr, error);
        fail();
    }
}

void close_log(void) {
    factory->close(opened);
    opened = NULL;
}

void reopen_log(void) {
    close_log();
    open_log(PARTITIONS);
}

int setup_log(void **state) {
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){0});
    place = factory->make();
    open_log(PARTITIONS);
    return 0;
}

int teardown_log(void **state) {
    (void)state;
    close_log();
    factory->remove(place);
    pl_tags_free(tags);
    memset(starts, 0, sizeof starts);
    return 0;
}

struct pl_log_record make_record(uint16_t partition, uint64_t number) {
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
        if (number % 2) record.position = body, record.position_size = number % (sizeof body + 1);
        record.batch = random_batch(tags, seed % 3 ? PL_SAMPLES : seed % PL_KINDS, seed, 40);
        break;
    }
    return record;
}

void drop_record(struct pl_log_record *record) {
    pl_batch_unref(record->batch);
}

uint64_t length_of(const struct pl_log_record *record) {
    return record->batch ? record->batch->rows : 1;
}

static void note_start(uint16_t partition, uint64_t number, uint64_t sequence) {
    assert_true(number < NUMBERS);
    starts[partition][number] = sequence + 1;
}

uint64_t start_of(uint16_t partition, uint64_t number) {
    assert_true(starts[partition][number]);
    return starts[partition][number] - 1;
}

bool follows(uint64_t sequence, uint64_t next) {
    return factory->stride == 1 ? sequence == next : sequence >= next;
}

void assert_follows(uint64_t sequence, uint64_t next) {
    if (factory->stride == 1) assert_int_equal(sequence, next);
    assert_true(follows(sequence, next));
}

void append_records(struct pl_log_record *records, unsigned count) {
    struct pl_error *error = NULL;
    if (log_->ops->append(log_, records, count, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
}

void append_numbers(uint16_t partition, uint64_t from, uint64_t to) {
    struct pl_log_record records[3];
    while (from < to) {
        unsigned count = 0;
        for (unsigned most = (unsigned)(from % 3) + 1; count < most && from < to; from++)
            records[count++] = make_record(partition, from);
        append_records(records, count);
        for (unsigned i = 0; i < count; i++) {
            note_start(partition, from - count + i, records[i].sequence);
            drop_record(&records[i]);
        }
    }
}

struct pl_log_cursor *open_cursor(unsigned partition, uint64_t from) {
    struct pl_log_cursor *cursor;
    assert_int_equal(log_->ops->cursor(log_, partition, from, false, &cursor, NULL), PL_OK);
    return cursor;
}

void assert_same_record(const struct pl_log_record *a, const struct pl_log_record *b) {
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->partition, b->partition);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->watermark, b->watermark);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->body_size, b->body_size);
    if (a->body_size) assert_memory_equal(a->body, b->body, a->body_size);
    assert_int_equal(a->position_size, b->position_size);
    if (a->position_size) assert_memory_equal(a->position, b->position, a->position_size);
    assert_int_equal(a->batch ? a->batch->rows : 0, b->rows);
    if (b->type == PL_LOG_ROWS && !b->batch) return; /* only its head was read */
    assert_int_equal(a->batch != NULL, b->batch != NULL);
    if (!a->batch || !b->batch) return;
    assert_same_batch(a->batch, tags, b->batch, tags);
    assert_int_equal(b->batch->header->first_sequence, b->sequence);
    assert_int_equal(b->batch->header->partition, b->partition);
}

void read_number(struct pl_log_cursor *cursor, uint16_t partition, uint64_t number, uint64_t *sequence) {
    struct pl_log_record found;
    struct pl_error *error = NULL;
    if (log_->ops->read(cursor, &found, &error)) {
        pl_error_print(stderr, error);
        fail();
    }
    check_number(&found, partition, number, sequence);
}

void check_number(struct pl_log_record *found, uint16_t partition, uint64_t number, uint64_t *sequence) {
    struct pl_log_record made = make_record(partition, number);
    assert_follows(found->sequence, *sequence);
    if (!starts[partition][number])
        note_start(partition, number, found->sequence); /* another process has appended it */
    assert_int_equal(found->sequence, start_of(partition, number));
    assert_same_record(&made, found);
    *sequence = found->sequence + length_of(&made);
    drop_record(found);
    drop_record(&made);
}

uint64_t append_times(uint16_t partition, const pl_time *times, uint32_t rows) {
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
    return record.sequence;
}

void assert_at_end(struct pl_log_cursor *cursor) {
    struct pl_log_record record;
    struct pl_error *error = NULL;
    assert_int_equal(log_->ops->read(cursor, &record, &error), PL_NOT_FOUND);
    assert_null(error);
}

void assert_holds(uint16_t partition, uint64_t records) {
    struct pl_log_cursor *cursor = open_cursor(partition, 0);
    uint64_t sequence = 0;
    for (uint64_t number = 0; number < records; number++)
        read_number(cursor, partition, number, &sequence);
    assert_at_end(cursor);
    assert_follows(log_->ops->next(log_, partition), sequence);
    log_->ops->cursor_free(cursor);
}
