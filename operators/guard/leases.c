/* leases.c: what passed holds as long as it is renewed; and an interlock that trips ends it at once.
 *
 * What is to become of a value without a lease is said by its limits: it is held, for the device has it, or it returns
 * to the baseline, no faster than its rate and never past its limits, or the guard gives no more signs of life, so that
 * the device's own watchdog puts it back to its own control.
 */
#include <math.h>
#include <stdio.h>

#include "guard.h"

/* One step a second towards the baseline, each with a lease of its own. */
static const pl_time RETURN_EVERY = PL_SECOND, RETURN_LEASE = 10 * PL_SECOND;

/* Signals come anew behind a start. What is known and does not hold trips at once. */
static bool is_early(const struct guard *s, const char *why, pl_time now) {
    return interlock_in_doubt(why) && now >= s->opened && now - s->opened < s->fresh;
}

/* What times may be apart without anybody having set a clock. */
static const pl_time CLOCK_SLACK = 10 * PL_SECOND;

void lease_drop(struct guard *s, struct point *point) {
    if (point->leased || point->returning) tell_withdraw(s, point);
    point->leased = point->returning = point->waits = false;
    point->approved = point->advised = NAN;
}

/* First it takes effect, everywhere; then it is kept. Whoever has the device meanwhile may set something else: what
 * follows begins where it stands then. */
void leases_drop(struct guard *s, const char *scope) {
    for (uint32_t i = 0; i < s->point_count; i++)
        if (scope_covers(scope, point_name(s, &s->points[i]))) lease_drop(s, &s->points[i]);
    for (uint32_t i = 0; i < s->point_count; i++) {
        struct point *point = &s->points[i];
        if (isnan(point->sent) || !scope_covers(scope, point_name(s, point))) continue;
        point->sent = NAN;
        keep_point(s, point);
    }
}

static void end_lease(struct guard *s, struct point *point, pl_time now, const char *kind, const char *why,
                      const char *detail) {
    bool returns = point->limit->on_loss == LOSS_BASELINE && isfinite(point->limit->baseline);
    tell_wish(s, kind, 600, point, &point->lease, now, why, detail);
    tell_withdraw(s, point);
    point->leased = false;
    point->approved = NAN;
    point->returning = returns;
    point->returned = 0;
    point->alone = is_overdue(s, point->lease.taken);
    if (point->limit->on_loss == LOSS_SHED && !point->shed) {
        point->shed = true;
        s->shed++;
        tell_wish(s, "guard.shed", 800, point, &point->lease, now, why, detail);
    }
    keep_point(s, point);
}

static void look_at(struct guard *s, struct point *point, pl_time now) {
    const char *name = NULL;
    bool set_back = point->lease.expiry - now > s->lease_max + CLOCK_SLACK; /* no lease was ever given for as long */
    if (now >= point->lease.expiry || set_back) {
        pl_count(s->node, COUNT_LAPSED, 1);
        end_lease(s, point, now, "guard.lapsed", set_back ? "the clock was set back" : "its lease was not renewed",
                  NULL);
        return;
    }
    const char *why = interlock_holds(s, point, point->sent, now, &name);
    if (!why || is_early(s, why, now)) return;
    pl_count(s->node, COUNT_TRIPPED, 1);
    end_lease(s, point, now, "guard.tripped", why, name);
}

static struct wish step_wish(struct guard *s, const struct point *point, pl_time now, double value) {
    struct wish wish = {.time = now,
                        .expiry = now + RETURN_LEASE,
                        .id = (uint64_t)now ^ s->steps++ << 48,
                        .origin = s->own,
                        .value = value,
                        .lower = point->limit->low,
                        .upper = point->limit->high};
    snprintf(wish.reason, sizeof wish.reason, "return to baseline");
    return wish;
}

static bool is_due(const struct point *point, pl_time now) {
    if (now - point->returned >= RETURN_EVERY || now < point->returned) return true;
    return point->alone && machine_now() - point->lease.taken >= RETURN_EVERY;
}

/* People and overrides come first; interlocks do not hold up the way to safety. */
static void step_back(struct guard *s, struct point *point, pl_time now) {
    const struct limit *limit = point->limit;
    const char *name = point_name(s, point);
    double from, most = decide_move(s, point, now, &from), value = limit->baseline;
    if (override_of(s, name) || mode_of(s, name) < MODE_APPROVE) {
        point->returning = false;
        return;
    }
    if (!is_due(point, now)) return;
    point->returned = now;
    if (most < INFINITY && isnan(from)) return; /* until what stands there is known */
    if (most < INFINITY && fabs(value - from) > most) value = value > from ? from + most : from - most;
    if (!(value >= limit->low && value <= limit->high)) return;
    struct wish wish = step_wish(s, point, now, value);
    pl_count(s->node, COUNT_RETURNS, 1);
    if (!decide_pass(s, point, &wish, value, now)) return;
    point->leased = false;
    point->returning = value != limit->baseline;
}

void leases_tick(struct guard *s, pl_time now) {
    for (uint32_t i = 0; i < s->point_count; i++) {
        struct point *point = &s->points[i];
        if (point->waits && now >= point->wish.expiry) point->waits = false;
        if (point->leased) look_at(s, point, now);
        if (point->returning) step_back(s, point, now);
    }
}

void leases_alone(struct guard *s, pl_time now) {
    for (uint32_t i = 0; i < s->point_count; i++) {
        struct point *point = &s->points[i];
        if (point->waits && is_overdue(s, point->wish.taken)) point->waits = false;
        if (point->leased && is_overdue(s, point->lease.taken)) {
            pl_count(s->node, COUNT_LAPSED, 1);
            end_lease(s, point, now, "guard.lapsed", "the plant's clock stands still", NULL);
        }
        if (point->returning && is_overdue(s, point->lease.taken)) point->alone = true; /* it stopped on the way */
        if (point->returning && point->alone) step_back(s, point, now);
    }
}
