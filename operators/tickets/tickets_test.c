/* tickets: anomalies become tickets, people close them, and that says how sure the next one must be. */
#include "../testing.h"

#include <potline/operator.h>

#define S PL_SECOND

struct told {
    pl_time start, time;
    const char *kind, *asset, *signal;
    double score, share; /* the rest is the signal "flow"'s */
};

static struct pl_batch *event(struct test *t, const struct told *told) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 1, 4096);
    struct pl_pack *body = pl_pack_new();
    char tag[64];
    pl_pack_map(body, 6);
    pl_pack_pair_f64(body, "score", told->score);
    pl_pack_pair_f64(body, "threshold", 0.5);
    pl_pack_pair_int(body, "start", told->start);
    pl_pack_str(body, "tags");
    pl_pack_array(body, 2);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(tag, sizeof tag, "%s.%s", told->asset, i ? "flow" : told->signal);
        pl_pack_map(body, 2);
        pl_pack_pair_str(body, "tag", tag);
        pl_pack_pair_f64(body, "share", i ? 1 - told->share : told->share);
    }
    pl_pack_pair_str(body, "explanation", "it is not as it was");
    pl_pack_pair_str(body, "cause", "the pump");
    pl_batch_heap(b, 0, pl_pack_data(body), (uint32_t)pl_pack_size(body));
    b->events.time[0] = told->time;
    b->events.kind[0] = test_tag(t, told->kind);
    b->events.asset[0] = test_tag(t, told->asset);
    b->events.end[0] = b->heap_used[0];
    b->source = test_tag(t, "watch");
    b->rows = 1;
    pl_pack_free(body);
    return b;
}

/* An anomaly that begins and ends, as a detector tells it. */
static void happens(struct test *t, unsigned at, const char *asset, const char *signal, double score) {
    test_push_batch(t, event(t, &(struct told){at * S, at * S, "detect.began", asset, signal, 0.51, 0.9}));
    test_push_batch(t, event(t, &(struct told){at * S, (at + 5) * S, "detect.ended", asset, signal, score, 0.9}));
}

static void ask(struct test *t, const char *command, const char *args, enum pl_code expected, const char *has) {
    char *reply = NULL;
    struct pl_error *error = NULL;
    const enum pl_code code = pl_harness_command(t->h, command, args, &reply, &error);
    if (code != expected) fail_msg("%s %s: %s", command, args, error ? pl_error_text(error) : reply);
    if (has && (!reply || !strstr(reply, has))) fail_msg("%s %s: %s has no %s", command, args, reply, has);
    if (!has && !code && reply && strncmp(command, "tickets list", 12) == 0) assert_string_equal(reply, "[]");
    pl_free(reply);
    pl_error_free(&error);
    test_pull(t);
}

static void expect(struct test *t, const char *kinds) {
    char told[1024] = "";
    for (unsigned i = 0; i < t->out[0].events; i++)
        snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s", i ? " " : "", t->out[0].event[i].kind);
    assert_string_equal(told, kinds);
    test_forget(t);
}

static void one_ticket_an_asset(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "{confidence: 0.6}", PL_EVENTS);
    happens(t, 100, "l.p1", "pressure", 0.55); /* not sure enough */
    expect(t, "");
    happens(t, 200, "l.p1", "pressure", 0.7);
    expect(t, "ticket.opened");
    happens(t, 300, "l.p1", "level", 0.8);
    happens(t, 300, "l.p2", "level", 0.65);
    expect(t, "ticket.joined ticket.opened");
    test_push_batch(t, event(t, &(struct told){300 * S, 309 * S, "detect.ended", "l.p1", "level", 0.9, 0.9}));
    expect(t, ""); /* told already */
    ask(t, "tickets list", "{asset: l.p1}", PL_OK,
        "\"ticket\":\"1@l.p1\",\"state\":\"open\",\"score\":0.9,\"anomalies\":2");
    ask(t, "anomalies list", "", PL_OK, "\"score\":0.55,\"needed\":0.6,\"detector\":\"watch\",\"ticket\":\"\"");
    assert_int_equal(test_counter(t, "unsure"), 1);
    assert_int_equal(test_counter(t, "anomalies"), 4);
    test_push_batch(t, event(t, &(struct told){1, 1, "alarm.raised", "l.p1", "level", 0.9, 0.9}));
    assert_int_equal(test_counter(t, "ignored"), 1);
    test_close(t);
}

