#include "steady.h"

#include <math.h>
#include <string.h>

#include "models.h"
#include "wall.h"

enum { UNKNOWNS = 2, ALL = UNKNOWNS + STEADY_INPUTS, NEWTON_STEPS = 40, LINING_STEPS = 6 };
enum { SUPERHEAT, MASS };
static const double SIGMA = 5.670374419e-8, KELVIN = 273.15;
static const double CONTACT = 4e-4, STEEL = 0.012 / 40; /* m2 K/W: between lining and shell, and of the shell */
static const double COLDEST = 900, HOTTEST = 1030;      /* deg C: of the lining's nodes */

/* ---- The lining ---- */

/* W out of the bath, as warm as `t`, into a lining whose blocks get `cathode` W. */
static double bottom_loss(struct stack *s, const struct cell_setup *set, double t, double cathode) {
    double flux = 0, film = s->left.film, k0 = 0;
    for (int i = 0; i < s->cells && s->of[i] == 0; i++)
        s->source[i] = cathode / set->bottom_area * s->volume[i] / s->layer[0].thickness;
    for (int i = 0; i < LINING_STEPS; i++) {
        double face = t - flux / film;
        wall_steady(s, face, s->t);
        k0 = law_at(&s->layer[0].material.conductivity, face);
        flux = (face - s->t[0]) * k0 / s->toward[0];
    }
    return flux * set->bottom_area;
}

static double node(double low, double high, double i) {
    return low + (high - low) * i / (STEADY_NODES - 1);
}

/* Lagrange's parabola through three. */
static double parabola(const double *value, double u) {
    return value[0] * (u - 1) * (u - 2) / 2 - value[1] * u * (u - 2) + value[2] * u * (u - 1) / 2;
}

static double bottom_at(const struct steady *s, double t, double cathode) {
    double row[STEADY_NODES], u = (t - s->low) / (s->high - s->low) * (STEADY_NODES - 1);
    double v = s->strong > s->weak ? (cathode - s->weak) / (s->strong - s->weak) * (STEADY_NODES - 1) : 0;
    for (int i = 0; i < STEADY_NODES; i++)
        row[i] = parabola(s->bottom[i], v);
    return parabola(row, u);
}

static enum pl_code tabulate_lining(struct steady *s, const double *values, double least, double most,
                                    struct pl_error **error) {
    double v[LINING_PARAMETERS];
    struct stack lining = {0};
    const struct cell_setup *set = &s->cell.set;
    for (int k = 0; k < LINING_PARAMETERS; k++)
        v[k] = lining_parameters()[k].fallback;
    v[LINING_METAL] = 960;
    v[LINING_AMBIENT] = s->ambient;
    v[LINING_CELLS] = values[twin_cell_row("ledge_cells")];
    enum pl_code code = lining_stack(&lining, v, error);
    if (code) return code;
    lining.loss[lining.layer[0].cells - 1] = (set->bars + set->edges) / set->bottom_area;
    s->low = COLDEST;
    s->high = HOTTEST;
    s->weak = set->cathode_share * least * least * set->voltage.cathode;
    s->strong = set->cathode_share * most * most * set->voltage.cathode;
    for (int i = 0; i < STEADY_NODES; i++)
        for (int k = 0; k < STEADY_NODES; k++)
            s->bottom[i][k] = bottom_loss(&lining, set, node(s->low, s->high, i), node(s->weak, s->strong, k));
    for (double i = 0.5; i < STEADY_NODES - 1; i++) {
        double t = node(s->low, s->high, i), cathode = node(s->weak, s->strong, i);
        double off = fabs(bottom_at(s, t, cathode) - bottom_loss(&lining, set, t, cathode));
        s->lining_error = fmax(s->lining_error, off);
    }
    stack_fini(&lining);
    return PL_OK;
}

/* ---- Equations ---- */

/* deg C of a shell that gives off a flux to the air around it. */
static double shell_of(const struct steady *s, double flux) {
    double t = s->ambient + flux / (s->shell_film + 20), walls = s->ambient + KELVIN;
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double k = t + KELVIN,
               given = s->shell_film * (t - s->ambient) + 0.8 * SIGMA * (k * k * k * k - walls * walls * walls * walls);
        double step = (given - flux) / (s->shell_film + 3.2 * SIGMA * k * k * k);
        t -= step;
        if (fabs(step) < 1e-10) break;
    }
    return t;
}

