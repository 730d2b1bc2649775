/* A line: its decomposition against one problem of all pots, limits of the line, tariffs, what is in the way. */
#include "line.h"

#include <string.h>

#include "pot_testing.h"

enum { FEW = 3 };

struct fixture {
    struct line_setup setup;
    struct line_input input;
    struct line_result result;
    struct pot_input pot[LINE_POTS_MAX];
    char name[LINE_POTS_MAX][LINE_NAME_MAX];
    double x[LINE_POTS_MAX][POT_VARIABLES];
};
static struct fixture f;

static void line_of(unsigned pots, uint64_t seed) {
    memset(&f, 0, sizeof f);
    f.setup = (struct line_setup){.pot = usual()};
    f.input = (struct line_input){.now = 180, .baseline = 180, .pots = pots, .pot = f.pot, .name = f.name};
    limits_of(&(struct limits){.count = 0}, "line1", f.input.limit);
    f.input.limit[QUANTITY_CURRENT] = (struct limit){170, 190, 0};
    f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-8, 8, 0};
    for (unsigned i = 0; i < pots; i++) {
        void *model = pot_of(seed ? seed + i : 0, &f.pot[i]);
        struct pl_error *error = NULL;
        twin_cell_model.set(model, (unsigned)twin_cell_row("current"), 180e3, &error);
        f.pot[i].noise = 10;
        snprintf(f.name[i], LINE_NAME_MAX, "line1.pot%02u", i + 1);
    }
    f.result.x = f.x;
}

static void close_line(void) {
    for (unsigned i = 0; i < f.input.pots; i++)
        twin_cell_model.close(f.pot[i].model);
}

static void solve(void) {
    struct pl_error *error = NULL;
    if (line_solve(&f.setup, &f.input, &f.result, &error)) fail_msg("%s", error->text);
    printf("%s\n  %ld evaluations, %.0f ms, curves off by %.2g kWh/t, price %.6f, %.2f to %.2f kA\n", f.result.reason,
           f.result.evaluations, 1e3 * f.result.seconds, f.result.curve_error, f.result.price, f.result.low,
           f.result.high);
}

/* ---- One problem of all ---- */

struct whole {
    struct pot pot[FEW];
    double made; /* kg/h of the baseline */
};

/* (line current, then each pot's others); least is the energy of a tonne of all metal. */
static bool whole_at(void *self, const double *x, double *objective, double *constraint, double *gradient,
                     double *jacobian) {
    struct whole *w = self;
    const unsigned n = 1 + 3 * FEW;
    unsigned rows = 0;
    double energy = 0, made = 0, de[1 + 3 * FEW] = {0}, dm[1 + 3 * FEW] = {0};
    for (unsigned i = 0; i < FEW; i++) {
        struct pot *p = &w->pot[i];
        double at[POT_VARIABLES] = {x[1 + 3 * i], x[2 + 3 * i], x[3 + 3 * i], x[0]}, value[QUANTITIES];
        static double slope[QUANTITIES][POT_VARIABLES];
        if (!pot_quantities(p, 0, at, value, slope)) return false;
        energy += value[QUANTITY_POWER];
        made += value[QUANTITY_THROUGHPUT] / 100 * p->production;
        const unsigned column[POT_VARIABLES] = {1 + 3 * i, 2 + 3 * i, 3 + 3 * i, 0};
        for (int j = 0; j < POT_VARIABLES; j++) {
            de[column[j]] += slope[QUANTITY_POWER][j];
            dm[column[j]] += slope[QUANTITY_THROUGHPUT][j] / 100 * p->production;
        }
        for (unsigned k = 0; k < p->rows; k++) {
            const struct pot_row *row = &p->row[k];
            double sign = (row->high ? 1 : -1) / quantity_rows[row->of].scale;
            constraint[rows] = pot_miss(row, value[row->of]);
            if (jacobian) memset(jacobian + rows * n, 0, n * sizeof *jacobian);
            for (int j = 0; j < POT_VARIABLES && jacobian; j++)
                jacobian[rows * n + column[j]] = sign * slope[row->of][j];
            rows++;
        }
    }
    for (int side = 0; side < 2; side++, rows++) {
        double sign = side ? 1 : -1;
        constraint[rows] = sign * (100 * made / w->made - (side ? 102 : 98)) / 0.5;
        for (unsigned j = 0; j < n && jacobian; j++)
            jacobian[rows * n + j] = sign * 100 * dm[j] / w->made / 0.5;
    }
    *objective = energy / made;
    for (unsigned j = 0; j < n && gradient; j++)
        gradient[j] = (de[j] - energy / made * dm[j]) / made;
    return true;
}

