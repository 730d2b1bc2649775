/* Rules that mean harm: each ends in bounded time, is disabled alone, and its neighbour goes on. */
#include "../testing.h"

#include <time.h>
#include <unistd.h>

#include <potline/time.h>

enum { ROWS = 40 };

static char folder[] = "/tmp/potline-hostile-XXXXXX";
static char script[64];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The body of a rule's function of (value, tag). */
static const char *const bodies[] = {
    "while true do end",
    "::again:: goto again",
    "repeat until false",
    "for i = 1, math.huge do end",
    "local t = {} while true do t[#t + 1] = {} end",
    "local t = {} for i = 1, 1e9 do t[i] = i end",
    "local s = 'x' while true do s = s .. s end",
    "local s = 'x' for i = 1, 17 do s = s .. s end while true do local t = s .. value end",
    "local s = 'x' for i = 1, 17 do s = s .. s end local t = s .. 'y' while true do local b = s < t end",
    "return string.rep('x', 1e9) == ''",
    "return ('x'):rep(1e9) == ''",
    "return (''):rep(1e15) == nil + 1",
    "while true do local s = ('x'):rep(4096):upper() end",
    "return string.find(('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30))",
    "return ('x'):gsub('.*', '%0%0')",
    "return string.format('%99999d', 1)",
    "return string.format('%p', tag)",
    "return string.format(('%99d'):rep(1000), 1)",
    "return tostring({}) == ''",
    "return setmetatable({}, { __gc = function() while true do end end })",
    "return getmetatable('').__index",
    "('').rep = nil return true",
    "string.rep = function() end",
    "math.huge = 1",
    "leak = value",
    "return pcall(function() while true do end end)",
    "return load('while true do end')()",
    "return coroutine.wrap(function() while true do end end)()",
    "return table.concat({}, 'x', 1, 1e9)",
    "return require('os')",
    "return collectgarbage('collect')",
    "return math.random() > 2",
    "local function f(n) return 1 + f(n + 1) end return f(1) > 0",
    "local function f() return f() end return f()",
    "return error({})",
    "return nil + value",
    "return 'yes'",
    "return value // 0 == 1 % 0",
    "return 1 < {}",
    "return #value",
    "return value.x.y",
    "return tag()",
    "for i = 1, 60000 do value = value + i end return false", /* not once too long, but every row */
};

static void write_script(const char *body) {
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    fprintf(file,
            "rule { name = 'hostile', each = true, when = function(value, tag)\n%s\nend }\n"
            "rule { name = 'good', each = true, when = function(value, tag) return value > 0 and tag == 'a.v' end }\n",
            body);
    fclose(file);
}

static void each_is_disabled_alone(void **state) {
    (void)state;
    char options[160];
    double slowest = 0;
    unsigned worst = 0;
    snprintf(options, sizeof options, "{scripts: '%s'}", script);
    for (unsigned i = 0; i < PL_COUNT_OF(bodies); i++) {
        write_script(bodies[i]);
        double begun = now();
        struct test *t = test_open("rules", options, PL_SAMPLES);
        struct sample rows[ROWS];
        for (unsigned k = 0; k < ROWS; k++)
            rows[k] = (struct sample){(pl_time)(k + 1) * PL_SECOND, "a.v", 1, 0};
        test_push(t, rows, ROWS);
        unsigned disabled = 0, matched = 0;
        for (unsigned k = 0; k < t->out[0].events; k++) {
            disabled += strcmp(t->out[0].event[k].kind, "rule.disabled") == 0;
            matched += strcmp(t->out[0].event[k].kind, "rule.matched") == 0;
        }
        if (disabled != 1 || matched != ROWS) fail_msg("%s: disabled %u, matched %u", bodies[i], disabled, matched);
        test_close(t);
        double taken = now() - begun;
        if (taken > slowest) {
            slowest = taken;
            worst = i;
        }
    }
    printf("slowest until disabled: %.3f s: %s\n", slowest, bodies[worst]);
    assert_true(slowest < 10); /* a second a call is the safety net */
}

/* Nothing is kept where a snapshot would not find it, and what was disabled stays so. */
static void disabled_through_a_restore(void **state) {
    (void)state;
    char options[160];
    snprintf(options, sizeof options, "{scripts: '%s', strikes: 2}", script);
    write_script("return nil + 1");
    struct test *t = test_open("rules", options, PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 1, 0}}, 1);
    test_restore(t);
    test_push(t, (struct sample[]){{2, "a.v", 1, 0}}, 1);
    assert_int_equal(test_counter(t, "disabled"), 1);
    test_restore(t);
    test_push(t, (struct sample[]){{3, "a.v", 1, 0}}, 1);
    assert_int_equal(test_counter(t, "errors"), 0);
    test_close(t);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(script, sizeof script, "%s/hostile.lua", folder);
    return 0;
}

static int drop_folder(void **state) {
    (void)state;
    unlink(script);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_disabled_alone),
                                       cmocka_unit_test(disabled_through_a_restore)};
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
