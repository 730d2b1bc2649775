/* The guard as a black box: what passes, what does not and why, with a clock of the test's own. */
#include "guard_testing.h"

/* ---- Limits and rates ---- */

static void limits_hold(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, limits: [{tags: '*.acd', low: 35, high: 50}, "
                              "{tags: '*.feed', low: 50, high: 150, on_limit: clamp}]}");
    wish(rig, "l.p.acd", 40);
    assert_passed(rig, "l.p.acd", 40);
    wish(rig, "l.p.acd", 50.0000001);
    assert_refused(rig, "outside of its limits");
    wish(rig, "l.p.acd", NAN);
    assert_refused(rig, "no finite number");
    wish(rig, "l.p.feed", 1e9);
    assert_passed(rig, "l.p.feed", 150);
    wish(rig, "l.p.other", 1);
    assert_refused(rig, "no limits are known for it");
    wish_whole(rig, (struct wish){"l.p.acd", 44, PL_SECOND, 0, 36, 43});
    assert_refused(rig, "outside of its limits");
    wish_whole(rig, (struct wish){"l.p.acd", 44, PL_SECOND, 0, NAN, 43}); /* half a range */
    assert_refused(rig, "outside of its limits");
    wish_whole(rig, (struct wish){"l.p.acd", 44, PL_SECOND, 0, 60, 70});
    assert_refused(rig, "nothing in common");
    rig_free(rig);
}

static void rates_hold(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, limits: [{tags: '*.acd', low: 35, high: 50, rate: 0.5, step: 1}, "
                              "{tags: '*.alf3', low: 0, high: 8, step: 1, on_rate: refuse}]}");
    wish(rig, "p.acd", 40);
    assert_refused(rig, "what stands there is not known");
    sample(rig, "p.acd", 43, PL_Q_GOOD);
    wish(rig, "p.acd", 40);
    assert_passed(rig, "p.acd", 42.5); /* a second's worth */
    sample(rig, "p.acd", 42.5, PL_Q_GOOD);
    wish(rig, "p.acd", 40);
    assert_passed(rig, "p.acd", 42.5); /* no time has passed */
    pass_time(rig, PL_SECOND);
    wish(rig, "p.acd", 40);
    assert_passed(rig, "p.acd", 42);
    pass_time(rig, 9 * PL_SECOND);
    sample(rig, "p.acd", 42, PL_Q_GOOD);
    wish(rig, "p.acd", 40);
    assert_passed(rig, "p.acd", 41); /* a step at most */
    pass_time(rig, 5 * PL_SECOND);
    sample(rig, "p.acd", 55, PL_Q_GOOD); /* the device is somewhere else altogether */
    wish(rig, "p.acd", 40);
    assert_refused(rig, "its limits cannot be reached at its rate");
    sample(rig, "p.alf3", 2, PL_Q_GOOD);
    wish(rig, "p.alf3", 4);
    assert_refused(rig, "faster than its rate");
    wish(rig, "p.alf3", 3);
    assert_passed(rig, "p.alf3", 3);
    rig_free(rig);
}

/* ---- Interlocks and freshness ---- */

