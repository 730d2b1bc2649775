/* guard.c: the operator `guard`: set points and live samples in, what may be written out, every refusal an event. */
#include "guard.h"

#include <potline/alloc.h>
#include <potline/plugin.h>
#include <stdio.h>
#include <string.h>

/* The file is looked at with every tick, leases and interlocks with every fifth. */
enum { TICK_MS = 20, LEASES_TICKS = 5 };

static enum pl_flow finish(struct guard *s) {
    if (!s->failed) return PL_FLOW_OK;
    return pl_fail(s->node, "no memory for the guard");
}

/* ---- Time ---- */

/* What holds since before the start is said again: whoever was to be told may not have been. */
static void tell_kept(struct guard *s) {
    for (unsigned i = 0; i < s->override_count; i++)
        tell_scope(s, "override.kept", 900, s->overrides[i].scope, s->overrides[i].user, s->overrides[i].reason);
}

static void look(struct guard *s) {
    if (s->ticks++ == 0) tell_kept(s);
    if (*s->override_file) override_look(s);
}

static void pulse(struct guard *s, pl_time now) {
    bool due = s->pulse && !s->shed && (now - s->pulsed >= s->pulse || now < s->pulsed);
    if (due) {
        s->pulsed = now;
        tell_pulse(s, now);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct guard *s = timer->data;
    pl_time now = pl_now(s->node);
    look(s);
    if (s->plant) {
        leases_alone(s, now); /* rows count ticks, too */
    } else {
        if (s->ticks % LEASES_TICKS == 0) leases_tick(s, now);
        pulse(s, now);
    }
    finish(s);
}

/* Where a plant owns time, what goes by time goes with its rows. */
static pl_time watermark(void *self, struct pl_node *node, pl_time now) {
    struct guard *s = self;
    if (s->plant) look(s);
    leases_tick(s, pl_now(node));
    if (s->plant) pulse(s, pl_now(node));
    finish(s);
    return now;
}

/* ---- Rows ---- */

static struct wish wish_of(const struct guard *s, const struct pl_batch *batch, uint32_t row) {
    const struct pl_setpoints *in = &batch->setpoints;
    struct wish wish = {.time = in->time[row],
                        .expiry = in->expiry[row],
                        .id = in->id[row],
                        .token = in->token[row],
                        .origin = in->origin[row],
                        .model = batch->model,
                        .value = in->value[row],
                        .lower = in->lower[row],
                        .upper = in->upper[row],
                        .sequence = batch->header->first_sequence + row,
                        .partition = batch->header->partition,
                        .logged = pl_node_epoch(s->node) != 0};
    uint32_t length;
    const char *reason = pl_batch_heap_row(batch, 0, row, &length);
    pl_text_copy(wish.reason, sizeof wish.reason, reason, length);
    return wish;
}

static void take_setpoints(struct guard *s, const struct pl_batch *batch) {
    pl_time clock = pl_now(s->node);
    for (uint32_t row = 0; row < batch->rows && !s->failed; row++) {
        struct wish wish = wish_of(s, batch, row);
        decide(s, batch->setpoints.tag[row], &wish, clock);
    }
}

static enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct guard *s = self;
    (void)node;
    (void)input;
    if (batch->kind == PL_SAMPLES) {
        pl_count(s->node, COUNT_SAMPLES, batch->rows);
        live_take(s, batch);
    } else {
        take_setpoints(s, batch);
    }
    pl_batch_unref(batch);
    return finish(s);
}

/* ---- Life cycle ---- */

static enum pl_code open_conditions(struct guard *s, struct pl_error **error) {
    const struct interlock *rows = s->interlocks.items;
    s->conditions = pl_alloc((s->interlocks.count + 1) * sizeof *s->conditions);
    if (!s->conditions) return pl_error_set(error, PL_NO_MEMORY, "no memory for interlocks");
    for (; s->condition_count < s->interlocks.count; s->condition_count++) {
        enum pl_code code = interlock_compile(&rows[s->condition_count], &s->conditions[s->condition_count], error);
        if (code) return code;
    }
    return PL_OK;
}

static enum pl_code open_memory(struct guard *s, struct pl_error **error) {
    char pulse[PL_NAME_MAX + 1];
    int length = snprintf(pulse, sizeof pulse, "%s.pulse", pl_node_name(s->node));
    s->points = pl_alloc((size_t)s->max_points * sizeof *s->points);
    s->modes = pl_alloc((SCOPES_MAX + 1) * sizeof *s->modes);
    s->overrides = pl_alloc((SCOPES_MAX + 1) * sizeof *s->overrides);
    s->body = pl_pack_new();
    s->file = pl_alloc(FILE_MAX);
    s->own = pl_tags_intern(pl_node_tags(s->node), pl_node_name(s->node), strlen(pl_node_name(s->node)));
    s->pulse_tag = pl_tags_intern(pl_node_tags(s->node), pulse, (size_t)length);
    bool good =
        s->points && s->modes && s->overrides && s->body && s->file && s->own != PL_NO_ID && s->pulse_tag != PL_NO_ID;
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the guard");
}

