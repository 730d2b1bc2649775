/* sink.csv: rows as lines of text, to a file, a pipe or standard output.
 *
 *     process --> writer --> outlet --> descriptor
 *
 * What one turn of the loop brings leaves in one write at its end, or as soon as there is much of it. A pipe that takes
 * no more makes the node busy; the batch at hand waits where it stands.
 */
#include "csv.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "outlet.h"
#include "output.h"
#include "turn.h"
#include "watch.h"
#include "writer.h"

enum { BUFFER = 256 << 10, MUCH = 128 << 10 };

struct sink {
    const char *path;
    uint32_t mode;
    struct pl_writing writing;

    struct pl_node *node;
    struct pl_output output;
    struct pl_outlet outlet;
    struct pl_writer writer;
    struct pl_watch *watch; /* NULL: a file, which always takes bytes */
    struct pl_turn *turn;
    struct pl_batch *batch; /* at hand; NULL: none */
    uint32_t row;           /* of it, the next one */
    uint64_t offset;        /* of the file where this run's first byte went */
    bool stopping;
    bool failed;
};

/* ---- Failing ---- */

static enum pl_flow fail(struct sink *s, struct pl_error **error) {
    char *text = pl_error_text(*error);
    pl_error_free(error);
    s->failed = true;
    enum pl_flow flow = pl_fail(s->node, "%s", text ? text : "no memory");
    pl_free(text);
    pl_busy(s->node, false); /* so that the failure is seen */
    return flow;
}

static enum pl_flow fail_write(struct sink *s) {
    struct pl_error *error = NULL;
    pl_error_set(&error, PL_IO, "%s: %s, after %" PRIu64 " bytes", s->output.path, strerror(s->outlet.error),
                 s->offset + s->outlet.written);
    return fail(s, &error);
}

static enum pl_flow fail_memory(struct sink *s) {
    s->failed = true;
    return pl_fail(s->node, "no memory for a line of text");
}

/* ---- Writing ---- */

/* Gives the descriptor what waits. WAIT: it is being watched. */
static enum pl_outlet_state flush(struct sink *s) {
    enum pl_outlet_state state = pl_outlet_flush(&s->outlet);
    if (state == PL_OUTLET_WAIT && s->watch) pl_watch_for(s->watch, PL_WATCH_WRITE);
    return state;
}

/* The batch's rows into the outlet, as far as it takes them. */
static enum pl_flow write_rows(struct sink *s) {
    while (s->row < s->batch->rows) {
        size_t least = pl_writer_room(&s->writer, s->batch, s->row);
        if (!pl_outlet_space(&s->outlet, least)) {
            enum pl_outlet_state state = flush(s);
            if (state == PL_OUTLET_BROKEN) return fail_write(s);
            if (state == PL_OUTLET_WAIT) return PL_FLOW_WAIT;
            if (!pl_outlet_space(&s->outlet, least)) return fail_memory(s);
        }
        size_t room;
        char *text = pl_outlet_rest(&s->outlet, &room);
        pl_outlet_put(&s->outlet, pl_writer_rows(&s->writer, s->batch, &s->row, text, room));
        if (s->writer.failed) return fail_memory(s);
    }
    pl_batch_unref(s->batch);
    s->batch = NULL;
    return PL_FLOW_OK;
}

/* Everything that can be done now: the batch at hand, then what waits, then the end. */
static enum pl_flow go_on(struct sink *s) {
    enum pl_flow flow = s->batch ? write_rows(s) : PL_FLOW_OK;
    if (flow == PL_FLOW_FAIL) return flow;
    bool now = s->stopping || flow == PL_FLOW_WAIT || pl_outlet_waiting(&s->outlet) >= MUCH;
    enum pl_outlet_state state = now ? flush(s) : PL_OUTLET_WAIT;
    if (state == PL_OUTLET_BROKEN) return fail_write(s);
    if (!now) pl_turn_ask(s->turn);
    pl_busy(s->node, s->batch || (s->stopping && state == PL_OUTLET_WAIT));
    return PL_FLOW_OK;
}

static void finish(struct sink *s) {
    struct pl_error *error = NULL;
    if (s->stopping && !s->failed && !s->batch && !pl_outlet_waiting(&s->outlet) &&
        pl_output_finish(&s->output, &error)) {
        fail(s, &error);
    }
}

static void on_turn(void *user) {
    struct sink *s = user;
    if (!s->failed && flush(s) == PL_OUTLET_BROKEN) fail_write(s);
}

static void on_writable(void *user) {
    struct sink *s = user;
    if (!s->failed && go_on(s) == PL_FLOW_OK) finish(s);
}

