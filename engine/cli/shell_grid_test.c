#include "shell_grid.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "shell_shown.h"
#include "shell_view.h"

static struct pl_pack *pack;

static void row(const char *node, const char *state, int64_t rows, double lag) {
    pl_pack_map(pack, 4);
    pl_pack_pair_str(pack, "node", node);
    pl_pack_pair_str(pack, "state", state);
    pl_pack_pair_int(pack, "rows", rows);
    pl_pack_pair_f64(pack, "lag_ms", lag);
}

static void begin(uint32_t rows) {
    pl_pack_reset(pack);
    pl_pack_array(pack, rows);
}

static void load(struct pl_grid *grid, uint32_t rows) {
    struct pl_answer answer = {.rows = (void *)pl_pack_data(pack), .size = pl_pack_size(pack), .count = rows};
    assert_true(pl_grid_load(grid, &answer));
}

static void prints(const struct pl_grid *grid, unsigned width, bool vertical, const char *expected) {
    struct pl_buffer out;
    pl_buffer_init(&out, 1 << 20);
    pl_grid_put(&out, grid, &(struct pl_grid_style){.width = width}, vertical);
    pl_buffer_putc(&out, 0);
    assert_string_equal(out.data, expected);
    pl_buffer_fini(&out);
}

static void a_table_has_numbers_on_the_right(void **state) {
    (void)state;
    struct pl_grid grid;
    begin(2);
    row("clean", "running", 128034, 0.25);
    row("tenths", "paused", 7, 12);
    load(&grid, 2);
    prints(&grid, 0, false,
           "node    state      rows  lag_ms\n"
           "clean   running  128034    0.25\n"
           "tenths  paused        7      12\n");
    pl_grid_fini(&grid);
}

static void text_gives_way_and_numbers_do_not(void **state) {
    (void)state;
    struct pl_grid grid;
    begin(1);
    row("a-very-long-name-of-a-node", "running", 1234567890123, 0.25);
    load(&grid, 1);
    prints(&grid, 40, false,
           "node      state             rows  lag_ms\n"
           "a-v…node  running  1234567890123    0.25\n");
    prints(&grid, 20, false,
           "node    a-very-long-name-of-a-node\n"
           "state   running\n"
           "rows    1234567890123\n"
           "lag_ms  0.25\n");
    pl_grid_fini(&grid);
}

/* Whatever the width: no line is wider, unless the table is vertical. */
static void a_table_never_exceeds_the_terminal(void **state) {
    (void)state;
    struct pl_grid grid;
    begin(2);
    row("温度.very.long.name.of.a.tag.that.goes.on", "running", 12345678, 0.5);
    row("x", "a state that nobody has heard of", 1, 100.25);
    load(&grid, 2);
    for (unsigned width = 1; width < 120; width++) {
        struct pl_grid_layout layout;
        struct pl_buffer out;
        if (!pl_grid_fit(&grid, width, &layout)) {
            assert_true(width < 8 + 16 + 8 + 6 + 6 + 3);
            continue;
        }
        pl_buffer_init(&out, 1 << 20);
        for (uint32_t i = 0; i < 2; i++) {
            pl_buffer_reset(&out);
            pl_grid_put_row(&out, &grid, i, &layout, &(struct pl_grid_style){.width = width});
            assert_true(pl_shown_width(out.data, out.size - 1) <= width);
        }
        pl_buffer_fini(&out);
    }
    pl_grid_fini(&grid);
}

static void rule_row(const char *rule, const char *time, const char *file, const char *doc) {
    pl_pack_map(pack, 6);
    pl_pack_pair_str(pack, "rule", rule);
    pl_pack_pair_str(pack, "error", "");
    pl_pack_pair_str(pack, "doc", doc);
    pl_pack_pair_str(pack, "file", file);
    pl_pack_pair_str(pack, "since", time);
    pl_pack_pair_int(pack, "raised", 1234);
}

/* What is empty goes, sentences stand last and give way first, paths keep their end; keys, times and numbers stay. */
static void what_names_a_row_is_cut_last(void **state) {
    (void)state;
    struct pl_grid grid;
    begin(2);
    rule_row("pot-temperature-high", "2026-11-26T01:02:03.123456789Z", "/etc/potline/lua/hot.lua:12",
             "A bath that is much too hot for its own good");
    rule_row("noise", "2026-11-26T01:02:03Z", "/etc/potline/lua/noise.lua:4", "Noise");
    load(&grid, 2);
    prints(&grid, 110, false,
           "rule                  file                          since                     raised  doc\n"
           "pot-temperature-high  /etc/potline/lua/hot.lua:12   2026-11-26T01:02:03.123Z    1234  A bath that is much "
           "too…\n"
           "noise                 /etc/potline/lua/noise.lua:4  2026-11-26T01:02:03Z        1234  Noise\n");
    prints(&grid, 90, false,
           "rule                  file              since                     raised  doc\n"
           "pot-temperature-high  …/lua/hot.lua:12  2026-11-26T01:02:03.123Z    1234  A bath that is…\n"
           "noise                 …lua/noise.lua:4  2026-11-26T01:02:03Z        1234  Noise\n");
    prints(&grid, 70, false,
           "rule                  file            since                     raised\n"
           "pot-temperature-high  …ua/hot.lua:12  2026-11-26T01:02:03.123Z    1234\n"
           "noise                 …a/noise.lua:4  2026-11-26T01:02:03Z        1234\n"
           "1 more column; \\G shows it\n");
    pl_grid_fini(&grid);
}

