/* tickets: how an anomaly has ended, what to do about it, and what people say of one of several. */
#include "tickets_testing.h"

/* A detector that is used to a fault, or tells another one, has not seen its end. */
static void what_lasts_is_not_over(void **state) {
    (void)state;
    static const char *const hows[] = {"lasts", "replaced", "open"};
    struct test *t = test_open("tickets", "", PL_EVENTS);
    struct told leak = seen(100, "higher", 6, 3.5, 0);
    tells(t, leak);
    leak.kind = "detect.ended";
    for (unsigned i = 0; i < 3; i++) {
        char has[64];
        leak.time = (200 + i) * S;
        leak.how = hows[i];
        tells(t, leak);
        snprintf(has, sizeof has, "\"how\":\"%s\"", hows[i]);
        ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, has);
        ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"start\":\"1970-01-01T00:01:40Z\",\"end\":\"\"");
        ask(t, "anomalies list", "", PL_OK, "\"end\":\"\"");
    }
    leak.time = 900 * S;
    leak.how = "back";
    tells(t, leak);
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"end\":\"1970-01-01T00:15:00Z\"");
    ask(t, "anomalies list", "", PL_OK, "\"how\":\"back\",\"event\":\"100000000000\",\"explain\":\"explain event 1");
    expect(t, "ticket.opened");
    test_close(t);
}

/* Of two actions that fit it is the one of the signal with most to do with it, not the first of the list. */
static void what_to_do_goes_by_the_lead(void **state) {
    (void)state;
    struct test *t = test_open(
        "tickets", "{actions: [{signals: flow, action: the valve}, {signals: pressure, action: the pump}]}", PL_EVENTS);
    struct told leak = seen(100, "higher", 6, 3.5, 0);
    leak.share = 0.7; /* the flow has 0.3 */
    tells(t, leak);
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"action\":\"the pump\"");
    leak = seen(200, "higher", 6, 3.5, 0);
    leak.asset = "l.p2";
    leak.signal = "shell"; /* has no action: the next one */
    leak.share = 0.6;
    tells(t, leak);
    ask(t, "tickets show", "{ticket: 1@l.p2}", PL_OK, "\"action\":\"the valve\"");
    test_close(t);
}

/* One ticket, two anomalies, of which one was nothing. */
static void a_verdict_on_one_of_them(void **state) {
    (void)state;
    struct test *t = test_open("tickets", "", PL_EVENTS);
    struct told real = seen(100, "higher", 6, 3.5, 0), odd = seen(200, "lower", 9, 3.5, 0);
    odd.signal = "level";
    tells(t, real);
    tells(t, odd);
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"side\":\"lower\",\"explanation\"");
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: cleaning, event: '7'}", PL_NOT_FOUND, NULL);
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: cleaning, event: level}", PL_NOT_FOUND, NULL);
    ask(t, "tickets false-alarm", "{ticket: 1@l.p1, reason: cleaning, event: '200000000000'}", PL_OK, NULL);
    expect(t, "ticket.opened ticket.joined ticket.judged");
    /* The other one leads, and the ticket is still to be done. */
    ask(t, "tickets list", "", PL_OK, "\"state\":\"open\",\"score\":0.69");
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"side\":\"higher\",\"explanation\"");
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"verdict\":\"false-alarm\"");
    assert_int_equal(test_counter(t, "false_alarms"), 0);
    odd.kind = "detect.grew"; /* what is told of it later takes nothing back */
    tells(t, odd);
    ask(t, "tickets show", "{ticket: 1@l.p1}", PL_OK, "\"verdict\":\"false-alarm\"");
    ask(t, "tickets resolve", "{ticket: 1@l.p1, reason: seal}", PL_OK, NULL);
    test_forget(t);
    odd.kind = "detect.began";
    odd.start = odd.time = 300 * S;
    tells(t, odd); /* its like is held back */
    expect(t, "");
    tells(t, seen(400, "higher", 6, 3.5, 0)); /* the like of the real one is not */
    expect(t, "ticket.opened");
    /* Taken back, nothing more is asked than of what was resolved. */
    ask(t, "tickets reopen", "{ticket: 1@l.p1, reason: seal, event: '200000000000'}", PL_OK, NULL);
    odd.start = odd.time = 500 * S;
    tells(t, odd);
    expect(t, "ticket.judged ticket.joined");
    test_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lasts_is_not_over),
        cmocka_unit_test(what_to_do_goes_by_the_lead),
        cmocka_unit_test(a_verdict_on_one_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
