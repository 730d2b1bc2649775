/* state.c: what follows from a condition over time.
 *
 *            true          for `hold`            clear (or not true)     for `release`
 *     idle --------> pending -------> raised -------------------> releasing -------> idle
 *            <--------          <-------------------
 *             false                  not clear
 *
 * What a row shows holds until the tag's next one, so a rule is also raised and cleared by the watermark.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <uv.h>

#include "node.h"

enum { TIMED_EVERY = 64 };

pl_time rules__due(const struct rule *rule, const struct state *state) {
    pl_time wait = state->phase == PHASE_PENDING ? rule->hold : rule->release;
    return state->since > PL_TIME_MAX - wait ? PL_TIME_MAX : state->since + wait;
}

static bool begin_alarm(struct rules *rules, struct pl_node *node, struct rule *rule, uint32_t tag, struct state *state,
                        pl_time time) {
    state->phase = PHASE_RAISED;
    rule->raised++;
    rules->counted[COUNT_RAISED]++;
    if (!pl_table_find(pl_node_table(node, TABLE_STANDINGS), 0, rule->key)) rules__keep_standing(node, rule);
    return rules__tell(rules, node, rule, tag, TELL_RAISED, time, state->input, state->memory, NULL);
}

static bool end_alarm(struct rules *rules, struct pl_node *node, struct rule *rule, uint32_t tag, struct state *state,
                      pl_time time) {
    state->phase = PHASE_IDLE;
    rule->cleared++;
    rules->counted[COUNT_CLEARED]++;
    return rules__tell(rules, node, rule, tag, TELL_CLEARED, time, state->input, state->memory, NULL);
}

bool rules__pass_time(struct rules *rules, struct pl_node *node, struct rule *rule, uint32_t tag, struct state *state,
                      pl_time time) {
    pl_time due = rules__due(rule, state);
    if (due > time) return true;
    if (state->phase == PHASE_PENDING) return begin_alarm(rules, node, rule, tag, state, due);
    if (state->phase == PHASE_RELEASING) return end_alarm(rules, node, rule, tag, state, due);
    return true;
}

/* Without room for the timer the next row still does it. */
static void wait_from(const struct row *row, const struct rule *rule, struct state *state, enum phase phase) {
    state->phase = (uint8_t)phase;
    state->since = row->time;
    pl_timer_at(row->node, rules__due(rule, state), row->tag, (uint64_t)rule->key);
}

static bool on_true(const struct row *row, struct rule *rule, struct state *state) {
    if (state->phase != PHASE_IDLE) return true;
    if (rule->hold == 0) return begin_alarm(row->rules, row->node, rule, row->tag, state, row->time);
    wait_from(row, rule, state, PHASE_PENDING);
    return true;
}

static bool on_over(const struct row *row, struct rule *rule, struct state *state) {
    if (state->phase != PHASE_RAISED) return true;
    if (rule->release == 0) return end_alarm(row->rules, row->node, rule, row->tag, state, row->time);
    wait_from(row, rule, state, PHASE_RELEASING);
    return true;
}

static bool is_raised(const struct state *state) {
    return state && state->phase >= PHASE_RAISED;
}

/* ---- Failing ---- */

static bool strike(const struct row *row, struct rule *rule) {
    rule->errors++;
    rule->strikes++;
    row->rules->counted[COUNT_ERRORS]++;
    rule->disabled = rule->strikes >= row->rules->strikes;
    rules__keep_standing(row->node, rule);
    if (!rule->disabled) {
        pl_node_diag(row->node, PL_WARN, "rule %s: %s", rule->name, rule->error);
        return true;
    }
    pl_diag_write(&rule->told_disabled, row->node, PL_WARN,
                  "rule %s (%s:%d) is disabled, having failed %" PRIu32
                  " times in a row: %s; mend it, then in the shell \"rules reload\" and \"rules enable %s\"",
                  rule->name, rule->file, rule->line, rule->strikes, rule->error, rule->name);
    row->rules->counted[COUNT_DISABLED]++;
    return rules__tell_disabled(row, rule);
}

static enum outcome call(const struct row *row, struct rule *rule, const struct condition *condition,
                         const double *input, double *memory) {
    uint64_t begun = rule->evaluated % TIMED_EVERY == 0 ? uv_hrtime() : 0;
    enum outcome outcome = rules__call(row, rule, condition, input, memory);
    if (begun) {
        rule->timed++;
        rule->timed_ns += uv_hrtime() - begun;
    }
    return outcome;
}

static void count_evaluation(const struct row *row, struct rule *rule) {
    rule->evaluated++;
    row->rules->counted[COUNT_EVALUATED]++;
}

/* ---- One row ---- */

