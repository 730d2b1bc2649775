/* step.c: one change of one alarm, and what follows from it: rates, chattering, timers, what is told. */
#include <string.h>

#include "alarms.h"

struct step step_begin(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm, pl_time time) {
    return (struct step){.s = s, .node = node, .id = id, .alarm = alarm, .time = time, .from = alarm_state(alarm)};
}

bool step_end(struct step *step, const char *user, const char *reason) {
    struct alarm *alarm = step->alarm;
    enum alarm_state to = alarm_state(alarm);
    decisions_touch(step->s, step->id);
    if (to == step->from && to != ALARM_SHELVED) return true;
    if (to == step->from && !user) return true;
    alarm->changed = step->time;
    step->s->barren = false;
    alarm_text(alarm->user, sizeof alarm->user, user ? user : "", user ? strlen(user) : 0);
    alarm_text(alarm->reason, sizeof alarm->reason, reason ? reason : "", reason ? strlen(reason) : 0);
    return tell_alarm(step->s, step->node, step->id, alarm, to, step->from, step->time);
}

static pl_time later(pl_time time, pl_time by) {
    return time > PL_TIME_MAX - by ? PL_TIME_MAX : time + by;
}

/* ---- Timers ---- */

/* A timer that finds no room only costs what it would have told. */
static void arm_notices(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm) {
    const struct definition *definition = definition_of(s, node, id, alarm);
    if (s->stale && !alarm->stale) pl_timer_at(node, later(alarm->raised, s->stale), id, TIMER_STALE);
    if (definition && !alarm->overdue) pl_timer_at(node, later(alarm->raised, definition->respond), id, TIMER_OVERDUE);
}

static pl_time delay_of(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm) {
    const struct definition *definition = definition_of(s, node, id, alarm);
    if (!definition) return 0;
    return alarm->condition ? definition->on_delay : definition->off_delay;
}

void step_arm(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm) {
    if (alarm->condition != alarm->active)
        pl_timer_at(node, later(alarm->since, delay_of(s, node, id, alarm)), id, TIMER_DELAY);
    if (alarm->active && !alarm_hidden(alarm)) arm_notices(s, node, id, alarm);
}

bool step_notice(struct alarms *s, struct pl_node *node, uint32_t id, pl_time at, bool stale) {
    const struct alarm *known = list_find(node, id);
    const struct definition *definition = known ? definition_of(s, node, id, known) : NULL;
    if (!known || !known->active || alarm_hidden(known)) return true;
    pl_time after = stale ? s->stale : definition ? definition->respond : PL_TIME_MAX;
    if ((stale ? known->stale : known->overdue || !known->unacknowledged) || later(known->raised, after) != at)
        return true;
    struct alarm *alarm = list_get(node, id);
    if (!alarm) return false;
    *(stale ? &alarm->stale : &alarm->overdue) = true;
    pl_count(node, stale ? COUNT_STALE : COUNT_OVERDUE, 1);
    decisions_touch(s, id);
    return tell_alarm(s, node, id, alarm, stale ? NOTE_STALE : NOTE_OVERDUE, alarm_state(alarm), at) &&
           decisions_step(s, node, id, alarm);
}

/* ---- Rates ---- */

static bool settle_rate(struct alarms *s, struct pl_node *node, struct rate_watch *watch, unsigned note, pl_time now) {
    if (!watch->over) return true;
    pl_time at = rate_ends(watch);
    return !rate_settle(watch, now) || tell_rate(s, node, note, watch, at);
}

bool step_rates_settle(struct alarms *s, struct pl_node *node, pl_time now) {
    bool good = settle_rate(s, node, &s->flood, NOTE_FLOOD_OVER, now) &&
                settle_rate(s, node, &s->over_budget, NOTE_WITHIN_BUDGET, now);
    /* The end moves with each further alarm: the timer that is passed sets the next one. */
    if (good && s->flood.over) pl_timer_at(node, rate_ends(&s->flood), 0, TIMER_FLOOD);
    if (good && s->over_budget.over) pl_timer_at(node, rate_ends(&s->over_budget), 0, TIMER_BUDGET);
    return good;
}

static bool count_rate(struct alarms *s, struct pl_node *node, struct rate_watch *watch, unsigned note, pl_time time) {
    if (!rate_add(watch, time)) return true;
    pl_count(node, note == NOTE_FLOOD ? COUNT_FLOODS : COUNT_OVER_BUDGET, 1);
    pl_timer_at(node, rate_ends(watch), 0, note == NOTE_FLOOD ? TIMER_FLOOD : TIMER_BUDGET);
    return tell_rate(s, node, note, watch, time);
}

