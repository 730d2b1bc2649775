#include "shell_complete.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "shell_shown.h"

static struct pl_manual manual;

static void pack_arg(struct pl_pack *pack, const char *name, const char *type, const char *range, bool required) {
    pl_pack_map(pack, 5);
    pl_pack_pair_str(pack, "name", name);
    pl_pack_pair_str(pack, "type", type);
    pl_pack_pair_str(pack, "range", range);
    pl_pack_pair_str(pack, "doc", "What it is.");
    pl_pack_str(pack, "required");
    pl_pack_bool(pack, required);
}

static void pack_command(struct pl_pack *pack, const char *name, bool changes, uint32_t args) {
    pl_pack_map(pack, 5);
    pl_pack_pair_str(pack, "command", name);
    pl_pack_pair_str(pack, "doc", "Does it.");
    pl_pack_pair_str(pack, "roles", "operator,admin");
    pl_pack_str(pack, "changes");
    pl_pack_bool(pack, changes);
    pl_pack_str(pack, "args");
    pl_pack_array(pack, args);
}

static int set_up(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    pl_pack_array(pack, 7);
    pack_command(pack, "alarms list", false, 1);
    pack_arg(pack, "state", "choice", "active|acked|shelved", false);
    pack_command(pack, "alarms ack", true, 2);
    pack_arg(pack, "alarm", "string", "", true);
    pack_arg(pack, "comment", "string", "", false);
    pack_command(pack, "nodes", false, 0);
    pack_command(pack, "set", true, 2);
    pack_arg(pack, "option", "string", "", true);
    pack_arg(pack, "value", "string", "", true);
    pack_command(pack, "tap", false, 4);
    pack_arg(pack, "node", "string", "", true);
    pack_arg(pack, "tags", "string", "", false);
    pack_arg(pack, "where", "string", "", false);
    pack_arg(pack, "once", "bool", "", false);
    pack_command(pack, "graph apply", true, 2);
    pack_arg(pack, "file", "string", "", true);
    pack_arg(pack, "reset", "strings", "", false);
    pack_command(pack, "help", false, 0); /* the shell's own goes before it */
    struct pl_answer answer = {.rows = (void *)pl_pack_data(pack), .size = pl_pack_size(pack), .count = 7};
    bool loaded = pl_manual_load(&manual, &answer);
    pl_pack_free(pack);
    return loaded ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    pl_manual_fini(&manual);
    return 0;
}

static void source(void *arg, enum pl_list_of list, const char *of, struct pl_candidates *candidates) {
    static const char *const names[PL_LISTS][4] = {
        [PL_LIST_NODES] = {"clean", "class", "tenths"},
        [PL_LIST_TAGS] = {"pot 7.voltage", "pot 7.current", "温度.a", "温室.b"},
        [PL_LIST_ALARMS] = {"hot", "esc\x1b[0m"},
        [PL_LIST_OPTIONS] = {"clean.spike.k", "clean.range"},
        [PL_LIST_GRAPHS] = {"below/", "next.yaml"},
        [PL_LIST_OUTPUTS] = {"clean.out", "clean.late"},
        [PL_LIST_COLUMNS] = {"value", "valid", "body."},
    };
    (void)arg;
    if (list == PL_LIST_COLUMNS) assert_string_equal(of, "clean");
    for (unsigned i = 0; i < 4 && names[list][i]; i++)
        pl_candidates_add(candidates, names[list][i]);
}

static void completes(const char *line, const char *expected, size_t begin) {
    struct pl_candidates c;
    char all[512] = "";
    assert_true(pl_complete(&manual, line, strlen(line), source, NULL, &c));
    for (unsigned i = 0; i < c.count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? "," : "", c.items[i]);
    if (strcmp(all, expected) != 0) fail_msg("[%s]: [%s], not [%s]", line, all, expected);
    if (c.begin != begin) fail_msg("[%s]: from %zu, not %zu", line, c.begin, begin);
    pl_candidates_fini(&c);
}

static void commands_are_completed_word_by_word(void **state) {
    (void)state;
    completes("al", "alarms", 0);
    completes("alarms ", "ack,list", 7);
    completes("alarms a", "ack", 7);
    completes("t", "tap,top", 0);
    completes("nothing ", "", 8);
    completes("nodes ", "", 6);
    completes("watch 2s no", "nodes", 9);
    completes("watch al", "alarms", 6);
    completes("watch 1s tap cl", "class,clean", 13);
    completes("help alarms a", "ack", 12);
    completes("graph ", "apply", 6);
    completes("graph apply ", "below/,next.yaml", 12);
    completes("graph apply next.yaml --reset cl", "class,clean", 30);
}

