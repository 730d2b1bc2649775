#include "writes.h"

#include <math.h>
#include <potline/alloc.h>
#include <string.h>

enum { TICK_MS = 2 };

static void turn(struct pl__slot *slot);

static pl_time monotonic(void) {
    return (pl_time)uv_hrtime();
}

static uint32_t index_of(const struct pl__slot *slot) {
    return (uint32_t)(slot - slot->writes->slot);
}

/* ---- Those that have something to do ---- */

static void activate(struct pl__slot *slot) {
    struct pl__writes *w = slot->writes;
    slot->place = w->active_count;
    w->active[w->active_count++] = index_of(slot);
}

static void deactivate(struct pl__slot *slot) {
    struct pl__writes *w = slot->writes;
    uint32_t last = w->active[--w->active_count];
    w->active[slot->place] = last;
    w->slot[last].place = slot->place;
}

static void enqueue(struct pl__slot *slot) {
    struct pl__writes *w = slot->writes;
    if (slot->queued) return;
    slot->queued = true;
    w->queue[(w->first + w->count++) % w->targets->count] = index_of(slot);
}

/* ---- An order's life ---- */

static void begin(struct pl__slot *slot, const struct pl__order *order) {
    const struct pl__writes *w = slot->writes;
    slot->order = *order;
    slot->phase = slot->target->has_manual ? PL__ASK : PL__LOOK;
    slot->stop = slot->begun = slot->written = false;
    pl__target_encode(slot->target, order->value, slot->registers);
    slot->attempts = slot->exception = 0;
    slot->why = "no connection";
    slot->due = 0;
    slot->deadline = monotonic() + w->options.deadline;
    slot->old = slot->found = NAN;
    enqueue(slot);
}

static const char *why_given_up(enum pl__outcome outcome) {
    return outcome == PL__SUPERSEDED ? "a newer one has come" : "it was taken back";
}

static void end(struct pl__slot *slot, enum pl__outcome outcome) {
    struct pl__writes *w = slot->writes;
    struct pl__order order = slot->order;
    pl_time now = w->options.now(w->options.user);
    slot->latency = now - order.received;
    slot->last = (uint8_t)outcome;
    slot->any = true;
    if (outcome == PL__VERIFIED || outcome == PL__RENEWED) {
        slot->verified = order.value;
        slot->verified_at = now;
    } else if (slot->written) {
        slot->verified = NAN; /* what the device holds now is not known */
    }
    slot->renewals += outcome == PL__RENEWED;
    slot->failures += outcome == PL__FAILED;
    if (outcome == PL__SUPERSEDED || outcome == PL__WITHDRAWN) slot->why = why_given_up(outcome);
    struct pl__ending ending = {&order, outcome, slot->why, true};
    w->options.ended(w->options.user, slot, &ending);
    slot->phase = PL__IDLE;
    if (slot->has_next) {
        slot->has_next = false;
        begin(slot, &slot->next);
    } else {
        deactivate(slot);
    }
}

static void fail(struct pl__slot *slot, enum pl__outcome outcome, const char *why) {
    slot->why = why;
    end(slot, outcome);
}

static bool is_expired(const struct pl__slot *slot) {
    const struct pl__writes_options *o = &slot->writes->options;
    return o->now(o->user) >= slot->order.expiry || monotonic() >= slot->order.ends;
}

/* Again from the start, after a while; or the end of trying. */
static void retry(struct pl__slot *slot, const char *why) {
    const struct pl__writes_options *o = &slot->writes->options;
    slot->why = why;
    if (slot->attempts > o->retries) {
        end(slot, PL__FAILED);
    } else {
        unsigned shift = slot->attempts < 16 ? slot->attempts : 16;
        pl_time wait = o->backoff << shift;
        slot->due = monotonic() + (wait < o->backoff_max ? wait : o->backoff_max);
        slot->phase = slot->target->has_manual ? PL__ASK : PL__LOOK;
    }
}

/* ---- Answers ---- */

/* The device says no: for good, or for now. */
static void refused(struct pl__slot *slot, uint8_t exception) {
    enum { ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };
    slot->exception = exception;
    slot->why = pl_modbus_exception_name(exception);
    if (exception == ILLEGAL_FUNCTION || exception == ILLEGAL_ADDRESS || exception == ILLEGAL_VALUE)
        end(slot, PL__REFUSED);
    else
        retry(slot, slot->why);
}

