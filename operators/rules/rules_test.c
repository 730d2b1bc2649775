/* What rules find, how they are read, and what people may do to them. */
#include "../testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/time.h>

#define S PL_SECOND

static char folder[] = "/tmp/potline-rules-XXXXXX";
static char script[64], options[256];

static void write_script(const char *text) {
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static struct test *open_rules(const char *text, const char *more, enum pl_kind kind) {
    write_script(text);
    snprintf(options, sizeof options, "{scripts: '%s'%s}", script, more);
    return test_open("rules", options, kind);
}

static void assert_event(const struct test *t, unsigned i, pl_time time, const char *kind, const char *tag) {
    if (i >= t->out[0].events) fail_msg("there is no event %u", i);
    const struct event_row *event = &t->out[0].event[i];
    assert_string_equal(event->kind, kind);
    assert_string_equal(event->tag, tag);
    assert_int_equal(event->time, time);
}

static void assert_body(const struct test *t, unsigned i, const char *part) {
    if (!strstr(t->out[0].event[i].body, part)) fail_msg("%s: no %s", t->out[0].event[i].body, part);
}

/* ---- What rules find ---- */

static void raises_and_clears_by_hysteresis(void **state) {
    (void)state;
    struct test *t = open_rules("rule { name = 'hot', tags = '*.temp', severity = 700,\n"
                                "  params = { limit = { 985, low = 900, high = 1000, unit = 'degC' } },\n"
                                "  when = function(value, limit) return value > limit end,\n"
                                "  clear = function(value, limit) return value < limit - 3 end,\n"
                                "  message = '{tag} at {value:1}, limit {limit}' }",
                                "", PL_SAMPLES);
    test_push(t,
              (struct sample[]){{1 * S, "a.temp", 980, 0},
                                {2 * S, "a.temp", 986.25, 0},
                                {2 * S, "a.volt", 999, 0},
                                {3 * S, "a.temp", 983, 0},
                                {4 * S, "a.temp", 999, PL_Q_BAD},
                                {5 * S, "a.temp", 981, 0}},
              6);
    assert_int_equal(t->out[0].events, 2);
    assert_event(t, 0, 2 * S, "rule.raised", "a.temp");
    assert_event(t, 1, 5 * S, "rule.cleared", "a.temp");
    assert_body(t, 0, "\"message\":\"a.temp at 986.2, limit 985\"");
    assert_body(t, 0, "\"rule\":\"hot\"");
    assert_body(t, 0, "\"value\":986.25");
    assert_body(t, 1, "\"limit\":985");
    assert_int_equal(t->out[0].event[0].severity, 700);
    assert_int_equal(test_counter(t, "ignored"), 1);
    test_close(t);
}

static void holds_and_releases_in_event_time(void **state) {
    (void)state;
    const char *forms[] = {"'value > 5'", "function(value) return value > 5 end"};
    for (unsigned i = 0; i < 2; i++) {
        char text[256];
        snprintf(text, sizeof text, "rule { name = 'x', when = %s, hold = '3s', release = '2s' }", forms[i]);
        struct test *t = open_rules(text, "", PL_SAMPLES);
        test_push(t, (struct sample[]){{1 * S, "a.v", 9, 0}, {2 * S, "a.v", 1, 0}, {3 * S, "a.v", 9, 0}}, 3);
        test_watermark(t, 5 * S);
        assert_int_equal(t->out[0].events, 0);
        test_watermark(t, 7 * S); /* no row is needed */
        assert_event(t, 0, 6 * S, "rule.raised", "a.v");
        test_push(t, (struct sample[]){{8 * S, "a.v", 1, 0}, {9 * S, "a.v", 9, 0}, {10 * S, "a.v", 1, 0}}, 3);
        test_restore(t);
        test_push(t, (struct sample[]){{20 * S, "a.v", 2, 0}}, 1);
        assert_int_equal(t->out[0].events, 2);
        assert_event(t, 1, 12 * S, "rule.cleared", "a.v");
        test_close(t);
    }
}

static void keeps_memory_for_each_tag(void **state) {
    (void)state;
    struct test *t =
        open_rules("rule { name = 'rise', memory = { before = 0, n = 0 }, each = true,\n"
                   "  when = function(value, before, n) return n > 0 and value > before, value, n + 1 end }",
                   "", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 5, 0}, {2, "b.v", 7, 0}, {3, "a.v", 6, 0}}, 3);
    test_restore(t);
    test_push(t, (struct sample[]){{4, "b.v", 6.5, 0}, {5, "a.v", 7, 0}}, 2);
    assert_int_equal(t->out[0].events, 2);
    assert_event(t, 0, 3, "rule.matched", "a.v");
    assert_event(t, 1, 5, "rule.matched", "a.v");
    test_close(t);
}

