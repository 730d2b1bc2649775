/* tickets: anomalies become tickets, people close them, and that says how sure the next one must be. */
#include "tickets_testing.h"

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
    test_push_batch(t, event(t, &(struct told){.start = 300 * S,
                                               .time = 309 * S,
                                               .kind = "detect.ended",
                                               .asset = "l.p1",
                                               .signal = "level",
                                               .score = 0.9,
                                               .share = 0.9}));
    expect(t, ""); /* told already */
    ask(t, "tickets list", "{asset: l.p1}", PL_OK,
        "\"ticket\":\"1@l.p1\",\"state\":\"open\",\"score\":0.9,\"anomalies\":2");
    ask(t, "anomalies list", "", PL_OK, "\"score\":0.55,\"needed\":0.6,\"detector\":\"watch\",\"ticket\":\"\"");
    assert_int_equal(test_counter(t, "unsure"), 1);
    assert_int_equal(test_counter(t, "anomalies"), 4);
    test_push_batch(t, event(t, &(struct told){.start = 1,
                                               .time = 1,
                                               .kind = "alarm.raised",
                                               .asset = "l.p1",
                                               .signal = "level",
                                               .score = 0.9,
                                               .share = 0.9}));
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

/* It begins mildly, and has no ticket until it has grown. */
static void an_anomaly_that_grows(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "{confidence: 0.6}", PL_EVENTS);
    struct told leak = seen(100, "higher", 3.6, 3.5, 0);
    tells(t, leak);
    expect(t, "");
    leak.kind = "detect.grew";
    leak.time += 60 * S;
    leak.score = 0.55;
    tells(t, leak);
    expect(t, "");
    leak.time += 60 * S;
    leak.score = 0.601;
    tells(t, leak);
    expect(t, "ticket.opened");
    leak.time += 60 * S;
    leak.score = 0.801;
    tells(t, leak);
    tells(t, leak); /* no more than was told */
    expect(t, "ticket.grew");
    ask(t, "tickets list", "", PL_OK, "\"score\":0.801,\"anomalies\":1,\"opened\":\"1970-01-01T00:03:40");
    assert_int_equal(test_counter(t, "grew"), 1);
    assert_int_equal(test_counter(t, "anomalies"), 1);
    test_close(t);
}

/* An anode effect in a pot whose side wall leaks: both are on the ticket, each with its end and what to do. */
static void a_ticket_keeps_all_that_it_rests_on(void **state) {
    (void)state;
    struct test *t =
        test_open("tickets", "{actions: [{signals: shell, action: the side wall}, {signals: noise, action: an anode}]}",
                  PL_EVENTS);
    struct told leak = seen(100, "higher", 5, 3.5, 0), effect = seen(200, "higher", 12, 3.5, 20);
    leak.signal = "shell";
    leak.detector = "hot";
    effect.signal = "noise";
    tells(t, leak);
    tells(t, effect);
    effect.kind = "detect.ended";
    effect.time = 210 * S;
    tells(t, effect);
    const char *show = "{ticket: 1@l.p1}";
    ask(t, "tickets show", show, PL_OK, "\"end\":\"\",\"detector\":\"watch\""); /* the leak goes on */
    leak.kind = "detect.ended";
    leak.time = 900 * S;
    tells(t, leak);
    ask(t, "tickets show", show, PL_OK, "\"start\":\"1970-01-01T00:01:40Z\",\"end\":\"1970-01-01T00:15:00Z\"");
    ask(t, "tickets show", show, PL_OK, "\"basis\":[{\"detector\":\"watch\",\"what\":\"level\",\"side\":\"higher\"");
    ask(t, "tickets show", show, PL_OK, "\"end\":\"1970-01-01T00:03:30Z\",\"explanation\"");
    ask(t, "tickets show", show, PL_OK, "\"action\":\"an anode\",\"tags\"");
    ask(t, "tickets show", show, PL_OK, "{\"detector\":\"hot\"");
    ask(t, "tickets show", show, PL_OK, "\"action\":\"the side wall\",\"tags\"");
    ask(t, "tickets show", show, PL_OK, "\"event\":\"100000000000\""); /* 100 s: its first event */
    expect(t, "ticket.opened ticket.joined");
    /* People's verdict is on both. */
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: a trial}", PL_OK, NULL);
    leak = seen(1000, "higher", 5, 3.5, 0);
    leak.signal = "shell";
    leak.detector = "hot";
    tells(t, leak);
    effect = seen(1100, "higher", 12, 3.5, 20);
    effect.signal = "noise";
    tells(t, effect);
    expect(t, "ticket.false-alarm");
    assert_int_equal(test_counter(t, "held"), 2);
    test_close(t);
}

static unsigned count_in(struct test *t, const char *command, const char *args, const char *text) {
    char *reply = NULL;
    unsigned count = 0;
    assert_int_equal(pl_harness_command(t->h, command, args, &reply, NULL), PL_OK);
    for (const char *at = reply; (at = strstr(at, text)); at++)
        count++;
    pl_free(reply);
    return count;
}

