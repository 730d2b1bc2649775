#include "alarms_testing.h"

#include <unistd.h>

static void raised_acknowledged_returned(void **state) {
    (void)state;
    struct test *t = test_open("alarms", "{alarms: [{" DEFINED "}]}", PL_EVENTS);
    push(t, 1 * S, "threshold.high", "hot");
    assert_int_equal(t->out[0].event[0].severity, 750);
    assert_string_equal(t->out[0].event[0].tag, "l.p.v");
    assert_non_null(strstr(t->out[0].event[0].body, "\"alarm\":\"hot@l.p.v\",\"state\":\"unacknowledged\""));
    assert_non_null(strstr(t->out[0].event[0].body, "\"action\":\"cool it\",\"respond\":120"));
    expect(t, "alarm.unacknowledged");
    push(t, 2 * S, "threshold.high", "hot"); /* no news */
    expect(t, "");
    assert_int_equal(order(t, "alarms ack", "{alarm: hot@l.p, reason: seen}"), PL_OK);
    assert_non_null(strstr(t->out[0].event[0].body, "\"user\":\"test\",\"reason\":\"seen\""));
    expect(t, "alarm.acknowledged");
    assert_int_equal(order(t, "alarms ack", "{alarm: hot@l.p.v}"), PL_CONFLICT);
    assert_int_equal(order(t, "alarms ack", "{alarm: cold@l.p.v}"), PL_NOT_FOUND);
    push(t, 3 * S, "threshold.cleared", "hot");
    expect(t, "alarm.normal");
    push(t, 4 * S, "threshold.high", "hot");
    push(t, 5 * S, "threshold.cleared", "hot");
    push(t, 4 * S, "threshold.high", "hot"); /* old */
    expect(t, "alarm.unacknowledged alarm.returned");
    listed(t, "{}", "\"state\":\"returned\"");
    assert_int_equal(order(t, "alarms ack", "{alarm: '*'}"), PL_OK);
    expect(t, "alarm.normal");
    listed(t, "{}", NULL);
    assert_int_equal(test_counter(t, "activations"), 2);
    assert_int_equal(test_counter(t, "repeated"), 1);
    test_close(t);
}

static void delays_in_event_time(void **state) {
    (void)state;
    struct test *t = test_open("alarms", "{alarms: [{" DEFINED ", on_delay: 5s, off_delay: 3s}]}", PL_EVENTS);
    push(t, 1 * S, "rule.raised", "hot");
    push(t, 4 * S, "rule.cleared", "hot"); /* within its delay */
    push(t, 5 * S, "rule.raised", "hot");
    test_watermark(t, 9 * S);
    expect(t, "");
    test_restore(t);
    test_watermark(t, 10 * S);
    assert_int_equal(t->out[0].event[0].time, 10 * S);
    expect(t, "alarm.unacknowledged");
    push(t, 11 * S, "rule.cleared", "hot");
    push(t, 13 * S, "rule.raised", "hot");
    test_watermark(t, 20 * S);
    expect(t, "");
    push(t, 21 * S, "rule.cleared", "hot");
    push(t, 30 * S, "rule.raised", "hot"); /* its return was due at 24 s, though no watermark has said so */
    assert_int_equal(t->out[0].event[0].time, 24 * S);
    test_watermark(t, 40 * S);
    expect(t, "alarm.returned alarm.unacknowledged");
    test_close(t);
}

static void latched_until_reset(void **state) {
    (void)state;
    struct test *t = test_open("alarms", "{alarms: [{" DEFINED ", latch: true}]}", PL_EVENTS);
    push(t, 1 * S, "rule.raised", "hot");
    push(t, 2 * S, "rule.cleared", "hot");
    assert_int_equal(order(t, "alarms reset", "{alarm: '*', reason: looked}"), PL_CONFLICT);
    assert_int_equal(order(t, "alarms ack", "{alarm: '*'}"), PL_OK);
    assert_int_equal(order(t, "alarms reset", "{alarm: '*', reason: looked}"), PL_OK);
    expect(t, "alarm.unacknowledged alarm.latched-unacknowledged alarm.latched-acknowledged alarm.normal");
    test_close(t);
}

