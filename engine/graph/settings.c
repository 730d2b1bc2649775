/* settings.c: the options of a graph and the common ones of its nodes. */
#include "settings.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include <librdkafka/rdkafka.h>

#include <potline/scram.h>
#include <potline/tag.h>
#include <potline/text.h>

/* ---- Tables ---- */

static const char *const clocks[] = {"wall", "plant", NULL};
static const char *const log_kinds[] = {"embedded", "none", "kafka", NULL};
static const char *const on_full[] = {"block", "spill", "drop", NULL};
static const char *const isolations[] = {"none", "process", NULL};

static const struct pl_option log_setting_options[] = {
    PL_OPT_STRING(struct pl_graph_log_setting, name, "name", NULL, PL_FIXED, "As librdkafka calls it: sasl.username."),
    PL_OPT_SECRET(struct pl_graph_log_setting, value, "value", NULL, PL_FIXED,
                  "Its value; no message or listing shows it."),
    PL_OPT_END,
};

static const struct pl_option log_options[] = {
    PL_OPT_CHOICE(struct pl_graph_settings, log_kind, "kind", "embedded", log_kinds, PL_FIXED,
                  "embedded: in the data folder; kafka: a topic; none: no log, so no replay and no recovery."),
    PL_OPT_STRING(struct pl_graph_settings, log_sync, "sync", "10ms", PL_FIXED,
                  "When what was appended is made safe from power loss: after this time, or each, or none."),
    PL_OPT_STRING(struct pl_graph_settings, log_brokers, "brokers", "", PL_FIXED,
                  "kafka: brokers to begin with, HOST:PORT between commas; they name the others."),
    PL_OPT_STRING(struct pl_graph_settings, log_topic, "topic", "", PL_FIXED,
                  "kafka: the topic, made when it is not there; empty: the graph's name."),
    PL_OPT_STRING(struct pl_graph_settings, log_group, "group", "", PL_FIXED,
                  "kafka: the consumer group of all engines that run this graph and share its partitions; empty: this "
                  "engine is alone."),
    PL_OPT_DURATION(struct pl_graph_settings, log_session, "session", "6s", "1s", "30m", PL_FIXED,
                    "kafka: an engine of the group that is not heard of for so long is dead, and others go on for it."),
    PL_OPT_BOOL(
        struct pl_graph_settings, log_standby, "standby", "false", PL_FIXED,
        "kafka: each engine of the group follows the state of the partitions that others have into its own data "
        "folder, so that whoever takes one over reads but the last moment of it; costs each engine the state's "
        "changes, and the disk for all of it."),
    PL_OPT_INT(struct pl_graph_settings, log_replication, "replication", "0", "0", "32", PL_FIXED,
               "kafka: copies of a topic that is made; 0: as many as the brokers make by themselves."),
    PL_OPT_DURATION(struct pl_graph_settings, log_timeout, "timeout", "10s", "1s", "1h", PL_FIXED,
                    "kafka: how long an answer may take before the brokers are away, and sources wait."),
    PL_OPT_LIST(struct pl_graph_settings, log_settings, "settings", "[]", struct pl_graph_log_setting,
                log_setting_options, PL_FIXED,
                "kafka: further properties of librdkafka, as security.protocol, sasl.username, ssl.ca.location."),
    PL_OPT_END,
};

static const struct pl_option graph_queue_options[] = {
    PL_OPT_INT(struct pl_graph_settings, queue_batches, "batches", "128", "1", "65536", PL_FIXED,
               "Batches under way on an edge."),
    PL_OPT_SIZE(struct pl_graph_settings, queue_bytes, "bytes", "2MiB", "4KiB", "1GiB", PL_FIXED,
                "Bytes under way on an edge."),
    PL_OPT_END,
};

static const struct pl_option audit_options[] = {
    PL_OPT_DURATION(struct pl_graph_settings, audit_retention, "retention", "730d", "1s", "36500d", PL_FIXED,
                    "How long records of the audit stay; below 730d only with run --audit-retention-below-minimum."),
    PL_OPT_DURATION(struct pl_graph_settings, audit_anchor, "anchor", "1h", "0s", "30d", PL_FIXED,
                    "How often the last record's number and hash are told on standard error; 0: only at the end."),
    PL_OPT_STRING(struct pl_graph_settings, audit_publish, "publish", "", PL_FIXED,
                  "Where the last place is published, too: a ZeroMQ endpoint to bind, as tcp://*:5590 (PUB, topic "
                  "audit/anchor/NAME); empty: nowhere."),
    PL_OPT_END,
};