static void alarm_row(const char *alarm, const char *state, const char *message, bool stale, bool defined) {
    pl_pack_map(pack, 9);
    pl_pack_pair_str(pack, "alarm", alarm);
    pl_pack_pair_str(pack, "state", state);
    pl_pack_pair_str(pack, "priority", "high");
    pl_pack_pair_str(pack, "raised", "2026-11-26T01:02:03Z");
    pl_pack_pair_str(pack, "message", message);
    pl_pack_pair_f64(pack, "value", 4.5);
    pl_pack_pair_str(pack, "action", "Look at the pot and at the feeder");
    pl_pack_str(pack, "stale");
    pl_pack_bool(pack, stale);
    pl_pack_str(pack, "defined");
    pl_pack_bool(pack, defined);
}

/* What is of use stands first, ids never read the same, and flags are named only where they are up. */
static void a_view_ranks_columns(void **state) {
    (void)state;
    struct pl_grid grid;
    begin(3);
    alarm_row("anode-effect@line1.pot003.voltage", "unacknowledged", "an anode effect for 12 s", false, true);
    alarm_row("anode-effect@line1.pot004.voltage", "acknowledged", "an anode effect for 9 s", true, false);
    alarm_row("anode-effect@line2.pot003.voltage", "acknowledged", "an anode effect for 7 s", false, true);
    load(&grid, 3);
    assert_true(pl_view_apply(&grid, pl_view_of("alarms list")));
    prints(
        &grid, 140, false,
        "state           priority  alarm                              message                   raised                "
        "flags            value\n"
        "unacknowledged  high      anode-effect@line1.pot003.voltage  an anode effect for 12 s  2026-11-26T01:02:03Z  "
        "                   4.5\n"
        "acknowledged    high      anode-effect@line1.pot004.voltage  an anode effect for 9 s   2026-11-26T01:02:03Z  "
        "stale,undefined    4.5\n"
        "acknowledged    high      anode-effect@line2.pot003.voltage  an anode effect for 7 s   2026-11-26T01:02:03Z  "
        "                   4.5\n"
        "1 more column; \\G shows it\n");
    prints(&grid, 60, false,
           "state     priority  alarm                   message\n"
           "unackno…  high      …@line1.pot003.voltage  an anode effect…\n"
           "acknowl…  high      …@line1.pot004.voltage  an anode effect…\n"
           "acknowl…  high      …@line2.pot003.voltage  an anode effect…\n"
           "4 more columns; \\G shows them\n");
    pl_grid_fini(&grid);
}

static void several_rows_are_numbered_when_vertical(void **state) {
    (void)state;
    struct pl_grid grid;
    begin(2);
    for (int i = 1; i <= 2; i++) {
        pl_pack_map(pack, 1);
        pl_pack_pair_int(pack, "n", i);
    }
    load(&grid, 2);
    prints(&grid, 0, true, "-- 1 --\nn  1\n-- 2 --\nn  2\n");
    pl_grid_fini(&grid);
}

static void rows_may_differ_in_their_columns(void **state) {
    (void)state;
    struct pl_grid grid;
    begin(2);
    pl_pack_map(pack, 2);
    pl_pack_pair_str(pack, "tag", "a\x1b[31m");
    pl_pack_str(pack, "ok");
    pl_pack_bool(pack, true);
    pl_pack_map(pack, 2);
    pl_pack_str(pack, "list");
    pl_pack_array(pack, 2);
    pl_pack_int(pack, 1);
    pl_pack_str(pack, "x");
    pl_pack_str(pack, "tag");
    pl_pack_nil(pack);
    load(&grid, 2);
    prints(&grid, 0, false,
           "tag        ok    list\n"
           "a\\x1b[31m  true  \n"
           "                 [1,\"x\"]\n");
    pl_grid_fini(&grid);
}

static void what_changed_is_marked(void **state) {
    (void)state;
    struct pl_grid before, grid;
    begin(2);
    row("a", "running", 1, 1);
    row("b", "running", 1, 1);
    load(&before, 2);
    begin(3);
    row("b", "running", 2, 1);
    row("c", "running", 1, 1);
    row("a", "paused", 1, 1);
    load(&grid, 3);
    pl_grid_mark(&grid, &before);
    static const char expected[3][5] = {"..x.", "xxxx", ".x.."};
    for (uint32_t r = 0; r < 3; r++)
        for (unsigned c = 0; c < 4; c++)
            assert_int_equal(pl_grid_cell(&grid, r, c)->changed, expected[r][c] == 'x');
    pl_grid_fini(&before);
    pl_grid_fini(&grid);
}

