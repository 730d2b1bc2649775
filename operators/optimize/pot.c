#include "pot.h"

#include <math.h>
#include <string.h>

#include "models.h"

/* kg CO2 by tonne of metal, of anodes: 0.41 kg/kg net of butts, 97.6 % carbon (the defaults of the operator kpi). */
const double pot_anodes = 1000 * 0.41 * 0.976 * 44 / 12;

/* How each parameter is moved in a scenario: two rows of a Hadamard matrix and their opposites, so that each parameter
 * is high as often as low, and beside every other one on both sides. */
static const int signs[POT_SCENARIOS_MAX][4] = {{1, -1, 1, -1}, {-1, 1, -1, 1}, {1, -1, -1, 1}, {-1, 1, 1, -1}};

/* ---- Quantities ---- */

static const struct {
    enum steady_output from;
    double scale;
} steady_of[QUANTITIES] = {
    [QUANTITY_SUPERHEAT] = {STEADY_SUPERHEAT, 1}, [QUANTITY_TEMPERATURE] = {STEADY_TEMPERATURE, 1},
    [QUANTITY_LEDGE] = {STEADY_LEDGE_BATH, 1000}, [QUANTITY_LEDGE_METAL] = {STEADY_LEDGE_METAL, 1000},
    [QUANTITY_MARGIN] = {STEADY_MARGIN, 1},       [QUANTITY_SHELL] = {STEADY_SHELL, 1},
    [QUANTITY_VOLTAGE] = {STEADY_VOLTAGE, 1},     [QUANTITY_POWER] = {STEADY_POWER, 1},
};
/* One of a variable's units in the twin's. */
static const double in_twin[POT_VARIABLES] = {1e-3, 1, 1, 1e3};

static bool steady_of_pot(struct pot *p, unsigned k, const double *x, struct steady_state *state,
                          double slope[STEADY_OUTPUTS][STEADY_INPUTS]) {
    struct steady_point at = {{(x[POT_ACD] + p->shift_acd[k]) * 1e-3, x[POT_ALUMINA] + p->shift_alumina[k], x[POT_ALF3],
                               x[POT_CURRENT] * 1e3}};
    p->solves++;
    if (!steady_at(&p->scenario[k], &at, state, slope)) return false;
    for (int i = 0; i < STEADY_OUTPUTS && slope; i++)
        for (int j = 0; j < POT_VARIABLES; j++)
            slope[i][j] *= in_twin[j];
    return true;
}

static void take_variables(const struct pot *p, const double *x, double *value,
                           double slope[QUANTITIES][POT_VARIABLES]) {
    static const struct {
        enum quantity of;
        enum pot_variable by;
    } same[] = {{QUANTITY_ACD, POT_ACD},         {QUANTITY_ALUMINA, POT_ALUMINA}, {QUANTITY_ALF3, POT_ALF3},
                {QUANTITY_CURRENT, POT_CURRENT}, {QUANTITY_ACD_MOVE, POT_ACD},    {QUANTITY_CURRENT_MOVE, POT_CURRENT}};
    const bool moves[] = {[QUANTITY_ACD_MOVE] = true, [QUANTITY_CURRENT_MOVE] = true};
    for (unsigned i = 0; i < PL_COUNT_OF(same); i++) {
        value[same[i].of] = x[same[i].by] - (moves[same[i].of] ? p->from[same[i].by] : 0);
        if (slope) slope[same[i].of][same[i].by] = 1;
    }
}

