/* alumina_model.c: AluminaTransportModel: dissolved alumina over the area of a cell. */
#include <limits.h>
#include <math.h>
#include <potline/alloc.h>
#include <potline/model.h>

#include "bath.h"
#include "kinetics.h"
#include "models.h"
#include "plane.h"
#include "rows.h"

enum {
    LENGTH,
    WIDTH,
    DEPTH,
    CURRENT,
    EFFICIENCY,
    START,
    FEED,
    SHOT,
    FEEDERS,
    RADIUS,
    SLOW,
    DISSOLUTION,
    MIXING,
    CIRCULATION,
    LOOPS,
    TEMPERATURE,
    EXCESS,
    CALCIUM,
    ANODES,
    ANODE_AREA,
    LAYER,
    ALONG,
    ACROSS,
    TOLERANCE,
    PARAMETERS
};

static const struct pl_model_parameter parameters[] = {
    [LENGTH] = {"length", "m", 9, 0.5, 30, NULL, 0, "Of the bath."},
    [WIDTH] = {"width", "m", 3.6, 0.2, 10, NULL, 0, "Of the bath."},
    [DEPTH] = {"depth", "m", 0.2, 0.02, 1, NULL, 0, "Of the bath, anodes counted as if they were bath."},
    [CURRENT] = ROW_CURRENT,
    [EFFICIENCY] = {"efficiency", "", 0.94, 0, 1, NULL, PL_MODEL_INPUT, "Of the current: the share that makes metal."},
    [START] = {"alumina", "wt%", 2.8, 0, 10, NULL, 0, "Dissolved at the start, everywhere."},
    [FEED] = ROW_FEED("Alumina fed on the mean; 0.0298 is what 180 kA take at 0.94."),
    [SHOT] = {"shot", "kg", 1.8, 0, 100, NULL, 0,
              "One shot; 0, or less than a second's feed: fed evenly, all the time and everywhere."},
    [FEEDERS] = {"feeders", "", 4, 1, 16, NULL, PL_MODEL_WHOLE, "Along the middle; they take turns."},
    [RADIUS] = {"radius", "m", 0.35, 0.05, 5, NULL, 0, "Around a feeder within which a shot lands."},
    [SLOW] = ROW_SLOW("Of a shot that does not dissolve at once."),
    [DISSOLUTION] = ROW_DISSOLUTION(0),
    [MIXING] = {"mixing", "m2/s", 5e-3, 1e-6, 1, NULL, PL_MODEL_INPUT, "Eddy diffusivity."},
    [CIRCULATION] = {"circulation", "m/s", 0.08, 0, 1, NULL, PL_MODEL_INPUT, "The most of the bath's speed."},
    [LOOPS] = {"loops", "", 2, 1, 12, NULL, PL_MODEL_WHOLE, "Vortices side by side along the cell."},
    [TEMPERATURE] = {"temperature", "degC", 960, 850, 1100, NULL, PL_MODEL_INPUT, "Of the bath."},
    [EXCESS] = ROW_EXCESS("AlF3 in excess."),
    [CALCIUM] = ROW_CALCIUM("CaF2."),
    [ANODES] = ROW_ANODES("For the critical current density."),
    [ANODE_AREA] = {"anode_area", "m2", 24.2, 0.1, 200, NULL, 0, "Of all anodes, sides that carry current included."},
    [LAYER] = {"layer", "m", 15e-6, 1e-7, 1e-3, NULL, 0, "Diffusion layer before an anode."},
    [ALONG] = ROW_GRID("cells_along", 24, 2, 400, "Finite volumes along the cell."),
    [ACROSS] = ROW_GRID("cells_across", 8, 1, 100, "Finite volumes across it."),
    [TOLERANCE] = ROW_TOLERANCE(1e-5),
    {.name = NULL},
};

enum {
    MEAN,
    LEAST,
    MOST,
    UNDISSOLVED,
    DISSOLVED,
    CONSUMPTION,
    FED,
    CONSUMED,
    SURFACE,
    RATIO,
    EFFECT,
    SATURATION,
    BALANCE
};
static const struct pl_model_quantity outputs[] = {
    [MEAN] = {"mean", "wt%", "Dissolved alumina, mean of the bath."},
    [LEAST] = {"least", "wt%", "Where there is least."},
    [MOST] = {"most", "wt%", "Where there is most."},
    [UNDISSOLVED] = {"undissolved", "kg", "Alumina in the bath that is not dissolved."},
    [DISSOLVED] = {"dissolved", "kg", "Alumina in the bath that is."},
    [CONSUMPTION] = {"consumption", "kg/s", "That the current asks for."},
    [FED] = {"fed", "kg", "Since the start."},
    [CONSUMED] = {"consumed", "kg", "Since the start."},
    [SURFACE] = {"anode_surface", "wt%", "At an anode's surface where there is least in the bath."},
    [RATIO] = {"critical_ratio", "", "Current density by the critical one, where there is least alumina."},
    [EFFECT] = ROW_EFFECT("1 where that is 1 or more, else 0."),
    [SATURATION] = {"saturation", "wt%", "What the bath can hold."},
    [BALANCE] = ROW_BALANCE("Alumina"),
    {.name = NULL},
};