static void people_close_them(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "{actions: [{signals: \"lev*\", action: look at the valve}]}", PL_EVENTS);
    happens(t, 100, "l.p1", "pressure", 0.7);
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"action\":\"look at: the pump\"");
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"tags\":[{\"tag\":\"l.p1.pressure\",\"share\":0.9}");
    ask(t, "tickets assign", "{ticket: 1@l.p1, to: Ann}", PL_OK, NULL);
    ask(t, "tickets list", "{state: assigned}", PL_OK, "\"assignee\":\"Ann\"");
    ask(t, "tickets list", "", PL_OK, "\"tags\":[{\"tag\":\"l.p1.pressure\",\"share\":0.9}");
    ask(t, "tickets assign", "{ticket: 7@l.p1, to: Ann}", PL_NOT_FOUND, NULL);
    ask(t, "tickets assign", "{ticket: Ann, to: Ann}", PL_NOT_FOUND, NULL);
    ask(t, "tickets resolve", "{ticket: 1@l.p1, reason: changed the seal}", PL_OK, NULL);
    ask(t, "tickets resolve", "{ticket: 1@l.p1, reason: again}", PL_CONFLICT, NULL);
    ask(t, "tickets assign", "{ticket: 1@l.p1, to: Bob}", PL_CONFLICT, NULL);
    ask(t, "tickets list", "", PL_OK, NULL);
    expect(t, "ticket.opened ticket.assigned ticket.resolved");
    /* The same on another pump: the case is told, and what was done then. */
    happens(t, 500, "l.p2", "pressure", 0.7);
    ask(t, "tickets show", "{ticket: 1@l.p2}", PL_OK, "\"action\":\"as in 1@l.p1: changed the seal\"");
    ask(t, "tickets show", "{ticket: 1@l.p2}", PL_OK, "\"similar\":[{\"ticket\":\"1@l.p1\",\"state\":\"resolved\"");
    /* A new one of the first pump is a new ticket; something else has no case, but an action of the list. */
    happens(t, 600, "l.p1", "level", 0.7);
    ask(t, "tickets show", "{ticket: 2@l.p1}", PL_OK, "\"action\":\"look at the valve\"");
    test_close(t);
}

static void a_false_alarm_raises_the_bar(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "", PL_EVENTS);
    happens(t, 100, "l.p1", "pressure", 0.7);
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: cleaning}", PL_OK, NULL);
    expect(t, "ticket.opened ticket.false-alarm");
    happens(t, 200, "l.p1", "pressure", 0.7);
    expect(t, "");
    assert_int_equal(test_counter(t, "held"), 1);
    happens(t, 300, "l.p1", "level", 0.65);   /* other signals */
    happens(t, 400, "l.p2", "pressure", 0.7); /* another asset */
    expect(t, "ticket.opened ticket.opened");
    ask(t, "tickets resolve", "{ticket: 2@l.p1, reason: seal}", PL_OK, NULL);
    happens(t, 500, "l.p1", "pressure", 0.75); /* more than the false alarm */
    ask(t, "tickets resolve", "{ticket: 3@l.p1, reason: seal}", PL_OK, NULL);
    test_forget(t);
    /* A false alarm that was surer than one that was real does not hide its like. */
    happens(t, 600, "l.p1", "pressure", 0.9);
    ask(t, "tickets false-alarm", "{ticket: 4@l.p1, reason: cleaning}", PL_OK, NULL);
    happens(t, 700, "l.p1", "pressure", 0.76);
    expect(t, "ticket.opened ticket.false-alarm ticket.opened");
    test_close(t);
}

static void a_snapshot_keeps_them(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "", PL_EVENTS), *next = test_open("tickets", "", PL_EVENTS);
    happens(t, 100, "l.p1", "pressure", 0.7);
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: cleaning}", PL_OK, NULL);
    happens(t, 150, "l.p1", "level", 0.8);
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    assert_int_equal(pl_harness_restore(next->h, bytes, size, NULL), PL_OK);
    happens(next, 200, "l.p1", "pressure", 0.7);
    expect(next, "");
    ask(next, "tickets list", "", PL_OK, "\"ticket\":\"2@l.p1\"");
    pl_free(bytes);
    test_close(t);
    test_close(next);
}

static void limits(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "{max_tickets: 2, cases: 1, recent: 2}", PL_EVENTS);
    happens(t, 100, "l.p1", "pressure", 0.7);
    happens(t, 100, "l.p2", "pressure", 0.7);
    happens(t, 100, "l.p3", "pressure", 0.7);
    assert_true(test_counter(t, "refused") >= 1);
    ask(t, "tickets resolve", "{ticket: 1@l.p1, reason: seal}", PL_OK, NULL);
    happens(t, 200, "l.p3", "pressure", 0.7);
    assert_int_equal(test_counter(t, "dropped"), 1);
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_NOT_FOUND, NULL);
    for (unsigned i = 0; i < 5; i++)
        happens(t, 300 + 10 * i, "l.p3", "pressure", 0.7);
    char *reply = NULL;
    assert_int_equal(pl_harness_command(t->h, "anomalies list", "{asset: l.p3}", &reply, NULL), PL_OK);
    unsigned rows = 0;
    for (const char *at = reply; (at = strstr(at, "\"detector\"")); at++)
        rows++;
    assert_int_equal(rows, 2);
    pl_free(reply);
    test_close(t);
}

/* Whatever a body holds, it is read or passed over. */
static void bodies_of_strangers(void **state) {
    (void)state;
    srand(3);
    struct test *t = test_open("tickets", "", PL_EVENTS);
    for (unsigned round = 0; round < 2000; round++) {
        struct pl_batch *b = event(t, &(struct told){round, round, "detect.began", "l.p1", "x", 0.9, 0.5});
        uint8_t *body = (uint8_t *)(uintptr_t)pl_batch_heap_row(b, 0, 0, &(uint32_t){0});
        for (unsigned i = 0; i < 1 + round % 4; i++)
            body[test_random(b->heap_used[0])] = (uint8_t)test_random(256);
        test_push_batch(t, b);
    }
    assert_true(test_counter(t, "ignored") > 100);
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_ticket_an_asset),
        cmocka_unit_test(people_close_them),
        cmocka_unit_test(a_false_alarm_raises_the_bar),
        cmocka_unit_test(a_snapshot_keeps_them),
        cmocka_unit_test(limits),
        cmocka_unit_test(bodies_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