static void reads_other_signals_of_the_asset(void **state) {
    (void)state;
    struct test *t =
        open_rules("rule { name = 'r', tags = '*.voltage', with = 'current', fresh = '5s', each = true,\n"
                   "  when = function(value, current, asset) return asset == 'p1' and value / current > 2 end }",
                   "", PL_SAMPLES);
    test_push(t,
              (struct sample[]){{1 * S, "p1.voltage", 9, 0}, /* no current yet */
                                {1 * S, "p1.current", 2, 0},
                                {2 * S, "p2.current", 9, 0},
                                {2 * S, "p1.voltage", 5, 0},
                                {9 * S, "p1.voltage", 5, 0}}, /* too old */
              5);
    assert_int_equal(t->out[0].events, 1);
    assert_event(t, 0, 2 * S, "rule.matched", "p1.voltage");
    assert_body(t, 0, "\"current\":2");
    test_close(t);
}

static void looks_at_events(void **state) {
    (void)state;
    struct test *t = open_rules("rule { name = 'e', on = 'events', each = true, fields = 'value',\n"
                                "  when = function(kind, value) return kind == 'threshold.high' and value > 9 end }",
                                "", PL_EVENTS);
    struct pl_pack *body = pl_pack_new();
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 2, 256);
    for (unsigned i = 0; i < 2; i++) {
        pl_pack_reset(body);
        pl_pack_map(body, 2);
        pl_pack_pair_str(body, "rule", "x");
        pl_pack_pair_f64(body, "value", 9.0 + i);
        b->events.time[i] = 1 + i;
        b->events.id[i] = i;
        b->events.kind[i] = test_tag(t, "threshold.high");
        b->events.severity[i] = 500;
        b->events.asset[i] = test_tag(t, "a");
        b->events.tag[i] = test_tag(t, "a.v");
        pl_batch_heap(b, 0, pl_pack_data(body), (uint32_t)pl_pack_size(body));
        b->events.end[i] = b->heap_used[0];
        b->rows++;
    }
    pl_pack_free(body);
    test_push_batch(t, b);
    assert_int_equal(t->out[0].events, 1);
    assert_event(t, 0, 2, "rule.matched", "a.v");
    test_close(t);
}

/* ---- What is refused, and where ---- */

