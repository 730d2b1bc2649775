/* shelve.c: the end of a shelving.
 *
 * It comes by the engine's clock, and must come at the same place of the stream when the log is read again. So it comes
 * in front of the first events that were taken in after it, or where none come, when the clock has been looked at some
 * times meanwhile; and like a decision it is kept before it is told. No shelving hides an alarm for longer than
 * max_shelve by any clock: what was given while the clock was ahead ends when it is set back.
 */
#include <stddef.h>
#include <stdio.h>

#include "alarms.h"

enum { PATIENCE = 2 };

static void on_timer(uv_timer_t *timer);

/* The engine's clock may run otherwise than the loop's, so it is looked at once a second. */
static void start_timer(struct alarms *s, struct pl_node *node) {
    pl_time left = s->shelf_end - pl_now(node);
    pl_time wait = s->shelf_end <= pl_now(node) || left > PL_SECOND || left < 0 ? PL_SECOND : left;
    uv_update_time(s->timer.loop);
    uv_timer_start(&s->timer, on_timer, (uint64_t)(wait + PL_MILLISECOND - 1) / PL_MILLISECOND, 0);
}

void shelve_note(struct alarms *s, struct pl_node *node, pl_time until) {
    if (until >= s->shelf_end) return;
    s->shelf_end = until;
    start_timer(s, node);
}

void shelve_schedule(struct alarms *s, struct pl_node *node) {
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    s->shelf_end = PL_TIME_MAX;
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct alarm *alarm = pl_record_data(r);
        if (alarm->shelved && alarm->until < s->shelf_end) s->shelf_end = alarm->until;
    }
    uv_timer_stop(&s->timer);
    if (s->shelf_end < PL_TIME_MAX) start_timer(s, node);
}

/* More is left of it than it may last: it was given when the clock was ahead. */
static bool is_set_back(const struct alarms *s, pl_time until, pl_time now) {
    return until > now && (uint64_t)until - (uint64_t)now > (uint64_t)s->max_shelve;
}

/* Where a decision waits for its place, the end may be one of them. One that cannot be kept is tried again. */
static bool end_all(struct alarms *s, struct pl_node *node, pl_time now, bool set_back) {
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    enum pl_code code = PL_OK;
    for (struct pl_record *r = pl_table_next(table, NULL); r && code != PL_NO_MEMORY; r = pl_table_next(table, r)) {
        const struct alarm *alarm = pl_record_data(r);
        enum alarm_state from;
        if (!alarm->shelved || decisions_wait(s, r->id)) continue;
        bool early = set_back && is_set_back(s, alarm->until, now);
        if (alarm->until > now && !early) continue;
        struct decision end = {.action = ACTION_UNSHELVE, .given = early ? now : alarm->until};
        snprintf(end.reason, sizeof end.reason,
                 early ? "longer than max_shelve is left of it: the clock was set back" : "its shelving has ended");
        code = decision_give(s, node, r->id, &end, &from, NULL);
    }
    shelve_schedule(s, node);
    return code != PL_NO_MEMORY;
}

bool shelve_pass(struct alarms *s, struct pl_node *node, pl_time received) {
    s->quiet = 0;
    s->patience = PATIENCE;
    return received < s->shelf_end || end_all(s, node, received, false);
}

static void on_timer(uv_timer_t *timer) {
    struct alarms *s = (struct alarms *)(void *)((char *)timer - offsetof(struct alarms, timer));
    struct pl_node *node = timer->data;
    pl_time now = pl_now(node);
    bool set_back = is_set_back(s, s->shelf_end, now);
    if (!set_back && (s->shelf_end > now || ++s->quiet < s->patience)) {
        start_timer(s, node);
        return;
    }
    s->quiet = 0;
    if (!end_all(s, node, now, set_back) || !tell_flush(s, node, NULL, NULL)) pl_fail(node, "no memory for alarms");
}