static void make_fit(const struct row *row, struct rule *rule, struct state *state) {
    if (state->begun && state->memory_layout != rule->memory_layout && !rule->told_anew) {
        rule->told_anew = true;
        pl_node_diag(row->node, PL_WARN, "rule %s: its memory begins anew: what the last run kept has other variables",
                     rule->name);
    }
    if (!state->begun || state->memory_layout != rule->memory_layout)
        memcpy(state->memory, rule->initial, sizeof state->memory);
    if (!state->begun) state->last = PL_TIME_MIN;
    for (uint32_t i = 0; i < rule->inputs && state->input_layout != rule->input_layout; i++)
        state->input[i] = NAN;
    state->memory_layout = rule->memory_layout;
    state->input_layout = rule->input_layout;
    state->begun = 1;
}

static bool step(const struct row *row, struct rule *rule, struct state *state, bool truth, const double *input) {
    bool over = !truth;
    if (state->phase >= PHASE_RAISED && (rule->clear.function || rule->clear.expr)) {
        enum outcome outcome = call(row, rule, &rule->clear, input, state->memory);
        if (outcome == OUTCOME_NONE) return strike(row, rule);
        over = outcome == OUTCOME_TRUE;
    }
    if (over && state->phase == PHASE_PENDING) state->phase = PHASE_IDLE;
    if (!over && state->phase == PHASE_RELEASING) state->phase = PHASE_RAISED;
    if (state->phase >= PHASE_RAISED) return over ? on_over(row, rule, state) : true;
    return truth ? on_true(row, rule, state) : true;
}

static bool settle(const struct row *row, struct rule *rule, struct state *state, enum outcome outcome,
                   const double *input) {
    if (rule->strikes) {
        rule->strikes = 0;
        rules__keep_standing(row->node, rule);
    }
    bool truth = outcome == OUTCOME_TRUE;
    if (rule->each) {
        if (!truth) return true;
        row->rules->counted[COUNT_MATCHED]++;
        rule->raised++;
        return rules__tell(row->rules, row->node, rule, row->tag, TELL_MATCHED, row->time, input,
                           state ? state->memory : rule->initial, NULL);
    }
    return !state || step(row, rule, state, truth, input);
}

static bool too_bad(const struct row *row, const struct rule *rule) {
    static const uint16_t worse[] = {PL_Q_SEVERITY, PL_Q_BAD, 0};
    uint16_t refused = rule->any_quality ? 0 : worse[row->rules->quality];
    return row->quality & (refused | PL_Q_PROVISIONAL);
}

static bool ignore(const struct row *row) {
    row->rules->counted[COUNT_IGNORED]++;
    return true;
}

static bool refuse(const struct row *row) {
    row->rules->counted[COUNT_REFUSED]++;
    return true;
}

/* The condition for this row, with the state it needs made on the way; *state stays NULL where there is none. */
static enum outcome judge(const struct row *row, struct rule *rule, const double *input, struct state **state,
                          bool columns_say) {
    bool by_clear_alone = is_raised(*state) && !rule->memories && (rule->clear.function || rule->clear.expr);
    if (by_clear_alone) return OUTCOME_TRUE;
    if (rule->columnar) return columns_say ? OUTCOME_TRUE : OUTCOME_FALSE;
    return call(row, rule, &rule->when, input, *state ? (*state)->memory : NULL);
}

bool rules__apply(const struct row *row, struct rule *rule, const struct concern *concern) {
    double input[RULE_PARTS_MAX];
    struct pl_table *states = pl_node_table(row->node, TABLE_STATES);
    if (too_bad(row, rule)) return ignore(row);
    const struct state *known = pl_table_first(states, row->tag) ? pl_table_find(states, row->tag, rule->key) : NULL;
    double truth = rule->columnar ? rule->result[row->index] : 0;
    bool columns_say = truth != 0 && !isnan(truth);
    if (rule->columnar && !columns_say && !known && !rule->keeps) {
        count_evaluation(row, rule);
        return true;
    }
    if (known && row->time < known->last) return ignore(row);
    if (!rules__inputs(row, rule, concern, known ? known->last : PL_TIME_MIN, input)) return ignore(row);
    struct state *state = known || rule->keeps ? pl_table_get(states, row->tag, rule->key) : NULL;
    if (!state && (known || rule->keeps)) return refuse(row);
    if (state) make_fit(row, rule, state);
    if (state && !rules__pass_time(row->rules, row->node, rule, row->tag, state, row->time)) return false;
    count_evaluation(row, rule);
    enum outcome outcome = judge(row, rule, input, &state, columns_say);
    if (outcome == OUTCOME_NONE) return strike(row, rule);
    if (!state && outcome == OUTCOME_TRUE && !rule->each) {
        state = pl_table_get(states, row->tag, rule->key);
        if (!state) return refuse(row);
        make_fit(row, rule, state);
    }
    if (state) {
        state->last = row->time;
        memcpy(state->input, input, rule->inputs * sizeof *input);
    }
    return settle(row, rule, state, outcome, input);
}
