#include "guess.h"

#include <math.h>
#include <string.h>

#include "span.h"

/* Costs, in drops; and how much dearer than the best a guess may be. */
static const double SHIFT_COST = 3, SHIFTED_ROW_COST = 1.0 / 32, LEVEL_COST = 15, CUT = 4;

struct guess {
    double cost;
    pl_time wrong_since; /* the last row kept was before it; valid while `wrong` */
    uint64_t last;       /* the newest row that corrected the estimate */
    uint64_t last_but_one;
    uint8_t wrong;
    uint8_t shifted;
    uint8_t was_shifted; /* at last_but_one */
    uint8_t reserved[5];
    uint64_t marks[]; /* a bit a row that waits: kept; as many again: shifted; then the parts */
};

enum action { KEEP, LEVEL, DROP, SHIFT, STAY_SHIFTED, ACTIONS };

/* ---- Layout: trail, anchor values, the estimate of what is decided, guesses, rows ---- */

static size_t words(const struct guess_rule *rule) {
    return rule->rows / 64;
}

static size_t guess_size(const struct guess_rule *rule) {
    return sizeof(struct guess) + 2 * words(rule) * sizeof(uint64_t) + rule->dims * sizeof(struct guess_part);
}

static size_t row_size(const struct guess_rule *rule) {
    return sizeof(struct guess_row) + rule->dims * sizeof(double);
}

static double *anchor_of(const struct trail *trail) {
    return (double *)(void *)(trail + 1);
}

static struct guess_part *decided_of(const struct guess_rule *rule, const struct trail *trail) {
    return (struct guess_part *)(void *)(anchor_of(trail) + rule->dims);
}

static char *guesses_of(const struct guess_rule *rule, const struct trail *trail) {
    return (char *)(decided_of(rule, trail) + rule->dims);
}

static struct guess *guess_at(const struct guess_rule *rule, char *guesses, uint32_t i) {
    return (struct guess *)(void *)(guesses + i * guess_size(rule));
}

static struct guess_part *parts_of(const struct guess_rule *rule, const struct guess *guess) {
    return (struct guess_part *)(void *)(guess->marks + 2 * words(rule));
}

size_t trail_size(const struct guess_rule *rule) {
    return sizeof(struct trail) + rule->dims * (sizeof(double) + sizeof(struct guess_part)) +
           rule->guesses * guess_size(rule) + rule->rows * row_size(rule);
}

struct guess_row *trail_row(const struct guess_rule *rule, const struct trail *trail, uint64_t number) {
    char *rows = guesses_of(rule, trail) + rule->guesses * guess_size(rule);
    return (struct guess_row *)(void *)(rows + number % rule->rows * row_size(rule));
}

static bool marked(const struct guess_rule *rule, const struct guess *guess, enum guess_verdict as, uint64_t number) {
    const uint64_t *marks = guess->marks + (as == GUESS_SHIFTED ? words(rule) : 0);
    return marks[number % rule->rows / 64] >> (number % 64) & 1;
}

static void mark(const struct guess_rule *rule, struct guess *guess, enum guess_verdict as, uint64_t number) {
    uint64_t bit = UINT64_C(1) << (number % 64);
    uint64_t *kept = &guess->marks[number % rule->rows / 64], *shifted = kept + words(rule);
    *kept = as == GUESS_KEPT ? *kept | bit : *kept & ~bit;
    *shifted = as == GUESS_SHIFTED ? *shifted | bit : *shifted & ~bit;
}

static enum guess_verdict verdict_of(const struct guess_rule *rule, const struct guess *guess, uint64_t number) {
    if (marked(rule, guess, GUESS_KEPT, number)) return GUESS_KEPT;
    return marked(rule, guess, GUESS_SHIFTED, number) ? GUESS_SHIFTED : GUESS_DROPPED;
}

/* ---- The estimate ---- */

/* What `seconds` do to an estimate; the same for all guesses and dimensions. */
struct motion {
    double keep;  /* share of the rate that is left */
    double carry; /* how far a rate of 1 goes */
    double qxx, qxv, qvv;
};

static struct motion motion_over(const struct guess_rule *rule, double seconds) {
    double tau = rule->memory, variance = rule->speed * rule->speed;
    double keep = exp(-seconds / tau), lost = 1 - keep;
    return (struct motion){
        .keep = keep,
        .carry = tau * lost,
        .qxx = fmax(0, variance * tau * tau * (2 * seconds / tau - 3 + 4 * keep - keep * keep)),
        .qxv = variance * tau * lost * lost,
        .qvv = variance * (1 - keep * keep),
    };
}

