#include "horizon.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { N = HORIZON_STATES, ROUNDS = 2, OTHER_ROUNDS = 4, CREW_COMES = 4 };

/* How far it may wander in an hour where nothing else is said. */
static const double SHARE_WANDERS = 0.10, SHARE_MEMORY = 4 * 3600.0; /* feeders block and are freed */
static const double SWINGS = 0.20, SWING_MEMORY = 2700; /* wt%, s: alumina as its control has it go up and down */
static const double DISTANCE_WANDERS = 0.02;            /* cm: anodes burn unevenly */
static const double ALUMINA_WANDERS = 0.03, UNDISSOLVED_WANDERS = 1; /* wt%, kg */
static const double COLD_WANDERS = 0.02;
static const double SCATTER = 0.05;      /* of a shot of 1.5 kg */
static const double FED_UNEVENLY = 0.02; /* wt% a stage, where only the mean of many is known */
static const double BEAM_STEP = 0.003;   /* cm: of a beam whose position is told in tenths of a millimetre */

static const double ATTENDED = 0.05;                   /* of the share, behind somebody's visit */
static const double SHARE_MOST = 1.06, NEAREST = 0.77; /* of the distance that a cell is built with */
static const double ADVANTAGE = 3;                     /* of another beginning, in -2 log of the probability */
static const double RISING = 1.0, ODD = 2.5;
static const double RICH = 1.5; /* wt% above the usual: behind an effect, fed by hand, it comes half as far */
static const double STOPPED = 0.4, STOP_PRICE = 7;
static const double WAY = 0.5, WAY_PRICE = 7; /* cm */
static const double MOVED = 0.5;              /* as RISING, of either sign: ways among waves */

static double square(double x) {
    return x * x;
}

void horizon_begin(struct horizon *h, double alumina, double undissolved, double distance) {
    memset(h, 0, sizeof *h);
    const double x[N] = {alumina, undissolved, 1, distance, 0.3};
    const double deviation[N] = {0.4, 4, 0.04, 0.4, 0.3};
    h->surprise = 1;
    h->usual = distance;
    for (int i = 0; i < N; i++) {
        h->x[i] = h->now[i] = x[i];
        h->p.at[i][i] = h->now_p.at[i][i] = square(deviation[i]);
    }
}

/* ---- The voltage ---- */

double horizon_voltage(const struct horizon_cell *cell, const struct horizon_stage *s, const double *x, double *slope) {
    double percent = 100 / (double)s->mass, least = cell->voltage.effect_alumina;
    struct bath bath = {.alumina = fmax(x[HORIZON_ALUMINA], least),
                        .excess = s->excess,
                        .calcium = cell->calcium * percent,
                        .lithium = cell->lithium * percent,
                        .magnesium = cell->magnesium * percent,
                        .t = s->temperature};
    struct voltage v = voltage_of(&cell->voltage, &bath, s->current, x[HORIZON_DISTANCE]);
    double cold = voltage_by_cold_anode(&cell->voltage, &v, (double)s->temperature);
    if (slope) {
        memset(slope, 0, N * sizeof *slope);
        if (x[HORIZON_ALUMINA] > least) {
            double in_bath, all = voltage_by_alumina(&cell->voltage, &bath, &v, &in_bath);
            slope[HORIZON_ALUMINA] = all + in_bath / cell->voltage.anodes * x[HORIZON_COLD];
        }
        slope[HORIZON_DISTANCE] = v.bath / x[HORIZON_DISTANCE];
        slope[HORIZON_COLD] = cold;
    }
    return v.total + cold * x[HORIZON_COLD];
}

/* ---- A stage ---- */

/* Of what alumina is off the usual one; 1 where its feed is counted. */
static double swing_left(const struct horizon_stage *s) {
    return exp(-(double)s->uncounted / SWING_MEMORY);
}

/* What a swing about the usual alumina makes of the voltage, V2. It lasts, so minutes of one swing are worth hardly
 * more than one of them. By the slope there: where alumina is short the voltage rises by far more, and that is to be
 * seen. */
static double swing_in(const struct horizon_cell *cell, const struct horizon_stage *s, const double *at) {
    if (!(s->uncounted > 0)) return 0;
    double usual[N], slope[N];
    memcpy(usual, at, sizeof usual);
    usual[HORIZON_ALUMINA] = cell->usual;
    horizon_voltage(cell, s, usual, slope);
    return square(slope[HORIZON_ALUMINA] * SWINGS) * 2 * SWING_MEMORY / (double)s->seconds;
}

