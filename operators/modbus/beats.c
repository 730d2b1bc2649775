#include "beats.h"

#include <potline/alloc.h>
#include <stdio.h>

static const pl_time PULSE_MAX = PL_MINUTE;

static void answered(void *user, const struct pl_modbus_answer *answer) {
    struct pl__beat *beat = user;
    beat->under_way = false;
    beat->beats->failed += answer->status != PL_MODBUS_OK;
}

void pl__beats_go_on(struct pl__beats *beats) {
    for (uint32_t i = 0; i < beats->count && pl_modbus_client_room(beats->client) > 0; i++) {
        struct pl__beat *beat = &beats->beat[i];
        if (!beat->due || beat->under_way) continue;
        beat->value = (uint16_t)(beat->value == UINT16_MAX ? 1 : beat->value + 1);
        struct pl_modbus_call call = {beat->unit, PL_MODBUS_WRITE_REGISTER, beat->address, 1, &beat->value};
        beat->under_way = pl_modbus_client_submit(beats->client, &call, answered, beat);
        beat->due = false;
        beats->sent += beat->under_way;
    }
}

static void set_silent(struct pl__beats *beats, bool silent) {
    if (beats->silent == silent) return;
    beats->silent = silent;
    beats->changed(beats->user, silent);
}

static void on_timer(uv_timer_t *timer) {
    struct pl__beats *beats = timer->data;
    bool alive = !beats->pulsed || (pl_time)uv_hrtime() < beats->until;
    set_silent(beats, !alive);
    for (uint32_t i = 0; i < beats->count; i++)
        beats->beat[i].due = alive;
    pl__beats_go_on(beats);
}

void pl__beats_pulse(struct pl__beats *beats, pl_time lasts) {
    if (lasts > PULSE_MAX) lasts = PULSE_MAX;
    beats->until = (pl_time)uv_hrtime() + lasts;
}

void pl__beats_check(const struct pl__beat_row *rows, uint32_t count, const struct pl__targets_options *targets,
                     struct pl_check *check) {
    for (uint32_t i = 0; i < count; i++) {
        int64_t unit = rows[i].unit < 0 ? targets->unit : rows[i].unit;
        bool twice = false;
        char path[64];
        snprintf(path, sizeof path, "heartbeats[%u].address", i);
        for (uint32_t k = 0; k < i; k++)
            twice |= rows[k].address == rows[i].address && (rows[k].unit < 0 ? targets->unit : rows[k].unit) == unit;
        if (twice) pl_check_error(check, path, "it is there already");
        const char *tag = pl__targets_taken(targets, unit, rows[i].address);
        if (tag) pl_check_error(check, path, "%s or its switch stands there; a register has one writer", tag);
    }
}

enum pl_code pl__beats_init(struct pl__beats *beats, const struct pl__beat_row *rows, uint32_t count, uint8_t unit,
                            pl_time period, uv_loop_t *loop, struct pl_error **error) {
    if (count == 0) return PL_OK;
    beats->beat = pl_alloc(count * sizeof *beats->beat);
    if (!beats->beat) return pl_error_set(error, PL_NO_MEMORY, "no memory for %u heartbeats", count);
    beats->count = count;
    for (uint32_t i = 0; i < count; i++) /* where it begins is new each time: the device sees a new number */
        beats->beat[i] = (struct pl__beat){.beats = beats,
                                           .address = (uint16_t)rows[i].address,
                                           .value = (uint16_t)(uv_hrtime() >> 10),
                                           .unit = rows[i].unit < 0 ? unit : (uint8_t)rows[i].unit};
    int status = uv_timer_init(loop, &beats->timer);
    if (status) return pl_error_set(error, PL_UNAVAILABLE, "a timer: %s", uv_strerror(status));
    beats->timer.data = beats;
    beats->timer_open = true;
    uint64_t every = (uint64_t)(period / PL_MILLISECOND);
    uv_timer_start(&beats->timer, on_timer, every, every);
    return PL_OK;
}

void pl__beats_fini(struct pl__beats *beats) {
    if (beats->timer_open) uv_close((uv_handle_t *)&beats->timer, NULL);
    beats->timer_open = false;
    pl_free(beats->beat);
    beats->beat = NULL;
    beats->count = 0;
}