struct alumina {
    struct plane plane;
    double p[PARAMETERS];
    double next;   /* s: of the next shot */
    double evenly; /* kg: fed without shots */
    double since;  /* s: from when on the feed is what it is */
    int turn;
    double kg_by_percent; /* kg/m3 by wt% */
};

static const double DENSITY = 2100, MOLAR = 0.10196008, KELVIN = 273.15;

static double area(const double *p) {
    return p[LENGTH] * p[WIDTH];
}

/* Shots that come faster than one a second are as good as an even feed. */
static bool by_shots(const double *p) {
    return p[SHOT] > 0 && p[SHOT] >= p[FEED];
}

static double consumption(const double *p) {
    return p[EFFICIENCY] * p[CURRENT] * MOLAR / (6 * KINETICS_FARADAY);
}

static struct bath bath_of(const double *p, double alumina) {
    return (struct bath){.alumina = alumina, .excess = p[EXCESS], .calcium = p[CALCIUM], .t = p[TEMPERATURE]};
}

static void put_inputs(struct alumina *a) {
    const double *p = a->p;
    struct plane *plane = &a->plane;
    struct bath bath = bath_of(p, 0);
    double whole = area(p) * p[DEPTH];
    plane->demand = consumption(p) / whole;
    plane->feed = by_shots(p) ? 0 : p[FEED] / whole;
    plane->saturation = bath_saturation(&bath) * a->kg_by_percent;
    plane->diffusivity = p[MIXING];
    plane->circulation = p[CIRCULATION];
}

static double start(double x, double y, void *context) {
    (void)x, (void)y;
    const struct alumina *a = context;
    return a->p[START] * a->kg_by_percent;
}

static enum pl_code model_open(void **self, const double *p, struct pl_error **error) {
    struct alumina *a = PL_NEW(struct alumina);
    *self = a;
    if (!a) return pl_error_set(error, PL_NO_MEMORY, "no memory for a model");
    for (int i = 0; i < PARAMETERS; i++)
        a->p[i] = p[i];
    a->kg_by_percent = DENSITY / 100;
    a->plane = (struct plane){.nx = (int)p[ALONG],
                              .ny = (int)p[ACROSS],
                              .length = p[LENGTH],
                              .width = p[WIDTH],
                              .depth = p[DEPTH],
                              .loops = (int)p[LOOPS],
                              .dissolution = p[DISSOLUTION],
                              .least = 0.05 * a->kg_by_percent,
                              .tolerance = p[TOLERANCE]};
    put_inputs(a);
    return plane_open(&a->plane, start, a, error);
}

static void model_close(void *self) {
    struct alumina *a = self;
    if (!a) return;
    plane_close(&a->plane);
    pl_free(a);
}

static enum pl_code shoot(struct alumina *a, struct pl_error **error) {
    const double *p = a->p;
    int feeders = (int)p[FEEDERS], turn = a->turn;
    a->turn = (turn + 1) % feeders;
    return plane_shot(&a->plane, p[LENGTH] * (turn + 0.5) / feeders, p[WIDTH] / 2, p[RADIUS], p[SHOT], 1 - p[SLOW],
                      error);
}

static enum pl_code model_advance(void *self, double until, struct pl_error **error) {
    struct alumina *a = self;
    const double *p = a->p;
    enum pl_code code = PL_OK;
    while (!code && by_shots(p) && p[FEED] > 0 && a->next <= until) {
        code = plane_advance(&a->plane, a->next, error);
        if (!code) code = shoot(a, error);
        a->next += fmax(p[SHOT] / p[FEED], 1);
    }
    if (!code) code = plane_advance(&a->plane, until, error);
    double most = plane_fullest(&a->plane);
    if (!code && most > 100 * a->kg_by_percent)
        return pl_error_set(error, PL_RANGE,
                            "at %g s there is %g wt%% alumina in a place, most of it not dissolved: more than the bath",
                            solver_told(a->plane.solver, until), most / a->kg_by_percent);
    return code;
}

static enum pl_code model_set(void *self, unsigned parameter, double value, struct pl_error **error) {
    struct alumina *a = self;
    double now = solver_time(a->plane.solver), before = a->p[FEED];
    a->evenly += a->plane.feed * area(a->p) * a->p[DEPTH] * (now - a->since);
    a->since = now;
    a->p[parameter] = value;
    /* What was already on its way to the next shot counts for it. */
    if (parameter == FEED && value > 0) a->next = before > 0 ? now + (a->next - now) * before / value : now;
    put_inputs(a);
    return plane_restart(&a->plane, error);
}

static void model_allow(void *self, const struct pl_model_allowance *allowance) {
    struct alumina *a = self;
    solver_allow(a->plane.solver, allowance);
}

static long model_effort(void *self) {
    struct alumina *a = self;
    return a->plane.solver ? solver_evaluations(a->plane.solver) : 0;
}

