#include "teaching.h"

#include <math.h>

static uint64_t line_of(const struct frame_rule *rule, const struct frame *frame, uint64_t back) {
    return (frame->rows - back) % rule->rows_kept;
}

/* Frames that have to be there for one to teach, besides the newest. */
static uint32_t reach_of(const struct frame_rule *rule) {
    return rule->scatters.late + rule->scatters.lags;
}

void teaching_begin(const struct frame_rule *rule, const struct frame *frame, struct frame_view *view) {
    for (uint32_t s = 0; s < rule->signals; s++) {
        const double *value = view->train + s;
        double stood = 0, most = 0;
        for (uint32_t i = 1; i < frame->learned; i++) {
            const bool same = value[(size_t)i * rule->signals] == value[(size_t)(i - 1) * rule->signals];
            stood = same ? stood + 1 : 0;
            most = fmax(most, stood);
        }
        view->stood_most[s] = most;
    }
}

/* More alarms of so many frames than by chance: beyond three deviations of a Poisson law. */
static bool too_many(const struct frame_rule *rule, uint32_t alarms, uint32_t frames) {
    const double usual = frames * pow(10, -rule->threshold);
    return alarms > usual + 3 * sqrt(usual);
}

static uint32_t alarms_since(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view,
                             uint32_t from, uint32_t to) {
    uint32_t count = 0;
    for (uint32_t back = from; back <= to && back <= frame->rows; back++)
        count += view->alarms[line_of(rule, frame, back)] > 0;
    return count;
}

static bool alarmed_lately(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view) {
    const uint32_t reach = reach_of(rule);
    return too_many(rule, alarms_since(rule, frame, view, 0, reach), reach + 1);
}

void teaching_note(const struct frame_rule *rule, struct frame *frame, struct frame_view *view, bool alarm) {
    const uint64_t line = line_of(rule, frame, 0);
    const double *now = view->recent + line * rule->signals;
    const double *before = frame->rows ? frame_recent(rule, frame, view, 1) : NULL;
    double *stood = view->stood + line * rule->signals;
    const double *stood_before = before ? view->stood + line_of(rule, frame, 1) * rule->signals : NULL;
    for (uint32_t s = 0; s < rule->signals; s++)
        stood[s] = before && now[s] == before[s] ? stood_before[s] + 1 : 0;
    view->alarms[line] = alarm;
    /* An alarm that flickers is one: each frame without counts one back, and no more. */
    const uint32_t most = rule->scatters.accept + reach_of(rule);
    if (alarmed_lately(rule, frame, view))
        frame->alarmed += frame->alarmed < most;
    else
        frame->alarmed -= frame->alarmed > 0;
}

bool teaching_may(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view) {
    const uint32_t late = rule->scatters.late, reach = reach_of(rule);
    if (!frame->scatter_signals || frame->rows < reach) return false;
    if (rule->scatters.accept && frame->alarmed > rule->scatters.accept) return true;
    return !alarms_since(rule, frame, view, late, reach) && !alarmed_lately(rule, frame, view);
}

bool teaching_stands(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view,
                     uint32_t signal, uint64_t back) {
    return view->stood[line_of(rule, frame, back) * rule->signals + signal] > view->stood_most[signal];
}
