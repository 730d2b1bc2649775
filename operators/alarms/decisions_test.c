/* What people decide, through the death of the process: with a log that is read again, and without one. */
#include <potline/alloc.h>

#include "alarms_testing.h"

#define NOW (1000000 * S) /* what the engine's clock shows when event time is 0 */

enum what { ROW, MARK, DO };

struct act {
    enum what what;
    int at; /* seconds of event time; of a command, by the engine's clock */
    const char *kind, *tag, *rule;
    const char *args;
};

static const char options[] =
    "{flood: {count: 6, window: 1m}, chattering: {count: 3, window: 1m}, stale: 10m, alarms: [" //
    "{" DEFINED
    ", off_delay: 3s}, {match: wet, priority: low, consequence: rust, action: wipe, respond: 1m, latch: true},"
    "{match: dry, priority: low, consequence: dust, action: water, respond: 5m, on_delay: 4s}]}";

/* Rows as they stand in the log, and what people do in between. */
static const struct act acts[] = {
    {ROW, 10, "rule.raised", "p.a", "hot", NULL},
    {ROW, 12, "rule.raised", "p.b", "hot", NULL},
    {DO, 14, "alarms ack", NULL, NULL, "{alarm: hot@p.a, reason: seen}"},
    {ROW, 15, "rule.raised", "p.c", "wet", NULL},
    {DO, 16, "alarms shelve", NULL, NULL, "{alarm: hot@p.b, duration: 60s, reason: known}"},
    {ROW, 20, "rule.raised", "p.d", "dry", NULL},
    {ROW, 21, "rule.cleared", "p.a", "hot", NULL},
    {MARK, 22, NULL, NULL, NULL, NULL},
    {DO, 22, "alarms suppress", NULL, NULL, "{alarm: dry@p.d, reason: start-up}"},
    {ROW, 26, "rule.raised", "p.a", "hot", NULL}, /* its return and the delay of p.d were due before */
    {MARK, 27, NULL, NULL, NULL, NULL},
    {ROW, 28, "rule.cleared", "p.b", "hot", NULL},
    {DO, 30, "alarms ack", NULL, NULL, "{alarm: '*'}"},
    {ROW, 32, "rule.cleared", "p.a", "hot", NULL},
    {ROW, 33, "rule.raised", "p.b", "hot", NULL},
    {DO, 34, "alarms out-of-service", NULL, NULL, "{alarm: wet@p.c, reason: repair}"},
    {ROW, 36, "rule.raised", "p.a", "hot", NULL},
    {ROW, 37, "rule.raised", "p.e", "hot", NULL},
    {ROW, 40, "rule.cleared", "p.c", "wet", NULL},
    {DO, 41, "alarms in-service", NULL, NULL, "{alarm: wet@p.c}"},
    {DO, 41, "alarms unsuppress", NULL, NULL, "{alarm: dry@p.d}"},
    {ROW, 50, "rule.raised", "p.c", "wet", NULL},
    {ROW, 51, "rule.cleared", "p.c", "wet", NULL},
    {MARK, 70, NULL, NULL, NULL, NULL},
    {ROW, 80, "rule.raised", "p.f", "hot", NULL}, /* the shelving of p.b has ended */
    {DO, 82, "alarms ack", NULL, NULL, "{alarm: wet@p.c}"},
    {DO, 82, "alarms reset", NULL, NULL, "{alarm: wet@p.c, reason: looked}"},
    {DO, 83, "alarms shelve", NULL, NULL, "{alarm: hot@p.f, duration: 1h, reason: known}"},
    {MARK, 150, NULL, NULL, NULL, NULL}, /* p.a was raised and is not acknowledged: overdue */
    {ROW, 160, "rule.cleared", "p.f", "hot", NULL},
    {DO, 170, "alarms ack", NULL, NULL, "{alarm: hot@p.e, reason: late}"},
    {DO, 171, "alarms unshelve", NULL, NULL, "{alarm: hot@p.f}"},
    {ROW, 180, "rule.cleared", "p.e", "hot", NULL},
    {ROW, 200, "rule.raised", "p.f", "hot", NULL},
    {DO, 201, "alarms ack", NULL, NULL, "{alarm: hot@p.f}"},
    {MARK, 300, NULL, NULL, NULL, NULL},
    {ROW, 900, "rule.cleared", "p.f", "hot", NULL},
    {MARK, 950, NULL, NULL, NULL, NULL},
};
enum { ACTS = PL_COUNT_OF(acts), TOLD_MAX = 256 };

/* Everything that was told, a line an event. */
struct account {
    char *line[TOLD_MAX];
    unsigned count;
};

