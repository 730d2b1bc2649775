/* alarms_testing.h: what the tests of the list of alarms share: events in, commands, what was told and what is listed.
 */
#ifndef POTLINE_ALARMS_TESTING_H
#define POTLINE_ALARMS_TESTING_H

#include <potline/operator.h>

#include "../testing.h"
#include "store/folder_testing.h"

#define S PL_SECOND
#define DEFINED                                                                                                        \
    "match: hot, priority: high, consequence: burns through, action: cool it, respond: 2m, class: pot, owner: process"

struct told {
    pl_time time;
    const char *kind, *tag, *rule; /* rule NULL: no body */
};

static inline struct pl_batch *events_of(struct test *t, const struct told *rows, unsigned count, double value) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, count, count * 1024);
    struct pl_pack *body = pl_pack_new();
    for (unsigned i = 0; i < count; i++) {
        pl_pack_reset(body);
        if (rows[i].rule) {
            pl_pack_map(body, 4);
            pl_pack_pair_str(body, "rule", rows[i].rule);
            pl_pack_pair_f64(body, "value", value);
            pl_pack_pair_f64(body, "limit", 10);
            pl_pack_pair_str(body, "message", "too hot");
        }
        pl_batch_heap(b, 0, pl_pack_data(body), (uint32_t)pl_pack_size(body));
        b->events.time[i] = rows[i].time;
        b->events.id[i] = (uint64_t)rows[i].time * 31 + i;
        b->events.kind[i] = test_tag(t, rows[i].kind);
        b->events.severity[i] = 500;
        b->events.tag[i] = test_tag(t, rows[i].tag);
        b->events.asset[i] = pl_tags_get(pl_harness_tags(t->h), b->events.tag[i])->asset;
        b->events.end[i] = b->heap_used[0];
        b->rows++;
    }
    pl_pack_free(body);
    return b;
}

static inline struct pl_batch *events(struct test *t, const struct told *rows, unsigned count) {
    return events_of(t, rows, count, 12);
}

static inline void push(struct test *t, pl_time time, const char *kind, const char *rule) {
    test_push_batch(t, events(t, (struct told[]){{time, kind, "l.p.v", rule}}, 1));
}

/* Everything told since the last look, as kinds. */
static inline void expect(struct test *t, const char *kinds) {
    char told[1024] = "";
    for (unsigned i = 0; i < t->out[0].events; i++)
        snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s", i ? " " : "", t->out[0].event[i].kind);
    assert_string_equal(told, kinds);
    test_forget(t);
}

static inline enum pl_code order(struct test *t, const char *command, const char *args) {
    char *reply = NULL;
    struct pl_error *error = NULL;
    enum pl_code code = pl_harness_command(t->h, command, args, &reply, &error);
    pl_free(reply);
    pl_error_free(&error);
    test_pull(t);
    return code;
}

static inline void listed(struct test *t, const char *args, const char *has) {
    char *reply = NULL;
    assert_int_equal(pl_harness_command(t->h, "alarms list", args, &reply, NULL), PL_OK);
    if (!has) assert_string_equal(reply, "[]");
    if (has && !strstr(reply, has)) fail_msg("%s has no %s", reply, has);
    pl_free(reply);
}

static inline struct test *open_folder(const char *options, const char *folder) {
    struct test *t = test_open("alarms", options, PL_EVENTS);
    if (folder) pl_harness_data(t->h, folder);
    return t;
}

#endif
