#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * PL_SECOND + now.tv_nsec;
}

void pl_clock_init(struct pl_clock *clock, enum pl_clock_kind kind, pl_time start) {
    clock->kind = kind;
    atomic_init(&clock->now, start);
}

pl_time pl_clock_now(const struct pl_clock *clock) {
    if (clock->kind == PL_CLOCK_WALL) return read_clock(CLOCK_REALTIME);
    return atomic_load_explicit(&clock->now, memory_order_acquire);
}

bool pl_clock_set(struct pl_clock *clock, pl_time now) {
    if (clock->kind == PL_CLOCK_WALL) return false;
    pl_time seen = atomic_load_explicit(&clock->now, memory_order_relaxed);
    do {
        if (now < seen) return false;
    } while (
        !atomic_compare_exchange_weak_explicit(&clock->now, &seen, now, memory_order_release, memory_order_relaxed));
    return true;
}

int64_t pl_clock_monotonic(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t pl_clock_boottime(void) {
    return read_clock(CLOCK_BOOTTIME);
}

int64_t pl_clock_worked(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
