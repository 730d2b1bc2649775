/* report_events.c: alarms, what became of recommendations, and the optimiser's records, as events in the gold zone. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "report.h"

enum { SHOWN = 20, TALLIED = 10000 };

struct gathering {
    struct pl__span *report;
    struct pl_tags *names;
    struct pl_tally alarms, priorities, moves, optimiser;
    uint64_t *id; /* of events that were counted: a history and a sink may both keep one */
    size_t ids, room;
    bool failed;
};

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void take_alarm(struct gathering *g, const void *body, size_t size) {
    char alarm[PL__BODY_TEXT], priority[PL__BODY_TEXT];
    if (!pl__body_text(body, size, "alarm", alarm) || !pl__body_text(body, size, "priority", priority)) return;
    pl_tally_add(&g->alarms, alarm);
    pl_tally_add(&g->priorities, priority);
}

/* False: it has been counted. */
static bool is_new(struct gathering *g, uint64_t id) {
    size_t sorted = g->ids & ~(size_t)1023; /* the rest is looked through */
    if (sorted && bsearch(&id, g->id, sorted, sizeof id, by_value)) return false;
    for (size_t i = sorted; i < g->ids; i++)
        if (g->id[i] == id) return false;
    if (g->ids == g->room) {
        size_t room = g->room ? 2 * g->room : 4096;
        uint64_t *more = pl_realloc(g->id, room * sizeof *more);
        if (!more) {
            g->failed = true;
            return false;
        }
        g->id = more;
        g->room = room;
    }
    g->id[g->ids++] = id;
    if (g->ids % 1024 == 0) qsort(g->id, g->ids, sizeof id, by_value);
    return true;
}

static bool take(void *arg, const struct pl_batch *batch) {
    struct gathering *g = arg;
    for (uint32_t i = 0; i < batch->rows && !g->failed; i++) {
        const char *kind = pl_tags_get(g->names, batch->events.kind[i])->name;
        bool alarm = strcmp(kind, "alarm.unacknowledged") == 0, move = strncmp(kind, "guard.", 6) == 0;
        bool optimiser = strncmp(kind, "optimize.", 9) == 0;
        pl_time time = batch->events.time[i];
        if (!(alarm || move || optimiser) || time < g->report->from || time >= g->report->to) continue;
        if (!is_new(g, batch->events.id[i])) continue;
        uint32_t size;
        const void *body = pl_batch_heap_row(batch, 0, i, &size);
        if (alarm) take_alarm(g, body, size);
        if (move) pl_tally_add(&g->moves, kind + 6);
        if (optimiser) pl_tally_add(&g->optimiser, kind + 9);
    }
    return !g->failed;
}

static void tell_tally(struct pl__span *report, const char *title, const char *note, const char *what,
                       struct pl_tally *tally) {
    const char *const headings[] = {what, "Times", NULL};
    if (!tally->count) return;
    pl_tally_sort(tally);
    struct pl__span_table *table = pl__span_table(report, title, note, headings);
    for (unsigned i = 0; i < tally->count && i < SHOWN; i++) {
        char count[24];
        snprintf(count, sizeof count, "%" PRIu64, tally->entries[i].count);
        pl__span_row(report, table, (const char *const[]){tally->entries[i].name, count});
    }
}

static void tell_all(struct gathering *g) {
    tell_tally(g->report, "Alarms by priority", "How often one was raised.", "Priority", &g->priorities);
    tell_tally(g->report, "Alarms that came most often", "The first twenty.", "Alarm", &g->alarms);
    tell_tally(g->report, "What the guard has told",
               "waiting: recommendations for approval; advised: what would have passed; refused: what may not.", "What",
               &g->moves);
    tell_tally(g->report, "The optimiser's records", "", "What", &g->optimiser);
    struct pl_tally *all[] = {&g->alarms, &g->priorities, &g->moves, &g->optimiser};
    for (unsigned i = 0; i < PL_COUNT_OF(all); i++)
        g->failed = g->failed || all[i]->failed;
}

enum pl_code pl__span_events(struct pl__span *report, struct pl_store *store, struct pl_error **error) {
    struct gathering g = {.report = report};
    struct pl_tally *all[] = {&g.alarms, &g.priorities, &g.moves, &g.optimiser};
    for (unsigned i = 0; i < PL_COUNT_OF(all); i++)
        pl_tally_init(all[i], TALLIED);
    const struct pl__span_walk walk = {PL_EVENTS, &g.names, take, &g};
    enum pl_code code = pl__span_walk(report, store, &walk, error);
    if (!code) tell_all(&g);
    report->failed = report->failed || g.failed;
    for (unsigned i = 0; i < PL_COUNT_OF(all); i++)
        pl_tally_fini(all[i]);
    pl_free(g.id);
    pl_tags_free(g.names);
    return code;
}
