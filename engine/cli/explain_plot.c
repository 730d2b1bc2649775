/* explain_plot.c: the signals that a row speaks of, as they were recorded: before, within, and what was usual.
 *
 * Of an anomaly those are the tags that its event names, each with its share of it (operators/detect/verdict.h). What
 * was usual is what all but one in a hundred of the recorded rows had that came before, if there were enough.
 */
#include "explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "model.h"

enum { SIGNALS_MAX = 3, SHOWN_MAX = 600, USUAL_LEAST = 50, TITLE = PL_NAME_MAX + 512 };
static const double usual_low = 0.005, usual_high = 0.995;

/* What is drawn of a signal. */
struct signal {
    uint32_t tag;
    double share; /* NaN: nothing is said of it */
    char title[TITLE];
    double *x, *y;         /* all its rows, by time */
    size_t count, shown;   /* the first that is */
    size_t within, behind; /* the first within it, and behind it */
    double band_x[2], low[2], high[2];
    bool band;
};

/* ---- Which ---- */

static void add_signal(const struct pl__explanation *e, struct signal *signals, unsigned *count, const char *name,
                       double share) {
    const uint32_t tag = pl_tags_find(e->tags, name, strlen(name));
    if (tag != PL_NO_ID && *count < SIGNALS_MAX) signals[(*count)++] = (struct signal){.tag = tag, .share = share};
}

static unsigned find_signals(const struct pl__explanation *e, const json_t *row, const json_t *tags,
                             struct signal *signals) {
    unsigned count = 0;
    size_t i;
    json_t *entry;
    json_array_foreach((json_t *)(uintptr_t)tags, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "tag"));
        const json_t *share = json_object_get(entry, "share");
        if (name) add_signal(e, signals, &count, name, share ? json_number_value(share) : (double)NAN);
    }
    const char *own = json_string_value(json_object_get(row, "tag"));
    if (!count && own) add_signal(e, signals, &count, own, (double)NAN);
    return count;
}

/* ---- Its rows ---- */

struct point {
    pl_time time;
    double value;
};

static int by_time(const void *a, const void *b) {
    const pl_time l = ((const struct point *)a)->time, r = ((const struct point *)b)->time;
    return (l > r) - (l < r);
}

static int by_value(const void *a, const void *b) {
    const double l = *(const double *)a, r = *(const double *)b;
    return (l > r) - (l < r);
}

static struct point *points_of(const struct pl__explanation *e, uint32_t tag, size_t *count) {
    struct point *points = pl_alloc((e->raws->count + 1) * sizeof *points);
    *count = 0;
    for (size_t i = 0; points && i < e->raws->count; i++) {
        const struct pl__raw *raw = &e->raws->rows[i];
        const struct pl_batch *batch = e->raws->batches[raw->batch];
        if (raw->key != tag || batch->kind != PL_SAMPLES || !isfinite(batch->samples.value[raw->row])) continue;
        points[(*count)++] = (struct point){raw->time, batch->samples.value[raw->row]};
    }
    if (*count) qsort(points, *count, sizeof *points, by_time);
    return points;
}

/* Quantiles of the `before` rows in front. */
static bool find_band(struct signal *s, size_t before) {
    s->band = before >= USUAL_LEAST;
    if (!s->band) return true;
    double *sorted = pl_alloc(before * sizeof *sorted);
    if (!sorted) return false;
    memcpy(sorted, s->y, before * sizeof *sorted);
    qsort(sorted, before, sizeof *sorted, by_value);
    s->low[0] = s->low[1] = sorted[(size_t)(usual_low * (double)(before - 1))];
    s->high[0] = s->high[1] = sorted[(size_t)(usual_high * (double)(before - 1) + 0.5)];
    pl_free(sorted);
    return true;
}

/* Seconds since `start`; of the rows in front of it only the newest are shown. False without memory. */
static bool take_rows(const struct pl__explanation *e, struct signal *s, pl_time start, pl_time end) {
    size_t before = 0, until = 0;
    struct point *points = points_of(e, s->tag, &s->count);
    s->x = pl_alloc((s->count + 1) * sizeof *s->x);
    s->y = pl_alloc((s->count + 1) * sizeof *s->y);
    const bool good = points && s->x && s->y;
    for (size_t i = 0; good && i < s->count; i++) {
        s->x[i] = ((double)points[i].time - (double)start) / 1e9;
        s->y[i] = points[i].value;
        before += points[i].time < start;
        until += points[i].time <= end;
    }
    pl_free(points);
    s->within = before;
    s->behind = until > before ? until : before;
    s->shown = before > SHOWN_MAX ? before - SHOWN_MAX : 0;
    if (!good || !find_band(s, before)) return false;
    if (s->count > s->shown) {
        s->band_x[0] = s->x[s->shown];
        s->band_x[1] = s->x[s->count - 1];
    }
    return true;
}

