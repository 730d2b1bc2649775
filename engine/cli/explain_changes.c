/* explain_changes.c: the run that made a row, and what people had changed of the graph: from the audit.
 *
 * What changes results is carried out where a barrier stands in the log, and recorded when that checkpoint is safe. So
 * a change counts from the last barrier on that was written before its record.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "runtime/live_option.h"
#include "store/audit.h"

/* ---- The run ---- */

struct runs {
    uint64_t epoch; /* of the row; 0: not known */
    struct pl__explain_run *run;
    bool no_memory;
};

/* The epoch that the run began with (runtime/journal.c writes it); its rows are of later ones. */
static uint64_t epoch_of(const char *detail) {
    const char *at = strstr(detail, "; epoch ");
    return at ? strtoull(at + strlen("; epoch "), NULL, 10) : 0;
}

static enum pl_code note_start(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct runs *runs = arg;
    struct pl__explain_run *run = runs->run;
    (void)error;
    if (strcmp(record->action, "engine start") != 0) return PL_OK;
    if (runs->epoch && epoch_of(record->detail) >= runs->epoch) {
        if (run->detail && run->next == UINT64_MAX) run->next = record->sequence;
        return PL_OK;
    }
    pl_free(run->detail);
    *run = (struct pl__explain_run){
        .sequence = record->sequence, .next = UINT64_MAX, .time = record->time, .detail = pl_strdup(record->detail)};
    snprintf(run->graph, sizeof run->graph, "%s", record->object);
    snprintf(run->hash, sizeof run->hash, "%s", record->to);
    runs->no_memory |= !run->detail;
    return PL_OK;
}

enum pl_code pl__explain_run_of(struct pl_store *store, uint64_t epoch, struct pl__explain_run *run,
                                struct pl_error **error) {
    struct runs runs = {.epoch = epoch, .run = run};
    *run = (struct pl__explain_run){.next = UINT64_MAX};
    enum pl_code code = pl_audit_each(store, 1, note_start, &runs, error);
    return runs.no_memory ? pl_error_set(error, PL_NO_MEMORY, "out of memory") : code;
}

/* ---- What counts as a change ---- */

static int node_named(const struct pl__explain_section *section, const char *name, size_t length) {
    const struct pl_graph *graph = section->graph.graph;
    for (unsigned i = 0; i < graph->node_count; i++)
        if (section->graph.runs[i] && strlen(graph->nodes[i].name) == length &&
            memcmp(graph->nodes[i].name, name, length) == 0)
            return (int)i;
    return -1;
}

bool pl__explain_is_change(const struct pl__explain_section *section, const struct pl__explain_run *run,
                           const struct pl_audit_record *record) {
    bool in_run = run->detail && record->sequence > run->sequence;
    bool set = strcmp(record->action, "set") == 0 && in_run &&
               node_named(section, record->object, strcspn(record->object, ".,")) >= 0;
    bool rule = strncmp(record->action, "rules ", strlen("rules ")) == 0;
    return strcmp(record->outcome, "done") == 0 && record->sequence < run->next && (set || rule);
}

