/* answer.c: a state becomes a run, its answer set points and events. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "setpoints.h"

enum { REASON_SENT = 150 };

static struct pot_record *record_of(struct optimize *s, uint32_t asset) {
    return pl_table_get(pl_node_table(s->node, TABLE_POTS), asset, 0);
}

static const char *name_of(const struct optimize *s, uint32_t id) {
    return pl_tags_get(pl_node_tags(s->node), id)->name;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t id_of(const struct optimize *s, const char *name, pl_time time) {
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), pl_node_name(s->node), strlen(pl_node_name(s->node)) + 1);
    hash = mix(hash, name, strlen(name) + 1);
    return mix(hash, &time, sizeof time);
}

/* ---- Events ---- */

static bool tell(struct optimize *s, pl_time time, const char *kind, uint16_t severity, uint32_t asset,
                 const char *why) {
    pl_pack_reset(s->body);
    pl_pack_map(s->body, 1);
    pl_pack_pair_str(s->body, "reason", why);
    return pl_emit_event(s->node, PORT_EVENTS, time, kind, severity, asset, 0, s->body) != PL_FLOW_FAIL;
}

static bool hold(struct optimize *s, uint32_t asset, pl_time time, const char *why) {
    pl_count(s->node, COUNT_HELD, 1);
    return tell(s, time, "optimize.held", 400, asset, why);
}

static bool tell_run(struct optimize *s, uint32_t asset, pl_time time, const char *kind) {
    pl_pack_reset(s->body);
    run_write(s->run, s->result, s->body);
    if (pl_pack_failed(s->body)) return false;
    return pl_emit_event(s->node, PORT_EVENTS, time, kind, 1, asset, 0, s->body) != PL_FLOW_FAIL;
}

/* No step down the ladder is a silent one. */
static bool tell_rung(struct optimize *s, uint32_t asset, pl_time time) {
    static const struct {
        const char *kind;
        uint16_t severity;
    } of[POT_RUNGS] = {[POT_RELAXED] = {"optimize.relaxed", 400},
                       [POT_ACCEPTED] = {"optimize.accepted", 500},
                       [POT_BASELINE] = {"optimize.baseline", 600}};
    enum pot_rung rung = s->result->rung;
    return !of[rung].kind || tell(s, time, of[rung].kind, of[rung].severity, asset, s->result->reason);
}

/* ---- Set points ---- */

/* A generation is this node's, not a pot's: what was decided of one pot does not make what is renewed of another old.
 */
static bool send(struct optimize *s, uint32_t asset, struct pot_record *r, pl_time time, const char *reason) {
    struct pl_tags *tags = pl_node_tags(s->node);
    const struct progress_record *p = pl_table_get(pl_node_table(s->node, TABLE_PROGRESS), 0, 0);
    size_t length = strlen(reason);
    if (length > REASON_SENT) length = pl_text_cut(reason, REASON_SENT);
    struct pl_batch *b = pl_node_batch(s->node, PL_SETPOINTS, TARGETS, TARGETS * (uint32_t)(length + 1));
    if (!b || !p) {
        pl_batch_unref(b);
        return false;
    }
    r->token = p->token;
    for (int i = 0; i < TARGETS; i++) {
        char name[PL_NAME_MAX + 1];
        int used = snprintf(name, sizeof name, "%s.%s", name_of(s, asset), s->target[i]);
        if (!*s->target[i] || isnan(r->set[i]) || used < 0 || used >= (int)sizeof name) continue;
        uint32_t tag = pl_tags_intern(tags, name, (size_t)used), k = b->rows;
        if (tag == PL_NO_ID || !pl_batch_heap(b, 0, reason, (uint32_t)length)) break;
        b->setpoints.time[k] = time;
        b->setpoints.id[k] = id_of(s, name, time);
        b->setpoints.tag[k] = tag;
        b->setpoints.value[k] = r->set[i];
        b->setpoints.lower[k] = r->lower[i];
        b->setpoints.upper[k] = r->upper[i];
        b->setpoints.expiry[k] = time + s->lease;
        b->setpoints.token[k] = r->token;
        b->setpoints.origin[k] = s->own;
        b->setpoints.end[k] = b->heap_used[0];
        b->rows++;
    }
    r->sent_at = time;
    pl_count(s->node, COUNT_SENT, b->rows);
    return pl_emit(s->node, PORT_OUT, &b) != PL_FLOW_FAIL;
}

static bool fresh(const struct optimize *s, const struct watch *w, pl_time now) {
    return w->time != 0 && isfinite(w->value) && now - w->time <= s->fresh;
}

static double within(double x, const struct limit *l) {
    return fmin(fmax(x, l->low), l->high);
}

/* Anodes are moved from where the device stands by what the twin wants: its distance and the device's need not agree.
 * Whatever the answer, the baseline too, they go no farther than one move may be: toward their window, where they are
 * outside of it. NaN: where they stand is not known, or where no pot's do. */
