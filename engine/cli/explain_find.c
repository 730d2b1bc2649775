/* explain_find.c: the row of a zone that somebody asks about. */
#include "explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <potline/pack.h>

#define NEAR (2 * PL_DAY)  /* most windows end within */
#define FAR (400 * PL_DAY) /* and all of them */

struct search {
    const struct pl__explain_wanted *wanted;
    const struct pl_tags *tags;
    struct pl__explain_found *found;
    unsigned count;
};

/* ---- Does it fit? ---- */

/* A text of an event's body. */
static bool body_text(const struct pl_batch *batch, uint32_t row, const char *name, const char **text, size_t *length) {
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    return pl_unpack_text(body, size, name, text, length);
}

static bool is_event(const struct pl_batch *batch, uint32_t row, const char *id) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, batch->events.id[row]);
    return strcmp(text, id) == 0;
}

/* Somebody was told of the alarm; what people do to it later is another matter. */
static bool is_alarm(const struct search *search, const struct pl_batch *batch, uint32_t row) {
    const char *alarm, *name = search->wanted->name;
    size_t length;
    if (is_event(batch, row, name)) return true;
    if (strcmp(pl_tags_get(search->tags, batch->events.kind[row])->name, "alarm.unacknowledged") != 0) return false;
    return body_text(batch, row, "alarm", &alarm, &length) && strlen(name) == length && !memcmp(alarm, name, length);
}

static bool fits(const struct search *search, const struct pl_batch *batch, uint32_t row) {
    const struct pl__explain_wanted *wanted = search->wanted;
    bool tag = strcmp(pl_tags_get(search->tags, pl_batch_keys(batch)[row])->name, wanted->name) == 0;
    switch (wanted->what) {
    case PL__EXPLAIN_WINDOW:
        return batch->kind == PL_WINDOWS && tag && batch->windows.start[row] <= wanted->time &&
               wanted->time < batch->windows.end[row];
    case PL__EXPLAIN_SAMPLE: return batch->kind == PL_SAMPLES && tag && batch->samples.time[row] == wanted->time;
    case PL__EXPLAIN_EVENT: return batch->kind == PL_EVENTS && is_event(batch, row, wanted->name);
    case PL__EXPLAIN_ALARM:
        return batch->kind == PL_EVENTS && batch->events.time[row] <= wanted->time && is_alarm(search, batch, row);
    }
    return false;
}

/* ---- Which come first ---- */

static int by_rank(const void *a, const void *b) {
    const struct pl__explain_found *l = a, *r = b;
    pl_time left = pl_batch_times(l->batch)[l->row], right = pl_batch_times(r->batch)[r->row];
    bool windows = l->batch->kind == PL_WINDOWS;
    if (windows) left -= l->batch->windows.start[l->row], right -= r->batch->windows.start[r->row];
    if (left != right) return (left < right) == windows ? -1 : 1;
    return l->zone != r->zone ? (l->zone > r->zone ? -1 : 1) : strcmp(l->node, r->node);
}

/* Of more than there is room for the first ones stay. */
static void add(struct search *search, enum pl_zone_id zone, const struct pl__export_part *part, uint32_t row) {
    struct pl__explain_found found = {.zone = zone,
                                      .partition = (uint16_t)part->partition,
                                      .epoch = part->epoch,
                                      .batch = pl_batch_ref(part->batch),
                                      .row = row};
    snprintf(found.node, sizeof found.node, "%s", part->node);
    if (search->count == PL__EXPLAIN_CANDIDATES) {
        struct pl__explain_found *last = &search->found[search->count - 1];
        bool first = by_rank(&found, last) < 0;
        pl_batch_unref(first ? last->batch : found.batch);
        if (first) *last = found;
    } else {
        search->found[search->count++] = found;
    }
    qsort(search->found, search->count, sizeof *search->found, by_rank);
}

static enum pl_code look_through(struct search *search, struct pl__export_what what, struct pl_error **error) {
    struct pl__export_reader *reader = NULL;
    struct pl__export_part part;
    enum pl_code code = pl__export_open(&what, &reader, error);
    while (!code && !(code = pl__export_next(reader, &part, error))) {
        for (uint32_t row = 0; row < part.batch->rows; row++)
            if (fits(search, part.batch, row) && pl__export_counts(reader, &part, row))
                add(search, what.zone, &part, row);
        pl_batch_unref(part.batch);
    }
    pl__export_close(reader);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static pl_time later(pl_time time, pl_time by) {
    return time > PL_TIME_MAX - by ? PL_TIME_MAX : time + by;
}

static enum pl_code look_in_zones(struct search *search, struct pl__export_what what, pl_time far,
                                  struct pl_error **error) {
    static const enum pl_zone_id zones[] = {PL_GOLD, PL_SILVER};
    const struct pl__explain_wanted *wanted = search->wanted;
    bool timed = wanted->what == PL__EXPLAIN_WINDOW || wanted->what == PL__EXPLAIN_SAMPLE;
    what.range = (struct pl_zone_range){.from = timed ? wanted->time : PL_TIME_MIN,
                                        .to = timed ? later(wanted->time, far) : PL_TIME_MAX};
    what.unmarked = true; /* it is compared with what is made again */
    enum pl_code code = PL_OK;
    for (size_t i = 0; i < PL_COUNT_OF(zones) && !code; i++) {
        what.zone = zones[i];
        code = look_through(search, what, error);
    }
    return code;
}

enum pl_code pl__explain_find(const struct pl__export_what *from, const struct pl__explain_wanted *wanted,
                              struct pl__explain_found *found, unsigned *count, struct pl_error **error) {
    static const char *const whats[] = {"window", "sample", "event", "alarm"};
    static const char *const hints[] = {
        "potline export --zone gold --kind windows shows which there are, by tag and time",
        "potline export --zone silver --kind samples shows which there are, by tag and exact time",
        "potline export --zone gold --kind events shows their ids",
        "alarms list in the shell shows their names; only alarms that a sink.lake keeps can be explained",
    };
    struct search search = {.wanted = wanted, .tags = from->tags, .found = found};
    pl_time far = wanted->what == PL__EXPLAIN_SAMPLE ? 1 : NEAR;
    enum pl_code code = look_in_zones(&search, *from, far, error);
    if (!code && !search.count && wanted->what == PL__EXPLAIN_WINDOW) code = look_in_zones(&search, *from, FAR, error);
    *count = search.count;
    if (code || search.count) return code;
    return pl_error_set(error, PL_NOT_FOUND, "%s: neither gold nor silver has that %s: %s; %s", from->data,
                        whats[wanted->what], wanted->name, hints[wanted->what]);
}
