/* Constraints beside a way ahead: the narrowest holds, what leaves it is said once and with where it has been. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/what_if_limits.h"

enum { TIMES = 3 };

static const struct pl_model model = {
    .name = "M", .outputs = PL_QUANTITIES({"distance", "m", "Of anodes."}, {"superheat", "K", "Of the bath."})};

/* A cell at 43 mm and 9 K, whose change takes it where it is told to. */
struct ahead {
    double time[TIMES], distance[2][TIMES], superheat[2][TIMES];
    struct pl_what_if what_if;
};

static const struct pl_what_if *ahead(struct ahead *a, double distance, double superheat) {
    *a = (struct ahead){.what_if = {.model = &model, .outputs = 2, .times = TIMES}};
    for (int k = 0; k < TIMES; k++) {
        a->distance[0][k] = 0.043;
        a->superheat[0][k] = 9;
        a->distance[1][k] = k == 1 ? distance : 0.043; /* on the way, and back */
        a->superheat[1][k] = k == 1 ? superheat : 9;
    }
    struct pl_what_if_branch *branch[] = {&a->what_if.nothing, &a->what_if.changed};
    for (int i = 0; i < 2; i++) {
        *branch[i] = (struct pl_what_if_branch){.times = TIMES, .effect_at = -1};
        branch[i]->output[0] = a->distance[i];
        branch[i]->output[1] = a->superheat[i];
    }
    return &a->what_if;
}

static void put(struct pl_pack *pack, const char *scope, const char *of, double low, double high) {
    pl_pack_map(pack, 6);
    pl_pack_pair_str(pack, "scope", scope);
    pl_pack_pair_str(pack, "constraint", of);
    pl_pack_pair_f64(pack, "low", low);
    pl_pack_pair_f64(pack, "high", high);
    pl_pack_pair_str(pack, "unit", strcmp(of, "acd") == 0 ? "mm" : "K");
    pl_pack_pair_int(pack, "rank", 0);
}

static bool read_limits(struct pl_what_if_limits *limits, struct pl_pack *pack, uint32_t rows, const char *asset) {
    struct pl_unpack unpack;
    memset(limits, 0, sizeof *limits);
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    return pl_what_if_limits_read(limits, asset, &unpack, rows);
}

static void the_narrowest_holds(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    struct pl_what_if_limits limits;
    put(pack, "line1", "acd", 38, 48);
    put(pack, "ALL", "acd", 30, 60);
    put(pack, "line1.pot07", "superheat", 6, (double)INFINITY);
    put(pack, "line1.pot0", "acd", 42, 44); /* no line of that name */
    put(pack, "line2", "acd", 42, 44);
    put(pack, "ALL", "superheat", 5, 13);
    assert_true(read_limits(&limits, pack, 6, "line1.pot07"));
    assert_int_equal(limits.count, 2);
    assert_string_equal(limits.limit[0].scope, "line1");
    assert_true(limits.limit[0].low == 38);
    assert_string_equal(limits.limit[1].scope, "line1.pot07");
    assert_false(read_limits(&limits, pack, 7, "line1.pot07")); /* there are no seven */
    pl_pack_free(pack);
}

static void more_than_there_is_room_for_is_left(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    struct pl_what_if_limits limits;
    for (int i = 0; i < PL_WHAT_IF_LIMITS_MAX + 5; i++) {
        char of[100];
        snprintf(of, sizeof of, "%d of a name that is longer than any that there is room for, so that it is cut", i);
        put(pack, "ALL", of, 0, 1);
    }
    assert_true(read_limits(&limits, pack, PL_WHAT_IF_LIMITS_MAX + 5, "l"));
    assert_int_equal(limits.count, PL_WHAT_IF_LIMITS_MAX);
    assert_int_equal(strlen(limits.limit[0].of), PL_WHAT_IF_NAME_MAX - 1);
    pl_pack_free(pack);
}

static void what_leaves_it_is_said(void **state) {
    (void)state;
    struct ahead a;
    struct pl_what_if_left left;
    struct pl_what_if_limits limits = {.limit = {{"acd", "line1", "mm", 38, 48}, {"superheat", "ALL", "K", 6, 9.5}},
                                       .count = 2};
    const struct pl_what_if *w = ahead(&a, 0.0365, 9.2);
    assert_true(pl_what_if_limits_left(&limits, 0, w, &left));
    assert_string_equal(left.note, "below constraint acd >= 38 mm of line1");
    assert_true(fabs(left.now - 43) < 1e-9 && fabs(left.nothing - 43) < 1e-9 && fabs(left.changed - 36.5) < 1e-9);
    assert_false(pl_what_if_limits_left(&limits, 1, w, &left));
    w = ahead(&a, 0.038, 10);
    assert_false(pl_what_if_limits_left(&limits, 0, w, &left)); /* just at it */
    assert_true(pl_what_if_limits_left(&limits, 1, w, &left));
    assert_string_equal(left.note, "above constraint superheat <= 9.5 K of ALL");
    limits.limit[1].low = 9.1;
    w = ahead(&a, 0.043, 8.5);
    assert_true(pl_what_if_limits_left(&limits, 1, w, &left));
    assert_string_equal(left.note, "below constraint superheat >= 9.1 K of ALL; doing nothing leaves it too");
    strcpy(limits.limit[0].of, "throughput"); /* none of the model's outputs */
    assert_false(pl_what_if_limits_left(&limits, 0, w, &left));
}