/* Residuals (MW, t) and outputs for unknowns and inputs. False: beyond what the equations mean. */
static bool evaluate(struct steady *s, const double *z, const double *x, double *residual, double *out) {
    struct cell *c = &s->cell;
    struct cell_setup *set = &c->set;
    double other = set->calcium + set->lithium + set->magnesium, mass = z[MASS], superheat = z[SUPERHEAT];
    if (!(superheat > 0.01) || !(mass > 2 * other) || !(x[STEADY_CURRENT] > 0) || !(x[STEADY_ALUMINA] > 0.01))
        return false;
    set->distance = x[STEADY_DISTANCE] * 100;
    set->current = x[STEADY_CURRENT];
    s->y[CELL_ALUMINA] = x[STEADY_ALUMINA] / 100 * mass;
    s->y[CELL_FLUORIDE] = x[STEADY_EXCESS] / 100 * mass;
    s->y[CELL_CRYOLITE] = mass - other - s->y[CELL_ALUMINA] - s->y[CELL_FLUORIDE];
    double liquidus = cell_liquidus(c, s->y), t = liquidus + superheat;
    s->y[CELL_HEAT] = (t - c->zero) * cell_capacity(c, s->y) * 1e-6;
    cell_flows(c, s->y);
    const struct cell_flows *f = &c->flows;
    double side = 0, frozen = 0, hottest = 0;
    for (int k = 0; k < CELL_WALLS; k++) {
        double flux = set->film[k] * superheat, shell = shell_of(s, flux);
        double ledge = s->ledge_k * ((liquidus - shell) / flux - s->others);
        out[STEADY_LEDGE_BATH + k] = ledge;
        side += set->wall_area[k] * flux;
        frozen += set->wall_area[k] * s->density * ledge;
        hottest = fmax(hottest, shell);
    }
    double cathode = set->cathode_share * set->current * f->voltage.cathode;
    double enthalpy = (0.48 + 1.65 * f->efficiency) * set->current;
    double heat = set->current * (f->u - f->voltage.external) - enthalpy - cathode -
                  set->metal_capacity * (t - c->zero) * f->made - set->top * (t - set->gas) - side -
                  bottom_at(s, t, cathode);
    residual[SUPERHEAT] = heat * 1e-6;
    residual[MASS] = (s->y[CELL_CRYOLITE] + frozen - s->cryolite) * 1e-3;
    out[STEADY_TEMPERATURE] = t;
    out[STEADY_SUPERHEAT] = superheat;
    out[STEADY_SHELL] = hottest;
    out[STEADY_BATH] = mass;
    out[STEADY_VOLTAGE] = f->u;
    out[STEADY_EFFICIENCY] = f->efficiency;
    out[STEADY_ENERGY] = f->u * set->current / f->made / 3600;
    out[STEADY_PRODUCTION] = f->made * 3600;
    out[STEADY_USED] = f->taken * 3600;
    out[STEADY_FLUORIDE] = f->taken * 3600 * (set->fluoride_loss + x[STEADY_EXCESS] / 100 * set->cryolite_gain);
    out[STEADY_POWER] = f->u * set->current / 1000;
    out[STEADY_MARGIN] = f->voltage.margin;
    return isfinite(heat) && isfinite(mass);
}

/* By all of (unknowns, inputs): slopes of residuals and outputs. */
static bool differences(struct steady *s, const double *all, double residual[UNKNOWNS][ALL],
                        double out[STEADY_OUTPUTS][ALL], int count) {
    static const double step[ALL] = {1e-3, 1, 1e-6, 1e-4, 1e-4, 10}; /* K, kg, m, wt%, wt%, A */
    double x[ALL], r[2][UNKNOWNS], o[2][STEADY_OUTPUTS];
    memcpy(x, all, sizeof x);
    for (int j = 0; j < count; j++) {
        for (int k = 0; k < 2; k++) {
            x[j] = all[j] + (k ? step[j] : -step[j]);
            if (!evaluate(s, x, x + UNKNOWNS, r[k], o[k])) return false;
        }
        x[j] = all[j];
        for (int i = 0; i < UNKNOWNS; i++)
            residual[i][j] = (r[1][i] - r[0][i]) / (2 * step[j]);
        for (int i = 0; i < STEADY_OUTPUTS && out; i++)
            out[i][j] = (o[1][i] - o[0][i]) / (2 * step[j]);
    }
    return true;
}