static void names_of_arguments_are_completed(void **state) {
    (void)state;
    completes("alarms ack x --", "--alarm,--comment,--reason", 13);
    completes("alarms ack x --c", "--comment", 13);
    completes("alarms --s", "--state", 7);
    completes("nodes --", "", 6);
    completes("tap clean --f", "--format", 10);
}

static void values_are_completed(void **state) {
    (void)state;
    completes("tap cl", "class,clean", 4);
    completes("tap clean pot", "pot 7.current,pot 7.voltage", 10);
    completes("tap --tags pot", "pot 7.current,pot 7.voltage", 11);
    completes("tap --tags=pot", "pot 7.current,pot 7.voltage", 11);
    completes("tap --tags='pot 7.v", "pot 7.voltage", 12);
    completes("tap 'cl", "class,clean", 5);
    completes("tap clean --tags 温", "温室.b,温度.a", 17);
    completes("alarms list --state a", "acked,active", 20);
    completes("alarms list --state=s", "shelved", 20);
    completes("alarms ack ", "hot", 11); /* and not what would steer the terminal */
    completes("set clean.s", "clean.spike.k", 4);
    completes("tap clean --format s", "sparkline", 19);
    completes("tap --once cl", "class,clean", 11);
    completes("tap clean.", "clean.late,clean.out", 4);
    completes("tap clean --where va", "valid,value", 18);
    completes("tap clean --where 'value > 4 and val", "valid,value", 33);
    completes("tap --node clean --where=\"b", "body.", 26);
}

static size_t common(const char *line) {
    struct pl_candidates c;
    assert_true(pl_complete(&manual, line, strlen(line), source, NULL, &c));
    size_t length = pl_candidates_common(&c);
    pl_candidates_fini(&c);
    return length;
}

static void what_all_candidates_share_is_inserted(void **state) {
    (void)state;
    assert_int_equal(common("tap c"), 2);
    assert_int_equal(common("tap clean pot"), strlen("pot 7."));
    assert_int_equal(common("tap clean --tags 温"), strlen("温")); /* no half of a character */
    assert_int_equal(common("nodes x"), 0);
    assert_int_equal(common("no"), 5);
}

static void the_command_meant_is_found(void **state) {
    (void)state;
    unsigned used;
    const struct pl_manual_entry *entry =
        pl_manual_find(&manual, (const char *const[]){"alarms", "ack", "x"}, 3, &used);
    assert_string_equal(entry->name, "alarms ack");
    assert_int_equal(used, 2);
    entry = pl_manual_find(&manual, (const char *const[]){"alarms", "--state", "x"}, 3, &used);
    assert_string_equal(entry->name, "alarms list");
    assert_int_equal(used, 1);
    assert_null(pl_manual_find(&manual, (const char *const[]){"alarms", "x"}, 2, &used));
    assert_string_equal(pl_manual_nearest(&manual, (const char *const[]){"alarms", "akc", "x"}, 3), "alarms ack");
    assert_string_equal(pl_manual_nearest(&manual, (const char *const[]){"ndoes"}, 1), "nodes");
    assert_non_null(strstr(pl_manual_nearest(&manual, (const char *const[]){"alrams"}, 1), "alarms"));
    assert_null(pl_manual_nearest(&manual, (const char *const[]){"quetzalcoatl"}, 1));
}

static void helps(const char *word, const char *other, const char *part) {
    const char *const words[] = {word, other};
    struct pl_buffer out;
    pl_buffer_init(&out, 1 << 16);
    assert_true(pl_manual_put_help(&out, &manual, words, (word != NULL) + (other != NULL), &(struct pl_grid_style){0}));
    pl_buffer_putc(&out, 0);
    if (!strstr(out.data, part)) fail_msg("no [%s] in [%s]", part, out.data);
    pl_buffer_fini(&out);
}

static void help_shows_commands_and_arguments(void **state) {
    (void)state;
    helps(NULL, NULL, "alarms ack   Does it.\n");
    helps(NULL, NULL, "watch");
    helps("alarms", NULL, "alarms list  Does it.\n");
    helps("alarms", NULL, "alarms ack   Does it.\n");
    helps("alarms", "ack", "alarms ack alarm [comment]\n");
    helps("alarms", "ack", "for: operator,admin\n");
    helps("tap", NULL, "tap node [tags] [where] [--once] [format]\n");
    helps("tap", NULL, "(choice, table|ndjson|sparkline)");
}

int main(void) {
    pl_shown_locale();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_completed_word_by_word),
        cmocka_unit_test(names_of_arguments_are_completed),
        cmocka_unit_test(values_are_completed),
        cmocka_unit_test(what_all_candidates_share_is_inserted),
        cmocka_unit_test(the_command_meant_is_found),
        cmocka_unit_test(help_shows_commands_and_arguments),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