static void interlocks_hold(void **state) {
    (void)state;
    struct rig *rig = rig_new(
        "{mode: auto, fresh: 5s, limits: [{tags: '*.acd', low: 35, high: 50, on_loss: baseline, baseline: 43}], "
        "interlocks: [{name: warm, when: 'bath_temp < 985 and quality == good'}, "
        "{name: line, tags: '*.acd', when: '`{line}.current` > 100 or value >= 43'}]}");
    wish(rig, "l.p.acd", 40);
    assert_refused(rig, "stale, bad or unknown");
    sample(rig, "l.p.bath_temp", 960, PL_Q_GOOD);
    sample(rig, "l.current", 180, PL_Q_GOOD);
    wish(rig, "l.p.acd", 40);
    assert_passed(rig, "l.p.acd", 40);
    sample(rig, "l.p.bath_temp", -INFINITY, PL_Q_GOOD);
    wish(rig, "l.p.acd", 40);
    assert_refused(rig, "stale, bad or unknown");
    sample(rig, "l.p.bath_temp", 960, PL_Q_UNCERTAIN);
    wish(rig, "l.p.acd", 40);
    assert_refused(rig, "\"what\":\"warm\"");
    sample(rig, "l.p.bath_temp", 960, PL_Q_GOOD);
    sample(rig, "l.current", 50, PL_Q_GOOD);
    wish(rig, "l.p.acd", 41);
    assert_refused(rig, "\"what\":\"line\"");
    sample(rig, "l.current", 180, PL_Q_GOOD);
    wish(rig, "l.p.acd", 41);
    forget(rig);
    sample(rig, "l.p.bath_temp", 990, PL_Q_GOOD); /* under way: it trips, and returns */
    pass_time(rig, PL_SECOND);
    ASSERT_TOLD(rig, "guard.tripped l.p.acd");
    assert_true(isnan(rig->out[0].value)); /* taken back */
    assert_near(rig->out[1].value, 43, 0);
    forget(rig);
    sample(rig, "l.p.bath_temp", 960, PL_Q_GOOD);
    pass_time(rig, 6 * PL_SECOND);
    wish(rig, "l.p.acd", 41);
    assert_refused(rig, "stale, bad or unknown");
    rig_free(rig);
}

static void what_an_interlock_looks_at_is_known(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, limits: [{tags: '*', low: 0, high: 50}], "
                              "interlocks: [{name: near, when: 'not (abs(value - current) > 5)'}]}");
    wish(rig, "l.p.x", 40);
    assert_refused(rig, "what stands there is not known");
    sample(rig, "l.p.x", 38, PL_Q_GOOD);
    wish(rig, "l.p.x", 40);
    assert_passed(rig, "l.p.x", 40);
    rig_free(rig);
}

/* ---- Leases and generations ---- */

static void leases_end(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, lease_max: 1m, limits: [{tags: '*.feed', low: 50, high: 150, rate: 10, "
                              "on_loss: baseline, baseline: 100}, {tags: '*', low: 0, high: 9}]}");
    wish_whole(rig, (struct wish){"p.x", 5, 0, 0, 0, 0});
    assert_refused(rig, "it has expired, or has no expiry");
    wish_whole(rig, (struct wish){"p.x", 5, PL_HOUR, 0, 0, 0});
    assert_true(rig->out[0].expiry == rig->now + PL_MINUTE);
    assert_passed(rig, "p.x", 5);
    sample(rig, "p.feed", 130, PL_Q_GOOD);
    wish_whole(rig, (struct wish){"p.feed", 125, 2 * PL_SECOND, 0, 0, 0});
    assert_passed(rig, "p.feed", 125);
    pass_time(rig, PL_SECOND);
    assert_int_equal(rig->outs, 0);
    double at = 125;
    for (unsigned i = 0; i < 20 && at != 100; i++) {
        sample(rig, "p.feed", at, PL_Q_GOOD);
        pass_time(rig, PL_SECOND);
        for (unsigned k = 0; k < rig->outs; k++) {
            if (isnan(rig->out[k].value)) continue;
            assert_true(rig->out[k].value <= at && rig->out[k].value >= at - 20.0001 && rig->out[k].value >= 100);
            at = rig->out[k].value;
        }
        rig->outs = 0;
    }
    assert_near(at, 100, 0);
    ASSERT_TOLD(rig, "guard.lapsed p.feed");
    forget(rig);
    pass_time(rig, PL_MINUTE);
    ASSERT_TOLD(rig, "guard.lapsed p.x");
    assert_int_equal(rig->outs, 1); /* taken back; it is held */
    rig_free(rig);
}

static const struct out *pulse_of(struct rig *rig) {
    for (int patience = 0; patience < 100; patience++) {
        pl_harness_turn(rig->h);
        usleep(1000);
        pass_time(rig, 20 * PL_MILLISECOND);
        for (unsigned i = 0; i < rig->outs; i++)
            if (strcmp(rig->out[i].tag, "node.pulse") == 0) return &rig->out[i];
    }
    return NULL;
}

static void what_sheds_stops_the_pulse(void **state) {
    (void)state;
    char folder[] = "/tmp/potline-guard-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct rig *rig = rig_new("{mode: auto, pulse: 1s, limits: [{tags: '*', low: 0, high: 9, on_loss: shed}]}");
    pl_harness_free(rig->h);
    open_at(rig, folder);
    wish(rig, "p.x", 5);
    assert_non_null(pulse_of(rig));
    pass_time(rig, 11 * PL_SECOND);
    ASSERT_TOLD(rig, "guard.shed p.x");
    forget(rig);
    pass_time(rig, 5 * PL_SECOND);
    assert_null(pulse_of(rig));
    pl_harness_free(rig->h); /* it is shed after a restart as well */
    open_at(rig, folder);
    assert_null(pulse_of(rig));
    wish(rig, "p.x", 6);
    assert_non_null(pulse_of(rig));
    rig_free(rig);
}

static void older_generations_are_fenced_off(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, limits: [{tags: '*', low: 0, high: 9}]}");
    wish_whole(rig, (struct wish){"p.x", 5, PL_SECOND, 7, 0, 0});
    assert_passed(rig, "p.x", 5);
    wish_whole(rig, (struct wish){"p.y", 5, PL_SECOND, 6, 0, 0});
    assert_refused(rig, "an older generation");
    wish_whole(rig, (struct wish){"p.y", 5, PL_SECOND, 7, 0, 0});
    assert_passed(rig, "p.y", 5);
    rig_free(rig);
}

