/* fourier_model.c: FourierHeatModel: transient conduction in a slab or a cylinder. */
#include <math.h>
#include <potline/model.h>

#include "layered.h"
#include "models.h"
#include "rows.h"

enum {
    SHAPE,
    LENGTH,
    INNER_RADIUS,
    CELLS,
    CONDUCTIVITY,
    CONDUCTIVITY_SLOPE,
    DENSITY,
    CAPACITY,
    CAPACITY_SLOPE,
    INITIAL,
    SOURCE,
    LEFT,
    LEFT_FLUX,
    LEFT_TEMPERATURE,
    LEFT_FILM,
    RIGHT,
    RIGHT_FLUX,
    RIGHT_TEMPERATURE,
    RIGHT_FILM,
    EMISSIVITY,
    WALLS,
    SIDE_LOSS,
    AMBIENT,
    TOLERANCE,
    PARAMETERS
};

static const char *const shapes[] = {"slab", "cylinder", NULL};
static const char *const sides[] = {"flux", "temperature", "film", NULL};

static const struct pl_model_parameter parameters[] = {
    [SHAPE] = {"shape", "", 0, 0, 1, shapes, 0,
               "A slab between two faces, or a hollow cylinder from its inner face out."},
    [LENGTH] = {"length", "m", 0.1, 1e-6, 100, NULL, 0, "From the left face to the right one."},
    [INNER_RADIUS] = {"inner_radius", "m", 0, 0, 100, NULL, 0,
                      "Of a cylinder's left face; 0: it is solid, and has no such face."},
    [CELLS] = ROW_GRID("cells", 50, 2, STACK_CELLS, "Finite volumes."),
    [CONDUCTIVITY] = {"conductivity", "W/m/K", 1.5, 1e-4, 1000, NULL, 0, "At 0 deg C."},
    [CONDUCTIVITY_SLOPE] = {"conductivity_slope", "W/m/K2", 0, -1, 1, NULL, 0, "Its change by kelvin."},
    [DENSITY] = {"density", "kg/m3", 2800, 1e-3, 30000, NULL, 0, "Of the material."},
    [CAPACITY] = {"capacity", "J/kg/K", 1320, 1, 20000, NULL, 0, "Specific heat at 0 deg C."},
    [CAPACITY_SLOPE] = {"capacity_slope", "J/kg/K2", 0, -10, 10, NULL, 0, "Its change by kelvin."},
    [INITIAL] = {"initial", "degC", 100, -200, 3000, NULL, 0, "Temperature at the start, everywhere."},
    [SOURCE] = {"source", "W/m3", 0, -1e12, 1e12, NULL, PL_MODEL_INPUT, "Heat set free in the material."},
    [LEFT] = {"left", "", 1, 0, 2, sides, 0, "What is known at the left face."},
    [LEFT_FLUX] = {"left_flux", "W/m2", 0, -1e9, 1e9, NULL, PL_MODEL_INPUT, "Into the material, where left=flux."},
    [LEFT_TEMPERATURE] = {"left_temperature", "degC", 600, -273, 5000, NULL, PL_MODEL_INPUT,
                          "Of the face (left=temperature), or of the fluid before it (left=film)."},
    [LEFT_FILM] = {"left_film", "W/m2/K", 1000, 0, 1e6, NULL, PL_MODEL_INPUT, "Film coefficient, where left=film."},
    [RIGHT] = {"right", "", 2, 0, 2, sides, 0, "What is known at the right face."},
    [RIGHT_FLUX] = {"right_flux", "W/m2", 0, -1e9, 1e9, NULL, PL_MODEL_INPUT, "Into the material, where right=flux."},
    [RIGHT_TEMPERATURE] = {"right_temperature", "degC", 35, -273, 5000, NULL, PL_MODEL_INPUT,
                           "Of the face (right=temperature), or of the fluid behind it (right=film)."},
    [RIGHT_FILM] = {"right_film", "W/m2/K", 10, 0, 1e6, NULL, PL_MODEL_INPUT, "Film coefficient, where right=film."},
    [EMISSIVITY] = {"emissivity", "", 0, 0, 1, NULL, 0, "Of the right face, where right=film; 0: no radiation."},
    [WALLS] = {"walls", "degC", 35, -273, 3000, NULL, PL_MODEL_INPUT, "What the right face radiates to."},
    [SIDE_LOSS] = {"side_loss", "W/m3/K", 0, 0, 1e9, NULL, PL_MODEL_INPUT,
                   "Loss along the way by volume: film times perimeter by cross-section of a fin."},
    [AMBIENT] = {"ambient", "degC", 35, -273, 3000, NULL, PL_MODEL_INPUT, "What it is lost to."},
    [TOLERANCE] = ROW_TOLERANCE(1e-6),
    {.name = NULL},
};

