/* stack.c: the grid of a stack, its life and what is read from it; stack_rate.c is its equations. */
#include "stack.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

static const double TURN = 6.283185307179586;

/* ---- Grid ---- */

static enum pl_code check_layers(const struct stack_layer *layers, int count, struct pl_error **error) {
    if (count < 1 || count > STACK_LAYERS)
        return pl_error_set(error, PL_RANGE, "%d layers: 1 to %d are possible", count, STACK_LAYERS);
    for (int i = 0; i < count; i++) {
        if (!(layers[i].thickness > 0)) return pl_error_set(error, PL_RANGE, "layer %d has no thickness", i + 1);
        if (layers[i].cells < 1) return pl_error_set(error, PL_RANGE, "layer %d has no cells", i + 1);
    }
    return PL_OK;
}

static bool take_memory(struct stack *s) {
    size_t n = (size_t)s->cells, faces = n + 1;
    struct {
        double **array;
        size_t count;
    } arrays[] = {{&s->volume, n},    {&s->toward, n},   {&s->away, n},     {&s->area, faces},    {&s->place, n},
                  {&s->share, faces}, {&s->edge, faces}, {&s->capacity, n}, {&s->source, n},      {&s->loss, n},
                  {&s->flux, faces},  {&s->t, n},        {&s->heat, n},     {&s->conductivity, n}};
    size_t total = 0;
    for (unsigned i = 0; i < PL_COUNT_OF(arrays); i++)
        total += arrays[i].count;
    s->memory = pl_alloc(total * sizeof *s->memory);
    s->of = pl_alloc(n);
    if (!s->memory || !s->of) return false;
    double *at = s->memory;
    for (unsigned i = 0; i < PL_COUNT_OF(arrays); i++) {
        *arrays[i].array = at;
        at += arrays[i].count;
    }
    return true;
}

static double first_width(const struct stack_layer *layer) {
    double growth = layer->growth > 0 ? layer->growth : 1;
    if (fabs(growth - 1) < 1e-9) return layer->thickness / layer->cells;
    return layer->thickness * (growth - 1) / (pow(growth, layer->cells) - 1);
}

/* A cell between two distances from the left face. */
static void place_cell(struct stack *s, int i, double from, double to) {
    double middle = 0.5 * (from + to);
    s->place[i] = middle;
    s->edge[i] = from;
    s->edge[i + 1] = to;
    if (s->shape == STACK_PLANE) {
        s->volume[i] = to - from;
        s->toward[i] = middle - from;
        s->away[i] = to - middle;
        s->area[i] = s->area[i + 1] = 1;
        return;
    }
    double r0 = s->inner_radius + from, r1 = s->inner_radius + to, r = s->inner_radius + middle;
    s->volume[i] = 0.5 * TURN * (r1 * r1 - r0 * r0);
    s->toward[i] = r0 > 0 ? log(r / r0) / TURN : 0;
    s->away[i] = log(r1 / r) / TURN;
    s->area[i] = TURN * r0;
    s->area[i + 1] = TURN * r1;
}

static void make_grid(struct stack *s) {
    double from = 0;
    for (int l = 0, i = 0; l < s->layers; l++) {
        const struct stack_layer *layer = &s->layer[l];
        double width = first_width(layer), begun = from;
        for (int k = 0; k < layer->cells; k++, i++) {
            double to = k + 1 == layer->cells ? begun + layer->thickness : from + width;
            s->of[i] = (unsigned char)l;
            s->share[i] = l == 0 ? 1 - (from - begun) / layer->thickness : 0;
            place_cell(s, i, from, to);
            from = to;
            width *= layer->growth > 0 ? layer->growth : 1;
        }
    }
    s->share[s->cells] = 0;
}

enum pl_code stack_init(struct stack *s, const struct stack_layer *layers, int count, enum stack_shape shape,
                        double inner_radius, struct pl_error **error) {
    *s = (struct stack){.layers = count, .shape = shape, .inner_radius = inner_radius};
    enum pl_code code = check_layers(layers, count, error);
    if (code) return code;
    memcpy(s->layer, layers, (size_t)count * sizeof *layers);
    for (int i = 0; i < count; i++)
        s->cells += layers[i].cells;
    if (s->cells > STACK_CELLS)
        return pl_error_set(error, PL_LIMIT, "%d cells: %d are possible", s->cells, STACK_CELLS);
    if (!take_memory(s)) return pl_error_set(error, PL_NO_MEMORY, "no memory for %d cells", s->cells);
    for (int i = 0; i < s->cells; i++)
        s->heat[i] = NAN;
    make_grid(s);
    return PL_OK;
}

void stack_fini(struct stack *s) {
    pl_free(s->memory);
    pl_free(s->of);
    s->memory = NULL;
    s->of = NULL;
}

void stack_front(struct stack *s, double film, double melt, double freezing, double least, double most) {
    s->front = (struct stack_front){.is = true,
                                    .film = film,
                                    .melt = melt,
                                    .freezing = freezing,
                                    .least = least,
                                    .most = most,
                                    .reference = material_enthalpy(&s->layer[0].material, freezing) +
                                                 s->layer[0].material.latent,
                                    .thickness = s->layer[0].thickness};
}

int stack_unknowns(const struct stack *s) {
    return s->cells + s->front.is;
}

/* ---- States ---- */

