#include "runtime/overrides.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include <potline/alloc.h>

#include "runtime/live_option.h"

static void sets(struct pl_overrides *overrides, const char *value, bool lasts) {
    struct pl_live_change change = {.graph = "3"};
    snprintf(change.after, sizeof change.after, "%s", value);
    assert_int_equal(pl_overrides_note(overrides, "above", &change, lasts, NULL), PL_OK);
}

static void holds(const struct pl_overrides *overrides, const char *value, const char *lasting) {
    const struct pl_override *found = pl_overrides_find(overrides, "above");
    if (!value) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found->value, value);
    assert_string_equal(found->graph, "3");
    if (lasting)
        assert_string_equal(found->lasting, lasting);
    else
        assert_null(found->lasting);
}

static void what_lasts_is_only_covered(void **state) {
    (void)state;
    struct pl_overrides overrides = {0};
    sets(&overrides, "4", false);
    holds(&overrides, "4", NULL);
    sets(&overrides, "3", false);
    holds(&overrides, NULL, NULL);
    sets(&overrides, "5", true);
    holds(&overrides, "5", "5");
    sets(&overrides, "2", false);
    holds(&overrides, "2", "5");
    sets(&overrides, "3", false);
    holds(&overrides, "3", "5");
    sets(&overrides, "6", true);
    holds(&overrides, "6", "6");
    sets(&overrides, "3", true);
    holds(&overrides, NULL, NULL);
    pl_overrides_fini(&overrides);
}

/* What is there behind an orderly end: "option value graph lasting" of each. */
static void lasts(const struct pl_pack *kept, const char *expected) {
    struct pl_pack *pack = pl_pack_new();
    struct pl_unpack unpack;
    bool any;
    pl_unpack_init(&unpack, pl_pack_data(kept), pl_pack_size(kept));
    assert_true(pl_overrides_pack_lasting(&unpack, pack, &any));
    assert_int_equal(any, *expected != 0);
    char text[200] = "", *json = pl_pack_json(pl_pack_data(pack), pl_pack_size(pack));
    assert_non_null(json);
    snprintf(text, sizeof text, "[%s]", expected);
    assert_string_equal(json, text);
    pl_free(json);
    pl_pack_free(pack);
}

static void put_texts(struct pl_pack *pack, uint32_t items, const char *option, const char *value) {
    pl_pack_array(pack, items);
    pl_pack_str(pack, option);
    pl_pack_str(pack, value);
    pl_pack_str(pack, "3");
}

static void an_orderly_end_leaves_what_lasts(void **state) {
    (void)state;
    struct pl_overrides overrides = {0};
    struct pl_pack *pack = pl_pack_new();
    sets(&overrides, "5", true);
    sets(&overrides, "2", false);
    pl_overrides_pack(&overrides, pack);
    lasts(pack, "[\"above\",\"5\",\"3\",\"5\"]");
    pl_pack_reset(pack);
    sets(&overrides, "3", true);
    sets(&overrides, "2", false);
    pl_overrides_pack(&overrides, pack);
    lasts(pack, "");
    pl_overrides_fini(&overrides);
    pl_pack_free(pack);
}

/* Without the last item nothing lasted; then it said whether the value did. */
static void older_forms_are_read(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    pl_pack_array(pack, 3);
    put_texts(pack, 3, "a", "4");
    put_texts(pack, 4, "b", "5");
    pl_pack_bool(pack, true);
    put_texts(pack, 4, "c", "6");
    pl_pack_bool(pack, false);
    lasts(pack, "[\"b\",\"5\",\"3\",\"5\"]");
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lasts_is_only_covered),
        cmocka_unit_test(an_orderly_end_leaves_what_lasts),
        cmocka_unit_test(older_forms_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
