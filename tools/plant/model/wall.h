/* wall.h: the side of the pot: bath film, frozen ledge, side wall, air.
 *
 *     bath --film--> front (at the liquidus) --half ledge--> ledge --half ledge, half wall--> wall --> air
 *
 * The front moves with what the film brings and the ledge does not carry away. All flows in W, outwards.
 */
#ifndef PLANT_WALL_H
#define PLANT_WALL_H

#define PLANT_WALL_BARE 0.005 /* m; a thinner ledge conducts as this one */
#define PLANT_WALL_LAST 50.0  /* kg that melt ever more slowly: a ledge is never quite gone */

struct plant_wall {
    double area;         /* m2 */
    double film;         /* bath to ledge, W/m2/K */
    double ledge_k;      /* W/m/K */
    double ledge_per_kg; /* thickness, m/kg */
    double wall_k;       /* W/m/K */
    double wall_depth;   /* m */
    double outer;        /* wall to air, W/m2/K */
    double ambient;      /* Celsius */
    double capacity;     /* of the wall, J/K */
    double latent;       /* J/kg at `melting` */
    double latent_slope; /* J/kg/K: liquid less solid heat capacity, or 0 */
    double melting;      /* Celsius */
    double cp_solid;     /* J/kg/K */
};

struct plant_wall_flow {
    double thickness; /* m */
    double melting;   /* kg/s; negative: freezing */
    double film;      /* bath to front */
    double front;     /* front to mid-ledge */
    double inner;     /* mid-ledge to mid-wall */
    double outer;     /* mid-wall to air */
};

static inline struct plant_wall_flow plant_wall_flows(const struct plant_wall *w, double ledge_kg, double liquidus,
                                                      double bath, double ledge, double wall) {
    struct plant_wall_flow f;
    f.thickness = w->ledge_per_kg * (ledge_kg > 0 ? ledge_kg : 0);
    if (f.thickness < PLANT_WALL_BARE) f.thickness = PLANT_WALL_BARE;
    double half = f.thickness / (2 * w->ledge_k), half_wall = w->wall_depth / (2 * w->wall_k);

    f.film = w->area * w->film * (bath - liquidus);
    f.front = w->area * (liquidus - ledge) / half;
    f.inner = w->area * (ledge - wall) / (half + half_wall);
    f.outer = w->area * (wall - w->ambient) / (half_wall + 1 / w->outer);
    double latent = w->latent + w->latent_slope * (liquidus - w->melting);
    f.melting = (f.film - f.front) / latent;
    if (f.melting > 0 && ledge_kg < PLANT_WALL_LAST) { /* what is not there cannot melt: the front grows hotter */
        f.melting *= ledge_kg > 0 ? ledge_kg / PLANT_WALL_LAST : 0;
        f.film = f.front + f.melting * latent;
    }
    return f;
}

/* Where the shell's outside is, for what flows out. */
static inline double plant_wall_shell(const struct plant_wall *w, double wall) {
    double half_wall = w->wall_depth / (2 * w->wall_k);
    return w->ambient + (wall - w->ambient) / (half_wall + 1 / w->outer) / w->outer;
}

#endif
