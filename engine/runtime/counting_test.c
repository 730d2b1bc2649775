#include "runtime/counting.h"

#include <potline/quality.h>

#include "batch/tags.h"
#include "runtime/losses.h"
#include "store/batch_testing.h"
#include "store/epochs.h"
#include "store/folder_testing.h"

enum { TAGS = 5, ROWS = 400, BATCHES = 60 };

static char *folder;
static struct pl_store *store;
static struct pl_epochs *epochs;
static struct pl_tags *tags;
static struct pl_feeds feeds;
static struct pl_counting *counting;
static uint64_t epoch;
static uint32_t tag[TAGS];

static void begin_counting(void) {
    struct pl_counting_options options = {.store = store, .tags = tags, .feeds = &feeds};
    counting = pl_counting_new(&options);
    assert_non_null(counting);
    assert_int_equal(pl_counting_load(counting, epoch, NULL), PL_OK);
}

static uint32_t names; /* that there is room for; 0: many */

static int setup(void **state) {
    struct pl_epoch last;
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){.limit = names});
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    assert_true(pl_feeds_init(&feeds, 2));
    struct pl_edge *edge = (struct pl_edge *)&feeds; /* only compared */
    assert_int_equal(pl_feeds_add(&feeds, edge, &(struct pl_feed_options){.name = "in"}, tags), 0);
    struct pl_feed_options letters = {.name = "in.letters", .letters = true};
    assert_int_equal(pl_feeds_add(&feeds, edge, &letters, tags), 1);
    for (unsigned i = 0; i < TAGS; i++) {
        char name[16];
        tag[i] = pl_tags_intern(tags, name, (size_t)snprintf(name, sizeof name, "a.t%u", i));
    }
    epoch = 0;
    random_state = 1;
    begin_counting();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_counting_free(counting);
    pl_feeds_fini(&feeds);
    pl_epochs_close(epochs);
    pl_store_close(store);
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

/* ---- Helpers ---- */

static void save(void) {
    struct pl_buffer entries;
    uint64_t sequence = 0;
    pl_buffer_init(&entries, SIZE_MAX / 2);
    pl_counting_save(counting, ++epoch, &entries);
    assert_int_equal(pl_epochs_put(epochs, epoch, PL_LEDGER_NODE, 0, &entries, NULL), PL_OK);
    struct pl_epoch now = {.number = epoch, .partitions = 1, .sequence = &sequence};
    assert_int_equal(pl_epochs_commit(epochs, &now, false, NULL), PL_OK);
    pl_buffer_fini(&entries);
}

static void die_and_begin_again(void) {
    pl_counting_free(counting);
    begin_counting();
}

static struct pl_batch *batch_of(uint32_t rows) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, rows, 0);
    batch->rows = rows;
    return batch;
}

static void put(struct pl_batch *batch, uint32_t row, uint32_t name, pl_time time, uint16_t quality) {
    batch->samples.tag[row] = name;
    batch->samples.time[row] = time;
    batch->samples.quality[row] = quality;
    batch->samples.value[row] = 1;
}

static void take(struct pl_batch *batch, pl_time told) {
    pl_counting_take(counting, 0, batch, told);
    pl_batch_unref(batch);
}

static void take_event(const char *kind, uint32_t of, const struct pl_pack *body) {
    uint32_t size = (uint32_t)pl_pack_size(body);
    struct pl_batch *batch = pl_batch_new(PL_EVENTS, 1, size);
    pl_batch_heap(batch, 0, pl_pack_data(body), size);
    batch->events.time[0] = 7;
    batch->events.id[0] = 99;
    batch->events.kind[0] = pl_tags_intern(tags, kind, strlen(kind));
    batch->events.severity[0] = 1;
    batch->events.asset[0] = 0;
    batch->events.tag[0] = of;
    batch->events.end[0] = size;
    batch->rows = 1;
    pl_counting_take(counting, 1, batch, PL_TIME_MIN);
    pl_batch_unref(batch);
}