static void refuses_with_file_and_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"rule { name = 'a',\n when = function(value return true end }", "rules.lua:2:24: ')' expected near 'return'"},
        {"\nrule { name = 'a', when = function(valeu) return true end }", "rules.lua:2:36: rule a: when names 'valeu'"},
        {"rule { name = 'a', when = function(valeu) return true end }", "did you mean 'value'?"},
        {"rule { name = 'a', when = 'valeu > 3' }", "did you mean 'value'?"},
        {"rule { name = 'a', when = 'value > ' }", "rules.lua:1:20: rule a: when = "},
        {"rule { name = 'a', wehn = 'value > 1' }", "'wehn' is unknown; did you mean 'when'?"},
        {"rule { name = 'a' }", "rules.lua:1:1: rule a: when is a function or the text of an expression"},
        {"rule { name = 'a', when = 'value > 1', on = 'sample' }", "did you mean 'samples'?"},
        {"rule { when = 'value > 1' }", "a rule needs a name"},
        {"\nlocal x = 1\nrul { name = 'a' }",
         "rules.lua:3:1: attempt to call a nil value (global 'rul'); did you mean"},
        {"rule { name = 'a', when = 'value > l',\n params = { l = { 5, lo = 6 } } }",
         "rules.lua:2:22: rule a: parameter l: 'lo' is unknown; did you mean 'low'?"},
        {"-- hodl = 1\nrule { name = 'a', when = 'value > 1',\n --[[ hodl =\n 2 ]] hodl = 3 }", "rules.lua:4:7: "},
        {"rule { name = 'a', when = 'value > 1', on = 'rows' }", "is not one of samples"},
        {"rule { name = 'a', when = 'value > 1', hold = '10 parsecs' }", "is no duration"},
        {"rule { name = 'a', when = 'value > 1', message = '{limt}' }", "message names 'limt'"},
        {"rule { name = 'a', when = 'value > l', params = { l = { 5, low = 6 } } }", "is not from"},
        {"rule { name = 'a', when = 'value > 1' } rule { name = 'a', when = 'value > 1' }", "is there already"},
        {"rule { name = 'a', when = print }", "when is a function"},
        {"while true do end", "more than 10000000 instructions"},
        {"\x1bLua", "binary"},
    };
    for (unsigned i = 0; i < PL_COUNT_OF(cases); i++) {
        write_script(cases[i].text);
        snprintf(options, sizeof options, "{scripts: '%s'}", script);
        char *text = test_refusal("rules", options);
        if (!strstr(text, cases[i].says)) fail_msg("%s: %s", cases[i].text, text);
        pl_free(text);
    }
}

static unsigned occurrences(const char *text, const char *what) {
    unsigned count = 0;
    for (text = strstr(text, what); text; text = strstr(text + 1, what))
        count++;
    return count;
}

/* One for each rule at least, and no rule hides another's; what only follows from a mistake is not told. */
static void tells_every_mistake(void **state) {
    (void)state;
    write_script("rule { name = 'a', when = function(valeu, limt) return true end, params = { limit = 3 } }\n"
                 "rule { name = 'b', when = 'value > 3', hold = 'soon', sverity = 3 }\n"
                 "rule { name = 'c', when = 'value > 3' }\n"
                 "rule { name = 'd', when = 'value > limit', params = { limit = 'x' } }\n"
                 "rule { when = 'value > 3' }\n");
    static const char *const expected[] = {
        ":1:36: rule a: when names 'valeu'", ":1:43: rule a: when names 'limt'", ":2:40: rule b: hold",
        ":2:55: rule b: 'sverity' is",       ":4:55: rule d: parameter limit",   ":5:1: a rule needs a name"};
    snprintf(options, sizeof options, "{scripts: '%s'}", script);
    char *text = test_refusal("rules", options);
    for (unsigned i = 0; i < PL_COUNT_OF(expected); i++)
        if (!strstr(text, expected[i])) fail_msg("no %s in %s", expected[i], text);
    assert_int_equal(occurrences(text, "rules.lua:"), PL_COUNT_OF(expected));
    pl_free(text);
}

/* What a file says is told as text, whatever its bytes are. */
static void tells_no_bytes_that_are_no_text(void **state) {
    (void)state;
    write_script("rule { name = 'a', ['ho\xff\x1b[1m'] = 1, when = 'value > 1', ['\xc3\xa9'] = 2 }");
    snprintf(options, sizeof options, "{scripts: '%s'}", script);
    char *text = test_refusal("rules", options);
    assert_non_null(strstr(text, "'ho??[1m' is unknown"));
    assert_non_null(strstr(text, "'\xc3\xa9' is unknown"));
    pl_free(text);
}

