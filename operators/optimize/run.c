#include "run.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "models.h"

/* ---- Reading ---- */

static bool read_text(struct pl_unpack *u, char *out) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(u, &text, &length) || length >= RUN_NAME_MAX) return false;
    memcpy(out, text, length);
    out[length] = 0;
    return true;
}

/* Up to `most` numbers; NaN and infinities only where they mean something. */
static bool read_numbers(struct pl_unpack *u, double *out, unsigned most, bool any, unsigned *count) {
    uint32_t all;
    if (!pl_unpack_array(u, &all) || all > most) return false;
    for (uint32_t i = 0; i < all; i++)
        if (!pl_unpack_f64(u, &out[i]) || (!any && !isfinite(out[i]))) return false;
    *count = all;
    return true;
}

static bool read_named(struct run *run, struct pl_unpack *u) {
    uint32_t pairs;
    if (!pl_unpack_map(u, &pairs) || pairs > PL_MODEL_PARAMETERS_MAX) return false;
    while (pairs--) {
        char name[RUN_NAME_MAX];
        double value;
        if (!read_text(u, name) || !pl_unpack_f64(u, &value)) return false;
        int row = twin_cell_row(name);
        const struct pl_model_parameter *p = row < 0 ? NULL : &twin_cell_model.parameters[row];
        if (!p || !(value >= p->low && value <= p->high)) {
            memcpy(run->wrong, name, sizeof name);
            return false;
        }
        run->named[row] = value;
    }
    return true;
}

/* The set-up as numbers, in this order, to and from. */
static void setup_numbers(struct pot_setup *s, double *numbers, bool read) {
    double held[POT_VARIABLES], solver = s->solver.solver, scenarios = s->spread.scenarios, starts = s->solver.starts,
                                most = (double)s->solver.evaluations;
    double *const at[RUN_SETUP_NUMBERS] = {&s->objective.energy,
                                           &s->objective.cost,
                                           &s->objective.co2e,
                                           &s->objective.tariff,
                                           &s->objective.fluoride,
                                           &s->objective.grid,
                                           &scenarios,
                                           &s->spread.efficiency,
                                           &s->spread.top,
                                           &s->spread.acd,
                                           &s->spread.alumina,
                                           &s->purity.raw,
                                           &s->purity.tools,
                                           &s->purity.uneven,
                                           &s->purity.wear,
                                           &s->feed_time,
                                           &s->dose_time,
                                           &s->noise_quiet,
                                           &s->noise_distance,
                                           &solver,
                                           &s->solver.tolerance,
                                           &s->solver.keeps,
                                           &most,
                                           &starts,
                                           &held[POT_ACD],
                                           &held[POT_ALUMINA],
                                           &held[POT_ALF3],
                                           &held[POT_CURRENT]};
    for (int j = 0; j < POT_VARIABLES; j++)
        held[j] = s->held[j];
    for (int i = 0; i < RUN_SETUP_NUMBERS; i++)
        *(read ? at[i] : &numbers[i]) = *(read ? &numbers[i] : at[i]);
    if (!read) return;
    s->solver.solver = solver >= 0 && solver < NLP_SOLVERS ? (enum nlp_solver)solver : NLP_MULTISTART;
    s->spread.scenarios = scenarios >= 0 && scenarios <= POT_SCENARIOS_MAX ? (unsigned)scenarios : 0;
    for (int j = 0; j < POT_VARIABLES; j++)
        s->held[j] = held[j] != 0;
    s->solver.starts = (unsigned)fmin(fmax(starts, 1), 100);
    s->solver.evaluations = (long)fmin(fmax(most, 1), 1e6);
}

bool run_read_setup(struct pot_setup *setup, struct pl_unpack *u) {
    double numbers[RUN_SETUP_NUMBERS];
    unsigned count = 0;
    if (!read_numbers(u, numbers, RUN_SETUP_NUMBERS, false, &count) || count != RUN_SETUP_NUMBERS) return false;
    setup_numbers(setup, numbers, true);
    return true;
}

/* Limits as three numbers each: low, high, rank. */
bool run_read_limits(struct limit *limit, struct pl_unpack *u) {
    double numbers[3 * QUANTITIES];
    unsigned count = 0;
    if (!read_numbers(u, numbers, 3 * QUANTITIES, true, &count) || count != 3 * QUANTITIES) return false;
    for (int i = 0; i < QUANTITIES; i++) {
        struct limit *l = &limit[i];
        *l = (struct limit){numbers[3 * i], numbers[3 * i + 1], (unsigned)fmin(fmax(numbers[3 * i + 2], 0), 9)};
        if (isnan(l->low) || isnan(l->high) || l->low > l->high) return false;
    }
    return true;
}