/* What leads there from now: feed in per cent of what is used, AlF3 in kg/h. */
static void take_ways(const struct pot *p, const double *x, const struct steady_state *state,
                      double s[STEADY_OUTPUTS][STEADY_INPUTS], double *value, double slope[QUANTITIES][POT_VARIABLES]) {
    double used = state->out[STEADY_USED], lack = x[POT_ALUMINA] / 100 * p->bath - p->alumina;
    double more = 100 * lack / (p->setup->feed_time * used);
    value[QUANTITY_FEED] = 100 + more;
    value[QUANTITY_DOSE] =
        state->out[STEADY_FLUORIDE] + (x[POT_ALF3] / 100 * p->bath - p->fluoride) / p->setup->dose_time;
    value[QUANTITY_THROUGHPUT] = 100 * state->out[STEADY_PRODUCTION] / p->production;
    for (int j = 0; j < POT_VARIABLES && slope; j++) {
        slope[QUANTITY_FEED][j] = -more / used * s[STEADY_USED][j];
        slope[QUANTITY_DOSE][j] = s[STEADY_FLUORIDE][j];
        slope[QUANTITY_THROUGHPUT][j] = 100 * s[STEADY_PRODUCTION][j] / p->production;
    }
    if (!slope) return;
    slope[QUANTITY_FEED][POT_ALUMINA] += p->bath / (p->setup->feed_time * used);
    slope[QUANTITY_DOSE][POT_ALF3] += p->bath / 100 / p->setup->dose_time;
}

static void take_purity(const struct pot *p, unsigned k, const struct steady_state *state,
                        double s[STEADY_OUTPUTS][STEADY_INPUTS], double *value,
                        double slope[QUANTITIES][POT_VARIABLES]) {
    double by[STEADY_OUTPUTS];
    value[QUANTITY_IMPURITY] = purity_of(&p->setup->purity, &p->scenario[k].cell.set, state, slope ? by : NULL);
    for (int j = 0; j < POT_VARIABLES && slope; j++)
        for (int i = 0; i < STEADY_OUTPUTS; i++)
            slope[QUANTITY_IMPURITY][j] += by[i] * s[i][j];
}

bool pot_quantities(struct pot *p, unsigned k, const double *x, double *value,
                    double slope[QUANTITIES][POT_VARIABLES]) {
    struct steady_state state;
    double s[STEADY_OUTPUTS][STEADY_INPUTS] = {{0}};
    if (!steady_of_pot(p, k, x, &state, slope ? s : NULL)) return false;
    if (slope) memset(slope, 0, QUANTITIES * sizeof *slope);
    take_variables(p, x, value, slope);
    take_ways(p, x, &state, s, value, slope);
    take_purity(p, k, &state, s, value, slope);
    value[QUANTITY_BATH] = p->bath;
    for (int i = 0; i < QUANTITIES_OF_POT; i++) {
        if (steady_of[i].scale == 0) continue;
        value[i] = state.out[steady_of[i].from] * steady_of[i].scale;
        for (int j = 0; j < POT_VARIABLES && slope; j++)
            slope[i][j] = s[steady_of[i].from][j] * steady_of[i].scale;
    }
    return true;
}

void pot_present(const struct pot *p, double *value, double *energy) {
    struct cell *cell = twin_cell_of(p->input->model);
    const struct cell_flows *f = &cell->flows; /* steady_open has read them */
    for (int i = 0; i < QUANTITIES; i++)
        value[i] = NAN;
    value[QUANTITY_ACD] = p->from[POT_ACD];
    value[QUANTITY_ALUMINA] = p->from[POT_ALUMINA];
    value[QUANTITY_ALF3] = p->from[POT_ALF3];
    value[QUANTITY_CURRENT] = p->from[POT_CURRENT];
    value[QUANTITY_SUPERHEAT] = f->bath.t - f->liquidus;
    value[QUANTITY_TEMPERATURE] = f->bath.t;
    value[QUANTITY_LEDGE] = cell->wall[0].front.thickness * 1000;
    value[QUANTITY_LEDGE_METAL] = cell->wall[1].front.thickness * 1000;
    value[QUANTITY_BATH] = f->bath_mass;
    value[QUANTITY_MARGIN] = f->voltage.margin;
    value[QUANTITY_VOLTAGE] = f->u;
    value[QUANTITY_POWER] = f->u * p->from[POT_CURRENT];
    *energy = f->made > 0 ? f->u * p->from[POT_CURRENT] / f->made / 3.6 : NAN;
}