#define RETENTION(zone, name, doc)                                                                                     \
    PL_OPT_DURATION(struct pl_graph_settings, retention[zone], name, "0", "0", "36500d", PL_FIXED, doc)
#define MAX_SIZE(field, name, doc) PL_OPT_SIZE(struct pl_graph_settings, field, name, "0", "0", NULL, PL_FIXED, doc)

static const struct pl_option retention_options[] = {
    RETENTION(PL_BRONZE, "bronze", "What came in; what recovery needs stays in any case."),
    RETENTION(PL_SILVER, "silver", "Cleansed rows."),
    RETENTION(PL_GOLD, "gold", "Aggregates, KPIs and profiles."),
    RETENTION(PL_DEAD, "dead", "Rows that could not be used."),
    PL_OPT_DURATION(struct pl_graph_settings, ledger_retention, "ledger", "0", "0", "36500d", PL_FIXED,
                    "Hours of the loss ledger."),
    PL_OPT_END,
};

static const struct pl_option max_size_options[] = {
    MAX_SIZE(max_size[PL_BRONZE], "bronze", "What came in; what recovery needs stays in any case."),
    MAX_SIZE(max_size[PL_SILVER], "silver", "Cleansed rows."),
    MAX_SIZE(max_size[PL_GOLD], "gold", "Aggregates, KPIs and profiles."),
    MAX_SIZE(max_size[PL_DEAD], "dead", "Rows that could not be used."),
    MAX_SIZE(max_size_all, "all", "All zones together: the oldest rows of any of them go first."),
    PL_OPT_END,
};

const struct pl_option pl__graph_options[] = {
    PL_OPT_STRING(struct pl_graph_settings, name, "name", NULL, PL_FIXED,
                  "What this graph is called: lower-case letters, digits and '-'."),
    PL_OPT_STRING(struct pl_graph_settings, description, "description", "", PL_FIXED, "For people."),
    PL_OPT_CHOICE(
        struct pl_graph_settings, clock, "clock", "wall", clocks, PL_FIXED,
        "wall: the machine's clock. plant: the time of a simulated plant on this machine, which waits for the "
        "answer to each of its steps; leases and freshness go by it, so never for a real plant."),
    PL_OPT_GROUP(struct pl_graph_settings, log_given, "log", "true", log_options, PL_FIXED,
                 "The log that keeps what comes in before it is processed."),
    PL_OPT_SIZE(struct pl_graph_settings, max_lag, "max_lag", "64MiB", "1MiB", "1TiB", PL_FIXED,
                "How far a source that can wait (a file) may be ahead of the graph."),
    PL_OPT_INT(struct pl_graph_settings, partitions, "partitions", "1", "1", "256", PL_FIXED,
               "How many copies of the keyed part of the graph work side by side."),
    PL_OPT_INT(struct pl_graph_settings, key_depth, "key_depth", "1", "1", "16", PL_FIXED,
               "How many parts of an asset's path decide its partition: 1 is the line of line1.pot07."),
    PL_OPT_INT(struct pl_graph_settings, workers, "workers", "0", "0", "256", PL_FIXED,
               "Threads for nodes; 0: as cores and partitions allow."),
    PL_OPT_INT(struct pl_graph_settings, max_tags, "max_tags", "1000000", "1", "16000000", PL_FIXED,
               "Tags and other names; a row with one more is rejected and counted."),
    PL_OPT_INT(struct pl_graph_settings, max_keys, "max_keys", "1000000", "1", "16000000", PL_FIXED,
               "Names that a state table of a node may hold."),
    PL_OPT_SIZE(struct pl_graph_settings, hold, "hold", "64MiB", "64KiB", "1TiB", PL_FIXED,
                "Memory in which a merging node keeps what it may not use yet."),
    PL_OPT_DURATION(struct pl_graph_settings, checkpoint, "checkpoint", "10s", "0s", "1d", PL_FIXED,
                    "Time between the barriers that are put into the log and through the graph; 0: none. In a group of "
                    "engines 100ms where nothing is said, as the global section sees rows no sooner."),
    PL_OPT_DURATION(struct pl_graph_settings, checkpoint_timeout, "checkpoint_timeout", "30s", "0s", "1d", PL_FIXED,
                    "A checkpoint under way for longer is said, with the nodes it waits for, and counted; 0: none is."),
    PL_OPT_STRINGS(struct pl_graph_settings, broadcast, "broadcast", "[]", PL_FIXED,
                   "Patterns of tags that go to every partition."),
    PL_OPT_GROUP(struct pl_graph_settings, queue_given, "queue", "true", graph_queue_options, PL_FIXED,
                 "How much may be under way on an edge before its sender waits."),
    PL_OPT_GROUP(struct pl_graph_settings, audit_given, "audit", "true", audit_options, PL_FIXED,
                 "The record of who did what."),
    PL_OPT_GROUP(struct pl_graph_settings, retention_given, "retention", "true", retention_options, PL_FIXED,
                 "How long rows stay in each zone, by event time; 0: for good."),
    PL_OPT_GROUP(struct pl_graph_settings, max_size_given, "max_size", "true", max_size_options, PL_FIXED,
                 "How large each zone may become before its oldest rows go; 0: no limit."),
    PL_OPT_END,
};

