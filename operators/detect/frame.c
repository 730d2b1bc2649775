#include "frame.h"

#include <math.h>
#include <string.h>

/* Places the arrays one behind the other; with `base` NULL only counts. */
static size_t place(const struct frame_rule *rule, double *base, struct frame_view *view) {
    const size_t n = rule->signals, width = frame_width(rule);
    size_t used = 0;
    struct {
        double **array;
        size_t count;
    } arrays[] = {
        {&view->value, n},
        {&view->held, n},
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
        {&view->window, rule->local ? n * rule->locals.window : 0},
        {&view->sorted, rule->local ? n * rule->locals.window : 0},
        {&view->usual, rule->local ? n : 0},
        {&view->step, n},
        {&view->score, n},
    };
    for (size_t i = 0; i < PL_COUNT_OF(arrays); i++) {
        *arrays[i].array = base ? base + used : NULL;
        used += arrays[i].count;
    }
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
        if (s < frame->known && isfinite(view->value[s]))
            view->held[s] = view->value[s];
        else
            view->value[s] = view->held[s];
    }
}

uint32_t frame_jumps(struct frame *frame, struct frame_view *view, double times, uint32_t most) {
    static const double fading = 0.999; /* of what was once large, in a frame */
    uint32_t jumps = 0;
    for (uint32_t s = 0; s < frame->known && frame->begun; s++)
        jumps += view->step[s] > 0 && fabs(view->value[s] - view->held[s]) > times * view->step[s];
    for (uint32_t s = 0; s < frame->known && frame->begun && jumps <= most; s++)
        if (isfinite(view->value[s]))
            view->step[s] = fmax(view->step[s] * fading, fabs(view->value[s] - view->held[s]));
    return jumps;
}

void frame_forget(struct frame *frame) {
    frame->state = FRAME_LEARNING;
    frame->learned = 0;
    frame->settled = 0;
    frame->rows = 0;
    frame->since_change = 0;
    frame->local_rows = 0;
}