static double whole_of(void) {
    static struct whole w;
    struct pot_setup setup = f.setup.pot;
    struct pl_error *error = NULL;
    double low[1 + 3 * FEW] = {172}, high[1 + 3 * FEW] = {188}, start[1 + 3 * FEW] = {180};
    unsigned rows = 2;
    w.made = 0;
    setup.held[POT_CURRENT] = false;
    for (unsigned i = 0; i < FEW; i++) {
        struct pot_input *in = &f.pot[i];
        in->baseline[POT_CURRENT] = 180;
        in->limit[QUANTITY_THROUGHPUT] = (struct limit){-INFINITY, INFINITY, 0};
        assert_int_equal(pot_open(&w.pot[i], &setup, in, &error), PL_OK);
        w.made += w.pot[i].production;
        rows += w.pot[i].rows;
        for (int j = 0; j < 3; j++) {
            low[1 + 3 * i + (unsigned)j] = w.pot[i].low[j];
            high[1 + 3 * i + (unsigned)j] = w.pot[i].high[j];
            start[1 + 3 * i + (unsigned)j] = fmin(fmax(w.pot[i].from[j], w.pot[i].low[j]), w.pot[i].high[j]);
        }
    }
    struct nlp_problem problem = {
        .variables = 1 + 3 * FEW, .inequalities = rows, .low = low, .high = high, .self = &w, .at = whole_at};
    struct nlp_settings settings = setup.solver;
    struct nlp_result r;
    settings.starts = getenv("POTLINE_LONG") ? 12 : 4;
    settings.evaluations = 20000;
    nlp_solve(&problem, &settings, start, &r);
    printf("  one problem of all: %.3f kWh/t at %.3f kA, %s\n", 1000 * r.objective, r.x[0],
           r.feasible ? "feasible" : "not feasible");
    return r.feasible ? 1000 * r.objective : NAN;
}

/* What pots cannot keep today says nothing of the current: such lines are left out of the comparison. */
static void it_is_what_one_problem_of_all_pots_gives(void **state) {
    (void)state;
    unsigned compared = 0;
    for (uint64_t seed = 0; seed < 8 && (compared < 2 || getenv("POTLINE_LONG")); seed++) {
        line_of(FEW, 100 * seed);
        solve();
        double whole = whole_of();
        if (!isnan(whole) && f.result.missed == 0) {
            assert_int_equal(f.result.rung, POT_OPTIMAL);
            assert_near(f.result.after.energy, whole, 1e-4 * whole);
            compared++;
        }
        close_line();
    }
    assert_true(compared >= 2);
}

/* ---- Limits of the line ---- */

static void the_rectifier_is_not_asked_for_more_than_it_gives(void **state) {
    (void)state;
    line_of(FEW, 300);
    f.input.limit[QUANTITY_LINE_THROUGHPUT].low = 96;
    solve();
    double power = f.result.after.power, energy = f.result.after.energy;
    f.input.limit[QUANTITY_LINE_POWER] = (struct limit){-INFINITY, power - 0.02, 0};
    solve();
    assert_int_equal(f.result.rung, POT_OPTIMAL);
    assert_true(f.result.after.power <= power - 0.02 + 1e-6);
    assert_true(f.result.after.energy >= energy - 0.05);
    assert_non_null(strstr(f.result.reason, "power of the line at most"));
    f.input.limit[QUANTITY_LINE_POWER] = (struct limit){-INFINITY, INFINITY, 0};
    f.input.limit[QUANTITY_LINE_VOLTAGE] = (struct limit){-INFINITY, 4.0 * FEW, 0}; /* at no current */
    solve();
    assert_int_equal(f.result.rung, POT_BASELINE);
    assert_near(f.result.current, 180, 0);
    assert_non_null(strstr(f.result.reason, "the guard's on_loss decides (it stands at 180.0 kA)"));
    close_line();
}

