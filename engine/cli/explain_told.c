/* explain_told.c: what else is known of the time in which a row was made: which graph was in force and what people had
 * changed of it (the audit), the rule, and what had not become rows or came late (the ledger, dead letters). */
#include "explain.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "graph/registry.h"
#include "store/audit.h"
#include "store/ledger.h"
#include "store/letters.h"

enum { VERSION_TEXT = 64, HASH_SHOWN = 8, PEOPLE_SHOWN = 10 };

static void set_text(json_t *object, const char *key, const char *text) {
    json_t *value = json_string(text);
    json_object_set_new(object, key, value ? value : json_string("?"));
}

/* ---- The run that made it ---- */

/* The part of a text like "potline 0.1.0; file x; ..." behind its key. */
static void part_of(const char *detail, const char *key, char *text, size_t size) {
    const char *at = strstr(detail, key);
    *text = 0;
    if (!at || (at != detail && at[-1] != ' ')) return;
    at += strlen(key);
    snprintf(text, size, "%.*s", (int)strcspn(at, ";,"), at);
}

/* The last run's start says it where there is no history. */
static void put_graph_then(const struct pl_cli_past *past, const struct pl__explain_run *run, char hash[32],
                           json_t *object) {
    char text[PL_AUDIT_TEXT_MAX];
    snprintf(hash, 32, "%.31s", run->hash);
    set_text(object, "name", past->number ? past->name : run->graph);
    json_object_set_new(object, "since", pl__explain_time(past->number ? past->time : run->time));
    part_of(run->detail, "potline ", text, sizeof text);
    set_text(object, "engine", text);
    part_of(run->detail, "file ", text, sizeof text);
    set_text(object, "file", past->number ? past->path : text);
    if (past->number) {
        snprintf(hash, 32, "%016" PRIx64, past->hash);
        json_object_set_new(object, "number", json_integer((json_int_t)past->number));
        set_text(object, "how", past->how);
        set_text(object, "by", past->user[0] ? past->user : "engine");
    }
    set_text(object, "hash", hash);
}

/* A graph of the history is read as it stood then: what stands in its file now is another question. */
static void put_file_now(const struct pl__explanation *e, const char *then, const char *hash, json_t *object) {
    enum pl_cli_past_file file = strcmp(hash, then) == 0 ? PL_CLI_PAST_SAME : PL_CLI_PAST_CHANGED;
    if (e->past->number) file = pl_cli_recall_file(e->past, e->section->graph.graph->set);
    json_object_set_new(object, "same", json_boolean(file == PL_CLI_PAST_SAME));
    json_object_set_new(object, "gone", json_boolean(file == PL_CLI_PAST_GONE));
}

static void put_graph(const struct pl__explanation *e, const struct pl__explain_run *run, json_t *into) {
    const struct pl_graph *graph = e->section->graph.graph;
    char hash[32], then[32];
    snprintf(hash, sizeof hash, "%016" PRIx64, graph->hash);
    json_t *object = json_object();
    set_text(object, "file_now", graph->path);
    set_text(object, "hash_now", hash);
    json_t *set = json_array();
    for (const char *const *one = graph->set; *one; one++)
        json_array_append_new(set, json_string(*one));
    json_object_set_new(object, "set", set);
    if (run->detail) {
        put_graph_then(e->past, run, then, object);
        put_file_now(e, then, hash, object);
    }
    json_object_set_new(into, "graph", object);
}

/* The nodes on the way, the last one first, with the versions of their operators now and then. */
static void put_nodes(const struct pl__explanation *e, const struct pl__explain_run *run, json_t *into) {
    const struct pl_graph *graph = e->section->graph.graph;
    bool *leads = pl__explain_leads(e);
    json_t *nodes = json_array();
    for (unsigned i = graph->node_count; leads && i-- > 0;) {
        const struct pl_graph_node *node = &graph->nodes[i];
        char version[VERSION_TEXT], key[PL_NAME_MAX + 2];
        if (!leads[i]) continue;
        json_t *from = json_array();
        for (unsigned k = 0; k < node->input_count; k++)
            json_array_append_new(from, json_string(graph->nodes[node->inputs[k].from].name));
        json_t *object = json_pack("{s:s, s:s, s:s, s:o}", "node", node->name, "op", node->op->name, "version",
                                   pl_registry_version(node->op), "from", from);
        snprintf(key, sizeof key, "%s ", node->op->name);
        if (run->detail) part_of(run->detail, key, version, sizeof version);
        if (run->detail && *version) set_text(object, "version_then", version);
        json_array_append_new(nodes, object);
    }
    pl_free(leads);
    json_object_set_new(into, "nodes", nodes);
}