/* More of a kind are counted, and are no news; eight are kept, and what there is once only stays. */
static void many_of_a_kind(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "{recent: 100}", PL_EVENTS);
    struct told odd = seen(1, "lower", 4.7, 3.5, 0);
    odd.signal = "level";
    tells(t, odd);
    for (unsigned i = 0; i < 20; i++)
        tells(t, seen(100 + i, "higher", 5, 3.5, 0));
    expect(t, "ticket.opened ticket.joined");
    ask(t, "tickets list", "", PL_OK, "\"anomalies\":21");
    assert_int_equal(count_in(t, "tickets show", "{ticket: 1@l.p1}", "\"size\""), 8);
    assert_int_equal(count_in(t, "tickets show", "{ticket: 1@l.p1}", "{\"tag\":\"l.p1.level\""), 1);
    /* Nine kinds: the least surprising one goes, whether it came before or comes now. */
    static const char *const kinds[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    for (unsigned i = 0; i < 9; i++) {
        struct told one = seen(200 + i, "higher", i == 8 ? 6 : 7 + i, 3.5, 0);
        one.asset = "l.p2";
        one.what = kinds[i];
        tells(t, one);
    }
    assert_int_equal(count_in(t, "tickets show", "{ticket: 1@l.p2}", "\"size\""), 8);
    ask(t, "tickets show", "{ticket: 1@l.p2}", PL_OK, "\"what\":\"a\"");
    assert_int_equal(count_in(t, "tickets show", "{ticket: 1@l.p2}", "\"what\":\"i\""), 0);
    ask(t, "tickets list", "{asset: l.p2}", PL_OK, "\"anomalies\":9");
    struct told most = seen(300, "higher", 20, 3.5, 0);
    most.asset = "l.p2";
    most.what = "j";
    tells(t, most);
    assert_int_equal(count_in(t, "tickets show", "{ticket: 1@l.p2}", "\"what\":\"a\""), 0);
    ask(t, "tickets show", "{ticket: 1@l.p2}", PL_OK, "\"what\":\"j\"");
    /* Two signals that one detector finds odd at once are two anomalies. */
    struct told two[] = {seen(500, "higher", 5, 3.5, 0), seen(500, "higher", 5, 3.5, 0)};
    two[0].tag = "l.p1.pressure";
    two[1].tag = "l.p1.flow";
    tells(t, two[0]);
    tells(t, two[1]);
    assert_int_equal(test_counter(t, "anomalies"), 33);
    test_close(t);
}

/* What a false alarm asks for is on its own side, and never more than the detector can say. */
static void a_false_alarm_mutes_no_signal(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "", PL_EVENTS);
    tells(t, seen(100, "higher", 12, 6.5, 40)); /* a score of 0.72187, the highest with that threshold */
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: cleaning}", PL_OK, NULL);
    expect(t, "ticket.opened ticket.false-alarm");
    tells(t, seen(200, "higher", 12, 6.5, 41));
    expect(t, "");
    ask(t, "anomalies list", "", PL_OK, "\"size\":41,\"needed_size\":40");
    tells(t, seen(300, "higher", 12, 6.5, 60)); /* a larger fault */
    tells(t, seen(400, "lower", 9, 6.5, 0));    /* another one: in the open ticket */
    expect(t, "ticket.opened ticket.joined");
    ask(t, "tickets show", "{ticket: 2@l.p1}", PL_OK, "\"similar\":[{\"ticket\":\"1@l.p1\"");
    ask(t, "tickets resolve", "{ticket: 2@l.p1, reason: seal}", PL_OK, NULL);
    test_forget(t);
    /* Real was one of half as much again as the false alarm: one between the two is held back, by size. */
    tells(t, seen(410, "higher", 12, 6.5, 45));
    expect(t, "");
    /* By a lower threshold a score is higher, and the bar with it. */
    tells(t, seen(500, "lower", 8, 4, 0)); /* 0.75; real was one of 9 */
    ask(t, "tickets false-alarm", "{ticket: 3@l.p1, reason: cleaning}", PL_OK, NULL);
    tells(t, seen(600, "lower", 8, 5, 0));
    expect(t, "ticket.opened ticket.false-alarm");
    ask(t, "anomalies list", "", PL_OK, "\"score\":0.670");
    /* Where size cannot tell them apart, what is as surprising as can be is told. */
    struct told other = seen(700, "", 12, 4, 0);
    other.detector = "other";
    tells(t, other);
    ask(t, "tickets false-alarm", "{ticket: 4@l.p1, reason: cleaning}", PL_OK, NULL);
    other.start = other.time = 800 * S;
    tells(t, other);
    expect(t, "ticket.opened ticket.false-alarm ticket.opened");
    test_close(t);
}

