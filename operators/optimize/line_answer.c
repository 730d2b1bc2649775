/* line_answer.c: a line's current, decided by what the twins of its pots have told last. */
#include <math.h>
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "line_run.h"
#include "setpoints.h"

static const double ENOUGH = 0.75; /* of its pots have to be believed */
static const double LEASE_SHARE = 0.8;
enum { BODY_MAX = 900 << 10 }; /* of an event: a larger run is told without its pots */

/* The line of a pot, or PL_NO_ID: it is of none. */
static uint32_t line_of(struct optimize *s, uint32_t asset) {
    const char *name = answer_name(s, asset), *dot = strrchr(name, '.');
    return dot ? pl_tags_intern(pl_node_tags(s->node), name, (size_t)(dot - name)) : PL_NO_ID;
}

static bool is_of(const struct optimize *s, uint32_t asset, uint32_t line) {
    const char *name = answer_name(s, asset), *whole = answer_name(s, line), *dot = strrchr(name, '.');
    return dot && strlen(whole) == (size_t)(dot - name) && strncmp(name, whole, (size_t)(dot - name)) == 0;
}

/* ---- The problem ---- */

struct member {
    uint32_t asset;
    const char *name;
    const struct state_record *state;
};

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

/* A pot that has been told of since its state was is asked again: what its twin was sure of then it may not be now. */
static bool is_believed(struct optimize *s, uint32_t asset, const struct state_record *state, pl_time time) {
    char room[96];
    const struct pot_record *r = answer_record(s, asset);
    bool recent = state->size && time - state->time <= s->hold && state->time <= time;
    return recent && r && !answer_doubt(s, asset, r, time, room, sizeof room);
}

/* More current uses more alumina: no line is raised while one of its pots is about to be without. */
static bool is_starved(struct optimize *s, uint32_t line, pl_time time) {
    struct pl_table *states = pl_node_table(s->node, TABLE_STATES);
    for (struct pl_record *i = pl_table_next(states, NULL); i; i = pl_table_next(states, i)) {
        const struct pot_record *r = is_of(s, i->id, line) ? answer_record(s, i->id) : NULL;
        const struct watch *risk = r ? &r->watch[WATCHED_RISK] : NULL;
        if (risk && answer_fresh(s, risk, time) && risk->value >= 0.5) return true;
    }
    return false;
}

/* Those that are believed, by name, so that a run does not depend on who was heard of first. */
static unsigned members_of(struct optimize *s, uint32_t line, pl_time time, struct member *member, unsigned *all) {
    struct pl_table *states = pl_node_table(s->node, TABLE_STATES);
    unsigned count = 0;
    *all = 0;
    for (struct pl_record *i = pl_table_next(states, NULL); i; i = pl_table_next(states, i)) {
        const struct state_record *state = pl_record_data(i);
        if (!is_of(s, i->id, line)) continue;
        ++*all;
        if (count < LINE_POTS_MAX && is_believed(s, i->id, state, time))
            member[count++] = (struct member){i->id, answer_name(s, i->id), state};
    }
    qsort(member, count, sizeof *member, by_name);
    if (*all < s->line_pots) *all = (unsigned)s->line_pots;
    return count;
}

static void read_members(struct optimize *s, struct line_run *l, const struct member *member, unsigned count,
                         unsigned all) {
    for (unsigned i = 0; i < count; i++) {
        struct run *run = line_run_add(l, member[i].name);
        const struct pot_record *r = answer_record(s, member[i].asset);
        if (!run || !r) continue;
        if (run_read(run, member[i].state->bytes, member[i].state->size, NULL) || run->recorded)
            l->input.pots--;
        else
            answer_input(s, member[i].asset, r, member[i].state->time, run);
    }
    l->input.others = all - l->input.pots;
}