static const struct pl_command *command_of(const struct pl_operator *op, const char *name) {
    for (const struct pl_command *c = op->commands; c && c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

bool pl__explain_is_deed(const struct pl__explain_section *section, const struct pl__explain_run *run,
                         const struct pl_audit_record *record) {
    const struct pl_graph *graph = section->graph.graph;
    bool found = false;
    for (unsigned i = 0; i < graph->node_count && !found; i++)
        found = section->graph.runs[i] && command_of(graph->nodes[i].op, record->action);
    return found && strcmp(record->outcome, "done") == 0 && record->sequence < run->next;
}

/* ---- As something to be carried out ---- */

struct collecting {
    const struct pl__explain_section *section;
    const struct pl__explain_run *run;
    struct pl__explain_changes *changes;
};

static struct pl__explain_change *add(struct pl__explain_changes *changes, pl_time time, unsigned node) {
    if (changes->count == PL__EXPLAIN_CHANGES) return NULL;
    struct pl__explain_change *grown = pl_realloc(changes->list, (changes->count + 1) * sizeof *grown);
    if (!grown) return NULL;
    changes->list = grown;
    struct pl__explain_change *change = &changes->list[changes->count++];
    *change = (struct pl__explain_change){.input = {.type = PL_TRIAL_COMMAND, .node = node}, .time = time};
    return change;
}

/* "clean.spike.k", once for each instance: "clean.spike.k, clean.spike.k". */
static bool take_set(struct collecting *c, const struct pl_audit_record *record) {
    size_t length = strcspn(record->object, ",");
    int node = node_named(c->section, record->object, strcspn(record->object, "."));
    struct pl__explain_change *change = node < 0 ? NULL : add(c->changes, record->time, (unsigned)node);
    struct pl_set_args *set = change ? PL_NEW(struct pl_set_args) : NULL;
    if (!set) return node < 0;
    change->args = set;
    change->texts[0] = pl_alloc(length + 1);
    change->texts[1] = pl_strdup(record->to);
    if (!change->texts[0] || !change->texts[1]) return false;
    memcpy(change->texts[0], record->object, length);
    *set = (struct pl_set_args){.option = change->texts[0], .value = change->texts[1]};
    change->input.args = set;
    return true;
}

/* "RULE.PARAM" and a value, or "RULE": the arguments of the command in order of its table. */
static bool take_rule(struct collecting *c, const struct pl_audit_record *record, unsigned node,
                      const struct pl_command *command) {
    char object[PL_NAME_MAX + 1], *dot;
    const char *given[] = {object, NULL, record->to};
    struct pl_argument pairs[3];
    unsigned count = 0;
    snprintf(object, sizeof object, "%.*s", (int)strcspn(record->object, ","), record->object);
    bool set = strcmp(command->name, "rules set") == 0;
    if (set && (dot = strrchr(object, '.'))) *dot = 0, given[1] = dot + 1;
    for (const struct pl_option *row = command->args; row && row->name && count < (set ? 3 : 1) && given[count]; row++)
        pairs[count] = (struct pl_argument){row->name, given[count]}, count++;
    struct pl__explain_change *change = add(c->changes, record->time, node);
    if (!change || !(change->args = pl_alloc(command->args_size + 1))) return false;
    change->input.command = command;
    change->input.args = change->args;
    enum pl_code code =
        pl_arguments_parse(command->name, command->args, pairs, count, change->args, &change->owner, NULL);
    change->bad = code != PL_OK; /* of a rule with another name for it now */
    return code != PL_NO_MEMORY;
}

static enum pl_code collect(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct collecting *c = arg;
    const struct pl_graph *graph = c->section->graph.graph;
    bool good = true;
    if (!pl__explain_is_change(c->section, c->run, record) || strcmp(record->action, "rules reload") == 0) return PL_OK;
    if (strcmp(record->action, "set") == 0) good = take_set(c, record);
    for (unsigned i = 0; i < graph->node_count && good; i++) {
        const struct pl_command *command = command_of(graph->nodes[i].op, record->action);
        if (c->section->graph.runs[i] && command && command->args) good = take_rule(c, record, i, command);
    }
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for what was changed");
}

enum pl_code pl__explain_changes(struct pl_store *store, uint64_t epoch, struct pl__explain_section *section,
                                 struct pl__explain_changes *changes, struct pl_error **error) {
    struct pl__explain_run run;
    struct collecting c = {.section = section, .run = &run, .changes = changes};
    struct pl_error *damage = NULL;
    enum pl_code code = pl__explain_run_of(store, epoch, &run, &damage);
    if (!code) code = pl_audit_each(store, 1, collect, &c, &damage);
    pl_free(run.detail);
    if (code == PL_CORRUPT) pl_error_free(&damage), code = PL_OK; /* what is in front of the damage counts */
    if (code && error) *error = damage;
    struct pl_trial_input *inputs = code ? NULL : pl_alloc((changes->count + 1) * sizeof *inputs);
    for (unsigned i = 0; inputs && i < changes->count; i++)
        inputs[i] = changes->list[i].input;
    section->of.inputs = inputs; /* input_count stays 0: where they belong among the rows, the feeding knows */
    return code ? code : inputs ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

void pl__explain_changes_fini(struct pl__explain_changes *changes) {
    for (unsigned i = 0; i < changes->count; i++) {
        pl_options_free(changes->list[i].owner);
        pl_free(changes->list[i].args);
        pl_free(changes->list[i].texts[0]);
        pl_free(changes->list[i].texts[1]);
    }
    pl_free(changes->list);
    *changes = (struct pl__explain_changes){0};
}
