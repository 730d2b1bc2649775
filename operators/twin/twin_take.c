#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "twin_cell.h"

/* ---- Names ---- */

static bool grow(void *array, uint32_t *room, uint32_t last, size_t width) {
    if (last < *room) return true;
    uint32_t wanted = last + last / 2 + 64;
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = pl_realloc(old, wanted * width);
    if (!grown) return false;
    memset((char *)grown + *room * width, 0, (wanted - *room) * width);
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

/* What a value of the tag is worth in the units that the model counts in. */
static double scale_of(const struct pl_tag *tag, unsigned signal) {
    switch (signal) {
    case FOLLOW_CURRENT: return signals_current(tag->unit);
    case FOLLOW_VOLTAGE: return strcmp(tag->unit, "mV") == 0 ? 1e-3 : 1;
    case FOLLOW_ANODE: return signals_length(tag->unit, 1e-3);
    case FOLLOW_METAL:
    case FOLLOW_BATH: return signals_length(tag->unit, 1e-2);
    default: return 1;
    }
}

struct twin_cell *twin_cell_named(struct twin *t, uint32_t asset) {
    if (!grow(&t->of_asset, &t->asset_room, asset, sizeof *t->of_asset)) return NULL;
    if (t->of_asset[asset]) return t->cell[t->of_asset[asset] - 1];
    if (!grow(&t->cell, &t->room, t->count, sizeof(struct twin_cell *))) return NULL;
    struct twin_cell *cell = PL_NEW(struct twin_cell);
    if (!cell) return NULL;
    cell->asset = asset;
    t->cell[t->count++] = cell;
    t->of_asset[asset] = t->count;
    return cell;
}

/* ---- Rows ---- */

pl_time twin_begin(const struct twin *t, pl_time time) {
    pl_time rest = time % t->step;
    return time - (rest < 0 ? rest + t->step : rest);
}

/* Of the squares only what differs from the first value is kept, so that none gets lost to round-off. */
static void add(struct twin_sum *s, double value, double squares, uint64_t count, double low, double high, double last,
                pl_time first_at, pl_time last_at) {
    if (!s->count) *s = (struct twin_sum){.offset = value, .low = low, .high = high, .last_at = PL_TIME_MIN};
    double off = value - s->offset;
    s->sum += (double)count * off;
    s->squares += squares + (double)count * off * off;
    s->low = fmin(s->low, low);
    s->high = fmax(s->high, high);
    if (!s->count || first_at < s->first_at) s->first_at = first_at;
    s->count += count;
    if (last_at < s->last_at) return;
    s->last = last;
    s->last_at = last_at;
}

/* The step's record; NULL where there is no room, or it is over. */
static struct twin_step *step_for(struct twin *t, uint32_t asset, pl_time begin) {
    if (t->closed != PL_TIME_MIN && begin + t->step <= t->closed) {
        t->late++;
        return NULL;
    }
    struct pl_record *first = pl_table_first(t->steps, asset);
    unsigned open = 0;
    for (struct pl_record *r = first; r && r->sub != begin; r = r->next)
        open++;
    struct twin_step *step = open < TWIN_OPEN_STEPS ? pl_table_get(t->steps, asset, begin) : NULL;
    if (!step) t->refused++;
    return step;
}

static void take_sample(struct twin *t, const struct pl_samples *rows, uint32_t i, uint32_t asset, unsigned signal,
                        double scale) {
    struct twin_step *step = step_for(t, asset, twin_begin(t, rows->time[i]));
    double value = rows->value[i] * scale;
    if (step) add(&step->signal[signal], value, 0, 1, value, value, value, rows->time[i], rows->time[i]);
}

static void take_window(struct twin *t, const struct pl_windows *rows, uint32_t i, uint32_t asset, unsigned signal,
                        double scale) {
    struct twin_step *step = step_for(t, asset, twin_begin(t, rows->end[i] - 1));
    if (!step) return;
    double n = rows->count[i], deviation = isfinite(rows->stddev[i]) ? rows->stddev[i] * scale : 0;
    double mean = rows->mean[i] * scale, last = isfinite(rows->last[i]) ? rows->last[i] * scale : mean;
    double low = isfinite(rows->min[i]) ? rows->min[i] * scale : mean;
    double high = isfinite(rows->max[i]) ? rows->max[i] * scale : mean;
    add(&step->signal[signal], mean, (n - 1) * deviation * deviation, rows->count[i], low, high, last, rows->start[i],
        rows->end[i]);
}

bool twin_take(struct twin *t, const struct pl_batch *batch) {
    if (!signals_prepare(&t->signals, t->tags)) return false;
    bool windows = batch->kind == PL_WINDOWS;
    const uint32_t *tag = pl_batch_keys(batch);
    const uint16_t *quality = windows ? batch->windows.quality : batch->samples.quality;
    const double *value = windows ? batch->windows.mean : batch->samples.value;
    for (uint32_t i = 0; i < batch->rows; i++) {
        int signal = signals_of(&t->signals, t->tags, tag[i]);
        if (signal < 0) continue;
        const struct pl_tag *entry = pl_tags_get(t->tags, tag[i]);
        if (!twin_cell_named(t, entry->asset)) return false;
        bool none =
            pl_quality_bad(quality[i]) || (quality[i] & (PL_Q_PROVISIONAL | PL_Q_FROZEN)) || !isfinite(value[i]);
        if (windows && !batch->windows.count[i]) none = true;
        if (none) {
            t->ignored++; /* but the step is there: time has passed for the cell */
            pl_time at = windows ? batch->windows.end[i] - 1 : batch->samples.time[i];
            step_for(t, entry->asset, twin_begin(t, at));
            continue;
        }
        double scale = scale_of(entry, (unsigned)signal);
        if (windows)
            take_window(t, &batch->windows, i, entry->asset, (unsigned)signal, scale);
        else
            take_sample(t, &batch->samples, i, entry->asset, (unsigned)signal, scale);
    }
    return true;
}