/* What a stage does: all that is not 0 of its matrix, and of its inputs. */
struct way {
    double alumina, lumps, at_once; /* of alumina: what is left of it; wt% by what lay undissolved, by the share */
    double undissolved, late;
    double share, cold;    /* what is left of them */
    double shift[N], q[N]; /* inputs; variances of what is not known */
};

static void noise(const struct horizon_cell *cell, const struct horizon_stage *s, double *q) {
    double hours = (double)s->seconds / 3600, scatter = SCATTER * sqrt(1.5 * (double)s->feed);
    double moved = fabs((double)s->moved) > 0.005 ? square(BEAM_STEP) + square(0.02 * (double)s->moved) : 0;
    q[HORIZON_ALUMINA] = square(ALUMINA_WANDERS) * hours + square(100 / (double)s->mass * cell->at_once * scatter) +
                         (double)s->doubt_alumina + square(SWINGS) * (1 - square(swing_left(s)));
    q[HORIZON_UNDISSOLVED] = square(UNDISSOLVED_WANDERS) * hours + square((1 - cell->at_once) * scatter);
    q[HORIZON_SHARE] =
        square(SHARE_WANDERS) * hours + (double)s->doubt_share + (s->attended > 0 ? square(ATTENDED) : 0);
    q[HORIZON_DISTANCE] = square(DISTANCE_WANDERS) * hours + moved + (double)s->doubt_distance;
    q[HORIZON_COLD] = square(COLD_WANDERS) * hours + (double)s->doubt_cold;
}

static void find_way(const struct horizon_cell *cell, const struct horizon_stage *s, struct way *w) {
    double percent = 100 / (double)s->mass, gone = (double)s->gone, feed = (double)s->feed;
    w->alumina = swing_left(s);
    w->lumps = percent * gone;
    w->at_once = percent * cell->at_once * feed;
    w->undissolved = 1 - gone;
    w->late = (1 - cell->at_once) * feed;
    w->share = s->attended > 0 ? 0 : exp(-(double)s->seconds / SHARE_MEMORY);
    w->cold = exp(-(double)s->seconds / VOLTAGE_ANODE_WARMS);
    w->shift[HORIZON_ALUMINA] = (1 - w->alumina) * cell->usual - percent * (double)s->used;
    w->shift[HORIZON_UNDISSOLVED] = 0;
    w->shift[HORIZON_SHARE] = 1 - w->share;
    w->shift[HORIZON_DISTANCE] = s->moved;
    w->shift[HORIZON_COLD] = s->new_anodes;
    noise(cell, s, w->q);
}

/* x = F x; of rows of a matrix where these lie `apart` numbers from each other. */
static void go(const struct way *w, double *x, int apart) {
    double *alumina = &x[HORIZON_ALUMINA * apart], *undissolved = &x[HORIZON_UNDISSOLVED * apart];
    double *share = &x[HORIZON_SHARE * apart];
    *alumina = w->alumina * *alumina + w->lumps * *undissolved + w->at_once * *share;
    *undissolved = w->undissolved * *undissolved + w->late * *share;
    *share *= w->share;
    x[HORIZON_COLD * apart] *= w->cold;
}

/* y = F' y */
static void go_back(const struct way *w, double *y) {
    y[HORIZON_SHARE] = w->at_once * y[HORIZON_ALUMINA] + w->late * y[HORIZON_UNDISSOLVED] + w->share * y[HORIZON_SHARE];
    y[HORIZON_UNDISSOLVED] = w->lumps * y[HORIZON_ALUMINA] + w->undissolved * y[HORIZON_UNDISSOLVED];
    y[HORIZON_ALUMINA] *= w->alumina;
    y[HORIZON_COLD] *= w->cold;
}

static void predict(const struct way *w, double *x, struct horizon_matrix *p) {
    go(w, x, 1);
    for (int i = 0; i < N; i++)
        x[i] += w->shift[i];
    for (int i = 0; i < N; i++)
        go(w, &p->at[0][i], N); /* F P */
    for (int i = 0; i < N; i++)
        go(w, p->at[i], 1); /* F P F' */
    for (int i = 0; i < N; i++)
        p->at[i][i] += w->q[i];
}

/* ---- Forward ---- */

