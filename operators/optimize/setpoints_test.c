/* optimize.setpoints as a black box: states in, set points and events out. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "../testing.h"
#include "models.h"

static const pl_time START = INT64_C(1750000000) * PL_SECOND;
enum { STATE_MAX = 1024 };

struct rig {
    struct pl_harness *h;
    const char *options;
    double noise, stands; /* told in front of each state, of its pot; NaN: nothing is */
    unsigned sets;
    struct {
        char tag[64];
        double value;
        pl_time expiry;
        uint64_t token;
    } set[64];
    char events[1 << 17]; /* "kind asset body" a line */
    unsigned char run[1 << 15], line[1 << 15]; /* the newest */
    uint32_t run_size, line_size;
};

static void open_rig(struct rig *rig) {
    struct pl_error *error = NULL;
    rig->h = pl_harness_new("optimize.setpoints", rig->options, PL_EVENTS, &error);
    if (!rig->h) fail_msg("%s", pl_error_text(error));
}

static struct rig *rig_new(const char *options) {
    struct rig *rig = calloc(1, sizeof *rig);
    rig->options = options;
    rig->noise = 8;
    rig->stands = 43;
    open_rig(rig);
    return rig;
}

static void rig_free(struct rig *rig) {
    if (pl_harness_failure(rig->h)) fail_msg("%s", pl_harness_failure(rig->h));
    pl_harness_free(rig->h);
    free(rig);
}

static const char *name_of(struct rig *rig, uint32_t id) {
    return pl_tags_get(pl_harness_tags(rig->h), id)->name;
}

static void pull(struct rig *rig) {
    for (struct pl_batch *b; (b = pl_harness_pull(rig->h, 0)); pl_batch_unref(b))
        for (uint32_t i = 0; i < b->rows && rig->sets < 64; i++) {
            snprintf(rig->set[rig->sets].tag, 64, "%s", name_of(rig, b->setpoints.tag[i]));
            rig->set[rig->sets].value = b->setpoints.value[i];
            rig->set[rig->sets].expiry = b->setpoints.expiry[i];
            rig->set[rig->sets++].token = b->setpoints.token[i];
            assert_true(b->setpoints.value[i] >= b->setpoints.lower[i]);
            assert_true(b->setpoints.value[i] <= b->setpoints.upper[i]);
        }
    for (struct pl_batch *b; (b = pl_harness_pull(rig->h, 1)); pl_batch_unref(b))
        for (uint32_t i = 0; i < b->rows; i++) {
            uint32_t size;
            const void *body = pl_batch_heap_row(b, 0, i, &size);
            char *json = pl_pack_json(body, size);
            size_t used = strlen(rig->events);
            const char *kind = name_of(rig, b->events.kind[i]);
            snprintf(rig->events + used, sizeof rig->events - used, "%s %s %s\n", kind,
                     name_of(rig, b->events.asset[i]), json);
            pl_free(json);
            bool line = strcmp(kind, "optimize.line") == 0;
            if (strcmp(kind, "optimize.run") != 0 && !line) continue;
            assert_true(size <= sizeof rig->run);
            memcpy(line ? rig->line : rig->run, body, *(line ? &rig->line_size : &rig->run_size) = size);
        }
}

static void forget(struct rig *rig) {
    rig->sets = 0;
    rig->events[0] = 0;
}

static void push_event(struct rig *rig, const char *kind, const char *asset, pl_time time, const void *body,
                       uint32_t size) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 1, size + 1);
    b->events.time[0] = time;
    b->events.id[0] = 1;
    b->events.kind[0] = pl_harness_tag(rig->h, kind);
    b->events.severity[0] = 1;
    b->events.asset[0] = pl_harness_tag(rig->h, asset);
    b->events.tag[0] = 0;
    pl_batch_heap(b, 0, body, size);
    b->events.end[0] = b->heap_used[0];
    b->rows = 1;
    assert_int_equal(pl_harness_push(rig->h, 0, b), PL_FLOW_OK);
    pull(rig);
}