static void take_manual(struct pl__slot *slot, const struct pl_modbus_answer *answer) {
    struct pl__writes *w = slot->writes;
    bool manual = pl__target_is_manual(slot->target, answer);
    bool changed = manual != slot->manual;
    slot->manual = manual;
    if (changed) w->options.manual(w->options.user, slot);
    if (manual)
        fail(slot, PL__REFUSED, "the device is in manual");
    else
        slot->phase = PL__LOOK;
}

/* What stands there before anything is written, or behind a write without an answer. */
static void take_look(struct pl__slot *slot, const struct pl_modbus_answer *answer) {
    slot->found = pl__target_decode(slot->target, answer);
    if (!slot->written) slot->old = slot->found;
    bool there = pl__target_matches(slot->target, slot->order.value, slot->found);
    if (there && slot->written)
        end(slot, PL__VERIFIED);
    else if (there && slot->verified == slot->order.value)
        end(slot, PL__RENEWED);
    else
        slot->phase = PL__WRITE;
}

static void take_check(struct pl__slot *slot, const struct pl_modbus_answer *answer) {
    slot->found = pl__target_decode(slot->target, answer);
    if (pl__target_matches(slot->target, slot->order.value, slot->found))
        end(slot, PL__VERIFIED);
    else
        retry(slot, "another value is read back");
}

static void take_answer(struct pl__slot *slot, const struct pl_modbus_answer *answer) {
    switch (slot->phase) {
    case PL__ASK: take_manual(slot, answer); break;
    case PL__LOOK: take_look(slot, answer); break;
    case PL__WRITE: slot->phase = PL__CHECK; break;
    case PL__CHECK: take_check(slot, answer); break;
    default: break;
    }
}

static void answered(void *user, const struct pl_modbus_answer *answer) {
    struct pl__slot *slot = user;
    struct pl__writes *w = slot->writes;
    slot->under_way = false;
    switch (answer->status) {
    case PL_MODBUS_OK: take_answer(slot, answer); break;
    case PL_MODBUS_EXCEPTION: refused(slot, answer->exception); break;
    case PL_MODBUS_TIMEOUT: retry(slot, "no answer"); break;
    case PL_MODBUS_DISCONNECTED: retry(slot, "the connection was lost"); break;
    }
    if (slot->phase != PL__IDLE) turn(slot);
    pl__writes_go_on(w);
}

/* ---- Asking ---- */

static bool submit_write(struct pl__slot *slot) {
    struct pl__writes *w = slot->writes;
    if (!slot->begun) w->options.begin(w->options.user, slot);
    slot->begun = true;
    if (is_expired(slot)) return false; /* the record of it has taken its time */
    struct pl_modbus_call call = pl__target_write(slot->target, slot->registers);
    slot->under_way = pl_modbus_client_submit(w->client, &call, answered, slot);
    if (!slot->under_way) return false;
    slot->written = true;
    slot->attempts++;
    w->sent++;
    return true;
}

static bool submit_read(struct pl__slot *slot) {
    struct pl__writes *w = slot->writes;
    struct pl_modbus_call call =
        slot->phase == PL__ASK ? pl__target_read_manual(slot->target) : pl__target_read(slot->target);
    slot->under_way = pl_modbus_client_submit(w->client, &call, answered, slot);
    w->read += slot->under_way;
    return slot->under_way;
}

/* Whether it has come to an end by the clock, or because it is not wanted any more. What may have been written is
 * looked for until the deadline all the same; it is not written again. */
static bool is_over(struct pl__slot *slot) {
    bool writes = !slot->written || slot->phase == PL__WRITE;
    if (slot->under_way) return false;
    if (writes && slot->stop)
        end(slot, PL__WITHDRAWN);
    else if (writes && is_expired(slot))
        end(slot, slot->written ? PL__FAILED : PL__EXPIRED);
    else if (monotonic() >= slot->deadline)
        end(slot, PL__FAILED);
    else
        return false;
    return true;
}

static void turn(struct pl__slot *slot) {
    if (slot->phase == PL__IDLE || slot->under_way || is_over(slot)) return;
    if (slot->due <= monotonic()) enqueue(slot);
}