static int by_id(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static unsigned lines_known(struct optimize *s) {
    struct pl_table *states = pl_node_table(s->node, TABLE_STATES);
    unsigned pots = 0, lines = 0;
    for (struct pl_record *i = pl_table_next(states, NULL); i; i = pl_table_next(states, i))
        pots++;
    uint32_t *line = pl_alloc((pots + 1) * sizeof *line);
    if (!line) return pots; /* no more than that */
    pots = 0;
    for (struct pl_record *i = pl_table_next(states, NULL); i; i = pl_table_next(states, i))
        line[pots++] = line_of(s, i->id);
    qsort(line, pots, sizeof *line, by_id);
    for (unsigned i = 0; i < pots; i++)
        lines += i == 0 || line[i] != line[i - 1];
    pl_free(line);
    return lines;
}

/* While it searches nothing is renewed: all lines together, one right after the other, are done before a lease is over.
 * Where the plant's time stands still meanwhile, that is no matter. */
static double seconds_of(struct optimize *s) {
    double seconds = (double)s->line_deadline * 1e-9, room = (double)(s->lease - s->renew) * 1e-9;
    if (pl_plant_owns_time(s->node)) return seconds;
    return fmin(seconds, LEASE_SHARE * room / fmax(lines_known(s), 1));
}

static void set_up(struct optimize *s, uint32_t line, pl_time time, struct line_run *l) {
    optimize_setup(s, time, &l->setup.pot);
    l->setup.pot.solver.seconds = seconds_of(s);
    l->setup.by_hour = s->tariff_by_hour.count == LINE_HOURS && s->objective.cost > 0;
    double mean = 0;
    for (unsigned h = 0; h < LINE_HOURS; h++) {
        l->setup.tariff[h] = optimize_tariff(s, time + (pl_time)h * PL_HOUR);
        mean += l->setup.tariff[h] / LINE_HOURS;
    }
    if (l->setup.by_hour) l->setup.pot.objective.tariff = mean; /* pots are not set anew each hour */
    limits_of(&s->limits, answer_name(s, line), l->input.limit);
    struct limit *move = &l->input.limit[QUANTITY_CURRENT_MOVE];
    if (is_starved(s, line, time)) move->high = fmin(move->high, 0);
    l->version = (int64_t)s->limits.version;
    l->input.baseline = s->baseline[POT_CURRENT];
}

/* ---- The answer ---- */

static bool tell_line(struct optimize *s, uint32_t line, pl_time time, const char *kind, const struct line_run *l) {
    line_run_write(l, s->body, BODY_MAX);
    if (pl_pack_failed(s->body)) return false;
    return pl_emit_event(s->node, PORT_EVENTS, time, kind, 1, line, 0, s->body) != PL_FLOW_FAIL;
}

/* What was accepted last goes on being renewed, and grows old: `hold` ends it. */
static bool go_on(struct optimize *s, uint32_t line, struct pot_record *r, pl_time time, const struct line_run *l) {
    const struct line_result *a = &l->result;
    const double energy[2] = {r->energy[0], r->energy[1]};
    pl_time solved_at = r->solved_at;
    answer_decided(s, r, time, a->rung, energy, a->reason);
    r->solved_at = solved_at;
    return tell_line(s, line, time, "optimize.line", l) && answer_rung(s, line, time, a->rung, a->reason);
}

static bool use(struct optimize *s, uint32_t line, struct pot_record *r, pl_time time, const struct line_run *l) {
    const struct line_result *a = &l->result;
    const struct limit *contract = &l->input.limit[QUANTITY_CURRENT];
    const double energy[2] = {a->before.energy, a->rung == POT_BASELINE ? a->before.energy : a->after.energy};
    if (a->late) pl_count(s->node, COUNT_LATE, 1);
    if (a->rung == POT_ACCEPTED) return go_on(s, line, r, time, l);
    answer_decided(s, r, time, a->rung, energy, a->reason);
    for (int i = 0; i < TARGETS; i++)
        r->set[i] = NAN;
    r->set[TARGET_CURRENT] = a->current;
    r->lower[TARGET_CURRENT] = fmin(contract->low, a->current);
    r->upper[TARGET_CURRENT] = fmax(contract->high, a->current);
    r->sends = a->rung < POT_BASELINE; /* else the guard's holds */
    if (!tell_line(s, line, time, "optimize.line", l) || !answer_rung(s, line, time, a->rung, a->reason)) return false;
    return !r->sends || (answer_next(s, time) && answer_send(s, line, r, time, a->reason));
}

static bool decide(struct optimize *s, uint32_t line, struct pot_record *r, pl_time time) {
    struct pl_error *error = NULL;
    unsigned all, count;
    struct member *member = pl_alloc(LINE_POTS_MAX * sizeof *member);
    if (!member) return false;
    count = members_of(s, line, time, member, &all);
    r->tried_at = time;
    bool known = answer_fresh(s, &r->watch[WATCHED_STANDS], time);
    bool enough = count > 0 && count >= ENOUGH * all;
    struct line_run *l = known && enough ? line_run_new(count) : NULL;
    if (l) read_members(s, l, member, count, all);
    if (l) enough = l->input.pots > 0 && l->input.pots >= ENOUGH * all; /* states that could not be read are none */
    pl_free(member);
    if (!known) return answer_hold(s, line, time, "what stands in the line's current set point is not known");
    if (!enough) line_run_free(l);
    if (!enough) return answer_hold(s, line, time, "too few of its pots are believed to decide its current");
    if (!l) return false;
    l->input.now = r->watch[WATCHED_STANDS].value;
    l->input.accepted = r->sends && time - r->solved_at < s->hold ? r->set[TARGET_CURRENT] : NAN;
    set_up(s, line, time, l);
    enum pl_code code = line_run_solve(l, &error);
    bool good = code == PL_NO_MEMORY ? false
                : code               ? answer_hold(s, line, time, error ? error->text : pl_code_text(code))
                                     : use(s, line, r, time, l);
    pl_error_free(&error);
    line_run_free(l);
    return good;
}

static bool keep_state(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size) {
    struct state_record *state = pl_table_get(pl_node_table(s->node, TABLE_STATES), asset, 0);
    const struct pot_record *r = answer_record(s, asset);
    char room[96];
    if (!state || !r) return true; /* one too many (max_keys), which has been told */
    bool good = size <= sizeof state->bytes && !answer_doubt(s, asset, r, time, room, sizeof room);
    state->time = time;
    state->size = good ? size : 0;
    if (good) memcpy(state->bytes, body, size);
    return true;
}

enum pl_code line_check(const struct optimize *s, struct pl_error **error) {
    if (pl_node_key_depth(s->node) > 1)
        return pl_error_set(error, PL_RANGE,
                            "current: line needs all pots of a line in one partition: set key_depth: 1, not %u",
                            pl_node_key_depth(s->node));
    if (!pl_plant_owns_time(s->node) && s->line_deadline >= s->lease - s->renew)
        return pl_error_set(error, PL_RANGE,
                            "line_deadline: a search of %g s renews nothing meanwhile, and leases of %g s that are "
                            "renewed each %g s would be over: shorten it, or write a longer lease",
                            (double)s->line_deadline * 1e-9, (double)s->lease * 1e-9, (double)s->renew * 1e-9);
    return PL_OK;
}

bool line_state(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size) {
    uint32_t line = line_of(s, asset);
    struct pot_record *r = line == PL_NO_ID ? NULL : answer_record(s, line);
    if (!keep_state(s, asset, time, body, size)) return false;
    /* Once all of its pots have had the time to tell their states, and then each `line_every`; what was held is tried
     * again before the last answer is too old. */
    if (!r || answer_followed(s, line, time) < s->every) return true;
    bool held = r->tried_at != r->solved_at && s->every < s->line_every;
    if (r->tried_at && time >= r->tried_at && time - r->tried_at < (held ? s->every : s->line_every)) return true;
    return decide(s, line, r, time);
}

bool line_again(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size) {
    struct pl_error *error = NULL;
    struct line_run *l = NULL;
    enum pl_code code = line_run_read(&l, body, size, &error);
    if (!code) {
        l->setup.pot.solver.seconds = (double)s->line_deadline * 1e-9;
        code = line_run_solve(l, &error);
    }
    pl_count(s->node, COUNT_REPLAYED, !code);
    bool good = code == PL_NO_MEMORY ? false
                : code               ? answer_hold(s, asset, time, error ? error->text : pl_code_text(code))
                                     : tell_line(s, asset, time, "optimize.replayed", l);
    pl_error_free(&error);
    line_run_free(l);
    return good;
}