static void solve_two(double a[UNKNOWNS][ALL], const double *b, double *x) {
    double d = a[0][0] * a[1][1] - a[0][1] * a[1][0];
    x[0] = (b[0] * a[1][1] - b[1] * a[0][1]) / d;
    x[1] = (a[0][0] * b[1] - a[1][0] * b[0]) / d;
}

/* Newton's method; a step that leaves what the equations mean is shortened. */
static bool find(struct steady *s, double *all, double *out) {
    double r[UNKNOWNS], slope[UNKNOWNS][ALL], step[UNKNOWNS];
    if (!evaluate(s, all, all + UNKNOWNS, r, out)) return false;
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double rest = fabs(r[0]) + fabs(r[1]);
        if (rest < 1e-11) return true;
        if (!differences(s, all, slope, NULL, UNKNOWNS)) return false;
        solve_two(slope, r, step);
        double share = 1, tried[ALL], now[UNKNOWNS];
        memcpy(tried, all, sizeof tried);
        for (; share > 1e-4; share *= 0.5) {
            tried[SUPERHEAT] = all[SUPERHEAT] - share * step[SUPERHEAT];
            tried[MASS] = all[MASS] - share * step[MASS];
            if (evaluate(s, tried, tried + UNKNOWNS, now, out) && fabs(now[0]) + fabs(now[1]) < rest) break;
        }
        if (share <= 1e-4) return rest < 1e-8;
        memcpy(all, tried, sizeof tried);
        memcpy(r, now, sizeof now);
    }
    return fabs(r[0]) + fabs(r[1]) < 1e-8;
}

bool steady_at(struct steady *s, const struct steady_point *point, struct steady_state *state,
               double slope[STEADY_OUTPUTS][STEADY_INPUTS]) {
    const double begins[] = {s->begin[SUPERHEAT], 9, 14, 20, 30, 5}; /* K: where Newton's way may fail from one */
    double all[ALL], r[UNKNOWNS][ALL], o[STEADY_OUTPUTS][ALL];
    bool found = false;
    memcpy(all + UNKNOWNS, point->in, sizeof point->in);
    for (unsigned i = 0; i < PL_COUNT_OF(begins) && !found; i++) {
        all[SUPERHEAT] = begins[i];
        all[MASS] = s->begin[MASS];
        found = find(s, all, state->out);
    }
    if (!found) return false;
    if (!slope) return true;
    if (!differences(s, all, r, o, ALL)) return false;
    for (int j = 0; j < STEADY_INPUTS; j++) {
        const double by[UNKNOWNS] = {-r[0][UNKNOWNS + j], -r[1][UNKNOWNS + j]};
        double dz[UNKNOWNS];
        solve_two(r, by, dz);
        for (int i = 0; i < STEADY_OUTPUTS; i++)
            slope[i][j] = o[i][UNKNOWNS + j] + o[i][SUPERHEAT] * dz[SUPERHEAT] + o[i][MASS] * dz[MASS];
    }
    return true;
}

/* ---- From a model ---- */

enum pl_code steady_open(struct steady *s, void *model, double least, double most, struct pl_error **error) {
    struct cell *from = twin_cell_of(model);
    const double *values = twin_cell_values(model);
    cell_read(from);
    const struct cell_flows *f = &from->flows;
    *s = (struct steady){.cell = {.set = from->set, .zero = from->zero},
                         .ledge_k = values[twin_cell_row("ledge_conductivity")],
                         .others = values[twin_cell_row("lining")] / values[twin_cell_row("lining_conductivity")] +
                                   CONTACT + STEEL,
                         .shell_film = values[twin_cell_row("shell_film")],
                         .ambient = values[twin_cell_row("ambient")],
                         .density = from->wall[0].layer[0].material.density};
    s->cell.set.drift = s->cell.set.cold = 0;
    const double *y = solver_state(from->solver);
    s->y[CELL_METAL] = y[CELL_METAL];
    s->cryolite = y[CELL_CRYOLITE];
    for (int k = 0; k < CELL_WALLS; k++)
        s->cryolite += s->cell.set.wall_area[k] * s->density * from->wall[k].front.thickness;
    s->begin[SUPERHEAT] = fmin(fmax(f->bath.t - f->liquidus, 3), 20);
    s->begin[MASS] = f->bath_mass;
    return tabulate_lining(s, values, least, most, error);
}