static struct pl_ledger_sum total(const char *of, pl_time from, pl_time to) {
    struct pl_ledger_report report;
    struct pl_ledger_query query = {.from = from, .to = to, .tag = of};
    assert_int_equal(pl_ledger_ask(store, &query, &report, NULL), PL_OK);
    struct pl_ledger_sum sum = report.total;
    for (uint32_t i = 0; i < report.tag_count; i++)
        assert_true(pl_ledger_adds_up(&report.tags[i]));
    pl_ledger_report_fini(&report);
    return sum;
}

static void assert_counts(const struct pl_ledger_sum *sum, int64_t accepted, int64_t late, int64_t duplicate,
                          int64_t rejected, int64_t missing) {
    assert_int_equal(sum->count[PL_LEDGER_ACCEPTED], accepted);
    assert_int_equal(sum->count[PL_LEDGER_LATE], late);
    assert_int_equal(sum->count[PL_LEDGER_DUPLICATE], duplicate);
    assert_int_equal(sum->count[PL_LEDGER_REJECTED], rejected);
    assert_int_equal(sum->count[PL_LEDGER_MISSING], missing);
    assert_int_equal(sum->count[PL_LEDGER_EXPECTED], accepted + late + duplicate + rejected + missing);
}

/* ---- Tests ---- */

static void each_row_counts_as_one_thing(void **state) {
    (void)state;
    struct pl_batch *batch = batch_of(6);
    put(batch, 0, tag[0], 100, PL_Q_GOOD);
    put(batch, 1, tag[0], 100, PL_Q_GOOD);
    put(batch, 2, tag[0], 101, PL_Q_BAD | PL_Q_STALE);
    put(batch, 3, tag[0], 102, PL_Q_BAD | PL_Q_MISSING);
    put(batch, 4, tag[0], 101, PL_Q_UNCERTAIN);
    put(batch, 5, tag[1], 100, PL_Q_GOOD);
    take(batch, PL_TIME_MIN);
    batch = batch_of(2);
    put(batch, 0, tag[0], 50, PL_Q_GOOD);
    put(batch, 1, tag[0], 103, PL_Q_GOOD);
    take(batch, 102);
    save();
    struct pl_ledger_sum sum = total("a.t0", PL_TIME_MIN, PL_TIME_MAX);
    assert_counts(&sum, 3, 1, 1, 0, 2);
    sum = total("a.t1", PL_TIME_MIN, PL_TIME_MAX);
    assert_counts(&sum, 1, 0, 0, 0, 0);
}

/* A row of another hour counts there; what is older than both open hours counts in the older one. */
static void hours_are_kept_apart(void **state) {
    (void)state;
    const pl_time hours[] = {5, 6, 6, 5, 9, 7, 5, 10};
    for (unsigned i = 0; i < PL_COUNT_OF(hours); i++) {
        struct pl_batch *batch = batch_of(1);
        put(batch, 0, tag[0], hours[i] * PL_HOUR + i, PL_Q_GOOD);
        take(batch, PL_TIME_MIN);
        save();
    }
    const int64_t expected[] = {[5] = 2, [6] = 2, [7] = 2, [9] = 1, [10] = 1}; /* the last of 5 counts in 7 */
    for (pl_time hour = 5; hour <= 10; hour++) {
        struct pl_ledger_sum sum = total(NULL, hour * PL_HOUR, (hour + 1) * PL_HOUR);
        assert_int_equal(sum.count[PL_LEDGER_ACCEPTED], expected[hour]);
    }
    assert_int_equal(pl_ledger_trim(store, 7 * PL_HOUR, NULL), PL_OK);
    struct pl_ledger_sum sum = total(NULL, PL_TIME_MIN, PL_TIME_MAX);
    assert_int_equal(sum.count[PL_LEDGER_ACCEPTED], 4);
}

