/* A log record of any origin, under a checksum that is right: read, and when it is a record, written and read again to
 * the same rows, bit by bit. */
#include <potline/batch.h>
#include <string.h>

#include "batch/tags.h"
#include "expect.h"
#include "log/record.h"
#include "store/store.h"

enum { NAMES = 4000 };

static struct pl_tags *tags;
static struct pl_rows *rows;

/* Inputs bring names of their own: now and then the registry is a new one. */
static void renew_tags(void) {
    if (tags && pl_tags_count(tags) < NAMES / 2) return;
    pl_rows_free(rows);
    pl_tags_free(tags);
    tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    rows = pl_rows_new(tags);
    EXPECT(tags && rows);
}

static void expect_same(const struct pl_batch *a, const struct pl_batch *b) {
    const struct pl_kind_info *info = &pl_kind_info[a->kind];
    EXPECT(a->kind == b->kind && a->rows == b->rows && a->source == b->source);
    EXPECT(memcmp(a->header, b->header, sizeof *a->header) == 0);
    for (unsigned i = 0; i < info->columns; i++)
        EXPECT(memcmp(a->column[i], b->column[i], (size_t)a->rows * pl_type_size(info->column[i].type)) == 0);
    for (unsigned i = 0; i < info->heaps; i++) {
        EXPECT(a->heap_used[i] == b->heap_used[i]);
        EXPECT(memcmp(a->heap[i], b->heap[i], (size_t)a->heap_used[i] * pl_type_size(info->heap[i].type)) == 0);
    }
}

static enum pl_code get(const uint8_t *key, void *bytes, size_t size, struct pl_log_record *record) {
    uint64_t checksum = size < 8 ? 0 : pl_store_checksum(key, PL__RECORD_KEY, (char *)bytes + 8, size - 8);
    if (size >= 8) memcpy(bytes, &checksum, sizeof checksum);
    return pl__record_get(key, bytes, size, rows, tags, record, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    uint8_t key[PL__RECORD_KEY];
    struct pl_log_record record, again;
    struct pl_buffer written;
    renew_tags();
    pl__record_key(3, 1000, key);
    uint8_t *exact = malloc(size ? size : 1);
    EXPECT(exact);
    if (size) memcpy(exact, bytes, size);
    if (get(key, exact, size, &record) == PL_OK) {
        pl_buffer_init(&written, 64 << 20);
        EXPECT(pl__record_put(&record, rows, tags, &written, NULL) == PL_OK);
        EXPECT(get(key, written.data, written.size, &again) == PL_OK);
        EXPECT(record.type == again.type && record.flags == again.flags && record.source == again.source);
        EXPECT(record.watermark == again.watermark && record.epoch == again.epoch);
        EXPECT(record.body_size == again.body_size && !record.batch == !again.batch);
        if (record.body_size) EXPECT(memcmp(record.body, again.body, record.body_size) == 0);
        if (record.batch) expect_same(record.batch, again.batch);
        pl_batch_unref(record.batch);
        pl_batch_unref(again.batch);
        pl_buffer_fini(&written);
    }
    free(exact);
    return 0;
}
