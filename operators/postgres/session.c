#include "session.h"

#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { CHUNK = 64 << 10, CHUNKS_A_TURN = 16, MISMATCHES_MAX = 3, TEXT_KEPT = 1 << 20 };

/* ---- Failing ---- */

static void settle(struct pl__pg_session *s) {
    s->settled(s->user);
}

static void forget_answer(struct pl__pg_session *s) {
    PQclear(s->result);
    s->result = NULL;
    s->affected = -1;
    pl_free(s->refusal);
    s->refusal = NULL;
    s->sqlstate[0] = 0;
}

static void close_link(struct pl__pg_session *s) {
    forget_answer(s);
    pl__pg_link_free(s->link);
    s->link = NULL;
    s->step = PL__PG_AWAY;
}

enum pl_flow pl__pg_session_over(struct pl__pg_session *s, enum pl_flow flow) {
    s->failed = true;
    close_link(s);
    settle(s);
    return flow;
}

/* The server's state or load, which changes by itself: connections, resources, locks, a shutdown, a standby. */
static bool passes_by(const char *sqlstate) {
    static const char *const classes[] = {"08", "40", "53", "55", "57", "58", "XX", "25006"};
    for (size_t i = 0; i < PL_COUNT_OF(classes); i++)
        if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0) return true;
    return false;
}

static void refused(struct pl__pg_session *s) {
    char why[600];
    snprintf(why, sizeof why, "%s (SQLSTATE %s)", s->refusal, s->sqlstate[0] ? s->sqlstate : "none");
    if (passes_by(s->sqlstate)) {
        pl__pg_link_drop(s->link, why);
        return;
    }
    pl_count(s->node, PL__PG_REFUSALS, 1);
    if (!s->proven) {
        pl__pg_session_over(s, pl_fail(s->node, "the server refuses: %s", why));
        return;
    }
    pl_node_diag(s->node, PL_ERROR, "the server refuses, and rows wait until it does not: %s", why);
    pl__pg_link_drop(s->link, why);
}

static void no_memory(struct pl__pg_session *s) {
    pl__pg_session_over(s, pl_fail(s->node, "no memory to talk to the server"));
}

/* ---- Asking ---- */

/* Sends what waits, and waits for what comes. False: the connection is gone. */
static bool push_out(struct pl__pg_session *s) {
    PGconn *conn = pl__pg_link_conn(s->link);
    int left = PQflush(conn);
    if (left < 0) {
        pl__pg_link_drop(s->link, PQerrorMessage(conn));
        return false;
    }
    pl__pg_link_watch(s->link, left > 0);
    return pl__pg_link_conn(s->link) != NULL;
}

/* Takes the statement. */
static void ask(struct pl__pg_session *s, enum pl__pg_step step, char *statement) {
    PGconn *conn = pl__pg_link_conn(s->link);
    forget_answer(s);
    s->step = step;
    if (!statement) {
        no_memory(s);
        return;
    }
    pl__pg_link_expect(s->link, s->options->timeout);
    bool sent = PQsendQuery(conn, statement);
    pl_free(statement);
    if (sent)
        push_out(s);
    else
        pl__pg_link_drop(s->link, PQerrorMessage(conn));
}

/* ---- The place in potline_offsets ---- */

static void on_read(struct pl__pg_session *s);

static void look(struct pl__pg_session *s) {
    ask(s, PL__PG_LOOK, pl_strdup(s->sql.look));
}

static bool is_true(const PGresult *result, int column) {
    return PQnfields(result) > column && strcmp(PQgetvalue(result, 0, column), "t") == 0;
}

