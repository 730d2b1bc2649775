/* train_rounds.c: rounds over lanes of stretches, a gradient for the chunks at one place of all of them. */
#include <math.h>
#include <string.h>

#include "train.h"

struct lane {
    const double *frame;
    uint64_t count; /* frames; the last one is only a target */
    double *state;
};

/* Stretches that teach, in pieces of about the same length. *lanes is the caller's, with one array of states behind. */
static struct lane *make_lanes(const struct training *t, unsigned *count, double **states) {
    const uint32_t signals = t->signals.count;
    const size_t state = network_state(&t->model.network.shape);
    uint64_t total = 0;
    *count = 0;
    for (uint64_t k = 0; k < t->stretches; k++)
        total += t->stretch[k].judges ? 0 : t->stretch[k].count;
    const uint64_t least = 2 * (uint64_t)t->o->training.steps;
    uint64_t length = total / (uint64_t)t->o->training.lanes + 1;
    if (length < least) length = least;
    struct lane *lanes = NULL;
    for (uint64_t k = 0; k < t->stretches; k++)
        for (uint64_t at = 0; !t->stretch[k].judges && at + 1 < t->stretch[k].count; at += length) {
            const uint64_t rest = t->stretch[k].count - at;
            struct lane *grown = pl_realloc(lanes, (*count + 1) * sizeof *grown);
            if (!grown) return pl_free(lanes), NULL;
            lanes = grown;
            lanes[(*count)++] = (struct lane){.frame = t->frame + (t->stretch[k].first + at) * signals,
                                              .count = rest < length + 1 ? rest : length + 1};
        }
    *states = lanes ? pl_alloc(*count * state * sizeof **states) : NULL;
    for (unsigned i = 0; *states && i < *count; i++)
        lanes[i].state = *states + i * state;
    return lanes;
}

/* One gradient of the chunks that begin at `at`; the frames that were forecast. */
static uint64_t run_chunks(struct training *t, struct lane *lanes, unsigned count, uint64_t at, double *squares) {
    const uint32_t signals = t->signals.count;
    const uint64_t steps = (uint64_t)t->o->training.steps;
    uint64_t frames = 0;
    for (unsigned i = 0; i < count; i++)
        if (at + 1 < lanes[i].count) frames += lanes[i].count - 1 - at < steps ? lanes[i].count - 1 - at : steps;
    for (unsigned i = 0; i < count; i++) {
        if (at + 1 >= lanes[i].count) continue;
        const uint64_t some = lanes[i].count - 1 - at < steps ? lanes[i].count - 1 - at : steps;
        *squares += learner_chunk(&t->learner, lanes[i].frame + at * signals, (uint32_t)some, lanes[i].state,
                                  1 / ((double)frames * signals));
    }
    return frames;
}

static double run_round(struct training *t, struct lane *lanes, unsigned count, double *states) {
    /* The steps become smaller towards the end, to a tenth. */
    const double done = (double)t->rounds_done / (double)t->o->training.rounds;
    const double rate = t->o->training.rate * (1 - 0.9 * done);
    double squares = 0;
    uint64_t frames = 0;
    memset(states, 0, count * network_state(&t->model.network.shape) * sizeof *states);
    for (uint64_t at = 0;; at += (uint64_t)t->o->training.steps) {
        const uint64_t some = run_chunks(t, lanes, count, at, &squares);
        if (!some) break;
        frames += some;
        learner_descend(&t->learner, rate);
    }
    t->rounds_done++;
    return squares / ((double)frames * t->signals.count);
}

static enum pl_code go_round(struct training *t, struct lane *lanes, unsigned count, double *states,
                             struct pl_error **error) {
    const unsigned rounds = (unsigned)t->o->training.rounds;
    const double off = run_round(t, lanes, count, states);
    if (!isfinite(off)) return pl_error_set(error, PL_RANGE, "it does not converge: try a smaller training.rate");
    const struct pl_training_round round = {.round = t->rounds_done, .rounds = rounds, .error = off};
    enum pl_code code = train_save_progress(t, error);
    if (code || !t->job.goes_on || t->job.goes_on(t->job.context, &round)) return code;
    return t->rounds_done < rounds ? PL_BUSY : PL_OK;
}

enum pl_code train_run_rounds(struct training *t, struct pl_error **error) {
    unsigned count;
    double *states = NULL;
    struct lane *lanes = make_lanes(t, &count, &states);
    if (!lanes && !count) return pl_error_set(error, PL_NOT_FOUND, "there are no frames to learn from");
    if (!lanes || !states) {
        pl_free(lanes);
        return train_no_memory(error);
    }
    enum pl_code code = PL_OK;
    while (!code && t->rounds_done < (unsigned)t->o->training.rounds)
        code = go_round(t, lanes, count, states, error);
    pl_free(lanes);
    pl_free(states);
    return code;
}
