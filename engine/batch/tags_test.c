#include "tags.h"

#include <math.h>
#include <potline/alloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static uint32_t intern(struct pl_tags *tags, const char *name) {
    return pl_tags_intern(tags, name, strlen(name));
}

static uint8_t group_of(unsigned key_depth, const char *name) {
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.key_depth = key_depth});
    uint8_t group = pl_tags_get(tags, intern(tags, name))->group;
    pl_tags_free(tags);
    return group;
}

static void a_name_has_one_id(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    assert_int_equal(pl_tags_count(tags), 1);
    assert_int_equal(intern(tags, ""), 0);
    assert_string_equal(pl_tags_get(tags, 0)->name, "");
    uint32_t id = intern(tags, "voltage");
    assert_int_equal(id, 1);
    assert_int_equal(intern(tags, "voltage"), id);
    assert_int_equal(pl_tags_find(tags, "voltage", 7), id);
    assert_int_equal(pl_tags_find(tags, "voltage", 6), PL_NO_ID);
    assert_int_equal(pl_tags_intern(tags, "voltage", 4), 2);
    assert_string_equal(pl_tags_get(tags, 2)->name, "volt");
    assert_int_equal(pl_tags_get(tags, 2)->length, 4);
    assert_int_equal(pl_tags_count(tags), 3);
    pl_tags_free(tags);
    pl_tags_free(NULL);
}

static void a_tag_brings_its_assets(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    const struct pl_tag *tag = pl_tags_get(tags, intern(tags, "line1.pot07.voltage"));
    const struct pl_tag *pot = pl_tags_get(tags, tag->asset), *line = pl_tags_get(tags, pot->asset);
    assert_string_equal(pot->name, "line1.pot07");
    assert_string_equal(line->name, "line1");
    assert_int_equal(line->asset, 0);
    assert_int_equal(pl_tags_count(tags), 4);
    assert_int_equal(pl_tags_get(tags, intern(tags, "line1.pot07.noise"))->asset, pot->id);
    assert_int_equal(pl_tags_count(tags), 5);
    assert_int_equal(pl_tags_get(tags, intern(tags, ".x"))->asset, 0);
    assert_string_equal(pl_tags_get(tags, pl_tags_get(tags, intern(tags, "a..b"))->asset)->name, "a.");
    pl_tags_free(tags);
}

static void what_is_no_name_gets_no_id(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name));
    assert_int_not_equal(pl_tags_intern(tags, long_name, 255), PL_NO_ID);
    assert_int_equal(pl_tags_get(tags, 1)->length, 255);
    assert_int_equal(pl_tags_intern(tags, long_name, 256), PL_NO_ID);
    assert_int_equal(pl_tags_find(tags, long_name, 256), PL_NO_ID);
    assert_int_equal(intern(tags, "a\tb"), PL_NO_ID);
    assert_int_equal(pl_tags_intern(tags, "a\0b", 3), PL_NO_ID);
    assert_int_equal(intern(tags, "\x7f"), PL_NO_ID);
    assert_int_equal(intern(tags, "\xc2\x85"), PL_NO_ID);
    assert_int_equal(intern(tags, "\xff"), PL_NO_ID);
    assert_int_not_equal(intern(tags, "\xc3\x84nderung.\xe6\xb8\xa9\xe5\xba\xa6"), PL_NO_ID);
    pl_tags_free(tags);
}

static void the_limit_holds(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = 3});
    assert_int_equal(intern(tags, "a.b"), 2);
    assert_int_equal(intern(tags, "c.d"), PL_NO_ID); /* c is the third, c.d would be the fourth */
    assert_int_equal(pl_tags_count(tags), 4);
    assert_int_equal(intern(tags, "e"), PL_NO_ID);
    assert_int_equal(intern(tags, "a.b"), 2);
    assert_int_equal(intern(tags, "c"), 3);
    pl_tags_free(tags);
}

