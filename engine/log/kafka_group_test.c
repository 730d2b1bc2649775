/* kafka_group_test.c: what engines of a group rely on, on a real broker: who has lost its place writes nothing, and who
 * follows reads all that was committed, whatever others have under way. */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include <potline/alloc.h>

#include "batch/tags.h"
#include "log/kafka.h"
#include "log/kafka_member.h"
#include "log/kafka_testing.h"
#include "store/batch_testing.h"

enum { COUNT = 2, WAIT_MS = 60000, STEP_MS = 20, UNDER_WAY_MS = 700, HELD_UP_MS = 2500 };

static char topic[64];
static struct pl_tags *tags;
static struct pl_log *opened;
static struct pl_log_kafka_options options;

static void open_for(struct pl_kafka_member *member) {
    options.member = member;
    assert_int_equal(pl_log_open_kafka(&options, tags, COUNT, &opened, NULL), PL_OK);
    for (unsigned p = 0; p < COUNT; p++)
        pl_kafka_group_is(opened, p, 0, "");
}

static int setup(void **state) {
    (void)state;
    static unsigned number;
    snprintf(topic, sizeof topic, "group-%d-%u", (int)getpid(), number++);
    options = (struct pl_log_kafka_options){.brokers = getenv("POTLINE_KAFKA_BROKERS"),
                                            .topic = topic,
                                            .writer = topic,
                                            .group = topic,
                                            .session = PL_SECOND,
                                            .timeout = 30 * PL_SECOND};
    tags = pl_tags_new(&(struct pl_tags_options){0});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (opened) opened->ops->close(opened);
    opened = NULL;
    pl_tags_free(tags);
    return 0;
}

static enum pl_code append_watermark(pl_time time) {
    struct pl_log_record record = {.type = PL_LOG_WATERMARK, .watermark = time};
    return opened->ops->append(opened, &record, 1, NULL);
}

/* ---- Who has lost its place ---- */

struct engine {
    struct pl_kafka_member *member;
    _Atomic bool busy; /* and does not rest when it is asked to */
    _Atomic bool lost;
};

static void rest(void *owner, bool lost) {
    struct engine *engine = owner;
    atomic_store(&engine->lost, lost);
    if (!atomic_load(&engine->busy)) pl_kafka_member_rested(engine->member);
}

static void change(void *owner) {
    (void)owner;
}

static bool owns_all(const struct engine *engine) {
    bool all = true;
    for (unsigned p = 0; p < COUNT; p++)
        all &= pl_kafka_member_owns(engine->member, p);
    return all;
}

static void join(struct engine *engine) {
    const struct pl_kafka_member_events events = {.rest = rest, .change = change, .owner = engine};
    assert_int_equal(pl_kafka_topic_make(&options, COUNT, NULL), PL_OK);
    assert_int_equal(pl_kafka_member_new(&options, &events, &engine->member, NULL), PL_OK);
    for (int waited = 0; !owns_all(engine) && waited < WAIT_MS; waited += STEP_MS)
        usleep(STEP_MS * 1000);
    assert_true(owns_all(engine));
}

/* As a machine that stands still for longer than its session. */
static void be_held_up(void) {
    pid_t child = fork();
    if (child == 0) {
        kill(getppid(), SIGSTOP);
        usleep(HELD_UP_MS * 1000);
        kill(getppid(), SIGCONT);
        _exit(0);
    }
    while (waitpid(child, NULL, 0) < 0)
        ;
}

static void who_has_lost_its_place_writes_nothing(void **state) {
    (void)state;
    bool done;
    struct engine engine = {0};
    join(&engine);
    open_for(engine.member);
    assert_int_equal(append_watermark(1), PL_OK);
    atomic_store(&engine.busy, true);
    be_held_up();
    for (int waited = 0; !atomic_load(&engine.lost) && waited < WAIT_MS; waited += STEP_MS)
        usleep(STEP_MS * 1000);
    assert_true(atomic_load(&engine.lost)); /* brokers would take it for somebody without a group now */
    assert_int_equal(append_watermark(2), PL_CONFLICT);
    assert_int_equal(pl_kafka_commit_begin(opened, &done, NULL), PL_OK);
    assert_int_equal(pl_kafka_commit_end(opened, (uint64_t[COUNT]){0}, "1:first", NULL), PL_CONFLICT);
    pl_kafka_member_rested(engine.member);
    pl_kafka_member_free(engine.member);
}

