#include "wall.h"

#include <math.h>

enum { ITERATIONS = 200 };
static const double SIGMA = 5.670374419e-8, KELVIN = 273.15;

enum pl_code wall_init(struct stack *stack, const struct wall *w, struct pl_error **error) {
    double floor = fmin(15, w->lining_conductivity);
    struct law lining = law(w->lining_conductivity);
    if (w->lining_slope != 0)
        lining = (struct law){w->lining_conductivity, w->lining_slope, floor, fmax(w->lining_conductivity, 200)};
    struct stack_layer layers[] = {
        {.material = {.density = w->ledge_density,
                      .conductivity = law(w->ledge_conductivity),
                      .capacity = law(w->ledge_capacity),
                      .latent = w->latent,
                      .melts = 1e9, /* its front is where it melts; a bare face may be hotter */
                      .liquid_conductivity = law(w->ledge_conductivity),
                      .liquid_capacity = law(w->ledge_capacity)},
         .thickness = w->ledge,
         .cells = w->ledge_cells},
        {.material = {.density = 2650, .conductivity = lining, .capacity = law(1100)},
         .thickness = w->lining,
         .cells = w->lining_cells,
         .contact = w->contact},
        {.material = {.density = 7850, .conductivity = law(40), .capacity = law(600)},
         .thickness = w->steel,
         .cells = WALL_STEEL_CELLS},
    };
    return stack_init(stack, layers, 3, STACK_PLANE, 0, error);
}

/* What a flux makes of the temperatures, from the left face on; returns that of the right face, and what is left of the
 * flux there behind what cells are given and lose. */
static double follow(const struct stack *s, double face, double *passing, double *t) {
    double flux = *passing;
    double now = face;
    for (int i = 0; i < s->cells; i++) {
        const struct stack_layer *layer = &s->layer[s->of[i]];
        double k = law_at(&layer->material.conductivity, now);
        now -= flux * s->toward[i] / k;
        t[i] = now;
        flux += s->source[i] - stack_lost(s, i, now);
        now -= flux * s->away[i] / law_at(&layer->material.conductivity, now);
        if (i + 1 < s->cells && s->of[i + 1] != s->of[i]) now -= flux * layer->contact;
    }
    *passing = flux;
    return now;
}

static double taken(const struct stack_side *side, double face) {
    double k = face + KELVIN, w = side->walls + KELVIN;
    return side->film * (face - side->temperature) + side->emissivity * SIGMA * (k * k * k * k - w * w * w * w);
}

void wall_steady(const struct stack *s, double face, double *t) {
    double low = -1e6, high = 1e6;
    for (int i = 0; i < ITERATIONS; i++) {
        double flux = 0.5 * (low + high), passing = flux, outer = follow(s, face, &passing, t);
        if (outer > -KELVIN && taken(&s->right, outer) > passing)
            low = flux;
        else
            high = flux;
    }
    follow(s, face, &low, t);
}

double wall_ledge(const struct wall *w, const struct stack_side *air, double freezing, double flux) {
    double low = -KELVIN, high = 3000;
    for (int i = 0; i < ITERATIONS; i++) {
        double middle = 0.5 * (low + high);
        if (taken(air, middle) < flux)
            low = middle;
        else
            high = middle;
    }
    double others = w->lining / w->lining_conductivity + w->contact + w->steel / 40;
    return w->ledge_conductivity * ((freezing - low) / flux - others);
}
