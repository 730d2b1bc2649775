/* tickets_testing.h: events of detectors for a test of tickets, and what people ask. */
#ifndef POTLINE_TICKETS_TESTING_H
#define POTLINE_TICKETS_TESTING_H

#include "../testing.h"

#include <math.h>
#include <potline/operator.h>

#define S PL_SECOND

struct told {
    pl_time start, time;
    const char *kind, *asset, *signal;
    double score, share; /* the rest is the signal "flow"'s */
    const char *detector, *what, *side, *tag, *how;
    double surprise, threshold, size; /* 0: as a detector of before, which tells none */
};

static inline struct pl_batch *event(struct test *t, const struct told *told) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 1, 4096);
    struct pl_pack *body = pl_pack_new();
    char tag[64];
    pl_pack_map(body, (told->surprise > 0 ? 11 : 8) + (told->how != NULL));
    if (told->how) pl_pack_pair_str(body, "how", told->how);
    if (told->surprise > 0) {
        pl_pack_pair_f64(body, "surprise", told->surprise);
        pl_pack_pair_f64(body, "surprise_threshold", told->threshold);
        pl_pack_pair_f64(body, "size", told->size);
    }
    pl_pack_pair_str(body, "what", told->what ? told->what : "");
    pl_pack_pair_str(body, "side", told->side ? told->side : "");
    pl_pack_pair_f64(body, "score", told->score);
    pl_pack_pair_f64(body, "threshold", 0.5);
    pl_pack_pair_int(body, "start", told->start);
    pl_pack_str(body, "tags");
    pl_pack_array(body, 2);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(tag, sizeof tag, "%s.%s", told->asset, i ? "flow" : told->signal);
        pl_pack_map(body, 2);
        pl_pack_pair_str(body, "tag", tag);
        pl_pack_pair_f64(body, "share", i ? 1 - told->share : told->share);
    }
    pl_pack_pair_str(body, "explanation", "it is not as it was");
    pl_pack_pair_str(body, "cause", "the pump");
    pl_batch_heap(b, 0, pl_pack_data(body), (uint32_t)pl_pack_size(body));
    b->events.time[0] = told->time;
    b->events.kind[0] = test_tag(t, told->kind);
    b->events.asset[0] = test_tag(t, told->asset);
    b->events.id[0] = (uint64_t)told->time;
    b->events.tag[0] = told->tag ? test_tag(t, told->tag) : 0;
    b->events.end[0] = b->heap_used[0];
    b->source = test_tag(t, told->detector ? told->detector : "watch");
    b->rows = 1;
    pl_pack_free(body);
    return b;
}

static inline void tells(struct test *t, struct told told) {
    test_push_batch(t, event(t, &told));
}

/* A detector of today: a score of this surprise, with its threshold. */
static inline struct told seen(unsigned at, const char *side, double surprise, double threshold, double size) {
    return (struct told){.start = at * S,
                         .time = at * S,
                         .kind = "detect.began",
                         .asset = "l.p1",
                         .signal = "pressure",
                         .score = 1 - exp2(-surprise / threshold),
                         .share = 0.9,
                         .what = "level",
                         .side = side,
                         .surprise = surprise,
                         .threshold = threshold,
                         .size = size};
}

/* An anomaly that begins and ends, as a detector tells it. */
static inline void happens(struct test *t, unsigned at, const char *asset, const char *signal, double score) {
    test_push_batch(t, event(t, &(struct told){.start = at * S,
                                               .time = at * S,
                                               .kind = "detect.began",
                                               .asset = asset,
                                               .signal = signal,
                                               .score = 0.51,
                                               .share = 0.9}));
    test_push_batch(t, event(t, &(struct told){.start = at * S,
                                               .time = (at + 5) * S,
                                               .kind = "detect.ended",
                                               .asset = asset,
                                               .signal = signal,
                                               .score = score,
                                               .share = 0.9}));
}

static inline void ask(struct test *t, const char *command, const char *args, enum pl_code expected, const char *has) {
    char *reply = NULL;
    struct pl_error *error = NULL;
    const enum pl_code code = pl_harness_command(t->h, command, args, &reply, &error);
    if (code != expected) fail_msg("%s %s: %s", command, args, error ? pl_error_text(error) : reply);
    if (has && (!reply || !strstr(reply, has))) fail_msg("%s %s: %s has no %s", command, args, reply, has);
    if (!has && !code && reply && strncmp(command, "tickets list", 12) == 0) assert_string_equal(reply, "[]");
    pl_free(reply);
    pl_error_free(&error);
    test_pull(t);
}

static inline void expect(struct test *t, const char *kinds) {
    char told[1024] = "";
    for (unsigned i = 0; i < t->out[0].events; i++)
        snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s", i ? " " : "", t->out[0].event[i].kind);
    assert_string_equal(told, kinds);
    test_forget(t);
}

#endif