static void on_look(struct pl__pg_session *s) {
    if (!s->result || PQntuples(s->result) != 1) {
        pl__pg_link_drop(s->link, "it does not say which tables there are");
        return;
    }
    bool offsets = is_true(s->result, 0), table = is_true(s->result, 1);
    if (offsets && table) {
        ask(s, PL__PG_CLAIM, pl__pg_sql_claim(&s->sql, s->stream));
    } else if (s->options->create) {
        ask(s, PL__PG_MAKE, pl__pg_sql_make(&s->sql, !offsets, !table));
    } else {
        pl_free(s->refusal);
        s->refusal = pl_strdup(offsets ? "the table is not there, and create is false"
                                       : "potline_offsets (offsets) is not there, and create is false");
        if (s->refusal)
            refused(s);
        else
            no_memory(s);
    }
}

static void conflict(struct pl__pg_session *s, const char *what) {
    pl__pg_session_over(s, pl_fail(s->node, "%s, job %s: %s", s->sql.offsets, s->options->job, what));
}

/* Rows that are there already are no more to be written. Until something of this run has been written, what is ahead of
 * the state is from an earlier one. Then it is ours. */
static void resume(struct pl__pg_session *s) {
    const struct pl_held *queue = s->queue;
    if (pl__pg_place_kept(&s->place)) s->proven = true;
    uint64_t known = s->proven ? queue->taken : s->restored;
    char text[200];
    pl__pg_place_sort(&s->place, known);
    if (s->place.written < queue->first || s->place.written > known) {
        snprintf(text, sizeof text,
                 "says that %" PRIu64 " rows of this stream are there, and the state here goes from %" PRIu64
                 " to %" PRIu64 ": one of them is older than the other",
                 s->place.written, queue->first, known);
        conflict(s, text);
        return;
    }
    pl_count(s->node, PL__PG_REPEATS, s->place.written - queue->first);
    pl_held_drop(s->queue, s->place.written);
    s->step = PL__PG_IDLE;
    pl__pg_link_expect(s->link, 0);
    if (s->lost) pl_node_diag(s->node, PL_INFO, "the server is there again");
    s->lost = false;
    s->moved++;
    pl__pg_link_watch(s->link, false);
    if (!pl__pg_link_conn(s->link)) return;
    settle(s);
    pl__pg_session_go_on(s);
}

static void on_read(struct pl__pg_session *s) {
    const PGresult *r = s->result;
    if (!r || PQntuples(r) != 1 || PQnfields(r) != 3) {
        conflict(s, "holds no row, or several: it is no table of ours");
        return;
    }
    bool mine = strcmp(PQgetvalue(r, 0, 0), s->stream) == 0;
    if (!mine && !pl_may_act(s->node)) {
        pl__pg_link_drop(s->link, "another engine has its partition now"); /* whose place it may be */
        return;
    }
    if (!mine && s->fresh && !s->proven) {
        ask(s, PL__PG_TAKE_OVER, pl__pg_sql_take_over(&s->sql, s->stream, s->options->mode == PL__PG_REPLACE));
        return;
    }
    if (!mine) {
        conflict(s, "another stream has taken this place: give each engine its own `job`; or start afresh: --reset");
        return;
    }
    if (pl__pg_place_read(&s->place, PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2))) /* NULL is "" */
        resume(s);
    else
        conflict(s, "expected a number in position, and XID:ROWS in ahead");
}

/* ---- A transaction ---- */

static bool replaces(const struct pl__pg_session *s) {
    return s->options->mode == PL__PG_REPLACE;
}

/* Rows in front of this one may be written now, whether their epoch is safe or not. */
static uint64_t may_write(const struct pl__pg_session *s) {
    const struct pl_held *queue = s->queue;
    if (s->final || queue->bytes >= s->options->hold) return queue->taken;
    return s->early < queue->taken ? s->early : queue->taken;
}

/* What the next one brings; false: nothing is to be done now. */
static bool choose(struct pl__pg_session *s) {
    const struct pl_held *queue = s->queue;
    uint64_t written = s->place.written;
    if (s->whole || !s->known) return false;
    s->open_ended = replaces(s);
    s->is_ahead = s->open_ended || queue->sealed <= written;
    if (s->open_ended) return queue->taken > queue->first || s->ending;
    uint64_t until = s->is_ahead ? may_write(s) : queue->sealed, most = written + (uint64_t)s->options->rows;
    if (until < written) until = written;
    s->until = until < most ? until : most;
    return s->until > written || (s->final && s->place.undo_count);
}

