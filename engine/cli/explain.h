/* explain.h: what made a row of silver or gold: the node, the graph that was in force, and the raw samples.
 *
 *     find      the row, as it stands in its zone                                      explain_find.c
 *     section   the nodes of the graph that lead to it                                 explain_section.c
 *     changes   the run that made it, and what people had changed                      explain_changes.c
 *     rows      what bronze has of their sources around its time, in memory            explain_rows.c
 *     again     those nodes at work on these rows (trial_run.h): is it made again?     explain_again.c
 *     narrow    fewer rows, as long as it is made again: what it takes                 explain_narrow.c
 *     samples   what became of each of them in the nodes on the way                    explain_samples.c
 *     made      what these nodes have made of them                                     explain_made.c
 *     models    which models its batch says it comes from                              explain_models.c
 *     told      what the audit, the ledger and the dead letters say of that time       explain_told.c
 *     said      what an anomaly or a ticket says of itself                             explain_said.c
 *     print     all of it, for people                                                  explain_print.c
 *     plot      the signals that it speaks of, and what was usual                      explain_plot.c
 *
 * No lineage is stored but the models that a batch comes from: the graph is deterministic, so it is found by doing it
 * again. A row is explained by the rows that it takes to make it; nothing is asked of operators, and one of a plugin
 * nobody has heard of is explained like any.
 *
 * One thread. The data folder is only read, also beside an engine.
 */
#ifndef POTLINE_CLI_EXPLAIN_H
#define POTLINE_CLI_EXPLAIN_H

#include <jansson.h>

#include "export_read.h"
#include "graph/graph.h"
#include "recall.h"
#include "trial_run.h"

enum pl__explain_what { PL__EXPLAIN_WINDOW, PL__EXPLAIN_SAMPLE, PL__EXPLAIN_EVENT, PL__EXPLAIN_ALARM };

struct pl__explain_wanted {
    enum pl__explain_what what;
    const char *name; /* the tag; the event's id; the alarm's name or its event's id */
    pl_time time;     /* of a window: in it; of a sample: its own; of the others: not later than that */
    const char *node; /* NULL: any */
};

/* A row of a zone. */
struct pl__explain_found {
    enum pl_zone_id zone;
    char node[PL_NAME_MAX + 1]; /* who put it there */
    uint16_t partition;
    uint64_t epoch;
    struct pl_batch *batch; /* NULL: there is none */
    uint32_t row;
};

enum { PL__EXPLAIN_CANDIDATES = 16 };

/* The rows that fit, at most PL__EXPLAIN_CANDIDATES: shorter windows first, later events first. PL_NOT_FOUND: none. The
 * batches are the caller's. */
enum pl_code pl__explain_find(const struct pl__export_what *from, const struct pl__explain_wanted *wanted,
                              struct pl__explain_found *found, unsigned *count, struct pl_error **error);

/* ---- The nodes that lead to it ---- */

struct pl__explain_section {
    unsigned target; /* the node that put it into the zone */
    struct pl_trial_graph graph;
    struct pl_trial_case of; /* its rows are all that come out anywhere */
};

/* PL_NOT_FOUND: the graph has no such node. pl__explain_section_fini after failure too. */
enum pl_code pl__explain_section(struct pl_graph *graph, const char *node, struct pl__explain_section *section,
                                 struct pl_error **error);
void pl__explain_section_fini(struct pl__explain_section *section);

/* ---- The run that made it, and what people had changed ---- */

struct pl_audit_record;

/* What the audit says of an engine's start. */
struct pl__explain_run {
    uint64_t sequence, next; /* its own, and that of the next start */
    pl_time time;
    char graph[64], hash[32];
    char *detail; /* the caller's (pl_free); NULL: none is known */
};

/* That whose rows are of this epoch (0: the last one). PL_CORRUPT: the audit is damaged behind what was found. */
enum pl_code pl__explain_run_of(struct pl_store *store, uint64_t epoch, struct pl__explain_run *run,
                                struct pl_error **error);

/* Does the record say that somebody changed what the section's nodes do, before the run ended? What was `set` holds
 * until its run ends; what was said of rules stays. */
bool pl__explain_is_change(const struct pl__explain_section *section, const struct pl__explain_run *run,
                           const struct pl_audit_record *record);

/* Does it say that somebody did something else with them (acknowledged, set a point)? That is not done again. */
bool pl__explain_is_deed(const struct pl__explain_section *section, const struct pl__explain_run *run,
                         const struct pl_audit_record *record);

enum { PL__EXPLAIN_CHANGES = 1000 };

struct pl__explain_change {
    struct pl_trial_input input; /* to be carried out */
    pl_time time;                /* of its record: the engine's clock */
    bool bad;                    /* it cannot be, by the graph as it is now */
    void *args;
    char *texts[2];
    struct pl_options_owner *owner;
};

struct pl__explain_changes {
    struct pl__explain_change *list; /* in order */
    unsigned count;
};

/* They become the section's case's inputs. pl__explain_changes_fini after failure too. */
enum pl_code pl__explain_changes(struct pl_store *store, uint64_t epoch, struct pl__explain_section *section,
                                 struct pl__explain_changes *changes, struct pl_error **error);
void pl__explain_changes_fini(struct pl__explain_changes *changes);

/* ---- Rows of bronze ---- */

struct pl__raw {
    pl_time time;
    uint32_t key; /* of its tag or asset */
    uint32_t feed, batch, row;
    uint64_t sequence;
    uint16_t partition;
};

/* What was recorded of a feed's watermark, behind the row `sequence` of the partition; or a barrier. */
struct pl__raw_mark {
    pl_time time, received;
    uint64_t sequence;
    uint32_t feed;
    uint16_t partition;
    bool idle;
    bool barrier; /* of no feed */
};