/* The first output of this run: empties the file, writes the header. */
static enum pl_flow begin(struct sink *s) {
    struct pl_error *error = NULL;
    if (s->output.begun) return PL_FLOW_OK;
    if (pl_output_begin(&s->output, &s->offset, &error)) return fail(s, &error);
    if (!s->writing.header || s->offset > 0) return PL_FLOW_OK;
    char *at = pl_outlet_space(&s->outlet, pl_writer_header_room(&s->writer));
    if (!at) return fail_memory(s);
    pl_outlet_put(&s->outlet, (size_t)(pl_writer_header(&s->writer, at) - at));
    return PL_FLOW_OK;
}

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct sink *s = self;
    (void)node;
    (void)input;
    if (s->failed || begin(s) == PL_FLOW_FAIL) {
        pl_batch_unref(batch);
        return PL_FLOW_FAIL;
    }
    s->batch = batch;
    s->row = 0;
    return go_on(s);
}

static void sink_stop(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    s->stopping = true;
    if (!s->failed && begin(s) == PL_FLOW_OK && go_on(s) == PL_FLOW_OK) finish(s);
}

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    struct sink *s = self;
    pl_writing_check(&s->writing, check);
    if (!s->path[0]) pl_check_error(check, "path", "names no file");
    if (strcmp(s->path, "-") == 0 && s->mode != PL_OUTPUT_TRUNCATE) {
        pl_check_error(check, "mode", "standard output is written on where it stands");
    }
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    s->node = node;
    s->output.fd = -1;
    enum pl_code code = pl_writer_init(&s->writer, pl_node_kind(node), &s->writing, pl_node_tags(node), error);
    if (!code) code = pl_output_open(&s->output, s->path, (enum pl_output_mode)s->mode, error);
    if (code) return code;
    if (!pl_outlet_init(&s->outlet, BUFFER))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a buffer of %d bytes", BUFFER);
    s->outlet.fd = s->output.fd;
    s->turn = pl_turn_new(pl_node_loop(node), on_turn, s);
    if (!s->turn) return pl_error_set(error, PL_NO_MEMORY, "no memory for a handle");
    if (s->output.regular) return PL_OK;
    s->watch = pl_watch_new(pl_node_loop(node), s->output.fd, on_writable, s);
    return PL_OK; /* what cannot be watched (/dev/null) never makes anybody wait */
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    pl_batch_unref(s->batch);
    s->batch = NULL;
    pl_watch_free(s->watch);
    pl_turn_free(s->turn);
    pl_outlet_fini(&s->outlet);
    pl_output_close(&s->output);
    pl_writer_fini(&s->writer);
}

/* ---- State: how far the file is written ---- */

static void sink_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    struct sink *s = (struct sink *)(uintptr_t)self; /* what waits has to be in the file that the state speaks of */
    (void)node;
    if (!s->failed && begin(s) == PL_FLOW_OK && flush(s) == PL_OUTLET_BROKEN) fail_write(s);
    pl_pack_uint(pack, s->offset + s->outlet.written);
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    struct sink *s = self;
    (void)node;
    if (!pl_unpack_uint(unpack, &s->offset)) return pl_error_set(error, PL_CORRUPT, "not a place in a file");
    return pl_output_resume(&s->output, s->offset, error);
}

/* ---- Descriptor ---- */

static const char *const modes[] = {"truncate", "append", "atomic", NULL};

static const struct pl_option sink_options[] = {
    PL_OPT_PATH(struct sink, path, "path", NULL, PL_FIXED, "File, named pipe, or - for standard output."),
    PL_OPT_CHOICE(struct sink, mode, "mode", "truncate", modes, PL_FIXED,
                  "What becomes of a file that is there: emptied, written on, or replaced when the new one is complete "
                  "(which is called PATH.part until then)."),
    PL_WRITING_OPTIONS(struct sink, writing),
    PL_OPT_END,
};

const struct pl_operator pl__sink_csv = {
    PL_OPERATOR("sink.csv", "Writes rows as delimited text to a file, a pipe or standard output."),
    .doc =
        "A row is a line. Lines leave at the end of the turn that brought them, many of them in one write, so nothing "
        "waits "
        "while the stream is quiet. Missing numbers are empty fields. A pipe whose reader is slow makes the node busy; "
        "the edge's on_full says what happens then. A write that fails (a full disk) stops the node and says so.",
    .guarantee = "What is written survives the death of the process, and power loss only with mode: atomic, at its "
                 "end. Rows that "
                 "come again after a restart are written again.",
    .inputs = PL_PORTS({.name = "in", .kinds = PL_WRITER_KINDS, .doc = "The rows."}),
    .options = sink_options,
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .stop = sink_stop,
    .close = sink_close,
};