/* What one number has told: through h, so much off what was expected by its variance; P h by its variance. */
struct sight {
    double h[N], gain[N], off;
};

struct pass { /* of a stage: what going back needs */
    struct way way;
    double x[N]; /* behind it */
    struct horizon_matrix p;
    struct sight sight[2]; /* of the voltage; of the alumina, which is seen before */
    bool voltage, alumina;
};

/* Returns by how many deviations it is off. */
static double see(double *x, struct horizon_matrix *p, struct sight *sight, double off, double variance, double *cost) {
    double *gain = sight->gain, ph[N], s = variance;
    for (int i = 0; i < N; i++) {
        ph[i] = 0;
        for (int k = 0; k < N; k++)
            ph[i] += p->at[i][k] * sight->h[k];
    }
    for (int i = 0; i < N; i++)
        s += sight->h[i] * ph[i];
    sight->off = off / s;
    for (int i = 0; i < N; i++) {
        gain[i] = ph[i] / s;
        x[i] += gain[i] * off;
        for (int j = 0; j < N; j++)
            p->at[i][j] -= gain[i] * ph[j];
    }
    *cost += square(off) / s + log(s);
    return off / sqrt(s);
}

/* What was measured in the stage; returns the voltage's normalised innovation, NaN without any. */
static double see_stage(const struct horizon_cell *cell, const struct horizon_stage *s, double *x,
                        struct horizon_matrix *p, struct pass *pass, double *cost) {
    pass->alumina = s->alumina_variance > 0;
    pass->voltage = s->variance > 0;
    if (pass->alumina) {
        pass->sight[1] = (struct sight){.h = {[HORIZON_ALUMINA] = 1}};
        see(x, p, &pass->sight[1], (double)s->alumina - x[HORIZON_ALUMINA], s->alumina_variance, cost);
    }
    if (!pass->voltage) return NAN;
    double at[N], *h = pass->sight[0].h;
    for (int i = 0; i < N; i++)
        at[i] = s->at[i];
    double expected = horizon_voltage(cell, s, at, h);
    for (int i = 0; i < N; i++)
        expected += h[i] * (x[i] - at[i]);
    return see(x, p, &pass->sight[0], (double)s->voltage - expected, (double)s->variance + swing_in(cell, s, at), cost);
}

/* Through a stage whose way is known. */
static double forward(const struct horizon_cell *cell, const struct horizon_stage *s, double *x,
                      struct horizon_matrix *p, struct pass *pass, double *cost) {
    predict(&pass->way, x, p);
    double innovation = see_stage(cell, s, x, p, pass, cost);
    memcpy(pass->x, x, sizeof pass->x);
    pass->p = *p;
    return innovation;
}

/* ---- The horizon ---- */

static struct horizon_stage *stage_at(struct horizon *h, uint32_t i) {
    return &h->stage[(h->first + i) % HORIZON_STAGES];
}

/* Away from where bubbles cover all and the voltage says nothing any more. */
static void linearise(const struct horizon_cell *cell, struct horizon_stage *s, const double *x) {
    for (int i = 0; i < N; i++)
        s->at[i] = (float)x[i];
    s->at[HORIZON_ALUMINA] = fmaxf(s->at[HORIZON_ALUMINA], (float)cell->voltage.effect_alumina + 0.03f);
    s->at[HORIZON_DISTANCE] = fmaxf(s->at[HORIZON_DISTANCE], 1);
}

static void unsee(const struct sight *sight, double *y) {
    double left = sight->off;
    for (int i = 0; i < N; i++)
        left -= sight->gain[i] * y[i];
    for (int i = 0; i < N; i++)
        y[i] += sight->h[i] * left;
}

/* Back through all stages: what each was like, by all that was measured before and behind it (Bryson and Frazier's
 * smoother: no matrix is to be inverted). */
static void backward(struct horizon *h, const struct horizon_cell *cell, const struct pass *pass) {
    double y[N] = {0};
    for (uint32_t i = h->count; i-- > 0;) {
        const struct pass *here = &pass[i];
        double x[N];
        for (int k = 0; k < N; k++) {
            x[k] = here->x[k];
            for (int j = 0; j < N; j++)
                x[k] += here->p.at[k][j] * y[j];
        }
        linearise(cell, stage_at(h, i), x);
        if (here->voltage) unsee(&here->sight[0], y);
        if (here->alumina) unsee(&here->sight[1], y);
        go_back(&here->way, y);
    }
}

