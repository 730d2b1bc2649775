#include "frame.h"

#include <math.h>
#include <string.h>

/* Places the arrays one behind the other; with `base` NULL only counts. */
static size_t place(const struct frame_rule *rule, double *base, struct frame_view *view) {
    const size_t n = rule->signals, width = frame_width(rule);
    const bool follows = rule->scatter && rule->scatters.forget;
    const size_t watched = rule->drift_window ? n + 1 : 0;
    double *lay, *seen;
    size_t used = 0;
    struct {
        double **array;
        size_t count;
    } arrays[] = {
        {&view->value, n},
        {&view->held, n},
        {&view->there, n},
        {&view->train, n * rule->train},
        {&view->recent, n * rule->rows_kept},
        {&view->mean, n},
        {&view->deviation, n},
        {&view->limit, n},
        {&view->freedom, n},
        {&view->active, n},
        {&view->persistent, n},
        {&view->factor, rule->scatter ? width * width : 0},
        {&view->centre, rule->scatter ? width : 0},
        {&view->spread, rule->scatter ? width : 0},
        {&view->variance, rule->scatter ? width : 0},
        {&view->average, follows ? width : 0},
        {&view->cross, follows ? width * width : 0},
        {&view->squares, follows},
        {&view->first_spread, follows ? width : 0},
        {&view->alarms, follows ? rule->rows_kept : 0},
        {&view->stood, follows ? n * rule->rows_kept : 0},
        {&view->stood_most, follows ? n : 0},
        {&view->window, rule->local ? n * rule->locals.window : 0},
        {&view->sorted, rule->local ? n * rule->locals.window : 0},
        {&view->usual, rule->local ? n : 0},
        {&lay, watched * DRIFT_NUMBERS},
        {&seen, watched * DRIFT_BINS / 2},
        {&view->step, n},
        {&view->score, n},
    };
    for (size_t i = 0; i < PL_COUNT_OF(arrays); i++) {
        *arrays[i].array = base ? base + used : NULL;
        used += arrays[i].count;
    }
    view->lay = (void *)lay;
    view->seen = (void *)seen;
    return used;
}

size_t frame_size(const struct frame_rule *rule) {
    struct frame_view view;
    return sizeof(struct frame) + place(rule, NULL, &view) * sizeof(double);
}

struct frame_view frame_view(const struct frame_rule *rule, struct frame *frame) {
    struct frame_view view;
    place(rule, (double *)(frame + 1), &view);
    return view;
}

void frame_fill(const struct frame_rule *rule, struct frame *frame, struct frame_view *view) {
    for (uint32_t s = 0; s < rule->signals; s++) { /* one that is not known yet is 0 */
        view->there[s] = s < frame->known && isfinite(view->value[s]);
        if (view->there[s] > 0)
            view->held[s] = view->value[s];
        else
            view->value[s] = view->held[s];
    }
}

/* Von Neumann's ratio of the frames learned: 1 of rows that are independent, 1 - r where each has r of the one before.
 */
static bool moves_little_by_little(const struct frame_rule *rule, const struct frame *frame,
                                   const struct frame_view *view, uint32_t s) {
    static const double ratio_most = 0.1;
    static const uint32_t least = 20; /* frames, to say so */
    const double *row = view->train + s;
    double mean = 0, squares = 0, steps = 0;
    for (uint32_t i = 0; i < frame->learned; i++)
        mean += row[(size_t)i * rule->signals] / frame->learned;
    for (uint32_t i = 0; i < frame->learned; i++) {
        const double value = row[(size_t)i * rule->signals];
        const double step = i ? value - row[(size_t)(i - 1) * rule->signals] : 0;
        squares += (value - mean) * (value - mean);
        steps += step * step;
    }
    return frame->learned >= least && steps < ratio_most * 2 * squares;
}

/* Times its largest step so far. */
static double far(const struct frame *frame, const struct frame_view *view, uint32_t s) {
    return frame->begun && view->step[s] > 0 ? fabs(view->value[s] - view->held[s]) / view->step[s] : 0;
}

uint32_t frame_jumps(const struct frame *frame, const struct frame_view *view) {
    static const double times = 3;
    uint32_t jumps = 0;
    for (uint32_t s = 0; s < frame->known; s++)
        jumps += far(frame, view, s) > times;
    return jumps;
}

bool frame_jumps_alone(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view,
                       uint32_t signal) {
    static const double times = 4;
    return view->there[signal] > 0 && far(frame, view, signal) > times &&
           moves_little_by_little(rule, frame, view, signal);
}

void frame_learn_steps(const struct frame *frame, struct frame_view *view) {
    static const double fading = 0.999; /* of what was once large, in a frame */
    for (uint32_t s = 0; s < frame->known && frame->begun; s++)
        if (isfinite(view->value[s]))
            view->step[s] = fmax(view->step[s] * fading, fabs(view->value[s] - view->held[s]));
}

void frame_forget(struct frame *frame) {
    frame->state = FRAME_LEARNING;
    frame->learned = 0;
    frame->settled = 0;
    frame->rows = 0;
    frame->since_change = 0;
    frame->local_rows = 0;
    frame->alarmed = 0;
    frame->lasting = (struct frame_lasting){0};
}