static void sample(struct rig *rig, const char *tag, pl_time time, double value, unsigned quality) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    b->samples.time[0] = time;
    b->samples.tag[0] = pl_harness_tag(rig->h, tag);
    b->samples.value[0] = value;
    b->samples.quality[0] = (uint16_t)quality;
    b->rows = 1;
    assert_int_equal(pl_harness_push(rig->h, 0, b), PL_FLOW_OK);
    pull(rig);
}

/* As twin.cell tells it; one number of the state may be spoilt. */
static struct pl_pack *state_of(const char *parameter, double value, int spoilt, double with) {
    double values[PL_MODEL_PARAMETERS_MAX], state[STATE_MAX];
    unsigned count = 0;
    void *self = NULL;
    struct pl_error *error = NULL;
    models_defaults(twin_cell_model.parameters, values);
    values[twin_cell_row("bath")] = 6200;
    values[twin_cell_row("metal")] = 15000;
    values[twin_cell_row("alumina")] = 2.5;
    if (parameter) values[twin_cell_row(parameter)] = value;
    while (twin_cell_model.parameters[count].name)
        count++;
    assert_int_equal(twin_cell_model.open(&self, values, &error), PL_OK);
    size_t numbers = twin_cell_model.save(self, NULL);
    assert_true(numbers <= STATE_MAX);
    twin_cell_model.save(self, state);
    twin_cell_model.close(self);
    if (spoilt >= 0) state[spoilt] = with;
    struct pl_pack *p = pl_pack_new();
    pl_pack_map(p, 6);
    pl_pack_pair_str(p, "model", "CellModel");
    pl_pack_pair_str(p, "parameters", "0123456789abcdef");
    pl_pack_pair_int(p, "rung", 0);
    pl_pack_pair_f64(p, "t", 0);
    pl_pack_str(p, "values");
    pl_pack_array(p, count);
    for (unsigned i = 0; i < count; i++)
        pl_pack_f64(p, values[i]);
    pl_pack_str(p, "state");
    pl_pack_array(p, (uint32_t)numbers);
    for (size_t i = 0; i < numbers; i++)
        pl_pack_f64(p, state[i]);
    return p;
}

static void push_state(struct rig *rig, const char *asset, pl_time time, struct pl_pack *p) {
    char tag[64];
    snprintf(tag, sizeof tag, "%s.noise", asset);
    if (!isnan(rig->noise)) sample(rig, tag, time, rig->noise, PL_Q_GOOD);
    snprintf(tag, sizeof tag, "%s.acd_set", asset);
    if (!isnan(rig->stands)) sample(rig, tag, time, rig->stands, PL_Q_GOOD);
    push_event(rig, "twin.state", asset, time, pl_pack_data(p), (uint32_t)pl_pack_size(p));
    pl_pack_free(p);
}

static double value_of(const struct rig *rig, const char *tag) {
    for (unsigned i = rig->sets; i-- > 0;)
        if (strcmp(rig->set[i].tag, tag) == 0) return rig->set[i].value;
    return NAN;
}

/* ---- Answers ---- */

static void a_state_becomes_set_points(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0}");
    rig->stands = 44.5;
    push_state(rig, "line1.pot01", START, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 3);
    assert_near(value_of(rig, "line1.pot01.acd_set"), 43.5, 0.01); /* a millimetre from where the device stands */
    assert_true(value_of(rig, "line1.pot01.feed_set") > 95 && value_of(rig, "line1.pot01.feed_set") < 115);
    assert_true(value_of(rig, "line1.pot01.alf3_set") >= 0);
    assert_true(rig->set[0].expiry == START + 90 * PL_SECOND && rig->set[0].token == (uint64_t)START);
    assert_non_null(strstr(rig->events, "optimize.run line1.pot01 {\"outcome\":\"optimal\""));
    assert_non_null(strstr(rig->events, "held back by"));
    rig_free(rig);
}

