/* optimize_line.c: `potline optimize` of a whole line: the states of its pots are told, as a graph would, and then
 * where its current stands. */
#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "model.h"
#include "optimize.h"

static const pl_time LATER = 2 * PL_MINUTE; /* all pots have been heard of by then */

static void push_current(struct pl_harness *h, const char *line, pl_time time, double current) {
    char tag[PL_NAME_MAX + 16];
    struct pl_batch *b = pl_batch_new(PL_SAMPLES, 1, 0);
    if (!b) return;
    snprintf(tag, sizeof tag, "%s.current_set", line);
    b->samples.time[0] = time;
    b->samples.tag[0] = pl_harness_tag(h, tag);
    b->samples.value[0] = current;
    b->samples.quality[0] = PL_Q_GOOD;
    b->rows = 1;
    pl_harness_push(h, 0, b);
}

static bool push_pots(struct optimize *o, struct pl_harness *h, json_t *pots, const char *line) {
    const char *name;
    json_t *pot;
    size_t length = strlen(line);
    json_object_foreach(pots, name, pot) {
        if (strncmp(name, line, length) != 0 || name[length] != '.' || strchr(name + length + 1, '.'))
            return !pl_cli_usage(o->cli, "%s is no pot of %s, as the first one is: write LINE.POT", name, line);
        if (json_is_object(pot) && !json_object_get(pot, "model"))
            json_object_set_new(pot, "model", json_string("CellModel"));
        if (!pl__optimize_read(o, pot, name)) return false;
        o->asset = name;
        pl__optimize_push(h, o, "twin.state");
    }
    return true;
}

static json_t *run(struct optimize *o, json_t *pots, const char *line, double current) {
    struct pl_harness *h = pl__optimize_open(o);
    json_t *found = NULL;
    o->time = INT64_C(1750000000) * PL_SECOND; /* a whole hour is no matter: who has a tariff begins it with this one */
    o->time -= o->time % PL_DAY;
    if (h && push_pots(o, h, pots, line)) {
        json_decref(pl__optimize_pull(h, "optimize.line")); /* what is told of pots alone is of no interest */
        o->time += LATER;
        push_current(h, line, o->time, current);
        int64_t begun = pl_clock_monotonic();
        pl__optimize_push(h, o, "twin.state");
        o->milliseconds = (double)(pl_clock_monotonic() - begun) / PL_MILLISECOND;
        found = pl__optimize_pull(h, "optimize.line");
    }
    pl_harness_free(h);
    return found;
}

json_t *pl__optimize_line_run(struct optimize *o, const char *limit) {
    json_t *pots = json_object_get(o->file, "pots");
    double current = pl__optimize_number(o->file, NULL, "current");
    char line[PL_NAME_MAX + 1] = "", more[160];
    const char *first = json_object_iter_key(json_object_iter(pots)), *dot = first ? strrchr(first, '.') : NULL;
    if (!dot || dot == first || dot - first > PL_NAME_MAX) {
        pl_cli_usage(o->cli, "pots: write {\"line1.pot01\": {\"cell\": {...}}, ...}");
        return NULL;
    }
    if (!(current > 1 && current < 1000)) {
        pl_cli_usage(o->cli, "current: write what stands in the line's current set point, kA");
        return NULL;
    }
    snprintf(line, sizeof line, "%.*s", (int)(dot - first), first);
    const char *const *set = pl_cli_all(o->cli, "set");
    bool given = false;
    for (; set && *set; set++)
        given |= strncmp(*set, "baseline=", 9) == 0;
    int length = snprintf(more, sizeof more, "current: line, line_deadline: 10m, lease: 1h");
    if (!given) snprintf(more + length, sizeof more - (size_t)length, ", baseline: {current: %.9g}", current);
    strcat(more, ", ");
    o->every = "1m";
    return pl__optimize_options(o, more, limit) ? run(o, pots, line, current) : NULL;
}

int pl__optimize_line(struct optimize *o) {
    json_t *body = pl__optimize_line_run(o, "");
    o->asset = "the line";
    if (!body) return PL_EXIT_USAGE;
    if (pl_cli_has(o->cli, "json")) return pl__model_json(body);
    pl__optimize_line_table(o, body);
    json_decref(body);
    return PL_EXIT_OK;
}
