/* process_testing.h: a plant of four signals that are known to go together, for the tests of detect.process. */
#ifndef POTLINE_DETECT_PROCESS_TESTING_H
#define POTLINE_DETECT_PROCESS_TESTING_H

#include "../testing.h"

#define S PL_SECOND

enum { SIGNALS = 4, RUN = 1200, FAULT_FROM = 700, FAULT_TO = 1000, LEARNED = 400 };
static const char *const names[SIGNALS] = {"l.pump.flow", "l.pump.power", "l.pump.pressure", "l.pump.temp"};

enum fault { NONE, STEP, UNLIKE };

static inline double noise(void) {
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += test_random(10000) / 10000.0 - 0.5;
    return sum * 1.4;
}

/* Flow and power follow a load; pressure is by itself; the temperature wanders. */
static inline void make_frame(double *value, double *wander, enum fault fault, bool faulty) {
    double load = noise();
    *wander += 0.05 * noise();
    value[0] = 100 + load + 0.1 * noise() - (faulty && fault == STEP ? 3 : 0);
    value[1] = 50 + load + 0.1 * noise() + (faulty && fault == UNLIKE ? 1.2 : 0);
    value[2] = 5 + 0.1 * noise();
    value[3] = 60 + *wander;
}

/* Pushes frames [from, to) of a run at `start`; all signals of a frame in one batch. */
static inline void push_run(struct test *t, enum fault fault, unsigned from, unsigned to, pl_time start) {
    double wander = 0;
    for (unsigned row = 0; row < to; row++) {
        double value[SIGNALS];
        struct sample rows[SIGNALS];
        make_frame(value, &wander, fault, row >= FAULT_FROM && row < FAULT_TO);
        for (unsigned s = 0; s < SIGNALS; s++)
            rows[s] = (struct sample){start + row * S, names[s], value[s], 0};
        if (row >= from) test_push(t, rows, SIGNALS);
    }
}

/* Rows by verdict and truth, of the frames behind LEARNED of the run that begins at `start`. */
struct counts {
    unsigned hit, wrong, missed;
};

static inline struct counts count(const struct test *t, pl_time start) {
    struct counts c = {0};
    for (unsigned i = 0; i < t->out[0].samples; i++) {
        const struct sample *row = &t->out[0].sample[i];
        if (strcmp(row->tag, "l.pump.alarm") != 0 || row->time < start + LEARNED * S) continue;
        bool faulty = row->time >= start + FAULT_FROM * S && row->time < start + FAULT_TO * S, alarm = row->value != 0;
        c.hit += faulty && alarm;
        c.wrong += !faulty && alarm;
        c.missed += faulty && !alarm;
    }
    return c;
}

static inline double f1(struct counts c) {
    return c.hit / (c.hit + (c.wrong + c.missed) / 2.0);
}

#endif