/* ---- What people had changed ---- */

struct changes {
    const struct pl__explanation *e;
    const struct pl__explain_run *run;
    pl_time until; /* what was changed from then on came too late for the row */
    json_t *list;
    json_t *people; /* what else they did to the nodes on the way, which is not done again */
};

/* The first barrier behind the rows that it takes: changes are made at barriers. */
static pl_time end_of_rows(const struct pl__explanation *e) {
    const struct pl__raws *raws = e->raws;
    pl_time last = PL_TIME_MIN, end = PL_TIME_MAX;
    for (size_t i = 0; i < raws->count; i++) {
        pl_time received = raws->batches[raws->rows[i].batch]->header->receive_time;
        bool counts = e->needed ? e->needed[i] : raws->rows[i].time <= e->to;
        if (counts && received > last) last = received;
    }
    for (size_t i = 0; i < raws->mark_count && last > PL_TIME_MIN; i++)
        if (raws->marks[i].barrier && raws->marks[i].received >= last && raws->marks[i].received < end)
            end = raws->marks[i].received;
    return end;
}

static enum pl_code note_change(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct changes *changes = arg;
    const struct pl__explain_section *section = changes->e->section;
    (void)error;
    bool change = pl__explain_is_change(section, changes->run, record);
    bool deed = !change && json_array_size(changes->people) < PEOPLE_SHOWN &&
                pl__explain_is_deed(section, changes->run, record);
    /* A deed that made the row itself is recorded behind it. */
    if (record->time > changes->until && (change || json_array_size(changes->people))) return PL_OK;
    if (!change && !deed) return PL_OK;
    json_t *object = json_object();
    json_object_set_new(object, "time", pl__explain_time(record->time));
    set_text(object, "user", record->user);
    set_text(object, "action", record->action);
    set_text(object, "object", record->object);
    set_text(object, "from", record->from);
    set_text(object, "to", record->to);
    set_text(object, "reason", record->reason);
    json_array_append_new(deed ? changes->people : changes->list, object);
    return PL_OK;
}

static enum pl_code put_audit(const struct pl__explanation *e, json_t *into, struct pl_error **error) {
    struct pl__explain_run run;
    struct changes changes = {
        .e = e, .run = &run, .until = end_of_rows(e), .list = json_array(), .people = json_array()};
    struct pl_error *damage = NULL;
    enum pl_code code = pl__explain_run_of(e->folder->store, e->found->epoch, &run, &damage);
    if (!code) code = pl_audit_each(e->folder->store, 1, note_change, &changes, &damage);
    if (code == PL_CORRUPT) set_text(into, "audit", damage->text);
    put_graph(e, &run, into);
    put_nodes(e, &run, into);
    json_object_set_new(into, "changes", changes.list);
    if (!e->needed && json_array_size(changes.people))
        json_object_set(json_object_get(into, "again"), "people", changes.people);
    json_decref(changes.people);
    pl_free(run.detail);
    if (code == PL_CORRUPT) pl_error_free(&damage), code = PL_OK;
    if (code) *error = damage;
    return code;
}

/* ---- The rule ---- */