static void shelving_ends_and_is_told(void **state) {
    (void)state;
    struct test *t = test_open("alarms", "{max_shelve: 1h, alarms: [{" DEFINED "}]}", PL_EVENTS);
    pl_harness_clock(t->h, 1000 * S);
    push(t, 1 * S, "rule.raised", "hot");
    assert_int_equal(order(t, "alarms ack", "{alarm: '*'}"), PL_OK);
    assert_int_equal(order(t, "alarms shelve", "{alarm: '*', duration: 2h, reason: known}"), PL_RANGE);
    assert_int_equal(order(t, "alarms shelve", "{alarm: '*', duration: 10s, reason: ' '}"), PL_USAGE);
    assert_int_equal(order(t, "alarms shelve", "{alarm: '*', duration: 10s, reason: known}"), PL_OK);
    expect(t, "alarm.unacknowledged alarm.acknowledged alarm.shelved");
    listed(t, "{}", NULL);
    listed(t, "{state: shelved}", "\"until\":\"1970-01-01T00:16:50Z\"");
    push(t, 2 * S, "rule.cleared", "hot");
    push(t, 3 * S, "rule.raised", "hot");
    expect(t, "");
    pl_harness_clock(t->h, 1011 * S);
    for (unsigned i = 0; i < 400 && t->out[0].events == 0; i++) {
        usleep(10000); /* the loop looks once a second */
        pl_harness_turn(t->h);
        test_pull(t);
    }
    assert_non_null(strstr(t->out[0].event[0].body, "\"from\":\"shelved\""));
    expect(t, "alarm.unacknowledged"); /* the condition holds, so afresh */
    assert_int_equal(order(t, "alarms suppress", "{alarm: '*', reason: start-up}"), PL_OK);
    assert_int_equal(order(t, "alarms out-of-service", "{alarm: '*', reason: repair}"), PL_OK);
    push(t, 4 * S, "rule.cleared", "hot");
    assert_int_equal(order(t, "alarms unsuppress", "{alarm: '*'}"), PL_OK);
    assert_int_equal(order(t, "alarms in-service", "{alarm: '*'}"), PL_OK);
    expect(t, "alarm.suppressed alarm.out-of-service alarm.normal");
    test_close(t);
}

static void floods_chattering_budget_overdue_stale(void **state) {
    (void)state;
    struct test *t = test_open("alarms",
                               "{flood: {count: 3, window: 1m}, chattering: {count: 3, window: 30s}, budget: 4/h,"
                               " stale: 1h, alarms: [{" DEFINED "}]}",
                               PL_EVENTS);
    for (int i = 0; i < 5; i++) {
        push(t, (10 + 2 * i) * S, "rule.raised", "hot");
        if (i < 4) push(t, (11 + 2 * i) * S, "rule.cleared", "hot");
    }
    assert_int_equal(test_counter(t, "chattering"), 1);
    assert_int_equal(test_counter(t, "floods"), 1);
    assert_int_equal(test_counter(t, "over_budget"), 1);
    test_forget(t);
    test_restore(t);
    test_watermark(t, 100 * S);
    assert_int_equal(t->out[0].event[0].time, 76 * S); /* fewer than two in a minute from here on */
    expect(t, "alarms.flood-over");
    test_watermark(t, 200 * S);
    expect(t, "alarm.overdue");
    test_watermark(t, 4000 * S);
    expect(t, "alarms.within-budget alarm.stale");
    test_close(t);
}

/* However late it is noticed: before the event that comes behind it, and with what was known until then. */
static void what_was_due_tells_what_held_until_then(void **state) {
    (void)state;
    struct test *t = test_open("alarms", "{alarms: [{" DEFINED "}]}", PL_EVENTS);
    push(t, 1 * S, "rule.raised", "hot");
    test_forget(t);
    test_push_batch(t, events_of(t, (struct told[]){{500 * S, "rule.cleared", "l.p.v", "hot"}}, 1, 7));
    assert_int_equal(t->out[0].event[0].time, 121 * S);
    assert_non_null(strstr(t->out[0].event[0].body, "\"value\":12,"));
    assert_non_null(strstr(t->out[0].event[1].body, "\"value\":7,"));
    expect(t, "alarm.overdue alarm.returned");
    test_close(t);
}

/* The state of a run that watched rates, in the middle of a flood, into one that does not. */
static void rates_that_are_watched_no_longer(void **state) {
    (void)state;
    struct test *t = test_open("alarms", "{flood: {count: 2, window: 10m}, budget: 2/h}", PL_EVENTS);
    for (int i = 0; i < 4; i++) {
        push(t, (10 + 2 * i) * S, "rule.raised", "hot");
        push(t, (11 + 2 * i) * S, "rule.cleared", "hot");
    }
    assert_int_equal(test_counter(t, "floods"), 1);
    assert_int_equal(test_counter(t, "over_budget"), 1);
    size_t size;
    void *bytes = pl_harness_snapshot(t->h, &size);
    test_close(t);
    t = test_open("alarms", "{flood: false, chattering: false}", PL_EVENTS);
    assert_int_equal(pl_harness_restore(t->h, bytes, size, NULL), PL_OK);
    push(t, 20 * S, "rule.raised", "hot");
    test_watermark(t, 8000 * S);
    expect(t, "alarm.unacknowledged");
    pl_free(bytes);
    test_close(t);
}