static const struct pl_option node_queue_options[] = {
    PL_OPT_INT(struct pl_node_settings, queue_batches, "batches", "0", "0", "65536", PL_FIXED,
               "Batches under way on an edge into this node; 0: as the graph says."),
    PL_OPT_SIZE(struct pl_node_settings, queue_bytes, "bytes", "0", "0", "1GiB", PL_FIXED,
                "Bytes under way on an edge into this node; 0: as the graph says."),
    PL_OPT_END,
};

const struct pl_option pl__node_options[] = {
    PL_OPT_STRING(struct pl_node_settings, doc, "doc", "", PL_FIXED, "For people."),
    PL_OPT_STRING(struct pl_node_settings, was, "was", "", PL_FIXED,
                  "The name this node had before: it takes over the state stored under it."),
    PL_OPT_GROUP(struct pl_node_settings, queue_given, "queue", "false", node_queue_options, PL_FIXED,
                 "How much may be under way on an edge into this node."),
    PL_OPT_END,
};

const struct pl_option pl__source_options[] = {
    PL_OPT_DURATION(struct pl_node_settings, disorder, "disorder", "0s", "0s", "30d", PL_FIXED,
                    "How far a row may be behind the newest one and still not be late."),
    PL_OPT_DURATION(struct pl_node_settings, idle, "idle", "30s", "0s", "30d", PL_FIXED,
                    "Silent for this long, the source holds nobody up any more; 0: it always does."),
    PL_OPT_RATE(struct pl_node_settings, rate, "rate", "0", "0", NULL, PL_FIXED,
                "Rows a second at most; 0: as fast as it goes."),
    PL_OPT_END,
};

const struct pl_option pl__sink_options[] = {
    PL_OPT_CHOICE(struct pl_node_settings, on_full, "on_full", "block", on_full, PL_FIXED,
                  "What a full edge into this sink does: block holds up the graph, spill stores, drop discards. Where "
                  "it is not given: spill for a sink with an outside peer, drop for one of lookers-on, else block."),
    PL_OPT_END,
};

const struct pl_option pl__inner_options[] = {
    PL_OPT_CHOICE(struct pl_node_settings, isolate, "isolate", "none", isolations, PL_FIXED,
                  "process: this node works in a process of its own, so that its crash is not the engine's."),
    PL_OPT_DURATION(struct pl_node_settings, hang, "hang", "10s", "0s", "1d", PL_FIXED,
                    "Silent for so long, also within one call, such a process is ended and replaced; 0: never."),
    PL_OPT_END,
};

const struct pl_option pl__tag_options[] = {
    PL_OPT_STRING(struct pl_tag_record, rule.match, "match", NULL, PL_FIXED,
                  "Pattern of the tags that this is about: * any run, ? one character, {a,b} either."),
    PL_OPT_STRING(struct pl_tag_record, rule.unit, "unit", "", PL_FIXED, "Unit of the values: V, kA, degC."),
    PL_OPT_STRINGS(struct pl_tag_record, range, "range", "[]", PL_FIXED, "What values are possible: [low, high]."),
    PL_OPT_NUMBER(struct pl_tag_record, rule.low, "low", "-.inf", NULL, NULL, PL_FIXED, "The lower end by itself."),
    PL_OPT_NUMBER(struct pl_tag_record, rule.high, "high", ".inf", NULL, NULL, PL_FIXED, "The upper end by itself."),
    PL_OPT_STRINGS(struct pl_tag_record, rule.states, "states", "[]", PL_FIXED,
                   "Names of states; the value is the place in this list, from 0."),
    PL_OPT_STRING(struct pl_tag_record, rule.description, "description", "", PL_FIXED, "For people."),
    PL_OPT_END,
};

