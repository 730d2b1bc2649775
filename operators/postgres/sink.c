/* sink.postgres: rows into a table of PostgreSQL, each of them once.
 *
 * An epoch's rows are part of the state until they are written, and are written when the epoch is safe: what comes
 * behind the last epoch may come differently after a death, and then must not be there. Each transaction moves the
 * position in potline_offsets, which says after any failure, also in the middle of a COMMIT, what is there.
 *
 * Where that would take too long (no checkpoint comes for `ahead`, more than `hold` waits, or the data has ended, whose
 * rows belong to no epoch: another run goes on in front of the end, and closes its windows later) rows are written
 * ahead of their epoch, and the transactions are listed. A run whose state does not know them takes them back with its
 * first one.
 */
#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/plugin.h>

#include "later.h"
#include "session.h"

enum { STATE_ITEMS = 1 + PL_HELD_ITEMS };

struct sink {
    struct pl__pg_options options;

    struct pl_node *node;
    struct pl_held queue;
    struct pl__pg_session session;
    struct pl_codec *codec;
    struct pl_later *gather; /* a transaction of what has come together; with epochs: ahead of them */
    bool gathering;
    uint64_t gathered;       /* the rows in front of this one, had come when that began */
    struct pl_later *linger; /* the end has to come */
    uint64_t moved;          /* of the session, when that was looked at last */
    bool opened;
    bool at_end; /* the watermark says that no more rows are to come */
};

/* ---- How much waits ---- */

static bool has_epochs(const struct sink *s) {
    return pl_node_epoch(s->node) != 0;
}

static void settle(void *user) {
    struct sink *s = user;
    bool ending = s->session.ending && !pl__pg_session_done(&s->session);
    pl_busy(s->node, !s->session.failed && (ending || s->queue.bytes >= s->options.hold));
}

static void write_now(struct sink *s) {
    if (!has_epochs(s)) pl_held_seal_all(&s->queue);
    pl__pg_session_go_on(&s->session);
}

static void gather(struct sink *s) {
    if (s->gathering) return;
    s->gathering = true;
    s->gathered = s->queue.taken;
    pl_later_in(s->gather, (uint64_t)((has_epochs(s) ? s->options.ahead : s->options.interval) / PL_MILLISECOND));
}

static void on_gathered(void *user) {
    struct sink *s = user;
    s->gathering = false;
    if (s->session.failed) return;
    s->session.early = s->gathered;
    if (s->queue.taken > s->gathered) gather(s);
    write_now(s);
}

/* Enough for a transaction, or as much as there may be; else it waits for its epoch, or a while for more. */
static bool is_much(const struct sink *s) {
    if (s->queue.bytes >= s->options.hold || s->options.mode == PL__PG_REPLACE) return true;
    return !has_epochs(s) && s->queue.taken - s->queue.first >= (uint64_t)s->options.rows;
}

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)node;
    (void)input;
    struct sink *s = self;
    if (s->session.failed) {
        pl_batch_unref(batch);
        return PL_FLOW_FAIL;
    }
    if (!pl_held_put(&s->queue, batch))
        return pl__pg_session_over(&s->session, pl_fail(s->node, "no memory for rows that wait"));
    if (is_much(s))
        write_now(s);
    else
        gather(s);
    settle(s);
    return s->session.failed ? PL_FLOW_FAIL : PL_FLOW_OK;
}

static void sink_commit(void *self, struct pl_node *node, uint64_t epoch) {
    (void)node;
    struct sink *s = self;
    if (s->session.failed) return;
    pl_held_seal(&s->queue, epoch);
    s->session.known = true;
    pl__pg_session_go_on(&s->session);
    settle(s);
}

/* ---- The end ---- */

static pl_time sink_watermark(void *self, struct pl_node *node, pl_time now) {
    (void)node;
    if (now == PL_TIME_MAX) ((struct sink *)self)->at_end = true;
    return now;
}

/* While it goes forward it may take as long as it takes. What is part of the state is written by the next run. */
static void linger_over(void *user) {
    struct sink *s = user;
    if (s->session.failed || pl__pg_session_done(&s->session)) return;
    if (s->moved != s->session.moved) {
        s->moved = s->session.moved;
        pl_later_in(s->linger, (uint64_t)(s->options.linger / PL_MILLISECOND));
        return;
    }
    uint64_t rows = s->queue.taken - s->queue.first;
    if (s->session.final || !has_epochs(s)) {
        pl__pg_session_over(
            &s->session,
            pl_fail(s->node, "%" PRIu64 " rows could not be written in time: the server is away or slow", rows));
        return;
    }
    pl_node_diag(s->node, PL_WARN, "%" PRIu64 " rows wait for the next run: the server is away or slow", rows);
    s->session.ending = false;
    settle(s);
}