static void rules_give_what_they_declare(void **state) {
    (void)state;
    const char *modes[] = {"off", "auto", "manual"};
    const struct pl_tag_rule rules[] = {
        {.match = "*.pot*.voltage", .unit = "", .low = 2, .high = 8},
        {.match = "*.voltage", .unit = "V", .low = 0, .high = 100},
        {.match = "*.mode", .low = -INFINITY, .high = INFINITY, .states = {modes, 3}},
        {.match = "*", .unit = "1", .low = -INFINITY, .high = INFINITY},
    };
    const char *broadcast[] = {"*.current", "plant.*", NULL};
    struct pl_tags *tags =
        pl_tags_new(&(struct pl_tags_options){.rules = rules, .rule_count = 4, .broadcast = broadcast});
    const struct pl_tag *tag = pl_tags_get(tags, intern(tags, "line1.pot1.voltage"));
    assert_string_equal(tag->unit, "V");
    assert_true(tag->low == 2 && tag->high == 8);
    tag = pl_tags_get(tags, intern(tags, "line1.voltage"));
    assert_true(tag->low == 0 && tag->high == 100);
    tag = pl_tags_get(tags, intern(tags, "line1.mode"));
    assert_true(tag->low == -INFINITY && tag->high == INFINITY);
    assert_string_equal(tag->unit, "1");
    assert_int_equal(tag->states, 3);
    assert_int_equal(pl_tag_state(tag, "manual", 6), 2);
    assert_int_equal(pl_tag_state(tag, "manual", 5), -1);
    assert_int_equal(pl_tag_state(tag, "true", 4), -1);
    assert_int_equal(tag->broadcast, 0);
    tag = pl_tags_get(tags, intern(tags, "line1.current"));
    assert_int_equal(tag->broadcast, 1);
    assert_int_equal(pl_tag_state(tag, "TRUE", 4), 1);
    assert_int_equal(pl_tag_state(tag, "False", 5), 0);
    assert_int_equal(pl_tag_state(tag, "yes", 3), -1);
    pl_tags_free(tags);
}

static void what_is_told_is_shown_where_nothing_is_declared(void **state) {
    (void)state;
    const struct pl_tag_rule rules[] = {
        {.match = "*.voltage", .unit = "V", .low = 0, .high = 100},
        {.match = "*.current", .low = -INFINITY, .high = INFINITY, .description = "of the line"},
    };
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.rules = rules, .rule_count = 2});
    uint32_t voltage = intern(tags, "a.voltage"), current = intern(tags, "a.current");
    struct pl_tag_text told[2], text;
    pl_tags_text(tags, current, &text);
    assert_string_equal(text.unit, "");
    assert_string_equal(text.description, "of the line");
    assert_true(pl_tags_tell(tags, voltage, "mV", "of the pot", told));
    assert_string_equal(told[0].unit, "");
    assert_string_equal(told[1].unit, "mV");
    pl_tags_text(tags, voltage, &text);
    assert_string_equal(text.unit, "V");
    assert_string_equal(text.description, "of the pot");
    assert_true(pl_tags_tell(tags, current, "kA", "another", told));
    assert_true(pl_tags_tell(tags, current, "", "\x1b[31m", told)); /* as if it said nothing */
    assert_string_equal(told[0].unit, "kA");
    assert_string_equal(told[1].unit, "kA");
    assert_string_equal(told[1].description, "another");
    pl_tags_text(tags, current, &text);
    assert_string_equal(text.unit, "kA");
    assert_string_equal(text.description, "of the line");
    assert_true(pl_tags_tell(tags, current, "0123456789012345678901234567890\xc2\xb5", "", told));
    assert_int_equal(strlen(told[1].unit), 31); /* no half of a character */
    assert_string_equal(pl_tags_get(tags, current)->unit, "");
    pl_tags_told(tags, voltage, &text);
    assert_string_equal(text.unit, "mV");
    pl_tags_free(tags);
}

static void the_group_is_that_of_the_partition_key(void **state) {
    (void)state;
    assert_int_equal(group_of(1, "line1.pot07.voltage"), group_of(1, "line1"));
    assert_int_equal(group_of(1, "line1.pot07"), group_of(1, "line1"));
    assert_int_equal(group_of(2, "line1.pot07.voltage"), group_of(2, "line1.pot07"));
    assert_int_equal(group_of(2, "line1.pot07.bath.temperature"), group_of(2, "line1.pot07"));
    assert_int_equal(group_of(0, "line1.pot07"), group_of(1, "line1"));
    unsigned used[256] = {0}, groups = 0;
    for (unsigned i = 0; i < 256; i++) {
        char name[16];
        snprintf(name, sizeof(name), "line%u.x", i);
        groups += !used[group_of(1, name)]++;
    }
    assert_in_range(groups, 120, 256); /* 162 expected of a fair hash */
}

