#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static const struct pl_rest_route first[] = {{PL_HTTP_GET, "pots", "list", "", .roles = PL_MAY_SEE},
                                             {PL_HTTP_POST, "pots", "add", "", .roles = PL_MAY_SEE},
                                             {PL_HTTP_GET, "pots/{pot}", "get", "", .roles = PL_MAY_SEE},
                                             {PL_HTTP_DELETE, "pots/{pot}", "remove", "", .roles = PL_MAY_SEE},
                                             {PL_HTTP_POST, "pots/tap", "tap", "", .roles = PL_MAY_SEE},
                                             {PL_HTTP_POST, "pots/{pot}/runs/{run}", "run", "", .roles = PL_MAY_SEE},
                                             {.path = NULL}};
static const struct pl_rest_route second[] = {{PL_HTTP_GET, "pots", "list2", "", .roles = PL_MAY_SEE}, {.path = NULL}};
static const struct pl_rest_version versions[] = {{"v1", first}, {"v2", second}, {NULL, NULL}};

static const char *find(enum pl_http_method method, const char *path, struct pl_rest_match *match) {
    bool there = pl_rest_match(versions, method, path, match);
    assert_true(there == (match->methods != 0));
    return match->route ? match->route->name : there ? "another method" : NULL;
}

static void paths_lead_to_routes(void **state) {
    (void)state;
    struct pl_rest_match match;
    assert_string_equal(find(PL_HTTP_GET, PL_REST_BASE "v1/pots", &match), "list");
    assert_string_equal(find(PL_HTTP_HEAD, PL_REST_BASE "v1/pots", &match), "list");
    assert_string_equal(find(PL_HTTP_POST, PL_REST_BASE "v1/pots", &match), "add");
    assert_string_equal(find(PL_HTTP_DELETE, PL_REST_BASE "v1/pots", &match), "another method");
    assert_int_equal(match.methods, 1u << PL_HTTP_GET | 1u << PL_HTTP_POST);
    assert_string_equal(find(PL_HTTP_GET, PL_REST_BASE "v1/pots/line1.pot07", &match), "get");
    assert_int_equal(match.values, 1);
    assert_string_equal(match.value[0], "line1.pot07");
    assert_string_equal(find(PL_HTTP_POST, PL_REST_BASE "v1/pots/a/runs/b", &match), "run");
    assert_string_equal(match.value[0], "a");
    assert_string_equal(match.value[1], "b");
}

static void a_path_that_is_written_out_is_meant(void **state) {
    (void)state;
    struct pl_rest_match match;
    assert_string_equal(find(PL_HTTP_POST, PL_REST_BASE "v1/pots/tap", &match), "tap");
    assert_string_equal(find(PL_HTTP_GET, PL_REST_BASE "v1/pots/tap", &match), "another method");
    assert_int_equal(match.methods, 1u << PL_HTTP_POST);
    assert_string_equal(find(PL_HTTP_POST, PL_REST_BASE "v1/pots/taps", &match), "another method");
    assert_int_equal(match.methods, 1u << PL_HTTP_GET | 1u << PL_HTTP_DELETE);
}

static void versions_live_side_by_side(void **state) {
    (void)state;
    struct pl_rest_match match;
    assert_string_equal(find(PL_HTTP_GET, PL_REST_BASE "v1/pots", &match), "list");
    assert_string_equal(match.version->name, "v1");
    assert_string_equal(find(PL_HTTP_GET, PL_REST_BASE "v2/pots", &match), "list2");
    assert_string_equal(match.version->name, "v2");
    assert_null(find(PL_HTTP_GET, PL_REST_BASE "v2/pots/x", &match));
}

static void what_is_no_path_leads_nowhere(void **state) {
    (void)state;
    static const char *const none[] = {"",
                                       "/",
                                       "v1/pots",
                                       PL_REST_BASE,
                                       PL_REST_BASE "v1",
                                       PL_REST_BASE "v1/",
                                       PL_REST_BASE "v11/pots",
                                       PL_REST_BASE "v/pots",
                                       PL_REST_BASE "v1/pot",
                                       PL_REST_BASE "v1/potsx",
                                       PL_REST_BASE "v1/pots/",
                                       PL_REST_BASE "v1//pots",
                                       PL_REST_BASE "v1/pots//runs/b",
                                       PL_REST_BASE "v1/pots/a/runs/",
                                       PL_REST_BASE "v1/pots/a/runs/b/",
                                       PL_REST_BASE "v1/pots/a/runs/b/c",
                                       PL_REST_BASE "v1/{pots}"};
    struct pl_rest_match match;
    for (unsigned i = 0; i < PL_COUNT_OF(none); i++)
        assert_null(find(PL_HTTP_GET, none[i], &match));
}

static void a_segment_has_an_end(void **state) {
    (void)state;
    struct pl_rest_match match;
    char path[sizeof PL_REST_BASE + 2 * PL_REST_SEGMENT] = PL_REST_BASE "v1/pots/";
    size_t at = strlen(path);
    memset(path + at, 'a', PL_REST_SEGMENT);
    assert_null(find(PL_HTTP_GET, path, &match));
    path[at + PL_REST_SEGMENT - 1] = 0;
    assert_string_equal(find(PL_HTTP_GET, path, &match), "get");
    assert_int_equal(strlen(match.value[0]), PL_REST_SEGMENT - 1);
}

/* The real table: what its rows have to be for everything that reads them. */
static void rows_are_whole(void **state) {
    (void)state;
    for (const struct pl_rest_route *route = pl__rest_v1; route->path; route++) {
        unsigned braces = 0, values = 0, fields = 0;
        assert_true(route->command || route->run);
        assert_true(route->open || route->roles);
        assert_true(route->key || (route->answer != PL_REST_ROW && route->answer != PL_REST_TEXT_ROW));
        assert_true(route->name && route->doc && route->doc[strlen(route->doc) - 1] == '.');
        for (const char *c = route->path; *c; c++)
            braces += *c == '{';
        for (const struct pl_rest_field *field = route->fields; field && field->name; field++, fields++) {
            assert_non_null(field->doc);
            if (field->place != PL_REST_PATH) continue;
            values++;
            assert_non_null(field->example);
            assert_non_null(strstr(route->path, field->name));
        }
        assert_int_equal(braces, values);
        assert_true(fields <= PL_REST_FIELDS && values <= PL_REST_SEGMENTS);
        for (const struct pl_rest_route *other = route + 1; other->path; other++) {
            assert_string_not_equal(route->name, other->name);
            assert_true(route->method != other->method || strcmp(route->path, other->path) != 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_routes),       cmocka_unit_test(a_path_that_is_written_out_is_meant),
        cmocka_unit_test(versions_live_side_by_side), cmocka_unit_test(what_is_no_path_leads_nowhere),
        cmocka_unit_test(a_segment_has_an_end),       cmocka_unit_test(rows_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