static void sink_stop(void *self, struct pl_node *node) {
    (void)node;
    struct sink *s = self;
    if (s->session.ending || s->session.failed) return;
    s->session.ending = true;
    s->session.final = s->at_end && has_epochs(s);
    s->moved = s->session.moved;
    write_now(s);
    if (!s->session.failed && !pl__pg_session_done(&s->session))
        pl_later_in(s->linger, (uint64_t)(s->options.linger / PL_MILLISECOND));
    settle(s);
}

/* ---- State: [stream, base, first, [batch, ...]] ---- */

static void sink_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    struct sink *s = (struct sink *)(uintptr_t)self;
    struct pl_error *error = NULL;
    pl_pack_array(pack, STATE_ITEMS);
    pl_pack_str(pack, s->session.stream);
    if (pl_held_save(&s->queue, s->codec, pack, &error))
        pl__pg_session_over(&s->session,
                            pl_fail(s->node, "rows that wait cannot be saved: %s", error ? error->text : "no memory"));
    pl_error_free(&error);
    pl_held_mark(&s->queue, pl_node_epoch(node));
}

static bool is_stream(const char *text, size_t length) {
    return length > 0 && length <= PL__PG_STREAM_MAX && strspn(text, "0123456789abcdef") >= length;
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    struct sink *s = self;
    const char *stream;
    size_t length;
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || items != STATE_ITEMS || !pl_unpack_str(unpack, &stream, &length) ||
        !is_stream(stream, length))
        return pl_error_set(error, PL_CORRUPT, "not the state of a stream of rows");
    memcpy(s->session.stream, stream, length);
    s->session.stream[length] = 0;
    s->session.fresh = false;
    s->session.known = true;
    enum pl_code code = pl_held_load(&s->queue, s->codec, pl_node_kind(node), unpack, error);
    s->session.restored = s->queue.taken;
    return code;
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    struct sink *s = self;
    struct pl__pg_address *address = NULL;
    struct pl_error *error = NULL;
    if (!*s->options.url)
        pl_check_error(check, "url", "is empty; expected postgresql://USER@HOST/DATABASE");
    else if (pl__pg_address_new(s->options.url, &address, &error))
        pl_check_error(check, "url", "%s", error ? error->text : "no memory");
    pl__pg_address_free(address);
    pl_error_free(&error);
    if (!pl__pg_table_name(s->options.table)) pl_check_error(check, "table", "expected TABLE or SCHEMA.TABLE");
    if (!pl__pg_table_name(s->options.offsets)) pl_check_error(check, "offsets", "expected TABLE or SCHEMA.TABLE");
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    s->node = node;
    s->opened = true;
    s->session.options = &s->options;
    s->session.node = node;
    s->session.queue = &s->queue;
    s->session.known = !has_epochs(s);
    s->session.settled = settle;
    s->session.user = s;
    if (s->options.mode == PL__PG_REPLACE && has_epochs(s))
        return pl_error_set(error, PL_CONFLICT,
                            "mode: replace is for runs that begin with the first row each time: without a log");
    s->codec = pl_codec_new(pl_node_tags(node));
    s->gather = pl_later_new(pl_node_loop(node), on_gathered, s);
    s->linger = pl_later_new(pl_node_loop(node), linger_over, s);
    if (!s->codec || !s->gather || !s->linger)
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a stream of rows");
    return pl__pg_session_open(&s->session, error);
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    if (!s->opened) return;
    pl__pg_session_close(&s->session);
    pl_later_free(s->gather);
    pl_later_free(s->linger);
    pl_codec_free(s->codec);
    pl_held_fini(&s->queue);
}

/* ---- Descriptor ---- */

static const char *const time_names[] = {"timestamp", "ns", NULL};
static const char *const mode_names[] = {"append", "replace", NULL};

static const struct pl_option column_options[] = {
    PL_OPT_STRING(struct pl__pg_column, column, "column", NULL, PL_FIXED, "As the kind of rows calls it."),
    PL_OPT_STRING(struct pl__pg_column, as, "as", "", PL_FIXED, "As the table calls it; none: the same."),
    PL_OPT_END,
};