const char *const pl__graph_keys[] = {"potline", "include", "tags", "nodes", "groups", NULL};
const char *const pl__node_keys[] = {"op", "from", NULL};

/* ---- The graph ---- */

bool pl__name_fits(const char *name) {
    bool letter = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z');
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return letter && !name[length] && length <= PL_NODE_NAME_MAX;
}

static void check_version(struct pl_options_reader *reader) {
    const struct pl_yaml *version = pl__yaml_find(reader->map, "potline");
    char quoted[PL_QUOTE_MAX];
    if (!version) {
        pl__options_problem(reader, "", false, "the first line of a graph file is \"potline: 1\"");
    } else if (!version->any && (version->type != PL_YAML_SCALAR || strcmp(version->text, "1") != 0)) {
        bool scalar = version->type == PL_YAML_SCALAR;
        pl__options_problem(reader, "potline", false, "version %s of graph files is not known; this engine reads 1",
                            pl__quote(quoted, scalar ? version->text : "..."));
    }
}

static void check_name(struct pl_options_reader *reader, const char *name) {
    char quoted[PL_QUOTE_MAX];
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    bool good = length > 0 && !name[length] && name[0] != '-' && length <= PL_NODE_NAME_MAX;
    if (!good && pl__yaml_find(reader->map, "name") && !pl__options_any(reader->map, "name"))
        pl__options_problem(reader, "name", false,
                            "%s is no name for a graph; up to 63 lower-case letters, digits and '-'",
                            pl__quote(quoted, name));
}

static void read_sync(struct pl_options_reader *reader, struct pl_graph_settings *settings) {
    const char *sync = settings->log_sync;
    char quoted[PL_QUOTE_MAX];
    bool each = strcmp(sync, "each") == 0, none = strcmp(sync, "none") == 0;
    settings->log_sync_every = none ? -1 : 0;
    if (each || none || pl__options_any(reader->map, "log.sync")) return;
    if (!pl_text_duration(sync, strlen(sync), &settings->log_sync_every) || settings->log_sync_every <= 0)
        pl__options_problem(reader, "log.sync", false, "%s is not a duration like 10ms, nor each or none",
                            pl__quote(quoted, sync));
}

static void check_scram(struct pl_options_reader *reader, const struct pl_graph_settings *settings) {
    const struct pl_graph_log_setting *setting = settings->log_settings.items;
    for (uint32_t i = 0; i < settings->log_settings.count; i++) {
        char path[40];
        snprintf(path, sizeof path, "log.settings[%u]", i);
        if (pl_scram_is_refused(rd_kafka_version(), setting[i].name, setting[i].value))
            pl__options_problem(reader, path, true, PL_SCRAM_REFUSED, rd_kafka_version_str());
    }
}

static void check_kafka(struct pl_options_reader *reader, struct pl_graph_settings *settings) {
    bool kafka = settings->log_kind == PL_LOG_KAFKA, whole;
    if (pl__options_any(reader->map, "log.kind") || pl__options_any(reader->map, "log.brokers")) return;
    if (kafka && !*settings->log_brokers)
        pl__options_problem(reader, "log", false, "a log on Kafka says where: brokers: HOST:PORT");
    if (!kafka && pl__options_find(reader->map, "log.brokers", &whole) && whole)
        pl__options_problem(reader, "log.brokers", false, "are for log: { kind: kafka }");
    if (kafka && *settings->log_group && !(pl__options_find(reader->map, "checkpoint", &whole) && whole))
        settings->checkpoint = 100 * PL_MILLISECOND; /* the global section sees rows no sooner */
}

static bool is_false(const struct pl_options_reader *reader, const char *name) {
    const struct pl_yaml *value = pl__yaml_find(reader->map, name);
    return value && value->type == PL_YAML_SCALAR && !value->any && strcasecmp(value->text, "false") == 0;
}