/* So many that the rest is not worth telling, but the file is refused all the same. */
static void mistakes_are_bounded(void **state) {
    (void)state;
    char *text = pl_alloc(64 << 10), *at = text;
    for (unsigned i = 0; i < 250; i++)
        at += sprintf(at, "rule { name = 'a%u', when = 'value > l%u' }\n", i, i);
    write_script(text);
    pl_free(text);
    snprintf(options, sizeof options, "{scripts: '%s'}", script);
    text = test_refusal("rules", options);
    assert_int_equal(occurrences(text, "rules.lua:"), 100);
    pl_free(text);
}

/* ---- What people do ---- */

static const char *command(struct test *t, const char *name, const char *args, enum pl_code expected) {
    static char text[8192];
    char *reply = NULL;
    struct pl_error *error = NULL;
    enum pl_code code = pl_harness_command(t->h, name, args, &reply, &error);
    char *why = error ? pl_error_text(error) : NULL;
    snprintf(text, sizeof text, "%s", why ? why : reply ? reply : "");
    if (code != expected) fail_msg("%s: %s: %s", name, pl_code_text(code), text);
    pl_free(reply);
    pl_free(why);
    pl_error_free(&error);
    test_pull(t);
    return text;
}

static const char limit_rule[] = "rule { name = 'x', params = { limit = { 5, low = 0, high = 10 } },\n"
                                 "  when = function(value, limit) return value > limit end }";

static void end_epoch(struct test *t) {
    size_t size;
    pl_free(pl_harness_snapshot(t->h, &size));
    pl_harness_commit(t->h);
}

static void sets_thresholds_that_survive(void **state) {
    (void)state;
    char data[64];
    snprintf(data, sizeof data, "%s/data", folder);
    struct test *t = open_rules(limit_rule, ", params: [{rule: x, name: limit, value: 6}]", PL_SAMPLES);
    pl_harness_data(t->h, data);
    assert_non_null(strstr(command(t, "rules params", "{rule: x}", PL_OK), "\"value\":6"));
    assert_non_null(strstr(command(t, "rules set", "{rule: x, param: limit, value: 11}", PL_RANGE), "from 0 to 10"));
    assert_non_null(strstr(command(t, "rules set", "{rule: x, param: limt, value: 1}", PL_UNKNOWN), "limit?"));
    command(t, "rules set", "{rule: x, param: limit, value: 8}", PL_OK);
    test_push(t, (struct sample[]){{1, "a.v", 7, 0}}, 1);
    assert_int_equal(t->out[0].events, 0);
    end_epoch(t);
    test_close(t);
    t = open_rules(limit_rule, ", params: [{rule: x, name: limit, value: 6}]", PL_SAMPLES);
    pl_harness_data(t->h, data);
    assert_non_null(strstr(command(t, "rules params", "", PL_OK), "\"value\":8"));
    test_close(t);
}

/* The state of an earlier life, behind what people have decided since. */
static struct test *live_again(const char *text, const char *more, const char *data, const void *bytes, size_t size) {
    struct test *t = open_rules(text, more, PL_SAMPLES);
    pl_harness_data(t->h, data);
    assert_int_equal(pl_harness_restore(t->h, bytes, size, NULL), PL_OK);
    return t;
}

