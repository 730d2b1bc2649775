/* report_people.c: what people have decided, from the audit: overrides, recommendations accepted and not, changes. */
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "report.h"
#include "store/audit.h"

enum { OVERRIDES = 1000, TALLIED = 1000, SHOWN = 30 };

struct held {
    char scope[256];
    size_t row; /* of the table */
};

struct gathering {
    struct pl__span *report;
    struct pl__span_table *overrides;
    struct held held[OVERRIDES];
    unsigned holding;
    uint64_t approved, rejected;
    struct pl_tally changes;
};

static const char *put_moment(char text[PL_TEXT_TIME_MAX + 1], pl_time time) {
    *pl_text_put_time(text, time - time % PL_SECOND) = 0;
    return text;
}

static void engage(struct gathering *g, const struct pl_audit_record *record) {
    static const char *const headings[] = {"Of", "From", "To", "By", "Why", NULL};
    char time[PL_TEXT_TIME_MAX + 1];
    if (!g->overrides) g->overrides = pl__span_table(g->report, "Overrides", "", headings);
    if (!g->overrides || g->holding == OVERRIDES) return;
    struct held *held = &g->held[g->holding++];
    snprintf(held->scope, sizeof held->scope, "%s", record->object);
    held->row = g->overrides->rows;
    const char *cells[] = {record->object, put_moment(time, record->time), "still engaged", record->user,
                           record->reason};
    pl__span_row(g->report, g->overrides, cells);
}

static void release(struct gathering *g, const struct pl_audit_record *record) {
    char time[PL_TEXT_TIME_MAX + 1];
    for (unsigned i = g->holding; i > 0; i--) {
        struct held *held = &g->held[i - 1];
        if (strcmp(held->scope, record->object) != 0) continue;
        char *text = pl_strdup(put_moment(time, record->time));
        char **cell = &g->overrides->cell[held->row * g->overrides->columns + 2];
        if (text && held->row < g->overrides->rows) {
            pl_free(*cell);
            *cell = text;
        } else {
            pl_free(text);
        }
        *held = g->held[--g->holding];
        return;
    }
}

static enum pl_code take(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    static const char changing[] = "{rules*,set,guard mode,alarms*,constraints*,graph*,pause,resume,optimize*}";
    struct gathering *g = arg;
    bool done = !*record->outcome || strncmp(record->outcome, "done", 4) == 0; /* also after the time was up */
    (void)error;
    if (!done || record->time < g->report->from || record->time >= g->report->to) return PL_OK;
    if (strcmp(record->action, "override engage") == 0) engage(g, record);
    if (strcmp(record->action, "override release") == 0) release(g, record);
    g->approved += strcmp(record->action, "guard approve") == 0;
    g->rejected += strcmp(record->action, "guard reject") == 0;
    if (pl_glob(changing, record->action)) pl_tally_add(&g->changes, record->action);
    return PL_OK;
}

static void tell_accepted(struct gathering *g) {
    static const char *const headings[] = {"Approved", "Rejected", "Acceptance rate", NULL};
    uint64_t all = g->approved + g->rejected;
    char approved[24], rejected[24], rate[24];
    if (!all) return;
    snprintf(approved, sizeof approved, "%" PRIu64, g->approved);
    snprintf(rejected, sizeof rejected, "%" PRIu64, g->rejected);
    snprintf(rate, sizeof rate, "%.1f %%", 100 * (double)g->approved / (double)all);
    pl__span_row(g->report, pl__span_table(g->report, "Recommendations that people decided", "", headings),
                 (const char *const[]){approved, rejected, rate});
}

static void tell_changes(struct gathering *g) {
    static const char *const headings[] = {"Command", "Times", NULL};
    if (!g->changes.count) return;
    pl_tally_sort(&g->changes);
    struct pl__span_table *table =
        pl__span_table(g->report, "What people changed", "One by one: `potline audit query`.", headings);
    for (unsigned i = 0; i < g->changes.count && i < SHOWN; i++) {
        char count[24];
        snprintf(count, sizeof count, "%" PRIu64, g->changes.entries[i].count);
        pl__span_row(g->report, table, (const char *const[]){g->changes.entries[i].name, count});
    }
}

enum pl_code pl__span_people(struct pl__span *report, struct pl_store *store, struct pl_error **error) {
    struct gathering *g = PL_NEW(struct gathering);
    if (!g) return pl_error_set(error, PL_NO_MEMORY, "no memory for the audit");
    *g = (struct gathering){.report = report};
    pl_tally_init(&g->changes, TALLIED);
    enum pl_code code = pl_audit_each(store, 1, take, g, error);
    if (!code) tell_accepted(g);
    if (!code) tell_changes(g);
    report->failed = report->failed || g->changes.failed;
    pl_tally_fini(&g->changes);
    pl_free(g);
    return code;
}