static void colours_are_for_states(void **state) {
    (void)state;
    struct pl_grid grid;
    struct pl_buffer out;
    begin(1);
    row("bad", "failed", 1, 1);
    load(&grid, 1);
    pl_buffer_init(&out, 4096);
    pl_grid_put(&out, &grid, &(struct pl_grid_style){.colour = true}, false);
    pl_buffer_putc(&out, 0);
    assert_non_null(strstr(out.data, "\nbad   \x1b[31mfailed\x1b[0m"));
    pl_buffer_fini(&out);
    pl_grid_fini(&grid);
    assert_int_equal(pl_tone_of("quality", "bad|missing"), PL_TONE_BAD);
    assert_int_equal(pl_tone_of("quality", "badly"), PL_TONE_PLAIN);
    assert_int_equal(pl_tone_of("severity", "Medium"), PL_TONE_WARN);
    assert_int_equal(pl_tone_of("name", "bad"), PL_TONE_PLAIN);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    begin(2);
    alarm_row("a", "returned", "gone", true, false);
    alarm_row("b", "returned", "gone", false, true);
    struct pl_answer answer = {.rows = (void *)pl_pack_data(pack), .size = pl_pack_size(pack), .count = 2};
    bool loaded = false;
    for (int64_t n = 0; !loaded; n++) {
        struct pl_grid grid;
        int64_t live = pl_alloc_live();
        pl_alloc_fail_after(n);
        loaded = pl_grid_load(&grid, &answer) && pl_view_apply(&grid, pl_view_of("alarms list"));
        pl_grid_fini(&grid);
        assert_int_equal(pl_alloc_live(), live);
    }
    pl_alloc_fail_after(-1);
}

static void a_row_that_holds_lists(void **state) {
    (void)state;
    struct pl_buffer out;
    begin(1);
    pl_pack_map(pack, 4);
    pl_pack_pair_str(pack, "ticket", "3@line1.pot07");
    pl_pack_pair_str(pack, "assignee", "");
    pl_pack_str(pack, "tags");
    pl_pack_array(pack, 2);
    for (unsigned i = 0; i < 2; i++) {
        pl_pack_map(pack, 2);
        pl_pack_pair_str(pack, "tag", i ? "flow" : "pressure");
        pl_pack_pair_f64(pack, "share", i ? 0.25 : 0.75);
    }
    pl_pack_str(pack, "basis");
    pl_pack_array(pack, 2);
    for (unsigned i = 0; i < 2; i++) {
        pl_pack_map(pack, 2);
        pl_pack_pair_str(pack, "detector", i ? "hot" : "fast");
        pl_pack_pair_str(pack, "action", "look at the side wall");
    }
    const struct pl_answer answer = {.rows = (void *)pl_pack_data(pack), .size = pl_pack_size(pack), .count = 1};
    pl_buffer_init(&out, 1 << 20);
    const struct pl_view *view = pl_view_of("tickets show");
    struct pl_grid grid;
    assert_true(pl_grid_load(&grid, &answer));
    assert_true(pl_view_apply(&grid, view)); /* it has no order of its own */
    assert_int_equal(grid.column_count, 4);
    pl_grid_fini(&grid);
    assert_true(pl_view_put_record(&out, &answer, view, &(struct pl_grid_style){.width = 24}));
    pl_buffer_putc(&out, 0);
    assert_string_equal(out.data, "ticket  3@line1.pot07\n"
                                  "tags    pressure 0.75,\n"
                                  "        flow 0.25\n"
                                  "\n"
                                  "basis:\n"
                                  "-- 1 --\n"
                                  "detector  fast\n"
                                  "action    look at the\n"
                                  "          side wall\n"
                                  "-- 2 --\n"
                                  "detector  hot\n"
                                  "action    look at the\n"
                                  "          side wall\n");
    pl_buffer_fini(&out);
    /* Cut anywhere it is refused, and nothing is read past it. */
    for (size_t size = 0; size < answer.size; size++) {
        void *part = pl_alloc(size + 1);
        assert_non_null(part);
        memcpy(part, answer.rows, size);
        const struct pl_answer cut = {.rows = part, .size = size, .count = 1};
        pl_buffer_init(&out, 1 << 20);
        assert_false(pl_view_put_record(&out, &cut, view, &(struct pl_grid_style){.width = 24}));
        pl_buffer_fini(&out);
        pl_free(part);
    }
}

int main(void) {
    pl_shown_locale();
    pack = pl_pack_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_numbers_on_the_right),
        cmocka_unit_test(a_row_that_holds_lists),
        cmocka_unit_test(text_gives_way_and_numbers_do_not),
        cmocka_unit_test(a_table_never_exceeds_the_terminal),
        cmocka_unit_test(what_names_a_row_is_cut_last),
        cmocka_unit_test(a_view_ranks_columns),
        cmocka_unit_test(several_rows_are_numbered_when_vertical),
        cmocka_unit_test(rows_may_differ_in_their_columns),
        cmocka_unit_test(what_changed_is_marked),
        cmocka_unit_test(colours_are_for_states),
        cmocka_unit_test(every_allocation_may_fail),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pl_pack_free(pack);
    return failed;
}
