/* Rows shared out to partitions: each row of a batch is where its key belongs, in its order, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "runtime/split.h"

enum { TAGS = 200, PARTITIONS = 256 };

static struct pl_tags *tags;
static uint32_t id[TAGS];

static int set_up(void **state) {
    static const char *const broadcast[] = {"plant.*", NULL};
    (void)state;
    tags = pl_tags_new(&(struct pl_tags_options){.key_depth = 2, .broadcast = broadcast});
    for (unsigned i = 0; i < TAGS; i++) {
        char name[40];
        int length =
            i % 20 ? snprintf(name, sizeof name, "line1.pot%u.v", i) : snprintf(name, sizeof name, "plant.t%u", i);
        id[i] = pl_tags_intern(tags, name, (size_t)length);
    }
    srand(1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pl_tags_free(tags);
    return 0;
}

/* Neighbours are often of one tag, as they come from devices. */
static struct pl_batch *make(uint32_t rows, unsigned kinds_of_tags) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, rows, 0);
    for (uint32_t i = 0; i < rows; i++) {
        bool same = i && rand() % 3;
        batch->samples.tag[i] = same ? batch->samples.tag[i - 1] : id[(unsigned)rand() % kinds_of_tags];
        batch->samples.time[i] = 1000 + i;
        batch->samples.value[i] = i;
        batch->samples.quality[i] = 0;
    }
    batch->rows = rows;
    return batch;
}

static void check(uint32_t rows, unsigned kinds_of_tags, unsigned partitions) {
    struct pl_batch *batch = make(rows, kinds_of_tags), *out[PARTITIONS];
    struct pl_batch *same = pl_batch_like(batch, rows, 0);
    uint32_t next[PARTITIONS] = {0};
    pl_batch_append(same, batch, 0, rows);
    assert_true(pl_split(batch, tags, partitions, out));
    for (uint32_t i = 0; i < rows; i++) {
        const struct pl_tag *tag = pl_tags_get(tags, same->samples.tag[i]);
        for (unsigned p = 0; p < partitions; p++) {
            if (!tag->broadcast && pl_partition_of(tag->group, partitions) != p) continue;
            assert_non_null(out[p]);
            assert_true(next[p] < out[p]->rows);
            assert_int_equal(out[p]->samples.tag[next[p]], same->samples.tag[i]);
            assert_int_equal(out[p]->samples.time[next[p]], same->samples.time[i]);
            assert_true(out[p]->samples.value[next[p]] == same->samples.value[i]);
            next[p]++;
        }
    }
    for (unsigned p = 0; p < partitions; p++) {
        if (out[p]) assert_int_equal(out[p]->header->partition, p);
        assert_int_equal(out[p] ? out[p]->rows : 0, next[p]);
        pl_batch_unref(out[p]);
    }
    pl_batch_unref(same);
}

static void test_rows_go_where_they_belong(void **state) {
    (void)state;
    static const unsigned partitions[] = {1, 2, 3, 64, PARTITIONS};
    for (size_t i = 0; i < PL_COUNT_OF(partitions); i++) {
        check(PL_BATCH_ROWS_MAX, TAGS, partitions[i]);
        for (int k = 0; k < 30; k++)
            check(1 + (uint32_t)rand() % 300, 1 + (unsigned)rand() % TAGS, partitions[i]);
    }
}

/* A batch of one partition goes there as it is. */
static void test_one_partition_copies_nothing(void **state) {
    (void)state;
    struct pl_batch *batch = make(10, TAGS), *out[64];
    for (uint32_t i = 0; i < batch->rows; i++)
        batch->samples.tag[i] = id[7];
    unsigned p = pl_partition_of(pl_tags_get(tags, id[7])->group, 64);
    assert_true(pl_split(batch, tags, 64, out));
    assert_ptr_equal(out[p], batch);
    pl_batch_unref(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_go_where_they_belong),
        cmocka_unit_test(test_one_partition_copies_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
