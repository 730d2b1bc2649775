/* train_frames.c: recorded rows by asset and time, as frames and stretches without a gap. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

enum { NUMBERS_MAX = 1 << 28 };

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_place(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->asset != y->asset) return x->asset < y->asset ? -1 : 1;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Places by the order of names, whatever order the rows came in. False without memory. */
static bool sort_names(struct names *names, uint32_t **to) {
    const char **sorted = pl_alloc(names->count * sizeof *sorted);
    *to = pl_alloc(names->count * sizeof **to);
    if (!sorted || !*to) return pl_free(sorted), false;
    memcpy(sorted, names->name, names->count * sizeof *sorted);
    qsort(sorted, names->count, sizeof *sorted, by_name);
    for (uint32_t i = 0; i < names->count; i++)
        (*to)[i] =
            (uint32_t)((const char **)bsearch(&names->name[i], sorted, names->count, sizeof *sorted, by_name) - sorted);
    memcpy(names->name, sorted, names->count * sizeof *sorted);
    pl_free(sorted);
    return true;
}

static enum pl_code sort_rows(struct training *t, struct pl_error **error) {
    uint32_t *asset = NULL, *signal = NULL;
    const bool good = sort_names(&t->assets, &asset) && sort_names(&t->signals, &signal);
    for (uint64_t i = 0; good && i < t->row_count; i++) {
        t->rows[i].asset = asset[t->rows[i].asset];
        t->rows[i].signal = signal[t->rows[i].signal];
    }
    pl_free(asset);
    pl_free(signal);
    if (!good) return train_no_memory(error);
    qsort(t->rows, t->row_count, sizeof *t->rows, by_place);
    return PL_OK;
}

static bool next_frame(const struct row *a, const struct row *b) {
    return a->asset != b->asset || a->time != b->time;
}

static bool next_stretch(const struct training *t, const struct row *a, const struct row *b) {
    return a->asset != b->asset || (uint64_t)b->time - (uint64_t)a->time > (uint64_t)t->o->gap ||
           (a->time < t->cut && b->time >= t->cut);
}

static enum pl_code allocate_frames(struct training *t, struct pl_error **error) {
    const uint64_t numbers = t->frames * t->signals.count;
    if (numbers > NUMBERS_MAX)
        return pl_error_set(error, PL_LIMIT,
                            "%" PRIu64 " frames of %u signals are too many: ask for less by --from, --to", t->frames,
                            t->signals.count);
    t->frame = pl_alloc(numbers * sizeof *t->frame);
    t->absent = pl_alloc(numbers);
    t->time = pl_alloc(t->frames * sizeof *t->time);
    if (!t->frame || !t->absent || !t->time) return train_no_memory(error);
    for (uint64_t i = 0; i < numbers; i++)
        t->frame[i] = (double)NAN;
    return PL_OK;
}

static bool begin_stretch(struct training *t, uint64_t first, bool judges) {
    struct stretch *grown = pl_realloc(t->stretch, (t->stretches + 1) * sizeof *grown);
    if (!grown) return false;
    t->stretch = grown;
    t->stretch[t->stretches++] = (struct stretch){.first = first, .judges = judges};
    return true;
}

enum pl_code train_make_frames(struct training *t, struct pl_error **error) {
    enum pl_code code = sort_rows(t, error);
    pl_time first = PL_TIME_MAX, last = PL_TIME_MIN;
    for (uint64_t i = 0; i < t->row_count; i++) {
        t->frames += i == 0 || next_frame(&t->rows[i - 1], &t->rows[i]);
        first = t->rows[i].time < first ? t->rows[i].time : first;
        last = t->rows[i].time > last ? t->rows[i].time : last;
    }
    t->cut = last - (pl_time)(t->o->training.judge * (double)((uint64_t)last - (uint64_t)first));
    if (!code) code = allocate_frames(t, error);
    uint64_t at = 0;
    for (uint64_t i = 0; i < t->row_count && !code; i++) {
        const struct row *row = &t->rows[i];
        if (i) at += next_frame(row - 1, row);
        if ((i == 0 || next_stretch(t, row - 1, row)) && !begin_stretch(t, at, row->time >= t->cut))
            code = train_no_memory(error);
        if (code) break;
        t->stretch[t->stretches - 1].count = at + 1 - t->stretch[t->stretches - 1].first;
        t->time[at] = row->time;
        t->frame[at * t->signals.count + row->signal] = row->value;
    }
    return code;
}

/* ---- Scale ---- */

static void learn_scale(struct training *t) {
    const uint32_t signals = t->signals.count;
    for (uint32_t s = 0; s < signals; s++) {
        double mean = 0, squares = 0, count = 0;
        for (uint64_t i = 0; i < t->frames; i++) {
            const double value = t->frame[i * signals + s];
            if (isnan(value) || t->time[i] >= t->cut) continue;
            const double off = value - mean;
            mean += off / ++count;
            squares += off * (value - mean);
        }
        const double deviation = count > 1 ? sqrt(squares / count) : 0;
        t->model.mean[s] = mean;
        t->model.scale[s] = deviation > 1e-9 * fabs(mean) && deviation > 0 ? deviation : fmax(1e-9 * fabs(mean), 1);
    }
}

/* What is missing keeps the value before it; at the beginning of a stretch it is the mean. */
static void scale_frames(struct training *t) {
    const uint32_t signals = t->signals.count;
    for (uint64_t k = 0; k < t->stretches; k++)
        for (uint64_t i = 0; i < t->stretch[k].count; i++)
            for (uint32_t s = 0; s < signals; s++) {
                const uint64_t at = (t->stretch[k].first + i) * signals + s;
                t->absent[at] = isnan(t->frame[at]);
                t->frame[at] = t->absent[at] ? (i ? t->frame[at - signals] : 0)
                                             : (t->frame[at] - t->model.mean[s]) / t->model.scale[s];
            }
}

enum pl_code train_scale(struct training *t, struct pl_error **error) {
    learn_scale(t);
    for (uint32_t s = 0; s < t->signals.count; s++)
        if (!isfinite(t->model.mean[s]) || !isfinite(t->model.scale[s]))
            return pl_error_set(error, PL_RANGE, "signal %s: it has values too large to learn from",
                                t->signals.name[s]);
    scale_frames(t);
    return PL_OK;
}
