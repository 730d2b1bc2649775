#include "published.h"

#include <math.h>

#define PUBLISHED_WALL(latent_heat)                                                                                    \
    {                                                                                                                  \
        .area = 17.92, .film = 1200, .ledge_k = 2.5, .ledge_per_kg = 2e-5, .wall_k = 6.5, .wall_depth = 0.1,           \
        .outer = 25, .ambient = 35, .capacity = 1 / 6e-7, .latent = latent_heat, .cp_solid = 1320                      \
    }

const struct plant_published plant_published_set = {
    .wall = PUBLISHED_WALL(119495),
    .cp_bath = 1 / 5.66e-4,
    .cp_liquid = 1881,
    .alumina_use = 1.7e-7,
    .alf3_use = 0.02,
    .cryolite_gain = 0.03,
    .metal_gain = 4.43e-8,
    .solheim = false,
};

const struct plant_published plant_published_corrected = {
    .wall = PUBLISHED_WALL(5.2e5),
    .cp_bath = 1 / 5.66e-4,
    .cp_liquid = 1881,
    .alumina_use = 1.67317e-7,
    .alf3_use = 0.02,
    .cryolite_gain = 0.03,
    .metal_gain = 8.8554e-8,
    .solheim = true,
};

static double liquidus(bool solheim, double a, double f) {
    double common = 991.2 + 1.12 * f - 0.13 * pow(f, 2.2);
    if (solheim) return common - 0.0606 * pow(f, 1.5) - 7.93 * a / (1 + 0.0936 * a - 0.0017 * a * a - 0.0023 * f * a);
    return common + 0.061 * pow(f, 1.5) - 7.93 * a / (1 + 0.0936 * f - 0.0017 * f * f - 0.0023 * f * a);
}

struct plant_published_voltage plant_published_voltage_of(const struct plant_published *p, const double *x) {
    struct plant_published_voltage v;
    double mass = x[PLANT_PUB_ALUMINA] + x[PLANT_PUB_ALF3] + x[PLANT_PUB_CRYOLITE], I = p->ampere;
    double alumina = x[PLANT_PUB_ALUMINA] / mass, lean = 100 * alumina - 2.2;

    v.liquidus = liquidus(p->solheim, 100 * alumina, 100 * x[PLANT_PUB_ALF3] / mass);
    v.conductivity = exp(2.496 - 2068.4 / (273 + x[PLANT_PUB_BATH]) - 2.07 * alumina);
    v.covered =
        0.531 + 6.958e-7 * I - 2.51e-12 * I * I + 3.06e-18 * I * I * I + (0.431 - 0.1437 * lean) / (1 + 7.353 * lean);
    v.bubble_layer = (0.5517 + 3.8168e-6 * I) / (1 + 8.271e-6 * I);
    v.bubbles = 3.8168e-6 * I * v.covered * v.bubble_layer / (v.conductivity * (1 - v.covered));
    v.bath = I * p->distance / (2620 * v.conductivity);
    return v;
}

/* The bath loses by the series of film and half ledge, as published: energy closes in the steady state only. */
void plant_published_rates(const void *published, const double *x, double *dx) {
    const struct plant_published *p = published;
    struct plant_published_voltage v = plant_published_voltage_of(p, x);
    struct plant_wall_flow f = plant_wall_flows(&p->wall, x[PLANT_PUB_LEDGE], v.liquidus, x[PLANT_PUB_BATH],
                                                x[PLANT_PUB_LEDGE_TEMP], x[PLANT_PUB_WALL_TEMP]);
    double mass = x[PLANT_PUB_ALUMINA] + x[PLANT_PUB_ALF3] + x[PLANT_PUB_CRYOLITE];
    double series = p->wall.area * (x[PLANT_PUB_BATH] - x[PLANT_PUB_LEDGE_TEMP]) /
                    (1 / p->wall.film + f.thickness / (2 * p->wall.ledge_k));

    dx[PLANT_PUB_LEDGE] = -f.melting;
    dx[PLANT_PUB_ALUMINA] = p->feed - p->alumina_use * p->ampere;
    dx[PLANT_PUB_ALF3] = p->alf3 - p->alf3_use * p->feed;
    dx[PLANT_PUB_CRYOLITE] = f.melting + p->cryolite_gain * p->feed;
    dx[PLANT_PUB_METAL] = p->metal_gain * p->ampere - p->tapping;
    dx[PLANT_PUB_BATH] =
        (p->ampere * (v.bubbles + v.bath) - series - f.melting * p->cp_liquid * (x[PLANT_PUB_BATH] - v.liquidus)) /
        (p->cp_bath * mass);
    dx[PLANT_PUB_LEDGE_TEMP] =
        (f.front - f.inner - f.melting * p->wall.cp_solid * (v.liquidus - x[PLANT_PUB_LEDGE_TEMP])) * 7.58e-4 /
        x[PLANT_PUB_LEDGE];
    dx[PLANT_PUB_WALL_TEMP] = (f.inner - f.outer) / p->wall.capacity;
}
