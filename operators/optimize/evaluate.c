/* evaluate.c: the problem of a pot at a point, so that another solver can be held against ours on the very same one:
 * optimize.evaluate (a state, or a run, with `point`) becomes optimize.evaluated. `potline optimize --export` asks. */
#include <potline/alloc.h>
#include <string.h>

#include "setpoints.h"

static const char *const variable_names[POT_VARIABLES] = {"acd", "alumina", "alf3", "current"};

static void put_rows(struct pl_pack *p, const struct pot *pot) {
    pl_pack_str(p, "rows");
    pl_pack_array(p, pot->rows);
    for (unsigned i = 0; i < pot->rows; i++) {
        const struct pot_row *row = &pot->row[i];
        pl_pack_map(p, 5);
        pl_pack_pair_str(p, "limit", quantity_rows[row->of].name);
        pl_pack_pair_str(p, "side", row->high ? "high" : "low");
        pl_pack_pair_f64(p, "at", row->limit);
        pl_pack_pair_f64(p, "scale", quantity_rows[row->of].scale);
        pl_pack_pair_int(p, "scenario", row->scenario);
    }
}

static void put_variables(struct pl_pack *p, const struct pot *pot) {
    pl_pack_str(p, "variables");
    pl_pack_array(p, POT_VARIABLES);
    for (int j = 0; j < POT_VARIABLES; j++)
        pl_pack_str(p, variable_names[j]);
    run_write_numbers(p, "low", pot->low, POT_VARIABLES);
    run_write_numbers(p, "high", pot->high, POT_VARIABLES);
    run_write_numbers(p, "from", pot->from, POT_VARIABLES);
}

/* Least objective where low <= x <= high and all constraints are 0 or less. `defined` false: there is nothing there. */
static void put_point(struct pl_pack *p, struct pot *pot, const double *x) {
    double objective = 0, constraint[POT_ROWS_MAX] = {0}, gradient[POT_VARIABLES] = {0};
    static _Thread_local double jacobian[POT_ROWS_MAX * POT_VARIABLES];
    bool defined = pot_at(pot, x, &objective, constraint, gradient, jacobian);
    pl_pack_str(p, "defined");
    pl_pack_bool(p, defined);
    run_write_numbers(p, "x", x, POT_VARIABLES);
    pl_pack_pair_f64(p, "objective", objective);
    run_write_numbers(p, "gradient", gradient, POT_VARIABLES);
    run_write_numbers(p, "constraint", constraint, defined ? pot->rows : 0);
    run_write_numbers(p, "jacobian", jacobian, defined ? pot->rows * POT_VARIABLES : 0);
}

static enum pl_code evaluate(struct optimize *s, struct run *run, struct pl_error **error) {
    struct pl_stepper stepper = {.model = NULL};
    struct pot *pot = PL_NEW(struct pot);
    if (!pot) return pl_error_set(error, PL_NO_MEMORY, "no memory for a pot");
    enum pl_code code = run_open(run, &stepper, error);
    if (!code) code = pot_open(pot, &run->setup, &run->input, error);
    if (!code) {
        pl_pack_reset(s->body);
        pl_pack_map(s->body, 11);
        put_variables(s->body, pot);
        put_rows(s->body, pot);
        put_point(s->body, pot, run->point);
        if (pl_pack_failed(s->body)) code = pl_error_set(error, PL_NO_MEMORY, "no memory for a problem");
    }
    if (stepper.model) pl_stepper_close(&stepper);
    pl_free(pot);
    return code;
}

bool answer_evaluate(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size) {
    struct pl_error *error = NULL;
    struct pot_record none = {.known = 0};
    struct run *run = s->run;
    *run = (struct run){.version = (int64_t)s->limits.version};
    enum pl_code code = run_read(run, body, size, &error);
    if (!code && !run->asks) code = pl_error_set(&error, PL_CORRUPT, "it names no point");
    if (!code && !run->recorded) {
        optimize_setup(s, time, &run->setup);
        answer_input(s, asset, &none, time, run);
    }
    if (!code) code = evaluate(s, run, &error);
    bool good =
        code == PL_NO_MEMORY ? false
        : code               ? answer_hold(s, asset, time, error ? error->text : pl_code_text(code))
               : pl_emit_event(s->node, PORT_EVENTS, time, "optimize.evaluated", 1, asset, 0, s->body) != PL_FLOW_FAIL;
    pl_error_free(&error);
    return good;
}
