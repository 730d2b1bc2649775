#include "local.h"

#include <math.h>
#include <string.h>

#include "chance.h"

/* Where `value` stands, or would, among `count` sorted ones. */
static uint32_t find(const double *sorted, uint32_t count, double value) {
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sorted[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double median(const double *sorted, uint32_t count) {
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* The value goes into the window, in place of the oldest one. */
static void take(double *window, double *sorted, uint32_t size, uint32_t rows, double value) {
    uint32_t count = rows < size ? rows : size;
    if (count == size) {
        uint32_t at = find(sorted, count, window[rows % size]);
        count--;
        memmove(sorted + at, sorted + at + 1, (count - at) * sizeof *sorted);
    }
    uint32_t at = find(sorted, count, value);
    memmove(sorted + at + 1, sorted + at, (count - at) * sizeof *sorted);
    sorted[at] = value;
    window[rows % size] = value;
}

/* How many times its usual distance the value is from the median; the usual one learns from it. */
static double judge_signal(const struct local_rule *r, struct frame_view *view, uint32_t s, uint32_t known) {
    static const double pull_most = 4; /* what is far off teaches no more than this */
    const double *sorted = view->sorted + (size_t)s * r->window;
    const double apart = fabs(view->value[s] - median(sorted, r->window));
    double *usual = &view->usual[s];
    const double times = *usual > 0 ? apart / *usual : 0;
    const double pulled = *usual > 0 && known >= r->window ? fmin(apart, pull_most * *usual) : apart;
    *usual += (pulled - *usual) / (known + 1 < r->memory ? known + 1 : r->memory);
    return fmin(times, r->most);
}

double local_usual(const struct frame_rule *rule, const struct frame_view *view, uint32_t signal) {
    return median(view->sorted + (size_t)signal * rule->locals.window, rule->locals.window);
}

double local_judge(const struct frame_rule *rule, struct frame *frame, struct frame_view *view) {
    const struct local_rule *r = &rule->locals;
    const uint32_t rows = frame->local_rows;
    double sum = 0;
    for (uint32_t s = 0; s < frame->modelled; s++) {
        view->score[s] = 0;
        if (rows >= r->window) view->score[s] = judge_signal(r, view, s, rows - r->window);
        sum += view->score[s];
        take(view->window + (size_t)s * r->window, view->sorted + (size_t)s * r->window, r->window, rows,
             view->value[s]);
    }
    /* It counts on, but stays small: only the place in the window and whether it is full matter. */
    frame->local_rows = rows + 1 < r->window * 2 + r->memory * 2 ? rows + 1 : rows + 1 - r->window;
    return rows >= 2 * r->window ? chance_sum(sum, frame->modelled) : 0;
}
