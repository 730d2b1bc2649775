/* train_drift.c: how what a model was trained on lies, so that it is seen when that is no longer so (drift.h). */
#include <math.h>
#include <string.h>

#include "train.h"

/* The greatest index of any whole window of frames without a gap. */
static double index_of(const struct training *t, const struct drift_usual *usual, uint32_t signal) {
    const uint64_t window = (uint64_t)t->o->drift_window;
    double most = 0;
    for (uint64_t k = 0; k < t->stretches; k++)
        for (uint64_t first = 0; first + window <= t->stretch[k].count; first += window) {
            uint32_t seen[DRIFT_BINS] = {0};
            for (uint64_t i = t->stretch[k].first + first; i < t->stretch[k].first + first + window; i++)
                if (!t->absent[i * t->signals.count + signal])
                    seen[drift_bin(usual, (float)t->frame[i * t->signals.count + signal])]++;
            most = fmax(most, drift_index(usual, seen));
        }
    return most;
}

/* Of how far forecasts were off, one frame that judged behind the other. */
static void learn_score(struct training *t, float *numbers) {
    struct drift_usual *usual = &t->model.usual[t->signals.count];
    if (!t->offs) return;
    memcpy(numbers, t->off, t->offs * sizeof *numbers);
    drift_learn(usual, numbers, t->offs);
    usual->index = drift_index_most(usual, t->off, t->offs, (uint64_t)t->o->drift_window);
}

static void learn_signal(struct training *t, uint32_t signal, float *numbers) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < t->frames; i++)
        if (!t->absent[i * t->signals.count + signal])
            numbers[count++] = (float)t->frame[i * t->signals.count + signal];
    struct drift_usual *usual = &t->model.usual[signal];
    if (!count) return;
    drift_learn(usual, numbers, count);
    usual->index = index_of(t, usual, signal);
}

enum pl_code train_learn_drift(struct training *t, struct pl_error **error) {
    const uint32_t signals = t->signals.count;
    float *numbers = pl_alloc(t->frames * sizeof *numbers);
    t->model.usual = pl_alloc((signals + 1) * sizeof *t->model.usual);
    const bool good = numbers && t->model.usual;
    for (uint32_t s = 0; good && s < signals; s++)
        learn_signal(t, s, numbers);
    if (good) learn_score(t, numbers);
    pl_free(numbers);
    return good ? PL_OK : train_no_memory(error);
}
