/* Set points, samples and people at random: nothing passes its limits, and no lease is longer than it may be. */
#include "guard_testing.h"

static double any_value(void) {
    switch (test_random(8)) {
    case 0: return NAN;
    case 1: return test_random(2) ? INFINITY : -INFINITY;
    case 2: return (rand() - RAND_MAX / 2) * 1e300;
    default: return test_random(2000) / 20.0 - 20;
    }
}

static void any_sample(struct rig *rig) {
    static const char *const tags[] = {"l.a.x", "l.a.y", "l.b.x", "l.a.t", "l.b.t", "l.a.stop"};
    bool stop = !test_random(500);
    sample(rig, tags[stop ? 5 : test_random(5)], stop ? !test_random(4) : any_value(),
           test_random(4) ? PL_Q_GOOD : PL_Q_BAD);
}

static void any_command(struct rig *rig) {
    static const char *const scopes[] = {"l", "l.a", "l.b", "ALL", "l.a.x"};
    static const char *const modes[] = {"manual", "advise", "approve", "auto", "auto", "auto"};
    char args[128];
    const char *scope = scopes[test_random(5)];
    snprintf(args, sizeof args, "{scope: %s, reason: r, mode: %s}", scope, modes[test_random(6)]);
    command(rig, "guard mode", args);
    if (test_random(2)) command(rig, "guard mode", "{scope: ALL, reason: r, mode: auto}");
    snprintf(args, sizeof args, "{scope: %s, reason: r}", scope);
    if (!test_random(4)) command(rig, "override engage", args);
    for (unsigned i = 0; i < 5 && test_random(4); i++) {
        snprintf(args, sizeof args, "{scope: %s, reason: r}", scopes[i]);
        command(rig, "override release", args);
    }
    command(rig, "guard approve", "{tag: '*'}");
}

static void judge(struct rig *rig) {
    for (unsigned i = 0; i < rig->outs; i++) {
        const struct out *out = &rig->out[i];
        bool x = out->tag[4] == 'x';
        if (isnan(out->value)) continue;
        if (!(out->value >= (x ? 10 : -5) && out->value <= (x ? 20 : 70)))
            fail_msg("%s = %.17g has passed", out->tag, out->value);
        if (out->expiry > rig->now + PL_MINUTE && out->expiry != rig->now + 10 * PL_SECOND) fail_msg("a long lease");
    }
    forget(rig);
}

static void nothing_passes_its_limits(void **state) {
    (void)state;
    bool whole = getenv("POTLINE_LONG") != NULL;
    unsigned count = whole ? 1000000 : 50000;
    static const char *const tags[] = {"l.a.x", "l.a.y", "l.b.x", "l.b.y", "l.a.t"};
    struct rig *rig = rig_new("{mode: auto, lease_max: 1m, fresh: 10s, override_signals: ['*.stop'], limits: ["
                              "{tags: '*.x', low: 10, high: 20, rate: 1, step: 3, on_loss: baseline, baseline: 15},"
                              "{tags: '*.y', low: -5, high: 70, on_limit: clamp}], "
                              "interlocks: [{name: t, tags: '*.x', when: t < 60}]}");
    srand(11);
    for (unsigned i = 0; i < count; i++) {
        struct wish w = {tags[test_random(5)], any_value(), (pl_time)test_random(200) * PL_SECOND,
                         test_random(3),       0,           0};
        if (!test_random(5)) w.lower = any_value(), w.upper = any_value();
        wish_whole(rig, w);
        judge(rig);
        if (!test_random(3)) any_sample(rig);
        if (!test_random(50)) pass_time(rig, (pl_time)test_random(3000) * PL_MILLISECOND);
        if (!test_random(200)) any_command(rig);
        judge(rig);
    }
    uint64_t passed = pl_harness_counter(rig->h, "passed"), refused = pl_harness_counter(rig->h, "refused");
    printf("%u set points: %llu passed, %llu refused\n", count, (unsigned long long)passed,
           (unsigned long long)refused);
    assert_true(passed > count / 50 && refused > count / 4);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_passes_its_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
