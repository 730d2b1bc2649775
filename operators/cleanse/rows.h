/* rows.h: what the tests of cleanse share: tags `*.v` have the range 0 to 10. */
#ifndef POTLINE_CLEANSE_ROWS_H
#define POTLINE_CLEANSE_ROWS_H

#include "../testing.h"

#define S PL_SECOND
#define BAD(flag) (PL_Q_BAD | PL_Q_##flag)
#define FILLED (PL_Q_UNCERTAIN | PL_Q_REPLACED | PL_Q_BACKFILLED)

static inline struct test *make(const char *options) {
    return test_open_ranged("cleanse", options, PL_SAMPLES, "*.v", 0, 10);
}

static inline void sample_is(const struct sample *row, pl_time time, const char *tag, double value, unsigned quality) {
    assert_int_equal(row->time, time);
    assert_string_equal(row->tag, tag);
    assert_near(row->value, value, 1e-12);
    assert_int_equal(row->quality, quality);
}

/* Values of one tag at 0 s, 1 s, ...; what the node says of each, in order. */
static inline void push_values(struct test *t, const double *values, unsigned count) {
    static pl_time now;
    for (unsigned i = 0; i < count; i++)
        test_push(t, (struct sample[]){{now++ * S, "a.v", values[i], isnan(values[i]) ? BAD(MISSING) : 0}}, 1);
}

static inline void expect_qualities(struct test *t, const unsigned *quality, unsigned count) {
    assert_int_equal(t->out[0].samples, count);
    for (unsigned i = 0; i < count; i++)
        if (t->out[0].sample[i].quality != quality[i])
            fail_msg("row %u has quality %x, not %x", i, t->out[0].sample[i].quality, quality[i]);
}

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