static void what_was_switched_off_is_part_of_the_state(void **state) {
    (void)state;
    char data[64];
    size_t size, later;
    snprintf(data, sizeof data, "%s/off", folder);
    struct test *t = open_rules(limit_rule, "", PL_SAMPLES);
    pl_harness_data(t->h, data);
    test_push(t, (struct sample[]){{1, "a.v", 7, 0}}, 1);
    void *before = pl_harness_snapshot(t->h, &size);
    command(t, "rules disable", "{rule: x}", PL_OK);
    assert_event(t, 1, 1, "rule.cleared", "a.v");
    void *behind = pl_harness_snapshot(t->h, &later);
    test_close(t);
    t = live_again(limit_rule, "", data, before, size); /* a death in front of its checkpoint takes it back */
    test_push(t, (struct sample[]){{2, "a.v", 4, 0}}, 1);
    assert_int_equal(t->out[0].events, 1);
    assert_event(t, 0, 2, "rule.cleared", "a.v");
    test_close(t);
    t = live_again(limit_rule, "", data, behind, later);
    test_push(t, (struct sample[]){{2, "a.v", 7, 0}}, 1);
    assert_int_equal(t->out[0].events, 0);
    end_epoch(t);
    test_close(t);
    t = open_rules(limit_rule, "", PL_SAMPLES); /* afresh */
    pl_harness_data(t->h, data);
    assert_non_null(strstr(command(t, "rules list", "", PL_OK), "\"state\":\"off\""));
    command(t, "rules enable", "{rule: x}", PL_OK);
    end_epoch(t);
    test_close(t);
    t = open_rules(limit_rule, "", PL_SAMPLES);
    pl_harness_data(t->h, data);
    assert_non_null(strstr(command(t, "rules list", "", PL_OK), "\"state\":\"on\""));
    pl_free(before);
    pl_free(behind);
    test_close(t);
}

static void what_was_switched_on_again_is_part_of_the_state(void **state) {
    (void)state;
    static const char text[] = "rule { name = 'x', when = function(value) return value.x end }";
    static const char on[] = "\"state\":\"on\"";
    const struct sample rows[] = {{1, "a.v", 7, 0}, {2, "a.v", 7, 0}};
    char data[64];
    size_t size, later;
    snprintf(data, sizeof data, "%s/on", folder);
    struct test *t = open_rules(text, ", strikes: 2", PL_SAMPLES);
    pl_harness_data(t->h, data);
    test_push(t, rows, 2);
    assert_event(t, 0, 2, "rule.disabled", "a.v");
    void *before = pl_harness_snapshot(t->h, &size);
    command(t, "rules enable", "{rule: x}", PL_OK);
    void *behind = pl_harness_snapshot(t->h, &later);
    test_close(t);
    t = live_again(text, ", strikes: 2", data, before, size);
    assert_null(strstr(command(t, "rules list", "", PL_OK), on));
    test_close(t);
    t = live_again(text, ", strikes: 2", data, behind, later);
    assert_non_null(strstr(command(t, "rules list", "", PL_OK), on));
    test_push(t, (struct sample[]){{3, "a.v", 7, 0}, {4, "a.v", 7, 0}}, 2);
    assert_null(strstr(command(t, "rules list", "", PL_OK), on));
    pl_free(before);
    pl_free(behind);
    test_close(t);
}

/* What is set wins over what an earlier life has kept, once it is in the state. */
static void what_is_set_is_part_of_the_state(void **state) {
    (void)state;
    char data[64];
    size_t size;
    snprintf(data, sizeof data, "%s/set", folder);
    struct test *t = open_rules(limit_rule, "", PL_SAMPLES);
    pl_harness_data(t->h, data);
    command(t, "rules set", "{rule: x, param: limit, value: 8}", PL_OK);
    void *eight = pl_harness_snapshot(t->h, &size);
    command(t, "rules set", "{rule: x, param: limit, value: 9}", PL_OK);
    end_epoch(t);
    test_close(t);
    t = live_again(limit_rule, "", data, eight, size);
    assert_non_null(strstr(command(t, "rules params", "", PL_OK), "\"value\":8"));
    pl_free(eight);
    test_close(t);
}

static void switches_rules(void **state) {
    (void)state;
    struct test *t = open_rules(limit_rule, "", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 7, 0}}, 1);
    assert_non_null(strstr(command(t, "rules list", "", PL_OK), "\"active\":1"));
    command(t, "rules disable", "{rule: x}", PL_OK);
    assert_int_equal(t->out[0].events, 2);
    assert_event(t, 1, 1, "rule.cleared", "a.v");
    assert_body(t, 1, "switched off");
    test_push(t, (struct sample[]){{2, "a.v", 7, 0}}, 1);
    assert_int_equal(t->out[0].events, 2);
    command(t, "rules enable", "{rule: x}", PL_OK);
    test_push(t, (struct sample[]){{3, "a.v", 7, 0}}, 1);
    assert_event(t, 2, 3, "rule.raised", "a.v");
    assert_non_null(strstr(command(t, "rules enable", "{rule: y}", PL_NOT_FOUND), "no rule y"));
    test_close(t);
}