void pl__pg_session_go_on(struct pl__pg_session *s) {
    if (s->step == PL__PG_IDLE && choose(s)) {
        s->next = s->place.written;
        ask(s, PL__PG_BEGIN, pl__pg_sql_begin(&s->sql, s->stream, s->place.position));
    } else if (s->step == PL__PG_SEND && s->open_ended) {
        pl__pg_link_watch(s->link, true);
    }
}

/* The place may have moved since it was read: by a transaction that was under way when the connection broke. */
static void on_begin(struct pl__pg_session *s) {
    if (!s->result || PQntuples(s->result) != 1) {
        if (++s->mismatches < MISMATCHES_MAX)
            pl__pg_link_drop(s->link, "its place in potline_offsets has moved");
        else
            conflict(s, "moves while it is ours: another engine writes the same `job`");
        return;
    }
    const char *xid = PQgetvalue(s->result, 0, 0);
    int64_t value;
    if (!pl_text_int(xid, strlen(xid), &value)) {
        conflict(s, "gives no number of a transaction");
        return;
    }
    s->xid = (uint64_t)value;
    if (s->is_ahead && pl__pg_place_full(&s->place, s->queue->sealed))
        conflict(s, "too much was written ahead of a checkpoint: set `checkpoint` shorter, or `hold` larger");
    else if (s->place.undo_count)
        ask(s, PL__PG_DELETE, pl__pg_sql_delete(&s->sql, &s->place));
    else
        ask(s, PL__PG_COPY, pl_strdup(s->sql.copy));
}

static void on_delete(struct pl__pg_session *s) {
    uint64_t expected = pl__pg_place_undo_rows(&s->place);
    char text[240];
    if (s->affected >= 0 && (uint64_t)s->affected == expected) {
        ask(s, PL__PG_COPY, pl_strdup(s->sql.copy));
        return;
    }
    snprintf(text, sizeof text,
             "of %" PRIu64 " rows that were written to %.100s ahead of a checkpoint, and are to be taken back, %" PRId64
             " are there as they were",
             expected, s->sql.table, s->affected);
    conflict(s, text);
}

/* A piece of the copy's text; false without memory. */
static bool make_chunk(struct pl__pg_session *s, uint64_t until) {
    s->text.size = 0;
    while (s->next < until && s->text.size < CHUNK) {
        uint32_t row;
        const struct pl_batch *batch = pl_held_at(s->queue, s->next, &row);
        if (!batch || !pl__pg_row_put(&s->text, &s->shape, pl_node_tags(s->node), batch, row)) return false;
        s->next++;
    }
    return true;
}

/* One huge row does not keep its memory. */
static void trim_text(struct pl__pg_session *s) {
    if (s->text.room <= TEXT_KEPT) return;
    pl_free(s->text.bytes);
    s->text = (struct pl__pg_text){0};
}

static void end_copy(struct pl__pg_session *s) {
    PGconn *conn = pl__pg_link_conn(s->link);
    s->step = PL__PG_SENT;
    if (PQputCopyEnd(conn, NULL) == 1)
        push_out(s);
    else
        pl__pg_link_drop(s->link, PQerrorMessage(conn));
}

/* As much as the socket takes, and not for long. What is handed over of a transaction that nobody will do again is no
 * more needed here. */