static void push_at(struct rig *rig, pl_time time, pl_time expiry) {
    struct wish w = {"p.x", 5, PL_SECOND, 0, 0, 0};
    struct pl_batch *b = batch_of(rig, &w);
    b->setpoints.time[0] = time;
    b->setpoints.expiry[0] = expiry;
    assert_int_equal(pl_harness_push(rig->h, 0, b), PL_FLOW_OK);
    pull(rig);
}

static void times_make_sense(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, lease_max: 1m, limits: [{tags: '*', low: 0, high: 9, step: 1}]}");
    pl_time last = rig->now;
    sample(rig, "p.x", 5, PL_Q_GOOD);
    push_at(rig, PL_TIME_MAX, PL_TIME_MAX);
    assert_refused(rig, "its time is yet to come");
    push_at(rig, PL_TIME_MIN, PL_TIME_MAX);
    assert_refused(rig, "its time is long past");
    push_at(rig, last + PL_SECOND, PL_TIME_MAX);
    assert_true(rig->out[0].expiry == last + PL_SECOND + PL_MINUTE);
    assert_passed(rig, "p.x", 5);
    pass_time(rig, 2 * PL_MINUTE);
    forget(rig);
    last = rig->now;
    rig->now = PL_TIME_MAX; /* a source whose clock is wrong */
    sample(rig, "p.x", 8, PL_Q_GOOD);
    rig->now = PL_TIME_MIN + 1;
    sample(rig, "p.x", 8, PL_Q_GOOD);
    rig->now = last;
    wish(rig, "p.x", 6);
    assert_passed(rig, "p.x", 6); /* from what passed last */
    sample(rig, "p.x", 3, PL_Q_GOOD);
    wish(rig, "p.x", 6);
    assert_passed(rig, "p.x", 4);
    rig_free(rig);
}

/* ---- Overrides ---- */