static bool count_activation(struct step *step) {
    struct alarms *s = step->s;
    bool good = settle_rate(s, step->node, &s->flood, NOTE_FLOOD_OVER, step->time) &&
                settle_rate(s, step->node, &s->over_budget, NOTE_WITHIN_BUDGET, step->time) &&
                count_rate(s, step->node, &s->flood, NOTE_FLOOD, step->time) &&
                count_rate(s, step->node, &s->over_budget, NOTE_OVER_BUDGET, step->time);
    struct alarm *alarm = step->alarm;
    bool was = alarm->chattering;
    alarm->chattering = list_chatters(s, alarm, step->time);
    if (!good || was || !alarm->chattering) return good;
    pl_count(step->node, COUNT_CHATTERING, 1);
    return tell_alarm(s, step->node, step->id, alarm, NOTE_CHATTERING, alarm_state(alarm), step->time);
}

/* ---- Conditions ---- */

static bool activate(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm, pl_time time) {
    struct step step = step_begin(s, node, id, alarm, time);
    if (!alarm_activate(alarm, time)) return true;
    if (!step_end(&step, NULL, NULL)) return false;
    if (alarm_hidden(alarm)) return true;
    pl_count(node, COUNT_ACTIVATIONS, 1);
    arm_notices(s, node, id, alarm);
    return count_activation(&step);
}

static bool deactivate(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm, pl_time time) {
    const struct definition *definition = definition_of(s, node, id, alarm);
    struct step step = step_begin(s, node, id, alarm, time);
    if (!alarm_return(alarm, definition && definition->latch)) return true;
    if (!alarm_hidden(alarm)) pl_count(node, COUNT_RETURNED, 1);
    return step_end(&step, NULL, NULL);
}

static bool follow(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm, pl_time time) {
    return alarm->condition ? activate(s, node, id, alarm, time) : deactivate(s, node, id, alarm, time);
}

static bool notice_before(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm, pl_time end,
                          bool stale) {
    const struct definition *definition = definition_of(s, node, id, alarm);
    if (stale ? !s->stale : !definition) return true;
    pl_time at = later(alarm->raised, stale ? s->stale : definition->respond);
    return at >= end || step_notice(s, node, id, at, stale);
}

static bool notices_before(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm,
                           pl_time end) {
    const struct definition *definition = definition_of(s, node, id, alarm);
    bool stale_first = definition && s->stale < definition->respond;
    return !alarm->active || (notice_before(s, node, id, alarm, end, stale_first) &&
                              notice_before(s, node, id, alarm, end, !stale_first));
}

bool step_settle(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm, pl_time now) {
    pl_time due = later(alarm->since, delay_of(s, node, id, alarm));
    if (alarm->condition == alarm->active || due > now) return notices_before(s, node, id, alarm, now);
    return notices_before(s, node, id, alarm, due) && follow(s, node, id, alarm, due) &&
           decisions_step(s, node, id, alarm) && notices_before(s, node, id, alarm, now);
}

bool step_condition(struct alarms *s, struct pl_node *node, uint32_t id, pl_time time, bool condition) {
    struct alarm *alarm = list_get(node, id);
    if (!alarm || !step_settle(s, node, id, alarm, time)) return false;
    alarm->unconfirmed = false;
    if (alarm->condition == condition) return true;
    alarm->condition = condition;
    alarm->since = time;
    s->barren = false;
    decisions_touch(s, id);
    if (alarm->active == condition) return true; /* back within its delay */
    pl_time delay = delay_of(s, node, id, alarm);
    if (delay && pl_timer_at(node, later(time, delay), id, TIMER_DELAY)) return true;
    return follow(s, node, id, alarm, time);
}

bool step_delay_over(struct alarms *s, struct pl_node *node, uint32_t id, pl_time at) {
    const struct alarm *known = list_find(node, id);
    if (!known || known->condition == known->active) return true;
    struct alarm *alarm = list_get(node, id);
    return alarm && step_settle(s, node, id, alarm, at);
}

void step_refresh(struct step *step) {
    alarm_refresh(step->alarm, step->time);
    if (step->alarm->active && !alarm_hidden(step->alarm)) arm_notices(step->s, step->node, step->id, step->alarm);
}
