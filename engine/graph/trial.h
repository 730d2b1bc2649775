/* trial.h: a test file (`*.test.yaml`): rows that go into a graph, and what is expected to come out.
 *
 *     potline: 1
 *     graph: clean-window.yaml
 *     cases:
 *       - name: a window of ten seconds
 *         input: [ { time: 0s, tag: pot1.voltage, value: 4.2 }, { time: 1s, tag: pot1.voltage, value: 4.4 } ]
 *         expect: { win: [ { end: 10s, tag: pot1.voltage, count: 2, mean: 4.3 } ] }
 *
 * The graph is loaded with what the case sets, and the rows are checked against the kinds of its ports, so a file that
 * was read holds nothing that could still be wrong with it. Its sources and sinks (and what `nodes` leaves out) do not
 * run: outputs of such nodes that somebody takes from are the feeds that rows come through.
 *
 * Immutable once read; owns everything that it points to. One thread.
 */
#ifndef POTLINE_GRAPH_TRIAL_H
#define POTLINE_GRAPH_TRIAL_H

#include "graph.h"

enum { PL_TRIAL_ROWS_MAX = 5000000 /* that a case feeds or expects */ };

/* Where rows enter: an output of a node that does not run. */
struct pl_trial_feed {
    unsigned node, port;
    enum pl_kind kind;
    pl_time disorder;
    const char *name; /* "in", "plc-1.events" */
};

/* A graph as the cases run it. */
struct pl_trial_graph {
    struct pl_graph *graph;
    bool *runs; /* [node] */
    struct pl_trial_feed *feeds;
    unsigned feed_count;
};

/* A value that a row has in a column, or in its body. */
struct pl_trial_value {
    enum { PL_TRIAL_NONE, PL_TRIAL_INTEGER, PL_TRIAL_NUMBER, PL_TRIAL_BOOL, PL_TRIAL_TEXT, PL_TRIAL_FORMULA } type;
    int64_t integer; /* a time, an id, a count, a quality, a bool */
    double number;
    const char *text; /* a name; a formula in t (seconds since the start of the case) and i (0, 1, .. by `every`) */
};

struct pl_trial_field { /* of an event's body */
    const char *name;
    struct pl_trial_value value;
};

/* A row, or with `every` many of them. */
struct pl_trial_row {
    struct pl_place place;
    enum pl_kind kind;
    unsigned feed;  /* of input */
    pl_time every;  /* 0: one row */
    uint32_t times; /* so many rows */
    struct pl_trial_value column[PL_COLUMNS_MAX];
    struct pl_trial_field *body;
    unsigned body_count;
    const char *reason; /* of a set point; NULL: not given */
};

struct pl_trial_rows {
    struct pl_trial_row *list;
    uint32_t count;
    uint64_t total; /* with those of `every` */
};

/* What a case is fed, in order of the file: rows, rows of files, and what people do between them. */
struct pl_trial_input {
    enum { PL_TRIAL_ROW, PL_TRIAL_READ, PL_TRIAL_BRONZE, PL_TRIAL_COMMAND } type;
    struct pl_place place;
    struct pl_trial_row row;
    const char *path;             /* a file, a data folder */
    const char *text;             /* of READ: the lines of a file that there is not; NULL: `path` is one */
    unsigned feed;                /* of READ */
    const struct pl_operator *op; /* what reads it, with its options */
    const void *prototype;
    pl_time from, to;                 /* of BRONZE; of COMMAND: `from` is when */
    const struct pl_command *command; /* NULL: an option is set */
    const void *args;                 /* of the command */
    unsigned node;                    /* that carries it out */
};

/* What is expected of an output, or of what a sink gets. */
struct pl_trial_expectation {
    struct pl_place place;
    const char *name;    /* "win", "win.late" */
    unsigned node, port; /* of a sink its input */
    bool sink;
    enum pl_kind kind;
    bool none;
    bool rows_given, contains_given;
    struct pl_trial_rows rows; /* exactly these, or (contains) these among others */
    bool any_order;
    int64_t count, least, most; /* -1: not said */
    const char *each, *where;   /* expressions; "": none */
    struct pl_strings tags, kinds;
    double absolute, relative; /* how far a number may be off */
};

struct pl_trial_case {
    struct pl_place place;
    const char *name;
    const char *doc;
    const char *skip; /* why it is not run; "": it is */
    const struct pl_trial_graph *graph;
    pl_time start;
    bool listed;   /* rows come in the order of the file, else in that of their times */
    pl_time until; /* time goes on to here and no further; PL_TIME_MAX: to the end of the data */
    struct pl_trial_input *inputs;
    unsigned input_count;
    struct pl_trial_expectation *expectations;
    unsigned expectation_count;
};

struct pl_trial_file {
    const char *path;
    const char *graph_name; /* what is tested: a graph file, a script; seen from where we run */
    struct pl_trial_case *cases;
    unsigned case_count;
    bool offsets; /* times are written as durations since the start: so are those of messages */
    struct pl_trial_file_impl *impl;
};

/* Reads and checks; all problems in one pass. *file is NULL when any of them is an error. The problems are the
 * caller's: pl_problems_free. Variables of `env` are set while a graph is loaded, and as they were afterwards. */
enum pl_code pl_trial_load(const char *path, struct pl_trial_file **file, struct pl_problem **problems,
                           unsigned *problem_count);
void pl_trial_free(struct pl_trial_file *file);

/* ---- Variables of `where` and `each` ---- */

/* A number column of the kind; t and i; quality, with good, uncertain and bad; a flag like spike; body.NAME of events.
 */
enum pl_trial_variable_type {
    PL_TRIAL_COLUMN,
    PL_TRIAL_SECONDS,
    PL_TRIAL_INDEX,
    PL_TRIAL_SEVERITY,
    PL_TRIAL_CONSTANT,
    PL_TRIAL_FLAG,
    PL_TRIAL_BODY
};

struct pl_trial_variable {
    enum pl_trial_variable_type type;
    unsigned column;
    double constant;
    uint16_t flag;
    char name[64]; /* of BODY */
};

struct pl_trial_scope {
    enum pl_kind kind;
    bool formula; /* of an input: t and i alone */
    unsigned count;
    struct pl_trial_variable variable[PL_KINDS * PL_COLUMNS_MAX];
};

/* A pl_expr_resolver; `arg` is a scope, whose variables it adds. */
int pl_trial_resolve(void *scope, const char *name, size_t length);

#endif