/* A rate is a double: 115/3600 s times an hour is a hair less than 115. */
static void a_budget_is_what_was_written(void **state) {
    (void)state;
    static const struct {
        const char *options;
        unsigned allowed;
    } budgets[] = {{"{flood: false, budget: 115/h}", 115},
                   {"{flood: false, budget: 11/d, budget_window: 1d}", 11},
                   {"{flood: false, budget: 1/min, budget_window: 90s}", 1}};
    for (unsigned i = 0; i < PL_COUNT_OF(budgets); i++) {
        struct test *t = test_open("alarms", budgets[i].options, PL_EVENTS);
        for (unsigned n = 0; n <= budgets[i].allowed; n++) {
            char rule[16];
            assert_int_equal(test_counter(t, "over_budget"), 0);
            snprintf(rule, sizeof rule, "r%u", n);
            push(t, n * PL_MILLISECOND, "rule.raised", rule);
        }
        assert_int_equal(test_counter(t, "over_budget"), 1);
        test_close(t);
    }
}

static void figure(struct test *t, const char *args, const char *has) {
    char *reply = NULL;
    assert_int_equal(pl_harness_command(t->h, "alarms rate", args, &reply, NULL), PL_OK);
    if (!strstr(reply, has)) fail_msg("%s has no %s", reply, has);
    pl_free(reply);
}

/* Figures are those of the time that events have come to, wherever on the line of time that is. */
static void figures_at_any_time(void **state) {
    (void)state;
    static const pl_time begins[] = {PL_TIME_MIN + 1, -400 * PL_DAY, 5 * S, PL_TIME_MAX - 20 * S};
    for (unsigned i = 0; i < PL_COUNT_OF(begins); i++) {
        char *folder = make_folder();
        struct test *t = open_folder("{}", folder);
        for (int n = 0; n < 3; n++) {
            push(t, begins[i] + 2 * n * S, "rule.raised", "hot");
            push(t, begins[i] + (2 * n + 1) * S, "rule.cleared", "hot");
        }
        figure(t, "{over: 10m}", "{\"figure\":\"alarms\",\"value\":3,");
        figure(t, "{over: 10m}", "less than 10 min of events were judged");
        figure(t, "{over: 3h}", "{\"figure\":\"over, h\",\"value\":3,");
        figure(t, "{over: 365d}", "{\"figure\":\"most in 10 min\",\"value\":3,");
        figure(t, "{over: 365d}", "{\"figure\":\"chattering now\",\"value\":1,");
        test_close(t);
        remove_folder(folder);
    }
}

static void what_chattered_once_does_not_for_ever(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{chattering: {count: 2, window: 30s}}", folder);
    for (int i = 0; i < 2; i++) {
        push(t, (10 + 2 * i) * S, "rule.raised", "hot");
        push(t, (11 + 2 * i) * S, "rule.cleared", "hot");
    }
    test_watermark(t, 40 * S);
    figure(t, "{}", "{\"figure\":\"chattering now\",\"value\":1,");
    listed(t, "{}", "\"chattering\":true");
    test_watermark(t, 41 * S);
    figure(t, "{}", "{\"figure\":\"chattering now\",\"value\":0,");
    listed(t, "{}", "\"chattering\":false");
    test_close(t);
    remove_folder(folder);
}

static void rates_say_over_which_time(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{}", folder);
    figure(t, "{over: 1h}", "no event of alarms within");
    push(t, 1000 * S, "rule.raised", "hot");
    push(t, 2000 * S, "rule.cleared", "hot");
    figure(t, "{over: 1h}", "\"1969-12-31T23:33:20.000000001Z to 1970-01-01T00:33:20Z, in event time\"");
    figure(t, "{over: 1h}", "the first event within: 1970-01-01T00:16:40Z");
    figure(t, "{over: 1h}",
           "{\"figure\":\"per 10 min\",\"value\":0.16666666666666666,\"target\":\"< 1\",\"note\":\"\"}");
    test_close(t);
    remove_folder(folder);
}