static void send_rows(struct pl__pg_session *s) {
    PGconn *conn = pl__pg_link_conn(s->link);
    for (unsigned i = 0; i < CHUNKS_A_TURN; i++) {
        int left = PQflush(conn);
        uint64_t until = s->open_ended ? s->queue->taken : s->until;
        if (left < 0) {
            pl__pg_link_drop(s->link, PQerrorMessage(conn));
            return;
        }
        if (left > 0) break;
        if (s->next == until && s->open_ended && !s->ending) {
            pl__pg_link_expect(s->link, 0);
            pl__pg_link_watch(s->link, false);
            return;
        }
        if (s->next == until) {
            end_copy(s);
            return;
        }
        if (!make_chunk(s, until)) {
            no_memory(s);
            return;
        }
        if (PQputCopyData(conn, s->text.bytes, (int)s->text.size) != 1) {
            pl__pg_link_drop(s->link, PQerrorMessage(conn));
            return;
        }
        trim_text(s);
        s->moved++;
        pl__pg_link_expect(s->link, s->options->timeout);
        if (!s->open_ended) continue;
        pl_held_drop(s->queue, s->next);
        settle(s);
    }
    pl__pg_link_watch(s->link, true);
}

/* If this fails the place is read again before anything else is done with it. */
static void commit(struct pl__pg_session *s) {
    pl__pg_place_advance(&s->place, s->queue->sealed, s->next, s->is_ahead, s->xid);
    ask(s, PL__PG_COMMIT, pl__pg_sql_commit(&s->sql, &s->place));
}

static void on_commit(struct pl__pg_session *s) {
    pl_count(s->node, PL__PG_ROWS, s->next - s->place.written);
    pl_count(s->node, PL__PG_TRANSACTIONS, 1);
    pl_count(s->node, PL__PG_UNDONE, pl__pg_place_undo_rows(&s->place));
    pl__pg_place_arrive(&s->place, s->next);
    pl_held_drop(s->queue, s->next);
    s->whole = s->open_ended;
    s->proven = true;
    s->mismatches = 0;
    s->moved++;
    s->step = PL__PG_IDLE;
    pl__pg_link_well(s->link);
    pl__pg_link_expect(s->link, 0);
    settle(s);
    if (s->step == PL__PG_IDLE) pl__pg_session_go_on(s);
    if (s->step == PL__PG_IDLE) pl__pg_link_watch(s->link, false);
}

/* Of the end of the data it is to be known what an earlier one has left. */
bool pl__pg_session_done(const struct pl__pg_session *s) {
    if (replaces(s)) return s->whole;
    bool known = s->step >= PL__PG_IDLE && !s->place.undo_count;
    return s->queue->first == s->queue->taken && (!s->final || known);
}

/* ---- Answers ---- */

static void on_answer(struct pl__pg_session *s) {
    if (s->refusal) {
        refused(s);
        return;
    }
    switch (s->step) {
    case PL__PG_LOOK: on_look(s); break;
    case PL__PG_MAKE: ask(s, PL__PG_CLAIM, pl__pg_sql_claim(&s->sql, s->stream)); break;
    case PL__PG_CLAIM:
    case PL__PG_TAKE_OVER: ask(s, PL__PG_READ, pl__pg_sql_read(&s->sql)); break;
    case PL__PG_READ: on_read(s); break;
    case PL__PG_BEGIN: on_begin(s); break;
    case PL__PG_DELETE: on_delete(s); break;
    case PL__PG_SENT: commit(s); break;
    case PL__PG_COMMIT: on_commit(s); break;
    case PL__PG_AWAY:
    case PL__PG_IDLE:
    case PL__PG_COPY:
    case PL__PG_SEND: break;
    }
}

/* Of several statements the first refusal counts, and the rows of the last that gives some. */
static void keep_result(struct pl__pg_session *s, PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE), *rows;
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        PQclear(s->result);
        s->result = result;
        return;
    case PGRES_COMMAND_OK:
        rows = PQcmdTuples(result);
        if (!pl_text_int(rows, strlen(rows), &s->affected)) s->affected = -1;
        break;
    case PGRES_COPY_IN: s->step = PL__PG_SEND; break;
    default:
        if (s->refusal) break;
        s->refusal = pl_strdup(PQresultErrorMessage(result)[0] ? PQresultErrorMessage(result) : "no reason given");
        snprintf(s->sqlstate, sizeof s->sqlstate, "%s", state ? state : "");
        if (s->refusal)
            pl__pg_one_line(s->refusal);
        else
            no_memory(s);
    }
    PQclear(result);
}