void stack_start_profile(struct stack *s, double *y, const double *t) {
    for (int i = 0; i < s->cells; i++) {
        const struct material *m = &s->layer[s->of[i]].material;
        double capacity = m->density * s->volume[i];
        s->capacity[i] = capacity * law_at(&m->capacity, t[i]);
        y[i] = capacity * material_enthalpy(m, t[i]) / s->capacity[i];
    }
    if (s->front.is) y[s->cells] = s->layer[0].thickness;
}

void stack_start(struct stack *s, double *y, double (*at)(double place, void *context), void *context) {
    for (int i = 0; i < s->cells; i++)
        s->t[i] = at(s->place[i], context);
    stack_start_profile(s, y, s->t);
}

double stack_heat(const struct stack *s, const double *y) {
    double sum = 0;
    for (int i = 0; i < s->cells; i++)
        sum += y[i] * s->capacity[i];
    if (!s->front.is) return sum;
    return sum - y[s->cells] * s->layer[0].material.density * s->front.reference;
}

/* The heat of a layer's cells goes from grid to grid by their volumes. */
static void carry_layer(struct stack *s, struct state *state, double *y, int first, int cells) {
    int count = cells;
    double volume[STACK_CELLS], heat[STACK_CELLS], here[STACK_CELLS];
    state_carry_whole(state, &count, 1, STACK_CELLS);
    for (int i = 0; i < count && !state_loads(state); i++) {
        volume[i] = s->volume[first + i];
        heat[i] = y[first + i] * s->capacity[first + i];
    }
    state_carry_all(state, volume, (size_t)count);
    state_carry_all(state, heat, (size_t)count);
    for (int i = 0; i < count; i++)
        state->bad = state->bad || !(volume[i] > 0);
    if (!state_loads(state) || state->bad) return;
    state_spread(volume, heat, count, s->volume + first, here, cells);
    for (int i = 0; i < cells; i++)
        y[first + i] = here[i] / s->capacity[first + i];
}

void stack_carry(struct stack *s, struct state *state, double *y) {
    for (int l = 0, first = 0; l < s->layers; first += s->layer[l++].cells)
        carry_layer(s, state, y, first, s->layer[l].cells);
    if (!s->front.is) return;
    state_carry_flag(state, &s->front.bare);
    state_carry(state, &s->front.reference);
    state_carry(state, &y[s->cells]);
    state->bad = state->bad || !(y[s->cells] > 0);
}

/* By the film, and with what freezes onto it: hotter melt than at the start brings more. */
double stack_from_melt(const struct stack *s) {
    const struct stack_front *front = &s->front;
    if (front->bare) return s->flux[0];
    const struct material *m = &s->layer[0].material;
    double brought = material_enthalpy(m, front->freezing) + m->latent - front->reference;
    return front->film * (front->melt - front->freezing) + m->density * front->speed * brought;
}

/* Each cell depends on its neighbours; those of a layer that moves also on its thickness and on what moves it. */
void stack_pattern(const struct stack *s, struct pattern *p, long row) {
    for (long i = 0; i < s->cells; i++)
        for (long k = -1; k <= 1; k++)
            if (i + k >= 0 && i + k < s->cells) pattern_add(p, row + i, row + i + k);
    if (!s->front.is) return;
    int moving = s->layer[0].cells;
    pattern_add_block(p, row, moving, row, 1);
    pattern_add_block(p, row, moving < s->cells ? moving + 1 : moving, row + s->cells, 1);
    pattern_add(p, row + s->cells, row);
    pattern_add(p, row + s->cells, row + s->cells);
}

/* ---- Reading ---- */

/* Where a place of the grid at rest is now. */
static double moved(const struct stack *s, double place, bool moves) {
    if (!s->front.is) return place;
    double first = s->layer[0].thickness;
    return moves ? place * s->front.thickness / first : place - first + s->front.thickness;
}

double stack_place(const struct stack *s, int cell) {
    return moved(s, s->place[cell], s->of[cell] == 0);
}

double stack_end(const struct stack *s) {
    double end = 0;
    for (int l = 0; l < s->layers; l++)
        end += l == 0 && s->front.is ? s->front.thickness : s->layer[l].thickness;
    return end;
}

/* The face behind cell i: as warm as what flows through it says. */
static double face_behind(const struct stack *s, int i) {
    const struct material *m = &s->layer[s->of[i]].material;
    double stretched = s->of[i] == 0 && s->front.is ? s->front.thickness / s->layer[0].thickness : 1;
    double melted = s->front.is ? 0 : material_melted(m, s->heat[i] / m->density);
    return s->t[i] - s->flux[i + 1] * s->away[i] * stretched / material_conductivity(m, s->t[i], melted);
}

/* Straight lines between centres; where materials meet, and at the ends, to the face. */
double stack_at(const struct stack *s, double place) {
    double at0 = 0, t0 = s->left_face;
    for (int i = 0; i < s->cells; i++) {
        double at = stack_place(s, i), t = s->t[i];
        if (i && s->of[i] != s->of[i - 1]) {
            double joint = moved(s, s->edge[i], s->of[i - 1] == 0), face = face_behind(s, i - 1);
            if (place <= joint) {
                at = joint;
                t = face;
            } else if (s->layer[s->of[i - 1]].contact == 0) {
                at0 = joint;
                t0 = face;
            }
        }
        if (place <= at) return t0 + (t - t0) * (at > at0 ? (place - at0) / (at - at0) : 0);
        at0 = at;
        t0 = t;
    }
    double end = stack_end(s);
    return end > at0 ? t0 + (s->right_face - t0) * fmin((place - at0) / (end - at0), 1) : t0;
}
