/* setpoints_testing.h: optimize.setpoints as a black box: states in, set points and events out. */
#ifndef OPTIMIZE_SETPOINTS_TESTING_H
#define OPTIMIZE_SETPOINTS_TESTING_H

#include <math.h>
#include <string.h>

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
    char events[1 << 17];                      /* "kind asset body" a line */
    unsigned char run[1 << 15], line[1 << 15]; /* the newest */
    uint32_t run_size, line_size;
};

static inline void open_rig(struct rig *rig) {
    struct pl_error *error = NULL;
    rig->h = pl_harness_new("optimize.setpoints", rig->options, PL_EVENTS, &error);
    if (!rig->h) fail_msg("%s", pl_error_text(error));
}

static inline struct rig *rig_new(const char *options) {
    struct rig *rig = calloc(1, sizeof *rig);
    rig->options = options;
    rig->noise = 8;
    rig->stands = 43;
    open_rig(rig);
    return rig;
}

static inline void rig_free(struct rig *rig) {
    if (pl_harness_failure(rig->h)) fail_msg("%s", pl_harness_failure(rig->h));
    pl_harness_free(rig->h);
    free(rig);
}

static const char *name_of(struct rig *rig, uint32_t id) {
    return pl_tags_get(pl_harness_tags(rig->h), id)->name;
}

static inline void pull(struct rig *rig) {
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

static inline void forget(struct rig *rig) {
    rig->sets = 0;
    rig->events[0] = 0;
}

static inline void push_event(struct rig *rig, const char *kind, const char *asset, pl_time time, const void *body,
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

static inline void sample(struct rig *rig, const char *tag, pl_time time, double value, unsigned quality) {
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
static inline struct pl_pack *state_of(const char *parameter, double value, int spoilt, double with) {
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

static inline void push_state(struct rig *rig, const char *asset, pl_time time, struct pl_pack *p) {
    char tag[64];
    snprintf(tag, sizeof tag, "%s.noise", asset);
    if (!isnan(rig->noise)) sample(rig, tag, time, rig->noise, PL_Q_GOOD);
    snprintf(tag, sizeof tag, "%s.acd_set", asset);
    if (!isnan(rig->stands)) sample(rig, tag, time, rig->stands, PL_Q_GOOD);
    push_event(rig, "twin.state", asset, time, pl_pack_data(p), (uint32_t)pl_pack_size(p));
    pl_pack_free(p);
}

static inline double value_of(const struct rig *rig, const char *tag) {
    for (unsigned i = rig->sets; i-- > 0;)
        if (strcmp(rig->set[i].tag, tag) == 0) return rig->set[i].value;
    return NAN;
}

static inline enum pl_code command(struct rig *rig, const char *name, const char *args, char **why) {
    struct pl_error *error = NULL;
    char *reply = NULL;
    enum pl_code code = pl_harness_command(rig->h, name, args, &reply, &error);
    *why = error ? pl_error_text(error) : reply ? strdup(reply) : strdup("");
    pl_free(reply);
    pl_error_free(&error);
    return code;
}

static inline void expect(struct rig *rig, enum pl_code code, const char *name, const char *args, const char *has) {
    char *why;
    enum pl_code got = command(rig, name, args, &why);
    if (got != code || !strstr(why, has)) fail_msg("%s %s: %d %s", name, args, got, why);
    free(why);
}

#endif