/* Random rows, counted by the plainest means; barriers and deaths anywhere make no difference. */
static void as_a_plain_count_has_it_whatever_dies(void **state) {
    int64_t counts[TAGS][PL_LEDGER_COUNTS] = {{0}};
    pl_time last[TAGS], told = PL_TIME_MIN, highest = PL_HOUR;
    (void)state;
    for (unsigned i = 0; i < TAGS; i++)
        last[i] = PL_TIME_MIN;
    for (unsigned b = 0; b < BATCHES; b++) {
        bool usual = random_number() % 2; /* only good rows, in order */
        struct pl_batch *batch = batch_of(ROWS);
        for (uint32_t i = 0; i < ROWS; i++) {
            unsigned t = (unsigned)(random_number() % TAGS);
            pl_time time = highest + (pl_time)(random_number() % 3) * PL_SECOND;
            if (!usual && random_number() % 20 == 0) time -= (pl_time)(random_number() % 5) * PL_HOUR;
            bool stale = random_number() % 50 == 0;
            put(batch, i, tag[t], time, stale ? PL_Q_STALE : PL_Q_GOOD);
            enum pl_ledger_count what = stale             ? PL_LEDGER_MISSING
                                        : time == last[t] ? PL_LEDGER_DUPLICATE
                                        : time < told     ? PL_LEDGER_LATE
                                                          : PL_LEDGER_ACCEPTED;
            counts[t][what]++;
            if (!stale) last[t] = time;
            if (time > highest) highest = time;
        }
        take(batch, told);
        told = highest;
        save();
        if (random_number() % 3 == 0) die_and_begin_again();
    }
    for (unsigned t = 0; t < TAGS; t++) {
        struct pl_ledger_sum sum = total(pl_tags_get(tags, tag[t])->name, PL_TIME_MIN, PL_TIME_MAX);
        assert_counts(&sum, counts[t][PL_LEDGER_ACCEPTED], counts[t][PL_LEDGER_LATE], counts[t][PL_LEDGER_DUPLICATE], 0,
                      counts[t][PL_LEDGER_MISSING]);
    }
}

/* What was counted behind the last barrier is counted when it comes again. */
static void a_death_takes_back_what_was_not_saved(void **state) {
    (void)state;
    for (unsigned again = 0; again < 2; again++) {
        struct pl_batch *batch = batch_of(1);
        put(batch, 0, tag[0], 5, PL_Q_GOOD);
        take(batch, PL_TIME_MIN);
        if (!again) die_and_begin_again();
    }
    save();
    struct pl_ledger_sum sum = total(NULL, PL_TIME_MIN, PL_TIME_MAX);
    assert_counts(&sum, 1, 0, 0, 0, 0);
}

static void pack_loss(struct pl_pack *body, enum pl_loss loss, const char *of, const char *cause, uint64_t count) {
    pl_pack_array(body, 5);
    pl_pack_uint(body, loss);
    pl_pack_str(body, of);
    pl_pack_int(body, 0);
    pl_pack_str(body, cause);
    pl_pack_uint(body, count);
}

static void losses_count_by_cause_and_letters_take_theirs_back(void **state) {
    (void)state;
    struct pl_pack *body = pl_pack_new();
    pl_pack_map(body, 1);
    pl_pack_str(body, "losses");
    pl_pack_array(body, 4);
    pack_loss(body, PL_LOSS_REJECTED, "a.t0", "time", 3);
    pack_loss(body, PL_LOSS_UNKEPT, "a.t0", "time", 1);
    pack_loss(body, PL_LOSS_MISSING, "", "gap", 10);
    pack_loss(body, PL_LOSS_REJECTED, "a.t0", "fields", 1);
    take_event(PL_LOSSES_KIND, 0, body);
    save();
    struct pl_ledger_sum sum = total(NULL, PL_TIME_MIN, PL_TIME_MAX);
    assert_counts(&sum, 0, 0, 0, 4, 10);
    assert_int_equal(sum.count[PL_LEDGER_UNKEPT], 1);

    for (int done = 0; done < 2; done++) { /* refused again; then in */
        pl_pack_reset(body);
        pl_pack_map(body, 6);
        pl_pack_pair_int(body, "letter", 99);
        pl_pack_pair_int(body, "number", 1 + done);
        pl_pack_str(body, "done");
        pl_pack_bool(body, done);
        pl_pack_pair_str(body, "cause", "time");
        pl_pack_pair_int(body, "near", 0);
        pl_pack_pair_int(body, "samples", 2);
        take_event(PL_REINJECTED_KIND, tag[0], body);
    }
    save();
    sum = total(NULL, PL_TIME_MIN, PL_TIME_MAX);
    assert_counts(&sum, 0, 0, 0, 2, 10);
    pl_pack_free(body);
}

