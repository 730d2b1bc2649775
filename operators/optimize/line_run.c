#include "line_run.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

struct line_run *line_run_new(unsigned room) {
    struct line_run *l = PL_NEW(struct line_run);
    if (!l) return NULL;
    l->room = room;
    l->input.accepted = NAN;
    l->pot = pl_alloc(room * sizeof *l->pot);
    l->input.pot = pl_alloc(room * sizeof *l->input.pot);
    l->input.name = pl_alloc(room * sizeof *l->input.name);
    l->result.x = pl_alloc(room * sizeof *l->result.x);
    if (l->pot && l->input.pot && l->input.name && l->result.x) return l;
    line_run_free(l);
    return NULL;
}

void line_run_free(struct line_run *l) {
    if (!l) return;
    pl_free(l->pot);
    pl_free(l->input.pot);
    pl_free(l->input.name);
    pl_free(l->result.x);
    pl_free(l);
}

struct run *line_run_add(struct line_run *l, const char *name) {
    if (l->input.pots == l->room || strlen(name) >= LINE_NAME_MAX) return NULL;
    strcpy(l->input.name[l->input.pots], name);
    struct run *pot = &l->pot[l->input.pots++];
    *pot = (struct run){.input.noise = NAN};
    for (int j = 0; j < POT_VARIABLES; j++)
        pot->input.accepted[j] = pot->input.baseline[j] = NAN;
    return pot;
}

/* ---- Reading ---- */

static bool read_name(struct pl_unpack *u, char *out, size_t room) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(u, &text, &length) || length >= room) return false;
    memcpy(out, text, length);
    out[length] = 0;
    return true;
}

/* {"asset": ..., and what run_read takes}: the asset comes first. */
static bool read_pot(struct line_run *l, struct pl_unpack *u, struct pl_error **error) {
    char name[LINE_NAME_MAX];
    const uint8_t *body;
    uint32_t items;
    if (!pl_unpack_array(u, &items) || items != 2 || !read_name(u, name, sizeof name)) return false;
    body = u->at;
    if (!pl_unpack_skip(u)) return false;
    struct run *pot = line_run_add(l, name);
    return pot && !run_read(pot, body, (size_t)(u->at - body), error);
}

static bool read_pots(struct line_run *l, struct pl_unpack *u, struct pl_error **error) {
    uint32_t pots;
    if (!pl_unpack_array(u, &pots) || pots > l->room) return false;
    while (pots--)
        if (!read_pot(l, u, error)) return false;
    return true;
}

static bool read_tariff(struct line_run *l, struct pl_unpack *u) {
    uint32_t hours;
    if (!pl_unpack_array(u, &hours) || (hours != 0 && hours != LINE_HOURS)) return false;
    l->setup.by_hour = hours == LINE_HOURS;
    for (uint32_t h = 0; h < hours; h++)
        if (!pl_unpack_f64(u, &l->setup.tariff[h]) || !(l->setup.tariff[h] >= 0)) return false;
    return true;
}

static bool read_others(struct line_run *l, struct pl_unpack *u) {
    uint64_t others;
    if (!pl_unpack_uint(u, &others) || others > LINE_POTS_MAX) return false;
    l->input.others = (unsigned)others;
    return true;
}

/* Contract and moves are never without an end (limits_of). */
static bool read_limits(struct line_run *l, struct pl_unpack *u) {
    const struct limit *current = &l->input.limit[QUANTITY_CURRENT], *move = &l->input.limit[QUANTITY_CURRENT_MOVE];
    return run_read_limits(l->input.limit, u) && isfinite(current->low) && isfinite(current->high) &&
           isfinite(move->low) && isfinite(move->high);
}

static bool read_pair(struct line_run *l, struct pl_unpack *u, bool *known, struct pl_error **error) {
    char key[RUN_NAME_MAX];
    if (!read_name(u, key, sizeof key)) return false;
    if (strcmp(key, "setup") == 0) return *known = run_read_setup(&l->setup.pot, u);
    if (strcmp(key, "limits") == 0) return read_limits(l, u);
    if (strcmp(key, "from") == 0) return pl_unpack_f64(u, &l->input.now);
    if (strcmp(key, "baseline") == 0) return pl_unpack_f64(u, &l->input.baseline);
    if (strcmp(key, "accepted") == 0) return pl_unpack_f64(u, &l->input.accepted);
    if (strcmp(key, "left_out") == 0) return pl_unpack_uint(u, &l->left_out);
    if (strcmp(key, "tariff") == 0) return read_tariff(l, u);
    if (strcmp(key, "others") == 0) return read_others(l, u);
    if (strcmp(key, "constraints") == 0) return pl_unpack_int(u, &l->version);
    if (strcmp(key, "pots") == 0) return read_pots(l, u, error);
    return pl_unpack_skip(u);
}

enum pl_code line_run_read(struct line_run **run, const void *bytes, size_t size, struct pl_error **error) {
    struct pl_unpack u;
    uint32_t pairs = 0;
    bool known = false;
    struct line_run *l = *run = line_run_new(LINE_POTS_MAX);
    if (!l) return pl_error_set(error, PL_NO_MEMORY, "no memory for a line");
    pl_unpack_init(&u, bytes, size);
    bool good = pl_unpack_map(&u, &pairs);
    while (good && pairs--)
        good = read_pair(l, &u, &known, error);
    if (good && l->left_out)
        return pl_error_set(
            error, PL_LIMIT,
            "it was recorded without its %llu pots, which were too much for an event: it cannot be done "
            "again",
            (unsigned long long)l->left_out);
    if (good && known && l->input.pots && isfinite(l->input.now) && isfinite(l->input.baseline)) return PL_OK;
    if (error && *error) return (*error)->code;
    return pl_error_set(error, PL_CORRUPT, "its bytes are no run of a line");
}

