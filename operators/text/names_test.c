#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "batch/tags.h"
#include "number.h"

struct fixture {
    struct pl_tags *tags;
    struct pl_naming naming;
    struct pl_names names;
};

static void begin(struct fixture *f, struct pl_naming naming, uint32_t limit) {
    *f = (struct fixture){.naming = naming};
    f->tags = pl_tags_new(&(struct pl_tags_options){.limit = limit});
    if (!f->naming.prefix) f->naming.prefix = "";
    if (!pl_names_init(&f->names, f->tags, &f->naming, '"') || !f->names.slots) abort();
}

static void end(struct fixture *f) {
    pl_names_fini(&f->names);
    pl_tags_free(f->tags);
}

static uint32_t find(struct fixture *f, const char *text) {
    char bytes[2048 + PL_SLACK] = {0};
    snprintf(bytes, sizeof(bytes), "%s,next", text);
    return pl_names_find(&f->names, bytes, (uint32_t)strlen(text));
}

static const char *tag_of(struct fixture *f, const char *text) {
    uint32_t id = find(f, text);
    return id >= PL_NAMES_LEFT_OUT ? NULL : pl_tags_get(f->tags, id)->name;
}

static void names_of_every_length(void **state) {
    (void)state;
    static struct fixture f;
    begin(&f, (struct pl_naming){0}, 0);
    uint32_t ids[PL_NAME_MAX + 1];
    char name[PL_NAME_MAX + 2];
    for (int round = 0; round < 3; round++) {
        for (int length = 1; length <= PL_NAME_MAX; length++) {
            for (int i = 0; i < length; i++)
                name[i] = (char)('a' + i % 7);
            name[length] = 0;
            uint32_t id = find(&f, name);
            assert_string_equal(pl_tags_get(f.tags, id)->name, name);
            if (round) assert_int_equal(id, ids[length]);
            ids[length] = id;
        }
    }
    name[PL_NAME_MAX] = 'x';
    name[PL_NAME_MAX + 1] = 0;
    assert_int_equal(find(&f, name), PL_NO_ID);
    assert_int_equal(find(&f, ""), PL_NO_ID);
    end(&f);
}

static void any_order_gives_the_same(void **state) {
    (void)state;
    enum { NAMES = 5000 };
    static struct fixture f;
    static uint32_t ids[NAMES];
    char name[64];
    begin(&f, (struct pl_naming){0}, 0);
    srand(3);
    for (int i = 0; i < 20 * NAMES; i++) {
        /* in turn, at random, in turn again: guesses are right, wrong, right */
        int n = i < 6 * NAMES || i > 14 * NAMES ? i % NAMES : rand() % NAMES;
        snprintf(name, sizeof(name), "%sline%d.pot%02d.signal%d", n % 3 ? "" : "a.rather.long.prefix.", n % 4, n % 60,
                 n);
        uint32_t id = find(&f, name);
        assert_string_equal(pl_tags_get(f.tags, id)->name, name);
        if (ids[n]) assert_int_equal(id, ids[n]);
        ids[n] = id;
    }
    end(&f);
}

static void names_that_share_their_words(void **state) {
    (void)state;
    static struct fixture f;
    begin(&f, (struct pl_naming){0}, 0);
    uint32_t a = find(&f, "aaaaaaaaaaaaaaaaa"), b = find(&f, "aaaaaaaaaaaaaaaaaa"); /* 17 and 18 */
    assert_int_not_equal(a, b);
    assert_int_not_equal(find(&f, "aaaaaaaa"), find(&f, "aaaaaaaaa"));
    assert_int_equal(find(&f, "aaaaaaaaaaaaaaaaa"), a);
    end(&f);
}

static void quotes_and_blanks_are_no_part_of_a_name(void **state) {
    (void)state;
    static struct fixture f;
    begin(&f, (struct pl_naming){0}, 0);
    uint32_t id = find(&f, "pot 7");
    assert_int_equal(find(&f, "\"pot 7\""), id);
    assert_int_equal(find(&f, "  pot 7 "), id);
    assert_string_equal(tag_of(&f, "\"say \"\"x\"\"\""), "say \"x\"");
    assert_null(tag_of(&f, "\"open"));
    assert_null(tag_of(&f, "\"a\"b"));
    assert_null(tag_of(&f, "\"\""));
    assert_null(tag_of(&f, "   "));
    assert_null(tag_of(&f, "bell\a"));
    assert_null(tag_of(&f, "\xff\xfe"));
    end(&f);
}

static void names_become_tags(void **state) {
    (void)state;
    static struct pl_rename rename[] = {{"T", "bath.temperature"}, {"U(V)", "voltage"}};
    static const char *include[] = {"*"}, *exclude[] = {"debug.*", "EVENT"};
    static struct fixture f;
    begin(
        &f,
        (struct pl_naming){.prefix = "line1.", .include = {include, 1}, .exclude = {exclude, 2}, .rename = {rename, 2}},
        0);
    assert_string_equal(tag_of(&f, "current"), "line1.current");
    assert_string_equal(tag_of(&f, "T"), "bath.temperature");
    assert_string_equal(tag_of(&f, "\"U(V)\""), "voltage");
    assert_int_equal(find(&f, "debug.x"), PL_NAMES_LEFT_OUT);
    assert_int_equal(find(&f, "EVENT"), PL_NAMES_LEFT_OUT);
    assert_int_equal(find(&f, "EVENT"), PL_NAMES_LEFT_OUT);
    end(&f);
    static const char *only[] = {"a*"};
    begin(&f, (struct pl_naming){.include = {only, 1}}, 0);
    assert_string_equal(tag_of(&f, "anode"), "anode");
    assert_int_equal(find(&f, "bath"), PL_NAMES_LEFT_OUT);
    end(&f);
}

static void a_full_registry_refuses(void **state) {
    (void)state;
    static struct fixture f;
    char name[32];
    begin(&f, (struct pl_naming){0}, 100);
    unsigned refused = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "tag%d", i);
        refused += find(&f, name) == PL_NO_ID;
    }
    assert_in_range(refused, 100, 101);
    assert_string_equal(tag_of(&f, "tag5"), "tag5");
    end(&f);
}

static void excluded_names_take_bounded_room(void **state) {
    (void)state;
    static const char *none[] = {"nothing"};
    static struct fixture f;
    char name[32];
    begin(&f, (struct pl_naming){.include = {none, 1}}, 0);
    for (int i = 0; i < PL_NAMES_SPARE + 5000; i++) {
        snprintf(name, sizeof(name), "noise%d", i);
        assert_int_equal(find(&f, name), PL_NAMES_LEFT_OUT);
    }
    assert_int_equal(f.names.used, PL_NAMES_SPARE);
    assert_string_equal(tag_of(&f, "nothing"), "nothing");
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_every_length),
        cmocka_unit_test(any_order_gives_the_same),
        cmocka_unit_test(names_that_share_their_words),
        cmocka_unit_test(quotes_and_blanks_are_no_part_of_a_name),
        cmocka_unit_test(names_become_tags),
        cmocka_unit_test(a_full_registry_refuses),
        cmocka_unit_test(excluded_names_take_bounded_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