/* Pots that nothing is believed of are on the rectifier, too. */
static void pots_in_doubt_load_the_rectifier(void **state) {
    (void)state;
    line_of(2, 0);
    f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-1, 1, 0};
    solve();
    struct line_figures two = f.result.after;
    f.input.others = 1;
    solve();
    assert_near(f.result.after.power, 1.5 * two.power, 1e-9 * two.power);
    assert_near(f.result.after.voltage, 1.5 * two.voltage, 1e-9 * two.voltage);
    assert_near(f.result.after.energy, two.energy, 1e-9 * two.energy);
    f.input.limit[QUANTITY_LINE_VOLTAGE] = (struct limit){-INFINITY, two.voltage + 1, 0}; /* enough for two of them */
    solve();
    assert_int_equal(f.result.rung, POT_BASELINE);
    close_line();
}

static void a_set_point_that_pots_do_not_follow_is_refused(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    line_of(2, 0);
    f.input.now = 165;
    assert_int_equal(line_solve(&f.setup, &f.input, &f.result, &error), PL_RANGE);
    assert_non_null(strstr(error->text, "stands at 165.0 kA, but its pots have 180.0 kA"));
    pl_error_free(&error);
    close_line();
}

/* The contract is kept whatever throughput and pots would need, and that is said. */
static void what_the_contract_does_not_give_is_missed_and_said(void **state) {
    (void)state;
    line_of(FEW, 0);
    f.input.limit[QUANTITY_CURRENT] = (struct limit){165, 174, 0};
    solve();
    assert_int_equal(f.result.rung, POT_RELAXED);
    assert_near(f.result.current, 174, 1e-6);
    assert_true(f.result.throughput < 98);
    assert_non_null(strstr(f.result.reason, "throughput of the line from 98 to 102 % would need another current"));
    assert_non_null(strstr(f.result.reason, "line current at most 174 kA"));
    /* One step at a time, from outside of the contract toward it. */
    f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-1, 1, 0};
    solve();
    assert_near(f.result.current, 179, 1e-6);
    close_line();
    line_of(4, 300); /* the last of which freezes there */
    f.input.limit[QUANTITY_CURRENT] = (struct limit){165, 173, 0};
    solve();
    assert_true(f.result.rung == POT_RELAXED && f.result.gives_way && f.result.current <= 173 + 1e-6);
    assert_non_null(strstr(f.result.reason, "come before those of pots; given up: line1.pot"));
    close_line();
}

/* A multiplier says what its limit costs: with a little more room the line is better by that. */
static void multipliers_say_what_room_is_worth(void **state) {
    (void)state;
    line_of(FEW, 0);
    f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-2, 2, 0};
    solve();
    assert_int_equal(f.result.actives, 1);
    assert_int_equal(f.result.active[0].row.of, QUANTITY_CURRENT_MOVE);
    double saved = f.result.saved, multiplier = f.result.active[0].multiplier;
    f.input.limit[QUANTITY_CURRENT_MOVE].low = -2.1;
    solve();
    assert_near((f.result.saved - saved) / 0.1, multiplier, 0.1 * multiplier + 0.5);
    close_line();
}

/* ---- A day by tariff ---- */

static void by_tariff(bool varies) {
    f.setup.pot.objective = (struct pot_objective){.cost = 1, .tariff = 0.05, .fluoride = 1.5, .grid = 0.3};
    f.setup.by_hour = true;
    for (int h = 0; h < LINE_HOURS; h++)
        f.setup.tariff[h] = !varies ? 0.05 : h < 8 ? 0.03 : 0.06;
}

/* The same current all day is not as cheap, and with one price there is nothing to go to. */
static void a_flat_day_is_not_as_cheap(double cost) {
    double flat = 0, spread = 0;
    by_tariff(false);
    solve();
    for (int h = 8; h < LINE_HOURS; h++) {
        flat += f.result.schedule[h] / 16;
        spread = fmax(spread, fabs(f.result.schedule[h] - f.result.schedule[8]));
    }
    assert_true(spread < 0.5);
    f.input.limit[QUANTITY_CURRENT] = (struct limit){flat, flat, 0};
    f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-20, 20, 0};
    by_tariff(true);
    solve();
    assert_true(cost < f.result.after.cost);
}

