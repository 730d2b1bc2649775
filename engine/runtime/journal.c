#include "runtime/journal.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/setpoint.h>
#include <potline/text.h>

#include "base/clock.h"
#include "graph/registry.h"

enum { HASH_TEXT = 2 + 16 + 1, DURATION_TEXT = 48 + 1 };

static void put_user(char text[PL_RUN_USER]) {
    struct passwd person, *found = NULL;
    char room[1024];
    bool known = getpwuid_r(getuid(), &person, room, sizeof room, &found) == 0 && found;
    snprintf(text, PL_RUN_USER, "%s", known ? found->pw_name : "unknown");
}

void pl_journal_init(struct pl_journal *journal, const struct pl_graph *graph, const struct pl_clock *clock) {
    uint32_t name = 0;
    *journal = (struct pl_journal){.graph = graph, .clock = clock};
    if (getrandom(&name, sizeof name, 0) != (ssize_t)sizeof name) name = (uint32_t)pl_clock_monotonic();
    snprintf(journal->run, sizeof journal->run, "%08" PRIx32, name);
    put_user(journal->user);
}

/* ---- Writing ---- */

static void failed(struct pl_error **error) {
    char *text = *error ? pl_error_text(*error) : NULL;
    pl_diag(PL_ERROR, "the audit cannot be written: %s", text ? text : "no memory");
    pl_free(text);
    pl_error_free(error);
}

static void append(struct pl_journal *journal, struct pl_audit_record *record) {
    struct pl_error *error = NULL;
    if (!journal->audit) return;
    record->time = pl_clock_now(journal->clock);
    record->user = journal->user;
    if (!record->origin) record->origin = "engine";
    record->correlation = journal->run;
    if (!record->object) record->object = journal->graph->settings.name;
    if (!record->outcome) record->outcome = "done";
    if (pl_audit_append(journal->audit, record, &error)) failed(&error);
}

/* ---- Start and end ---- */

static bool is_first_of_its_kind(const struct pl_graph *graph, unsigned node) {
    for (unsigned i = 0; i < node; i++)
        if (graph->nodes[i].op == graph->nodes[node].op) return false;
    return true;
}

static void describe(const struct pl_graph *graph, const char *folder, const struct pl_epoch *last,
                     char text[PL_AUDIT_TEXT_MAX]) {
    *text = 0;
    FILE *out = fmemopen(text, PL_AUDIT_TEXT_MAX, "w");
    if (!out) return;
    fprintf(out, "potline %s; file %s; folder %s; epoch %" PRIu64 "; operators: ", POTLINE_VERSION,
            graph->path ? graph->path : "", folder, last->number);
    const char *between = "";
    for (unsigned i = 0; i < graph->node_count; i++) {
        if (!is_first_of_its_kind(graph, i)) continue;
        fprintf(out, "%s%s %s", between, graph->nodes[i].op->name, pl_registry_version(graph->nodes[i].op));
        between = ", ";
    }
    fclose(out);
    text[PL_AUDIT_TEXT_MAX - 1] = 0;
}

void pl_journal_started(struct pl_journal *journal, const char *folder, const struct pl_epoch *last,
                        const char *outcome) {
    char from[HASH_TEXT], to[HASH_TEXT], detail[PL_AUDIT_TEXT_MAX];
    if (!journal->audit) return;
    snprintf(from, sizeof from, "%016" PRIx64, last->graph);
    snprintf(to, sizeof to, "%016" PRIx64, journal->graph->hash);
    describe(journal->graph, folder, last, detail);
    append(journal, &(struct pl_audit_record){.action = "engine start",
                                              .from = last->number ? from : NULL,
                                              .to = to,
                                              .outcome = outcome,
                                              .detail = detail});
}

void pl_journal_graph(struct pl_journal *journal, const struct pl_journal_graph *said) {
    char from[HASH_TEXT], to[HASH_TEXT], detail[PL_AUDIT_TEXT_MAX];
    snprintf(from, sizeof from, "%016" PRIx64, said->from);
    snprintf(to, sizeof to, "%016" PRIx64, said->to);
    snprintf(detail, sizeof detail, "file %s; %s", said->path, said->detail);
    append(journal, &(struct pl_audit_record){
                        .action = said->action, .from = from, .to = to, .outcome = said->outcome, .detail = detail});
}