static void put_hash(json_t *object, const char *path) {
    unsigned char digest[EVP_MAX_MD_SIZE], bytes[4096];
    char text[2 * HASH_SHOWN + 1];
    FILE *file = fopen(path, "r");
    EVP_MD_CTX *context = file ? EVP_MD_CTX_new() : NULL;
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (size_t n; good && (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
        good = EVP_DigestUpdate(context, bytes, n);
    good = good && !ferror(file) && EVP_DigestFinal_ex(context, digest, NULL);
    for (size_t i = 0; good && i < HASH_SHOWN; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    if (good) set_text(object, "sha256", text);
    EVP_MD_CTX_free(context);
    if (file) fclose(file);
}

/* The rule that a body names, among those of the nodes that ran: "lua/noise.lua:5". */
static void put_rule(const struct pl__explanation *e, const json_t *row, json_t *into) {
    const json_t *body = json_object_get(row, "body");
    const char *name = json_string_value(json_object_get(body, "rule")), *key;
    json_t *value, *object, *thresholds;
    if (!name) return;
    object = json_object();
    thresholds = json_object();
    set_text(object, "name", name);
    for (unsigned i = 0; i < e->again->trial.rules.count; i++) {
        const struct pl__trial_rule *rule = &e->again->trial.rules.list[i];
        char path[PATH_MAX];
        if (strcmp(rule->name, name) != 0) continue;
        set_text(object, "node", e->section->graph.graph->nodes[rule->node].name);
        set_text(object, "place", rule->place);
        const char *colon = strrchr(rule->place, ':');
        snprintf(path, sizeof path, "%.*s", colon ? (int)(colon - rule->place) : (int)strlen(rule->place), rule->place);
        put_hash(object, path);
    }
    json_object_foreach((json_t *)(uintptr_t)body, key, value) {
        if (json_is_number(value)) json_object_set(thresholds, key, value);
    }
    json_object_set_new(object, "numbers", thresholds);
    json_object_set_new(into, "rule", object);
}

/* ---- What did not become rows ---- */

static bool concerns(const struct pl__explanation *e, const char *source, const char *tag) {
    for (size_t i = 0; i < e->raws->count; i++) {
        const struct pl__raw *raw = &e->raws->rows[i];
        bool counts = e->needed ? e->needed[i] : raw->key == pl_batch_keys(e->found->batch)[e->found->row];
        if (!counts || strcmp(e->section->graph.feeds[raw->feed].name, source) != 0) continue;
        if (!*tag || strcmp(pl_tags_get(e->tags, raw->key)->name, tag) == 0) return true;
    }
    return false;
}

static enum pl_code put_ledger(const struct pl__explanation *e, json_t *into, struct pl_error **error) {
    struct pl_ledger_query query = {.from = pl_ledger_hour_of(e->from), .to = e->to == PL_TIME_MAX ? e->to : e->to + 1};
    struct pl_ledger_report report = {.total.source = ""};
    json_t *list = json_array();
    enum pl_code code = pl_ledger_ask(e->folder->store, &query, &report, error);
    for (uint32_t i = 0; i < report.tag_count && !code; i++) {
        const struct pl_ledger_sum *sum = &report.tags[i];
        if (!concerns(e, sum->source, sum->tag)) continue;
        json_t *object = json_pack("{s:s, s:s, s:o}", "source", sum->source, "tag", sum->tag, "hours_from",
                                   pl__explain_time(query.from));
        for (unsigned k = 0; k < PL_LEDGER_COUNTS; k++)
            json_object_set_new(object, pl_ledger_names[k], json_integer(sum->count[k]));
        json_array_append_new(list, object);
    }
    pl_ledger_report_fini(&report);
    json_object_set_new(into, "ledger", list);
    return code;
}

struct letters {
    const struct pl__explanation *e;
    json_t *list;
    uint64_t count;
};

/* Those near the time, of a source that gave one of the samples; their tag may not be known. */
static enum pl_code note_letter(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct letters *letters = arg;
    const struct pl__explanation *e = letters->e;
    (void)error;
    bool near = letter->near >= e->from - PL_MINUTE && letter->near <= e->to + PL_MINUTE;
    if (!near || !concerns(e, letter->source, letter->tag)) return PL_OK;
    if (letters->count++ >= e->rows) return PL_OK;
    char id[20];
    snprintf(id, sizeof id, "%016" PRIx64, letter->id);
    json_t *object = json_object();
    set_text(object, "id", id);
    json_object_set_new(object, "near", pl__explain_time(letter->near));
    set_text(object, "source", letter->source);
    set_text(object, "tag", letter->tag);
    set_text(object, "place", letter->place);
    set_text(object, "cause", letter->cause);
    set_text(object, "reason", letter->reason);
    set_text(object, "state", pl_letter_states[letter->state]);
    json_array_append_new(letters->list, object);
    return PL_OK;
}

static enum pl_code put_letters(const struct pl__explanation *e, json_t *into, struct pl_error **error) {
    struct pl_letters_query query = {.from = PL_TIME_MIN, .to = PL_TIME_MAX};
    struct letters walk = {.e = e, .list = json_array()};
    struct pl_letters *letters = NULL;
    enum pl_code code = pl_letters_open(e->folder->store, e->tags, &letters, error);
    if (!code) code = pl_letters_each(letters, &query, note_letter, &walk, error);
    pl_letters_close(letters);
    json_object_set_new(into, "letters", walk.list);
    json_object_set_new(into, "letters_total", json_integer((json_int_t)walk.count));
    return code;
}

enum pl_code pl__explain_told(const struct pl__explanation *e, json_t *into, struct pl_error **error) {
    put_rule(e, json_object_get(into, "row"), into);
    enum pl_code code = put_audit(e, into, error);
    if (!code) code = put_ledger(e, into, error);
    return code ? code : put_letters(e, into, error);
}