static void current_goes_to_the_cheap_hours_within_limits(void **state) {
    (void)state;
    line_of(FEW, 300);
    f.input.limit[QUANTITY_CURRENT] = (struct limit){174, 186, 0};
    f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-3, 3, 0};
    by_tariff(true);
    solve();
    double cheap = 0, dear = 0, before = f.input.now, cost = f.result.after.cost;
    for (int h = 0; h < LINE_HOURS; h++) {
        double now = f.result.schedule[h];
        assert_true(now >= 174 - 1e-6 && now <= 186 + 1e-6 && fabs(now - before) <= 3 + 1e-6);
        *(h < 8 ? &cheap : &dear) += now / (h < 8 ? 8 : 16);
        before = now;
    }
    printf("cheap hours %.2f kA, dear ones %.2f kA\n", cheap, dear);
    assert_int_equal(f.result.rung, POT_OPTIMAL);
    assert_near(f.result.schedule[0], f.result.current, 0);
    assert_true(cheap > dear + 2);
    assert_true(f.result.throughput >= 98 - 1e-6 && f.result.throughput <= 102 + 1e-6);
    assert_non_null(strstr(f.result.reason, "in cheap hours"));
    if (getenv("POTLINE_LONG")) a_flat_day_is_not_as_cheap(cost);
    close_line();
}

/* A day begins where the line stands, too, and goes no faster toward the contract's current. */
static void a_day_goes_toward_the_contract_step_by_step(void **state) {
    (void)state;
    line_of(2, 0);
    f.input.limit[QUANTITY_CURRENT] = (struct limit){165, 174, 0};
    f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-1, 1, 0};
    by_tariff(true);
    solve();
    assert_near(f.result.current, 179, 1e-6);
    for (int h = 1; h < LINE_HOURS; h++)
        assert_true(fabs(f.result.schedule[h] - f.result.schedule[h - 1]) <= 1 + 1e-6);
    for (int h = 5; h < LINE_HOURS; h++)
        assert_true(f.result.schedule[h] <= 174 + 1e-6);
    for (unsigned i = 0; i < f.result.actives; i++) /* what cannot be had has no price */
        assert_true(f.result.active[i].multiplier < 100);
    close_line();
}

static void a_weight_alone_changes_nothing(void **state) {
    (void)state;
    double current[2], worth[2];
    for (int i = 0; i < 2; i++) {
        line_of(2, 300);
        f.input.limit[QUANTITY_CURRENT] = (struct limit){174, 186, 0};
        f.input.limit[QUANTITY_CURRENT_MOVE] = (struct limit){-3, 3, 0};
        by_tariff(true);
        f.setup.pot.objective.cost = i ? 1000 : 1;
        solve();
        assert_int_equal(f.result.rung, POT_OPTIMAL);
        current[i] = f.result.current;
        assert_int_equal(f.result.active[0].row.of, QUANTITY_LINE_THROUGHPUT);
        worth[i] = f.result.active[0].multiplier;
        close_line();
    }
    assert_near(current[0], current[1], 0.2);
    assert_near(worth[0], worth[1], 0.05 * worth[0]);
}

/* ---- Time ---- */

static double time_of_test;
static double ticking(void) {
    return time_of_test += 0.002;
}

static void solve_within(double seconds) {
    line_of(FEW, 300);
    f.setup.pot.solver.clock = ticking;
    f.setup.pot.solver.seconds = seconds;
    solve();
}

/* Whatever comes of a search that has been ended is certain: every pot keeps at its `x` what it keeps today. */
static void assert_certain(void) {
    struct pl_error *error = NULL;
    struct pot_setup setup = f.setup.pot;
    setup.held[POT_CURRENT] = false;
    for (unsigned i = 0; i < FEW; i++) {
        static struct pot pot;
        double value[QUANTITIES];
        assert_near(f.x[i][POT_CURRENT], f.result.current, 1e-6);
        assert_int_equal(pot_open(&pot, &setup, &f.pot[i], &error), PL_OK);
        assert_true(pot_quantities(&pot, 0, f.x[i], value, NULL));
        for (unsigned k = 0; k < pot.rows && f.result.missed == 0; k++)
            if (pot.row[k].scenario == 0) assert_true(pot_miss(&pot.row[k], value[pot.row[k].of]) <= 1e-5);
    }
    assert_true(f.result.throughput >= 98 - 1e-3 && f.result.throughput <= 102 + 1e-3);
}