/* In the list: what is more urgent, then what nobody has seen yet, then the newest. */
static void what_nobody_has_acknowledged_stands_first(void **state) {
    (void)state;
    struct test *t = test_open("alarms",
                               "{alarms: [{match: hot, priority: high, consequence: c, action: a, respond: 1m},"
                               " {match: cold, priority: high, consequence: c, action: a, respond: 1m},"
                               " {match: seen, priority: high, consequence: c, action: a, respond: 1m},"
                               " {match: worst, priority: critical, consequence: c, action: a, respond: 1m}]}",
                               PL_EVENTS);
    push(t, 1 * S, "rule.raised", "cold");
    push(t, 2 * S, "rule.raised", "hot");
    push(t, 3 * S, "rule.raised", "seen");
    push(t, 4 * S, "rule.raised", "worst");
    test_pull(t);
    assert_int_equal(order(t, "alarms ack", "{alarm: seen@l.p.v}"), PL_OK);
    assert_int_equal(order(t, "alarms ack", "{alarm: worst@l.p.v}"), PL_OK);
    static const char *const sequence[] = {"worst@", "hot@", "cold@", "seen@"};
    char *reply = NULL;
    assert_int_equal(pl_harness_command(t->h, "alarms list", "{}", &reply, NULL), PL_OK);
    const char *at = reply;
    for (unsigned i = 0; i < PL_COUNT_OF(sequence); i++)
        if (!(at = strstr(at, sequence[i]))) fail_msg("%s is out of its place in %s", sequence[i], reply);
    pl_free(reply);
    test_close(t);
}

/* An event without a value: there is none in the list, rather than one that is no number. */
static void what_has_no_value_shows_none(void **state) {
    (void)state;
    struct test *t = test_open("alarms",
                               "{alarms: [{match: link.down, until: link.up, priority: low, consequence: c,"
                               " action: a, respond: 1m}]}",
                               PL_EVENTS);
    push(t, 1 * S, "link.down", NULL);
    listed(t, "{}", "\"value\":null,\"limit\":null");
    test_close(t);
}

/* Given while the clock was years ahead, a shelving must not hide its alarm for years. */
static void a_clock_set_back_does_not_prolong_a_shelving(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{max_shelve: 1h}", folder);
    pl_harness_clock(t->h, 4000 * PL_DAY);
    pl_harness_forgets(t->h);
    push(t, 1 * S, "rule.raised", "hot");
    assert_int_equal(order(t, "alarms shelve", "{alarm: '*', duration: 30m, reason: known}"), PL_OK);
    test_close(t);
    t = open_folder("{max_shelve: 1h}", folder);
    pl_harness_clock(t->h, 100 * PL_DAY);
    pl_harness_forgets(t->h);
    for (unsigned i = 0; i < 400 && t->out[0].events == 0; i++) {
        push(t, (2 + i) * S, "rule.raised", "hot"); /* events that come meanwhile do not put it off */
        usleep(10000);                              /* the loop looks once a second */
        pl_harness_turn(t->h);
        test_pull(t);
    }
    assert_int_equal(t->out[0].events, 1);
    assert_int_equal(t->out[0].event[0].time, 100 * PL_DAY);
    assert_non_null(strstr(t->out[0].event[0].body, "the clock was set back"));
    expect(t, "alarm.unacknowledged");
    test_close(t);
    remove_folder(folder);
}

static void without_a_definition_and_without_a_rule(void **state) {
    (void)state;
    struct test *t =
        test_open("alarms",
                  "{alarms: [{match: link.down, until: link.up, priority: medium, consequence: blind,"
                  " action: look, respond: 1m}, {match: 'rule.disabled', priority: high, consequence: none,"
                  " action: mend, respond: 1h}]}",
                  PL_EVENTS);
    push(t, 1 * S, "rule.raised", "strange");
    assert_non_null(strstr(t->out[0].event[0].body, "\"priority\":\"low\""));
    expect(t, "alarm.unacknowledged");
    assert_int_equal(test_counter(t, "undefined"), 1);
    push(t, 2 * S, "link.down", NULL);
    push(t, 3 * S, "link.up", NULL);
    push(t, 3 * S, "nobody.cares", NULL);
    expect(t, "alarm.unacknowledged alarm.returned");
    test_push_batch(t, events(t, (struct told[]){{4 * S, "rule.disabled", "", "hot"}}, 1)); /* over at once */
    expect(t, "alarm.unacknowledged alarm.returned");
    listed(t, "{priority: high}", "\"alarm\":\"rule.disabled@hot\"");
    char hostile[600];
    memset(hostile, 'x', sizeof hostile - 1);
    hostile[sizeof hostile - 1] = 0;
    push(t, 5 * S, "rule.raised", hostile);
    push(t, 6 * S, "rule.raised", "with\nnewline");
    push(t, 7 * S, "rule.cleared", hostile);
    expect(t, "alarm.unacknowledged alarm.unacknowledged alarm.returned");
    test_close(t);
}

