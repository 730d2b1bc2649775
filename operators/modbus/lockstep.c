#include "lockstep.h"

enum { TIME_REGISTERS = 4, STEP_REGISTERS = 2 };

#define WAIT_FIRST PL_MILLISECOND

/* The registers from the first of time and step to the last. */
static unsigned block(const struct pl__clock_options *options, unsigned *count) {
    int64_t first = options->time < options->step ? options->time : options->step;
    int64_t time_end = options->time + TIME_REGISTERS, step_end = options->step + STEP_REGISTERS;
    *count = (unsigned)((time_end > step_end ? time_end : step_end) - first);
    return (unsigned)first;
}

void pl__clock_check(const struct pl__clock_options *options, struct pl_check *check) {
    unsigned count, first = block(options, &count);
    if (count > PL_MODBUS_READ_REGISTERS_MAX)
        pl_check_error(check, "clock.step", "time and step are read in one request of %d registers; this takes %u",
                       PL_MODBUS_READ_REGISTERS_MAX, count);
    if (first + count > 65536) pl_check_error(check, "clock.time", "reaches beyond register 65535");
    if (options->time < options->step + STEP_REGISTERS && options->step < options->time + TIME_REGISTERS)
        pl_check_error(check, "clock.step", "lies within the 4 registers of time");
}

void pl__lockstep_init(struct pl__lockstep *lockstep, const struct pl__clock_options *options, uint8_t node_unit,
                       pl_time wait_max) {
    unsigned count, first = block(options, &count);
    uint8_t unit = options->unit < 0 ? node_unit : (uint8_t)options->unit;
    lockstep->read = (struct pl_modbus_call){
        .unit = unit,
        .function = options->table == PL__INPUT ? PL_MODBUS_READ_INPUT : PL_MODBUS_READ_HOLDING,
        .address = (uint16_t)first,
        .count = (uint16_t)count,
    };
    lockstep->time_at = (unsigned)options->time - first;
    lockstep->step_at = (unsigned)options->step - first;
    lockstep->acknowledge_at = (uint16_t)options->acknowledge;
    lockstep->unit.id = unit;
    lockstep->wait = WAIT_FIRST;
    lockstep->wait_max = wait_max;
}

static void later(struct pl__lockstep *lockstep) {
    lockstep->phase = PL__LOCKSTEP_IDLE;
    lockstep->retry(lockstep->user, lockstep->wait);
    lockstep->wait = 2 * lockstep->wait < lockstep->wait_max ? 2 * lockstep->wait : lockstep->wait_max;
}

static void outcome(struct pl__lockstep *lockstep, const struct pl_modbus_call *call, uint8_t *exception,
                    const struct pl_modbus_answer *answer) {
    pl_time time = lockstep->started ? lockstep->time : pl_now(lockstep->cycle->node);
    struct pl__subject subject = {call, 0, &lockstep->unit, exception};
    pl__report_outcome(lockstep->cycle->report, time, &subject, answer);
}

static struct pl_modbus_call acknowledgement(struct pl__lockstep *lockstep) {
    pl_modbus_put_bits(lockstep->words, STEP_REGISTERS, lockstep->order, lockstep->step);
    return (struct pl_modbus_call){
        .unit = lockstep->read.unit,
        .function = PL_MODBUS_WRITE_REGISTERS,
        .address = lockstep->acknowledge_at,
        .count = STEP_REGISTERS,
        .values = lockstep->words,
    };
}

static void acknowledge_answered(void *user, const struct pl_modbus_answer *answer) {
    struct pl__lockstep *lockstep = user;
    struct pl_modbus_call call = acknowledgement(lockstep);
    outcome(lockstep, &call, &lockstep->write_exception, answer);
    if (answer->status != PL_MODBUS_OK) {
        later(lockstep);
        return;
    }
    lockstep->acknowledged = true;
    lockstep->wait = WAIT_FIRST;
    lockstep->phase = PL__LOCKSTEP_IDLE;
    pl__lockstep_go_on(lockstep);
}

static void acknowledge(struct pl__lockstep *lockstep) {
    struct pl_modbus_call call = acknowledgement(lockstep);
    bool sent = pl_modbus_client_submit(lockstep->cycle->client, &call, acknowledge_answered, lockstep);
    lockstep->phase = sent ? PL__LOCKSTEP_ACKNOWLEDGING : PL__LOCKSTEP_IDLE;
}

static void take_step(struct pl__lockstep *lockstep, pl_time time, uint32_t step) {
    lockstep->started = true;
    lockstep->time = time;
    lockstep->step = step;
    lockstep->emitted = lockstep->acknowledged = false;
    lockstep->phase = PL__LOCKSTEP_POLLING;
    pl__cycle_begin(lockstep->cycle, true, time);
}

static void clock_answered(void *user, const struct pl_modbus_answer *answer) {
    struct pl__lockstep *lockstep = user;
    outcome(lockstep, &lockstep->read, &lockstep->read_exception, answer);
    if (answer->status != PL_MODBUS_OK) {
        later(lockstep);
        return;
    }
    uint64_t time = pl_modbus_bits(answer->data + 2 * lockstep->time_at, TIME_REGISTERS, lockstep->order);
    uint64_t step = pl_modbus_bits(answer->data + 2 * lockstep->step_at, STEP_REGISTERS, lockstep->order);
    bool same = lockstep->emitted && lockstep->time == (pl_time)time && lockstep->step == step;
    if (time > INT64_MAX || (same && lockstep->acknowledged))
        later(lockstep);
    else if (same)
        acknowledge(lockstep);
    else
        take_step(lockstep, (pl_time)time, (uint32_t)step);
}

void pl__lockstep_go_on(struct pl__lockstep *lockstep) {
    if (lockstep->phase != PL__LOCKSTEP_IDLE) return;
    if (pl_modbus_client_submit(lockstep->cycle->client, &lockstep->read, clock_answered, lockstep))
        lockstep->phase = PL__LOCKSTEP_ASKING;
}

void pl__lockstep_link_up(struct pl__lockstep *lockstep) {
    lockstep->acknowledged = false;
    lockstep->wait = WAIT_FIRST;
    pl__lockstep_go_on(lockstep);
}

bool pl__lockstep_polled(struct pl__lockstep *lockstep) {
    if (lockstep->cycle->lost > 0) {
        later(lockstep);
        return false;
    }
    lockstep->phase = PL__LOCKSTEP_EMITTING;
    return true;
}

void pl__lockstep_emitted(struct pl__lockstep *lockstep) {
    lockstep->emitted = true;
    acknowledge(lockstep);
}