static void the_deadline_holds_and_the_best_so_far_is_given(void **state) {
    (void)state;
    solve_within(1e6);
    double whole = f.result.seconds, least = f.result.after.energy, last = INFINITY;
    assert_false(f.result.late);
    close_line();
    solve_within(whole / 1000); /* not even how the pots are run now is known */
    assert_int_equal(f.result.rung, POT_BASELINE);
    assert_true(f.result.late);
    close_line();
    static const double share[] = {0.1, 0.2, 0.4, 0.7};
    for (unsigned i = 0; i < PL_COUNT_OF(share); i++) {
        solve_within(share[i] * whole);
        assert_true(f.result.late && f.result.seconds <= 1.1 * share[i] * whole);
        assert_non_null(strstr(f.result.reason, "deadline"));
        assert_int_equal(f.result.rung, POT_OPTIMAL);
        assert_certain();
        assert_true(f.result.after.energy < f.result.before.energy);
        assert_true(f.result.after.energy <= last + 0.5 && f.result.after.energy >= least - 0.5);
        last = f.result.after.energy;
        close_line();
    }
}

/* Of a day, too: no hour is past the contract or faster than a move. */
static void a_day_without_time_stays_where_it_is_best(void **state) {
    (void)state;
    line_of(2, 300);
    by_tariff(true);
    f.setup.pot.solver.clock = ticking;
    f.setup.pot.solver.seconds = 1e6;
    solve();
    double whole = f.result.seconds;
    f.setup.pot.solver.seconds = 0.1 * whole;
    solve();
    assert_true(f.result.late);
    assert_int_equal(f.result.rung, POT_OPTIMAL);
    assert_int_equal(f.result.hours, LINE_HOURS);
    for (int h = 0; h < LINE_HOURS; h++)
        assert_near(f.result.schedule[h], f.result.current, 0);
    assert_true(f.result.current >= 172 && f.result.current <= 188);
    close_line();
}

static void what_was_accepted_goes_on_where_nothing_is_certain(void **state) {
    (void)state;
    line_of(2, 0);
    f.input.limit[QUANTITY_LINE_VOLTAGE] = (struct limit){-INFINITY, 4, 0}; /* at no current */
    f.input.accepted = 181;
    solve();
    assert_int_equal(f.result.rung, POT_ACCEPTED);
    assert_near(f.result.current, 181, 0);
    assert_non_null(strstr(f.result.reason, "what was accepted last, 181.0 kA, goes on"));
    f.input.accepted = 191; /* past the contract */
    solve();
    assert_int_equal(f.result.rung, POT_BASELINE);
    assert_non_null(strstr(f.result.reason, "no set point is sent; the guard's on_loss decides"));
    f.input.accepted = NAN;
    solve();
    assert_int_equal(f.result.rung, POT_BASELINE);
    close_line();
}

static void what_is_no_line_is_refused(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    line_of(1, 0);
    f.input.now = 0;
    assert_int_equal(line_solve(&f.setup, &f.input, &f.result, &error), PL_RANGE);
    pl_error_free(&error);
    f.input.now = 180;
    f.input.pots = LINE_POTS_MAX + 1;
    assert_int_equal(line_solve(&f.setup, &f.input, &f.result, &error), PL_RANGE);
    pl_error_free(&error);
    f.input.pots = 1;
    close_line();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_one_problem_of_all_pots_gives),
        cmocka_unit_test(the_rectifier_is_not_asked_for_more_than_it_gives),
        cmocka_unit_test(pots_in_doubt_load_the_rectifier),
        cmocka_unit_test(a_set_point_that_pots_do_not_follow_is_refused),
        cmocka_unit_test(what_the_contract_does_not_give_is_missed_and_said),
        cmocka_unit_test(multipliers_say_what_room_is_worth),
        cmocka_unit_test(current_goes_to_the_cheap_hours_within_limits),
        cmocka_unit_test(a_day_goes_toward_the_contract_step_by_step),
        cmocka_unit_test(a_weight_alone_changes_nothing),
        cmocka_unit_test(the_deadline_holds_and_the_best_so_far_is_given),
        cmocka_unit_test(a_day_without_time_stays_where_it_is_best),
        cmocka_unit_test(what_was_accepted_goes_on_where_nothing_is_certain),
        cmocka_unit_test(what_is_no_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