static uint32_t count_causes(int64_t *others) {
    struct pl_ledger_report report;
    struct pl_ledger_query query = {.from = PL_TIME_MIN, .to = PL_TIME_MAX};
    uint32_t count = 0;
    *others = 0;
    assert_int_equal(pl_ledger_ask(store, &query, &report, NULL), PL_OK);
    for (uint32_t i = 0; i < report.cause_count; i++) {
        count += *report.causes[i].cause != 0;
        if (!strcmp(report.causes[i].cause, "other")) *others += report.causes[i].count[PL_LEDGER_REJECTED];
    }
    pl_ledger_report_fini(&report);
    return count;
}

/* Causes may hold what came from outside; their number may not. */
static void too_many_causes_are_counted_together(void **state) {
    enum { CAUSES = 100, KEPT = 64, TIMES = 3 };
    (void)state;
    for (unsigned again = 1; again <= TIMES; again++) {
        struct pl_pack *body = pl_pack_new();
        int64_t others;
        pl_pack_map(body, 1);
        pl_pack_str(body, "losses");
        pl_pack_array(body, CAUSES);
        for (unsigned i = 0; i < CAUSES; i++) {
            char cause[16];
            snprintf(cause, sizeof cause, "cause%u", i);
            pack_loss(body, PL_LOSS_REJECTED, "a.t0", cause, 1);
        }
        take_event(PL_LOSSES_KIND, 0, body);
        save();
        pl_pack_free(body);
        struct pl_ledger_sum sum = total(NULL, PL_TIME_MIN, PL_TIME_MAX);
        assert_counts(&sum, 0, 0, 0, CAUSES * again, 0);
        assert_int_equal(count_causes(&others), KEPT + 1);
        assert_int_equal(others, (CAUSES - KEPT) * again);
        die_and_begin_again();
    }
}

static int setup_small(void **state) {
    names = 64;
    return setup(state);
}

static int teardown_small(void **state) {
    names = 0;
    return teardown(state);
}

/* What comes from outside may be more than there is room for names. */
static void causes_without_a_name_are_counted_together(void **state) {
    (void)state;
    int64_t others;
    char name[32];
    struct pl_pack *body = pl_pack_new();
    pl_pack_map(body, 1);
    pl_pack_str(body, "losses");
    pl_pack_array(body, 1);
    pack_loss(body, PL_LOSS_REJECTED, "a.t0", "a cause", 1);
    pl_tags_intern(tags, "a.t0", 4);
    for (unsigned i = 0, id = 0; id != PL_NO_ID; i++) {
        snprintf(name, sizeof name, "x%u", i);
        id = pl_tags_intern(tags, name, strlen(name));
    }
    take_event(PL_LOSSES_KIND, 0, body);
    save();
    pl_pack_free(body);
    count_causes(&others);
    assert_int_equal(others, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_row_counts_as_one_thing, setup, teardown),
        cmocka_unit_test_setup_teardown(hours_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(as_a_plain_count_has_it_whatever_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(a_death_takes_back_what_was_not_saved, setup, teardown),
        cmocka_unit_test_setup_teardown(losses_count_by_cause_and_letters_take_theirs_back, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_causes_are_counted_together, setup, teardown),
        cmocka_unit_test_setup_teardown(causes_without_a_name_are_counted_together, setup_small, teardown_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