/* Forward through all stages; returns the normalised innovation of the last one, NaN without any. */
static double run(struct horizon *h, const struct horizon_cell *cell, struct pass *pass) {
    double x[N], last = NAN;
    struct horizon_matrix p = h->p;
    memcpy(x, h->x, sizeof x);
    h->cost = 0;
    for (uint32_t i = 0; i < h->count; i++)
        last = forward(cell, stage_at(h, i), x, &p, &pass[i], &h->cost);
    memcpy(h->now, x, sizeof x);
    h->now_p = p;
    return last;
}

/* A share that no feeder has, a distance that no pot has, or alumina that nobody feeds, is improbable whatever fits. */
static double improbable(const struct horizon *h, const struct horizon_cell *cell) {
    double share = h->now[HORIZON_SHARE], more = fmax(fmax(share - SHARE_MOST, -share), 0) / 0.02;
    double rich = fmax(h->now[HORIZON_ALUMINA] - cell->usual - RICH, 0) / 0.1;
    double near = fmax(NEAREST - h->now[HORIZON_DISTANCE] / h->usual, 0) / 0.023;
    return square(more) + square(near) + square(rich);
}

static void settle(struct horizon *h, const struct horizon_cell *cell, struct pass *pass, int rounds) {
    for (int i = 0; i < rounds; i++) {
        backward(h, cell, pass);
        run(h, cell, pass);
    }
}

double horizon_new_anodes(const struct horizon *h) {
    double sum = 0;
    for (uint32_t i = 0; i < h->count; i++)
        sum += (double)h->stage[(h->first + i) % HORIZON_STAGES].new_anodes;
    return sum;
}

void horizon_feed(struct horizon *h, double seconds, double rate) {
    for (uint32_t i = h->count; i-- > 0 && seconds > 0;) {
        struct horizon_stage *s = stage_at(h, i);
        s->feed = (float)rate * s->seconds;
        s->uncounted = 0;
        s->doubt_alumina += (float)square(FED_UNEVENLY);
        seconds -= (double)s->seconds;
    }
}

/* ---- Other beginnings ---- */

static void shift(struct horizon *h, uint32_t from, double alumina) {
    for (uint32_t i = from; i < h->count; i++)
        stage_at(h, i)->at[HORIZON_ALUMINA] += (float)alumina;
}

/* Some stages behind the last anode effect, when the crew may have fed by hand; `count`: there was none. */
static uint32_t behind_effect(struct horizon *h) {
    for (uint32_t i = h->count; i-- > 0;)
        if (stage_at(h, i)->alumina_variance > 0) return i + CREW_COMES < h->count ? i + CREW_COMES : h->count;
    return h->count;
}

/* Keeps what is more probable than what there is, by something. */
static void prefer(struct horizon *h, const struct horizon_cell *cell, const struct horizon *other, double price,
                   double *best) {
    double cost = other->cost + improbable(other, cell) + price;
    if (!(cost < *best - ADVANTAGE)) return;
    *h = *other;
    *best = cost - price;
}

/* What may have been otherwise from a stage on. */
struct beginning {
    double alumina; /* wt% more */
    double stopped; /* variance of the share: feeders have lost it there */
    double way;     /* cm2: there anodes have gone one that nobody has measured */
    bool no_way;    /* what was taken for one there, or behind it, is none */
    double price;
};

static void find_ways(struct horizon *h, const struct horizon_cell *cell, struct pass *pass, uint32_t from) {
    for (uint32_t i = from; i < h->count; i++)
        find_way(cell, stage_at(h, i), &pass[i].way);
}

/* `base`: what it is another beginning of. */
static void try_other(struct horizon *h, const struct horizon *base, const struct horizon_cell *cell, struct pass *pass,
                      uint32_t from, const struct beginning *beginning, double *best) {
    static _Thread_local struct horizon other;
    other = *base;
    shift(&other, from, beginning->alumina);
    for (uint32_t i = from; beginning->no_way && i < other.count; i++)
        stage_at(&other, i)->doubt_distance = 0;
    stage_at(&other, from)->doubt_share += (float)beginning->stopped;
    stage_at(&other, from)->doubt_distance += (float)beginning->way;
    find_ways(&other, cell, pass, from);
    run(&other, cell, pass);
    settle(&other, cell, pass, beginning->alumina != 0 ? OTHER_ROUNDS : ROUNDS);
    prefer(h, cell, &other, beginning->price, best);
    find_ways(h, cell, pass, from);
}