static void move(struct guess_part *part, const struct motion *m) {
    if (part->pxx < 0) return;
    double pxx = part->pxx + 2 * m->carry * part->pxv + m->carry * m->carry * part->pvv + m->qxx;
    double pxv = m->keep * (part->pxv + m->carry * part->pvv) + m->qxv;
    part->pvv = m->keep * m->keep * part->pvv + m->qvv;
    part->pxx = pxx;
    part->pxv = pxv;
    part->x += m->carry * part->v;
    part->v *= m->keep;
}

static void start(const struct guess_rule *rule, struct guess_part *part, double value) {
    *part = (struct guess_part){.x = value, .pxx = rule->noise * rule->noise, .pvv = rule->speed * rule->speed};
}

static void correct(const struct guess_rule *rule, struct guess_part *part, double value) {
    double s = part->pxx + rule->noise * rule->noise, gain = part->pxx / s, rate_gain = part->pxv / s;
    double surprise = value - part->x;
    part->x += gain * surprise;
    part->v += rate_gain * surprise;
    part->pvv -= rate_gain * part->pxv;
    part->pxx *= 1 - gain;
    part->pxv *= 1 - gain;
}

static bool there(const struct guess_row *row, uint32_t d) {
    return row->present >> d & 1;
}

/* Minus the logarithm of how likely the row is, up to a constant, in two parts: how wide the estimate is, and how far
 * the row lies from it. */
static double width_cost(const struct guess_rule *rule, const struct guess_part *part, const struct guess_row *row) {
    double ratio = 1, r = rule->noise * rule->noise;
    for (uint32_t d = 0; d < rule->dims; d++)
        if (there(row, d) && part[d].pxx >= 0) ratio *= (part[d].pxx + r) / (2 * r);
    return 0.5 * log(ratio);
}

static double distance_cost(const struct guess_rule *rule, const struct guess_part *part, const struct guess_row *row,
                            bool shifted) {
    double cost = 0, r = rule->noise * rule->noise;
    for (uint32_t d = 0; d < rule->dims; d++) {
        if (!there(row, d) || part[d].pxx < 0) continue;
        double z = row->value[d] - part[d].x - (shifted ? part[d].shift : 0);
        cost += z * z / (2 * (part[d].pxx + r));
    }
    return cost;
}

static void apply(const struct guess_rule *rule, struct guess_part *part, const struct guess_row *row,
                  enum action action) {
    for (uint32_t d = 0; d < rule->dims; d++) {
        if (!there(row, d) || action == DROP) continue;
        if (part[d].pxx < 0 || action == LEVEL)
            start(rule, &part[d], row->value[d]);
        else if (action == SHIFT)
            part[d].shift = row->value[d] - part[d].x;
        else
            correct(rule, &part[d], row->value[d] - (action == STAY_SHIFTED ? part[d].shift : 0));
    }
}

/* ---- Following ---- */

struct candidate {
    double cost;
    uint32_t parent;
    enum action action;
};

static double drop_cost(const struct guess_rule *rule) {
    return rule->k * rule->k / 2;
}

static bool allowed(const struct guess_rule *rule, const struct guess *guess, enum action action, pl_time time) {
    if (action == KEEP || action == LEVEL) return true;
    if (guess->wrong && time_between(guess->wrong_since, time) >= rule->longest) return false;
    return action != STAY_SHIFTED || guess->shifted;
}

/* What the action adds, `width` being the guess's own. */
static double action_cost(const struct guess_rule *rule, const struct guess *guess, const struct guess_row *row,
                          enum action action, double width) {
    const struct guess_part *part = parts_of(rule, guess);
    double drop = drop_cost(rule);
    switch (action) {
    case KEEP: return width + distance_cost(rule, part, row, false);
    case LEVEL: return LEVEL_COST * drop;
    case DROP: return drop;
    case SHIFT: return (SHIFT_COST + SHIFTED_ROW_COST) * drop + width;
    default: return SHIFTED_ROW_COST * drop + width + distance_cost(rule, part, row, true);
    }
}

/* All continuations that are not too dear, the cheapest first. */
static uint32_t continuations(const struct guess_rule *rule, struct trail *trail, const struct guess_row *row,
                              struct candidate *candidate) {
    char *guesses = guesses_of(rule, trail);
    double limit = INFINITY;
    uint32_t count = 0;
    for (uint32_t i = 0; i < trail->guesses; i++) {
        const struct guess *guess = guess_at(rule, guesses, i);
        double width = width_cost(rule, parts_of(rule, guess), row);
        for (enum action action = KEEP; action < ACTIONS; action++) {
            if (!allowed(rule, guess, action, row->time)) continue;
            double cost = guess->cost + action_cost(rule, guess, row, action, width);
            if (!(cost < limit)) continue;
            if (cost + CUT * drop_cost(rule) < limit) limit = cost + CUT * drop_cost(rule);
            uint32_t at = count++;
            for (; at > 0 && candidate[at - 1].cost > cost; at--)
                candidate[at] = candidate[at - 1];
            candidate[at] = (struct candidate){.cost = cost, .parent = i, .action = action};
        }
    }
    while (count > 1 && candidate[count - 1].cost >= limit)
        count--;
    return count;
}