static double carry(struct alumina *a, struct state *s) {
    state_carry_inputs(s, parameters, a->p);
    state_carry(s, &a->next);
    state_carry(s, &a->evenly);
    state_carry(s, &a->since);
    state_carry_whole(s, &a->turn, 0, INT_MAX);
    return plane_carry(&a->plane, s);
}

static size_t model_save(void *self, double *to) {
    struct state s = {.to = to};
    carry(self, &s);
    return s.at;
}

static enum pl_code model_load(void *self, const double *from, size_t count, struct pl_error **error) {
    struct alumina *a = self;
    struct state s = {.from = from, .count = count};
    double t = carry(a, &s);
    enum pl_code code = state_check(&s, "AluminaTransportModel", error);
    if (code) return code;
    put_inputs(a);
    return plane_resume(&a->plane, t, error);
}

static void model_read(void *self, double *out) {
    struct alumina *a = self;
    const double *p = a->p;
    double low, high, by = a->kg_by_percent, whole = area(p) * p[DEPTH];
    plane_range(&a->plane, &low, &high);
    double evenly = a->evenly + a->plane.feed * whole * (solver_time(a->plane.solver) - a->since);
    struct bath bath = bath_of(p, fmax(low / by, 1e-3));
    double density = p[CURRENT] / p[ANODE_AREA], kelvin = p[TEMPERATURE] + KELVIN;
    double critical =
        (5.5 + 0.018 * (kelvin - 1323)) * pow(p[ANODE_AREA] * 1e4 / p[ANODES], -0.1) * (sqrt(bath.alumina) - 0.4);
    out[DISSOLVED] = plane_dissolved(&a->plane);
    out[UNDISSOLVED] = plane_undissolved(&a->plane);
    out[MEAN] = out[DISSOLVED] / whole / by;
    out[LEAST] = fmax(low, 0) / by; /* of none at all, the integration's tolerance is left, on either side */
    out[MOST] = high / by;
    out[CONSUMPTION] = consumption(p);
    out[FED] = a->plane.entered + evenly;
    out[CONSUMED] = plane_taken(&a->plane) + evenly;
    out[SURFACE] =
        fmax(low / by - density * p[LAYER] / (6 * KINETICS_FARADAY * bath_diffusivity(p[TEMPERATURE])) * MOLAR / by, 0);
    out[RATIO] = critical > 0 ? fmin(density / 1e4 / critical, 1e3) : (density > 0 ? 1e3 : 0);
    out[EFFECT] = out[RATIO] >= 1;
    out[SATURATION] = bath_saturation(&bath);
    out[BALANCE] = plane_balance(&a->plane);
}

/* Along the middle, and the means across: what a line of feeders looks like. */
static unsigned model_profile(void *self, unsigned index, double *position, double *value) {
    struct alumina *a = self;
    struct plane *plane = &a->plane;
    unsigned n = 0;
    for (int i = 0; i < plane->nx && n < PL_MODEL_PROFILE_MAX; i++) {
        double sum = 0;
        for (int j = 0; j < plane->ny; j++)
            sum += plane_cell(plane, i, j) / plane->ny;
        double x = (i + 0.5) * plane->length / plane->nx;
        position[n] = x;
        value[n++] = fmax(index == 0 ? plane_at(plane, x, plane->width / 2) : sum, 0) / a->kg_by_percent;
    }
    return n;
}

const struct pl_model twin_alumina_model = {
    PL_MODEL("AluminaTransportModel",
             "Dissolved alumina over the area of a cell: feeders, mixing, consumption, depletion."),
    .doc =
        "Fick's law and a given circulation, averaged over the bath's depth: shots of alumina land around feeders, a "
        "part "
        "dissolves at once and the rest by k m (1 - c/saturation); what is fed where the bath is saturated stays "
        "undissolved, and what is beyond saturation falls out; the current takes Faraday's amount, evenly over the "
        "area. Below 0.05 wt% the demand fades, so that concentrations stay above 0. At an anode Nernst's layer lowers "
        "the "
        "concentration; where the density reaches Haupin's critical one there is an anode effect.\n\n"
        "Assumed: well mixed over the depth, a steady circulation of `loops` vortices, eddy diffusivity alike "
        "everywhere, "
        "current alike everywhere (no redistribution between anodes), walls without flux, no sludge that sinks for "
        "good. "
        "Mixing and circulation are known to a factor of a few only.",
    .parameters = parameters,
    .states = PL_QUANTITIES({"dissolved", "kg/m3", "In each volume."}, {"undissolved", "kg/m3", "In each volume."},
                            {"consumed", "kg", "Since the start."}),
    .outputs = outputs,
    .profiles =
        PL_QUANTITIES({"alumina", "wt%", "Along the middle of the cell."}, {"across", "wt%", "Means across it."}),
    .until = 3600,
    .every = 60,
    .open = model_open,
    .advance = model_advance,
    .set = model_set,
    .read = model_read,
    .profile = model_profile,
    .close = model_close,
    .allow = model_allow,
    .effort = model_effort,
    .save = model_save,
    .load = model_load,
    .cases = twin_alumina_cases,
};
