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

bool twin_prepare(struct twin *t) {
    return grow(&t->of_tag, &t->tag_room, pl_tags_count(t->tags), sizeof *t->of_tag);
}

static uint8_t signal_of(struct twin *t, uint32_t tag) {
    const struct pl_tag *entry = pl_tags_get(t->tags, tag);
    const char *dot = strrchr(entry->name, '.');
    uint8_t found = UINT8_MAX;
    for (unsigned i = 0; dot && entry->asset && i < FOLLOW_SIGNALS; i++)
        if (*t->signal[i] && strcmp(dot + 1, t->signal[i]) == 0) found = (uint8_t)(i + 1);
    return t->of_tag[tag] = found;
}

/* What a value of the tag is worth in the units that the model counts in. */
static double scale_of(const struct pl_tag *tag, unsigned signal) {
    switch (signal) {
    case FOLLOW_CURRENT: return strcmp(tag->unit, "A") == 0 ? 1 : 1000;
    case FOLLOW_VOLTAGE: return strcmp(tag->unit, "mV") == 0 ? 1e-3 : 1;
    case FOLLOW_ANODE: return strcmp(tag->unit, "m") == 0 ? 1 : strcmp(tag->unit, "cm") == 0 ? 1e-2 : 1e-3;
    case FOLLOW_METAL:
    case FOLLOW_BATH: return strcmp(tag->unit, "m") == 0 ? 1 : strcmp(tag->unit, "mm") == 0 ? 1e-3 : 1e-2;
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
    if (!twin_prepare(t)) return false;
    bool windows = batch->kind == PL_WINDOWS;
    const uint32_t *tag = pl_batch_keys(batch);
    const uint16_t *quality = windows ? batch->windows.quality : batch->samples.quality;
    const double *value = windows ? batch->windows.mean : batch->samples.value;
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint8_t signal = t->of_tag[tag[i]] ? t->of_tag[tag[i]] : signal_of(t, tag[i]);
        if (signal == UINT8_MAX) continue;
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
        double scale = scale_of(entry, signal - 1u);
        if (windows)
            take_window(t, &batch->windows, i, entry->asset, signal - 1u, scale);
        else
            take_sample(t, &batch->samples, i, entry->asset, signal - 1u, scale);
    }
    return true;
}
