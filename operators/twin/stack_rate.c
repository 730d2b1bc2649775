/* stack_rate.c: the equations of a stack: heat that flows between cells, through its sides and with its front. */
#include <math.h>

#include "stack.h"

enum { FACE_ITERATIONS = 40 };
static const double SIGMA = 5.670374419e-8, KELVIN = 273.15, HOUR = 3600;

/* How far the moving layer is stretched beyond its thickness at the start. */
static double stretch(const struct stack *s, const double *y) {
    return s->front.is ? y[s->cells] / s->layer[0].thickness : 1;
}

static double conductivity(const struct stack *s, int i) {
    const struct material *m = &s->layer[s->of[i]].material;
    return material_conductivity(m, s->t[i],
                                 m->latent > 0 && !s->front.is ? material_melted(m, s->heat[i] / m->density) : 0);
}

void stack_temperatures(struct stack *s, const double *y) {
    double stretched = stretch(s, y);
    for (int i = 0; i < s->cells; i++) {
        const struct stack_layer *layer = &s->layer[s->of[i]];
        double volume = s->volume[i] * (s->of[i] == 0 ? stretched : 1);
        double heat = y[i] * s->capacity[i] / volume;
        if (heat == s->heat[i]) continue; /* most are as they were while a Jacobian is found */
        s->heat[i] = heat;
        s->t[i] = material_temperature(&layer->material, heat / layer->material.density);
        s->conductivity[i] = conductivity(s, i);
    }
    if (s->front.is) s->front.thickness = y[s->cells];
}

/* The temperature of a face where what a film and radiation take is what comes through a resistance from a cell;
 * by Newton's method, kept between the temperatures around it. W/m2 into the stack. */
static double through_film(const struct stack_side *side, double resistance, double t, double *face) {
    if (side->emissivity == 0 || resistance <= 0) {
        double all = resistance + 1 / side->film;
        double flux = side->film > 0 ? (side->temperature - t) / all : 0;
        *face = t + flux * resistance;
        if (side->emissivity == 0) return flux;
    }
    double walls = side->walls + KELVIN, fourth = walls * walls * walls * walls;
    double low = fmin(t, fmin(side->temperature, side->walls)), high = fmax(t, fmax(side->temperature, side->walls));
    double x = fmin(fmax(*face, low), high);
    if (resistance <= 0) x = t;
    for (int i = 0; i < FACE_ITERATIONS && resistance > 0; i++) {
        double k = x + KELVIN, cubed = k * k * k;
        double wrong = side->film * (side->temperature - x) + side->emissivity * SIGMA * (fourth - cubed * k) +
                       (t - x) / resistance;
        double slope = side->film + 4 * side->emissivity * SIGMA * cubed + 1 / resistance;
        if (wrong > 0)
            low = x;
        else
            high = x;
        double next = x + wrong / slope;
        if (!(next >= low && next <= high)) next = 0.5 * (low + high);
        double moved = fabs(next - x);
        x = next;
        if (moved < 1e-12 * (1 + fabs(x))) break;
    }
    *face = x;
    double k = x + KELVIN;
    return side->film * (side->temperature - x) + side->emissivity * SIGMA * (fourth - k * k * k * k);
}

/* W through a side, into the stack; `resistance` in K/W from the cell beside it. */
static double through_side(const struct stack_side *side, double area, double resistance, double t, double *face) {
    if (!(area > 0)) { /* the axis of a solid cylinder */
        *face = t;
        return 0;
    }
    switch (side->kind) {
    case STACK_FLUX: *face = t + side->flux * area * resistance; return side->flux * area;
    case STACK_TEMPERATURE: *face = side->temperature; return (side->temperature - t) / resistance;
    case STACK_FILM: break;
    }
    return area * through_film(side, resistance * area, t, face);
}

/* What comes through the front's face, and how fast the front grows. */
static double through_front(struct stack *s, double resistance) {
    struct stack_front *front = &s->front;
    if (front->bare) {
        struct stack_side melt = {.kind = STACK_FILM, .temperature = front->melt, .film = front->film};
        front->speed = 0;
        return through_side(&melt, 1, resistance, s->t[0], &s->left_face);
    }
    const struct material *m = &s->layer[0].material;
    double inward = (front->freezing - s->t[0]) / resistance;
    s->left_face = front->freezing;
    front->speed = (inward - front->film * (front->melt - front->freezing)) / (m->density * m->latent);
    return inward;
}