static void check_graph(struct pl_options_reader *reader, struct pl_graph_settings *settings) {
    check_version(reader);
    check_name(reader, settings->name);
    read_sync(reader, settings);
    check_kafka(reader, settings);
    if (settings->log_kind == PL_LOG_KAFKA && !reader->failed) check_scram(reader, settings);
    if (is_false(reader, "log"))
        pl__options_problem(reader, "log", false, "a graph without a log says log: { kind: none }");
    if (is_false(reader, "queue")) pl__options_problem(reader, "queue", false, "an edge always has a queue");
    if (is_false(reader, "audit")) pl__options_problem(reader, "audit", false, "what people do is always recorded");
    if (settings->audit_retention < 730 * PL_DAY && !pl__options_any(reader->map, "audit.retention"))
        pl__options_problem(reader, "audit.retention", true,
                            "below 730d, which potline run only takes with --audit-retention-below-minimum");
    if (settings->log_kind == PL_LOG_NONE)
        pl__options_problem(reader, "log.kind", true,
                            "without a log there is no replay and no recovery: what is under way at a crash is lost");
}

/* ---- Tags ---- */

static void read_range(struct pl_options_reader *reader, struct pl_tag_record *record) {
    bool whole;
    double *ends[] = {&record->rule.low, &record->rule.high};
    if (record->range.count == 0) return;
    if (record->range.count != 2) {
        pl__options_problem(reader, "range", false, "a range is two numbers: [low, high]");
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        const char *path = i ? "range[1]" : "range[0]", *text = record->range.items[i];
        union pl_option_number number;
        char quoted[PL_QUOTE_MAX];
        if (pl__options_any(reader->map, path)) continue;
        if (pl__option_kind(PL_TYPE_NUMBER)->parse(text, &number) && !isnan(number.real))
            *ends[i] = number.real;
        else
            pl__options_problem(reader, path, false, "%s is not a number", pl__quote(quoted, text));
    }
    for (unsigned i = 0; i < 2; i++)
        if (pl__options_find(reader->map, i ? "high" : "low", &whole) && whole)
            pl__options_problem(reader, i ? "high" : "low", false, "range has this end already");
}

static void check_tag(struct pl_options_reader *reader, struct pl_tag_record *record) {
    const struct pl_tag_rule *rule = &record->rule;
    if (reader->failed || reader->vague) return;
    read_range(reader, record);
    bool whole;
    const char *where = record->range.count ? "range" : "high";
    if (!reader->failed && rule->low > rule->high)
        pl__options_problem(reader, where, false, "the lower end %g is above the upper end %g", rule->low, rule->high);
    if (pl__options_find(reader->map, "match", &whole) && whole && !*rule->match)
        pl__options_problem(reader, "match", false, "an empty pattern fits no tag");
    if (rule->states.count > UINT16_MAX) pl__options_problem(reader, "states", false, "more than 65,535 states");
}

static void read_tags(struct pl_yaml_context *yaml, const struct pl_yaml *tags, struct pl_graph *graph) {
    struct pl_tag_rule *rules = pl__arena_alloc(yaml->arena, tags->count * sizeof *rules);
    if (!rules) return;
    unsigned count = 0;
    for (struct pl_yaml *tag = tags->first; tag; tag = tag->next, count++) {
        struct pl_tag_record record = {.rule = {.low = -INFINITY, .high = INFINITY}};
        const char *subject = pl__arena_print(yaml->arena, "tags[%u]", count);
        if (tag->type != PL_YAML_MAP) {
            if (!tag->any)
                pl__problem(yaml->problems, tag, "%s: a tag rule is a map, like { match: \"*.voltage\", unit: V }",
                            subject);
            continue;
        }
        struct pl_options_reader reader = {.yaml = yaml, .subject = subject, .map = tag};
        reader.tables[reader.table_count++] = (struct pl_option_table){.rows = pl__tag_options, .self = &record};
        pl__options_read(&reader);
        check_tag(&reader, &record);
        rules[count] = record.rule;
    }
    graph->tag_rules = rules;
    graph->tag_rule_count = count;
}

void pl__settings_read(struct pl_yaml_context *yaml, const struct pl_source *source, struct pl_graph *graph) {
    struct pl_options_reader reader = {.yaml = yaml, .map = source->root, .others = pl__graph_keys};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = pl__graph_options, .self = &graph->settings};
    pl__options_read(&reader);
    if (pl__arena_code(yaml->arena)) return;
    check_graph(&reader, &graph->settings);
    read_tags(yaml, source->tags, graph);
}