static void a_failed_allocation_leaves_the_registry_whole(void **state) {
    (void)state;
    for (int64_t fail = 0;; fail++) {
        pl_alloc_fail_after(fail);
        struct pl_tags *tags = pl_tags_new(NULL);
        bool complete = tags != NULL;
        for (unsigned i = 0; tags && i < 1200; i++) {
            char name[32];
            snprintf(name, sizeof(name), "asset%u.signal", i);
            uint32_t id = intern(tags, name);
            if (id == PL_NO_ID) {
                complete = false;
                id = intern(tags, name); /* only one allocation fails */
            }
            assert_int_not_equal(id, PL_NO_ID);
            assert_string_equal(pl_tags_get(tags, id)->name, name);
        }
        pl_alloc_fail_after(-1);
        if (tags) assert_int_equal(pl_tags_count(tags), 2401);
        pl_tags_free(tags);
        if (complete) break;
        assert_in_range(fail, 0, 100);
    }
}

enum { WRITERS = 2, READERS = 2, NAMES = 20000 };

static void name_of(unsigned i, char *name, size_t size) {
    snprintf(name, size, "line%u.pot%03u.signal%u", i % 3, i % 1000, i);
}

static void *write_names(void *argument) {
    struct pl_tags *tags = argument;
    for (unsigned i = 0; i < NAMES; i++) {
        char name[64];
        name_of(i, name, sizeof(name));
        uint32_t id = intern(tags, name);
        assert_string_equal(pl_tags_get(tags, id)->name, name);
    }
    return NULL;
}

/* Names appear in order, so a reader may wait for each in turn, by finding it and by walking the ids. */
static void *read_names(void *argument) {
    struct pl_tags *tags = argument;
    for (unsigned i = 0; i < NAMES;) {
        char name[64];
        name_of(i, name, sizeof(name));
        uint32_t id = pl_tags_find(tags, name, strlen(name));
        uint32_t last = pl_tags_count(tags) - 1;
        assert_int_equal(pl_tags_get(tags, last)->id, last);
        if (id == PL_NO_ID) continue;
        const struct pl_tag *tag = pl_tags_get(tags, id);
        assert_string_equal(tag->name, name);
        assert_int_equal(pl_tags_get(tags, tag->asset)->length, strlen("line0.pot000"));
        i++;
    }
    return NULL;
}

static void readers_need_no_lock(void **state) {
    (void)state;
    struct pl_tags *tags = pl_tags_new(NULL);
    pthread_t threads[WRITERS + READERS];
    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, i < WRITERS ? write_names : read_names, tags), 0);
    }
    for (unsigned i = 0; i < WRITERS + READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(pl_tags_count(tags), 1 + NAMES + 3000 + 3);
    pl_tags_free(tags);
}

static void a_million_tags_fit(void **state) {
    (void)state;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = 1100000});
    char name[64];
    for (unsigned i = 0; i < 1000000; i++) {
        snprintf(name, sizeof(name), "line%02u.pot%05u.signal%02u", i % 20, i / 10 % 50000, i % 100);
        assert_int_not_equal(intern(tags, name), PL_NO_ID);
    }
    uint32_t count = pl_tags_count(tags);
    for (uint32_t id = 1; id < count; id += 997) {
        const struct pl_tag *tag = pl_tags_get(tags, id);
        assert_int_equal(pl_tags_find(tags, tag->name, tag->length), id);
    }
    getrusage(RUSAGE_SELF, &after);
    print_message("%u names in %ld MiB\n", count, (after.ru_maxrss - before.ru_maxrss) >> 10);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 160 << 10);
#endif
    pl_tags_free(tags);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_id),
        cmocka_unit_test(a_tag_brings_its_assets),
        cmocka_unit_test(what_is_no_name_gets_no_id),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(rules_give_what_they_declare),
        cmocka_unit_test(what_is_told_is_shown_where_nothing_is_declared),
        cmocka_unit_test(the_group_is_that_of_the_partition_key),
        cmocka_unit_test(a_failed_allocation_leaves_the_registry_whole),
        cmocka_unit_test(readers_need_no_lock),
        cmocka_unit_test(a_million_tags_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