static bool went(struct horizon *h, uint32_t from) {
    for (uint32_t i = from; i < h->count; i++)
        if (stage_at(h, i)->doubt_distance > 0) return true;
    return false;
}

/* Feeders that have stopped some minutes ago; in place of a way of the anodes, too. Near a new anode, whose waves hide
 * them: ways that nobody has measured. Each against what was believed before, so that none is believed beside another
 * one that explains the same. */
static void try_events(struct horizon *h, const struct horizon_cell *cell, struct pass *pass, double *best) {
    const struct beginning stop = {.stopped = square(STOPPED), .price = STOP_PRICE},
                           stop_instead = {.stopped = square(STOPPED), .no_way = true, .price = STOP_PRICE},
                           way = {.way = square(WAY), .price = WAY_PRICE};
    static const uint32_t stop_ago[] = {4, 9}, way_ago[] = {1, 2, 4, 8};
    static _Thread_local struct horizon base;
    base = *h;
    bool changed = horizon_new_anodes(&base) > 0;
    for (unsigned i = 0; i < sizeof stop_ago / sizeof *stop_ago && stop_ago[i] < base.count; i++) {
        uint32_t from = base.count - stop_ago[i];
        if (base.recent > RISING) try_other(h, &base, cell, pass, from, &stop, best);
        if (changed && went(&base, from)) try_other(h, &base, cell, pass, from, &stop_instead, best);
    }
    for (unsigned i = 0; i < sizeof way_ago / sizeof *way_ago && way_ago[i] < base.count; i++)
        if (changed && fabs(base.recent) > MOVED) try_other(h, &base, cell, pass, base.count - way_ago[i], &way, best);
}

static void try_others(struct horizon *h, const struct horizon_cell *cell, struct pass *pass, bool all) {
    static const double more[] = {0.25, 0.6, -0.2}, by_hand[] = {0.35, 0.8};
    double best = h->cost + improbable(h, cell);
    uint32_t effect = behind_effect(h);
    for (unsigned i = 0; all && effect < h->count && i < sizeof by_hand / sizeof *by_hand; i++)
        try_other(h, h, cell, pass, effect, &(struct beginning){.alumina = by_hand[i]}, &best);
    /* Where there is that much the voltage rises with alumina, as it does with a lack of it: it may be that instead. */
    double rich = h->now[HORIZON_ALUMINA] - cell->usual;
    if (rich > RICH)
        try_other(h, h, cell, pass, effect < h->count ? effect : 0, &(struct beginning){.alumina = -rich}, &best);
    for (unsigned i = 0; all && i < sizeof more / sizeof *more; i++)
        try_other(h, h, cell, pass, 0, &(struct beginning){.alumina = more[i]}, &best);
    try_events(h, cell, pass, &best);
}

void horizon_step(struct horizon *h, const struct horizon_cell *cell, const struct horizon_stage *stage) {
    static _Thread_local struct pass pass[HORIZON_STAGES];
    double nothing = 0;
    if (h->count == HORIZON_STAGES) {
        find_way(cell, stage_at(h, 0), &pass->way);
        forward(cell, stage_at(h, 0), h->x, &h->p, pass, &nothing);
        h->first = (h->first + 1) % HORIZON_STAGES;
        h->count--;
    }
    struct horizon_stage *s = stage_at(h, h->count++);
    *s = *stage;
    for (uint32_t i = 0; i < h->count; i++)
        find_way(cell, stage_at(h, i), &pass[i].way);
    double x[N];
    struct horizon_matrix p = h->now_p;
    memcpy(x, h->now, sizeof x);
    predict(&pass[h->count - 1].way, x, &p); /* where it is expected to be: the first guess */
    linearise(cell, s, x);
    double innovation = run(h, cell, pass);
    if (!isnan(innovation)) {
        h->surprise += (fmin(square(innovation), 50) - h->surprise) / 60;
        h->recent += (fmin(fmax(innovation, -5), 5) - h->recent) / 4;
    }
    settle(h, cell, pass, ROUNDS);
    h->age++;
    bool odd = h->surprise > ODD || fabs(h->recent) > RISING || behind_effect(h) < h->count;
    try_others(h, cell, pass, h->age % (odd ? 3 : 10) == 0 || h->age <= 5);
}