/* There were fewer numbers in it once. */
static bool is_older(struct pl_unpack begun, uint32_t numbers) {
    uint32_t count;
    return pl_unpack_array(&begun, &count) && count > 0 && count < numbers;
}

static bool read_pair(struct run *run, struct pl_unpack *u) {
    char key[RUN_NAME_MAX];
    unsigned count = 0;
    if (!read_text(u, key)) return false;
    if (strcmp(key, "model") == 0) return read_text(u, run->model);
    if (strcmp(key, "parameters") == 0) return read_text(u, run->parameters);
    if (strcmp(key, "fidelity") == 0) return read_text(u, run->fidelity);
    if (strcmp(key, "rung") == 0) return pl_unpack_int(u, &run->rung);
    if (strcmp(key, "t") == 0) return pl_unpack_f64(u, &run->t);
    if (strcmp(key, "values") == 0)
        return read_numbers(u, run->values, PL_MODEL_PARAMETERS_MAX, false, &run->value_count);
    if (strcmp(key, "state") == 0) return read_numbers(u, run->state, RUN_STATE_MAX, false, &run->state_count);
    if (strcmp(key, "cell") == 0) return read_named(run, u);
    if (strcmp(key, "constraints") == 0) return pl_unpack_int(u, &run->version);
    if (strcmp(key, "point") == 0)
        return read_numbers(u, run->point, POT_VARIABLES, false, &count) && (run->asks = count == POT_VARIABLES);
    if (strcmp(key, "seed") == 0) return pl_unpack_uint(u, &run->input.seed);
    if (strcmp(key, "noise") == 0) return pl_unpack_f64(u, &run->input.noise);
    if (strcmp(key, "saved") == 0) return pl_unpack_f64(u, &run->saved);
    if (strcmp(key, "late") == 0) return pl_unpack_bool(u, &run->late);
    if (strcmp(key, "last") == 0)
        return read_numbers(u, run->input.accepted, POT_VARIABLES, true, &count) && count == POT_VARIABLES;
    if (strcmp(key, "baseline") == 0)
        return read_numbers(u, run->input.baseline, POT_VARIABLES, true, &count) && count == POT_VARIABLES;
    if (strcmp(key, "x") == 0) return read_numbers(u, run->x, POT_VARIABLES, false, &count) && count == POT_VARIABLES;
    const struct pl_unpack begun = *u;
    if (strcmp(key, "limits") == 0) {
        bool good = run_read_limits(run->input.limit, u);
        run->older = !good && is_older(begun, 3 * QUANTITIES);
        return good;
    }
    if (strcmp(key, "setup") == 0) {
        run->recorded = run_read_setup(&run->setup, u);
        run->older = !run->recorded && is_older(begun, RUN_SETUP_NUMBERS);
        return run->recorded;
    }
    return pl_unpack_skip(u);
}

enum pl_code run_read(struct run *run, const void *bytes, size_t size, struct pl_error **error) {
    struct pl_unpack u;
    uint32_t pairs = 0;
    run->value_count = run->state_count = 0;
    run->recorded = run->asks = run->older = false;
    run->wrong[0] = 0;
    for (int i = 0; i < PL_MODEL_PARAMETERS_MAX; i++)
        run->named[i] = NAN;
    pl_unpack_init(&u, bytes, size);
    bool good = pl_unpack_map(&u, &pairs);
    while (good && pairs--)
        good = read_pair(run, &u);
    if (!good && *run->wrong)
        return pl_error_set(error, PL_RANGE,
                            "%s is no parameter of a CellModel, or beyond its range: potline model "
                            "show CellModel lists them",
                            run->wrong);
    if (!good && run->older)
        return pl_error_set(
            error, PL_CORRUPT,
            "it was recorded by an older version, whose limits and set-up were not yet these: it cannot "
            "be done again");
    if (!good) return pl_error_set(error, PL_CORRUPT, "its bytes are no state of a cell");
    if (strcmp(run->model, twin_cell_model.name) != 0)
        return pl_error_set(error, PL_CORRUPT, "it is of a %s, not of a %s", *run->model ? run->model : "nothing",
                            twin_cell_model.name);
    return PL_OK;
}

/* ---- Solving ---- */

static unsigned parameters_of(const struct pl_model *model) {
    unsigned count = 0;
    while (model->parameters[count].name)
        count++;
    return count;
}