static void continue_guess(const struct guess_rule *rule, struct guess *guess, const struct guess_row *row,
                           const struct candidate *how, uint64_t number) {
    static const enum guess_verdict verdict[ACTIONS] = {[KEEP] = GUESS_KEPT,
                                                        [LEVEL] = GUESS_KEPT,
                                                        [DROP] = GUESS_DROPPED,
                                                        [SHIFT] = GUESS_SHIFTED,
                                                        [STAY_SHIFTED] = GUESS_SHIFTED};
    enum guess_verdict as = verdict[how->action];
    guess->cost = how->cost;
    apply(rule, parts_of(rule, guess), row, how->action);
    mark(rule, guess, as, number);
    if (as != GUESS_KEPT && !guess->wrong) guess->wrong_since = row->time;
    guess->wrong = as != GUESS_KEPT;
    if (how->action == DROP) return;
    guess->was_shifted = guess->shifted;
    guess->shifted = as == GUESS_SHIFTED;
    guess->last_but_one = guess->last;
    guess->last = number;
}

/* Two guesses that agree on the last two rows that counted have nearly the same future. */
static bool alike(const struct guess *a, const struct guess *b) {
    return a->last == b->last && a->last_but_one == b->last_but_one && a->shifted == b->shifted &&
           a->was_shifted == b->was_shifted;
}

static bool has_alike(const struct guess_rule *rule, char *guesses, uint32_t count) {
    const struct guess *newest = guess_at(rule, guesses, count);
    for (uint32_t i = 0; i < count; i++)
        if (alike(guess_at(rule, guesses, i), newest)) return true;
    return false;
}

static void first_guess(const struct guess_rule *rule, struct trail *trail, const struct guess_row *row,
                        uint64_t number) {
    struct guess *guess = guess_at(rule, guesses_of(rule, trail), 0);
    memset(guess, 0, guess_size(rule));
    for (uint32_t d = 0; d < rule->dims; d++)
        parts_of(rule, guess)[d].pxx = -1;
    trail->guesses = 1;
    apply(rule, parts_of(rule, guess), row, KEEP);
    mark(rule, guess, row->present ? GUESS_KEPT : GUESS_DROPPED, number);
    guess->last = number;
}

static void follow(const struct guess_rule *rule, struct trail *trail, const struct guess_row *row, uint64_t number,
                   char *next) {
    struct candidate candidate[GUESS_MAX * ACTIONS];
    char *guesses = guesses_of(rule, trail);
    size_t size = guess_size(rule);
    uint32_t count = continuations(rule, trail, row, candidate), kept = 0;
    for (uint32_t i = 0; i < count && kept < rule->guesses; i++) {
        struct guess *guess = guess_at(rule, next, kept);
        memcpy(guess, guess_at(rule, guesses, candidate[i].parent), size);
        continue_guess(rule, guess, row, &candidate[i], number);
        if (!has_alike(rule, next, kept)) kept++;
    }
    memcpy(guesses, next, kept * size);
    trail->guesses = kept;
    double best = guess_at(rule, guesses, 0)->cost;
    for (uint32_t i = 0; i < kept; i++)
        guess_at(rule, guesses, i)->cost -= best;
}

static double seconds_between(pl_time from, pl_time to) {
    return (double)time_between(from, to) / PL_SECOND;
}

static void move_all(const struct guess_rule *rule, struct trail *trail, double seconds) {
    struct motion motion = motion_over(rule, seconds);
    for (uint32_t i = 0; i < trail->guesses; i++) {
        struct guess_part *part = parts_of(rule, guess_at(rule, guesses_of(rule, trail), i));
        for (uint32_t d = 0; d < rule->dims; d++)
            move(&part[d], &motion);
    }
}

/* A row without any value says nothing: every guess leaves it out, at no cost. */
static void skip_row(const struct guess_rule *rule, struct trail *trail, uint64_t number) {
    for (uint32_t i = 0; i < trail->guesses; i++)
        mark(rule, guess_at(rule, guesses_of(rule, trail), i), GUESS_DROPPED, number);
}