enum { LEFT_FACE, RIGHT_FACE, MEAN, HIGHEST, LOWEST, LEFT_INTO, RIGHT_INTO, HEAT, BALANCE };
static const struct pl_model_quantity outputs[] = {
    [LEFT_FACE] = {"left_face", "degC", "Temperature of the left face."},
    [RIGHT_FACE] = {"right_face", "degC", "Temperature of the right face."},
    [MEAN] = {"mean", "degC", "Mean by volume."},
    [HIGHEST] = {"highest", "degC", "Of all cells."},
    [LOWEST] = {"lowest", "degC", "Of all cells."},
    [LEFT_INTO] = {"left_into", "W/m2", "Flux into the left face (of a cylinder: W by m length)."},
    [RIGHT_INTO] = {"right_into", "W/m2", "Flux into the right face (of a cylinder: W by m length)."},
    [HEAT] = {"heat", "J/m2", "Taken up since the start (of a cylinder: J by m length)."},
    [BALANCE] = ROW_BALANCE("Heat"),
    {.name = NULL},
};

static struct stack_side side_of(const double *p, int kind, int flux, int temperature, int film) {
    return (struct stack_side){
        .kind = (enum stack_kind)p[kind], .flux = p[flux], .temperature = p[temperature], .film = p[film]};
}

/* All of the stack that inputs may change. */
static void put_inputs(struct layered *l) {
    const double *p = l->p;
    struct stack *s = &l->c.stack;
    s->left = side_of(p, LEFT, LEFT_FLUX, LEFT_TEMPERATURE, LEFT_FILM);
    s->right = side_of(p, RIGHT, RIGHT_FLUX, RIGHT_TEMPERATURE, RIGHT_FILM);
    s->right.emissivity = s->right.kind == STACK_FILM ? p[EMISSIVITY] : 0;
    s->right.walls = p[WALLS];
    s->loss_to = p[AMBIENT];
    for (int i = 0; i < s->cells; i++) {
        s->source[i] = p[SOURCE] * s->volume[i];
        s->loss[i] = p[SIDE_LOSS] * s->volume[i];
    }
}

static struct law line(double at0, double slope, double low) {
    return slope == 0 ? law(at0) : (struct law){.at0 = at0, .slope = slope, .low = low, .high = 1e6};
}

/* No solid or melt is hotter than this (deg C): tungsten boils. */
static const double COLDEST = -273.15, HOTTEST = 6000;

static enum pl_code set_up(struct layered *l, struct pl_error **error) {
    const double *p = l->p;
    l->c.coldest = COLDEST;
    l->c.hottest = HOTTEST;
    struct stack_layer layer = {.thickness = p[LENGTH],
                                .cells = (int)p[CELLS],
                                .material = {.density = p[DENSITY],
                                             .conductivity = line(p[CONDUCTIVITY], p[CONDUCTIVITY_SLOPE], 1e-4),
                                             .capacity = line(p[CAPACITY], p[CAPACITY_SLOPE], 1)}};
    struct stack *s = &l->c.stack;
    enum pl_code code = stack_init(s, &layer, 1, (enum stack_shape)p[SHAPE], p[INNER_RADIUS], error);
    if (code) return code;
    put_inputs(l);
    for (int i = 0; i < s->cells; i++)
        s->t[i] = p[INITIAL];
    return PL_OK;
}

static enum pl_code model_open(void **self, const double *p, struct pl_error **error) {
    static const struct layered_kind kind = {"FourierHeatModel", parameters, set_up, put_inputs};
    return layered_open(self, &kind, p, error);
}

static void model_read(void *self, double *out) {
    struct layered *l = self;
    struct stack *s = &l->c.stack;
    const double *y = conduction_cells(&l->c);
    out[LEFT_FACE] = s->left_face;
    out[RIGHT_FACE] = s->right_face;
    out[HIGHEST] = out[LOWEST] = s->t[0];
    double sum = 0, volume = 0;
    for (int i = 0; i < s->cells; i++) {
        out[HIGHEST] = fmax(out[HIGHEST], s->t[i]);
        out[LOWEST] = fmin(out[LOWEST], s->t[i]);
        sum += s->t[i] * s->volume[i];
        volume += s->volume[i];
    }
    out[MEAN] = sum / volume;
    out[LEFT_INTO] = s->flux[0];
    out[RIGHT_INTO] = -s->flux[s->cells];
    out[HEAT] = stack_heat(s, y) - l->c.begun;
    out[BALANCE] = conduction_balance(&l->c);
}

const struct pl_model twin_fourier_model = {
    PL_MODEL("FourierHeatModel", "Transient heat conduction in a slab or a cylinder."),
    .doc =
        "Fourier's law in one dimension: rho c(T) dT/dt = div(k(T) grad T) + source - side_loss (T - ambient). "
        "Conductivity and specific heat are straight lines in the temperature. Either face has a given flux, a given "
        "temperature or a film, the right one with radiation besides.\n\n"
        "Assumed: no flow, no phase change, constant density, properties alike in all directions, both faces uniform "
        "over their area. Faces at x = 0 (left) and x = length (right). A run ends where it would be below absolute "
        "zero "
        "or hotter than 6000 degC.",
    .parameters = parameters,
    .states = PL_QUANTITIES(ROW_HEAT_CONTENT, {"heat passed", "J", "Through each face."}),
    .outputs = outputs,
    .profiles = PL_QUANTITIES({"temperature", "degC", "From the left face on."}),
    .until = 3600,
    .every = 60,
    .open = model_open,
    .read = model_read,
    LAYERED_MODEL,
    .cases = twin_fourier_cases,
    .experiments = twin_fourier_experiments,
};
