/* answer.c: a state becomes a run, its answer set points and events. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "setpoints.h"

enum { REASON_SENT = 800 };
static const double CURRENT_JITTER = 0.1; /* kA, of what a device shows */

struct pot_record *answer_record(struct optimize *s, uint32_t asset) {
    return pl_table_get(pl_node_table(s->node, TABLE_POTS), asset, 0);
}

const char *answer_name(const struct optimize *s, uint32_t id) {
    return pl_tags_get(pl_node_tags(s->node), id)->name;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t answer_id(const struct optimize *s, const char *name, pl_time time) {
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), pl_node_name(s->node), strlen(pl_node_name(s->node)) + 1);
    hash = mix(hash, name, strlen(name) + 1);
    return mix(hash, &time, sizeof time);
}

/* ---- Events ---- */

bool answer_tell(struct optimize *s, pl_time time, const char *kind, uint16_t severity, uint32_t asset,
                 const char *why) {
    pl_pack_reset(s->body);
    pl_pack_map(s->body, 1);
    pl_pack_pair_str(s->body, "reason", why);
    return pl_emit_event(s->node, PORT_EVENTS, time, kind, severity, asset, 0, s->body) != PL_FLOW_FAIL;
}

bool answer_hold(struct optimize *s, uint32_t asset, pl_time time, const char *why) {
    pl_count(s->node, COUNT_HELD, 1);
    return answer_tell(s, time, "optimize.held", 400, asset, why);
}

static bool tell_run(struct optimize *s, uint32_t asset, pl_time time, const char *kind) {
    pl_pack_reset(s->body);
    run_write(s->run, s->result, s->body);
    if (pl_pack_failed(s->body)) return false;
    return pl_emit_event(s->node, PORT_EVENTS, time, kind, 1, asset, 0, s->body) != PL_FLOW_FAIL;
}

/* No step down the ladder is a silent one. */
bool answer_rung(struct optimize *s, uint32_t asset, pl_time time, enum pot_rung rung, const char *why) {
    static const struct {
        const char *kind;
        uint16_t severity;
    } of[POT_RUNGS] = {[POT_RELAXED] = {"optimize.relaxed", 400},
                       [POT_ACCEPTED] = {"optimize.accepted", 500},
                       [POT_BASELINE] = {"optimize.baseline", 600}};
    return !of[rung].kind || answer_tell(s, time, of[rung].kind, of[rung].severity, asset, why);
}

/* ---- Set points ---- */

/* A generation is this node's, not a pot's: what was decided of one pot does not make what is renewed of another old.
 */