/* ---- The plots ---- */

/* In lines that an image has room for. */
static void wrap(char *text) {
    enum { LINE = 90 };
    char *blank = NULL;
    for (char *at = text, *line = text; *at; at++) {
        if (*at == ' ') blank = at;
        if (*at == '\n') line = at;
        if (at - line <= LINE || !blank || blank <= line) continue;
        *blank = '\n';
        line = blank;
    }
}

/* `first`: of the plots, where it also stands why. */
static void put_title(struct signal *s, const struct pl_tag *tag, const struct pl__said *said, bool first) {
    size_t room = sizeof s->title;
    size_t used = (size_t)snprintf(s->title, room, "%s", tag->name);
    if (isfinite(s->share) && used < room)
        used += (size_t)snprintf(s->title + used, room - used, ": %.0f %% of it", 100 * s->share);
    if (first && *said->explanation && used < room)
        snprintf(s->title + used, room - used, "\n%s (score %.2f)", said->explanation, said->score);
    wrap(s->title);
}

static void add_curve(struct pl__plot *plot, const struct signal *s, const char *name, size_t from, size_t to) {
    if (to > from) plot->curve[plot->count++] = (struct pl__curve){name, s->x + from, s->y + from, to - from, true};
}

static void make_plot(const struct pl__explanation *e, struct signal *s, const struct pl__said *said, const char *since,
                      bool first, struct pl__plot *plot) {
    const struct pl_tag *tag = pl_tags_get(e->tags, s->tag);
    put_title(s, tag, said, first);
    *plot = (struct pl__plot){.title = s->title, .x = since, .y = tag->unit};
    add_curve(plot, s, "before", s->shown, s->within);
    add_curve(plot, s, said->ends ? "within" : "from then on", s->within, s->behind);
    add_curve(plot, s, "behind it", s->behind, s->count);
    if (!s->band) return;
    plot->curve[plot->count++] = (struct pl__curve){"usual: upper end of 99 %", s->band_x, s->high, 2, false};
    plot->curve[plot->count++] = (struct pl__curve){"usual: lower end of 99 %", s->band_x, s->low, 2, false};
}

static bool draw(const struct pl_cli *cli, const struct pl__plot *plots, unsigned count) {
    const char *image = pl_cli_get(cli, "image");
    for (unsigned i = 0; i < count && pl_cli_has(cli, "plot"); i++)
        pl__plot_terminal(stdout, &plots[i]);
    return !image || pl__plot_file(cli, image, plots, count);
}

bool pl__explain_plot(const struct pl_cli *cli, const struct pl__explanation *e, const json_t *said) {
    struct signal signals[SIGNALS_MAX];
    struct pl__plot plots[SIGNALS_MAX];
    const json_t *row = json_object_get(said, "row");
    struct pl__said told;
    pl__explain_said(row, &told);
    unsigned count = find_signals(e, row, told.tags, signals), drawn = 0;
    const pl_time since = told.starts ? told.start : e->from, until = told.ends ? told.end : PL_TIME_MAX;
    char text[PL_TEXT_TIME_MAX + 1], label[PL_TEXT_TIME_MAX + 16];
    bool good = true;
    *pl_text_put_time(text, since) = 0;
    snprintf(label, sizeof label, "s since %s", text);
    for (unsigned i = 0; i < count && good; i++) {
        good = take_rows(e, &signals[i], since, until);
        if (!good || signals[i].count <= signals[i].shown) continue;
        make_plot(e, &signals[i], &told, label, !drawn, &plots[drawn]);
        drawn++;
    }
    if (!good)
        fputs("potline explain: out of memory\n", stderr);
    else if (!drawn)
        fputs("potline explain: no signal that the row speaks of was recorded around it: there is nothing to plot\n",
              stderr);
    else
        good = draw(cli, plots, drawn);
    for (unsigned i = 0; i < count; i++) {
        pl_free(signals[i].x);
        pl_free(signals[i].y);
    }
    return good && drawn;
}
