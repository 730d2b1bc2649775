/* trial_run.h: a case at work: the nodes of its graph on the calling thread, on time that follows the rows.
 *
 *     rows --> feeds ==edges==> gate, node ==edges==> gate, node ...      every output that is asked for: kept
 *
 * Nodes, gates and edges are the runtime's own; what differs is who drives them. Sources, sinks, log and data folder
 * are not opened. A source's watermark is what its newest row says, less its `disorder`; one that no row comes through
 * holds nothing back. The clock is that of the rows.
 */
#ifndef POTLINE_CLI_TRIAL_RUN_H
#define POTLINE_CLI_TRIAL_RUN_H

#include "graph/trial.h"
#include "store/key.h"
#include "trial_rules.h"

struct pl__fed;

/* What came out of a port, or into a sink. */
struct pl__trial_output {
    unsigned node, port;
    bool sink;
    struct pl_batch **batches;
    uint32_t count, room;
    uint64_t rows;
};

struct pl__trial_node {
    uint64_t rows_in, rows_out;
    uint32_t model; /* it said that it works with (pl_node_model); 0: none */
};

struct pl__trial_result {
    struct pl_tags *tags;
    bool tags_lent;                   /* they are the options' */
    struct pl__trial_output *outputs; /* each port that an expectation is about, once */
    unsigned output_count;
    struct pl__trial_node *nodes; /* [node] */
    struct pl__trial_rules rules;
    uint64_t rows; /* fed */
};

struct pl__trial_options {
    void *zmq;
    struct pl_store_key *key; /* of data folders that cases are fed from; NULL: in the clear */
    uint64_t seed;            /* where batches are cut; 0: rows of one time and source are one */
    struct pl_tags *tags;     /* by the rules of its graph; NULL: a registry of its own */
    /* Adds rows to what the case's inputs say (trial_read.h); NULL: there are no others. */
    enum pl_code (*feed)(void *arg, struct pl__fed *fed, struct pl_error **error);
    void *arg;
};

/* pl__trial_result_fini ends the result, after a failure too. */
enum pl_code pl__trial_run(const struct pl_trial_case *of, const struct pl__trial_options *options,
                           struct pl__trial_result *result, struct pl_error **error);
void pl__trial_result_fini(struct pl__trial_result *result);

const struct pl__trial_output *pl__trial_output_of(const struct pl__trial_result *result,
                                                   const struct pl_trial_expectation *expectation);

#endif