/* ---- The objective ---- */

/* Energy, cost and CO2e by tonne, with slopes where `s` has those of the twin. */
static void figures(const struct pot *p, const struct steady_state *state, double s[STEADY_OUTPUTS][STEADY_INPUTS],
                    double *figure, double slope[3][POT_VARIABLES]) {
    const struct pot_objective *o = &p->setup->objective;
    double energy = state->out[STEADY_ENERGY], made = state->out[STEADY_PRODUCTION];
    double fluoride = 1000 * state->out[STEADY_FLUORIDE] / made;
    figure[0] = energy;
    figure[1] = o->tariff * energy + o->fluoride * fluoride;
    figure[2] = o->grid * energy + pot_anodes;
    for (int j = 0; j < POT_VARIABLES && s; j++) {
        double by = 1000 * s[STEADY_FLUORIDE][j] / made - fluoride / made * s[STEADY_PRODUCTION][j];
        slope[0][j] = s[STEADY_ENERGY][j];
        slope[1][j] = o->tariff * s[STEADY_ENERGY][j] + o->fluoride * by;
        slope[2][j] = o->grid * s[STEADY_ENERGY][j];
    }
}

bool pot_figures(struct pot *p, const double *x, double *energy, double *cost, double *co2e) {
    struct steady_state state;
    double figure[3];
    if (!steady_of_pot(p, 0, x, &state, NULL)) return false;
    figures(p, &state, NULL, figure, NULL);
    *energy = figure[0];
    *cost = figure[1];
    *co2e = figure[2];
    return true;
}

static bool objective_at(struct pot *p, const double *x, double *objective, double *gradient) {
    const struct pot_objective *o = &p->setup->objective;
    const double weight[3] = {o->energy, o->cost, o->co2e};
    struct steady_state state;
    double s[STEADY_OUTPUTS][STEADY_INPUTS] = {{0}}, figure[3], slope[3][POT_VARIABLES] = {{0}};
    if (!steady_of_pot(p, 0, x, &state, gradient ? s : NULL)) return false;
    figures(p, &state, gradient ? s : NULL, figure, slope);
    *objective = 0;
    if (gradient) memset(gradient, 0, POT_VARIABLES * sizeof *gradient);
    for (int i = 0; i < 3; i++) {
        if (weight[i] == 0) continue;
        *objective += weight[i] * figure[i] / p->by[i];
        for (int j = 0; j < POT_VARIABLES && gradient; j++)
            gradient[j] += weight[i] * slope[i][j] / p->by[i];
    }
    if (isnan(p->price)) return true;
    double made = state.out[STEADY_PRODUCTION] / p->production, over = *objective - p->price;
    *objective = made * over;
    for (int j = 0; j < POT_VARIABLES && gradient; j++)
        gradient[j] = made * gradient[j] + over * s[STEADY_PRODUCTION][j] / p->production;
    return true;
}

/* ---- The problem ---- */

double pot_miss(const struct pot_row *row, double value) {
    return (row->high ? value - row->limit : row->limit - value) / quantity_rows[row->of].scale;
}