static void note(struct test *t, struct account *account) {
    char text[2048];
    for (unsigned i = 0; i < t->out[0].events; i++) {
        const struct event_row *e = &t->out[0].event[i];
        snprintf(text, sizeof text, "%016llx %lld %s %s %u %s", (unsigned long long)e->id, (long long)e->time, e->kind,
                 e->tag, e->severity, e->body);
        assert_true(account->count < TOLD_MAX);
        account->line[account->count++] = pl_strdup(text);
    }
    test_forget(t);
}

static void cut(struct account *account, unsigned count) {
    while (account->count > count)
        pl_free(account->line[--account->count]);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void compare(struct account *expected, struct account *found, const char *where) {
    qsort(expected->line, expected->count, sizeof *expected->line, by_text);
    qsort(found->line, found->count, sizeof *found->line, by_text);
    for (unsigned i = 0; i < expected->count && i < found->count; i++)
        if (strcmp(expected->line[i], found->line[i]) != 0)
            fail_msg("%s: expected\n%s\nfound\n%s", where, expected->line[i], found->line[i]);
    if (expected->count != found->count) fail_msg("%s: %u events are %u", where, expected->count, found->count);
}

static void carry_out(struct test *t, const struct act *act) {
    if (act->what == ROW) {
        struct pl_batch *batch = events(t, (struct told[]){{act->at * S, act->kind, act->tag, act->rule}}, 1);
        batch->header->receive_time = NOW + act->at * S;
        test_push_batch(t, batch);
    } else if (act->what == MARK) {
        test_watermark(t, act->at * S);
    } else {
        pl_harness_clock(t->h, NOW + act->at * S);
        enum pl_code code = order(t, act->kind, act->args);
        if (code) fail_msg("%s %s at %d: %s", act->kind, act->args, act->at, pl_code_text(code));
    }
}

/* A life of the process, and where it ends. */
struct life {
    int checkpoint; /* behind this act; -1: none of its own */
    bool done;      /* and the node is told that it is durable */
    int death;      /* behind this act */
    bool skip;      /* marks of the log that are read again come later, all at once */
};

/* The state at the last checkpoint, and how much had been told then. */
struct saved {
    void *bytes;
    size_t size;
    int act; /* -1: none */
    unsigned told;
};

static void save(struct test *t, struct saved *saved, int act, const struct account *account) {
    pl_free(saved->bytes);
    saved->bytes = pl_harness_snapshot(t->h, &saved->size);
    saved->act = act;
    saved->told = account->count;
    assert_non_null(saved->bytes);
}

static void live(const char *folder, const struct life *life, int from, struct saved *saved, struct account *account) {
    struct test *t = open_folder(options, folder);
    pl_harness_clock(t->h, NOW + (from >= 0 ? acts[from].at * S : 0));
    cut(account, saved->told);
    if (saved->bytes) assert_int_equal(pl_harness_restore(t->h, saved->bytes, saved->size, NULL), PL_OK);
    test_pull(t);
    note(t, account);
    const struct act *skipped = NULL;
    for (int i = saved->act + 1; i <= life->death; i++) {
        bool again = i <= from;
        if (again && life->skip && acts[i].what == MARK)
            skipped = &acts[i];
        else if (!again || acts[i].what != DO)
            carry_out(t, &acts[i]);
        if (i == from && skipped) carry_out(t, skipped);
        note(t, account);
        if (i != life->checkpoint || again) continue;
        save(t, saved, i, account);
        if (life->done) pl_harness_commit(t->h);
    }
    test_close(t);
}

static void lead(const struct life *lives, unsigned count, struct account *account) {
    char *folder = make_folder();
    struct saved saved = {.act = -1};
    for (unsigned i = 0; i < count; i++)
        live(folder, &lives[i], i ? lives[i - 1].death : -1, &saved, account);
    pl_free(saved.bytes);
    remove_folder(folder);
}

static void judge(struct account *calm, const struct life *lives, unsigned count) {
    char where[256] = "";
    struct account wild = {.count = 0};
    for (unsigned i = 0; i < count; i++)
        snprintf(where + strlen(where), sizeof where - strlen(where), "checkpoint %d%s, death %d%s; ",
                 lives[i].checkpoint, lives[i].done ? " done" : "", lives[i].death, lives[i].skip ? " skips" : "");
    lead(lives, count, &wild);
    compare(calm, &wild, where);
    cut(&wild, 0);
}

static bool thorough(void) {
    return getenv("POTLINE_LONG") != NULL;
}

static void the_same_events_again_wherever_it_dies(void **state) {
    (void)state;
    struct account calm = {.count = 0};
    lead((struct life[]){{.checkpoint = -1, .death = ACTS - 1}}, 1, &calm);
    assert_true(calm.count > 35);
    for (int death = 0; death < ACTS; death++) {
        for (int checkpoint = -1; checkpoint <= death; checkpoint++) {
            if (!thorough() && checkpoint != death * 7 % (death + 2) - 1) continue;
            struct life lives[] = {{.checkpoint = checkpoint, .death = death, .done = (death + checkpoint) & 1},
                                   {.checkpoint = -1, .death = ACTS - 1, .skip = (death / 2 + checkpoint) & 1}};
            judge(&calm, lives, 2);
        }
    }
    cut(&calm, 0);
}

static void the_same_events_again_however_often_it_dies(void **state) {
    (void)state;
    struct account calm = {.count = 0};
    lead((struct life[]){{.checkpoint = -1, .death = ACTS - 1}}, 1, &calm);
    for (unsigned round = 0; round < (thorough() ? 150 : 15); round++) {
        struct life lives[5] = {{0}};
        int at = -1;
        for (unsigned i = 0; i < 4; i++) {
            int death = at + (int)test_random(12);
            if (death >= ACTS) death = ACTS - 1;
            lives[i] = (struct life){.checkpoint = at + (int)test_random(12),
                                     .done = test_random(2),
                                     .death = death,
                                     .skip = test_random(2)};
            at = death;
        }
        lives[4] = (struct life){.checkpoint = -1, .death = ACTS - 1};
        judge(&calm, lives, 5);
    }
    cut(&calm, 0);
}

/* What is read again is not always what it was: a limit has been changed meanwhile. */
static void another_stream_leaves_nothing_undecided(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{}", folder);
    push(t, 1 * S, "rule.raised", "cold");
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    push(t, 2 * S, "rule.raised", "hot");
    push(t, 3 * S, "rule.raised", "hot");
    test_push_batch(t, events(t, (struct told[]){{3 * S, "rule.raised", "l.p.w", "hot"}}, 1));
    assert_int_equal(order(t, "alarms ack", "{alarm: hot@l.p.v}"), PL_OK);
    assert_int_equal(order(t, "alarms shelve", "{alarm: hot@l.p.w, duration: 1h, reason: known}"), PL_OK);
    test_close(t);

    t = open_folder("{}", folder);
    assert_int_equal(pl_harness_restore(t->h, bytes, size, NULL), PL_OK);
    push(t, 2500 * PL_MILLISECOND, "rule.raised", "hot"); /* later, and once only; that of l.p.w does not come at all */
    expect(t, "alarm.unacknowledged alarm.acknowledged");
    listed(t, "{state: shelved}", NULL);
    push(t, 4 * S, "rule.cleared", "cold"); /* event time has passed what was decided */
    expect(t, "alarm.returned");
    listed(t, "{state: shelved}", "hot@l.p.w");
    listed(t, "{state: acknowledged}", "hot@l.p.v");
    test_push_batch(t, events(t, (struct told[]){{5 * S, "rule.raised", "l.p.w", "hot"}}, 1));
    push(t, 6 * S, "rule.cleared", "hot");
    push(t, 7 * S, "rule.raised", "hot"); /* another one: nobody has seen it */
    expect(t, "alarm.normal alarm.unacknowledged");
    pl_free(bytes);
    test_close(t);
    remove_folder(folder);
}

/* An acknowledgement is of one occurrence, and waits for no other. */
static void an_occurrence_that_is_over_takes_its_decision_along(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{}", folder);
    push(t, 1 * S, "rule.raised", "cold");
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    push(t, 2 * S, "rule.raised", "hot");
    assert_int_equal(order(t, "alarms ack", "{alarm: 'hot*'}"), PL_OK);
    push(t, 3 * S, "rule.cleared", "hot");
    test_close(t);

    t = open_folder("{}", folder);
    assert_int_equal(pl_harness_restore(t->h, bytes, size, NULL), PL_OK);
    push(t, 4 * S, "rule.raised", "hot"); /* the first one does not come again */
    push(t, 5 * S, "rule.cleared", "cold");
    expect(t, "alarm.unacknowledged alarm.returned");
    pl_free(bytes);
    test_close(t);
    remove_folder(folder);
}

/* What is about an occurrence that is still to come waits on, through whatever is decided before. */
static void a_decision_in_front_of_another(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{}", folder);
    push(t, 1 * S, "rule.raised", "hot");
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    push(t, 2 * S, "rule.cleared", "hot");
    push(t, 3 * S, "rule.raised", "hot");
    assert_int_equal(order(t, "alarms ack", "{alarm: '*', reason: second}"), PL_OK);
    test_close(t);
    for (unsigned lives = 0; lives < 3; lives++) {
        t = open_folder("{}", folder);
        assert_int_equal(pl_harness_restore(t->h, bytes, size, NULL), PL_OK);
        test_pull(t);
        if (lives == 0) assert_int_equal(order(t, "alarms ack", "{alarm: '*', reason: first}"), PL_OK);
        if (lives == 1) {
            pl_free(bytes);
            bytes = pl_harness_snapshot(t->h, &size);
            pl_harness_commit(t->h);
        }
        if (lives < 2) expect(t, "alarm.acknowledged");
        push(t, 2 * S, "rule.cleared", "hot");
        push(t, 3 * S, "rule.raised", "hot");
        assert_non_null(strstr(t->out[0].event[2].body, "\"reason\":\"second\""));
        expect(t, "alarm.normal alarm.unacknowledged alarm.acknowledged");
        test_close(t);
    }
    pl_free(bytes);
    remove_folder(folder);
}

/* Whoever decides while the log is read again, decides last. */
static void a_decision_in_between(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{}", folder);
    push(t, 1 * S, "rule.raised", "hot");
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    push(t, 2 * S, "rule.raised", "hot");
    assert_int_equal(order(t, "alarms ack", "{alarm: '*'}"), PL_OK);
    assert_int_equal(order(t, "alarms suppress", "{alarm: '*', reason: start-up}"), PL_OK);
    test_close(t);
    for (unsigned lives = 0; lives < 2; lives++) {
        t = open_folder("{}", folder);
        assert_int_equal(pl_harness_restore(t->h, bytes, size, NULL), PL_OK);
        if (lives == 0) assert_int_equal(order(t, "alarms unsuppress", "{alarm: '*'}"), PL_OK);
        if (lives == 1) push(t, 2 * S, "rule.raised", "hot");
        expect(t, "alarm.acknowledged alarm.suppressed alarm.unacknowledged");
        test_close(t);
    }
    pl_free(bytes);
    remove_folder(folder);
}

static void what_is_kept_is_bounded(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{}", folder);
    push(t, 1 * S, "rule.raised", "hot");
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(order(t, i & 1 ? "alarms unsuppress" : "alarms suppress", "{alarm: '*', reason: r}"), PL_OK);
    assert_int_equal(order(t, "alarms suppress", "{alarm: '*', reason: r}"), PL_LIMIT);
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    assert_int_equal(order(t, "alarms suppress", "{alarm: '*', reason: r}"), PL_LIMIT);
    pl_harness_commit(t->h);
    assert_int_equal(order(t, "alarms suppress", "{alarm: '*', reason: r}"), PL_OK);
    assert_int_equal(order(t, "alarms unsuppress", "{alarm: '*'}"), PL_OK);
    push(t, 2 * S, "rule.cleared", "hot");
    assert_int_equal(order(t, "alarms ack", "{alarm: '*'}"), PL_OK);
    pl_free(bytes);
    bytes = pl_harness_snapshot(t->h, &size);
    pl_harness_commit(t->h);
    pl_free(bytes);
    test_close(t);
    t = open_folder("{}", folder); /* nothing of what was decided stands, and all of it is in a checkpoint */
    test_watermark(t, 100 * S);
    listed(t, "{state: all}", NULL);
    test_close(t);
    remove_folder(folder);
}

/* Without a log no state comes back: what people decided does. */
static void decisions_survive_without_a_log(void **state) {
    (void)state;
    static const char hot[] = "{alarms: [{" DEFINED "}]}";
    char *folder = make_folder();
    struct test *t = open_folder(hot, folder);
    struct told rows[] = {{1 * S, "rule.raised", "l.p.a", "hot"},
                          {1 * S, "rule.raised", "l.p.b", "hot"},
                          {1 * S, "rule.raised", "l.p.c", "hot"},
                          {1 * S, "rule.raised", "l.p.d", "hot"}};
    pl_harness_forgets(t->h);
    test_push_batch(t, events(t, rows, 4));
    assert_int_equal(order(t, "alarms ack", "{alarm: hot@l.p.a}"), PL_OK);
    assert_int_equal(order(t, "alarms shelve", "{alarm: hot@l.p.b, duration: 1h, reason: known}"), PL_OK);
    assert_int_equal(order(t, "alarms out-of-service", "{alarm: hot@l.p.c, reason: repair}"), PL_OK);
    test_close(t);

    t = open_folder(hot, folder);
    pl_harness_forgets(t->h);
    listed(t, "{alarm: hot@l.p.a}", "\"unconfirmed\":true");
    for (unsigned i = 0; i < 4; i++)
        rows[i].time = 9 * S;
    test_push_batch(t, events(t, rows, 4));
    assert_string_equal(t->out[0].event[0].tag, "l.p.d"); /* nobody had seen that one: it is new */
    expect(t, "alarm.unacknowledged");
    listed(t, "{alarm: hot@l.p.a}", "\"state\":\"acknowledged\"");
    listed(t, "{alarm: hot@l.p.a}", "\"unconfirmed\":false");
    listed(t, "{state: shelved}", "hot@l.p.b");
    listed(t, "{state: out-of-service}", "hot@l.p.c");
    push(t, 10 * S, "rule.cleared", "cold");
    test_push_batch(t, events(t, (struct told[]){{11 * S, "rule.cleared", "l.p.a", "hot"}}, 1));
    expect(t, "alarm.normal");
    char *reply;
    assert_int_equal(pl_harness_command(t->h, "alarms history", "{alarm: hot@l.p.b}", &reply, NULL), PL_OK);
    assert_non_null(strstr(reply, "\"event\":\"alarm.shelved\""));
    assert_non_null(strstr(reply, "\"reason\":\"known\""));
    pl_free(reply);
    pl_harness_clock(t->h, 3600 * S);
    assert_int_equal(pl_harness_command(t->h, "alarms rate", "{over: 2h}", &reply, NULL), PL_OK);
    assert_non_null(strstr(reply, "{\"figure\":\"alarms\",\"value\":5,"));
    assert_non_null(strstr(reply, "often: hot@l.p."));
    pl_free(reply);
    test_close(t);

    t = open_folder(hot, folder); /* what has returned is forgotten */
    pl_harness_forgets(t->h);
    listed(t, "{alarm: hot@l.p.a, state: all}", NULL);
    test_close(t);
    remove_folder(folder);
}

/* An acknowledgement that the folder did not take, by the first allocation that only this fails. */
static struct test *acknowledge_unkept(const char *folder) {
    struct test *t = open_folder("{}", folder);
    for (int n = 0; n < 100; n++) {
        char tag[16];
        snprintf(tag, sizeof tag, "p%d.v", n);
        test_push_batch(t, events(t, (struct told[]){{1 * S, "rule.raised", tag, "hot"}}, 1));
        pl_alloc_fail_after(n);
        enum pl_code code = order(t, "alarms ack", "{alarm: '*'}");
        pl_alloc_fail_after(-1);
        if (code && test_counter(t, "unkept") && !pl_harness_failure(t->h)) return t;
    }
    fail_msg("nothing is unkept");
    return NULL;
}

static void checkpoint(struct test *t) {
    size_t size;
    pl_free(pl_harness_snapshot(t->h, &size));
    pl_harness_commit(t->h);
}

/* What could not be kept, for want of memory or of room on the disk, is tried again: by the same command, with the next
 * event, at a checkpoint. */
static void what_was_not_kept_is_kept_later(void **state) {
    (void)state;
    for (unsigned by = 0; by < 3; by++) {
        char *folder = make_folder(), *reply = NULL;
        struct test *t = acknowledge_unkept(folder);
        if (by == 0) assert_int_equal(order(t, "alarms ack", "{alarm: '*'}"), PL_OK);
        if (by == 1) push(t, 9 * S, "rule.raised", "cold");
        if (by == 2) checkpoint(t);
        assert_int_equal(pl_harness_command(t->h, "alarms list", "{state: acknowledged}", &reply, NULL), PL_OK);
        test_close(t);
        t = open_folder("{}", folder);
        pl_harness_forgets(t->h);
        for (const char *at = reply; (at = strstr(at, "hot@")); at += 4) {
            char args[64];
            snprintf(args, sizeof args, "{alarm: '%.*s', state: acknowledged}", (int)strcspn(at, "\""), at);
            listed(t, args, "hot@");
        }
        assert_non_null(strstr(reply, "hot@"));
        pl_free(reply);
        test_close(t);
        remove_folder(folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_events_again_wherever_it_dies),
        cmocka_unit_test(the_same_events_again_however_often_it_dies),
        cmocka_unit_test(another_stream_leaves_nothing_undecided),
        cmocka_unit_test(an_occurrence_that_is_over_takes_its_decision_along),
        cmocka_unit_test(a_decision_in_front_of_another),
        cmocka_unit_test(a_decision_in_between),
        cmocka_unit_test(what_is_kept_is_bounded),
        cmocka_unit_test(decisions_survive_without_a_log),
        cmocka_unit_test(what_was_not_kept_is_kept_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
