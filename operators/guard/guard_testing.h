/* guard_testing.h: the guard as a black box, with a clock of the test's own: set points and samples in, what passed and
 * what was told. */
#ifndef GUARD_TESTING_H
#define GUARD_TESTING_H

#include <unistd.h>

#include "../testing.h"

static const pl_time START = INT64_C(1750000000) * PL_SECOND;

struct rig {
    struct pl_harness *h;
    const char *options;
    pl_time now;
    uint64_t id;
    const char *model;    /* of what is wished; NULL: none */
    char events[1 << 16]; /* "kind tag why what" a line */
    struct out {
        char tag[64];
        double value, lower, upper;
        pl_time expiry;
        uint64_t token;
    } out[64];
    unsigned outs;
};

static inline void open_at(struct rig *rig, const char *folder) {
    struct pl_error *error = NULL;
    rig->h = pl_harness_new("guard", rig->options, PL_SETPOINTS, &error);
    if (!rig->h) fail_msg("%s", pl_error_text(error));
    if (folder) pl_harness_data(rig->h, folder);
    pl_harness_clock(rig->h, rig->now);
    pl_harness_self(rig->h);
}

static inline struct rig *rig_new(const char *options) {
    struct rig *rig = calloc(1, sizeof *rig);
    rig->options = options;
    rig->now = START;
    open_at(rig, NULL);
    return rig;
}

static inline void rig_free(struct rig *rig) {
    if (pl_harness_failure(rig->h)) fail_msg("%s", pl_harness_failure(rig->h));
    pl_harness_free(rig->h);
    free(rig);
}

static inline void take_out(struct rig *rig, const struct pl_batch *b) {
    for (uint32_t i = 0; i < b->rows && rig->outs < 64; i++) {
        struct out *out = &rig->out[rig->outs++];
        snprintf(out->tag, sizeof out->tag, "%s", pl_tags_get(pl_harness_tags(rig->h), b->setpoints.tag[i])->name);
        out->value = b->setpoints.value[i];
        out->expiry = b->setpoints.expiry[i];
        out->token = b->setpoints.token[i];
    }
}

static inline void take_events(struct rig *rig, const struct pl_batch *b) {
    for (uint32_t i = 0; i < b->rows; i++) {
        uint32_t length;
        const void *body = pl_batch_heap_row(b, 0, i, &length);
        char *json = pl_pack_json(body, length);
        size_t used = strlen(rig->events);
        snprintf(rig->events + used, sizeof rig->events - used, "%s %s %s\n",
                 pl_tags_get(pl_harness_tags(rig->h), b->events.kind[i])->name,
                 pl_tags_get(pl_harness_tags(rig->h), b->events.tag[i])->name, json);
        pl_free(json);
    }
}

static inline void pull(struct rig *rig) {
    for (struct pl_batch *b; (b = pl_harness_pull(rig->h, 0)); pl_batch_unref(b))
        take_out(rig, b);
    for (struct pl_batch *b; (b = pl_harness_pull(rig->h, 1)); pl_batch_unref(b))
        take_events(rig, b);
}

static inline void forget(struct rig *rig) {
    rig->outs = 0;
    rig->events[0] = 0;
}

struct wish {
    const char *tag;
    double value;
    pl_time lasts;
    uint64_t token;
    double lower, upper;
};

static inline struct pl_batch *batch_of(struct rig *rig, const struct wish *w) {
    struct pl_batch *b = pl_batch_new(PL_SETPOINTS, 1, 4);
    struct pl_setpoints *s = &b->setpoints;
    s->time[0] = rig->now;
    s->id[0] = ++rig->id;
    s->tag[0] = pl_harness_tag(rig->h, w->tag);
    s->value[0] = w->value;
    s->lower[0] = w->lower;
    s->upper[0] = w->upper;
    s->expiry[0] = w->lasts ? rig->now + w->lasts : 0;
    s->token[0] = w->token;
    s->origin[0] = pl_harness_tag(rig->h, "optimiser");
    pl_batch_heap(b, 0, "test", 4);
    s->end[0] = b->heap_used[0];
    b->rows = 1;
    if (rig->model) b->model = pl_harness_tag(rig->h, rig->model);
    return b;
}

static inline void wish_whole(struct rig *rig, struct wish w) {
    assert_int_equal(pl_harness_push(rig->h, 0, batch_of(rig, &w)), PL_FLOW_OK);
    pull(rig);
}

static inline void wish(struct rig *rig, const char *tag, double value) {
    wish_whole(rig, (struct wish){tag, value, 10 * PL_SECOND, 0, 0, 0});
}

static inline void sample(struct rig *rig, const char *tag, double value, unsigned quality) {
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    b->samples.time[0] = rig->now;
    b->samples.tag[0] = pl_harness_tag(rig->h, tag);
    b->samples.value[0] = value;
    b->samples.quality[0] = (uint16_t)quality;
    b->rows = 1;
    assert_int_equal(pl_harness_push(rig->h, 0, b), PL_FLOW_OK);
    pull(rig);
}

static inline void pass_time(struct rig *rig, pl_time span) {
    rig->now += span;
    pl_harness_clock(rig->h, rig->now);
    pl_harness_watermark(rig->h, rig->now);
    pull(rig);
}

static inline enum pl_code command(struct rig *rig, const char *name, const char *args) {
    struct pl_error *error = NULL;
    char *reply = NULL;
    enum pl_code code = pl_harness_command(rig->h, name, args, &reply, &error);
    pl_free(reply);
    pl_error_free(&error);
    pull(rig);
    return code;
}

static inline bool told(const struct rig *rig, const char *text) {
    return strstr(rig->events, text) != NULL;
}

#define ASSERT_TOLD(rig, text)                                                                                         \
    do {                                                                                                               \
        if (!told(rig, text)) fail_msg("%d: no '%s' in:\n%s", __LINE__, text, (rig)->events);                          \
    } while (0)

static inline void assert_passed(struct rig *rig, const char *tag, double value) {
    if (rig->outs != 1) fail_msg("%u set points passed, not %s: %s", rig->outs, tag, rig->events);
    assert_string_equal(rig->out[0].tag, tag);
    assert_near(rig->out[0].value, value, 1e-9);
    forget(rig);
}

static inline void assert_refused(struct rig *rig, const char *why) {
    assert_int_equal(rig->outs, 0);
    ASSERT_TOLD(rig, "guard.refused");
    ASSERT_TOLD(rig, why);
    forget(rig);
}

#endif