static void answers_are_renewed_until_they_are_too_old(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, renew: 30s, lease: 90s, hold: 5m, every: 4m}");
    push_state(rig, "line1.pot01", START, state_of(NULL, 0, -1, 0));
    double acd = value_of(rig, "line1.pot01.acd_set");
    forget(rig);
    pl_harness_watermark(rig->h, START + 29 * PL_SECOND);
    pull(rig);
    assert_int_equal(rig->sets, 0);
    pl_harness_watermark(rig->h, START + 30 * PL_SECOND);
    pull(rig);
    assert_true(rig->sets == 3 && value_of(rig, "line1.pot01.acd_set") == acd);
    assert_true(rig->set[0].expiry == START + 120 * PL_SECOND);
    forget(rig);
    push_state(rig, "line1.pot01", START + PL_MINUTE, state_of(NULL, 0, -1, 0)); /* sooner than `every` */
    assert_true(rig->sets == 0 && !*rig->events);
    pl_harness_watermark(rig->h, START + 5 * PL_MINUTE);
    pull(rig);
    assert_non_null(strstr(rig->events, "optimize.lapsed line1.pot01"));
    assert_int_equal(rig->sets, 0);
    /* A pot with an older clock does not make the generation fall. */
    push_state(rig, "line1.pot01", START + 20 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    push_state(rig, "line1.pot02", START + 19 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_true(rig->set[rig->sets - 1].token == (uint64_t)(START + 20 * PL_MINUTE));
    /* Nor is what is renewed of one pot old because another one was decided: a guard would refuse it. */
    push_state(rig, "line1.pot02", START + 24 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    forget(rig);
    pl_harness_watermark(rig->h, START + 24 * PL_MINUTE + 10 * PL_SECOND);
    pull(rig);
    assert_true(rig->sets > 0 && !isnan(value_of(rig, "line1.pot01.acd_set")));
    for (unsigned i = 0; i < rig->sets; i++)
        assert_true(rig->set[i].token == (uint64_t)(START + 24 * PL_MINUTE));
    rig_free(rig);
}

static void what_is_in_doubt_is_held(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m}");
    sample(rig, "line1.pot01.twin.health", START, 0.3, PL_Q_GOOD);
    push_state(rig, "line1.pot01", START, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held line1.pot01 {\"reason\":\"the twin is not sure"));
    sample(rig, "line1.pot01.twin.health", START + 1, 0.9, PL_Q_GOOD);
    sample(rig, "line1.pot01.twin.anode_effect_risk", START + 1, 0.8, PL_Q_GOOD);
    push_state(rig, "line1.pot01", START + 2, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "an anode effect is likely"));
    sample(rig, "line1.pot01.twin.anode_effect_risk", START + 3, NAN, PL_Q_BAD); /* changes nothing */
    push_state(rig, "line1.pot01", START + 4, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 0);
    push_state(rig, "line1.pot01", START + PL_HOUR, state_of(NULL, 0, -1, 0)); /* that was long ago */
    assert_non_null(strstr(rig->events, "how sure the twin is of the pot is not known"));
    assert_int_equal(rig->sets, 0);
    sample(rig, "line1.pot01.twin.health", START + PL_HOUR, 0.9, PL_Q_GOOD);
    push_state(rig, "line1.pot01", START + PL_HOUR + 1, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 3);
    forget(rig);
    sample(rig, "line1.pot04.twin.health", START, 0.9, PL_Q_GOOD); /* sure of itself, and wrong */
    push_state(rig, "line1.pot04", START, state_of("distance", 0.025, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held line1.pot04 {\"reason\":\"the twin has the anodes at 25.0 mm"));
    assert_int_equal(rig->sets, 0);
    forget(rig);
    sample(rig, "line1.pot03.twin.health", START, 0.9, PL_Q_GOOD);
    push_state(rig, "line1.pot03", START, state_of("current", 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held line1.pot03 {\"reason\":\"no current"));
    assert_int_equal(rig->sets, 0);
    rig_free(rig);
}

/* A twin begins with what the model's parameters say of a pot: advice by that would stand for hours. */
static void a_twin_that_has_only_begun_is_not_believed(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 1h, hold: 2h, settle: 30m}");
    push_event(rig, "twin.begun", "l.p", START, "\x80", 1);
    push_state(rig, "l.p", START + 10 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_non_null(
        strstr(rig->events, "optimize.held l.p {\"reason\":\"the twin has followed the pot for 10 of 30 min"));
    assert_int_equal(rig->sets, 0);
    push_state(rig, "l.p", START + 30 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 3);
    /* Lost and begun anew: what was decided is renewed, and nothing new is, before it has settled again. */
    push_event(rig, "twin.begun", "l.p", START + 85 * PL_MINUTE, "\x80", 1);
    forget(rig);
    push_state(rig, "l.p", START + 95 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.held l.p"));
    assert_null(strstr(rig->events, "optimize.run"));
    push_state(rig, "l.q", START, state_of(NULL, 0, -1, 0)); /* of which no beginning was told */
    push_state(rig, "l.q", START + 29 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_null(strstr(rig->events, "optimize.run l.q"));
    push_state(rig, "l.q", START + 30 * PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.run l.q"));
    rig_free(rig);
}

/* What anodes are moved by has to be known, and now. */
static void who_does_not_know_does_not_move(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 0s, fresh: 10m}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.p.acd_set"), 42, 0.01);
    assert_null(strstr(rig->events, "optimize.blind"));
    rig->noise = NAN; /* the last one is too old */
    push_state(rig, "l.p", START + PL_HOUR, state_of(NULL, 0, -1, 0));
    assert_true(value_of(rig, "l.p.acd_set") >= 43);
    assert_non_null(strstr(rig->events, "optimize.blind l.p {\"reason\":\"the pot's noise is not known"));
    rig->noise = 8;
    rig->stands = NAN;
    forget(rig);
    push_state(rig, "l.p", START + 2 * PL_HOUR, state_of(NULL, 0, -1, 0));
    assert_int_equal(rig->sets, 2); /* feed and AlF3 */
    assert_true(isnan(value_of(rig, "l.p.acd_set")));
    assert_non_null(strstr(rig->events, "what stands in the anodes' set point is not known"));
    push_state(rig, "l.q", START, state_of(NULL, 0, -1, 0)); /* nor of one that was never heard of */
    assert_true(isnan(value_of(rig, "l.q.acd_set")));
    rig->stands = 20;
    forget(rig);
    push_state(rig, "l.q", START + PL_MINUTE, state_of(NULL, 0, -1, 0));
    assert_true(isnan(value_of(rig, "l.q.acd_set")));
    assert_non_null(strstr(rig->events, "where no pot's do"));
    rig_free(rig);
    rig = rig_new("{deadline: 1m, health: 0, noise: ''}"); /* a plant without such a signal says so */
    rig->noise = NAN;
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.p.acd_set"), 42, 0.01);
    rig_free(rig);
}

/* Bytes from outside: cut, spoilt, of something else. Nothing of it is sent, and it is said. */
static void hostile_states_are_refused(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 0s}");
    struct pl_pack *whole = state_of(NULL, 0, -1, 0);
    const unsigned char *bytes = pl_pack_data(whole);
    uint32_t size = (uint32_t)pl_pack_size(whole);
    for (uint32_t cut = 0; cut < size; cut += 97)
        push_event(rig, "twin.state", "a.b", START + cut, bytes, cut);
    static const double wild[] = {NAN, INFINITY, -INFINITY};
    for (unsigned i = 0; i < 3; i++)
        push_state(rig, "a.b", START + 10000 + i, state_of(NULL, 0, 50, wild[i]));
    push_event(rig, "optimize.run", "a.b", START + 20000, bytes, size);
    push_event(rig, "twin.state", "a.b", START + 20001, "\x81\xa5model\xa7unknown", 15);
    assert_int_equal(rig->sets, 0);
    assert_non_null(strstr(rig->events, "its bytes are no state of a cell"));
    assert_non_null(strstr(rig->events, "it is a state, not a run"));
    forget(rig);
    /* Any one byte of it changed: an answer within limits, or a refusal; never a crash. */
    unsigned char *changed = malloc(size);
    unsigned every = getenv("POTLINE_LONG") ? 7 : 131;
    for (uint32_t i = 0; i < size; i += every) {
        memcpy(changed, bytes, size);
        changed[i] ^= (unsigned char)(1 + i % 255);
        push_event(rig, "twin.state", "a.c", START + i, changed, size);
        rig->sets = 0; /* `pull` has looked at their ranges */
        rig->events[0] = 0;
    }
    free(changed);
    pl_pack_free(whole);
    rig_free(rig);
}

static void what_gives_way_is_announced(void **state) {
    (void)state;
    struct rig *rig =
        rig_new("{deadline: 1m, health: 0, every: 0s, limits: [{of: ledge, low: 120, high: 200, rank: 1}, "
                "{of: superheat, low: 10, high: 14, rank: 2}]}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.relaxed l.p"));
    assert_non_null(strstr(rig->events, "cannot hold together"));
    assert_int_equal(rig->sets, 3);
    rig_free(rig);
    rig = rig_new("{deadline: 1m, health: 0, every: 0s, limits: [{of: ledge, low: 120, high: 200, rank: 0}, "
                  "{of: superheat, low: 10, high: 14, rank: 0}]}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_non_null(strstr(rig->events, "optimize.baseline l.p"));
    assert_int_equal(rig->sets, 0); /* none of its own: the guard's */
    rig_free(rig);
}

static void a_run_is_the_same_again(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, scenarios: 2, objective: {cost: 1}}");
    rig->noise = 20;
    push_state(rig, "l.p", START, state_of("efficiency", 0.93, -1, 0));
    struct rig *other = rig_new("{deadline: 1m, health: 0}"); /* all else is in the record */
    push_event(other, "optimize.run", "l.p", START + PL_HOUR, rig->run, rig->run_size);
    const char *a = strstr(rig->events, "\"saved\":"), *b = strstr(other->events, "optimize.replayed l.p");
    assert_non_null(a);
    assert_non_null(b);
    b = strstr(b, "\"saved\":");
    assert_non_null(b);
    size_t length = (size_t)(strstr(a, "\"solver\"") - a); /* answer, figures, active limits: to the last digit */
    assert_memory_equal(a, b, length);
    assert_int_equal(other->sets, 0);
    rig_free(rig);
    rig_free(other);
}

static void a_snapshot_goes_on(void **state) {
    (void)state;
    struct rig *rig = rig_new("{deadline: 1m, health: 0, renew: 30s}");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    double acd = value_of(rig, "l.p.acd_set");
    size_t size;
    void *bytes = pl_harness_snapshot(rig->h, &size);
    struct pl_error *error = NULL;
    pl_harness_free(rig->h);
    forget(rig);
    open_rig(rig);
    pl_harness_tag(rig->h, "another.name");
    assert_int_equal(pl_harness_restore(rig->h, bytes, size, &error), PL_OK);
    pl_free(bytes);
    pl_harness_watermark(rig->h, START + PL_MINUTE);
    pull(rig);
    assert_true(rig->sets == 3 && value_of(rig, "l.p.acd_set") == acd);
    rig_free(rig);
}

static enum pl_code command(struct rig *rig, const char *name, const char *args, char **why) {
    struct pl_error *error = NULL;
    char *reply = NULL;
    enum pl_code code = pl_harness_command(rig->h, name, args, &reply, &error);
    *why = error ? pl_error_text(error) : reply ? strdup(reply) : strdup("");
    pl_free(reply);
    pl_error_free(&error);
    return code;
}

static void expect(struct rig *rig, enum pl_code code, const char *name, const char *args, const char *has) {
    char *why;
    enum pl_code got = command(rig, name, args, &why);
    if (got != code || !strstr(why, has)) fail_msg("%s %s: %d %s", name, args, got, why);
    free(why);
}

/* ---- A line ---- */

#define LINE_OPTIONS                                                                                                   \
    "{deadline: 1m, line_deadline: 10m, health: 0, every: 10m, current: line, baseline: {current: 180}, settle: 0s, "  \
    "limits: [{of: current, low: 175, high: 185, rank: 0}, {of: current_move, low: -0.5, high: 0.5, rank: 0}]}"

static void push_pots(struct rig *rig, pl_time time) {
    push_state(rig, "l.p", time, state_of("superheat", 11, -1, 0));
    push_state(rig, "l.q", time + 1, state_of("superheat", 10, -1, 0));
}

static void a_line_gets_one_current_for_all_of_its_pots(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    sample(rig, "l.current_set", START, 180, PL_Q_GOOD);
    push_pots(rig, START);
    assert_true(isnan(value_of(rig, "l.current_set"))); /* before all have had the time to be heard of */
    sample(rig, "l.current_set", START + 10 * PL_MINUTE, 180, PL_Q_GOOD);
    push_pots(rig, START + 10 * PL_MINUTE);
    double current = value_of(rig, "l.current_set");
    assert_true(current >= 179.5 && current <= 180.5);
    assert_non_null(strstr(rig->events, "optimize.line l {\"outcome\":\"optimal\""));
    assert_non_null(strstr(rig->events, "kWh/t less than at their baseline of 180.0 kA"));
    expect(rig, PL_OK, "optimizations list", "{asset: l}", "\"asset\":\"l\"");
    /* The same again, from its record alone. */
    struct rig *other = rig_new("{health: 0}");
    push_event(other, "optimize.line", "l", START, rig->line, rig->line_size);
    const char *a = strstr(strstr(rig->events, "optimize.line l"), "\"saved\":");
    const char *b = strstr(other->events, "optimize.replayed l");
    assert_non_null(b);
    b = strstr(b, "\"saved\":");
    assert_memory_equal(a, b, (size_t)(strstr(a, "\"late\"") - a));
    assert_int_equal(other->sets, 0);
    /* Bytes of it from elsewhere. */
    for (uint32_t cut = 0; cut < rig->line_size; cut += 211)
        push_event(other, "optimize.line", "l", START + cut, rig->line, cut);
    for (uint32_t i = 0; i < rig->line_size; i += getenv("POTLINE_LONG") ? 97 : 2003) {
        rig->line[i] ^= (unsigned char)(1 + i % 255);
        push_event(other, "optimize.line", "l", START + i, rig->line, rig->line_size);
        rig->line[i] ^= (unsigned char)(1 + i % 255);
        other->events[0] = 0;
    }
    assert_int_equal(other->sets, 0);
    rig_free(other);
    rig_free(rig);
}

static void a_line_in_doubt_is_held(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    push_pots(rig, START);
    push_pots(rig, START + 10 * PL_MINUTE);
    assert_non_null(strstr(rig->events, "optimize.held l {\"reason\":\"what stands in the line's current set point"));
    assert_true(isnan(value_of(rig, "l.current_set")));
    sample(rig, "l.current_set", START + 2 * PL_HOUR, 180, PL_Q_GOOD);
    push_state(rig, "l.p", START + 2 * PL_HOUR, state_of(NULL, 0, -1, 0)); /* the other one was heard of long ago */
    assert_non_null(strstr(rig->events, "too few of its pots are believed"));
    assert_true(isnan(value_of(rig, "l.current_set")));
    rig_free(rig);
}

/* What twins have told, and what was decided, is there after a restart. */
static void a_line_goes_on_from_a_snapshot(void **state) {
    (void)state;
    struct rig *rig = rig_new(LINE_OPTIONS);
    push_pots(rig, START);
    size_t size;
    void *bytes = pl_harness_snapshot(rig->h, &size);
    struct pl_error *error = NULL;
    pl_harness_free(rig->h);
    forget(rig);
    open_rig(rig);
    pl_harness_tag(rig->h, "another.name");
    assert_int_equal(pl_harness_restore(rig->h, bytes, size, &error), PL_OK);
    pl_free(bytes);
    sample(rig, "l.current_set", START + 10 * PL_MINUTE, 180, PL_Q_GOOD);
    push_state(rig, "l.q", START + 10 * PL_MINUTE, state_of("superheat", 10, -1, 0));
    double current = value_of(rig, "l.current_set");
    assert_true(current >= 179.5 && current <= 180.5);
    assert_non_null(strstr(rig->events, "with it 2 pots come to")); /* one of them told its state before */
    forget(rig);
    pl_harness_watermark(rig->h, START + 11 * PL_MINUTE);
    pull(rig);
    assert_near(value_of(rig, "l.current_set"), current, 0);
    rig_free(rig);
}

/* ---- Constraints ---- */

static void people_set_constraints(void **state) {
    (void)state;
    char folder[] = "/tmp/potline-optimize-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct rig *rig = rig_new("{deadline: 1m, health: 0, every: 0s}");
    pl_harness_data(rig->h, folder);
    expect(rig, PL_OK, "constraints list", "", "\"source\":\"usual\"");
    expect(rig, PL_OK, "constraints validate", "{scope: l.p, constraint: acd, low: 42.8, high: 48}", "would hold");
    push_state(rig, "l.p", START, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.p.acd_set"), 42, 0.01);
    expect(rig, PL_OK, "constraints set", "{scope: l.p, constraint: acd, low: 42.8, high: 48, rank: 0, reason: test}",
           "\"version\":1");
    push_state(rig, "l.p", START + 1, state_of(NULL, 0, -1, 0)); /* in effect at the next run, for this pot */
    assert_near(value_of(rig, "l.p.acd_set"), 42.8, 0.01);
    push_state(rig, "l.q", START + 1, state_of(NULL, 0, -1, 0));
    assert_near(value_of(rig, "l.q.acd_set"), 42, 0.01);
    expect(rig, PL_OK, "constraints get", "{scope: l.p, constraint: acd}", "42.8");
    expect(rig, PL_RANGE, "constraints set", "{scope: l, constraint: superheat, low: 9, high: 5, reason: test}",
           "there is nothing");
    expect(rig, PL_RANGE, "constraints set", "{scope: l, constraint: superheat, low: 9, high: 500, reason: test}",
           "beyond");
    expect(rig, PL_OK, "constraints set", "{scope: l, constraint: superheat, low: 4, high: 5, reason: test}", "4");
    expect(rig, PL_RANGE, "constraints validate", "{scope: l, constraint: bath_temp, low: 1020, high: 1029}", "melt");
    expect(rig, PL_RANGE, "constraints set", "{scope: l/p, constraint: acd, low: 40, high: 48, reason: test}",
           "no scope");
    rig_free(rig);
    rig =
        rig_new("{deadline: 1m, health: 0}"); /* they are there after a restart, and what is new gets the next number */
    pl_harness_data(rig->h, folder);
    expect(rig, PL_OK, "constraints get", "{scope: l.p, constraint: acd}", "42.8");
    expect(rig, PL_OK, "constraints set", "{scope: l, constraint: shell, low: -.inf, high: 430, reason: test}",
           "\"version\":3");
    rig_free(rig);
    char remove[128];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_becomes_set_points),
        cmocka_unit_test(answers_are_renewed_until_they_are_too_old),
        cmocka_unit_test(what_is_in_doubt_is_held),
        cmocka_unit_test(hostile_states_are_refused),
        cmocka_unit_test(what_gives_way_is_announced),
        cmocka_unit_test(a_run_is_the_same_again),
        cmocka_unit_test(a_snapshot_goes_on),
        cmocka_unit_test(people_set_constraints),
        cmocka_unit_test(a_line_gets_one_current_for_all_of_its_pots),
        cmocka_unit_test(a_line_in_doubt_is_held),
        cmocka_unit_test(a_line_goes_on_from_a_snapshot),
        cmocka_unit_test(a_twin_that_has_only_begun_is_not_believed),
        cmocka_unit_test(who_does_not_know_does_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