void pl_journal_retention(struct pl_journal *journal) {
    char least[DURATION_TEXT], given[DURATION_TEXT];
    *pl_text_put_duration(least, PL_AUDIT_LEAST) = 0;
    *pl_text_put_duration(given, journal->graph->settings.audit_retention) = 0;
    append(journal, &(struct pl_audit_record){.action = "audit retention",
                                              .object = "audit.retention",
                                              .from = least,
                                              .to = given,
                                              .reason = "--audit-retention-below-minimum"});
}

void pl_journal_ended(struct pl_journal *journal, uint64_t rows, uint64_t epoch, const char *outcome) {
    char detail[80];
    snprintf(detail, sizeof detail, "%" PRIu64 " rows came in; epoch %" PRIu64, rows, epoch);
    append(journal, &(struct pl_audit_record){.action = "engine end", .outcome = outcome, .detail = detail});
}

/* ---- While it runs ---- */

enum { OWED_TEXT = 2 * (PL_NAME_MAX + 1) + 24 };

/* NODE/ID/OBJECT */
static void put_owed(char text[OWED_TEXT], const char *node, uint64_t id, const char *object) {
    snprintf(text, OWED_TEXT, "%s/%" PRIu64 "/%s", node, id, object);
}

void pl_journal_note(struct pl_journal *journal, const char *node, const struct pl_note *note,
                     const struct pl_owed *owed) {
    char name[OWED_TEXT];
    struct pl_audit_record record = {.origin = "node",
                                     .action = note->action,
                                     .object = note->object,
                                     .from = note->from,
                                     .to = note->to,
                                     .reason = note->reason,
                                     .outcome = note->outcome};
    if (!record.object) record.object = node;
    put_owed(name, node, owed->id, record.object);
    if (owed->what == PL_OWED_OPENS) record.opens = name;
    if (owed->what == PL_OWED_CLOSES) record.closes = name;
    append(journal, &record);
}

struct closing {
    struct pl_journal *journal;
    const char *why;
};

static const char *or_none(const char *text) {
    return *text ? text : NULL;
}

static enum pl_code close_one(void *arg, const char *name, const struct pl_audit_record *opened,
                              struct pl_error **error) {
    struct closing *closing = arg;
    char outcome[256];
    (void)error;
    snprintf(outcome, sizeof outcome, "not known: %s", closing->why);
    append(closing->journal, &(struct pl_audit_record){.origin = "node",
                                                       .action = PL_SETPOINT_RESULT,
                                                       .object = *opened->object ? opened->object : name,
                                                       .from = or_none(opened->from),
                                                       .to = or_none(opened->to),
                                                       .reason = or_none(opened->reason),
                                                       .outcome = outcome,
                                                       .closes = name});
    return PL_OK;
}

void pl_journal_close(struct pl_journal *journal, const char *node, const char *why) {
    struct closing closing = {journal, why};
    struct pl_error *error = NULL;
    char prefix[PL_NAME_MAX + 2] = "";
    if (!journal->audit) return;
    if (node) snprintf(prefix, sizeof prefix, "%s/", node);
    if (pl_audit_owed_each(journal->audit, prefix, close_one, &closing, &error)) failed(&error);
}

void pl_journal_copy(struct pl_journal *journal, const char *action, const char *object, const char *outcome,
                     const char *detail) {
    append(journal,
           &(struct pl_audit_record){.action = action, .object = object, .outcome = outcome, .detail = detail});
}

void pl_journal_prune(struct pl_journal *journal) {
    pl_time retention = journal->graph->settings.audit_retention;
    char reason[DURATION_TEXT + 16] = "older than ";
    if (!journal->audit || retention <= 0) return;
    *pl_text_put_duration(reason + strlen(reason), retention) = 0;
    pl_time now = pl_clock_now(journal->clock);
    struct pl_audit_record record = {
        .time = now, .user = journal->user, .origin = "engine", .reason = reason, .correlation = journal->run};
    struct pl_error *error = NULL;
    uint64_t removed;
    if (pl_audit_prune(journal->audit, now - retention, &record, &removed, &error))
        failed(&error);
    else if (removed)
        pl_diag(PL_INFO, "audit: %" PRIu64 " records pruned, %s", removed, reason);
}

void pl_journal_anchor(struct pl_journal *journal, uint64_t *told) {
    struct pl_audit_place head;
    char text[PL_AUDIT_PLACE_TEXT];
    if (!journal->audit) return;
    pl_audit_head(journal->audit, &head);
    pl_audit_place_put(&head, text);
    pl_anchors_tell(journal->anchors, text);
    if (head.sequence == *told) return;
    *told = head.sequence;
    pl_diag(PL_INFO, "audit: anchor %s", text);
}