bool pot_at(void *self, const double *x, double *objective, double *constraint, double *gradient, double *jacobian) {
    struct pot *p = self;
    double value[QUANTITIES], slope[QUANTITIES][POT_VARIABLES] = {{0}};
    unsigned known = UINT32_MAX, kept = 0;
    if (!objective_at(p, x, objective, gradient)) return false;
    if (p->repair) *objective = 0;
    if (p->repair && gradient) memset(gradient, 0, POT_VARIABLES * sizeof *gradient);
    for (unsigned i = 0; i < p->rows; i++) {
        const struct pot_row *row = &p->row[i];
        if (row->scenario != known && !pot_quantities(p, row->scenario, x, value, gradient ? slope : NULL))
            return false;
        known = row->scenario;
        double miss = pot_miss(row, value[row->of]), sign = (row->high ? 1 : -1) / quantity_rows[row->of].scale;
        if (p->dropped[i]) {
            if (!p->repair || miss <= 0) continue;
            *objective += miss * miss;
            for (int j = 0; j < POT_VARIABLES && gradient; j++)
                gradient[j] += 2 * miss * sign * slope[row->of][j];
            continue;
        }
        constraint[kept] = miss;
        for (int j = 0; j < POT_VARIABLES && gradient; j++)
            jacobian[kept * POT_VARIABLES + (unsigned)j] = sign * slope[row->of][j];
        kept++;
    }
    return true;
}

static void add_row(struct pot *p, enum quantity of, bool high, unsigned scenario, const struct limit *limit) {
    double at = high ? limit->high : limit->low;
    if (!isfinite(at) || p->rows == POT_ROWS_MAX) return;
    p->row[p->rows++] = (struct pot_row){of, high, scenario, limit->rank, at};
}

/* In order of scenarios, so that each is evaluated once. */
static void add_rows(struct pot *p) {
    for (unsigned k = 0; k < p->scenarios; k++)
        for (int of = k ? QUANTITY_SUPERHEAT : QUANTITY_FEED; of < QUANTITIES_OF_POT; of++)
            for (int high = 0; high < 2; high++)
                add_row(p, (enum quantity)of, high, k, &p->input->limit[of]);
}

static double within(double x, double low, double high) {
    return fmin(fmax(x, low), high);
}

/* Windows of what is decided. Where anodes cannot come into theirs in one move, they go toward it. */
static void find_box(struct pot *p) {
    static const enum quantity of[POT_VARIABLES] = {QUANTITY_ACD, QUANTITY_ALUMINA, QUANTITY_ALF3, QUANTITY_CURRENT};
    const struct limit *limit = p->input->limit, *move = &limit[QUANTITY_ACD_MOVE];
    for (int j = 0; j < POT_VARIABLES; j++) {
        p->low[j] = limit[of[j]].low;
        p->high[j] = limit[of[j]].high;
    }
    double low = fmin(fmax(p->low[POT_ACD], p->stable), p->high[POT_ACD]), high = p->high[POT_ACD];
    p->low[POT_ACD] = within(low, p->from[POT_ACD] + move->low, p->from[POT_ACD] + move->high);
    p->high[POT_ACD] = within(high, p->from[POT_ACD] + move->low, p->from[POT_ACD] + move->high);
    if (p->bath < limit[QUANTITY_BATH].low)
        p->low[POT_ACD] = within(p->from[POT_ACD], p->low[POT_ACD], p->high[POT_ACD]);
    if (p->bath > limit[QUANTITY_BATH].high)
        p->high[POT_ACD] = within(p->from[POT_ACD], p->low[POT_ACD], p->high[POT_ACD]);
    p->low[POT_ALUMINA] = fmax(p->low[POT_ALUMINA], quantity_rows[QUANTITY_ALUMINA].least);
    p->high[POT_ALUMINA] = fmin(p->high[POT_ALUMINA], quantity_rows[QUANTITY_ALUMINA].most);
    p->low[POT_ALF3] = fmax(p->low[POT_ALF3], quantity_rows[QUANTITY_ALF3].least);
    p->high[POT_ALF3] = fmin(p->high[POT_ALF3], quantity_rows[QUANTITY_ALF3].most);
    for (int j = 0; j < POT_VARIABLES; j++)
        if (p->setup->held[j]) p->low[j] = p->high[j] = p->from[j];
}

/* ---- What is known of the pot ---- */

