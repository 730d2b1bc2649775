/* graph.h: a graph as the engine runs it: read from YAML, checked, its nodes in topological order.
 *
 * Immutable once loaded; owns everything that it points to. The prototype of a node is an instance of its operator with
 * all options filled in, to be copied for each instance.
 */
#ifndef POTLINE_GRAPH_H
#define POTLINE_GRAPH_H

#include <potline/error.h>
#include <potline/operator.h>
#include <potline/zone.h>

#include "base/file_text.h"
#include "batch/tags.h"

enum pl_on_full { PL_BLOCK, PL_SPILL, PL_DROP };
enum pl_isolate { PL_ISOLATE_NONE, PL_ISOLATE_PROCESS };
enum pl_log_kind { PL_LOG_EMBEDDED, PL_LOG_NONE, PL_LOG_KAFKA };
enum pl_log_sync { PL_SYNC_INTERVAL, PL_SYNC_EACH, PL_SYNC_NONE };

/* A property of librdkafka. */
struct pl_graph_log_setting {
    const char *name, *value;
};

/* The graph's own options (an option table like any other: graph_options in settings.c). */
enum pl_graph_clock { PL_GRAPH_CLOCK_WALL, PL_GRAPH_CLOCK_PLANT };

struct pl_graph_settings {
    const char *name;        /* required: lower case, digits, '-' */
    const char *description; /* "" */
    bool log_given;
    bool log_standby;                    /* of a log on Kafka */
    uint32_t log_kind;                   /* enum pl_log_kind */
    const char *log_sync;                /* "10ms", "each" or "none" */
    pl_time log_sync_every;              /* from log_sync: 0 is each, -1 none */
    const char *log_brokers, *log_topic; /* of a log on Kafka, like the following */
    const char *log_group;               /* "": none */
    pl_time log_session;
    int64_t log_replication;
    pl_time log_timeout;
    struct pl_list log_settings; /* of pl_graph_log_setting */
    int64_t max_lag;             /* bytes that a replayable source may be ahead of the graph */
    int64_t partitions;          /* 1..256 */
    int64_t key_depth;           /* parts of an asset's path that make the partition key */
    int64_t workers;             /* threads for nodes; 0: chosen from cores and partitions */
    int64_t max_tags;
    int64_t max_keys;            /* names per state table */
    int64_t hold;                /* bytes a merging node keeps in memory */
    pl_time checkpoint;          /* interval of barriers; 0: none */
    pl_time checkpoint_timeout;  /* one that takes longer is said */
    struct pl_strings broadcast; /* globs of tags that go to every partition */
    bool queue_given;
    int64_t queue_batches; /* of every edge: how much may be under way */
    int64_t queue_bytes;
    bool audit_given;
    pl_time audit_retention;   /* how long its records stay */
    pl_time audit_anchor;      /* how often its last place is told; 0: only at the end */
    const char *audit_publish; /* a ZeroMQ endpoint; "" or NULL: none */
    bool retention_given;
    pl_time retention[PL_ZONES]; /* how long rows stay; 0: for good */
    pl_time ledger_retention;    /* and hours of the loss ledger */
    bool max_size_given;
    uint32_t clock;             /* enum pl_graph_clock */
    int64_t max_size[PL_ZONES]; /* bytes; 0: no limit */
    int64_t max_size_all;       /* of all zones together */
};

struct pl_graph_edge {
    unsigned from; /* index of the upstream node */
    unsigned from_port;
    unsigned to_port;
};

/* The options every node has besides its operator's (an option table too: node_options in settings.c). */
struct pl_node_settings {
    struct pl_strings from; /* "clean", "clean.late" */
    const char *was;        /* an earlier name of this node */
    const char *doc;
    uint32_t on_full; /* enum pl_on_full */
    bool queue_given;
    int64_t queue_batches, queue_bytes; /* 0: the graph's */
    /* sources: */
    pl_time disorder; /* how far behind the newest row another one may be */
    pl_time idle;     /* silent for so long: holds no watermark back; 0: never idle */
    double rate;      /* rows per second at most; 0: as fast as it goes */
    /* all others: */
    uint32_t isolate; /* enum pl_isolate */
    pl_time hang;     /* a process of its own that is silent for so long is ended and replaced; 0: never */
};

struct pl_graph_node {
    const char *name;
    const struct pl_operator *op;
    struct pl_place place;
    struct pl_node_settings settings;
    const void *prototype; /* op->instance_size bytes */
    struct pl_graph_edge *inputs;
    unsigned input_count;
    enum pl_kind kind_in;    /* of input 0, where there is one */
    enum pl_kind *kinds_out; /* one per output port */
    bool global;             /* runs once; else once a partition */
    bool vague;              /* something of it stands for any value (only while checking) */
};