static enum pl_code count_entry(void *arg, const struct pl_kafka_entry *entry, struct pl_error **error) {
    (void)error;
    unsigned *count = arg;
    *count += entry->key_size == 4 && memcmp(entry->key, "mine", 4) == 0;
    return PL_OK;
}

/* ---- What a dead one has left open ---- */

static void what_a_dead_one_has_left_open_is_ended(void **state) {
    (void)state;
    bool done;
    char first[80], second[80];
    struct pl_kafka_place places[COUNT] = {{.wanted = true}};
    unsigned found = 0;
    struct engine dead = {0}, next = {0};
    snprintf(first, sizeof first, "%s/e1", topic);
    snprintf(second, sizeof second, "%s/e2", topic);
    options.session = PL_MINUTE; /* brokers would let it be for as long */
    options.writer = first;
    options.timeout = 5 * PL_SECOND;
    join(&dead);
    open_for(dead.member);
    assert_int_equal(pl_kafka_commit_begin(opened, &done, NULL), PL_OK);
    assert_int_equal(pl_kafka_commit_end(opened, (uint64_t[COUNT]){0}, "1:e1", NULL), PL_OK);
    assert_int_equal(append_watermark(1), PL_OK);
    assert_int_equal(pl_kafka_commit_begin(opened, &done, NULL), PL_OK);
    const struct pl_kafka_entry entry = {.key = "k", .key_size = 1, .value = "1", .size = 1};
    assert_int_equal(pl_kafka_commit_put(opened, &entry, NULL), PL_OK);
    usleep(UNDER_WAY_MS * 1000); /* the brokers have it */
    struct pl_log *left = opened;
    pl_kafka_member_free(dead.member);
    options.writer = second;
    join(&next);
    open_for(next.member);
    assert_int_equal(pl_kafka_group_ask(opened, places, NULL), PL_OK);
    assert_string_equal(places[0].mark, "1:e1");
    assert_int_equal(pl_kafka_state_each(opened, 0, 0, count_entry, &found, NULL), PL_OK);
    pl_kafka_commit_drop(left);
    left->ops->close(left);
    opened->ops->close(opened);
    opened = NULL;
    pl_kafka_member_free(next.member);
}

/* ---- Somebody else's transaction, in front of what was committed ---- */

static rd_kafka_t *open_elsewhere(const char *name) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", options.brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "transactional.id", name, why, sizeof why);
    rd_kafka_t *other = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(other);
    assert_null(rd_kafka_init_transactions(other, WAIT_MS));
    return other;
}

static rd_kafka_t *begin_elsewhere(const char *where) {
    rd_kafka_t *other = open_elsewhere("elsewhere");
    assert_null(rd_kafka_begin_transaction(other));
    assert_int_equal(rd_kafka_producev(other, RD_KAFKA_V_TOPIC(where), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY("k", 1),
                                       RD_KAFKA_V_VALUE("v", 1), RD_KAFKA_V_END),
                     0);
    assert_int_equal(rd_kafka_flush(other, WAIT_MS), 0);
    return other;
}

static void *end_later(void *arg) {
    usleep(UNDER_WAY_MS * 1000);
    rd_kafka_error_t *failed = rd_kafka_abort_transaction(arg, WAIT_MS);
    if (failed) rd_kafka_error_destroy(failed);
    return NULL;
}