static void definitions_that_are_no_use(void **state) {
    (void)state;
    static const struct {
        const char *options, *says;
    } wrong[] = {
        {"{alarms: [{match: a, priority: low, consequence: '', action: b, respond: 1m}]}", "consequence"},
        {"{alarms: [{match: a, priority: low, consequence: c, action: ' ', respond: 1m}]}", "action"},
        {"{alarms: [{match: a, priority: low, consequence: c, action: b}]}", "respond"},
        {"{alarms: [{match: a, consequence: c, action: b, respond: 1m}]}", "priority"},
        {"{alarms: [{match: 'a*', until: b, priority: low, consequence: c, action: b, respond: 1m}]}", "until"},
        {"{budget: 0.1/h}", "budget"},
    };
    for (unsigned i = 0; i < PL_COUNT_OF(wrong); i++) {
        char *text = test_refusal("alarms", wrong[i].options);
        if (!strstr(text, wrong[i].says)) fail_msg("%s does not speak of %s", text, wrong[i].says);
        pl_free(text);
    }
}

static void a_full_list_drops_what_matters_least(void **state) {
    (void)state;
    struct test *t = test_open("alarms", "{max_alarms: 10, alarms: [{" DEFINED "}]}", PL_EVENTS);
    push(t, 1 * S, "rule.raised", "hot");
    push(t, 2 * S, "rule.cleared", "hot"); /* returned, high */
    char rule[16];
    for (int i = 0; i < 9; i++) {
        snprintf(rule, sizeof rule, "r%d", i);
        push(t, (10 + i) * S, "rule.raised", rule);
    }
    push(t, 30 * S, "rule.cleared", "r4"); /* returned, low */
    test_forget(t);
    test_restore(t);
    push(t, 40 * S, "rule.raised", "one-more");
    assert_string_equal(t->out[0].event[0].kind, "alarm.dropped");
    assert_non_null(strstr(t->out[0].event[0].body, "r4@l.p.v"));
    push(t, 41 * S, "rule.raised", "two-more");
    push(t, 42 * S, "rule.raised", "three-more");
    assert_int_equal(test_counter(t, "dropped"), 2); /* since the restore */
    assert_int_equal(test_counter(t, "refused"), 1);
    test_close(t);
}

/* A thousand alarms in a second: one event each, besides one of the flood, and people are answered right behind. */
static void a_flood_leaves_the_list_usable(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = open_folder("{max_alarms: 600}", folder);
    static struct told rows[1000];
    static char names[1000][24];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "l.p%u.v", i);
        rows[i] = (struct told){1 * S + i * PL_MILLISECOND, "rule.raised", names[i], "hot"};
    }
    for (unsigned i = 0; i < 1000; i += 100)
        test_push_batch(t, events(t, rows + i, 100));
    assert_int_equal(t->out[0].events, 600 + 1);
    assert_int_equal(test_counter(t, "floods"), 1);
    assert_int_equal(test_counter(t, "refused"), 400);
    assert_int_equal(order(t, "alarms ack", "{alarm: hot@l.p599.v}"), PL_OK);
    test_forget(t);
    assert_int_equal(order(t, "alarms ack", "{alarm: '*'}"), PL_OK);
    assert_int_equal(t->out[0].events, 599);
    test_close(t);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raised_acknowledged_returned),
        cmocka_unit_test(delays_in_event_time),
        cmocka_unit_test(latched_until_reset),
        cmocka_unit_test(shelving_ends_and_is_told),
        cmocka_unit_test(floods_chattering_budget_overdue_stale),
        cmocka_unit_test(what_was_due_tells_what_held_until_then),
        cmocka_unit_test(rates_that_are_watched_no_longer),
        cmocka_unit_test(a_budget_is_what_was_written),
        cmocka_unit_test(figures_at_any_time),
        cmocka_unit_test(what_chattered_once_does_not_for_ever),
        cmocka_unit_test(rates_say_over_which_time),
        cmocka_unit_test(what_nobody_has_acknowledged_stands_first),
        cmocka_unit_test(what_has_no_value_shows_none),
        cmocka_unit_test(a_clock_set_back_does_not_prolong_a_shelving),
        cmocka_unit_test(without_a_definition_and_without_a_rule),
        cmocka_unit_test(definitions_that_are_no_use),
        cmocka_unit_test(a_full_list_drops_what_matters_least),
        cmocka_unit_test(a_flood_leaves_the_list_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