static void read_state(struct pot *p) {
    struct cell *cell = twin_cell_of(p->input->model);
    const struct cell_flows *f = &cell->flows; /* steady_open has read them */
    p->from[POT_ACD] = twin_cell_distance(p->input->model) * 10;
    p->from[POT_ALUMINA] = f->bath.alumina;
    p->from[POT_ALF3] = f->bath.excess;
    p->from[POT_CURRENT] = cell->set.current / 1000;
    p->bath = f->bath_mass;
    p->alumina = f->bath.alumina / 100 * p->bath;
    p->fluoride = f->bath.excess / 100 * p->bath;
    double beyond = isfinite(p->input->noise) ? fmax(p->input->noise - p->setup->noise_quiet, 0) : 0;
    p->stable = p->input->limit[QUANTITY_ACD].low + beyond * p->setup->noise_distance;
}

static void make_scenarios(struct pot *p) {
    const struct pot_spread *spread = &p->setup->spread;
    p->scenarios = 1 + (spread->scenarios < POT_SCENARIOS_MAX ? spread->scenarios : POT_SCENARIOS_MAX);
    for (unsigned k = 1; k < p->scenarios; k++) {
        const int *sign = signs[k - 1];
        p->scenario[k] = p->scenario[0];
        p->scenario[k].cell.set.efficiency =
            within(p->scenario[0].cell.set.efficiency * (1 + sign[0] * spread->efficiency), 0, 1);
        p->scenario[k].cell.set.top *= 1 + sign[1] * spread->top;
        p->shift_acd[k] = sign[2] * spread->acd;
        p->shift_alumina[k] = sign[3] * spread->alumina;
    }
}

/* A pot that is on its way out of what the equations mean comes to no state as it is run: it is measured by what it
 * does at this moment. */
static void as_now(struct pot *p, struct steady_state *state) {
    const struct cell_flows *f = &twin_cell_of(p->input->model)->flows;
    double made = fmax(f->made, 1e-3);
    state->out[STEADY_ENERGY] = f->u * p->from[POT_CURRENT] / made / 3.6;
    state->out[STEADY_PRODUCTION] = made * 3600;
    state->out[STEADY_FLUORIDE] = 0;
}

enum pl_code pot_open(struct pot *p, const struct pot_setup *setup, const struct pot_input *input,
                      struct pl_error **error) {
    *p = (struct pot){.setup = setup, .input = input, .price = NAN};
    p->begun = pot_now(p);
    double now = twin_cell_of(input->model)->set.current;
    if (!(now > 1000)) return pl_error_set(error, PL_RANGE, "no current to speak of: %g A", now);
    double least = now, most = now;
    if (!setup->held[POT_CURRENT]) {
        least = fmax(input->limit[QUANTITY_CURRENT].low * 1000, 0.8 * now);
        most = fmin(input->limit[QUANTITY_CURRENT].high * 1000, 1.2 * now);
        if (!(least <= most)) return pl_error_set(error, PL_RANGE, "%g kA is far outside of its limits", now / 1000);
    }
    enum pl_code code = steady_open(&p->scenario[0], input->model, fmin(least, now), fmax(most, now), error);
    if (code) return code;
    read_state(p);
    find_box(p);
    if (!setup->held[POT_CURRENT]) {
        p->low[POT_CURRENT] = least / 1000;
        p->high[POT_CURRENT] = most / 1000;
    }
    make_scenarios(p);
    double base[POT_VARIABLES];
    for (int j = 0; j < POT_VARIABLES; j++)
        base[j] = isfinite(input->baseline[j]) ? input->baseline[j] : p->from[j];
    struct steady_state state;
    if (!steady_of_pot(p, 0, base, &state, NULL)) as_now(p, &state);
    p->production = state.out[STEADY_PRODUCTION];
    figures(p, &state, NULL, p->by, NULL);
    for (int i = 0; i < 3; i++)
        if (!(p->by[i] > 0)) p->by[i] = 1;
    add_rows(p);
    return PL_OK;
}