static void overrides_are_latched(void **state) {
    (void)state;
    struct rig *rig = rig_new("{mode: auto, limits: [{tags: '*', low: 0, high: 9, step: 2}], "
                              "override_signals: ['*.stop']}");
    sample(rig, "l.p.x", 5, PL_Q_GOOD);
    wish(rig, "l.p.x", 6);
    assert_passed(rig, "l.p.x", 6);
    assert_int_equal(command(rig, "override engage", "{scope: l.p, reason: r}"), PL_OK);
    assert_int_equal(rig->outs, 1);
    assert_true(isnan(rig->out[0].value)); /* taken back */
    ASSERT_TOLD(rig, "override.engaged");
    forget(rig);
    wish(rig, "l.p.x", 6);
    assert_refused(rig, "an override is engaged");
    wish(rig, "l.pq.x", 6);
    assert_int_equal(command(rig, "guard set", "{tag: l.p.x, value: 4, for: 10s, reason: r}"), PL_CONFLICT);
    forget(rig);
    sample(rig, "l.p.x", 1, PL_Q_GOOD); /* by hand, meanwhile */
    assert_int_equal(command(rig, "override release", "{scope: l.p, reason: r}"), PL_OK);
    assert_int_equal(command(rig, "override release", "{scope: l.p, reason: r}"), PL_NOT_FOUND);
    forget(rig);
    wish(rig, "l.p.x", 6);
    assert_passed(rig, "l.p.x", 3); /* from where it stands */
    sample(rig, "l.p.stop", 1, PL_Q_GOOD);
    ASSERT_TOLD(rig, "override.engaged l.p");
    assert_int_equal(command(rig, "override release", "{scope: l.p, reason: r}"), PL_CONFLICT);
    sample(rig, "l.p.stop", 0, PL_Q_GOOD);
    forget(rig);
    wish(rig, "l.p.x", 3);
    assert_refused(rig, "an override is engaged");
    assert_int_equal(command(rig, "override release", "{scope: l.p, reason: r}"), PL_OK);
    sample(rig, "l.p #2.stop", 1, PL_Q_GOOD);
    ASSERT_TOLD(rig, "override.engaged l.p #2");
    sample(rig, "l.p #2.stop", 0, PL_Q_GOOD);
    assert_int_equal(command(rig, "override release", "{scope: 'l.p #2', reason: r}"), PL_OK);
    rig_free(rig);
}

static void turn_until(struct rig *rig, const char *text) {
    for (int i = 0; i < 3000 && !told(rig, text); i++) {
        usleep(1000);
        pl_harness_turn(rig->h);
        pull(rig);
    }
    ASSERT_TOLD(rig, text);
}

static void a_file_overrides(void **state) {
    (void)state;
    char path[] = "/tmp/guard-XXXXXX", options[256];
    int fd = mkstemp(path);
    unlink(path);
    snprintf(options, sizeof options, "{mode: auto, limits: [{tags: '*', low: 0, high: 9}], override_file: '%s'}",
             path);
    struct rig *rig = rig_new(options);
    wish(rig, "l.p.x", 6);
    assert_passed(rig, "l.p.x", 6);
    FILE *file = fopen(path, "w");
    fputs("# fire\n l.p  # the pot\n", file);
    fclose(file);
    turn_until(rig, "\"scope\":\"l.p\"");
    forget(rig);
    wish(rig, "l.p.x", 6);
    assert_refused(rig, "an override is engaged");
    wish(rig, "l.q.x", 6);
    assert_passed(rig, "l.q.x", 6);
    assert_int_equal(command(rig, "override release", "{scope: l.p, reason: r}"), PL_CONFLICT);
    file = fopen(path, "w");
    fclose(file);
    turn_until(rig, "\"scope\":\"ALL\"");
    unlink(path);
    assert_int_equal(command(rig, "override release", "{scope: ALL, reason: r}"), PL_OK);
    assert_int_equal(command(rig, "override release", "{scope: l.p, reason: r}"), PL_OK);
    forget(rig);
    wish(rig, "l.p.x", 6);
    assert_passed(rig, "l.p.x", 6);
    close(fd);
    rig_free(rig);
}

static struct rig *rig_with_file(char *path, const char *text, size_t size) {
    static char options[256];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    close(fd);
    snprintf(options, sizeof options, "{mode: auto, limits: [{tags: '*', low: 0, high: 9}], override_file: '%s'}",
             path);
    return rig_new(options);
}