/* A run's body, as optimize.setpoints tells it: what it bounds, among much else. */
static void a_run_tells_what_held(void **state) {
    (void)state;
    struct pl_what_if_limits limits = {0};
    struct pl_pack *pack = pl_pack_new();
    pl_pack_map(pack, 3);
    pl_pack_pair_str(pack, "outcome", "optimal");
    pl_pack_str(pack, "bounds");
    pl_pack_array(pack, 2);
    put(pack, "line1", "acd", 38, 48);
    put(pack, "ALL", "superheat", 6, (double)INFINITY);
    pl_pack_pair_str(pack, "reason", "");
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_true(pl_what_if_limits_of_run(&limits, "line1.pot07", &unpack));
    assert_int_equal(limits.count, 2);
    assert_string_equal(limits.limit[0].scope, "line1.pot07");
    assert_true(limits.limit[0].low == 38 && limits.limit[1].low == 6);
    limits.count = 0;
    for (size_t size = 0; size < pl_pack_size(pack) - 8; size++) { /* cut off anywhere: no run */
        pl_unpack_init(&unpack, pl_pack_data(pack), size);
        assert_false(pl_what_if_limits_of_run(&limits, "l", &unpack));
        assert_int_equal(limits.count, 0);
    }
    pl_pack_reset(pack);
    pl_pack_map(pack, 1);
    pl_pack_pair_str(pack, "outcome", "optimal"); /* of an older version */
    pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
    assert_false(pl_what_if_limits_of_run(&limits, "l", &unpack));
    pl_pack_free(pack);
}

/* Values of many outputs side by side, as runs over REST keep them. */
static void values_may_lie_apart(void **state) {
    (void)state;
    const struct pl_what_if_limit acd = {"acd", "line1", "mm", 38, 48};
    const double nothing[] = {7, 0.043, 7, 0.043, 7, 0.043}, changed[] = {1, 0.043, 1, 0.036, 1, 0.044};
    struct pl_what_if_left left;
    double scale = 0;
    assert_int_equal(pl_what_if_limit_output(&acd, &model, &scale), 0);
    struct pl_what_if_course a = {nothing + 1, 3, 2}, b = {changed + 1, 3, 2};
    assert_true(pl_what_if_limit_left(&acd, scale, &a, &b, &left));
    assert_true(fabs(left.changed - 36) < 1e-9 && fabs(left.nothing - 43) < 1e-9);
    b.times = 1;
    assert_false(pl_what_if_limit_left(&acd, scale, &a, &b, &left));
    a.times = 0; /* it has not come anywhere */
    assert_false(pl_what_if_limit_left(&acd, scale, &a, &b, &left));
}

/* ---- Before a twin has settled ---- */

static void a_twin_that_has_just_begun_says_so(void **state) {
    (void)state;
    static const struct {
        bool known;
        double followed, since_start;
        const char *says;
    } states[] = {{false, 0, 0, NULL},
                  {true, 20, 20, "for 20 s and is not settled"},
                  {true, 3599, 3599, "not settled"},
                  {true, 7200, 20, "since 20 s, from a state of before the engine was started"},
                  {true, 7200, 0, "before the engine was started"},
                  {true, 7200, 300, NULL},
                  {true, 3600, 3600, NULL}};
    for (unsigned i = 0; i < PL_COUNT_OF(states); i++) {
        struct pl_what_if_state s = {
            .known = states[i].known, .followed = states[i].followed, .since_start = states[i].since_start};
        char note[PL_WHAT_IF_UNSETTLED_MAX];
        assert_true(pl_what_if_unsettled(&s, note, sizeof note) == (states[i].says != NULL));
        if (states[i].says)
            assert_non_null(strstr(note, states[i].says));
        else
            assert_string_equal(note, "");
        assert_true(strlen(note) < sizeof note - 1); /* nothing is cut off */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_narrowest_holds),    cmocka_unit_test(more_than_there_is_room_for_is_left),
        cmocka_unit_test(what_leaves_it_is_said), cmocka_unit_test(a_run_tells_what_held),
        cmocka_unit_test(values_may_lie_apart),   cmocka_unit_test(a_twin_that_has_just_begun_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