/* What was judged goes on, and grows beyond what people saw. */
static void what_was_judged_grows(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "", PL_EVENTS);
    struct told leak = seen(100, "higher", 6, 3.5, 0);
    tells(t, leak);
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: cleaning}", PL_OK, NULL);
    expect(t, "ticket.opened ticket.false-alarm");
    leak.kind = "detect.grew";
    leak.time = 150 * S;
    tells(t, leak); /* no more than that */
    expect(t, "");
    leak.surprise = 8;
    leak.score = 0.8;
    tells(t, leak);
    expect(t, "ticket.opened");
    leak.kind = "detect.ended";
    leak.time = 200 * S;
    tells(t, leak);
    expect(t, "");
    ask(t, "tickets show", "{ticket: 2@l.p1}", PL_OK, "\"end\":\"1970-01-01T00:03:20Z\"");
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"score\":0.69"); /* as it was judged */
    tells(t, seen(300, "higher", 6.5, 3.5, 0));                          /* joins the open one */
    ask(t, "tickets list", "", PL_OK, "\"ticket\":\"2@l.p1\",\"state\":\"open\",\"score\":0.8,\"anomalies\":2");
    test_close(t);
}

/* A fault on the other side is no case like it. */
static void sides_are_not_alike(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "", PL_EVENTS);
    tells(t, seen(100, "higher", 9, 3.5, 0));
    ask(t, "tickets resolve", "{ticket: 1@l.p1, reason: seal}", PL_OK, NULL);
    tells(t, seen(200, "lower", 9, 3.5, 0));
    ask(t, "tickets show", "{ticket: 2@l.p1}", PL_OK, "\"similar\":[]");
    ask(t, "tickets false-alarm", "{ticket: 2@l.p1, reason: seal}", PL_OK, NULL);
    ask(t, "tickets show", "{ticket: 2@l.p1}", PL_OK, "\"similar\":[]"); /* nor is it one of its own */
    test_close(t);
}

/* A verdict is given once; taken back it asks for nothing. */
static void verdicts_are_taken_back(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "", PL_EVENTS);
    const char *ticket = "{ticket: 1@l.p1, reason: cleaning}";
    tells(t, seen(100, "higher", 6, 3.5, 0));
    ask(t, "tickets reopen", ticket, PL_CONFLICT, NULL);
    ask(t, "tickets false-alarm", ticket, PL_OK, NULL);
    ask(t, "tickets false-alarm", ticket, PL_CONFLICT, NULL);
    ask(t, "tickets resolve", ticket, PL_CONFLICT, NULL);
    ask(t, "tickets assign", "{ticket: 1@l.p1, to: Ann}", PL_CONFLICT, NULL);
    assert_int_equal(test_counter(t, "false_alarms"), 1);
    assert_int_equal(test_counter(t, "resolved"), 0);
    tells(t, seen(200, "higher", 6, 3.5, 0));
    expect(t, "ticket.opened ticket.false-alarm");
    ask(t, "tickets reopen", ticket, PL_OK, NULL);
    ask(t, "tickets list", "{state: open}", PL_OK, "\"ticket\":\"1@l.p1\"");
    ask(t, "tickets resolve", ticket, PL_OK, NULL);
    tells(t, seen(300, "higher", 6, 3.5, 0));
    expect(t, "ticket.reopened ticket.resolved ticket.opened");
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
    /* What a ticket rests on, what was told of it, and what goes on. */
    struct told grown = seen(300, "higher", 9, 3.5, 0);
    tells(t, grown);
    pl_free(bytes);
    bytes = pl_harness_snapshot(t->h, &size);
    assert_int_equal(pl_harness_restore(next->h, bytes, size, NULL), PL_OK);
    test_forget(next);
    grown.kind = "detect.grew";
    tells(next, grown);
    expect(next, "");
    grown.score = 0.9;
    tells(next, grown);
    expect(next, "ticket.grew");
    ask(next, "tickets list", "", PL_OK, "\"score\":0.9,\"anomalies\":2");
    ask(next, "tickets show", "{ticket: 2@l.p1}", PL_OK, "\"tag\":\"l.p1.level\"");
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
        struct pl_batch *b = event(t, &(struct told){.start = round,
                                                     .time = round,
                                                     .kind = "detect.began",
                                                     .asset = "l.p1",
                                                     .signal = "x",
                                                     .score = 0.9,
                                                     .share = 0.5,
                                                     .what = "level",
                                                     .side = "higher",
                                                     .surprise = 9,
                                                     .threshold = 3,
                                                     .size = 20});
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
        cmocka_unit_test(an_anomaly_that_grows),
        cmocka_unit_test(a_ticket_keeps_all_that_it_rests_on),
        cmocka_unit_test(many_of_a_kind),
        cmocka_unit_test(a_false_alarm_mutes_no_signal),
        cmocka_unit_test(what_was_judged_grows),
        cmocka_unit_test(sides_are_not_alike),
        cmocka_unit_test(verdicts_are_taken_back),
        cmocka_unit_test(a_snapshot_keeps_them),
        cmocka_unit_test(limits),
        cmocka_unit_test(bodies_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