static double acd_set(const struct optimize *s, const struct pot_record *r, pl_time time) {
    const struct pot_result *a = s->result;
    const struct limit *l = s->run->input.limit, *move = &l[QUANTITY_ACD_MOVE];
    const struct quantity_row *q = &quantity_rows[QUANTITY_ACD];
    double stands = fresh(s, &r->watch[WATCHED_STANDS], time) ? r->watch[WATCHED_STANDS].value : NAN;
    double wanted = stands + (a->x[POT_ACD] - a->from[POT_ACD]);
    if (!(stands >= q->least && stands <= q->most) || !isfinite(wanted)) return NAN;
    const struct limit reach = {stands + move->low, stands + move->high, 0};
    return within(within(wanted, &l[QUANTITY_ACD]), &reach);
}

static void take_answer(struct optimize *s, struct pot_record *r, pl_time time) {
    const struct limit *l = s->run->input.limit;
    static const enum quantity of[TARGETS] = {QUANTITY_ACD, QUANTITY_FEED, QUANTITY_DOSE};
    const double acd = acd_set(s, r, time), *after = s->result->after;
    for (int i = 0; i < TARGETS; i++) {
        double set = i == TARGET_ACD ? acd : after[of[i]];
        r->lower[i] = l[of[i]].low;
        r->upper[i] = l[of[i]].high;
        r->set[i] = !isfinite(set) ? NAN : i == TARGET_ACD ? set : within(set, &l[of[i]]);
    }
    if (acd < r->lower[TARGET_ACD]) r->lower[TARGET_ACD] = acd;
    if (acd > r->upper[TARGET_ACD]) r->upper[TARGET_ACD] = acd;
}

/* Generations never fall, whatever pot they are of. */
static bool next_token(struct optimize *s, pl_time time) {
    struct progress_record *p = pl_table_get(pl_node_table(s->node, TABLE_PROGRESS), 0, 0);
    if (!p) return false;
    if (time > 0 && (uint64_t)time > p->token) p->token = (uint64_t)time;
    return true;
}

/* ---- Runs ---- */

/* A twin that has lost its pot (an effect that it took for something else, a sensor that is off) may be sure of itself,
 * and have the anodes where no pot's are. */
static bool is_credible(const struct pot_result *a) {
    const struct quantity_row *q = &quantity_rows[QUANTITY_ACD];
    return a->from[POT_ACD] >= q->least && a->from[POT_ACD] <= q->most;
}

static bool doubt_run(struct optimize *s, uint32_t asset, pl_time time) {
    char why[96];
    snprintf(why, sizeof why, "the twin has the anodes at %.1f mm, where no pot's are: it is not believed",
             s->result->from[POT_ACD]);
    return hold(s, asset, time, why);
}

static bool use(struct optimize *s, uint32_t asset, struct pot_record *r, pl_time time) {
    const struct pot_result *a = s->result;
    r->solved_at = time;
    r->rung = a->rung;
    memcpy(r->energy, a->energy, sizeof r->energy);
    size_t length = strlen(a->reason);
    memset(r->reason, 0, sizeof r->reason);
    memcpy(r->reason, a->reason, length < sizeof r->reason ? length : pl_text_cut(a->reason, sizeof r->reason - 1));
    pl_count(s->node, COUNT_RUNS, 1);
    pl_count(s->node, COUNT_OPTIMAL + a->rung, 1);
    if (a->search.late) pl_count(s->node, COUNT_LATE, 1);
    if (a->rung <= POT_RELAXED) {
        memcpy(r->accepted, a->x, sizeof r->accepted);
        r->known = true;
    }
    bool given = isfinite(s->baseline[POT_ACD]);
    r->sends = a->rung < POT_BASELINE || given; /* without a baseline of its own the guard's holds */
    take_answer(s, r, time);
    if (!tell_run(s, asset, time, "optimize.run") || !tell_rung(s, asset, time) || !next_token(s, time)) return false;
    bool left = r->sends && *s->target[TARGET_ACD] && isnan(r->set[TARGET_ACD]);
    if (left && !tell(s, time, "optimize.blind", 500, asset,
                      fresh(s, &r->watch[WATCHED_STANDS], time)
                          ? "the anodes stand where no pot's do: they are left there"
                          : "what stands in the anodes' set point is not known: they are left where they are"))
        return false;
    return !r->sends || send(s, asset, r, time, a->reason);
}

void answer_begun(struct optimize *s, uint32_t asset, pl_time time) {
    struct followed_record *f = asset ? pl_table_get(pl_node_table(s->node, TABLE_FOLLOWED), asset, 0) : NULL;
    if (f) f->since = time;
}

/* For how long the twin has followed it: since it was begun, or else since its first state that was seen. */
static pl_time followed(struct optimize *s, uint32_t asset, pl_time time) {
    struct pl_table *table = pl_node_table(s->node, TABLE_FOLLOWED);
    const struct followed_record *f = pl_table_find(table, asset, 0);
    if (!f || f->since == 0 || f->since > time) {
        answer_begun(s, asset, time);
        return 0;
    }
    return time - f->since;
}