/* ---- Solving ---- */

enum pl_code line_run_solve(struct line_run *l, struct pl_error **error) {
    struct pl_stepper *stepper = pl_alloc(l->input.pots * sizeof *stepper);
    if (!stepper) return pl_error_set(error, PL_NO_MEMORY, "no memory for the pots of a line");
    enum pl_code code = PL_OK;
    unsigned open = 0;
    struct line_setup setup = l->setup;
    double begun = nlp_now(&setup.pot.solver);
    for (; open < l->input.pots && !code; open++) {
        code = run_open(&l->pot[open], &stepper[open], error);
        l->input.pot[open] = l->pot[open].input;
    }
    setup.pot.solver.seconds -= nlp_now(&setup.pot.solver) - begun; /* what it takes to make the models counts, too */
    if (!code) code = line_solve(&setup, &l->input, &l->result, error);
    for (unsigned i = 0; i < open; i++) {
        if (stepper[i].model) pl_stepper_close(&stepper[i]);
        l->pot[i].input.model = l->input.pot[i].model = NULL;
    }
    pl_free(stepper);
    return code;
}

/* ---- Writing ---- */

static void put_figures(struct pl_pack *p, const char *key, const struct line_figures *f) {
    pl_pack_str(p, key);
    pl_pack_map(p, 6);
    pl_pack_pair_f64(p, "energy", f->energy);
    pl_pack_pair_f64(p, "cost", f->cost);
    pl_pack_pair_f64(p, "co2e", f->co2e);
    pl_pack_pair_f64(p, "made", f->made);
    pl_pack_pair_f64(p, "power", f->power);
    pl_pack_pair_f64(p, "voltage", f->voltage);
}

static void put_active(struct pl_pack *p, const struct line_result *r) {
    pl_pack_str(p, "active");
    pl_pack_array(p, r->actives);
    for (unsigned i = 0; i < r->actives; i++) {
        const struct line_active *a = &r->active[i];
        pl_pack_map(p, 6);
        pl_pack_pair_str(p, "pot", a->pot);
        pl_pack_pair_str(p, "limit", quantity_rows[a->row.of].name);
        pl_pack_pair_str(p, "side", a->row.high ? "high" : "low");
        pl_pack_pair_f64(p, "at", a->row.limit);
        pl_pack_pair_str(p, "unit", quantity_rows[a->row.of].unit);
        pl_pack_pair_f64(p, "multiplier", a->multiplier);
    }
}

static void put_pots(struct pl_pack *p, const struct line_run *l, bool whole) {
    unsigned pots = whole ? l->input.pots : 0;
    pl_pack_pair_int(p, "left_out", l->input.pots - pots);
    pl_pack_str(p, "pots");
    pl_pack_array(p, pots);
    for (unsigned i = 0; i < pots; i++) {
        pl_pack_array(p, 2);
        pl_pack_str(p, l->input.name[i]);
        pl_pack_map(p, 2 + RUN_INPUT_PAIRS);
        run_write_numbers(p, "x", l->result.x[i], POT_VARIABLES);
        run_write_numbers(p, "baseline", l->pot[i].input.baseline, POT_VARIABLES);
        run_write_input(&l->pot[i], p);
    }
}

static void write(const struct line_run *l, struct pl_pack *p, bool whole) {
    const struct line_result *r = &l->result;
    pl_pack_map(p, 27);
    pl_pack_pair_str(p, "outcome", pot_rung_names[r->rung]);
    pl_pack_pair_str(p, "reason", r->reason);
    pl_pack_pair_f64(p, "saved", r->saved);
    pl_pack_pair_f64(p, "current", r->current);
    pl_pack_pair_f64(p, "from", l->input.now);
    pl_pack_pair_f64(p, "baseline", l->input.baseline);
    pl_pack_pair_f64(p, "accepted", l->input.accepted);
    pl_pack_pair_int(p, "others", l->input.others);
    run_write_numbers(p, "schedule", r->schedule, r->hours);
    run_write_numbers(p, "tariff", l->setup.tariff, l->setup.by_hour ? LINE_HOURS : 0);
    put_figures(p, "before", &r->before);
    put_figures(p, "after", &r->after);
    pl_pack_pair_f64(p, "throughput", r->throughput);
    put_active(p, r);
    pl_pack_pair_str(p, "solver", nlp_solver_names[l->setup.pot.solver.solver]);
    pl_pack_pair_f64(p, "price", r->price);
    pl_pack_pair_f64(p, "curve_error", r->curve_error);
    pl_pack_pair_f64(p, "low", r->low);
    pl_pack_pair_f64(p, "high", r->high);
    pl_pack_pair_int(p, "evaluations", r->evaluations);
    pl_pack_str(p, "late");
    pl_pack_bool(p, r->late);
    pl_pack_pair_f64(p, "deadline", l->setup.pot.solver.seconds);
    pl_pack_pair_int(p, "constraints", l->version);
    run_write_setup(&l->setup.pot, p);
    run_write_limits(l->input.limit, p);
    put_pots(p, l, whole);
}

void line_run_write(const struct line_run *l, struct pl_pack *p, size_t most) {
    pl_pack_reset(p);
    write(l, p, true);
    if (pl_pack_failed(p) || pl_pack_size(p) <= most) return;
    pl_pack_reset(p);
    write(l, p, false);
}