void trail_follow(const struct guess_rule *rule, struct trail *trail, void *scratch) {
    for (; trail->taken < trail->pushed; trail->taken++) {
        const struct guess_row *row = trail_row(rule, trail, trail->taken);
        if (trail->taken > 0) {
            pl_time before =
                trail->taken > trail->decided ? trail_row(rule, trail, trail->taken - 1)->time : trail->before;
            move_all(rule, trail, seconds_between(before, row->time));
        }
        if (trail->guesses == 0)
            first_guess(rule, trail, row, trail->taken);
        else if (row->present)
            follow(rule, trail, row, trail->taken, scratch);
        else
            skip_row(rule, trail, trail->taken);
    }
}

struct guess_row *trail_push(const struct guess_rule *rule, struct trail *trail, pl_time time) {
    struct guess_row *row = trail_row(rule, trail, trail->pushed++);
    memset(row, 0, row_size(rule));
    row->time = time;
    return row;
}

/* ---- Deciding ---- */

/* Guesses that say otherwise were wrong. */
static void keep_agreeing(const struct guess_rule *rule, struct trail *trail, enum guess_verdict verdict) {
    char *guesses = guesses_of(rule, trail);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < trail->guesses; i++) {
        const struct guess *guess = guess_at(rule, guesses, i);
        if (verdict_of(rule, guess, trail->decided) != verdict) continue;
        if (i != kept) memcpy(guess_at(rule, guesses, kept), guess, guess_size(rule));
        kept++;
    }
    trail->guesses = kept;
}

/* The estimate along the rows decided: what the guesses had at that row. */
static void decide_estimate(const struct guess_rule *rule, struct trail *trail, const struct guess_row *row,
                            enum guess_verdict verdict) {
    struct guess_part *part = decided_of(rule, trail);
    enum action action = KEEP;
    if (!trail->begun) {
        for (uint32_t d = 0; d < rule->dims; d++)
            part[d].pxx = -1;
    } else {
        struct motion motion = motion_over(rule, seconds_between(trail->before, row->time));
        for (uint32_t d = 0; d < rule->dims; d++)
            move(&part[d], &motion);
    }
    if (verdict == GUESS_DROPPED)
        action = DROP;
    else if (verdict == GUESS_SHIFTED)
        action = trail->was_shifted ? STAY_SHIFTED : SHIFT;
    else if (width_cost(rule, part, row) + distance_cost(rule, part, row, false) > LEVEL_COST * drop_cost(rule))
        action = LEVEL;
    apply(rule, part, row, action);
    if (verdict != GUESS_DROPPED) trail->was_shifted = verdict == GUESS_SHIFTED;
    trail->begun = 1;
    trail->before = row->time;
}

/* The next row that the best guess keeps, or NULL. */
static const struct guess_row *next_kept(const struct guess_rule *rule, const struct trail *trail) {
    const struct guess *best = guess_at(rule, guesses_of(rule, trail), 0);
    for (uint64_t number = trail->decided + 1; number < trail->taken; number++)
        if (marked(rule, best, GUESS_KEPT, number)) return trail_row(rule, trail, number);
    return NULL;
}

static void set_values(const struct guess_rule *rule, struct trail *trail, const struct guess_row *row,
                       enum guess_verdict verdict, double *value) {
    const struct guess_part *part = decided_of(rule, trail);
    const struct guess_row *next = verdict == GUESS_DROPPED ? next_kept(rule, trail) : NULL;
    const double *anchor = anchor_of(trail);
    for (uint32_t d = 0; d < rule->dims; d++) {
        value[d] = part[d].pxx < 0 ? NAN : part[d].x;
        if (next && trail->anchored >> d & 1 && there(next, d)) {
            double share =
                seconds_between(trail->anchor_time, row->time) / seconds_between(trail->anchor_time, next->time);
            value[d] = anchor[d] + share * (next->value[d] - anchor[d]);
        }
        bool own = there(row, d) && (verdict == GUESS_KEPT || fabs(row->value[d] - value[d]) < 3 * rule->noise);
        if (own) value[d] = row->value[d];
    }
}

enum guess_verdict trail_decide(const struct guess_rule *rule, struct trail *trail, double *value) {
    const struct guess_row *row = trail_row(rule, trail, trail->decided);
    enum guess_verdict verdict = verdict_of(rule, guess_at(rule, guesses_of(rule, trail), 0), trail->decided);
    keep_agreeing(rule, trail, verdict);
    decide_estimate(rule, trail, row, verdict);
    set_values(rule, trail, row, verdict, value);
    if (verdict == GUESS_KEPT) {
        trail->anchor_time = row->time;
        for (uint32_t d = 0; d < rule->dims; d++) {
            if (isnan(value[d])) continue;
            anchor_of(trail)[d] = value[d];
            trail->anchored |= 1u << d;
        }
    }
    trail->decided++;
    return verdict;
}