static void find_fluxes(struct stack *s, double stretched) {
    int last = s->cells - 1;
    double half = s->toward[0] * (s->front.is ? stretched : 1) / s->conductivity[0];
    s->flux[0] =
        s->front.is ? through_front(s, half) : through_side(&s->left, s->area[0], half, s->t[0], &s->left_face);
    double before = s->conductivity[0];
    for (int i = 0; i < last; i++) {
        double k = s->conductivity[i + 1];
        double resistance = s->away[i] * (s->of[i] == 0 ? stretched : 1) / before +
                            s->toward[i + 1] * (s->of[i + 1] == 0 ? stretched : 1) / k;
        if (s->of[i] != s->of[i + 1]) resistance += s->layer[s->of[i]].contact / s->area[i + 1];
        s->flux[i + 1] = (s->t[i] - s->t[i + 1]) / resistance;
        before = k;
    }
    double end = s->away[last] * (s->of[last] == 0 ? stretched : 1) / before;
    s->flux[last + 1] = -through_side(&s->right, s->area[last + 1], end, s->t[last], &s->right_face);
}

/* W that faces carry to the left as they move away from the fixed one. */
static double swept(const struct stack *s, int face) {
    const struct material *m = &s->layer[0].material;
    double speed = s->share[face] * s->front.speed;
    if (face == 0) return speed * m->density * material_enthalpy(m, s->front.freezing);
    if (face >= s->layer[0].cells) return 0;
    double left = s->volume[face - 1], right = s->volume[face];
    return speed * (s->heat[face - 1] * right + s->heat[face] * left) / (left + right);
}

double stack_lost(const struct stack *s, int i, double t) {
    double above = t - s->loss_to, linear = s->loss[i] * above;
    return s->loss_power > 0 ? linear * pow(fabs(above) / s->loss_rise, s->loss_power) : linear;
}

int stack_rate(struct stack *s, const double *y, double *rate) {
    if (s->front.is && !(y[s->cells] > 0.1 * s->front.least)) return 1;
    stack_temperatures(s, y);
    double stretched = stretch(s, y);
    find_fluxes(s, stretched);
    double carried = s->front.is ? swept(s, 0) : 0, sum = 0;
    for (int i = 0; i < s->cells; i++) {
        double power = s->flux[i] - s->flux[i + 1] + s->source[i] - stack_lost(s, i, s->t[i]);
        if (s->front.is && s->of[i] == 0) {
            double next = swept(s, i + 1);
            power += carried - next;
            carried = next;
        }
        rate[i] = power / s->capacity[i];
        sum += rate[i];
    }
    if (s->front.is) rate[s->cells] = s->front.speed;
    return isfinite(sum) ? 0 : 1;
}

/* How fast a front would grow at its face's freezing point, and the temperature of a face without one. */
static double would_grow(const struct stack *s, const double *y, double *bare_face) {
    const struct stack_front *front = &s->front;
    const struct material *m = &s->layer[0].material;
    double half = s->toward[0] * stretch(s, y) / s->conductivity[0];
    struct stack_side melt = {.kind = STACK_FILM, .temperature = front->melt, .film = front->film};
    *bare_face = front->melt;
    through_side(&melt, 1, half, s->t[0], bare_face);
    double inward = (front->freezing - s->t[0]) / half;
    return (inward - front->film * (front->melt - front->freezing)) / (m->density * m->latent);
}

/* 0: a front at its least thickness melts on; 1: a bare face comes to the freezing point. A front that has just come
 * back is as thick as the least one, so the thickness alone does not tell. */
void stack_events(struct stack *s, const double *y, double *value) {
    stack_temperatures(s, y);
    double face, growth = would_grow(s, y, &face);
    double thickness = (y[s->cells] - s->front.least) / s->front.least;
    value[0] = s->front.bare ? 1 : fmax(thickness, growth * HOUR / s->front.least);
    value[1] = s->front.bare ? face - s->front.freezing : 1;
}

bool stack_switch(struct stack *s, const double *y) {
    double value[STACK_EVENTS];
    stack_events(s, y, value);
    bool bare = s->front.bare ? value[1] > 1e-6 : value[0] < 1e-9;
    bool changed = bare != s->front.bare;
    s->front.bare = bare;
    return changed;
}