static void a_file_in_doubt_overrides_all(void **state) {
    (void)state;
    char many[12000] = "", long_one[(1 << 16) + 8];
    for (int i = 0; i < 1001; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "q.p%d\n", i);
    memset(long_one, '#', sizeof long_one);
    memcpy(long_one, "q\n", 2);
    const struct {
        const char *text;
        size_t size;
    } files[] = {{"q\nall\n", 6}, {"q\nl.*\n", 6}, {"q\n\0l\0", 5}, {many, strlen(many)}, {long_one, sizeof long_one}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[] = "/tmp/guard-XXXXXX";
        struct rig *rig = rig_with_file(path, files[i].text, files[i].size);
        for (int turns = 0; turns < 3000 && command(rig, "override release", "{scope: ALL, reason: r}") == PL_NOT_FOUND;
             turns++) {
            usleep(1000);
            pl_harness_turn(rig->h);
        }
        forget(rig);
        wish(rig, "l.p.x", 6);
        assert_refused(rig, "an override is engaged");
        unlink(path);
        rig_free(rig);
    }
}

/* ---- What survives ---- */

static void again(struct rig *rig, const char *options, const char *folder) {
    pl_harness_free(rig->h);
    rig->options = options;
    open_at(rig, folder);
    forget(rig);
}

static void what_was_decided_survives(void **state) {
    (void)state;
    char folder[] = "/tmp/guard-data-XXXXXX", remove[64];
    assert_non_null(mkdtemp(folder));
    const char *first = "{limits: [{tags: '*', low: 0, high: 9, step: 2}]}";
    const char *bolder = "{mode: auto, limits: [{tags: '*', low: 0, high: 9, step: 2}]}";
    const char *careful = "{mode: auto, after_restart: advise, limits: [{tags: '*', low: 0, high: 9, step: 2}]}";
    struct rig *rig = calloc(1, sizeof *rig);
    rig->now = START;
    rig->options = first;
    open_at(rig, folder);
    again(rig, bolder, folder);
    wish(rig, "l.p.x", 5);
    ASSERT_TOLD(rig, "what stands there is not known");
    sample(rig, "l.p.x", 4, PL_Q_GOOD);
    wish(rig, "l.p.x", 5);
    ASSERT_TOLD(rig, "guard.advised"); /* the graph alone makes nothing more automatic */
    assert_int_equal(command(rig, "guard mode", "{scope: l, mode: auto, reason: r}"), PL_OK);
    forget(rig);
    wish_whole(rig, (struct wish){"l.p.x", 5, 20 * PL_SECOND, 3, 0, 0});
    assert_passed(rig, "l.p.x", 5);
    assert_int_equal(command(rig, "override engage", "{scope: l.q, reason: r, anyway: true}"), PL_OK);

    again(rig, bolder, folder);
    wish_whole(rig, (struct wish){"l.p.x", 9, 20 * PL_SECOND, 2, 0, 0});
    assert_refused(rig, "an older generation");
    wish_whole(rig, (struct wish){"l.p.x", 9, 20 * PL_SECOND, 4, 0, 0});
    assert_passed(rig, "l.p.x", 7); /* two from what passed before the restart */
    wish_whole(rig, (struct wish){"l.q.x", 5, 20 * PL_SECOND, 4, 0, 0});
    assert_refused(rig, "an override is engaged");
    pl_time before = rig->now;
    rig->now -= PL_HOUR; /* no lease grows longer by that */
    again(rig, bolder, folder);
    pass_time(rig, 0);
    ASSERT_TOLD(rig, "the clock was set back");
    rig->now = before;
    again(rig, bolder, folder);
    rig->model = "Optimizer 1.2 77aa";
    wish_whole(rig, (struct wish){"l.p.x", 7, 20 * PL_SECOND, 4, 0, 0});
    rig->model = NULL;
    again(rig, bolder, folder);
    pass_time(rig, PL_MINUTE);
    ASSERT_TOLD(rig, "its lease was not renewed");
    ASSERT_TOLD(rig, "Optimizer 1.2 77aa");

    again(rig, careful, folder);
    sample(rig, "l.p.x", 7, PL_Q_GOOD);
    wish_whole(rig, (struct wish){"l.p.x", 8, 20 * PL_SECOND, 4, 0, 0});
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.advised");
    again(rig, bolder, folder); /* what a restart has made less automatic, the next one leaves so */
    forget(rig);
    sample(rig, "l.p.x", 7, PL_Q_GOOD);
    wish_whole(rig, (struct wish){"l.p.x", 8, 20 * PL_SECOND, 4, 0, 0});
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.advised");
    rig_free(rig);
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
}