struct pl_graph {
    const char *path;
    struct pl_graph_settings settings;
    struct pl_tag_rule *tag_rules;
    unsigned tag_rule_count;
    struct pl_graph_node *nodes; /* every node behind those it takes from */
    unsigned node_count;
    const struct pl_file_text *files; /* it was read from: itself, and what it includes, in that order */
    unsigned file_count;
    const char *const *set; /* NODE.OPTION=VALUE that it was read with; ends in NULL */
    uint64_t hash;          /* of the meaning: the same for another layout of the same text */
    struct pl_graph_impl *impl;
};

/* Does one of `set` give a secret? *set is the first of them, `*named` bytes of which say what it is of. */
bool pl_graph_set_secret(const struct pl_graph *graph, const char **set, size_t *named);

/* One number for those options of a node that are part of the meaning of its state (PL_STATE): state that was made with
 * another one does not fit. */
uint64_t pl_graph_state_hash(const struct pl_graph_node *node);
/* Does state that was kept under that number fit? Also when it was, by an engine of before, with options that state is
 * carried over from now (PL_CARRIED), or without paths. */
bool pl_graph_state_fits(const struct pl_graph_node *node, uint64_t kept);

/* Would an instance that was made as `a` have to be made anew to be `b`? *what (of `room` bytes) says by which options.
 * Which nodes they take from does not count. */
bool pl_graph_node_differs(const struct pl_graph_node *a, const struct pl_graph_node *b, char *what, size_t room);
/* The first setting that a running engine cannot change; NULL: none. `anew`: it ends for it, and another one is made of
 * the same folder and log, as in a group. */
const char *pl_graph_settings_differ(const struct pl_graph *a, const struct pl_graph *b, bool anew);

/* A list of problems, in order of place. */
struct pl_problem {
    struct pl_place place;
    bool warning;
    char *text;
};

struct pl_yaml;

struct pl_graph_options {
    /* An unset environment variable warns and stands for any value; else it is an error. A node whose operator is such
     * a value is left out of the graph. */
    bool checking;
    const char *const *set;           /* NODE.OPTION=VALUE, ends in NULL; may be NULL */
    const struct pl_yaml *overrides;  /* the same as a map of another file (trial.h); may be NULL */
    const struct pl_file_text *files; /* of pl_graph_load: those of a graph that was read before, in place of what is
                                         there now; NULL: none */
    unsigned file_count;
};

/* Loads and checks; all problems are reported in one pass. *graph is NULL when any of them is an error. The problems
 * (may be none) are the caller's: pl_problems_free. Returns PL_OK only when there is a graph. */
enum pl_code pl_graph_load(const char *path, const struct pl_graph_options *options, struct pl_graph **graph,
                           struct pl_problem **problems, unsigned *problem_count);
/* The same from text; `path` names it in messages and is what relative files are relative to. */
enum pl_code pl_graph_parse(const char *text, size_t length, const char *path, const struct pl_graph_options *options,
                            struct pl_graph **graph, struct pl_problem **problems, unsigned *problem_count);
void pl_graph_free(struct pl_graph *graph); /* lets go of it; NULL is fine */

/* Whoever keeps it beside its owner. Any thread. */
const struct pl_graph *pl_graph_ref(const struct pl_graph *graph);
void pl_graph_unref(const struct pl_graph *graph);

/* Leaves out the nodes that nobody takes from and that `keep` does not want; before an engine has it. Its hash stays
 * that of the whole. */
void pl_graph_leave_out(struct pl_graph *graph, bool (*keep)(void *arg, const struct pl_graph_node *node), void *arg);
void pl_problems_free(struct pl_problem *problems, unsigned count);

/* Fills an instance's options from YAML text (harness, tests): defaults, ranges and `check` included. `owner` keeps the
 * strings; end it with pl_options_free after the instance. */
struct pl_options_owner;
enum pl_code pl_options_parse(const struct pl_operator *op, const char *yaml, void *self,
                              struct pl_options_owner **owner, struct pl_error **error);
void pl_options_free(struct pl_options_owner *owner);

/* The same from names and texts, as a command's arguments come; `name` is the command's, for messages. */
struct pl_argument {
    const char *name;
    const char *value; /* one that starts with '[' or '{' is YAML, another one is taken as it stands */
};
enum pl_code pl_arguments_parse(const char *name, const struct pl_option *rows, const struct pl_argument *given,
                                unsigned count, void *self, struct pl_options_owner **owner, struct pl_error **error);
/* The same for options of an operator, with its `check`. */
enum pl_code pl_arguments_check(const struct pl_operator *op, const struct pl_argument *given, unsigned count,
                                void *self, struct pl_options_owner **owner, struct pl_error **error);

#endif