static void state_is_read_to_what_was_committed_last(void **state) {
    (void)state;
    char changelog[80];
    pthread_t ending;
    bool done;
    unsigned found = 0;
    open_for(NULL);
    snprintf(changelog, sizeof changelog, "%s.changelog", topic);
    rd_kafka_t *other = begin_elsewhere(changelog);
    const struct pl_kafka_entry entry = {.key = "mine", .key_size = 4, .value = "1", .size = 1};
    assert_int_equal(pl_kafka_commit_begin(opened, &done, NULL), PL_OK);
    assert_int_equal(pl_kafka_commit_put(opened, &entry, NULL), PL_OK);
    assert_int_equal(pl_kafka_commit_end(opened, (uint64_t[COUNT]){0}, "1:mine", NULL), PL_OK);
    assert_int_equal(pthread_create(&ending, NULL, end_later, other), 0);
    assert_int_equal(pl_kafka_state_each(opened, 0, 0, count_entry, &found, NULL), PL_OK);
    assert_int_equal(found, 1);
    pthread_join(ending, NULL);
    rd_kafka_destroy(other);
}

/* As when its time is over: it is none that the engine would fail with, but begins anew. */
static void a_transaction_that_is_ended_meanwhile_is_begun_anew(void **state) {
    (void)state;
    bool done;
    enum pl_code code = PL_OK;
    open_for(NULL);
    const struct pl_kafka_entry entry = {.key = "k", .key_size = 1, .value = "1", .size = 1};
    assert_int_equal(pl_kafka_commit_begin(opened, &done, NULL), PL_OK);
    assert_int_equal(pl_kafka_commit_put(opened, &entry, NULL), PL_OK);
    rd_kafka_t *other = open_elsewhere(options.writer);
    for (int waited = 0; !code && waited < WAIT_MS; waited += STEP_MS) {
        code = pl_kafka_commit_put(opened, &entry, NULL);
        usleep(STEP_MS * 1000);
    }
    assert_true(code == PL_CONFLICT || code == PL_UNAVAILABLE);
    pl_kafka_commit_drop(opened);
    rd_kafka_destroy(other);
}

static void what_is_settled_is_read(void **state) {
    (void)state;
    pthread_t ending;
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    open_for(NULL);
    rd_kafka_t *other = begin_elsewhere(topic);
    assert_int_equal(append_watermark(7), PL_OK);
    opened->ops->close(opened); /* another engine has not seen it */
    open_for(NULL);
    assert_int_equal(pthread_create(&ending, NULL, end_later, other), 0);
    assert_int_equal(pl_kafka_settle(opened, NULL), PL_OK);
    assert_int_equal(opened->ops->cursor(opened, 0, 0, true, &cursor, NULL), PL_OK);
    assert_int_equal(opened->ops->read(cursor, &record, NULL), PL_OK);
    assert_int_equal(record.watermark, 7);
    opened->ops->cursor_free(cursor);
    pthread_join(ending, NULL);
    rd_kafka_destroy(other);
}

static void what_never_ends_is_not_waited_for(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    open_for(NULL);
    rd_kafka_t *other = begin_elsewhere(topic);
    opened->ops->close(opened);
    options.timeout = 5 * PL_SECOND;
    open_for(NULL);
    assert_int_equal(append_watermark(7), PL_OK);
    assert_int_equal(pl_kafka_settle(opened, NULL), PL_OK);
    assert_int_equal(opened->ops->cursor(opened, 0, 0, true, &cursor, NULL), PL_OK);
    assert_int_equal(opened->ops->read(cursor, &record, &error), PL_UNAVAILABLE);
    assert_non_null(error);
    pl_error_free(&error);
    opened->ops->cursor_free(cursor);
    end_later(other);
    rd_kafka_destroy(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_has_lost_its_place_writes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_dead_one_has_left_open_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(state_is_read_to_what_was_committed_last, setup, teardown),
        cmocka_unit_test_setup_teardown(a_transaction_that_is_ended_meanwhile_is_begun_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_settled_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_never_ends_is_not_waited_for, setup, teardown),
    };
    int brokers;
    int code = start_brokers(&brokers);
    if (!code) code = cmocka_run_group_tests(tests, NULL, NULL);
    if (brokers >= 0) close(brokers);
    return code;
}