bool answer_send(struct optimize *s, uint32_t asset, struct pot_record *r, pl_time time, const char *reason) {
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
        int used = snprintf(name, sizeof name, "%s.%s", answer_name(s, asset), s->target[i]);
        if (!*s->target[i] || isnan(r->set[i]) || used < 0 || used >= (int)sizeof name) continue;
        uint32_t tag = pl_tags_intern(tags, name, (size_t)used), k = b->rows;
        if (tag == PL_NO_ID || !pl_batch_heap(b, 0, reason, (uint32_t)length)) break;
        b->setpoints.time[k] = time;
        b->setpoints.id[k] = answer_id(s, name, time);
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

bool answer_fresh(const struct optimize *s, const struct watch *w, pl_time now) {
    return w->time != 0 && isfinite(w->value) && now - w->time <= s->fresh;
}

/* Generations never fall, whatever pot they are of. */
bool answer_next(struct optimize *s, pl_time time) {
    struct progress_record *p = pl_table_get(pl_node_table(s->node, TABLE_PROGRESS), 0, 0);
    if (!p) return false;
    if (time > 0 && (uint64_t)time > p->token) p->token = (uint64_t)time;
    return true;
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
    double stands = answer_fresh(s, &r->watch[WATCHED_STANDS], time) ? r->watch[WATCHED_STANDS].value : NAN;
    double wanted = stands + (a->x[POT_ACD] - a->from[POT_ACD]);
    if (!(stands >= q->least && stands <= q->most) || !isfinite(wanted)) return NAN;
    const struct limit reach = {stands + move->low, stands + move->high, 0};
    return within(within(wanted, &l[QUANTITY_ACD]), &reach);
}

static void take_answer(struct optimize *s, struct pot_record *r, pl_time time) {
    const struct limit *l = s->run->input.limit;
    static const enum quantity of[TARGET_CURRENT] = {QUANTITY_ACD, QUANTITY_FEED, QUANTITY_DOSE};
    const double acd = acd_set(s, r, time), *after = s->result->after;
    r->set[TARGET_CURRENT] = NAN;
    for (int i = 0; i < TARGET_CURRENT; i++) {
        double set = i == TARGET_ACD ? acd : after[of[i]];
        r->lower[i] = l[of[i]].low;
        r->upper[i] = l[of[i]].high;
        r->set[i] = !isfinite(set) ? NAN : i == TARGET_ACD ? set : within(set, &l[of[i]]);
    }
    if (acd < r->lower[TARGET_ACD]) r->lower[TARGET_ACD] = acd;
    if (acd > r->upper[TARGET_ACD]) r->upper[TARGET_ACD] = acd;
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
    return answer_hold(s, asset, time, why);
}

void answer_decided(struct optimize *s, struct pot_record *r, pl_time time, enum pot_rung rung, const double energy[2],
                    const char *reason) {
    r->solved_at = time;
    r->rung = rung;
    memcpy(r->energy, energy, sizeof r->energy);
    size_t length = strlen(reason);
    memset(r->reason, 0, sizeof r->reason);
    memcpy(r->reason, reason, length < sizeof r->reason ? length : pl_text_cut(reason, sizeof r->reason - 1));
    pl_count(s->node, COUNT_RUNS, 1);
    pl_count(s->node, COUNT_OPTIMAL + rung, 1);
}

static bool use(struct optimize *s, uint32_t asset, struct pot_record *r, pl_time time) {
    const struct pot_result *a = s->result;
    answer_decided(s, r, time, a->rung, a->energy, a->reason);
    if (a->search.late) pl_count(s->node, COUNT_LATE, 1);
    if (a->rung <= POT_RELAXED) {
        memcpy(r->accepted, a->x, sizeof r->accepted);
        r->known = true;
    }
    bool given = isfinite(s->baseline[POT_ACD]);
    /* Without a baseline of its own the guard's holds. What is certain at a current that nobody sets is only told. */
    r->sends = (a->rung < POT_BASELINE || given) && s->current != CURRENT_FREE;
    take_answer(s, r, time);
    if (!tell_run(s, asset, time, "optimize.run") || !answer_rung(s, asset, time, a->rung, a->reason)) return false;
    bool left = r->sends && *s->target[TARGET_ACD] && isnan(r->set[TARGET_ACD]);
    if (left && !answer_tell(s, time, "optimize.blind", 500, asset,
                             answer_fresh(s, &r->watch[WATCHED_STANDS], time)
                                 ? "the anodes stand where no pot's do: they are left there"
                                 : "what stands in the anodes' set point is not known: they are left where they are"))
        return false;
    return !r->sends || (answer_next(s, time) && answer_send(s, asset, r, time, a->reason));
}

void answer_begun(struct optimize *s, uint32_t asset, pl_time time) {
    struct followed_record *f = asset ? pl_table_get(pl_node_table(s->node, TABLE_FOLLOWED), asset, 0) : NULL;
    if (f) f->since = time;
}

/* For how long the twin has followed it: since it was begun, or else since its first state that was seen. */
pl_time answer_followed(struct optimize *s, uint32_t asset, pl_time time) {
    struct pl_table *table = pl_node_table(s->node, TABLE_FOLLOWED);
    const struct followed_record *f = pl_table_find(table, asset, 0);
    if (!f || f->since == 0 || f->since > time) {
        answer_begun(s, asset, time);
        return 0;
    }
    return time - f->since;
}

/* What a twin has of a pot that it has only begun to follow are the model's parameters. */
const char *answer_doubt(struct optimize *s, uint32_t asset, const struct pot_record *r, pl_time time, char *room,
                         size_t size) {
    const struct watch *health = &r->watch[WATCHED_HEALTH];
    pl_time age = answer_followed(s, asset, time);
    snprintf(room, size, "the twin has followed the pot for %lld of %lld min: it is not believed yet",
             (long long)(age / PL_MINUTE), (long long)(s->settle / PL_MINUTE));
    if (age < s->settle) return room;
    if (s->health > 0 && !answer_fresh(s, health, time)) return "how sure the twin is of the pot is not known";
    if (s->health > 0 && health->value < s->health) return "the twin is not sure of the pot";
    if (answer_fresh(s, &r->watch[WATCHED_RISK], time) && r->watch[WATCHED_RISK].value >= 0.5)
        return "an anode effect is likely: the pot's own control comes first";
    return NULL;
}

/* How restless the metal is says how low the anodes may be. Who does not know it does not lower them. */
bool answer_input(struct optimize *s, uint32_t asset, const struct pot_record *r, pl_time time, struct run *run) {
    struct pot_input *input = &run->input;
    struct limit *move = &input->limit[QUANTITY_ACD_MOVE];
    bool known = answer_fresh(s, &r->watch[WATCHED_NOISE], time);
    limits_of(&s->limits, answer_name(s, asset), input->limit);
    input->noise = known ? r->watch[WATCHED_NOISE].value : NAN;
    for (int j = 0; j < POT_VARIABLES; j++) {
        input->accepted[j] = r->known ? r->accepted[j] : NAN;
        input->baseline[j] = j == POT_CURRENT ? NAN : s->baseline[j];
    }
    if (known || !*s->noise || !*s->target[TARGET_ACD]) return true;
    move->low = fmin(fmax(move->low, 0), move->high);
    return false;
}

static bool decide(struct optimize *s, uint32_t asset, struct pot_record *r, pl_time time, const void *body,
                   uint32_t size) {
    struct pl_error *error = NULL;
    struct run *run = s->run;
    *run = (struct run){.version = (int64_t)s->limits.version};
    enum pl_code code = run_read(run, body, size, &error);
    if (!code && run->recorded) code = pl_error_set(&error, PL_CORRUPT, "it is a run, not a state");
    optimize_setup(s, time, &run->setup);
    run->input.seed = answer_id(s, answer_name(s, asset), time) >> 11; /* whole in JSON, too */
    if (!answer_input(s, asset, r, time, run) &&
        !answer_tell(s, time, "optimize.blind", 400, asset, "the pot's noise is not known: its anodes are not lowered"))
        return false;
    if (!code) code = run_solve(run, s->result, &error);
    bool good = code == PL_NO_MEMORY     ? false
                : code                   ? answer_hold(s, asset, time, error ? error->text : pl_code_text(code))
                                  : is_credible(s->result) ? use(s, asset, r, time)
                                         : doubt_run(s, asset, time);
    pl_error_free(&error);
    return good;
}

bool answer_state(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size) {
    struct pot_record *r = asset ? answer_record(s, asset) : NULL;
    char young[96];
    if (!r)
        return answer_hold(s, asset, time, asset ? "there is no room for another pot (max_keys)" : "it is of no pot");
    bool due = !((r->sends || s->current == CURRENT_FREE) && time - r->solved_at < s->every && time >= r->solved_at);
    const char *why = due ? answer_doubt(s, asset, r, time, young, sizeof young) : NULL;
    if (due && !(why ? answer_hold(s, asset, time, why) : decide(s, asset, r, time, body, size))) return false;
    return s->current != CURRENT_LINE || line_state(s, asset, time, body, size);
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
                : code               ? answer_hold(s, asset, time, error ? error->text : pl_code_text(code))
                                     : tell_run(s, asset, time, "optimize.replayed");
    pl_error_free(&error);
    return good;
}

/* A line's current that stands farther from what is sent than one move goes: whoever has set it (a dispatcher, a crew)
 * is not driven back. */
static bool is_anothers(const struct optimize *s, uint32_t asset, const struct pot_record *r, pl_time now) {
    const struct watch *stands = &r->watch[WATCHED_STANDS];
    struct limit limit[QUANTITIES];
    if (!answer_fresh(s, stands, now)) return false;
    limits_of(&s->limits, answer_name(s, asset), limit);
    const struct limit *move = &limit[QUANTITY_CURRENT_MOVE];
    double off = r->set[TARGET_CURRENT] - stands->value; /* the move that is left */
    return off < fmin(move->low, 0) - CURRENT_JITTER || off > fmax(move->high, 0) + CURRENT_JITTER;
}

/* Why what is sent is not renewed any more, or NULL. */
static const char *over(const struct optimize *s, uint32_t asset, const struct pot_record *r, pl_time now) {
    if (now - r->solved_at >= s->hold) return "no new answer: the guard's baseline holds";
    if (s->current == CURRENT_FREE) return "nothing is set with current: free";
    if (isnan(r->set[TARGET_CURRENT])) return NULL;
    if (s->current != CURRENT_LINE) return "nobody decides the line's current any more: it is left where it is";
    if (is_anothers(s, asset, r, now)) return "somebody else has set the line's current: it is left there";
    return NULL;
}

bool answer_renew(struct optimize *s, pl_time now) {
    struct pl_table *pots = pl_node_table(s->node, TABLE_POTS);
    bool good = true;
    for (struct pl_record *i = pl_table_next(pots, NULL); i && good; i = pl_table_next(pots, i)) {
        const struct pot_record *seen = pl_record_data(i);
        bool due = now - seen->sent_at >= s->renew || now - seen->solved_at >= s->hold;
        if (!seen->sends || !due) continue;
        struct pot_record *r = pl_table_get(pots, i->id, i->sub); /* only of what changes: snapshots stay small */
        if (!r) return false;
        const char *why = over(s, i->id, r, now);
        if (!why) {
            good = answer_send(s, i->id, r, now, "renewed");
            continue;
        }
        r->sends = false;
        pl_count(s->node, COUNT_LAPSED, 1);
        good = answer_tell(s, now, "optimize.lapsed", 500, i->id, why);
    }
    return good;
}
