/* trend.c: `sensors/{tag}/trend`: a tag over a range of time at the width of a screen: the range in `points` parts, of
 * each mean, least and greatest. A short range is made of samples, a long one of the coarsest windows that are not
 * longer than a part, so that a week is as quick as an hour where the graph keeps windows of minutes. Of samples in
 * gold (of a twin, key figures) there are no windows. */
#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "http/rest_impl.h"
#include "store/zone_walk.h"

enum { NAMES = 200000, POINTS = 600, PROBE = 64, RECORDS = 400000 };
static const pl_time OF_SAMPLES = PL_HOUR; /* up to here */

struct part {
    uint64_t count, doubtful;
    double sum, least, greatest;
};

struct trend {
    struct pl__call *call;
    const char *tag;
    pl_time from, to, step;
    uint32_t points;
    struct part *part; /* [points] */
    struct pl_tags *names;
    bool golden;   /* of samples in gold */
    pl_time width; /* of the windows; 0: samples */
    char node[PL_NAME_MAX + 1], now[PL_NAME_MAX + 1];
    struct pl_pack *rows;
    uint32_t count;
    enum pl_code code;
    struct pl_error *error;
    struct pl_http_posted posted;
};

static void free_trend(struct trend *trend) {
    pl_free(trend->part);
    pl_tags_free(trend->names);
    pl_pack_free(trend->rows);
    pl_error_free(&trend->error);
    pl_free(trend);
}

/* ---- Adding up ---- */

static void add(struct trend *trend, pl_time time, uint64_t count, bool doubtful, double mean, double least,
                double greatest) {
    if (time < trend->from || time >= trend->to) return;
    struct part *part = &trend->part[(time - trend->from) / trend->step];
    part->doubtful += doubtful ? count : 0;
    if (!isfinite(mean)) return;
    part->least = part->count ? fmin(part->least, least) : least;
    part->greatest = part->count ? fmax(part->greatest, greatest) : greatest;
    part->sum += mean * (double)count;
    part->count += count;
}

/* Bad values are counted, not drawn: one of them would be the greatest of its part. */
static bool take_samples(void *arg, const struct pl_batch *batch) {
    struct trend *trend = arg;
    const struct pl_samples *s = &batch->samples;
    uint32_t tag = pl_tags_find(trend->names, trend->tag, strlen(trend->tag));
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (s->tag[i] != tag) continue;
        uint16_t severity = s->quality[i] & PL_Q_SEVERITY;
        double value = severity & PL_Q_BAD ? NAN : s->value[i];
        add(trend, s->time[i], 1, severity != PL_Q_GOOD, value, value, value);
    }
    return true;
}

static bool take_windows(void *arg, const struct pl_batch *batch) {
    struct trend *trend = arg;
    const struct pl_windows *w = &batch->windows;
    uint32_t tag = pl_tags_find(trend->names, trend->tag, strlen(trend->tag));
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (w->tag[i] != tag || w->end[i] - w->start[i] != trend->width) continue;
        pl_time middle = w->start[i] + trend->width / 2;
        if (w->count[i]) add(trend, middle, w->count[i], false, w->mean[i], w->min[i], w->max[i]);
        if (w->skipped[i]) add(trend, middle, w->skipped[i], true, NAN, NAN, NAN);
    }
    return true;
}

/* ---- Which windows ---- */

static void begin_probe(void *arg, const char *node) {
    struct trend *trend = arg;
    snprintf(trend->now, sizeof trend->now, "%s", node);
}

/* The coarsest that are not longer than a part of the range; else the finest there are. */
static bool probe(void *arg, const struct pl_batch *batch) {
    struct trend *trend = arg;
    const struct pl_windows *w = &batch->windows;
    uint32_t tag = pl_tags_find(trend->names, trend->tag, strlen(trend->tag));
    for (uint32_t i = 0; i < batch->rows; i++) {
        pl_time width = w->end[i] - w->start[i];
        if (w->tag[i] != tag || width <= 0) continue;
        bool fine = width <= trend->step, was = trend->width && trend->width <= trend->step;
        bool better = !trend->width || (fine ? !was || width > trend->width : !was && width < trend->width);
        if (!better) continue;
        trend->width = width;
        memcpy(trend->node, trend->now, sizeof trend->node);
    }
    return true;
}