static enum pl_code open_guard(void *self, struct pl_node *node, struct pl_error **error) {
    struct guard *s = self;
    s->node = node;
    s->opened = pl_now(node);
    s->plant = pl_plant_owns_time(node);
    enum pl_code code = open_memory(s, error);
    if (!code) code = open_conditions(s, error);
    if (!code) code = keep_load(s, error);
    if (!code && s->failed) code = pl_error_set(error, PL_NO_MEMORY, "no memory for what the guard has kept");
    if (code) return code;
    if (uv_timer_init(pl_node_loop(node), &s->timer)) return pl_error_set(error, PL_IO, "the guard has no timer");
    s->timer.data = s;
    s->timer_open = true;
    uv_timer_start(&s->timer, on_timer, TICK_MS, TICK_MS);
    return PL_OK;
}

static void close_guard(void *self, struct pl_node *node) {
    struct guard *s = self;
    (void)node;
    if (s->timer_open) uv_close((uv_handle_t *)&s->timer, NULL);
    s->timer_open = false;
    for (uint32_t i = 0; i < s->condition_count; i++)
        pl_expr_free(s->conditions[i].expr);
    for (unsigned i = 0; i < s->mode_count; i++)
        pl_free(s->modes[i].scope);
    for (unsigned i = 0; i < s->override_count; i++)
        pl_free(s->overrides[i].scope);
    pl_free(s->conditions);
    pl_free(s->points);
    pl_free(s->point_of);
    pl_free(s->lives);
    pl_free(s->live_of);
    pl_free(s->modes);
    pl_free(s->overrides);
    pl_free(s->file);
    pl_pack_free(s->body);
}

static const struct pl_operator guard_operator = {
    PL_OPERATOR("guard", "Decides which set points may go to the field, and says why not."),
    .doc =
        "The only way to a field sink. A set point passes when no override is engaged, its mode is auto (or people\n"
        "have approved it), its lease and generation hold, it is within the limits of its tag and its own, its\n"
        "interlocks hold by fresh and good signals, and it is no faster than its rate allows from where the device\n"
        "stands. What is in doubt is refused; every refusal is an event guard.refused with the reason.\n\n"
        "A set point is a lease: it holds until its expiry, at most lease_max. One that is not renewed lapses\n"
        "(guard.lapsed), and an interlock that trips ends it at once (guard.tripped): the value is held, or returns "
        "to\n"
        "the baseline. A generation (token) below one seen of its origin is refused, also after a restart.\n\n"
        "Overrides are engaged by people, by a switch in the field or by a file; they take back what is on its way,\n"
        "and hold until they are released with a reason. Then set points begin at what the device has.\n\n"
        "Modes, overrides, generations and what passed last are kept as they happen, and are no part of checkpoints.",
    .inputs = PL_PORTS({.name = "in",
                        .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_SETPOINTS),
                        .doc = "Set points, and the live signals that they are judged by."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET(PL_SETPOINTS), .doc = "What may be written."},
                        {.name = "events",
                         .kinds = PL_SET(PL_EVENTS),
                         .doc = "guard.refused, .waiting, .advised, .lapsed, .tripped, .shed, .mode, .rejected; "
                                "override.engaged, .kept, .released."}),
    .options = guard_options,
    .counters =
        PL_COUNTERS([COUNT_PASSED] = {"passed", "set points", "Set points that were let pass."},
                    [COUNT_REFUSED] = {"refused", "set points", "Set points that were refused."},
                    [COUNT_CLAMPED] = {"clamped", "set points", "Set points that passed with a nearer value."},
                    [COUNT_ADVISED] = {"advised", "set points", "Set points that were good, in mode advise."},
                    [COUNT_WAITING] = {"waiting", "set points", "Set points that were good, and wait for approval."},
                    [COUNT_LAPSED] = {"lapsed", "set points", "Leases that were not renewed."},
                    [COUNT_TRIPPED] = {"tripped", "set points", "Leases that an interlock ended."},
                    [COUNT_RETURNS] = {"returns", "set points", "Steps back to a baseline."},
                    [COUNT_OVERRIDES] = {"overrides", "overrides", "Overrides that were engaged."},
                    [COUNT_SAMPLES] = {"samples", "rows", "Live rows seen."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_GUARD | PL_OP_ANY_ORDER | PL_OP_MIXED | PL_OP_BLOCKING,
    .instance_size = sizeof(struct guard),
    .check = guard_check,
    .open = open_guard,
    .process = process,
    .watermark = watermark,
    .close = close_guard,
    .commands = guard_commands,
};

PL_PLUGIN(guard, "1.0", &guard_operator)
