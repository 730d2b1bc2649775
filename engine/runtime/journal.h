/* journal.h: what the engine itself puts into the audit: that it began, with which configuration, and how it ended.
 *
 * Records of one run, the commands of people among them, have correlations that begin with the run's name.
 */
#ifndef POTLINE_JOURNAL_H
#define POTLINE_JOURNAL_H

#include <potline/note.h>

#include "base/clock.h"
#include "graph/graph.h"
#include "runtime/anchors.h"
#include "store/abroad.h"
#include "store/audit.h"
#include "store/epochs.h"

enum { PL_RUN_NAME = 8 + 1, PL_RUN_USER = 256 };

struct pl_journal {
    struct pl_audit *audit;     /* NULL: there is no data folder, and nothing is written */
    struct pl_anchors *anchors; /* NULL: they are only told on standard error */
    const struct pl_graph *graph;
    const struct pl_clock *clock;
    char run[PL_RUN_NAME];
    char user[PL_RUN_USER]; /* looked up once: a directory may be asked, and a set point waits for its record */
};

void pl_journal_init(struct pl_journal *journal, const struct pl_graph *graph, const struct pl_clock *clock);

/* "engine start" with the graph's hash before and now, the versions, the folder and the epoch that is gone on from.
 * `outcome` NULL: it could be started. */
void pl_journal_started(struct pl_journal *journal, const char *folder, const struct pl_epoch *last,
                        const char *outcome);
/* That the audit is kept for less than what is required, because somebody asked for it. */
void pl_journal_retention(struct pl_journal *journal);
void pl_journal_ended(struct pl_journal *journal, uint64_t rows, uint64_t epoch, const char *outcome);

/* That the graph was changed without a command, or was to be; `outcome` NULL: it was. */
struct pl_journal_graph {
    const char *action; /* "SIGHUP", "graph relapse" */
    uint64_t from, to;  /* hashes */
    const char *path, *outcome, *detail;
};
void pl_journal_graph(struct pl_journal *journal, const struct pl_journal_graph *said);

/* What a node did by itself. What it opens has an end that closes it: the node's own, or the next call's. */
void pl_journal_note(struct pl_journal *journal, const char *node, const struct pl_note *note,
                     const struct pl_owed *owed);
/* Set points that were on their way when who took them there died or ended: that nobody knows how they ended. `node`
 * NULL: of all. */
void pl_journal_close(struct pl_journal *journal, const char *node, const char *why);

/* How a copy of the data folder ended; `outcome` NULL: well. */
void pl_journal_copy(struct pl_journal *journal, const char *action, const char *object, const char *outcome,
                     const char *detail);

/* Removes what is older than the graph says. */
void pl_journal_prune(struct pl_journal *journal);

/* Publishes the last place of the audit, and tells it on standard error unless it is still at *told. */
void pl_journal_anchor(struct pl_journal *journal, uint64_t *told);

#endif