static enum pl_code make_model(struct run *run, struct pl_stepper *stepper, struct pl_error **error) {
    unsigned count = parameters_of(&twin_cell_model);
    double values[PL_MODEL_PARAMETERS_MAX];
    if (run->value_count && run->value_count != count)
        return pl_error_set(error, PL_CORRUPT, "it has %u parameters, a CellModel of this version has %u",
                            run->value_count, count);
    models_defaults(twin_cell_model.parameters, values);
    for (unsigned i = 0; i < count; i++) {
        if (run->value_count) values[i] = run->values[i];
        if (!isnan(run->named[i])) values[i] = run->named[i];
        const struct pl_model_parameter *p = &twin_cell_model.parameters[i];
        if (!(values[i] >= p->low && values[i] <= p->high))
            return pl_error_set(error, PL_CORRUPT, "%s is %g, beyond %g to %g", p->name, values[i], p->low, p->high);
    }
    enum pl_code code = pl_stepper_open(stepper, &twin_cell_model, values, error);
    if (code || !run->state_count) return code;
    if (run->rung < 0 || run->rung >= PL_STEPPER_HELD)
        return pl_error_set(error, PL_CORRUPT, "there is no rung %lld", (long long)run->rung);
    return pl_stepper_resume(stepper, (enum pl_stepper_rung)run->rung, 0, run->t, run->state, run->state_count, error);
}

enum pl_code run_open(struct run *run, struct pl_stepper *stepper, struct pl_error **error) {
    enum pl_code code = make_model(run, stepper, error);
    run->input.model = stepper->self;
    return code;
}

enum pl_code run_solve(struct run *run, struct pot_result *result, struct pl_error **error) {
    struct pl_stepper stepper = {.model = NULL};
    struct pot *pot = PL_NEW(struct pot);
    if (!pot) return pl_error_set(error, PL_NO_MEMORY, "no memory for a pot");
    double begun = nlp_now(&run->setup.solver);
    enum pl_code code = run_open(run, &stepper, error);
    if (!code) code = pot_open(pot, &run->setup, &run->input, error);
    pot->begun = begun; /* what it takes to make the model counts, too */
    if (!code) pot_solve(pot, result);
    if (stepper.model) pl_stepper_close(&stepper);
    run->input.model = NULL;
    pl_free(pot);
    return code;
}

/* ---- Writing ---- */

void run_write_numbers(struct pl_pack *p, const char *key, const double *numbers, unsigned count) {
    pl_pack_str(p, key);
    pl_pack_array(p, count);
    for (unsigned i = 0; i < count; i++)
        pl_pack_f64(p, numbers[i]);
}

static void put_active(struct pl_pack *p, const char *key, const struct pot_active *active, unsigned count) {
    pl_pack_str(p, key);
    pl_pack_array(p, count);
    for (unsigned i = 0; i < count; i++) {
        const struct pot_active *a = &active[i];
        pl_pack_map(p, 7);
        pl_pack_pair_str(p, "limit", quantity_rows[a->row.of].name);
        pl_pack_pair_str(p, "side", a->row.high ? "high" : "low");
        pl_pack_pair_f64(p, "at", a->row.limit);
        pl_pack_pair_str(p, "unit", quantity_rows[a->row.of].unit);
        pl_pack_pair_f64(p, "slack", a->slack);
        pl_pack_pair_f64(p, "multiplier", a->multiplier);
        pl_pack_pair_f64(p, "cost", a->cost);
    }
}

static void put_now(struct pl_pack *p, const struct pot_result *r) {
    uint32_t known = 0;
    for (int i = 0; i < QUANTITIES_OF_POT; i++)
        known += isfinite(r->now[i]);
    pl_pack_str(p, "now");
    pl_pack_map(p, known + 1);
    pl_pack_pair_f64(p, "energy", r->energy_now);
    for (int i = 0; i < QUANTITIES_OF_POT; i++)
        if (isfinite(r->now[i])) pl_pack_pair_f64(p, quantity_rows[i].name, r->now[i]);
}

static void put_figures(struct pl_pack *p, const struct pot_result *r) {
    static const char *const names[2] = {"before", "after"};
    for (int k = 0; k < 2; k++) {
        const double *value = k ? r->after : r->before;
        pl_pack_str(p, names[k]);
        pl_pack_map(p, QUANTITIES_OF_POT + 3);
        pl_pack_pair_f64(p, "energy", r->energy[k]);
        pl_pack_pair_f64(p, "cost", r->cost[k]);
        pl_pack_pair_f64(p, "co2e", r->co2e[k]);
        for (int i = 0; i < QUANTITIES_OF_POT; i++)
            pl_pack_pair_f64(p, quantity_rows[i].name, value[i]);
    }
}