static void reads_again_what_is_right(void **state) {
    (void)state;
    struct test *t = open_rules(limit_rule, "", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 7, 0}, {1, "b.v", 9, 0}}, 2);
    write_script("rule { name = 'x', when = function( }");
    assert_non_null(strstr(command(t, "rules reload", "", PL_SYNTAX), "rules.lua:1:"));
    test_push(t, (struct sample[]){{2, "a.v", 8, 0}}, 1);
    assert_int_equal(t->out[0].events, 2); /* the old one is at work, and raised */
    write_script("rule { name = 'x', when = 'value > 7' }");
    command(t, "rules reload", "", PL_OK);
    test_push(t, (struct sample[]){{3, "a.v", 7, 0}}, 1);
    assert_event(t, 2, 3, "rule.cleared", "a.v");
    write_script("rule { name = 'z', when = 'value > 7' }");
    command(t, "rules reload", "", PL_OK);
    test_push(t, (struct sample[]){{4, "a.v", 1, 0}}, 1);
    assert_event(t, 3, 1, "rule.cleared", "b.v"); /* of the rule that is gone */
    assert_body(t, 3, "\"rule\":\"x\"");
    test_close(t);
}

static void what_has_failed_is_read_again_as_failed(void **state) {
    (void)state;
    static const char disabled[] = "\"state\":\"disabled\"";
    struct test *t =
        open_rules("rule { name = 'x', when = function(value) return value.x end }", ", strikes: 1", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 7, 0}}, 1);
    command(t, "rules reload", "", PL_OK);
    assert_non_null(strstr(command(t, "rules list", "", PL_OK), disabled));
    write_script("rule { name = 'x', when = function(value) return value > 5 end }");
    command(t, "rules reload", "", PL_OK);
    assert_null(strstr(command(t, "rules list", "", PL_OK), disabled));
    test_close(t);
}

static void files_are_watched(void **state) {
    (void)state;
    struct test *t = open_rules(limit_rule, ", watch: true", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 4, 0}}, 1);
    write_script("rule { name = 'x', when = 'value > 3' }");
    for (int i = 0; i < 200 && t->out[0].events == 0; i++) {
        usleep(10000);
        pl_harness_turn(t->h);
        test_push(t, (struct sample[]){{2 + i, "a.v", 4, 0}}, 1);
    }
    assert_int_equal(t->out[0].events, 1);
    test_close(t);
}

/* What is said on standard error meanwhile, into a file. */
static int listen(const char *path) {
    int before = dup(2), file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(before >= 0 && file >= 0);
    dup2(file, 2);
    close(file);
    return before;
}

static bool heard(const char *path, const char *what) {
    char text[4096] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return strstr(text, what) != NULL;
}

static void wait_for(struct test *t, const char *path, const char *what) {
    for (int i = 0; i < 1000 && !heard(path, what); i++) {
        usleep(10000);
        pl_harness_turn(t->h);
    }
}

/* A file beside them, or one that is written as it was, is no news; a change is told in words. */
static void only_changes_of_rules_are_read(void **state) {
    (void)state;
    char said[128], beside[128];
    snprintf(said, sizeof said, "%s/said", folder);
    snprintf(beside, sizeof beside, "%s/rows.csv", folder);
    struct test *t = open_rules(limit_rule, ", watch: true", PL_SAMPLES);
    int before = listen(said);
    FILE *file = fopen(beside, "w");
    fputs("1,a.v,4\n", file);
    fclose(file);
    write_script(limit_rule);
    for (int i = 0; i < 60; i++) { /* three times as long as a change is waited out */
        usleep(10000);
        pl_harness_turn(t->h);
    }
    bool early = heard(said, "read again");
    write_script("rule { name = 'x', when = 'value > 3' }");
    wait_for(t, said, "read again");
    dup2(before, 2);
    close(before);
    assert_false(early);
    assert_true(heard(said, "files read again: 1 rule\n"));
    test_close(t);
}