/* What is said may be the node's end, or the connection's. */
static void take_results(struct pl__pg_session *s) {
    while (pl__pg_link_conn(s->link) && s->step != PL__PG_IDLE && s->step != PL__PG_SEND) {
        PGconn *conn = pl__pg_link_conn(s->link);
        if (PQisBusy(conn)) {
            push_out(s);
            return;
        }
        PGresult *result = PQgetResult(conn);
        if (result)
            keep_result(s, result);
        else
            on_answer(s);
    }
    if (pl__pg_link_conn(s->link) && s->step == PL__PG_SEND) send_rows(s);
}

static void on_ready(void *user) {
    struct pl__pg_session *s = user;
    PGconn *conn = pl__pg_link_conn(s->link);
    if (!PQconsumeInput(conn) || PQstatus(conn) == CONNECTION_BAD)
        pl__pg_link_drop(s->link, PQerrorMessage(conn));
    else if (s->step == PL__PG_IDLE)
        pl__pg_link_watch(s->link, false); /* notices */
    else
        take_results(s);
}

static void on_up(void *user) {
    struct pl__pg_session *s = user;
    pl_count(s->node, PL__PG_CONNECTIONS, 1);
    look(s);
}

/* Of rows that are one transaction there is nothing to go back to. */
static void on_down(void *user, const char *why) {
    struct pl__pg_session *s = user;
    s->step = PL__PG_AWAY;
    forget_answer(s);
    if (replaces(s) && !s->whole) {
        pl__pg_session_over(
            s, pl_fail(s->node, "no connection, and all rows of a run are one transaction, so nothing is written: %s",
                       why));
        return;
    }
    if (!s->lost) pl_node_diag(s->node, PL_WARN, "the server is away, and rows wait: %s", why);
    if (s->lost) pl_node_diag(s->node, PL_DEBUG, "the server is still away: %s", why);
    s->lost = true;
}

/* ---- Life ---- */

static enum pl_code name_stream(struct pl__pg_session *s, struct pl_error **error) {
    unsigned char bytes[16];
    if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL))
        return pl_error_set(error, PL_UNAVAILABLE, "no random bytes for the name of a stream");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(s->stream + 2 * i, 3, "%02x", bytes[i]);
    s->fresh = true;
    return PL_OK;
}

enum pl_code pl__pg_session_open(struct pl__pg_session *s, struct pl_error **error) {
    const struct pl__pg_link_options options = {.connect_timeout = s->options->connect_timeout,
                                                .retry = s->options->retry};
    const struct pl__pg_events events = {.up = on_up, .ready = on_ready, .down = on_down, .user = s};
    s->affected = -1;
    if (!pl__pg_place_init(&s->place)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a place");
    enum pl_code code = name_stream(s, error);
    if (!code) code = pl__pg_shape_init(&s->shape, s->options, pl_node_kind(s->node), error);
    if (!code)
        code =
            pl__pg_sql_init(&s->sql, s->options, &s->shape, pl_node_name(s->node), pl_node_partition(s->node), error);
    if (!code) code = pl__pg_address_new(s->options->url, &s->address, error);
    if (!code) code = pl__pg_link_new(pl_node_loop(s->node), s->address, &options, &events, &s->link, error);
    if (!code) pl__pg_link_open(s->link);
    return code;
}

void pl__pg_session_close(struct pl__pg_session *s) {
    close_link(s);
    pl__pg_address_free(s->address);
    s->address = NULL;
    pl__pg_sql_fini(&s->sql);
    pl__pg_place_fini(&s->place);
    pl_free(s->text.bytes);
    s->text = (struct pl__pg_text){0};
}