static void put_named(struct pl_pack *p, const struct run *run) {
    uint32_t count = 0;
    for (int i = 0; i < PL_MODEL_PARAMETERS_MAX; i++)
        count += !isnan(run->named[i]);
    pl_pack_str(p, "cell");
    pl_pack_map(p, count);
    for (int i = 0; i < PL_MODEL_PARAMETERS_MAX; i++)
        if (!isnan(run->named[i])) pl_pack_pair_f64(p, twin_cell_model.parameters[i].name, run->named[i]);
}

void run_write_setup(const struct pot_setup *setup, struct pl_pack *p) {
    double numbers[RUN_SETUP_NUMBERS];
    struct pot_setup copy = *setup;
    setup_numbers(&copy, numbers, false);
    run_write_numbers(p, "setup", numbers, RUN_SETUP_NUMBERS);
}

void run_write_limits(const struct limit *limit, struct pl_pack *p) {
    double numbers[3 * QUANTITIES];
    for (int i = 0; i < QUANTITIES; i++) {
        numbers[3 * i] = limit[i].low;
        numbers[3 * i + 1] = limit[i].high;
        numbers[3 * i + 2] = limit[i].rank;
    }
    run_write_numbers(p, "limits", numbers, 3 * QUANTITIES);
}

/* By name, those that bound anything: for people, and for whoever looks ahead from a folder (graph/what_if_limits.h).
 */
static void put_bounds(struct pl_pack *p, const struct limit *limit) {
    uint32_t count = 0;
    for (int i = 0; i < QUANTITIES_OF_POT; i++)
        count += isfinite(limit[i].low) || isfinite(limit[i].high);
    pl_pack_str(p, "bounds");
    pl_pack_array(p, count);
    for (int i = 0; i < QUANTITIES_OF_POT; i++) {
        if (!isfinite(limit[i].low) && !isfinite(limit[i].high)) continue;
        pl_pack_map(p, 4);
        pl_pack_pair_str(p, "constraint", quantity_rows[i].name);
        pl_pack_pair_str(p, "unit", quantity_rows[i].unit);
        pl_pack_pair_f64(p, "low", limit[i].low);
        pl_pack_pair_f64(p, "high", limit[i].high);
    }
}

void run_write_input(const struct run *run, struct pl_pack *p) {
    pl_pack_pair_f64(p, "noise", run->input.noise);
    run_write_numbers(p, "last", run->input.accepted, POT_VARIABLES);
    run_write_limits(run->input.limit, p);
    pl_pack_pair_str(p, "model", run->model);
    pl_pack_pair_str(p, "parameters", run->parameters);
    pl_pack_pair_str(p, "fidelity", run->fidelity);
    pl_pack_pair_int(p, "rung", run->rung);
    pl_pack_pair_f64(p, "t", run->t);
    run_write_numbers(p, "values", run->values, run->value_count);
    run_write_numbers(p, "state", run->state, run->state_count);
    put_named(p, run);
}

void run_write(const struct run *run, const struct pot_result *r, struct pl_pack *p) {
    pl_pack_map(p, 20 + RUN_INPUT_PAIRS); /* nothing that the clock says: played again, it is the same */
    pl_pack_pair_str(p, "outcome", pot_rung_names[r->rung]);
    pl_pack_pair_str(p, "reason", r->reason);
    pl_pack_pair_f64(p, "saved", r->saved);
    run_write_numbers(p, "x", r->x, POT_VARIABLES);
    run_write_numbers(p, "from", r->from, POT_VARIABLES);
    put_now(p, r);
    put_figures(p, r); /* before, after */
    put_active(p, "active", r->active, r->actives);
    put_active(p, "conflict", r->conflict, r->conflicts);
    pl_pack_pair_str(p, "solver", nlp_solver_names[run->setup.solver.solver]);
    pl_pack_pair_str(p, "status", nlp_status_names[r->search.status]);
    pl_pack_pair_int(p, "evaluations", r->evaluations);
    pl_pack_str(p, "late");
    pl_pack_bool(p, r->search.late);
    pl_pack_pair_f64(p, "optimality", r->rest);
    pl_pack_pair_int(p, "constraints", run->version);
    pl_pack_str(p, "seed");
    pl_pack_uint(p, run->input.seed);
    run_write_numbers(p, "baseline", run->input.baseline, POT_VARIABLES);
    run_write_setup(&run->setup, p);
    run_write_input(run, p);
    put_bounds(p, run->input.limit);
}
