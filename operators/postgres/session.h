/* session.h: rows of a queue into a table, in transactions that say how far the stream has come.
 *
 *     connected --> look --> make --> claim --> read --> [ begin --> delete --> copy --> commit ] --> ...
 *
 * `read` says what is there already, whatever became of the last transaction: those rows are dropped. A transaction
 * that fails leaves no trace; the connection is dropped with it, and all of it is done again.
 *
 * What the server refuses (a table that is not there, a type that does not fit) fails the node while nothing of this
 * run has been written: the graph or the server is set up wrongly. Later it is said, and tried again, as when the
 * server is away: rows wait, and the rest of the graph goes on. That somebody else writes the same stream fails the
 * node always. One thread.
 */
#ifndef POSTGRES_SESSION_H
#define POSTGRES_SESSION_H

#include <potline/operator.h>

#include "held.h"
#include "link.h"
#include "place.h"
#include "sql.h"

struct pl__pg_session;

enum pl__pg_step {
    PL__PG_AWAY,
    PL__PG_LOOK,
    PL__PG_MAKE,
    PL__PG_CLAIM,
    PL__PG_READ,
    PL__PG_TAKE_OVER,
    PL__PG_IDLE,
    PL__PG_BEGIN,
    PL__PG_DELETE,
    PL__PG_COPY, /* asked for */
    PL__PG_SEND,
    PL__PG_SENT, /* the copy's end */
    PL__PG_COMMIT,
};

enum { PL__PG_ROWS, PL__PG_TRANSACTIONS, PL__PG_CONNECTIONS, PL__PG_REPEATS, PL__PG_UNDONE, PL__PG_REFUSALS };

struct pl__pg_session {
    const struct pl__pg_options *options;
    struct pl_node *node;
    struct pl_held *queue;
    void (*settled)(void *user); /* rows were written, or it has failed */
    void *user;
    struct pl__pg_address *address;
    struct pl__pg_link *link;
    struct pl__pg_sql sql;
    struct pl__pg_shape shape;
    enum pl__pg_step step;
    bool failed;
    bool proven; /* something of this run has been written */
    bool lost;   /* and that has been said */

    char stream[PL__PG_STREAM_MAX + 1];
    bool fresh;        /* of this run: whatever is at its place ends */
    bool known;        /* by a safe epoch, so that the next run has the same one; nothing is written before */
    uint64_t restored; /* rows that this run's state began with */
    struct pl__pg_place place;

    /* The answer at hand. */
    PGresult *result; /* rows; NULL: none came */
    int64_t affected; /* -1: not said */
    char *refusal;
    char sqlstate[6];
    bool offsets_there, table_there;
    unsigned mismatches;

    /* The transaction at hand: rows [written, until), of which those in front of `next` have been handed over. */
    bool open_ended; /* its end is not known yet */
    bool is_ahead;
    uint64_t xid, next, until;
    struct pl__pg_text text;

    uint64_t early; /* rows in front of this one may be written ahead of their epoch */
    bool ending;    /* nothing comes any more */
    bool final;     /* and what there is belongs to no epoch */
    bool whole;     /* the one transaction of a run is done */
    uint64_t moved; /* grows with everything that goes forward */
};

/* pl__pg_session_close follows after failure too. Options, node, queue, settled and user have been set. */
enum pl_code pl__pg_session_open(struct pl__pg_session *session, struct pl_error **error);
void pl__pg_session_close(struct pl__pg_session *session);

void pl__pg_session_go_on(struct pl__pg_session *session);      /* there may be something to write */
bool pl__pg_session_done(const struct pl__pg_session *session); /* `ending`, and all has been written */

/* The node has failed: pl__pg_session_over(session, pl_fail(...)). Gives that back. */
enum pl_flow pl__pg_session_over(struct pl__pg_session *session, enum pl_flow flow);

#endif