static enum pl_code read_trend(struct trend *trend, struct pl_error **error) {
    struct pl_zone_walk walk = {.store = pl__rest_store(trend->call->rest),
                                .stop = &trend->call->rest->leaving,
                                .names = trend->names,
                                .zone = PL_GOLD,
                                .kind = PL_WINDOWS,
                                .from = trend->from,
                                .to = trend->to,
                                .begin = begin_probe,
                                .take = probe,
                                .arg = trend,
                                .records = RECORDS,
                                .most = PROBE};
    enum pl_code code = PL_OK;
    if (!trend->golden && trend->to - trend->from > OF_SAMPLES) code = pl_zone_walk(&walk, error);
    walk.begin = NULL;
    walk.most = 0;
    walk.node = trend->width ? trend->node : NULL;
    walk.take = trend->width ? take_windows : take_samples;
    if (!trend->width) {
        walk.zone = trend->golden ? PL_GOLD : PL_SILVER;
        walk.kind = PL_SAMPLES;
    }
    return code ? code : pl_zone_walk(&walk, error);
}

/* ---- The answer ---- */

static void put_number(struct pl_pack *row, const char *key, double value, bool there) {
    pl_pack_str(row, key);
    if (there)
        pl_pack_f64(row, value);
    else
        pl_pack_nil(row);
}

static void put_time(struct pl_pack *row, const char *key, pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, (size_t)(pl_text_put_time(text, time) - text));
}

static void put_parts(struct trend *trend) {
    for (uint32_t i = 0; i < trend->points; i++) {
        const struct part *part = &trend->part[i];
        pl_time start = trend->from + (pl_time)i * trend->step;
        if (!part->count && !part->doubtful) continue;
        pl_pack_map(trend->rows, 7);
        put_time(trend->rows, "start", start);
        put_time(trend->rows, "end", trend->step < trend->to - start ? start + trend->step : trend->to);
        pl_pack_pair_int(trend->rows, "count", (int64_t)part->count);
        pl_pack_pair_int(trend->rows, "doubtful", (int64_t)part->doubtful);
        put_number(trend->rows, "mean", part->sum / (double)part->count, part->count > 0);
        put_number(trend->rows, "min", part->least, part->count > 0);
        put_number(trend->rows, "max", part->greatest, part->count > 0);
        trend->count++;
    }
}

static void answer(void *arg) { /* on the server's thread again */
    struct trend *trend = arg;
    struct pl__call *call = trend->call;
    if (!trend->code && pl_pack_failed(trend->rows)) trend->code = PL_NO_MEMORY;
    if (trend->code)
        pl__problem_code(call, trend->code, trend->error ? trend->error->text : NULL);
    else
        pl__answer_rows(call, pl_pack_data(trend->rows), pl_pack_size(trend->rows), trend->count);
    free_trend(trend);
}

static void work(void *arg) {
    struct trend *trend = arg;
    struct pl_rest *rest = trend->call->rest;
    trend->code = PL_UNAVAILABLE;
    if (pl__rest_enter(rest)) {
        trend->code = read_trend(trend, &trend->error);
        pl__rest_leave(rest);
    }
    if (!trend->code) put_parts(trend);
    pl_http_post(rest->options.server, &trend->posted, answer, trend);
}

static pl_time time_of(const struct pl__call *call, const char *name) {
    const char *text = pl__call_text(call, name);
    pl_time time = 0;
    if (text) pl_text_time(text, strlen(text), &time);
    return time;
}

void pl__trend(struct pl__call *call) {
    pl_time from = time_of(call, "from"), to = time_of(call, "to");
    const char *points = pl__call_text(call, "points");
    int64_t count = POINTS, range;
    if (points) pl_text_int(points, strlen(points), &count);
    if (__builtin_sub_overflow(to, from, &range) || range > 366 * PL_DAY || range < count) {
        pl__complain(call, PL__SEMANTIC, "The range must end behind its begin, and be a year at most.");
        return;
    }
    struct trend *trend = PL_NEW(struct trend);
    if (!trend) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    *trend = (struct trend){.call = call, .from = from, .to = to, .points = (uint32_t)count};
    const char *zone = pl__call_text(call, "zone");
    trend->golden = zone && strcmp(zone, "gold") == 0;
    trend->tag = pl__call_text(call, "tag");
    trend->step = (range + count - 1) / count;
    trend->part = pl_alloc((size_t)count * sizeof *trend->part);
    if (trend->part) memset(trend->part, 0, (size_t)count * sizeof *trend->part);
    trend->names = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    trend->rows = pl_pack_new();
    if (trend->part && trend->names && trend->rows && pl_workers_do(call->rest->quick, call->who.name, work, trend))
        return;
    free_trend(trend);
    pl__problem_wait(call, PL__NOT_NOW, 1, "Too many questions at once.");
}