/* Signals come anew; until they are due again a lease from before the restart holds. */
static void a_restart_trips_nothing(void **state) {
    (void)state;
    char folder[] = "/tmp/guard-data-XXXXXX", remove[64];
    const char *options = "{mode: auto, fresh: 10s, limits: [{tags: '*.x', low: 0, high: 9}], "
                          "interlocks: [{name: cool, when: heat < 5}]}";
    assert_non_null(mkdtemp(folder));
    struct rig *rig = calloc(1, sizeof *rig);
    rig->now = START;
    rig->options = options;
    open_at(rig, folder);
    sample(rig, "l.p.heat", 1, PL_Q_GOOD);
    wish_whole(rig, (struct wish){"l.p.x", 5, 40 * PL_SECOND, 1, 0, 0});
    assert_passed(rig, "l.p.x", 5);
    again(rig, options, folder);
    pass_time(rig, 5 * PL_SECOND);
    assert_false(told(rig, "guard.tripped"));
    wish_whole(rig, (struct wish){"l.p.x", 6, 40 * PL_SECOND, 1, 0, 0});
    assert_refused(rig, "stale, bad or unknown"); /* what is new is judged by what is known */
    pass_time(rig, 5 * PL_SECOND);
    ASSERT_TOLD(rig, "guard.tripped l.p.x");

    sample(rig, "l.p.heat", 1, PL_Q_GOOD);
    forget(rig);
    wish_whole(rig, (struct wish){"l.p.x", 5, 40 * PL_SECOND, 1, 0, 0});
    assert_passed(rig, "l.p.x", 5);
    again(rig, options, folder);
    sample(rig, "l.p.heat", 7, PL_Q_GOOD);
    pass_time(rig, PL_SECOND);
    ASSERT_TOLD(rig, "an interlock does not hold");
    rig_free(rig);
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
}

static void refuses_what_makes_no_sense(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"{limits: []}", "without limits nothing passes"},
        {"{limits: [{tags: x, low: 5, high: 1}]}", "it is below low"},
        {"{limits: [{tags: x, low: 1, high: 5, on_loss: baseline}]}", "no baseline to return to"},
        {"{limits: [{tags: x, low: 1, high: 5, baseline: 7}]}", "outside of its own limits"},
        {"{limits: [{tags: x, low: 1, high: 5}], interlocks: [{name: i, when: 'a <'}]}", "interlocks[0].when"},
    };
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
        char *text = test_refusal("guard", wrong[i][0]);
        if (!strstr(text, wrong[i][1])) fail_msg("%s: %s", wrong[i][0], text);
        pl_free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(rates_hold),
        cmocka_unit_test(interlocks_hold),
        cmocka_unit_test(what_an_interlock_looks_at_is_known),
        cmocka_unit_test(leases_end),
        cmocka_unit_test(what_sheds_stops_the_pulse),
        cmocka_unit_test(older_generations_are_fenced_off),
        cmocka_unit_test(times_make_sense),
        cmocka_unit_test(overrides_are_latched),
        cmocka_unit_test(a_file_overrides),
        cmocka_unit_test(a_file_in_doubt_overrides_all),
        cmocka_unit_test(what_was_decided_survives),
        cmocka_unit_test(a_restart_trips_nothing),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