struct pl__raws {
    struct pl_batch **batches;
    struct pl__raw *rows;       /* as they had come */
    struct pl__raw_mark *marks; /* likewise */
    uint32_t batch_count, batch_room;
    size_t count, room, mark_count, mark_room;
    unsigned partitions; /* of the log */
};

enum { PL__RAWS_MAX = 3000000 };

/* Of the section's sources, with from <= time < to; of one partition, or (-1) all; of all names, or those of an asset:
 * below it, or of those that it is a part of. PL_LIMIT: more than PL__RAWS_MAX. pl__raws_fini after failure too. */
struct pl__raws_wanted {
    pl_time from, to;
    int partition;
    uint32_t asset; /* 0: all names */
};
enum pl_code pl__raws_read(struct pl__raws *raws, const struct pl__export_what *bronze,
                           const struct pl__raws_wanted *wanted, const struct pl__explain_section *section,
                           struct pl_error **error);
void pl__raws_fini(struct pl__raws *raws);

/* Had the row come before the mark was set? */
bool pl__raw_before(const struct pl__raws *raws, const struct pl__raw *row, const struct pl__raw_mark *mark);

/* ---- Made again ---- */

struct pl__again {
    const struct pl__explain_section *section;
    const struct pl__explain_found *found;
    const struct pl__raws *raws;
    const struct pl__explain_changes *changes;
    struct pl_tags *tags;
    void *zmq;
    uint64_t fed; /* rows, in all runs */
};

/* What a run gave. */
struct pl__again_result {
    struct pl__trial_result trial; /* pl__trial_result_fini */
    bool equal;
    unsigned maker, port;        /* the output that it came from, when it is equal */
    const struct pl_batch *near; /* else one of the same time and key; NULL: none */
    uint32_t near_row;
};

/* With the rows that are marked (NULL: all). */
enum pl_code pl__again_run(struct pl__again *again, const uint8_t *keep, struct pl__again_result *result,
                           struct pl_error **error);
/* Has the node of that name made one of the same time and key? */
bool pl__again_made_like(const struct pl__again *again, const struct pl__again_result *result, const char *name);
/* Is it made again of these? */
enum pl_code pl__again_equal(struct pl__again *again, const uint8_t *keep, bool *equal, struct pl_error **error);

/* Are two rows the same in every column? Names are of one registry. */
bool pl__explain_same(const struct pl_batch *a, uint32_t i, const struct pl_batch *b, uint32_t k);

/* From a set of rows that makes it again (marked in `keep`) to a smaller one that does: fewer at the beginning and the
 * end, fewer tags, and then of each tag. *whole: nothing more could be left out that way; else it would have taken too
 * long. */
enum pl_code pl__explain_narrow(struct pl__again *again, uint8_t *keep, bool *whole, struct pl_error **error);

/* ---- What is told of it ---- */

struct pl__explanation {
    const struct pl__explain_wanted *wanted;
    const struct pl__explain_section *section;
    const struct pl__explain_found *found;
    const struct pl__again_result *again; /* of more rows than it takes, so that what nodes do is as it was */
    const struct pl__again_result *least; /* of what it takes; NULL: it could not be made again */
    const struct pl__raws *raws;
    const uint8_t *needed; /* [raw]; NULL: it could not be made again */
    const struct pl__export_what *folder;
    const struct pl_cli_past *past; /* the graph that was in force; number 0: not known, or another was given */
    struct pl_tags *tags;
    uint64_t rows;    /* that are listed */
    pl_time from, to; /* what is listed lies in from <= time <= to */
};

/* The array "samples", and the array "made": what nodes on the way have made of them that is no sample passed on. */
bool pl__explain_samples(const struct pl__explanation *e, json_t *into);
bool pl__explain_made(const struct pl__explanation *e, json_t *into);
/* Of so many rows the first that is listed. */
size_t pl__explain_first(const struct pl__explanation *e, uint64_t count);

enum { PL__EXPLAIN_PORTS = 8 }; /* of a node, looked at */
/* What came out of a port; NULL: nothing. */
const struct pl__trial_output *pl__explain_output(const struct pl__trial_result *trial, unsigned node, unsigned port);
/* Has it a sample as it is? */
bool pl__explain_passed(const struct pl__trial_output *out, const struct pl_batch *batch, uint32_t row);
/* The array "models". */
void pl__explain_models(const struct pl__explanation *e, json_t *into);
/* "graph", "changes", "ledger", "letters", "rule". */
enum pl_code pl__explain_told(const struct pl__explanation *e, json_t *into, struct pl_error **error);

/* [node]: does it lead to the row? From the node that made it on, where that is known. The caller's; NULL: no memory.
 */
bool *pl__explain_leads(const struct pl__explanation *e);

json_t *pl__explain_row(const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row); /* as an object */
json_t *pl__explain_time(pl_time time);

/* What an anomaly or a ticket says of itself; texts and tags are the row's. */
struct pl__said {
    double score, threshold; /* NaN: none */
    bool starts, ends;
    pl_time start, end;
    const char *explanation, *cause, *action; /* "": none */
    const char *how;                          /* its alarm has ended: "back", "lasts", ...; "": it is not told */
    const json_t *tags;                       /* objects with "tag" and "share"; may be NULL */
};
bool pl__explain_said(const json_t *row, struct pl__said *said); /* false: it is neither */

void pl__explain_print(const json_t *explanation, FILE *out);

/* The signals that the row speaks of, on the terminal (--plot) and as a file (--image). False after saying why not. */
struct pl_cli;
bool pl__explain_plot(const struct pl_cli *cli, const struct pl__explanation *e, const json_t *said);

#endif
