/* train_judge.c: the rows that taught nothing say how good it is. */
#include <math.h>
#include <string.h>

#include "train.h"

/* How far forecasts are off is counted in eighths of a power of two, so that an upset among the rows that judge does
 * not make everything else look small: what counts is the size that one in twenty is beyond. */
enum { SIZES = 256, SIZES_BELOW_ONE = 24 * 8 };
static const double within = 0.95, normal_within = 1.96;

struct verdicts_sum {
    uint32_t *seen; /* [signal][SIZES] */
    double error, unchanged, count;
};

static unsigned size_of(double off) {
    const double place = off > 0 ? floor(8 * log2(off)) + SIZES_BELOW_ONE : 0;
    return (unsigned)fmin(fmax(place, 0), SIZES - 1);
}

/* The standard deviation of a normal number that is as often within it; 0: nothing was seen. */
static double deviation_of(const uint32_t *seen) {
    double total = 0, below = 0;
    for (unsigned i = 0; i < SIZES; i++)
        total += seen[i];
    for (unsigned i = 0; i < SIZES && total > 0; i++)
        if ((below += seen[i]) >= within * total) return exp2((i + 1.0 - SIZES_BELOW_ONE) / 8) / normal_within;
    return 0;
}

static void add_frame(struct verdicts_sum *sum, const struct training *t, uint64_t i, const float *forecast) {
    const uint32_t signals = t->signals.count;
    for (uint32_t s = 0; s < signals; s++) {
        const double now = t->frame[i * signals + s], before = t->frame[(i - 1) * signals + s];
        if (t->absent[i * signals + s]) continue;
        const double off = now - (double)forecast[s];
        sum->seen[(size_t)s * SIZES + size_of(fabs(off))]++;
        sum->error += off * off;
        sum->unchanged += (now - before) * (now - before);
        sum->count++;
    }
}

/* With `sum` the errors are added up, without the tails are filled. */
static void judge_stretch(struct training *t, struct forecaster *f, const struct stretch *stretch, float *room,
                          double *share, struct verdicts_sum *sum) {
    const uint32_t signals = t->signals.count;
    float *state = room, *frame = state + network_state(&f->shape), *forecast = frame + signals;
    struct judge judge = {0};
    double statistic[MODEL_STATISTICS];
    memset(state, 0, network_state(&f->shape) * sizeof *state);
    for (uint64_t k = 0; k < stretch->count; k++) {
        const uint64_t i = stretch->first + k;
        for (uint32_t s = 0; s < signals; s++)
            frame[s] = t->absent[i * signals + s] ? (float)NAN : (float)t->frame[i * signals + s];
        if (sum && k > RECURRENT_WARM) add_frame(sum, t, i, forecast);
        if (!sum && k && judge_frame(&judge, &t->model, frame, forecast, (double)t->o->smooth, statistic, share)) {
            for (unsigned n = 0; n < MODEL_STATISTICS; n++)
                tail_add(&t->model.tail[n], statistic[n], (double)t->o->memory);
            t->off[t->offs++] = (float)statistic[STATISTIC_ALL];
        }
        for (uint32_t s = 0; s < signals; s++)
            frame[s] = (float)t->frame[i * signals + s];
        forecaster_step(f, state, frame, forecast);
    }
}

static void set_errors(struct training *t, const struct verdicts_sum *sum) {
    for (uint32_t s = 0; s < t->signals.count; s++) {
        const double own = deviation_of(sum->seen + (size_t)s * SIZES);
        t->model.error[s] = own > 0 ? fmax(own, 1e-3) : 1; /* that it did not move is no proof that it never will */
    }
}

static void judge_stretches(struct training *t, struct forecaster *f, float *room, double *share,
                            struct verdicts_sum *sum) {
    for (uint64_t k = 0; k < t->stretches; k++)
        if (t->stretch[k].judges) judge_stretch(t, f, &t->stretch[k], room, share, sum);
}

enum pl_code train_can_judge(const struct training *t, struct pl_error **error) {
    for (uint64_t k = 0; k < t->stretches; k++)
        if (t->stretch[k].judges && t->stretch[k].count > RECURRENT_WARM + 1) return PL_OK;
    return pl_error_set(error, PL_NOT_FOUND,
                        "the part that is kept back to judge by is too short: %d frames without a gap are needed",
                        RECURRENT_WARM + 2);
}

/* First how far forecasts are off, then how rare that is. */
enum pl_code train_judge(struct training *t, struct pl_training_result *result, struct pl_error **error) {
    const uint32_t signals = t->signals.count;
    struct forecaster f;
    struct verdicts_sum sum = {.seen = pl_alloc((size_t)signals * SIZES * sizeof *sum.seen)};
    const bool made = forecaster_make(&f, &t->model.network);
    float *room = pl_alloc((network_state(&t->model.network.shape) + 2 * (size_t)signals) * sizeof *room);
    double *share = pl_alloc(signals * sizeof *share);
    t->off = pl_alloc(t->frames * sizeof *t->off);
    const bool good = made && room && share && sum.seen && t->off;
    if (good) {
        judge_stretches(t, &f, room, share, &sum);
        set_errors(t, &sum);
        judge_stretches(t, &f, room, share, NULL);
        result->error = sum.count ? sum.error / sum.count : 0;
        result->unchanged = sum.count ? sum.unchanged / sum.count : 0;
    }
    forecaster_free(&f);
    pl_free(room);
    pl_free(share);
    pl_free(sum.seen);
    if (!good) return train_no_memory(error);
    return PL_OK;
}