/* Variables go on under their names; what is new begins with its value, and people hear of it. */
static void memory_is_carried_by_name(void **state) {
    (void)state;
    char said[128];
    snprintf(said, sizeof said, "%s/said", folder);
    struct test *t = open_rules("rule { name = 'x', memory = { n = 0, old = 5 }, message = '{n}', each = true,"
                                " when = function(value, n, old) return true, n + 1, old end }",
                                "", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 1, 0}, {2, "a.v", 1, 0}}, 2);
    assert_body(t, 1, "\"message\":\"2\"");
    write_script("rule { name = 'x', memory = { fresh = 40, n = 0 }, message = '{n} {fresh}', each = true,"
                 " when = function(value, fresh, n) return true, fresh + 1, n + 1 end }");
    int before = listen(said);
    command(t, "rules reload", "", PL_OK);
    dup2(before, 2);
    close(before);
    assert_true(heard(said, "rule x: of its memory begins anew: fresh, is forgotten: old; the rest goes on"));
    test_push(t, (struct sample[]){{3, "a.v", 1, 0}, {3, "b.v", 1, 0}}, 2);
    assert_body(t, 2, "\"message\":\"3 41\"");
    assert_body(t, 3, "\"message\":\"1 41\"");
    test_close(t);
}

static void recursion_is_called_by_its_name(void **state) {
    (void)state;
    struct test *t = open_rules("local function f(n) return 1 + f(n) end\n"
                                "rule { name = 'x', when = function(value) return f(value) > 0 end }\n"
                                "rule { name = 'y', when = function(value) local t = {}\n"
                                "  for i = 1, 1e9 do t[i] = i end return true end }",
                                ", budget: 1000000000", PL_SAMPLES);
    test_push(t, (struct sample[]){{1, "a.v", 7, 0}}, 1);
    const char *listed = command(t, "rules list", "", PL_OK);
    assert_non_null(strstr(listed, "\"error\":\"recursion too deep\""));
    assert_non_null(strstr(listed, "\"error\":\"not enough memory\""));
    assert_non_null(strstr(listed, "\"node\":\"node\""));
    test_close(t);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(script, sizeof script, "%s/rules.lua", folder);
    return 0;
}

static int drop_folder(void **state) {
    (void)state;
    char line[128];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    return system(line); /* NOLINT: a name that mkdtemp made */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raises_and_clears_by_hysteresis),
        cmocka_unit_test(holds_and_releases_in_event_time),
        cmocka_unit_test(keeps_memory_for_each_tag),
        cmocka_unit_test(reads_other_signals_of_the_asset),
        cmocka_unit_test(looks_at_events),
        cmocka_unit_test(refuses_with_file_and_line),
        cmocka_unit_test(tells_every_mistake),
        cmocka_unit_test(tells_no_bytes_that_are_no_text),
        cmocka_unit_test(mistakes_are_bounded),
        cmocka_unit_test(sets_thresholds_that_survive),
        cmocka_unit_test(switches_rules),
        cmocka_unit_test(what_was_switched_off_is_part_of_the_state),
        cmocka_unit_test(what_was_switched_on_again_is_part_of_the_state),
        cmocka_unit_test(what_is_set_is_part_of_the_state),
        cmocka_unit_test(reads_again_what_is_right),
        cmocka_unit_test(what_has_failed_is_read_again_as_failed),
        cmocka_unit_test(files_are_watched),
        cmocka_unit_test(only_changes_of_rules_are_read),
        cmocka_unit_test(memory_is_carried_by_name),
        cmocka_unit_test(recursion_is_called_by_its_name),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