void pl__writes_go_on(struct pl__writes *w) {
    for (;;) {
        w->options.first(w->options.user);
        if (w->count == 0 || pl_modbus_client_room(w->client) == 0) return;
        struct pl__slot *slot = &w->slot[w->queue[w->first]];
        w->first = (w->first + 1) % w->targets->count;
        w->count--;
        slot->queued = false;
        if (slot->phase == PL__IDLE || slot->under_way || is_over(slot) || slot->due > monotonic()) continue;
        if (slot->phase == PL__WRITE ? submit_write(slot) : submit_read(slot)) continue;
        if (!is_over(slot)) retry(slot, "the request could not be sent");
    }
}

static void on_timer(uv_timer_t *timer) {
    struct pl__writes *w = timer->data;
    for (uint32_t i = w->active_count; i-- > 0;) /* downwards: whoever ends is replaced by one already seen */
        turn(&w->slot[w->active[i]]);
    pl__writes_go_on(w);
    if (w->active_count == 0) uv_timer_stop(timer);
}

/* ---- Taking ---- */

static void end_waiting(struct pl__slot *slot, enum pl__outcome outcome) {
    const struct pl__writes_options *o = &slot->writes->options;
    struct pl__order order = slot->next;
    if (!slot->has_next) return;
    slot->has_next = false;
    struct pl__ending ending = {&order, outcome, why_given_up(outcome), false};
    o->ended(o->user, slot, &ending);
}

/* What has not been written is let go; a write that has left is seen through, and not repeated. */
static void withdraw(struct pl__slot *slot) {
    end_waiting(slot, PL__WITHDRAWN);
    if (slot->phase == PL__IDLE) return;
    slot->stop = true;
    turn(slot);
}

static bool is_waiting(const struct pl__slot *slot) {
    return !slot->under_way && slot->phase != PL__CHECK;
}

void pl__writes_take(struct pl__writes *w, uint32_t index, const struct pl__order *order) {
    struct pl__slot *slot = &w->slot[index];
    if (isnan(order->value)) {
        withdraw(slot);
        return;
    }
    uint16_t registers[PL__TARGET_REGISTERS];
    if (!pl__target_encode(slot->target, order->value, registers)) {
        struct pl__ending ending = {order, PL__REFUSED, "its type cannot hold the value", false};
        w->options.ended(w->options.user, slot, &ending);
        return;
    }
    if (slot->phase != PL__IDLE) {
        end_waiting(slot, PL__SUPERSEDED);
        slot->next = *order;
        slot->has_next = true;
        if (is_waiting(slot)) end(slot, PL__SUPERSEDED);
    } else {
        activate(slot);
        begin(slot, order);
    }
    uv_update_time(w->timer.loop);
    if (!uv_is_active((uv_handle_t *)&w->timer)) uv_timer_start(&w->timer, on_timer, TICK_MS, TICK_MS);
    pl__writes_go_on(w);
}

void pl__writes_withdraw(struct pl__writes *w) {
    for (uint32_t i = w->active_count; i-- > 0;)
        withdraw(&w->slot[w->active[i]]);
}

/* ---- Life ---- */

enum pl_code pl__writes_init(struct pl__writes *writes, const struct pl__writes_options *options,
                             const struct pl__targets *targets, uv_loop_t *loop, struct pl_error **error) {
    *writes = (struct pl__writes){.options = *options, .targets = targets};
    writes->slot = pl_alloc(targets->count * sizeof *writes->slot);
    writes->queue = pl_alloc(targets->count * sizeof *writes->queue);
    writes->active = pl_alloc(targets->count * sizeof *writes->active);
    if (!writes->slot || !writes->queue || !writes->active)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for %u set points", targets->count);
    for (uint32_t i = 0; i < targets->count; i++)
        writes->slot[i] = (struct pl__slot){
            .writes = writes, .target = &targets->target[i], .found = NAN, .old = NAN, .verified = NAN};
    int status = uv_timer_init(loop, &writes->timer);
    if (status) return pl_error_set(error, PL_UNAVAILABLE, "a timer: %s", uv_strerror(status));
    writes->timer.data = writes;
    writes->timer_open = true;
    return PL_OK;
}

void pl__writes_fini(struct pl__writes *writes) {
    if (writes->timer_open) uv_close((uv_handle_t *)&writes->timer, NULL);
    writes->timer_open = false;
    pl_free(writes->slot);
    pl_free(writes->queue);
    pl_free(writes->active);
    writes->slot = NULL;
    writes->queue = writes->active = NULL;
}