/* What a twin has of a pot that it has only begun to follow are the model's parameters. */
static bool settles(const struct optimize *s, pl_time age, char *why, size_t room) {
    if (age >= s->settle) return false;
    snprintf(why, room, "the twin has followed the pot for %lld of %lld min: it is not believed yet",
             (long long)(age / PL_MINUTE), (long long)(s->settle / PL_MINUTE));
    return true;
}

static const char *doubt(const struct optimize *s, const struct pot_record *r, pl_time time) {
    const struct watch *health = &r->watch[WATCHED_HEALTH];
    if (s->health > 0 && !fresh(s, health, time)) return "how sure the twin is of the pot is not known";
    if (s->health > 0 && health->value < s->health) return "the twin is not sure of the pot";
    if (fresh(s, &r->watch[WATCHED_RISK], time) && r->watch[WATCHED_RISK].value >= 0.5)
        return "an anode effect is likely: the pot's own control comes first";
    return NULL;
}

/* How restless the metal is says how low the anodes may be. Who does not know it does not lower them. */
static bool look_at_noise(struct optimize *s, uint32_t asset, const struct pot_record *r, pl_time time) {
    struct pot_input *input = &s->run->input;
    struct limit *move = &input->limit[QUANTITY_ACD_MOVE];
    bool known = fresh(s, &r->watch[WATCHED_NOISE], time);
    input->noise = known ? r->watch[WATCHED_NOISE].value : NAN;
    if (known || !*s->noise || !*s->target[TARGET_ACD]) return true;
    move->low = fmin(fmax(move->low, 0), move->high);
    return tell(s, time, "optimize.blind", 400, asset, "the pot's noise is not known: its anodes are not lowered");
}

bool answer_state(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size) {
    struct pot_record *r = asset ? record_of(s, asset) : NULL;
    struct pl_error *error = NULL;
    if (!r) return hold(s, asset, time, asset ? "there is no room for another pot (max_keys)" : "it is of no pot");
    if (r->sends && time - r->solved_at < s->every && time >= r->solved_at) return true;
    char young[96];
    const char *why = settles(s, followed(s, asset, time), young, sizeof young) ? young : doubt(s, r, time);
    if (why) return hold(s, asset, time, why);
    struct run *run = s->run;
    *run = (struct run){.version = (int64_t)s->limits.version};
    enum pl_code code = run_read(run, body, size, &error);
    if (!code && run->recorded) code = pl_error_set(&error, PL_CORRUPT, "it is a run, not a state");
    optimize_setup(s, time, &run->setup);
    limits_of(&s->limits, name_of(s, asset), run->input.limit);
    if (!look_at_noise(s, asset, r, time)) {
        pl_error_free(&error);
        return false;
    }
    run->input.seed = id_of(s, name_of(s, asset), time) >> 11; /* whole in JSON, too */
    for (int j = 0; j < POT_VARIABLES; j++) {
        run->input.accepted[j] = r->known ? r->accepted[j] : NAN;
        run->input.baseline[j] = j == POT_CURRENT ? NAN : s->baseline[j];
    }
    if (!code) code = run_solve(run, s->result, &error);
    bool good = code == PL_NO_MEMORY     ? false
                : code                   ? hold(s, asset, time, error ? error->text : pl_code_text(code))
                                  : is_credible(s->result) ? use(s, asset, r, time)
                                         : doubt_run(s, asset, time);
    pl_error_free(&error);
    return good;
}

/* What was recorded, once more: nothing is sent. */
bool answer_again(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size) {
    struct pl_error *error = NULL;
    struct run *run = s->run;
    *run = (struct run){.version = 0};
    enum pl_code code = run_read(run, body, size, &error);
    if (!code && !run->recorded) code = pl_error_set(&error, PL_CORRUPT, "it is a state, not a run");
    run->setup.solver.seconds = (double)s->deadline * 1e-9;
    if (!code) code = run_solve(run, s->result, &error);
    pl_count(s->node, COUNT_REPLAYED, !code);
    bool good = code == PL_NO_MEMORY ? false
                : code               ? hold(s, asset, time, error ? error->text : pl_code_text(code))
                                     : tell_run(s, asset, time, "optimize.replayed");
    pl_error_free(&error);
    return good;
}

bool answer_renew(struct optimize *s, pl_time now) {
    struct pl_table *pots = pl_node_table(s->node, TABLE_POTS);
    bool good = true;
    for (struct pl_record *i = pl_table_next(pots, NULL); i && good; i = pl_table_next(pots, i)) {
        const struct pot_record *seen = pl_record_data(i);
        bool old = now - seen->solved_at >= s->hold;
        if (!seen->sends || (!old && now - seen->sent_at < s->renew)) continue;
        struct pot_record *r = pl_table_get(pots, i->id, i->sub); /* only of what changes: snapshots stay small */
        if (!r) return false;
        if (old) {
            r->sends = false;
            pl_count(s->node, COUNT_LAPSED, 1);
            good = tell(s, now, "optimize.lapsed", 500, i->id, "no new answer: the guard's baseline holds");
        } else {
            good = send(s, i->id, r, now, "renewed");
        }
    }
    return good;
}