/* clang-format off */
static const struct pl_option sink_options[] = {
    PL_OPT_SECRET(struct sink, options.url, "url", NULL, PL_FIXED,
        "Whom to connect to, as libpq takes it: postgresql://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full, or host=... dbname=..."),
    PL_OPT_STRING(struct sink, options.table, "table", NULL, PL_FIXED, "TABLE or SCHEMA.TABLE; of the rows."),
    PL_OPT_BOOL(struct sink, options.create, "create", "false", PL_FIXED,
        "Make the tables that are not there: that of the rows with a column for each of theirs, and that of the offsets."),
    PL_OPT_LIST(struct sink, options.columns, "columns", "[]", struct pl__pg_column, column_options, PL_FIXED,
        "Only these, under these names; none: all of them."),
    PL_OPT_CHOICE(struct sink, options.times, "time", "timestamp", time_names, PL_FIXED,
        "timestamp: timestamptz, cut to microseconds; ns: whole nanoseconds since 1970 as bigint, in columns with _ns behind their names."),
    PL_OPT_STRING(struct sink, options.offsets, "offsets", "potline_offsets", PL_FIXED,
        "TABLE or SCHEMA.TABLE; which says how far each stream has come."),
    PL_OPT_STRING(struct sink, options.job, "job", "potline", PL_FIXED,
        "Whose stream it is, beside the node's name: two engines that share a database have different ones."),
    PL_OPT_CHOICE(struct sink, options.mode, "mode", "append", mode_names, PL_FIXED,
        "replace: the rows of a run are one transaction, and take the place of those of this job's run before; for runs without a log."),
    PL_OPT_INT(struct sink, options.rows, "rows", "100000", "1", "10000000", PL_FIXED, "Most rows in a transaction."),
    PL_OPT_DURATION(struct sink, options.interval, "interval", "1s", "0s", "1h", PL_FIXED,
        "Without a log: how long rows gather for a transaction. With one they are written when a checkpoint is safe."),
    PL_OPT_DURATION(struct sink, options.ahead, "ahead", "1m", "0s", "1d", PL_FIXED,
        "With a log: how long a row waits for its checkpoint before it is written ahead of it, and taken back by a scan of the table after a death."),
    PL_OPT_SIZE(struct sink, options.hold, "hold", "16MiB", "64KiB", "4GiB", PL_FIXED,
        "Rows that wait here until they are written, and are part of the state; more makes the node busy, and is written ahead of its checkpoint."),
    PL_OPT_DURATION(struct sink, options.connect_timeout, "connect_timeout", "10s", "100ms", "10m", PL_FIXED,
        "How long an attempt to connect may take."),
    PL_OPT_DURATION(struct sink, options.timeout, "timeout", "30s", "100ms", "1h", PL_FIXED,
        "How long the server may take to answer, or to take rows, before it is given up and connected to again."),
    PL_OPT_DURATION(struct sink, options.retry, "retry", "10s", "100ms", "10m", PL_FIXED,
        "Most that is waited between two attempts to connect; the first comes after 100 ms."),
    PL_OPT_DURATION(struct sink, options.linger, "linger", "5s", "0s", "10m", PL_FIXED,
        "How long the end may stand still while rows are still to be written."),
    PL_OPT_END,
};
/* clang-format on */

static const struct pl_operator sink_postgres = {
    PL_OPERATOR("sink.postgres", "Writes rows to a table of PostgreSQL, each of them once."),
    .doc =
        "Rows go through COPY, in transactions that also say in the table potline_offsets how far the stream has come. "
        "With a log they are written once the checkpoint behind them is safe, so they are there about `checkpoint` "
        "after they came. A missing number (NaN) is NULL.\n\nWhile the server is away rows wait: here up to `hold`, "
        "then in the node's backlog (on_full: spill). What the server refuses, such as a table that is not there or a "
        "type that does not fit, ends the node when nothing of the run has been written yet; later it is an error that "
        "is said and tried again, and the rows wait. None is left out.",
    .guarantee =
        "Exactly once, by offset in transaction, when the graph has a log: rows and their position are committed "
        "together, and after any death of engine, connection or server the position is read back. Rows are written "
        "when their checkpoint is safe; those that had to be written ahead of it, as at the end of the data, are taken "
        "back by a run that begins in front of them. Without a log: each row at most once, and rows that were not "
        "written when the engine died are gone.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET_ALL, .doc = "The rows, of one kind."}),
    .options = sink_options,
    .counters = PL_COUNTERS(
        {.name = "written", .unit = "rows", .doc = "Rows that have been committed."},
        {.name = "transactions", .unit = "transactions", .doc = "Transactions that have been committed."},
        {.name = "connections", .unit = "connections", .doc = "Connections that have been made."},
        {.name = "repeats", .unit = "rows", .doc = "Rows that turned out to be there already."},
        {.name = "undone", .unit = "rows", .doc = "Rows written ahead of a checkpoint that were taken back."},
        {.name = "refusals", .unit = "times", .doc = "Statements that the server refused for good."}),
    .scope = PL_GLOBAL,
    .flags = PL_OP_OUTSIDE | PL_OP_ANY_ORDER,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .watermark = sink_watermark,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .commit = sink_commit,
    .stop = sink_stop,
    .close = sink_close,
};

PL_PLUGIN(postgres, "1.0", &sink_postgres)
